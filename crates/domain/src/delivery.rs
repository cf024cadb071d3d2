//! One lecture on its way to one platform: the state machine, and what is committed at each step.
//!
//! ```text
//! queued ─► reconciling ─► sending ─► verifying ─► done
//!              ▲   ▲ └───────────────────┘ │
//!              │   └ any doubt, next file ┤
//!              └── waiting(until, why) ◄───┤        parked: needs a person ─► queued
//!        queued ◄── its turn is over ──────┤
//!                                          └─► parked        queued | waiting | parked ─► cancelled
//! ```
//! Promise P5 rests on two rules: what a network act needs is committed *before* the act
//! ([`Commit`]), and after any doubt (an error, a restart) the platform is asked before a byte is
//! sent (`reconciling`).

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::finished::FileRole;
use crate::ids::{DeliveryId, LectureId, PlatformName};
use crate::media::Role;

/// Where a delivery stands. The text form is the public name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// To be begun.
    Queued,
    /// The platform is being asked what it has.
    Reconciling,
    /// Bytes are being sent.
    Sending,
    /// Everything was sent; the platform is being asked for its proof.
    Verifying,
    /// The platform confirmed size and, where it can, hash. The receipt is committed.
    Done,
    /// Tried again by itself later.
    Waiting,
    /// Stands still until a person has acted.
    Parked,
    /// Will not be sent.
    Cancelled,
}

/// What can happen to a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DeliveryEvent {
    /// Its turn has come.
    Begin,
    /// The platform lacks something.
    Lacking,
    /// The platform has everything.
    Complete,
    /// The last byte was acknowledged.
    Sent,
    /// An answer or an error that leaves open what the platform has; also a restart of ours.
    Doubt,
    /// The platform's proof of one file agrees with what we hold, and another file is to go.
    Next,
    /// The platform's proof of the last file agrees with what we hold.
    Verified,
    /// Not now: network, load, time of day.
    Wait,
    /// Its turn is over: the window closed, the platform refuses everybody, or the small files of
    /// others go before its large ones.
    Defer,
    /// Not without a person: a contradiction, a lecture that the platform refuses.
    Park,
    /// A person says: again.
    Retry,
    /// A person says: never.
    Cancel,
}

/// A transition that the state does not allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a delivery that is {} cannot take {event:?}", state.as_str())]
pub struct RefusedDelivery {
    /// The state that refused.
    pub state: DeliveryState,
    /// What it refused.
    pub event: DeliveryEvent,
}

impl DeliveryState {
    /// Every state.
    pub const ALL: [Self; 8] = [
        Self::Queued,
        Self::Reconciling,
        Self::Sending,
        Self::Verifying,
        Self::Done,
        Self::Waiting,
        Self::Parked,
        Self::Cancelled,
    ];

    /// The public name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Reconciling => "reconciling",
            Self::Sending => "sending",
            Self::Verifying => "verifying",
            Self::Done => "done",
            Self::Waiting => "waiting",
            Self::Parked => "parked",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state after `event`.
    ///
    /// # Errors
    /// [`RefusedDelivery`] when the state does not allow it.
    pub const fn step(self, event: DeliveryEvent) -> Result<Self, RefusedDelivery> {
        use DeliveryEvent as E;
        Ok(match (self, event) {
            (Self::Queued | Self::Waiting | Self::Reconciling, E::Begin) => Self::Reconciling,
            (Self::Reconciling, E::Lacking) => Self::Sending,
            (Self::Reconciling, E::Complete) => Self::Verifying,
            (Self::Sending, E::Sent) => Self::Verifying,
            (Self::Reconciling | Self::Sending | Self::Verifying, E::Doubt) => Self::Reconciling,
            (Self::Verifying, E::Next) => Self::Reconciling,
            (Self::Verifying, E::Verified) => Self::Done,
            (Self::Reconciling | Self::Sending | Self::Verifying, E::Wait) => Self::Waiting,
            (Self::Reconciling | Self::Sending | Self::Verifying, E::Defer) => Self::Queued,
            (Self::Reconciling | Self::Sending | Self::Verifying, E::Park) => Self::Parked,
            (Self::Waiting | Self::Parked, E::Retry) => Self::Queued,
            (Self::Queued | Self::Waiting | Self::Parked, E::Cancel) => Self::Cancelled,
            (
                Self::Queued
                | Self::Reconciling
                | Self::Sending
                | Self::Verifying
                | Self::Done
                | Self::Waiting
                | Self::Parked
                | Self::Cancelled,
                _,
            ) => return Err(RefusedDelivery { state: self, event }),
        })
    }
}

