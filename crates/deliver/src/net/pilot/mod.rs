//! Decides how fast to send, so that the line is used and nobody else on it notices (P9).
//!
//! Every other sender fills the queue before the narrowest part of the line, and a queue is delay.
//! So the delay beyond the empty line's tells it all: alone, we keep a queue of 15 ms, which shows
//! that the line is full; when it grows longer than our own sending explains, somebody else is
//! there, and we all but stop until the queue has been empty for a while. Rates are bytes a second
//! of payload. Pure: no clock, no socket; times count from any fixed moment.
//!
//! Where others leave no trace in our delay (a line that queues each flow by itself), we get at
//! most the fair share that the line gives.

mod base;
#[cfg(test)]
mod sim;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::time::Duration;

use super::socket::Sample;
use base::Base;

/// How often a sample is to be given.
pub(super) const TICK: Duration = Duration::from_millis(20);

/// The longest time without a sample for which the rate may grow. A machine that slept, or a piece
/// that was long in coming, has learnt nothing about the line meanwhile; by its doublings alone it
/// would leave without any bound.
const GROWS_FOR: Duration = Duration::from_millis(100);
/// More than any line here, in every state: a number that the kernel and the arithmetic can take.
const MOST: f64 = 100e9 / 8.0;

/// The rate of the first bytes: two segments in a round trip, little for any line of that length.
const FIRST: f64 = 1e6 / 8.0;
const FIRST_MOST: f64 = 100e6 / 8.0;
const FIRST_BYTES: f64 = 2.0 * 1448.0;
/// Never less, so that round trip times keep coming.
const FLOOR_LEAST: f64 = 64e3 / 8.0;
const FLOOR_MOST: f64 = 250e3 / 8.0;
/// The part of the line's rate that the floor may take.
const FLOOR_PART: f64 = 1.0 / 40.0;

/// The queue that we keep of our own, on a line that does not jitter.
const TARGET_US: f64 = 15_000.0;
/// The queue that betrays somebody else, on a line that does not jitter.
const LIMIT_US: f64 = 40_000.0;
/// A line that jitters more than this is taken for one that jitters this much.
const JITTER_MOST_US: f64 = 30_000.0;
/// How long jitter is averaged.
const JITTER_OVER: Duration = Duration::from_secs(5);

/// How strongly the rate follows the queue.
const GAIN: f64 = 0.1;
/// Over which the delivered rate is taken.
const DELIVERED_OVER: Duration = Duration::from_millis(450);
/// What is too short to be a rate.
const DELIVERED_LEAST: Duration = Duration::from_millis(100);
/// After a change of course this many round trips tell of the former course.
const GRACE_TRIPS: u32 = 2;
/// A rate that was found without being measured is taken for this part of it.
const UNSURE: f64 = 0.8;

/// The line must have been quiet this long before we come back; doubled each time that was wrong.
const HOLD_FIRST: Duration = Duration::from_secs(1);
const HOLD_MOST: Duration = Duration::from_secs(8);
/// A return that lasted no longer than this was wrong.
const WRONG_WITHIN: Duration = Duration::from_secs(5);
/// What each wrong return leaves of the rate to return to: a line that became slower for good is
/// found in minutes. Not sooner, because a line that queues each flow by itself looks the same.
const WRONG_PART: f64 = 0.97;
/// A return ends here at the latest.
const BACK_MOST: Duration = Duration::from_secs(5);
/// Doubling time of a return.
const BACK_DOUBLES: f64 = 0.2;
/// A return stops short of the rate that was good before.
const BACK_TO: f64 = 0.85;

/// The empty line is looked at anew when it was not seen for so long.
const BASE_STALE: Duration = Duration::from_secs(120);
/// For which this part of the rate is enough, and two round trips, but not less than this.
const MEASURE_PART: f64 = 0.25;
const MEASURE_LEAST: Duration = Duration::from_millis(250);

/// What it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Looking for the line's rate, from below.
    Start,
    /// The line is full, and the queue is our own.
    Run,
    /// Nearly silent until `until`, to see the empty line.
    Measure { until: Duration },
    /// Others use the line; `quiet` is since when they seem to have left.
    Yield { quiet: Option<Duration> },
    /// Coming back since `since`.
    Back { since: Duration },
}

/// What one sample says to the state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Signs {
    /// The queue is nearly as long as we want our own to be.
    full: bool,
    /// The queue is longer than ours can be.
    crowded: bool,
    /// The queue is no longer than ours.
    quiet: bool,
    /// The line delivers much less than we would send.
    outrun: bool,
    /// The rate that was good before is nearly reached.
    regained: bool,
    /// The empty line was not seen for long.
    stale: bool,
}

