//! One run's conversation with one tus server: small requests, and the one connection for bytes.
//!
//! Reads answers into offsets and faults; what is asked when is decided in the file above.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};

use hyper::Request;
use jiff::Timestamp;
use reqwest::header::{
    AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderMap, HeaderValue, USER_AGENT,
};
use reqwest::{Method, StatusCode};
use tokio::sync::{Mutex, OnceCell};
use url::Url;

use super::protocol::{self, Capabilities};
use super::{receipt, refusal};
use crate::fault::Fault;
use crate::net::{self, Control, Lane, Outgoing, Reply};
use crate::parcel::{Halt, Parcel};
use crate::platform::Standing;

/// What was read from the disk at the first call and serves for the whole run.
pub(super) struct Session {
    pub(super) url: Url,
    pub(super) receipt_url: Option<Url>,
    pub(super) control: Control,
    /// What the server said of itself, asked before the first creation.
    pub(super) capabilities: OnceCell<Capabilities>,
    /// When the server drops the upload that was spoken of last, if it said so.
    expires: std::sync::Mutex<Option<Timestamp>>,
    /// The open connection for bytes, between two requests.
    lane: Mutex<Option<Lane>>,
}

/// One PATCH.
pub(super) struct Piece {
    pub(super) from: u64,
    pub(super) length: u64,
    pub(super) body: Outgoing,
    /// Of the checksum extension.
    pub(super) checksum: Option<HeaderValue>,
    /// Offset of the last byte that the connection took.
    pub(super) taken: Arc<AtomicU64>,
}

impl Session {
    pub(super) fn new(url: Url, receipt_url: Option<Url>, control: Control) -> Self {
        Self {
            url,
            receipt_url,
            control,
            capabilities: OnceCell::new(),
            expires: std::sync::Mutex::default(),
            lane: Mutex::new(None),
        }
    }

    pub(super) async fn request(
        &self,
        method: Method,
        url: &Url,
        headers: HeaderMap,
    ) -> Result<Reply, Fault> {
        self.control
            .request(method, url, headers)
            .await
            .map_err(|fault| fault.into_fault(url))
    }

    /// The receipt's answer, or `otherwise` where there is none.
    pub(super) async fn ask_receipt(
        &self,
        parcel: &Parcel<'_>,
        otherwise: Standing,
    ) -> Result<Standing, Fault> {
        let Some(url) = &self.receipt_url else {
            return Ok(otherwise);
        };
        match receipt::fetch(&self.control, url, parcel.lecture(), &parcel.file.name).await? {
            Some(receipt) => {
                receipt::check(&receipt, parcel, url)?;
                Ok(Standing::Whole { remote: None })
            }
            None => Ok(otherwise),
        }
    }

    /// Adds to an obstacle how long the server keeps what it has, if it said so.
    pub(super) fn with_expiry(&self, fault: Fault) -> Fault {
        let expires = *self.expires.lock().unwrap_or_else(PoisonError::into_inner);
        match (fault, expires) {
            (Fault::Later { happened, after }, Some(expires)) => Fault::Later {
                happened: format!(
                    "{happened} It keeps what was sent until {}; after that this file is sent anew.",
                    expires.strftime("%Y-%m-%d %H:%M UTC")
                ),
                after,
            },
            (fault, _) => fault,
        }
    }

    pub(super) fn note_expiry(&self, reply: &Reply) {
        if let Some(expires) = protocol::expires(reply) {
            *self.expires.lock().unwrap_or_else(PoisonError::into_inner) = Some(expires);
        }
    }

    /// How much of the upload the server has; `None` when it knows no such upload.
    pub(super) async fn offset(&self, parcel: &Parcel<'_>, remote: &str) -> Result<Option<u64>, Fault> {
        let Some(url) = self.upload_url(remote) else {
            return Ok(None);
        };
        let reply = self.request(Method::HEAD, &url, protocol::versioned()).await?;
        if refusal::gone(reply.status) {
            return Ok(None);
        }
        if !reply.status.is_success() {
            return Err(refusal::fault(&reply, "a HEAD", &url));
        }
        self.note_expiry(&reply);
        let Some(offset) = reply.number("upload-offset") else {
            return Err(refusal::not_tus(&reply, "a HEAD", &url, "without Upload-Offset"));
        };
        let size = parcel.file.size_bytes;
        match reply.number("upload-length") {
            Some(length) if length != size => Err(contradiction(
                &url,
                &format!(
                    "the upload of {} is {length} bytes long there and {size} here",
                    parcel.file.name
                ),
            )),
            _ if offset > size => Err(contradiction(
                &url,
                &format!(
                    "it has {offset} bytes of {}, which has only {size}",
                    parcel.file.name
                ),
            )),
            _ => Ok(Some(offset)),
        }
    }

