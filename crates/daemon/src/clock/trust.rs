//! The judgement of the wall clock, without a clock: readings in, changes out.

use lectern_domain::api::ClockTrust;

/// A smaller jump is a time server's fine work: nobody reads dates to the second.
const STEP_MS: i64 = 2_000;

/// One look at the clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reading {
    /// Wall clock, milliseconds since 1970.
    pub(crate) unix_ms: i64,
    /// `CLOCK_BOOTTIME` in nanoseconds: it counts a suspended machine's time too, so that waking
    /// up is not taken for a set clock.
    pub(crate) boot_ns: u64,
    /// A time server has set the clock since the boot.
    pub(crate) synchronised: bool,
}

impl Reading {
    /// The wall clock's lead over the clock that nobody sets.
    fn lead_ms(&self) -> i64 {
        let up_ms = i64::try_from(self.boot_ns / 1_000_000).unwrap_or(i64::MAX);
        self.unix_ms.saturating_sub(up_ms)
    }
}

/// What a look found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// The clock went to a time that cannot be right. Times on record stay as they are.
    Lost,
    /// It can be believed, and differs from what times on record were made with, or could not
    /// be believed before: they are to be corrected.
    Set {
        /// How much later than before it is, in milliseconds.
        by_ms: i64,
    },
}

/// Watches the clock from look to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Watch {
    /// No right clock shows an earlier time.
    floor_unix_ms: i64,
    trust: ClockTrust,
    /// The lead that times on record were made with.
    lead_ms: i64,
}

impl Watch {
    /// `floor_unix_ms`: the latest of the times that are known to be past.
    pub(crate) fn new(reading: Reading, floor_unix_ms: i64) -> Self {
        Self {
            floor_unix_ms,
            trust: judge(reading, floor_unix_ms),
            lead_ms: reading.lead_ms(),
        }
    }

    /// Whether the clock could be believed at the last look.
    pub(crate) fn trust(&self) -> ClockTrust {
        self.trust
    }

    /// Looks again.
    pub(crate) fn look(&mut self, reading: Reading) -> Option<Change> {
        let before = std::mem::replace(&mut self.trust, judge(reading, self.floor_unix_ms));
        let by_ms = reading.lead_ms().saturating_sub(self.lead_ms);
        match (before, self.trust) {
            (ClockTrust::Trusted, ClockTrust::Untrusted) => Some(Change::Lost),
            (ClockTrust::Untrusted, ClockTrust::Untrusted) => None,
            (ClockTrust::Trusted, ClockTrust::Trusted) if by_ms.abs() < STEP_MS => None,
            (ClockTrust::Trusted | ClockTrust::Untrusted, ClockTrust::Trusted) => {
                self.lead_ms = reading.lead_ms();
                Some(Change::Set { by_ms })
            }
        }
    }
}

fn judge(reading: Reading, floor_unix_ms: i64) -> ClockTrust {
    if reading.synchronised || reading.unix_ms.saturating_add(STEP_MS) >= floor_unix_ms {
        ClockTrust::Trusted
    } else {
        ClockTrust::Untrusted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;
    const BUILT: i64 = 1_780_000_000_000;
    const NOW: i64 = BUILT + 1_000 * HOUR;

    fn at(unix_ms: i64, up_s: u64) -> Reading {
        Reading {
            unix_ms,
            boot_ns: up_s * 1_000_000_000,
            synchronised: false,
        }
    }

    #[test]
    fn p3_steps_are_noticed_whatever_their_size_and_direction() {
        for (step, change) in [
            (0, None),
            (1_900, None),
            (-1_900, None),
            (2_000, Some(Change::Set { by_ms: 2_000 })),
            (-HOUR, Some(Change::Set { by_ms: -HOUR })),
            (5 * HOUR, Some(Change::Set { by_ms: 5 * HOUR })),
            (-NOW, Some(Change::Lost)),
        ] {
            let mut watch = Watch::new(at(NOW, 100), BUILT);
            assert_eq!(watch.look(at(NOW + 10_000, 110)), None, "time passes");
            assert_eq!(watch.look(at(NOW + 20_000 + step, 120)), change, "{step}");
            assert_eq!(watch.look(at(NOW + 30_000 + step, 130)), None, "told once");
        }
    }

    #[test]
    fn p3_a_clock_of_1970_is_not_believed_until_it_is_set() {
        let mut watch = Watch::new(at(5_000, 5), BUILT);
        assert_eq!(watch.trust(), ClockTrust::Untrusted);
        assert_eq!(watch.look(at(65_000, 65)), None);
        let change = watch.look(at(NOW, 70));
        assert_eq!(change, Some(Change::Set { by_ms: NOW - 70_000 }));
        assert_eq!(watch.trust(), ClockTrust::Trusted);
    }

    #[test]
    fn a_clock_behind_the_last_recording_is_not_believed_unless_a_server_set_it() {
        let recorded = NOW + 48 * HOUR;
        let mut watch = Watch::new(at(NOW, 100), recorded);
        assert_eq!(watch.trust(), ClockTrust::Untrusted);
        let told = Reading {
            synchronised: true,
            ..at(NOW + 1_000, 101)
        };
        assert_eq!(
            watch.look(told),
            Some(Change::Set { by_ms: 0 }),
            "runs so far are to be marked as right"
        );
        assert_eq!(watch.trust(), ClockTrust::Trusted);
    }

    #[test]
    fn a_step_to_nonsense_and_back_leaves_times_as_they_were() {
        let mut watch = Watch::new(at(NOW, 100), BUILT);
        assert_eq!(watch.look(at(0, 101)), Some(Change::Lost));
        assert_eq!(watch.look(at(1_000, 102)), None);
        // What was begun meanwhile has a wrong time and is put right.
        assert_eq!(watch.look(at(NOW + 3_000, 103)), Some(Change::Set { by_ms: 0 }));
    }

    #[test]
    fn slow_drift_and_a_suspended_machine_are_no_steps() {
        let mut watch = Watch::new(at(NOW, 100), BUILT);
        let suspended = 9 * HOUR;
        assert_eq!(watch.look(at(NOW + suspended, 100 + 9 * 3_600)), None);
    }
}
