//! What the metrics tell beside the status: counts that no page needs. No document of the API.

use crate::lecture::LectureState;

/// Counts of one recorder. Those of [`Figures::attempts`] and [`Figures::outcomes`] begin at 0
/// with each start of the daemon, as counters of Prometheus may.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// What the database says; `None` when it could not be asked.
    pub census: Option<Census>,
    /// How attempts to deliver ended.
    pub attempts: AttemptCounts,
    /// What became of lectures.
    pub outcomes: OutcomeCounts,
}

/// What the database says of all lectures, and of the daemon's own lives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// Lectures in each state; a state that no lecture is in may be left out.
    pub lectures: Vec<(LectureState, u64)>,
    /// When the last planned lecture should have begun of which nothing was recorded.
    pub missed_unix_ms: Option<i64>,
    /// Since when the lecture waits that waits longest to be finished and sent, the ones that
    /// need a person included.
    pub waits_since_unix_ms: Option<i64>,
    /// Starts of the daemon on this spool, the present one included.
    pub starts: u64,
    /// Those of them whose life did not end in good order: a crash, a watchdog, a power cut.
    pub crashes: u64,
}

/// How attempts to deliver a lecture to a platform ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AttemptCounts {
    /// The platform confirmed all of it.
    pub done: u64,
    /// It is tried again by itself.
    pub waiting: u64,
    /// It gave its turn to others, or its hours ended.
    pub interrupted: u64,
    /// The platform refuses everybody.
    pub refused: u64,
    /// It needs a person.
    pub parked: u64,
    /// It broke off by a fault of ours.
    pub broken: u64,
}

/// What became of lectures, and how long finishing them took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutcomeCounts {
    /// Recorded and finished.
    pub finished: u64,
    /// Recorded, and could not be finished.
    pub failed: u64,
    /// Planned, and nothing was recorded.
    pub missed: u64,
    /// Milliseconds that finishing took, over all that were finished.
    pub finishing_ms: u64,
    /// Milliseconds of lecture that were finished in that time.
    pub finished_ms: u64,
    /// Milliseconds that the last one took.
    pub last_finishing_ms: u64,
}
