//! The checksums of one file's parts, as far as they were taken in this run.
//!
//! What this run sent was summed when it was sent. What an earlier run sent is read once more from
//! our disk, where each part is proven to be what was finished before it is summed: what is told to
//! the store at the end is always of our own file, never what the store told us.

use std::collections::BTreeMap;

use bytes::{Bytes, BytesMut};
use lectern_domain::finished::PART_BYTES;

use super::digest::{Sum, Whole};
use super::handle::{part_count, part_length};
use crate::contents::Contents;
use crate::fault::Fault;
use crate::parcel::Parcel;

/// Of one file at a time: files go one after another.
#[derive(Default)]
pub(super) struct Sums {
    of: Option<Of>,
    /// By the part's index from 0.
    parts: BTreeMap<u64, Vec<u8>>,
}

/// What the sums are of.
#[derive(PartialEq, Eq)]
struct Of {
    sha256: String,
    sum: Sum,
    part_bytes: u64,
}

impl Sums {
    /// Turns to this file, and forgets another.
    pub(super) fn turn_to(&mut self, parcel: &Parcel<'_>, sum: Sum, part_bytes: u64) {
        let of = Of {
            sha256: parcel.file.sha256.clone(),
            sum,
            part_bytes,
        };
        if self.of.as_ref() != Some(&of) {
            self.parts.clear();
            self.of = Some(of);
        }
    }

    /// The sum of a part whose bytes are at hand.
    pub(super) async fn take(
        &mut self,
        parcel: &Parcel<'_>,
        index: u64,
        bytes: &[u8],
    ) -> Result<Vec<u8>, Fault> {
        if let Some(value) = self.parts.get(&index) {
            return Ok(value.clone());
        }
        let value = match self.known(&parcel.contents, index).await? {
            Some(value) => value,
            None => self.sum().of(bytes),
        };
        self.parts.insert(index, value.clone());
        Ok(value)
    }

    /// Every part's sum, in order. Reads what was not summed yet.
    pub(super) async fn all(&mut self, parcel: &Parcel<'_>) -> Result<Vec<Vec<u8>>, Fault> {
        let part_bytes = self.part_bytes();
        let count = part_count(parcel.file.size_bytes, part_bytes);
        for index in 0..count {
            if parcel.stopped() {
                return Err(Fault::Stopped);
            }
            if self.parts.contains_key(&index) {
                continue;
            }
            let value = match self.known(&parcel.contents, index).await? {
                Some(value) => value,
                None => self.sum().of(&piece(&parcel.contents, part_bytes, index).await?),
            };
            self.parts.insert(index, value);
        }
        Ok(self.parts.values().cloned().collect())
    }

    /// What all parts come to.
    pub(super) async fn whole(&mut self, parcel: &Parcel<'_>) -> Result<Whole, Fault> {
        let part_bytes = self.part_bytes();
        let mut whole = Whole::new(self.sum());
        for (index, value) in (0..).zip(self.all(parcel).await?) {
            whole.add(&value, part_length(parcel.file.size_bytes, part_bytes, index));
        }
        Ok(whole)
    }

    /// What needs no reading: the hash that was taken when the lecture was finished, or nothing.
    async fn known(&self, contents: &Contents, index: u64) -> Result<Option<Vec<u8>>, Fault> {
        Ok(match self.sum() {
            Sum::None => Some(Vec::new()),
            Sum::Sha256 if self.part_bytes() == PART_BYTES => {
                let digests = contents.digests().await?;
                usize::try_from(index)
                    .ok()
                    .and_then(|index| digests.get(index))
                    .map(|digest| digest.to_vec())
            }
            Sum::Sha256 | Sum::Crc64nvme | Sum::Crc32c | Sum::Md5 => None,
        })
    }

    fn sum(&self) -> Sum {
        self.of.as_ref().map_or(Sum::None, |of| of.sum)
    }

    fn part_bytes(&self) -> u64 {
        self.of.as_ref().map_or(PART_BYTES, |of| of.part_bytes)
    }
}

/// A part of an upload, proven to be what was finished: one part of the file, or several where the
/// file is so large that a store would not take as many.
pub(super) async fn piece(contents: &Contents, part_bytes: u64, index: u64) -> Result<Bytes, Fault> {
    let each = part_bytes / PART_BYTES;
    let first = index * each;
    if each == 1 {
        return contents.part(first).await;
    }
    let mut joined = BytesMut::new();
    for at in first..(first + each).min(contents.part_count()) {
        joined.extend_from_slice(&contents.part(at).await?);
    }
    Ok(joined.freeze())
}
