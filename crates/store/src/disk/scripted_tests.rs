//! A disk in memory that writes down every operation and fails at a chosen one.
//!
//! For the exact-order tests of the write procedure. A failed append leaves half of its bytes,
//! as a full disk does.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use super::{Disk, Entry, Space};

/// What the disk holds and what was asked of it.
#[derive(Debug, Default)]
pub(crate) struct Script {
    /// Files by path.
    pub(crate) files: BTreeMap<PathBuf, Vec<u8>>,
    /// Operations in order, `what name`.
    pub(crate) log: Vec<String>,
    /// Index in the log of the operation that fails, and how.
    pub(crate) fail: Option<(usize, io::ErrorKind)>,
    /// What statvfs answers.
    pub(crate) free_bytes: u64,
}

/// The disk; clones share the script.
#[derive(Clone, Debug, Default)]
pub(crate) struct ScriptedDisk(pub(crate) Arc<Mutex<Script>>);

impl ScriptedDisk {
    /// An empty disk with plenty of room.
    pub(crate) fn new() -> Self {
        let disk = Self::default();
        disk.0.lock().unwrap().free_bytes = 1 << 40;
        disk
    }

    fn note(&self, what: &str, path: &Path) -> io::Result<()> {
        let mut script = self.0.lock().unwrap();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        script.log.push(format!("{what} {name}"));
        match script.fail {
            Some((at, kind)) if at + 1 == script.log.len() => Err(kind.into()),
            _ => Ok(()),
        }
    }
}

impl Disk for ScriptedDisk {
    type File = PathBuf;

    fn make_dir(&mut self, path: &Path) -> io::Result<()> {
        self.note("make_dir", path)
    }

    fn create(&mut self, path: &Path) -> io::Result<PathBuf> {
        self.note("create", path)?;
        let mut script = self.0.lock().unwrap();
        if script.files.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        script.files.insert(path.to_owned(), Vec::new());
        Ok(path.to_owned())
    }

    fn create_private(&mut self, path: &Path) -> io::Result<PathBuf> {
        self.note("create_private", path)?;
        self.0.lock().unwrap().files.insert(path.to_owned(), Vec::new());
        Ok(path.to_owned())
    }

    fn open(&mut self, path: &Path) -> io::Result<PathBuf> {
        let script = self.0.lock().unwrap();
        if script.files.contains_key(path) {
            Ok(path.to_owned())
        } else {
            Err(io::ErrorKind::NotFound.into())
        }
    }

    fn append(&mut self, file: &mut PathBuf, bytes: &[u8]) -> io::Result<()> {
        let failed = self.note("append", file);
        let written = if failed.is_ok() {
            bytes
        } else {
            &bytes[..bytes.len() / 2]
        };
        self.0
            .lock()
            .unwrap()
            .files
            .get_mut(file)
            .unwrap()
            .extend_from_slice(written);
        failed
    }

    fn truncate(&mut self, file: &mut PathBuf, len: u64) -> io::Result<()> {
        self.note("truncate", file)?;
        self.0
            .lock()
            .unwrap()
            .files
            .get_mut(file)
            .unwrap()
            .truncate(usize::try_from(len).unwrap());
        Ok(())
    }

    fn read_at(&mut self, file: &mut PathBuf, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let script = self.0.lock().unwrap();
        let bytes = &script.files[file];
        let from = usize::try_from(offset).unwrap().min(bytes.len());
        let n = buffer.len().min(bytes.len() - from);
        buffer[..n].copy_from_slice(&bytes[from..from + n]);
        Ok(n)
    }

    fn size(&mut self, file: &mut PathBuf) -> io::Result<u64> {
        Ok(self.0.lock().unwrap().files[file].len() as u64)
    }

    fn sync_data(&mut self, file: &mut PathBuf) -> io::Result<()> {
        self.note("sync_data", file)
    }

    fn sync_all(&mut self, file: &mut PathBuf) -> io::Result<()> {
        self.note("sync_all", file)
    }

    fn sync_dir(&mut self, path: &Path) -> io::Result<()> {
        self.note("sync_dir", path)
    }

    fn drop_cache(&mut self, file: &mut PathBuf) -> io::Result<()> {
        self.note("drop_cache", file)
    }

    fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        self.note("rename", to)?;
        let mut script = self.0.lock().unwrap();
        let bytes = script.files.remove(from).ok_or(io::ErrorKind::NotFound)?;
        script.files.insert(to.to_owned(), bytes);
        Ok(())
    }

    fn unlink(&mut self, path: &Path) -> io::Result<()> {
        self.note("unlink", path)?;
        self.0
            .lock()
            .unwrap()
            .files
            .remove(path)
            .map(|_| ())
            .ok_or(io::ErrorKind::NotFound.into())
    }

    fn remove_dir(&mut self, path: &Path) -> io::Result<()> {
        self.note("remove_dir", path)
    }

    fn list(&mut self, path: &Path) -> io::Result<Vec<Entry>> {
        let script = self.0.lock().unwrap();
        let below = script
            .files
            .iter()
            .filter(|(file, _)| file.parent() == Some(path));
        Ok(below
            .map(|(file, bytes)| Entry {
                name: file.file_name().unwrap().to_owned(),
                is_dir: false,
                size_bytes: bytes.len() as u64,
            })
            .collect())
    }

    fn exists(&mut self, path: &Path) -> io::Result<bool> {
        Ok(self.0.lock().unwrap().files.contains_key(path))
    }

    fn space(&mut self, _path: &Path) -> io::Result<Space> {
        let free_bytes = self.0.lock().unwrap().free_bytes;
        Ok(Space {
            free_bytes,
            total_bytes: 1 << 41,
        })
    }
}
