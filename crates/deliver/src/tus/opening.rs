//! Before a file's first byte: what the server says of itself, and the creation of an upload.

use jiff::Timestamp;
use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode};
use url::Url;

use super::protocol::{self, BadLocation, Capabilities, Objection};
use super::refusal;
use super::session::Session;
use crate::fault::Fault;
use crate::net;

impl Session {
    /// What the server says of itself.
    pub(super) async fn capabilities(&self) -> Result<&Capabilities, Fault> {
        self.capabilities
            .get_or_try_init(async || {
                let reply = self.request(Method::OPTIONS, &self.url, HeaderMap::new()).await?;
                Ok(Capabilities::read(&reply))
            })
            .await
    }

    pub(super) async fn check_capable(&self, size_bytes: u64) -> Result<(), Fault> {
        let peer = net::authority(&self.url);
        let advice = "Ask the platform's operator to change this, or send to another platform.";
        match self.capabilities().await?.objection(size_bytes) {
            None => Ok(()),
            Some(Objection::Any(why)) => Err(Fault::refused(
                format!("{peer} cannot take any file: {why}."),
                advice,
            )),
            Some(Objection::Size(why)) => Err(Fault::person(
                format!("{peer} cannot take this file: {why}."),
                advice,
            )),
        }
    }

    /// Creates an upload: its address, and when it is dropped if it is not whole by then.
    pub(super) async fn create(&self, headers: HeaderMap) -> Result<(Url, Option<Timestamp>), Fault> {
        let reply = self.request(Method::POST, &self.url, headers).await?;
        if reply.status != StatusCode::CREATED {
            return Err(refusal::fault(&reply, "a creation", &self.url));
        }
        self.note_expiry(&reply);
        match protocol::location(&self.url, &reply) {
            Ok(upload) => Ok((upload, protocol::expires(&reply))),
            Err(BadLocation::Missing) => Err(refusal::not_tus(
                &reply,
                "a creation",
                &self.url,
                "without a Location",
            )),
            Err(BadLocation::NoUrl(why)) => Err(Fault::refused(
                format!(
                    "{} answered a creation with a Location that is no URL: {why}.",
                    net::authority(&self.url)
                ),
                "Ask the platform's operator to mend the server's own address.",
            )),
            Err(BadLocation::Elsewhere(url)) => Err(Fault::refused(
                format!(
                    "{} wants the bytes to go to {}, which is not the configured platform.",
                    self.url.origin().ascii_serialization(),
                    url.origin().ascii_serialization()
                ),
                "Put that address into the platform's url, or have the server told its address as seen from here \
                 (behind a proxy: X-Forwarded-Proto and X-Forwarded-Host).",
            )),
        }
    }
}
