//! Rows and files are brought to agree: salvage, quarantine, lost and suspect.
//!
//! Step 6 walks over the lectures that are not shelved: a file without a row is repaired and entered, or put into
//! quarantine; a row without a file is `lost`, one with another size is `suspect`; a lost or
//! suspect segment that is whole again is closed again. Of a purged lecture `lecture.json` alone
//! belongs here.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

use lectern_domain::ids::{LectureId, RunId, SourceName};
use lectern_domain::lecture::LectureState;
use lectern_domain::segment::{SegmentEvent, SegmentState};
use rusqlite::params;

use super::quarantine::quarantine;
use super::shelf::at_hand;
use super::{Damage, Recovery, last_run};
use crate::cmaf;
use crate::db::document::{Document, SegmentRow, Track};
use crate::db::ledger::Ledger;
use crate::disk::{Disk, Entry};
use crate::error::OpenError;
use crate::layout::{FINISHED, LECTURE_JSON, LECTURE_JSON_TMP, segment_number};
use crate::spool::segment::{SealError, Segment, hash_file, seal};

/// Step 6; `entries` is what lies in `lectures`, shelved folders left out.
pub(super) fn scan<D: Disk>(
    ledger: &mut Ledger,
    disk: &mut D,
    entries: &[Entry],
    recovery: &mut Recovery,
) -> Result<(), OpenError> {
    let database = ledger.layout.database();
    let lectures = ledger.layout.lectures();
    let rows = at_hand(ledger).map_err(OpenError::database(&database))?;
    let begun = || rows.iter().filter(|row| row.has_folder);
    let known: BTreeSet<&str> = begun().map(|row| row.folder.as_str()).collect();
    for entry in entries {
        let known_here = entry.name.to_str().is_some_and(|name| known.contains(name));
        if !(known_here && entry.is_dir) {
            put_aside(ledger, disk, &lectures.join(&entry.name), entry, recovery);
        }
    }
    // A lecture without a folder too: all that it had is lost.
    for row in begun() {
        scan_lecture(ledger, disk, row.lecture, recovery).map_err(OpenError::database(&database))?;
    }
    Ok(())
}

/// Moves something unknown aside. A folder without a single file is what a crash leaves between
/// making a lecture's folders and its row: it holds nothing and goes.
fn put_aside<D: Disk>(ledger: &Ledger, disk: &mut D, path: &Path, entry: &Entry, recovery: &mut Recovery) {
    if entry.is_dir && remove_if_empty(disk, path) {
        return;
    }
    match quarantine(disk, &ledger.layout, path) {
        Ok(now) => recovery.quarantined.push(now),
        Err(error) => {
            tracing::error!(path = %path.display(), %error, "an unknown file could not be put into quarantine");
        }
    }
}

fn remove_if_empty<D: Disk>(disk: &mut D, path: &Path) -> bool {
    let Ok(entries) = disk.list(path) else {
        return false;
    };
    let empty = entries
        .iter()
        .all(|entry| entry.is_dir && remove_if_empty(disk, &path.join(&entry.name)));
    empty && disk.remove_dir(path).is_ok()
}

fn scan_lecture<D: Disk>(
    ledger: &mut Ledger,
    disk: &mut D,
    lecture: LectureId,
    recovery: &mut Recovery,
) -> rusqlite::Result<()> {
    let Some(document) = Document::load(&ledger.connection, ledger.uuid, lecture)? else {
        return Ok(());
    };
    let folder = ledger.layout.lecture(&document.folder);
    let purged = document.state == LectureState::Purged;
    let is_track = |name: &str| !purged && document.tracks.iter().any(|track| track.source.as_str() == name);
    for entry in disk.list(&folder).unwrap_or_default() {
        let ours = entry.name.to_str().is_some_and(|name| {
            if entry.is_dir {
                (name == FINISHED && !purged) || is_track(name)
            } else {
                [LECTURE_JSON, LECTURE_JSON_TMP].contains(&name)
            }
        });
        if !ours {
            put_aside(ledger, disk, &folder.join(&entry.name), &entry, recovery);
        }
    }
    if purged {
        return Ok(());
    }
    for track in &document.tracks {
        scan_track(ledger, disk, &document, track, recovery);
    }
    Ok(())
}

