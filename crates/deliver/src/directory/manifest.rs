//! `lectern-manifest.json` at the root of the folder: what was ever copied there in whole.
//!
//! A disk is carried to the platform and emptied there. What the manifest lists is never copied a
//! second time, also when the file itself has been taken away. It is written atomically after the
//! file has its final name, and by one writer at a time. A file of that name which is damaged or
//! somebody else's is set aside under another name, never overwritten.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use lectern_domain::ids::LectureId;
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use serde::{Deserialize, Serialize};

use super::copy::{blocking, sync_folder};
use super::place::obstacle;
use crate::fault::Fault;

pub(super) const NAME: &str = "lectern-manifest.json";
const LOCK: &str = "lectern-manifest.lock";
/// The form that is written; others are not touched.
const VERSION: u32 = 1;
/// A hundred thousand files; more is no manifest of ours.
const LONGEST_BYTES: u64 = 64 * 1024 * 1024;

/// The file as it is on the disk.
#[derive(Debug, Serialize, Deserialize)]
struct Manifest {
    /// Marks the file as ours.
    lectern_manifest: u32,
    files: Vec<Entry>,
}

/// One file that was there in whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) lecture: LectureId,
    pub(super) title: String,
    /// The room that recorded it.
    pub(super) room: String,
    /// When the lecture began, RFC 3339 in UTC.
    pub(super) recorded: String,
    /// Its name in the lecture.
    pub(super) file: String,
    /// Where it is below the manifest's folder.
    pub(super) path: String,
    pub(super) size: u64,
    pub(super) sha256: String,
}

/// What lies under the manifest's name.
enum Found {
    Nothing,
    Ours(Vec<Entry>),
    /// Damaged, of another version, or no manifest.
    Foreign,
}

/// What is listed for one file of a lecture.
pub(super) async fn listed(root: &Path, lecture: LectureId, file: &str) -> Result<Option<Entry>, Fault> {
    let (root, file) = (root.to_owned(), file.to_owned());
    blocking(move || {
        let entries = match read(&root)? {
            Found::Ours(entries) => entries,
            Found::Nothing => Vec::new(),
            Found::Foreign => {
                tracing::warn!(folder = %root.display(), "the manifest could not be read");
                Vec::new()
            }
        };
        Ok(entries
            .into_iter()
            .find(|entry| entry.lecture == lecture && entry.file == file))
    })
    .await
}

/// How many files are listed, and how many of them have been taken away since. `None`: what lies
/// there is no manifest.
pub(super) async fn carried(root: &Path) -> Result<Option<(usize, usize)>, Fault> {
    let root = root.to_owned();
    blocking(move || {
        Ok(match read(&root)? {
            Found::Nothing => Some((0, 0)),
            Found::Foreign => None,
            Found::Ours(entries) => {
                let away = |entry: &&Entry| !root.join(&entry.path).exists();
                Some((entries.len(), entries.iter().filter(away).count()))
            }
        })
    })
    .await
}

/// Lists a file that is there in whole; does nothing when it is listed. It is on the disk
/// afterwards.
pub(super) async fn list(root: &Path, entry: Entry) -> Result<(), Fault> {
    let root = root.to_owned();
    blocking(move || {
        let _alone = lock(&root)?;
        let mut entries = match read(&root)? {
            Found::Nothing => Vec::new(),
            Found::Ours(entries) => entries,
            Found::Foreign => {
                set_aside(&root)?;
                Vec::new()
            }
        };
        if entries.contains(&entry) {
            return Ok(());
        }
        entries.retain(|other| other.lecture != entry.lecture || other.file != entry.file);
        entries.push(entry);
        write(&root, entries)
    })
    .await
}

/// Several rooms may share a folder. Where the file system knows no locks, the last one wins.
fn lock(root: &Path) -> Result<Option<Flock<File>>, Fault> {
    let path = root.join(LOCK);
    let file = OpenOptions::new().create(true).append(true).open(&path);
    let file = file.map_err(|error| obstacle("write", &path, &error))?;
    match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
        Ok(lock) => Ok(Some(lock)),
        Err((_, Errno::EWOULDBLOCK)) => Err(Fault::later(format!(
            "Another recorder is writing {} at this moment.",
            root.join(NAME).display()
        ))),
        Err((_, error)) => {
            tracing::debug!(path = %path.display(), %error, "the manifest could not be locked");
            Ok(None)
        }
    }
}

/// Reads the manifest, or the one that was being written when the power went: some file systems
/// lose the old name before they have the new one.
fn read(root: &Path) -> Result<Found, Fault> {
    match read_one(&root.join(NAME))? {
        Found::Nothing => match read_one(&part(root))? {
            Found::Foreign => Ok(Found::Nothing),
            found => Ok(found),
        },
        found => Ok(found),
    }
}

