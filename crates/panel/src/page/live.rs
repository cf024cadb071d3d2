//! `GET /live`: what keeps the page up to date. Event `page` carries the parts that changed since
//! the last one on this connection, and what the clock needs; event `levels` moves the meters.
//! It belongs to the page of the same version: programs listen to `/api/v1/events`.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{Event, Sse};
use futures_util::{Stream, StreamExt, stream};
use lectern_domain::api::{LectureSummary, Levels, PodiumState, Status};
use lectern_domain::ids::{DeliveryId, LectureId, SourceName};
use lectern_domain::lecture::LectureState;
use serde::Serialize;
use tokio::time::Instant;

use super::view::View;
use super::{Asked, Reader, last_lectures, parts, title};
use crate::events::{event, keep_alive};
use crate::feed::{Feed, News};
use crate::gate::permit::Permit;
use crate::hearing::Hearing;
use crate::input::Query;
use crate::metrics;
use crate::problem::Fault;
use crate::site::Site;

/// The list of lectures is read again after so long, even if nothing seems to have changed.
const LIST_AGAIN: Duration = Duration::from_secs(5);

/// The document of event `page`.
#[derive(Debug, Serialize)]
struct Update {
    version: String,
    state: &'static str,
    title: String,
    now_unix_ms: i64,
    recorded_ms: u64,
    running: bool,
    /// What the clock counts down to instead.
    counts_to_unix_ms: Option<i64>,
    /// New content by element id.
    parts: HashMap<String, String>,
}

/// What the list of lectures depends on, as far as the status shows it.
type ListKey = (
    Option<(LectureId, LectureState)>,
    u32,
    u32,
    u32,
    Option<DeliveryId>,
);

/// One open page.
struct Listener {
    site: Site,
    reader: Reader,
    feed: Feed,
    began: Instant,
    status: Arc<Status>,
    lectures: Vec<LectureSummary>,
    listed: Option<(ListKey, Instant)>,
    hearing: HashMap<SourceName, Hearing>,
    shown: HashMap<String, String>,
}

pub(crate) async fn stream(
    State(site): State<Site>,
    Extension(permit): Extension<Permit>,
    headers: HeaderMap,
    Query(asked): Query<Asked>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Fault> {
    let status = site.control.status().borrow().clone();
    let listener = Listener {
        feed: Feed::open(&site)?,
        began: Instant::now(),
        reader: Reader::new(&headers, &asked, permit.may_operate(), &status),
        status,
        lectures: Vec::new(),
        listed: None,
        hearing: HashMap::new(),
        shown: HashMap::new(),
        site,
    };
    let events = stream::unfold(listener, |mut listener| async {
        let batch = listener.next().await?;
        Some((stream::iter(batch.into_iter().map(Ok)), listener))
    })
    .flatten();
    Ok(Sse::new(events).keep_alive(keep_alive()))
}

impl Listener {
    async fn next(&mut self) -> Option<Vec<Event>> {
        Some(match self.feed.next().await? {
            News::Status(status) => {
                // Nobody has to speak in a pause; what was not said then is not missed after it.
                if self.status.state == PodiumState::Paused && status.state != PodiumState::Paused {
                    self.hearing.clear();
                }
                self.status = status;
                self.read_list().await;
                vec![event("page", &self.update())]
            }
            News::Levels(levels) => {
                let mut events = vec![event("levels", &levels)];
                if self.hear(&levels) {
                    events.push(event("page", &self.update()));
                }
                events
            }
        })
    }

    /// Takes a level in; says whether the sentence beside the meter may have changed.
    fn hear(&mut self, levels: &Levels) -> bool {
        let now_ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let hearing = self.hearing.entry(levels.source.clone()).or_default();
        let before = std::mem::discriminant(hearing);
        *hearing = hearing.step(levels.rms_dbfs, now_ms);
        before != std::mem::discriminant(hearing)
    }

    async fn read_list(&mut self) {
        let (status, queue) = (&self.status, &self.status.queue);
        let key = (
            status.lecture.as_ref().map(|l| (l.id, l.state)),
            queue.pending,
            queue.parked,
            queue.finishing,
            queue.active.as_ref().map(|d| d.id),
        );
        let fresh = self
            .listed
            .as_ref()
            .is_some_and(|(last, at)| *last == key && at.elapsed() < LIST_AGAIN);
        if !fresh {
            self.lectures = last_lectures(&self.site).await;
            self.listed = Some((key, Instant::now()));
        }
    }

    /// What to tell the page now. Remembers it as shown.
    fn update(&mut self) -> Update {
        let status = Arc::clone(&self.status);
        let view = View {
            status: &status,
            lectures: &self.lectures,
            hearing: &self.hearing,
            voice: &self.reader.voice(&status),
            mending: self.reader.mending,
            may_operate: self.reader.may_operate,
            live: true,
        };
        let mut changed = HashMap::new();
        for (id, markup) in parts(&view) {
            let html = markup.into_string();
            if self.shown.get(&id) != Some(&html) {
                self.shown.insert(id.clone(), html.clone());
                changed.insert(id, html);
            }
        }
        let lecture = status.lecture.as_ref();
        Update {
            version: status.version.clone(),
            state: metrics::word(view.state()),
            title: title(&view),
            now_unix_ms: status.now_unix_ms,
            recorded_ms: lecture.map_or(0, |l| l.recorded_ms),
            running: lecture.is_some_and(|l| l.running),
            counts_to_unix_ms: view.countdown().map(|next| next.starts_unix_ms),
            parts: changed,
        }
    }
}
