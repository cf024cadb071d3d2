//! What the disk still holds, and what goes when it fills: promise P8 and the policy of P6. Pure.
//!
//! Room is made in this order, and only of lectures of which every platform confirmed every file:
//!
//! 1. those past `keep_sent`, oldest first: while nothing is recorded, or when room is needed;
//! 2. the others, oldest first, only when room is needed: when less than [`HEADROOM_S`] of
//!    recording is left above the reserve and above what the lecture at work needs to be finished;
//! 3. nothing else. A lecture that is not delivered stays, and if that fills the disk, the
//!    recording is stopped in time.
//!
//! Before a lecture goes, its platforms are asked once more. One that denies it keeps it here; one
//! that does not answer keeps it here too, unless its time is over and room is needed: then the
//! receipts decide. `keep_sent` is a length of days, so it means nothing to a clock that cannot be
//! believed, or could not when the delivery ended ([`is_dated`]); then only the need of room counts.

use lectern_domain::api::{ClockTrust, LectureDetail};
use lectern_domain::config::Config;
use lectern_domain::ids::LectureId;
use lectern_store::Purgeable;

/// A picture of constant quality is taken to need this much, in bits a second.
const ASSUMED_BPS: u64 = 1_500_000;
/// A recorded byte needs this many on the disk until its lecture is delivered: the segment, the
/// track's file, and the lecture's file.
const COPIES: u64 = 3;
/// A measured rate counts from this length on; before it, one key frame more or less decides.
const MEASURED_AFTER_NS: u64 = 60_000_000_000;
/// Room is made when less than this is left above the reserve and what is owed, in seconds of
/// recording.
pub(crate) const HEADROOM_S: u64 = 15 * 60;
/// A lecture is not begun with less than this above the reserve, in seconds of recording.
const START_S: u64 = 5 * 60;
/// So much of it must be free already when it begins.
const AT_ONCE_S: u64 = 60;
/// A lecture is stopped this long before the reserve is touched: free space is measured every two
/// seconds, and the last chunks are still on their way.
const STOP_S: u64 = 4;
/// A person is warned when less than this can be recorded, in milliseconds.
pub(crate) const LOW_MS: u64 = 4 * 60 * 60 * 1000;

/// The disk at one moment. Bytes, and bytes a second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Budget {
    /// Free for an ordinary user.
    pub(crate) free: u64,
    /// `storage.reserve`
    pub(crate) reserve: u64,
    /// What delivered lectures take that may go.
    pub(crate) purgeable: u64,
    /// Recorded of the lecture at work: its finished files will need room too.
    pub(crate) recorded: u64,
    /// What recording takes.
    pub(crate) rate: u64,
}

impl Budget {
    /// How long can be recorded, finished files included, before the reserve is touched.
    pub(crate) fn recordable_ms(&self) -> u64 {
        let room = self.above_reserve().saturating_sub(self.owed());
        (room / self.rate.max(1).saturating_mul(COPIES)).saturating_mul(1_000)
    }

    /// Whether room is to be made now.
    pub(crate) fn needs_room(&self) -> bool {
        let headroom = self.seconds(HEADROOM_S).saturating_add(self.owed());
        self.free < self.reserve.saturating_add(headroom)
    }

    /// Whether a lecture can be begun: what may go counts, but it has not gone yet.
    pub(crate) fn can_start(&self) -> bool {
        let at_once = self.reserve.saturating_add(self.seconds(AT_ONCE_S));
        self.above_reserve() >= self.start_bytes() && self.free > at_once
    }

    /// What a lecture must find above the reserve.
    pub(crate) fn start_bytes(&self) -> u64 {
        self.seconds(START_S).max(1)
    }

    /// Whether a recording must stop, so that its last segments close before the reserve is
    /// touched. What could go has gone long before.
    pub(crate) fn must_stop(&self) -> bool {
        self.free <= self.reserve.saturating_add(self.seconds(STOP_S))
    }

    /// What the finished files of the lecture at work will need, as far as it is recorded.
    fn owed(&self) -> u64 {
        self.recorded.saturating_mul(COPIES - 1)
    }

    fn above_reserve(&self) -> u64 {
        self.free
            .saturating_add(self.purgeable)
            .saturating_sub(self.reserve)
    }

    fn seconds(&self, seconds: u64) -> u64 {
        self.rate.saturating_mul(seconds)
    }
}

/// What the configured sources record together, in bytes a second. A spare records instead of
/// another source.
pub(crate) fn configured_rate(config: &Config) -> u64 {
    let bps: u64 = config
        .sources
        .iter()
        .filter(|source| source.spare_for.is_none())
        .map(|source| {
            let video = source
                .video
                .as_ref()
                .map(|v| v.bitrate.map_or(ASSUMED_BPS, |r| r.bits_per_second()));
            let audio = source.audio.as_ref().map(|a| a.bitrate.bits_per_second());
            video.or(audio).unwrap_or(ASSUMED_BPS)
        })
        .sum();
    bps / 8
}

