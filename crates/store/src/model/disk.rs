//! A disk that forgets what was not synced: bytes, lengths, and the entries of folders.
//!
//! Every change goes into memory; fsync of a file carries its bytes to the device, fsync of a
//! folder its entries. A power cut keeps what is on the device, and of the rest whatever the
//! dice say: a part of the bytes, zeros in their place, an entry or not, a rename or not. The cut
//! comes at a chosen operation, in the middle of whatever the store is doing: the operation does
//! not return but unwinds with [`PowerCut`]. An error can be planted at any operation.

use std::collections::BTreeMap;
use std::io;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use super::dice::Dice;
use super::names::{Names, Node};
use super::pages::{Pages, Tear};
use super::planted::{Planted, Skipped};
use crate::disk::{Disk, Entry, Space};

/// What an operation unwinds with when the power goes in it.
#[derive(Debug)]
pub(super) struct PowerCut;

/// A file that was unlinked, with what memory showed of it.
#[derive(Clone, Debug)]
pub(super) struct Unlinked {
    pub(super) path: PathBuf,
    pub(super) bytes: Vec<u8>,
}

/// Everything that the disk is.
#[derive(Debug)]
pub(super) struct State {
    pub(super) files: Vec<Pages>,
    pub(super) names: Names,
    /// Operations until the power goes.
    pub(super) cut_in: Option<u32>,
    /// Operations until one fails, and how.
    pub(super) fault_in: Option<(u32, io::ErrorKind)>,
    /// Errors that were returned.
    pub(super) faults: u32,
    /// Since the last look.
    pub(super) unlinked: Vec<Unlinked>,
    pub(super) free_bytes: u64,
    pub(super) dice: Dice,
    pub(super) planted: Planted,
    /// Syncs that a planted bug puts off.
    pub(super) late: Vec<Skipped>,
    /// Operations in all.
    pub(super) ops: u64,
}

/// The disk; clones share the state.
#[derive(Clone, Debug)]
pub(super) struct ModelDisk(Arc<Mutex<State>>);

/// An open file: its number, which outlives its name.
#[derive(Clone, Copy, Debug)]
pub(super) struct ModelFile(usize);

impl ModelDisk {
    /// An empty disk whose folder `root` is there for good.
    pub(super) fn new(root: &Path) -> Self {
        Self(Arc::new(Mutex::new(State {
            files: Vec::new(),
            names: Names::new(root),
            cut_in: None,
            fault_in: None,
            faults: 0,
            unlinked: Vec::new(),
            free_bytes: 1 << 40,
            dice: Dice::new(0),
            planted: Planted::Nothing,
            late: Vec::new(),
            ops: 0,
        })))
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.0
            .lock()
            .expect("no operation panics while it holds the lock")
    }

    /// The power goes now. What was not synced is left to the dice.
    pub(super) fn cut(&self, seed: u64) {
        let mut state = self.state();
        let state = &mut *state;
        let dice = &mut Dice::new(seed);
        let tear = if dice.one_in(3) { Tear::Holes } else { Tear::Tail };
        state.names.cut(dice);
        for file in &mut state.files {
            file.cut(tear, dice);
        }
        state.late.clear();
        state.cut_in = None;
        state.fault_in = None;
    }

    /// What is at `path` on the device, whatever happens: its bytes, if every name on the way to
    /// it was synced.
    pub(super) fn durable(&self, path: &Path) -> Option<Vec<u8>> {
        let state = self.state();
        match state.names.durable(path)? {
            Node::File(number) => Some(state.files[number].durable().to_vec()),
            Node::Folder => None,
        }
    }

    /// Counts an operation; the power may go in it, or it may fail. `change`: it alters the disk.
    fn begin(&self, change: bool) -> io::Result<MutexGuard<'_, State>> {
        let mut state = self.state();
        state.ops += 1;
        if let Some(left) = state.cut_in {
            if left == 0 {
                drop(state);
                // Without the panic hook: nothing went wrong in this program.
                resume_unwind(Box::new(PowerCut));
            }
            state.cut_in = Some(left - 1);
        }
        if change {
            state.catch_up();
        }
        match state.fault_in {
            Some((0, kind)) => {
                state.fault_in = None;
                state.faults += 1;
                Err(kind.into())
            }
            Some((left, kind)) => {
                state.fault_in = Some((left - 1, kind));
                Ok(state)
            }
            None => Ok(state),
        }
    }

    fn sync(&self, file: ModelFile) -> io::Result<()> {
        match self.begin(false) {
            Ok(mut state) => {
                state.sync_file(file.0);
                Ok(())
            }
            Err(error) => {
                let mut state = self.state();
                let written = state.dice.below(3);
                state.files[file.0].fail_sync(written);
                Err(error)
            }
        }
    }
}

impl State {
    pub(super) fn sync_file(&mut self, number: usize) {
        match self.planted {
            Planted::NoFileSync => {}
            Planted::CommitFirst => self.late.push(Skipped::File(number)),
            Planted::Nothing | Planted::NoFolderSync | Planted::StaleCache => self.files[number].sync(),
        }
    }

    fn sync_folder(&mut self, path: &Path) {
        match self.planted {
            Planted::NoFolderSync => {}
            Planted::CommitFirst => self.late.push(Skipped::Folder(path.to_owned())),
            Planted::Nothing | Planted::NoFileSync | Planted::StaleCache => self.names.sync(path),
        }
    }

    /// Does the syncs that a planted bug had put off.
    fn catch_up(&mut self) {
        for skipped in std::mem::take(&mut self.late) {
            match skipped {
                Skipped::File(number) => self.files[number].sync(),
                Skipped::Folder(path) => self.names.sync(&path),
            }
        }
    }

