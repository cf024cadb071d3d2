//! A multipart form as Opencast reads it: fields up to the first file, which it streams to disk;
//! what stands behind the file is not looked at.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::Path;

use http_body_util::BodyExt;
use hyper::body::Incoming;
use md5::{Digest as _, Md5};
use sha2::Sha256;

use super::book::hex;
use crate::court::Misdeed;

/// No field or head of a part is longer.
const LONGEST_FIELDS: usize = 1024 * 1024;

/// A body that is being read.
pub(super) struct Form {
    body: Incoming,
    boundary: Vec<u8>,
    /// Read and not yet looked at.
    ahead: Vec<u8>,
    ended: bool,
}

/// The form up to the file.
pub(super) struct Fields {
    pub(super) fields: BTreeMap<String, String>,
    pub(super) file_name: String,
}

/// A file that arrived in whole.
pub(super) struct Stored {
    pub(super) size: u64,
    pub(super) sha256: String,
    pub(super) md5: String,
}

/// How the reading of a file ended.
pub(super) enum Received {
    Whole(Stored),
    /// The client, or a misdeed, ended it here.
    Cut,
}

impl Form {
    /// `None` when the content is no multipart form.
    pub(super) fn new(content_type: &str, body: Incoming) -> Option<Self> {
        let rest = content_type.strip_prefix("multipart/form-data;")?;
        let boundary = rest.trim().strip_prefix("boundary=")?.trim_matches('"');
        Some(Self {
            body,
            boundary: format!("--{boundary}").into_bytes(),
            ahead: Vec::new(),
            ended: false,
        })
    }

    /// Reads up to the file's first byte. `Err`: what is wrong; empty when the client broke off.
    pub(super) async fn fields(&mut self) -> Result<Fields, String> {
        let mut fields = BTreeMap::new();
        let boundary = self.boundary.clone();
        self.until(&boundary).await?;
        loop {
            let head = self.until(b"\r\n\r\n").await?;
            let head = String::from_utf8(head).map_err(|_| "a part's head is no UTF-8".to_owned())?;
            let value = |key: &str| {
                let (_, rest) = head.split_once(&format!("{key}=\""))?;
                Some(rest.split_once('"')?.0.to_owned())
            };
            if let Some(file_name) = value("filename") {
                return Ok(Fields { fields, file_name });
            }
            let name = value(" name").ok_or("a part without a name")?;
            let mut end = b"\r\n".to_vec();
            end.extend_from_slice(&boundary);
            let content = self.until(&end).await?;
            let content = String::from_utf8(content).map_err(|_| "a field is no UTF-8".to_owned())?;
            fields.insert(name, content);
        }
    }

    /// Streams the file to `path`; counts each byte with `count`.
    pub(super) async fn file(
        &mut self,
        path: &Path,
        misdeed: Option<&Misdeed>,
        mut count: impl FnMut(u64),
    ) -> Received {
        let mut file = File::create(path).expect("the judge owns its folder");
        let (mut sha256, mut md5, mut size) = (Sha256::new(), Md5::new(), 0);
        let mut room = Misdeed::room(misdeed);
        let mut end = b"\r\n".to_vec();
        end.extend_from_slice(&self.boundary);
        loop {
            let found = find(&self.ahead, &end);
            // What may be the beginning of the end is kept back.
            let sure = found.unwrap_or_else(|| self.ahead.len().saturating_sub(end.len()));
            let taken = usize::try_from(room).map_or(sure, |room| room.min(sure));
            let bytes: Vec<u8> = self.ahead.drain(..taken).collect();
            file.write_all(&bytes).expect("the judge owns its folder");
            sha256.update(&bytes);
            md5.update(&bytes);
            size += bytes.len() as u64;
            room -= bytes.len() as u64;
            count(bytes.len() as u64);
            Misdeed::pace(misdeed, bytes.len() as u64).await;
            if room == 0 {
                return Received::Cut;
            }
            if found.is_some() {
                break;
            }
            if self.ended || self.more().await.is_err() {
                return Received::Cut;
            }
        }
        // The request is whole only with its last byte.
        while !self.ended {
            self.ahead.clear();
            if self.more().await.is_err() {
                return Received::Cut;
            }
        }
        Received::Whole(Stored {
            size,
            sha256: hex(&sha256.finalize()),
            md5: hex(&md5.finalize()),
        })
    }

    async fn until(&mut self, end: &[u8]) -> Result<Vec<u8>, String> {
        loop {
            if let Some(at) = find(&self.ahead, end) {
                let before = self.ahead.drain(..at).collect();
                self.ahead.drain(..end.len());
                return Ok(before);
            }
            if self.ahead.len() > LONGEST_FIELDS || self.ended {
                return Err("the form has no file, or its fields are too long".to_owned());
            }
            self.more().await.map_err(|()| String::new())?;
        }
    }

    async fn more(&mut self) -> Result<(), ()> {
        match self.body.frame().await {
            None => self.ended = true,
            Some(Ok(frame)) => self.ahead.extend(frame.into_data().unwrap_or_default()),
            Some(Err(_)) => return Err(()),
        }
        Ok(())
    }
}

fn find(within: &[u8], what: &[u8]) -> Option<usize> {
    within.windows(what.len()).position(|window| window == what)
}
