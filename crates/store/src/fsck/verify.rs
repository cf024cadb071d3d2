//! Every row against the disk, and every file against the rows. Changes nothing.

use std::collections::BTreeMap;
use std::path::Path;

use lectern_domain::delivery::{DeliveryState, FilePhase};
use lectern_domain::lecture::LectureState;
use lectern_domain::segment::SegmentState;

use super::{FindingKind as K, FsckReport, parts};
use crate::db::document::{Document, SegmentRow, Track};
use crate::db::ledger::Ledger;
use crate::db::planned;
use crate::disk::Disk;
use crate::layout::{FINISHED, LECTURE_JSON, segment_number};
use crate::meta;
use crate::plans::{self, Found};
use crate::recovery::shelf::all_lectures;
use crate::recovery::written_revision;

/// The whole check.
pub(crate) fn verify<D: Disk>(
    ledger: &Ledger,
    disk: &mut D,
    report: &mut FsckReport,
) -> rusqlite::Result<()> {
    check_database(ledger, report)?;
    check_meta(ledger, disk, report);
    check_plans(ledger, disk, report)?;
    let mut known = BTreeMap::new();
    for row in all_lectures(ledger)? {
        if let Some(document) = Document::load(&ledger.connection, ledger.uuid, row.lecture)? {
            check_lecture(ledger, disk, &document, report);
            report.lectures += 1;
        }
        if row.has_folder {
            known.insert(row.folder, row.lecture);
        }
    }
    let lectures = ledger.layout.lectures();
    match disk.list(&lectures) {
        Ok(entries) => {
            for entry in entries {
                if !entry.name.to_str().is_some_and(|name| known.contains_key(name)) {
                    let path = lectures.join(&entry.name);
                    report.find(
                        K::Unknown,
                        &path,
                        "the database does not know it; the next start puts it into quarantine",
                    );
                }
            }
        }
        Err(error) => report.find(K::Unreadable, &lectures, format!("it could not be read: {error}")),
    }
    Ok(())
}

fn check_database(ledger: &Ledger, report: &mut FsckReport) -> rusqlite::Result<()> {
    let path = ledger.layout.database();
    let mut statement = ledger.connection.prepare("PRAGMA integrity_check(20)")?;
    let verdicts = statement.query_map([], |row| row.get::<_, String>(0))?;
    for verdict in verdicts {
        let verdict = verdict?;
        if verdict != "ok" {
            report.find(
                K::Database,
                &path,
                format!("{verdict}; run lecternd fsck --rebuild"),
            );
        }
    }
    let mut statement = ledger.connection.prepare("PRAGMA foreign_key_check")?;
    let orphans = statement.query_map([], |row| row.get::<_, String>(0))?;
    for table in orphans {
        let table = table?;
        report.find(
            K::Database,
            &path,
            format!("a row of {table} belongs to nothing; run lecternd fsck --rebuild"),
        );
    }
    Ok(())
}

fn check_meta<D: Disk>(ledger: &Ledger, disk: &mut D, report: &mut FsckReport) {
    let path = ledger.layout.meta();
    match meta::read(disk, &ledger.layout) {
        Ok(Some(meta)) if meta.uuid == ledger.uuid => {}
        Ok(Some(meta)) => {
            let message = format!(
                "it says {}, the database says {}; mount the right disk or put the right lectern.db back",
                meta.uuid, ledger.uuid
            );
            report.find(K::Meta, &path, message);
        }
        Ok(None) => report.find(
            K::Meta,
            &path,
            "it is missing; put it back from a backup, or check the mount",
        ),
        Err(error) => report.find(K::Meta, &path, error.to_string()),
    }
}

