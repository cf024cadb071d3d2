//! Which moments of which run are in the lecture, and where: one answer for all tracks.
//!
//! Every track is cut at the same moments, so what was in sync when it was recorded stays in
//! sync. The rules, in the order they are applied:
//!
//! 1. A run begins with the earliest sample of any track and ends with the latest, or at the
//!    moment of the stop if that is earlier. A picture track begins with its first key frame.
//! 2. A pause takes out the time in which nothing was recorded. While paused nothing is written,
//!    and the chunk in which the pause began was dropped by each track at another moment: the
//!    cut begins where the sound ends, so that no syllable is lost and no hole is heard. It ends
//!    where the first track is back; one that returns later shows its last picture, or is
//!    silent, until then. (Ending it where the *last* is back would need pictures that are
//!    decoded and not shown; no plain file can say that in a way that all players follow.)
//! 3. Parts follow each other back to back, or with the time of a card between two runs. A joint
//!    is moved by at most half a sound frame, so that the frames of both sides lie on one grid and
//!    nothing is left over to add up.
//!
//! Pure arithmetic on what the segments say; no file is read here.

use lectern_domain::ids::RunNumber;

use crate::job::RunInput;
use crate::mp4::init::Kind;
use crate::track::{Sample, Track};

/// The most that sound may end before a pause for the cut to begin there: a dropped chunk and
/// what an encoder holds back. Sound that ended earlier had ended for another reason.
const SOUND_LAG_NS: i64 = 1_000_000_000;
/// The last sample of a run that ended by a crash is believed this long.
const LAST_SAMPLE_NS: i64 = 2_000_000_000;

/// An unbroken part of a run that is in the lecture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    /// Index of the run.
    pub(crate) run: usize,
    /// First kept moment, in nanoseconds of the run.
    pub(crate) from_ns: i64,
    /// First moment that is not kept.
    pub(crate) to_ns: i64,
    /// Where `from_ns` lies in the lecture, in nanoseconds.
    pub(crate) at_ns: i64,
}

impl Kept {
    pub(crate) fn len_ns(&self) -> i64 {
        self.to_ns - self.from_ns
    }

    /// Where a moment of the run lies in the lecture; moments before this part lie at its
    /// beginning.
    pub(crate) fn map(&self, run_ns: i64) -> i64 {
        self.at_ns + (run_ns - self.from_ns).max(0)
    }
}

/// The lecture's time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Timeline {
    /// In the order of the lecture; only between two runs may time lie, for a card.
    pub(crate) kept: Vec<Kept>,
    /// Each run's number, and where it begins and ends in the lecture, in nanoseconds.
    pub(crate) runs: Vec<(RunNumber, i64, i64)>,
    /// Each pause: where in the lecture, and how much of the recording it took out.
    pub(crate) pauses: Vec<(i64, i64)>,
    /// Length of the lecture in nanoseconds.
    pub(crate) total_ns: i64,
}

