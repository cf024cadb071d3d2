//! A bounded cursor over untrusted bytes, and the walk over boxes in memory.
//!
//! Every read is checked against what is left; nothing is allocated here.

/// Bytes that are not what the standard says; the text names what was wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Malformed(pub(crate) &'static str);

/// A box's four-letter name.
pub(crate) type FourCc = [u8; 4];

/// Reads big-endian values from the front of a slice.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(crate) fn take(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let (head, tail) = self
            .rest
            .split_at_checked(count)
            .ok_or(Malformed("a box ends before its fields do"))?;
        self.rest = tail;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (head, tail) = self
            .rest
            .split_first_chunk::<N>()
            .ok_or(Malformed("a box ends before its fields do"))?;
        self.rest = tail;
        Ok(*head)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, Malformed> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(crate) fn u16(&mut self) -> Result<u16, Malformed> {
        self.array().map(u16::from_be_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Malformed> {
        self.array().map(u32::from_be_bytes)
    }

    pub(crate) fn i32(&mut self) -> Result<i32, Malformed> {
        self.array().map(i32::from_be_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, Malformed> {
        self.array().map(u64::from_be_bytes)
    }

    pub(crate) fn fourcc(&mut self) -> Result<FourCc, Malformed> {
        self.array()
    }

    /// A full box's version and flags.
    pub(crate) fn version_flags(&mut self) -> Result<(u8, u32), Malformed> {
        let word = self.u32()?;
        let [version, ..] = word.to_be_bytes();
        Ok((version, word & 0x00ff_ffff))
    }

    /// A 64-bit value in version 1 of a box, else a 32-bit one.
    pub(crate) fn u32_or_u64(&mut self, version: u8) -> Result<u64, Malformed> {
        if version == 1 {
            self.u64()
        } else {
            self.u32().map(u64::from)
        }
    }
}

/// Name, size and header length of the box that begins `bytes`; `None` when the header itself is
/// cut. A size of 0 ("until the end of the file") is given as `u64::MAX`.
pub(crate) fn header(bytes: &[u8]) -> Option<(FourCc, u64, u64)> {
    let mut cursor = Cursor::new(bytes);
    let size = cursor.u32().ok()?;
    let name = cursor.fourcc().ok()?;
    match size {
        0 => Some((name, u64::MAX, 8)),
        // No real box has the size that stands for "until the end".
        1 => Some((name, cursor.u64().ok()?.min(u64::MAX - 1), 16)),
        _ => Some((name, u64::from(size), 8)),
    }
}

/// The boxes inside a box, in order. A child that claims more than there is ends the walk with
/// an error; the walk always ends, because each step takes at least a header's 8 bytes.
pub(crate) fn children(bytes: &[u8]) -> impl Iterator<Item = Result<(FourCc, &[u8]), Malformed>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let Some((name, size, head)) = header(rest) else {
            rest = &[];
            return Some(Err(Malformed("a box header is cut")));
        };
        let size = if size == u64::MAX { rest.len() as u64 } else { size };
        match usize::try_from(size)
            .ok()
            .and_then(|size| rest.split_at_checked(size))
        {
            Some((this, next)) if size >= head => {
                rest = next;
                // `head` is 8 or 16 and `this` at least as long.
                Some(Ok((name, this.get(head as usize..).unwrap_or_default())))
            }
            _ => {
                rest = &[];
                Some(Err(Malformed("a box does not fit into the box around it")))
            }
        }
    })
}

/// The first child of that name.
pub(crate) fn child<'a>(bytes: &'a [u8], name: &FourCc) -> Result<Option<&'a [u8]>, Malformed> {
    for item in children(bytes) {
        let (found, body) = item?;
        if found == *name {
            return Ok(Some(body));
        }
    }
    Ok(None)
}

/// The first child of that name, which must be there.
pub(crate) fn require<'a>(
    bytes: &'a [u8],
    name: &FourCc,
    missing: &'static str,
) -> Result<&'a [u8], Malformed> {
    child(bytes, name)?.ok_or(Malformed(missing))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_walk_over_damaged_boxes_ends() {
        let whole = [0, 0, 0, 9, b'f', b'r', b'e', b'e', 7];
        assert_eq!(
            children(&whole).collect::<Result<Vec<_>, _>>(),
            Ok(vec![(*b"free", &[7_u8][..])])
        );
        for bad in [
            &whole[..5],
            &whole[..8],
            &[0, 0, 0, 3, b'f', b'r', b'e', b'e'],
            &[0, 0, 0, 1, b'f', b'r', b'e', b'e', 0, 0, 0, 0, 0, 0, 0, 9],
            &[
                0, 0, 0, 1, b'f', b'r', b'e', b'e', 255, 255, 255, 255, 255, 255, 255, 255,
            ],
        ] {
            assert!(children(bad).any(|item| item.is_err()), "{bad:?}");
        }
    }
}
