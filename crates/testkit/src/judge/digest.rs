//! The checksum extension: what a piece says of itself, and what it is.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::Sha1;
use sha2::{Digest, Sha256};

/// A checksum that pieces may bear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TusChecksum {
    /// The one that every server with this extension has.
    Sha1,
    /// SHA-256.
    Sha256,
}

impl TusChecksum {
    /// Its name in headers.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
        }
    }

    fn bytes(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }
}

/// The digest of one piece as it arrives, and what it is to be.
pub(super) struct Expected {
    running: Running,
    digest: Vec<u8>,
}

enum Running {
    Sha1(Sha1),
    Sha256(Sha256),
}

impl Expected {
    /// Reads `Upload-Checksum`; `None` when it is malformed or the server does not offer it.
    pub(super) fn read(offered: &[TusChecksum], header: &str) -> Option<Self> {
        let (name, digest) = header.split_once(' ')?;
        let checksum = offered.iter().find(|checksum| checksum.name() == name)?;
        let digest = STANDARD.decode(digest).ok()?;
        let running = match checksum {
            TusChecksum::Sha1 => Running::Sha1(Sha1::new()),
            TusChecksum::Sha256 => Running::Sha256(Sha256::new()),
        };
        (digest.len() == checksum.bytes()).then_some(Self { running, digest })
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        match &mut self.running {
            Running::Sha1(running) => running.update(bytes),
            Running::Sha256(running) => running.update(bytes),
        }
    }

    /// True when the piece was what it said.
    pub(super) fn holds(self) -> bool {
        match self.running {
            Running::Sha1(running) => running.finalize().as_slice() == self.digest,
            Running::Sha256(running) => running.finalize().as_slice() == self.digest,
        }
    }
}
