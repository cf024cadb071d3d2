//! The last door before the disk: which chunks of a track pass, wait in memory, or are dropped.
//!
//! The encoders rest in a pause already; this gate is the second wall of promise P7, for a child
//! that was told late. It is pure: no channel, no clock, so every case is a table row.

use std::collections::VecDeque;

use lectern_domain::media::Chunk;

use crate::plan::RunPlan;

/// The most that a track may keep in memory for an undo, in bytes: ten seconds at 50 Mbit/s.
/// Beyond it the oldest wait is given up: an undo then has a gap of this track, and nothing else.
pub(crate) const HELD_BYTES: usize = 64 << 20;

/// The gate of one track.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    /// After a stretch that was not written, the track goes on at a key frame only.
    needs_key: bool,
    /// A chunk was refused for want of a key frame only: one is worth asking for.
    starved: bool,
    held: VecDeque<Held>,
    held_bytes: usize,
}

/// A chunk that waits in memory.
#[derive(Debug)]
struct Held {
    /// It must be a key frame to be written: what came before it was not kept.
    needs_key: bool,
    chunk: Chunk,
}

/// What becomes of a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Write,
    Hold,
    Drop,
}

fn judge(plan: Option<&RunPlan>, chunk: &Chunk) -> Verdict {
    let Some(plan) = plan.filter(|plan| plan.run == chunk.run) else {
        return Verdict::Drop;
    };
    let in_pause =
        |(from, to): &(u64, Option<u64>)| chunk.end_ns > *from && to.is_none_or(|to| chunk.start_ns < to);
    if plan.pauses.iter().any(in_pause) {
        return Verdict::Drop;
    }
    match plan.stop {
        Some(stop) if chunk.start_ns >= stop.at_ns => {
            if stop.hold {
                Verdict::Hold
            } else {
                Verdict::Drop
            }
        }
        _ => Verdict::Write,
    }
}

impl Gate {
    /// Takes a chunk; returns what is to be written now, in order. What waited in memory goes
    /// before it, so that a chunk that is quicker than the word of an undo does not overtake.
    pub(crate) fn pass(&mut self, plan: Option<&RunPlan>, chunk: Chunk) -> Vec<Chunk> {
        let mut now = self.review(plan);
        now.extend(self.decide(plan, chunk));
        now
    }

    fn decide(&mut self, plan: Option<&RunPlan>, chunk: Chunk) -> Option<Chunk> {
        match judge(plan, &chunk) {
            Verdict::Write if self.needs_key && !chunk.key => {
                self.starved = true;
                None
            }
            Verdict::Write => {
                self.needs_key = false;
                Some(chunk)
            }
            Verdict::Hold => {
                if self.held_bytes + chunk.bytes.len() > HELD_BYTES {
                    self.held.clear();
                    self.held_bytes = 0;
                    self.needs_key = true;
                }
                self.held_bytes += chunk.bytes.len();
                let needs_key = std::mem::take(&mut self.needs_key);
                self.held.push_back(Held { needs_key, chunk });
                None
            }
            Verdict::Drop => {
                self.needs_key = true;
                None
            }
        }
    }

    /// Looks again at what waits in memory after the plan has changed; returns what is to be
    /// written now, in order.
    pub(crate) fn review(&mut self, plan: Option<&RunPlan>) -> Vec<Chunk> {
        if self.held.is_empty() {
            return Vec::new();
        }
        let waiting = std::mem::take(&mut self.held);
        self.held_bytes = 0;
        // What was asked since the last chunk came is asked of the next one, not of these.
        let later = std::mem::take(&mut self.needs_key);
        let written = waiting
            .into_iter()
            .filter_map(|held| {
                self.needs_key |= held.needs_key;
                self.decide(plan, held.chunk)
            })
            .collect();
        self.needs_key |= later;
        written
    }

    /// Whether the encoder should be asked for a key frame; tells once.
    pub(crate) fn wants_key(&mut self) -> bool {
        std::mem::take(&mut self.starved)
    }

