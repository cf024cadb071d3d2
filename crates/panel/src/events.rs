//! `GET /api/v1/events`: the status, the levels and the uploads as server-sent events for
//! programs. The page has a stream of its own ([`crate::page::live`]).

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::{Stream, StreamExt, stream};
use lectern_domain::api::QueueSummary;
use serde::Serialize;

use crate::feed::{Feed, News};
use crate::problem::Fault;
use crate::site::Site;

/// A comment is sent after so much silence, so that both ends notice a dead connection.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

struct Listener {
    site: Site,
    feed: Feed,
    /// What the last `uploads` event was about.
    told: Option<QueueSummary>,
}

pub(crate) async fn stream(
    State(site): State<Site>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Fault> {
    let listener = Listener {
        feed: Feed::open(&site)?,
        site,
        told: None,
    };
    let events = stream::unfold(listener, |mut listener| async {
        let batch = listener.next().await?;
        Some((stream::iter(batch.into_iter().map(Ok)), listener))
    })
    .flatten();
    Ok(Sse::new(events).keep_alive(keep_alive()))
}

pub(crate) fn keep_alive() -> KeepAlive {
    KeepAlive::new().interval(KEEP_ALIVE)
}

pub(crate) fn event(name: &str, document: &impl Serialize) -> Event {
    let text = serde_json::to_string(document).expect("the API's documents have only text keys");
    Event::default().event(name).data(text)
}

impl Listener {
    async fn next(&mut self) -> Option<Vec<Event>> {
        let status = match self.feed.next().await? {
            News::Levels(levels) => return Some(vec![event("levels", &levels)]),
            News::Status(status) => status,
        };
        let mut events = vec![event("state", status.as_ref())];
        if self.told.as_ref() != Some(&status.queue) {
            match self.site.control.queue().await {
                Ok(queue) => {
                    events.push(event("uploads", &queue));
                    self.told = Some(status.queue.clone());
                }
                // It is asked again with the next status.
                Err(refusal) => tracing::warn!(reason = refusal.message(), "the queue could not be read"),
            }
        }
        Some(events)
    }
}
