//! The judge's answers: tus 1.0.0 to the letter, unless a misdeed was ordered.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{self, HeaderMap};
use hyper::{Method, Request, Response, StatusCode};
use jiff::Timestamp;
use rustls::ServerConfig;
use serde_json::json;

use super::book::Entry;
use super::patch::metadata_text;
use super::{Court, Notes, On, Seen};
use crate::court::{Misdeed, Sword};
use crate::wire::{Answer, Breaker, Hears, http_date};

impl Hears for Court {
    async fn hear(&self, breaker: &Breaker, mut request: Request<Incoming>) -> Answer {
        // For clients behind boxes that know no PATCH.
        if let Some(method) = request.headers().get("x-http-method-override")
            && let Ok(method) = Method::from_bytes(method.as_bytes())
        {
            *request.method_mut() = method;
        }
        let (method, target) = (request.method().clone(), request.uri().to_string());
        let place = self.note(&method, &target);
        let misdeed = self.take_misdeed(&request, place + 1);
        let mut answer = match &misdeed {
            Some(Misdeed::Nothing) => breaker.cut(false).await,
            Some(Misdeed::Status(status, after)) => refuse(*status, *after),
            Some(Misdeed::Html) => page(),
            _ => self.rule(breaker, request, misdeed.as_ref()).await,
        };
        match misdeed {
            Some(Misdeed::SwallowReply) => breaker.cut(true).await,
            Some(Misdeed::Location(text)) => set(&mut answer, "location", &text),
            Some(Misdeed::Offset(offset)) => set(&mut answer, "upload-offset", &offset.to_string()),
            _ => {}
        }
        set(&mut answer, "date", &http_date(self.now()));
        self.notes().seen[place].status = Some(answer.status().as_u16());
        answer
    }

    fn tls(&self) -> Option<Arc<ServerConfig>> {
        self.rules.tls.clone()
    }

    fn sword(&self) -> &Sword {
        &self.sword
    }
}

impl Court {
    fn take_misdeed(&self, request: &Request<Incoming>, this: usize) -> Option<Misdeed> {
        let id = upload_id(request.uri().path()).unwrap_or_default();
        let from = number(request.headers(), "upload-offset");
        let length = number(request.headers(), "content-length");
        let mut notes = self.notes();
        let whole = notes.book.known(id).map(|entry| entry.length);
        let last = request.method() == Method::PATCH
            && whole.is_some_and(|whole| {
                from.zip(length)
                    .is_some_and(|(from, length)| from + length == whole)
            });
        let fits = |on: &On| match on {
            On::Next(method) => method == request.method(),
            On::LastPiece => last,
            On::Request(number) => *number == this,
        };
        let found = notes.script.iter().position(|(on, _)| fits(on))?;
        if notes.script[found].1.waits(length) {
            return None;
        }
        notes.script.remove(found).map(|(_, misdeed)| misdeed)
    }

    fn note(&self, method: &Method, target: &str) -> usize {
        let mut notes = self.notes();
        notes.seen.push(Seen {
            method: method.clone(),
            target: target.to_owned(),
            status: None,
        });
        notes.seen.len() - 1
    }

    /// Notes a breach and answers it.
    pub(super) fn breach(&self, what: &str, status: u16) -> Answer {
        self.notes().breaches.push(what.to_owned());
        refuse(status, None)
    }

