//! What people see of the queue of deliveries, and how much is left of it. Which delivery is next
//! is in `due.rs`.
//!
//! A spool keeps every delivery that was ever done: each question here goes through an index that
//! holds open deliveries alone, or the last that were done.

use lectern_domain::api::{DeliveryView, Queue, QueueSummary, UploadStatus};
use lectern_domain::delivery::DeliveryState;
use lectern_domain::ids::{DeliveryId, LectureId, PlatformName};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::Db;
use super::ledger::Ledger;
use super::rows::{get_text, get_uint};
use crate::error::DbError;

/// How many of the last done deliveries the queue still shows.
const DONE_SHOWN: u32 = 20;

/// What one platform still lacks; deliveries that need a person are not counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backlog {
    /// The platform, as it was configured when the lectures were finished.
    pub platform: PlatformName,
    /// Lectures that it has not confirmed.
    pub lectures: u32,
    /// Bytes of the files that it has not confirmed; what it holds of a file that is not whole
    /// counts as missing.
    pub bytes: u64,
}

impl Db {
    /// What each platform still lacks, by name; a platform that lacks nothing is left out.
    ///
    /// # Errors
    /// The database failed.
    pub async fn backlog(&self) -> Result<Vec<Backlog>, DbError> {
        self.call("sum up what is left to send", |ledger| {
            let mut statement = ledger.connection.prepare_cached(
                "SELECT d.platform, count(DISTINCT d.id) AS lectures, coalesce(sum(f.size_bytes), 0) AS bytes
                 FROM deliveries d INDEXED BY deliveries_open
                 LEFT JOIN delivery_files df ON df.delivery = d.id AND df.phase <> 'confirmed'
                 LEFT JOIN files f ON f.lecture = d.lecture AND f.name = df.name
                 WHERE d.state NOT IN ('done', 'cancelled') AND d.state <> 'parked'
                 GROUP BY d.platform ORDER BY d.platform",
            )?;
            let left = statement.query_map([], |row| {
                Ok(Backlog {
                    platform: get_text(row, "platform")?,
                    lectures: row.get("lectures")?,
                    bytes: get_uint(row, "bytes")?,
                })
            })?;
            Ok(left.collect::<rusqlite::Result<_>>()?)
        })
        .await
    }

    /// Every delivery that is not over, oldest first, and the last that were done.
    ///
    /// # Errors
    /// The database failed.
    pub async fn queue(&self) -> Result<Queue, DbError> {
        self.call("list the queue", |ledger| {
            let mut open = views(
                ledger,
                "SELECT d.*, l.title FROM deliveries d INDEXED BY deliveries_open JOIN lectures l ON l.id = d.lecture
                 WHERE d.state NOT IN ('done', 'cancelled') ORDER BY d.queued_unix_ms, d.id LIMIT ?1",
                i64::MAX,
            )?;
            let done = views(
                ledger,
                "SELECT d.*, l.title FROM deliveries d INDEXED BY deliveries_done JOIN lectures l ON l.id = d.lecture
                 WHERE d.state = 'done' ORDER BY d.done_unix_ms DESC, d.id DESC LIMIT ?1",
                i64::from(DONE_SHOWN),
            )?;
            open.extend(done);
            Ok(Queue {
                deliveries: open,
                uploads: UploadStatus::default(),
            })
        })
        .await
    }