    fn file_at(&self, path: &Path) -> io::Result<usize> {
        match self.names.get(path) {
            Some(Node::File(number)) => Ok(number),
            Some(Node::Folder) => Err(io::ErrorKind::IsADirectory.into()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn new_file(&mut self, path: &Path) -> io::Result<ModelFile> {
        self.names.in_folder(path)?;
        self.files.push(Pages::default());
        let number = self.files.len() - 1;
        self.names.put(path, Node::File(number));
        Ok(ModelFile(number))
    }
}

impl Disk for ModelDisk {
    type File = ModelFile;

    fn make_dir(&mut self, path: &Path) -> io::Result<()> {
        let mut state = self.begin(true)?;
        match state.names.get(path) {
            Some(Node::Folder) => Ok(()),
            Some(Node::File(_)) => Err(io::ErrorKind::AlreadyExists.into()),
            None => {
                state.names.in_folder(path)?;
                state.names.put(path, Node::Folder);
                Ok(())
            }
        }
    }

    fn create(&mut self, path: &Path) -> io::Result<ModelFile> {
        let mut state = self.begin(true)?;
        if state.names.get(path).is_some() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        state.new_file(path)
    }

    fn create_private(&mut self, path: &Path) -> io::Result<ModelFile> {
        let mut state = self.begin(true)?;
        match state.names.get(path) {
            Some(Node::File(number)) => {
                state.files[number].truncate(0);
                Ok(ModelFile(number))
            }
            Some(Node::Folder) => Err(io::ErrorKind::IsADirectory.into()),
            None => state.new_file(path),
        }
    }

    fn open(&mut self, path: &Path) -> io::Result<ModelFile> {
        self.begin(false)?.file_at(path).map(ModelFile)
    }

    fn append(&mut self, file: &mut ModelFile, bytes: &[u8]) -> io::Result<()> {
        match self.begin(true) {
            Ok(mut state) => {
                state.files[file.0].append(bytes);
                Ok(())
            }
            Err(error) => {
                // A short write.
                let mut state = self.state();
                let short = state.dice.below(bytes.len() + 1);
                state.files[file.0].append(&bytes[..short]);
                Err(error)
            }
        }
    }

    fn truncate(&mut self, file: &mut ModelFile, len: u64) -> io::Result<()> {
        let len = usize::try_from(len).map_err(|_| io::ErrorKind::InvalidInput)?;
        self.begin(true)?.files[file.0].truncate(len);
        Ok(())
    }

    fn read_at(&mut self, file: &mut ModelFile, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let state = self.begin(false)?;
        let bytes = state.files[file.0].bytes();
        let from = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
        let n = buffer.len().min(bytes.len() - from);
        buffer[..n].copy_from_slice(&bytes[from..from + n]);
        Ok(n)
    }

    fn size(&mut self, file: &mut ModelFile) -> io::Result<u64> {
        Ok(self.begin(false)?.files[file.0].bytes().len() as u64)
    }

    fn sync_data(&mut self, file: &mut ModelFile) -> io::Result<()> {
        self.sync(*file)
    }

    fn sync_all(&mut self, file: &mut ModelFile) -> io::Result<()> {
        self.sync(*file)
    }

    fn sync_dir(&mut self, path: &Path) -> io::Result<()> {
        let mut state = self.begin(false)?;
        match state.names.get(path) {
            Some(Node::Folder) => {
                state.sync_folder(path);
                Ok(())
            }
            Some(Node::File(_)) | None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn drop_cache(&mut self, file: &mut ModelFile) -> io::Result<()> {
        let mut state = self.begin(false)?;
        if state.planted != Planted::StaleCache {
            state.files[file.0].drop_cache();
        }
        Ok(())
    }

    fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.begin(true)?;
        state.names.in_folder(to)?;
        state.names.rename(from, to)
    }

    fn unlink(&mut self, path: &Path) -> io::Result<()> {
        let mut state = self.begin(true)?;
        let number = state.file_at(path)?;
        let bytes = state.files[number].bytes().to_vec();
        state.names.remove(path);
        state.unlinked.push(Unlinked {
            path: path.to_owned(),
            bytes,
        });
        Ok(())
    }

    fn remove_dir(&mut self, path: &Path) -> io::Result<()> {
        let mut state = self.begin(true)?;
        if state.names.get(path) != Some(Node::Folder) {
            return Err(io::ErrorKind::NotFound.into());
        }
        if state.names.children(path).next().is_some() {
            return Err(io::ErrorKind::DirectoryNotEmpty.into());
        }
        state.names.remove(path);
        Ok(())
    }

    fn list(&mut self, path: &Path) -> io::Result<Vec<Entry>> {
        let state = self.begin(false)?;
        if state.names.get(path) != Some(Node::Folder) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let entries: BTreeMap<_, Entry> = state
            .names
            .children(path)
            .filter_map(|(path, node)| {
                let name = path.file_name()?.to_owned();
                let size_bytes = match node {
                    Node::File(number) => state.files[number].bytes().len() as u64,
                    Node::Folder => 0,
                };
                let is_dir = node == Node::Folder;
                Some((
                    name.clone(),
                    Entry {
                        name,
                        is_dir,
                        size_bytes,
                    },
                ))
            })
            .collect();
        Ok(entries.into_values().collect())
    }

    fn exists(&mut self, path: &Path) -> io::Result<bool> {
        Ok(self.begin(false)?.names.get(path).is_some())
    }

    fn space(&mut self, _path: &Path) -> io::Result<Space> {
        let free_bytes = self.begin(false)?.free_bytes;
        Ok(Space {
            free_bytes,
            total_bytes: 1 << 41,
        })
    }
}