fn scan_track<D: Disk>(
    ledger: &mut Ledger,
    disk: &mut D,
    document: &Document,
    track: &Track,
    recovery: &mut Recovery,
) {
    let folder = ledger.layout.track(&document.folder, &track.source);
    let mut rows: BTreeMap<u32, &SegmentRow> = track.segments.iter().map(|row| (row.number, row)).collect();
    let entries = match disk.list(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        // Nothing is known then, and what was closed is not called lost. The next start looks again.
        Err(error) => return unreadable(document, track, 0, &folder, &error, recovery),
    };
    for entry in entries {
        let path = folder.join(&entry.name);
        let number = if entry.is_dir {
            None
        } else {
            segment_number(&entry.name)
        };
        match number.map(|number| (number, rows.remove(&number))) {
            Some((_, Some(row))) => check_row(
                ledger,
                disk,
                document,
                track,
                row,
                Some(entry.size_bytes),
                recovery,
            ),
            Some((number, None)) => salvage(ledger, disk, document, track, number, recovery),
            None => put_aside(ledger, disk, &path, &entry, recovery),
        }
    }
    for row in rows.into_values() {
        check_row(ledger, disk, document, track, row, None, recovery);
    }
}

/// Compares a row with its file, whose size is `found`; `None` when there is none.
fn check_row<D: Disk>(
    ledger: &mut Ledger,
    disk: &mut D,
    document: &Document,
    track: &Track,
    row: &SegmentRow,
    found: Option<u64>,
    recovery: &mut Recovery,
) {
    // To be deleted, whatever it is by now: nobody reads all of it again to know.
    if row.state == SegmentState::Garbage {
        return;
    }
    let path = ledger.layout.segment(&document.folder, &track.source, row.number);
    let event = match found {
        None => SegmentEvent::Missing,
        Some(size) if size != row.bytes => SegmentEvent::Mismatch,
        Some(_) if row.state == SegmentState::Closed => return,
        Some(_) => match is_whole(disk, &path, &folder_of(&path), row) {
            Ok(true) => SegmentEvent::Verified,
            Ok(false) | Err(_) => SegmentEvent::Mismatch,
        },
    };
    let Ok(next) = row.state.step(event) else { return };
    if next == row.state {
        return;
    }
    let damage = Damage {
        lecture: document.id,
        source: track.source.clone(),
        number: row.number,
        path: path.clone(),
    };
    match next {
        SegmentState::Lost => recovery.lost.push(damage),
        SegmentState::Suspect => recovery.suspect.push(damage),
        SegmentState::Closed | SegmentState::Garbage => {
            tracing::info!(path = %path.display(), "a segment is whole again");
        }
    }
    let changed = ledger.change(document.id, |tx| {
        tx.execute(
            "UPDATE segments SET state = ?4 WHERE lecture = ?1 AND source = ?2 AND number = ?3",
            params![
                document.id.to_string(),
                track.source.as_str(),
                row.number,
                next.as_str()
            ],
        )?;
        Ok(())
    });
    if let Err(error) = changed {
        tracing::error!(path = %path.display(), %error, "the state of a segment could not be noted");
    }
}

fn folder_of(path: &Path) -> std::path::PathBuf {
    path.parent().unwrap_or(path).to_owned()
}

/// Whether the file has the row's bytes, made durable before it is looked at.
fn is_whole<D: Disk>(disk: &mut D, path: &Path, folder: &Path, row: &SegmentRow) -> io::Result<bool> {
    let mut file = disk.open(path)?;
    disk.sync_all(&mut file)?;
    disk.sync_dir(folder)?;
    // An fsync that failed before may have left bytes in memory that no fsync will ever write.
    disk.drop_cache(&mut file)?;
    let (sha256, bytes) = hash_file(disk, &mut file, row.bytes)?;
    Ok(bytes == row.bytes && sha256 == row.sha256)
}

