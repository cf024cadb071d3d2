//! What is counted for the metrics while the daemon lives: how deliveries ended and what became
//! of lectures. Shared by the tasks that see it happen; each count stands alone, so none waits.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use lectern_deliver::{CourierError, Outcome};
use lectern_domain::api::{AttemptCounts, OutcomeCounts};

/// The counts, from 0 at each start.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    done: AtomicU64,
    waiting: AtomicU64,
    interrupted: AtomicU64,
    refused: AtomicU64,
    parked: AtomicU64,
    broken: AtomicU64,
    finished: AtomicU64,
    failed: AtomicU64,
    missed: AtomicU64,
    finishing_ms: AtomicU64,
    finished_ms: AtomicU64,
    last_finishing_ms: AtomicU64,
}

impl Counts {
    /// An attempt to deliver ended.
    pub(crate) fn attempted(&self, outcome: &Result<Outcome, CourierError>) {
        let count = match outcome {
            Ok(Outcome::Done) => &self.done,
            Ok(Outcome::Waiting { .. }) => &self.waiting,
            Ok(Outcome::Deferred | Outcome::Stopped) => &self.interrupted,
            Ok(Outcome::Refused { .. }) => &self.refused,
            Ok(Outcome::Parked { .. }) => &self.parked,
            Err(_) => &self.broken,
        };
        count.fetch_add(1, Relaxed);
    }

    /// A lecture of `duration_ms` was finished in `took_ms`.
    pub(crate) fn finished(&self, duration_ms: u64, took_ms: u64) {
        self.finished.fetch_add(1, Relaxed);
        self.finished_ms.fetch_add(duration_ms, Relaxed);
        self.finishing_ms.fetch_add(took_ms, Relaxed);
        self.last_finishing_ms.store(took_ms, Relaxed);
    }

    /// A lecture could not be finished.
    pub(crate) fn failed(&self) {
        self.failed.fetch_add(1, Relaxed);
    }

    /// Nothing was recorded of a planned lecture.
    pub(crate) fn missed(&self) {
        self.missed.fetch_add(1, Relaxed);
    }

    /// How attempts ended so far.
    pub(crate) fn attempts(&self) -> AttemptCounts {
        AttemptCounts {
            done: self.done.load(Relaxed),
            waiting: self.waiting.load(Relaxed),
            interrupted: self.interrupted.load(Relaxed),
            refused: self.refused.load(Relaxed),
            parked: self.parked.load(Relaxed),
            broken: self.broken.load(Relaxed),
        }
    }

    /// What became of lectures so far.
    pub(crate) fn outcomes(&self) -> OutcomeCounts {
        OutcomeCounts {
            finished: self.finished.load(Relaxed),
            failed: self.failed.load(Relaxed),
            missed: self.missed.load(Relaxed),
            finishing_ms: self.finishing_ms.load(Relaxed),
            finished_ms: self.finished_ms.load(Relaxed),
            last_finishing_ms: self.last_finishing_ms.load(Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_end_of_an_attempt_has_its_own_count() {
        let counts = Counts::default();
        for outcome in [
            Outcome::Done,
            Outcome::Deferred,
            Outcome::Stopped,
            Outcome::Refused { why: String::new() },
            Outcome::Parked { why: String::new() },
        ] {
            counts.attempted(&Ok(outcome));
        }
        let expected = AttemptCounts {
            done: 1,
            interrupted: 2,
            refused: 1,
            parked: 1,
            ..AttemptCounts::default()
        };
        assert_eq!(counts.attempts(), expected);
        counts.finished(3_000_000, 20_000);
        counts.finished(600_000, 5_000);
        let outcomes = counts.outcomes();
        assert_eq!((outcomes.finished, outcomes.finished_ms), (2, 3_600_000));
        assert_eq!(
            (outcomes.finishing_ms, outcomes.last_finishing_ms),
            (25_000, 5_000)
        );
    }
}
