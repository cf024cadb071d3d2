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
        duration = duration
            .checked_add(u64::from(count) * u64::from(delta))
            .ok_or(Malformed("a track's times are absurd"))?;
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
        let mut bytes = 0;
        for _ in 0..in_chunk {
            bytes += u64::from(sizes.u32()?);
        }
        // An offset near the end of all numbers must not come round to the media.
        let end = begin.checked_add(bytes);
        if begin < media.body || end.is_none_or(|end| end > media.end) {
            return Err(Malformed("a chunk lies outside the media"));
        }
        total += bytes;
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

#[cfg(test)]
mod tests {
    use std::io::Write;

    use nix::sys::memfd::{MFdFlags, memfd_create};

    use super::*;
    use crate::mp4::builder::Builder;

    const MEDIA: [u8; 12] = [1; 12];

    /// A file of one track with two samples, of 5 and 7 bytes, in a chunk at `offset`. `times` are
    /// rows of `stts`; the track says that it lasts 6000 ticks.
    fn film(offset: u64, times: &[[u32; 2]]) -> Vec<u8> {
        let mut film = Builder::default();
        film.boxed(b"ftyp", |b| {
            b.raw(b"isom");
        });
        let stbl = |b: &mut Builder| {
            b.full(b"stsd", 0, 0, |b| {
                b.u32(1);
            });
            b.full(b"stts", 0, 0, |b| {
                b.u32(u32::try_from(times.len()).unwrap());
                for [count, delta] in times {
                    b.u32(*count).u32(*delta);
                }
            });
            b.full(b"stsc", 0, 0, |b| {
                b.u32(1).u32(1).u32(2).u32(1);
            });
            b.full(b"stsz", 0, 0, |b| {
                b.u32(0).u32(2).u32(5).u32(7);
            });
            b.full(b"co64", 0, 0, |b| {
                b.u32(1).u64(offset);
            });
        };
        film.boxed(b"moov", |b| {
            b.boxed(b"trak", |b| {
                b.boxed(b"mdia", |b| {
                    b.full(b"mdhd", 0, 0, |b| {
                        b.u64(0).u32(90_000).u32(6_000).u32(0);
                    });
                    b.boxed(b"minf", |b| {
                        b.boxed(b"stbl", stbl);
                    });
                });
            });
        });
        film.boxed(b"mdat", |b| {
            b.raw(&MEDIA);
        });
        film.into_bytes()
    }

    fn said(film: &[u8]) -> Result<(), String> {
        let mut file = File::from(memfd_create("film", MFdFlags::MFD_CLOEXEC).unwrap());
        file.write_all(film).unwrap();
        verify(&file, 1).map_err(|why| why.to_string())
    }

    /// P10: what a disk altered is told, never believed, and never a panic.
    #[test]
    fn p10_an_index_that_the_disk_altered_is_not_published() {
        let whole = [[2, 3_000]];
        let media_at = (film(0, &whole).len() - MEDIA.len()) as u64;
        let outside = "a chunk lies outside the media";
        let not_up = "a track's times do not add up";
        let endless = [[u32::MAX, u32::MAX], [u32::MAX, u32::MAX]];
        assert_eq!(said(&film(media_at, &whole)), Ok(()));
        for (offset, times, why) in [
            (media_at - 1, &whole[..], outside),
            (media_at + 1, &whole, outside),
            (u64::MAX - 5, &whole, outside),
            (media_at, &[[1, 6_000]], not_up),
            (media_at, &[[2, 3_001]], not_up),
            (media_at, &endless, "a track's times are absurd"),
        ] {
            let said = said(&film(offset, times));
            assert_eq!(said, Err(why.to_owned()), "{offset} {times:?}");
        }
        let film = film(media_at, &whole);
        for cut in 1..film.len() {
            assert!(said(&film[..cut]).is_err(), "cut to {cut} bytes");
        }
    }
}
