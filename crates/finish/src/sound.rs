//! Sound as it stands in the finished file: frames without a hole.
//!
//! Two kinds of reader must be served. Those that go by time stamps (players, most editors) need
//! each frame at its true time. Those that decode the frames one after the other whatever the
//! stamps say need as many frames as there is time: measured on a hole of two seconds left as
//! one long stamp, `ffmpeg -i lecture.mp4 sound.wav` (what captions are made from) and
//! Chromium's `decodeAudioData` both lose the two seconds, and all later sound is early. So
//! every hole is filled with frames of silence: their number is decided by how far the *count*
//! of all frames is behind the true time, never by the single hole, so rounding to whole frames
//! cannot add up; and the stamps of the frames that were recorded stay true within a
//! millisecond.

use crate::cut::{Bytes, Finish, Placed, ticks};
use crate::mp4::init::Kind;
use crate::timeline::{Timeline, middle};
use crate::track::{Sample, Track};

/// The length of a frame where the configuration does not tell.
const UNKNOWN_FRAME_NS: i64 = 21_333_333;

/// Cuts a sound track along the timeline; `None` when nothing of it is left. The flag tells that
/// holes were left because silence cannot be written for this sound.
pub(crate) fn sound(track: &Track<'_>, timeline: &Timeline) -> Option<(Finish, bool)> {
    let aac = track.entries.first().and_then(|entry| entry.aac.as_ref());
    // Configurations of other layouts may follow in the same track; silence of the first one is
    // still a valid frame of the first one.
    let silence = aac.and_then(|aac| aac.silence.clone());
    let frame = match aac {
        Some(aac) => i64::from(aac.frame_len) * i64::from(track.timescale) / i64::from(aac.rate),
        None => ticks(UNKNOWN_FRAME_NS, track.timescale),
    };
    let mut row = Row {
        frame: frame.max(1),
        tolerance: i64::from(track.timescale) / 1_000,
        silence_size: silence.as_ref().and_then(|bytes| u32::try_from(bytes.len()).ok()),
        samples: Vec::with_capacity(track.samples.len()),
        counted: 0,
        unfilled: false,
    };
    for kept in &timeline.kept {
        let inside = |sample: &&Sample| (kept.from_ns..kept.to_ns).contains(&middle(sample));
        for sample in track.run(kept.run).iter().filter(inside) {
            // A frame that begins just before the part still belongs at its own time.
            let at_ns = kept.at_ns + sample.pts_ns - kept.from_ns;
            row.push(sample, ticks(at_ns, track.timescale).max(0));
        }
    }
    let end = row.close(ticks(timeline.total_ns, track.timescale))?;
    Some((
        Finish {
            kind: Kind::Sound,
            timescale: track.timescale,
            entries: track.entries.clone(),
            samples: row.samples,
            end,
            silence: silence.unwrap_or_default(),
        },
        row.unfilled,
    ))
}

struct Row {
    /// Ticks of one frame.
    frame: i64,
    /// Stamps that differ from the even row by no more ticks are rounding, and are evened out.
    tolerance: i64,
    /// `None` when silence cannot be written.
    silence_size: Option<u32>,
    samples: Vec<Placed>,
    /// Where a reader that only counts frames believes to be.
    counted: i64,
    unfilled: bool,
}

impl Row {
    /// Adds a recorded frame whose true time is `at`.
    fn push(&mut self, sample: &Sample, at: i64) {
        if self.samples.is_empty() {
            // Whole frames of silence up to the first; the rest becomes the track's late begin.
            self.counted = if self.silence_size.is_some() {
                at % self.frame
            } else {
                at
            };
        }
        let behind = at - self.counted;
        // Half a frame decides; a little more, so that a drifting clock which hovers there does
        // not put in and take out frames in turn.
        let missing = if behind.abs() <= self.frame / 2 + self.frame / 16 {
            0
        } else {
            (behind + self.frame / 2).div_euclid(self.frame)
        };
        if missing < 0 {
            // The recording has more frames than time: this one goes.
            return;
        }
        if self.silence_size.is_some() {
            self.fill(missing, at);
        } else if missing > 0 {
            self.unfilled = true;
            self.counted = at;
        }
        let even = self.next();
        let at = match even {
            Some(even) if (at - even).abs() <= self.tolerance => even,
            _ => at,
        };
        let earliest = self.samples.last().map_or(0, |last| last.dts + 1);
        self.samples.push(Placed::of(sample, at.max(earliest)));
        self.counted += self.frame;
    }

