//! A line to try the pilot on: one queue before a narrow part, a class that fills it like cubic
//! does, and our sender as the kernel paces it. In steps of a millisecond; nothing is left to
//! chance but jitter, which has a fixed seed.

use std::collections::VecDeque;
use std::time::Duration;

use super::{Pilot, Sample, State, TICK};

const MSS: f64 = 1448.0;
const STEP_S: f64 = 0.001;

/// How the narrow part queues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Queue {
    /// One for all, in order of arrival.
    Shared,
    /// One for each flow, served in turn.
    PerFlow,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whose {
    Ours,
    Class,
}

/// The line and all who use it.
pub(super) struct Sim {
    pub(super) pilot: Pilot,
    pub(super) base_s: f64,
    pub(super) jitter_s: f64,
    /// Our sender has nothing to send for this part of each 300 ms.
    pub(super) gaps: f64,
    pub(super) ceiling: f64,
    rate: f64,
    line: f64,
    buffer: f64,
    queue: Queue,
    queued: VecDeque<(Whose, f64, f64)>,
    /// Bytes of it, ours and the class's.
    waiting: [f64; 2],
    /// Bytes that we were served more than the class, while both waited.
    ahead: f64,
    /// What arrives at our end: when, bytes, and the round trip time it shows.
    acks: VecDeque<(f64, f64, f64)>,
    acked: f64,
    srtt_s: f64,
    deviation_s: f64,
    least_s: f64,
    allowed: f64,
    pub(super) now_s: f64,
    next_tick_s: f64,
    class: Option<Class>,
    pub(super) ours: f64,
    pub(super) theirs: f64,
    seed: u64,
}

/// A greedy sender of the class.
struct Class {
    window: f64,
    slow_start_until: f64,
    flying: f64,
    acks: VecDeque<(f64, f64)>,
    cut_until_s: f64,
}

impl Sim {
    /// A line of `mbit` with a buffer of `buffer_ms` and a round trip time of `base_ms`.
    pub(super) fn new(mbit: f64, buffer_ms: f64, base_ms: f64, remembered_ms: Option<f64>) -> Self {
        let remembered_us = remembered_ms.map(|ms| (ms * 1000.0) as u64);
        let line = mbit * 1e6 / 8.0;
        Self {
            pilot: Pilot::new(remembered_us, Duration::ZERO),
            base_s: base_ms / 1000.0,
            jitter_s: 0.0,
            gaps: 0.0,
            ceiling: f64::INFINITY,
            rate: super::FIRST,
            line,
            buffer: line * buffer_ms / 1000.0,
            queue: Queue::Shared,
            queued: VecDeque::new(),
            waiting: [0.0; 2],
            ahead: 0.0,
            acks: VecDeque::new(),
            acked: 0.0,
            srtt_s: 0.0,
            deviation_s: 0.0,
            least_s: f64::INFINITY,
            allowed: 0.0,
            now_s: 0.0,
            next_tick_s: 0.0,
            class: None,
            ours: 0.0,
            theirs: 0.0,
            seed: 7,
        }
    }

    pub(super) fn queueing(mut self, queue: Queue) -> Self {
        self.queue = queue;
        self
    }

    /// The narrow part becomes narrower; the buffer keeps its bytes.
    pub(super) fn narrow_to(&mut self, mbit: f64) {
        self.line = mbit * 1e6 / 8.0;
    }

    /// Nothing of ours until the ceiling is lifted.
    pub(super) fn rate_of_nobody(&mut self) {
        (self.ceiling, self.rate) = (0.0, 0.0);
    }

    pub(super) fn class_begins(&mut self) {
        self.class = Some(Class {
            window: 10.0 * MSS,
            slow_start_until: f64::INFINITY,
            flying: 0.0,
            acks: VecDeque::new(),
            cut_until_s: 0.0,
        });
    }

    pub(super) fn class_ends(&mut self) {
        self.class = None;
    }

    /// Runs for `seconds`; returns the part of the line that we and that the class got.
    pub(super) fn run(&mut self, seconds: f64) -> (f64, f64) {
        let (ours, theirs, end) = (self.ours, self.theirs, self.now_s + seconds);
        while self.now_s < end {
            self.step();
        }
        let most = self.line * seconds;
        ((self.ours - ours) / most, (self.theirs - theirs) / most)
    }

    /// Runs until `done`, and returns how many seconds that took; at most `limit_s`.
    pub(super) fn run_until(&mut self, limit_s: f64, done: impl Fn(&Self) -> bool) -> f64 {
        let begun = self.now_s;
        while !done(self) && self.now_s - begun < limit_s {
            self.step();
        }
        self.now_s - begun
    }

    /// Seconds that a byte of ours waits now.
    pub(super) fn queue_s(&self) -> f64 {
        (self.waiting[0] + self.waiting[1]).max(0.0) / self.line
    }

    pub(super) fn state(&self) -> State {
        self.pilot.state()
    }

    pub(super) fn rate_part(&self) -> f64 {
        self.rate / self.line
    }

