//! The next planned lecture, as data: whether its time has come, and what stands in its way.
//!
//! Pure. The conductor passes the clock in, does what [`Question::step`] says, and keeps the
//! [`Agenda`]. Times are those of the wall clock: a plan is made by it, and a clock that cannot
//! be believed begins nothing.

use lectern_domain::api::ClockTrust;
use lectern_store::Plan;

/// The podium counts the last minute down.
pub(crate) const COUNT_DOWN_MS: i64 = 60_000;

/// What the recorder is doing while a planned lecture is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Recorder {
    /// Nothing.
    Free,
    /// It records, or a stop that a person made can still be taken back.
    AtWork,
    /// The planned end of the lecture before it stopped that one; it is being closed.
    Ended,
}

/// What is to be done about the next planned lecture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum PlanStep {
    /// Nothing yet.
    #[default]
    Wait,
    /// It begins within a minute.
    CountDown,
    /// Its time has come, or came while the recorder was off.
    Begin,
    /// Its time has come and the one before it is over: the time to undo that one's end is too.
    EndUndo,
    /// It does not begin, and will as soon as it can.
    Hold(Held),
    /// Its whole time has passed.
    Miss,
}

/// Why a planned lecture does not begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Held {
    /// Nobody knows what time it is.
    Clock,
    /// A recording at hand comes before a plan.
    Recording,
}

impl PlanStep {
    /// The word of the catalogues for why a lecture was missed about which this was decided last.
    pub(crate) const fn why_missed(self, is_hindered: bool) -> &'static str {
        match self {
            Self::Hold(Held::Clock) => "clock",
            Self::Hold(Held::Recording) => "recording",
            Self::Begin if is_hindered => "hindered",
            Self::Wait | Self::CountDown | Self::Begin | Self::EndUndo | Self::Miss => "off",
        }
    }
}

/// What the step depends on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Question {
    pub(crate) starts_unix_ms: i64,
    pub(crate) ends_unix_ms: i64,
    pub(crate) now_unix_ms: i64,
    pub(crate) clock: ClockTrust,
    pub(crate) recorder: Recorder,
}

impl Question {
    /// See [`PlanStep`].
    pub(crate) const fn step(self) -> PlanStep {
        match self.clock {
            // It may be any time: neither to begin nor to give up can be right.
            ClockTrust::Untrusted => return PlanStep::Hold(Held::Clock),
            ClockTrust::Trusted => {}
        }
        let ahead_ms = self.starts_unix_ms.saturating_sub(self.now_unix_ms);
        if self.now_unix_ms >= self.ends_unix_ms {
            PlanStep::Miss
        } else if ahead_ms > COUNT_DOWN_MS {
            PlanStep::Wait
        } else if ahead_ms > 0 {
            PlanStep::CountDown
        } else {
            match self.recorder {
                Recorder::Free => PlanStep::Begin,
                Recorder::Ended => PlanStep::EndUndo,
                Recorder::AtWork => PlanStep::Hold(Held::Recording),
            }
        }
    }
}

/// How long a planned lecture that begins now is recorded, in milliseconds: until its planned
/// end, early or late, but no longer than `longest_ms`. By a clock that cannot be believed, as
/// long as it was planned to last.
pub(crate) fn length_ms(plan: &Plan, now_unix_ms: i64, clock: ClockTrust, longest_ms: u64) -> u64 {
    let from = match clock {
        ClockTrust::Trusted => now_unix_ms,
        ClockTrust::Untrusted => plan.starts_unix_ms,
    };
    u64::try_from(plan.ends_unix_ms.saturating_sub(from))
        .unwrap_or(0)
        .min(longest_ms)
}

/// The conductor's view of what is planned.
#[derive(Clone, Debug, Default)]
pub(crate) struct Agenda {
    /// The next planned lecture and what was last decided about it.
    pub(crate) next: Option<(Plan, PlanStep)>,
    /// Called off at the podium a moment ago; until then, on the monotonic clock, it can be
    /// taken back there.
    pub(crate) called_off: Option<(Plan, u64)>,
    /// Why the last try to begin was in vain, in English.
    pub(crate) hindrance: Option<String>,
    /// The row of [`Agenda::next`] was read and is still true.
    pub(crate) is_read: bool,
    /// Nothing is tried before this, nanoseconds of the monotonic clock.
    pub(crate) again_ns: u64,
}

