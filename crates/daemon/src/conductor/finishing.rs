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
            Some(FinishEvent::Failed { lecture, message }) => {
                self.note_failure(lecture, message).await;
                self.refresh_queue().await;
            }
            Some(done @ FinishEvent::Done { .. }) => self.on_finish(done).await,
            None => self.begin_finishing().await,
        }
    }

    /// What the finisher said of a lecture could not be committed. Where the database failed, the
    /// lecture stays at work and the clock tries it again: left as it is, no button leads out of
    /// `finishing`.
    fn keep_uncommitted(&mut self, error: &DbError, event: FinishEvent) {
        let (FinishEvent::Done { lecture, .. } | FinishEvent::Failed { lecture, .. }) = &event;
        if is_for_ever(error) {
            error!(lecture = %lecture, error = %error, "finisher's word is about no lecture that waits for it");
            self.finishing = None;
            return;
        }
        error!(lecture = %lecture, error = %error, "finisher's word could not be committed; it is tried again");
        self.uncommitted = Some(event);
        self.rest();
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
            Err(error) if is_for_ever(&error) => {
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
                    Err(error) => self.keep_uncommitted(
                        &error,
                        FinishEvent::Done {
                            lecture,
                            finished,
                            took_ms,
                        },
                    ),
                }
            }
            FinishEvent::Failed { lecture, message } => self.fail(lecture, message).await,
        }
        self.refresh_queue().await;
        self.begin_finishing().await;
    }

    /// Tells people that a lecture could not be finished, and why.
    async fn fail(&mut self, lecture: LectureId, message: String) {
        error!(lecture = %lecture, error = message, "lecture could not be finished");
        self.parts.counts.failed();
        self.trouble(Message {
            subject: Some(lecture.to_string()),
            detail: Some(format!(
                "{message} When the cause is mended: lectern retry {lecture}"
            )),
            ..self.told(Severity::Error, "message-finish-failed", [])
        });
        self.note_failure(lecture, message).await;
    }

    /// Commits why a lecture could not be finished; only then can it be asked for again.
    async fn note_failure(&mut self, lecture: LectureId, message: String) {
        let (from, event) = (LectureState::Finishing, LectureEvent::FinishFailed);
        let to = match from.step(event) {
            Ok((to, _)) => to,
            Err(refused) => {
                self.finishing = None;
                return error!(error = %refused, "failure could not be noted");
            }
        };
        let reason = Some(message.clone());
        match self.parts.db.set_state(lecture, from, to, reason).await {
            Ok(()) => self.finishing = None,
            Err(error) => self.keep_uncommitted(&error, FinishEvent::Failed { lecture, message }),
        }
    }
}

/// Whether the database refuses for ever: the lecture is gone, or elsewhere by now. Anything else,
/// such as a full disk, passes.
fn is_for_ever(error: &DbError) -> bool {
    match error {
        DbError::NotFound(_) | DbError::Conflict(_) => true,
        DbError::Gone(_) | DbError::Damaged(_) | DbError::Sqlite { .. } | DbError::Spool(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use lectern_store::Gone;

    use super::*;

    #[test]
    fn p8_what_a_full_disk_kept_from_being_committed_is_tried_again() {
        let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
        let full = lectern_store::SpoolError::Io {
            path: "/var/lib/lectern".into(),
            what: "written",
            source: full,
        };
        for (error, for_ever) in [
            (DbError::Spool(full), false),
            (DbError::Gone(Gone), false),
            (DbError::Damaged("\"x\" in the column state".to_owned()), false),
            (DbError::NotFound("lecture 1".to_owned()), true),
            (DbError::Conflict("it is delivered".to_owned()), true),
        ] {
            assert_eq!(is_for_ever(&error), for_ever, "{error}");
        }
    }
}
