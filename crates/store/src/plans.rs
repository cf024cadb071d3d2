//! `plans.json`: what is planned, beside the recordings, so that a lost database does not lose it.
//!
//! A planned lecture has a row and nothing else on the disk until it begins; this file holds what
//! its row says. It holds all plans at once, a few hundred at most, and is replaced in one piece:
//! temporary file, fsync, rename, fsync of the spool's folder.
//!
//! The database thread writes it within the transaction that changes a plan, before the COMMIT, so
//! whoever hears that a plan is kept, changed or called off has it twice. A plan that begins goes
//! out of the file after its COMMIT: until then it must not be missed, and then its folder tells
//! of it. A crash between the two leaves a file that is one step ahead, or one that still holds
//! what has begun; [`put_in_order`] brings both to agree at the next start.

use std::path::{Path, PathBuf};

use lectern_domain::api::Metadata;
use lectern_domain::ids::LectureId;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::db::ledger::Ledger;
use crate::db::planned;
use crate::disk::{Disk, read_whole};
use crate::error::{DbError, OpenError, SpoolError};
use crate::layout::Layout;
use crate::recovery::quarantine::quarantine;
use crate::spool::writer::FolderLost;

/// Version of the file; counts only what an older reader could not understand.
const FORMAT: u32 = 1;
/// The most that the file may take: the longest words for every plan stay below.
const LIMIT_BYTES: u64 = 64 << 20;

/// One planned lecture, as its row says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Kept {
    pub(crate) id: LectureId,
    /// The name that its row holds; no folder has it.
    pub(crate) folder: String,
    /// Of its row: the higher one is the later.
    pub(crate) revision: u64,
    #[serde(default)]
    pub(crate) metadata: Metadata,
    pub(crate) starts_unix_ms: i64,
    pub(crate) ends_unix_ms: i64,
}

/// The content of the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Plans {
    format: u32,
    /// The spool that it belongs to.
    pub(crate) spool: Uuid,
    /// By their beginning.
    pub(crate) plans: Vec<Kept>,
}

impl Plans {
    pub(crate) fn new(spool: Uuid, plans: Vec<Kept>) -> Self {
        Self {
            format: FORMAT,
            spool,
            plans,
        }
    }

    /// The text of the file.
    pub(crate) fn to_json(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec(self).expect("plans have text keys and whole numbers only");
        bytes.push(b'\n');
        bytes
    }
}

/// What lies where the file belongs.
#[derive(Debug)]
pub(crate) enum Found {
    /// Nothing: no plan was ever made here, or by a version that did not keep them.
    Nothing,
    Plans(Plans),
    /// Something that holds no plans of ours, and why.
    Unfit(String),
    /// The disk did not give it, and why; it may be whole.
    Unread(String),
}

/// Reads the file. Blocks.
pub(crate) fn read<D: Disk>(disk: &mut D, layout: &Layout) -> Found {
    match read_whole(disk, &layout.plans(), LIMIT_BYTES) {
        Ok(bytes) => parse(&bytes),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Found::Nothing,
        Err(error) if error.kind() == std::io::ErrorKind::InvalidData => Found::Unfit(error.to_string()),
        Err(error) => Found::Unread(format!("it could not be read: {error}")),
    }
}

/// What a text says.
pub(crate) fn parse(bytes: &[u8]) -> Found {
    match serde_json::from_slice::<Plans>(bytes) {
        Ok(plans) if plans.format <= FORMAT => Found::Plans(plans),
        Ok(plans) => Found::Unfit(format!("a newer version wrote it, in format {}", plans.format)),
        Err(error) => Found::Unfit(format!("it is not understood: {error}")),
    }
}

/// Why the file was not replaced.
#[derive(Debug)]
pub(crate) enum Unkept {
    /// It is as it was.
    NotWritten(SpoolError),
    /// It is as it was or as it was to be, and no entry of the folder can be trusted any more.
    FolderLost(FolderLost),
}

/// Replaces the file in one piece. Blocks for two fsyncs.
pub(crate) fn write<D: Disk>(disk: &mut D, layout: &Layout, text: &[u8]) -> Result<(), Unkept> {
    let path = layout.plans();
    let tmp = path.with_extension("json.tmp");
    let replaced = disk.create_private(&tmp).and_then(|mut file| {
        disk.append(&mut file, text)?;
        disk.sync_all(&mut file)?;
        disk.rename(&tmp, &path)
    });
    replaced.map_err(|error| Unkept::NotWritten(SpoolError::io(&path, "written")(error)))?;
    let path = layout.root().to_owned();
    disk.sync_dir(&path)
        .map_err(|source| Unkept::FolderLost(FolderLost { path, source }))
}

