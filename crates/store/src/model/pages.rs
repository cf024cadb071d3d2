//! One file of the model: what memory shows, what the device has, and which pages wait.
//!
//! Pages are tiny, so that a chunk of the tests spans several and a power cut can tear it.

use std::collections::BTreeSet;

use super::dice::Dice;

/// Bytes of a page.
const PAGE: usize = 64;

/// A file's bytes in both layers.
#[derive(Clone, Debug, Default)]
pub(super) struct Pages {
    cache: Vec<u8>,
    durable: Vec<u8>,
    /// Pages that were written and wait for a sync.
    dirty: BTreeSet<usize>,
    /// The length changed and waits for a sync.
    resized: bool,
}

/// How a power cut leaves what was not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tear {
    /// Some of it, in the order in which it was written; behind it maybe zeros, where the length
    /// reached the disk before the bytes did, as ext4 and XFS leave it.
    Tail,
    /// Any pages of it, in any order.
    Holes,
}

impl Pages {
    /// What a reader sees.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.cache
    }

    /// What survives a power cut for sure.
    pub(super) fn durable(&self) -> &[u8] {
        &self.durable
    }

    pub(super) fn append(&mut self, bytes: &[u8]) {
        let from = self.cache.len() / PAGE;
        self.cache.extend_from_slice(bytes);
        self.dirty.extend(from..self.cache.len().div_ceil(PAGE));
        self.resized |= !bytes.is_empty();
    }

    pub(super) fn truncate(&mut self, len: usize) {
        if len < self.cache.len() {
            self.cache.truncate(len);
            self.dirty.retain(|page| page * PAGE < len);
            self.resized = true;
        }
    }

    /// fsync: the waiting pages and the length reach the device.
    pub(super) fn sync(&mut self) {
        self.write_back(usize::MAX);
    }

    /// An fsync that fails: the first `written` waiting pages reach the device, the others never
    /// will. Memory goes on to show them, and the next fsync finds nothing to do.
    pub(super) fn fail_sync(&mut self, written: usize) {
        self.write_back(written);
    }

    fn write_back(&mut self, at_most: usize) {
        for page in std::mem::take(&mut self.dirty).into_iter().take(at_most) {
            self.copy_page(page);
        }
        if std::mem::take(&mut self.resized) {
            self.durable.resize(self.cache.len(), 0);
        }
    }

    fn copy_page(&mut self, page: usize) {
        let from = page * PAGE;
        let to = (from + PAGE).min(self.cache.len());
        if from < to {
            if self.durable.len() < to {
                self.durable.resize(to, 0);
            }
            self.durable[from..to].copy_from_slice(&self.cache[from..to]);
        }
    }

    /// Clean pages show again what the device has.
    pub(super) fn drop_cache(&mut self) {
        for from in (0..self.cache.len()).step_by(PAGE) {
            if self.dirty.contains(&(from / PAGE)) {
                continue;
            }
            let to = (from + PAGE).min(self.cache.len());
            for at in from..to {
                self.cache[at] = self.durable.get(at).copied().unwrap_or(0);
            }
        }
    }

    /// The power goes.
    pub(super) fn cut(&mut self, tear: Tear, dice: &mut Dice) {
        let left = match tear {
            Tear::Tail => self.torn_tail(dice),
            Tear::Holes => self.torn_pages(dice),
        };
        *self = Self {
            cache: left.clone(),
            durable: left,
            dirty: BTreeSet::new(),
            resized: false,
        };
    }

    fn torn_tail(&self, dice: &mut Dice) -> Vec<u8> {
        if !self.resized && self.dirty.is_empty() {
            return self.durable.clone();
        }
        if self.cache.len() < self.durable.len() {
            // A truncation that had not reached the device, or had.
            let keep = if dice.one_in(2) {
                self.cache.len()
            } else {
                self.durable.len()
            };
            return self.durable[..keep].to_vec();
        }
        let mut left = self.durable.clone();
        let new = self.cache.len() - left.len();
        let written = left.len() + dice.below(new + 1);
        left.extend_from_slice(&self.cache[left.len()..written]);
        if dice.one_in(3) {
            left.resize(written + dice.below(self.cache.len() - written + 1), 0);
        }
        left
    }

    fn torn_pages(&self, dice: &mut Dice) -> Vec<u8> {
        let mut left = self.durable.clone();
        let (short, long) = (
            self.durable.len().min(self.cache.len()),
            self.durable.len().max(self.cache.len()),
        );
        if self.resized {
            left.resize(short + dice.below(long - short + 1), 0);
        }
        for page in &self.dirty {
            let from = page * PAGE;
            let to = (from + PAGE).min(self.cache.len()).min(left.len());
            if from < to && dice.one_in(2) {
                left[from..to].copy_from_slice(&self.cache[from..to]);
            }
        }
        left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(bytes: &[u8]) -> Pages {
        let mut pages = Pages::default();
        pages.append(bytes);
        pages
    }

    #[test]
    fn what_was_synced_survives_every_cut_and_what_was_not_may_not() {
        let mut lost = 0;
        for seed in 0..500 {
            for tear in [Tear::Tail, Tear::Holes] {
                let mut pages = written(&[1; 150]);
                pages.sync();
                pages.append(&[2; 200]);
                pages.cut(tear, &mut Dice::new(seed));
                assert_eq!(&pages.bytes()[..150], [1; 150]);
                lost += usize::from(pages.bytes().len() < 350);
                assert!(pages.bytes()[150..].iter().all(|byte| [0, 2].contains(byte)));
            }
        }
        assert!(lost > 100, "{lost}");
    }

    #[test]
    fn a_failed_sync_loses_its_pages_although_memory_shows_them() {
        let mut pages = written(&[1; 64]);
        pages.sync();
        pages.append(&[2; 64]);
        pages.fail_sync(0);
        pages.append(&[3; 64]);
        pages.sync();
        assert_eq!(pages.bytes()[64..128], [2; 64], "memory shows it");
        assert_eq!(pages.durable()[64..128], [0; 64], "the device never got it");
        assert_eq!(pages.durable()[128..], [3; 64]);
        pages.drop_cache();
        assert_eq!(pages.bytes(), pages.durable());
    }
}
