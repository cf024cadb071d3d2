//! The seam to the file system: the few operations that crash safety is made of.
//!
//! Everything below `storage.path` but SQLite's own files is written through [`Disk`], by the
//! spool thread or, before it starts, by recovery; `plans.json` by the database thread. Tests put
//! a scripted disk in its place that records the order of operations and fails at a chosen one; a
//! model disk that forgets what was not synced fits the same trait.

#[cfg(test)]
mod order_tests;
mod real;
#[cfg(test)]
pub(crate) mod scripted_tests;

use std::ffi::OsString;
use std::io;
use std::path::Path;

pub(crate) use real::RealDisk;

/// Space on the file system of the spool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// Free for an ordinary user, in bytes.
    pub free_bytes: u64,
    /// In all, in bytes.
    pub total_bytes: u64,
}

/// One entry of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Its name in the folder.
    pub(crate) name: OsString,
    /// Whether it is a folder (a symbolic link is not).
    pub(crate) is_dir: bool,
    /// Size in bytes; 0 for folders.
    pub(crate) size_bytes: u64,
}

/// What the store asks of a file system. Every call blocks.
pub(crate) trait Disk: Send + 'static {
    /// An open file.
    type File: Send;

    /// Makes a folder (mode 0750); it is no error that it exists.
    fn make_dir(&mut self, path: &Path) -> io::Result<()>;
    /// Makes a new file (mode 0640) and opens it; an error if it exists.
    fn create(&mut self, path: &Path) -> io::Result<Self::File>;
    /// Makes a file of mode 0600, or empties the one that is there, and opens it.
    fn create_private(&mut self, path: &Path) -> io::Result<Self::File>;
    /// Opens an existing file for reading and repair.
    fn open(&mut self, path: &Path) -> io::Result<Self::File>;
    /// Writes all of `bytes` at the end; after an error the end may hold a part of them.
    fn append(&mut self, file: &mut Self::File, bytes: &[u8]) -> io::Result<()>;
    /// Cuts the file to `len` bytes; the next append goes there.
    fn truncate(&mut self, file: &mut Self::File, len: u64) -> io::Result<()>;
    /// Reads up to `buffer.len()` bytes at `offset`; 0 at the end.
    fn read_at(&mut self, file: &mut Self::File, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;
    /// Size of an open file in bytes.
    fn size(&mut self, file: &mut Self::File) -> io::Result<u64>;
    /// fdatasync.
    fn sync_data(&mut self, file: &mut Self::File) -> io::Result<()>;
    /// fsync.
    fn sync_all(&mut self, file: &mut Self::File) -> io::Result<()>;
    /// fsync of a folder: its entries survive a power cut.
    fn sync_dir(&mut self, path: &Path) -> io::Result<()>;
    /// Forgets what memory holds of the file beyond what waits to be written, so that the next
    /// read shows what the device has. After a failed fsync memory may hold bytes that were never
    /// written and never will be, and a later fsync calls them safe.
    fn drop_cache(&mut self, file: &mut Self::File) -> io::Result<()>;
    /// Renames within the file system.
    fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    fn unlink(&mut self, path: &Path) -> io::Result<()>;
    /// Removes an empty folder.
    fn remove_dir(&mut self, path: &Path) -> io::Result<()>;
    /// The entries of a folder, by name.
    fn list(&mut self, path: &Path) -> io::Result<Vec<Entry>>;
    /// Whether something is at `path`.
    fn exists(&mut self, path: &Path) -> io::Result<bool>;
    /// statvfs.
    fn space(&mut self, path: &Path) -> io::Result<Space>;
}

/// Reads the whole of a small file.
///
/// # Errors
/// Those of the disk, and `InvalidData` beyond `limit` bytes.
pub(crate) fn read_whole<D: Disk>(disk: &mut D, path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut file = disk.open(path)?;
    let size = disk.size(&mut file)?;
    if size > limit {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("{size} bytes; at most {limit} are read"),
        ));
    }
    let mut bytes = vec![0; usize::try_from(size).map_err(|_| io::ErrorKind::InvalidData)?];
    let got = read_full(disk, &mut file, 0, &mut bytes)?;
    bytes.truncate(got);
    Ok(bytes)
}

/// Reads until `buffer` is full or the file ends; returns how much was read.
pub(crate) fn read_full<D: Disk>(
    disk: &mut D,
    file: &mut D::File,
    offset: u64,
    buffer: &mut [u8],
) -> io::Result<usize> {
    let mut got = 0;
    while got < buffer.len() {
        let here = offset + got as u64;
        match disk.read_at(file, here, &mut buffer[got..]) {
            Ok(0) => break,
            Ok(n) => got += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(got)
}
