//! The `finished` folder: files under `.part` names until all of them are whole and on the disk.
//!
//! Order: write all media files → fsync each → read each back → write and fsync `lecture.json`
//! and `SHA256SUMS` → rename all, `SHA256SUMS` last → fsync the folder. A crash before the
//! renames leaves `.part` files, which the next attempt removes; a crash among them leaves some
//! files of equal content, which the next attempt replaces.

use std::fs::{self, File};
use std::io::Write;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{FallocateFlags, fallocate};

use crate::error::FinishError;

/// The folder, while it is being filled. Dropped before [`publish`](Self::publish), it removes what
/// was written.
#[derive(Debug)]
pub(crate) struct Package {
    dir: PathBuf,
    /// Files under their `.part` names, with their final names, in the order of renaming.
    parts: Vec<(PathBuf, PathBuf)>,
    /// Files that are read while the others are made, and then go.
    scratch: Vec<PathBuf>,
}

impl Package {
    /// Makes the folder if need be and removes what an earlier attempt left unfinished.
    pub(crate) fn open(lecture_dir: &Path) -> Result<Self, FinishError> {
        let dir = lecture_dir.join("finished");
        match fs::create_dir(&dir) {
            Ok(()) => sync_dir(lecture_dir)?,
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(FinishError::write(&dir, 0)(error)),
        }
        let listed = fs::read_dir(&dir).map_err(FinishError::io("list it", &dir))?;
        for entry in listed {
            let path = entry.map_err(FinishError::io("list it", &dir))?.path();
            if path.extension().is_some_and(|extension| extension == "part") {
                fs::remove_file(&path).map_err(FinishError::io("remove it", &path))?;
            }
        }
        Ok(Self {
            dir,
            parts: Vec::new(),
            scratch: Vec::new(),
        })
    }

    /// Creates a file of `bytes` bytes to be; a disk without room for it is noticed here, before
    /// the long copy.
    pub(crate) fn create(&mut self, name: &str, bytes: u64) -> Result<(File, PathBuf), FinishError> {
        let part = self.dir.join(format!("{name}.part"));
        let file = File::options()
            .read(true)
            .write(true)
            .create_new(true)
            .open(&part);
        let file = file.map_err(FinishError::write(&part, bytes))?;
        self.parts.push((part.clone(), self.dir.join(name)));
        let length = i64::try_from(bytes).unwrap_or(i64::MAX);
        match fallocate(file.as_fd(), FallocateFlags::empty(), 0, length) {
            // Not every filesystem can; then the copy itself finds out.
            Ok(()) | Err(Errno::EOPNOTSUPP | Errno::ENOSYS | Errno::EINVAL) => Ok((file, part)),
            Err(errno) => Err(FinishError::write(&part, bytes)(errno.into())),
        }
    }

    /// The path of a file that somebody else may write, and that goes with this value. After a
    /// crash the next attempt removes it.
    pub(crate) fn scratch(&mut self) -> PathBuf {
        let path = self.dir.join(format!("scratch-{}.part", self.scratch.len() + 1));
        self.scratch.push(path.clone());
        path
    }

    /// Writes a small file as a whole.
    pub(crate) fn write(&mut self, name: &str, content: &[u8]) -> Result<(), FinishError> {
        let (mut file, part) = self.create(name, content.len() as u64)?;
        file.write_all(content)
            .map_err(FinishError::write(&part, content.len() as u64))?;
        sync(&file, &part, content.len() as u64)
    }

    fn clear(&mut self) {
        for path in std::mem::take(&mut self.scratch) {
            // Not every name was used.
            if path.exists() {
                remove(&path);
            }
        }
    }

    /// Gives all files their names, in the order they were created. The caller has synced them.
    pub(crate) fn publish(mut self) -> Result<(), FinishError> {
        self.clear();
        for (part, path) in std::mem::take(&mut self.parts) {
            fs::rename(&part, &path).map_err(FinishError::io("give it its name", &part))?;
        }
        sync_dir(&self.dir)
    }
}

impl Drop for Package {
    /// Gives the room back at once after an error; `parts` is empty after [`publish`](Self::publish).
    fn drop(&mut self) {
        self.clear();
        for (part, _) in &self.parts {
            remove(part);
        }
    }
}

fn remove(part: &Path) {
    if let Err(error) = fs::remove_file(part) {
        tracing::warn!(path = %part.display(), %error, "an unfinished file could not be removed");
    }
}

/// Brings a file's bytes to the disk. Blocking, for as long as the disk needs.
pub(crate) fn sync(file: &File, path: &Path, bytes: u64) -> Result<(), FinishError> {
    // Delayed allocation can find the disk full only now.
    file.sync_all().map_err(FinishError::write(path, bytes))
}

fn sync_dir(dir: &Path) -> Result<(), FinishError> {
    File::open(dir)
        .and_then(|dir| dir.sync_all())
        .map_err(FinishError::io("sync it", dir))
}