fn read_one(path: &Path) -> Result<Found, Fault> {
    let mut text = Vec::new();
    let read = File::open(path).and_then(|file| file.take(LONGEST_BYTES + 1).read_to_end(&mut text));
    match read {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Found::Nothing),
        Err(error) if error.kind() == ErrorKind::IsADirectory => return Ok(Found::Foreign),
        Err(error) => return Err(obstacle("read", path, &error)),
    }
    Ok(match serde_json::from_slice::<Manifest>(&text) {
        Ok(manifest) if manifest.lectern_manifest == VERSION => Found::Ours(manifest.files),
        Ok(_) | Err(_) => Found::Foreign,
    })
}

fn write(root: &Path, files: Vec<Entry>) -> Result<(), Fault> {
    let (part, whole) = (part(root), root.join(NAME));
    let manifest = Manifest {
        lectern_manifest: VERSION,
        files,
    };
    let written = serde_json::to_vec_pretty(&manifest)
        .map_err(io::Error::from)
        .and_then(|text| {
            let mut file = File::create(&part)?;
            file.write_all(&text)?;
            file.sync_all()?;
            std::fs::rename(&part, &whole)
        });
    written.map_err(|error| obstacle("write", &whole, &error))?;
    sync_folder(root)
}

fn part(root: &Path) -> PathBuf {
    root.join(format!("{NAME}.part"))
}

/// Moves what is no manifest of ours to a name that nobody has.
fn set_aside(root: &Path) -> Result<(), Fault> {
    let whole = root.join(NAME);
    let aside = (1..)
        .map(|number| root.join(format!("{NAME}.set-aside-{number}")))
        .find(|path| {
            path.symlink_metadata()
                .is_err_and(|error| error.kind() == ErrorKind::NotFound)
        })
        .expect("numbers do not end");
    std::fs::rename(&whole, &aside).map_err(|error| obstacle("rename", &whole, &error))?;
    tracing::warn!(path = %aside.display(), "a manifest that could not be read was set aside");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(file: &str) -> Entry {
        Entry {
            lecture: LectureId::random(),
            title: "线性代数".to_owned(),
            room: "b-204".to_owned(),
            recorded: "2026-11-21T10:00:00Z".to_owned(),
            file: file.to_owned(),
            path: format!("folder/{file}"),
            size: 7,
            sha256: "ab".to_owned(),
        }
    }

    #[tokio::test]
    async fn what_was_listed_is_found_again_and_the_rest_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let (one, two) = (entry("a.mp4"), entry("a.mp4"));
        assert_eq!(listed(dir.path(), one.lecture, "a.mp4").await.unwrap(), None);
        for entry in [&one, &two, &one] {
            list(dir.path(), entry.clone()).await.unwrap();
        }
        assert_eq!(
            listed(dir.path(), one.lecture, "a.mp4").await.unwrap(),
            Some(one.clone())
        );
        assert_eq!(listed(dir.path(), one.lecture, "b.mp4").await.unwrap(), None);
        assert_eq!(carried(dir.path()).await.unwrap(), Some((2, 2)));
        // The power went between the two names.
        std::fs::rename(dir.path().join(NAME), part(dir.path())).unwrap();
        assert_eq!(listed(dir.path(), two.lecture, "a.mp4").await.unwrap(), Some(two));
    }

    #[tokio::test]
    async fn a_foreign_or_damaged_manifest_is_set_aside_and_never_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let foreign = ["", "{\"lectern_manifest\": 2, \"files\": []}", "[1,2"];
        for text in foreign {
            std::fs::write(dir.path().join(NAME), text).unwrap();
            assert_eq!(carried(dir.path()).await.unwrap(), None);
            let entry = entry("a.mp4");
            assert_eq!(listed(dir.path(), entry.lecture, "a.mp4").await.unwrap(), None);
            list(dir.path(), entry.clone()).await.unwrap();
            assert!(
                listed(dir.path(), entry.lecture, "a.mp4")
                    .await
                    .unwrap()
                    .is_some()
            );
        }
        for (number, text) in (1..).zip(foreign) {
            let aside = dir.path().join(format!("{NAME}.set-aside-{number}"));
            assert_eq!(std::fs::read_to_string(aside).unwrap(), text);
        }
    }

    #[tokio::test]
    async fn two_rooms_do_not_write_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let alone = lock(dir.path()).unwrap();
        let fault = list(dir.path(), entry("a.mp4")).await.unwrap_err();
        assert!(matches!(fault, Fault::Later { .. }), "{fault:?}");
        drop(alone);
        list(dir.path(), entry("a.mp4")).await.unwrap();
    }
}
