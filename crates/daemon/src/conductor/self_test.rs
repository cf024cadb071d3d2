//! The self test at work: begun, watched, judged, deleted, and out of the way of every lecture.
//!
//! Its recording is the session at work like a lecture's, so it tries the very way that a lecture
//! goes. It is told to nobody as one: not in the status, not in a list, and no button means it.
//! How it gets on is decided in [`crate::self_test`].

use std::collections::BTreeMap;
use std::sync::Arc;

use lectern_capture::SourceReport;
use lectern_capture::clock::{monotonic_ns, unix_ms};
use lectern_domain::api::{
    self, Arg, Check, ClockTrust, Done, Levels, Metadata, Refusal, SELF_TEST_SECONDS, SelfTestRequest,
    SelfTestState, SelfTestStatus, SelfTestStep, Verdict,
};
use lectern_domain::ids::{LectureId, SourceName};
use lectern_domain::lecture::{LectureEvent, LectureState};
use lectern_store::{Db, SelfTest};
use tokio::sync::{broadcast, watch};
use tokio::task::JoinSet;
use tracing::{error, info, warn};

use super::Conductor;
use crate::courier::Prospects;
use crate::finisher::FinishEvent;
use crate::refusals::{from_db, sentence};
use crate::self_test::{Phase, Question, TestEvent, Watched, finished, recorded, tracks};
use crate::session::Session;
use crate::steps::Moment;

/// No self test begins when a lecture is planned for this long after its recording, or sooner.
const BEFORE_A_PLAN_MS: i64 = 5 * 60_000;

/// What a self test needs of the other rooms.
pub(crate) struct Means {
    /// Asks the platforms.
    pub(crate) prospects: Prospects,
    /// What the present or the last one found.
    pub(crate) report: watch::Sender<Arc<api::SelfTest>>,
}

/// The self test, if there is one, and what is under way for it.
#[derive(Default)]
pub(super) struct Tests {
    at_work: Option<Testing>,
    /// At most one: the probes or the deletion.
    tasks: JoinSet<Tested>,
}

/// A task of the self test has ended.
#[derive(Debug)]
pub(super) enum Tested {
    Probed(Vec<Check>),
    Deleted(Result<(), String>),
}

/// A self test under way.
struct Testing {
    test: SelfTest,
    phase: Phase,
    report: api::SelfTest,
    /// When the step under way began.
    step_ns: u64,
    until_unix_ms: i64,
    before: BTreeMap<SourceName, SourceReport>,
    watched: Watched,
    levels: broadcast::Receiver<Levels>,
}

impl Testing {
    /// Adds what the step under way found, and begins the next.
    fn found(&mut self, checks: impl IntoIterator<Item = Check>) {
        let now_ns = monotonic_ns();
        let took_ms = now_ns.saturating_sub(self.step_ns) / 1_000_000;
        let steps = checks.into_iter().map(|check| SelfTestStep { check, took_ms });
        self.report.steps.extend(steps);
        self.step_ns = now_ns;
    }
}

impl Tests {
    pub(super) fn status(&self) -> Option<SelfTestStatus> {
        self.at_work.as_ref().map(|testing| SelfTestStatus {
            recording: testing.phase == Phase::Recording,
            until_unix_ms: testing.until_unix_ms,
        })
    }

    /// The next task that ends; pends for ever while none is under way, which in a `select` is the
    /// same as `None`.
    pub(super) async fn ended(&mut self) -> Option<Tested> {
        match self.tasks.join_next().await? {
            Ok(tested) => Some(tested),
            Err(error) => Some(Tested::Deleted(Err(format!("a task of it broke down: {error}")))),
        }
    }

    fn is_about(&self, lecture: LectureId) -> bool {
        self.at_work
            .as_ref()
            .is_some_and(|testing| testing.test.lecture() == lecture)
    }
}

impl Conductor {
    /// Begins one, unless a lecture is under way or near.
    pub(super) async fn begin_self_test(&mut self, request: &SelfTestRequest) -> Result<Done, Refusal> {
        if self.tests.at_work.is_some() {
            return Err(not_at_present("refused-self-test-running"));
        }
        if self.session.is_some() {
            return Err(self.not_now("self-test"));
        }
        self.can_start()?;
        let seconds = request.seconds.unwrap_or(SELF_TEST_SECONDS);
        self.refuse_before_a_plan(i64::from(seconds) * 1_000)?;

        let pressed = Moment {
            // Nothing of before the test is anybody's business.
            pre_roll_ns: 0,
            ..self.moment()
        };
        let until_unix_ms = pressed.unix_ms.saturating_add(i64::from(seconds) * 1_000);
        let new = self.new_lecture(
            LectureId::random(),
            Metadata::default(),
            pressed.unix_ms,
            until_unix_ms,
        );
        let id = new.id;
        let levels = self.parts.capture.levels().subscribe();
        let before = self.parts.capture.reports();
        let test = self
            .parts
            .db
            .create_self_test(new)
            .await
            .map_err(|error| from_db(&error))?;
        self.tests.at_work = Some(Testing {
            test,
            phase: Phase::Recording,
            report: api::SelfTest {
                state: SelfTestState::Running,
                began_unix_ms: Some(pressed.unix_ms),
                seconds,
                steps: Vec::new(),
            },
            step_ns: pressed.now_ns,
            until_unix_ms,
            before,
            watched: Watched::default(),
            levels,
        });
        self.session = Some(Session {
            started_unix_ms: pressed.unix_ms,
            ends_ns: pressed.now_ns.saturating_add(u64::from(seconds) * 1_000_000_000),
            self_test: true,
            ..Session::new(id, Metadata::default(), LectureState::Armed)
        });
        self.tell_self_test();
        if let Err(refusal) = self.open_first_run(pressed).await {
            self.session = None;
            self.parts.capture.follow(None);
            self.self_test_closed(id, None);
            return Err(refusal);
        }
        info!(lecture = %id, seconds, "self test began");
        Ok(Done {
            lecture: None,
            state: None,
        })
    }