    /// A new encoder begins: its first chunk must be a key frame.
    pub(crate) fn restart(&mut self) {
        self.needs_key = true;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use lectern_domain::ids::{LectureId, RunId, RunNumber};

    use super::*;
    use crate::plan::Stop;

    fn plan() -> RunPlan {
        let run = RunId {
            lecture: LectureId::random(),
            run: RunNumber(1),
        };
        RunPlan {
            run,
            base_ns: 0,
            pauses: vec![],
            stop: None,
        }
    }

    fn chunk(plan: &RunPlan, start_ns: u64, end_ns: u64, key: bool) -> Chunk {
        Chunk {
            run: plan.run,
            source: "camera".parse().unwrap(),
            init: Arc::from([]),
            start_ns,
            end_ns,
            key,
            bytes: Arc::from([0u8; 8]),
        }
    }

    #[test]
    fn p7_no_chunk_that_touches_a_pause_passes() {
        let mut plan = plan();
        plan.pauses = vec![(100, Some(200)), (300, None)];
        let mut gate = Gate::default();
        let cases = [
            (0, 100, true),
            (50, 101, false),
            (100, 150, false),
            (199, 220, false),
            (200, 260, true),
            (280, 300, true),
            (290, 310, false),
            (1000, 1100, false),
        ];
        for (start, end, passes) in cases {
            let written = gate.pass(Some(&plan), chunk(&plan, start, end, true)).len() == 1;
            assert_eq!(written, passes, "{start}..{end}");
        }
    }

    #[test]
    fn after_a_pause_a_track_goes_on_at_a_key_frame() {
        let mut plan = plan();
        plan.pauses = vec![(100, Some(200))];
        let mut gate = Gate::default();
        assert!(gate.pass(Some(&plan), chunk(&plan, 150, 190, false)).is_empty());
        assert!(!gate.wants_key(), "not in a pause");
        assert!(gate.pass(Some(&plan), chunk(&plan, 210, 220, false)).is_empty());
        assert!(gate.wants_key());
        assert!(!gate.wants_key(), "told once");
        assert!(gate.pass(Some(&plan), chunk(&plan, 220, 230, true)).len() == 1);
        assert!(gate.pass(Some(&plan), chunk(&plan, 230, 240, false)).len() == 1);
    }

    #[test]
    fn an_undone_stop_writes_what_waited_and_a_final_one_drops_it() {
        let mut plan = plan();
        let mut gate = Gate::default();
        plan.stop = Some(Stop {
            at_ns: 100,
            hold: true,
        });
        assert!(
            gate.pass(Some(&plan), chunk(&plan, 90, 110, true)).len() == 1,
            "began before the stop"
        );
        assert!(gate.pass(Some(&plan), chunk(&plan, 110, 120, false)).is_empty());
        assert!(gate.pass(Some(&plan), chunk(&plan, 120, 130, false)).is_empty());
        plan.stop = None;
        let back: Vec<_> = gate.review(Some(&plan)).iter().map(|c| c.start_ns).collect();
        assert_eq!(back, [110, 120]);

        plan.stop = Some(Stop {
            at_ns: 200,
            hold: true,
        });
        assert!(gate.pass(Some(&plan), chunk(&plan, 200, 210, true)).is_empty());
        plan.stop = Some(Stop {
            at_ns: 200,
            hold: false,
        });
        assert!(gate.review(Some(&plan)).is_empty());
    }

    #[test]
    fn a_chunk_that_is_quicker_than_the_word_of_an_undo_does_not_overtake() {
        let mut plan = plan();
        let mut gate = Gate::default();
        plan.stop = Some(Stop {
            at_ns: 100,
            hold: true,
        });
        for start in [100, 110, 120] {
            assert!(
                gate.pass(Some(&plan), chunk(&plan, start, start + 10, start == 100))
                    .is_empty()
            );
        }
        plan.stop = None;
        let written = gate.pass(Some(&plan), chunk(&plan, 130, 140, false));
        let starts: Vec<_> = written.iter().map(|c| c.start_ns).collect();
        assert_eq!(starts, [100, 110, 120, 130]);
        assert!(gate.review(Some(&plan)).is_empty());
    }

    #[test]
    fn p4_an_encoder_that_began_anew_takes_nothing_from_what_waited_before_it() {
        let mut plan = plan();
        let mut gate = Gate::default();
        plan.stop = Some(Stop {
            at_ns: 100,
            hold: true,
        });
        assert!(gate.pass(Some(&plan), chunk(&plan, 100, 110, false)).is_empty());
        gate.restart();
        assert!(gate.pass(Some(&plan), chunk(&plan, 150, 160, false)).is_empty());
        assert!(gate.pass(Some(&plan), chunk(&plan, 160, 170, true)).is_empty());
        gate.restart();
        plan.stop = None;
        let written: Vec<_> = gate.review(Some(&plan)).iter().map(|c| c.start_ns).collect();
        assert_eq!(written, [100, 160], "the one without its key frame is left out");
        assert!(
            gate.pass(Some(&plan), chunk(&plan, 170, 180, false)).is_empty(),
            "the newest encoder owes a key frame"
        );
    }

    #[test]
    fn chunks_of_another_run_or_of_none_are_dropped() {
        let (plan, other) = (plan(), plan());
        let mut gate = Gate::default();
        assert!(gate.pass(None, chunk(&plan, 0, 1, true)).is_empty());
        assert!(gate.pass(Some(&other), chunk(&plan, 0, 1, true)).is_empty());
    }
}
