//! Step 5: deletions that a crash cut are ended.
//!
//! What was decided was committed before the first file went, so the rows say what is left to
//! do: unlink, fsync of the folders, then the rows away and the lecture `purged`.

use lectern_domain::ids::LectureId;

use crate::db::document::Document;
use crate::db::ledger::Ledger;
use crate::db::purge::{half_made, settle};
use crate::disk::Disk;
use crate::error::OpenError;
use crate::removal::{removals, remove};

/// Ends them; returns those that the disk refused. What cannot be deleted of a delivered lecture
/// keeps no recorder from starting: its rows stay as they are, and the next purge or start ends it.
///
/// # Errors
/// The database refused.
pub(super) fn finish<D: Disk>(ledger: &mut Ledger, disk: &mut D) -> Result<Vec<LectureId>, OpenError> {
    let database = ledger.layout.database();
    let mut refused = Vec::new();
    for lecture in half_made(&ledger.connection).map_err(OpenError::database(&database))? {
        let document = Document::load(&ledger.connection, ledger.uuid, lecture)
            .map_err(OpenError::database(&database))?;
        let Some(document) = document else { continue };
        let removed = removals(&document, &ledger.layout)
            .iter()
            .try_for_each(|removal| remove(disk, removal));
        if let Err((path, what, error)) = removed {
            tracing::error!(
                %lecture,
                path = %path.display(),
                what,
                %error,
                "a deletion that was cut short could not be ended; it is tried again"
            );
            refused.push(lecture);
            continue;
        }
        ledger
            .change(lecture, |tx| settle(tx, lecture))
            .map_err(|error| OpenError::Damaged {
                path: database.clone(),
                detail: error.to_string(),
            })?;
        tracing::info!(%lecture, "a deletion that was cut short was ended");
    }
    Ok(refused)
}
