//! A track as it stands in the finished file: which samples, and when each is decoded and shown.
//!
//! Here pictures: a decoder must get every frame from a key frame on, wanted or not, and what is
//! missing is bridged by the picture before it. Sound, where the opposite holds, is in
//! [`sound`](crate::sound).

use crate::mp4::init::{Kind, SampleEntry};
use crate::timeline::{Kept, Timeline};
use crate::track::{Sample, Track};

/// A finished track's table. Times in ticks of `timescale`; tick 0 is the beginning of the lecture.
#[derive(Debug)]
pub(crate) struct Finish {
    pub(crate) kind: Kind,
    pub(crate) timescale: u32,
    pub(crate) entries: Vec<SampleEntry>,
    /// In decoding order; `dts` rises strictly.
    pub(crate) samples: Vec<Placed>,
    /// When the last sample ends.
    pub(crate) end: i64,
    /// The bytes of a silent sound frame, for samples that are [`Bytes::Silence`].
    pub(crate) silence: Vec<u8>,
}

/// One sample in a finished file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Placed {
    pub(crate) bytes: Bytes,
    /// In bytes, as it stands in the finished file.
    pub(crate) size: u32,
    /// Shown this long after `dts`; negative where frames are decoded out of order.
    pub(crate) cts: i32,
    pub(crate) dts: i64,
    pub(crate) entry: u16,
    pub(crate) key: bool,
    /// Whether the parameter sets of its entry stand in front of it, counted in `size`.
    pub(crate) sets_first: bool,
}

/// Where a sample's bytes come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bytes {
    /// A file of the table, by index, and the offset in it.
    File { file: u32, offset: u64 },
    /// [`Finish::silence`].
    Silence,
}

impl Placed {
    pub(crate) fn of(sample: &Sample, dts: i64) -> Self {
        Self {
            bytes: Bytes::File {
                file: sample.file,
                offset: sample.offset,
            },
            size: sample.size,
            cts: 0,
            dts,
            entry: sample.entry,
            key: sample.key,
            sets_first: false,
        }
    }
}

/// A recorded picture that is in the lecture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) sample: Sample,
    /// In nanoseconds of the lecture.
    pub(crate) at_ns: i64,
    /// Until here it was recorded, not past the end of its part.
    pub(crate) end_ns: i64,
    /// Index of the kept part.
    pub(crate) part: usize,
}

/// A rendered picture, shown from `at_ns` until the next one.
#[derive(Clone, Debug)]
pub(crate) struct Card {
    pub(crate) at_ns: i64,
    pub(crate) file: u32,
    pub(crate) offset: u64,
    pub(crate) size: u32,
    pub(crate) entry: SampleEntry,
}

/// Nanoseconds to ticks, to the nearest.
pub(crate) fn ticks(ns: i64, timescale: u32) -> i64 {
    let scaled = i128::from(ns) * i128::from(timescale);
    // A lecture's nanoseconds times 32 bits, divided by 10^9, fits again.
    i64::try_from((scaled + 500_000_000).div_euclid(1_000_000_000)).unwrap_or(i64::MAX)
}

/// The pictures of a track that are in the lecture, in decoding order.
pub(crate) fn shown(track: &Track<'_>, timeline: &Timeline) -> Vec<Shown> {
    let mut out = Vec::with_capacity(track.samples.len());
    for (part, kept) in timeline.kept.iter().enumerate() {
        place(track.run(kept.run), part, kept, &mut out);
    }
    out
}

/// Makes the table of a picture track from what is shown and the cards between; `None` when
/// nothing of it is left.
pub(crate) fn pictures(
    track: &Track<'_>,
    shown: &[Shown],
    cards: &[Card],
    timeline: &Timeline,
) -> Option<Finish> {
    // A sample's length has 32 bits. At 90 kHz that is 13 hours; a track that was absent for
    // longer is timed in milliseconds.
    let fits = ticks(timeline.total_ns, track.timescale) <= i64::from(u32::MAX);
    let timescale = if fits { track.timescale } else { 1_000 };
    let mut entries = track.entries.clone();
    // `dts` holds the presentation time until `decode_times` has sorted it out.
    let mut placed = Vec::with_capacity(shown.len() + cards.len());
    let mut cards = cards.iter().peekable();
    for picture in shown {
        while let Some(card) = cards.next_if(|card| card.at_ns <= picture.at_ns) {
            placed.extend(place_card(card, &mut entries, timescale));
        }
        placed.push(Placed::of(&picture.sample, ticks(picture.at_ns, timescale)));
    }
    for card in cards {
        placed.extend(place_card(card, &mut entries, timescale));
    }
    let last = decode_times(&mut placed)?;
    put_sets_first(&mut placed, &entries);
    Some(Finish {
        kind: Kind::Video,
        timescale,
        entries,
        samples: placed,
        // The last picture stays until the lecture ends.
        end: ticks(timeline.total_ns, timescale).max(last + 1),
        silence: Vec::new(),
    })
}

fn place_card(card: &Card, entries: &mut Vec<SampleEntry>, timescale: u32) -> Option<Placed> {
    Some(Placed {
        bytes: Bytes::File {
            file: card.file,
            offset: card.offset,
        },
        size: card.size,
        cts: 0,
        dts: ticks(card.at_ns, timescale),
        entry: adopt(entries, &card.entry)?,
        key: true,
        sets_first: false,
    })
}

