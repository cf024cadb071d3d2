//! The gaps between two runs: where they lie in the lecture, how long nothing was recorded, and
//! when that was, as far as the clocks can be believed.

use jiff::tz::TimeZone;
use lectern_domain::api::ClockTrust;

use crate::job::RunInput;
use crate::timeline::Timeline;
use crate::words::{Words, times_of_day};

/// One gap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outage {
    /// Where the recording before it ends, in nanoseconds of the lecture.
    pub(crate) from_ns: i64,
    /// Where the recording after it begins; the same without a card.
    pub(crate) to_ns: i64,
    /// When the recording ended and when it went on, where both clocks were right.
    pub(crate) wall_ms: Option<(i64, i64)>,
    /// How long nothing was recorded, in milliseconds.
    pub(crate) length_ms: Option<u64>,
}

impl Outage {
    /// What a card says of it: `Interrupted` and what is known, in a line of its own.
    pub(crate) fn text(&self, words: &Words, zone: &TimeZone) -> String {
        let times = self.wall_ms.and_then(|(from, to)| times_of_day(from, to, zone));
        let long = self.length_ms.map(|ms| words.length(ms));
        match (times, long) {
            (Some(times), Some(long)) => format!("{}\n{times} ({long})", words.interrupted()),
            (Some(known), None) | (None, Some(known)) => format!("{}\n{known}", words.interrupted()),
            (None, None) => words.interrupted(),
        }
    }
}

/// Wall time of a moment of a run, in milliseconds since 1970; `None` when its clock is not to be
/// believed.
pub(crate) fn wall_ms(run: &RunInput, run_ns: i64) -> Option<i64> {
    match run.clock {
        ClockTrust::Trusted => run.started_unix_ms?.checked_add(run_ns / 1_000_000),
        ClockTrust::Untrusted => None,
    }
}

/// The gaps between the runs of the lecture.
pub(crate) fn outages(timeline: &Timeline, runs: &[RunInput]) -> Vec<Outage> {
    let joints = timeline.kept.windows(2).filter_map(|pair| match pair {
        [before, after] if before.run != after.run => Some((before, after)),
        _ => None,
    });
    joints
        .filter_map(|(before, after)| {
            let (last, next) = (runs.get(before.run)?, runs.get(after.run)?);
            let wall = wall_ms(last, before.to_ns).zip(wall_ms(next, after.from_ns));
            let wall = wall.filter(|(from, to)| from <= to);
            // Between other runs that left nothing, only the clocks know.
            let measured = next.gap_before_ms.filter(|_| after.run == before.run + 1);
            let by_clock = || wall.and_then(|(from, to)| u64::try_from(to - from).ok());
            Some(Outage {
                from_ns: before.at_ns + before.len_ns(),
                to_ns: after.at_ns,
                wall_ms: wall,
                length_ms: measured.or_else(by_clock),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use lectern_domain::ids::RunNumber;

    use super::*;
    use crate::timeline::Kept;

    const MS: i64 = 1_000_000;

    fn run(number: u32, started_unix_ms: i64, clock: ClockTrust, gap_before_ms: Option<u64>) -> RunInput {
        RunInput {
            started_unix_ms: Some(started_unix_ms),
            clock,
            gap_before_ms,
            ..RunInput::unknown(RunNumber(number))
        }
    }

    fn text(second: RunInput) -> String {
        let part = |run, at| Kept {
            run,
            from_ns: 1_000 * MS,
            to_ns: 11_000 * MS,
            at_ns: at * MS,
        };
        let timeline = Timeline {
            kept: vec![part(0, 0), part(1, 12_000)],
            ..Timeline::default()
        };
        let runs = [run(1, 1_795_000_000_000, ClockTrust::Trusted, None), second];
        let found = outages(&timeline, &runs);
        assert_eq!((found[0].from_ns, found[0].to_ns), (10_000 * MS, 12_000 * MS));
        found[0].text(&Words::of("en"), &TimeZone::UTC)
    }

    #[test]
    fn a_card_says_what_is_known() {
        let trusted = ClockTrust::Trusted;
        let later = 1_795_000_000_000 + 10_000 + 312_000;
        assert_eq!(
            text(run(2, later, trusted, None)),
            "Interrupted\n11:06–11:12 (5 min 12 s)"
        );
        assert_eq!(
            text(run(2, later, trusted, Some(300_000))),
            "Interrupted\n11:06–11:12 (5 min)"
        );
        assert_eq!(
            text(run(2, later, ClockTrust::Untrusted, Some(300_000))),
            "Interrupted\n5 min"
        );
        assert_eq!(text(run(2, later, ClockTrust::Untrusted, None)), "Interrupted");
        assert_eq!(
            text(run(2, 0, trusted, None)),
            "Interrupted",
            "a clock that went back"
        );
    }
}
