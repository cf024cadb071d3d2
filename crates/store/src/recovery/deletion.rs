//! Step 5: deletions that a crash cut are ended.
//!
//! What was decided was committed before the first file went, so the rows say what is left to
//! do: unlink, fsync of the folders, then the rows away and the lecture `purged`.

use crate::db::document::Document;
use crate::db::ledger::Ledger;
use crate::db::purge::{half_made, settle};
use crate::disk::Disk;
use crate::error::OpenError;
use crate::removal::{removals, remove};

pub(super) fn finish<D: Disk>(ledger: &mut Ledger, disk: &mut D) -> Result<(), OpenError> {
    let database = ledger.layout.database();
    for lecture in half_made(&ledger.connection).map_err(OpenError::database(&database))? {
        let document = Document::load(&ledger.connection, ledger.uuid, lecture)
            .map_err(OpenError::database(&database))?;
        let Some(document) = document else { continue };
        for removal in removals(&document, &ledger.layout) {
            remove(disk, &removal).map_err(|(path, what, source)| OpenError::Io { path, what, source })?;
        }
        ledger
            .change(lecture, |tx| settle(tx, lecture))
            .map_err(|error| OpenError::Damaged {
                path: database.clone(),
                detail: error.to_string(),
            })?;
        tracing::info!(%lecture, "a deletion that was cut short was ended");
    }
    Ok(())
}
