//! `lectern doctor` at a tus server: an upload of a few bytes that is never made whole, a piece
//! with a wrong digest that must be refused, and the upload dropped again.

use std::sync::Arc;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use lectern_domain::ids::LectureId;
use reqwest::Method;
use reqwest::header::HeaderValue;
use url::Url;

use super::protocol::{self, CHECKSUM_MISMATCH};
use super::session::{Piece, Session};
use super::{receipt, refusal};
use crate::fault::Fault;
use crate::net::{self, Outgoing, Reply};
use crate::probe::Findings;

/// What is sent, and half of what is announced: no platform takes the probe for a lecture.
const PIECE: Bytes = Bytes::from_static(b"lectern's probe");
/// An upload that is dropped earlier may not live to the next night's window.
const KEPT_LONG_ENOUGH: SignedDuration = SignedDuration::from_hours(24);

pub(super) async fn examine(session: &Session, findings: &mut Findings) -> Result<(), Fault> {
    let peer = net::authority(&session.url);
    session.check_capable(0).await?;
    let (upload, expires) = session.create(protocol::probe(2 * PIECE.len() as u64)).await?;
    findings.good(format!(
        "{peer} speaks tus 1.0.0 and lets this room create uploads."
    ));
    let examined = digests(session, &upload, findings).await;
    drop_upload(session, &upload, findings).await;
    examined?;
    if let Some(expires) = expires {
        let kept = expires.duration_since(Timestamp::now());
        let told = format!(
            "{peer} keeps an upload that is not whole for {} h.",
            kept.as_hours()
        );
        if kept < KEPT_LONG_ENOUGH {
            findings.warning(
                told,
                "Have it kept for three days: a large lecture on a thin line takes more than one night.",
            );
        } else {
            findings.good(told);
        }
    }
    receipts(session, findings).await
}

/// Whether a piece is refused that does not have its digest.
async fn digests(session: &Session, upload: &Url, findings: &mut Findings) -> Result<(), Fault> {
    let peer = net::authority(&session.url);
    let Some(algorithm) = session.capabilities().await?.checksum else {
        if session.receipt_url.is_none() {
            findings.warning(
                format!("{peer} verifies nothing of its own: it takes no digests and gives no receipts."),
                "Name its receipt_url if it has one, or use a server with the checksum extension.",
            );
        } else {
            findings.good(format!(
                "{peer} takes no digests with the bytes; its receipt names the SHA-256 of the whole file."
            ));
        }
        return Ok(());
    };
    let name = algorithm.as_str();
    let wrong = algorithm.header(b"something else", None);
    let reply = session.patch_once(upload, PIECE, wrong).await?;
    let offset = session.head(upload).await?.number("upload-offset");
    if reply.status.as_u16() == CHECKSUM_MISMATCH && offset == Some(0) {
        findings.good(format!(
            "{peer} refused a piece with a wrong {name}: it verifies each piece."
        ));
        return Ok(());
    }
    if reply.status.is_success() || offset != Some(0) {
        findings.warning(
            format!("{peer} offers digests and took a piece with a wrong {name}: it does not verify them."),
            "Ask the platform's operator to mend its checksum extension; until then a receipt_url is the only proof.",
        );
        return Ok(());
    }
    Err(refusal::fault(&reply, "a piece with a wrong digest", upload))
}

async fn drop_upload(session: &Session, upload: &Url, findings: &mut Findings) {
    let reply = session
        .request(Method::DELETE, upload, protocol::versioned())
        .await;
    let dropped = reply.is_ok_and(|reply| reply.status.is_success() || refusal::gone(reply.status));
    if !dropped {
        findings
            .good("The upload of the probe, of a few bytes and never whole, stays there until it expires.");
    }
}

/// Whether the receipt's address answers as it should for a lecture that nobody has sent.
async fn receipts(session: &Session, findings: &mut Findings) -> Result<(), Fault> {
    let Some(url) = &session.receipt_url else {
        return Ok(());
    };
    match receipt::fetch(&session.control, url, LectureId::random(), "lecture.mp4").await? {
        None => findings.good(format!("{} answers for its receipts.", net::shown(url))),
        Some(_) => findings.bad(
            format!("{} gives a receipt for a lecture that was never sent.", net::shown(url)),
            "Check the platform's receipt_url: it must heed lecture_id and file, and answer 404 for what is not there.",
        ),
    }
    Ok(())
}

impl Session {
    /// A HEAD of an upload that is there.
    async fn head(&self, upload: &Url) -> Result<Reply, Fault> {
        let reply = self.request(Method::HEAD, upload, protocol::versioned()).await?;
        if reply.status.is_success() {
            Ok(reply)
        } else {
            Err(refusal::fault(&reply, "a HEAD", upload))
        }
    }

    /// Sends a few bytes at offset 0, and returns whatever the server says to that.
    async fn patch_once(&self, upload: &Url, bytes: Bytes, checksum: HeaderValue) -> Result<Reply, Fault> {
        let length = bytes.len() as u64;
        let piece = Piece {
            from: 0,
            length,
            body: Outgoing::piece(bytes, Arc::default()),
            checksum: Some(checksum),
            taken: Arc::default(),
        };
        let request = self.patch_request(upload, piece)?;
        let patience = self.control.patience().reply;
        let exchange = self.exchange(upload, request, || false);
        tokio::time::timeout(patience, exchange)
            .await
            .unwrap_or_else(|_| {
                Err(Fault::doubt(format!(
                    "{} did not answer within {} s.",
                    net::authority(upload),
                    patience.as_secs()
                )))
            })
    }
}
