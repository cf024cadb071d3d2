//! The real file system.
//!
//! Folders are 0750 and files 0640, so that the service's group can read recordings; what holds
//! capabilities (`lecture.json`) is 0600. Nothing here decides an order: that is its callers'.

#![allow(
    clippy::disallowed_methods,
    reason = "the one place that writes files below the spool"
)]

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::Path;

use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};

use super::{Disk, Entry, Space};
use crate::clock::SlowGuard;

/// The file system as Linux gives it.
#[derive(Debug, Default)]
pub(crate) struct RealDisk;

impl Disk for RealDisk {
    type File = File;

    fn make_dir(&mut self, path: &Path) -> io::Result<()> {
        match DirBuilder::new().mode(0o750).create(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
            other => other,
        }
    }

    fn create(&mut self, path: &Path) -> io::Result<File> {
        OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o640)
            .open(path)
    }

    fn create_private(&mut self, path: &Path) -> io::Result<File> {
        OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(path)
    }

    fn open(&mut self, path: &Path) -> io::Result<File> {
        // A file that may only be read can still be checked; repairing it then fails by itself.
        OpenOptions::new()
            .read(true)
            .write(true)
            .open(path)
            .or_else(|error| match error.kind() {
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => File::open(path),
                _ => Err(error),
            })
    }

    fn append(&mut self, file: &mut File, bytes: &[u8]) -> io::Result<()> {
        let _slow = SlowGuard::new("writing to a segment");
        file.write_all(bytes)
    }

    fn truncate(&mut self, file: &mut File, len: u64) -> io::Result<()> {
        file.set_len(len)?;
        file.seek(SeekFrom::Start(len)).map(|_| ())
    }

    fn read_at(&mut self, file: &mut File, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        file.read_at(buffer, offset)
    }

    fn size(&mut self, file: &mut File) -> io::Result<u64> {
        Ok(file.metadata()?.len())
    }

    fn sync_data(&mut self, file: &mut File) -> io::Result<()> {
        let _slow = SlowGuard::new("fdatasync of a segment");
        file.sync_data()
    }

    fn sync_all(&mut self, file: &mut File) -> io::Result<()> {
        let _slow = SlowGuard::new("fsync of a file");
        file.sync_all()
    }

    fn sync_dir(&mut self, path: &Path) -> io::Result<()> {
        let _slow = SlowGuard::new("fsync of a folder");
        File::open(path)?.sync_all()
    }

    fn drop_cache(&mut self, file: &mut File) -> io::Result<()> {
        let whole = 0;
        posix_fadvise(&*file, 0, whole, PosixFadviseAdvice::POSIX_FADV_DONTNEED).map_err(io::Error::from)
    }

    fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn unlink(&mut self, path: &Path) -> io::Result<()> {
        let _slow = SlowGuard::new("removing a file");
        fs::remove_file(path)
    }

    fn remove_dir(&mut self, path: &Path) -> io::Result<()> {
        fs::remove_dir(path)
    }

    fn list(&mut self, path: &Path) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(path)? {
            let entry = entry?;
            // The listing itself says what is a folder: a hundred thousand of them are not looked at.
            let looked = entry.file_type().and_then(|kind| match kind.is_dir() {
                true => Ok((true, 0)),
                false => entry.metadata().map(|file| (false, file.len())),
            });
            let (is_dir, size_bytes) = match looked {
                Ok(looked) => looked,
                // It went away between the listing and the look.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            entries.push(Entry {
                name: entry.file_name(),
                is_dir,
                size_bytes,
            });
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    fn exists(&mut self, path: &Path) -> io::Result<bool> {
        path.try_exists()
    }

    fn space(&mut self, path: &Path) -> io::Result<Space> {
        let stat = nix::sys::statvfs::statvfs(path).map_err(io::Error::from)?;
        let unit = stat.fragment_size();
        Ok(Space {
            free_bytes: stat.blocks_available() * unit,
            total_bytes: stat.blocks() * unit,
        })
    }
}
