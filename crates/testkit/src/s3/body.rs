//! Takes a body into the store and holds it against everything that the request says of it.

use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use md5::Md5;
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

use super::Court;
use super::digest::{S3Checksum, hex};
use super::request::Asked;
use super::sign::Payload;
use super::xml::Refusal;
use crate::court::Misdeed;
use crate::wire::Breaker;

/// A body that arrived whole and is what the request says.
pub(super) struct Taken {
    pub(super) file: NamedTempFile,
    pub(super) size: u64,
    /// Of the body, in hex.
    pub(super) md5: String,
    /// By the checksum that was wanted, in base64.
    pub(super) checksum: Option<String>,
}

/// The checksum that a request bears, with its value.
pub(super) fn borne<'a>(court: &Court, asked: &'a Asked) -> Result<Option<(S3Checksum, &'a str)>, Refusal> {
    if court.rules.verifies_nothing {
        return Ok(None);
    }
    let mut found = None;
    for checksum in S3Checksum::ALL {
        let Some(value) = asked.header(checksum.header()) else {
            continue;
        };
        if found.is_some() {
            let text = "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.";
            return Err(Refusal::breach(400, "InvalidRequest", text));
        }
        if !court.rules.checksums.contains(&checksum) {
            return Err(not_implemented(checksum));
        }
        found = Some((checksum, value));
    }
    if found.is_none() && asked.header("x-amz-sdk-checksum-algorithm").is_some() {
        let text =
            "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* header was found.";
        return Err(Refusal::breach(400, "InvalidRequest", text));
    }
    Ok(found)
}

pub(super) fn not_implemented(checksum: S3Checksum) -> Refusal {
    let text = "A header you provided implies functionality that is not implemented";
    Refusal::new(501, "NotImplemented", text).with("Header", checksum.header())
}

impl Court {
    /// Reads the body of a `PUT`. `wanted` is the checksum to keep, and the one that is verified
    /// if the request bears it.
    pub(super) async fn take(
        &self,
        breaker: &Breaker,
        asked: &Asked,
        payload: &Payload,
        body: Incoming,
        wanted: Option<S3Checksum>,
        misdeed: Option<&Misdeed>,
    ) -> Result<Taken, Refusal> {
        let Some(length) = asked.length else {
            let text = "You must provide the Content-Length HTTP header.";
            return Err(Refusal::breach(411, "MissingContentLength", text));
        };
        if length > 5 << 30 {
            let text = "Your proposed upload exceeds the maximum allowed size";
            return Err(Refusal::breach(400, "EntityTooLarge", text));
        }
        let (mut md5, mut sha256) = (Md5::new(), Sha256::new());
        let mut running = wanted.map(S3Checksum::start);
        let mut file = self.notes().book.incoming();
        let size = self
            .read(&asked.key, body, misdeed, |data| {
                md5.update(data);
                sha256.update(data);
                if let Some(running) = &mut running {
                    running.update(data);
                }
                file.write_all(data).expect("the judge owns its folder");
            })
            .await;
        match misdeed {
            Some(Misdeed::ResetAfter(_)) => breaker.cut(true).await,
            Some(Misdeed::StallAfter(_)) => std::future::pending().await,
            _ => {}
        }
        if size != length {
            let text = "You did not provide the number of bytes specified by the Content-Length HTTP header";
            return Err(Refusal::new(400, "IncompleteBody", text));
        }
        let (md5, sha256) = (md5.finalize(), hex(&sha256.finalize()));
        let checksum = running.map(super::digest::Running::finish);
        if misdeed == Some(&Misdeed::Mismatch) {
            return Err(bad_digest("Content-MD5"));
        }
        if !self.rules.verifies_nothing {
            judge_md5(asked, &md5)?;
            if matches!(payload, Payload::Hash(hash) if *hash != sha256) {
                let text = "The provided 'x-amz-content-sha256' header does not match what was computed.";
                return Err(Refusal::new(400, "XAmzContentSHA256Mismatch", text));
            }
            judge_checksum(asked, wanted, checksum.as_deref())?;
        }
        Ok(Taken {
            file,
            size,
            md5: hex(&md5),
            checksum,
        })
    }

    /// Reads a body up to where a misdeed wants it to end, and counts it for the key.
    async fn read(
        &self,
        key: &str,
        mut body: Incoming,
        misdeed: Option<&Misdeed>,
        mut each: impl FnMut(&[u8]),
    ) -> u64 {
        let (mut size, mut left) = (0, Misdeed::room(misdeed));
        while left > 0
            && let Some(Ok(frame)) = body.frame().await
        {
            let Ok(mut data) = frame.into_data() else { continue };
            data.truncate(usize::try_from(left).unwrap_or(usize::MAX));
            each(&data);
            let length = data.len() as u64;
            (size, left) = (size + length, left - length);
            *self.notes().tally.received.entry(key.to_owned()).or_default() += length;
            Misdeed::pace(misdeed, length).await;
        }
        size
    }

    /// Reads a body that is kept in memory, up to 4 MiB.
    pub(super) async fn read_small(&self, mut body: Incoming) -> Result<Vec<u8>, Refusal> {
        let mut whole = Vec::new();
        while let Some(Ok(frame)) = body.frame().await {
            if let Ok(data) = frame.into_data() {
                whole.extend_from_slice(&data);
            }
            if whole.len() > 4 << 20 {
                return Err(Refusal::breach(
                    400,
                    "EntityTooLarge",
                    "a request of more than 4 MiB",
                ));
            }
        }
        Ok(whole)
    }
}

/// The body of a call that stores nothing must be what was signed as well.
pub(super) fn judge_small(asked: &Asked, payload: &Payload, body: &[u8]) -> Result<(), Refusal> {
    judge_md5(asked, &Md5::digest(body))?;
    match payload {
        Payload::Hash(hash) if *hash != hex(&Sha256::digest(body)) => {
            let text = "The provided 'x-amz-content-sha256' header does not match what was computed.";
            Err(Refusal::new(400, "XAmzContentSHA256Mismatch", text))
        }
        Payload::Hash(_) | Payload::Unsigned => Ok(()),
    }
}

fn judge_md5(asked: &Asked, md5: &[u8]) -> Result<(), Refusal> {
    let Some(said) = asked.header("content-md5") else {
        return Ok(());
    };
    match STANDARD.decode(said) {
        Ok(said) if said.len() != 16 => Err(invalid_digest()),
        Err(_) => Err(invalid_digest()),
        Ok(said) if said != md5 => Err(bad_digest("Content-MD5")),
        Ok(_) => Ok(()),
    }
}

fn judge_checksum(asked: &Asked, wanted: Option<S3Checksum>, found: Option<&str>) -> Result<(), Refusal> {
    let Some(wanted) = wanted else { return Ok(()) };
    let Some(said) = asked.header(wanted.header()) else {
        return Ok(());
    };
    if STANDARD.decode(said).is_err() || found.is_some_and(|found| found.len() != said.len()) {
        let text = format!("Value for {} header is invalid.", wanted.header());
        return Err(Refusal::breach(400, "InvalidRequest", text));
    }
    if found == Some(said) {
        Ok(())
    } else {
        Err(bad_digest(wanted.name()))
    }
}

fn invalid_digest() -> Refusal {
    Refusal::breach(400, "InvalidDigest", "The Content-MD5 you specified was invalid.")
}

pub(super) fn bad_digest(what: &str) -> Refusal {
    let text = format!("The {what} you specified did not match the calculated checksum.");
    Refusal::new(400, "BadDigest", text)
}
