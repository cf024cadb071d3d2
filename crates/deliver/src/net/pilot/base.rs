//! The round trip time of the empty line, which nobody can measure while somebody sends.
//!
//! It is the least that was seen; it may come from an earlier connection or an earlier day. A line
//! may become longer for good, and then the least is wrong: it is given up when the line is long
//! but steady for a minute (a queue of others is never steady), or after half an hour at the
//! latest.

use std::time::Duration;

use super::super::socket::Sample;

/// As good as the least itself: pacing alone lets a round trip time differ by this.
const SAME_US: u64 = 3_000;
/// How much a line without a queue may sway.
const STEADY_US: u64 = 5_000;
/// How long it must be steady to be believed.
const STEADY_FOR: Duration = Duration::from_secs(60);
/// Nothing that was not seen again for so long is believed.
const BELIEVED_FOR: Duration = Duration::from_secs(30 * 60);

/// What is believed of the empty line. Times count from any fixed moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Base {
    us: Option<u64>,
    seen: Duration,
    /// The kernel's own least, when it changed last.
    kernels_us: u64,
    /// The least since `seen`.
    lately_us: u64,
    steady: Steady,
}

#[derive(Clone, Copy, Debug)]
struct Steady {
    since: Duration,
    low_us: u64,
    high_us: u64,
}

impl Base {
    /// Begins with what an earlier connection knew.
    pub(super) fn new(remembered_us: Option<u64>, now: Duration) -> Self {
        Self {
            us: remembered_us,
            seen: now,
            kernels_us: 0,
            lately_us: u64::MAX,
            steady: Steady::at(now, 0),
        }
    }

    /// In microseconds; 0 before anything is known.
    pub(super) fn us(&self) -> u64 {
        self.us.unwrap_or(0)
    }

    /// How long ago the line was last seen empty.
    pub(super) fn age(&self, now: Duration) -> Duration {
        now.saturating_sub(self.seen)
    }

    /// Learns from a sample; `held_back` while nothing of ours can be in the queue.
    pub(super) fn learn(&mut self, sample: &Sample, now: Duration, held_back: bool) {
        // The kernel remembers for minutes: only a change is news.
        let news = (sample.least_rtt_us != self.kernels_us && sample.least_rtt_us > 0)
            .then_some(sample.least_rtt_us);
        self.kernels_us = sample.least_rtt_us;
        let rtt = sample.rtt_us;
        // A mean below the least proves the least wrong.
        let least = news.unwrap_or(rtt).min(rtt);
        if self.us.is_none_or(|us| least < us) {
            self.settle(least, now);
        } else if self.us.is_some_and(|us| rtt <= us + SAME_US.max(us / 20)) {
            self.seen = now;
            self.lately_us = u64::MAX;
        }
        self.lately_us = self.lately_us.min(rtt);
        self.steady = match held_back {
            true => self.steady.with(rtt, now),
            false => Steady::at(now, rtt),
        };
        if now.saturating_sub(self.steady.since) >= STEADY_FOR {
            self.settle(self.steady.low_us, now);
        } else if self.age(now) >= BELIEVED_FOR {
            self.settle(self.lately_us, now);
        }
    }

    /// Takes `us` for the empty line's from now on.
    pub(super) fn settle(&mut self, us: u64, now: Duration) {
        self.us = Some(us);
        self.seen = now;
        self.lately_us = u64::MAX;
        self.steady = Steady::at(now, us);
    }
}

impl Steady {
    fn at(now: Duration, us: u64) -> Self {
        Self {
            since: now,
            low_us: us,
            high_us: us,
        }
    }

    fn with(self, us: u64, now: Duration) -> Self {
        let (low_us, high_us) = (self.low_us.min(us), self.high_us.max(us));
        if high_us - low_us <= STEADY_US.max(low_us / 20) {
            Self {
                since: self.since,
                low_us,
                high_us,
            }
        } else {
            Self::at(now, us)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(rtt_ms: u64, least_ms: u64) -> Sample {
        Sample {
            rtt_us: rtt_ms * 1000,
            least_rtt_us: least_ms * 1000,
            ..Sample::default()
        }
    }

    /// Feeds one sample every 20 ms from second `from` to `to`.
    fn feed(base: &mut Base, from: u64, to: u64, held_back: bool, at: impl Fn(u64) -> Sample) {
        for tick in from * 50..to * 50 {
            base.learn(&at(tick), Duration::from_millis(tick * 20), held_back);
        }
    }

    #[test]
    fn the_least_counts_and_an_earlier_one_is_believed() {
        let mut base = Base::new(None, Duration::ZERO);
        assert_eq!(base.us(), 0);
        feed(&mut base, 0, 1, false, |_| sample(40, 25));
        assert_eq!(base.us(), 25_000);
        feed(&mut base, 1, 2, false, |_| sample(40, 21));
        assert_eq!(base.us(), 21_000);
        let mut late = Base::new(Some(20_000), Duration::ZERO);
        feed(&mut late, 0, 100, false, |_| sample(220, 150));
        assert_eq!(late.us(), 20_000, "a queue that was there before us");
        assert_eq!(late.age(Duration::from_secs(100)), Duration::from_secs(100));
        feed(&mut late, 100, 101, false, |_| sample(22, 21));
        assert!(late.age(Duration::from_secs(101)) < Duration::from_millis(50));
    }

    #[test]
    fn a_line_that_became_longer_is_found_by_its_steadiness_and_a_queue_is_not() {
        let mut base = Base::new(Some(20_000), Duration::ZERO);
        // A sawtooth of somebody's queue, between 150 and 300 ms.
        feed(&mut base, 0, 900, true, |tick| sample(150 + tick % 150, 20));
        assert_eq!(base.us(), 20_000);
        feed(&mut base, 900, 961, true, |tick| sample(50 + tick % 3, 20));
        assert_eq!(base.us(), 50_000);
        // The kernel still remembers the shorter line: no news.
        feed(&mut base, 961, 962, false, |_| sample(51, 20));
        assert_eq!(base.us(), 50_000);
        // It was not longer after all: at the lowest rate a peer may confirm late.
        feed(&mut base, 962, 963, false, |_| sample(30, 20));
        assert_eq!(base.us(), 30_000);
    }

    #[test]
    fn nothing_is_believed_for_ever() {
        let mut base = Base::new(Some(20_000), Duration::ZERO);
        feed(&mut base, 0, 1801, true, |tick| sample(150 + tick % 150, 20));
        assert_eq!(base.us(), 150_000);
    }
}
