//! What people ask about lectures that are not at work: try again, send now, mend the words.

use lectern_domain::api::{DeliveryView, Done, Metadata, Refusal};
use lectern_domain::delivery::DeliveryState;
use lectern_domain::ids::{LectureId, PlatformName};
use lectern_domain::lecture::{LectureEvent, LectureState};
use tracing::info;

use super::Conductor;
use super::texts::checked;
use crate::refusals::{self, from_db};

impl Conductor {
    /// Finishes a failed lecture again, or begins its own deliveries again, to all platforms or to
    /// the one that is named. No other lecture's are touched, but where a platform refuses
    /// everybody or does not answer, it is tried at once, by whoever stands first in its line.
    pub(super) async fn retry(
        &mut self,
        id: LectureId,
        platform: Option<PlatformName>,
    ) -> Result<Done, Refusal> {
        let state = self.lecture_state(id).await?;
        if state == LectureState::Failed {
            // What is not finished goes to no platform yet.
            if platform.is_some() || self.was_missed(id).await? {
                return Err(refusals::lecture_state("refused-retry", id, state));
            }
            let (to, _) = state
                .step(LectureEvent::Retry)
                .map_err(|refused| self.refused(&refused))?;
            self.parts
                .db
                .set_state(id, state, to, None)
                .await
                .map_err(|error| from_db(&error))?;
            self.to_finish.push_back(id);
            self.begin_finishing().await;
            return Ok(Done {
                lecture: Some(id),
                state: Some(to),
            });
        }
        self.parts
            .db
            .retry_lecture(id, platform.clone())
            .await
            .map_err(|error| from_db(&error))?;
        // What was queued already may stand behind a platform that refuses everybody, and what is
        // under way is being tried: neither is refused.
        let mut open = self.open_deliveries(id).await?;
        if let Some(platform) = &platform {
            open.retain(|delivery| delivery.platform == *platform);
        }
        if open.is_empty() {
            return Err(refusals::lecture_state("refused-retry", id, state));
        }
        let to_try = open.into_iter().map(|delivery| (delivery.id, delivery.platform));
        self.parts.bell.ring_again_for(to_try);
        self.refresh_queue().await;
        Ok(Done {
            lecture: Some(id),
            state: Some(state),
        })
    }

    pub(super) async fn amend(&mut self, id: LectureId, metadata: Metadata) -> Result<Done, Refusal> {
        let metadata = checked(metadata)?;
        let state = self.lecture_state(id).await?;
        if matches!(
            state,
            LectureState::Finishing
                | LectureState::Delivering
                | LectureState::Delivered
                | LectureState::Purged
        ) {
            return Err(refusals::lecture_state("refused-amend", id, state));
        }
        self.parts
            .db
            .amend(id, metadata.clone())
            .await
            .map_err(|error| from_db(&error))?;
        if state == LectureState::Scheduled {
            self.read_plans().await;
        }
        if let Some(session) = self.session.as_mut().filter(|session| session.id == id) {
            let now = &mut session.metadata;
            let mend = |field: &mut Option<String>, new: Option<String>| {
                if new.is_some() {
                    *field = new.filter(|text| !text.is_empty());
                }
            };
            mend(&mut now.title, metadata.title);
            mend(&mut now.course, metadata.course);
            mend(&mut now.presenter, metadata.presenter);
            mend(&mut now.language, metadata.language);
        }
        Ok(Done {
            lecture: Some(id),
            state: Some(state),
        })
    }

    async fn lecture_state(&self, id: LectureId) -> Result<LectureState, Refusal> {
        let found = self.parts.db.lecture(id).await.map_err(|error| from_db(&error))?;
        found
            .map(|detail| detail.summary.state)
            .ok_or_else(|| refusals::no_lecture(&id.to_string()))
    }

    /// A planned lecture that never began: there is nothing to finish.
    async fn was_missed(&self, id: LectureId) -> Result<bool, Refusal> {
        let found = self.parts.db.lecture(id).await.map_err(|error| from_db(&error))?;
        Ok(found.is_some_and(|detail| detail.runs.is_empty() && detail.tracks.is_empty()))
    }

    /// What of a lecture is queued or under way.
    async fn open_deliveries(&self, id: LectureId) -> Result<Vec<DeliveryView>, Refusal> {
        use DeliveryState as D;
        let found = self.parts.db.lecture(id).await.map_err(|error| from_db(&error))?;
        let mut deliveries = found.map_or_else(Vec::new, |detail| detail.deliveries);
        deliveries.retain(|delivery| match delivery.state {
            D::Queued | D::Reconciling | D::Sending | D::Verifying => true,
            D::Waiting | D::Parked | D::Done | D::Cancelled => false,
        });
        Ok(deliveries)
    }

    /// Puts a lecture's deliveries, or all, before the others and outside the hours.
    pub(super) async fn send_now(&mut self, id: Option<LectureId>) -> Result<Done, Refusal> {
        let count = self
            .parts
            .db
            .send_now(id)
            .await
            .map_err(|error| from_db(&error))?;
        self.parts.bell.ring_again();
        self.refresh_queue().await;
        info!(deliveries = count, "deliveries were put first");
        Ok(Done {
            lecture: id,
            state: None,
        })
    }
}
