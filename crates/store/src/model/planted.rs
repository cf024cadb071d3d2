//! Bugs that are planted on purpose, to prove that the model finds them.
//!
//! Each makes the disk behave as if the store had left out or misplaced a step: the store's code
//! stays as it is, and its promises rest on something that does not happen.

use std::path::PathBuf;

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Planted {
    /// Nothing.
    Nothing,
    /// Files are never synced.
    NoFileSync,
    /// Folders are never synced.
    NoFolderSync,
    /// Syncs happen only with the next change of the disk, that is, after the COMMIT that they
    /// should have come before.
    CommitFirst,
    /// What a failed sync left in memory is taken for what the device has.
    StaleCache,
}

/// A sync that was put off.
#[derive(Clone, Debug)]
pub(super) enum Skipped {
    File(usize),
    Folder(PathBuf),
}
