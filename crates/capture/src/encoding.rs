//! What a child's encoder does, as far as we told it, and what to tell it next. Pure.

use lectern_domain::ids::RunId;
use lectern_domain::wire::SourceCommand;

use crate::plan::Want;

/// The encoder of one child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// It encodes nothing.
    Resting,
    /// It encodes for this run.
    Run(RunId),
    /// It was told to stop and has not said that it has flushed.
    Draining {
        /// Monotonic time of the last stop, in nanoseconds.
        since_ns: u64,
        /// `drained` events that are still to come: one for each stop.
        owed: u32,
        /// What the child begins by itself after the last of them.
        next: Option<RunId>,
    },
}

impl Encoding {
    /// The way to what is wanted: what the encoder does then, and what to tell the child for it.
    ///
    /// A child that still drains takes the next run at once and begins it by itself: a resume
    /// shortly after its pause loses nothing to the answer's way back and forth.
    pub(crate) fn towards(self, want: Option<Want>, now_ns: u64) -> (Self, Option<SourceCommand>) {
        // A run that is over and closed: whatever is in flight is wanted by nobody.
        let until_ns = match want {
            Some(Want::Rest { until_ns }) => until_ns,
            Some(Want::Encode { .. }) | None => 0,
        };
        let wanted = match want {
            Some(Want::Encode {
                run,
                base_ns,
                from_ns,
            }) => Some((
                run,
                SourceCommand::Encode {
                    run,
                    base_ns,
                    from_ns,
                },
            )),
            Some(Want::Rest { .. }) | None => None,
        };
        let stop = |owed| {
            let draining = Self::Draining {
                since_ns: now_ns,
                owed,
                next: None,
            };
            (draining, Some(SourceCommand::StopEncode { until_ns }))
        };
        match (self, wanted) {
            (Self::Resting, Some((run, encode))) => (Self::Run(run), Some(encode)),
            (
                Self::Draining {
                    since_ns,
                    owed,
                    next: None,
                },
                Some((run, encode)),
            ) => {
                let next = Some(run);
                let draining = Self::Draining { since_ns, owed, next };
                (draining, Some(encode))
            }
            (Self::Run(now) | Self::Draining { next: Some(now), .. }, Some((run, _))) if now == run => {
                (self, None)
            }
            (Self::Run(_), _) => stop(1),
            (
                Self::Draining {
                    owed, next: Some(_), ..
                },
                _,
            ) => stop(owed.saturating_add(1)),
            (Self::Resting | Self::Draining { next: None, .. }, None) => (self, None),
        }
    }

    /// The child said that it has flushed.
    pub(crate) const fn drained(self) -> Self {
        match self {
            Self::Draining { since_ns, owed, next } if owed > 1 => Self::Draining {
                since_ns,
                owed: owed - 1,
                next,
            },
            Self::Draining { next: Some(run), .. } => Self::Run(run),
            // One that stopped by itself is told again.
            Self::Draining { next: None, .. } | Self::Run(_) | Self::Resting => Self::Resting,
        }
    }
}

#[cfg(test)]
mod tests {
    use lectern_domain::ids::{LectureId, RunNumber};

    use super::*;

    #[test]
    fn every_way_from_what_it_does_to_what_is_wanted() {
        let id = |run| RunId {
            lecture: LectureId::random(),
            run: RunNumber(run),
        };
        let (one, two) = (id(1), id(2));
        let encode = |run| Want::Encode {
            run,
            base_ns: 7,
            from_ns: 3,
        };
        let told = |run| {
            Some(SourceCommand::Encode {
                run,
                base_ns: 7,
                from_ns: 3,
            })
        };
        let stop = |until_ns| Some(SourceCommand::StopEncode { until_ns });
        let draining = |since_ns, owed, next| Encoding::Draining { since_ns, owed, next };
        let (resting, rest) = (Encoding::Resting, Some(Want::Rest { until_ns: 5 }));
        let (run, drain, queued) = (
            Encoding::Run(one),
            draining(1, 1, None),
            draining(1, 1, Some(one)),
        );
        // At 9: what it does, what is wanted, what it does then, what it is told.
        let table = [
            (resting, Some(encode(one)), run, told(one)),
            (resting, rest, resting, None),
            (resting, None, resting, None),
            (run, Some(encode(one)), run, None),
            (run, Some(encode(two)), draining(9, 1, None), stop(0)),
            (run, rest, draining(9, 1, None), stop(5)),
            (run, None, draining(9, 1, None), stop(0)),
            (drain, Some(encode(one)), queued, told(one)),
            (drain, rest, drain, None),
            (drain, None, drain, None),
            (queued, Some(encode(one)), queued, None),
            (queued, Some(encode(two)), draining(9, 2, None), stop(0)),
            (queued, rest, draining(9, 2, None), stop(5)),
            (queued, None, draining(9, 2, None), stop(0)),
        ];
        for (state, want, then, command) in table {
            assert_eq!(
                state.towards(want, 9),
                (then, command),
                "{state:?} towards {want:?}"
            );
        }
        let drained = [
            (resting, resting),
            (run, resting),
            (drain, resting),
            (queued, run),
            (draining(9, 2, None), draining(9, 1, None)),
            (draining(9, 2, Some(two)), draining(9, 1, Some(two))),
        ];
        for (state, then) in drained {
            assert_eq!(state.drained(), then, "{state:?} drained");
        }
    }
}
