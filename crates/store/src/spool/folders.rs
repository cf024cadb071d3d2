//! The folders of a lecture: made before its row, and asked for the numbers that are taken.

use std::path::Path;

use lectern_domain::ids::SourceName;

use crate::disk::Disk;
use crate::error::SpoolError;
use crate::layout::{FINISHED, Layout, segment_number};

/// Makes a lecture's folder, one for each track and the one of its finished files; syncs it and
/// its parent. Blocks.
///
/// # Errors
/// [`SpoolError::Io`]; what was made so far stays, and the next start removes it.
pub(crate) fn make_folder<D: Disk>(
    disk: &mut D,
    layout: &Layout,
    folder: &str,
    sources: &[SourceName],
) -> Result<(), SpoolError> {
    let path = layout.lecture(folder);
    disk.make_dir(&path).map_err(SpoolError::io(&path, "made"))?;
    for name in sources.iter().map(SourceName::as_str).chain([FINISHED]) {
        let below = path.join(name);
        disk.make_dir(&below).map_err(SpoolError::io(&below, "made"))?;
    }
    for dir in [path, layout.lectures()] {
        disk.sync_dir(&dir).map_err(SpoolError::io(&dir, "synced"))?;
    }
    Ok(())
}

/// The highest number of a segment's file in a track's folder; 0 when there is none. A folder
/// that cannot be read has none: making the file finds out which numbers are taken.
pub(crate) fn highest_number<D: Disk>(disk: &mut D, folder: &Path) -> u32 {
    disk.list(folder).map_or(0, |entries| {
        entries
            .iter()
            .filter_map(|entry| segment_number(&entry.name))
            .max()
            .unwrap_or(0)
    })
}
