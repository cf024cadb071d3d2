//! Whether a source delivers media for the run, as its spare needs to know. Pure.
//!
//! What counts is chunks, not life signs: a process that answers while its encoder hangs leaves a
//! hole all the same. Judged more quickly than a stall is told to people, because a spare that
//! begins in vain costs a little processor time, and one that begins late costs a picture.

const SECOND_NS: u64 = 1_000_000_000;
/// Chunks come at least every 500 ms, from a still screen too. After this long without one the
/// spare begins; with what its encoder needs to begin, that is within two seconds.
const MISSING_NS: u64 = SECOND_NS;

/// What the supervisor of a source tells the one of its spare. Times are of the monotonic clock,
/// in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// Nothing is asked of it now, or it was asked a moment ago.
    Expected,
    /// Its chunks arrive.
    Flowing,
    /// It should deliver and does not; the last that arrived ended at `reached_ns`.
    Missing { reached_ns: u64 },
}

/// What happens to the media of a source. Times are of the monotonic clock, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pulse {
    /// Its encoder was told to begin.
    Asked,
    /// Its encoder was told to rest.
    Released,
    /// It captured something that nobody asked to encode.
    Captured,
    /// A chunk arrived, of media until then.
    Chunk { end_ns: u64 },
    /// Its process is gone.
    Gone,
    /// Nothing happened; time passed.
    Tick,
}

/// Watches the media of one source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Watch {
    pub(crate) delivery: Delivery,
    /// Since when chunks are asked for.
    asked_ns: Option<u64>,
    /// Until when there is media.
    reached_ns: u64,
    /// Since when it is silent.
    quiet_ns: u64,
}

impl Watch {
    /// A source whose first process is being started.
    pub(crate) const fn new(now_ns: u64) -> Self {
        Self {
            delivery: Delivery::Expected,
            asked_ns: None,
            reached_ns: 0,
            quiet_ns: now_ns,
        }
    }

    /// What is so after `pulse`.
    pub(crate) fn step(mut self, pulse: Pulse, now_ns: u64) -> Self {
        match pulse {
            Pulse::Asked => {
                (self.asked_ns, self.quiet_ns) = (Some(now_ns), now_ns);
                if self.delivery == Delivery::Flowing {
                    self.delivery = Delivery::Expected;
                }
            }
            Pulse::Released => {
                (self.asked_ns, self.quiet_ns) = (None, now_ns);
                if self.delivery == Delivery::Flowing {
                    self.delivery = Delivery::Expected;
                }
            }
            Pulse::Captured if self.is_asked() => {}
            Pulse::Captured => (self.delivery, self.quiet_ns) = (Delivery::Expected, now_ns),
            Pulse::Chunk { end_ns } => {
                (self.reached_ns, self.quiet_ns) = (end_ns, now_ns);
                // What is flushed after a stop says nothing of what is to come.
                if self.is_asked() {
                    self.delivery = Delivery::Flowing;
                }
            }
            Pulse::Gone => self = self.missing(),
            Pulse::Tick if now_ns.saturating_sub(self.quiet_ns) > MISSING_NS => self = self.missing(),
            Pulse::Tick => {}
        }
        self
    }

    /// Whether chunks are asked for.
    pub(crate) const fn is_asked(&self) -> bool {
        self.asked_ns.is_some()
    }

    /// Since when media is missing if it is missing from now on, in nanoseconds of the monotonic
    /// clock.
    pub(crate) fn loss_ns(&self, now_ns: u64) -> u64 {
        self.asked_ns
            .map_or(now_ns, |asked_ns| asked_ns.max(self.reached_ns))
    }

    /// Takes `spent_ns` out of the silence: in that time we did not listen.
    pub(crate) fn excuse(&mut self, spent_ns: u64, now_ns: u64) {
        self.quiet_ns = self.quiet_ns.saturating_add(spent_ns).min(now_ns);
    }

    fn missing(mut self) -> Self {
        match self.delivery {
            Delivery::Expected | Delivery::Flowing => {
                self.delivery = Delivery::Missing {
                    reached_ns: self.reached_ns,
                };
            }
            Delivery::Missing { .. } => {}
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: u64 = SECOND_NS;

    #[test]
    fn p4_a_source_is_missed_a_second_after_its_last_chunk_and_until_its_next() {
        let missing = |reached_ns| Delivery::Missing { reached_ns };
        // When, what, and what is so then: one life, row after row.
        let story = [
            (S, Pulse::Captured, Delivery::Expected),
            (3 * S / 2, Pulse::Tick, Delivery::Expected),
            (3 * S, Pulse::Tick, missing(0)),
            (4 * S, Pulse::Captured, Delivery::Expected),
            (4 * S, Pulse::Asked, Delivery::Expected),
            (5 * S, Pulse::Tick, Delivery::Expected),
            (5 * S + 1, Pulse::Tick, missing(0)),
            (6 * S, Pulse::Captured, missing(0)),
            (7 * S, Pulse::Chunk { end_ns: 6 * S }, Delivery::Flowing),
            (8 * S, Pulse::Tick, Delivery::Flowing),
            (8 * S, Pulse::Captured, Delivery::Flowing),
            (9 * S, Pulse::Tick, missing(6 * S)),
            (9 * S, Pulse::Chunk { end_ns: 8 * S }, Delivery::Flowing),
            // A pause: nothing is asked, nothing is missed, and the last chunks come late.
            (10 * S, Pulse::Released, Delivery::Expected),
            (10 * S, Pulse::Chunk { end_ns: 9 * S }, Delivery::Expected),
            (11 * S, Pulse::Captured, Delivery::Expected),
            (12 * S, Pulse::Captured, Delivery::Expected),
            (13 * S, Pulse::Asked, Delivery::Expected),
            (13 * S, Pulse::Chunk { end_ns: 12 * S }, Delivery::Flowing),
            (13 * S, Pulse::Gone, missing(12 * S)),
            // A new process lives, and has to deliver before it is trusted.
            (14 * S, Pulse::Asked, missing(12 * S)),
            (14 * S, Pulse::Gone, missing(12 * S)),
            (15 * S, Pulse::Asked, missing(12 * S)),
            (16 * S, Pulse::Chunk { end_ns: 15 * S }, Delivery::Flowing),
            (17 * S, Pulse::Gone, missing(15 * S)),
            (18 * S, Pulse::Released, missing(15 * S)),
            (19 * S, Pulse::Captured, Delivery::Expected),
        ];
        let mut watch = Watch::new(0);
        for (row, (now_ns, pulse, delivery)) in story.into_iter().enumerate() {
            watch = watch.step(pulse, now_ns);
            assert_eq!(watch.delivery, delivery, "row {row}: {pulse:?}");
        }
    }

    #[test]
    fn p4_a_slow_disk_calls_no_spare() {
        let mut watch = Watch::new(0)
            .step(Pulse::Asked, S)
            .step(Pulse::Chunk { end_ns: S }, S);
        watch.excuse(10 * S, 11 * S);
        assert_eq!(watch.step(Pulse::Tick, 12 * S).delivery, Delivery::Flowing);
        assert_ne!(watch.step(Pulse::Tick, 13 * S).delivery, Delivery::Flowing);
    }
}