/// Lays out the lecture's time, with `card_ns` between two runs.
pub(crate) fn plan(runs: &[RunInput], tracks: &[Track<'_>], card_ns: i64) -> Timeline {
    let mut out = Timeline::default();
    for (index, run) in runs.iter().enumerate() {
        let view = View { tracks, run: index };
        let Some((from, to)) = view.extent(run.end_ns) else {
            continue;
        };
        let mut previous_to = None;
        for (from_ns, to_ns) in view.pieces(from, to, &run.pauses) {
            let between = if previous_to.is_none() && !out.kept.is_empty() {
                card_ns
            } else {
                0
            };
            out.align_end(tracks, index, from_ns, between);
            let at_ns = out.total_ns + between;
            match previous_to.replace(to_ns) {
                Some(previous_to) => out.pauses.push((at_ns, from_ns - previous_to)),
                None => out.runs.push((run.run, at_ns, at_ns)),
            }
            out.kept.push(Kept {
                run: index,
                from_ns,
                to_ns,
                at_ns,
            });
            out.set_end(at_ns + to_ns - from_ns);
        }
    }
    out
}

impl Timeline {
    fn set_end(&mut self, end_ns: i64) {
        self.total_ns = end_ns;
        if let Some((_, _, end)) = self.runs.last_mut() {
            *end = end_ns;
        }
    }

    /// Rule 3: moves the end of the last part, to which a part of run `next` will be joined after
    /// `between`.
    fn align_end(&mut self, tracks: &[Track<'_>], next: usize, next_from_ns: i64, between: i64) {
        let at_ns = self.total_ns;
        if let Some(last) = self.kept.last_mut() {
            let shift = joint_shift(tracks, last, at_ns + between, next, next_from_ns);
            last.to_ns += shift;
            self.set_end(at_ns + shift);
        }
    }

    /// Where a moment of a run lies in the lecture. What was cut out lies where the recording goes
    /// on, and what lies outside of a run at its nearest end; `None` when nothing of the run is
    /// left.
    pub(crate) fn place(&self, run: usize, run_ns: i64) -> Option<i64> {
        let mut parts = self.kept.iter().filter(|kept| kept.run == run);
        let last = self.kept.iter().rfind(|kept| kept.run == run)?;
        let around = parts.find(|kept| run_ns < kept.to_ns);
        Some(around.map_or(last.at_ns + last.len_ns(), |kept| kept.map(run_ns)))
    }
}

/// How far to move the joint between the kept part `last` and the first part of run `next`, so
/// that the frames of the first microphone that is in both lie on one grid.
fn joint_shift(tracks: &[Track<'_>], last: &Kept, at_ns: i64, next: usize, next_from_ns: i64) -> i64 {
    let joint = tracks
        .iter()
        .filter(|track| track.kind == Kind::Sound)
        .find_map(|track| {
            let frame_ns = frame_ns(track)?;
            let end = track
                .run(last.run)
                .iter()
                .rev()
                .find(|sample| middle(sample) < last.to_ns)?
                .end_ns;
            let start = track
                .run(next)
                .iter()
                .find(|sample| middle(sample) >= next_from_ns)?
                .pts_ns;
            Some((
                (at_ns + start - next_from_ns) - (last.at_ns + end - last.from_ns),
                frame_ns,
            ))
        });
    match joint {
        Some((gap, frame_ns)) => {
            let over = gap.rem_euclid(frame_ns);
            let shift = if over * 2 > frame_ns {
                frame_ns - over
            } else {
                -over
            };
            if last.len_ns() + shift > 0 { shift } else { 0 }
        }
        None => 0,
    }
}

/// The length of a track's sound frames; `None` for pictures and unknown sound.
fn frame_ns(track: &Track<'_>) -> Option<i64> {
    let aac = track.entries.first()?.aac.as_ref()?;
    Some(i64::from(aac.frame_len) * 1_000_000_000 / i64::from(aac.rate))
}

/// A sound frame belongs to the part that holds its middle, so that rounded times cannot make
/// it belong to two parts or to none.
pub(crate) fn middle(sample: &Sample) -> i64 {
    sample.pts_ns + (sample.end_ns - sample.pts_ns) / 2
}

/// All tracks in one run.
struct View<'a> {
    tracks: &'a [Track<'a>],
    run: usize,
}

impl View<'_> {
    fn samples(&self) -> impl Iterator<Item = (Kind, &[Sample])> {
        self.tracks.iter().map(|track| (track.kind, track.run(self.run)))
    }

    /// Rule 1; `None` when the run has nothing to keep.
    fn extent(&self, stop_ns: Option<u64>) -> Option<(i64, i64)> {
        let all = || self.samples().flat_map(|(_, samples)| samples);
        let from = all()
            .filter(|sample| sample.key)
            .map(|sample| sample.pts_ns)
            .min()?;
        let end = all()
            .map(|sample| sample.end_ns.min(sample.pts_ns + LAST_SAMPLE_NS))
            .max()?;
        let to = stop_ns.map_or(end, |stop| end.min(signed(stop)));
        (to > from).then_some((from, to))
    }

    /// Rule 2: what is left of `[from, to)` without the pauses.
    fn pieces(&self, from: i64, to: i64, pauses: &[(u64, u64)]) -> Vec<(i64, i64)> {
        let mut out = Vec::new();
        let mut from = from;
        for (pause, resume) in merged(pauses) {
            if resume <= from {
                continue;
            }
            if pause >= to {
                break;
            }
            let end = self.ends_before(pause);
            if end > from {
                out.push((from, end));
            }
            from = self.returns_after(resume);
        }
        if from < to {
            out.push((from, to));
        }
        out
    }

    /// Where the sound ends that a pause cut off; without sound, the latest end of a picture.
    fn ends_before(&self, pause: i64) -> i64 {
        let end = |samples: &[Sample]| {
            let before = samples.iter().filter(|sample| sample.pts_ns < pause);
            before.map(|sample| sample.end_ns.min(pause)).max()
        };
        let sounds = self.samples().filter(|(kind, _)| *kind == Kind::Sound);
        let sound = sounds
            .filter_map(|(_, samples)| end(samples))
            .find(|end| pause - end <= SOUND_LAG_NS);
        sound
            .or_else(|| self.samples().filter_map(|(_, samples)| end(samples)).max())
            .unwrap_or(pause)
    }

    /// The earliest return of a track from a pause.
    fn returns_after(&self, resume: i64) -> i64 {
        let all = self.samples().flat_map(|(_, samples)| samples);
        let begins = all
            .filter(|sample| sample.key && sample.pts_ns >= resume)
            .map(|sample| sample.pts_ns);
        begins.min().unwrap_or(resume)
    }
}

