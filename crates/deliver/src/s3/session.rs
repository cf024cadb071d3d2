//! One run's conversation with one store: signed requests, small ones and those that carry parts.
//!
//! Reads answers into facts and faults; what is asked when is decided in the file above.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use bytes::Bytes;
use hyper::Request;
use jiff::Timestamp;
use lectern_domain::config::Checksum;
use reqwest::header::{CONTENT_LENGTH, HOST, HeaderMap, HeaderValue, RANGE, USER_AGENT};
use reqwest::{Method, StatusCode};
use tokio::sync::Mutex;
use url::Url;

use super::digest::Sum;
use super::handle::Upload;
use super::object::Object;
use super::place::Place;
use super::protocol::{self, Created, Part, PartsPage, UploadsPage};
use super::refusal::{self, Target};
use super::sign::{OF_NOTHING, Signer};
use super::sums::Sums;
use crate::contents;
use crate::fault::Fault;
use crate::net::{self, Control, Lane, Outgoing, Reply};
use crate::parcel::{Halt, Parcel};

/// Parts on one page of a list: an answer stays far below what a small answer may have.
const PARTS_ON_A_PAGE: &str = "100";

/// What was read from the disk at the first call and serves for the whole run.
pub(super) struct Session {
    pub(super) place: Place,
    signer: Signer,
    control: Control,
    peer: String,
    wanted: Checksum,
    /// How many of the checksums that may be tried were found not to be known there.
    unknown: AtomicUsize,
    /// The store knows no `If-None-Match`.
    pub(super) unconditional: AtomicBool,
    /// The open connection for parts, between two requests.
    lane: Mutex<Option<Lane>>,
    /// What was summed in this run.
    pub(super) sums: Mutex<Sums>,
}

/// A request whose body goes over the connection for bytes.
pub(super) struct Cargo {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// SHA-256 of the body, lower-case hex.
    pub(super) sha256: String,
    /// Where in the file it begins, for progress.
    pub(super) from: u64,
}

impl Session {
    pub(super) fn new(place: Place, signer: Signer, control: Control, wanted: Checksum) -> Self {
        Self {
            peer: place.peer(),
            place,
            signer,
            control,
            wanted,
            unknown: AtomicUsize::new(0),
            unconditional: AtomicBool::new(false),
            lane: Mutex::new(None),
            sums: Mutex::default(),
        }
    }

    /// The checksum to be announced next; `None` when all were tried.
    pub(super) fn sum(&self) -> Option<Sum> {
        let candidates = Sum::candidates(self.wanted);
        candidates.get(self.unknown.load(Ordering::Relaxed)).copied()
    }

    /// Notes that the store does not know `sum`, for the rest of the run.
    pub(super) fn does_not_know(&self, sum: Sum) {
        let tried = Sum::candidates(self.wanted).iter().position(|one| *one == sum);
        if let Some(at) = tried {
            self.unknown.fetch_max(at + 1, Ordering::Relaxed);
            tracing::info!(
                peer = self.peer,
                checksum = sum.as_str(),
                "the store refused a checksum"
            );
        }
    }

    /// The fault behind an answer.
    pub(super) fn fault(&self, reply: &Reply, request: &str) -> Fault {
        let target = Target {
            peer: &self.peer,
            bucket: &self.place.bucket,
            region: self.signer.region(),
        };
        refusal::fault(reply, request, target, Timestamp::now())
    }

    /// The fault of a store that answers a request with something that is no answer to it.
    pub(super) fn no_answer(&self, request: &str) -> Fault {
        Fault::refused(
            format!(
                "{} answered {request} with something that is not of S3.",
                self.peer
            ),
            "Check the platform's url, and whether a login page or a proxy stands before the store.",
        )
    }

    /// The fault when no checksum is left to be tried.
    pub(super) fn no_checksum(&self) -> Fault {
        Fault::refused(
            format!("{} does not know the checksum that is asked for.", self.peer),
            "Set checksum = \"auto\" in the platform's section of the configuration, or another one.",
        )
    }

    /// One small request without a body.
    pub(super) async fn request(
        &self,
        method: Method,
        url: &Url,
        headers: HeaderMap,
    ) -> Result<Reply, Fault> {
        self.request_with(method, url, headers, OF_NOTHING, Bytes::new())
            .await
    }

