//! Before step 5: self tests that a crash left behind go, with their rows and all of their files.

use crate::db::ledger::Ledger;
use crate::db::self_test::{discard_rows, left_behind};
use crate::disk::{Disk, Entry};
use crate::error::OpenError;
use crate::removal::{Removal, remove};

/// Deletes them; their folders are taken out of `entries`, what lies in `lectures`. Files that the
/// disk does not let go keep no recorder from starting: without their rows they are unknown, and
/// are put into quarantine as such.
///
/// # Errors
/// The database refused; the rest goes at the next start.
pub(crate) fn discard<D: Disk>(
    ledger: &mut Ledger,
    disk: &mut D,
    entries: &mut Vec<Entry>,
) -> Result<(), OpenError> {
    let database = ledger.layout.database();
    let left = left_behind(&ledger.connection, &ledger.layout).map_err(OpenError::database(&database))?;
    for (lecture, folder) in left {
        let name = folder.path().file_name().unwrap_or_default().to_owned();
        let removed = remove(disk, &Removal::SelfTest(folder));
        ledger
            .change(lecture, |tx| discard_rows(tx, lecture))
            .map_err(|error| OpenError::Damaged {
                path: database.clone(),
                detail: error.to_string(),
            })?;
        match removed {
            Ok(()) => {
                entries.retain(|entry| entry.name != name);
                tracing::info!(%lecture, "a self test that was cut short was deleted");
            }
            Err((path, what, error)) => {
                tracing::error!(
                    %lecture,
                    path = %path.display(),
                    what,
                    %error,
                    "a self test that was cut short could not be deleted; what is left goes into quarantine"
                );
            }
        }
    }
    Ok(())
}
