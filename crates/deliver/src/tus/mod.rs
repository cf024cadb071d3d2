//! tus 1.0.0: resumable uploads over HTTP, verified.
//!
//! Bytes go in pieces that stream from the disk; how long a piece is follows the line
//! ([`stride`]). The file becomes whole there with its last byte, so its last piece
//! ([`LAST_PIECE_BYTES`]) travels in a request of its own, after `Completing` was committed. The
//! offset is always the server's: after any doubt HEAD tells it. tus knows no whole-file hash and
//! no receipt; where the platform offers one (`receipt_url`), it is asked whenever HEAD cannot
//! tell.
//!
//! An empty file is whole when it is created. If the reply to that creation is lost, only a
//! receipt can tell whether it is there.

mod checksum;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzz;
mod opening;
mod probe;
mod protocol;
mod receipt;
mod refusal;
mod session;
mod stride;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Instant;

use async_trait::async_trait;
use lectern_domain::api::Check;
use lectern_domain::config::Credential;
use lectern_domain::delivery::FilePhase;
use lectern_domain::ids::PlatformName;
use sha2::{Digest, Sha256};
use tokio::sync::OnceCell;

use crate::contents;
use crate::credential::{Bearer, Secrets};
use crate::fault::Fault;
use crate::net::{self, Control, Line, Outgoing, Patience};
use crate::parcel::Parcel;
use crate::platform::{Platform, Proof, Standing};
use crate::probe::Findings;
use receipt::Receipt;
use session::{Piece, Session};
use stride::Stride;
use url::Url;

/// The piece that makes a file whole is at most this long: little to send again, enough to be
/// worth a request.
pub const LAST_PIECE_BYTES: u64 = stride::SHORTEST_BYTES;

/// How many times a platform is asked within [`Patience::idle`] for a receipt that it does not have
/// yet.
const RECEIPT_ASKED: u32 = 60;

/// A tus server, as configured. Talks to nobody before the first call.
pub(crate) struct Tus {
    url: String,
    receipt_url: Option<String>,
    credential: Option<Credential>,
    ca_file: Option<PathBuf>,
    secrets: Secrets,
    patience: Patience,
    line: Arc<Line>,
    session: OnceCell<Session>,
    name: PlatformName,
}

impl Tus {
    pub(crate) fn new(
        url: String,
        receipt_url: Option<String>,
        platform: &lectern_domain::config::Platform,
        secrets: Secrets,
        patience: Patience,
        line: Arc<Line>,
    ) -> Self {
        Self {
            url,
            receipt_url,
            credential: platform.credential.clone(),
            ca_file: platform.ca_file.clone(),
            secrets,
            patience,
            line,
            session: OnceCell::new(),
            name: platform.name.clone(),
        }
    }

    async fn session(&self) -> Result<&Session, Fault> {
        self.session
            .get_or_try_init(async || {
                let url = net::checked_url(&self.url, "url")?;
                let receipt_url = self
                    .receipt_url
                    .as_deref()
                    .map(|text| net::checked_url(text, "receipt_url"))
                    .transpose()?;
                let bearer = match &self.credential {
                    Some(credential) => Some(Bearer::new(&self.secrets.read(credential)?)?),
                    None => None,
                };
                let control = Control::new(
                    &url,
                    self.ca_file.as_deref(),
                    bearer,
                    self.patience,
                    Arc::clone(&self.line),
                    &self.secrets,
                )?;
                Ok(Session::new(url, receipt_url, control))
            })
            .await
    }

    /// The platform's receipt for a file. A platform that files the upload away first is given time
    /// for it if we are `patient`.
    async fn receipt(
        &self,
        session: &Session,
        url: &Url,
        parcel: &Parcel<'_>,
        patient: bool,
    ) -> Result<Receipt, Fault> {
        let (lecture, name) = (parcel.lecture(), &parcel.file.name);
        let mut asked = 0;
        loop {
            if let Some(receipt) = receipt::fetch(&session.control, url, lecture, name).await? {
                return Ok(receipt);
            }
            asked += 1;
            if !patient || asked >= RECEIPT_ASKED {
                return Err(Fault::later(format!(
                    "{} has no receipt for {name} yet.",
                    net::shown(url)
                )));
            }
            tokio::time::sleep(self.patience.idle / RECEIPT_ASKED).await;
        }
    }

    /// Sends `from..to`, which lies within one part, in one request.
    async fn send_piece(&self, parcel: &Parcel<'_>, remote: &str, from: u64, to: u64) -> Result<(), Fault> {
        let session = self.session().await?;
        let bytes = parcel.contents.slice(from..to).await?;
        let taken = Arc::new(AtomicU64::new(from));
        let checksum = match session.capabilities().await?.checksum {
            Some(algorithm) => {
                let known = parcel.contents.digest_of(from..to).await?;
                Some(algorithm.header(&bytes, known))
            }
            None => None,
        };
        let body = Outgoing::stream(contents::frames(bytes), to - from, Arc::clone(&taken));
        let piece = Piece {
            from,
            length: to - from,
            body,
            checksum,
            taken,
        };
        let sent = session.patch(parcel, remote, piece).await;
        match sent.map_err(|fault| session.with_expiry(fault))? {
            offset if offset == to => Ok(()),
            offset => Err(Fault::doubt(format!(
                "{} took {offset} of {to} bytes and ended the request.",
                net::authority(&session.url)
            ))),
        }
    }
}

