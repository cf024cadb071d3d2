//! The requests that carry a lecture: its parts, and what makes an object of them.
//!
//! They go over the one connection for bytes, watched and paced; all others are small.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use hyper::Request;
use jiff::Timestamp;
use lectern_domain::finished::PART_BYTES;
use reqwest::header::{CONTENT_LENGTH, HOST, HeaderMap, IF_NONE_MATCH, USER_AGENT};
use reqwest::{Method, StatusCode};
use serde::de::IgnoredAny;
use sha2::{Digest, Sha256};
use url::Url;

use super::digest::{self, Sum};
use super::handle::{Upload, offset};
use super::session::Session;
use super::{protocol, refusal, sums};
use crate::contents;
use crate::fault::Fault;
use crate::net::{self, Outgoing, Reply};
use crate::parcel::{Halt, Parcel};
use crate::reading::hex;

/// A request whose body goes over the connection for bytes.
struct Cargo {
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: Bytes,
    /// SHA-256 of the body, lower-case hex.
    sha256: String,
    /// Where in the file it begins, for progress.
    from: u64,
}

impl Session {
    /// Sends one part.
    pub(super) async fn send_part(
        &self,
        parcel: &Parcel<'_>,
        upload: &Upload,
        index: u64,
    ) -> Result<(), Fault> {
        let key = self.place.key(parcel);
        let body = sums::piece(&parcel.contents, upload.part_bytes, index).await?;
        let sum = self.sums.lock().await.take(parcel, index, &body).await?;
        let sha256 = match parcel.contents.digests().await? {
            digests if upload.part_bytes == PART_BYTES => usize::try_from(index)
                .ok()
                .and_then(|at| digests.get(at))
                .map(|digest| hex(digest)),
            _ => None,
        };
        let sha256 = sha256.unwrap_or_else(|| hex(&Sha256::digest(&body)));
        let mut headers = HeaderMap::new();
        protocol::insert_sum(&mut headers, upload.sum, &sum);
        let number = (index + 1).to_string();
        let cargo = Cargo {
            method: Method::PUT,
            url: self
                .place
                .object(&key, &[("partNumber", &number), ("uploadId", &upload.id)]),
            headers,
            body,
            sha256,
            from: index * upload.part_bytes,
        };
        let reply = self.carry(parcel, cargo).await?;
        if reply.status == StatusCode::OK {
            return check_part(self, &reply, upload.sum, &sum);
        }
        if index == 0 && upload.sum.header().is_some() && refusal::not_known(&reply) {
            // The store agreed to a checksum that it does not take. Nothing was stored yet.
            self.does_not_know(upload.sum);
            if self.sum().is_some() {
                self.abort(&key, &upload.id).await?;
                return Err(Fault::doubt(format!(
                    "{} does not know the checksum of a part.",
                    self.place.peer()
                )));
            }
        }
        Err(self.fault(&reply, "the upload of a part"))
    }

    /// Makes an object of all parts.
    pub(super) async fn complete_parts(&self, parcel: &Parcel<'_>, upload: &Upload) -> Result<(), Fault> {
        let key = self.place.key(parcel);
        let size = parcel.file.size_bytes;
        let Some(parts) = self.parts(&key, upload).await? else {
            return Err(Fault::doubt(format!(
                "{} no longer knows the upload.",
                self.place.peer()
            )));
        };
        if offset(&parts, size, upload.part_bytes) != size {
            return Err(Fault::doubt(format!(
                "{} no longer has all parts.",
                self.place.peer()
            )));
        }
        let (whole, sums) = {
            let mut sums = self.sums.lock().await;
            (sums.whole(parcel).await?, sums.all(parcel).await?)
        };
        let mut etags = Vec::with_capacity(parts.len());
        for (index, part) in (0..).zip(parts) {
            etags.push(match part.etag {
                Some(etag) => etag,
                None => self.presumed_etag(parcel, upload, index).await?,
            });
        }
        let listed = etags
            .iter()
            .map(String::as_str)
            .zip(sums.iter().map(Vec::as_slice));
        let body = Bytes::from(protocol::completion(upload.sum, listed));
        let url = self.place.object(&key, &[("uploadId", &upload.id)]);
        let headers = protocol::completion_headers(upload.sum, &whole, size);
        let reply = self.make_whole(parcel, Method::POST, url, headers, body).await?;
        if protocol::read::<IgnoredAny>(&reply.body, "CompleteMultipartUploadResult").is_some() {
            return Ok(());
        }
        // The head of this answer is sent before the work is done: the body says how it ended.
        match protocol::refusal(&reply) {
            Some(_) => Err(self.fault(&reply, "the completion of an upload")),
            None => Err(Fault::doubt(format!(
                "The answer of {} to the completion of an upload was cut off.",
                self.place.peer()
            ))),
        }
    }

    /// The ETag of a part that the store lists without one: the MD5 of our own part, which is what
    /// stores make it of. A store that thinks otherwise refuses the completion.
    async fn presumed_etag(&self, parcel: &Parcel<'_>, upload: &Upload, index: u64) -> Result<String, Fault> {
        let piece = sums::piece(&parcel.contents, upload.part_bytes, index).await?;
        Ok(format!("\"{}\"", hex(&Sum::Md5.of(&piece))))
    }

    /// Sends a request that makes an object whole, on condition that there is none.
    pub(super) async fn make_whole(
        &self,
        parcel: &Parcel<'_>,
        method: Method,
        url: Url,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Reply, Fault> {
        let sha256 = hex(&Sha256::digest(&body));
        loop {
            let conditional = !self.unconditional.load(Ordering::Relaxed);
            let mut headers = headers.clone();
            if conditional {
                headers.insert(IF_NONE_MATCH, protocol::ANY);
            }
            let cargo = Cargo {
                method: method.clone(),
                url: url.clone(),
                headers,
                body: body.clone(),
                sha256: sha256.clone(),
                from: parcel.file.size_bytes,
            };
            let reply = self.carry(parcel, cargo).await?;
            if conditional && reply.status == StatusCode::NOT_IMPLEMENTED {
                self.unconditional.store(true, Ordering::Relaxed);
                continue;
            }
            if reply.status != StatusCode::OK {
                return Err(self.fault(&reply, "the completion of an upload"));
            }
            return Ok(reply);
        }
    }

    /// Carries a body over the connection for bytes, watched.
    async fn carry(&self, parcel: &Parcel<'_>, cargo: Cargo) -> Result<Reply, Fault> {
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

/// A part must have a name, and if the store tells a sum of it, it must be ours.
fn check_part(session: &Session, reply: &Reply, sum: Sum, ours: &[u8]) -> Result<(), Fault> {
    if reply.header("etag").is_none() {
        return Err(session.no_answer("the upload of a part"));
    }
    let told = sum.header().and_then(|name| reply.header(name.as_str()));
    match told {
        Some(told) if told != digest::text(ours) => Err(Fault::doubt(
            "The store tells another checksum of a part than ours.",
        )),
        _ => Ok(()),
    }
}
