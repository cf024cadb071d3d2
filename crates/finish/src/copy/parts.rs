//! SHA-256 of a file and of each part of it, in one pass over its bytes.
//!
//! The parts are compared when the file is read again to be sent, and tell which stretch of it
//! the disk has changed. The first part costs nothing: until its end the hash of the whole is its
//! hash too.

use lectern_domain::finished::PART_BYTES;
use sha2::{Digest, Sha256};

use super::hex;

/// What is known of a file's bytes, lower-case hex.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Digests {
    /// Of all of it.
    pub(crate) whole: String,
    /// Of each part, as in [`lectern_domain::finished::FinishedFile::parts`].
    pub(crate) parts: Vec<String>,
}

/// A file's hashes while its bytes come.
#[derive(Clone, Debug, Default)]
pub(crate) struct Parted {
    whole: Sha256,
    /// Of the part that is being filled; `None` in the first one.
    part: Option<Sha256>,
    /// Bytes in that part.
    filled: u64,
    parts: Vec<String>,
}

impl Parted {
    /// The hashes of bytes that are there already.
    pub(crate) fn of(bytes: &[u8]) -> Digests {
        let mut state = Self::default();
        state.update(bytes);
        state.finish()
    }

    /// Takes the next bytes of the file, any number of them.
    pub(crate) fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let room = usize::try_from(PART_BYTES - self.filled).unwrap_or(usize::MAX);
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.whole.update(now);
            if let Some(part) = &mut self.part {
                part.update(now);
            }
            self.filled += now.len() as u64;
            if self.filled == PART_BYTES {
                self.end_part();
            }
            bytes = later;
        }
    }

    /// What came out.
    pub(crate) fn finish(mut self) -> Digests {
        if self.filled > 0 {
            self.end_part();
        }
        Digests {
            whole: hex(self.whole),
            parts: self.parts,
        }
    }

    fn end_part(&mut self) {
        let part = self.part.replace(Sha256::new());
        self.parts.push(hex(part.unwrap_or_else(|| self.whole.clone())));
        self.filled = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_the_hashes_of_their_bytes_however_they_come() {
        let part = usize::try_from(PART_BYTES).unwrap();
        for len in [0, 1, part - 1, part, part + 1, 2 * part, 2 * part + 17] {
            let bytes: Vec<u8> = (0..len).map(|at| ((at * 31) >> 7) as u8).collect();
            let expected = Digests {
                whole: hex(Sha256::new_with_prefix(&bytes)),
                parts: bytes
                    .chunks(part)
                    .map(|part| hex(Sha256::new_with_prefix(part)))
                    .collect(),
            };
            assert_eq!(Parted::of(&bytes), expected, "{len} at once");
            let mut state = Parted::default();
            for piece in bytes.chunks(1_000_003) {
                state.update(piece);
            }
            assert_eq!(state.finish(), expected, "{len} in pieces");
        }
    }
}
