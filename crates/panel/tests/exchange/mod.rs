//! One request as bytes, and what must hold of every answer: for the fuzz target `requests` of
//! `tests/fuzz`, and for the replay of its seeds (P10).

// Each program that includes this file uses another part of it.
#![allow(unreachable_pub, missing_docs)]

use std::cell::RefCell;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, HttpBody};
use axum::http::Request;
use http_body_util::BodyExt;
use lectern_panel::{Access, app};
use tower::ServiceExt;

use crate::script::{Script, ready};

/// After so many requests the panel is built anew, so that what its room remembers stays small.
const REQUESTS_PER_PANEL: u32 = 1000;

thread_local! {
    static PANEL: RefCell<Panel> = RefCell::new(Panel::new());
}

/// A panel before its scripted room. Building one takes far longer than an answer.
struct Panel {
    runtime: tokio::runtime::Runtime,
    room: Arc<Script>,
    app: Router,
    asked: u32,
}

impl Panel {
    fn new() -> Self {
        let room = Script::new(ready());
        room.picture("camera", &Arc::from(&b"\xff\xd8jpeg"[..]));
        Self {
            runtime: tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime"),
            app: app(room.clone(), Access::Loopback),
            room,
            asked: 0,
        }
    }

    /// Asks a room that is ready, whatever was asked before.
    fn ask(&mut self, request: Request<Body>) {
        if self.asked == REQUESTS_PER_PANEL {
            *self = Self::new();
        }
        self.asked += 1;
        self.room.set(|status| *status = ready());
        self.runtime.block_on(answer(self.app.clone(), request));
    }
}

/// A line with method and target, headers, an empty line, the body. What HTTP itself would refuse
/// is passed by: then the answer is false.
///
/// # Panics
/// When the panel answers that it failed itself, or calls text JSON that is none.
pub fn exchange(bytes: &[u8]) -> bool {
    let Some(request) = request(bytes) else {
        return false;
    };
    PANEL.with_borrow_mut(|panel| panel.ask(request));
    true
}

async fn answer(app: Router, request: Request<Body>) {
    let asked = format!("{} {}", request.method(), request.uri());
    let answer = app.oneshot(request).await.expect("the panel answers");
    let status = answer.status();
    assert!(
        status != 500 && status.as_u16() < 504,
        "{asked}: the panel failed with {status}"
    );
    let kind = answer.headers().get("content-type");
    let json = kind.is_some_and(|kind| kind.as_bytes().ends_with(b"json"));
    // Events and moving pictures never end.
    if json && answer.body().size_hint().exact().is_some() {
        let body = answer.into_body().collect().await.expect("a body").to_bytes();
        let read = serde_json::from_slice::<serde_json::Value>(&body);
        assert!(read.is_ok(), "{asked}: what is called JSON is none");
    }
}

fn request(bytes: &[u8]) -> Option<Request<Body>> {
    let end = bytes.windows(2).position(|pair| pair == b"\n\n")?;
    let mut lines = bytes.get(..end)?.split(|byte| *byte == b'\n');
    let mut first = lines.next()?.splitn(2, |byte| *byte == b' ');
    let mut request = Request::builder().method(first.next()?).uri(first.next()?);
    for line in lines {
        let colon = line.iter().position(|byte| *byte == b':')?;
        request = request.header(line.get(..colon)?, line.get(colon + 1..)?.trim_ascii());
    }
    request.body(Body::from(bytes.get(end + 2..)?.to_vec())).ok()
}