    /// A clock that cannot be believed says nothing of the next plan and refuses nothing: the test
    /// was asked for by somebody, and should the clock be set and a lecture begin meanwhile, the
    /// test gives way to it as to a press of start, in half a second.
    fn refuse_before_a_plan(&self, lasts_ms: i64) -> Result<(), Refusal> {
        let Some((plan, _)) = self
            .agenda
            .next
            .as_ref()
            .filter(|_| self.clock.trust() == ClockTrust::Trusted)
        else {
            return Ok(());
        };
        if plan.starts_unix_ms.saturating_sub(unix_ms()) > lasts_ms + BEFORE_A_PLAN_MS {
            return Ok(());
        }
        Err(Refusal::State {
            state: "ready".to_owned(),
            allowed: vec!["start"],
            message: self.english().keyed(
                "refused-self-test-planned",
                api::args([("at", Arg::AtUnixMs(plan.starts_unix_ms))]),
            ),
        })
    }

    /// Whether the session at work is a self test's: no lecture, and no button means it.
    pub(super) fn session_is_test(&self) -> bool {
        self.session.as_ref().is_some_and(|session| session.self_test)
    }

    /// The lecture at work; a self test is none.
    pub(super) fn lecture_at_work(&self) -> Option<&Session> {
        self.session.as_ref().filter(|session| !session.self_test)
    }

    /// Looks and listens while it records.
    pub(super) fn watch_self_test(&mut self) {
        let Some(testing) = self
            .tests
            .at_work
            .as_mut()
            .filter(|testing| testing.phase == Phase::Recording)
        else {
            return;
        };
        for (source, pictures) in self.parts.capture.pictures() {
            if let Some(picture) = pictures.borrow().as_ref() {
                testing.watched.look(&source, picture);
            }
        }
        loop {
            match testing.levels.try_recv() {
                Ok(levels) => testing.watched.hear(&levels),
                // Louder moments may be among those that were missed; enough are left.
                Err(broadcast::error::TryRecvError::Lagged(_)) => {}
                Err(broadcast::error::TryRecvError::Empty | broadcast::error::TryRecvError::Closed) => break,
            }
        }
    }

    /// A lecture wants to begin: what records for the self test is closed, what finishes it stops.
    ///
    /// # Errors
    /// The step could not be committed.
    pub(super) async fn make_way(&mut self) -> Result<(), Refusal> {
        let gives_way = self.self_test_step(TestEvent::LectureBegins);
        if let Some(lecture) = gives_way {
            info!(lecture = %lecture, "self test gave way to a lecture");
        }
        if self.session_is_test() {
            // Asked at each press: a stop that could not be committed is tried again.
            let records = |session: &Session| session.state.step(LectureEvent::Stop).is_ok();
            if self.session.as_ref().is_some_and(records) {
                self.step(LectureEvent::Stop).await?;
            }
            return self.end_grace().await;
        }
        if let Some(lecture) = gives_way {
            self.parts.finisher.give_up(lecture);
            self.drop_unfinished(lecture);
        }
        Ok(())
    }

    /// It waits for the finisher, perhaps behind a lecture: then it waits no longer.
    fn drop_unfinished(&mut self, lecture: LectureId) {
        let waiting = self.to_finish.len();
        self.to_finish.retain(|id| *id != lecture);
        if self.to_finish.len() < waiting && self.self_test_step(TestEvent::FinisherDone).is_some() {
            self.go_on_with_self_test();
        }
    }

    /// Its recording is over; `recorded_ms`: so much of it is closed and can be finished.
    pub(super) fn self_test_closed(&mut self, lecture: LectureId, recorded_ms: Option<u64>) {
        let event = match recorded_ms {
            Some(_) => TestEvent::Captured,
            None => TestEvent::NothingCaptured,
        };
        if self.self_test_step(event).is_none() {
            return;
        }
        let Some(testing) = &mut self.tests.at_work else {
            return;
        };
        if testing.phase != Phase::Deleting {
            let wanted_ms = u64::from(testing.report.seconds) * 1_000;
            testing.found([recorded(wanted_ms, recorded_ms)]);
        }
        self.to_finish.retain(|id| *id != lecture);
        if testing.phase == Phase::Finishing {
            // Before lectures that have waited all day anyway.
            self.to_finish.push_front(lecture);
        }
        self.go_on_with_self_test();
    }

