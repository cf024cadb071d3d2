//! Whether a lecture that was cut goes on by itself, promise P3. Pure.
//!
//! A lecture goes on if nobody had stopped it, if what cut it lasted no longer than
//! `resume_within`, and if its time is not over. How long it lasted is told by the monotonic
//! clock while the machine stayed up, else by the wall clock if it could be believed before and
//! after. If it could not, nobody can tell: then it goes on, for a recording that nobody wanted
//! can be deleted and one that was not made cannot be had back. When the clock is set, the same
//! question is asked again ([`Doubt`]).

use lectern_domain::api::ClockTrust;
use lectern_domain::lecture::LectureState;
use lectern_store::Interrupted;

/// No lecture can be planned further ahead than this; a clock that jumped says otherwise.
const LONGEST_MS: u64 = 24 * 60 * 60 * 1000;

/// The clocks at the start of the daemon.
#[derive(Clone, Debug)]
pub(crate) struct Moment {
    pub(crate) unix_ms: i64,
    pub(crate) mono_ns: u64,
    /// The kernel's name of this boot; empty where it has none.
    pub(crate) boot_id: String,
    pub(crate) trust: ClockTrust,
}

/// What becomes of a lecture that was cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It records on.
    GoesOn {
        /// How long it stood still, in milliseconds; `None`: no clock can tell.
        gap_ms: Option<u64>,
        /// How long it may still record, in milliseconds.
        left_ms: u64,
    },
    /// It is finished as it is.
    Over,
}

/// What is to be asked again when the clock is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Doubt {
    /// Wall clock at the last sign of life before the outage; it was right.
    pub(crate) alive_unix_ms: i64,
    /// Planned end, by the same clock.
    pub(crate) planned_end_unix_ms: i64,
}

/// The doubt, resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resolved {
    /// It went on rightly.
    Stands {
        /// How long it had stood still, in milliseconds.
        gap_ms: u64,
        /// How long it may still record, in milliseconds.
        left_ms: u64,
    },
    /// It should not have gone on.
    TooLate {
        /// How long it had stood still, in milliseconds.
        gap_ms: u64,
    },
}

/// See the module.
pub(crate) fn judge(lecture: &Interrupted, now: &Moment, resume_within_ms: u64) -> Verdict {
    let gap_ms = gap_ms(lecture, now);
    let left_then_ms = positive(
        lecture
            .planned_end_unix_ms
            .saturating_sub(lecture.last_alive_unix_ms),
    );
    let left_ms = left_then_ms.min(LONGEST_MS).saturating_sub(gap_ms.unwrap_or(0));
    let stopped = lecture.was == LectureState::Stopping;
    if !stopped && goes_on(gap_ms.unwrap_or(0), left_ms, resume_within_ms) {
        Verdict::GoesOn { gap_ms, left_ms }
    } else {
        Verdict::Over
    }
}

/// Whether a lecture that nobody stopped goes on after it stood still for `gap_ms`, with `left_ms`
/// of its time left.
const fn goes_on(gap_ms: u64, left_ms: u64, resume_within_ms: u64) -> bool {
    left_ms > 0 && gap_ms <= resume_within_ms
}

/// How long the lecture has stood still, if a clock can tell.
fn gap_ms(lecture: &Interrupted, now: &Moment) -> Option<u64> {
    let same_boot = !now.boot_id.is_empty() && lecture.last_run_boot.as_ref() == Some(&now.boot_id);
    if same_boot {
        let alive_ns = lecture
            .last_run_base_mono_ns
            .saturating_add(lecture.seen_ns.max(lecture.last_written_ns));
        return Some(now.mono_ns.saturating_sub(alive_ns) / 1_000_000);
    }
    let both_right = now.trust == ClockTrust::Trusted && lecture.last_run_clock == ClockTrust::Trusted;
    both_right.then(|| positive(now.unix_ms.saturating_sub(lecture.last_alive_unix_ms)))
}

/// What is left open by a verdict without a gap; nothing if the clock before was wrong too.
pub(crate) fn doubt(lecture: &Interrupted) -> Option<Doubt> {
    (lecture.last_run_clock == ClockTrust::Trusted).then_some(Doubt {
        alive_unix_ms: lecture.last_alive_unix_ms,
        planned_end_unix_ms: lecture.planned_end_unix_ms,
    })
}

