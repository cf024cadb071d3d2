//! The life of a lecture, as one pure function.
//!
//! ```text
//! scheduled ─► armed ─► recording ◄─► paused          armed ─► failed
//!                 └────────┴───────────┴─► stopping ─► captured ─► finishing ─► finished
//!                                 ▲ undo ──────┘                       └─► failed ─► captured (retry)
//! crash: armed | recording | paused | stopping ─► interrupted ─► recording | paused | captured
//! finished ─► delivering ─► delivered ─► purged        scheduled ◄─► cancelled
//! scheduled ─► failed (missed)
//! ```
//! [`LectureState::step`] knows no clock and no disk. It answers with what is to be done; the
//! conductor does it, in order, and commits the new state before it does anything that cannot be
//! taken back.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where a lecture stands. The text form is the public name, in the database, JSON and metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LectureState {
    /// Planned for a time to come.
    Scheduled,
    /// The sources were told to encode; nothing has arrived yet.
    Armed,
    /// Picture or sound is being written.
    Recording,
    /// Nothing is being written, on purpose.
    Paused,
    /// Stopped; the stop can be undone until its time is over, then the last segments close.
    Stopping,
    /// The daemon or the power died in the middle; being decided at the start of the daemon.
    Interrupted,
    /// All segments are closed; waits to be finished.
    Captured,
    /// The finished files are being made.
    Finishing,
    /// The finished files are on the disk, with their hashes.
    Finished,
    /// At least one platform has begun to take it.
    Delivering,
    /// Every platform has confirmed it.
    Delivered,
    /// Deleted here after every platform confirmed it and the time to keep it passed.
    Purged,
    /// Needs a person; everything that was recorded is kept.
    Failed,
    /// Will not take place.
    Cancelled,
}

/// What can happen to a lecture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LectureEvent {
    /// The record button, or the timetable.
    Arm,
    /// The first chunk of any track reached the spool.
    FirstChunk,
    /// No source delivered anything in time.
    NothingArrived,
    /// Pause pressed.
    Pause,
    /// Resume pressed.
    Resume,
    /// Stop pressed, the planned end reached, or the daemon shuts down in good order.
    Stop,
    /// The stop was taken back in time; `paused` if it was paused when it was stopped.
    Undo {
        /// Whether to go back to a pause: a paused lecture must not begin to record by itself.
        paused: bool,
    },
    /// Somebody needs more time to take the stop back.
    MoreTime,
    /// The time to undo is over.
    GraceOver,
    /// Every segment of every track is closed.
    AllClosed,
    /// Found in a state of recording when the daemon started.
    Crash,
    /// An interrupted lecture goes on: its time is not over.
    RecordOn {
        /// It was paused when it was interrupted, and stays so.
        paused: bool,
    },
    /// An interrupted lecture does not go on: its time is over.
    GiveUp,
    /// The finisher began.
    FinishStarted,
    /// The finished files are durable and their rows committed.
    FinishDone,
    /// Finishing failed; the reason is kept with the lecture.
    FinishFailed,
    /// The daemon died while finishing: begin again.
    FinishLost,
    /// A person asks to finish a failed lecture again.
    Retry,
    /// The first delivery began.
    DeliveryStarted,
    /// Every delivery is done.
    AllDelivered,
    /// Its local files are gone.
    Purge,
    /// A person called it off before it began.
    Cancel,
    /// The calling off was taken back.
    Restore,
    /// Its whole time passed without a recording: the recorder was off or busy.
    Miss,
}

/// What the conductor must do because of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LectureAction {
    /// Commit a new run and tell every source to encode on its base time.
    OpenRun,
    /// Close the gate to the disk at this moment and remember the moment.
    CloseGate,
    /// Open the gate to the disk at the next key frames.
    OpenGate,
    /// Keep arriving chunks in memory: they are wanted only if the stop is undone.
    HoldInMemory,
    /// Keep them for longer: the time to undo begins anew.
    HoldLonger,
    /// Write what was kept in memory and go on.
    WriteHeld,
    /// Drop what was kept in memory, drain the sources, close every segment.
    EndRun,
    /// Hand the lecture to the finisher.
    Finish,
    /// Make one delivery for each configured platform, and begin them.
    Deliver,
}

/// A transition that the state does not allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a lecture that is {} cannot take {event:?}", state.as_str())]
pub struct RefusedLecture {
    /// The state that refused.
    pub state: LectureState,
    /// What it refused.
    pub event: LectureEvent,
}

