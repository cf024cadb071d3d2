//! Entries for the fuzz targets of `tests/fuzz`, and the replay of their seeds (P10).
//!
//! An input is an answer as HTTP carries it: a line with the status, headers, an empty line, the
//! body. A server may answer anything; it must not take the recorder along.

use bytes::Bytes;
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use url::Url;

use crate::net::Reply;

/// An answer of a tus server or of its receipts.
pub fn tus(bytes: &[u8]) {
    if let Some(reply) = reply(bytes) {
        crate::tus::fuzz::answer(&reply, &home());
    }
}

/// An answer of an S3 store.
pub fn s3(bytes: &[u8]) {
    if let Some(reply) = reply(bytes) {
        crate::s3::fuzz::answer(&reply);
    }
}

/// An answer of an Opencast: challenge, registry, media package or workflows.
pub fn opencast(bytes: &[u8]) {
    if let Some(reply) = reply(bytes) {
        crate::opencast::fuzz::answer(&reply, &home());
    }
}

/// The configured server.
fn home() -> Url {
    Url::parse("https://media.example.edu:8443/files/").expect("a well-formed address")
}

/// What the HTTP client would hand over; `None` when it would refuse the answer itself.
fn reply(bytes: &[u8]) -> Option<Reply> {
    let end = bytes.windows(2).position(|pair| pair == b"\n\n")?;
    let (head, body) = (bytes.get(..end)?, bytes.get(end + 2..)?);
    let mut lines = head.split(|byte| *byte == b'\n');
    let status = StatusCode::from_bytes(lines.next()?).ok()?;
    let mut headers = HeaderMap::new();
    for line in lines {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let name = HeaderName::from_bytes(line.get(..colon)?).ok()?;
        let value = HeaderValue::from_bytes(line.get(colon + 1..)?.trim_ascii()).ok()?;
        headers.append(name, value);
    }
    Some(Reply {
        status,
        headers,
        body: Bytes::copy_from_slice(body),
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    fn replay(target: &str, entry: fn(&[u8])) {
        let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz/seeds");
        let mut seen = 0;
        for seed in std::fs::read_dir(seeds.join(target)).unwrap() {
            let bytes = std::fs::read(seed.unwrap().path()).unwrap();
            assert!(super::reply(&bytes).is_some(), "a seed of {target} is no answer");
            entry(&bytes);
            seen += 1;
        }
        assert!(seen > 0, "{target} has no seeds");
    }

    #[test]
    fn p10_every_seed_of_an_answer_is_read() {
        replay("tus", super::tus);
        replay("s3", super::s3);
        replay("opencast", super::opencast);
    }
}
