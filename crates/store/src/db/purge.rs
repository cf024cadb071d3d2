//! Which lectures may be deleted here, and the two COMMITs around a deletion (P6).
//!
//! A lecture may go when every platform has confirmed every file that it was sent, with the size
//! and hash that the row has now, and no segment is suspect: the pictures of such a segment are
//! in no delivered file. The question is asked again inside the transaction that decides. What
//! stays for ever is the row, its receipts, and `lecture.json` in the lecture's folder.

use lectern_domain::ids::LectureId;
use lectern_domain::lecture::{LectureEvent, LectureState};
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::Db;
use super::document::Document;
use super::recording::{set_state, state_of};
use super::rows::{get_text, get_uint};
use crate::clock;
use crate::error::DbError;
use crate::removal::removals;

/// A lecture that may be deleted here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Purgeable {
    /// Which.
    pub lecture: LectureId,
    /// What its segments and finished files take on the disk.
    pub bytes: u64,
    /// When the last of its platforms confirmed it.
    pub delivered_unix_ms: i64,
    /// How long ago that was; 0 if the wall clock was set back since.
    pub kept_ms: u64,
}

/// What `l`, the lecture, must be like to be deleted.
const MAY_GO: &str = "
    l.state = 'delivered'
    AND EXISTS (SELECT 1 FROM deliveries d WHERE d.lecture = l.id)
    AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.lecture = l.id AND d.state <> 'done')
    AND NOT EXISTS (
        SELECT 1 FROM deliveries d JOIN delivery_files df ON df.delivery = d.id
        WHERE d.lecture = l.id AND NOT EXISTS (
            SELECT 1 FROM receipts r JOIN files f ON f.lecture = l.id AND f.name = r.name
            WHERE r.delivery = d.id AND r.name = df.name
              AND r.size_bytes = f.size_bytes AND r.sha256 = f.sha256))
    AND NOT EXISTS (SELECT 1 FROM segments s WHERE s.lecture = l.id AND s.state = 'suspect')";

impl Db {
    /// Lectures that may be deleted here, oldest delivery first. Whether one is to be deleted,
    /// and when, is the caller's business.
    ///
    /// # Errors
    /// The database failed.
    pub async fn purgeable(&self, now_unix_ms: i64) -> Result<Vec<Purgeable>, DbError> {
        self.call("look for what may be deleted", move |ledger| {
            Ok(purgeable(&ledger.connection, now_unix_ms)?)
        })
        .await
    }

    /// Deletes a lecture's segments and finished files; returns how many bytes they had. The row
    /// becomes `purged`. A crash in the middle is ended by the next start. Runs beside a
    /// recording: the files go a few at a time, between its chunks.
    ///
    /// # Errors
    /// [`DbError::Conflict`] when it may not go: nothing was deleted then. [`DbError::Spool`]
    /// when the disk refused: the rest goes at the next call or start.
    pub async fn purge(&self, lecture: LectureId) -> Result<u64, DbError> {
        let (bytes, removals) = self
            .call("decide to delete a lecture", move |ledger| {
                let bytes = ledger.change(lecture, |tx| decide(tx, lecture))?;
                let document = Document::load(&ledger.connection, ledger.uuid, lecture)?
                    .ok_or_else(|| DbError::no_lecture(lecture))?;
                Ok((bytes, removals(&document, &ledger.layout)))
            })
            .await?;
        for removal in removals {
            self.spool.remove(removal).await?;
        }
        self.call("end the deletion of a lecture", move |ledger| {
            ledger.change(lecture, |tx| settle(tx, lecture))
        })
        .await?;
        tracing::info!(%lecture, bytes, "a delivered lecture was deleted here");
        Ok(bytes)
    }
}

