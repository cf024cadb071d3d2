//! One source's recording as one list of samples on the clock of each run.

use std::fs::File;
use std::ops::Range;

use lectern_domain::ids::RunNumber;

use crate::files::Files;
use crate::job::{Job, Note, SegmentInput, TrackInput};
use crate::mp4::init::{Kind, SampleEntry};
use crate::scan::{Part, scan};

/// One picture or sound frame: when, and where its bytes lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sample {
    /// Shown from here, in nanoseconds of its run.
    pub(crate) pts_ns: i64,
    /// Shown until here, as the encoder said.
    pub(crate) end_ns: i64,
    /// Offset in its segment file.
    pub(crate) offset: u64,
    /// In bytes; never 0.
    pub(crate) size: u32,
    /// Index into the table of files.
    pub(crate) file: u32,
    /// Index into the track's sample entries.
    pub(crate) entry: u16,
    /// Whether a decoder can begin here.
    pub(crate) key: bool,
}

/// A track that has data.
#[derive(Debug)]
pub(crate) struct Track<'a> {
    pub(crate) input: &'a TrackInput,
    pub(crate) kind: Kind,
    /// Ticks a second of the finished track.
    pub(crate) timescale: u32,
    pub(crate) entries: Vec<SampleEntry>,
    /// In decoding order, run after run.
    pub(crate) samples: Vec<Sample>,
    /// For each run of the lecture, its part of `samples`.
    pub(crate) runs: Vec<Range<usize>>,
}

impl Track<'_> {
    pub(crate) fn run(&self, index: usize) -> &[Sample] {
        self.runs
            .get(index)
            .and_then(|range| self.samples.get(range.clone()))
            .unwrap_or_default()
    }
}

/// No run is longer: a lecture has a day at most, and whoever is in the room may extend it. Times
/// past it come from damage and would make a lecture of years.
const MAX_RUN_NS: i64 = 48 * 3600 * 1_000_000_000;
/// A sample this far outside of the time in which its file was recorded has a damaged time. Left
/// in, one flipped bit would make all that follows look old, or the lecture hours longer.
const MAX_ASTRAY_NS: i64 = 2_000_000_000;
/// A sample that claims to be shown longer is believed this far: screens that do not change are
/// encoded at least once a second.
const MAX_SAMPLE_NS: i64 = 10_000_000_000;
/// Fine enough that shifting a track by any time moves its samples by less than 12 µs.
const MIN_TIMESCALE: u32 = 90_000;

/// Reads the structure of all segments of a track; `None` (and a note) when it has no data.
/// Damaged segments are noted and give what they have. Blocking.
pub(crate) fn load<'a>(
    job: &Job,
    input: &'a TrackInput,
    runs: &[RunNumber],
    files: &mut Files,
    notes: &mut Vec<Note>,
) -> Option<Track<'a>> {
    let kind = if input.role.is_video() {
        Kind::Video
    } else {
        Kind::Sound
    };
    let mut track = Track {
        input,
        kind,
        timescale: 0,
        entries: Vec::new(),
        samples: Vec::new(),
        runs: Vec::new(),
    };
    let mut clocks = Vec::new();
    for run in runs {
        let begin = track.samples.len();
        for segment in input.segments.iter().filter(|segment| segment.run == *run) {
            let Some(file) = files.add_segment(job, &input.source, segment) else {
                break;
            };
            for part in parts(job, input, segment, notes) {
                let why = if part.init.kind != kind {
                    Some("it holds sound where pictures belong, or the other way round")
                } else {
                    clocks.push(part.init.timescale);
                    track.append(begin, file, segment.span_ns, &part)
                };
                if let Some(why) = why {
                    notes.push(Note::Unreadable {
                        source_name: input.source.clone(),
                        path: segment.path.clone(),
                        why: why.to_owned(),
                    });
                }
            }
        }
        track.runs.push(begin..track.samples.len());
    }
    if track.samples.is_empty() {
        notes.push(Note::NoData {
            source_name: input.source.clone(),
        });
        return None;
    }
    track.timescale = output_timescale(kind, &track.entries, &clocks);
    Some(track)
}

fn parts(job: &Job, input: &TrackInput, segment: &SegmentInput, notes: &mut Vec<Note>) -> Vec<Part> {
    let path = job.lecture_dir.join(&segment.path);
    let unreadable = |why: String| Note::Unreadable {
        source_name: input.source.clone(),
        path: segment.path.clone(),
        why,
    };
    match File::open(&path).and_then(|file| scan(&file)) {
        Ok(found) => {
            if let Some(why) = found.stopped_by {
                notes.push(unreadable(why));
            } else if found.torn_bytes > 0 {
                notes.push(Note::TornTail {
                    source_name: input.source.clone(),
                    path: segment.path.clone(),
                    bytes: found.torn_bytes,
                });
            }
            found.parts
        }
        Err(error) => {
            notes.push(unreadable(error.to_string()));
            Vec::new()
        }
    }
}

