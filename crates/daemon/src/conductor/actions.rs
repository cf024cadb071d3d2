//! Makes the steps of the lecture at work: judged, committed, and only then true.

use std::time::Duration;

use lectern_capture::clock::{monotonic_ns, unix_ms};
use lectern_domain::api::{Message, Refusal, Severity};
use lectern_domain::ids::RunId;
use lectern_domain::lecture::{LectureEvent, LectureState};
use lectern_store::DbError;
use tracing::{error, info, warn};

use super::Conductor;
use super::noted::LOAD_SHED;
use crate::refusals::unable;
use crate::session::{DRAIN_NS, LEAVE_DRAIN_NS, Session};
use crate::steps::{Moment, Next};

/// Code of the message about a lecture that could not be closed.
const CLOSE_FAILED: &str = "close-failed";
/// The spool's thread takes a step each second; one that has not for this long waits for the disk.
const DISK_STALLED_NS: u64 = 2_000_000_000;
/// What a lecture that never began says of itself.
const NOTHING_ARRIVED: &str = "No camera, screen or microphone delivered anything.";

impl Conductor {
    /// Lets `event` happen to the lecture at work: judge, commit, act. An error changed nothing.
    pub(super) async fn step(&mut self, event: LectureEvent) -> Result<(), Refusal> {
        let Some(session) = &self.session else {
            return Ok(());
        };
        let next = session
            .after(event, self.moment())
            .map_err(|refused| self.refused(&refused))?;
        self.make(next).await.map_err(|error| unable(&error))?;
        if event == LectureEvent::Pause {
            self.await_pause().await;
        }
        Ok(())
    }

    pub(super) fn moment(&self) -> Moment {
        let now_ns = monotonic_ns();
        Moment {
            now_ns,
            unix_ms: unix_ms(),
            clock: self.clock.trust(),
            // Nobody takes the end of a self test back.
            undo_ns: if self.session_is_test() {
                0
            } else {
                self.parts.config.recording.undo.ns()
            },
            pre_roll_ns: self.parts.config.recording.pre_roll.ns(),
            kept_since_ns: self.keeping.since_ns(now_ns),
        }
    }

    /// Commits a step, then takes it over. The sources hear of a pause before the commit: on a
    /// slow disk, nothing may be written meanwhile that the pause is to keep away (P7).
    pub(super) async fn make(&mut self, next: Next) -> Result<(), DbError> {
        let Some(session) = &self.session else {
            return Ok(());
        };
        let (id, from, to) = (session.id, session.state, next.session.state);
        if to == LectureState::Paused {
            self.parts.capture.follow(next.session.plan());
        }
        if to != from || !next.changes.is_empty() {
            let reason = (to == LectureState::Failed).then(|| NOTHING_ARRIVED.to_owned());
            let committed = self.parts.db.step(id, from, to, reason, next.changes).await;
            if let Err(error) = committed {
                self.parts.capture.follow(session.plan());
                return Err(error);
            }
        }
        if to != from {
            info!(lecture = %id, from = %from, to = %to, "lecture changed its state");
        }
        self.session = Some(next.session);
        self.parts
            .capture
            .follow(self.session.as_ref().and_then(Session::plan));
        if next.captured {
            self.to_finish.push_back(id);
        }
        if to == LectureState::Failed && from != to && !self.session_is_test() {
            self.trouble(self.told(Severity::Error, "message-nothing-arrived", []));
        }
        Ok(())
    }

    /// What the clock demands; also what could not be committed before.
    pub(super) async fn step_due(&mut self, now_ns: u64) {
        let Some(event) = self.session.as_ref().and_then(|session| session.due(now_ns)) else {
            return;
        };
        if event == LectureEvent::AllClosed {
            self.conclude().await;
        } else if let Err(refusal) = self.step(event).await {
            error!(event = ?event, error = refusal.message(), "timed step failed");
            self.put_off();
        }
    }

    fn put_off(&mut self) {
        if let Some(session) = &mut self.session {
            session.put_off(monotonic_ns());
        }
    }

    /// Returns when the pause has begun, [`PAUSE_LEAD_NS`](crate::session::PAUSE_LEAD_NS) after the
    /// press, so that nobody is told "paused" while something is still being recorded (P7).
    async fn await_pause(&self) {
        let begins_ns = self
            .session
            .as_ref()
            .and_then(|session| session.run.as_ref())
            .and_then(|run| run.pauses.last().map(|(from_ns, _)| run.base_ns + from_ns));
        let wait_ns = begins_ns.unwrap_or(0).saturating_sub(monotonic_ns());
        tokio::time::sleep(Duration::from_nanos(wait_ns)).await;
    }

