//! Where a file goes in the folder, and what a failing disk means for a person.

use std::borrow::Cow;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::copy::answered;
use crate::fault::Fault;
use crate::reading::hex;

/// The end of a file's name while it grows.
const PART: &str = ".part";
/// What every file system takes, less [`PART`].
const LONGEST_NAME_BYTES: usize = 255 - PART.len();
const LONGEST_EXTENSION_BYTES: usize = 16;
/// Names of devices on Windows, where a stick may be read.
const RESERVED: [&str; 22] = [
    "CON", "PRN", "AUX", "NUL", "COM1", "COM2", "COM3", "COM4", "COM5", "COM6", "COM7", "COM8", "COM9",
    "LPT1", "LPT2", "LPT3", "LPT4", "LPT5", "LPT6", "LPT7", "LPT8", "LPT9",
];

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
        let (folder, name) = (root.join(&*portable(folder)), portable(name));
        Ok(Self {
            part: folder.join(format!("{name}{PART}")),
            whole: folder.join(&*name),
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

/// The room in a lecture's folder name, `<day>T<time>_<room>_<id>`.
pub(super) fn room(folder: &str) -> &str {
    let room = folder.split_once('_').and_then(|(_, rest)| rest.rsplit_once('_'));
    room.map_or("", |(room, _)| room)
}

/// A name as every file system takes it. Sticks are FAT or exFAT: what these cannot store becomes
/// `_`, and a mark from the true name is added, so that two names never become one.
fn portable(name: &str) -> Cow<'_, str> {
    let unsafe_sign = |sign: char| sign.is_control() || "<>:\"/\\|?*".contains(sign);
    let reserved = RESERVED.iter().any(|word| {
        let stem = name.split('.').next().unwrap_or_default().trim_end();
        stem.eq_ignore_ascii_case(word)
    });
    let ends_badly = name.ends_with(['.', ' ']);
    if !reserved && !ends_badly && name.len() <= LONGEST_NAME_BYTES && !name.contains(unsafe_sign) {
        return Cow::Borrowed(name);
    }
    let mark = format!("~{}", &hex(&Sha256::digest(name))[..8]);
    let safe: String = name
        .chars()
        .map(|sign| if unsafe_sign(sign) { '_' } else { sign })
        .collect();
    let (stem, extension) = match safe.rsplit_once('.') {
        Some((stem, extension)) if !ends_badly && extension.len() <= LONGEST_EXTENSION_BYTES => {
            (stem, format!(".{extension}"))
        }
        _ => (safe.trim_end_matches(['.', ' ']), String::new()),
    };
    let room = LONGEST_NAME_BYTES - mark.len() - extension.len() - 1;
    let stem = &stem[..stem.floor_char_boundary(room)];
    let first = if reserved { "_" } else { "" };
    Cow::Owned(format!("{first}{stem}{mark}{extension}"))
}

/// The length of a file; `None` when there is none.
pub(super) async fn length(path: &Path) -> Result<Option<u64>, Fault> {
    match answered(tokio::fs::metadata(path)).await? {
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
    fn names_of_any_script_stay_and_what_a_stick_cannot_store_is_marked() {
        for kept in [
            "lecture.mp4",
            "محاضرة ١.mp4",
            "线性代数 & 100%.mp4",
            ".hidden",
            "console.mp4",
        ] {
            assert_eq!(portable(kept), kept);
        }
        let long = format!("{}.mp4", "线".repeat(100));
        let mut seen = std::collections::BTreeSet::new();
        let bad = [
            "a?.mp4", "a*.mp4", "a_.mp4", "a.", "a ", "CON", "con.mp4", "nul .txt", "a\n.mp4", &long,
        ];
        for name in bad {
            let safe = portable(name).into_owned();
            assert!(safe.len() <= LONGEST_NAME_BYTES, "{name:?}: {safe}");
            assert!(
                !safe.ends_with(['.', ' ']) && !safe.contains(['?', '*', '\n']),
                "{name:?}: {safe}"
            );
            assert!(!safe.to_ascii_lowercase().starts_with("con"), "{name:?}: {safe}");
            assert!(seen.insert(safe.clone()), "{name:?} became {safe} as another did");
            assert_eq!(portable(&safe), safe, "what is safe stays");
        }
        assert!(portable("a?.mp4").starts_with("a_~") && portable("a?.mp4").ends_with(".mp4"));
        assert!(portable(&long).ends_with(".mp4"));
    }

    #[test]
    fn the_room_is_read_from_the_folder() {
        assert_eq!(room("2026-11-21T1000_b-204_0199aa"), "b-204");
        assert_eq!(room("2026-11-21T1000_hall_b_0199aa"), "hall_b");
        assert_eq!(room("other"), "");
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
