//! Steps 7 to 9: what the crash cut in the middle is put back to where it can go on from.
//!
//! Lectures that were being recorded become `interrupted`, what was being finished is begun
//! again, and deliveries that were under way are in doubt until the platform was asked.

use lectern_domain::api::ClockTrust;
use lectern_domain::delivery::{DeliveryEvent, DeliveryState};
use lectern_domain::ids::{DeliveryId, LectureId, RunId, RunNumber};
use lectern_domain::lecture::{LectureEvent, LectureState};
use rusqlite::params;

use super::{Interrupted, Recovery, last_run};
use crate::db::document::{Document, list};
use crate::db::ledger::Ledger;
use crate::db::recorded::recorded;
use crate::db::recording::{has_open_pause, set_state};
use crate::db::rows::get_text;
use crate::db::run::{NS_PER_MS, last_media_ns};
use crate::disk::Disk;
use crate::error::DbError;

/// Steps 7 to 9.
pub(super) fn settle<D: Disk>(
    ledger: &mut Ledger,
    disk: &mut D,
    recovery: &mut Recovery,
) -> Result<(), DbError> {
    for (lecture, state) in in_states(ledger, &["armed", "recording", "paused", "stopping"])? {
        step(ledger, lecture, state, LectureEvent::Crash)?;
    }
    for (lecture, _) in in_states(ledger, &["interrupted"])? {
        recovery.interrupted.push(interrupted(ledger, lecture)?);
    }
    for (lecture, state) in in_states(ledger, &["finishing"])? {
        step(ledger, lecture, state, LectureEvent::FinishLost)?;
    }
    for (lecture, _) in in_states(ledger, &["captured"])? {
        remove_parts(ledger, disk, lecture)?;
        recovery.to_finish.push(lecture);
    }
    doubt_deliveries(ledger)
}

fn in_states(ledger: &Ledger, states: &[&str]) -> rusqlite::Result<Vec<(LectureId, LectureState)>> {
    let mut found = Vec::new();
    for state in states {
        let sql = "SELECT id, state FROM lectures WHERE state = ?1 ORDER BY started_unix_ms, id";
        found.extend(list(&ledger.connection, sql, state, |row| {
            Ok((get_text(row, "id")?, get_text(row, "state")?))
        })?);
    }
    Ok(found)
}

fn step(
    ledger: &mut Ledger,
    lecture: LectureId,
    from: LectureState,
    event: LectureEvent,
) -> Result<(), DbError> {
    let (to, _) = from
        .step(event)
        .map_err(|refused| DbError::Conflict(refused.to_string()))?;
    ledger.change(lecture, |tx| set_state(tx, lecture, from, to, None))
}

fn interrupted(ledger: &mut Ledger, lecture: LectureId) -> Result<Interrupted, DbError> {
    let document = Document::load(&ledger.connection, ledger.uuid, lecture)?
        .ok_or_else(|| DbError::no_lecture(lecture))?;
    let recorded = recorded(&ledger.connection, lecture)?;
    let last = last_run(&document);
    let was = document.was.unwrap_or(LectureState::Recording);
    let open_pause = match last {
        Some(run) => has_open_pause(&ledger.connection, RunId { lecture, run })?,
        None => false,
    };
    let run = document.runs.last();
    let last_written_ns = last
        .and_then(|run| last_media_ns(run, &document.tracks))
        .unwrap_or(0);
    let seen_ns = run.map_or(0, |run| run.seen_ns);
    // Of a lecture without a run, its beginning is all that is known.
    let base_unix_ms = run.map_or(document.started_unix_ms, |run| run.started_unix_ms);
    Ok(Interrupted {
        lecture,
        last_written_unix_ms: after(base_unix_ms, last_written_ns),
        last_alive_unix_ms: after(base_unix_ms, last_written_ns.max(seen_ns)),
        last_written_ns,
        seen_ns,
        last_run_boot: run.and_then(|run| run.boot_id.clone()),
        last_run_base_mono_ns: run.map_or(0, |run| run.base_mono_ns),
        last_run_clock: run.map_or(ClockTrust::Trusted, |run| run.clock.trust()),
        was,
        // A pause whose row or state alone was committed counts: silence is the safe side. A
        // stopped lecture is over, paused or not.
        paused: was != LectureState::Stopping && (was == LectureState::Paused || open_pause),
        last_run: last.unwrap_or(RunNumber(0)),
        recorded_ms: recorded.ms,
        bytes: recorded.bytes,
        marks: u32::try_from(document.marks.len()).unwrap_or(u32::MAX),
        segments: recorded.segments,
        started_unix_ms: document.started_unix_ms,
        planned_end_unix_ms: document.planned_end_unix_ms,
        metadata: document.metadata,
        folder: document.folder,
    })
}

/// A moment of a run on the wall clock.
fn after(base_unix_ms: i64, run_ns: u64) -> i64 {
    base_unix_ms.saturating_add(i64::try_from(run_ns / NS_PER_MS).unwrap_or(0))
}

/// Finished files that were not finished go; they are made anew.
fn remove_parts<D: Disk>(ledger: &Ledger, disk: &mut D, lecture: LectureId) -> Result<(), DbError> {
    let sql = "SELECT folder FROM lectures WHERE id = ?1";
    let folder: String = ledger
        .connection
        .query_row(sql, [lecture.to_string()], |row| row.get(0))?;
    let finished = ledger.layout.finished(&folder);
    let mut removed = false;
    for entry in disk.list(&finished).unwrap_or_default() {
        if !entry.is_dir && entry.name.to_string_lossy().ends_with(".part") {
            let path = finished.join(&entry.name);
            match disk.unlink(&path) {
                Ok(()) => removed = true,
                Err(error) => {
                    tracing::warn!(path = %path.display(), %error, "an unfinished file stayed behind")
                }
            }
        }
    }
    if removed && let Err(error) = disk.sync_dir(&finished) {
        tracing::warn!(path = %finished.display(), %error, "the folder of finished files could not be synced");
    }
    Ok(())
}

/// What was under way is in doubt.
fn doubt_deliveries(ledger: &mut Ledger) -> Result<(), DbError> {
    let mut rows: Vec<(DeliveryId, LectureId, DeliveryState)> = Vec::new();
    for state in ["sending", "verifying"] {
        let sql = "SELECT id, lecture, state FROM deliveries INDEXED BY deliveries_open
                   WHERE state NOT IN ('done', 'cancelled') AND state = ?1 ORDER BY queued_unix_ms, id";
        rows.extend(list(&ledger.connection, sql, state, |row| {
            Ok((
                DeliveryId(row.get("id")?),
                get_text(row, "lecture")?,
                get_text(row, "state")?,
            ))
        })?);
    }
    for (id, lecture, state) in rows {
        let next = state
            .step(DeliveryEvent::Doubt)
            .map_err(|refused| DbError::Conflict(refused.to_string()))?;
        ledger.change(lecture, |tx| {
            tx.execute(
                "UPDATE deliveries SET state = ?2 WHERE id = ?1",
                params![id.0, next.as_str()],
            )?;
            Ok(())
        })?;
    }
    Ok(())
}