impl State {
    /// The state after a sample. `hold` is how long the line must be quiet, `look` how long a
    /// measurement takes.
    fn step(self, signs: Signs, now: Duration, hold: Duration, look: Duration) -> Self {
        match self {
            Self::Start if signs.full || signs.outrun => Self::Run,
            Self::Start => Self::Start,
            Self::Run if signs.crowded => Self::Yield { quiet: None },
            Self::Run if signs.stale => Self::Measure { until: now + look },
            Self::Run => Self::Run,
            Self::Measure { until } if now < until => self,
            Self::Measure { .. } if signs.quiet => Self::Run,
            Self::Measure { .. } => Self::Yield { quiet: None },
            Self::Yield { .. } if !signs.quiet => Self::Yield { quiet: None },
            Self::Yield { quiet } => match quiet.unwrap_or(now) {
                since if now.saturating_sub(since) >= hold => Self::Back { since: now },
                since => Self::Yield { quiet: Some(since) },
            },
            Self::Back { .. } if signs.crowded => Self::Yield { quiet: None },
            Self::Back { since } if signs.regained || now.saturating_sub(since) >= BACK_MOST => Self::Run,
            Self::Back { .. } => self,
        }
    }
}

/// One connection's steering.
#[derive(Clone, Debug)]
pub(super) struct Pilot {
    state: State,
    base: Base,
    delivered: Delivered,
    rate: f64,
    /// The rate that the line lately gave us alone.
    good: f64,
    jitter_us: f64,
    /// Samples in a row that showed a crowded line.
    over: u32,
    /// Samples in a row that showed a line slower than we.
    behind: u32,
    /// Whether a round trip time was seen.
    begun: bool,
    hold: Duration,
    returned: Option<Duration>,
    grace: Duration,
    last: Duration,
}

impl Pilot {
    /// Begins at `now` with what is known of the empty line, in microseconds.
    pub(super) fn new(remembered_us: Option<u64>, now: Duration) -> Self {
        Self {
            state: State::Start,
            base: Base::new(remembered_us, now),
            delivered: Delivered::default(),
            rate: FIRST,
            good: FIRST,
            jitter_us: 0.0,
            over: 0,
            behind: 0,
            begun: false,
            hold: HOLD_FIRST,
            returned: None,
            grace: now,
            last: now,
        }
    }

    /// Takes a sample and says how many bytes a second may leave from now on, at most `ceiling`.
    pub(super) fn step(&mut self, sample: &Sample, now: Duration, ceiling: f64) -> f64 {
        let dt = now.saturating_sub(self.last).as_secs_f64();
        self.last = now;
        if sample.rtt_us == 0 {
            return self.rate.min(ceiling);
        }
        if !self.begun {
            self.begun = true;
            let first = FIRST_BYTES * 1e6 / sample.rtt_us as f64;
            self.rate = self.rate.max(first.clamp(FIRST, FIRST_MOST));
        }
        let held_back = matches!(self.state, State::Yield { .. });
        self.base.learn(sample, now, held_back);
        let weight = (dt / JITTER_OVER.as_secs_f64()).min(1.0);
        self.jitter_us += weight * ((sample.deviation_us as f64).min(JITTER_MOST_US) - self.jitter_us);
        if now >= self.grace {
            self.delivered.take(sample, now);
        }

        let queue_us = sample.rtt_us.saturating_sub(self.base.us()) as f64;
        let fill = (queue_us / self.target_us()).min(4.0);
        let signs = self.signs(queue_us, fill, sample, now);
        let look = (Duration::from_micros(2 * sample.rtt_us)).max(MEASURE_LEAST);
        let next = self.state.step(signs, now, self.hold, look);
        if std::mem::discriminant(&next) != std::mem::discriminant(&self.state) {
            self.enter(next, sample, now);
        }
        self.state = next;
        self.set_rate(fill, sample, now, dt.min(GROWS_FOR.as_secs_f64()));
        let ceiling = ceiling.min(MOST);
        let floor = self.floor().min(ceiling);
        self.rate = self.rate.clamp(floor, ceiling);
        match self.state {
            State::Measure { .. } => (self.rate * MEASURE_PART).max(floor),
            State::Start | State::Run | State::Yield { .. } | State::Back { .. } => self.rate,
        }
    }

    pub(super) fn state(&self) -> State {
        self.state
    }

    /// The empty line's round trip time, in microseconds; 0 before it is known.
    pub(super) fn base_us(&self) -> u64 {
        self.base.us()
    }

    /// How long ago the line was last seen empty.
    pub(super) fn base_age(&self, now: Duration) -> Duration {
        self.base.age(now)
    }

    /// A line that jitters shows a queue that is none: twice its mean deviation.
    fn target_us(&self) -> f64 {
        TARGET_US.max(10_000.0 + 2.0 * self.jitter_us)
    }

    fn limit_us(&self) -> f64 {
        LIMIT_US.max(4.0 * self.jitter_us)
    }

    fn floor(&self) -> f64 {
        (self.good * FLOOR_PART).clamp(FLOOR_LEAST, FLOOR_MOST)
    }

    fn signs(&mut self, queue_us: f64, fill: f64, sample: &Sample, now: Duration) -> Signs {
        let limit_us = self.limit_us();
        self.over = if queue_us > limit_us { self.over + 1 } else { 0 };
        let outrun = self.delivered.rate().is_some_and(|rate| rate < 0.6 * self.rate);
        self.behind = if outrun { self.behind + 1 } else { 0 };
        // What we sent faster than the line gives is seen only after a round trip.
        let seen_after = Duration::from_micros(4 * sample.rtt_us) + DELIVERED_OVER;
        Signs {
            full: fill > 0.75,
            crowded: self.over >= 2 || queue_us > 2.0 * limit_us,
            quiet: fill < 1.0,
            outrun: TICK * self.behind >= seen_after,
            regained: self.rate >= BACK_TO * self.good,
            stale: self.base.age(now) >= BASE_STALE,
        }
    }

