//! From captured to finished: one lecture at a time, while nothing is being recorded.

use lectern_domain::api::{Message, Severity};
use lectern_domain::ids::LectureId;
use lectern_domain::lecture::{LectureEvent, LectureState};
use lectern_store::NewDelivery;
use tracing::{error, info, warn};

use super::Conductor;
use crate::finisher::FinishEvent;

impl Conductor {
    /// The lecture at work has been captured.
    pub(super) fn queue_for_finishing(&mut self) {
        if let Some(session) = &self.session {
            self.to_finish.push_back(session.id);
        }
    }

    /// Hands the next captured lecture to the finisher, unless one is recorded or finished now.
    pub(super) async fn begin_finishing(&mut self) {
        if self.finishing.is_some() || self.session.is_some() || self.leaving {
            return;
        }
        let Some(id) = self.to_finish.pop_front() else {
            return;
        };
        let (state, _) = match LectureState::Captured.step(LectureEvent::FinishStarted) {
            Ok(step) => step,
            Err(refused) => return error!(error = %refused, "finishing could not begin"),
        };
        let input = match self.parts.db.finish_input(id).await {
            Ok(input) => input,
            Err(error) => {
                return error!(lecture = %id, error = %error, "lecture could not be read for finishing");
            }
        };
        if let Err(error) = self
            .parts
            .db
            .set_state(id, LectureState::Captured, state, None)
            .await
        {
            return error!(lecture = %id, error = %error, "finishing could not begin");
        }
        info!(lecture = %id, "finishing began");
        self.finishing = Some(id);
        if !self.parts.finisher.hand_over(id, input) {
            error!(lecture = %id, "finisher takes no work");
        }
    }

    pub(super) async fn on_finish(&mut self, event: FinishEvent) {
        match event {
            FinishEvent::Done {
                lecture,
                finished,
                took_ms,
            } => {
                self.finishing = None;
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
                    .finished(lecture, finished.files, finished.duration_ms, deliveries)
                    .await
                {
                    Ok(()) => {
                        info!(lecture = %lecture, files, duration_ms = finished.duration_ms, took_ms, "lecture was finished");
                        self.parts.courier_wake.notify_one();
                    }
                    Err(error) => {
                        error!(lecture = %lecture, error = %error, "finished files could not be committed")
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
            severity: Severity::Error,
            code: "finish-failed".to_owned(),
            subject: Some(lecture.to_string()),
            what: format!("A lecture could not be finished: {message}"),
            safe: "Everything that was recorded is on the disk.".to_owned(),
            todo: format!("When the cause is mended: lectern retry {lecture}"),
        });
    }
}