impl Doubt {
    /// The question asked again, with a clock that is right: the run began at `began_unix_ms`,
    /// now it is `now_unix_ms`.
    pub(crate) fn resolve(self, began_unix_ms: i64, now_unix_ms: i64, resume_within_ms: u64) -> Resolved {
        let gap_ms = positive(began_unix_ms.saturating_sub(self.alive_unix_ms));
        let left_ms = positive(self.planned_end_unix_ms.saturating_sub(now_unix_ms));
        if goes_on(gap_ms, left_ms, resume_within_ms) {
            Resolved::Stands { gap_ms, left_ms }
        } else {
            Resolved::TooLate { gap_ms }
        }
    }
}

fn positive(ms: i64) -> u64 {
    u64::try_from(ms).unwrap_or(0)
}

/// What a suspension of the machine did to the lecture at work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Woken {
    /// Its end on the monotonic clock, which stood still meanwhile.
    pub(crate) ends_ns: u64,
    /// As after an outage of that length; else it is stopped.
    pub(crate) goes_on: bool,
}

/// Of a lecture that was to end at `ends_ns`, on a machine that slept until `now_ns`.
pub(crate) fn woken(ends_ns: u64, slept_ns: u64, now_ns: u64, resume_within_ms: u64) -> Woken {
    let ends_ns = ends_ns.saturating_sub(slept_ns).max(now_ns);
    let left_ms = (ends_ns - now_ns) / 1_000_000;
    Woken {
        ends_ns,
        goes_on: goes_on(slept_ns / 1_000_000, left_ms, resume_within_ms),
    }
}

#[cfg(test)]
mod tests {
    use lectern_domain::api::Metadata;
    use lectern_domain::ids::{LectureId, RunNumber};

    use super::*;

    const MINUTE: i64 = 60_000;
    const HALF_AN_HOUR_MS: u64 = 30 * 60_000;
    /// Wall clock at the last sign of life.
    const ALIVE: i64 = 1_790_000_000_000;

    /// Cut an hour before its planned end, with the daemon alive ten seconds after the last media.
    fn cut(was: LectureState, clock: ClockTrust) -> Interrupted {
        Interrupted {
            lecture: LectureId::random(),
            metadata: Metadata::default(),
            folder: String::new(),
            started_unix_ms: ALIVE - 30 * MINUTE,
            planned_end_unix_ms: ALIVE + 60 * MINUTE,
            last_written_unix_ms: ALIVE - 10_000,
            last_alive_unix_ms: ALIVE,
            last_written_ns: 1_790_000_000_000,
            seen_ns: 1_800_000_000_000,
            last_run_boot: Some("this".to_owned()),
            last_run_base_mono_ns: 1_000_000_000_000,
            last_run_clock: clock,
            was,
            paused: false,
            last_run: RunNumber(1),
            recorded_ms: 1_790_000,
            bytes: 0,
            marks: 0,
            segments: 0,
        }
    }

    /// So many minutes after the last sign of life, by each clock.
    fn after(wall: i64, monotonic: i64, boot_id: &str, trust: ClockTrust) -> Moment {
        Moment {
            unix_ms: ALIVE + wall * MINUTE,
            mono_ns: u64::try_from(2_800_000_000_000 + monotonic * MINUTE * 1_000_000).unwrap(),
            boot_id: boot_id.to_owned(),
            trust,
        }
    }

