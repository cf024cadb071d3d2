//! What a step changes: the lecture at work as it is afterwards, and the rows that change with it.
//!
//! Pure. The conductor commits the rows in one transaction and takes the new lecture over only
//! then, so that what it believes and what a restart would find cannot part.

use std::collections::BTreeSet;

use lectern_domain::api::ClockTrust;
use lectern_domain::ids::{RunId, RunNumber};
use lectern_domain::lecture::{LectureAction, LectureEvent, RefusedLecture};
use lectern_store::RowChange;

use crate::session::{MORE_TIMES, OpenRun, PAUSE_LEAD_NS, Session};

/// A stop that the clock made and a person took back moves the planned end by this much: without
/// it, the clock would stop the lecture again at once.
const GOES_ON_NS: u64 = 15 * 60 * SECOND_NS;
const SECOND_NS: u64 = 1_000_000_000;
/// Who asks for more time to undo gets at least this: time enough to ask again, for somebody who
/// has to hear the page first or presses by one switch.
const LEAST_MORE_NS: u64 = 20 * SECOND_NS;

/// When a step happens.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    /// `CLOCK_MONOTONIC`.
    pub(crate) now_ns: u64,
    /// Wall clock.
    pub(crate) unix_ms: i64,
    /// Whether the wall clock can be believed.
    pub(crate) clock: ClockTrust,
    /// How long a stop can be undone.
    pub(crate) undo_ns: u64,
    /// How long before its press a lecture begins.
    pub(crate) pre_roll_ns: u64,
    /// No lecture may begin before this, whatever the sources keep: the one before it ended then,
    /// or nothing was kept yet.
    pub(crate) kept_since_ns: u64,
}

impl Moment {
    /// Where a lecture begins whose button is pressed now. Sources that keep something in memory
    /// have a key frame at each whole second, so the run begins at one.
    fn base_ns(&self) -> u64 {
        if self.pre_roll_ns == 0 {
            return self.now_ns;
        }
        let wanted = self.now_ns.saturating_sub(self.pre_roll_ns) / SECOND_NS * SECOND_NS;
        let kept = self.kept_since_ns.div_ceil(SECOND_NS).saturating_mul(SECOND_NS);
        wanted.max(kept).min(self.now_ns)
    }

    /// The wall clock at an earlier moment of the monotonic clock.
    fn unix_ms_at(&self, ns: u64) -> i64 {
        let ago_ms = self.now_ns.saturating_sub(ns) / 1_000_000;
        self.unix_ms
            .saturating_sub(i64::try_from(ago_ms).unwrap_or(i64::MAX))
    }
}

/// A step, decided and not made.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Next {
    /// The lecture after it.
    pub(crate) session: Session,
    /// What must be committed with its state.
    pub(crate) changes: Vec<RowChange>,
    /// It is whole: to be finished.
    pub(crate) captured: bool,
}

impl Session {
    /// The step that `event` makes.
    ///
    /// # Errors
    /// When the state does not allow it.
    pub(crate) fn after(&self, event: LectureEvent, moment: Moment) -> Result<Next, RefusedLecture> {
        let (state, actions) = self.state.step(event)?;
        let mut next = self.unchanged();
        next.session.state = state;
        for action in actions {
            next.act(*action, event, moment);
        }
        Ok(next)
    }

    /// The end of the run in the state in which it is: the daemon leaves.
    pub(crate) fn left(&self, moment: Moment) -> Next {
        let mut next = self.unchanged();
        next.end_run(moment);
        next
    }

    fn unchanged(&self) -> Next {
        let mut session = self.clone();
        session.settle();
        Next {
            session,
            changes: Vec::new(),
            captured: false,
        }
    }
}

impl Next {
    fn act(&mut self, action: LectureAction, event: LectureEvent, moment: Moment) {
        match action {
            LectureAction::OpenRun => self.open_run(event, moment),
            LectureAction::CloseGate => {
                self.take_stop_back(moment);
                self.close_gate(event, moment);
            }
            LectureAction::OpenGate => self.open_gate(moment),
            LectureAction::HoldInMemory => self.hold(moment),
            LectureAction::HoldLonger => self.hold_longer(moment),
            LectureAction::WriteHeld => self.take_stop_back(moment),
            LectureAction::EndRun => self.end_run(moment),
            LectureAction::Finish => self.captured = true,
            // Deliveries are made with the finished files, not with a lecture at work.
            LectureAction::Deliver => {}
        }
    }