/// Whether `plans.json` says what the rows say, so that losing them loses no plan.
fn check_plans<D: Disk>(ledger: &Ledger, disk: &mut D, report: &mut FsckReport) -> rusqlite::Result<()> {
    let rows = planned::all(&ledger.connection)?;
    let message = match plans::read(disk, &ledger.layout) {
        Found::Nothing if rows.is_empty() => return Ok(()),
        Found::Nothing => "it is missing; the next start writes it".to_owned(),
        Found::Unfit(why) => format!("{why}; the next start puts it into quarantine and writes it anew"),
        Found::Unread(why) => format!("{why}; check the disk"),
        Found::Plans(plans) if plans.spool != ledger.uuid => format!(
            "it belongs to the spool {}; the next start puts it into quarantine and writes it anew",
            plans.spool
        ),
        Found::Plans(plans) if plans.plans == rows => return Ok(()),
        Found::Plans(_) => {
            "it says something else than the database; a crash left it, and the next start makes them agree"
                .to_owned()
        }
    };
    report.find(K::Plans, &ledger.layout.plans(), message);
    Ok(())
}

fn check_lecture<D: Disk>(ledger: &Ledger, disk: &mut D, document: &Document, report: &mut FsckReport) {
    let folder = ledger.layout.lecture(&document.folder);
    if !document.has_folder() {
        return check_states(document, &folder, report);
    }
    match written_revision(disk, ledger, &document.folder) {
        Some(revision) if revision == document.revision => {}
        Some(revision) if revision > document.revision => report.find(
            K::Document,
            &folder.join(LECTURE_JSON),
            "it is newer than the database: an old copy was put back; put the newest back, or run lecternd fsck --rebuild",
        ),
        Some(_) => report.find(
            K::Document,
            &folder.join(LECTURE_JSON),
            "it is older than the database; the next start rewrites it",
        ),
        None => report.find(
            K::Document,
            &folder.join(LECTURE_JSON),
            "it is missing or not understood; the next start rewrites it",
        ),
    }
    let purged = document.state == LectureState::Purged;
    if !purged {
        for track in &document.tracks {
            check_track(ledger, disk, document, track, report);
        }
        check_finished(ledger, disk, document, report);
    }
    for entry in disk.list(&folder).unwrap_or_default() {
        let name = entry.name.to_string_lossy();
        let known = name == LECTURE_JSON
            || (!purged
                && (name == FINISHED || document.tracks.iter().any(|track| track.source.as_str() == name)));
        if !known {
            report.find(
                K::Unknown,
                &folder.join(&entry.name),
                "it belongs to nothing that the database knows",
            );
        }
    }
    check_states(document, &folder, report);
}

fn check_track<D: Disk>(
    ledger: &Ledger,
    disk: &mut D,
    document: &Document,
    track: &Track,
    report: &mut FsckReport,
) {
    let folder = ledger.layout.track(&document.folder, &track.source);
    let mut rows: BTreeMap<u32, &SegmentRow> = track.segments.iter().map(|row| (row.number, row)).collect();
    match disk.list(&folder) {
        Ok(entries) => {
            for entry in entries {
                let path = folder.join(&entry.name);
                match segment_number(&entry.name).and_then(|number| rows.remove(&number)) {
                    Some(row) => check_segment(disk, &path, row, report),
                    None => report.find(
                        K::Unknown,
                        &path,
                        "it has no row; a crash left it, and the next start takes it in or puts it into quarantine",
                    ),
                }
            }
        }
        Err(error) => report.find(K::Unreadable, &folder, format!("it could not be read: {error}")),
    }
    for row in rows
        .into_values()
        .filter(|row| row.state != SegmentState::Garbage)
    {
        let path = ledger.layout.segment(&document.folder, &track.source, row.number);
        report.find(
            K::Missing,
            &path,
            "the database has it closed and it is not there; look for it in a backup",
        );
    }
}

fn check_segment<D: Disk>(disk: &mut D, path: &Path, row: &SegmentRow, report: &mut FsckReport) {
    match row.state {
        SegmentState::Closed => {}
        // To be deleted; whatever it is by now.
        SegmentState::Garbage => return,
        SegmentState::Lost => report.find(
            K::Marked,
            path,
            "it was lost and is here again; the next start checks it",
        ),
        SegmentState::Suspect => {
            report.find(
                K::Marked,
                path,
                "the disk reported an error for it; check the disk, and keep the file",
            );
        }
    }
    if check_bytes(disk, path, row.bytes, &row.sha256, &[], report) {
        report.segments += 1;
    }
}