    /// One small request; `sha256` is what the store is told to find as the body's.
    pub(super) async fn request_with(
        &self,
        method: Method,
        url: &Url,
        mut headers: HeaderMap,
        sha256: &str,
        body: Bytes,
    ) -> Result<Reply, Fault> {
        self.signer
            .sign(&method, url, &mut headers, sha256, Timestamp::now());
        let reply = self.control.request_with(method, url, headers, body).await;
        reply.map_err(|fault| fault.into_fault(url))
    }

    /// What lies under a key.
    pub(super) async fn object(&self, parcel: &Parcel<'_>, key: &str) -> Result<Object, Fault> {
        let held = self.head(key).await?;
        Ok(held.map_or(Object::Absent, |reply| Object::read(&reply, parcel)))
    }

    /// What a store tells of what lies under a key; `None` when nothing does.
    pub(super) async fn head(&self, key: &str) -> Result<Option<Reply>, Fault> {
        let url = self.place.object(key, &[]);
        let headers = HeaderMap::from_iter([(protocol::CHECKSUM_MODE, protocol::ENABLED)]);
        let reply = self.request(Method::HEAD, &url, headers).await?;
        match reply.status {
            StatusCode::OK => Ok(Some(reply)),
            StatusCode::NOT_FOUND => Ok(None),
            _ => Err(self.why_no_head(&reply, &url).await),
        }
    }

    /// An answer to HEAD has no body, and so does not say what is wrong; that to a GET does.
    async fn why_no_head(&self, head: &Reply, url: &Url) -> Fault {
        let first_byte = HeaderMap::from_iter([(RANGE, HeaderValue::from_static("bytes=0-0"))]);
        match self.request(Method::GET, url, first_byte).await {
            Ok(reply) if !reply.status.is_success() => self.fault(&reply, "the question for a file"),
            Ok(_) => self.fault(head, "the question for a file"),
            Err(fault) => fault,
        }
    }

    /// Begins an upload in parts and returns the store's id of it; `None` when the store does not
    /// know `sum`.
    pub(super) async fn begin(
        &self,
        key: &str,
        mut headers: HeaderMap,
        sum: Sum,
    ) -> Result<Option<String>, Fault> {
        protocol::announce_sum(&mut headers, sum);
        let url = self.place.object(key, &[("uploads", "")]);
        let reply = self.request(Method::POST, &url, headers).await?;
        if sum.algorithm().is_some() && refusal::not_known(&reply) {
            return Ok(None);
        }
        if reply.status != StatusCode::OK {
            return Err(self.fault(&reply, "the beginning of an upload"));
        }
        match protocol::read::<Created>(&reply.body, "InitiateMultipartUploadResult") {
            Some(created) if !created.upload_id.is_empty() => Ok(Some(created.upload_id)),
            _ => Err(self.no_answer("the beginning of an upload")),
        }
    }

    /// The parts of an upload in order, from the first on without a gap; `None` when there is no
    /// such upload.
    pub(super) async fn parts(&self, key: &str, upload: &Upload) -> Result<Option<Vec<Part>>, Fault> {
        let mut parts: Vec<Part> = Vec::new();
        let mut marker = 0u64;
        loop {
            let after = marker.to_string();
            let mut query = vec![("max-parts", PARTS_ON_A_PAGE), ("uploadId", &upload.id)];
            if marker > 0 {
                query.push(("part-number-marker", &after));
            }
            let url = self.place.object(key, &query);
            let reply = self.request(Method::GET, &url, HeaderMap::new()).await?;
            if refusal::no_such_upload(&reply) {
                return Ok(None);
            }
            if reply.status != StatusCode::OK {
                return Err(self.fault(&reply, "the question for the parts"));
            }
            let Some(page) = protocol::read::<PartsPage>(&reply.body, "ListPartsResult") else {
                return Err(self.no_answer("the question for the parts"));
            };
            for part in page.parts {
                if part.part_number == parts.len() as u64 + 1 && !part.etag.is_empty() {
                    parts.push(part);
                }
            }
            // A page that leads nowhere, or a gap, ends the list.
            match page.next_part_number_marker {
                Some(next) if page.is_truncated && next > marker && next == parts.len() as u64 => {
                    marker = next
                }
                _ => return Ok(Some(parts)),
            }
        }
    }