    /// Opens a run: at the press or before it when a lecture begins, now when one goes on.
    fn open_run(&mut self, event: LectureEvent, moment: Moment) {
        let base_ns = match event {
            LectureEvent::Arm => moment.base_ns(),
            _ => moment.now_ns,
        };
        let session = &mut self.session;
        let run = RunId {
            lecture: session.id,
            run: RunNumber(session.last_run.0 + 1),
        };
        self.changes.push(RowChange::OpenRun {
            run,
            base_mono_ns: base_ns,
            started_unix_ms: moment.unix_ms_at(base_ns),
            clock: moment.clock,
        });
        session.last_run = run.run;
        session.begun_ns = moment.now_ns;
        session.run = Some(OpenRun {
            id: run,
            base_ns,
            pauses: Vec::new(),
            stop_ns: None,
            ending_since_ns: None,
            drained: BTreeSet::new(),
            closing: false,
        });
    }

    /// Begins a pause. After an interruption and after an undo it begins where the earlier one
    /// left off, so that not one picture lies between.
    fn close_gate(&mut self, event: LectureEvent, moment: Moment) {
        let Some(run) = &mut self.session.run else { return };
        if run.pauses.last().is_some_and(|(_, to)| to.is_none()) {
            return;
        }
        let from_ns = match event {
            LectureEvent::RecordOn { .. } => 0,
            _ => moment.now_ns.saturating_sub(run.base_ns) + PAUSE_LEAD_NS,
        };
        run.pauses.push((from_ns, None));
        self.changes.push(RowChange::PauseFrom { run: run.id, from_ns });
    }

    fn open_gate(&mut self, moment: Moment) {
        let Some(run) = &mut self.session.run else { return };
        let now_ns = moment.now_ns.saturating_sub(run.base_ns);
        if let Some((from_ns, to @ None)) = run.pauses.last_mut() {
            let to_ns = now_ns.max(*from_ns);
            *to = Some(to_ns);
            self.changes.push(RowChange::ResumeAt { run: run.id, to_ns });
        }
    }

    /// A stop that can still be undone.
    fn hold(&mut self, moment: Moment) {
        let session = &mut self.session;
        let Some(run) = &mut session.run else { return };
        let stop_ns = moment.now_ns.saturating_sub(run.base_ns);
        run.stop_ns = Some(stop_ns);
        self.changes.push(RowChange::EndAt {
            run: run.id,
            end_ns: Some(stop_ns),
        });
        session.stopped_paused = run.pauses.last().is_some_and(|(_, to)| to.is_none());
        session.undo_until_ns = Some(moment.now_ns.saturating_add(moment.undo_ns));
        // Without a time to undo there is none to give anew.
        session.more_times = if moment.undo_ns == 0 { 0 } else { MORE_TIMES };
    }

    /// From now on, not on top of what is left: a press that bounces adds nothing.
    fn hold_longer(&mut self, moment: Moment) {
        let session = &mut self.session;
        let anew_ns = moment.now_ns.saturating_add(moment.undo_ns.max(LEAST_MORE_NS));
        session.undo_until_ns = session.undo_until_ns.map(|until| until.max(anew_ns));
        session.more_times = session.more_times.saturating_sub(1);
    }

    fn take_stop_back(&mut self, moment: Moment) {
        let session = &mut self.session;
        let Some(run) = session.run.as_mut().filter(|run| run.stop_ns.is_some()) else {
            return;
        };
        run.stop_ns = None;
        session.undo_until_ns = None;
        self.changes.push(RowChange::EndAt {
            run: run.id,
            end_ns: None,
        });
        if session.ends_ns <= moment.now_ns {
            session.ends_ns = moment.now_ns + GOES_ON_NS;
            let ahead_ms = i64::try_from(GOES_ON_NS / 1_000_000).unwrap_or(i64::MAX);
            self.changes.push(RowChange::PlannedEnd {
                unix_ms: moment.unix_ms.saturating_add(ahead_ms),
            });
        }
    }

    /// From here on the run only flushes. Also the end of a run without a press: at the daemon's
    /// own end, and when nothing ever arrived.
    fn end_run(&mut self, moment: Moment) {
        let session = &mut self.session;
        let Some(run) = &mut session.run else { return };
        if run.stop_ns.is_none() {
            let stop_ns = moment.now_ns.saturating_sub(run.base_ns);
            run.stop_ns = Some(stop_ns);
            self.changes.push(RowChange::EndAt {
                run: run.id,
                end_ns: Some(stop_ns),
            });
        }
        run.ending_since_ns = Some(moment.now_ns);
        session.undo_until_ns = None;
    }
}

#[cfg(test)]
mod tests {
    use lectern_domain::api::Metadata;
    use lectern_domain::ids::LectureId;
    use lectern_domain::lecture::{LectureEvent as E, LectureState as S};

    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn at(second: u64) -> Moment {
        Moment {
            now_ns: second * SECOND,
            unix_ms: i64::try_from(second * 1_000).unwrap(),
            clock: ClockTrust::Trusted,
            undo_ns: 10 * SECOND,
            pre_roll_ns: 0,
            kept_since_ns: 0,
        }
    }

