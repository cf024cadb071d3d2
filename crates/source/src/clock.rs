//! The one clock of a recording, and how its nanoseconds become the ticks of a track.
//!
//! `CLOCK_MONOTONIC` is GStreamer's system clock and the daemon's base of a run, so a stamp of
//! this process means the same moment in every other. A track counts time in ticks; stamps are
//! rounded *up* to the nanosecond in which their tick begins, because the muxer rounds down and
//! would otherwise lose a tick now and then. Nothing here sleeps or blocks.

use nix::time::{ClockId, clock_gettime};

/// Nanoseconds of a second.
pub(crate) const SECOND_NS: u64 = 1_000_000_000;

/// Ticks a second of a picture track: every usual picture rate divides it.
pub(crate) const VIDEO_TICKS: u32 = 90_000;

/// Samples, and ticks, a second of a sound track.
pub(crate) const SOUND_TICKS: u32 = 48_000;

/// `CLOCK_MONOTONIC` now, in nanoseconds.
pub(crate) fn now_ns() -> u64 {
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC).expect("Linux always has a monotonic clock");
    let whole = u64::try_from(now.tv_sec()).expect("the monotonic clock began at zero");
    let part = u64::try_from(now.tv_nsec()).expect("nanoseconds are never negative");
    whole * SECOND_NS + part
}

/// The tick nearest to `ns` on a scale of `rate` ticks a second.
pub(crate) fn to_ticks(ns: u64, rate: u32) -> u64 {
    let ticks = (u128::from(ns) * u128::from(rate) + u128::from(SECOND_NS / 2)) / u128::from(SECOND_NS);
    u64::try_from(ticks).expect("ticks are coarser than nanoseconds")
}

/// The first nanosecond at or after the beginning of `tick`.
pub(crate) fn from_ticks(tick: u64, rate: u32) -> u64 {
    let ns = (u128::from(tick) * u128::from(SECOND_NS)).div_ceil(u128::from(rate));
    u64::try_from(ns).expect("a recording is shorter than 500 years")
}

/// `ns` moved to the nearest tick of a picture track.
pub(crate) fn snap_picture(ns: u64) -> u64 {
    from_ticks(to_ticks(ns, VIDEO_TICKS), VIDEO_TICKS)
}

/// The beginning of picture `index` at `fps` pictures a second, in nanoseconds.
pub(crate) fn picture_start(index: u64, fps: u32) -> u64 {
    from_ticks(index, fps.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the muxer does: round down.
    fn muxer_ticks(ns: u64, rate: u32) -> u64 {
        u64::try_from(u128::from(ns) * u128::from(rate) / u128::from(SECOND_NS)).unwrap()
    }

    #[test]
    fn a_tick_survives_the_muxers_rounding() {
        for rate in [VIDEO_TICKS, SOUND_TICKS, 30, 7] {
            for tick in (0..5_000).chain([1 << 36, (1 << 36) + 1]) {
                assert_eq!(
                    muxer_ticks(from_ticks(tick, rate), rate),
                    tick,
                    "{tick} at {rate}"
                );
                assert_eq!(to_ticks(from_ticks(tick, rate), rate), tick, "{tick} at {rate}");
            }
        }
    }

    #[test]
    fn pictures_on_a_grid_keep_one_distance() {
        for fps in [5, 15, 24, 25, 30, 50, 60] {
            let ticks: Vec<u64> = (0..500)
                .map(|k| muxer_ticks(snap_picture(picture_start(k, fps)), VIDEO_TICKS))
                .collect();
            let apart = u64::from(VIDEO_TICKS / fps);
            assert!(ticks.windows(2).all(|pair| pair[1] - pair[0] == apart), "{fps}");
        }
    }

    #[test]
    fn the_clock_goes_forward() {
        let first = now_ns();
        assert!(now_ns() >= first && first > 0);
    }
}