/// Compares size, hash, and the hashes of the parts as far as they are known; true when the file
/// was read.
fn check_bytes<D: Disk>(
    disk: &mut D,
    path: &Path,
    bytes: u64,
    sha256: &str,
    known: &[String],
    report: &mut FsckReport,
) -> bool {
    let read = disk.open(path).and_then(|mut file| {
        let size = disk.size(&mut file)?;
        if size != bytes {
            return Ok((size, None));
        }
        Ok((size, Some(parts::compare(disk, &mut file, bytes, known)?)))
    });
    match read {
        Ok((size, None)) => {
            report.find(
                K::Size,
                path,
                format!("it has {size} bytes, its row says {bytes}; look for it in a backup"),
            );
            false
        }
        Ok((size, Some(found))) => {
            report.bytes += size;
            if let Some(message) = found.finding(sha256) {
                report.find(K::Hash, path, message);
            }
            true
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            report.find(
                K::Missing,
                path,
                "the database has it and it is not there; look for it in a backup",
            );
            false
        }
        Err(error) => {
            report.find(
                K::Unreadable,
                path,
                format!("it could not be read: {error}; check the disk"),
            );
            false
        }
    }
}

fn check_finished<D: Disk>(ledger: &Ledger, disk: &mut D, document: &Document, report: &mut FsckReport) {
    let folder = ledger.layout.finished(&document.folder);
    for file in &document.files {
        if check_bytes(
            disk,
            &folder.join(&file.name),
            file.size_bytes,
            &file.sha256,
            &file.parts,
            report,
        ) {
            report.files += 1;
        }
    }
    // While a lecture waits to be finished, files of a first try may lie there: they are made anew.
    if document.files.is_empty() {
        return;
    }
    for entry in disk.list(&folder).unwrap_or_default() {
        if !document
            .files
            .iter()
            .any(|file| entry.name.to_str() == Some(file.name.as_str()))
        {
            report.find(
                K::Unknown,
                &folder.join(&entry.name),
                "it is none of the finished files",
            );
        }
    }
}

fn check_states(document: &Document, folder: &Path, report: &mut FsckReport) {
    use LectureState as S;
    let open = document
        .deliveries
        .iter()
        .filter(|delivery| !matches!(delivery.state, DeliveryState::Done | DeliveryState::Cancelled))
        .count();
    match document.state {
        S::Finished | S::Delivering if document.files.is_empty() => {
            report.find(
                K::State,
                folder,
                format!("it is {} and has no finished files", document.state),
            );
        }
        S::Delivered if open > 0 => {
            report.find(
                K::State,
                folder,
                format!("it is delivered and {open} of its deliveries are not over"),
            );
        }
        S::Scheduled
        | S::Armed
        | S::Recording
        | S::Paused
        | S::Stopping
        | S::Interrupted
        | S::Captured
        | S::Finishing
            if !document.deliveries.is_empty() =>
        {
            report.find(
                K::State,
                folder,
                format!("it is {} and has deliveries", document.state),
            );
        }
        S::Scheduled
        | S::Armed
        | S::Recording
        | S::Paused
        | S::Stopping
        | S::Interrupted
        | S::Captured
        | S::Finishing
        | S::Finished
        | S::Delivering
        | S::Delivered
        | S::Purged
        | S::Failed
        | S::Cancelled => {}
    }
    for delivery in &document.deliveries {
        for file in &delivery.files {
            let confirmed = matches!(file.phase, FilePhase::Confirmed { .. });
            let receipt = delivery.receipts.iter().any(|receipt| receipt.name == file.name);
            if confirmed != receipt || (delivery.state == DeliveryState::Done && !receipt) {
                let message = format!(
                    "the delivery to {} says {} for {} and {} a receipt for it",
                    delivery.platform,
                    delivery.state,
                    file.name,
                    if receipt { "has" } else { "has not" }
                );
                report.find(K::State, folder, message);
            }
        }
    }
}
