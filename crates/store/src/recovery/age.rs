//! Whether the database is as new as the spool.
//!
//! `lecture.json` is written after the COMMIT that it tells of, so it can be older than the
//! database, never newer. If it is newer, or if the database does not know a lecture that was
//! recorded with it, somebody has put an old copy back. Nothing may be changed then: the newer
//! file may hold receipts that exist nowhere else, without which a lecture would be sent twice.

use std::path::PathBuf;

use lectern_domain::ids::LectureId;
use rusqlite::OptionalExtension;
use serde::Deserialize;
use uuid::Uuid;

use super::LECTURE_JSON_LIMIT_BYTES;
use crate::db::ledger::Ledger;
use crate::db::rows::get_uint;
use crate::disk::{Disk, Entry, read_whole};
use crate::error::OpenError;
use crate::layout::LECTURE_JSON;

/// The head of a `lecture.json`.
#[derive(Debug, Deserialize)]
struct Head {
    id: LectureId,
    spool: Uuid,
    revision: u64,
}

/// Refuses a database that is older than the spool, as far as the folders `entries` tell: of a
/// shelved lecture an old copy can have missed no more than its deletion here, which is then done
/// again. Changes nothing.
pub(crate) fn check_age<D: Disk>(ledger: &Ledger, disk: &mut D, entries: &[Entry]) -> Result<(), OpenError> {
    let path = ledger.layout.database();
    match newer(ledger, disk, entries).map_err(OpenError::database(&path))? {
        Some(newer) => Err(OpenError::DatabaseOlder { path, newer }),
        None => Ok(()),
    }
}

/// The first `lecture.json` in these folders of `lectures` that is newer than its row, or has none.
pub(crate) fn newer<D: Disk>(
    ledger: &Ledger,
    disk: &mut D,
    entries: &[Entry],
) -> rusqlite::Result<Option<PathBuf>> {
    let mut known = ledger
        .connection
        .prepare("SELECT revision FROM lectures WHERE id = ?1")?;
    for entry in entries {
        let path = ledger.layout.lectures().join(&entry.name).join(LECTURE_JSON);
        let Ok(bytes) = read_whole(disk, &path, LECTURE_JSON_LIMIT_BYTES) else {
            continue;
        };
        let Ok(head) = serde_json::from_slice::<Head>(&bytes) else {
            continue;
        };
        if head.spool != ledger.uuid {
            continue;
        }
        let revision = known
            .query_row([head.id.to_string()], |row| get_uint(row, "revision"))
            .optional()?;
        if revision.is_none_or(|revision| revision < head.revision) {
            return Ok(Some(path));
        }
    }
    Ok(None)
}
