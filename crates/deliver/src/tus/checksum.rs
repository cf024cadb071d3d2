//! The checksum extension: a digest that travels with a piece, so that the server can drop what
//! was damaged on the way. Pure.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::HeaderValue;
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

/// Digests that we can give, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Algorithm {
    Sha256,
    /// The only one that every server with this extension has. It guards against accidents, not
    /// against forgers, and that is all that is asked of it here.
    Sha1,
}

impl Algorithm {
    const ALL: [Self; 2] = [Self::Sha256, Self::Sha1];

    /// The best of those that a server offers in `Tus-Checksum-Algorithm`.
    pub(super) fn best_of(offered: &str) -> Option<Self> {
        let offers = |one: &Self| offered.split(',').any(|item| item.trim() == one.as_str());
        Self::ALL.into_iter().find(offers)
    }

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha1 => "sha1",
        }
    }

    /// The value of `Upload-Checksum` for a piece. `known` is its SHA-256 where that was taken before.
    pub(super) fn header(self, piece: &[u8], known: Option<&[u8; 32]>) -> HeaderValue {
        let digest = match (self, known) {
            (Self::Sha256, Some(known)) => STANDARD.encode(known),
            (Self::Sha256, None) => STANDARD.encode(Sha256::digest(piece)),
            (Self::Sha1, _) => STANDARD.encode(Sha1::digest(piece)),
        };
        format!("{} {digest}", self.as_str())
            .parse()
            .expect("a name and base64 are valid in a header")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_digest_that_both_know_is_taken() {
        for (offered, best) in [
            ("sha1,md5", Some(Algorithm::Sha1)),
            ("md5, sha1 , sha256", Some(Algorithm::Sha256)),
            ("crc32", None),
            ("", None),
            ("sha1024", None),
        ] {
            assert_eq!(Algorithm::best_of(offered), best, "{offered}");
        }
    }

    #[test]
    fn digests_are_those_of_the_published_vectors() {
        // From the specification of tus, and FIPS 180.
        assert_eq!(
            Algorithm::Sha1.header(b"hello world", None),
            "sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0="
        );
        let computed = Algorithm::Sha256.header(b"abc", None);
        assert_eq!(computed, "sha256 ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
        let known: [u8; 32] = Sha256::digest(b"abc").into();
        assert_eq!(Algorithm::Sha256.header(b"", Some(&known)), computed);
    }
}
