//! The judge's answers: tus 1.0.0 to the letter, unless a misdeed was ordered.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use rustls::ServerConfig;
use serde_json::json;

use super::{Court, On, Seen};
use crate::court::{Misdeed, Sword};
use crate::wire::{Answer, Breaker, Hears};

impl Hears for Court {
    async fn hear(&self, breaker: &Breaker, request: Request<Incoming>) -> Answer {
        let (method, target) = (request.method().clone(), request.uri().to_string());
        let misdeed = self.take_misdeed(&request);
        let place = self.note(&method, &target);
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
    fn take_misdeed(&self, request: &Request<Incoming>) -> Option<Misdeed> {
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
    fn breach(&self, what: &str, status: u16) -> Answer {
        self.notes().breaches.push(what.to_owned());
        refuse(status, None)
    }

    async fn rule(&self, breaker: &Breaker, request: Request<Incoming>, misdeed: Option<&Misdeed>) -> Answer {
        let headers = request.headers();
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
                let live = notes.book.live(id).is_some();
                notes.book.remove(id);
                refuse(if live { 204 } else { 404 }, None)
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
        set(&mut answer, "tus-extension", "creation,expiration,termination");
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
        let text = headers.get("upload-metadata").map_or(Ok(""), HeaderValue::to_str);
        let Some(metadata) = text.ok().and_then(decode) else {
            return self.breach("a creation with metadata that cannot be decoded", 400);
        };
        let id = self
            .notes()
            .book
            .create(length, metadata)
            .expect("the judge owns its folder");
        let mut answer = plain(201);
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
        if misdeed == Some(&Misdeed::Expire) {
            notes.book.remove(id);
        }
        let offset = notes.book.offset(id);
        let Some(entry) = notes.book.live(id) else {
            return refuse(gone(&mut notes, id), None);
        };
        if entry.locked {
            return refuse(423, None);
        }
        entry.in_doubt = false;
        let mut answer = plain(200);
        set(&mut answer, "upload-length", &entry.length.to_string());
        set(&mut answer, "upload-offset", &offset.to_string());
        set(&mut answer, "cache-control", "no-store");
        answer
    }

    async fn patch(
        &self,
        breaker: &Breaker,
        id: &str,
        request: Request<Incoming>,
        misdeed: Option<&Misdeed>,
    ) -> Answer {
        let headers = request.headers();
        if headers
            .get(header::CONTENT_TYPE)
            .is_none_or(|kind| kind != "application/offset+octet-stream")
        {
            return self.breach("a PATCH that is no application/offset+octet-stream", 415);
        }
        let Some(from) = number(headers, "upload-offset") else {
            return self.breach("a PATCH without Upload-Offset", 400);
        };
        let announced = number(headers, "content-length");
        let length = match self.admit(id, from, announced, misdeed) {
            Ok(length) => length,
            Err(status) => return refuse(status, None),
        };
        // Unlocks whatever happens to the request, also when its connection is cut.
        let mut lock = Lock {
            court: self,
            id,
            answered: false,
        };
        let whole = self.store(id, request.into_body(), misdeed).await;
        match misdeed {
            Some(Misdeed::ResetAfter(_)) => {
                drop(lock);
                breaker.cut(true).await
            }
            Some(Misdeed::StallAfter(_)) => {
                drop(lock);
                std::future::pending().await
            }
            _ => lock.answered = whole && misdeed != Some(&Misdeed::SwallowReply),
        }
        let mut answer = plain(204);
        let mut notes = self.notes();
        let offset = notes.book.offset(id);
        if offset == length && self.rules.moves_finished {
            notes.book.remove(id);
        }
        set(&mut answer, "upload-offset", &offset.to_string());
        answer
    }

    /// Checks a PATCH against the upload and locks it; returns the upload's length, or the status
    /// that refuses it.
    fn admit(
        &self,
        id: &str,
        from: u64,
        announced: Option<u64>,
        misdeed: Option<&Misdeed>,
    ) -> Result<u64, u16> {
        let mut notes = self.notes();
        if misdeed == Some(&Misdeed::Expire) {
            notes.book.remove(id);
        }
        let offset = notes.book.offset(id);
        let Some(entry) = notes.book.live(id) else {
            let status = gone(&mut notes, id);
            return Err(status);
        };
        if entry.locked {
            return Err(423);
        }
        let (length, in_doubt) = (entry.length, entry.in_doubt);
        if in_doubt {
            notes
                .breaches
                .push(format!("bytes for {id} after a doubt, without a HEAD"));
        }
        if from != offset {
            notes
                .breaches
                .push(format!("a PATCH at {from} for {id}, which is at {offset}"));
            return Err(409);
        }
        if announced.is_some_and(|announced| from + announced > length) {
            notes.breaches.push(format!("a PATCH beyond the end of {id}"));
            return Err(413);
        }
        if let Some(entry) = notes.book.live(id) {
            entry.locked = true;
        }
        Ok(length)
    }

    /// Stores the body as it arrives, up to where a misdeed wants it to end; what came before a
    /// break stays. False when the body broke off.
    async fn store(&self, id: &str, mut body: Incoming, misdeed: Option<&Misdeed>) -> bool {
        let mut left = Misdeed::room(misdeed);
        while left > 0
            && let Some(frame) = body.frame().await
        {
            let Ok(frame) = frame else { return false };
            let Ok(mut data) = frame.into_data() else { continue };
            data.truncate(usize::try_from(left).unwrap_or(usize::MAX));
            left -= data.len() as u64;
            self.notes()
                .book
                .append(id, &data)
                .expect("the judge owns its folder");
        }
        true
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

/// Holds an upload for one PATCH.
struct Lock<'a> {
    court: &'a Court,
    id: &'a str,
    /// The client gets an answer; otherwise it must ask before it sends again.
    answered: bool,
}

impl Drop for Lock<'_> {
    fn drop(&mut self) {
        if let Some(entry) = self.court.notes().book.known(self.id) {
            entry.locked = false;
            entry.in_doubt = !self.answered;
        }
    }
}

fn upload_id(path: &str) -> Option<&str> {
    path.strip_prefix("/files/").filter(|id| !id.is_empty())
}

/// 410 for an upload that was here, 404 for one that never was.
fn gone(notes: &mut super::Notes, id: &str) -> u16 {
    if notes.book.known(id).is_some() { 410 } else { 404 }
}

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.parse().ok()
}

fn plain(status: u16) -> Answer {
    let mut answer = Response::new(Full::default());
    *answer.status_mut() = StatusCode::from_u16(status).expect("a test orders a status that exists");
    set(&mut answer, "tus-resumable", "1.0.0");
    answer
}

fn refuse(status: u16, retry_after: Option<u32>) -> Answer {
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

fn set(answer: &mut Answer, name: &'static str, value: &str) {
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
        if metadata.insert(key.to_owned(), value).is_some() {
            return None;
        }
    }
    Some(metadata)
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
