//! `GET /api/v1/events`: the status, the levels and the uploads as server-sent events for
//! programs. The page has a stream of its own ([`crate::page::live`]).
//!
//! A `state` event ends what is told of one revision, so it alone carries an id. Whoever comes
//! back with the id of the present revision is told nothing twice, and hears at once what is new.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderName};
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::{Stream, StreamExt, stream};
use lectern_domain::api::{QueueSummary, Status};
use serde::Serialize;

use crate::feed::{Feed, News};
use crate::problem::Fault;
use crate::site::Site;

/// A comment is sent after so much silence, so that both ends notice a dead connection.
const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// When a client should come back that lost its stream.
const AGAIN: Duration = Duration::from_secs(1);

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

struct Listener {
    site: Site,
    feed: Feed,
    /// The id that the client came back with, until the first status was compared with it.
    came_with: Option<String>,
    /// What the last `uploads` event was about.
    told: Option<QueueSummary>,
}

pub(crate) async fn stream(
    State(site): State<Site>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Fault> {
    // An id that no server wrote says as little as none.
    let came_with = headers.get(LAST_EVENT_ID).and_then(|id| id.to_str().ok());
    let listener = Listener {
        feed: Feed::open(&site)?,
        site,
        came_with: came_with.map(str::to_owned),
        told: None,
    };
    let events = stream::unfold(listener, |mut listener| async {
        let batch = listener.next().await?;
        Some((stream::iter(batch.into_iter().map(Ok)), listener))
    })
    .flatten();
    Ok(Sse::new(stream::iter([Ok(greeting())]).chain(events)).keep_alive(keep_alive()))
}

pub(crate) fn keep_alive() -> KeepAlive {
    KeepAlive::new().interval(KEEP_ALIVE)
}

/// Comes first and is no event: it says when to come back.
pub(crate) fn greeting() -> Event {
    Event::default().retry(AGAIN)
}

pub(crate) fn event(name: &str, document: &impl Serialize) -> Event {
    let text = serde_json::to_string(document).expect("the API's documents have only text keys");
    Event::default().event(name).data(text)
}

impl Listener {
    /// The next events; never an empty batch.
    async fn next(&mut self) -> Option<Vec<Event>> {
        loop {
            match self.feed.next().await? {
                News::Levels(levels) => return Some(vec![event("levels", &levels)]),
                News::Status(status) => {
                    let id = format!("{}-{}", self.site.epoch, status.revision);
                    if self.came_with.take().is_some_and(|known| known == id) {
                        self.told = Some(status.queue.clone());
                    } else {
                        return Some(self.tell(&status, id).await);
                    }
                }
            }
        }
    }

    async fn tell(&mut self, status: &Arc<Status>, id: String) -> Vec<Event> {
        let mut events = Vec::with_capacity(2);
        if self.told.as_ref() != Some(&status.queue) {
            match self.site.control.queue().await {
                Ok(queue) => {
                    events.push(event("uploads", &queue));
                    self.told = Some(status.queue.clone());
                }
                Err(refusal) => {
                    // It is asked again with the next status, or when the client comes back: without
                    // an id, this one does not count as heard.
                    tracing::warn!(reason = refusal.message(), "the queue could not be read");
                    return vec![event("state", status.as_ref())];
                }
            }
        }
        events.push(event("state", status.as_ref()).id(id));
        events
    }
}
