//! Where a file goes in the folder, and what a failing disk means for a person.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use crate::fault::Fault;

/// The three paths of one file.
pub(super) struct Place {
    /// The lecture's folder.
    pub(super) folder: PathBuf,
    /// The file while it grows.
    pub(super) part: PathBuf,
    /// The file when it is whole.
    pub(super) whole: PathBuf,
}

impl Place {
    /// Refuses names that would leave the folder: they come from the database, which a person may
    /// have mended by hand.
    pub(super) fn new(root: &Path, folder: &str, name: &str) -> Result<Self, Fault> {
        for part in [folder, name] {
            if part.is_empty() || part == "." || part == ".." || part.contains(['/', '\0']) {
                return Err(Fault::person(
                    format!("{part:?} is no name for a file or folder."),
                    "This is a fault in Lectern: please report it with this text.",
                ));
            }
        }
        let folder = root.join(folder);
        Ok(Self {
            part: folder.join(format!("{name}.part")),
            whole: folder.join(name),
            folder,
        })
    }

    /// The handle that is committed: it says which temporary file is ours.
    pub(super) fn part_name(&self) -> String {
        self.part
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned()
    }

    /// Something else already has the final name.
    pub(super) fn other_file(&self) -> Fault {
        Fault::person(
            format!(
                "{} exists and is another file; it was not touched.",
                self.whole.display()
            ),
            "Look at it, move it away, and then try again.",
        )
    }
}

/// The length of a file; `None` when there is none.
pub(super) async fn length(path: &Path) -> Result<Option<u64>, Fault> {
    match tokio::fs::metadata(path).await {
        Ok(meta) if meta.is_file() => Ok(Some(meta.len())),
        Ok(_) => Err(Fault::person(
            format!("{} is in the way: it is no plain file.", path.display()),
            "Look at it, move it away, and then try again.",
        )),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(obstacle("look at", path, &error)),
    }
}

/// What a failed call on the folder means: room and mounts come back by themselves or by a person
/// who needs no command of ours; permissions do not.
pub(super) fn obstacle(doing: &str, path: &Path, error: &io::Error) -> Fault {
    let path = path.display();
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Fault::later(format!(
            "There is no room left to {doing} {path}: free some there."
        )),
        ErrorKind::ReadOnlyFilesystem => Fault::refused(
            format!("Lectern cannot {doing} {path}: the disk or share is read-only."),
            "Mount it writable; a disk that became read-only by itself may be failing.",
        ),
        ErrorKind::PermissionDenied => Fault::refused(
            format!("Lectern may not {doing} {path}: permission denied."),
            "Let the user of lecternd write there.",
        ),
        ErrorKind::FileTooLarge => Fault::person(
            format!("Lectern cannot {doing} {path}: the file is too large for the disk's file system."),
            "FAT32 takes 4 GiB at most: format the disk as exFAT, or send the lecture to another platform.",
        ),
        _ => Fault::later(format!("Lectern could not {doing} {path}: {error}.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leaves_the_folder() {
        for (folder, name) in [
            ("..", "a"),
            ("a/b", "a"),
            ("a", "../a"),
            ("", "a"),
            ("a", "."),
            ("a", "b\0"),
        ] {
            assert!(
                Place::new(Path::new("/x"), folder, name).is_err(),
                "{folder:?} {name:?}"
            );
        }
        let place = Place::new(Path::new("/x"), "l", "线.mp4").unwrap();
        assert_eq!(place.whole, Path::new("/x/l/线.mp4"));
        assert_eq!(place.part_name(), "线.mp4.part");
    }

    #[test]
    fn a_disk_in_trouble_is_told_in_a_sentence() {
        let told = |errno| {
            obstacle(
                "write",
                Path::new("/mnt/usb/a"),
                &io::Error::from_raw_os_error(errno),
            )
        };
        assert_eq!(
            told(28).to_string(),
            "There is no room left to write /mnt/usb/a: free some there."
        );
        assert!(matches!(told(28), Fault::Later { .. }));
        assert_eq!(
            told(30).to_string(),
            "Lectern cannot write /mnt/usb/a: the disk or share is read-only. \
             Mount it writable; a disk that became read-only by itself may be failing."
        );
        assert_eq!(
            told(13).to_string(),
            "Lectern may not write /mnt/usb/a: permission denied. Let the user of lecternd write there."
        );
        assert!(matches!(told(5), Fault::Later { .. }));
    }
}
