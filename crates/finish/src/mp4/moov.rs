//! The index of a plain, fast-start file: `ftyp`, `moov` and the header of `mdat`.

use super::builder::Builder;
use super::chapters::{self, Chapter};
use super::init::Kind;
use crate::cut::{Finish, Placed};
use crate::layout::Chunk;

/// Ticks a second of the movie header and of edit lists: late begins are exact to 11 µs.
const MOVIE_TIMESCALE: u32 = 90_000;
/// Seconds from 1904, where MP4 counts from, to 1970.
const MP4_EPOCH_S: i64 = 2_082_844_800;
const IDENTITY: [u32; 9] = [0x0001_0000, 0, 0, 0, 0x0001_0000, 0, 0, 0, 0x4000_0000];

/// One track of the file.
#[derive(Clone, Debug)]
pub(crate) struct TrackIndex<'a> {
    pub(crate) finish: &'a Finish,
    /// The name that players list it under.
    pub(crate) name: &'a str,
    /// Its chunks in order, with their offsets from the first byte of media.
    pub(crate) chunks: Vec<(&'a Chunk, u64)>,
}

/// What the file says about itself.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tags<'a> {
    pub(crate) title: Option<&'a str>,
    pub(crate) started_unix_ms: Option<i64>,
    /// In the order of time, the first at 0; none: the file has no chapters.
    pub(crate) chapters: &'a [Chapter],
}

