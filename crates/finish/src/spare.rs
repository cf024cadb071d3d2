//! A spare's data in the holes of the source that it stands in for.
//!
//! Both were recorded on the clock of the same run, so the spare's pictures and sound lie where
//! they belong without any arithmetic. Pure; no file is read here.

use std::ops::Range;

use crate::cut::adopt;
use crate::mp4::init::Kind;
use crate::timeline::{Kept, Timeline, middle};
use crate::track::{Sample, Track};

/// Shorter holes are not worth a change of the picture: a chunk that was dropped has 200 ms.
const MIN_HOLE_NS: i64 = 250_000_000;

/// A hole in one run of a track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Hole {
    from_ns: i64,
    to_ns: i64,
    /// Index of the sample before which it lies.
    next: usize,
}

/// Fills what is missing of `principal` with what `spare` has of the same time. Pictures begin
/// with the spare's first key frame in the hole and hand back at a key frame; sound is exact to a
/// frame. Answers where it did so, in nanoseconds of the lecture.
pub(crate) fn fill(principal: &mut Track<'_>, spare: &Track<'_>, timeline: &Timeline) -> Vec<(i64, i64)> {
    let mut entries = principal.entries.clone();
    let numbers: Vec<Option<u16>> = spare
        .entries
        .iter()
        .map(|entry| adopt(&mut entries, entry))
        .collect();
    let mut samples = Vec::with_capacity(principal.samples.len());
    let mut runs: Vec<Range<usize>> = Vec::new();
    let mut filled = Vec::new();
    for run in 0..principal.runs.len() {
        let begin = samples.len();
        let own = principal.run(run);
        let mut done = 0;
        for kept in timeline.kept.iter().filter(|kept| kept.run == run) {
            for hole in holes(own, kept) {
                let given = donated(spare.kind, spare.run(run), &hole, &numbers);
                let (Some(first), Some(last)) = (given.first(), given.last()) else {
                    continue;
                };
                filled.push((kept.map(first.pts_ns), kept.map(last.end_ns)));
                samples.extend_from_slice(own.get(done..hole.next).unwrap_or_default());
                done = hole.next;
                samples.extend(given);
            }
        }
        samples.extend_from_slice(own.get(done..).unwrap_or_default());
        runs.push(begin..samples.len());
    }
    if !filled.is_empty() {
        principal.samples = samples;
        principal.runs = runs;
        principal.entries = entries;
    }
    filled
}

/// Where a kept part has nothing, up to a sample that a decoder can begin with.
fn holes(own: &[Sample], kept: &Kept) -> Vec<Hole> {
    let mut out = Vec::new();
    let mut covered = kept.from_ns;
    let mut next = own
        .iter()
        .position(|sample| sample.pts_ns >= kept.from_ns)
        .unwrap_or(own.len());
    for (index, sample) in own.iter().enumerate() {
        if sample.end_ns <= kept.from_ns || sample.pts_ns >= kept.to_ns {
            continue;
        }
        if sample.key && sample.pts_ns - covered >= MIN_HOLE_NS {
            out.push(Hole {
                from_ns: covered,
                to_ns: sample.pts_ns,
                next: index,
            });
        }
        covered = covered.max(sample.end_ns.min(kept.to_ns));
        next = index + 1;
    }
    if kept.to_ns - covered >= MIN_HOLE_NS {
        out.push(Hole {
            from_ns: covered,
            to_ns: kept.to_ns,
            next,
        });
    }
    out
}

