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
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzz;
mod handle;
mod object;
mod place;
mod probe;
mod protocol;
mod refusal;
mod session;
mod sign;
mod sums;
mod transfer;

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use lectern_domain::api::Check;
use lectern_domain::config::{self, Checksum, Credential};
use lectern_domain::delivery::FilePhase;
use lectern_domain::ids::PlatformName;
use reqwest::Method;
use reqwest::header::HeaderMap;
use tokio::sync::OnceCell;

use crate::credential::Secrets;
use crate::fault::Fault;
use crate::net::{Control, Line, Patience};
use crate::parcel::Parcel;
use crate::platform::{Platform, Proof, Standing};
use crate::probe::Findings;
use handle::{Handle, Upload, offset, part_count};
use object::Object;
use place::Place;
use session::Session;
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
                let control = Control::new(
                    place.url(),
                    self.ca_file.as_deref(),
                    None,
                    self.patience,
                    line,
                    &self.secrets,
                )?;
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
                    session.send_part(parcel, &upload, index).await?;
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
                session
                    .make_whole(parcel, Method::PUT, url, announced(parcel), Bytes::new())
                    .await?;
                Ok(())
            }
            Some(Handle::Parts(upload)) => {
                session
                    .sums
                    .lock()
                    .await
                    .turn_to(parcel, upload.sum, upload.part_bytes);
                session.complete_parts(parcel, &upload).await
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
