//! Asks the application without a network, and reads what it answers.

// Each program that includes this file uses another part of it.
#![allow(dead_code, unreachable_pub, missing_docs, clippy::unwrap_used)]

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, Response, StatusCode, header};
use http_body_util::BodyExt;
use lectern_panel::{Access, app};
use serde_json::Value;
use tower::ServiceExt;

use crate::script::{Script, ready};

pub struct Answer {
    pub status: StatusCode,
    pub headers: axum::http::HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|e| panic!("{e}: {}", self.text))
    }

    pub fn header(&self, name: impl header::AsHeaderName) -> &str {
        self.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or("")
    }
}

pub async fn send(app: &Router, request: Request<Body>) -> Answer {
    let response: Response<Body> = app.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    Answer {
        status: parts.status,
        headers: parts.headers,
        text,
    }
}

pub fn request(method: Method, path: &str) -> axum::http::request::Builder {
    Request::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, "localhost:8470")
}

pub async fn get(app: &Router, path: &str) -> Answer {
    send(app, request(Method::GET, path).body(Body::empty()).unwrap()).await
}

pub async fn post(app: &Router, path: &str, kind: &str, body: impl Into<Body>) -> Answer {
    send(
        app,
        request(Method::POST, path)
            .header(header::CONTENT_TYPE, kind)
            .body(body.into())
            .unwrap(),
    )
    .await
}

/// A page without the marks that isolate names and figures in its sentences.
pub fn read_by_a_person(page: &str) -> String {
    page.replace(['\u{2068}', '\u{2069}'], "")
}

pub fn room() -> (Arc<Script>, Router) {
    let room = Script::new(ready());
    let app = app(room.clone(), Access::Loopback);
    (room, app)
}

/// Asserts a problem document and returns its sentence.
pub fn problem(answer: &Answer, status: u16, kind: &str) -> String {
    assert_eq!(answer.status.as_u16(), status, "{}", answer.text);
    assert_eq!(answer.header(header::CONTENT_TYPE), "application/problem+json");
    let document = answer.json();
    assert_eq!(document["type"], format!("urn:lectern:problem:{kind}"));
    assert_eq!(document["status"], status);
    assert!(!document["title"].as_str().unwrap().is_empty());
    document["detail"].as_str().unwrap().to_owned()
}
