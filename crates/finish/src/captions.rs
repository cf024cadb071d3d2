//! What a picture track shows where it has nothing: the last picture, dimmed, with a caption that
//! says since when and until when, and a card between two runs if the room wants one.
//!
//! Finding the places is pure; the pictures themselves come from the renderer. Whatever goes wrong
//! there costs the caption: the last picture stands, as it does over holes too short for words.

use std::ops::RangeInclusive;
use std::path::PathBuf;

use lectern_domain::render::RenderJob;

use crate::cut::{Card, Shown};
use crate::error::FinishError;
use crate::extract::extract;
use crate::files::Files;
use crate::job::{Job, Note, RunInput};
use crate::mp4::init::Kind;
use crate::outage::{Outage, wall_ms};
use crate::studio::{CARD_LIMIT, Studio, Take};
use crate::timeline::Timeline;
use crate::track::{Sample, Track};
use crate::words::{Words, times_of_day, times_of_lecture};

/// Shorter holes between two pictures show the last picture and say nothing.
const MIN_HOLE_NS: i64 = 1_000_000_000;
/// The same where a part begins or ends: sources never come and go at one moment, and a power cut
/// takes up to a second and a half more of one track than of another.
const MIN_HOLE_AT_EDGE_NS: i64 = 2_000_000_000;
/// Width and height of pictures outside of this are damaged: no encoder takes less, and nobody
/// allocates gigabytes for a caption.
const SIDES: RangeInclusive<u16> = 16..=8_192;
/// The most pictures that are decoded to find the last one before a hole.
const MAX_GROUP: usize = 1_200;

/// A stretch without a picture, in nanoseconds of the lecture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Missing {
    from_ns: i64,
    to_ns: i64,
    why: Why,
    /// How many of the recorded pictures come before it.
    after: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    /// The source was away in this kept part.
    Away { part: usize },
    /// Nothing was recorded, and there is room for a card.
    Outage,
}

/// Everything that captions need to know.
pub(crate) struct Captions<'a> {
    pub(crate) job: &'a Job,
    pub(crate) runs: &'a [RunInput],
    pub(crate) timeline: &'a Timeline,
    pub(crate) outages: &'a [Outage],
    pub(crate) words: &'a Words,
}

impl Captions<'_> {
    /// Renders what the track needs. A failure is noted once for a track.
    ///
    /// # Errors
    /// Only [`FinishError::Stopped`].
    pub(crate) fn make(
        &self,
        track: &Track<'_>,
        shown: &[Shown],
        studio: &mut Studio<'_>,
        files: &mut Files,
        notes: &mut Vec<Note>,
    ) -> Result<Vec<Card>, FinishError> {
        let mut cards = Vec::new();
        if !studio.is_open() {
            return Ok(cards);
        }
        let mut told = false;
        for missing in missing(shown, self.timeline) {
            match self.card(track, shown, &missing, studio, files)? {
                Ok(card) => cards.push(card),
                Err(why) if !told => {
                    told = true;
                    notes.push(Note::NotRendered {
                        source_name: track.input.source.clone(),
                        what: "a caption for a missing picture",
                        why,
                    });
                }
                Err(_) => {}
            }
        }
        Ok(cards)
    }

    fn card(
        &self,
        track: &Track<'_>,
        shown: &[Shown],
        missing: &Missing,
        studio: &mut Studio<'_>,
        files: &mut Files,
    ) -> Result<Result<Card, String>, FinishError> {
        let beside = shown
            .get(missing.after.wrapping_sub(1))
            .or_else(|| shown.get(missing.after));
        let entry = beside.and_then(|beside| track.entries.get(usize::from(beside.sample.entry)));
        let Some(entry) = entry.filter(|entry| entry.avc().is_some()) else {
            return Ok(Err("its pictures are not H.264".to_owned()));
        };
        let (width, height) = (entry.size.0 & !1, entry.size.1 & !1);
        if !SIDES.contains(&width) || !SIDES.contains(&height) {
            return Ok(Err(format!("{width}x{height} is no size of a picture")));
        }
        let before = shown.get(..missing.after).unwrap_or_default();
        let behind = match missing.why {
            Why::Away { .. } => self.last_picture(track, before, studio, files),
            Why::Outage => None,
        };
        let text = self.text(track, missing);
        let rendered = studio.make(CARD_LIMIT, Kind::Video, |out| RenderJob::Card {
            out,
            width,
            height,
            behind,
            text,
        })?;
        Ok(rendered.and_then(|take| first_picture(track, missing.from_ns, take, files)))
    }

    /// A file that ends with the last picture before the hole; `None` where that cannot be had.
    fn last_picture(
        &self,
        track: &Track<'_>,
        before: &[Shown],
        studio: &mut Studio<'_>,
        files: &Files,
    ) -> Option<PathBuf> {
        let key = before.iter().rposition(|picture| picture.sample.key)?;
        let group: Vec<Sample> = before.get(key..)?.iter().map(|picture| picture.sample).collect();
        if group.len() > MAX_GROUP {
            return None;
        }
        let out = studio.scratch();
        match extract(track, &group, files, &out) {
            Ok(()) => Some(out),
            Err(error) => {
                tracing::warn!(source = %track.input.source, %error, "the picture before a hole could not be read; its caption stands on a dark one");
                None
            }
        }
    }

    fn text(&self, track: &Track<'_>, missing: &Missing) -> String {
        match missing.why {
            Why::Outage => {
                let outage = self
                    .outages
                    .iter()
                    .find(|outage| outage.from_ns == missing.from_ns);
                outage.map_or_else(
                    || self.words.interrupted(),
                    |outage| outage.text(self.words, &self.job.timezone),
                )
            }
            Why::Away { part } => {
                let times = self.times(part, missing.from_ns, missing.to_ns);
                format!("{}\n{times}", self.words.no_picture(track.input.source.as_str()))
            }
        }
    }

    /// When it was: the time of day if the clock can be believed, else the time of the lecture.
    fn times(&self, part: usize, from_ns: i64, to_ns: i64) -> String {
        let kept = self.timeline.kept.get(part);
        let wall = kept.and_then(|kept| {
            let run = self.runs.get(kept.run)?;
            let in_run = |ns: i64| kept.from_ns + ns - kept.at_ns;
            wall_ms(run, in_run(from_ns)).zip(wall_ms(run, in_run(to_ns)))
        });
        let times = wall.and_then(|(from, to)| times_of_day(from, to, &self.job.timezone));
        times.unwrap_or_else(|| times_of_lecture(from_ns / 1_000_000, to_ns / 1_000_000))
    }
}

