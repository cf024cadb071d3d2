//! The lecture at work, as data: what is true of it, and what is due at a given moment.
//!
//! Nothing here waits, writes or looks at a clock; the conductor passes the time in. Times are
//! nanoseconds of the monotonic clock, or of the run where a name says so.

use std::collections::BTreeSet;

use lectern_capture::{RunPlan, Stop};
use lectern_domain::api::Metadata;
use lectern_domain::ids::{LectureId, RunId, RunNumber, SourceName};
use lectern_domain::lecture::{LectureEvent, LectureState};

use crate::outage::Doubt;

/// A first run in which no source has delivered for this long has failed. Later runs wait on:
/// what was recorded before the interruption must not be failed by a camera that boots slowly.
pub(crate) const NOTHING_ARRIVED_NS: u64 = 30_000_000_000;
/// A pause begins this long after the press: every source is told before its encoder must rest,
/// so that its track ends there to the picture. Whoever presses waits for it, and everybody else
/// for the new state, so it is no longer than that takes. A source that hears later loses the
/// chunk that reaches into the pause, 200 ms, and nothing of the pause is kept (P7).
pub(crate) const PAUSE_LEAD_NS: u64 = lectern_capture::PAUSE_MARGIN_NS + 35_000_000;
/// Sources that have not drained a stopped run by then are given up.
pub(crate) const DRAIN_NS: u64 = 6_000_000_000;
/// The same when the daemon leaves: the whole end may take five seconds.
pub(crate) const LEAVE_DRAIN_NS: u64 = 1_500_000_000;
/// So often the time to undo can be given anew: as often as WCAG 2.2.1 asks for.
pub(crate) const MORE_TIMES: u8 = 10;
/// A step that could not be committed is tried again after this.
const AGAIN_NS: u64 = 2_000_000_000;
/// A closing that failed so often is left to the next start.
const CLOSING_TRIES: u32 = 5;

/// The run that is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OpenRun {
    pub(crate) id: RunId,
    pub(crate) base_ns: u64,
    /// In nanoseconds of the run.
    pub(crate) pauses: Vec<(u64, Option<u64>)>,
    /// In nanoseconds of the run.
    pub(crate) stop_ns: Option<u64>,
    /// The sources were told to flush; an undo comes too late.
    pub(crate) ending_since_ns: Option<u64>,
    pub(crate) drained: BTreeSet<SourceName>,
    /// Segments are being closed: asked of the spool once.
    pub(crate) closing: bool,
}

/// The lecture at work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Session {
    pub(crate) id: LectureId,
    pub(crate) metadata: Metadata,
    pub(crate) state: LectureState,
    pub(crate) started_unix_ms: i64,
    /// When the run at work was asked for.
    pub(crate) begun_ns: u64,
    /// When it stops by itself.
    pub(crate) ends_ns: u64,
    pub(crate) last_run: RunNumber,
    /// `None` while the last step to `captured` is tried again: everything is closed.
    pub(crate) run: Option<OpenRun>,
    /// Something of it reached the spool in this run.
    pub(crate) arrived: bool,
    /// Steps in a row that could not be committed.
    pub(crate) failures: u32,
    /// Nothing is due before this.
    pub(crate) again_ns: u64,
    pub(crate) earlier_ms: u64,
    /// Lost between its runs so far, in milliseconds; `None` while no clock can tell.
    pub(crate) gap_ms: Option<u64>,
    /// It went on without anybody knowing for how long it had stood still.
    pub(crate) doubt: Option<Doubt>,
    pub(crate) undo_until_ns: Option<u64>,
    /// How often that time can still be given anew.
    pub(crate) more_times: u8,
    /// Whether it was paused when it was stopped.
    pub(crate) stopped_paused: bool,
    /// Written in earlier runs.
    pub(crate) earlier_bytes: u64,
    pub(crate) segments_closed: u64,
    pub(crate) marks: u32,
    /// Noted of it since the daemon started.
    pub(crate) facts: u32,
    /// It is no lecture: every lecture goes before it.
    pub(crate) self_test: bool,
}