    /// A lecture of a thousand seconds, begun at second 100.
    fn begun() -> Session {
        let planned = Session {
            ends_ns: 1_100 * SECOND,
            ..Session::new(LectureId::random(), Metadata::default(), S::Scheduled)
        };
        planned.after(E::Arm, at(100)).unwrap().session
    }

    fn step(session: &mut Session, event: E, second: u64) -> Vec<RowChange> {
        let next = session.after(event, at(second)).unwrap();
        *session = next.session;
        next.changes
    }

    #[test]
    fn every_step_says_what_must_be_committed_with_it() {
        let mut lecture = begun();
        let run = lecture.run.as_ref().unwrap().id;
        assert_eq!(run.run, RunNumber(1));
        assert_eq!(step(&mut lecture, E::FirstChunk, 101), []);
        let from_ns = 10 * SECOND + PAUSE_LEAD_NS;
        assert_eq!(
            step(&mut lecture, E::Pause, 110),
            [RowChange::PauseFrom { run, from_ns }]
        );
        let to_ns = 20 * SECOND;
        assert_eq!(
            step(&mut lecture, E::Resume, 120),
            [RowChange::ResumeAt { run, to_ns }]
        );
        let end_ns = Some(30 * SECOND);
        assert_eq!(
            step(&mut lecture, E::Stop, 130),
            [RowChange::EndAt { run, end_ns }]
        );
        assert_eq!(lecture.undo_until_ns, Some(140 * SECOND));
        assert_eq!(step(&mut lecture, E::GraceOver, 140), [], "its end is known");
        let captured = lecture.after(E::AllClosed, at(141)).unwrap();
        assert!(captured.captured);
        assert_eq!(captured.session.state, S::Captured);
    }

    #[test]
    fn a_lecture_begins_before_its_press_as_far_as_something_may_be_taken_from() {
        const MS: u64 = SECOND / 1_000;
        // Press, pre-roll and the earliest moment allowed, and where the run begins, in ms.
        for (press, pre_roll, kept, base) in [
            (100_700, 0, 0, 100_700),
            (100_700, 5_000, 0, 95_000),
            (100_000, 5_000, 95_000, 95_000),
            (100_700, 5_000, 95_001, 96_000),
            (100_700, 5_000, 99_400, 100_000),
            (100_700, 5_000, 100_300, 100_700),
            (100_700, 5_000, 100_700, 100_700),
            (3_000, 5_000, 0, 0),
        ] {
            let moment = Moment {
                now_ns: press * MS,
                unix_ms: 1_000_000,
                pre_roll_ns: pre_roll * MS,
                kept_since_ns: kept * MS,
                ..at(0)
            };
            let planned = Session::new(LectureId::random(), Metadata::default(), S::Scheduled);
            let next = planned.after(E::Arm, moment).unwrap();
            let run = next.session.run.as_ref().unwrap();
            assert_eq!(run.base_ns, base * MS, "{press} {pre_roll} {kept}");
            let opened = RowChange::OpenRun {
                run: run.id,
                base_mono_ns: run.base_ns,
                started_unix_ms: 1_000_000 - i64::try_from(press - base).unwrap(),
                clock: ClockTrust::Trusted,
            };
            assert_eq!(next.changes, [opened]);
            assert_eq!(next.session.recorded_ms(press * MS), press - base);
            assert_eq!(next.session.begun_ns, press * MS, "patience begins at the press");
        }
    }

    #[test]
    fn p3_a_lecture_that_goes_on_takes_nothing_from_before() {
        let found = Session {
            last_run: RunNumber(1),
            ..Session::new(LectureId::random(), Metadata::default(), S::Interrupted)
        };
        let moment = Moment {
            pre_roll_ns: 5 * SECOND,
            ..at(50)
        };
        let next = found.after(E::RecordOn { paused: false }, moment).unwrap();
        assert_eq!(next.session.run.unwrap().base_ns, 50 * SECOND);
    }

    #[test]
    fn p7_a_paused_lecture_that_was_stopped_and_undone_is_in_the_same_pause() {
        let mut lecture = begun();
        let run = lecture.run.as_ref().unwrap().id;
        // Right after the start, before the first chunk.
        step(&mut lecture, E::Pause, 100);
        step(&mut lecture, E::Stop, 110);
        assert!(lecture.stopped_paused);
        let changes = step(&mut lecture, E::Undo { paused: true }, 115);
        assert_eq!(changes, [RowChange::EndAt { run, end_ns: None }]);
        let open = lecture.run.as_ref().unwrap();
        assert_eq!(open.pauses, [(PAUSE_LEAD_NS, None)]);
        assert_eq!((lecture.state, open.stop_ns), (S::Paused, None));
    }