impl LectureState {
    /// Every state, in the order of a life.
    pub const ALL: [Self; 14] = [
        Self::Scheduled,
        Self::Armed,
        Self::Recording,
        Self::Paused,
        Self::Stopping,
        Self::Interrupted,
        Self::Captured,
        Self::Finishing,
        Self::Finished,
        Self::Delivering,
        Self::Delivered,
        Self::Purged,
        Self::Failed,
        Self::Cancelled,
    ];

    /// The public name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Armed => "armed",
            Self::Recording => "recording",
            Self::Paused => "paused",
            Self::Stopping => "stopping",
            Self::Interrupted => "interrupted",
            Self::Captured => "captured",
            Self::Finishing => "finishing",
            Self::Finished => "finished",
            Self::Delivering => "delivering",
            Self::Delivered => "delivered",
            Self::Purged => "purged",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether sources are at work for it.
    #[must_use]
    pub const fn holds_sources(self) -> bool {
        matches!(
            self,
            Self::Armed | Self::Recording | Self::Paused | Self::Stopping
        )
    }

    /// The state after `event`, and what must be done.
    ///
    /// # Errors
    /// [`RefusedLecture`] when the state does not allow it; nothing changes then.
    pub const fn step(self, event: LectureEvent) -> Result<(Self, &'static [LectureAction]), RefusedLecture> {
        use LectureAction as A;
        use LectureEvent as E;
        let refused = Err(RefusedLecture { state: self, event });
        let next: (Self, &'static [A]) = match event {
            E::Arm => match self {
                Self::Scheduled => (Self::Armed, &[A::OpenRun]),
                _ => return refused,
            },
            E::FirstChunk => match self {
                Self::Armed => (Self::Recording, &[]),
                // A chunk that was on its way when somebody was quicker.
                Self::Recording | Self::Paused | Self::Stopping => (self, &[]),
                _ => return refused,
            },
            E::NothingArrived => match self {
                Self::Armed => (Self::Failed, &[A::EndRun]),
                _ => return refused,
            },
            E::Pause => match self {
                Self::Armed | Self::Recording => (Self::Paused, &[A::CloseGate]),
                _ => return refused,
            },
            E::Resume => match self {
                Self::Paused => (Self::Recording, &[A::OpenGate]),
                _ => return refused,
            },
            E::Stop => match self {
                Self::Armed | Self::Recording | Self::Paused => (Self::Stopping, &[A::HoldInMemory]),
                _ => return refused,
            },
            E::Undo { paused } => match self {
                Self::Stopping if paused => (Self::Paused, &[A::CloseGate]),
                Self::Stopping => (Self::Recording, &[A::WriteHeld]),
                _ => return refused,
            },
            E::MoreTime => match self {
                Self::Stopping => (Self::Stopping, &[A::HoldLonger]),
                _ => return refused,
            },
            E::GraceOver => match self {
                Self::Stopping => (Self::Stopping, &[A::EndRun]),
                _ => return refused,
            },
            E::AllClosed => match self {
                Self::Stopping => (Self::Captured, &[A::Finish]),
                // The sources of a lecture that never began have been put to rest.
                Self::Failed => (Self::Failed, &[]),
                _ => return refused,
            },
            E::Crash => match self {
                Self::Armed | Self::Recording | Self::Paused | Self::Stopping | Self::Interrupted => {
                    (Self::Interrupted, &[])
                }
                _ => return refused,
            },
            E::RecordOn { paused } => match self {
                Self::Interrupted if paused => (Self::Paused, &[A::OpenRun, A::CloseGate]),
                Self::Interrupted => (Self::Armed, &[A::OpenRun]),
                _ => return refused,
            },
            E::GiveUp => match self {
                Self::Interrupted => (Self::Captured, &[A::Finish]),
                _ => return refused,
            },
            E::FinishStarted => match self {
                Self::Captured => (Self::Finishing, &[]),
                _ => return refused,
            },
            E::FinishDone => match self {
                Self::Finishing => (Self::Finished, &[A::Deliver]),
                _ => return refused,
            },
            E::FinishFailed => match self {
                Self::Finishing => (Self::Failed, &[]),
                _ => return refused,
            },
            E::FinishLost => match self {
                Self::Finishing | Self::Captured => (Self::Captured, &[A::Finish]),
                _ => return refused,
            },
            E::Retry => match self {
                Self::Failed => (Self::Captured, &[A::Finish]),
                _ => return refused,
            },
            E::DeliveryStarted => match self {
                Self::Finished | Self::Delivering => (Self::Delivering, &[]),
                _ => return refused,
            },
            E::AllDelivered => match self {
                Self::Finished | Self::Delivering => (Self::Delivered, &[]),
                _ => return refused,
            },
            E::Purge => match self {
                Self::Delivered => (Self::Purged, &[]),
                _ => return refused,
            },
            E::Cancel => match self {
                Self::Scheduled => (Self::Cancelled, &[]),
                _ => return refused,
            },
            E::Restore => match self {
                Self::Cancelled => (Self::Scheduled, &[]),
                _ => return refused,
            },
            E::Miss => match self {
                Self::Scheduled => (Self::Failed, &[]),
                _ => return refused,
            },
        };
        Ok(next)
    }
}

