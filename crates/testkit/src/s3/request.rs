//! What a request asks for: its call, bucket, key and query.

use hyper::Method;
use hyper::header::{self, HeaderMap};
use hyper::http::request::Parts;

use super::xml::Refusal;
use super::{S3Rules, S3Style};

/// The calls that the judge answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum S3Call {
    /// `POST key?uploads`
    CreateMultipartUpload,
    /// `PUT key?partNumber&uploadId`
    UploadPart,
    /// `GET key?uploadId`
    ListParts,
    /// `GET bucket?uploads`
    ListMultipartUploads,
    /// `POST key?uploadId`
    CompleteMultipartUpload,
    /// `DELETE key?uploadId`
    AbortMultipartUpload,
    /// `HEAD key`
    HeadObject,
    /// `GET key`
    GetObject,
    /// `PUT key`
    PutObject,
    /// `DELETE key`
    DeleteObject,
    /// `HEAD bucket`
    HeadBucket,
    /// Anything else: a breach.
    Unknown,
}

/// One request's head, taken apart.
pub(super) struct Asked {
    pub(super) call: S3Call,
    pub(super) bucket: String,
    pub(super) key: String,
    /// Decoded.
    pub(super) query: Vec<(String, String)>,
    pub(super) headers: HeaderMap,
    /// The body that was announced.
    pub(super) length: Option<u64>,
}

impl Asked {
    pub(super) fn read(rules: &S3Rules, head: &Parts) -> Self {
        let query = query_of(head.uri.query().unwrap_or_default());
        let (bucket, key) = place(rules, head);
        let has = |name: &str| query.iter().any(|(known, _)| known == name);
        let (upload, part) = (has("uploadId"), has("partNumber"));
        let call = match (head.method.as_str(), key.is_empty()) {
            ("GET", true) if has("uploads") => S3Call::ListMultipartUploads,
            ("HEAD", true) => S3Call::HeadBucket,
            ("POST", false) if has("uploads") => S3Call::CreateMultipartUpload,
            ("PUT", false) if upload && part => S3Call::UploadPart,
            ("GET", false) if upload => S3Call::ListParts,
            ("POST", false) if upload => S3Call::CompleteMultipartUpload,
            ("DELETE", false) if upload => S3Call::AbortMultipartUpload,
            ("HEAD", false) => S3Call::HeadObject,
            ("GET", false) => S3Call::GetObject,
            ("PUT", false) if !upload && !part => S3Call::PutObject,
            ("DELETE", false) => S3Call::DeleteObject,
            _ => S3Call::Unknown,
        };
        Self {
            call,
            bucket,
            key,
            query,
            headers: head.headers.clone(),
            length: text(&head.headers, "content-length").and_then(|text| text.parse().ok()),
        }
    }

    pub(super) fn query(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        text(&self.headers, name)
    }

    /// A number in the query, if it is there.
    pub(super) fn number(&self, name: &'static str) -> Result<Option<usize>, Refusal> {
        self.query(name)
            .map(|text| text.parse())
            .transpose()
            .map_err(|_| Refusal::breach(400, "InvalidArgument", format!("{name} is no number")))
    }

    pub(super) fn part_number(&self) -> Option<u32> {
        self.query("partNumber")?.parse().ok()
    }

    pub(super) fn upload_id(&self) -> &str {
        self.query("uploadId").unwrap_or_default()
    }
}

/// Bucket and key, from the host when it begins with a bucket.
fn place(rules: &S3Rules, head: &Parts) -> (String, String) {
    let path = String::from_utf8_lossy(&percent_decoded(head.uri.path())).into_owned();
    let path = path.trim_start_matches('/');
    let host = text(&head.headers, header::HOST.as_str()).unwrap_or_default();
    let by_host = host
        .strip_prefix(rules.bucket.as_str())
        .is_some_and(|rest| rest.starts_with('.'));
    let by_host = match rules.style {
        S3Style::Both => by_host,
        S3Style::Path => false,
        S3Style::Host => true,
    };
    if by_host {
        let bucket = host.split('.').next().unwrap_or_default();
        return (bucket.to_owned(), path.to_owned());
    }
    let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
    (bucket.to_owned(), key.to_owned())
}

pub(super) fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// The pairs of a query, decoded. A plus is a plus.
pub(super) fn query_of(query: &str) -> Vec<(String, String)> {
    let decoded = |text: &str| String::from_utf8_lossy(&percent_decoded(text)).into_owned();
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(name), decoded(value))
        })
        .collect()
}

/// `%41` becomes `A`; what is no such thing stays.
pub(super) fn percent_decoded(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let (mut decoded, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while at < bytes.len() {
        let byte = (bytes[at] == b'%')
            .then(|| text.get(at + 1..at + 3))
            .flatten()
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        decoded.push(byte.unwrap_or(bytes[at]));
        at += if byte.is_some() { 3 } else { 1 };
    }
    decoded
}

/// As S3 wants it in what is signed: all but unreserved characters, and slashes where they may stay.
pub(super) fn percent_encoded(bytes: &[u8], slashes_stay: bool) -> String {
    let mut encoded = String::new();
    for &byte in bytes {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte))
            }
            b'/' if slashes_stay => encoded.push('/'),
            other => encoded.push_str(&format!("%{other:02X}")),
        }
    }
    encoded
}

/// True for a call that reads a body into the store.
pub(super) fn stores(method: &Method, call: S3Call) -> bool {
    method == Method::PUT && matches!(call, S3Call::UploadPart | S3Call::PutObject)
}