/// What recording takes: as measured in the run at work (`written` bytes in `recorded_ns`), else
/// as configured.
pub(crate) fn rate(configured: u64, written: u64, recorded_ns: u64) -> u64 {
    if recorded_ns < MEASURED_AFTER_NS {
        return configured;
    }
    let measured = u128::from(written) * 1_000_000_000 / u128::from(recorded_ns);
    u64::try_from(measured).unwrap_or(u64::MAX).max(1)
}

/// Why a lecture's files go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// `keep_sent` is over.
    PastItsTime,
    /// The next recording needs the room.
    RoomNeeded,
}

/// What is asked of the policy.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Question<'a> {
    /// What may go at all, oldest first.
    pub(crate) candidates: &'a [Purgeable],
    /// Wall clock.
    pub(crate) now_unix_ms: i64,
    pub(crate) clock: ClockTrust,
    pub(crate) keep_sent_ms: u64,
    /// Nothing is being recorded.
    pub(crate) idle: bool,
    pub(crate) needs_room: bool,
}

impl Question<'_> {
    /// The lecture that is to go next, if any is.
    pub(crate) fn next(&self) -> Option<(LectureId, Why)> {
        let past = || self.candidates.iter().find(|lecture| self.is_past(lecture));
        if let Some(lecture) = (self.idle || self.needs_room).then(past).flatten() {
            return Some((lecture.lecture, Why::PastItsTime));
        }
        let oldest = self.candidates.first().filter(|_| self.needs_room)?;
        Some((oldest.lecture, Why::RoomNeeded))
    }

    fn is_past(&self, lecture: &Purgeable) -> bool {
        let kept_ms = self.now_unix_ms.saturating_sub(lecture.delivered_unix_ms);
        self.clock == ClockTrust::Trusted
            && u64::try_from(kept_ms).is_ok_and(|kept_ms| kept_ms >= self.keep_sent_ms)
    }
}

/// Whether a lecture's deliveries ended at the times that they say: a clock that could not be
/// believed is behind, so it shows in the lecture's runs, or in deliveries that end before it began.
pub(crate) fn is_dated(lecture: &LectureDetail) -> bool {
    let began_unix_ms = lecture.summary.started_unix_ms;
    lecture.runs.iter().all(|run| run.clock == ClockTrust::Trusted)
        && lecture
            .deliveries
            .iter()
            .all(|delivery| delivery.done_unix_ms.is_none_or(|done| done >= began_unix_ms))
}

/// What the platforms of a lecture said when they were asked before its deletion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    /// All that can tell have it. A platform without receipts cannot; ours stand for it.
    Held,
    /// One does not have it, or something else in its place: a sentence.
    Denied(String),
    /// One did not answer: a sentence.
    Silent(String),
}