impl OpenRun {
    /// Recorded in this run until `now_ns`, without its pauses.
    pub(crate) fn recorded_ns(&self, now_ns: u64) -> u64 {
        let elapsed = now_ns.saturating_sub(self.base_ns);
        let end = self.stop_ns.map_or(elapsed, |stop| stop.min(elapsed));
        let paused: u64 = self
            .pauses
            .iter()
            .map(|(from, to)| to.unwrap_or(u64::MAX).min(end).saturating_sub(*from))
            .sum();
        end.saturating_sub(paused)
    }

    /// What the sources are to follow.
    fn plan(&self) -> RunPlan {
        let stop = self.stop_ns.map(|at_ns| Stop {
            at_ns,
            hold: self.ending_since_ns.is_none(),
        });
        RunPlan {
            run: self.id,
            base_ns: self.base_ns,
            pauses: self.pauses.clone(),
            stop,
        }
    }
}

impl Session {
    /// A lecture of which nothing was recorded yet.
    pub(crate) fn new(id: LectureId, metadata: Metadata, state: LectureState) -> Self {
        Self {
            id,
            metadata,
            state,
            started_unix_ms: 0,
            begun_ns: 0,
            ends_ns: u64::MAX,
            last_run: RunNumber(0),
            run: None,
            arrived: false,
            failures: 0,
            again_ns: 0,
            earlier_ms: 0,
            gap_ms: Some(0),
            doubt: None,
            undo_until_ns: None,
            more_times: 0,
            stopped_paused: false,
            earlier_bytes: 0,
            segments_closed: 0,
            marks: 0,
            facts: 0,
            self_test: false,
        }
    }

    /// A step could not be committed: what is due waits a while.
    pub(crate) fn put_off(&mut self, now_ns: u64) {
        self.failures = self.failures.saturating_add(1);
        self.again_ns = now_ns.saturating_add(AGAIN_NS);
    }

    /// A step is committed: nothing waits any more.
    pub(crate) fn settle(&mut self) {
        (self.failures, self.again_ns) = (0, 0);
    }

    /// Whether trying again has not helped for so long that the recorder is needed more.
    pub(crate) fn is_hopeless(&self) -> bool {
        self.failures >= CLOSING_TRIES
    }

    /// Recorded so far, without pauses and gaps, in milliseconds.
    pub(crate) fn recorded_ms(&self, now_ns: u64) -> u64 {
        self.earlier_ms
            + self
                .run
                .as_ref()
                .map_or(0, |run| run.recorded_ns(now_ns) / 1_000_000)
    }

    /// What the sources are to follow now.
    pub(crate) fn plan(&self) -> Option<RunPlan> {
        self.run.as_ref().map(OpenRun::plan)
    }

    /// Whether a stop can still be taken back.
    pub(crate) fn can_undo(&self) -> bool {
        self.state == LectureState::Stopping
            && self.run.as_ref().is_some_and(|run| run.ending_since_ns.is_none())
    }

    /// Whether whoever is slow can still be given more time to take a stop back.
    pub(crate) fn can_have_more_time(&self) -> bool {
        self.can_undo() && self.more_times > 0
    }

    /// What the clock demands at `now_ns`, if anything. Also what was due before and could not
    /// be committed.
    pub(crate) fn due(&self, now_ns: u64) -> Option<LectureEvent> {
        if now_ns < self.again_ns {
            return None;
        }
        match self.state {
            LectureState::Armed | LectureState::Recording | LectureState::Paused
                if now_ns >= self.ends_ns =>
            {
                Some(LectureEvent::Stop)
            }
            LectureState::Armed if self.arrived => Some(LectureEvent::FirstChunk),
            LectureState::Armed
                if self.last_run == RunNumber(1)
                    && now_ns.saturating_sub(self.begun_ns) > NOTHING_ARRIVED_NS =>
            {
                Some(LectureEvent::NothingArrived)
            }
            LectureState::Stopping
                if self.can_undo() && self.undo_until_ns.is_none_or(|until| now_ns >= until) =>
            {
                Some(LectureEvent::GraceOver)
            }
            LectureState::Stopping | LectureState::Failed if self.run.is_none() => {
                Some(LectureEvent::AllClosed)
            }
            _ => None,
        }
    }

