//! The samples of one movie fragment (`moof`), with times in ticks and places in the file.

use super::init::{Defaults, Init};
use super::reader::{Cursor, Malformed, children};

/// One picture or one sound frame as its fragment describes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RawSample {
    /// Presentation time in ticks of the track.
    pub(crate) pts: i64,
    /// In ticks.
    pub(crate) duration: u32,
    /// Offset of its first byte in the file.
    pub(crate) offset: u64,
    /// In bytes.
    pub(crate) size: u32,
    /// Whether a decoder can begin here.
    pub(crate) key: bool,
}

/// More samples than a fragment of any real source has: a second at 48,000 pictures.
const MAX_SAMPLES: usize = 48_000;

const NOT_SYNC: u32 = 0x0001_0000;

/// Appends the samples of the track in `moof` (the body of the box that begins at `start` in its
/// file) to `out`, which is empty. On an error `out` may hold part of them; the caller drops it.
pub(crate) fn parse(moof: &[u8], start: u64, init: &Init, out: &mut Vec<RawSample>) -> Result<(), Malformed> {
    for item in children(moof) {
        let (name, traf) = item?;
        if name == *b"traf" {
            track_fragment(traf, start, init, out)?;
        }
    }
    Ok(())
}

struct Header {
    base: u64,
    defaults: Defaults,
}

/// `None` when the fragment is another track's.
fn header(tfhd: &[u8], start: u64, init: &Init) -> Result<Option<Header>, Malformed> {
    let mut cursor = Cursor::new(tfhd);
    let (_, flags) = cursor.version_flags()?;
    if cursor.u32()? != init.track_id {
        return Ok(None);
    }
    let base = if flags & 0x01 != 0 { cursor.u64()? } else { start };
    if flags & 0x02 != 0 && cursor.u32()? != 1 {
        return Err(Malformed(
            "a fragment uses a decoder configuration that its file does not have",
        ));
    }
    let mut defaults = init.defaults;
    if flags & 0x08 != 0 {
        defaults.duration = cursor.u32()?;
    }
    if flags & 0x10 != 0 {
        defaults.size = cursor.u32()?;
    }
    if flags & 0x20 != 0 {
        defaults.flags = cursor.u32()?;
    }
    Ok(Some(Header { base, defaults }))
}

fn track_fragment(traf: &[u8], start: u64, init: &Init, out: &mut Vec<RawSample>) -> Result<(), Malformed> {
    let mut head = None;
    let mut dts: Option<i64> = None;
    let mut data_at = start;
    for item in children(traf) {
        let (name, body) = item?;
        match &name {
            b"tfhd" => {
                let Some(found) = header(body, start, init)? else {
                    return Ok(());
                };
                data_at = found.base;
                head = Some(found);
            }
            b"tfdt" => {
                let mut cursor = Cursor::new(body);
                let (version, _) = cursor.version_flags()?;
                let ticks = cursor.u32_or_u64(version)?;
                dts = Some(i64::try_from(ticks).map_err(|_| Malformed("a fragment's time is absurd"))?);
            }
            b"trun" => {
                let head = head
                    .as_ref()
                    .ok_or(Malformed("a fragment has samples before its header"))?;
                let dts = dts
                    .as_mut()
                    .ok_or(Malformed("a fragment does not say when it begins"))?;
                run(body, head, dts, &mut data_at, out)?;
            }
            _ => {}
        }
    }
    Ok(())
}

fn run(
    trun: &[u8],
    head: &Header,
    dts: &mut i64,
    data_at: &mut u64,
    out: &mut Vec<RawSample>,
) -> Result<(), Malformed> {
    const ABSURD: Malformed = Malformed("a fragment's numbers are absurd");
    let mut cursor = Cursor::new(trun);
    let (_, flags) = cursor.version_flags()?;
    let count = cursor.u32()?;
    if count as usize > MAX_SAMPLES.saturating_sub(out.len()) {
        return Err(Malformed("a fragment claims more samples than a source can make"));
    }
    if flags & 0x01 != 0 {
        *data_at = head
            .base
            .checked_add_signed(i64::from(cursor.i32()?))
            .ok_or(ABSURD)?;
    }
    let first_flags = if flags & 0x04 != 0 {
        Some(cursor.u32()?)
    } else {
        None
    };
    for index in 0..count {
        let duration = if flags & 0x100 != 0 {
            cursor.u32()?
        } else {
            head.defaults.duration
        };
        let size = if flags & 0x200 != 0 {
            cursor.u32()?
        } else {
            head.defaults.size
        };
        let own_flags = if flags & 0x400 != 0 {
            cursor.u32()?
        } else {
            head.defaults.flags
        };
        // Version 0 says unsigned; encoders that mean negative write it so anyway, and no real
        // offset reaches 2^31.
        let cts = if flags & 0x800 != 0 { cursor.i32()? } else { 0 };
        let sample_flags = first_flags.filter(|_| index == 0).unwrap_or(own_flags);
        out.push(RawSample {
            pts: dts.checked_add(i64::from(cts)).ok_or(ABSURD)?,
            duration,
            offset: *data_at,
            size,
            key: sample_flags & NOT_SYNC == 0,
        });
        *dts = dts.checked_add(i64::from(duration)).ok_or(ABSURD)?;
        *data_at = data_at.checked_add(u64::from(size)).ok_or(ABSURD)?;
    }
    Ok(())
}
