//! What people ask about lectures that are not at work: try again, send now, mend the words.

use lectern_domain::api::{Arg, DeliveryView, Done, LectureDetail, Metadata, Refusal};
use lectern_domain::delivery::DeliveryState;
use lectern_domain::ids::{LectureId, PlatformName};
use lectern_domain::lecture::{LectureEvent, LectureState};
use tracing::info;

use super::Conductor;
use super::texts::checked;
use crate::refusals::{self, detailed, from_db, sentence};

impl Conductor {
    /// Finishes a failed lecture again, or begins its own deliveries again, to all platforms or to
    /// the one that is named. No other lecture's are touched, but where a platform refuses
    /// everybody or does not answer, it is tried at once, by whoever stands first in its line.
    pub(super) async fn retry(
        &mut self,
        id: LectureId,
        platform: Option<PlatformName>,
    ) -> Result<Done, Refusal> {
        let found = self.lecture(id).await?;
        let state = found.summary.state;
        if state == LectureState::Failed {
            // A planned lecture that never began leaves nothing to finish; what is not finished
            // goes to no platform yet.
            let was_missed = found.runs.is_empty() && found.tracks.is_empty();
            if platform.is_some() || was_missed {
                return Err(nothing_to_retry(&found, platform.as_ref()));
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
        let begun_again = self
            .parts
            .db
            .retry_lecture(id, platform.clone())
            .await
            .map_err(|error| from_db(&error))?;
        let found = self.lecture(id).await?;
        // What was queued already may stand behind a platform that refuses everybody, and what is
        // under way is being tried: neither is refused. What was begun again may have come to
        // another end by now, and was tried.
        let to_try = || open_deliveries(&found, platform.as_ref());
        if begun_again == 0 && to_try().next().is_none() {
            return Err(nothing_to_retry(&found, platform.as_ref()));
        }
        self.parts
            .bell
            .ring_again_for(to_try().map(|delivery| (delivery.id, delivery.platform.clone())));
        self.refresh_queue().await;
        Ok(Done {
            lecture: Some(id),
            state: Some(state),
        })
    }

    pub(super) async fn amend(&mut self, id: LectureId, metadata: Metadata) -> Result<Done, Refusal> {
        let metadata = checked(metadata)?;
        let state = self.lecture(id).await?.summary.state;
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

    async fn lecture(&self, id: LectureId) -> Result<LectureDetail, Refusal> {
        let found = self.parts.db.lecture(id).await.map_err(|error| from_db(&error))?;
        found.ok_or_else(|| refusals::no_lecture(&id.to_string()))
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

/// What of a lecture is queued or under way, to all platforms or to one.
fn open_deliveries<'a>(
    lecture: &'a LectureDetail,
    platform: Option<&'a PlatformName>,
) -> impl Iterator<Item = &'a DeliveryView> {
    use DeliveryState as D;
    let is_open = |delivery: &&DeliveryView| match delivery.state {
        D::Queued | D::Reconciling | D::Sending | D::Verifying => true,
        D::Waiting | D::Parked | D::Done | D::Cancelled => false,
    };
    let deliveries = lecture.deliveries.iter().filter(is_open);
    deliveries.filter(move |delivery| platform.is_none_or(|only| delivery.platform == *only))
}

/// There is nothing of a lecture to try again, or not at the platform that was named.
fn nothing_to_retry(lecture: &LectureDetail, platform: Option<&PlatformName>) -> Refusal {
    let (id, state) = (lecture.summary.id, lecture.summary.state);
    let Some(platform) = platform else {
        return refusals::lecture_state("refused-retry", id, state);
    };
    let goes_to: Vec<_> = lecture.deliveries.iter().map(|d| d.platform.as_str()).collect();
    let there = lecture.deliveries.iter().find(|d| d.platform == *platform);
    let why = match there {
        _ if state == LectureState::Failed => {
            "It goes to no platform before it is finished; to finish it again, name no platform.".to_owned()
        }
        Some(delivery) => format!("Its delivery to {platform} is {}.", delivery.state),
        None if goes_to.is_empty() => format!("It does not go to {platform}; it goes to no platform."),
        None => format!("It does not go to {platform}; it goes to {}.", goes_to.join(", ")),
    };
    let said = sentence(
        "refused-retry-there",
        [("platform", Arg::Text(platform.to_string()))],
    );
    Refusal::State {
        state: state.to_string(),
        allowed: Vec::new(),
        message: detailed(said, &format!("Lecture {id} is {state}. {why}")),
    }
}

#[cfg(test)]
mod tests {
    use lectern_domain::api::LectureSummary;
    use lectern_domain::ids::DeliveryId;

    use super::*;

    fn lecture(state: LectureState, deliveries: &[(&str, DeliveryState)]) -> LectureDetail {
        let id = LectureId::random();
        let deliveries = deliveries.iter().map(|(platform, state)| DeliveryView {
            id: DeliveryId(1),
            lecture: id,
            title: None,
            platform: platform.parse().unwrap(),
            state: *state,
            sent_bytes: 0,
            total_bytes: 9,
            attempts: 1,
            next_unix_ms: None,
            message: None,
            done_unix_ms: None,
            locations: Vec::new(),
        });
        LectureDetail {
            summary: LectureSummary {
                id,
                state,
                metadata: Metadata::default(),
                started_unix_ms: 0,
                duration_ms: 0,
                bytes: 0,
                reason: None,
            },
            folder: String::new(),
            runs: Vec::new(),
            tracks: Vec::new(),
            marks: Vec::new(),
            facts: Vec::new(),
            files: Vec::new(),
            deliveries: deliveries.collect(),
        }
    }

    #[test]
    fn a_refused_retry_says_what_is_wrong_with_the_platform_that_was_named() {
        use {DeliveryState as D, LectureState as L};
        let both: &[_] = &[("archive", D::Done), ("central", D::Parked)];
        for (state, deliveries, platform, why) in [
            (
                L::Failed,
                &[][..],
                "archive",
                "to finish it again, name no platform.",
            ),
            (L::Delivered, both, "archive", "Its delivery to archive is done."),
            (
                L::Delivering,
                both,
                "usb",
                "It does not go to usb; it goes to archive, central.",
            ),
            (L::Finished, &[], "usb", "it goes to no platform."),
        ] {
            let refusal = nothing_to_retry(&lecture(state, deliveries), Some(&platform.parse().unwrap()));
            let said = refusal.message();
            assert!(said.contains(platform) && said.ends_with(why), "{said}");
            assert!(!said.contains("for this lecture"), "{said}");
        }
        let refusal = nothing_to_retry(&lecture(L::Delivered, both), None);
        assert!(
            refusal.message().contains("for this lecture"),
            "{}",
            refusal.message()
        );
    }

    #[test]
    fn only_what_is_queued_or_under_way_is_open() {
        use DeliveryState as D;
        let states = [
            D::Queued,
            D::Waiting,
            D::Reconciling,
            D::Sending,
            D::Verifying,
            D::Parked,
            D::Done,
            D::Cancelled,
        ];
        let each = states.map(|state| ("central", state));
        let lecture = lecture(LectureState::Delivering, &each);
        let open = |platform: Option<&PlatformName>| open_deliveries(&lecture, platform).count();
        assert_eq!(open(None), 4);
        assert_eq!(open(Some(&"central".parse().unwrap())), 4);
        assert_eq!(open(Some(&"usb".parse().unwrap())), 0);
    }
}
