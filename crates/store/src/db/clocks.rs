//! Wall times put right, and the heartbeat of a run.
//!
//! Orders and lengths never depend on the wall clock; what people read does. A run keeps the
//! monotonic time of its beginning and the boot that this belongs to, so its wall time can be
//! computed anew as soon as the clock is right, for as long as that boot lasts.

use std::sync::Arc;

use lectern_domain::ids::{LectureId, RunId};
use rusqlite::{Connection, Transaction, params};

use super::Db;
use super::document::list;
use super::ledger::Ledger;
use super::rows::{get_text, int};
use super::run::RunClock;
use crate::error::DbError;

/// A smaller difference is none.
const STEP_MS: i64 = 1_000;

/// How many of the last runs are asked for the latest moment: a room records one at a time, so
/// one that began before so many others ended before them too.
const RUNS_ASKED: u32 = 8;

impl Db {
    /// Notes that the daemon was alive with the run open at `seen_ns` of its time; an earlier
    /// moment than the last changes nothing. One small COMMIT; `lecture.json` is left alone.
    ///
    /// # Errors
    /// [`DbError::NotFound`] for an unknown run.
    pub async fn beat(&self, run: RunId, seen_ns: u64) -> Result<(), DbError> {
        self.call("note a sign of life", move |ledger| {
            beat(&ledger.connection, run, seen_ns)
        })
        .await
    }

    /// The kernel's id of this boot, as runs and [`crate::Recovery`] name it.
    #[must_use]
    pub fn boot_id(&self) -> Arc<str> {
        Arc::clone(&self.boot_id)
    }

    /// Sets the wall times of every run of a boot anew: its monotonic base plus
    /// `wall_minus_mono_ms`, the present difference of the wall clock and `CLOCK_MONOTONIC`.
    /// A lecture that began in that boot moves with its first run, its planned end too; folders
    /// keep their names. Each lecture is one transaction. Returns the lectures that changed.
    ///
    /// # Errors
    /// The database failed; lectures that are not among the changed keep their times.
    pub async fn correct_clock(
        &self,
        boot_id: &str,
        wall_minus_mono_ms: i64,
    ) -> Result<Vec<LectureId>, DbError> {
        let boot_id = boot_id.to_owned();
        self.call("correct wall times", move |ledger| {
            correct(ledger, &boot_id, wall_minus_mono_ms)
        })
        .await
    }
}

fn beat(connection: &Connection, run: RunId, seen_ns: u64) -> Result<(), DbError> {
    let changed = connection
        .prepare_cached("UPDATE runs SET seen_ns = max(seen_ns, ?3) WHERE lecture = ?1 AND run = ?2")?
        .execute(params![run.lecture.to_string(), run.run.0, int(seen_ns)])?;
    if changed == 0 {
        return Err(DbError::NotFound(format!(
            "run {} of lecture {}",
            run.run, run.lecture
        )));
    }
    Ok(())
}

fn correct(ledger: &mut Ledger, boot_id: &str, offset_ms: i64) -> Result<Vec<LectureId>, DbError> {
    ledger.connection.execute(
        "UPDATE boots SET start_unix_ms = start_mono_ns / 1000000 + ?2
         WHERE boot_id = ?1 AND start_mono_ns IS NOT NULL",
        params![boot_id, offset_ms],
    )?;
    let wrong: Vec<LectureId> = list(
        &ledger.connection,
        "SELECT DISTINCT lecture FROM runs WHERE boot_id = ?1",
        boot_id,
        |row| get_text(row, "lecture"),
    )?;
    let mut corrected = Vec::new();
    for lecture in wrong {
        if differs(&ledger.connection, lecture, boot_id, offset_ms)? {
            ledger.change(lecture, |tx| correct_lecture(tx, lecture, boot_id, offset_ms))?;
            corrected.push(lecture);
        }
    }
    Ok(corrected)
}

/// Whether a correction would change anything that people see: `lecture.json` is not rewritten for
/// the fine work of a time server.
fn differs(
    connection: &Connection,
    lecture: LectureId,
    boot_id: &str,
    offset_ms: i64,
) -> rusqlite::Result<bool> {
    connection.query_row(
        "SELECT EXISTS (SELECT 1 FROM runs WHERE lecture = ?1 AND boot_id = ?2
             AND (clock = 'untrusted' OR abs(started_unix_ms - base_mono_ns / 1000000 - ?3) >= ?4))",
        params![lecture.to_string(), boot_id, offset_ms, STEP_MS],
        |row| row.get(0),
    )
}

fn correct_lecture(
    tx: &Transaction<'_>,
    lecture: LectureId,
    boot_id: &str,
    offset_ms: i64,
) -> Result<(), DbError> {
    let id = lecture.to_string();
    // By the shift of its first run, because a lecture may begin at another moment than that.
    tx.execute(
        "UPDATE lectures SET started_unix_ms = started_unix_ms + shift,
                             planned_end_unix_ms = planned_end_unix_ms + shift
         FROM (SELECT base_mono_ns / 1000000 + ?3 - started_unix_ms AS shift FROM runs
               WHERE lecture = ?1 AND run = 1 AND boot_id = ?2)
         WHERE id = ?1",
        params![id, boot_id, offset_ms],
    )?;
    tx.execute(
        "UPDATE runs SET started_unix_ms = base_mono_ns / 1000000 + ?3, clock = ?4
         WHERE lecture = ?1 AND boot_id = ?2",
        params![id, boot_id, offset_ms, RunClock::Corrected.as_str()],
    )?;
    Ok(())
}

/// The latest wall time that this database holds and that could be believed when it was
/// written: the wall clock must not be before it. `None` in a new database. What is of the present
/// boot does not count: it was written with the very clock that is in question, and moves with it.
pub(crate) fn latest_known_unix_ms(connection: &Connection, boot_id: &str) -> rusqlite::Result<Option<i64>> {
    connection.query_row(
        "SELECT max(at) FROM (
             SELECT max(start_unix_ms, coalesce(end_unix_ms, start_unix_ms)) AS at FROM boots
              WHERE boot_id IS NOT ?1
             UNION ALL
             SELECT r.started_unix_ms + max(r.seen_ns, coalesce(r.end_ns, 0), coalesce(
                        (SELECT max(s.end_ns) FROM segments s WHERE s.lecture = r.lecture AND s.run = r.run), 0
                    )) / 1000000
             FROM (SELECT * FROM runs WHERE clock <> 'untrusted' AND boot_id IS NOT ?1
                   ORDER BY started_unix_ms DESC LIMIT ?2) r)",
        params![boot_id, RUNS_ASKED],
        |row| row.get(0),
    )
}
