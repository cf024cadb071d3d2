//! The promises, held against what is there.

use std::collections::BTreeMap;

use lectern_domain::ids::RunNumber;
use lectern_domain::lecture::LectureState as S;
use lectern_domain::segment::SegmentState;
use sha2::{Digest, Sha256};

use super::told::{TRACKS, Told, segment};
use super::world::World;
use crate::db::document::{Document, SegmentRow};
use crate::db::ledger::Ledger;
use crate::disk::Disk;
use crate::fsck::{FsckReport, verify::verify};
use crate::recovery::{Interrupted, Recovery};
use crate::spool::segment::hex;
use crate::test_cmaf::{CHUNK_NS, init};

fn hash(bytes: &[u8]) -> String {
    let mut hash = Sha256::new();
    hash.update(bytes);
    hex(hash)
}

macro_rules! ensure {
    ($holds:expr, $($words:tt)*) => {
        if !$holds {
            return Err(format!($($words)*));
        }
    };
}

fn load(ledger: &Ledger, told: &Told) -> Result<Option<Document>, String> {
    Document::load(&ledger.connection, ledger.uuid, told.id).map_err(|error| error.to_string())
}

impl World {
    /// P1: what a row calls closed or finished is on the device, every byte and every name.
    pub(super) fn check_durable(&self, ledger: &Ledger) -> Result<(), String> {
        self.check_plans()?;
        for told in &self.lectures {
            let Some(document) = load(ledger, told)? else {
                continue;
            };
            for track in &document.tracks {
                for row in track
                    .segments
                    .iter()
                    .filter(|row| row.state == SegmentState::Closed)
                {
                    let path = self.layout.segment(&document.folder, &track.source, row.number);
                    let found = self.disk.durable(&path);
                    let whole = found.is_some_and(|bytes| hash(&bytes) == row.sha256);
                    ensure!(whole, "P1: {} is closed and not on the device", path.display());
                }
            }
            if document.purge_unix_ms.is_none() {
                for file in &document.files {
                    let path = self.layout.finished(&document.folder).join(&file.name);
                    let found = self.disk.durable(&path);
                    let whole = found.is_some_and(|bytes| hash(&bytes) == file.sha256);
                    ensure!(whole, "P1: {} is finished and not on the device", path.display());
                }
            }
        }
        Ok(())
    }

    /// P6: only what every platform confirmed is ever unlinked, beside temporary files and files
    /// that held no whole chunk.
    pub(super) fn check_unlinked(&self) -> Result<(), String> {
        let unlinked = std::mem::take(&mut self.disk.state().unlinked);
        for file in unlinked {
            if file
                .path
                .extension()
                .is_some_and(|ext| ext == "part" || ext == "tmp")
            {
                continue;
            }
            let of = self.lectures.iter().find(|told| {
                !told.folder.is_empty() && file.path.starts_with(self.layout.lecture(&told.folder))
            });
            let may_go = of.is_some_and(|told| told.purging && told.delivered);
            let whole = init(TRACKS[0].1).len() + super::told::media(1, 0).len();
            let header = init(TRACKS[0].1).len().min(file.bytes.len());
            let vacant = file.bytes.len() < whole || file.bytes[header..].iter().all(|byte| *byte == 0);
            ensure!(
                may_go || vacant,
                "P6: {} was deleted with {} bytes",
                file.path.display(),
                file.bytes.len()
            );
        }
        Ok(())
    }

    /// After a start: P1, P2 and P3 hold, and the world knows where its lectures stand.
    pub(super) fn check_recovered(&mut self, recovery: &Recovery, cut: bool) -> Result<(), String> {
        let faulty = self.disk.state().faults > 0;
        ensure!(
            faulty || (recovery.lost.is_empty() && recovery.suspect.is_empty()),
            "P1: lost {:?}, suspect {:?}",
            recovery.lost,
            recovery.suspect
        );
        let now_ns = self.now_ns;
        let mut lectures = std::mem::take(&mut self.lectures);
        let checked = lectures
            .iter_mut()
            .try_for_each(|told| self.check_lecture(told, recovery, cut.then_some(now_ns)));
        // One whose folders were made and whose row was not never began.
        for told in lectures.iter().filter(|told| told.state == S::Scheduled) {
            self.not_begun(told.id);
        }
        lectures.retain(|told| told.state != S::Scheduled);
        self.lectures = lectures;
        checked?;
        self.check_planned()?;
        let ledger = &self.process_ref().ledger;
        self.check_durable(ledger)
    }

    fn check_lecture(&self, told: &mut Told, recovery: &Recovery, cut_ns: Option<u64>) -> Result<(), String> {
        let Some(document) = load(&self.process_ref().ledger, told)? else {
            ensure!(told.state == S::Scheduled, "a lecture that was begun is gone");
            return Ok(());
        };
        if told.state == S::Scheduled && document.state == S::Scheduled {
            // It was to begin and is planned as before.
            return Ok(());
        }
        told.folder.clone_from(&document.folder);
        ensure!(
            document.marks.len() == told.marks && document.facts.len() == told.facts,
            "{} marks and {} facts of {} and {} are there",
            document.marks.len(),
            document.facts.len(),
            told.marks,
            told.facts
        );
        let purged = document.purge_unix_ms.is_some();
        ensure!(
            !purged || (told.delivered && told.purging),
            "P6: {} is purged",
            told.id
        );
        ensure!(
            purged == (document.state == S::Purged),
            "P6: a deletion was left half made"
        );
        check_segments(told, &document, purged)?;
        Self::check_state(told, &document, recovery)?;
        if let Some(now_ns) = cut_ns
            && document.was.is_some()
            && !told.faulty
        {
            check_loss(told, &document, now_ns)?;
        }
        Ok(())
    }