impl Track<'_> {
    /// Takes the samples of one file, which was recorded in `span_ns` of a run that began at
    /// sample `run_begin`. Answers why some were left out, if they were.
    fn append(
        &mut self,
        run_begin: usize,
        file: u32,
        span_ns: Option<(u64, u64)>,
        part: &Part,
    ) -> Option<&'static str> {
        if part.samples.is_empty() {
            // A header alone must not bring a configuration that no sample uses.
            return None;
        }
        let Some(entry) = self.entry(&part.init.entry) else {
            return Some("the track has more configurations than can be joined");
        };
        // A file begins where a decoder can begin, and after what came before it: two encoders
        // that overlap would otherwise show time running backwards.
        let earlier = self.samples.get(run_begin..).unwrap_or_default();
        let mut last = earlier.iter().map(|sample| sample.pts_ns).max();
        let believed = believed(span_ns);
        let mut begun = false;
        let mut astray = false;
        for raw in &part.samples {
            let key = raw.key || self.kind == Kind::Sound;
            let pts_ns = ns(raw.pts, part.init.timescale).filter(|pts_ns| believed.contains(pts_ns));
            let (Some(pts_ns), Some(duration_ns)) =
                (pts_ns, ns(i64::from(raw.duration), part.init.timescale))
            else {
                // What refers to a picture that is left out goes with it.
                (astray, begun) = (true, false);
                continue;
            };
            if !begun && (!key || last.is_some_and(|last| pts_ns <= last)) {
                continue;
            }
            begun = true;
            if self.kind == Kind::Sound {
                if last.is_some_and(|last| pts_ns <= last) {
                    continue;
                }
                last = Some(pts_ns);
            }
            self.samples.push(Sample {
                pts_ns,
                end_ns: pts_ns + duration_ns.min(MAX_SAMPLE_NS),
                offset: raw.offset,
                size: raw.size,
                file,
                entry,
                key,
            });
        }
        astray.then_some("some of its times are not of when it was recorded")
    }

    /// The index of the file's decoder configuration, shared with equal ones before it.
    fn entry(&mut self, entry: &SampleEntry) -> Option<u16> {
        let known = self.entries.iter().position(|known| known.decodes_like(entry));
        let index = known.unwrap_or_else(|| {
            self.entries.push(entry.clone());
            self.entries.len() - 1
        });
        u16::try_from(index).ok()
    }
}

/// The times that samples of a file can have, in nanoseconds of its run.
fn believed(span_ns: Option<(u64, u64)>) -> Range<i64> {
    let (from, to) = span_ns.unwrap_or((0, MAX_RUN_NS.unsigned_abs()));
    let signed = |ns: u64| i64::try_from(ns).unwrap_or(i64::MAX).min(MAX_RUN_NS);
    signed(from) - MAX_ASTRAY_NS..signed(to) + MAX_ASTRAY_NS
}

/// Ticks to nanoseconds, to the nearest; `None` out of range.
pub(crate) fn ns(ticks: i64, timescale: u32) -> Option<i64> {
    let scaled = i128::from(ticks) * 1_000_000_000;
    let scale = i128::from(timescale);
    i64::try_from((scaled + scale / 2).div_euclid(scale)).ok()
}

fn output_timescale(kind: Kind, entries: &[SampleEntry], clocks: &[u32]) -> u32 {
    let first = clocks.first().copied().unwrap_or(MIN_TIMESCALE);
    if kind == Kind::Sound {
        // One tick is one sample, so that frames are whole numbers of ticks.
        return entries
            .first()
            .and_then(|entry| entry.aac.as_ref())
            .map_or(first, |aac| aac.rate);
    }
    if first > 2 * MIN_TIMESCALE || clocks.iter().any(|clock| *clock != first) {
        return MIN_TIMESCALE;
    }
    // A multiple keeps the encoder's own times exact.
    first * MIN_TIMESCALE.div_ceil(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_finished_clock_keeps_the_encoders_times_exact() {
        for (clock, expected) in [
            (3_000, 90_000),
            (1_500, 90_000),
            (10_000, 90_000),
            (12_800, 102_400),
        ] {
            assert_eq!(output_timescale(Kind::Video, &[], &[clock, clock]), expected);
        }
        assert_eq!(output_timescale(Kind::Video, &[], &[3_000, 10_000]), 90_000);
        assert_eq!(output_timescale(Kind::Video, &[], &[u32::MAX]), 90_000);
    }

    #[test]
    fn times_are_converted_to_the_nearest() {
        assert_eq!(ns(1024, 48_000), Some(21_333_333));
        assert_eq!(ns(2, 3), Some(666_666_667));
        assert_eq!(ns(-1, 3), Some(-333_333_333));
        assert_eq!(ns(i64::MAX, 1), None);
    }
}
