//! Which stretch of a finished file the disk has changed.
//!
//! One pass over the file takes the hash of the whole and of each part. A send compares the parts
//! too, so a part that disagrees stops it: here a person learns where, and whether it is the file
//! that changed or what was noted of it.

use std::io;
use std::ops::RangeInclusive;

use lectern_domain::finished::PART_BYTES;
use sha2::{Digest, Sha256};

use crate::disk::{Disk, read_full};
use crate::spool::segment::hex;

/// Bytes that are read at once; divides a part.
const STRIDE: usize = 256 * 1024;

/// What a pass over a finished file found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Parts {
    /// SHA-256 of the whole.
    pub(super) sha256: String,
    /// First and last byte of each run of parts that are not as they were finished.
    pub(super) changed: Vec<RangeInclusive<u64>>,
}

/// Reads `len` bytes and compares their parts with `known`, none if that is empty. Blocks.
pub(super) fn compare<D: Disk>(
    disk: &mut D,
    file: &mut D::File,
    len: u64,
    known: &[String],
) -> io::Result<Parts> {
    let mut found = Parts::default();
    let mut whole = Sha256::new();
    let mut buffer = vec![0; STRIDE];
    let mut at = 0;
    let mut expected = known.iter();
    while at < len {
        let end = len.min(at + PART_BYTES);
        let begin = at;
        let mut part = Sha256::new();
        while at < end {
            let want = usize::try_from(end - at).unwrap_or(STRIDE).min(STRIDE);
            let got = read_full(disk, file, at, &mut buffer[..want])?;
            if got == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            whole.update(&buffer[..got]);
            if !known.is_empty() {
                part.update(&buffer[..got]);
            }
            at += got as u64;
        }
        if !known.is_empty() && expected.next() != Some(&hex(part)) {
            found.note(begin..=end - 1);
        }
    }
    found.sha256 = hex(whole);
    Ok(found)
}

impl Parts {
    /// Adds a part that changed to the run that it continues.
    fn note(&mut self, part: RangeInclusive<u64>) {
        match self.changed.last_mut() {
            Some(last) if *last.end() + 1 == *part.start() => *last = *last.start()..=*part.end(),
            _ => self.changed.push(part),
        }
    }

    /// What to tell a person when the file has, or has not, the hash that it was finished with;
    /// `None` when all is well.
    pub(super) fn finding(&self, sha256: &str) -> Option<String> {
        let whole = self.sha256 == sha256;
        if whole && self.changed.is_empty() {
            return None;
        }
        if whole {
            return Some(
                "it is whole, and the hashes that were noted of its parts are not its own: the database was \
                 changed; put its newest backup back"
                    .to_owned(),
            );
        }
        let places: Vec<String> = self
            .changed
            .iter()
            .map(|bytes| format!("{} to {}", bytes.start(), bytes.end()))
            .collect();
        let changed = match places.as_slice() {
            [] => "its bytes are not those that were written".to_owned(),
            places => format!("its bytes {} are not those that were written", places.join(", ")),
        };
        Some(format!("{changed}; look for it in a backup"))
    }
}