    /// P3: the lecture that was cut is found, with what was known of it; the others stay. Steps
    /// are one COMMIT each, so there is no state that nobody knows of.
    fn check_state(told: &mut Told, document: &Document, recovery: &Recovery) -> Result<(), String> {
        let expected = match told.state {
            S::Scheduled | S::Armed | S::Recording | S::Paused | S::Stopping | S::Interrupted => {
                S::Interrupted
            }
            S::Captured | S::Finishing => S::Captured,
            S::Delivered if told.purging => S::Purged,
            S::Finished | S::Delivering | S::Delivered | S::Purged | S::Failed | S::Cancelled => told.state,
        };
        ensure!(
            document.state == expected,
            "P3: {} was {} and is {}",
            told.id,
            told.state,
            document.state
        );
        told.was = match told.state {
            S::Scheduled | S::Armed => Some(S::Armed),
            S::Recording | S::Paused | S::Stopping => Some(told.state),
            S::Interrupted => told.was,
            _ => None,
        };
        let found = recovery.interrupted.iter().find(|cut| cut.lecture == told.id);
        match (found, told.was) {
            (Some(cut), Some(was)) => check_interrupted(told, was, document, cut)?,
            (None, None) => {}
            (found, was) => return Err(format!("P3: {} was {was:?} and is told as {found:?}", told.id)),
        }
        ensure!(
            recovery.to_finish.contains(&told.id) == (document.state == S::Captured),
            "P3: a captured lecture was not told"
        );
        told.state = document.state;
        Ok(())
    }

    fn process_ref(&self) -> &super::process::Process {
        self.running().expect("the daemon runs between two acts")
    }
}

/// P1: closed is for ever, and it is what was handed over.
fn check_segments(told: &mut Told, document: &Document, purged: bool) -> Result<(), String> {
    let mut seen = BTreeMap::new();
    for (track, (_, handler)) in document.tracks.iter().zip(TRACKS) {
        for row in track
            .segments
            .iter()
            .filter(|row| row.state == SegmentState::Closed)
        {
            if !row.salvaged {
                let chunks = row.start_ns / CHUNK_NS..row.end_ns / CHUNK_NS;
                let expected = segment(handler, row.run.0, chunks);
                ensure!(
                    hash(&expected) == row.sha256 && expected.len() as u64 == row.bytes,
                    "P1: {} {} is not what was written",
                    track.source,
                    row.number
                );
            }
            seen.insert((track.source.clone(), row.number), row.sha256.clone());
        }
    }
    for (key, before) in &told.closed {
        let now = seen.get(key);
        ensure!(
            purged || now == Some(before),
            "P1: {} {} was closed and is {}",
            key.0,
            key.1,
            if now.is_some() { "another" } else { "gone" }
        );
    }
    told.closed = seen;
    Ok(())
}

fn check_interrupted(told: &Told, was: S, document: &Document, cut: &Interrupted) -> Result<(), String> {
    let media = document
        .tracks
        .iter()
        .flat_map(|track| &track.segments)
        .filter(|row| row.run.0 == told.run)
        .map(|row| row.end_ns)
        .max();
    let known = cut.was == was
        && cut.paused == (was == S::Paused)
        && cut.last_run == RunNumber(told.run)
        && cut.seen_ns == told.seen_ns
        && cut.last_written_ns == media.unwrap_or(0)
        && cut.marks as usize == told.marks;
    ensure!(known, "P3: {cut:?} was {was}, {told:?}");
    Ok(())
}

/// P2: of the open segments, nothing older than `sync_every` is lost, on no track.
fn check_loss(told: &Told, document: &Document, now_ns: u64) -> Result<(), String> {
    let safe = told.safe(now_ns);
    for track in &document.tracks {
        let rows: Vec<&SegmentRow> = track
            .segments
            .iter()
            .filter(|row| row.run.0 == told.run && row.state == SegmentState::Closed)
            .collect();
        for n in &safe {
            let holds = rows
                .iter()
                .any(|row| (row.start_ns..row.end_ns).contains(&(n * CHUNK_NS)));
            ensure!(
                holds,
                "P2: chunk {n} of {} was synced and is lost; there are {:?}",
                track.source,
                rows.iter()
                    .map(|row| (row.start_ns / CHUNK_NS, row.end_ns / CHUNK_NS))
                    .collect::<Vec<_>>()
            );
        }
    }
    Ok(())
}

/// T7: nothing is to be found at the end. Where the disk had failed, what it failed at is marked.
pub(super) fn fsck<D: Disk>(ledger: &Ledger, disk: &mut D, faulty: bool) -> Result<(), String> {
    let mut report = FsckReport::default();
    verify(ledger, disk, &mut report).map_err(|error| error.to_string())?;
    ensure!(faulty || report.findings.is_empty(), "fsck: {report}");
    Ok(())
}