/// Whether the lecture may go, after its platforms were asked.
pub(crate) fn may_go(why: Why, needs_room: bool, word: &Word) -> bool {
    match word {
        Word::Held => true,
        Word::Denied(_) => false,
        Word::Silent(_) => why == Why::PastItsTime && needs_room,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;
    const DAY: i64 = 24 * 3_600_000;

    fn budget(free: u64) -> Budget {
        Budget {
            free,
            reserve: 10 * GIB,
            rate: 500_000,
            ..Budget::default()
        }
    }

    #[test]
    fn p8_the_forecast_counts_the_finished_files_and_what_may_go() {
        let hour_ms = 3_600_000;
        let per_hour = 500_000 * 3_600;
        let free = 10 * GIB + 3 * 4 * per_hour;
        assert_eq!(budget(free).recordable_ms(), 4 * hour_ms);
        let purgeable = Budget {
            purgeable: 3 * per_hour,
            ..budget(free)
        };
        assert_eq!(purgeable.recordable_ms(), 5 * hour_ms);
        // An hour later a third of the room of that hour is gone, and two thirds are spoken for.
        let later = Budget {
            recorded: per_hour,
            ..budget(free - per_hour)
        };
        assert_eq!(later.recordable_ms(), 3 * hour_ms);
        assert_eq!(budget(10 * GIB - 1).recordable_ms(), 0);
        assert_eq!(Budget::default().recordable_ms(), 0);
    }

    #[test]
    fn p8_a_disk_that_fills_makes_room_then_refuses_then_stops() {
        for (above, needs_room, can_start, must_stop) in [
            (500_000 * 900, false, true, false),
            (500_000 * 899, true, true, false),
            (500_000 * 300, true, true, false),
            (500_000 * 299, true, false, false),
            (500_000 * 4 + 1, true, false, false),
            (500_000 * 4, true, false, true),
            (0, true, false, true),
        ] {
            let budget = budget(10 * GIB + above);
            assert_eq!(
                (budget.needs_room(), budget.can_start(), budget.must_stop()),
                (needs_room, can_start, must_stop),
                "{above} bytes above the reserve"
            );
        }
        let long = Budget {
            recorded: GIB,
            ..budget(10 * GIB + 2 * GIB + 500_000 * 899)
        };
        assert!(long.needs_room(), "its finished files shall not take the reserve");
        let with_old_lectures = |above| Budget {
            purgeable: GIB,
            ..budget(10 * GIB + above)
        };
        assert!(
            with_old_lectures(500_000 * 61).can_start(),
            "what may go counts as room"
        );
        let too_early = with_old_lectures(500_000 * 60);
        assert!(!too_early.can_start(), "it has not gone yet");
        assert!(
            with_old_lectures(0).must_stop(),
            "only what is free can be written"
        );
    }

    #[test]
    fn p8_the_rate_is_measured_once_there_is_enough_of_it() {
        let second = 1_000_000_000;
        assert_eq!(rate(500_000, 100_000, 59 * second), 500_000);
        assert_eq!(rate(500_000, 6_000_000, 60 * second), 100_000);
        assert_eq!(rate(500_000, 0, 60 * second), 1);
    }

    #[test]
    fn p6_sent_lectures_past_their_time_go_first_and_early_ones_only_for_room() {
        let lecture = |days: i64| Purgeable {
            lecture: LectureId::random(),
            bytes: GIB,
            delivered_unix_ms: 100 * DAY - days * DAY,
            kept_ms: 0,
        };
        let all = [lecture(20), lecture(14), lecture(3)];
        let (oldest, fresh) = (all[0].lecture, all[2].lecture);
        let base = Question {
            candidates: &all,
            now_unix_ms: 100 * DAY,
            clock: ClockTrust::Trusted,
            keep_sent_ms: 14 * 24 * 3_600_000,
            idle: true,
            needs_room: false,
        };
        let fresh_only = &all[2..];
        let untrusted = ClockTrust::Untrusted;
        for (question, answer) in [
            (base, Some((oldest, Why::PastItsTime))),
            (Question { idle: false, ..base }, None),
            (
                Question {
                    idle: false,
                    needs_room: true,
                    ..base
                },
                Some((oldest, Why::PastItsTime)),
            ),
            (
                Question {
                    candidates: &all[1..2],
                    ..base
                },
                Some((all[1].lecture, Why::PastItsTime)),
            ),
            (
                Question {
                    candidates: fresh_only,
                    ..base
                },
                None,
            ),
            (
                Question {
                    candidates: fresh_only,
                    needs_room: true,
                    ..base
                },
                Some((fresh, Why::RoomNeeded)),
            ),
            (
                Question {
                    clock: untrusted,
                    ..base
                },
                None,
            ),
            (
                Question {
                    clock: untrusted,
                    needs_room: true,
                    ..base
                },
                Some((oldest, Why::RoomNeeded)),
            ),
            (
                Question {
                    candidates: &[],
                    needs_room: true,
                    ..base
                },
                None,
            ),
            // A delivery in the future: the clock was set back since.
            (
                Question {
                    now_unix_ms: 0,
                    ..base
                },
                None,
            ),
        ] {
            assert_eq!(question.next(), answer, "{question:?}");
        }
    }

    #[test]
    fn p6_a_date_is_one_if_the_clock_was_right_and_it_follows_the_lecture() {
        let id = LectureId::random();
        let detail = |clock: &str, done_unix_ms: Option<i64>| -> LectureDetail {
            serde_json::from_value(serde_json::json!({
                "id": id, "state": "delivered", "title": null, "course": null, "presenter": null,
                "language": null, "started_unix_ms": 50 * DAY, "duration_ms": 0, "bytes": 0, "reason": null,
                "folder": "", "tracks": [], "marks": [], "facts": [], "files": [],
                "runs": [{ "run": 1, "started_unix_ms": 50 * DAY, "clock": clock, "gap_before_ms": null,
                           "end_ms": 0, "pauses_ms": [] }],
                "deliveries": [{ "id": 1, "lecture": id, "title": null, "platform": "central",
                                 "state": "done", "sent_bytes": 0, "total_bytes": 0, "attempts": 1,
                                 "next_unix_ms": null, "message": null, "done_unix_ms": done_unix_ms,
                                 "locations": [] }],
            }))
            .unwrap()
        };
        for (clock, done_unix_ms, dated) in [
            ("trusted", Some(51 * DAY), true),
            ("trusted", Some(50 * DAY), true),
            ("trusted", Some(49 * DAY), false),
            ("untrusted", Some(51 * DAY), false),
        ] {
            let found = is_dated(&detail(clock, done_unix_ms));
            assert_eq!(found, dated, "{clock} {done_unix_ms:?}");
        }
    }

    #[test]
    fn p6_a_platform_that_denies_keeps_a_lecture_here() {
        let (denied, silent) = (Word::Denied(String::new()), Word::Silent(String::new()));
        for (why, needs_room, word, goes) in [
            (Why::PastItsTime, false, &Word::Held, true),
            (Why::PastItsTime, false, &silent, false),
            (Why::PastItsTime, true, &silent, true),
            (Why::PastItsTime, true, &denied, false),
            (Why::RoomNeeded, true, &Word::Held, true),
            (Why::RoomNeeded, true, &silent, false),
            (Why::RoomNeeded, true, &denied, false),
        ] {
            assert_eq!(
                may_go(why, needs_room, word),
                goes,
                "{why:?} {needs_room} {word:?}"
            );
        }
    }
}
