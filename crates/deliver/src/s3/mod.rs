//! S3: uploads in parts to any store that speaks the protocol, verified.
//!
//! Every file goes as a multipart upload, small ones too: until it is completed nothing shows under
//! its key, its parts can be asked for after any doubt, and the request that makes it whole is tiny,
//! so that a cut hardly ever falls into it. Only an empty file, which has no part, is put at once.
//! Parts have one fixed length; each is proven against the hash of when it was finished, signed with
//! that hash, and carries a checksum where the store knows one. The completion lists our own sums
//! and is made on condition that nothing lies under the key (`If-None-Match`), beside a question of
//! ours before it, as some stores ignore the condition.
//!
//! A key is the lecture's own ([`place`]), so a whole object there with our SHA-256 is our file, and
//! any other is never written over. When an upload whose completion may have left is gone and its
//! key is empty, an expiry cannot be told from an object that was taken away: a person decides.

mod digest;
mod handle;
mod object;
mod place;
mod probe;
mod protocol;
mod refusal;
mod session;
mod sign;
mod sums;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use async_trait::async_trait;
use bytes::Bytes;
use lectern_domain::api::Check;
use lectern_domain::config::{self, Checksum, Credential};
use lectern_domain::delivery::FilePhase;
use lectern_domain::finished::PART_BYTES;
use lectern_domain::ids::PlatformName;
use reqwest::header::{HeaderMap, IF_NONE_MATCH};
use reqwest::{Method, StatusCode};
use sha2::{Digest, Sha256};
use tokio::sync::OnceCell;

use crate::credential::Secrets;
use crate::fault::Fault;
use crate::net::{Control, Line, Patience, Reply};
use crate::parcel::Parcel;
use crate::platform::{Platform, Proof, Standing};
use crate::probe::Findings;
use crate::reading::hex;
use digest::Sum;
use handle::{Handle, Upload, part_count, part_length};
use object::Object;
use place::Place;
use session::{Cargo, Session};
use sign::Signer;

/// Where a store is and how it is spoken to, as configured.
#[derive(Clone, Debug)]
pub(crate) struct Address {
    pub(crate) url: String,
    pub(crate) bucket: String,
    pub(crate) region: String,
    pub(crate) prefix: String,
    pub(crate) path_style: bool,
    pub(crate) checksum: Checksum,
}

/// A store, as configured. Talks to nobody before the first call.
pub(crate) struct S3 {
    name: PlatformName,
    address: Address,
    credential: Option<Credential>,
    ca_file: Option<PathBuf>,
    secrets: Secrets,
    patience: Patience,
    line: Arc<Line>,
    session: OnceCell<Session>,
}

impl S3 {
    pub(crate) fn new(
        address: Address,
        platform: &config::Platform,
        secrets: Secrets,
        patience: Patience,
        line: Arc<Line>,
    ) -> Self {
        Self {
            name: platform.name.clone(),
            address,
            credential: platform.credential.clone(),
            ca_file: platform.ca_file.clone(),
            secrets,
            patience,
            line,
            session: OnceCell::new(),
        }
    }

    async fn session(&self) -> Result<&Session, Fault> {
        self.session
            .get_or_try_init(async || {
                let Address {
                    url,
                    bucket,
                    region,
                    prefix,
                    path_style,
                    checksum,
                } = &self.address;
                let place = Place::new(url, bucket, prefix, *path_style)?;
                let Some(credential) = &self.credential else {
                    return Err(Fault::refused(
                        "The platform has no credential, and a store takes nothing unsigned.",
                        "Name a credential or a credential_file that holds ACCESS_KEY:SECRET_KEY.",
                    ));
                };
                let signer = Signer::new(&self.secrets.read(credential)?, region)?;
                let line = Arc::clone(&self.line);
                let control = Control::new(place.url(), self.ca_file.as_deref(), None, self.patience, line)?;
                Ok(Session::new(place, signer, control, *checksum))
            })
            .await
    }

    /// What lies under the file's key; an error if it is another file.
    async fn held(&self, parcel: &Parcel<'_>) -> Result<Option<object::Held>, Fault> {
        let session = self.session().await?;
        let key = session.place.key(parcel);
        match session.object(parcel, &key).await? {
            Object::Absent => Ok(None),
            Object::Ours(held) => Ok(Some(held)),
            Object::Other(what) => Err(Fault::person(
                format!(
                    "There is another file under {}: {what}, not {} bytes with SHA-256 {}.",
                    session.place.shown(&key),
                    parcel.file.size_bytes,
                    parcel.file.sha256
                ),
                "It was left as it is. Compare both, and remove the wrong one there.",
            )),
        }
    }

