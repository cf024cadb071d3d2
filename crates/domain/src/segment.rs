//! A segment: one file of one track, and what may happen to it.
//!
//! A segment that is being written has no row in the database; its row is born `closed`. That
//! order (bytes on the disk, then the row) is promise P1, and [`store`] makes it a type error to
//! get wrong.
//!
//! [`store`]: https://docs.rs/lectern-store

use serde::{Deserialize, Serialize};

/// State of a segment's row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SegmentState {
    /// On the disk with the size and SHA-256 of the row.
    Closed,
    /// To be deleted: the row says so before the file goes.
    Garbage,
    /// The row is there, the file is not. A person must know.
    Lost,
    /// The file is there with another size or hash, or the disk reported an error. A person
    /// must know.
    Suspect,
}

/// What can happen to a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SegmentEvent {
    /// Retention or a person decided that it may go.
    Discard,
    /// A check did not find the file.
    Missing,
    /// A check found another size or hash, or reading failed.
    Mismatch,
    /// A check found it whole again (a disk came back).
    Verified,
}

/// A transition that the state does not allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a segment that is {state:?} cannot take {event:?}")]
pub struct RefusedSegment {
    /// The state that refused.
    pub state: SegmentState,
    /// What it refused.
    pub event: SegmentEvent,
}

impl SegmentState {
    /// The name in the database and in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Garbage => "garbage",
            Self::Lost => "lost",
            Self::Suspect => "suspect",
        }
    }

    /// The state after `event`.
    ///
    /// # Errors
    /// [`RefusedSegment`] when the state does not allow it.
    pub const fn step(self, event: SegmentEvent) -> Result<Self, RefusedSegment> {
        use SegmentEvent as E;
        Ok(match (self, event) {
            (Self::Closed | Self::Garbage, E::Discard) => Self::Garbage,
            (Self::Closed | Self::Lost | Self::Suspect, E::Missing) => Self::Lost,
            (Self::Closed | Self::Suspect, E::Mismatch) => Self::Suspect,
            (Self::Closed | Self::Lost | Self::Suspect, E::Verified) => Self::Closed,
            (Self::Lost | Self::Suspect, E::Discard)
            | (Self::Garbage, E::Missing | E::Mismatch | E::Verified)
            | (Self::Lost, E::Mismatch) => return Err(RefusedSegment { state: self, event }),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{SegmentEvent as E, SegmentState as S};

    #[test]
    fn every_arrow_is_allowed_or_refused_as_written() {
        let table = [
            (S::Closed, E::Discard, Some(S::Garbage)),
            (S::Closed, E::Missing, Some(S::Lost)),
            (S::Closed, E::Mismatch, Some(S::Suspect)),
            (S::Closed, E::Verified, Some(S::Closed)),
            (S::Garbage, E::Discard, Some(S::Garbage)),
            (S::Garbage, E::Missing, None),
            (S::Garbage, E::Mismatch, None),
            (S::Garbage, E::Verified, None),
            (S::Lost, E::Discard, None),
            (S::Lost, E::Missing, Some(S::Lost)),
            (S::Lost, E::Mismatch, None),
            (S::Lost, E::Verified, Some(S::Closed)),
            (S::Suspect, E::Discard, None),
            (S::Suspect, E::Missing, Some(S::Lost)),
            (S::Suspect, E::Mismatch, Some(S::Suspect)),
            (S::Suspect, E::Verified, Some(S::Closed)),
        ];
        for (state, event, expected) in table {
            assert_eq!(state.step(event).ok(), expected, "{state:?} + {event:?}");
        }
    }
}
