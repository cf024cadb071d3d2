//! What is done at each start, before anything else may touch the spool.
//!
//! The numbered procedure of `lib.rs`, steps 5 to 11; every step can be repeated after a crash in
//! the middle of it. Old segments are checked by presence and size only, and those of lectures
//! that are over once (`shelf.rs`), so that the start stays quick; the rest is the business of `fsck`. Runs on the thread that opens the store.

pub(crate) mod age;
mod deletion;
pub(crate) mod quarantine;
mod scan;
pub(crate) mod self_tests;
pub(crate) mod shelf;
mod states;

use std::path::PathBuf;

use lectern_domain::api::{ClockTrust, Metadata};
use lectern_domain::ids::{LectureId, RunNumber, SourceName};
use lectern_domain::lecture::LectureState;

use crate::db::clocks::latest_known_unix_ms;
use crate::db::document::Document;
use crate::db::ledger::Ledger;
use crate::disk::{Disk, Entry, read_whole};
use crate::error::OpenError;
use crate::layout::LECTURE_JSON;
use crate::plans;

/// The most that a `lecture.json` may take: a day of a dozen tracks stays far below.
pub(crate) const LECTURE_JSON_LIMIT_BYTES: u64 = 256 << 20;

/// What recovery found and did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recovery {
    /// Lectures that a crash cut, to be decided: record on, or give up and finish.
    pub interrupted: Vec<Interrupted>,
    /// Lectures whose segments are all closed and that wait to be finished.
    pub to_finish: Vec<LectureId>,
    /// Segments that were found without a row, repaired and entered.
    pub salvaged_segments: u32,
    /// Files without a row that never held a chunk: the power went just after they were made.
    /// They were removed; nothing is lost with them.
    pub vacant_segments: u32,
    /// Where unknown or hopeless files were moved to.
    pub quarantined: Vec<PathBuf>,
    /// Segments whose file has gone since the last start.
    pub lost: Vec<Damage>,
    /// Segments whose file is not as its row says, or cannot be read, since the last start.
    pub suspect: Vec<Damage>,
    /// Delivered lectures whose deletion was decided and the disk refused: the next purge or start
    /// ends it.
    pub undeleted: Vec<LectureId>,
    /// The kernel's id of this boot: a run of the same boot can be compared with the present by
    /// `CLOCK_MONOTONIC`.
    pub boot_id: String,
    /// The latest wall time in the database that could be believed when it was written: before
    /// it the wall clock cannot be. `None` in a new spool.
    pub latest_known_unix_ms: Option<i64>,
}

/// A segment that a person must know about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Its lecture.
    pub lecture: LectureId,
    /// Its track.
    pub source: SourceName,
    /// Its number; 0 when the whole track could not be read.
    pub number: u32,
    /// Its file.
    pub path: PathBuf,
}

/// A lecture that a crash cut.
#[derive(Clone, Debug, PartialEq)]
pub struct Interrupted {
    /// The lecture.
    pub lecture: LectureId,
    /// What is said about it.
    pub metadata: Metadata,
    /// Its folder's name.
    pub folder: String,
    /// When it began.
    pub started_unix_ms: i64,
    /// When it would have stopped by itself.
    pub planned_end_unix_ms: i64,
    /// Wall clock of the last closed or salvaged media, or of the last run's beginning.
    pub last_written_unix_ms: i64,
    /// Wall clock when the daemon was last known to be alive with its last run open: the later
    /// of what was written and the last [`crate::Db::beat`].
    pub last_alive_unix_ms: i64,
    /// End of the last media of its last run, nanoseconds of the run.
    pub last_written_ns: u64,
    /// Last [`crate::Db::beat`] of its last run, nanoseconds of the run; 0 without one.
    pub seen_ns: u64,
    /// The kernel's boot of its last run; `None` without a run, and for runs of version 1.
    pub last_run_boot: Option<String>,
    /// `CLOCK_MONOTONIC` of that boot at the base of its last run.
    pub last_run_base_mono_ns: u64,
    /// Whether the wall clock of its last run can be believed.
    pub last_run_clock: ClockTrust,
    /// Its state before the crash. `stopping` means that it was stopped: it must not record on.
    pub was: LectureState,
    /// It was paused, and must not begin to record by itself.
    pub paused: bool,
    /// Its last run; 0 when none was opened.
    pub last_run: RunNumber,
    /// Recorded so far, pauses taken out.
    pub recorded_ms: u64,
    /// Bytes of its closed segments.
    pub bytes: u64,
    /// Its marks.
    pub marks: u32,
    /// Its closed segments.
    pub segments: u64,
}

/// Steps 5 to 11; `entries` is what [`shelf::present`] found.
pub(crate) fn recover<D: Disk>(
    ledger: &mut Ledger,
    disk: &mut D,
    boot_id: &str,
    entries: &[Entry],
) -> Result<Recovery, OpenError> {
    let path = ledger.layout.database();
    let mut recovery = Recovery {
        boot_id: boot_id.to_owned(),
        latest_known_unix_ms: latest_known_unix_ms(&ledger.connection, boot_id)
            .map_err(OpenError::database(&path))?,
        ..Recovery::default()
    };
    recovery.undeleted = deletion::finish(ledger, disk)?;
    scan::scan(ledger, disk, entries, &mut recovery)?;
    let failed = |error: crate::error::DbError| OpenError::Damaged {
        path,
        detail: error.to_string(),
    };
    states::settle(ledger, disk, &mut recovery).map_err(failed)?;
    shelf::put_in_order(ledger, disk, &recovery)?;
    recovery.quarantined.extend(plans::put_in_order(ledger, disk)?);
    report(&recovery);
    Ok(recovery)
}

/// The revision that the lecture's folder holds; `None` when it cannot be told.
pub(crate) fn written_revision<D: Disk>(disk: &mut D, ledger: &Ledger, folder: &str) -> Option<u64> {
    #[derive(serde::Deserialize)]
    struct Head {
        revision: u64,
    }
    let path = ledger.layout.lecture(folder).join(LECTURE_JSON);
    let bytes = read_whole(disk, &path, LECTURE_JSON_LIMIT_BYTES).ok()?;
    serde_json::from_slice::<Head>(&bytes)
        .ok()
        .map(|head| head.revision)
}

/// The last run of a lecture: what a file without a row was recorded in. Each start enters all
/// files of the run before, so no file of an older run is ever without a row.
pub(crate) fn last_run(document: &Document) -> Option<RunNumber> {
    document.runs.last().map(|run| run.run)
}

fn report(recovery: &Recovery) {
    let found = Recovery {
        boot_id: String::new(),
        latest_known_unix_ms: None,
        ..recovery.clone()
    };
    if found != Recovery::default() {
        tracing::info!(
            interrupted = recovery.interrupted.len(),
            to_finish = recovery.to_finish.len(),
            salvaged = recovery.salvaged_segments,
            vacant = recovery.vacant_segments,
            quarantined = recovery.quarantined.len(),
            lost = recovery.lost.len(),
            suspect = recovery.suspect.len(),
            undeleted = recovery.undeleted.len(),
            "the spool was recovered"
        );
    }
    for damage in &recovery.lost {
        tracing::error!(path = %damage.path.display(), "a closed segment is missing");
    }
    for damage in &recovery.suspect {
        tracing::error!(path = %damage.path.display(), "a segment is not as it was closed");
    }
    for path in &recovery.quarantined {
        tracing::warn!(path = %path.display(), "an unknown file was put into quarantine");
    }
}
