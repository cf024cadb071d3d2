//! The clocks of this crate, in one place, and the guard that names slow steps.
//!
//! Durations come from the monotonic clock only; the wall clock is written into rows and never
//! subtracted. Nothing else here may ask the system for the time.

use std::time::{Duration, Instant};

use nix::time::{ClockId, clock_gettime};

/// A step of the disk or the database that takes longer is logged.
const SLOW: Duration = Duration::from_secs(1);

/// The monotonic clock, for timers.
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// `CLOCK_MONOTONIC` in milliseconds: comparable with what other threads and rooms read.
pub(crate) fn mono_ms() -> u64 {
    mono_ns() / 1_000_000
}

/// `CLOCK_MONOTONIC` in nanoseconds: what the bases of runs are counted on.
pub(crate) fn mono_ns() -> u64 {
    let time = clock_gettime(ClockId::CLOCK_MONOTONIC).expect("Linux always has CLOCK_MONOTONIC");
    let seconds = u64::try_from(time.tv_sec()).unwrap_or(0);
    let nanos = u64::try_from(time.tv_nsec()).unwrap_or(0);
    seconds.saturating_mul(1_000_000_000).saturating_add(nanos)
}

/// The kernel's id of this boot: monotonic times of one boot can be compared. Where the kernel
/// does not tell, a random one, which equals no other.
pub(crate) fn boot_id() -> String {
    match std::fs::read_to_string("/proc/sys/kernel/random/boot_id") {
        Ok(id) => id.trim().to_owned(),
        Err(error) => {
            tracing::warn!(%error, "the kernel's boot id could not be read; gaps are told by the wall clock");
            uuid::Uuid::new_v4().hyphenated().to_string()
        }
    }
}

/// The wall clock in milliseconds since 1970, for rows that a person reads.
pub(crate) fn wall_unix_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

/// Logs a warning with its place when it is dropped after more than a second.
pub(crate) struct SlowGuard {
    place: &'static str,
    since: Instant,
}

impl SlowGuard {
    /// Begins to measure `place`, a few words such as `"fsync of a segment"`.
    pub(crate) fn new(place: &'static str) -> Self {
        Self { place, since: now() }
    }
}

impl Drop for SlowGuard {
    fn drop(&mut self) {
        let took = now().duration_since(self.since);
        if took > SLOW {
            let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
            tracing::warn!(place = self.place, took_ms, "a storage step was slow");
        }
    }
}