    /// The queue in numbers.
    ///
    /// # Errors
    /// The database failed.
    pub async fn queue_summary(&self) -> Result<QueueSummary, DbError> {
        self.call("sum up the queue", |ledger| {
            let mut summary = ledger.connection.query_row(
                "SELECT
                   (SELECT count(*) FROM deliveries INDEXED BY deliveries_open
                      WHERE state NOT IN ('done', 'cancelled') AND state <> 'parked') AS pending,
                   (SELECT count(DISTINCT lecture) FROM deliveries INDEXED BY deliveries_open
                      WHERE state NOT IN ('done', 'cancelled') AND state <> 'parked') AS pending_lectures,
                   (SELECT coalesce(sum(f.size_bytes), 0) FROM deliveries d INDEXED BY deliveries_open
                      JOIN delivery_files df ON df.delivery = d.id AND df.phase <> 'confirmed'
                      JOIN files f ON f.lecture = d.lecture AND f.name = df.name
                      WHERE d.state NOT IN ('done', 'cancelled') AND d.state <> 'parked') AS pending_bytes,
                   (SELECT count(*) FROM deliveries INDEXED BY deliveries_open
                      WHERE state NOT IN ('done', 'cancelled') AND state = 'parked') AS parked,
                   (SELECT count(*) FROM lectures WHERE state IN ('captured', 'finishing')) AS finishing",
                [],
                |row| {
                    Ok(QueueSummary {
                        pending: row.get("pending")?,
                        pending_lectures: row.get("pending_lectures")?,
                        pending_bytes: get_uint(row, "pending_bytes")?,
                        parked: row.get("parked")?,
                        active: None,
                        finishing: row.get("finishing")?,
                    })
                },
            )?;
            let active = views(
                ledger,
                "SELECT d.*, l.title FROM deliveries d INDEXED BY deliveries_open JOIN lectures l ON l.id = d.lecture
                 WHERE d.state NOT IN ('done', 'cancelled') AND d.state IN ('sending', 'verifying', 'reconciling')
                 ORDER BY d.state = 'reconciling', d.queued_unix_ms, d.id LIMIT ?1",
                1,
            )?;
            summary.active = active.into_iter().next();
            Ok(summary)
        })
        .await
    }
}

fn views(ledger: &Ledger, sql: &str, limit: i64) -> rusqlite::Result<Vec<DeliveryView>> {
    let mut statement = ledger.connection.prepare_cached(sql)?;
    let views = statement.query_map([limit], |row| view(ledger, row))?;
    views.collect()
}

/// The deliveries of one lecture, oldest first.
pub(super) fn of_lecture(ledger: &Ledger, lecture: LectureId) -> rusqlite::Result<Vec<DeliveryView>> {
    ledger
        .connection
        .prepare_cached(
            "SELECT d.*, l.title FROM deliveries d JOIN lectures l ON l.id = d.lecture
             WHERE d.lecture = ?1 ORDER BY d.id",
        )?
        .query_map([lecture.to_string()], |row| view(ledger, row))?
        .collect()
}

fn view(ledger: &Ledger, row: &Row<'_>) -> rusqlite::Result<DeliveryView> {
    let id = DeliveryId(row.get("id")?);
    let lecture: LectureId = get_text(row, "lecture")?;
    let state: DeliveryState = get_text(row, "state")?;
    let sums = sums(&ledger.connection, id, lecture)?.unwrap_or_default();
    Ok(DeliveryView {
        id,
        lecture,
        title: row.get("title")?,
        platform: get_text(row, "platform")?,
        state,
        sent_bytes: sums.confirmed_bytes,
        total_bytes: sums.total_bytes,
        attempts: row.get("attempts")?,
        next_unix_ms: row.get("next_unix_ms")?,
        message: row.get("message")?,
        done_unix_ms: row.get("done_unix_ms")?,
        locations: super::document::list(
            &ledger.connection,
            "SELECT location FROM delivery_files WHERE delivery = ?1 AND location IS NOT NULL ORDER BY place",
            id.0,
            |row| row.get(0),
        )?,
    })
}

#[derive(Default)]
struct Sums {
    total_bytes: u64,
    confirmed_bytes: u64,
}

fn sums(connection: &Connection, id: DeliveryId, lecture: LectureId) -> rusqlite::Result<Option<Sums>> {
    connection
        .prepare_cached(
            "SELECT coalesce(sum(f.size_bytes), 0) AS total,
                    coalesce(sum(CASE WHEN df.phase = 'confirmed' THEN f.size_bytes ELSE 0 END), 0) AS confirmed
             FROM delivery_files df JOIN files f ON f.lecture = ?2 AND f.name = df.name WHERE df.delivery = ?1",
        )?
        .query_row(params![id.0, lecture.to_string()], |row| {
            Ok(Sums { total_bytes: get_uint(row, "total")?, confirmed_bytes: get_uint(row, "confirmed")? })
        })
        .optional()
}