#[async_trait]
impl Platform for Tus {
    async fn ask(&self, parcel: &Parcel<'_>) -> Result<Standing, Fault> {
        let session = self.session().await?;
        match &parcel.file.phase {
            FilePhase::Pending => session.ask_receipt(parcel, Standing::Absent).await,
            FilePhase::Creating if parcel.file.size_bytes == 0 => {
                let happened = "The creation of an empty file was not answered.".to_owned();
                session
                    .ask_receipt(parcel, Standing::Uncertain { happened })
                    .await
            }
            FilePhase::Creating => session.ask_receipt(parcel, Standing::Absent).await,
            FilePhase::Bound { remote } => match session.offset(parcel, remote).await? {
                Some(offset) => Ok(standing(parcel, remote, offset)),
                None => session.ask_receipt(parcel, Standing::Absent).await,
            },
            FilePhase::Completing { remote } => match session.offset(parcel, remote).await? {
                Some(offset) => Ok(standing(parcel, remote, offset)),
                None => {
                    let happened = format!(
                        "{} no longer knows the upload of {}, whose last piece was sent.",
                        net::authority(&session.url),
                        parcel.file.name
                    );
                    session
                        .ask_receipt(parcel, Standing::Uncertain { happened })
                        .await
                }
            },
            // Without receipts it cannot tell: servers may move what is finished away.
            FilePhase::Confirmed { .. } if session.receipt_url.is_none() => Ok(Standing::Mute),
            FilePhase::Confirmed { .. } => session.ask_receipt(parcel, Standing::Absent).await,
        }
    }

    async fn create(&self, parcel: &Parcel<'_>) -> Result<String, Fault> {
        let session = self.session().await?;
        parcel.contents.check_size().await?;
        session.check_capable(parcel.file.size_bytes).await?;
        let headers = protocol::creation(&protocol::Announced {
            lecture: parcel.lecture(),
            title: parcel.title(),
            name: &parcel.file.name,
            content_type: &parcel.file.content_type,
            sha256: &parcel.file.sha256,
            size_bytes: parcel.file.size_bytes,
        });
        let (upload, expires) = session.create(headers).await?;
        tracing::info!(
            upload = %short(upload.as_str()),
            file = parcel.file.name,
            expires = expires.map(tracing::field::display),
            "an upload was created"
        );
        Ok(upload.into())
    }

    async fn send(&self, parcel: &Parcel<'_>, remote: &str, from: u64) -> Result<u64, Fault> {
        let to = last_piece(parcel);
        if from >= to {
            return Ok(from);
        }
        parcel.contents.check_size().await?;
        let digested = self.session().await?.capabilities().await?.checksum.is_some();
        let mut stride = if digested {
            Stride::digested()
        } else {
            Stride::default()
        };
        let mut at = from;
        while at < to {
            let end = to.min(at + stride.bytes()).min(parcel.contents.part_end(at));
            let begun = Instant::now();
            self.send_piece(parcel, remote, at, end).await?;
            stride.took(begun.elapsed());
            at = end;
        }
        Ok(to)
    }

    async fn complete(&self, parcel: &Parcel<'_>, remote: &str, from: u64) -> Result<(), Fault> {
        let size = parcel.file.size_bytes;
        if from < size {
            self.send_piece(parcel, remote, from, size).await?;
        }
        Ok(())
    }

    async fn verify(
        &self,
        parcel: &Parcel<'_>,
        remote: Option<&str>,
        completed_now: bool,
    ) -> Result<Proof, Fault> {
        let session = self.session().await?;
        let size = parcel.file.size_bytes;
        let offset = match remote {
            Some(remote) => session.offset(parcel, remote).await?,
            None => None,
        };
        if offset.is_some_and(|offset| offset != size) {
            return Err(Fault::doubt(format!(
                "{} has not all of it yet.",
                net::authority(&session.url)
            )));
        }
        let receipt = match &session.receipt_url {
            // An upload that is moved away leaves no other word than the receipt: a run that came
            // later, and found neither, could not know that it was ever whole.
            Some(url) => {
                let patient = completed_now && offset.is_none();
                Some(self.receipt(session, url, parcel, patient).await?)
            }
            None => None,
        };
        if let (Some(receipt), Some(url)) = (&receipt, &session.receipt_url) {
            receipt::check(receipt, parcel, url)?;
        }
        // Servers may move a finished upload away at once: then their answer to the last piece,
        // which named its end, is their word.
        if offset.is_none() && receipt.is_none() && !completed_now {
            return Err(Fault::doubt(format!(
                "{} no longer knows the upload.",
                net::authority(&session.url)
            )));
        }
        let upload = remote
            .map(|remote| format!(" (upload {})", short(remote)))
            .unwrap_or_default();
        Ok(Proof {
            location: format!("{}{upload}", net::shown(&session.url)),
            evidence: serde_json::json!({
                "protocol": "tus 1.0.0",
                "offset": offset.or(completed_now.then_some(size)),
                "asked_by": if offset.is_some() { "HEAD" } else if completed_now { "PATCH" } else { "receipt" },
                "receipt": receipt,
            }),
        })
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

fn standing(parcel: &Parcel<'_>, remote: &str, offset_bytes: u64) -> Standing {
    let remote = remote.to_owned();
    if offset_bytes == parcel.file.size_bytes {
        Standing::Whole { remote: Some(remote) }
    } else {
        Standing::Partial { remote, offset_bytes }
    }
}

/// Where the last piece begins: it does not reach back over the last part's begin.
fn last_piece(parcel: &Parcel<'_>) -> u64 {
    let size = parcel.file.size_bytes;
    let last_part = parcel
        .contents
        .part_range(parcel.contents.part_count().saturating_sub(1));
    size.saturating_sub(LAST_PIECE_BYTES)
        .max(last_part.start.min(size))
}

/// A name for an upload address, which is a capability and must not be printed.
fn short(remote: &str) -> String {
    Sha256::digest(remote)
        .iter()
        .take(4)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