/// Everything before the first byte of recorded media, for a file with `media_bytes` of it.
pub(crate) fn head(tracks: &[TrackIndex<'_>], tags: &Tags<'_>, media_bytes: u64) -> Vec<u8> {
    let mut front = Builder::default();
    front.boxed(b"ftyp", |b| {
        b.raw(b"isom")
            .u32(0x200)
            .raw(b"isom")
            .raw(b"iso4")
            .raw(b"avc1")
            .raw(b"mp42");
    });
    let texts = chapters::media(tags.chapters);
    let media_bytes = media_bytes + texts.len() as u64;
    let wide_mdat = media_bytes > u64::from(u32::MAX) - 8;
    let mdat_head = if wide_mdat { 16 } else { 8 };
    let front_len = front.len() as u64;
    let narrow = moov(tracks, tags, false, 0).len() as u64;
    let wide = front_len + narrow + mdat_head + media_bytes > u64::from(u32::MAX);
    // The index is as long with its real offsets as without; only their width matters.
    let moov_len = if wide {
        moov(tracks, tags, true, 0).len() as u64
    } else {
        narrow
    };
    let moov = moov(tracks, tags, wide, front_len + moov_len + mdat_head);
    front.raw(&moov);
    if wide_mdat {
        front.u32(1).raw(b"mdat").u64(media_bytes + 16);
    } else {
        front.u32(media_bytes as u32 + 8).raw(b"mdat");
    }
    front.raw(&texts);
    front.into_bytes()
}

fn movie_ticks(ticks: i64, timescale: u32) -> u64 {
    // Rounded up: an edit that ends before the last sample does would cut it.
    let scaled = i128::from(ticks.max(0)) * i128::from(MOVIE_TIMESCALE);
    u64::try_from((scaled + i128::from(timescale) - 1) / i128::from(timescale)).unwrap_or(u64::MAX)
}

/// When the track begins, and how long its media is, in the movie's ticks.
fn movie_span(finish: &Finish) -> (u64, u64) {
    let first = finish.samples.first().map_or(0, |sample| sample.dts);
    (
        movie_ticks(first, finish.timescale),
        movie_ticks(finish.end - first, finish.timescale),
    )
}

fn moov(tracks: &[TrackIndex<'_>], tags: &Tags<'_>, wide: bool, media_at: u64) -> Vec<u8> {
    let created = tags
        .started_unix_ms
        .map_or(0, |ms| ms.div_euclid(1_000) + MP4_EPOCH_S);
    let created = u64::try_from(created).unwrap_or(0);
    let duration = tracks
        .iter()
        .map(|track| movie_span(track.finish))
        .map(|(at, len)| at + len)
        .max()
        .unwrap_or(0);
    let long = duration > u64::from(u32::MAX) || created > u64::from(u32::MAX);
    let mut out = Builder::default();
    out.boxed(b"moov", |b| {
        b.full(b"mvhd", u8::from(long), 0, |b| {
            b.sized(long, created)
                .sized(long, created)
                .u32(MOVIE_TIMESCALE)
                .sized(long, duration);
            b.u32(0x0001_0000).u16(0x0100).u16(0).u64(0);
            matrix(b);
            let next = tracks.len() as u32 + 1;
            b.raw(&[0; 24]).u32(next + u32::from(!tags.chapters.is_empty()));
        });
        let texts = chapters::media(tags.chapters).len() as u64;
        let chapters_id = (texts > 0).then_some(tracks.len() as u32 + 1);
        for (track, id) in tracks.iter().zip(1..) {
            b.boxed(b"trak", |b| {
                trak(b, track, (id, chapters_id), created, wide, media_at + texts);
            });
        }
        if let Some(id) = chapters_id {
            let len = (duration, duration * 1_000 / u64::from(MOVIE_TIMESCALE));
            b.boxed(b"trak", |b| {
                chapters::trak(b, tags.chapters, id, len, (wide, media_at));
            });
        }
        if tags.title.is_some() || chapters_id.is_some() {
            b.boxed(b"udta", |b| {
                if let Some(title) = tags.title {
                    title_tag(b, title);
                }
                if chapters_id.is_some() {
                    chapters::list(b, tags.chapters);
                }
            });
        }
    });
    out.into_bytes()
}

fn matrix(b: &mut Builder) {
    for value in IDENTITY {
        b.u32(value);
    }
}

fn trak(
    b: &mut Builder,
    track: &TrackIndex<'_>,
    (id, chapters_id): (u32, Option<u32>),
    created: u64,
    wide: bool,
    media_at: u64,
) {
    let finish = track.finish;
    let (late, len) = movie_span(finish);
    let first = finish.samples.first().map_or(0, |sample| sample.dts);
    let media_len = u64::try_from(finish.end - first).unwrap_or(0);
    let long =
        late + len > u64::from(u32::MAX) || created > u64::from(u32::MAX) || media_len > u64::from(u32::MAX);
    let sound = finish.kind == Kind::Sound;
    // Enabled, in the movie, in the preview.
    b.full(b"tkhd", u8::from(long), 7, |b| {
        b.sized(long, created)
            .sized(long, created)
            .u32(id)
            .u32(0)
            .sized(long, late + len);
        b.u64(0).u16(0).u16(0).u16(if sound { 0x0100 } else { 0 }).u16(0);
        matrix(b);
        let (width, height) = usual_size(finish);
        b.u32(u32::from(width) << 16).u32(u32::from(height) << 16);
    });
    if late > 0 {
        b.boxed(b"edts", |b| {
            b.full(b"elst", u8::from(long), 0, |b| {
                // Nothing for as long as the track begins late, then all of it.
                b.u32(2).sized(long, late).sized(long, u64::MAX).u32(0x0001_0000);
                b.sized(long, len).sized(long, 0).u32(0x0001_0000);
            });
        });
    }
    if let Some(chapters_id) = chapters_id {
        b.boxed(b"tref", |b| {
            b.boxed(b"chap", |b| {
                b.u32(chapters_id);
            });
        });
    }
    b.boxed(b"mdia", |b| {
        b.full(b"mdhd", u8::from(long), 0, |b| {
            // 0x55c4 is the language "und".
            b.sized(long, created)
                .sized(long, created)
                .u32(finish.timescale)
                .sized(long, media_len);
            b.u16(0x55c4).u16(0);
        });
        b.full(b"hdlr", 0, 0, |b| {
            b.u32(0)
                .raw(if sound { b"soun" } else { b"vide" })
                .raw(&[0; 12])
                .raw(track.name.as_bytes())
                .u8(0);
        });
        b.boxed(b"minf", |b| {
            if sound {
                b.full(b"smhd", 0, 0, |b| {
                    b.u32(0);
                });
            } else {
                b.full(b"vmhd", 0, 1, |b| {
                    b.u64(0);
                });
            }
            b.boxed(b"dinf", |b| {
                b.full(b"dref", 0, 0, |b| {
                    b.u32(1).full(b"url ", 0, 1, |_| {});
                });
            });
            b.boxed(b"stbl", |b| stbl(b, track, wide, media_at));
        });
    });
}

/// The size of most pictures, in pixels: players that keep one size show the others in it.
fn usual_size(finish: &Finish) -> (u16, u16) {
    let mut counts = vec![0_usize; finish.entries.len()];
    for sample in &finish.samples {
        if let Some(count) = counts.get_mut(usize::from(sample.entry)) {
            *count += 1;
        }
    }
    let usual = finish
        .entries
        .iter()
        .zip(counts)
        .rev()
        .max_by_key(|(_, count)| *count);
    usual.map_or((0, 0), |(entry, _)| entry.size)
}

fn stbl(b: &mut Builder, track: &TrackIndex<'_>, wide: bool, media_at: u64) {
    let finish = track.finish;
    let samples = &finish.samples;
    b.full(b"stsd", 0, 0, |b| {
        b.u32(finish.entries.len() as u32);
        for entry in &finish.entries {
            b.raw(&entry.raw);
        }
    });
    b.full(b"stts", 0, 0, |b| {
        let next = samples
            .iter()
            .skip(1)
            .map(|sample| sample.dts)
            .chain([finish.end]);
        let lengths = samples
            .iter()
            .zip(next)
            .map(|(sample, next)| (next - sample.dts) as u32);
        runs(b, lengths);
    });
    if samples.iter().any(|sample| sample.cts != 0) {
        // Version 1: offsets may be negative.
        b.full(b"ctts", 1, 0, |b| {
            runs(b, samples.iter().map(|sample| sample.cts as u32))
        });
    }
    if samples.iter().any(|sample| !sample.key) {
        b.full(b"stss", 0, 0, |b| {
            b.counted(|b| {
                let keys = samples.iter().zip(1..).filter(|(sample, _)| sample.key);
                keys.fold(0, |count, (_, number)| {
                    b.u32(number);
                    count + 1
                })
            });
        });
    }
    b.full(b"stsc", 0, 0, |b| chunk_map(b, track));
    b.full(b"stsz", 0, 0, |b| {
        b.u32(0).u32(samples.len() as u32);
        for Placed { size, .. } in samples {
            b.u32(*size);
        }
    });
    b.full(if wide { b"co64" } else { b"stco" }, 0, 0, |b| {
        b.u32(track.chunks.len() as u32);
        for (_, offset) in &track.chunks {
            b.sized(wide, media_at + offset);
        }
    });
}

/// Values with their repeat counts.
fn runs(b: &mut Builder, values: impl Iterator<Item = u32>) {
    b.counted(|b| {
        let mut entries = 0;
        let mut current: Option<(u32, u32)> = None;
        for value in values {
            current = match current {
                Some((count, same)) if same == value => Some((count + 1, same)),
                done => {
                    if let Some((count, value)) = done {
                        b.u32(count).u32(value);
                        entries += 1;
                    }
                    Some((1, value))
                }
            };
        }
        if let Some((count, value)) = current {
            b.u32(count).u32(value);
            entries += 1;
        }
        entries
    });
}

fn chunk_map(b: &mut Builder, track: &TrackIndex<'_>) {
    b.counted(|b| {
        let mut entries = 0;
        let mut same = None;
        for ((chunk, _), number) in track.chunks.iter().zip(1_u32..) {
            let shape = (chunk.count, chunk.entry);
            if same != Some(shape) {
                b.u32(number).u32(chunk.count).u32(u32::from(chunk.entry) + 1);
                entries += 1;
                same = Some(shape);
            }
        }
        entries
    });
}

fn title_tag(b: &mut Builder, title: &str) {
    b.full(b"meta", 0, 0, |b| {
        b.full(b"hdlr", 0, 0, |b| {
            b.u32(0).raw(b"mdirappl").raw(&[0; 9]);
        });
        b.boxed(b"ilst", |b| {
            b.boxed(b"\xa9nam", |b| {
                b.boxed(b"data", |b| {
                    // Type 1: UTF-8 text.
                    b.u32(1).u32(0).raw(title.as_bytes());
                });
            });
        });
    });
}