impl Agenda {
    /// Something about the plans changed: the next look reads them anew.
    pub(crate) const fn look_again(&mut self) {
        self.is_read = false;
        self.again_ns = 0;
    }

    /// Takes over what the rows say.
    pub(crate) fn set(&mut self, next: Option<Plan>) {
        let before = self.next.take();
        let same = next.as_ref().map(|plan| plan.id) == before.as_ref().map(|(plan, _)| plan.id);
        if !same {
            self.hindrance = None;
        }
        let step = before.filter(|_| same).map(|(_, step)| step).unwrap_or_default();
        self.next = next.map(|plan| (plan, step));
        self.is_read = true;
    }
}

#[cfg(test)]
mod tests {
    use lectern_domain::api::Metadata;
    use lectern_domain::ids::LectureId;

    use super::*;

    const HOUR_MS: i64 = 3_600_000;
    /// A lecture from ten to half past eleven.
    const STARTS: i64 = 10 * HOUR_MS;
    const ENDS: i64 = STARTS + 90 * 60_000;

    #[test]
    fn p3_a_planned_lecture_begins_at_its_time_or_as_soon_after_it_as_can_be() {
        use ClockTrust::{Trusted, Untrusted};
        use PlanStep::{Begin, CountDown, EndUndo, Hold, Miss, Wait};
        use Recorder::{AtWork, Ended, Free};
        // The moment after its beginning, the clock, the recorder, and the step.
        let table = [
            (-HOUR_MS, Trusted, Free, Wait),
            (-60_001, Trusted, Free, Wait),
            (-60_000, Trusted, Free, CountDown),
            (-60_000, Trusted, AtWork, CountDown),
            (-1, Trusted, Ended, CountDown),
            (0, Trusted, Free, Begin),
            (0, Trusted, AtWork, Hold(Held::Recording)),
            (0, Trusted, Ended, EndUndo),
            (HOUR_MS, Trusted, Free, Begin),
            (HOUR_MS, Trusted, AtWork, Hold(Held::Recording)),
            (HOUR_MS, Trusted, Ended, EndUndo),
            (ENDS - STARTS - 1, Trusted, Free, Begin),
            (ENDS - STARTS, Trusted, Free, Miss),
            (ENDS - STARTS, Trusted, AtWork, Miss),
            (ENDS - STARTS, Trusted, Ended, Miss),
            (-HOUR_MS, Untrusted, Free, Hold(Held::Clock)),
            (0, Untrusted, Free, Hold(Held::Clock)),
            (0, Untrusted, AtWork, Hold(Held::Clock)),
            (0, Untrusted, Ended, Hold(Held::Clock)),
            (30 * HOUR_MS, Untrusted, Free, Hold(Held::Clock)),
        ];
        for (after_ms, clock, recorder, expected) in table {
            let question = Question {
                starts_unix_ms: STARTS,
                ends_unix_ms: ENDS,
                now_unix_ms: STARTS + after_ms,
                clock,
                recorder,
            };
            assert_eq!(question.step(), expected, "{after_ms} {clock:?} {recorder:?}");
        }
    }

    #[test]
    fn early_and_late_it_ends_when_it_was_planned_to() {
        let plan = Plan {
            id: LectureId::random(),
            metadata: Metadata::default(),
            starts_unix_ms: STARTS,
            ends_unix_ms: ENDS,
        };
        let (planned, longest) = (90 * 60_000, 4 * 3_600_000);
        for (now, clock, length) in [
            (STARTS, ClockTrust::Trusted, planned),
            (STARTS + 600_000, ClockTrust::Trusted, planned - 600_000),
            (STARTS - 600_000, ClockTrust::Trusted, planned + 600_000),
            (STARTS - 8 * HOUR_MS, ClockTrust::Trusted, longest),
            (ENDS + 1, ClockTrust::Trusted, 0),
            (0, ClockTrust::Untrusted, planned),
        ] {
            assert_eq!(length_ms(&plan, now, clock, longest), length, "{now} {clock:?}");
        }
    }
}
