//! The daemon as the panel sees it.

use std::sync::Arc;

use async_trait::async_trait;
use lectern_domain::api::{
    self, Command, DeliveryView, Done, Figures, LectureDetail, LecturePage, Levels, Queue, Refusal, Status,
    UploadStatus,
};
use lectern_domain::delivery::DeliveryState;
use lectern_domain::ids::LectureId;
use lectern_domain::lecture::LectureState;
use lectern_panel::{Control, Pictures};
use lectern_store::Db;
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tracing::warn;

use crate::conductor::Request;
use crate::counts::Counts;
use crate::doctor::Doctor;
use crate::notify::Vitals;
use crate::refusals::{self, cut_off, from_reading, leaving};

/// Commands go to the conductor, questions about the past to the database, what changes all the
/// time is watched.
pub(crate) struct Desk {
    pub(crate) requests: mpsc::Sender<Request>,
    pub(crate) status: watch::Receiver<Arc<Status>>,
    pub(crate) levels: broadcast::Sender<Levels>,
    pub(crate) pictures: Pictures,
    pub(crate) db: Db,
    pub(crate) doctor: Doctor,
    pub(crate) tester: lectern_herald::Tester,
    pub(crate) vitals: Arc<Vitals>,
    pub(crate) self_test: watch::Receiver<Arc<api::SelfTest>>,
    pub(crate) counts: Arc<Counts>,
}

/// A delivery that is queued behind a platform in trouble says so, whichever lecture found it out.
fn explain(view: &mut DeliveryView, uploads: &UploadStatus) {
    if view.state != DeliveryState::Queued {
        return;
    }
    let platform = uploads
        .platforms
        .iter()
        .find(|platform| platform.name == view.platform);
    if let Some(platform) = platform.filter(|platform| platform.message.is_some()) {
        view.message.clone_from(&platform.message);
        view.next_unix_ms = platform.next_unix_ms;
    }
}

#[async_trait]
impl Control for Desk {
    async fn command(&self, command: Command) -> Result<Done, Refusal> {
        let (reply, answer) = oneshot::channel();
        self.requests
            .send((command, reply))
            .await
            .map_err(|_| leaving())?;
        answer.await.unwrap_or_else(|_| Err(cut_off()))
    }

    fn status(&self) -> watch::Receiver<Arc<Status>> {
        self.status.clone()
    }

    fn levels(&self) -> broadcast::Receiver<Levels> {
        self.levels.subscribe()
    }

    fn pictures(&self) -> Pictures {
        self.pictures.clone()
    }

    async fn lectures(
        &self,
        state: Option<LectureState>,
        limit: u32,
        after: Option<LectureId>,
    ) -> Result<LecturePage, Refusal> {
        self.db
            .lectures(state, limit, after)
            .await
            .map_err(|error| from_reading(&error))
    }

    async fn lecture(&self, id: &str) -> Result<LectureDetail, Refusal> {
        let unknown = || refusals::no_lecture(id);
        let id = match id.parse() {
            Ok(id) => id,
            Err(_) => self
                .db
                .find_lecture(id)
                .await
                .map_err(|error| from_reading(&error))?,
        };
        let mut detail = self
            .db
            .lecture(id)
            .await
            .map_err(|error| from_reading(&error))?
            .ok_or_else(unknown)?;
        let uploads = &self.status.borrow().uploads;
        for view in &mut detail.deliveries {
            explain(view, uploads);
        }
        Ok(detail)
    }

    async fn queue(&self) -> Result<Queue, Refusal> {
        let mut queue = self.db.queue().await.map_err(|error| from_reading(&error))?;
        let status = Arc::clone(&self.status.borrow());
        for view in &mut queue.deliveries {
            if let Some(told) = status.queue.active.as_ref().filter(|told| told.id == view.id) {
                view.sent_bytes = view.sent_bytes.max(told.sent_bytes);
            }
            explain(view, &status.uploads);
        }
        queue.uploads = status.uploads.clone();
        Ok(queue)
    }

    async fn doctor(&self) -> Result<api::Doctor, Refusal> {
        Ok(self.doctor.look().await)
    }

    async fn figures(&self) -> Figures {
        let census = self.db.census().await;
        if let Err(error) = &census {
            warn!(error = %error, "lectures could not be counted");
        }
        Figures {
            census: census.ok(),
            attempts: self.counts.attempts(),
            outcomes: self.counts.outcomes(),
        }
    }

    fn self_test(&self) -> Arc<api::SelfTest> {
        self.self_test.borrow().clone()
    }

    async fn notify_test(&self) -> Result<api::Doctor, Refusal> {
        let checks = self.tester.test().await;
        Ok(api::Doctor { checks })
    }

    fn healthy(&self) -> bool {
        self.vitals.healthy()
    }
}
