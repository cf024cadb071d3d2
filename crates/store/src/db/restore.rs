//! A document back into rows: how a lost database is made anew.
//!
//! Segments are not among what is written here: their rows come from what the disk holds, each
//! checked, see `fsck/rebuild.rs`. Deliveries that were not over come back in doubt: the document
//! may be one step older than the database was, so each file's phase goes one step towards
//! "may have happened", and the platform is asked before a byte is sent (P5).

use lectern_domain::delivery::{DeliveryState, FilePhase};
use lectern_domain::ids::SourceName;
use rusqlite::{Transaction, params};

use super::document::{Delivery, Document};
use super::fact::insert_fact;
use super::finishing::insert_file;
use super::journal::write_phase;
use super::rows::int;

/// Writes everything of a document but its segments.
pub(crate) fn restore(tx: &Transaction<'_>, document: &Document) -> rusqlite::Result<()> {
    let id = document.id.to_string();
    tx.execute(
        "INSERT INTO lectures (id, folder, state, was, reason, title, course, presenter, language,
                               started_unix_ms, planned_end_unix_ms, duration_ms, revision, purge_unix_ms,
                               self_test)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
        params![
            id,
            document.folder,
            document.state.as_str(),
            document.was.map(lectern_domain::lecture::LectureState::as_str),
            document.reason,
            document.metadata.title,
            document.metadata.course,
            document.metadata.presenter,
            document.metadata.language,
            document.started_unix_ms,
            document.planned_end_unix_ms,
            document.duration_ms.map(int),
            // Above what any lecture.json of it says, so that it is written anew.
            int(document.revision.saturating_add(1)),
            document.purge_unix_ms,
            document.self_test,
        ],
    )?;
    for (place, track) in document.tracks.iter().enumerate() {
        tx.execute(
            "INSERT INTO tracks (lecture, source, role, kind, place, spare_for) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![
                id,
                track.source.as_str(),
                track.role.as_str(),
                track.kind,
                int(place as u64),
                track.spare_for.as_ref().map(SourceName::as_str)
            ],
        )?;
    }
    for run in &document.runs {
        tx.execute(
            "INSERT INTO runs (lecture, run, base_mono_ns, started_unix_ms, end_ns, boot_id, clock, seen_ns)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![
                id,
                run.run.0,
                int(run.base_mono_ns),
                run.started_unix_ms,
                run.end_ns.map(int),
                run.boot_id,
                run.clock.as_str(),
                int(run.seen_ns)
            ],
        )?;
        for (from, to) in &run.pauses {
            tx.execute(
                "INSERT INTO pauses (lecture, run, from_ns, to_ns) VALUES (?1, ?2, ?3, ?4)",
                params![id, run.run.0, int(*from), to.map(int)],
            )?;
        }
    }
    for mark in &document.marks {
        tx.execute(
            "INSERT INTO marks (lecture, run, at_ns, label) VALUES (?1, ?2, ?3, ?4)",
            params![id, mark.run.0, int(mark.at_ns), mark.label],
        )?;
    }
    for fact in &document.facts {
        insert_fact(tx, &id, fact)?;
    }
    for (place, file) in document.files.iter().enumerate() {
        insert_file(tx, document.id, place as u64, file)?;
    }
    document
        .deliveries
        .iter()
        .try_for_each(|delivery| restore_delivery(tx, &id, delivery))
}

fn restore_delivery(tx: &Transaction<'_>, lecture: &str, delivery: &Delivery) -> rusqlite::Result<()> {
    use DeliveryState as S;
    let (state, doubt) = match delivery.state {
        S::Done | S::Cancelled => (delivery.state, false),
        S::Parked => (S::Parked, true),
        S::Queued | S::Reconciling | S::Sending | S::Verifying | S::Waiting => (S::Reconciling, true),
    };
    tx.execute(
        "INSERT INTO deliveries (id, lecture, platform, state, attempts, message, queued_unix_ms, done_unix_ms,
                                 urgent)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        params![
            delivery.id.0,
            lecture,
            delivery.platform.as_str(),
            state.as_str(),
            delivery.attempts,
            delivery.message,
            delivery.queued_unix_ms,
            delivery.done_unix_ms,
            delivery.urgent
        ],
    )?;
    for (place, file) in delivery.files.iter().enumerate() {
        tx.execute(
            "INSERT INTO delivery_files (delivery, name, place, phase) VALUES (?1, ?2, ?3, 'pending')",
            params![delivery.id.0, file.name, int(place as u64)],
        )?;
        let phase = if doubt {
            doubted(&file.phase)
        } else {
            file.phase.clone()
        };
        write_phase(tx, delivery.id, &file.name, &phase)?;
    }
    for receipt in &delivery.receipts {
        tx.execute(
            "INSERT INTO receipts (delivery, name, location, evidence, size_bytes, sha256, unix_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![
                delivery.id.0,
                receipt.name,
                receipt.location,
                receipt.evidence.to_string(),
                int(receipt.size_bytes),
                receipt.sha256,
                receipt.unix_ms
            ],
        )?;
    }
    Ok(())
}

/// The phase that the file may have reached after the document was written.
fn doubted(phase: &FilePhase) -> FilePhase {
    match phase {
        FilePhase::Pending | FilePhase::Creating => FilePhase::Creating,
        FilePhase::Bound { remote } | FilePhase::Completing { remote } => FilePhase::Completing {
            remote: remote.clone(),
        },
        FilePhase::Confirmed { location } => FilePhase::Confirmed {
            location: location.clone(),
        },
    }
}
