//! What is written down of an upload that was begun, as one line of text. Pure.
//!
//! A restart needs more than the store's id: the checksum that was announced cannot be changed, the
//! length of the parts says what the parts there are worth, and the hash tells an upload of this
//! file from one of the file that bore its name before it was finished anew.

use lectern_domain::delivery::DeliveryFile;
use lectern_domain::finished::PART_BYTES;

use super::digest::Sum;
use super::protocol::Part;

/// No store takes more parts.
pub(super) const MOST_PARTS: u64 = 10_000;
/// Enough of the file's hash.
const HASH_DIGITS: usize = 16;

/// An upload that was begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Handle {
    /// An empty file: one request makes it, nothing is held before.
    Single,
    /// Parts, until they are made one.
    Parts(Upload),
}

/// A multipart upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Upload {
    /// The store's name for it. A capability.
    pub(super) id: String,
    /// What each part is given.
    pub(super) sum: Sum,
    /// Length of each part but the last.
    pub(super) part_bytes: u64,
}

impl Handle {
    pub(super) fn write(&self, file: &DeliveryFile) -> String {
        let hash = short(&file.sha256);
        match self {
            Self::Single => format!("single {hash}"),
            Self::Parts(Upload { id, sum, part_bytes }) => {
                format!("parts {hash} {} {part_bytes} {id}", sum.as_str())
            }
        }
    }

    /// `None`: not of this file as it is now.
    pub(super) fn read(text: &str, file: &DeliveryFile) -> Option<Self> {
        let mut words = text.splitn(5, ' ');
        let (kind, hash) = (words.next()?, words.next()?);
        if hash != short(&file.sha256) {
            return None;
        }
        match kind {
            "single" => Some(Self::Single),
            "parts" => Some(Self::Parts(Upload {
                sum: Sum::parse(words.next()?)?,
                part_bytes: words
                    .next()?
                    .parse()
                    .ok()
                    .filter(|bytes: &u64| *bytes > 0 && bytes.is_multiple_of(PART_BYTES))?,
                id: words.next()?.to_owned(),
            })),
            _ => None,
        }
    }
}

fn short(sha256: &str) -> &str {
    sha256.get(..HASH_DIGITS).unwrap_or(sha256)
}

/// Length of the parts of a file: the length that has hashes, or a multiple where that would make
/// too many.
pub(super) fn part_bytes(size_bytes: u64) -> u64 {
    PART_BYTES * size_bytes.div_ceil(PART_BYTES * MOST_PARTS).max(1)
}

/// How many parts a file has.
pub(super) fn part_count(size_bytes: u64, part_bytes: u64) -> u64 {
    size_bytes.div_ceil(part_bytes)
}

/// How long the part of this index, from 0, is.
pub(super) fn part_length(size_bytes: u64, part_bytes: u64, index: u64) -> u64 {
    part_bytes.min(size_bytes.saturating_sub(index * part_bytes))
}

/// How much of the file the parts hold that are there in full, from its beginning on.
pub(super) fn offset(parts: &[Part], size_bytes: u64, part_bytes: u64) -> u64 {
    (0..)
        .zip(parts)
        .map(|(index, part)| (part.size, part_length(size_bytes, part_bytes, index)))
        .take_while(|(there, whole)| there == whole && *whole > 0)
        .map(|(_, whole)| whole)
        .sum()
}

#[cfg(test)]
mod tests {
    use lectern_domain::delivery::FilePhase;
    use lectern_domain::finished::FileRole;

    use super::*;

    fn file(sha256: &str) -> DeliveryFile {
        DeliveryFile {
            name: "lecture.mp4".to_owned(),
            path: "/x".into(),
            role: FileRole::Lecture,
            size_bytes: 1,
            sha256: sha256.to_owned(),
            parts: Vec::new(),
            duration_ms: None,
            content_type: String::new(),
            phase: FilePhase::Pending,
        }
    }

    #[test]
    fn a_handle_is_read_back_and_belongs_to_one_file() {
        let (ours, other) = (file(&"ab".repeat(32)), file(&"cd".repeat(32)));
        let upload = Upload {
            id: "an id with/any+signs=".to_owned(),
            sum: Sum::Crc64nvme,
            part_bytes: PART_BYTES,
        };
        for handle in [Handle::Single, Handle::Parts(upload)] {
            let text = handle.write(&ours);
            assert_eq!(Handle::read(&text, &ours), Some(handle));
            assert_eq!(Handle::read(&text, &other), None);
        }
        for bad in [
            "",
            "parts",
            "parts abababababababab none 0 x",
            "parts abababababababab none 7 x",
            "https://x",
        ] {
            assert_eq!(Handle::read(bad, &ours), None, "{bad}");
        }
    }

    #[test]
    fn no_file_has_more_parts_than_a_store_takes() {
        const GIB: u64 = 1 << 30;
        for (size, part) in [(1, 8), (78 * GIB, 8), (79 * GIB, 16), (1000 * GIB, 104)] {
            let bytes = part_bytes(size);
            assert_eq!(bytes, part << 20, "{size}");
            let count = part_count(size, bytes);
            assert!(count <= MOST_PARTS, "{size}");
            let sum = (count - 1) * bytes + part_length(size, bytes, count - 1);
            assert_eq!(sum, size);
        }
    }
}