    async fn rule(&self, breaker: &Breaker, request: Request<Incoming>, misdeed: Option<&Misdeed>) -> Answer {
        let headers = request.headers();
        if headers.contains_key(header::PROXY_AUTHORIZATION) {
            return self.breach("the sign-in of a proxy, which is no platform's business", 400);
        }
        if let Some(bearer) = &self.rules.bearer
            && headers
                .get(header::AUTHORIZATION)
                .is_none_or(|value| *value != format!("Bearer {bearer}"))
        {
            return refuse(401, None);
        }
        let path = request.uri().path().to_owned();
        if path == "/receipt" {
            return self.receipt(request.uri().query().unwrap_or_default());
        }
        if request.method() == Method::OPTIONS {
            return self.options();
        }
        if headers
            .get("tus-resumable")
            .is_none_or(|version| version != "1.0.0")
        {
            let mut answer = self.breach("a request without Tus-Resumable: 1.0.0", 412);
            set(&mut answer, "tus-version", "1.0.0");
            return answer;
        }
        let id = upload_id(&path);
        match (request.method().as_str(), id) {
            ("POST", None) if path == "/files/" => self.create(headers),
            ("HEAD", Some(id)) => self.head(id, misdeed),
            ("PATCH", Some(id)) => {
                let id = id.to_owned();
                self.patch(breaker, &id, request, misdeed).await
            }
            ("DELETE", Some(id)) => {
                let mut notes = self.notes();
                self.expire(&mut notes, id, misdeed);
                match notes.book.live(id).map(Entry::is_locked) {
                    None => refuse(gone(&mut notes, id), None),
                    Some(true) => refuse(423, None),
                    Some(false) => {
                        notes.book.remove(id);
                        plain(204)
                    }
                }
            }
            _ => self.breach(&format!("{} {path} is no request of tus", request.method()), 404),
        }
    }

    fn options(&self) -> Answer {
        if self.rules.no_options {
            return refuse(405, None);
        }
        let mut answer = plain(204);
        set(&mut answer, "tus-version", "1.0.0");
        let mut extensions = "creation,expiration,termination".to_owned();
        if !self.rules.checksums.is_empty() {
            extensions += ",checksum";
            let names: Vec<&str> = self
                .rules
                .checksums
                .iter()
                .map(|checksum| checksum.name())
                .collect();
            set(&mut answer, "tus-checksum-algorithm", &names.join(","));
        }
        set(&mut answer, "tus-extension", &extensions);
        if let Some(max) = self.rules.max_size {
            set(&mut answer, "tus-max-size", &max.to_string());
        }
        answer
    }

    fn create(&self, headers: &HeaderMap) -> Answer {
        let Some(length) = number(headers, "upload-length") else {
            return self.breach("a creation without Upload-Length", 400);
        };
        if self.rules.max_size.is_some_and(|max| length > max) {
            return refuse(413, None);
        }
        if headers.contains_key("upload-defer-length") {
            return self.breach("a creation with both a length and a deferred one", 400);
        }
        if number(headers, "content-length").is_some_and(|body| body > 0) {
            return self.breach("a creation with a body, which was not offered", 400);
        }
        let Some(metadata) = metadata_text(headers).and_then(decode) else {
            return self.breach("a creation with metadata that cannot be decoded", 400);
        };
        let mut notes = self.notes();
        let id = notes
            .book
            .create(length, metadata)
            .expect("the judge owns its folder");
        let mut answer = plain(201);
        self.set_expiry(&mut notes, &id, &mut answer);
        let location = if self.rules.relative_location {
            id
        } else {
            let host = headers
                .get(header::HOST)
                .and_then(|host| host.to_str().ok())
                .unwrap_or_default();
            let scheme = if self.rules.tls.is_some() { "https" } else { "http" };
            format!("{scheme}://{host}/files/{id}")
        };
        set(&mut answer, "location", &location);
        answer
    }

    fn head(&self, id: &str, misdeed: Option<&Misdeed>) -> Answer {
        let mut notes = self.notes();
        self.expire(&mut notes, id, misdeed);
        let offset = notes.book.offset(id);
        let Some(entry) = notes.book.live(id) else {
            return refuse(gone(&mut notes, id), None);
        };
        if entry.is_locked() {
            return refuse(423, None);
        }
        entry.in_doubt = false;
        let mut answer = plain(200);
        if !entry.metadata.is_empty() {
            set(&mut answer, "upload-metadata", &encode(&entry.metadata));
        }
        set(&mut answer, "upload-length", &entry.length.to_string());
        set(&mut answer, "upload-offset", &offset.to_string());
        set(&mut answer, "cache-control", "no-store");
        if let Some(expires) = entry.expires {
            set(&mut answer, "upload-expires", &http_date(second(expires)));
        }
        answer
    }