fn purgeable(connection: &Connection, now_unix_ms: i64) -> rusqlite::Result<Vec<Purgeable>> {
    let sql = format!(
        "SELECT l.id, (SELECT max(done_unix_ms) FROM deliveries d WHERE d.lecture = l.id) AS done
         FROM lectures l WHERE {MAY_GO} ORDER BY done, l.id"
    );
    connection
        .prepare_cached(&sql)?
        .query_map([], |row| {
            let lecture = get_text(row, "id")?;
            let delivered_unix_ms: i64 = row.get("done")?;
            Ok(Purgeable {
                lecture,
                bytes: bytes_of(connection, lecture)?,
                delivered_unix_ms,
                kept_ms: u64::try_from(now_unix_ms.saturating_sub(delivered_unix_ms)).unwrap_or(0),
            })
        })?
        .collect()
}

/// What a lecture takes on the disk. A lost segment takes nothing.
fn bytes_of(connection: &Connection, lecture: LectureId) -> rusqlite::Result<u64> {
    connection
        .prepare_cached(
            "SELECT (SELECT coalesce(sum(bytes), 0) FROM segments WHERE lecture = ?1 AND state <> 'lost')
                  + (SELECT coalesce(sum(size_bytes), 0) FROM files WHERE lecture = ?1) AS bytes",
        )?
        .query_row([lecture.to_string()], |row| get_uint(row, "bytes"))
}

/// The first COMMIT: from here on the deletion will be ended, whatever happens.
fn decide(tx: &Transaction<'_>, lecture: LectureId) -> Result<u64, DbError> {
    let id = lecture.to_string();
    let sql = format!("SELECT l.purge_unix_ms IS NOT NULL FROM lectures l WHERE l.id = ?1 AND {MAY_GO}");
    let decided: Option<bool> = tx.query_row(&sql, [&id], |row| row.get(0)).optional()?;
    let Some(decided) = decided else {
        let state = state_of(tx, lecture)?;
        return Err(DbError::Conflict(format!(
            "lecture {lecture} is {state} and must not be deleted: only what every platform has confirmed, \
             with size and hash, may go"
        )));
    };
    let bytes = bytes_of(tx, lecture)?;
    if !decided {
        tx.execute(
            "UPDATE lectures SET purge_unix_ms = ?2 WHERE id = ?1",
            params![id, clock::wall_unix_ms()],
        )?;
        tx.execute(
            "UPDATE segments SET state = 'garbage' WHERE lecture = ?1 AND state = 'closed'",
            [&id],
        )?;
    }
    Ok(bytes)
}

/// The second COMMIT, after the last file went and its folder was synced: rows of deleted
/// segments away, and the lecture is `purged` if that was decided.
pub(crate) fn settle(tx: &Transaction<'_>, lecture: LectureId) -> Result<(), DbError> {
    let id = lecture.to_string();
    tx.execute(
        "DELETE FROM segments WHERE lecture = ?1 AND state = 'garbage'",
        [&id],
    )?;
    let decided: bool = tx.query_row(
        "SELECT purge_unix_ms IS NOT NULL AND state <> 'purged' FROM lectures WHERE id = ?1",
        [&id],
        |row| row.get(0),
    )?;
    if decided {
        let from = state_of(tx, lecture)?;
        let (to, _) = from
            .step(LectureEvent::Purge)
            .map_err(|refused| DbError::Conflict(refused.to_string()))?;
        debug_assert_eq!(to, LectureState::Purged);
        set_state(tx, lecture, from, to, None)?;
        // What is no longer here is never compared again; receipts keep the hash of the whole.
        tx.execute("UPDATE files SET parts = x'' WHERE lecture = ?1", [&id])?;
    }
    Ok(())
}

/// Lectures whose deletion had begun and is not over, with what is left to delete.
pub(crate) fn half_made(connection: &Connection) -> rusqlite::Result<Vec<LectureId>> {
    connection
        .prepare(
            "SELECT id FROM lectures INDEXED BY lectures_at_hand WHERE shelved = 0
                AND ((purge_unix_ms IS NOT NULL AND state <> 'purged')
                     OR EXISTS (SELECT 1 FROM segments WHERE lecture = lectures.id AND state = 'garbage'))
             ORDER BY started_unix_ms, id",
        )?
        .query_map([], |row| get_text(row, "id"))?
        .collect()
}