    /// Whether the run's segments can be closed now: every source has flushed, or had
    /// `patience_ns` for it.
    pub(crate) fn can_close(&self, sources: usize, now_ns: u64, patience_ns: u64) -> bool {
        now_ns >= self.again_ns
            && self.run.as_ref().is_some_and(|run| {
                !run.closing
                    && run.ending_since_ns.is_some_and(|since| {
                        run.drained.len() >= sources || now_ns.saturating_sub(since) > patience_ns
                    })
            })
    }

    /// The disk stands still: what the sources have flushed waits in memory, and their time to
    /// flush begins anew. Closing now would leave it out.
    pub(crate) fn wait_for_disk(&mut self, now_ns: u64) {
        if let Some(since) = self.run.as_mut().and_then(|run| run.ending_since_ns.as_mut()) {
            *since = now_ns;
        }
    }

    /// Whether it is over, up to closing what was written: a start may wait for that.
    pub(crate) fn is_closing(&self) -> bool {
        matches!(self.state, LectureState::Stopping | LectureState::Failed)
    }

    /// Whether a start may wait until it is closed: it is over, or is to give way.
    pub(crate) fn gives_way(&self) -> bool {
        self.self_test || self.is_closing()
    }

    /// The command words that make sense now; `start_waits`: one start waits for it already.
    pub(crate) fn allowed(&self, start_waits: bool) -> Vec<&'static str> {
        let may = |event| self.state.step(event).is_ok();
        let mut words = Vec::new();
        if may(LectureEvent::Pause) {
            words.push("pause");
        }
        if may(LectureEvent::Resume) {
            words.push("resume");
        }
        if may(LectureEvent::Stop) {
            words.extend(["stop", "mark", "extend"]);
        }
        if self.can_undo() {
            words.push("undo");
        }
        if self.can_have_more_time() {
            words.push("more-time");
        }
        if self.is_closing() && !start_waits {
            words.push("start");
        }
        words.push("amend");
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: u64 = 1_000_000_000;

    fn session(state: LectureState) -> Session {
        let id = LectureId::random();
        Session {
            begun_ns: 100 * S,
            ends_ns: 1_000 * S,
            last_run: RunNumber(1),
            run: Some(OpenRun {
                id: RunId {
                    lecture: id,
                    run: RunNumber(1),
                },
                base_ns: 100 * S,
                pauses: vec![],
                stop_ns: None,
                ending_since_ns: None,
                drained: BTreeSet::new(),
                closing: false,
            }),
            earlier_ms: 5_000,
            ..Session::new(id, Metadata::default(), state)
        }
    }

    #[test]
    fn what_could_not_be_committed_is_due_again_after_a_while() {
        let mut lecture = session(LectureState::Armed);
        lecture.arrived = true;
        assert_eq!(
            lecture.due(131 * S),
            Some(LectureEvent::FirstChunk),
            "data did arrive"
        );
        lecture.put_off(131 * S);
        assert_eq!(lecture.due(132 * S), None);
        assert_eq!(lecture.due(133 * S), Some(LectureEvent::FirstChunk));

        lecture.state = LectureState::Stopping;
        lecture.run = None;
        assert_eq!(lecture.due(133 * S), Some(LectureEvent::AllClosed));
        for _ in 1..CLOSING_TRIES {
            assert!(!lecture.is_hopeless());
            lecture.put_off(140 * S);
        }
        assert!(lecture.is_hopeless());
        lecture.settle();
        assert!(!lecture.is_hopeless());
    }

