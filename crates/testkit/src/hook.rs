//! A webhook that takes signed notices only, and none twice by the same signature.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::{Method, Request, Response};
use jiff::Timestamp;
use rustls::ServerConfig;
use serde_json::Value;
use sha2::Sha256;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::court::{Misdeed, Moment, Sword};
use crate::wire::{self, Answer, Breaker, Hears};

/// The only path that there is.
const PATH: &str = "/notices";
const SIGNATURE: &str = "lectern-signature";
/// No notice is longer.
const LONGEST: usize = 64 * 1024;
/// A signature from further away is refused.
const FRESH_S: i64 = 300;

/// How it takes notices.
#[derive(Clone, Default)]
pub struct HookRules {
    /// Where to listen; 0: wherever it is free.
    pub port: u16,
    /// TLS, or none.
    pub tls: Option<Arc<ServerConfig>>,
    /// What both sides know.
    pub secret: String,
}

/// The judge; ended, with all its connections, when it is dropped. It knows the misdeeds `Nothing`,
/// `Status`, `StallAfter`, `SwallowReply` and `Location`.
pub struct HookJudge {
    address: SocketAddr,
    court: Arc<Court>,
    accepting: JoinHandle<()>,
}

struct Court {
    rules: HookRules,
    sword: Sword,
    notes: Mutex<Notes>,
}

#[derive(Default)]
struct Notes {
    script: VecDeque<Misdeed>,
    /// Bodies that were taken, repetitions included.
    taken: Vec<Value>,
    /// Signatures of what was taken.
    signatures: Vec<String>,
    /// Requests that came in.
    seen: usize,
    breaches: Vec<String>,
}

impl HookJudge {
    /// Starts it.
    ///
    /// # Errors
    /// When it cannot listen.
    pub async fn start(rules: HookRules) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", rules.port)).await?;
        let address = listener.local_addr()?;
        let court = Arc::new(Court {
            rules,
            sword: Sword::default(),
            notes: Mutex::default(),
        });
        let accepting = tokio::spawn(wire::accept(listener, Arc::clone(&court)));
        Ok(Self {
            address,
            court,
            accepting,
        })
    }

    /// Where notices are posted to.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.court.rules.tls.is_some() {
            "https"
        } else {
            "http"
        };
        format!("{scheme}://localhost:{}{PATH}", self.address.port())
    }

    /// The next request that has no misdeed yet gets this one.
    pub fn misbehave(&self, misdeed: Misdeed) {
        self.court.notes().script.push_back(misdeed);
    }

    /// Forgets the misdeeds that are still to come.
    pub fn behave(&self) {
        self.court.notes().script.clear();
    }

    /// Kills a process at a moment of the `n`th request from now.
    pub fn kill_at(&self, pid: u32, n: usize, moment: Moment) {
        self.court.sword.order(pid, n, moment);
    }

    /// Whether somebody is still to be killed.
    #[must_use]
    pub fn is_killing(&self) -> bool {
        self.court.sword.pending()
    }

    /// What was taken so far, repetitions included, in order.
    #[must_use]
    pub fn taken(&self) -> Vec<Value> {
        self.court.notes().taken.clone()
    }

    /// How many requests came in so far.
    #[must_use]
    pub fn seen(&self) -> usize {
        self.court.notes().seen
    }

    /// What no client may do and one has done.
    #[must_use]
    pub fn breaches(&self) -> Vec<String> {
        self.court.notes().breaches.clone()
    }
}

impl Drop for HookJudge {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Hears for Court {
    async fn hear(&self, breaker: &Breaker, request: Request<Incoming>) -> Answer {
        let misdeed = {
            let mut notes = self.notes();
            notes.seen += 1;
            // Whoever only looks is not what misdeeds are for.
            (request.method() == Method::POST)
                .then(|| notes.script.pop_front())
                .flatten()
        };
        match &misdeed {
            Some(Misdeed::Nothing) => breaker.cut(false).await,
            Some(Misdeed::StallAfter(_)) => std::future::pending().await,
            Some(Misdeed::Status(code, _)) => answer(*code),
            Some(Misdeed::Location(to)) => {
                let mut redirect = answer(307);
                if let Ok(to) = to.parse() {
                    redirect.headers_mut().insert("location", to);
                }
                redirect
            }
            _ => {
                let answer = self.rule(request).await;
                if misdeed == Some(Misdeed::SwallowReply) {
                    breaker.cut(true).await;
                }
                answer
            }
        }
    }