    #[test]
    fn a_resume_in_the_lead_of_its_pause_makes_an_empty_pause() {
        let mut lecture = begun();
        step(&mut lecture, E::Pause, 110);
        step(&mut lecture, E::Resume, 110);
        let from_ns = 10 * SECOND + PAUSE_LEAD_NS;
        assert_eq!(lecture.run.unwrap().pauses, [(from_ns, Some(from_ns))]);
    }

    #[test]
    fn an_undone_stop_of_the_clock_is_not_made_again_at_once() {
        let mut lecture = begun();
        step(&mut lecture, E::FirstChunk, 101);
        assert_eq!(lecture.due(1_100 * SECOND), Some(E::Stop));
        step(&mut lecture, E::Stop, 1_100);
        let changes = step(&mut lecture, E::Undo { paused: false }, 1_105);
        let unix_ms = 1_105_000 + 15 * 60 * 1_000;
        assert!(
            changes.contains(&RowChange::PlannedEnd { unix_ms }),
            "{changes:?}"
        );
        assert_eq!(lecture.due(1_106 * SECOND), None);
        // In time, an undo moves nothing.
        let mut early = begun();
        step(&mut early, E::Stop, 200);
        step(&mut early, E::Undo { paused: false }, 205);
        assert_eq!(early.ends_ns, 1_100 * SECOND);
    }

    #[test]
    fn more_time_to_undo_begins_at_its_press_and_is_given_ten_times() {
        // The time to undo, and until when a press at second 115 gives more, in seconds.
        for (undo, until) in [(10, 135), (20, 135), (60, 175)] {
            let at = |second| Moment {
                undo_ns: undo * SECOND,
                ..at(second)
            };
            let mut lecture = begun().after(E::Stop, at(110)).unwrap().session;
            for left in (0..MORE_TIMES).rev() {
                assert!(lecture.can_have_more_time(), "{undo} s, {left} left");
                let next = lecture.after(E::MoreTime, at(115)).unwrap();
                assert_eq!(next.changes, [], "nothing of it outlives the daemon");
                lecture = next.session;
                assert_eq!(lecture.undo_until_ns, Some(until * SECOND), "not on top");
            }
            assert!(!lecture.can_have_more_time() && lecture.can_undo());
            assert_eq!(lecture.due((until - 1) * SECOND), None);
            assert_eq!(lecture.due(until * SECOND), Some(E::GraceOver));
            // The next stop is another one.
            step(&mut lecture, E::Undo { paused: false }, 116);
            step(&mut lecture, E::Stop, 117);
            assert!(lecture.can_have_more_time());
            step(&mut lecture, E::GraceOver, 127);
            assert!(!lecture.can_have_more_time(), "its time is over");
        }
    }

    #[test]
    fn without_a_time_to_undo_there_is_none_to_give_anew() {
        let moment = Moment {
            undo_ns: 0,
            ..at(110)
        };
        let stopped = begun().after(E::Stop, moment).unwrap().session;
        assert!(!stopped.can_have_more_time());
    }

    #[test]
    fn p3_an_interrupted_lecture_goes_on_as_it_was() {
        for paused in [false, true] {
            let found = Session {
                last_run: RunNumber(3),
                ..Session::new(LectureId::random(), Metadata::default(), S::Interrupted)
            };
            let next = found.after(E::RecordOn { paused }, at(50)).unwrap();
            let run = next.session.run.as_ref().unwrap();
            assert_eq!((run.id.run, run.base_ns), (RunNumber(4), 50 * SECOND));
            let pauses = if paused { vec![(0, None)] } else { vec![] };
            assert_eq!(run.pauses, pauses);
            assert_eq!(next.changes.len(), 1 + pauses.len());
        }
    }

    #[test]
    fn leaving_ends_the_run_and_leaves_the_state() {
        for event in [E::FirstChunk, E::Pause, E::Stop] {
            let mut lecture = begun();
            step(&mut lecture, event, 110);
            let known = lecture.run.as_ref().unwrap().stop_ns;
            let left = lecture.left(at(112));
            assert_eq!(left.session.state, lecture.state);
            let run = left.session.run.unwrap();
            assert_eq!(run.ending_since_ns, Some(112 * SECOND));
            assert_eq!(run.stop_ns, known.or(Some(12 * SECOND)));
            assert_eq!(left.changes.is_empty(), known.is_some());
        }
    }
}
