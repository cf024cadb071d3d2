//! `lectern doctor` at a store: what a delivery would do, with a few bytes under a key of their own
//! (`<prefix>lectern-probe`). Parts with a wrong digest must be refused, and an object that is there
//! must not be written over. What is made is dropped again.

use bytes::Bytes;
use reqwest::header::{HeaderMap, IF_NONE_MATCH};
use reqwest::{Method, StatusCode};
use sha2::{Digest, Sha256};

use super::digest::Sum;
use super::session::Session;
use super::{protocol, refusal};
use crate::fault::Fault;
use crate::net::Reply;
use crate::probe::Findings;
use crate::reading::hex;

const NAME: &str = "lectern-probe";
const PIECE: Bytes = Bytes::from_static(b"lectern's probe");
const SOMETHING_ELSE: &[u8] = b"something else";

pub(super) async fn examine(session: &Session, findings: &mut Findings) -> Result<(), Fault> {
    let (peer, bucket) = (session.place.peer(), &session.place.bucket);
    let key = session.place.key_named(NAME);
    // As before each lecture: without the right to list, a store answers "forbidden" for what is
    // not there.
    session.head(&key).await?;
    let (id, sum) = begin(session, &key).await?;
    findings.good(format!(
        "{peer} speaks S3 and lets this room upload to bucket {bucket}, with {} for each part.",
        match sum {
            Sum::None => "no checksum",
            sum => sum.as_str(),
        }
    ));
    let examined = digests(session, &key, &id, sum, findings).await;
    session.abort(&key, &id).await?;
    examined?;
    condition(session, &key, findings).await
}

/// Begins an upload with the best checksum that the store agrees to and takes a part with.
async fn begin(session: &Session, key: &str) -> Result<(String, Sum), Fault> {
    while let Some(sum) = session.sum() {
        if let Some(id) = session.begin(key, HeaderMap::new(), sum).await? {
            let reply = part(session, key, &id, 1, sum, &PIECE, &PIECE).await?;
            if reply.status.is_success() {
                return Ok((id, sum));
            }
            session.abort(key, &id).await?;
            if sum == Sum::None || !refusal::not_known(&reply) {
                return Err(session.fault(&reply, "the upload of a part"));
            }
        }
        session.does_not_know(sum);
    }
    Err(session.no_checksum())
}

/// Sends the probe as a part, with the checksum of `summed` and signed with the hash of `signed`.
async fn part(
    session: &Session,
    key: &str,
    id: &str,
    number: u64,
    sum: Sum,
    summed: &[u8],
    signed: &[u8],
) -> Result<Reply, Fault> {
    let number = number.to_string();
    let url = session
        .place
        .object(key, &[("partNumber", &number), ("uploadId", id)]);
    let mut headers = HeaderMap::new();
    protocol::insert_sum(&mut headers, sum, &sum.of(summed));
    let sha256 = hex(&Sha256::digest(signed));
    session
        .request_with(Method::PUT, &url, headers, &sha256, PIECE)
        .await
}

/// Whether a part is refused that does not have its checksum, or not the hash that was signed.
async fn digests(
    session: &Session,
    key: &str,
    id: &str,
    sum: Sum,
    findings: &mut Findings,
) -> Result<(), Fault> {
    let peer = session.place.peer();
    let signed = part(session, key, id, 2, sum, &PIECE, SOMETHING_ELSE).await?;
    let signed = !signed.status.is_success();
    let summed = sum != Sum::None
        && !part(session, key, id, 3, sum, SOMETHING_ELSE, &PIECE)
            .await?
            .status
            .is_success();
    let name = sum.as_str();
    match (summed, signed) {
        (true, true) => findings.good(format!(
            "{peer} refused a part with a wrong {name} and one with a wrong signed SHA-256: it verifies each part twice."
        )),
        (true, false) => findings.good(format!("{peer} refused a part with a wrong {name}: it verifies each part.")),
        (false, true) if sum == Sum::None => findings.good(format!(
            "{peer} is given no checksums, and refused a part with a wrong signed SHA-256: it verifies each part."
        )),
        (false, true) => findings.warning(
            format!(
                "{peer} took a part with a wrong {name}, and refused one with a wrong signed SHA-256: it verifies \
                 each part by its signature only."
            ),
            "Nothing needs to be done; checksum = \"none\" saves the store's unused work.",
        ),
        (false, false) => findings.warning(
            format!("{peer} took parts with wrong digests: it verifies nothing of its own."),
            "Try another checksum, or ask the store's operator; until then TLS is the only guard of what is sent.",
        ),
    }
    Ok(())
}

/// Whether an object that is there is written over.
async fn condition(session: &Session, key: &str, findings: &mut Findings) -> Result<(), Fault> {
    let peer = session.place.peer();
    let url = session.place.object(key, &[]);
    let sha256 = hex(&Sha256::digest(&PIECE));
    let put = async || {
        let headers = HeaderMap::from_iter([(IF_NONE_MATCH, protocol::ANY)]);
        session
            .request_with(Method::PUT, &url, headers, &sha256, PIECE)
            .await
    };
    // One that an earlier probe could not delete serves as well.
    let (_, second) = (put().await?, put().await?);
    let deleted = session.request(Method::DELETE, &url, HeaderMap::new()).await?;
    if second.status == StatusCode::PRECONDITION_FAILED {
        findings.good(format!(
            "{peer} heeds If-None-Match: it writes over nothing that is there."
        ));
    } else if second.status.is_success() || second.status == StatusCode::NOT_IMPLEMENTED {
        findings.good(format!(
            "{peer} does not heed If-None-Match: it is asked what is there before each file is made whole."
        ));
    } else {
        return Err(session.fault(&second, "the upload of a small file"));
    }
    if !deleted.status.is_success() {
        findings.good(format!(
            "This room may delete nothing there, which is well: {key} with {} bytes of the probe stays.",
            PIECE.len()
        ));
    }
    Ok(())
}