impl std::fmt::Display for LectureState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a state's text was not understood: a database or a request of another version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a state of a lecture")]
pub struct UnknownState(pub String);

impl std::str::FromStr for LectureState {
    type Err = UnknownState;

    fn from_str(text: &str) -> Result<Self, UnknownState> {
        Self::ALL
            .into_iter()
            .find(|s| s.as_str() == text)
            .ok_or_else(|| UnknownState(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::LectureEvent as E;
    use super::LectureState as S;

    /// Every event with the only arrows that it has; whatever is not listed must be refused.
    const ARROWS: &[(E, &[(S, S)])] = &[
        (E::Arm, &[(S::Scheduled, S::Armed)]),
        (
            E::FirstChunk,
            &[
                (S::Armed, S::Recording),
                (S::Recording, S::Recording),
                (S::Paused, S::Paused),
                (S::Stopping, S::Stopping),
            ],
        ),
        (E::NothingArrived, &[(S::Armed, S::Failed)]),
        (E::Pause, &[(S::Armed, S::Paused), (S::Recording, S::Paused)]),
        (E::Resume, &[(S::Paused, S::Recording)]),
        (
            E::Stop,
            &[
                (S::Armed, S::Stopping),
                (S::Recording, S::Stopping),
                (S::Paused, S::Stopping),
            ],
        ),
        (E::Undo { paused: false }, &[(S::Stopping, S::Recording)]),
        (E::Undo { paused: true }, &[(S::Stopping, S::Paused)]),
        (E::MoreTime, &[(S::Stopping, S::Stopping)]),
        (E::GraceOver, &[(S::Stopping, S::Stopping)]),
        (
            E::AllClosed,
            &[(S::Stopping, S::Captured), (S::Failed, S::Failed)],
        ),
        (
            E::Crash,
            &[
                (S::Armed, S::Interrupted),
                (S::Recording, S::Interrupted),
                (S::Paused, S::Interrupted),
                (S::Stopping, S::Interrupted),
                (S::Interrupted, S::Interrupted),
            ],
        ),
        (E::RecordOn { paused: false }, &[(S::Interrupted, S::Armed)]),
        (E::RecordOn { paused: true }, &[(S::Interrupted, S::Paused)]),
        (E::GiveUp, &[(S::Interrupted, S::Captured)]),
        (E::FinishStarted, &[(S::Captured, S::Finishing)]),
        (E::FinishDone, &[(S::Finishing, S::Finished)]),
        (E::FinishFailed, &[(S::Finishing, S::Failed)]),
        (
            E::FinishLost,
            &[(S::Finishing, S::Captured), (S::Captured, S::Captured)],
        ),
        (E::Retry, &[(S::Failed, S::Captured)]),
        (
            E::DeliveryStarted,
            &[(S::Finished, S::Delivering), (S::Delivering, S::Delivering)],
        ),
        (
            E::AllDelivered,
            &[(S::Finished, S::Delivered), (S::Delivering, S::Delivered)],
        ),
        (E::Purge, &[(S::Delivered, S::Purged)]),
        (E::Cancel, &[(S::Scheduled, S::Cancelled)]),
        (E::Restore, &[(S::Cancelled, S::Scheduled)]),
        (E::Miss, &[(S::Scheduled, S::Failed)]),
    ];

    #[test]
    fn every_arrow_is_allowed_or_refused_as_written() {
        for (event, arrows) in ARROWS {
            for state in S::ALL {
                let expected = arrows.iter().find(|(from, _)| *from == state).map(|(_, to)| *to);
                let actual = state.step(*event).ok().map(|(to, _)| to);
                assert_eq!(actual, expected, "{state} + {event:?}");
            }
        }
    }

    #[test]
    fn names_read_back() {
        for state in S::ALL {
            assert_eq!(state.as_str().parse(), Ok(state));
        }
        assert!("done".parse::<S>().is_err());
    }
}