/// The picture of a rendered card.
fn first_picture(track: &Track<'_>, at_ns: i64, take: Take, files: &mut Files) -> Result<Card, String> {
    let Some(sample) = take.part.samples.first().filter(|sample| sample.key).copied() else {
        return Err("the renderer's file has no picture".to_owned());
    };
    let entry = take.part.init.entry.clone();
    let file = take.keep(&track.input.source, files);
    let file = file.ok_or_else(|| "the lecture has too many files".to_owned())?;
    Ok(Card {
        at_ns,
        file,
        offset: sample.offset,
        size: sample.size,
        entry,
    })
}

/// Where the track has no picture for long enough to say so.
fn missing(shown: &[Shown], timeline: &Timeline) -> Vec<Missing> {
    let mut out: Vec<Missing> = Vec::new();
    let mut after = 0;
    for (part, kept) in timeline.kept.iter().enumerate() {
        let end_ns = kept.at_ns + kept.len_ns();
        let mut covered = kept.at_ns;
        let mut least = MIN_HOLE_AT_EDGE_NS;
        let mut note = |from_ns: i64, to_ns: i64, least: i64, why: Why, after: usize| {
            if to_ns - from_ns >= least {
                out.push(Missing {
                    from_ns,
                    to_ns,
                    why,
                    after,
                });
            }
        };
        while let Some(picture) = shown.get(after).filter(|picture| picture.part == part) {
            // What follows a card must not need the picture before it.
            if picture.sample.key {
                note(covered, picture.at_ns, least, Why::Away { part }, after);
            }
            least = MIN_HOLE_NS;
            covered = covered.max(picture.end_ns);
            after += 1;
        }
        note(covered, end_ns, MIN_HOLE_AT_EDGE_NS, Why::Away { part }, after);
        if let Some(next) = timeline.kept.get(part + 1) {
            note(end_ns, next.at_ns, 1, Why::Outage, after);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::Kept;

    const MS: i64 = 1_000_000;

    /// Pictures of 100 ms at these times, in milliseconds of the lecture, all key frames but those
    /// below 0.
    fn pictures(part: usize, times: impl IntoIterator<Item = i64>) -> Vec<Shown> {
        let picture = |at: i64| Shown {
            sample: Sample {
                pts_ns: 0,
                end_ns: 0,
                offset: 0,
                size: 1,
                file: 0,
                entry: 0,
                key: at >= 0,
            },
            at_ns: at.abs() * MS,
            end_ns: (at.abs() + 100) * MS,
            part,
        };
        times.into_iter().map(picture).collect()
    }

    fn timeline(parts: &[(usize, i64, i64)]) -> Timeline {
        let kept = parts.iter().map(|(run, at, len)| Kept {
            run: *run,
            from_ns: 0,
            to_ns: len * MS,
            at_ns: at * MS,
        });
        Timeline {
            kept: kept.collect(),
            ..Timeline::default()
        }
    }

    fn found(shown: &[Shown], timeline: &Timeline) -> Vec<(i64, i64, bool, usize)> {
        let found = missing(shown, timeline).into_iter();
        found
            .map(|m| (m.from_ns / MS, m.to_ns / MS, m.why == Why::Outage, m.after))
            .collect()
    }

    #[test]
    fn nothing_is_said_of_what_is_short() {
        let shown = pictures(0, [1_900, 2_900, 3_900, 4_900]);
        assert_eq!(found(&shown, &timeline(&[(0, 0, 6_900)])), []);
    }

    #[test]
    fn holes_at_the_beginning_between_and_at_the_end_are_found() {
        let shown = pictures(0, [2_000, 3_200, 3_300]);
        assert_eq!(
            found(&shown, &timeline(&[(0, 0, 5_400)])),
            [
                (0, 2_000, false, 0),
                (2_100, 3_200, false, 1),
                (3_400, 5_400, false, 3)
            ]
        );
    }

    #[test]
    fn a_picture_that_refers_to_one_before_the_hole_keeps_its_hole() {
        let shown = pictures(0, [0, -5_000, 5_100]);
        assert_eq!(found(&shown, &timeline(&[(0, 0, 5_200)])), []);
    }

    #[test]
    fn a_card_stands_where_there_is_room_between_two_runs() {
        let mut shown = pictures(0, (0..30).map(|n| n * 100));
        shown.extend(pictures(1, (50..60).map(|n| n * 100)));
        shown.extend(pictures(2, (60..70).map(|n| n * 100)));
        let parts = [(0, 0, 3_000), (1, 5_000, 1_000), (2, 6_000, 1_000)];
        assert_eq!(found(&shown, &timeline(&parts)), [(3_000, 5_000, true, 30)]);
    }
}