    fn step(&mut self) {
        self.now_s += STEP_S;
        self.send();
        self.serve();
        self.confirm();
        if self.now_s >= self.next_tick_s {
            self.next_tick_s += TICK.as_secs_f64();
            let sample = Sample {
                rtt_us: (self.srtt_s * 1e6) as u64,
                deviation_us: (self.deviation_s * 1e6) as u64,
                least_rtt_us: if self.least_s.is_finite() {
                    (self.least_s * 1e6) as u64
                } else {
                    0
                },
                acked_bytes: self.acked as u64,
                unsent_bytes: if self.pausing() { 0 } else { 65536 },
                in_flight: true,
            };
            self.rate = self
                .pilot
                .step(&sample, Duration::from_secs_f64(self.now_s), self.ceiling);
        }
    }

    fn pausing(&self) -> bool {
        self.now_s % 0.3 < self.gaps * 0.3
    }

    fn send(&mut self) {
        let mut sent = Vec::new();
        if !self.pausing() {
            self.allowed += self.rate * STEP_S;
            // The kernel sends whole segments.
            let segments = (self.allowed / MSS).floor() * MSS;
            self.allowed -= segments;
            sent.push((Whose::Ours, segments));
        }
        if let Some(class) = &mut self.class {
            let free = (class.window - class.flying).max(0.0);
            class.flying += free;
            sent.push((Whose::Class, free));
        }
        for (whose, bytes) in sent.into_iter().filter(|(_, bytes)| *bytes > 0.0) {
            let queued = match self.queue {
                Queue::Shared => self.waiting[0] + self.waiting[1],
                Queue::PerFlow => self.waiting[whose as usize],
            };
            let kept = bytes.min(self.buffer - queued).max(0.0);
            if kept > 0.0 {
                self.queued.push_back((whose, kept, self.now_s));
                self.waiting[whose as usize] += kept;
            }
            if let Some(class) = self
                .class
                .as_mut()
                .filter(|_| whose == Whose::Class && kept < bytes)
            {
                class.flying -= bytes - kept;
                if self.now_s > class.cut_until_s {
                    class.window *= 0.7;
                    class.slow_start_until = class.window;
                    class.cut_until_s = self.now_s + self.base_s + self.buffer / self.line;
                }
            }
        }
    }

    /// The narrow part lets a millisecond's worth through.
    fn serve(&mut self) {
        let mut most = self.line * STEP_S;
        while most > 0.0 && !self.queued.is_empty() {
            let wanted = if self.ahead <= 0.0 {
                Whose::Ours
            } else {
                Whose::Class
            };
            let at = match self.queue {
                Queue::Shared => 0,
                Queue::PerFlow => self
                    .queued
                    .iter()
                    .position(|(whose, ..)| *whose == wanted)
                    .unwrap_or(0),
            };
            let (whose, bytes, since) = self.queued[at];
            let share = match self.queue {
                Queue::Shared => most,
                Queue::PerFlow => most.min(MSS),
            };
            let part = bytes.min(share);
            most -= part;
            self.waiting[whose as usize] -= part;
            if self.waiting[1 - whose as usize] < 1.0 {
                self.ahead = 0.0;
            } else {
                self.ahead += if whose == Whose::Ours { part } else { -part };
            }
            if part < bytes {
                self.queued[at].1 -= part;
            } else {
                self.queued.remove(at);
            }
            self.seed = self
                .seed
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            let chance = (self.seed >> 33) as f64 / (1u64 << 31) as f64;
            let rtt = self.now_s - since + self.base_s + chance * self.jitter_s;
            let at_s = self.now_s + self.base_s;
            match (whose, &mut self.class) {
                (Whose::Ours, _) => {
                    self.ours += part;
                    self.acks.push_back((at_s, part, rtt));
                }
                (Whose::Class, Some(class)) => {
                    self.theirs += part;
                    class.acks.push_back((at_s, part));
                }
                (Whose::Class, None) => {}
            }
        }
    }

    /// What has come back reaches the senders.
    fn confirm(&mut self) {
        while let Some((_, bytes, rtt)) = self.acks.pop_front_if(|(at, ..)| *at <= self.now_s) {
            self.acked += bytes;
            self.least_s = self.least_s.min(rtt);
            if self.srtt_s == 0.0 {
                (self.srtt_s, self.deviation_s) = (rtt, rtt / 2.0);
            }
            self.deviation_s += ((rtt - self.srtt_s).abs() - self.deviation_s) / 4.0;
            self.srtt_s += (rtt - self.srtt_s) / 8.0;
        }
        let Some(class) = &mut self.class else { return };
        while let Some((_, bytes)) = class.acks.pop_front_if(|(at, _)| *at <= self.now_s) {
            class.flying -= bytes;
            class.window += match class.window < class.slow_start_until {
                true => bytes,
                // About as fast as cubic on such a line.
                false => 4.0 * MSS * bytes / class.window,
            };
        }
    }
}
