//! Whether the wall clock can be believed, and what follows when it is set.
//!
//! Lengths, orders, the time to undo and planned ends come from the monotonic clock and never
//! from here. The wall clock names folders, tells people when a lecture was, and decides after a
//! reboot how long the machine was off; a dead battery, 1970 or a time server that steps it by
//! hours must spoil none of that. Everything is kept in UTC: no change to summer time shows.
//!
//! What is read: the two clocks, and the file that systemd-timesyncd makes once a time server has
//! answered. Chrony and ntpd leave no such file; with them the clock is believed as soon as it
//! shows a time that can be right, and a step that they make is noticed like any other.

mod trust;

use std::path::Path;

use lectern_capture::clock::{boottime_ns, monotonic_ns, unix_ms};

pub(crate) use trust::{Change, Reading, Watch};

/// There since a time server answered systemd-timesyncd, until the next boot.
const SYNCHRONISED: &str = "/run/systemd/timesync/synchronized";
/// The two clocks since the boot are read one after the other; a suspension takes longer.
const SUSPENDED_NS: u64 = 1_000_000_000;
/// The builder's clock may have been ahead by this much.
const BUILDER_AHEAD_MS: i64 = 24 * 60 * 60 * 1000;

/// Looks at the clocks. Does not block: the marker lies in memory.
pub(crate) fn read() -> Reading {
    Reading {
        unix_ms: unix_ms(),
        boot_ns: boottime_ns(),
        synchronised: Path::new(SYNCHRONISED).exists(),
    }
}

/// For how long the machine was suspended since its boot, in nanoseconds; 0 if it was not.
pub(crate) fn suspended_ns() -> u64 {
    let monotonic_ns = monotonic_ns();
    match boottime_ns().saturating_sub(monotonic_ns) {
        0..SUSPENDED_NS => 0,
        suspended_ns => suspended_ns,
    }
}

/// The earliest time that the clock can rightly show, in milliseconds since 1970: this program
/// was built then.
pub(crate) fn built_unix_ms() -> i64 {
    let built_s: i64 = env!("LECTERN_BUILT_UNIX_S").parse().unwrap_or(0);
    built_s.saturating_mul(1000).saturating_sub(BUILDER_AHEAD_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_clocks_and_this_program_a_date() {
        let reading = read();
        assert!(reading.boot_ns > 0);
        assert!(suspended_ns() < reading.boot_ns);
        assert!(built_unix_ms() > 1_700_000_000_000, "{}", built_unix_ms());
    }
}