    #[test]
    fn recorded_time_leaves_pauses_and_the_time_after_the_stop_out() {
        let mut lecture = session(LectureState::Recording);
        assert_eq!(lecture.recorded_ms(110 * S), 15_000);
        let run = lecture.run.as_mut().unwrap();
        run.pauses = vec![(2 * S, Some(5 * S)), (8 * S, None)];
        assert_eq!(lecture.recorded_ms(110 * S), 10_000);
        lecture.run.as_mut().unwrap().stop_ns = Some(9 * S);
        assert_eq!(lecture.recorded_ms(200 * S), 10_000);
        // A pause that begins a moment after the press has not taken anything yet.
        lecture.run.as_mut().unwrap().pauses = vec![(11 * S, None)];
        lecture.run.as_mut().unwrap().stop_ns = None;
        assert_eq!(lecture.recorded_ms(110 * S), 15_000);
    }

    #[test]
    fn the_clock_stops_a_lecture_ends_a_grace_and_fails_an_empty_start() {
        let mut lecture = session(LectureState::Recording);
        assert_eq!(lecture.due(999 * S), None);
        assert_eq!(lecture.due(1_000 * S), Some(LectureEvent::Stop));

        lecture.state = LectureState::Armed;
        assert_eq!(lecture.due(129 * S), None);
        assert_eq!(lecture.due(131 * S), Some(LectureEvent::NothingArrived));
        lecture.last_run = RunNumber(2);
        assert_eq!(
            lecture.due(131 * S),
            None,
            "an interrupted lecture waits for its sources"
        );

        lecture.state = LectureState::Stopping;
        lecture.undo_until_ns = Some(210 * S);
        assert_eq!(lecture.due(209 * S), None);
        assert!(lecture.can_undo());
        assert_eq!(lecture.due(210 * S), Some(LectureEvent::GraceOver));
        lecture.run.as_mut().unwrap().ending_since_ns = Some(210 * S);
        assert!(!lecture.can_undo());
        assert_eq!(lecture.due(211 * S), None);
    }

    #[test]
    fn a_run_closes_when_all_have_flushed_or_their_time_is_over() {
        let mut lecture = session(LectureState::Stopping);
        assert!(!lecture.can_close(1, 120 * S, DRAIN_NS));
        lecture.run.as_mut().unwrap().ending_since_ns = Some(120 * S);
        assert!(!lecture.can_close(1, 121 * S, DRAIN_NS));
        assert!(lecture.can_close(1, 120 * S + DRAIN_NS + 1, DRAIN_NS));
        let mut stalled = lecture.clone();
        stalled.wait_for_disk(126 * S);
        assert!(!stalled.can_close(1, 120 * S + DRAIN_NS + 1, DRAIN_NS));
        assert!(
            lecture.can_close(1, 122 * S, LEAVE_DRAIN_NS),
            "who leaves waits less"
        );
        lecture
            .run
            .as_mut()
            .unwrap()
            .drained
            .insert("camera".parse().unwrap());
        assert!(lecture.can_close(1, 121 * S, DRAIN_NS));
        lecture.run.as_mut().unwrap().closing = true;
        assert!(!lecture.can_close(1, 121 * S, DRAIN_NS), "asked once");
    }

    #[test]
    fn allowed_words_follow_the_state() {
        assert_eq!(
            session(LectureState::Recording).allowed(false),
            ["pause", "stop", "mark", "extend", "amend"]
        );
        assert_eq!(
            session(LectureState::Paused).allowed(false),
            ["resume", "stop", "mark", "extend", "amend"]
        );
        assert_eq!(
            session(LectureState::Stopping).allowed(false),
            ["undo", "start", "amend"]
        );
        assert_eq!(
            session(LectureState::Stopping).allowed(true),
            ["undo", "amend"],
            "one start waits"
        );
        let slow = Session {
            more_times: 1,
            ..session(LectureState::Stopping)
        };
        assert_eq!(slow.allowed(false), ["undo", "more-time", "start", "amend"]);
        assert_eq!(session(LectureState::Failed).allowed(false), ["start", "amend"]);
    }
}
