//! What a step of a lecture's state machine makes the conductor do.

use std::time::Duration;

use lectern_capture::clock::{monotonic_ns, unix_ms};
use lectern_domain::api::{Message, Refusal, Severity};
use lectern_domain::ids::{RunId, RunNumber};
use lectern_domain::lecture::{LectureAction, LectureEvent, LectureState};
use lectern_store::DbError;
use tracing::{error, info, warn};

use super::Conductor;
use crate::session::{OpenRun, PAUSE_LEAD_NS, Session};

/// A database that cannot commit: nothing was changed, and a person must know.
pub(super) fn unable(error: &DbError) -> Refusal {
    Refusal::Internal {
        message: format!(
            "The recorder's database could not be written: {error}. What was recorded is safe. \
             Free the disk or call the help desk, then try again."
        ),
    }
}

impl Conductor {
    /// Lets `event` happen to the lecture at work: judge, commit, act.
    pub(super) async fn step(&mut self, event: LectureEvent) -> Result<(), Refusal> {
        let Some(session) = &self.session else {
            return Ok(());
        };
        let (id, from) = (session.id, session.state);
        let (to, actions) = from
            .step(event)
            .map_err(|refused| self.refused(&refused.to_string()))?;
        let reason = (to == LectureState::Failed)
            .then(|| "No camera, screen or microphone delivered anything.".to_owned());
        if to != from {
            self.parts
                .db
                .set_state(id, from, to, reason)
                .await
                .map_err(|error| unable(&error))?;
            info!(lecture = %id, from = %from, to = %to, "lecture changed its state");
        }
        if let Some(session) = &mut self.session {
            session.state = to;
        }
        self.act_all(actions, event)
            .await
            .map_err(|error| unable(&error))?;
        if event == LectureEvent::Pause {
            self.await_pause().await;
        }
        Ok(())
    }

    /// Does what a step asks for, in order, then tells the sources.
    pub(super) async fn act_all(
        &mut self,
        actions: &[LectureAction],
        event: LectureEvent,
    ) -> Result<(), DbError> {
        for action in actions {
            self.act(*action, event).await?;
        }
        self.parts
            .capture
            .follow(self.session.as_ref().and_then(Session::plan));
        Ok(())
    }

    /// Returns when the pause has begun, so that nobody is told "paused" while the last tenth of
    /// a second is still being recorded (P7).
    async fn await_pause(&self) {
        let begins_ns = self
            .session
            .as_ref()
            .and_then(|session| session.run.as_ref())
            .and_then(|run| run.pauses.last().map(|(from_ns, _)| run.base_ns + from_ns));
        let wait_ns = begins_ns.unwrap_or(0).saturating_sub(monotonic_ns());
        tokio::time::sleep(Duration::from_nanos(wait_ns)).await;
    }

    async fn act(&mut self, action: LectureAction, event: LectureEvent) -> Result<(), DbError> {
        match action {
            LectureAction::OpenRun => self.open_next_run().await,
            LectureAction::CloseGate => self.close_gate(event).await,
            LectureAction::OpenGate => self.open_gate().await,
            LectureAction::HoldInMemory => self.hold().await,
            LectureAction::WriteHeld => self.take_stop_back().await,
            LectureAction::EndRun => self.end_run().await,
            LectureAction::Finish => {
                self.queue_for_finishing();
                Ok(())
            }
            LectureAction::Deliver => {
                self.parts.courier_wake.notify_one();
                Ok(())
            }
        }
    }

    async fn open_next_run(&mut self) -> Result<(), DbError> {
        let Some(session) = &mut self.session else {
            return Ok(());
        };
        let run = RunId {
            lecture: session.id,
            run: RunNumber(session.last_run.0 + 1),
        };
        let (base_ns, opened_unix_ms) = (monotonic_ns(), unix_ms());
        self.parts.db.open_run(run, base_ns, opened_unix_ms).await?;
        session.last_run = run.run;
        session.begun_ns = base_ns;
        session.run = Some(OpenRun {
            id: run,
            base_ns,
            opened_unix_ms,
            pauses: Vec::new(),
            stop_ns: None,
            ending_since_ns: None,
            drained: std::collections::BTreeSet::new(),
            closing: false,
        });
        Ok(())
    }

    /// Begins a pause. After an interruption and after an undo it begins where the earlier one
    /// left off, so that not one picture lies between.
    async fn close_gate(&mut self, event: LectureEvent) -> Result<(), DbError> {
        let Some(session) = &mut self.session else {
            return Ok(());
        };
        let Some(run) = &mut session.run else {
            return Ok(());
        };
        let now_ns = monotonic_ns().saturating_sub(run.base_ns);
        let undone = matches!(event, LectureEvent::Undo { .. });
        if undone {
            run.stop_ns = None;
            session.undo_until_ns = None;
            self.parts.db.clear_end(run.id).await?;
        }
        if run.pauses.last().is_some_and(|(_, to)| to.is_none()) {
            return Ok(());
        }
        let from_ns = if matches!(event, LectureEvent::RecordOn { .. }) {
            0
        } else {
            now_ns + PAUSE_LEAD_NS
        };
        self.parts.db.pause_from(run.id, from_ns).await?;
        run.pauses.push((from_ns, None));
        Ok(())
    }