    /// Sends one piece and returns the offset that the server confirmed.
    pub(super) async fn patch(&self, parcel: &Parcel<'_>, remote: &str, piece: Piece) -> Result<u64, Fault> {
        let Some(url) = self.upload_url(remote) else {
            return Err(Fault::doubt("The upload was begun at another address."));
        };
        let (from, length, taken) = (piece.from, piece.length, Arc::clone(&piece.taken));
        let request = self.patch_request(&url, piece)?;
        let idle = self.control.patience().idle;
        let whole = || taken.load(Ordering::Relaxed) == from + length;
        let exchange = parcel
            .watched(self.exchange(&url, request, whole), &taken, Some(idle))
            .await;
        let reply = match exchange {
            Ok(reply) => reply?,
            Err(Halt::Stopped) => return Err(Fault::Stopped),
            Err(Halt::Stalled) => {
                return Err(Fault::doubt(format!(
                    "{} took no byte for {} s.",
                    net::authority(&url),
                    idle.as_secs_f32()
                )));
            }
        };
        if refusal::gone(reply.status) {
            return Err(Fault::doubt(format!(
                "{} no longer knows the upload.",
                net::authority(&url)
            )));
        }
        if !matches!(reply.status, StatusCode::NO_CONTENT | StatusCode::OK) {
            return Err(refusal::fault(&reply, "a PATCH", &url));
        }
        self.note_expiry(&reply);
        match reply.number("upload-offset") {
            None => Err(refusal::not_tus(&reply, "a PATCH", &url, "without Upload-Offset")),
            Some(offset) if offset > from + length => Err(contradiction(
                &url,
                &format!("it confirmed byte {offset}, and only {} were sent", from + length),
            )),
            Some(offset) if offset < from => Err(contradiction(
                &url,
                &format!("it has {offset} bytes, and had confirmed {from} before"),
            )),
            Some(offset) => Ok(offset),
        }
    }

    /// One request over the lane. The lane is kept for the next one only after a whole answer to
    /// a whole request; dropping this future closes it.
    pub(super) async fn exchange(
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
            None => self
                .control
                .lane(url)
                .await
                .map_err(|fault| fault.into_fault(url))?,
        };
        let reply = lane.send(request).await.map_err(|fault| fault.into_fault(url))?;
        if reply.status.is_success() && whole() {
            *kept = Some(lane);
        }
        Ok(reply)
    }

    pub(super) fn patch_request(&self, url: &Url, piece: Piece) -> Result<Request<Outgoing>, Fault> {
        let target = &url[url::Position::BeforePath..url::Position::AfterQuery];
        let host = &url[url::Position::BeforeHost..url::Position::AfterPort];
        let mut request = Request::patch(target)
            .header(HOST, host)
            .header(USER_AGENT, net::AGENT)
            .header(protocol::TUS_RESUMABLE, protocol::VERSION)
            .header(CONTENT_TYPE, protocol::OFFSET_STREAM)
            .header(CONTENT_LENGTH, piece.length)
            .header(protocol::UPLOAD_OFFSET, piece.from)
            .body(piece.body)
            .map_err(|error| {
                contradiction(url, &format!("its upload address cannot be requested ({error})"))
            })?;
        if let Some(value) = piece.checksum {
            request.headers_mut().insert(protocol::UPLOAD_CHECKSUM, value);
        }
        if let Some(value) = self.control.authorization(url) {
            request.headers_mut().insert(AUTHORIZATION, value);
        }
        Ok(request)
    }

    /// The handle as a URL, if it belongs to the platform as it is configured now. An upload at a
    /// former address can be asked about by nobody: it counts as gone.
    fn upload_url(&self, remote: &str) -> Option<Url> {
        Url::parse(remote)
            .ok()
            .filter(|url| url.origin() == self.url.origin())
    }
}

fn contradiction(url: &Url, what: &str) -> Fault {
    Fault::person(
        format!("{} contradicts itself or us: {what}.", net::authority(url)),
        "Ask the platform's operator to look at this upload, and then try again.",
    )
}
