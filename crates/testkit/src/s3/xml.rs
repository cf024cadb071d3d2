//! What the judge writes and reads as XML, and how it refuses.

use http_body_util::Full;
use hyper::StatusCode;
use hyper::header::{HeaderName, HeaderValue};
use serde::Deserialize;

use super::digest::S3Checksum;
use crate::wire::Answer;

/// A request that is refused.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) code: &'static str,
    pub(super) message: String,
    /// Further elements of the answer.
    more: Vec<(&'static str, String)>,
    /// The client should have known better.
    pub(super) breach: bool,
}

impl Refusal {
    /// What a client that does all right may meet.
    pub(super) fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            more: Vec::new(),
            breach: false,
        }
    }

    /// What no client may do.
    pub(super) fn breach(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self::new(status, code, message).into_breach()
    }

    pub(super) fn into_breach(mut self) -> Self {
        self.breach = true;
        self
    }

    pub(super) fn with(mut self, name: &'static str, text: &str) -> Self {
        self.more.push((name, text.to_owned()));
        self
    }

    pub(super) fn no_such_upload() -> Self {
        let text = "The specified upload does not exist. The upload ID may be invalid, or the upload may have \
                    been aborted or completed.";
        Self::new(404, "NoSuchUpload", text)
    }

    pub(super) fn precondition() -> Self {
        let text = "At least one of the pre-conditions you specified did not hold";
        Self::new(412, "PreconditionFailed", text).with("Condition", "If-None-Match")
    }

    /// An ordered status, with the code that AWS gives with it.
    pub(super) fn ordered(status: u16) -> Self {
        let code = match status {
            301 => "PermanentRedirect",
            307 => "TemporaryRedirect",
            400 => "InvalidRequest",
            401 | 403 => "AccessDenied",
            404 => "NoSuchKey",
            409 => "ConditionalRequestConflict",
            500 => "InternalError",
            503 => "SlowDown",
            _ => "Ordered",
        };
        Self::new(status, code, "a test ordered this")
    }

    pub(super) fn body(&self) -> String {
        let more: String = self.more.iter().map(|(name, text)| element(name, text)).collect();
        format!(
            "<Error>{}{}{more}{}</Error>",
            element("Code", self.code),
            element("Message", &self.message),
            element("RequestId", "LECTERNJUDGE")
        )
    }

    pub(super) fn answer(&self) -> Answer {
        let mut answer = document(&self.body());
        *answer.status_mut() = StatusCode::from_u16(self.status).expect("a test orders a status that exists");
        answer
    }
}

/// An answer of this XML.
pub(super) fn document(root: &str) -> Answer {
    let text = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{root}");
    let mut answer = Answer::new(Full::from(text));
    set(&mut answer, "content-type", "application/xml");
    answer
}

/// An answer without a body.
pub(super) fn empty(status: u16) -> Answer {
    let mut answer = Answer::new(Full::default());
    *answer.status_mut() = StatusCode::from_u16(status).expect("a status of the protocol exists");
    answer
}

pub(super) fn set(answer: &mut Answer, name: &str, value: &str) {
    let name = HeaderName::try_from(name).expect("it came as a header's name, or is our own");
    let value = HeaderValue::try_from(value).expect("it came in a header, or is our own");
    answer.headers_mut().insert(name, value);
}

pub(super) fn element(name: &str, text: &str) -> String {
    format!("<{name}>{}</{name}>", quick_xml::escape::escape(text))
}

/// The body of a completion.
#[derive(Deserialize)]
pub(super) struct Completion {
    #[serde(rename = "Part", default)]
    pub(super) parts: Vec<CompletedPart>,
}

#[derive(Deserialize)]
pub(super) struct CompletedPart {
    #[serde(rename = "PartNumber")]
    pub(super) number: u32,
    #[serde(rename = "ETag")]
    etag: String,
    #[serde(rename = "ChecksumCRC32")]
    crc32: Option<String>,
    #[serde(rename = "ChecksumCRC32C")]
    crc32c: Option<String>,
    #[serde(rename = "ChecksumCRC64NVME")]
    crc64nvme: Option<String>,
    #[serde(rename = "ChecksumSHA1")]
    sha1: Option<String>,
    #[serde(rename = "ChecksumSHA256")]
    sha256: Option<String>,
}

impl CompletedPart {
    /// Without its quotes, which may be left out.
    pub(super) fn etag(&self) -> &str {
        self.etag.trim_matches('"')
    }

    pub(super) fn checksum(&self, checksum: S3Checksum) -> Option<&str> {
        match checksum {
            S3Checksum::Crc32 => &self.crc32,
            S3Checksum::Crc32c => &self.crc32c,
            S3Checksum::Crc64Nvme => &self.crc64nvme,
            S3Checksum::Sha1 => &self.sha1,
            S3Checksum::Sha256 => &self.sha256,
        }
        .as_deref()
    }
}

/// Reads the body of a completion.
pub(super) fn completion(body: &[u8]) -> Result<Completion, Refusal> {
    let malformed = |why: String| {
        let text = format!("The XML you provided was not well-formed or did not validate: {why}");
        Refusal::breach(400, "MalformedXML", text)
    };
    let text = std::str::from_utf8(body).map_err(|why| malformed(why.to_string()))?;
    let read: Completion = quick_xml::de::from_str(text).map_err(|why| malformed(why.to_string()))?;
    if !text.contains("<CompleteMultipartUpload") || read.parts.is_empty() {
        return Err(malformed(
            "no CompleteMultipartUpload with at least one Part".to_owned(),
        ));
    }
    Ok(read)
}
