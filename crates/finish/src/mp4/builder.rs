//! Writes boxes into memory.

use super::reader::FourCc;

/// Bytes under construction; box sizes are filled in when a box closes.
#[derive(Debug, Default)]
pub(crate) struct Builder {
    bytes: Vec<u8>,
}

impl Builder {
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    pub(crate) fn u8(&mut self, value: u8) -> &mut Self {
        self.bytes.push(value);
        self
    }

    pub(crate) fn u16(&mut self, value: u16) -> &mut Self {
        self.raw(&value.to_be_bytes())
    }

    pub(crate) fn u32(&mut self, value: u32) -> &mut Self {
        self.raw(&value.to_be_bytes())
    }

    pub(crate) fn u64(&mut self, value: u64) -> &mut Self {
        self.raw(&value.to_be_bytes())
    }

    pub(crate) fn raw(&mut self, bytes: &[u8]) -> &mut Self {
        self.bytes.extend_from_slice(bytes);
        self
    }

    /// 64 bits where `wide`, else 32; the caller has seen that the value fits.
    pub(crate) fn sized(&mut self, wide: bool, value: u64) -> &mut Self {
        if wide {
            self.u64(value)
        } else {
            self.u32(value as u32)
        }
    }

    /// A box around what `fill` writes. Indexes are small: a box here stays far below 4 GiB,
    /// because tables have at most some million entries.
    pub(crate) fn boxed(&mut self, name: &FourCc, fill: impl FnOnce(&mut Self)) -> &mut Self {
        let start = self.bytes.len();
        self.u32(0).raw(name);
        fill(self);
        let size = (self.bytes.len() - start) as u32;
        if let Some(place) = self.bytes.get_mut(start..start + 4) {
            place.copy_from_slice(&size.to_be_bytes());
        }
        self
    }

    /// A box that begins with a version and flags.
    pub(crate) fn full(
        &mut self,
        name: &FourCc,
        version: u8,
        flags: u32,
        fill: impl FnOnce(&mut Self),
    ) -> &mut Self {
        self.boxed(name, |b| {
            b.u32(u32::from(version) << 24 | flags);
            fill(b);
        })
    }

    /// A table: its length, then its entries, written as they come.
    pub(crate) fn counted(&mut self, fill: impl FnOnce(&mut Self) -> u32) -> &mut Self {
        let start = self.bytes.len();
        self.u32(0);
        let count = fill(self);
        if let Some(place) = self.bytes.get_mut(start..start + 4) {
            place.copy_from_slice(&count.to_be_bytes());
        }
        self
    }
}