impl std::fmt::Display for DeliveryState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for DeliveryState {
    type Err = crate::lecture::UnknownState;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|s| s.as_str() == text)
            .ok_or_else(|| crate::lecture::UnknownState(text.to_owned()))
    }
}

/// How far one file of a delivery is. Committed, never guessed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "phase", rename_all = "snake_case")]
pub enum FilePhase {
    /// The platform knows nothing of it, as far as we committed.
    Pending,
    /// A request that makes the platform hold something of it may have left: its reply was not
    /// committed. An orphan may exist there.
    Creating,
    /// The platform holds a resumable upload.
    Bound {
        /// The platform's handle: an upload URL, a temporary path. A capability: never logged.
        remote: String,
    },
    /// The request that makes the upload whole may have left. From here on, "not found" is no
    /// permission to start again: only the platform's receipt decides.
    Completing {
        /// The platform's handle.
        remote: String,
    },
    /// The platform's proof was checked and committed.
    Confirmed {
        /// Where it is, for people (no secrets).
        location: String,
    },
}

/// One file that a delivery carries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryFile {
    /// Its name in the lecture's `finished` folder and at the platform.
    pub name: String,
    /// Absolute path on this machine.
    pub path: PathBuf,
    /// What it is.
    pub role: FileRole,
    /// In bytes.
    pub size_bytes: u64,
    /// Of the whole file, lower-case hex, taken when it was finished.
    pub sha256: String,
    /// SHA-256 of each part, as in [`FinishedFile::parts`](crate::finished::FinishedFile::parts).
    pub parts: Vec<String>,
    /// Length of its media in milliseconds, if it has any.
    pub duration_ms: Option<u64>,
    /// MIME type.
    pub content_type: String,
    /// How far it is.
    pub phase: FilePhase,
}

/// A file of at most so many bytes goes before the large ones of all lectures: a phone on a thin
/// line can use it first.
pub const SMALL_BYTES: u64 = 32 * 1024 * 1024;

impl DeliveryFile {
    /// Whether it is one of those that go before the large ones of all lectures: sound, what is
    /// said about the lecture, and whatever is small.
    #[must_use]
    pub fn goes_first(&self) -> bool {
        goes_first(&self.role, self.size_bytes)
    }
}

/// [`DeliveryFile::goes_first`] of a file that is known by role and size only.
#[must_use]
pub fn goes_first(role: &FileRole, size_bytes: u64) -> bool {
    let sound = matches!(
        role,
        FileRole::Track {
            role: Role::Microphone,
            ..
        }
    );
    sound || size_bytes <= SMALL_BYTES
}

/// How much of a delivery is to be sent in its turn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Turn {
    /// The files that go first; then it is deferred, if it has others.
    First,
    /// All that is left.
    #[default]
    All,
}

/// A delivery as the runner receives it: everything that was committed, nothing else.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeliveryJob {
    /// Row id.
    pub id: DeliveryId,
    /// The lecture: idempotency key at the platform.
    pub lecture: LectureId,
    /// The lecture's folder name: stable, readable, unique; used by platforms that have folders.
    pub folder: String,
    /// Title as given; may be empty, may be of any script.
    pub title: String,
    /// Course, as the campus names it.
    pub course: Option<String>,
    /// Who teaches.
    pub presenter: Option<String>,
    /// Language that is spoken, BCP 47.
    pub language: Option<String>,
    /// When the lecture began, in milliseconds since 1970.
    pub started_unix_ms: i64,
    /// Length of the finished lecture in milliseconds.
    pub duration_ms: u64,
    /// The platform, as configured.
    pub platform: PlatformName,
    /// How often it was begun before.
    pub attempts: u32,
    /// How much of it is to be sent now. Platforms that take all files as one send all.
    pub turn: Turn,
    /// Its files, in the order to be sent.
    pub files: Vec<DeliveryFile>,
}