/// What the spare has in the hole, with the entry numbers of the principal.
fn donated(kind: Kind, spare: &[Sample], hole: &Hole, numbers: &[Option<u16>]) -> Vec<Sample> {
    let inside: Vec<&Sample> = match kind {
        Kind::Sound => {
            let span = hole.from_ns..hole.to_ns;
            spare
                .iter()
                .filter(|sample| span.contains(&middle(sample)))
                .collect()
        }
        Kind::Video => {
            let mut tail = spare
                .iter()
                .skip_while(|sample| !sample.key || sample.pts_ns < hole.from_ns);
            let first = tail.next();
            let floor = first.map_or(0, |sample| sample.pts_ns);
            first
                .into_iter()
                .chain(tail)
                .take_while(|sample| sample.pts_ns < hole.to_ns)
                .filter(|sample| sample.pts_ns >= floor)
                .collect()
        }
    };
    let renumbered = inside.into_iter().filter_map(|sample| {
        let entry = *numbers.get(usize::from(sample.entry))?;
        Some(Sample {
            entry: entry?,
            end_ns: sample.end_ns.min(hole.to_ns).max(sample.pts_ns),
            ..*sample
        })
    });
    renumbered.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: i64 = 1_000_000;

    fn sample(at_ms: i64, key: bool) -> Sample {
        Sample {
            pts_ns: at_ms * MS,
            end_ns: (at_ms + 100) * MS,
            offset: 0,
            size: 1,
            file: 0,
            entry: 0,
            key,
        }
    }

    /// A picture each 100 ms, a key frame each second.
    fn pictures(from_ms: i64, to_ms: i64) -> Vec<Sample> {
        let times = (from_ms..to_ms).step_by(100);
        times
            .map(|at| sample(at, at % 1_000 == 0 || at == from_ms))
            .collect()
    }

    fn kept(from_ms: i64, to_ms: i64) -> Kept {
        Kept {
            run: 0,
            from_ns: from_ms * MS,
            to_ns: to_ms * MS,
            at_ns: 0,
        }
    }

    fn spans(own: &[Sample], kept: &Kept) -> Vec<(i64, i64, usize)> {
        let holes = holes(own, kept).into_iter();
        holes
            .map(|hole| (hole.from_ns / MS, hole.to_ns / MS, hole.next))
            .collect()
    }

    #[test]
    fn holes_lie_at_the_beginning_between_and_at_the_end() {
        let mut own = pictures(1_000, 2_000);
        own.extend(pictures(5_000, 6_000));
        assert_eq!(
            spans(&own, &kept(0, 9_000)),
            [(0, 1_000, 0), (2_000, 5_000, 10), (6_000, 9_000, 20)]
        );
        assert_eq!(spans(&own, &kept(1_000, 2_000)), []);
        assert_eq!(spans(&[], &kept(0, 900)), [(0, 900, 0)]);
        assert_eq!(spans(&own, &kept(1_800, 3_000)), [(2_000, 3_000, 10)]);
    }

    #[test]
    fn a_hole_that_ends_in_the_middle_of_a_group_is_left() {
        let mut own = pictures(0, 1_000);
        own.extend((2_000..3_000).step_by(100).map(|at| sample(at, false)));
        assert_eq!(spans(&own, &kept(0, 3_000)), []);
    }

    #[test]
    fn pictures_begin_with_a_key_frame_and_sound_anywhere() {
        let spare = pictures(0, 9_000);
        let hole = Hole {
            from_ns: 2_340 * MS,
            to_ns: 5_250 * MS,
            next: 0,
        };
        let given = donated(Kind::Video, &spare, &hole, &[Some(3)]);
        assert_eq!(
            given.first().map(|first| (first.pts_ns / MS, first.entry)),
            Some((3_000, 3))
        );
        assert_eq!(given.last().map(|last| last.pts_ns / MS), Some(5_200));
        assert_eq!(given.last().map(|last| last.end_ns / MS), Some(5_250));
        let given = donated(Kind::Sound, &spare, &hole, &[Some(1)]);
        assert_eq!(given.first().map(|first| first.pts_ns / MS), Some(2_300));
        assert_eq!(given.last().map(|last| last.pts_ns / MS), Some(5_100));
        assert_eq!(donated(Kind::Sound, &spare, &hole, &[None]), []);
    }
}
