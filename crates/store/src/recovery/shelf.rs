//! What a start looks at, and what it may pass by.
//!
//! Of a hundred thousand lectures all but a few are over: nothing will change them, and the last
//! start that saw them found everything in place. Such a lecture is shelved. Any change of it takes
//! it off the shelf again, so a start costs as much as was done since the one before.

use std::collections::{BTreeSet, HashSet};
use std::path::PathBuf;

use lectern_domain::ids::LectureId;
use rusqlite::params;

use super::{Recovery, written_revision};
use crate::db::ledger::Ledger;
use crate::db::rows::{get_text, get_uint, int};
use crate::disk::{Disk, Entry};
use crate::error::OpenError;

/// What a lecture's row says of its folder.
#[derive(Clone, Debug)]
pub(crate) struct LectureRow {
    /// Which.
    pub(crate) lecture: LectureId,
    /// Its folder's name.
    pub(crate) folder: String,
    /// What its `lecture.json` should say.
    pub(crate) revision: u64,
    /// Whether it has a folder; see [`Document::has_folder`](crate::db::document::Document::has_folder).
    pub(crate) has_folder: bool,
}

const COLUMNS: &str = "id, folder, revision,
    EXISTS (SELECT 1 FROM tracks WHERE lecture = id)
        OR EXISTS (SELECT 1 FROM runs WHERE lecture = id) AS has_folder";

/// Every lecture; purged ones too, whose `lecture.json` stays.
pub(crate) fn all_lectures(ledger: &Ledger) -> rusqlite::Result<Vec<LectureRow>> {
    rows(
        ledger,
        &format!("SELECT {COLUMNS} FROM lectures ORDER BY started_unix_ms, id"),
    )
}

/// Lectures that are not shelved, oldest first.
pub(crate) fn at_hand(ledger: &Ledger) -> rusqlite::Result<Vec<LectureRow>> {
    rows(
        ledger,
        &format!(
            "SELECT {COLUMNS} FROM lectures INDEXED BY lectures_at_hand
             WHERE shelved = 0 ORDER BY started_unix_ms, id"
        ),
    )
}

fn rows(ledger: &Ledger, sql: &str) -> rusqlite::Result<Vec<LectureRow>> {
    let mut statement = ledger.connection.prepare(sql)?;
    let rows = statement.query_map([], |row| {
        Ok(LectureRow {
            lecture: get_text(row, "id")?,
            folder: row.get("folder")?,
            revision: get_uint(row, "revision")?,
            has_folder: row.get("has_folder")?,
        })
    })?;
    rows.collect()
}

/// What lies in `lectures`, by name, without the folders of shelved lectures: their names alone are
/// read, out of an index and the listing.
pub(crate) fn present<D: Disk>(ledger: &Ledger, disk: &mut D) -> Result<Vec<Entry>, OpenError> {
    let database = ledger.layout.database();
    let lectures = ledger.layout.lectures();
    let shelved = shelved_folders(ledger).map_err(OpenError::database(&database))?;
    let mut entries = disk.list(&lectures).map_err(OpenError::io(&lectures, "read"))?;
    entries.retain(|entry| !(entry.is_dir && entry.name.to_str().is_some_and(|name| shelved.contains(name))));
    Ok(entries)
}

fn shelved_folders(ledger: &Ledger) -> rusqlite::Result<HashSet<String>> {
    let mut statement = ledger.connection.prepare("SELECT folder FROM lectures")?;
    let mut folders: HashSet<String> = statement
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for row in at_hand(ledger)? {
        folders.remove(&row.folder);
    }
    Ok(folders)
}

/// Writes each `lecture.json` at hand that is not as its row, then shelves the lectures that are
/// over and whose folder was found in order.
pub(super) fn put_in_order<D: Disk>(
    ledger: &mut Ledger,
    disk: &mut D,
    recovery: &Recovery,
) -> Result<(), OpenError> {
    let database = ledger.layout.database();
    let mut in_order = Vec::new();
    for row in at_hand(ledger).map_err(OpenError::database(&database))? {
        if !row.has_folder || written_revision(disk, ledger, &row.folder) == Some(row.revision) {
            in_order.push(row);
        } else {
            ledger.publish(row.lecture);
        }
    }
    let documents = std::sync::Arc::clone(&ledger.documents);
    documents
        .write(disk, &ledger.layout)
        .map_err(|lost| OpenError::Io {
            path: lost.path,
            what: "synced",
            source: lost.source,
        })?;
    let unwell: BTreeSet<LectureId> = recovery
        .lost
        .iter()
        .chain(&recovery.suspect)
        .map(|damage| damage.lecture)
        .collect();
    in_order.retain(|row| !unwell.contains(&row.lecture));
    shelve(ledger, disk, &in_order).map_err(|failure| match failure {
        Failure::Database(error) => OpenError::database(&database)(error),
        Failure::Folder(path, source) => OpenError::Io {
            path,
            what: "synced",
            source,
        },
    })
}

enum Failure {
    Database(rusqlite::Error),
    Folder(PathBuf, std::io::Error),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error)
    }
}

/// Shelves what is over of `rows`, in one transaction that changes no revision.
fn shelve<D: Disk>(ledger: &mut Ledger, disk: &mut D, rows: &[LectureRow]) -> Result<(), Failure> {
    let tx = ledger.connection.transaction()?;
    for row in rows {
        let over = tx
            .prepare_cached(
                "UPDATE lectures SET shelved = 1
                 WHERE id = ?1 AND revision = ?2
                   AND (state IN ('purged', 'cancelled') OR (state = 'delivered' AND purge_unix_ms IS NULL
                        AND NOT EXISTS (SELECT 1 FROM segments
                                        WHERE lecture = lectures.id AND state <> 'closed')))",
            )?
            .execute(params![row.lecture.to_string(), int(row.revision)])?;
        if over > 0 && row.has_folder {
            // The text was read through memory: its name may not have reached the disk yet, and no
            // later start will look.
            let folder = ledger.layout.lecture(&row.folder);
            disk.sync_dir(&folder)
                .map_err(|error| Failure::Folder(folder, error))?;
        }
    }
    tx.commit()?;
    Ok(())
}
