//! The files of a deletion that was decided and committed, in the order in which they go.
//!
//! Only files that a row names are unlinked; what else lies in the folders stays and is put into
//! quarantine by the next start. Of a self test everything goes. Every step can be done again: what is gone already is no error.
//! A step is small, so that the chunks of a recording pass between two.

use std::io;
use std::path::{Path, PathBuf};

use lectern_domain::segment::SegmentState;

use crate::db::document::Document;
use crate::db::self_test::TestFolder;
use crate::disk::Disk;
use crate::layout::{Layout, segment_name};

/// Files of one step: an unlink of a few large files takes milliseconds each.
const FILES_OF_A_STEP: usize = 8;

/// One step of a deletion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Removal {
    /// Unlink these files of the folder, then sync it.
    Files { folder: PathBuf, names: Vec<String> },
    /// Remove the folders that are empty now, then sync their parent.
    Folders { parent: PathBuf, folders: Vec<PathBuf> },
    /// Remove a self test's folder with all that is in it, then sync its parent.
    SelfTest(TestFolder),
}

/// What is to go: the segments that are garbage and, once the deletion of the lecture was
/// decided, its finished files and every folder but its own.
pub(crate) fn removals(document: &Document, layout: &Layout) -> Vec<Removal> {
    let mut steps = Vec::new();
    let mut folders = Vec::new();
    for track in &document.tracks {
        let folder = layout.track(&document.folder, &track.source);
        let garbage = track
            .segments
            .iter()
            .filter(|segment| segment.state == SegmentState::Garbage);
        files(
            &mut steps,
            &folder,
            garbage.map(|segment| segment_name(segment.number)),
        );
        folders.push(folder);
    }
    if document.purge_unix_ms.is_some() {
        let finished = layout.finished(&document.folder);
        files(
            &mut steps,
            &finished,
            document.files.iter().map(|file| file.name.clone()),
        );
        folders.push(finished);
        steps.push(Removal::Folders {
            parent: layout.lecture(&document.folder),
            folders,
        });
    }
    steps
}

fn files(steps: &mut Vec<Removal>, folder: &Path, names: impl Iterator<Item = String>) {
    let names: Vec<String> = names.collect();
    steps.extend(names.chunks(FILES_OF_A_STEP).map(|names| Removal::Files {
        folder: folder.to_owned(),
        names: names.to_vec(),
    }));
}

/// Does one step. Blocks.
///
/// # Errors
/// The path that the disk refused, what was tried, and its answer.
pub(crate) fn remove<D: Disk>(
    disk: &mut D,
    removal: &Removal,
) -> Result<(), (PathBuf, &'static str, io::Error)> {
    match removal {
        Removal::Files { folder, names } => {
            for name in names {
                let path = folder.join(name);
                match disk.unlink(&path) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => {
                        return Err((path, "removed", error));
                    }
                    Ok(()) | Err(_) => {}
                }
            }
            sync(disk, folder)
        }
        Removal::Folders { parent, folders } => {
            for folder in folders {
                match disk.remove_dir(folder) {
                    Ok(()) => {}
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {
                        tracing::warn!(path = %folder.display(), "a folder of a deleted lecture holds files that no row knows; they stay");
                    }
                    Err(error) => return Err((folder.clone(), "removed", error)),
                }
            }
            sync(disk, parent)
        }
        Removal::SelfTest(folder) => {
            empty_and_remove(disk, folder.path())?;
            folder.path().parent().map_or(Ok(()), |parent| sync(disk, parent))
        }
    }
}

/// Removes a folder with all that is in it. One that is gone is no error.
fn empty_and_remove<D: Disk>(disk: &mut D, folder: &Path) -> Result<(), (PathBuf, &'static str, io::Error)> {
    let gone = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
    let entries = match disk.list(folder) {
        Err(error) if gone(&error) => return Ok(()),
        Err(error) => return Err((folder.to_owned(), "read", error)),
        Ok(entries) => entries,
    };
    for entry in entries {
        let path = folder.join(&entry.name);
        if entry.is_dir {
            empty_and_remove(disk, &path)?;
        } else if let Err(error) = disk.unlink(&path)
            && !gone(&error)
        {
            return Err((path, "removed", error));
        }
    }
    match disk.remove_dir(folder) {
        Err(error) if !gone(&error) => Err((folder.to_owned(), "removed", error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// A folder that is gone already was emptied and removed before a crash: nothing is left to sync.
fn sync<D: Disk>(disk: &mut D, folder: &Path) -> Result<(), (PathBuf, &'static str, io::Error)> {
    match disk.sync_dir(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err((folder.to_owned(), "synced", error)),
        Ok(()) | Err(_) => Ok(()),
    }
}
