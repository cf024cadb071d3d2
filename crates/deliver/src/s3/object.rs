//! What lies under a key, and whether it is ours.

use lectern_domain::config::Checksum;
use serde_json::{Value, json};

use super::digest::Sum;
use super::handle;
use crate::net::Reply;
use crate::parcel::Parcel;

/// What lies under a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Object {
    /// Nothing.
    Absent,
    /// A whole file of the size and with the SHA-256 of ours.
    Ours(Held),
    /// Something else, in words.
    Other(String),
}

/// What a store tells of a whole file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Held {
    size_bytes: u64,
    etag: Option<String>,
    version: Option<String>,
    /// A checksum that the store took itself, as it tells it.
    told: Option<(Sum, String)>,
}

impl Object {
    /// Reads the answer to a HEAD.
    pub(super) fn read(reply: &Reply, parcel: &Parcel<'_>) -> Self {
        let size = reply.number("content-length");
        let sha256 = reply.header("x-amz-meta-sha256");
        if size == Some(parcel.file.size_bytes)
            && sha256.is_some_and(|told| told.eq_ignore_ascii_case(&parcel.file.sha256))
        {
            return Self::Ours(Held {
                size_bytes: parcel.file.size_bytes,
                etag: reply.header("etag").map(str::to_owned),
                version: reply.header("x-amz-version-id").map(str::to_owned),
                told: told(reply),
            });
        }
        let size = size.map_or_else(|| "an unknown number of".to_owned(), |size| size.to_string());
        Self::Other(match sha256 {
            Some(sha256) => format!(
                "{size} bytes with SHA-256 {}",
                sha256.chars().take(64).collect::<String>()
            ),
            None => format!("{size} bytes that Lectern did not send"),
        })
    }
}

/// The store's own checksum, the strongest first. A CRC counts only where the store says that it is
/// of the whole object: some make one of the parts' CRCs in a way of their own.
fn told(reply: &Reply) -> Option<(Sum, String)> {
    let of_whole = reply.header("x-amz-checksum-type") == Some("FULL_OBJECT");
    [
        (Sum::Sha256, "x-amz-checksum-sha256"),
        (Sum::Crc64nvme, "x-amz-checksum-crc64nvme"),
        (Sum::Crc32c, "x-amz-checksum-crc32c"),
    ]
    .into_iter()
    .filter(|(sum, _)| *sum == Sum::Sha256 || of_whole)
    .find_map(|(sum, name)| Some((sum, reply.header(name)?.to_owned())))
}

impl Held {
    /// Which sum of ours is to be compared with what the store told; `None` when it told none.
    pub(super) fn comparable(&self, wanted: Checksum) -> Option<Sum> {
        match (&self.told, wanted) {
            (Some((sum, _)), _) => Some(*sum),
            (None, Checksum::Md5) => Some(Sum::Md5),
            (None, _) => None,
        }
    }

    /// Whether the store's sum is ours; `None` when that cannot be said: an ETag need not be a sum,
    /// and a sum of sums says nothing without the parts that it was made of.
    pub(super) fn agrees(&self, ours: &str) -> Option<bool> {
        let bare = |text: &str| text.split('-').next().unwrap_or_default().to_owned();
        match &self.told {
            Some((Sum::Sha256, told)) => {
                // Some stores leave out the number of parts.
                let same_parts = !told.contains('-') || told.split('-').nth(1) == ours.split('-').nth(1);
                same_parts.then(|| bare(told) == bare(ours))
            }
            Some((_, told)) => Some(told == ours),
            None => self
                .etag
                .as_ref()
                .filter(|etag| etag.trim_matches('"') == ours)
                .map(|_| true),
        }
    }

    /// What the receipt keeps.
    pub(super) fn evidence(&self, bucket: &str, key: &str, sha256: &str, compared: Option<Sum>) -> Value {
        json!({
            "protocol": "S3",
            "asked_by": "HEAD",
            "bucket": bucket,
            "key": key,
            "size": self.size_bytes,
            "sha256_in_metadata": sha256,
            "etag": self.etag,
            "version": self.version,
            "checksum": self.told.as_ref().map(|(sum, value)| json!({ "kind": sum.as_str(), "value": value })),
            "compared_with_ours": compared.map(Sum::as_str),
        })
    }
}

/// How long the parts of a whole file were that some run sent: the rule has not changed.
pub(super) fn part_bytes_of(parcel: &Parcel<'_>) -> u64 {
    handle::part_bytes(parcel.file.size_bytes)
}
