//! Chapters in the two forms that players read: a text track that the media tracks refer to
//! (Apple's players, many editors) and a list beside the title (`chpl`; VLC, ffmpeg).
//!
//! The texts lie first in the media, before the recording.

use super::builder::Builder;

/// One chapter. It ends where the next begins, the last with the lecture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Chapter {
    /// In the finished lecture, in milliseconds.
    pub(crate) start_ms: u64,
    pub(crate) title: String,
}

/// Ticks a second of the text track.
const TIMESCALE: u32 = 1_000;
/// `chpl` counts chapters in one byte, and the bytes of a title as well.
const MAX_LISTED: usize = 255;
/// Longer titles are cut; no player shows more.
const MAX_TITLE_BYTES: usize = 1_000;
/// Says after a text that it is UTF-8.
const ENCODING: [u8; 12] = [0, 0, 0, 12, b'e', b'n', b'c', b'd', 0, 0, 1, 0];

fn cut(title: &str, max: usize) -> &str {
    let end = (0..=max.min(title.len()))
        .rev()
        .find(|at| title.is_char_boundary(*at));
    end.and_then(|end| title.get(..end)).unwrap_or_default()
}

/// One text as it lies in the media.
fn text(chapter: &Chapter) -> Vec<u8> {
    let title = cut(&chapter.title, MAX_TITLE_BYTES);
    let mut out = (title.len() as u16).to_be_bytes().to_vec();
    out.extend_from_slice(title.as_bytes());
    out.extend_from_slice(&ENCODING);
    out
}

/// All texts, one after the other.
pub(crate) fn media(chapters: &[Chapter]) -> Vec<u8> {
    chapters.iter().flat_map(text).collect()
}

/// The list for `udta`.
pub(crate) fn list(b: &mut Builder, chapters: &[Chapter]) {
    b.full(b"chpl", 1, 0, |b| {
        b.u32(0).u8(chapters.len().min(MAX_LISTED) as u8);
        for chapter in chapters.iter().take(MAX_LISTED) {
            let title = cut(&chapter.title, MAX_LISTED);
            // In units of 100 ns.
            b.u64(chapter.start_ms * 10_000)
                .u8(title.len() as u8)
                .raw(title.as_bytes());
        }
    });
}

/// The body of the text track `id`, whose texts begin at byte `media_at` of the file. `movie_len`
/// is the movie's length in its own ticks, `len_ms` the same in milliseconds.
pub(crate) fn trak(
    b: &mut Builder,
    chapters: &[Chapter],
    id: u32,
    (movie_len, len_ms): (u64, u64),
    (wide, media_at): (bool, u64),
) {
    let first = chapters.first().map_or(0, |chapter| chapter.start_ms);
    let long = movie_len > u64::from(u32::MAX);
    // In the movie, but not enabled: it is not to be drawn.
    b.full(b"tkhd", u8::from(long), 2, |b| {
        b.sized(long, 0)
            .sized(long, 0)
            .u32(id)
            .u32(0)
            .sized(long, movie_len);
        b.u64(0).u64(0);
        matrix(b);
        b.u64(0);
    });
    b.boxed(b"mdia", |b| {
        b.full(b"mdhd", 0, 0, |b| {
            b.u64(0)
                .u32(TIMESCALE)
                .u32(ticks(len_ms - first.min(len_ms)))
                .u16(0x55c4)
                .u16(0);
        });
        b.full(b"hdlr", 0, 0, |b| {
            b.u32(0).raw(b"text").raw(&[0; 12]).raw(b"chapters").u8(0);
        });
        b.boxed(b"minf", |b| {
            b.boxed(b"gmhd", |b| {
                b.full(b"gmin", 0, 0, |b| {
                    b.u16(0x40).raw(&[0x80, 0, 0x80, 0, 0x80, 0]).u32(0);
                });
                b.boxed(b"text", |b| {
                    matrix(b);
                });
            });
            b.boxed(b"dinf", |b| {
                b.full(b"dref", 0, 0, |b| {
                    b.u32(1).full(b"url ", 0, 1, |_| {});
                });
            });
            b.boxed(b"stbl", |b| stbl(b, chapters, len_ms, wide, media_at));
        });
    });
}

fn matrix(b: &mut Builder) {
    for value in [0x0001_0000, 0, 0, 0, 0x0001_0000, 0, 0, 0, 0x4000_0000] {
        b.u32(value);
    }
}

fn ticks(ms: u64) -> u32 {
    u32::try_from(ms).unwrap_or(u32::MAX)
}

fn stbl(b: &mut Builder, chapters: &[Chapter], len_ms: u64, wide: bool, media_at: u64) {
    let count = chapters.len() as u32;
    b.full(b"stsd", 0, 0, |b| {
        b.u32(1).boxed(b"text", |b| {
            // Six reserved bytes and the place of the data, then a style that nobody draws:
            // flags, justification, background, box, 8 reserved, font, face, 3 reserved, colour,
            // and a font name of no letters.
            b.raw(&[0; 6])
                .u16(1)
                .u32(1)
                .u32(1)
                .raw(&[0; 6])
                .u64(0)
                .u64(0)
                .raw(&[0; 7])
                .raw(&[0; 6])
                .u8(0);
        });
    });
    b.full(b"stts", 0, 0, |b| {
        b.u32(count);
        // Sound alone may end a moment before the lecture, and a mark lie in that moment.
        let begins = chapters.iter().map(|chapter| chapter.start_ms.min(len_ms));
        let ends = begins.clone().skip(1).chain([len_ms]);
        for (begin, end) in begins.zip(ends) {
            b.u32(1).u32(ticks(end - begin));
        }
    });
    b.full(b"stsc", 0, 0, |b| {
        b.u32(1).u32(1).u32(count).u32(1);
    });
    b.full(b"stsz", 0, 0, |b| {
        b.u32(0).u32(count);
        for chapter in chapters {
            b.u32(text(chapter).len() as u32);
        }
    });
    b.full(if wide { b"co64" } else { b"stco" }, 0, 0, |b| {
        b.u32(1).sized(wide, media_at);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_are_cut_between_letters() {
        assert_eq!(cut("größer", 3), "gr");
        assert_eq!(cut("größer", 4), "grö");
        assert_eq!(cut("a", 255), "a");
    }

    #[test]
    fn a_text_has_its_length_and_says_that_it_is_utf8() {
        let chapter = Chapter {
            start_ms: 0,
            title: "é".to_owned(),
        };
        assert_eq!(media(&[chapter]), [&[0, 2, 0xc3, 0xa9][..], &ENCODING].concat());
    }
}
