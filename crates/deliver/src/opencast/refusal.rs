//! What an answer means that is not the hoped-for one: wait, ask again, or call a person.

use reqwest::StatusCode;
use url::Url;

use crate::fault::Fault;
use crate::net::{self, Reply};

/// The fault behind an answer to `request` ("the lecture's package", …) at `url`.
pub(super) fn fault(reply: &Reply, request: &str, url: &Url) -> Fault {
    let (status, peer) = (reply.status, net::authority(url));
    let answered = match excerpt(reply) {
        Some(text) => format!("{peer} answered {request} with {status}: {text}."),
        None => format!("{peer} answered {request} with {status}."),
    };
    match status.as_u16() {
        300..=399 => Fault::refused(
            format!("{peer} sent {request} to a login page ({status})."),
            "Check the platform's user, its password and auth: an ordinary user signs in with \"basic\", \
             Opencast's system account with \"digest\".",
        ),
        401 | 407 => Fault::refused(
            answered,
            "Renew the password of the platform's user, and check auth: \"basic\" or \"digest\".",
        ),
        403 => Fault::refused(
            answered,
            "Ask Opencast's operator to give the platform's user ROLE_CAPTURE_AGENT or ROLE_ADMIN.",
        ),
        404 | 405 | 410 => Fault::refused(
            answered,
            "Check the platform's url: it must be Opencast's admin node, with nothing behind the host's name.",
        ),
        408 | 425 | 429 | 500..=599 => Fault::Later {
            happened: answered,
            after: reply.retry_after(jiff::Timestamp::now()),
        },
        413 => Fault::person(
            answered,
            "The file is too large for Opencast or a proxy before it: have the limit raised.",
        ),
        200..=299 => no_opencast(reply, request, url),
        _ => Fault::person(answered, "Ask Opencast's operator what this answer means."),
    }
}

/// The fault behind an answer to the handing in of a package. A server that fails may have begun a
/// workflow, and one that says so is asked too: it refuses a second one while the first is at work.
pub(super) fn handing_in(reply: &Reply, url: &Url) -> Fault {
    match (fault(reply, "the handing in of the lecture", url), reply.status) {
        // Said before anything was done.
        (later @ Fault::Later { .. }, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) => {
            later
        }
        (Fault::Later { happened, .. }, _) => Fault::doubt(happened),
        (other, _) => other,
    }
}

/// A success that is no answer of Opencast: a login page, a captive portal, a proxy's greeting.
pub(super) fn no_opencast(reply: &Reply, request: &str, url: &Url) -> Fault {
    let peer = net::authority(url);
    let what = match reply.header("content-type") {
        Some(kind) if kind.starts_with("text/html") => "a web page".to_owned(),
        _ => format!("{} and something else than it should", reply.status),
    };
    Fault::refused(
        format!("{peer} answered {request} with {what}: this is not how Opencast answers."),
        "Check the platform's url and user, and whether a login page or a proxy stands before Opencast.",
    )
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

    fn class(fault: &Fault) -> &'static str {
        match fault {
            Fault::Later { .. } => "later",
            Fault::Doubt { .. } => "doubt",
            Fault::Refused { .. } => "refused",
            Fault::NeedsPerson { .. } => "person",
            Fault::Stopped => "stopped",
        }
    }

    #[test]
    fn each_status_is_classed_by_its_remedy() {
        let url = Url::parse("https://user:canary@oc.example/ingest/ingest?canary").unwrap();
        let rows = [
            (
                "refused",
                "refused",
                &[200, 302, 303, 307, 401, 403, 404, 405][..],
            ),
            ("later", "doubt", &[408, 500, 502, 504]),
            ("later", "later", &[429, 503]),
            ("person", "person", &[400, 413, 418]),
        ];
        for (small, handing, statuses) in rows {
            for status in statuses {
                let reply = Reply {
                    status: StatusCode::from_u16(*status).unwrap(),
                    headers: HeaderMap::new(),
                    body: Bytes::new(),
                };
                let faults = [fault(&reply, "a track", &url), handing_in(&reply, &url)];
                assert_eq!(
                    [class(&faults[0]), class(&faults[1])],
                    [small, handing],
                    "{status}"
                );
                assert!(!format!("{faults:?}").contains("canary"));
            }
        }
    }
}
