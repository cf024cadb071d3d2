//! A run as the database knows it, and what was lost before it.
//!
//! Lengths come from the monotonic clock where both runs belong to one boot of the kernel (the
//! daemon alone had died), and from the wall clock only where it could be believed, or was
//! corrected since, at both. Where neither holds, nobody can tell, and no number is made up.

use std::str::FromStr;

use lectern_domain::api::ClockTrust;
use lectern_domain::ids::RunNumber;
use rusqlite::Connection;
use serde::{Deserialize, Serialize};

use super::document::{Track, list};
use super::rows::{get_text, get_uint, get_uint_opt};

/// Nanoseconds of a millisecond.
pub(crate) const NS_PER_MS: u64 = 1_000_000;

/// Whether the wall clock of a run's beginning can be believed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RunClock {
    /// It could when the run began.
    #[default]
    Trusted,
    /// It could not, and has not been corrected yet.
    Untrusted,
    /// It was computed anew once the clock was right.
    Corrected,
}

impl RunClock {
    const ALL: [Self; 3] = [Self::Trusted, Self::Untrusted, Self::Corrected];

    /// The text in the database and in `lecture.json`.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Trusted => "trusted",
            Self::Untrusted => "untrusted",
            Self::Corrected => "corrected",
        }
    }

    /// The same for people: a corrected time is as good as one that was right.
    pub(crate) const fn trust(self) -> ClockTrust {
        match self {
            Self::Trusted | Self::Corrected => ClockTrust::Trusted,
            Self::Untrusted => ClockTrust::Untrusted,
        }
    }
}

impl From<ClockTrust> for RunClock {
    fn from(trust: ClockTrust) -> Self {
        match trust {
            ClockTrust::Trusted => Self::Trusted,
            ClockTrust::Untrusted => Self::Untrusted,
        }
    }
}

impl FromStr for RunClock {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL
            .into_iter()
            .find(|clock| clock.as_str() == text)
            .ok_or(())
    }
}

/// One run with its pauses, in order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Run {
    pub(crate) run: RunNumber,
    pub(crate) base_mono_ns: u64,
    pub(crate) started_unix_ms: i64,
    pub(crate) end_ns: Option<u64>,
    /// Of the kernel; unknown for runs of version 1.
    #[serde(default)]
    pub(crate) boot_id: Option<String>,
    #[serde(default)]
    pub(crate) clock: RunClock,
    /// Heartbeat; in `lecture.json` as old as the text.
    #[serde(default)]
    pub(crate) seen_ns: u64,
    /// What was lost between the run before and this one. Computed, never stored in a row.
    #[serde(default)]
    pub(crate) gap_before_ms: Option<u64>,
    pub(crate) pauses: Vec<(u64, Option<u64>)>,
}

/// The runs of a lecture whose tracks are known, in order.
pub(super) fn load(connection: &Connection, lecture: &str, tracks: &[Track]) -> rusqlite::Result<Vec<Run>> {
    let mut runs = list(
        connection,
        "SELECT * FROM runs WHERE lecture = ?1 ORDER BY run",
        lecture,
        |row| {
            Ok(Run {
                run: RunNumber(row.get("run")?),
                base_mono_ns: get_uint(row, "base_mono_ns")?,
                started_unix_ms: row.get("started_unix_ms")?,
                end_ns: get_uint_opt(row, "end_ns")?,
                boot_id: row.get("boot_id")?,
                clock: get_text(row, "clock")?,
                seen_ns: get_uint(row, "seen_ns")?,
                gap_before_ms: None,
                pauses: Vec::new(),
            })
        },
    )?;
    for run in &mut runs {
        run.pauses = connection
            .prepare_cached(
                "SELECT from_ns, to_ns FROM pauses WHERE lecture = ?1 AND run = ?2 ORDER BY from_ns",
            )?
            .query_map(rusqlite::params![lecture, run.run.0], |row| {
                Ok((get_uint(row, "from_ns")?, get_uint_opt(row, "to_ns")?))
            })?
            .collect::<rusqlite::Result<_>>()?;
    }
    for next in 1..runs.len() {
        let before = &runs[next - 1];
        let gap = gap_ms(before, end_of(before, tracks), &runs[next]);
        runs[next].gap_before_ms = gap;
    }
    Ok(runs)
}

/// Last media of a run in the rows of its segments, nanoseconds of the run.
pub(crate) fn last_media_ns(run: RunNumber, tracks: &[Track]) -> Option<u64> {
    tracks
        .iter()
        .flat_map(|track| &track.segments)
        .filter(|segment| segment.run == run)
        .map(|segment| segment.end_ns)
        .max()
}

/// Where a run ended: at its stop, else with its last media.
fn end_of(run: &Run, tracks: &[Track]) -> u64 {
    run.end_ns.or_else(|| last_media_ns(run.run, tracks)).unwrap_or(0)
}

/// Milliseconds between the end of one run, `end_ns` of its own time, and the base of the next.
fn gap_ms(before: &Run, end_ns: u64, next: &Run) -> Option<u64> {
    let same_boot = before.boot_id.is_some() && before.boot_id == next.boot_id;
    if same_boot {
        let ended = before.base_mono_ns.saturating_add(end_ns);
        return Some(next.base_mono_ns.saturating_sub(ended) / NS_PER_MS);
    }
    let believed = |run: &Run| run.clock.trust() == ClockTrust::Trusted;
    if !(believed(before) && believed(next)) {
        return None;
    }
    let end_ms = i64::try_from(end_ns / NS_PER_MS).ok()?;
    let ended = before.started_unix_ms.saturating_add(end_ms);
    u64::try_from(next.started_unix_ms.saturating_sub(ended)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(boot: Option<&str>, base_mono_ns: u64, started_unix_ms: i64, clock: RunClock) -> Run {
        Run {
            run: RunNumber(1),
            base_mono_ns,
            started_unix_ms,
            end_ns: None,
            boot_id: boot.map(str::to_owned),
            clock,
            seen_ns: 0,
            gap_before_ms: None,
            pauses: Vec::new(),
        }
    }

    #[test]
    fn p3_a_gap_is_told_by_a_clock_that_can_know_it_or_not_at_all() {
        use RunClock::{Corrected as C, Trusted as T, Untrusted as U};
        let (a, b) = (Some("a"), Some("b"));
        // Before: boot, clock. Next: boot, monotonic base in ms, wall in ms, clock. The run
        // before began at 1 000 on both clocks and ended 500 ms later.
        let table = [
            ("daemon crashed", a, T, a, 4_000, 9_999, T, Some(2_500)),
            (
                "the clock does not matter then",
                a,
                U,
                a,
                4_000,
                -5,
                U,
                Some(2_500),
            ),
            ("runs that touch", a, T, a, 1_400, 0, T, Some(0)),
            ("power cut", a, T, b, 7, 61_500, T, Some(60_000)),
            ("power cut, corrected", a, C, b, 7, 61_500, C, Some(60_000)),
            ("wrong after the cut", a, T, b, 7, 61_500, U, None),
            ("wrong before the cut", a, U, b, 7, 61_500, T, None),
            ("back in time", a, T, b, 7, 900, T, None),
            ("boots of version 1", None, T, None, 7, 61_500, T, Some(60_000)),
        ];
        for (name, boot, clock, next_boot, base_ms, wall, next_clock, expected) in table {
            let before = run(boot, 1_000 * NS_PER_MS, 1_000, clock);
            let next = run(next_boot, base_ms * NS_PER_MS, wall, next_clock);
            assert_eq!(gap_ms(&before, 500 * NS_PER_MS, &next), expected, "{name}");
        }
    }
}
