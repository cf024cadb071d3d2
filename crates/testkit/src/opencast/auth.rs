//! The door: Basic, or Digest with challenges that grow old; a login page for everybody else.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::Full;
use hyper::Response;
use hyper::header::{AUTHORIZATION, HeaderMap};
use md5::{Digest as _, Md5};

use super::{OpencastAuth, OpencastRules};
use crate::wire::Answer;

const REALM: &str = "Opencast";

/// The challenges that were given out.
#[derive(Default)]
pub(super) struct Door {
    given: Mutex<HashMap<String, Instant>>,
}

impl Door {
    /// How a request is turned away; `None`: it may come in.
    pub(super) fn admit(
        &self,
        rules: &OpencastRules,
        method: &str,
        target: &str,
        headers: &HeaderMap,
    ) -> Option<Answer> {
        let shown = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let asks_for_digest = headers
            .get("x-requested-auth")
            .is_some_and(|value| value == "Digest");
        let scheme = shown.and_then(|text| text.split_once(' '));
        match (rules.auth, scheme) {
            (OpencastAuth::Basic, Some(("Basic", pair))) => {
                let right = STANDARD.encode(format!("{}:{}", rules.user, rules.password));
                (pair != right).then(|| status(401))
            }
            (OpencastAuth::Digest, Some(("Digest", fields))) => self.check(rules, method, target, fields),
            // Digest is spoken only to those who ask for it.
            _ if asks_for_digest => Some(self.challenge(false)),
            _ => Some(login_page()),
        }
    }

    fn check(&self, rules: &OpencastRules, method: &str, target: &str, fields: &str) -> Option<Answer> {
        let fields = pairs(fields);
        let field = |name: &str| fields.get(name).map_or("", String::as_str);
        let who = md5(&[&rules.user, REALM, &rules.password]);
        let what = md5(&[method, target]);
        let right = md5(&[
            &who,
            field("nonce"),
            field("nc"),
            field("cnonce"),
            field("qop"),
            &what,
        ]);
        let signed = field("username") == rules.user && field("uri") == target && field("qop") == "auth";
        if !signed || field("response") != right {
            return Some(self.challenge(false));
        }
        let given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = given
            .get(field("nonce"))
            .is_some_and(|at| at.elapsed() <= rules.nonce_life);
        drop(given);
        (!fresh).then(|| self.challenge(true))
    }

    fn challenge(&self, stale: bool) -> Answer {
        let mut given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        let nonce = STANDARD.encode(format!("{}:{:p}", given.len(), &raw const *self));
        given.insert(nonce.clone(), Instant::now());
        drop(given);
        let stale = if stale { ", stale=\"true\"" } else { "" };
        let text = format!("Digest realm=\"{REALM}\", qop=\"auth\", nonce=\"{nonce}\"{stale}");
        let mut answer = status(401);
        answer.headers_mut().insert(
            "www-authenticate",
            text.parse().expect("a challenge has no control characters"),
        );
        answer
    }
}

/// What everybody gets who is not known and asks for nothing better.
fn login_page() -> Answer {
    let mut answer = status(302);
    answer.headers_mut().insert(
        "location",
        "/admin-ng/login.html".parse().expect("a path is a header"),
    );
    answer
}

fn status(status: u16) -> Answer {
    Response::builder()
        .status(status)
        .body(Full::new(Bytes::new()))
        .expect("a status alone is a response")
}

fn pairs(text: &str) -> HashMap<String, String> {
    let pair = |field: &str| {
        let (key, value) = field.split_once('=')?;
        Some((key.trim().to_owned(), value.trim().trim_matches('"').to_owned()))
    };
    text.split(", ").filter_map(pair).collect()
}

fn md5(fields: &[&str]) -> String {
    super::book::hex(&Md5::digest(fields.join(":")))
}
