//! The entries of the model's folders, in memory and on the device.
//!
//! Each change waits in a list until a folder that it concerns is synced. A power cut keeps any
//! of those that wait, in their order, as a journal that had not been forced may or may not have
//! been written; a rename is kept whole or not at all.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use super::dice::Dice;

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Node {
    Folder,
    /// A file, by its number.
    File(usize),
}

#[derive(Clone, Debug)]
enum Change {
    Put(PathBuf, Node),
    Remove(PathBuf),
    Rename(PathBuf, PathBuf),
}

type Tree = BTreeMap<PathBuf, Node>;

/// All names below a root.
#[derive(Debug)]
pub(super) struct Names {
    root: PathBuf,
    cache: Tree,
    durable: Tree,
    waiting: Vec<Change>,
}

impl Change {
    fn concerns(&self, folder: &Path) -> bool {
        let within = |path: &Path| path.parent() == Some(folder);
        match self {
            Self::Put(path, _) | Self::Remove(path) => within(path),
            Self::Rename(from, to) => within(from) || within(to),
        }
    }

    fn apply(&self, tree: &mut Tree) {
        match self {
            Self::Put(path, node) => {
                tree.insert(path.clone(), *node);
            }
            Self::Remove(path) => {
                tree.remove(path);
            }
            Self::Rename(from, to) => {
                // What lies below a folder goes along.
                let below: Vec<PathBuf> = tree
                    .range(from.clone()..)
                    .map(|(path, _)| path)
                    .take_while(|path| path.starts_with(from))
                    .cloned()
                    .collect();
                for path in below {
                    let Some(node) = tree.remove(&path) else { continue };
                    let rest = path.strip_prefix(from).unwrap_or(Path::new(""));
                    let target = if rest.as_os_str().is_empty() {
                        to.clone()
                    } else {
                        to.join(rest)
                    };
                    tree.insert(target, node);
                }
            }
        }
    }
}

impl Names {
    pub(super) fn new(root: &Path) -> Self {
        let tree: Tree = [(root.to_owned(), Node::Folder)].into();
        Self {
            root: root.to_owned(),
            cache: tree.clone(),
            durable: tree,
            waiting: Vec::new(),
        }
    }

    pub(super) fn get(&self, path: &Path) -> Option<Node> {
        self.cache.get(path).copied()
    }

    /// What the device has at `path`, if it has every folder above it.
    pub(super) fn durable(&self, path: &Path) -> Option<Node> {
        let above = path
            .ancestors()
            .skip(1)
            .take_while(|path| path.starts_with(&self.root));
        for folder in above {
            if self.durable.get(folder) != Some(&Node::Folder) {
                return None;
            }
        }
        self.durable.get(path).copied()
    }

    /// The entries of a folder.
    pub(super) fn children<'a>(&'a self, folder: &'a Path) -> impl Iterator<Item = (&'a Path, Node)> {
        self.cache
            .range::<Path, _>((std::ops::Bound::Excluded(folder), std::ops::Bound::Unbounded))
            .take_while(move |(path, _)| path.starts_with(folder))
            .filter(move |(path, _)| path.parent() == Some(folder))
            .map(|(path, node)| (path.as_path(), *node))
    }

    /// An error if the folder of `path` is not there.
    pub(super) fn in_folder(&self, path: &Path) -> io::Result<()> {
        match path.parent().and_then(|folder| self.get(folder)) {
            Some(Node::Folder) => Ok(()),
            Some(Node::File(_)) => Err(io::ErrorKind::NotADirectory.into()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    pub(super) fn put(&mut self, path: &Path, node: Node) {
        self.change(Change::Put(path.to_owned(), node));
    }

    pub(super) fn remove(&mut self, path: &Path) {
        self.change(Change::Remove(path.to_owned()));
    }

    pub(super) fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        if self.get(from).is_none() {
            return Err(io::ErrorKind::NotFound.into());
        }
        self.change(Change::Rename(from.to_owned(), to.to_owned()));
        Ok(())
    }

    fn change(&mut self, change: Change) {
        change.apply(&mut self.cache);
        self.waiting.push(change);
    }

    /// fsync of a folder: the changes that concern it reach the device.
    pub(super) fn sync(&mut self, folder: &Path) {
        let (now, later) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition(|change| change.concerns(folder));
        self.waiting = later;
        let now: Vec<Change> = now;
        for change in now {
            change.apply(&mut self.durable);
        }
    }

    /// The power goes: of what waits, the dice decide.
    pub(super) fn cut(&mut self, dice: &mut Dice) {
        for change in std::mem::take(&mut self.waiting) {
            if dice.one_in(2) {
                change.apply(&mut self.durable);
            }
        }
        // What lies in a folder that is not there cannot be reached.
        let mut kept: Tree = BTreeMap::new();
        for (path, node) in std::mem::take(&mut self.durable) {
            let reached = path == self.root
                || path
                    .parent()
                    .is_some_and(|folder| kept.get(folder) == Some(&Node::Folder));
            if reached {
                kept.insert(path, node);
            }
        }
        self.durable = kept;
        self.cache = self.durable.clone();
    }
}
