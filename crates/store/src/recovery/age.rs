//! Whether the database is as new as the spool.
//!
//! `lecture.json` is written after the COMMIT that it tells of, so it can be older than the
//! database, never newer. If it is newer, or if the database does not know a lecture that was
//! recorded with it, somebody has put an old copy back. Nothing may be changed then: the newer
//! file may hold receipts that exist nowhere else, without which a lecture would be sent twice.

use std::collections::BTreeMap;
use std::path::PathBuf;

use lectern_domain::ids::LectureId;
use serde::Deserialize;
use uuid::Uuid;

use super::{LECTURE_JSON_LIMIT_BYTES, all_lectures};
use crate::db::ledger::Ledger;
use crate::disk::{Disk, read_whole};
use crate::error::OpenError;
use crate::layout::LECTURE_JSON;

/// The head of a `lecture.json`.
#[derive(Debug, Deserialize)]
struct Head {
    id: LectureId,
    spool: Uuid,
    revision: u64,
}

/// Refuses a database that is older than the spool. Changes nothing.
pub(crate) fn check_age<D: Disk>(ledger: &Ledger, disk: &mut D) -> Result<(), OpenError> {
    let path = ledger.layout.database();
    match newer(ledger, disk).map_err(OpenError::database(&path))? {
        Some(newer) => Err(OpenError::DatabaseOlder { path, newer }),
        None => Ok(()),
    }
}

/// The first `lecture.json` of this spool that is newer than its row, or has none.
pub(crate) fn newer<D: Disk>(ledger: &Ledger, disk: &mut D) -> rusqlite::Result<Option<PathBuf>> {
    let rows: BTreeMap<LectureId, u64> = all_lectures(ledger)?
        .into_iter()
        .map(|(lecture, _, revision)| (lecture, revision))
        .collect();
    let lectures = ledger.layout.lectures();
    // A folder that cannot be read is recovery's and fsck's business.
    for entry in disk.list(&lectures).unwrap_or_default() {
        let path = lectures.join(&entry.name).join(LECTURE_JSON);
        let Ok(bytes) = read_whole(disk, &path, LECTURE_JSON_LIMIT_BYTES) else {
            continue;
        };
        let Ok(head) = serde_json::from_slice::<Head>(&bytes) else {
            continue;
        };
        let known = rows
            .get(&head.id)
            .is_some_and(|revision| *revision >= head.revision);
        if head.spool == ledger.uuid && !known {
            return Ok(Some(path));
        }
    }
    Ok(None)
}
