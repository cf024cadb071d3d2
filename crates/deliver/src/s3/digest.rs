//! The checksums that a store may be given with each part, and of the whole object. Pure.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crc_fast::{CrcAlgorithm, checksum, checksum_combine};
use lectern_domain::config::Checksum;
use md5::Md5;
use reqwest::header::HeaderName;
use sha2::{Digest, Sha256};

/// A checksum as the protocol names it. What the configuration leaves open is settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sum {
    Crc64nvme,
    Crc32c,
    Sha256,
    Md5,
    None,
}

/// What is tried in turn when the configuration leaves it open.
const OPEN: [Sum; 3] = [Sum::Crc64nvme, Sum::Sha256, Sum::None];

impl Sum {
    /// What may be tried, best first.
    pub(super) fn candidates(wanted: Checksum) -> &'static [Self] {
        match wanted {
            Checksum::Auto => &OPEN,
            Checksum::Crc64nvme => &[Self::Crc64nvme],
            Checksum::Crc32c => &[Self::Crc32c],
            Checksum::Sha256 => &[Self::Sha256],
            Checksum::Md5 => &[Self::Md5],
            Checksum::None => &[Self::None],
        }
    }

    /// As in the configuration and in a handle.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Crc64nvme => "crc64nvme",
            Self::Crc32c => "crc32c",
            Self::Sha256 => "sha256",
            Self::Md5 => "md5",
            Self::None => "none",
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        [Self::Crc64nvme, Self::Crc32c, Self::Sha256, Self::Md5, Self::None]
            .into_iter()
            .find(|sum| sum.as_str() == text)
    }

    /// As `x-amz-checksum-algorithm` has it; `None` for what that header does not know.
    pub(super) const fn algorithm(self) -> Option<&'static str> {
        match self {
            Self::Crc64nvme => Some("CRC64NVME"),
            Self::Crc32c => Some("CRC32C"),
            Self::Sha256 => Some("SHA256"),
            Self::Md5 | Self::None => None,
        }
    }

    /// The header that carries it.
    pub(super) const fn header(self) -> Option<HeaderName> {
        match self {
            Self::Crc64nvme => Some(HeaderName::from_static("x-amz-checksum-crc64nvme")),
            Self::Crc32c => Some(HeaderName::from_static("x-amz-checksum-crc32c")),
            Self::Sha256 => Some(HeaderName::from_static("x-amz-checksum-sha256")),
            Self::Md5 => Some(HeaderName::from_static("content-md5")),
            Self::None => None,
        }
    }

    /// What the store makes of the sums of the parts: one over the object, or a sum of sums.
    pub(super) const fn kind(self) -> Option<&'static str> {
        match self {
            Self::Crc64nvme | Self::Crc32c => Some("FULL_OBJECT"),
            Self::Sha256 => Some("COMPOSITE"),
            Self::Md5 | Self::None => None,
        }
    }

    /// The sum of some bytes.
    pub(super) fn of(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::Crc64nvme => checksum(CrcAlgorithm::Crc64Nvme, bytes).to_be_bytes().to_vec(),
            Self::Crc32c => crc32(checksum(CrcAlgorithm::Crc32Iscsi, bytes)),
            Self::Sha256 => Sha256::digest(bytes).to_vec(),
            Self::Md5 => Md5::digest(bytes).to_vec(),
            Self::None => Vec::new(),
        }
    }
}

fn crc32(sum: u64) -> Vec<u8> {
    let low = u32::try_from(sum).expect("a CRC of 32 bits has no more");
    low.to_be_bytes().to_vec()
}

/// Base64, as headers and XML carry it.
pub(super) fn text(sum: &[u8]) -> String {
    STANDARD.encode(sum)
}

/// The sums of an object's parts, in order, as they become one.
#[derive(Clone, Debug)]
pub(super) struct Whole {
    sum: Sum,
    parts: usize,
    /// Of everything so far, if the sum is over the object.
    full: u64,
    /// Of the parts' sums, if it is a sum of sums.
    composite: Vec<u8>,
}

impl Whole {
    pub(super) fn new(sum: Sum) -> Self {
        Self {
            sum,
            parts: 0,
            full: 0,
            composite: Vec::new(),
        }
    }

    /// Adds the next part, of which this is the sum.
    pub(super) fn add(&mut self, part: &[u8], length: u64) {
        self.parts += 1;
        let number = || part.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
        let crc = match self.sum {
            Sum::Crc64nvme => CrcAlgorithm::Crc64Nvme,
            Sum::Crc32c => CrcAlgorithm::Crc32Iscsi,
            Sum::Sha256 | Sum::Md5 | Sum::None => {
                self.composite.extend_from_slice(part);
                return;
            }
        };
        self.full = if self.parts == 1 {
            number()
        } else {
            checksum_combine(crc, self.full, number(), length)
        };
    }

    /// The object's sum as the store must tell it: base64, with `-<parts>` behind a sum of sums; for
    /// MD5 it is the ETag, in hex. `None`: this store is given no sum.
    pub(super) fn told(&self) -> Option<String> {
        let parts = self.parts;
        match self.sum {
            Sum::Crc64nvme => Some(text(&self.full.to_be_bytes())),
            Sum::Crc32c => Some(text(&crc32(self.full))),
            Sum::Sha256 => Some(format!("{}-{parts}", text(&Sha256::digest(&self.composite)))),
            Sum::Md5 => Some(format!(
                "{}-{parts}",
                crate::reading::hex(&Md5::digest(&self.composite))
            )),
            Sum::None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_those_of_the_standards() {
        let digits = b"123456789";
        let hex = |sum: Sum| crate::reading::hex(&sum.of(digits));
        assert_eq!(hex(Sum::Crc64nvme), "ae8b14860a799888");
        assert_eq!(hex(Sum::Crc32c), "e3069283");
        assert_eq!(hex(Sum::Md5), "25f9e794323b453885f5181f1b624d0b");
        assert_eq!(
            hex(Sum::Sha256),
            "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225"
        );
    }

    #[test]
    fn sums_of_parts_become_the_sum_of_the_object() {
        let bytes: Vec<u8> = (0..5000u32).map(|n| ((n * n) >> 3) as u8).collect();
        for sum in [Sum::Crc64nvme, Sum::Crc32c] {
            let mut whole = Whole::new(sum);
            for part in bytes.chunks(777) {
                whole.add(&sum.of(part), part.len() as u64);
            }
            assert_eq!(whole.told(), Some(text(&sum.of(&bytes))), "{sum:?}");
        }
        for (sum, wanted) in [
            (
                Sum::Sha256,
                text(&Sha256::digest(
                    [Sum::Sha256.of(b"a"), Sum::Sha256.of(b"b")].concat(),
                )) + "-2",
            ),
            (Sum::Md5, "96e024ba2074fe77e8e965ba43a704be-2".to_owned()),
        ] {
            let mut whole = Whole::new(sum);
            whole.add(&sum.of(b"a"), 1);
            whole.add(&sum.of(b"b"), 1);
            assert_eq!(whole.told(), Some(wanted), "{sum:?}");
        }
        assert_eq!(Whole::new(Sum::None).told(), None);
    }

    #[test]
    fn every_sum_is_found_by_its_name() {
        for sum in [Sum::Crc64nvme, Sum::Crc32c, Sum::Sha256, Sum::Md5, Sum::None] {
            assert_eq!(Sum::parse(sum.as_str()), Some(sum));
        }
        assert_eq!(Sum::parse("crc32"), None);
    }
}