    /// Where the next frame of an even row begins.
    fn next(&self) -> Option<i64> {
        self.samples.last().map(|last| last.dts + self.frame)
    }

    /// Puts `count` silent frames before the recorded one at `until`.
    fn fill(&mut self, count: i64, until: i64) {
        let Some(size) = self.silence_size else { return };
        for _ in 0..count {
            let even = self.next().unwrap_or(self.counted);
            // Without room for a whole frame, as when a clock drifts, share what there is.
            let at = match self.samples.last() {
                Some(last) if even > until - self.frame / 4 => last.dts + ((until - last.dts) / 2).max(1),
                _ => even,
            };
            self.samples.push(Placed {
                bytes: Bytes::Silence,
                size,
                cts: 0,
                dts: at,
                entry: 0,
                key: true,
                sets_first: false,
            });
            self.counted += self.frame;
        }
    }

    /// Fills up to the end of the lecture; answers the end of the last frame, `None` when there
    /// is no sound at all.
    fn close(&mut self, total: i64) -> Option<i64> {
        let end = self.next()?;
        if self.silence_size.is_some() {
            self.fill(((total - end) / self.frame).max(0), total);
        }
        self.next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: i64 = 1024;

    fn row() -> Row {
        let samples = Vec::new();
        Row {
            frame: FRAME,
            tolerance: 48,
            silence_size: Some(6),
            samples,
            counted: 0,
            unfilled: false,
        }
    }

    fn push(row: &mut Row, at: i64) {
        let sample = Sample {
            pts_ns: 0,
            end_ns: 0,
            offset: 0,
            size: 100,
            file: 0,
            entry: 0,
            key: true,
        };
        row.push(&sample, at);
    }

    fn stamps(row: &Row) -> Vec<(i64, bool)> {
        row.samples
            .iter()
            .map(|placed| (placed.dts, placed.bytes == Bytes::Silence))
            .collect()
    }

    #[test]
    fn rounded_stamps_are_evened_and_do_not_add_up() {
        let mut row = row();
        for index in 0..10_000 {
            push(&mut row, index * FRAME + index % 3 - 1 + i64::from(index == 0));
        }
        assert!(
            row.samples
                .iter()
                .zip(0..)
                .all(|(placed, index)| placed.dts == index * FRAME)
        );
    }

    #[test]
    fn a_hole_becomes_silence_and_what_follows_keeps_its_time() {
        let mut row = row();
        push(&mut row, 0);
        push(&mut row, 4 * FRAME + 300);
        push(&mut row, 5 * FRAME + 300);
        let expected = [
            (0, false),
            (1024, true),
            (2048, true),
            (3072, true),
            (4396, false),
            (5420, false),
        ];
        assert_eq!(stamps(&row), expected);
        assert_eq!(row.counted, 6 * FRAME);
    }

    #[test]
    fn holes_of_less_than_a_frame_are_filled_when_they_add_up() {
        let mut row = row();
        for index in 0..100 {
            push(&mut row, index * (FRAME + 256));
        }
        let silent = row
            .samples
            .iter()
            .filter(|placed| placed.bytes == Bytes::Silence)
            .count();
        assert!((24..=26).contains(&silent), "{silent}");
        assert!((row.counted - 100 * (FRAME + 256)).abs() <= FRAME);
        assert!(row.samples.is_sorted_by(|a, b| a.dts < b.dts));
    }

    #[test]
    fn a_late_begin_is_silence_and_less_than_a_frame_of_nothing() {
        let mut row = row();
        push(&mut row, 2 * FRAME + 7);
        assert_eq!(stamps(&row), [(7, true), (1031, true), (2055, false)]);
        assert_eq!(row.close(4 * FRAME), Some(3 * FRAME + 7));
    }

    #[test]
    fn a_clock_that_runs_slow_loses_frames_and_not_sync() {
        let mut row = row();
        for index in 0..10_000 {
            push(&mut row, index * (FRAME - 2));
        }
        assert!((row.counted - 10_000 * (FRAME - 2)).abs() <= FRAME);
        assert!(row.samples.len() < 10_000);
    }
}
