//! One run's conversation with one store: what it knows of it, and the small requests.
//!
//! Reads answers into facts and faults; what is asked when is decided in the file above.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use bytes::Bytes;
use jiff::Timestamp;
use lectern_domain::config::Checksum;
use reqwest::header::{HeaderMap, HeaderValue, RANGE};
use reqwest::{Method, StatusCode};
use tokio::sync::Mutex;
use url::Url;

use super::digest::Sum;
use super::handle::{MOST_PARTS, Upload};
use super::object::Object;
use super::place::Place;
use super::protocol::{self, Created, Part, PartsPage, UploadsPage};
use super::refusal::{self, Target};
use super::sign::{OF_NOTHING, Signer};
use super::sums::Sums;
use crate::fault::Fault;
use crate::net::{Control, Lane, Reply};
use crate::parcel::Parcel;

/// Parts on one page of a list: an answer stays far below what a small answer may have.
const PARTS_ON_A_PAGE: &str = "100";

/// What was read from the disk at the first call and serves for the whole run.
pub(super) struct Session {
    pub(super) place: Place,
    pub(super) signer: Signer,
    pub(super) control: Control,
    pub(super) peer: String,
    wanted: Checksum,
    /// How many of the checksums that may be tried were found not to be known there.
    unknown: AtomicUsize,
    /// The store knows no `If-None-Match`.
    pub(super) unconditional: AtomicBool,
    /// The open connection for parts, between two requests.
    pub(super) lane: Mutex<Option<Lane>>,
    /// What was summed in this run.
    pub(super) sums: Mutex<Sums>,
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
        let mut parts = BTreeMap::new();
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
            let numbered = page.parts.into_iter().map(|part| (part.part_number, part));
            parts.extend(numbered.filter(|(number, _)| *number <= MOST_PARTS));
            match page.next_part_number_marker {
                Some(next) if page.is_truncated && next > marker && next < MOST_PARTS => marker = next,
                // The last page, or one that leads nowhere or on without an end. Not every store lists in order.
                _ => {
                    let in_row = (1..)
                        .zip(parts)
                        .take_while(|(number, (found, _))| number == found);
                    return Ok(Some(in_row.map(|(_, (_, part))| part).collect()));
                }
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
}