/// What the runner asks to be committed. It goes on only after the commit has returned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "commit", rename_all = "snake_case")]
pub enum Commit {
    /// The delivery entered a state. `Waiting`, `Parked` and a deferral have variants of their
    /// own.
    State {
        /// The new state.
        state: DeliveryState,
    },
    /// A file entered a phase (all but `Confirmed`).
    File {
        /// The file's name.
        name: String,
        /// Its new phase.
        phase: FilePhase,
    },
    /// The platform confirmed a file: the receipt, and phase `Confirmed`, in one transaction.
    Receipt {
        /// The file's name.
        name: String,
        /// Where it is, for people.
        location: String,
        /// What the platform said: size, hash, headers. No secrets.
        evidence: serde_json::Value,
    },
    /// Try again by itself.
    Waiting {
        /// Not before this wall-clock time, in milliseconds since 1970.
        until_unix_ms: i64,
        /// For people: what happened, what is safe, what is next.
        why: String,
    },
    /// Its turn is over ([`DeliveryEvent::Defer`]): queued again.
    Deferred {
        /// For people, if there is something to say: what happened, what is safe, what is next.
        why: Option<String>,
    },
    /// A person is needed.
    Parked {
        /// For people: what happened, what is safe, what to do.
        why: String,
    },
}

#[cfg(test)]
mod tests {
    use super::{DeliveryEvent as E, DeliveryState as S};

    #[test]
    fn every_arrow_is_allowed_or_refused_as_written() {
        let arrows: &[(E, &[(S, S)])] = &[
            (
                E::Begin,
                &[
                    (S::Queued, S::Reconciling),
                    (S::Waiting, S::Reconciling),
                    (S::Reconciling, S::Reconciling),
                ],
            ),
            (E::Lacking, &[(S::Reconciling, S::Sending)]),
            (E::Complete, &[(S::Reconciling, S::Verifying)]),
            (E::Sent, &[(S::Sending, S::Verifying)]),
            (
                E::Doubt,
                &[
                    (S::Reconciling, S::Reconciling),
                    (S::Sending, S::Reconciling),
                    (S::Verifying, S::Reconciling),
                ],
            ),
            (E::Verified, &[(S::Verifying, S::Done)]),
            (E::Next, &[(S::Verifying, S::Reconciling)]),
            (
                E::Wait,
                &[
                    (S::Reconciling, S::Waiting),
                    (S::Sending, S::Waiting),
                    (S::Verifying, S::Waiting),
                ],
            ),
            (
                E::Defer,
                &[
                    (S::Reconciling, S::Queued),
                    (S::Sending, S::Queued),
                    (S::Verifying, S::Queued),
                ],
            ),
            (
                E::Park,
                &[
                    (S::Reconciling, S::Parked),
                    (S::Sending, S::Parked),
                    (S::Verifying, S::Parked),
                ],
            ),
            (E::Retry, &[(S::Waiting, S::Queued), (S::Parked, S::Queued)]),
            (
                E::Cancel,
                &[
                    (S::Queued, S::Cancelled),
                    (S::Waiting, S::Cancelled),
                    (S::Parked, S::Cancelled),
                ],
            ),
        ];
        for (event, rows) in arrows {
            for state in S::ALL {
                let expected = rows.iter().find(|(from, _)| *from == state).map(|(_, to)| *to);
                assert_eq!(state.step(*event).ok(), expected, "{state} + {event:?}");
            }
        }
    }
}
