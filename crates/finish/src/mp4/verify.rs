//! Reads a finished file back and checks that a player can: the index lies first, and every
//! sample it names lies in the media.
//!
//! Written against the standard and not against `moov`, so that one mistake is not made twice.

use std::fs::File;
use std::os::unix::fs::FileExt;

use super::reader::{Cursor, FourCc, Malformed, child, children, header, require};

/// Why a file is not as it should be.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unplayable {
    #[error("it cannot be read: {0}")]
    Io(#[from] std::io::Error),
    #[error("{0}")]
    Malformed(#[from] Malformed),
}

/// An index of a four-hour lecture with three tracks has 10 MB.
const MAX_INDEX_BYTES: u64 = 1 << 30;

/// Checks a file that should hold `tracks` tracks. Blocking; reads the index only.
pub(crate) fn verify(file: &File, tracks: usize) -> Result<(), Unplayable> {
    let len = file.metadata()?.len();
    let (ftyp, at) = top_level(file, 0, len)?;
    let (moov, index) = top_level(file, at.end, len)?;
    let (mdat, media) = top_level(file, index.end, len)?;
    if (&ftyp, &moov, &mdat) != (b"ftyp", b"moov", b"mdat") || media.end != len {
        return Err(Malformed("its boxes are not ftyp, moov, mdat and nothing more").into());
    }
    if index.end - index.body > MAX_INDEX_BYTES {
        return Err(Malformed("its index is absurdly long").into());
    }
    let mut body = vec![0; (index.end - index.body) as usize];
    file.read_exact_at(&mut body, index.body)?;
    let mut found = 0;
    let mut media_bytes = 0;
    for item in children(&body) {
        let (name, trak) = item?;
        if name == *b"trak" {
            found += 1;
            media_bytes += track(trak, &media)?;
        }
    }
    if found != tracks {
        return Err(Malformed("it has another number of tracks").into());
    }
    if media_bytes != media.end - media.body {
        return Err(Malformed("its samples do not fill its media").into());
    }
    Ok(())
}

/// Offsets of a box's body and end.
struct Place {
    body: u64,
    end: u64,
}

fn top_level(file: &File, at: u64, len: u64) -> Result<(FourCc, Place), Unplayable> {
    let mut bytes = [0; 16];
    let have = len.saturating_sub(at).min(16) as usize;
    let bytes = bytes.get_mut(..have).unwrap_or_default();
    file.read_exact_at(bytes, at)?;
    let (name, size, head) = header(bytes).ok_or(Malformed("a box header is cut"))?;
    match at.checked_add(size) {
        Some(end) if size >= head && end <= len => Ok((name, Place { body: at + head, end })),
        _ => Err(Malformed("a box reaches past the end of the file").into()),
    }
}

/// Checks one track; answers how many bytes its samples have.
fn track(trak: &[u8], media: &Place) -> Result<u64, Malformed> {
    const INCOMPLETE: &str = "a track's index is incomplete";
    let mdia = require(trak, b"mdia", INCOMPLETE)?;
    let stbl = require(require(mdia, b"minf", INCOMPLETE)?, b"stbl", INCOMPLETE)?;
    let table = |name: &FourCc| require(stbl, name, INCOMPLETE).and_then(Table::new);

    let mut sizes = Cursor::new(require(stbl, b"stsz", INCOMPLETE)?);
    sizes.take(8)?;
    let samples = sizes.u32()?;
    let mut stts = table(b"stts")?;
    let (mut timed, mut duration) = (0_u64, 0_u64);
    while let Some([count, delta]) = stts.next()? {
        timed += u64::from(count);
        duration += u64::from(count) * u64::from(delta);
    }
    if timed != u64::from(samples) || duration != media_duration(require(mdia, b"mdhd", INCOMPLETE)?)? {
        return Err(Malformed("a track's times do not add up"));
    }
    if let Some(ctts) = child(stbl, b"ctts")? {
        let mut ctts = Table::new(ctts)?;
        let mut offset = 0;
        while let Some([count, _]) = ctts.next()? {
            offset += u64::from(count);
        }
        if offset != u64::from(samples) {
            return Err(Malformed("a track's presentation times do not add up"));
        }
    }
    if let Some(stss) = child(stbl, b"stss")?
        && Table::new(stss)?.next()? != Some([1])
    {
        return Err(Malformed("a picture track does not begin with a key frame"));
    }
    let entries = table(b"stsd")?.count;
    chunks(stbl, table(b"stsc")?, sizes, samples, entries, media)
}

fn media_duration(mdhd: &[u8]) -> Result<u64, Malformed> {
    let mut cursor = Cursor::new(mdhd);
    let (version, _) = cursor.version_flags()?;
    cursor.u32_or_u64(version)?;
    cursor.u32_or_u64(version)?;
    cursor.u32()?;
    cursor.u32_or_u64(version)
}

/// Lays every chunk's samples out; answers their bytes.
fn chunks(
    stbl: &[u8],
    mut map: Table<'_>,
    mut sizes: Cursor<'_>,
    samples: u32,
    entries: u32,
    media: &Place,
) -> Result<u64, Malformed> {
    let (offsets, wide) = match child(stbl, b"co64")? {
        Some(body) => (body, true),
        None => (require(stbl, b"stco", "a track has no chunks")?, false),
    };
    let mut offsets = Cursor::new(offsets);
    offsets.version_flags()?;
    let count = offsets.u32()?;
    let (mut left, mut total) = (samples, 0);
    let mut shape = map.next::<3>()?.ok_or(Malformed("a track has no chunks"))?;
    let mut next = map.next::<3>()?;
    for number in 1..=count {
        if let Some(begins) = next.filter(|[begins, ..]| *begins == number) {
            shape = begins;
            next = map.next()?;
        }
        let [_, in_chunk, entry] = shape;
        if entry == 0 || entry > entries {
            return Err(Malformed(
                "a chunk names a decoder configuration that is not there",
            ));
        }
        let begin = offsets.u32_or_u64(u8::from(wide))?;
        left = left
            .checked_sub(in_chunk)
            .ok_or(Malformed("a track's chunks hold too many samples"))?;
        let mut end = begin;
        for _ in 0..in_chunk {
            end += u64::from(sizes.u32()?);
        }
        if begin < media.body || end > media.end {
            return Err(Malformed("a chunk lies outside the media"));
        }
        total += end - begin;
    }
    if left != 0 {
        return Err(Malformed("a track's chunks hold too few samples"));
    }
    Ok(total)
}

/// The rows of a counted table.
struct Table<'a> {
    cursor: Cursor<'a>,
    count: u32,
    left: u32,
}

impl<'a> Table<'a> {
    fn new(body: &'a [u8]) -> Result<Self, Malformed> {
        let mut cursor = Cursor::new(body);
        cursor.version_flags()?;
        let count = cursor.u32()?;
        Ok(Self {
            cursor,
            count,
            left: count,
        })
    }

    fn next<const N: usize>(&mut self) -> Result<Option<[u32; N]>, Malformed> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        let mut row = [0; N];
        for value in &mut row {
            *value = self.cursor.u32()?;
        }
        Ok(Some(row))
    }
}