    /// Forgets an unfinished upload whose time is over, or when a misdeed wants it.
    pub(super) fn expire(&self, notes: &mut Notes, id: &str, misdeed: Option<&Misdeed>) {
        let now = self.now().as_second();
        let offset = notes.book.offset(id);
        let over = notes
            .book
            .known(id)
            .is_some_and(|entry| offset < entry.length && entry.expires.is_some_and(|expires| expires < now));
        if over || misdeed == Some(&Misdeed::Expire) {
            notes.book.remove(id);
        }
    }

    /// Says until when an unfinished upload is kept, counted anew.
    pub(super) fn set_expiry(&self, notes: &mut Notes, id: &str, answer: &mut Answer) {
        let Some(seconds) = self.rules.expires_after else {
            return;
        };
        if notes.book.live(id).is_some_and(|entry| entry.length == 0) {
            return;
        }
        let expires = self.now().as_second() + i64::from(seconds);
        notes.book.set_expires(id, expires);
        set(answer, "upload-expires", &http_date(second(expires)));
    }

    fn receipt(&self, query: &str) -> Answer {
        let value = |key: &str| {
            query
                .split('&')
                .find_map(|pair| pair.strip_prefix(key)?.strip_prefix('='))
                .map(percent_decoded)
        };
        let (lecture, file) = (
            value("lecture_id").unwrap_or_default(),
            value("file").unwrap_or_default(),
        );
        match self.notes().book.find_whole(&lecture, &file) {
            None => refuse(404, None),
            Some(upload) => {
                let body = json!({ "sha256": upload.sha256, "size": upload.length }).to_string();
                let mut answer = Response::new(Full::from(body));
                set(&mut answer, "content-type", "application/json");
                answer
            }
        }
    }
}

fn upload_id(path: &str) -> Option<&str> {
    path.strip_prefix("/files/").filter(|id| !id.is_empty())
}

/// 410 for an upload that was here, 404 for one that never was.
pub(super) fn gone(notes: &mut Notes, id: &str) -> u16 {
    if notes.book.known(id).is_some() { 410 } else { 404 }
}

pub(super) fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.parse().ok()
}

pub(super) fn plain(status: u16) -> Answer {
    let mut answer = Response::new(Full::default());
    *answer.status_mut() = StatusCode::from_u16(status).expect("a test orders a status that exists");
    set(&mut answer, "tus-resumable", "1.0.0");
    answer
}

pub(super) fn refuse(status: u16, retry_after: Option<u32>) -> Answer {
    let mut answer = plain(status);
    if let Some(seconds) = retry_after {
        set(&mut answer, "retry-after", &seconds.to_string());
    }
    answer
}

fn page() -> Answer {
    let mut answer = Response::new(Full::from("<!doctype html><title>Please log in</title>"));
    set(&mut answer, "content-type", "text/html; charset=utf-8");
    answer
}

pub(super) fn set(answer: &mut Answer, name: &'static str, value: &str) {
    answer.headers_mut().insert(
        name,
        value.parse().expect("a test orders a value that fits a header"),
    );
}

/// `key base64,key base64`; `None` when it is not that, or a key comes twice.
fn decode(text: &str) -> Option<BTreeMap<String, String>> {
    let mut metadata = BTreeMap::new();
    for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once(' ').unwrap_or((pair, ""));
        let value = String::from_utf8(STANDARD.decode(value).ok()?).ok()?;
        let odd = key.is_empty() || !key.is_ascii();
        if odd || metadata.insert(key.to_owned(), value).is_some() {
            return None;
        }
    }
    Some(metadata)
}

fn encode(metadata: &BTreeMap<String, String>) -> String {
    let pairs: Vec<String> = metadata
        .iter()
        .map(|(key, value)| format!("{key} {}", STANDARD.encode(value)))
        .collect();
    pairs.join(",")
}

fn second(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap_or_default()
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let hex: Vec<u8> = rest.by_ref().take(2).collect();
                std::str::from_utf8(&hex)
                    .ok()
                    .and_then(|hex| u8::from_str_radix(hex, 16).ok())
                    .unwrap_or(b'?')
            }
            plain => plain,
        });
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
