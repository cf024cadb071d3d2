//! The platform's own proof, beside tus: `GET receipt_url?lecture_id=…&file=…` answers
//! `{"sha256": "…", "size": …}` for a file that it has in whole, and 404 for one that it has not.

use lectern_domain::ids::LectureId;
use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use url::Url;

use super::refusal;
use crate::fault::Fault;
use crate::net::{self, Control};
use crate::parcel::Parcel;

/// What the platform says it has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Receipt {
    sha256: String,
    size: u64,
}

/// Asks for the receipt. `None`: the platform does not have the file.
pub(super) async fn fetch(
    control: &Control,
    url: &Url,
    lecture: LectureId,
    file: &str,
) -> Result<Option<Receipt>, Fault> {
    let mut asked = url.clone();
    asked
        .query_pairs_mut()
        .append_pair("lecture_id", &lecture.to_string())
        .append_pair("file", file);
    let reply = control
        .request(Method::GET, &asked, HeaderMap::new())
        .await
        .map_err(|fault| fault.into_fault(url))?;
    match reply.status {
        StatusCode::OK => serde_json::from_slice(&reply.body).map(Some).map_err(|_| {
            Fault::refused(
                format!("{} answered with something else than a receipt.", net::shown(url)),
                "Check the platform's receipt_url: it must answer {\"sha256\": …, \"size\": …} or 404.",
            )
        }),
        StatusCode::NOT_FOUND => Ok(None),
        _ => Err(refusal::fault(&reply, "the request for a receipt", url)),
    }
}

/// Compares a receipt with what we hold.
pub(super) fn check(receipt: &Receipt, parcel: &Parcel<'_>, url: &Url) -> Result<(), Fault> {
    let file = &parcel.file;
    if receipt.size == file.size_bytes && receipt.sha256.eq_ignore_ascii_case(&file.sha256) {
        return Ok(());
    }
    Err(Fault::person(
        format!(
            "{} has another file for {} of this lecture: {} bytes with SHA-256 {}, not {} bytes with {}.",
            net::shown(url),
            file.name,
            receipt.size,
            receipt.sha256,
            file.size_bytes,
            file.sha256
        ),
        "Compare both on the platform, and remove the wrong one there.",
    ))
}
