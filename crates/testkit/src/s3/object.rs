//! The calls on whole objects.

use std::collections::BTreeMap;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use jiff::Timestamp;

use super::body::borne;
use super::book::ObjectFacts;
use super::digest::{Cover, S3Checksum};
use super::request::Asked;
use super::sign::Payload;
use super::xml::{Refusal, empty, set};
use super::{Court, Notes, S3Call};
use crate::court::Misdeed;
use crate::wire::{Answer, Breaker, http_date};

/// The headers that are stored with an object.
pub(super) fn stored_headers(asked: &Asked) -> Result<BTreeMap<String, String>, Refusal> {
    let mut stored = BTreeMap::new();
    let mut size = 0;
    for (name, value) in &asked.headers {
        let own = name.as_str().starts_with("x-amz-meta-");
        let kept = [
            "content-type",
            "content-disposition",
            "content-encoding",
            "cache-control",
        ];
        if !own && !kept.contains(&name.as_str()) {
            continue;
        }
        let Ok(text) = value.to_str() else {
            let text = format!("{name} has characters that no header may have");
            return Err(Refusal::breach(400, "InvalidArgument", text));
        };
        if own {
            size += name.as_str().len() - "x-amz-meta-".len() + text.len();
        }
        stored.insert(name.to_string(), text.to_owned());
    }
    if size > 2048 {
        let text = "Your metadata headers exceed the maximum allowed metadata size";
        return Err(Refusal::breach(400, "MetadataTooLarge", text));
    }
    Ok(stored)
}

impl Court {
    /// Whether the request may bring `key` into being; notes when it overwrites one.
    pub(super) fn may_write(&self, notes: &mut Notes, asked: &Asked) -> Result<(), Refusal> {
        let guarded = match asked.header("if-none-match") {
            None => false,
            Some("*") => true,
            Some(_) => {
                let text = "A header you provided implies functionality that is not implemented";
                return Err(Refusal::breach(501, "NotImplemented", text));
            }
        };
        if notes.book.object(&asked.key).is_none() {
            return Ok(());
        }
        match (guarded, self.rules.ignores_if_none_match) {
            (true, false) => Err(Refusal::precondition()),
            // It did what it could.
            (true, true) => Ok(()),
            (false, _) => {
                notes.tally.breaches.push(format!("{} overwritten", asked.key));
                Ok(())
            }
        }
    }

    pub(super) fn get(&self, asked: &Asked) -> Result<Answer, Refusal> {
        let notes = self.notes();
        let Some(facts) = notes.book.object(&asked.key) else {
            let text = "The specified key does not exist.";
            return Err(Refusal::new(404, "NoSuchKey", text).with("Key", &asked.key));
        };
        let mut answer = empty(200);
        set(&mut answer, "content-length", &facts.size.to_string());
        set(&mut answer, "etag", &format!("\"{}\"", facts.etag));
        let modified = Timestamp::from_second(facts.modified).unwrap_or_default();
        set(&mut answer, "last-modified", &http_date(modified));
        for (name, value) in &facts.headers {
            set(&mut answer, name, value);
        }
        if asked.header("x-amz-checksum-mode") == Some("ENABLED")
            && let Some((checksum, cover, value)) = &facts.checksum
        {
            set(&mut answer, checksum.header(), value);
            set(&mut answer, "x-amz-checksum-type", cover.name());
        }
        if asked.call == S3Call::GetObject {
            *answer.body_mut() = Full::new(Bytes::from(notes.book.bytes_of(&asked.key)));
        }
        Ok(answer)
    }

    pub(super) async fn put(
        &self,
        breaker: &Breaker,
        asked: &Asked,
        payload: &Payload,
        body: Incoming,
        misdeed: Option<&Misdeed>,
    ) -> Result<Answer, Refusal> {
        let headers = stored_headers(asked)?;
        let said = borne(self, asked)?.map(|(checksum, _)| checksum);
        let kept = said.or(self.usual_checksum());
        if self.notes().book.object(&asked.key).is_some()
            && asked.header("if-none-match") == Some("*")
            && !self.rules.ignores_if_none_match
        {
            return Err(Refusal::precondition());
        }
        let taken = self.take(breaker, asked, payload, body, kept, misdeed).await?;
        let mut notes = self.notes();
        // Another may have come in between.
        self.may_write(&mut notes, asked)?;
        let checksum = kept.zip(taken.checksum);
        let facts = ObjectFacts {
            key: asked.key.clone(),
            size: taken.size,
            etag: taken.md5.clone(),
            headers,
            checksum: checksum
                .clone()
                .map(|(kind, value)| (kind, Cover::FullObject, value)),
            modified: self.now().as_second(),
        };
        notes.book.put(taken.file, facts);
        *notes.tally.written.entry(asked.key.clone()).or_default() += 1;
        let mut answer = empty(200);
        set(&mut answer, "etag", &format!("\"{}\"", taken.md5));
        if let Some((kind, value)) = checksum {
            set(&mut answer, kind.header(), &value);
            set(&mut answer, "x-amz-checksum-type", Cover::FullObject.name());
        }
        Ok(answer)
    }

    /// What AWS keeps when a client asks for nothing.
    pub(super) fn usual_checksum(&self) -> Option<S3Checksum> {
        let usual = S3Checksum::Crc64Nvme;
        (self.rules.checksums.contains(&usual) && !self.rules.verifies_nothing).then_some(usual)
    }
}
