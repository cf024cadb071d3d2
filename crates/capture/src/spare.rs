//! When a spare records: a pure state machine, stepped with what its principal does.
//!
//! A spare keeps its device open, shows pictures and levels, and rests its encoder while the
//! source that it stands in for delivers. It begins when that one is missed and goes on until it
//! has delivered again for a while: the tracks overlap, so no hole is left between them, and a
//! source that dies again at once does not find its spare asleep. Both tracks stay as they are on
//! the disk; finishing makes one of them.

use crate::delivery::Delivery;

/// How long before the loss a spare's track is to begin, if its process keeps that in memory:
/// key frames are a second apart there, so one of them lies before the loss.
const LEAD_NS: u64 = 1_000_000_000;
/// How long the principal must have delivered before its spare rests again.
const STEADY_NS: u64 = 2_000_000_000;

/// What a spare does. Times are of the monotonic clock, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Duty {
    /// The principal delivers, or is about to.
    #[default]
    Resting,
    /// It records in its place; what was captured before `from_ns` is not needed.
    StandingIn { from_ns: u64 },
    /// The principal delivers again; it records on until `until_ns`.
    HandingBack { from_ns: u64, until_ns: u64 },
}

impl Duty {
    /// The duty after a look at the principal. `recording`: media is wanted now.
    pub(crate) const fn step(self, principal: Delivery, recording: bool, now_ns: u64) -> Self {
        match (self, principal) {
            (Self::Resting, Delivery::Missing { reached_ns }) => Self::StandingIn {
                from_ns: reached_ns.saturating_sub(LEAD_NS),
            },
            (Self::StandingIn { from_ns } | Self::HandingBack { from_ns, .. }, Delivery::Missing { .. }) => {
                Self::StandingIn { from_ns }
            }
            (Self::Resting, Delivery::Expected | Delivery::Flowing) => Self::Resting,
            // Nothing has to be covered: between two lectures, or in a pause.
            (_, Delivery::Expected | Delivery::Flowing) if !recording => Self::Resting,
            (Self::StandingIn { from_ns }, Delivery::Flowing) => Self::HandingBack {
                from_ns,
                until_ns: now_ns.saturating_add(STEADY_NS),
            },
            (Self::HandingBack { until_ns, .. }, Delivery::Flowing) if now_ns >= until_ns => Self::Resting,
            (Self::StandingIn { .. } | Self::HandingBack { .. }, Delivery::Expected | Delivery::Flowing) => {
                self
            }
        }
    }

    /// From when on media is wanted of the spare; `None`: it rests.
    pub(crate) const fn begins_ns(self) -> Option<u64> {
        match self {
            Self::Resting => None,
            Self::StandingIn { from_ns } | Self::HandingBack { from_ns, .. } => Some(from_ns),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: u64 = 1_000_000_000;

    #[test]
    fn p4_a_spare_takes_over_and_hands_back_as_written() {
        let (expected, flowing) = (Delivery::Expected, Delivery::Flowing);
        let missing = Delivery::Missing { reached_ns: 5 * S };
        let rest = Duty::Resting;
        let stand = Duty::StandingIn { from_ns: 4 * S };
        let back = Duty::HandingBack {
            from_ns: 4 * S,
            until_ns: 12 * S,
        };
        // At ten seconds: duty, then what follows for each of (principal, recording).
        let columns = [
            (expected, true),
            (expected, false),
            (flowing, true),
            (flowing, false),
            (missing, true),
            (missing, false),
        ];
        let table = [
            (rest, [rest, rest, rest, rest, stand, stand]),
            (stand, [stand, rest, back, rest, stand, stand]),
            (back, [back, rest, back, rest, stand, stand]),
        ];
        for (duty, row) in table {
            for ((principal, recording), then) in columns.into_iter().zip(row) {
                assert_eq!(
                    duty.step(principal, recording, 10 * S),
                    then,
                    "{duty:?}, {principal:?}, {recording}"
                );
            }
        }
        assert_eq!(back.step(flowing, true, 12 * S), rest, "after two steady seconds");
        assert_eq!(
            back.step(expected, true, 12 * S),
            back,
            "not before it has delivered in this run"
        );
        assert_eq!(
            (rest.begins_ns(), stand.begins_ns(), back.begins_ns()),
            (None, Some(4 * S), Some(4 * S))
        );
    }
}
