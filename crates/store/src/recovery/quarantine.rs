//! Unknown and hopeless files are moved aside, never deleted (P6): somebody may want to look.

use std::io;
use std::path::{Path, PathBuf};

use crate::disk::Disk;
use crate::layout::Layout;

/// Moves a file or folder of `lectures`, or one beside it, into `quarantine`, under a name that tells where it was.
/// Both folders are synced. Returns where it is now.
pub(crate) fn quarantine<D: Disk>(disk: &mut D, layout: &Layout, path: &Path) -> io::Result<PathBuf> {
    let home = layout.quarantine();
    disk.make_dir(&home)?;
    let below = path
        .strip_prefix(layout.lectures())
        .or_else(|_| path.strip_prefix(layout.root()))
        .unwrap_or(path);
    let parts: Vec<String> = below
        .components()
        .map(|part| part.as_os_str().to_string_lossy().into_owned())
        .collect();
    let name = parts.join("__");
    let mut target = home.join(&name);
    let mut copy = 1;
    while disk.exists(&target)? {
        copy += 1;
        target = home.join(format!("{name}.{copy}"));
    }
    disk.rename(path, &target)?;
    disk.sync_dir(&home)?;
    if let Some(folder) = path.parent() {
        disk.sync_dir(folder)?;
    }
    Ok(target)
}