    /// Asks the spool to close the run's segments, once every source has flushed.
    pub(super) fn close_if_drained(&mut self) {
        let sources = self.parts.config.sources.len();
        let now_ns = monotonic_ns();
        let spool_seen_ns = self.parts.spool.counters().last_progress_mono_ms() * 1_000_000;
        let Some(session) = &mut self.session else { return };
        if !self.leaving && now_ns.saturating_sub(spool_seen_ns) > DISK_STALLED_NS {
            session.wait_for_disk(now_ns);
        }
        let patience_ns = if self.leaving { LEAVE_DRAIN_NS } else { DRAIN_NS };
        if !session.can_close(sources, now_ns, patience_ns) {
            return;
        }
        let Some(run) = &mut session.run else { return };
        if run.drained.len() < sources {
            warn!(lecture = %session.id, drained = run.drained.len(), sources, "some sources did not flush in time");
        }
        run.closing = true;
        let (id, spool, scribe) = (run.id, self.parts.spool.clone(), self.parts.scribe.clone());
        self.closing.spawn(async move {
            let ended = spool.end_run(id).await.map_err(|error| error.to_string());
            // The finisher reads the facts too.
            scribe.settled().await;
            (id, ended)
        });
    }

    pub(super) async fn on_run_closed(&mut self, run: RunId, result: Result<(), String>) {
        if self.open_run(run).is_none() {
            return;
        }
        match result {
            Ok(()) => self.troubles.retain(|trouble| trouble.code != CLOSE_FAILED),
            Err(message) => {
                error!(lecture = %run.lecture, run = %run.run, error = message, "segments could not be closed");
                self.close_failed(run, &message);
                if let Some(open) = self.open_run(run) {
                    // Closing can be asked for any number of times.
                    open.closing = false;
                }
                self.put_off();
                if !self.leaving && !self.session.as_ref().is_some_and(Session::is_hopeless) {
                    return;
                }
                // Not captured: without its last segments it must not be finished and sent.
                self.run_is_over();
                return self.drop_session().await;
            }
        }
        self.run_is_over();
        self.parts.capture.follow(None);
        if self.leaving && !self.session.as_ref().is_some_and(Session::is_closing) {
            // Its state stays: the next start finds it interrupted and goes on with it.
            self.session = None;
            return;
        }
        self.conclude().await;
    }

    /// Everything is closed: the lecture leaves the recorder, once that is committed.
    async fn conclude(&mut self) {
        if let Err(refusal) = self.step(LectureEvent::AllClosed).await {
            error!(error = refusal.message(), "closed lecture could not be committed");
            self.put_off();
            if !self.leaving && !self.session.as_ref().is_some_and(Session::is_hopeless) {
                return;
            }
            if let Some(id) = self.session.as_ref().map(|session| session.id) {
                self.trouble(Message {
                    code: CLOSE_FAILED.to_owned(),
                    subject: Some(id.to_string()),
                    detail: Some(format!(
                        "{} The next start of the recorder goes on with it.",
                        refusal.message()
                    )),
                    ..self.told(Severity::Error, "message-entry-failed", [])
                });
            }
        }
        self.drop_session().await;
    }

    /// Nothing of the run is open any more.
    fn run_is_over(&mut self) {
        let now_ns = monotonic_ns();
        if let Some(session) = &mut self.session
            && let Some(run) = session.run.take()
        {
            session.earlier_ms += run.recorded_ns(now_ns) / 1_000_000;
            self.keeping
                .lecture_ended(run.base_ns.saturating_add(run.stop_ns.unwrap_or(0)));
        }
        self.troubles.retain(|trouble| trouble.code != LOAD_SHED);
    }

    async fn drop_session(&mut self) {
        let dropped = self.session.take();
        self.parts.capture.follow(None);
        if let Some(test) = dropped.filter(|session| session.self_test) {
            let whole = test.state == LectureState::Captured;
            self.self_test_closed(test.id, whole.then(|| test.recorded_ms(monotonic_ns())));
        }
        self.start_waiting().await;
    }

    fn close_failed(&mut self, run: RunId, message: &str) {
        self.trouble(Message {
            subject: Some(run.lecture.to_string()),
            detail: Some(format!(
                "{message}. It is tried again at the next start of the recorder, too."
            )),
            ..self.told(Severity::Error, "message-close-failed", [])
        });
    }

    /// The first signal: close the run in good order; the lecture goes on at the next start.
    pub(super) async fn leave(&mut self) {
        // Whoever is asked to stop does not start anew.
        self.renewal.again = None;
        if self.leaving {
            return;
        }
        info!("daemon was asked to stop");
        self.leaving = true;
        let Some(session) = &self.session else { return };
        let Some(run) = &session.run else {
            // Only its last commit is missing; the next start makes it.
            self.session = None;
            return;
        };
        if run.ending_since_ns.is_some() {
            return;
        }
        let left = session.left(self.moment());
        if let Err(error) = self.make(left).await {
            error!(error = %error, "run could not be ended in good order");
            self.session = None;
        }
    }
}
