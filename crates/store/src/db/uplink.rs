//! What is remembered of the line: how much left on each day and how fast, and the round trip to
//! each peer.
//!
//! Neither belongs to a lecture: after a rebuild of a lost database both begin anew, the budget
//! of the day with nothing spent and the routes with nothing known.

use rusqlite::params;

use super::Db;
use super::rows::{get_uint, int, uint};
use crate::error::DbError;

/// The most routes that are kept: the platforms of a room and what they redirect to.
const ROUTES_KEPT: u32 = 64;

/// What is known of the way to one peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteRow {
    /// The peer, as the uplink names it.
    pub peer: String,
    /// Round trip of the line when nobody else uses it, in microseconds.
    pub base_rtt_us: u64,
    /// When it was measured, in milliseconds since 1970.
    pub seen_unix_ms: i64,
}

impl Db {
    /// Adds what left on a day of the room's calendar, `YYYY-MM-DD`. One small COMMIT.
    ///
    /// # Errors
    /// The database failed, or the day is none: nothing was added.
    pub async fn spend(&self, day: String, bytes: u64) -> Result<(), DbError> {
        self.spend_over(day, bytes, 0).await
    }

    /// [`Db::spend`] of bytes that took a time to leave, in milliseconds: the pace of the line.
    ///
    /// # Errors
    /// The database failed, or the day is none: nothing was added.
    pub async fn spend_over(&self, day: String, bytes: u64, sending_ms: u64) -> Result<(), DbError> {
        self.call("note what was sent", move |ledger| {
            ledger
                .connection
                .prepare_cached(
                    "INSERT INTO uploads (day, bytes, sending_ms) VALUES (?1, ?2, ?3)
                     ON CONFLICT (day) DO UPDATE
                        SET bytes = bytes + excluded.bytes, sending_ms = sending_ms + excluded.sending_ms",
                )?
                .execute(params![day, int(bytes), int(sending_ms)])?;
            Ok(())
        })
        .await
    }

    /// Bytes that left on the last so many days on which a pace was noted, and the milliseconds
    /// that they took; nothing: (0, 0).
    ///
    /// # Errors
    /// The database failed.
    pub async fn pace(&self, days: u32) -> Result<(u64, u64), DbError> {
        self.call("read the pace of the line", move |ledger| {
            Ok(ledger
                .connection
                .prepare_cached(
                    "SELECT coalesce(sum(bytes), 0) AS bytes, coalesce(sum(sending_ms), 0) AS ms FROM
                        (SELECT * FROM uploads WHERE sending_ms > 0 ORDER BY day DESC LIMIT ?1)",
                )?
                .query_row([days], |row| Ok((get_uint(row, "bytes")?, get_uint(row, "ms")?)))?)
        })
        .await
    }

    /// Bytes that left from one day to another, both included.
    ///
    /// # Errors
    /// The database failed.
    pub async fn spent(&self, from_day: String, to_day: String) -> Result<u64, DbError> {
        self.call("sum up what was sent", move |ledger| {
            let sum: i64 = ledger
                .connection
                .prepare_cached("SELECT coalesce(sum(bytes), 0) FROM uploads WHERE day BETWEEN ?1 AND ?2")?
                .query_row(params![from_day, to_day], |row| row.get(0))?;
            Ok(uint(sum))
        })
        .await
    }

    /// The ways that are known, the last measured first.
    ///
    /// # Errors
    /// The database failed.
    pub async fn routes(&self) -> Result<Vec<RouteRow>, DbError> {
        self.call("read the routes", |ledger| {
            let mut statement = ledger
                .connection
                .prepare_cached("SELECT * FROM routes ORDER BY seen_unix_ms DESC, peer")?;
            let rows = statement.query_map([], |row| {
                Ok(RouteRow {
                    peer: row.get("peer")?,
                    base_rtt_us: get_uint(row, "base_rtt_us")?,
                    seen_unix_ms: row.get("seen_unix_ms")?,
                })
            })?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
        .await
    }

    /// Keeps these ways, over what was known of the same peers; 64 in all, the last measured. One
    /// COMMIT; keeping nothing costs nothing.
    ///
    /// # Errors
    /// The database failed: nothing was kept.
    pub async fn keep_routes(&self, routes: Vec<RouteRow>) -> Result<(), DbError> {
        if routes.is_empty() {
            return Ok(());
        }
        self.call("keep the routes", move |ledger| {
            let tx = ledger.connection.transaction()?;
            for route in &routes {
                tx.prepare_cached(
                    "INSERT INTO routes (peer, base_rtt_us, seen_unix_ms) VALUES (?1, ?2, ?3)
                     ON CONFLICT (peer) DO UPDATE
                        SET base_rtt_us = excluded.base_rtt_us, seen_unix_ms = excluded.seen_unix_ms",
                )?
                .execute(params![route.peer, int(route.base_rtt_us), route.seen_unix_ms])?;
            }
            tx.execute(
                "DELETE FROM routes WHERE peer NOT IN
                     (SELECT peer FROM routes ORDER BY seen_unix_ms DESC, peer LIMIT ?1)",
                [ROUTES_KEPT],
            )?;
            tx.commit()?;
            Ok(())
        })
        .await
    }
}