    fn tls(&self) -> Option<Arc<ServerConfig>> {
        self.rules.tls.clone()
    }

    fn sword(&self) -> &Sword {
        &self.sword
    }
}

impl Court {
    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn breach(&self, code: u16, what: impl Into<String>) -> Answer {
        self.notes().breaches.push(what.into());
        answer(code)
    }

    async fn rule(&self, request: Request<Incoming>) -> Answer {
        if request.uri().path() != PATH {
            return self.breach(404, format!("{} was asked for", request.uri()));
        }
        match *request.method() {
            Method::POST => {}
            Method::HEAD => return answer(405),
            _ => return self.breach(405, format!("{} came", request.method())),
        }
        let header = |name: &str| Some(request.headers().get(name)?.to_str().ok()?.to_owned());
        if header("content-type").as_deref() != Some("application/json") {
            return self.breach(415, "a notice is not JSON");
        }
        let Some(signature) = header(SIGNATURE) else {
            return self.breach(401, "a notice is not signed");
        };
        let Ok(body) = Limited::new(request.into_body(), LONGEST).collect().await else {
            return self.breach(413, "a notice is too long, or was cut");
        };
        let body = body.to_bytes();
        if let Err(why) = verify(&self.rules.secret, &signature, &body) {
            return self.breach(401, why);
        }
        let Ok(notice) = serde_json::from_slice(&body) else {
            return self.breach(400, "a notice is not JSON");
        };
        let mut notes = self.notes();
        if notes.signatures.contains(&signature) {
            return answer(409);
        }
        notes.signatures.push(signature);
        notes.taken.push(notice);
        answer(204)
    }
}

/// As a receiver does who was given the documentation and the secret.
fn verify(secret: &str, signature: &str, body: &[u8]) -> Result<(), &'static str> {
    let parts = signature
        .strip_prefix("t=")
        .and_then(|rest| rest.split_once(",v1="));
    let Some((at, hex)) = parts else {
        return Err("a signature has another form");
    };
    let at_s: i64 = at.parse().map_err(|_| "the time of a signature is no number")?;
    if at_s.abs_diff(Timestamp::now().as_second()) > FRESH_S.unsigned_abs() {
        return Err("a signature is old");
    }
    let code = (0..hex.len() / 2).map(|i| {
        hex.get(2 * i..2 * i + 2)
            .and_then(|two| u8::from_str_radix(two, 16).ok())
    });
    let code: Vec<u8> = code.collect::<Option<_>>().ok_or("a signature is not hex")?;
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).map_err(|_| "there is no secret")?;
    mac.update(at.as_bytes());
    mac.update(b".");
    mac.update(body);
    mac.verify_slice(&code).map_err(|_| "a signature is wrong")
}

fn answer(code: u16) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::new()));
    *answer.status_mut() = code.try_into().unwrap_or_default();
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_fresh_signature_of_this_body_is_taken() {
        let now = Timestamp::now().as_second();
        let sign = |at: i64| {
            let mut mac = Hmac::<Sha256>::new_from_slice(b"s").unwrap();
            mac.update(format!("{at}.{{}}").as_bytes());
            let code = mac.finalize().into_bytes();
            let hex: String = code.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("t={at},v1={hex}")
        };
        assert_eq!(verify("s", &sign(now), b"{}"), Ok(()));
        assert_eq!(verify("s", &sign(now - 400), b"{}"), Err("a signature is old"));
        for (secret, body) in [("s", "{ }"), ("other", "{}")] {
            let verdict = verify(secret, &sign(now), body.as_bytes());
            assert_eq!(verdict, Err("a signature is wrong"));
        }
        assert!(verify("s", "v1=00", b"{}").is_err());
    }
}