    /// Sends one part.
    async fn send_part(&self, parcel: &Parcel<'_>, upload: &Upload, index: u64) -> Result<(), Fault> {
        let session = self.session().await?;
        let key = session.place.key(parcel);
        let body = sums::piece(&parcel.contents, upload.part_bytes, index).await?;
        let sum = session.sums.lock().await.take(parcel, index, &body).await?;
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
            url: session
                .place
                .object(&key, &[("partNumber", &number), ("uploadId", &upload.id)]),
            headers,
            body,
            sha256,
            from: index * upload.part_bytes,
        };
        let reply = session.carry(parcel, cargo).await?;
        if reply.status == StatusCode::OK {
            return check_part(session, &reply, upload.sum, &sum);
        }
        if index == 0 && upload.sum.header().is_some() && refusal::not_known(&reply) {
            // The store agreed to a checksum that it does not take. Nothing was stored yet.
            session.does_not_know(upload.sum);
            if session.sum().is_some() {
                session.abort(&key, &upload.id).await?;
                return Err(Fault::doubt("The store does not know the checksum of a part."));
            }
        }
        Err(session.fault(&reply, "the upload of a part"))
    }

    /// Makes an object of all parts.
    async fn complete_parts(&self, parcel: &Parcel<'_>, upload: &Upload) -> Result<(), Fault> {
        let session = self.session().await?;
        let key = session.place.key(parcel);
        let size = parcel.file.size_bytes;
        let Some(parts) = session.parts(&key, upload).await? else {
            return Err(Fault::doubt("The store no longer knows the upload."));
        };
        if offset(&parts, size, upload.part_bytes) != size {
            return Err(Fault::doubt("The store no longer has all parts."));
        }
        let (whole, sums) = {
            let mut sums = session.sums.lock().await;
            (sums.whole(parcel).await?, sums.all(parcel).await?)
        };
        let listed = parts
            .iter()
            .map(|part| part.etag.as_str())
            .zip(sums.iter().map(Vec::as_slice));
        let body = Bytes::from(protocol::completion(upload.sum, listed));
        let url = session.place.object(&key, &[("uploadId", &upload.id)]);
        let headers = protocol::completion_headers(upload.sum, &whole, size);
        let reply = self.make_whole(parcel, Method::POST, url, headers, body).await?;
        if protocol::read::<serde::de::IgnoredAny>(&reply.body, "CompleteMultipartUploadResult").is_some() {
            return Ok(());
        }
        // The head of this answer is sent before the work is done: the body says how it ended.
        match protocol::refusal(&reply) {
            Some(_) => Err(session.fault(&reply, "the completion of an upload")),
            None => Err(Fault::doubt(
                "The store's answer to the completion of an upload was cut off.",
            )),
        }
    }

    /// Sends a request that makes an object whole, on condition that there is none.
    async fn make_whole(
        &self,
        parcel: &Parcel<'_>,
        method: Method,
        url: url::Url,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Reply, Fault> {
        let session = self.session().await?;
        let sha256 = hex(&Sha256::digest(&body));
        loop {
            let conditional = !session.unconditional.load(Ordering::Relaxed);
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
            let reply = session.carry(parcel, cargo).await?;
            if conditional && reply.status == StatusCode::NOT_IMPLEMENTED {
                session.unconditional.store(true, Ordering::Relaxed);
                continue;
            }
            if reply.status != StatusCode::OK {
                return Err(session.fault(&reply, "the completion of an upload"));
            }
            return Ok(reply);
        }
    }
}

#[async_trait]
impl Platform for S3 {
    async fn ask(&self, parcel: &Parcel<'_>) -> Result<Standing, Fault> {
        let session = self.session().await?;
        let (remote, completing) = match &parcel.file.phase {
            FilePhase::Bound { remote } => (Some(remote), false),
            FilePhase::Completing { remote } => (Some(remote), true),
            FilePhase::Pending | FilePhase::Creating | FilePhase::Confirmed { .. } => (None, false),
        };
        let handle = remote.and_then(|remote| Handle::read(remote, &parcel.file));
        let key = session.place.key(parcel);
        if let (Some(remote), Some(Handle::Parts(upload))) = (remote, &handle)
            && let Some(parts) = session.parts(&key, upload).await?
        {
            return Ok(Standing::Partial {
                remote: remote.clone(),
                offset_bytes: offset(&parts, parcel.file.size_bytes, upload.part_bytes),
            });
        }
        // Asked after the upload: one becomes the other, and so neither can be missed.
        if self.held(parcel).await?.is_some() {
            return Ok(Standing::Whole {
                remote: remote.cloned(),
            });
        }
        if completing && handle != Some(Handle::Single) {
            return Ok(Standing::Uncertain {
                happened: format!(
                    "The upload of {} was complete but for the last word, and now there is neither the upload nor the \
                     file under {}.",
                    parcel.file.name,
                    session.place.shown(&key)
                ),
            });
        }
        Ok(Standing::Absent)
    }