    /// Drops every open upload under a key: what is left of beginnings whose answer never came. A
    /// store that tells of none, or forbids the question, drops them by a rule of its own.
    pub(super) async fn drop_strays(&self, key: &str) -> Result<(), Fault> {
        let url = self.place.bucket(&[("prefix", key), ("uploads", "")]);
        let reply = self.request(Method::GET, &url, HeaderMap::new()).await?;
        let page = protocol::read::<UploadsPage>(&reply.body, "ListMultipartUploadsResult");
        let Some(page) = page.filter(|_| reply.status == StatusCode::OK) else {
            tracing::debug!(status = %reply.status, "the store did not list unfinished uploads");
            return Ok(());
        };
        for stray in page.uploads.iter().filter(|upload| upload.key == key) {
            self.abort(key, &stray.upload_id).await?;
            tracing::info!(key, "an unfinished upload was dropped");
        }
        Ok(())
    }

    /// Drops an upload and its parts. That it was gone already is as good.
    pub(super) async fn abort(&self, key: &str, id: &str) -> Result<(), Fault> {
        let url = self.place.object(key, &[("uploadId", id)]);
        let reply = self.request(Method::DELETE, &url, HeaderMap::new()).await?;
        if !reply.status.is_success() && !refusal::no_such_upload(&reply) {
            tracing::debug!(status = %reply.status, "the store did not drop an unfinished upload");
        }
        Ok(())
    }

    /// Carries a body over the connection for bytes, watched.
    pub(super) async fn carry(&self, parcel: &Parcel<'_>, cargo: Cargo) -> Result<Reply, Fault> {
        let Cargo {
            method,
            url,
            mut headers,
            body,
            sha256,
            from,
        } = cargo;
        self.signer
            .sign(&method, &url, &mut headers, &sha256, Timestamp::now());
        let length = body.len() as u64;
        let taken = Arc::new(AtomicU64::new(from));
        let body = Outgoing::stream(contents::frames(body), length, Arc::clone(&taken));
        let request = self.over_lane(method, &url, headers, length, body)?;
        let idle = self.control.patience().idle;
        let whole = || taken.load(Ordering::Relaxed) == from + length;
        match parcel
            .watched(self.exchange(&url, request, whole), &taken, Some(idle))
            .await
        {
            Ok(reply) => reply,
            Err(Halt::Stopped) => Err(Fault::Stopped),
            Err(Halt::Stalled) => Err(Fault::doubt(format!(
                "{} took no byte for {} s.",
                self.peer,
                idle.as_secs_f32()
            ))),
        }
    }

    fn over_lane(
        &self,
        method: Method,
        url: &Url,
        headers: HeaderMap,
        length: u64,
        body: Outgoing,
    ) -> Result<Request<Outgoing>, Fault> {
        let target = &url[url::Position::BeforePath..url::Position::AfterQuery];
        let host = &url[url::Position::BeforeHost..url::Position::AfterPort];
        let mut request = Request::builder()
            .method(method)
            .uri(target)
            .header(HOST, host)
            .header(USER_AGENT, net::AGENT)
            .header(CONTENT_LENGTH, length)
            .body(body)
            .map_err(|error| {
                Fault::person(
                    format!(
                        "The address of a file at {} cannot be requested: {error}.",
                        self.peer
                    ),
                    "This is a fault in Lectern: please report it with this text.",
                )
            })?;
        request.headers_mut().extend(headers);
        Ok(request)
    }

    /// One request over the lane. The lane is kept for the next one only after a whole answer to
    /// a whole request; dropping this future closes it.
    async fn exchange(
        &self,
        url: &Url,
        request: Request<Outgoing>,
        whole: impl Fn() -> bool,
    ) -> Result<Reply, Fault> {
        let mut kept = self.lane.lock().await;
        let mut former = kept.take();
        if let Some(lane) = &mut former
            && !lane.ready().await
        {
            former = None;
        }
        let mut lane = match former {
            Some(lane) => lane,
            None => {
                let opened = self.control.lane(url).await;
                opened.map_err(|fault| fault.into_fault(url))?
            }
        };
        let reply = lane.send(request).await.map_err(|fault| fault.into_fault(url))?;
        if reply.status.is_success() && whole() {
            *kept = Some(lane);
        }
        Ok(reply)
    }
}
