//! The clocks, read in one place.
//!
//! Lengths and orders come from the monotonic clock alone, which no NTP step moves; it is also
//! the clock that the sources stamp with. The wall clock is for people.

use nix::time::{ClockId, clock_gettime};

/// `CLOCK_MONOTONIC` in nanoseconds: the clock of GStreamer's system clock, hence of all media.
///
/// # Panics
/// Never on Linux: the clock exists and is past zero.
#[must_use]
pub fn monotonic_ns() -> u64 {
    nanoseconds(ClockId::CLOCK_MONOTONIC).expect("the monotonic clock is always there and positive")
}

/// `CLOCK_BOOTTIME` in nanoseconds: as [`monotonic_ns`], but it counts the time in which the
/// machine was suspended too, as the wall clock does.
///
/// # Panics
/// Never on Linux: the clock exists and is past zero.
#[must_use]
pub fn boottime_ns() -> u64 {
    nanoseconds(ClockId::CLOCK_BOOTTIME).expect("the clock since the boot is always there and positive")
}

/// The wall clock in milliseconds since 1970; a clock before 1970 reads as 0.
#[must_use]
pub fn unix_ms() -> i64 {
    let ns = nanoseconds(ClockId::CLOCK_REALTIME).unwrap_or(0);
    i64::try_from(ns / 1_000_000).unwrap_or(i64::MAX)
}

fn nanoseconds(clock: ClockId) -> Option<u64> {
    let time = clock_gettime(clock).ok()?;
    let seconds = u64::try_from(time.tv_sec()).ok()?;
    let rest = u64::try_from(time.tv_nsec()).ok()?;
    seconds.checked_mul(1_000_000_000)?.checked_add(rest)
}
