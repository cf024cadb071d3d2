//! A guarded application, and how tests ask it: with keys, secrets, forms and cookies.

// Each program that includes this file uses another part of it.
#![allow(dead_code, unreachable_pub, missing_docs)]

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode, header};
use http_body_util::BodyExt;
use lectern_domain::access::Role;
use lectern_panel::{Access, Keys, Pin, SessionKey, Token, guarded};
use tower::ServiceExt;

use crate::script::{Script, ready};

pub const PIN: &str = "2468";
const FORM: &str = "application/x-www-form-urlencoded";

pub fn secret(role: Role) -> String {
    format!("{role}-token-that-nobody-guesses")
}

pub fn keys(pin: bool) -> Keys {
    Keys {
        session: SessionKey::new([7; 32]),
        pin: if pin { Pin::Set(PIN.into()) } else { Pin::None },
        tokens: Role::ALL
            .map(|role| Token {
                name: format!("our-{role}"),
                role,
                secret: secret(role).into(),
            })
            .into(),
        tls: None,
    }
}

pub fn door(access: Access, keys: Keys) -> Router {
    let room = Script::new(ready());
    room.picture("camera", &Arc::from(&b"\xff\xd8jpeg"[..]));
    guarded(room, access, keys)
}

pub fn request(method: &str, path: &str) -> axum::http::request::Builder {
    Request::builder()
        .method(method.to_uppercase().as_str())
        .uri(path)
        .header(header::HOST, "localhost:8470")
}

pub async fn send(app: &Router, request: Request<Body>) -> (StatusCode, HeaderMap) {
    let response = app.clone().oneshot(request).await.unwrap();
    (response.status(), response.headers().clone())
}

pub async fn text(app: &Router, request: Request<Body>) -> String {
    let body = app.clone().oneshot(request).await.unwrap().into_body();
    String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

pub fn form(secret: &str) -> Request<Body> {
    request("post", "/sign-in")
        .header(header::CONTENT_TYPE, FORM)
        .header(header::ACCEPT, "text/html")
        .body(Body::from(format!("secret={secret}")))
        .unwrap()
}

pub fn pair(headers: &HeaderMap) -> String {
    let cookie = headers[header::SET_COOKIE].to_str().unwrap();
    cookie.split(';').next().unwrap().to_owned()
}

/// Signs in at the page and returns the cookie.
pub async fn sign_in(app: &Router, secret: &str) -> String {
    let (status, headers) = send(app, form(secret)).await;
    assert_eq!(status, 303);
    assert_eq!(headers[header::LOCATION], "/");
    pair(&headers)
}

pub async fn with_cookie(app: &Router, cookie: &str, method: &str, path: &str) -> StatusCode {
    let request = request(method, path).header(header::COOKIE, cookie);
    send(app, request.body(Body::empty()).unwrap()).await.0
}
