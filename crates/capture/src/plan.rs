//! What the conductor wants recorded, as plain data, and what follows from it for one encoder.

use lectern_domain::ids::RunId;

/// The run at work. Media times are nanoseconds of the run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunPlan {
    /// Which run.
    pub run: RunId,
    /// `CLOCK_MONOTONIC` at run time zero.
    pub base_ns: u64,
    /// Stretches in which nothing may reach the disk, in order; only the last may be open.
    pub pauses: Vec<(u64, Option<u64>)>,
    /// The stop, once it was pressed.
    pub stop: Option<Stop>,
}

/// An encoder rests this long before a pause begins, so that its last chunk is not refused whole by
/// the gate for a few milliseconds. A source ends its pictures and its sound exactly where it is
/// told to; only the last frame of AAC is filled up with silence, 21.3 ms at the most.
pub const PAUSE_MARGIN_NS: u64 = 25_000_000;

/// A stop, and whether it may still be undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stop {
    /// The moment of the press.
    pub at_ns: u64,
    /// `true`: later chunks are kept in memory for an undo; `false`: flush and be done.
    pub hold: bool,
}

/// What a source's encoder should be doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Want {
    /// Encode for this run what is captured from `from_ns` of it on.
    Encode { run: RunId, base_ns: u64, from_ns: u64 },
    /// Rest; what was captured until `until_ns` still belongs to the run.
    Rest { until_ns: u64 },
}

impl RunPlan {
    /// What an encoder should be doing. In a pause it rests, so that nothing is even encoded.
    pub(crate) fn want(&self) -> Want {
        match (self.stop, self.pauses.last()) {
            (_, Some((from_ns, None))) => Want::Rest {
                until_ns: from_ns.saturating_sub(PAUSE_MARGIN_NS),
            },
            (Some(Stop { at_ns, hold: false }), _) => Want::Rest { until_ns: at_ns },
            (_, last) => Want::Encode {
                run: self.run,
                base_ns: self.base_ns,
                from_ns: last.and_then(|(_, to)| *to).unwrap_or(0),
            },
        }
    }

    /// Whether what was captured at this moment of `CLOCK_MONOTONIC` belongs to a pause: nobody is
    /// to see it, on the room's page as little as in a file (P7).
    pub(crate) fn hides(&self, captured_ns: u64) -> bool {
        let Some(at_ns) = captured_ns.checked_sub(self.base_ns) else {
            return false;
        };
        self.pauses
            .iter()
            .any(|(from, to)| *from <= at_ns && to.is_none_or(|to| at_ns < to))
    }

    /// Whether the sources are to say that they have flushed everything.
    pub(crate) fn ends(&self) -> bool {
        self.stop.is_some_and(|stop| !stop.hold)
    }
}

#[cfg(test)]
mod tests {
    use lectern_domain::ids::{LectureId, RunNumber};

    use super::*;

    #[test]
    fn p7_what_was_captured_in_a_pause_is_hidden() {
        let plan = RunPlan {
            run: RunId {
                lecture: LectureId::random(),
                run: RunNumber(1),
            },
            base_ns: 1_000,
            pauses: vec![(10, Some(20)), (40, None)],
            stop: None,
        };
        let hidden: Vec<u64> = [0, 999, 1_009, 1_010, 1_019, 1_020, 1_039, 1_040, u64::MAX]
            .into_iter()
            .filter(|at_ns| plan.hides(*at_ns))
            .collect();
        assert_eq!(hidden, [1_010, 1_019, 1_040, u64::MAX]);
    }

    #[test]
    fn the_encoder_rests_in_a_pause_and_after_the_stop_only() {
        let run = RunId {
            lecture: LectureId::random(),
            run: RunNumber(1),
        };
        let mut plan = RunPlan {
            run,
            base_ns: 5,
            pauses: vec![],
            stop: None,
        };
        let encode = |from_ns| Want::Encode {
            run,
            base_ns: 5,
            from_ns,
        };
        assert_eq!(plan.want(), encode(0));
        plan.pauses = vec![(10, Some(20))];
        assert_eq!(plan.want(), encode(20));
        plan.stop = Some(Stop {
            at_ns: 40,
            hold: true,
        });
        assert_eq!(plan.want(), encode(20), "an undo may still want what comes now");
        plan.stop = Some(Stop {
            at_ns: 40,
            hold: false,
        });
        assert_eq!(plan.want(), Want::Rest { until_ns: 40 });
        plan.pauses.push((PAUSE_MARGIN_NS + 30, None));
        assert_eq!(plan.want(), Want::Rest { until_ns: 30 }, "stopped while paused");
    }
}
