//! The event stream for programs: what it tells, and what it does not tell twice.

#![allow(clippy::unwrap_used, reason = "what a test cannot go on without may panic")]

mod script;

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::http::Request;
use futures_util::StreamExt;
use lectern_domain::api::PodiumState;
use lectern_panel::{Access, app};
use script::{Script, ready};
use serde_json::Value;
use tokio::time::timeout;
use tower::ServiceExt;

/// What a busy machine may need for one event.
const SOON: Duration = Duration::from_secs(20);

/// One event as it came.
#[derive(Debug, Default, PartialEq)]
struct Heard {
    name: String,
    id: Option<String>,
    retry_ms: Option<u64>,
    data: Value,
}

struct Listening {
    body: BodyDataStream,
    text: String,
}

impl Listening {
    async fn next(&mut self) -> Heard {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let heard = parse(event);
                self.text = rest.to_owned();
                return heard;
            }
            let more = timeout(SOON, self.body.next()).await.expect("an event in time");
            self.text
                .push_str(std::str::from_utf8(&more.unwrap().unwrap()).unwrap());
        }
    }
}

fn parse(event: &str) -> Heard {
    let mut heard = Heard::default();
    for line in event.lines() {
        let (field, value) = line.split_once(": ").unwrap();
        match field {
            "event" => heard.name = value.to_owned(),
            "id" => heard.id = Some(value.to_owned()),
            "retry" => heard.retry_ms = Some(value.parse().unwrap()),
            "data" => heard.data = serde_json::from_str(value).unwrap(),
            other => panic!("an unknown field: {other}"),
        }
    }
    heard
}

fn room() -> (Arc<Script>, axum::Router) {
    let room = Script::new(ready());
    let app = app(room.clone(), Access::Loopback);
    (room, app)
}

/// Opens a stream, and hears when it should come back.
async fn listen(app: &axum::Router, last: Option<&str>) -> Listening {
    let mut request = Request::builder()
        .uri("/api/v1/events")
        .header("host", "localhost:8470");
    if let Some(id) = last {
        request = request.header("last-event-id", id);
    }
    let answer = app
        .clone()
        .oneshot(request.body(Body::empty()).unwrap())
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    let mut listening = Listening {
        body: answer.into_body().into_data_stream(),
        text: String::new(),
    };
    assert_eq!(listening.next().await.retry_ms, Some(1000));
    listening
}

/// Hears the present state and returns its id.
async fn present(listening: &mut Listening) -> String {
    let uploads = listening.next().await;
    assert_eq!((uploads.name.as_str(), uploads.id), ("uploads", None));
    let state = listening.next().await;
    assert_eq!(state.name, "state");
    state.id.expect("every state has an id")
}

#[tokio::test]
async fn whoever_comes_back_with_the_present_id_is_told_nothing_twice() {
    let (room, app) = room();
    let id = present(&mut listen(&app, None).await).await;
    let mut again = listen(&app, Some(&id)).await;
    room.level(-20.0);
    assert_eq!(
        again.next().await.name,
        "levels",
        "levels come at once, and first"
    );
    room.go(PodiumState::Recording);
    let state = again.next().await;
    assert_eq!(
        (state.name.as_str(), &state.data["state"]),
        ("state", &"recording".into())
    );
    assert_ne!(state.id.unwrap(), id);
}

#[tokio::test]
async fn whoever_comes_back_with_an_older_id_hears_the_present_state() {
    let (room, app) = room();
    let old = present(&mut listen(&app, None).await).await;
    room.go(PodiumState::Recording);
    let mut again = listen(&app, Some(&old)).await;
    let id = present(&mut again).await;
    assert_ne!(id, old);
}

#[tokio::test]
async fn an_id_of_another_life_or_of_nobody_is_worth_nothing() {
    let (_, first) = room();
    let id = present(&mut listen(&first, None).await).await;
    let (_, second) = room();
    for last in [id.as_str(), "", "-", "ffffffff-1", "\u{e9}"] {
        present(&mut listen(&second, Some(last)).await).await;
    }
}

#[tokio::test]
async fn uploads_come_again_when_they_changed_while_nobody_listened() {
    let (room, app) = room();
    let id = present(&mut listen(&app, None).await).await;
    room.set(|s| s.queue.pending = 1);
    let mut again = listen(&app, Some(&id)).await;
    let now = present(&mut again).await;
    assert_ne!(now, id);
    room.go(PodiumState::Recording);
    assert_eq!(again.next().await.name, "state", "the queue is as it was");
}