    async fn open_gate(&mut self) -> Result<(), DbError> {
        let Some(run) = self.session.as_mut().and_then(|session| session.run.as_mut()) else {
            return Ok(());
        };
        let now_ns = monotonic_ns().saturating_sub(run.base_ns);
        if let Some((from_ns, to @ None)) = run.pauses.last_mut() {
            let to_ns = now_ns.max(*from_ns);
            self.parts.db.resume_at(run.id, to_ns).await?;
            *to = Some(to_ns);
        }
        Ok(())
    }

    /// A stop that can still be undone.
    async fn hold(&mut self) -> Result<(), DbError> {
        let undo_ns = self.parts.config.recording.undo.ns();
        let Some(session) = &mut self.session else {
            return Ok(());
        };
        let Some(run) = &mut session.run else {
            return Ok(());
        };
        let now_ns = monotonic_ns();
        let stop_ns = now_ns.saturating_sub(run.base_ns);
        self.parts.db.end_run_at(run.id, stop_ns).await?;
        run.stop_ns = Some(stop_ns);
        session.stopped_paused = run.pauses.last().is_some_and(|(_, to)| to.is_none());
        session.undo_until_ns = Some(now_ns + undo_ns);
        Ok(())
    }

    async fn take_stop_back(&mut self) -> Result<(), DbError> {
        let Some(session) = &mut self.session else {
            return Ok(());
        };
        let Some(run) = &mut session.run else {
            return Ok(());
        };
        self.parts.db.clear_end(run.id).await?;
        run.stop_ns = None;
        session.undo_until_ns = None;
        Ok(())
    }

    /// From here on the run only flushes. Also the end of a run without a press: at the daemon's
    /// own end, and when nothing ever arrived.
    pub(super) async fn end_run(&mut self) -> Result<(), DbError> {
        let Some(session) = &mut self.session else {
            return Ok(());
        };
        let Some(run) = &mut session.run else {
            return Ok(());
        };
        let now_ns = monotonic_ns();
        if run.stop_ns.is_none() {
            let stop_ns = now_ns.saturating_sub(run.base_ns);
            self.parts.db.end_run_at(run.id, stop_ns).await?;
            run.stop_ns = Some(stop_ns);
        }
        run.ending_since_ns = Some(now_ns);
        session.undo_until_ns = None;
        Ok(())
    }

    /// Asks the spool to close the run's segments, once every source has flushed.
    pub(super) fn close_if_drained(&mut self) {
        let sources = self.parts.config.sources.len();
        let now_ns = monotonic_ns();
        let Some(session) = &mut self.session else { return };
        if !session.can_close(sources, now_ns) {
            return;
        }
        let Some(run) = &mut session.run else { return };
        if run.drained.len() < sources {
            warn!(lecture = %session.id, drained = run.drained.len(), sources, "some sources did not flush in time");
        }
        run.closing = true;
        let (id, spool) = (run.id, self.parts.spool.clone());
        self.closing
            .spawn(async move { (id, spool.end_run(id).await.map_err(|error| error.to_string())) });
    }

    pub(super) async fn on_run_closed(&mut self, run: RunId, result: Result<(), String>) {
        if let Err(message) = result {
            error!(lecture = %run.lecture, run = %run.run, error = message, "segments could not be closed");
            self.trouble(Message {
                severity: Severity::Error,
                code: "close-failed".to_owned(),
                subject: Some(run.lecture.to_string()),
                what: format!("The last seconds of a lecture could not be closed on the disk: {message}"),
                safe: "All its earlier segments are on the disk.".to_owned(),
                todo: "Call the help desk; the next start of the recorder salvages what is there.".to_owned(),
            });
        }
        if self.open_run(run).is_none() {
            return;
        }
        if let Some(session) = &mut self.session {
            session.run = None;
        }
        self.parts.capture.follow(None);
        if self.leaving
            && self
                .session
                .as_ref()
                .is_some_and(|s| s.state != LectureState::Stopping)
        {
            // Its state stays: the next start finds it interrupted and goes on with it.
            self.session = None;
            return;
        }
        if let Err(refusal) = self.step(LectureEvent::AllClosed).await {
            error!(error = refusal.message(), "closed lecture could not be committed");
        }
        self.session = None;
        self.start_waiting().await;
    }

    /// The first signal: close the run in good order; the lecture goes on at the next start.
    pub(super) async fn leave(&mut self) {
        if self.leaving {
            return;
        }
        info!("daemon was asked to stop");
        self.leaving = true;
        let Some(session) = &self.session else { return };
        if session
            .run
            .as_ref()
            .is_some_and(|run| run.ending_since_ns.is_some())
        {
            return;
        }
        if let Err(error) = self.end_run().await {
            error!(error = %error, "run could not be ended in good order");
            self.session = None;
            return;
        }
        self.parts
            .capture
            .follow(self.session.as_ref().and_then(Session::plan));
    }
}