    /// The finisher's word about the self test; `None`: it was about a lecture, and is given back.
    pub(super) fn self_test_finished(&mut self, event: FinishEvent) -> Option<FinishEvent> {
        let (FinishEvent::Done { lecture, .. } | FinishEvent::Failed { lecture, .. }) = &event;
        if !self.tests.is_about(*lecture) {
            return Some(event);
        }
        self.finishing = None;
        self.self_test_step(TestEvent::FinisherDone)?;
        let after = self.parts.capture.reports();
        let testing = self.tests.at_work.as_mut()?;
        if testing.phase == Phase::Probing {
            let config = &self.parts.config;
            let done = match &event {
                FinishEvent::Done { finished, .. } => Some(finished),
                FinishEvent::Failed { .. } => None,
            };
            let made = match &event {
                FinishEvent::Done { finished: done, .. } => finished(config, done),
                FinishEvent::Failed { message, .. } => Check::bad(
                    "finish",
                    format!("The recording could not be finished: {message}."),
                    "See what the recorder's log says; a lecture would fail so too.",
                ),
            };
            let question = Question {
                config,
                before: &testing.before,
                after: &after,
                watched: &testing.watched,
                finished: done,
            };
            let tracks = tracks(&question);
            testing.found(std::iter::once(made).chain(tracks));
        }
        self.go_on_with_self_test();
        None
    }

    pub(super) fn on_tested(&mut self, tested: Tested) {
        match tested {
            Tested::Probed(checks) => {
                if let Some(testing) = &mut self.tests.at_work {
                    testing.found(checks);
                }
                self.self_test_step(TestEvent::Probed);
                self.go_on_with_self_test();
            }
            Tested::Deleted(result) => {
                let Some(mut testing) = self.tests.at_work.take() else {
                    return;
                };
                let lecture = testing.test.lecture();
                testing.found([match result {
                    Ok(()) => Check::good("delete", "Nothing of it is left here."),
                    Err(why) => {
                        error!(lecture = %lecture, error = why, "self test could not be deleted; the next start does it");
                        Check::bad(
                            "delete",
                            format!("It could not be deleted: {why}."),
                            "Restart the recorder when no lecture is near: it deletes it then.",
                        )
                    }
                }]);
                testing.phase = testing.phase.step(TestEvent::Deleted).unwrap_or(Phase::Over);
                testing.report.state = match (testing.report.state, testing.report.worst()) {
                    (SelfTestState::GaveWay, _) => SelfTestState::GaveWay,
                    (_, Verdict::Bad) => SelfTestState::Failed,
                    (_, Verdict::Good | Verdict::Warning) => SelfTestState::Passed,
                };
                info!(lecture = %lecture, state = ?testing.report.state, "self test ended");
                self.parts.self_test.report.send_replace(Arc::new(testing.report));
            }
        }
    }

    /// Lets `event` happen; the lecture that it is recorded as, if that changed anything.
    fn self_test_step(&mut self, event: TestEvent) -> Option<LectureId> {
        let testing = self.tests.at_work.as_mut()?;
        testing.phase = testing.phase.step(event)?;
        if testing.phase == Phase::GivingWay {
            testing.report.state = SelfTestState::GaveWay;
        }
        Some(testing.test.lecture())
    }

    /// Begins what its phase needs.
    fn go_on_with_self_test(&mut self) {
        let Some(testing) = &self.tests.at_work else {
            return;
        };
        match testing.phase {
            Phase::Probing => {
                let prospects = self.parts.self_test.prospects.clone();
                self.tests.tasks.spawn(async move {
                    let mut checks = prospects.look().await;
                    checks.retain(|check| check.group() == "platform");
                    Tested::Probed(checks)
                });
            }
            Phase::Deleting => {
                let (db, test) = (self.parts.db.clone(), testing.test);
                self.tests.tasks.spawn(discard(db, test));
            }
            Phase::Recording | Phase::Finishing | Phase::GivingWay | Phase::Over => {}
        }
        self.tell_self_test();
    }

    fn tell_self_test(&self) {
        if let Some(testing) = &self.tests.at_work {
            self.parts
                .self_test
                .report
                .send_replace(Arc::new(testing.report.clone()));
        }
    }
}

async fn discard(db: Db, test: SelfTest) -> Tested {
    let discarded = db.discard(test).await;
    if let Err(error) = &discarded {
        warn!(lecture = %test.lecture(), error = %error, "self test was not deleted");
    }
    Tested::Deleted(discarded.map_err(|error| error.to_string()))
}

/// Not in this state, though nothing is being recorded.
fn not_at_present(key: &str) -> Refusal {
    Refusal::State {
        state: "ready".to_owned(),
        allowed: vec!["start"],
        message: sentence(key, []),
    }
}