/// The index of an entry that serves `entry`: an equal one, one that can hold both, or its own.
pub(crate) fn adopt(entries: &mut Vec<SampleEntry>, entry: &SampleEntry) -> Option<u16> {
    if let Some(known) = entries.iter().position(|known| known.serves(entry)) {
        return u16::try_from(known).ok();
    }
    for (index, known) in entries.iter_mut().enumerate() {
        if let Some(joined) = known.joined(entry) {
            *known = joined;
            return u16::try_from(index).ok();
        }
    }
    entries.push(entry.clone());
    u16::try_from(entries.len() - 1).ok()
}

/// Where a track has several decoder configurations, each key frame brings its own along: most
/// players are set up from the first one only. Every key frame, of the first one too, because a
/// player that jumps back has the sets of a later one in its hands.
fn put_sets_first(samples: &mut [Placed], entries: &[SampleEntry]) {
    if entries.len() < 2 {
        return;
    }
    let sets: Vec<u32> = entries
        .iter()
        .map(|entry| u32::try_from(entry.in_band().len()).unwrap_or(0))
        .collect();
    for sample in samples.iter_mut().filter(|sample| sample.key) {
        let len = sets.get(usize::from(sample.entry)).copied().unwrap_or(0);
        if let Some(size) = sample.size.checked_add(len).filter(|_| len > 0) {
            sample.size = size;
            sample.sets_first = true;
        }
    }
}

/// Adds the samples of one run that belong to one kept part.
fn place(samples: &[Sample], part: usize, kept: &Kept, out: &mut Vec<Shown>) {
    // Decoding begins at a key frame inside the part: what lies before was cut out for a reason.
    let Some(begin) = samples
        .iter()
        .position(|sample| sample.key && sample.pts_ns >= kept.from_ns)
    else {
        return;
    };
    let tail = samples.get(begin..).unwrap_or_default();
    let floor = tail.first().map_or(0, |sample| sample.pts_ns);
    // Decoding order up to the first sample past the end: a prefix can always be decoded, while
    // leaving single samples out could take a reference from the ones that stay.
    let inside = tail.iter().take_while(|sample| sample.pts_ns < kept.to_ns);
    // A picture shown before the key frame that it follows refers to one before the cut.
    for sample in inside.filter(|sample| sample.pts_ns >= floor) {
        out.push(Shown {
            sample: *sample,
            at_ns: kept.map(sample.pts_ns),
            end_ns: kept.map(sample.end_ns.min(kept.to_ns)),
            part,
        });
    }
}

/// Turns presentation times into decoding times and offsets: the n-th sample is decoded at the
/// n-th presentation time. Two samples never share a time. Answers the last presentation time;
/// `None` without samples.
pub(crate) fn decode_times(samples: &mut [Placed]) -> Option<i64> {
    let mut order: Vec<u32> = (0..u32::try_from(samples.len()).ok()?).collect();
    order.sort_by_key(|index| samples.get(*index as usize).map(|sample| sample.dts));
    let mut pts = vec![0; samples.len()];
    let mut dts = Vec::with_capacity(samples.len());
    let mut last = None;
    for index in order {
        let wanted = samples.get(index as usize)?.dts;
        let at = last.map_or(wanted, |last: i64| wanted.max(last + 1));
        *pts.get_mut(index as usize)? = at;
        dts.push(at);
        last = Some(at);
    }
    for ((sample, pts), dts) in samples.iter_mut().zip(pts).zip(dts) {
        sample.dts = dts;
        sample.cts = i32::try_from(pts - dts).unwrap_or(0);
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(pts_ms: i64, key: bool) -> Sample {
        let pts_ns = pts_ms * 1_000_000;
        Sample {
            pts_ns,
            end_ns: pts_ns + 40_000_000,
            offset: 0,
            size: 1,
            file: 0,
            entry: 0,
            key,
        }
    }

    fn kept(from: i64, to: i64, at: i64) -> Kept {
        let ms = 1_000_000;
        Kept {
            run: 0,
            from_ns: from * ms,
            to_ns: to * ms,
            at_ns: at * ms,
        }
    }

    fn times(samples: &[Sample], parts: &[Kept]) -> Vec<(i64, i64)> {
        let mut shown = Vec::new();
        for part in parts {
            place(samples, 0, part, &mut shown);
        }
        let mut out: Vec<Placed> = shown
            .iter()
            .map(|picture| Placed::of(&picture.sample, ticks(picture.at_ns, 90_000)))
            .collect();
        decode_times(&mut out);
        out.iter()
            .map(|placed| (placed.dts, placed.dts + i64::from(placed.cts)))
            .collect()
    }

    #[test]
    fn a_part_begins_with_a_key_frame_of_its_own() {
        let samples = [
            sample(0, true),
            sample(500, true),
            sample(540, false),
            sample(1_040, true),
        ];
        let got = times(&samples, &[kept(0, 40, 0), kept(520, 2_000, 40)]);
        assert_eq!(got, [(0, 0), (50_400, 50_400)]);
    }

    #[test]
    fn a_picture_that_refers_to_one_before_the_cut_is_left_out() {
        let samples = [
            sample(0, true),
            sample(120, true),
            sample(80, false),
            sample(160, false),
        ];
        assert_eq!(
            times(&samples, &[kept(100, 200, 0)]),
            [(1_800, 1_800), (5_400, 5_400)]
        );
    }

    #[test]
    fn frames_decoded_out_of_order_get_their_times_back() {
        let samples = [
            sample(0, true),
            sample(120, false),
            sample(40, false),
            sample(80, false),
        ];
        let got = times(&samples, &[kept(0, 160, 0)]);
        assert_eq!(got, [(0, 0), (3_600, 10_800), (7_200, 3_600), (10_800, 7_200)]);
    }
}
