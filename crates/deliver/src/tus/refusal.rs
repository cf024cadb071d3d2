//! What an answer means that is not the hoped-for one: wait, ask again, leave the platform alone
//! until somebody has mended it, or call a person for this lecture.

use reqwest::StatusCode;
use url::Url;

use super::protocol::CHECKSUM_MISMATCH;
use crate::fault::Fault;
use crate::net::{self, Reply};

/// The fault behind an answer to `request` ("a POST", …) at `url`.
///
/// What would be answered to every lecture leaves the platform alone: payment due (402), a server
/// that is not the one for this name (421, a proxy's or a certificate's fault). What depends on
/// the lecture parks it and lets the others pass: legal reasons (451) concern what is asked for,
/// not who asks, and headers are too large (431) by the lecture's title and names, the only ones
/// that differ in length. Were it a long credential after all, each lecture would be parked by
/// itself: more presses of `retry`, nothing lost.
pub(super) fn fault(reply: &Reply, request: &str, url: &Url) -> Fault {
    let (status, peer) = (reply.status, net::authority(url));
    let answered = format!("{peer} answered {request} with {status}");
    let person = |advice: &str| Fault::person(format!("{answered}."), advice);
    let refused = |advice: &str| Fault::refused(format!("{answered}."), advice);
    match status.as_u16() {
        401 | 407 => refused("Renew the platform's credential."),
        402 => refused("Ask the platform's operator: its account or its quota must be paid for."),
        403 => refused("Ask the platform's operator to let this room's credential upload."),
        404 | 405 | 410 | 501 => {
            refused("Check the platform's url: it must be the address where tus uploads are created.")
        }
        // Somebody else holds the upload (often our own cut request), or our offset is not the
        // server's: its offset is to be asked for.
        409 => Fault::doubt(format!("{answered}.")),
        CHECKSUM_MISMATCH => Fault::doubt(format!(
            "{peer} found that a piece was damaged on the way and dropped it ({status})."
        )),
        412 | 505 => refused("The platform does not speak tus 1.0.0: check its url and its version."),
        413 => person(
            "The file, or one request, is too large for the platform or a proxy before it: have the limit raised.",
        ),
        415 => refused(
            "A proxy before the platform may change requests: it must let application/offset+octet-stream pass.",
        ),
        421 => refused(
            "Check the platform's url and the proxy before it: this server does not answer for that name.",
        ),
        431 => person(
            "The lecture's title, course and names are too long for the platform or a proxy before it: have the limit \
             for request headers raised.",
        ),
        451 => person("Ask the platform's operator which law or order stands against this lecture."),
        511 => refused("The network asks for a login before it lets anything pass: log this machine in."),
        408 | 423 | 425 | 429 | 500..=599 => {
            let happened = match excerpt(reply) {
                Some(text) => format!("{answered}: {text}."),
                None => format!("{answered}."),
            };
            Fault::Later {
                happened,
                after: reply.retry_after(jiff::Timestamp::now()),
            }
        }
        300..=399 => refused(
            "Redirects are not followed with a credential: put the final address into the platform's url.",
        ),
        200..=299 => not_tus(reply, request, url, "without what tus asks for"),
        _ => person("Check the platform's url, and ask its operator what this answer means."),
    }
}

/// A success that is no answer of tus: a login page, a captive portal, a proxy's greeting.
pub(super) fn not_tus(reply: &Reply, request: &str, url: &Url, lacking: &str) -> Fault {
    let peer = net::authority(url);
    let what = match reply.header("content-type") {
        Some(kind) if kind.starts_with("text/html") => "a web page".to_owned(),
        _ => format!("{} {lacking}", reply.status),
    };
    Fault::refused(
        format!("{peer} answered {request} with {what}: this is no tus server."),
        "Check the platform's url, and whether a login page or a proxy stands before the platform.",
    )
}

/// Whether an upload of this address is no more.
pub(super) fn gone(status: StatusCode) -> bool {
    status == StatusCode::NOT_FOUND || status == StatusCode::GONE
}

/// The beginning of a plain-text error, for people. Markup says less than the status.
fn excerpt(reply: &Reply) -> Option<String> {
    let plain = reply
        .header("content-type")
        .is_some_and(|kind| kind.starts_with("text/plain"));
    let text = std::str::from_utf8(&reply.body).ok().filter(|_| plain)?;
    let line: String = text
        .lines()
        .next()?
        .chars()
        .filter(|c| !c.is_control())
        .take(120)
        .collect();
    let line = line.trim().trim_end_matches('.');
    (!line.is_empty()).then(|| line.to_owned())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use reqwest::header::HeaderMap;

    use super::*;

    #[test]
    fn each_status_is_classed_by_its_remedy() {
        let url = Url::parse("https://a.example/files/secret").unwrap();
        let class = |status: u16| {
            let reply = Reply {
                status: StatusCode::from_u16(status).unwrap(),
                headers: HeaderMap::new(),
                body: Bytes::new(),
            };
            let fault = fault(&reply, "a PATCH", &url);
            assert!(!fault.to_string().contains("secret"), "{fault}");
            match fault {
                Fault::Later { .. } => "later",
                Fault::Doubt { .. } => "doubt",
                Fault::Refused { .. } => "refused",
                Fault::NeedsPerson { .. } => "person",
                Fault::Stopped => "stopped",
            }
        };
        for status in [408, 423, 425, 429, 500, 502, 503, 504, 507] {
            assert_eq!(class(status), "later", "{status}");
        }
        for status in [409, 460] {
            assert_eq!(class(status), "doubt", "{status}");
        }
        for status in [
            200, 204, 301, 308, 401, 402, 403, 404, 405, 407, 410, 412, 415, 421, 501, 505, 511,
        ] {
            assert_eq!(class(status), "refused", "{status}");
        }
        for status in [400, 413, 418, 422, 431, 451] {
            assert_eq!(class(status), "person", "{status}");
        }
    }
}
