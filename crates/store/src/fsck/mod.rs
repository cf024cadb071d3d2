//! The thorough check, offline: does the disk hold what the database says, byte for byte?
//!
//! Without `rebuild` nothing is changed. With it, a database that is missing, damaged, or older
//! than the spool is made anew from the `lecture.json` files, the recordings and `plans.json`; a
//! sound one is only checked. Blocks; reads every byte of the spool.

mod parts;
mod rebuild;
pub(crate) mod verify;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::Connection;

use crate::connection::{connect, read_uuid};
use crate::db::ledger::Ledger;
use crate::disk::{Disk, RealDisk};
use crate::error::OpenError;
use crate::layout::Layout;
use crate::lock;
use crate::plans;
use crate::recovery::age::newer;
use crate::schema;
use crate::spool::documents::Documents;
use crate::store::Options;

/// What to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FsckMode {
    /// Make a missing or damaged database anew.
    pub rebuild: bool,
}

/// What is wrong with something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FindingKind {
    /// SQLite's own check of the database.
    Database,
    /// `meta.json` is missing or names another spool.
    Meta,
    /// A row without its file.
    Missing,
    /// A file of another size than its row says.
    Size,
    /// A file of another SHA-256 than its row says.
    Hash,
    /// A file or folder that cannot be read.
    Unreadable,
    /// A segment's row says lost or suspect.
    Marked,
    /// A file or folder without a row.
    Unknown,
    /// `lecture.json` is missing, not understood, or of another age than the database.
    Document,
    /// `plans.json` is missing, not understood, or says something else than the database.
    Plans,
    /// States that do not go together.
    State,
}

/// One thing that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What kind.
    pub kind: FindingKind,
    /// Where.
    pub path: PathBuf,
    /// What is wrong, and what to do.
    pub message: String,
}

/// What the check looked at and found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FsckReport {
    /// What is wrong; empty: clean.
    pub findings: Vec<Finding>,
    /// Lectures checked; of a purged one there is its `lecture.json`.
    pub lectures: u64,
    /// Segments whose hash was taken.
    pub segments: u64,
    /// Finished files whose hash was taken.
    pub files: u64,
    /// Bytes that were read.
    pub bytes: u64,
    /// Lectures that a rebuild entered; `None`: nothing was rebuilt.
    pub rebuilt_lectures: Option<u64>,
    /// Planned lectures that a rebuild entered.
    pub rebuilt_plans: u64,
}

impl FsckReport {
    fn find(&mut self, kind: FindingKind, path: &Path, message: impl Into<String>) {
        self.findings.push(Finding {
            kind,
            path: path.to_owned(),
            message: message.into(),
        });
    }
}

impl fmt::Display for FsckReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(lectures) = self.rebuilt_lectures {
            writeln!(
                f,
                "rebuilt   the database, {lectures} lectures, {} planned ones",
                self.rebuilt_plans
            )?;
        }
        let Self {
            lectures,
            segments,
            files,
            bytes,
            ..
        } = self;
        writeln!(
            f,
            "checked   {lectures} lectures, {segments} segments, {files} finished files, {bytes} bytes"
        )?;
        for finding in &self.findings {
            writeln!(f, "found     {}: {}", finding.path.display(), finding.message)?;
        }
        match self.findings.len() {
            0 => writeln!(f, "clean"),
            1 => writeln!(f, "1 finding"),
            n => writeln!(f, "{n} findings"),
        }
    }
}

/// Checks the spool against its database; see the head of this file. Takes the spool's lock.
///
/// # Errors
/// [`OpenError`] when the check could not be made: the daemon runs, the disk is not there, the
/// database is missing or damaged and `rebuild` was not asked for.
pub fn fsck(options: &Options, mode: FsckMode) -> Result<FsckReport, OpenError> {
    let layout = Layout::new(&options.path);
    let mut disk = RealDisk;
    disk.list(layout.root())
        .map_err(OpenError::io(layout.root(), "read"))?;
    let _lock = lock::take(&layout)?;
    let mut report = FsckReport::default();
    let path = layout.database();
    let connection = match open_database(&layout, &mut disk) {
        Ok(connection) => connection,
        Err(
            error @ (OpenError::DatabaseMissing { .. }
            | OpenError::Damaged { .. }
            | OpenError::Database { .. }),
        ) => {
            if !mode.rebuild {
                return Err(error);
            }
            tracing::warn!(reason = %error, "the database is being made anew");
            rebuild::rebuild(&layout, &mut disk, options, &mut report)?;
            connect(&path, &mut disk, false)?
        }
        Err(error) => return Err(error),
    };
    let mut ledger = ledger(connection, &layout)?;
    // A folder that cannot be read is told by the check.
    let entries = disk.list(&layout.lectures()).unwrap_or_default();
    if mode.rebuild
        && report.rebuilt_lectures.is_none()
        && let Some(newer) = newer(&ledger, &mut disk, &entries).map_err(OpenError::database(&path))?
    {
        tracing::warn!(newer = %newer.display(), "the database is older than the spool and is being made anew");
        drop(ledger);
        rebuild::rebuild(&layout, &mut disk, options, &mut report)?;
        ledger = self::ledger(connect(&path, &mut disk, false)?, &layout)?;
    }
    if report.rebuilt_lectures.is_some() {
        rebuild::write_documents(&ledger, &mut disk)?;
        plans::write_anew(&ledger, &mut disk)?;
    }
    verify::verify(&ledger, &mut disk, &mut report).map_err(OpenError::database(&path))?;
    Ok(report)
}

fn ledger(connection: Connection, layout: &Layout) -> Result<Ledger, OpenError> {
    let uuid = read_uuid(&connection, layout)?;
    let documents = Arc::new(Documents::default());
    Ok(Ledger::new(connection, layout.clone(), uuid, documents))
}

fn open_database<D: Disk>(layout: &Layout, disk: &mut D) -> Result<Connection, OpenError> {
    let path = layout.database();
    if !disk.exists(&path).map_err(OpenError::io(&path, "looked for"))? {
        return Err(OpenError::DatabaseMissing { path });
    }
    let connection = connect(&path, disk, false)?;
    let found = schema::version(&connection).map_err(OpenError::database(&path))?;
    if found == 0 {
        return Err(OpenError::Damaged {
            path,
            detail: "it is empty".to_owned(),
        });
    }
    if found != schema::VERSION {
        let reason = format!(
            "it has schema version {found}, this lecternd checks version {}; start lecternd once to upgrade it",
            schema::VERSION
        );
        return Err(OpenError::Version { path, reason });
    }
    read_uuid(&connection, layout)?;
    Ok(connection)
}