/// How the database thread writes the file: [`write()`] on the disk that it was given.
pub(crate) type Keep = Box<dyn FnMut(&[u8]) -> Result<(), Unkept> + Send>;

/// The way to the file on `disk`, for [`Ledger`].
pub(crate) fn keep_on<D: Disk>(mut disk: D, layout: &Layout) -> Keep {
    let layout = layout.clone();
    Box::new(move |text| write(&mut disk, &layout, text))
}

/// The last step of a start: what the file knows and the rows do not is taken in, then the file is
/// written if it is not as the rows. One that cannot be used is put aside; returns where.
///
/// A file that cannot be written is no error: the rows have all of it, and the next change tries
/// again. Blocks.
///
/// # Errors
/// The database failed, or the spool's folder could not be synced.
pub(crate) fn put_in_order<D: Disk>(ledger: &mut Ledger, disk: &mut D) -> Result<Option<PathBuf>, OpenError> {
    let path = ledger.layout.plans();
    let mut aside = None;
    let kept = match read(disk, &ledger.layout) {
        Found::Nothing => None,
        Found::Plans(plans) if plans.spool == ledger.uuid => Some(plans.plans),
        Found::Plans(plans) => {
            aside = put_aside(
                disk,
                &ledger.layout,
                &format!("it belongs to the spool {}", plans.spool),
            );
            None
        }
        Found::Unfit(why) => {
            aside = put_aside(disk, &ledger.layout, &why);
            None
        }
        Found::Unread(why) => {
            tracing::warn!(path = %path.display(), why, "the file of plans was passed by; the database has all of it");
            None
        }
    };
    for plan in kept.iter().flatten() {
        take_in(ledger, &path, plan)?;
    }
    let rows = planned::all(&ledger.connection).map_err(OpenError::database(&ledger.layout.database()))?;
    if kept.map_or_else(|| !rows.is_empty(), |kept| kept != rows) {
        write_rows(ledger, disk, rows)?;
    }
    Ok(aside)
}

/// Writes the file as the rows are, after a rebuild.
///
/// # Errors
/// As [`put_in_order`].
pub(crate) fn write_anew<D: Disk>(ledger: &Ledger, disk: &mut D) -> Result<(), OpenError> {
    let rows = planned::all(&ledger.connection).map_err(OpenError::database(&ledger.layout.database()))?;
    if rows.is_empty() && matches!(read(disk, &ledger.layout), Found::Nothing) {
        return Ok(());
    }
    write_rows(ledger, disk, rows)
}

fn write_rows<D: Disk>(ledger: &Ledger, disk: &mut D, rows: Vec<Kept>) -> Result<(), OpenError> {
    match write(disk, &ledger.layout, &Plans::new(ledger.uuid, rows).to_json()) {
        Ok(()) => Ok(()),
        Err(Unkept::NotWritten(error)) => {
            tracing::warn!(%error, "the plans were not written beside the database; the next change tries it again");
            Ok(())
        }
        Err(Unkept::FolderLost(lost)) => Err(OpenError::Io {
            path: lost.path,
            what: "synced",
            source: lost.source,
        }),
    }
}

/// Moves a file that cannot be used into quarantine and says so; where it is now.
pub(crate) fn put_aside<D: Disk>(disk: &mut D, layout: &Layout, why: &str) -> Option<PathBuf> {
    let path = layout.plans();
    match quarantine(disk, layout, &path) {
        Ok(now) => {
            tracing::warn!(path = %path.display(), now = %now.display(), why, "the file of plans was put into quarantine");
            Some(now)
        }
        Err(error) => {
            tracing::error!(path = %path.display(), why, %error, "the file of plans could not be put into quarantine");
            None
        }
    }
}

/// A plan that has no row, or an older one: a crash came before the COMMIT, or somebody put an old
/// database back.
fn take_in(ledger: &mut Ledger, path: &Path, plan: &Kept) -> Result<(), OpenError> {
    match planned::take_in(ledger, plan) {
        Ok(true) => {
            tracing::warn!(lecture = %plan.id, path = %path.display(), "a plan that the database did not know was taken in");
            Ok(())
        }
        Ok(false) => Ok(()),
        Err(error) if error.is_of_content() => {
            tracing::warn!(lecture = %plan.id, path = %path.display(), %error, "a plan was left out");
            Ok(())
        }
        Err(DbError::Sqlite { source, .. }) => Err(OpenError::database(&ledger.layout.database())(source)),
        Err(error) => Err(OpenError::Damaged {
            path: ledger.layout.database(),
            detail: error.to_string(),
        }),
    }
}