    #[test]
    fn p3_a_lecture_goes_on_unless_it_was_stopped_over_or_left_too_long() {
        use ClockTrust::{Trusted as T, Untrusted as U};
        use LectureState::{Armed, Paused, Recording, Stopping};
        let goes_on = |gap_min: Option<u64>, left_min: u64| Verdict::GoesOn {
            gap_ms: gap_min.map(|m| m * 60_000),
            left_ms: left_min * 60_000,
        };
        let over = Verdict::Over;
        // What it was, its clock, minutes since by the wall and by the monotonic clock, the boot,
        // the clock now.
        for (name, was, clock, wall, mono, boot, now, verdict) in [
            (
                "power cut",
                Recording,
                T,
                5,
                -40,
                "other",
                T,
                goes_on(Some(5), 55),
            ),
            ("paused", Paused, T, 29, -40, "other", T, goes_on(Some(29), 31)),
            ("armed", Armed, T, 1, -40, "other", T, goes_on(Some(1), 59)),
            ("stopped", Stopping, T, 1, -40, "other", T, over),
            ("too long", Recording, T, 31, -40, "other", T, over),
            (
                "daemon crash",
                Recording,
                T,
                2,
                2,
                "this",
                T,
                goes_on(Some(2), 58),
            ),
            (
                "crash, 1970",
                Recording,
                T,
                -9_999_999,
                2,
                "this",
                U,
                goes_on(Some(2), 58),
            ),
            (
                "crash, +5 h",
                Recording,
                T,
                302,
                2,
                "this",
                T,
                goes_on(Some(2), 58),
            ),
            (
                "crash, -1 h",
                Recording,
                U,
                -58,
                2,
                "this",
                T,
                goes_on(Some(2), 58),
            ),
            ("crash, too long", Recording, T, 2, 31, "this", T, over),
            (
                "dead battery",
                Recording,
                T,
                -9_999_999,
                -40,
                "other",
                U,
                goes_on(None, 60),
            ),
            (
                "wrong before",
                Recording,
                U,
                9_999_999,
                -40,
                "other",
                T,
                goes_on(None, 60),
            ),
            ("wrong, stopped", Stopping, T, -9_999_999, -40, "other", U, over),
            (
                "back in time",
                Recording,
                T,
                -1,
                -40,
                "other",
                T,
                goes_on(Some(0), 60),
            ),
        ] {
            let now = after(wall, mono, boot, now);
            assert_eq!(judge(&cut(was, clock), &now, HALF_AN_HOUR_MS), verdict, "{name}");
        }
        let mut ended = cut(Recording, T);
        ended.planned_end_unix_ms = ALIVE + 4 * MINUTE;
        let now = after(5, 5, "this", T);
        assert_eq!(judge(&ended, &now, HALF_AN_HOUR_MS), over, "its time is over");
        ended.last_run_boot = None;
        let nameless = after(5, 5, "", U);
        assert_eq!(
            judge(&ended, &nameless, HALF_AN_HOUR_MS),
            goes_on(None, 4),
            "a boot without a name is no boot in common"
        );
    }

    #[test]
    fn p3_an_open_question_is_answered_when_the_clock_is_set() {
        let doubt = doubt(&cut(LectureState::Recording, ClockTrust::Trusted)).unwrap();
        let resolve = |began: i64, now: i64| {
            doubt.resolve(ALIVE + began * MINUTE, ALIVE + now * MINUTE, HALF_AN_HOUR_MS)
        };
        let stands = |gap_min: u64, left_min: u64| Resolved::Stands {
            gap_ms: gap_min * 60_000,
            left_ms: left_min * 60_000,
        };
        let too_late = |gap_min: u64| Resolved::TooLate {
            gap_ms: gap_min * 60_000,
        };
        assert_eq!(resolve(20, 25), stands(20, 35));
        assert_eq!(resolve(30, 59), stands(30, 1));
        assert_eq!(resolve(31, 32), too_late(31));
        assert_eq!(resolve(20, 60), too_late(20), "its time is over");
        assert_eq!(resolve(3 * 24 * 60, 3 * 24 * 60 + 1), too_late(3 * 24 * 60));
        let wrong_too = cut(LectureState::Recording, ClockTrust::Untrusted);
        assert_eq!(super::doubt(&wrong_too), None, "nothing to compare with");
    }

    #[test]
    fn p3_a_lecture_goes_on_after_a_suspension_and_ends_when_it_was_to_end() {
        const MINUTE_NS: u64 = 60_000_000_000;
        // Within half an hour, as the room wants it; minutes: end, slept, then its end and whether.
        for (ends, slept, new_end, goes_on) in [
            (160, 5, 155, true),
            (160, 29, 131, true),
            // Longer than the room resumes within.
            (160, 31, 129, false),
            // Over in the meantime.
            (110, 20, 100, false),
        ] {
            let now_ns = 100 * MINUTE_NS;
            let woken = woken(ends * MINUTE_NS, slept * MINUTE_NS, now_ns, 30 * 60_000);
            let expected = Woken {
                ends_ns: new_end * MINUTE_NS,
                goes_on,
            };
            assert_eq!(woken, expected, "{ends} {slept}");
        }
    }
}