/// A file without a row: cut after its last whole fragment and entered, or put aside.
fn salvage<D: Disk>(
    ledger: &mut Ledger,
    disk: &mut D,
    document: &Document,
    track: &Track,
    number: u32,
    recovery: &mut Recovery,
) {
    let folder = ledger.layout.track(&document.folder, &track.source);
    let path = ledger.layout.segment(&document.folder, &track.source, number);
    let entry = Entry {
        name: path.file_name().unwrap_or_default().to_owned(),
        is_dir: false,
        size_bytes: 0,
    };
    let Some(run) = last_run(document) else {
        put_aside(ledger, disk, &path, &entry, recovery);
        return;
    };
    let run = RunId {
        lecture: document.id,
        run,
    };
    match repair(disk, &path, run, &track.source, number) {
        Ok(Some((mut file, segment))) => match seal(disk, &mut file, &folder, segment) {
            Ok(sealed) => {
                ledger.insert_closed(sealed);
                recovery.salvaged_segments += 1;
            }
            Err((_, SealError::File(error) | SealError::Folder(error))) => {
                unreadable(document, track, number, &path, &error, recovery);
            }
        },
        Ok(None) if remove_vacant(disk, &path, &folder) => recovery.vacant_segments += 1,
        Ok(None) => put_aside(ledger, disk, &path, &entry, recovery),
        // The next start tries again; the file stays where it is.
        Err(error) => unreadable(document, track, number, &path, &error, recovery),
    }
}

fn unreadable(
    document: &Document,
    track: &Track,
    number: u32,
    path: &Path,
    error: &io::Error,
    recovery: &mut Recovery,
) {
    tracing::error!(path = %path.display(), %error, "what a crash may have left could not be read or repaired");
    let (source, path) = (track.source.clone(), path.to_owned());
    recovery.suspect.push(Damage {
        lecture: document.id,
        source,
        number,
        path,
    });
}

/// Removes a segment that had just been made when the power went: nothing was ever in it. True
/// when it is gone; if it cannot be told, it is not touched.
fn remove_vacant<D: Disk>(disk: &mut D, path: &Path, folder: &Path) -> bool {
    let removed = disk.open(path).and_then(|mut file| {
        if !cmaf::is_vacant(disk, &mut file)? {
            return Ok(false);
        }
        disk.unlink(path)?;
        disk.sync_dir(folder)?;
        Ok(true)
    });
    match removed {
        Ok(gone) => {
            if gone {
                tracing::info!(path = %path.display(), "a segment that held nothing yet was removed");
            }
            gone
        }
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "a segment without media could not be removed");
            false
        }
    }
}

/// Cuts the torn tail and takes the facts; `None` when nothing in it is whole.
fn repair<D: Disk>(
    disk: &mut D,
    path: &Path,
    run: RunId,
    source: &SourceName,
    number: u32,
) -> io::Result<Option<(D::File, Segment)>> {
    let mut file = disk.open(path)?;
    disk.sync_all(&mut file)?;
    // What a failed fsync left in memory alone must not be taken for written.
    disk.drop_cache(&mut file)?;
    let Some(survey) = cmaf::survey(disk, &mut file)? else {
        return Ok(None);
    };
    if disk.size(&mut file)? > survey.good_bytes {
        disk.truncate(&mut file, survey.good_bytes)?;
    }
    let (sha256, bytes) = hash_file(disk, &mut file, survey.good_bytes)?;
    let segment = Segment {
        run,
        source: source.clone(),
        number,
        bytes,
        sha256,
        start_ns: survey.start_ns,
        end_ns: survey.end_ns,
        salvaged: true,
    };
    Ok(Some((file, segment)))
}
