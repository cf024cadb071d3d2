//! The health of a source, and so of its track: what a supervisor may believe and when.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a source is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TrackHealth {
    /// Its process runs; nothing has arrived yet.
    Starting,
    /// Data arrives.
    Live,
    /// Its process answers, but no data arrives.
    Stalled,
    /// Its process ended or was ended; it is being started again, or waits for its device.
    Restarting,
    /// It cannot work as configured; tried again now and then, but a person is needed.
    Dead,
    /// Switched off in good order.
    Ended,
}

/// What the supervisor sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TrackEvent {
    /// A process was started.
    Spawned,
    /// New data was counted.
    Data,
    /// No new data for the time that the supervisor allows.
    NoData,
    /// The process ended, by itself or by us, and it may help to start it again.
    Failed,
    /// The process ended and said that starting again cannot help.
    Hopeless,
    /// The daemon ends it.
    End,
}

/// A transition that the state does not allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a track that is {state:?} cannot take {event:?}")]
pub struct RefusedTrack {
    /// The state that refused.
    pub state: TrackHealth,
    /// What it refused.
    pub event: TrackEvent,
}

impl TrackHealth {
    /// The public name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Live => "live",
            Self::Stalled => "stalled",
            Self::Restarting => "restarting",
            Self::Dead => "dead",
            Self::Ended => "ended",
        }
    }

    /// The state after `event`.
    ///
    /// # Errors
    /// [`RefusedTrack`] when the state does not allow it: the supervisor has a defect.
    pub const fn step(self, event: TrackEvent) -> Result<Self, RefusedTrack> {
        use TrackEvent as E;
        Ok(match (self, event) {
            (Self::Ended, E::Data | E::NoData | E::Failed | E::Hopeless | E::End) => Self::Ended,
            (_, E::End) => Self::Ended,
            // What failed is called so until it delivers: still restarting, still dead.
            (Self::Starting, E::Spawned) => Self::Starting,
            (Self::Restarting, E::Spawned | E::NoData) => Self::Restarting,
            (Self::Dead, E::Spawned) => Self::Dead,
            (Self::Starting | Self::Live | Self::Stalled | Self::Restarting | Self::Dead, E::Data) => {
                Self::Live
            }
            (Self::Starting, E::NoData) => Self::Starting,
            (Self::Live | Self::Stalled, E::NoData) => Self::Stalled,
            (Self::Dead, E::NoData | E::Failed) => Self::Dead,
            (Self::Starting | Self::Live | Self::Stalled | Self::Restarting, E::Failed) => Self::Restarting,
            (Self::Starting | Self::Live | Self::Stalled | Self::Restarting | Self::Dead, E::Hopeless) => {
                Self::Dead
            }
            (Self::Live | Self::Stalled | Self::Ended, E::Spawned) => {
                return Err(RefusedTrack { state: self, event });
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{TrackEvent as E, TrackHealth as S};

    #[test]
    fn every_arrow_is_allowed_or_refused_as_written() {
        // Rows: Spawned, Data, NoData, Failed, Hopeless, End.
        let events = [E::Spawned, E::Data, E::NoData, E::Failed, E::Hopeless, E::End];
        #[rustfmt::skip]
        let table = [
            (S::Starting,   [Some(S::Starting), Some(S::Live), Some(S::Starting), Some(S::Restarting), Some(S::Dead), Some(S::Ended)]),
            (S::Live,       [None, Some(S::Live), Some(S::Stalled), Some(S::Restarting), Some(S::Dead), Some(S::Ended)]),
            (S::Stalled,    [None, Some(S::Live), Some(S::Stalled), Some(S::Restarting), Some(S::Dead), Some(S::Ended)]),
            (S::Restarting, [Some(S::Restarting), Some(S::Live), Some(S::Restarting), Some(S::Restarting), Some(S::Dead), Some(S::Ended)]),
            (S::Dead,       [Some(S::Dead), Some(S::Live), Some(S::Dead), Some(S::Dead), Some(S::Dead), Some(S::Ended)]),
            (S::Ended,      [None, Some(S::Ended), Some(S::Ended), Some(S::Ended), Some(S::Ended), Some(S::Ended)]),
        ];
        for (state, row) in table {
            for (event, expected) in events.into_iter().zip(row) {
                assert_eq!(state.step(event).ok(), expected, "{state:?} + {event:?}");
            }
        }
    }
}