    async fn create(&self, parcel: &Parcel<'_>) -> Result<String, Fault> {
        let session = self.session().await?;
        parcel.contents.check_size().await?;
        let size = parcel.file.size_bytes;
        if size == 0 {
            return Ok(Handle::Single.write(&parcel.file));
        }
        let key = session.place.key(parcel);
        session.drop_strays(&key).await?;
        while let Some(sum) = session.sum() {
            let Some(id) = session.begin(&key, announced(parcel), sum).await? else {
                session.does_not_know(sum);
                continue;
            };
            tracing::info!(key, checksum = sum.as_str(), "an upload was begun");
            let part_bytes = handle::part_bytes(size);
            return Ok(Handle::Parts(Upload { id, sum, part_bytes }).write(&parcel.file));
        }
        Err(session.no_checksum())
    }

    async fn send(&self, parcel: &Parcel<'_>, remote: &str, from: u64) -> Result<u64, Fault> {
        let session = self.session().await?;
        let size = parcel.file.size_bytes;
        match Handle::read(remote, &parcel.file) {
            Some(Handle::Single) => Ok(0),
            Some(Handle::Parts(upload)) => {
                parcel.contents.check_size().await?;
                session
                    .sums
                    .lock()
                    .await
                    .turn_to(parcel, upload.sum, upload.part_bytes);
                for index in from.div_ceil(upload.part_bytes)..part_count(size, upload.part_bytes) {
                    self.send_part(parcel, &upload, index).await?;
                }
                Ok(size)
            }
            None => Err(Fault::doubt("The upload was begun for another file.")),
        }
    }

    async fn complete(&self, parcel: &Parcel<'_>, remote: &str, _from: u64) -> Result<(), Fault> {
        let session = self.session().await?;
        // Stores that know no condition would write over what is there.
        if self.held(parcel).await?.is_some() {
            return Ok(());
        }
        match Handle::read(remote, &parcel.file) {
            Some(Handle::Single) => {
                parcel.contents.check_size().await?;
                let url = session.place.object(&session.place.key(parcel), &[]);
                self.make_whole(parcel, Method::PUT, url, announced(parcel), Bytes::new())
                    .await?;
                Ok(())
            }
            Some(Handle::Parts(upload)) => {
                session
                    .sums
                    .lock()
                    .await
                    .turn_to(parcel, upload.sum, upload.part_bytes);
                self.complete_parts(parcel, &upload).await
            }
            None => Err(Fault::doubt("The upload was begun for another file.")),
        }
    }

    async fn verify(
        &self,
        parcel: &Parcel<'_>,
        _remote: Option<&str>,
        _completed_now: bool,
    ) -> Result<Proof, Fault> {
        let session = self.session().await?;
        let key = session.place.key(parcel);
        let location = session.place.shown(&key);
        let Some(held) = self.held(parcel).await? else {
            return Err(Fault::doubt(format!("There is nothing under {location}.")));
        };
        let mut compared = None;
        if parcel.file.size_bytes > 0
            && let Some(sum) = held.comparable(self.address.checksum)
        {
            let mut sums = session.sums.lock().await;
            sums.turn_to(parcel, sum, object::part_bytes_of(parcel));
            let ours = sums.whole(parcel).await?.told().unwrap_or_default();
            match held.agrees(&ours) {
                Some(true) => compared = Some(sum),
                Some(false) => {
                    return Err(Fault::person(
                        format!(
                            "The store tells another {} than ours for {location}.",
                            sum.as_str()
                        ),
                        "It is damaged there, or was changed: compare both, and remove the wrong one there.",
                    ));
                }
                None => {}
            }
        }
        let evidence = held.evidence(&session.place.bucket, &key, &parcel.file.sha256, compared);
        Ok(Proof { location, evidence })
    }

    async fn probe(&self) -> Vec<Check> {
        let mut findings = Findings::about(&self.name);
        let examined = match self.session().await {
            Ok(session) => probe::examine(session, &mut findings).await,
            Err(fault) => Err(fault),
        };
        if let Err(fault) = examined {
            findings.fault(fault);
        }
        findings.into_checks()
    }
}

fn announced(parcel: &Parcel<'_>) -> HeaderMap {
    protocol::metadata(&protocol::Announced {
        lecture: parcel.lecture(),
        title: parcel.title(),
        content_type: &parcel.file.content_type,
        sha256: &parcel.file.sha256,
    })
}

/// How much of the file the parts hold that are there in full, from its beginning on.
fn offset(parts: &[protocol::Part], size_bytes: u64, part_bytes: u64) -> u64 {
    (0..)
        .zip(parts)
        .map(|(index, part)| (part.size, part_length(size_bytes, part_bytes, index)))
        .take_while(|(there, whole)| there == whole && *whole > 0)
        .map(|(_, whole)| whole)
        .sum()
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
