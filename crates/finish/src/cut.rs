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
    pub(crate) size: u32,
    /// Shown this long after `dts`; negative where frames are decoded out of order.
    pub(crate) cts: i32,
    pub(crate) dts: i64,
    pub(crate) entry: u16,
    pub(crate) key: bool,
}

/// Where a sample's bytes come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bytes {
    /// A segment of the track, by index, and the offset in it.
    Segment { file: u32, offset: u64 },
    /// [`Finish::silence`].
    Silence,
}

impl Placed {
    pub(crate) fn of(sample: &Sample, dts: i64) -> Self {
        Self {
            bytes: Bytes::Segment {
                file: sample.file,
                offset: sample.offset,
            },
            size: sample.size,
            cts: 0,
            dts,
            entry: sample.entry,
            key: sample.key,
        }
    }
}

/// Nanoseconds to ticks, to the nearest.
pub(crate) fn ticks(ns: i64, timescale: u32) -> i64 {
    let scaled = i128::from(ns) * i128::from(timescale);
    // A lecture's nanoseconds times 32 bits, divided by 10^9, fits again.
    i64::try_from((scaled + 500_000_000).div_euclid(1_000_000_000)).unwrap_or(i64::MAX)
}

/// Cuts a picture track along the timeline; `None` when nothing of it is left.
pub(crate) fn pictures(track: &Track<'_>, timeline: &Timeline) -> Option<Finish> {
    // A sample's length has 32 bits. At 90 kHz that is 13 hours; a track that was absent for
    // longer is timed in milliseconds.
    let fits = ticks(timeline.total_ns, track.timescale) <= i64::from(u32::MAX);
    let timescale = if fits { track.timescale } else { 1_000 };
    let mut placed = Vec::with_capacity(track.samples.len());
    // `dts` holds the presentation time until `decode_times` has sorted it out.
    for kept in &timeline.kept {
        place(track.run(kept.run), kept, timescale, &mut placed);
    }
    let last = decode_times(&mut placed)?;
    Some(Finish {
        kind: Kind::Video,
        timescale,
        entries: track.entries.clone(),
        samples: placed,
        // The last picture stays until the lecture ends.
        end: ticks(timeline.total_ns, timescale).max(last + 1),
        silence: Vec::new(),
    })
}

/// Adds the samples of one run that belong to one kept part.
fn place(samples: &[Sample], kept: &Kept, timescale: u32, out: &mut Vec<Placed>) {
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
        out.push(Placed::of(sample, ticks(kept.map(sample.pts_ns), timescale)));
    }
}

/// Turns presentation times into decoding times and offsets: the n-th sample is decoded at the
/// n-th presentation time. Two samples never share a time. Answers the last presentation time;
/// `None` without samples.
fn decode_times(samples: &mut [Placed]) -> Option<i64> {
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
        let mut out = Vec::new();
        for part in parts {
            place(samples, part, 90_000, &mut out);
        }
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