/// Nanoseconds of a run, kept small enough to add and subtract; no run lasts a century.
fn signed(ns: u64) -> i64 {
    i64::try_from(ns).unwrap_or(i64::MAX).min(i64::MAX / 4)
}

/// The pauses in order, overlapping ones joined, empty ones dropped.
fn merged(pauses: &[(u64, u64)]) -> Vec<(i64, i64)> {
    let mut sorted: Vec<(i64, i64)> = pauses
        .iter()
        .map(|(from, to)| (signed(*from), signed(*to)))
        .collect();
    sorted.retain(|(from, to)| from < to);
    sorted.sort_unstable();
    let mut out: Vec<(i64, i64)> = Vec::new();
    for (from, to) in sorted {
        match out.last_mut() {
            Some((_, end)) if from <= *end => *end = to.max(*end),
            _ => out.push((from, to)),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use lectern_domain::media::Role;

    use super::*;
    use crate::job::TrackInput;

    const MS: i64 = 1_000_000;

    fn input(role: Role) -> TrackInput {
        TrackInput {
            source: "test".parse().unwrap(),
            role,
            spare_for: None,
            segments: Vec::new(),
        }
    }

    /// A track of one run: a sample each `every` ms in each of the spans, a key frame each fifth.
    fn track<'a>(input: &'a TrackInput, every: usize, spans: &[(i64, i64)]) -> Track<'a> {
        let sample = |(index, at): (usize, i64)| Sample {
            pts_ns: at * MS,
            end_ns: (at + every as i64) * MS,
            offset: 0,
            size: 1,
            file: 0,
            entry: 0,
            key: !input.role.is_video() || index % 5 == 0,
        };
        let samples: Vec<Sample> = spans
            .iter()
            .flat_map(|(from, to)| (*from..*to).step_by(every).enumerate().map(sample))
            .collect();
        let kind = if input.role.is_video() {
            Kind::Video
        } else {
            Kind::Sound
        };
        let runs = std::iter::once(0..samples.len()).collect();
        Track {
            input,
            kind,
            timescale: 90_000,
            entries: Vec::new(),
            samples,
            runs,
        }
    }

    /// Kept parts as run times and place in the lecture, in milliseconds.
    fn kept(end: Option<i64>, pauses: &[(i64, i64)], tracks: &[Track<'_>]) -> Vec<(i64, i64, i64)> {
        let ns = |ms: i64| u64::try_from(ms * MS).unwrap();
        let run = RunInput {
            run: RunNumber(1),
            end_ns: end.map(ns),
            pauses: pauses.iter().map(|(from, to)| (ns(*from), ns(*to))).collect(),
            ..RunInput::unknown(RunNumber(1))
        };
        let timeline = plan(&[run], tracks, 0);
        let total: i64 = timeline.kept.iter().map(Kept::len_ns).sum();
        assert_eq!(timeline.total_ns, total, "parts follow each other back to back");
        timeline
            .kept
            .iter()
            .map(|kept| (kept.from_ns / MS, kept.to_ns / MS, kept.at_ns / MS))
            .collect()
    }

    #[test]
    fn a_run_goes_from_the_first_sample_to_the_stop_or_the_last() {
        let (camera, mic) = (input(Role::Presenter), input(Role::Microphone));
        let tracks = [
            track(&camera, 40, &[(120, 5_000)]),
            track(&mic, 20, &[(60, 4_900)]),
        ];
        assert_eq!(kept(None, &[], &tracks), [(60, 5_000, 0)]);
        assert_eq!(kept(Some(4_950), &[], &tracks), [(60, 4_950, 0)]);
        assert_eq!(kept(Some(9_000), &[], &tracks), [(60, 5_000, 0)]);
        assert_eq!(kept(Some(10), &[], &tracks), []);
        assert_eq!(kept(None, &[], &[]), []);
    }

    #[test]
    fn a_pause_is_cut_from_the_end_of_the_sound_to_the_first_return() {
        let (camera, mic) = (input(Role::Presenter), input(Role::Microphone));
        let tracks = [
            track(&camera, 40, &[(0, 2_000), (4_040, 6_000)]),
            track(&mic, 20, &[(0, 1_900), (4_100, 6_000)]),
        ];
        assert_eq!(
            kept(None, &[(2_050, 4_000)], &tracks),
            [(0, 1_900, 0), (4_040, 6_000, 1_900)]
        );
        assert_eq!(
            kept(None, &[(2_050, 3_000), (2_900, 4_000)], &tracks),
            [(0, 1_900, 0), (4_040, 6_000, 1_900)],
            "pauses that overlap are one"
        );
    }

    #[test]
    fn a_dead_microphone_does_not_take_the_pictures_along() {
        let (camera, mic) = (input(Role::Presenter), input(Role::Microphone));
        let tracks = [
            track(&camera, 40, &[(0, 8_000), (9_000, 12_000)]),
            track(&mic, 20, &[(0, 3_000)]),
        ];
        assert_eq!(
            kept(None, &[(8_010, 9_000)], &tracks),
            [(0, 8_000, 0), (9_000, 12_000, 8_000)]
        );
    }

    #[test]
    fn a_moment_that_was_cut_out_lies_where_the_recording_goes_on() {
        let camera = input(Role::Presenter);
        let mut tracks = [track(&camera, 40, &[(0, 2_000), (4_000, 6_000)])];
        let second = tracks[0].samples.clone();
        tracks[0].samples.extend(second);
        tracks[0]
            .runs
            .push(tracks[0].runs[0].end..tracks[0].samples.len());
        let pause = (2_000 * MS as u64, 4_000 * MS as u64);
        let runs = [1, 2].map(|number| RunInput {
            pauses: vec![pause],
            ..RunInput::unknown(RunNumber(number))
        });
        let timeline = plan(&runs, &tracks, 2_000 * MS);
        let place = |run, ms: i64| timeline.place(run, ms * MS).map(|ns| ns / MS);
        for (run, ms, expected) in [
            (0, 0, 0),
            (0, 1_500, 1_500),
            (0, 3_000, 2_000),
            (0, 5_000, 3_000),
            (0, 9_000, 4_000),
            (1, 0, 6_000),
            (1, 3_000, 8_000),
        ] {
            assert_eq!(place(run, ms), Some(expected), "run {run} at {ms} ms");
        }
        assert_eq!(place(2, 0), None);
        assert_eq!(timeline.total_ns, 10_000 * MS);
        assert_eq!(
            timeline.runs[1].1 - timeline.runs[0].2,
            2_000 * MS,
            "room for the card"
        );
    }

    #[test]
    fn pauses_at_the_edges_leave_no_part() {
        let camera = input(Role::Presenter);
        let tracks = [track(&camera, 40, &[(1_000, 5_000)])];
        assert_eq!(
            kept(None, &[(0, 1_000), (5_000, 90_000)], &tracks),
            [(1_000, 5_000, 0)]
        );
        assert_eq!(
            kept(Some(5_000), &[(3_000, 90_000)], &tracks),
            [(1_000, 3_000, 0)]
        );
        assert_eq!(kept(None, &[(0, 90_000)], &tracks), []);
    }
}
