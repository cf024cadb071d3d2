//! From captured to finished: one lecture at a time, while nothing is being recorded.

use lectern_capture::clock::monotonic_ns;
use lectern_domain::api::{Message, Severity};
use lectern_domain::ids::LectureId;
use lectern_domain::lecture::{LectureEvent, LectureState};
use lectern_store::{DbError, NewDelivery};
use tracing::{error, info, warn};

use super::Conductor;
use crate::finisher::{FinishEvent, Wishes};

/// After a failure of the database.
const REST_NS: u64 = 10_000_000_000;

impl Conductor {
    /// What the clock finds to do: what could not be committed, or the next lecture.
    pub(super) async fn finish_on(&mut self, now_ns: u64) {
        if now_ns < self.finish_after_ns {
            return;
        }
        match self.uncommitted.take() {
            Some(event) => self.on_finish(event).await,
            None => self.begin_finishing().await,
        }
    }

    /// The database failed: finishing rests a while.
    fn rest(&mut self) {
        self.finish_after_ns = monotonic_ns().saturating_add(REST_NS);
    }

    /// Hands the next captured lecture to the finisher, unless one is recorded or finished now, or
    /// the daemon is about to start anew.
    pub(super) async fn begin_finishing(&mut self) {
        if self.finishing.is_some() || self.session.is_some() || self.leaving || self.is_about_to_renew() {
            return;
        }
        if monotonic_ns() < self.finish_after_ns {
            return;
        }
        let Some(id) = self.to_finish.pop_front() else {
            return;
        };
        let (state, _) = match LectureState::Captured.step(LectureEvent::FinishStarted) {
            Ok(step) => step,
            Err(refused) => return error!(error = %refused, "finishing could not begin"),
        };
        let begun = async {
            let input = self.parts.db.finish_input(id).await?;
            let (from, to) = (LectureState::Captured, state);
            self.parts.db.set_state(id, from, to, None).await?;
            Ok(input)
        };
        let input = match begun.await {
            Ok(input) => input,
            Err(error @ (DbError::NotFound(_) | DbError::Conflict(_))) => {
                return warn!(lecture = %id, error = %error, "lecture is not to be finished any more");
            }
            Err(error) => {
                error!(lecture = %id, error = %error, "finishing could not begin; it is tried again");
                self.to_finish.push_front(id);
                return self.rest();
            }
        };
        info!(lecture = %id, "finishing began");
        self.finishing = Some(id);
        let wishes = Wishes::of(&self.parts.config, crate::run::source_program());
        if !self.parts.finisher.hand_over(id, input, wishes) {
            let message = "The part of the recorder that finishes lectures has ended. Restart lecternd.";
            self.finishing = None;
            self.fail(id, message.to_owned()).await;
        }
    }

    pub(super) async fn on_finish(&mut self, event: FinishEvent) {
        let Some(event) = self.self_test_finished(event) else {
            return self.begin_finishing().await;
        };
        match event {
            FinishEvent::Done {
                lecture,
                finished,
                took_ms,
            } => {
                for note in &finished.notes {
                    warn!(lecture = %lecture, note = %note, "finisher noted something");
                }
                let deliveries = self.parts.config.platforms.iter();
                let deliveries = deliveries
                    .map(|p| NewDelivery {
                        platform: p.name.clone(),
                        send: p.send.clone(),
                    })
                    .collect();
                let files = finished.files.len();
                match self
                    .parts
                    .db
                    .finished(lecture, finished.files.clone(), finished.duration_ms, deliveries)
                    .await
                {
                    Ok(()) => {
                        self.finishing = None;
                        self.parts.counts.finished(finished.duration_ms, took_ms);
                        info!(lecture = %lecture, files, duration_ms = finished.duration_ms, took_ms, "lecture was finished");
                        self.parts.bell.ring();
                    }
                    Err(error @ (DbError::NotFound(_) | DbError::Conflict(_))) => {
                        self.finishing = None;
                        error!(lecture = %lecture, error = %error, "finished files belong to no lecture that waits for them");
                    }
                    Err(error) => {
                        error!(lecture = %lecture, error = %error, "finished files could not be committed; it is tried again");
                        self.uncommitted = Some(FinishEvent::Done {
                            lecture,
                            finished,
                            took_ms,
                        });
                        self.rest();
                    }
                }
            }
            FinishEvent::Failed { lecture, message } => {
                self.finishing = None;
                self.fail(lecture, message).await;
            }
        }
        self.refresh_queue().await;
        self.begin_finishing().await;
    }

    async fn fail(&mut self, lecture: LectureId, message: String) {
        error!(lecture = %lecture, error = message, "lecture could not be finished");
        self.parts.counts.failed();
        let (from, event) = (LectureState::Finishing, LectureEvent::FinishFailed);
        let committed = match from.step(event) {
            Ok((to, _)) => {
                self.parts
                    .db
                    .set_state(lecture, from, to, Some(message.clone()))
                    .await
            }
            Err(refused) => return error!(error = %refused, "failure could not be noted"),
        };
        if let Err(error) = committed {
            error!(lecture = %lecture, error = %error, "failure could not be noted");
        }
        self.trouble(Message {
            subject: Some(lecture.to_string()),
            detail: Some(format!(
                "{message} When the cause is mended: lectern retry {lecture}"
            )),
            ..self.told(Severity::Error, "message-finish-failed", [])
        });
    }
}