    /// What a change of state does once.
    fn enter(&mut self, next: State, sample: &Sample, now: Duration) {
        match (self.state, next) {
            (_, State::Start) => {}
            (State::Start, State::Run) => {
                let rate = self.delivered.rate().unwrap_or(self.rate * UNSURE);
                (self.rate, self.good) = (rate, rate);
            }
            (State::Measure { .. }, State::Run) => {
                // Nothing of ours was in the queue: this is the empty line, longer or not. What
                // jitter adds to the mean is none of it.
                let empty = sample.rtt_us.saturating_sub((2.0 * self.jitter_us) as u64);
                self.base.settle(empty.max(self.base.us()), now);
            }
            (_, State::Run) => {
                self.rate = self.rate.min(BACK_TO * self.good);
            }
            (_, State::Measure { .. }) => {}
            (_, State::Yield { .. }) => {
                let wrong = self
                    .returned
                    .is_some_and(|at| now.saturating_sub(at) < WRONG_WITHIN);
                if wrong {
                    self.hold = (self.hold * 2).min(HOLD_MOST);
                    self.good *= WRONG_PART;
                } else {
                    self.hold = HOLD_FIRST;
                }
            }
            (_, State::Back { .. }) => self.returned = Some(now),
        }
        self.grace = now + GRACE_TRIPS * Duration::from_micros(sample.rtt_us);
        self.delivered.forget();
        (self.over, self.behind) = (0, 0);
    }

    /// What each sample does to the rate.
    fn set_rate(&mut self, fill: f64, sample: &Sample, now: Duration, dt: f64) {
        // Who has nothing to send learns nothing about the line.
        let limited_by_us = sample.unsent_bytes > 0;
        match self.state {
            State::Start if limited_by_us => self.rate *= (dt / start_doubles(sample.rtt_us)).exp2(),
            State::Back { .. } if limited_by_us && fill < 0.75 => self.rate *= (dt / BACK_DOUBLES).exp2(),
            State::Yield { .. } => self.rate = self.floor(),
            State::Run => {
                let delivered = self.delivered.rate();
                let unknown = delivered.is_none() && now >= self.grace;
                if limited_by_us && fill < 0.5 && (unknown || self.rate < 0.8 * self.good) {
                    self.rate *= 1.25_f64.powf(dt / 0.1);
                } else if let Some(delivered) = delivered {
                    let followed = delivered.max(self.rate / 2.0) * (1.0 + GAIN * (1.0 - fill));
                    // Where no queue is, less was delivered because less was sent.
                    self.rate = if fill < 0.5 {
                        followed.max(self.rate)
                    } else {
                        followed
                    };
                } else if fill > 1.0 {
                    self.rate *= 1.0 + GAIN * (1.0 - fill);
                }
                if let Some(delivered) = delivered.filter(|_| fill < 1.5) {
                    self.good = delivered.max(self.good * (1.0 - 0.02 * dt));
                }
            }
            State::Start | State::Back { .. } | State::Measure { .. } => {}
        }
    }
}

/// How long the rate takes to double at the start, in seconds. What is sent too fast is seen only
/// after a round trip, so a short line can be tried more boldly.
fn start_doubles(rtt_us: u64) -> f64 {
    (16.0 * rtt_us as f64 / 1e6).clamp(0.06, 0.31)
}

/// The rate at which the peer confirms, over spans in which there was always something to send.
#[derive(Clone, Debug, Default)]
struct Delivered {
    /// When and how many bytes; bounded by [`DELIVERED_OVER`] and the rate of samples.
    seen: VecDeque<(Duration, u64)>,
    /// Confirmed bytes when the span began, until the first confirmation in it.
    before: Option<u64>,
}

impl Delivered {
    fn take(&mut self, sample: &Sample, now: Duration) {
        if sample.unsent_bytes == 0 {
            return self.forget();
        }
        // A span begins when its first byte is confirmed, not when it leaves.
        let before = *self.before.get_or_insert(sample.acked_bytes);
        if sample.acked_bytes == before && self.seen.is_empty() {
            return;
        }
        self.seen.push_back((now, sample.acked_bytes));
        while let Some((at, _)) = self.seen.front()
            && now.saturating_sub(*at) > DELIVERED_OVER
        {
            self.seen.pop_front();
        }
    }

    fn forget(&mut self) {
        self.seen.clear();
        self.before = None;
    }

    /// Bytes a second; `None` while the span is too short to tell.
    fn rate(&self) -> Option<f64> {
        let ((from, first), (to, last)) = (self.seen.front()?, self.seen.back()?);
        let span = to.saturating_sub(*from);
        (span >= DELIVERED_LEAST).then(|| last.saturating_sub(*first) as f64 / span.as_secs_f64())
    }
}
