//! What an answer means that is not the hoped-for one: wait, ask again, or call a person. Pure, but
//! for the clock that a wrong clock is told from.

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use reqwest::StatusCode;

use super::protocol::{self, Refusal};
use crate::fault::Fault;
use crate::net::Reply;

/// Where a request went, for people.
#[derive(Clone, Copy)]
pub(super) struct Target<'a> {
    pub(super) peer: &'a str,
    pub(super) bucket: &'a str,
    pub(super) region: &'a str,
}

/// The fault behind an answer to `request` ("the upload of a part", …).
pub(super) fn fault(reply: &Reply, request: &str, target: Target<'_>, now: Timestamp) -> Fault {
    let error = protocol::refusal(reply);
    let Target { peer, bucket, region } = target;
    if error.is_none() && is_page(reply) {
        return Fault::refused(
            format!("{peer} answered {request} with a web page: this is no S3 store."),
            "Check the platform's url, and whether a login page or a proxy stands before the store.",
        );
    }
    let error = error.unwrap_or_default();
    let answered = answered(reply, &error, request, peer);
    let refused = |advice: &str| Fault::refused(answered.clone(), advice);
    match error.code.as_str() {
        "RequestTimeTooSkewed" | "RequestExpired" => Fault::later(skewed(reply, &error, peer, now)),
        "SignatureDoesNotMatch" => {
            refused("Check the secret key in the platform's credential, and that no proxy changes requests.")
        }
        "InvalidAccessKeyId"
        | "InvalidToken"
        | "ExpiredToken"
        | "TokenRefreshRequired"
        | "AccountProblem" => refused("Renew the platform's credential (ACCESS_KEY:SECRET_KEY)."),
        "NoSuchBucket" | "InvalidBucketName" => refused(&format!(
            "Have the bucket {bucket} made there, or mend bucket in the platform's section of the configuration."
        )),
        "PermanentRedirect"
        | "AuthorizationHeaderMalformed"
        | "IllegalLocationConstraintException"
        | "TemporaryRedirect" => refused(&elsewhere(reply, &error, bucket, region)),
        "QuotaExceeded" | "XMinioStorageFull" | "XMinioAdminBucketQuotaExceeded" => {
            refused("Have room made in the bucket, or its quota raised.")
        }
        "NotImplemented" => {
            refused("The store lacks what an upload in parts needs: send to another platform.")
        }
        // Damaged on its way: what is there is to be asked for, and the rest sent again.
        "BadDigest"
        | "InvalidDigest"
        | "XAmzContentSHA256Mismatch"
        | "XAmzContentChecksumMismatch"
        | "IncompleteBody"
        | "NoSuchUpload"
        | "PreconditionFailed"
        | "ConditionalRequestConflict"
        | "OperationAborted" => Fault::doubt(answered),
        "SlowDown" | "ServiceUnavailable" | "InternalError" | "RequestTimeout" | "TooManyRequests" => {
            later(answered, reply, now)
        }
        "EntityTooLarge" => too_large(answered),
        "InvalidPart" | "InvalidPartOrder" | "EntityTooSmall" => Fault::person(
            answered,
            "The store does not stand by the parts that it confirmed: ask its operator whether its storage is sound, \
             and have the unfinished upload removed there.",
        ),
        "KeyTooLongError" | "MetadataTooLarge" => Fault::person(
            answered,
            "Shorten prefix in the platform's section of the configuration.",
        ),
        _ => by_status(reply, answered, target, now),
    }
}

fn by_status(reply: &Reply, answered: String, target: Target<'_>, now: Timestamp) -> Fault {
    let Target { bucket, region, .. } = target;
    let advice = match reply.status.as_u16() {
        401 | 403 | 407 => format!(
            "Check the platform's credential, and that it may put, get and list objects in bucket {bucket} \
             (s3:PutObject, s3:GetObject, s3:ListBucket, s3:AbortMultipartUpload, s3:ListMultipartUploadParts)."
        ),
        409 | 412 => return Fault::doubt(answered),
        413 => return too_large(answered),
        408 | 425 | 429 | 500 | 502..=506 | 508..=599 => return later(answered, reply, now),
        507 => "Have room made in the store.".to_owned(),
        300..=399 => elsewhere(reply, &Refusal::default(), bucket, region),
        501 => "The store lacks what an upload in parts needs: send to another platform.".to_owned(),
        404 | 405 => {
            "Check url, bucket and path_style of the platform: url is the store's address without the bucket."
                .to_owned()
        }
        _ => "Check the platform's url, and ask its operator what this answer means.".to_owned(),
    };
    Fault::refused(answered, advice)
}

fn answered(reply: &Reply, error: &Refusal, request: &str, peer: &str) -> String {
    let said = match (line(&error.code), line(&error.message)) {
        (Some(code), Some(message)) => format!(": {code}, {}", message.trim_end_matches('.')),
        (Some(text), None) | (None, Some(text)) => format!(": {text}"),
        (None, None) => String::new(),
    };
    format!("{peer} answered {request} with {}{said}.", reply.status)
}

fn later(happened: String, reply: &Reply, now: Timestamp) -> Fault {
    Fault::Later {
        happened,
        after: reply.retry_after(now),
    }
}

fn too_large(answered: String) -> Fault {
    Fault::person(
        answered,
        "The file, or one request of 8 MiB, is too large for the store or a proxy before it: have the limit raised.",
    )
}

fn skewed(reply: &Reply, error: &Refusal, peer: &str, now: Timestamp) -> String {
    let theirs = error
        .server_time
        .as_deref()
        .and_then(|text| text.parse().ok())
        .or_else(|| Some(rfc2822::parse(reply.header("date")?).ok()?.timestamp()));
    let shown = |at: Timestamp| at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string();
    let theirs = theirs.map_or_else(|| "another time".to_owned(), shown);
    format!(
        "This machine's clock says {} and that of {peer} says {theirs}: it takes no request that is dated so far \
         from its own time. Check this machine's clock and its time server.",
        shown(now)
    )
}

fn elsewhere(reply: &Reply, error: &Refusal, bucket: &str, region: &str) -> String {
    let named = error
        .region
        .as_deref()
        .or_else(|| reply.header("x-amz-bucket-region"));
    match named.and_then(line) {
        Some(named) if named != region => format!(
            "Bucket {bucket} is in region {named}, and the platform's region is {region}: set region = \"{named}\", \
             and the url of that region if it has one of its own."
        ),
        _ => "Redirects are not followed with a credential: put the store's final address into the platform's url, \
              and check region."
            .to_owned(),
    }
}

fn is_page(reply: &Reply) -> bool {
    reply
        .header("content-type")
        .is_some_and(|kind| kind.starts_with("text/html"))
}

/// Text from a store as a part of a line: short, without anything that controls a terminal.
fn line(text: &str) -> Option<String> {
    let text: String = text.chars().filter(|c| !c.is_control()).take(160).collect();
    let text = text.trim().to_owned();
    (!text.is_empty()).then_some(text)
}

/// Whether an answer says that this upload is no more.
pub(super) fn no_such_upload(reply: &Reply) -> bool {
    reply.status == StatusCode::NOT_FOUND
        && protocol::refusal(reply).is_some_and(|error| error.code == "NoSuchUpload")
}

/// Whether a store may mean by this answer that it does not know a checksum or a condition that
/// the request carried.
pub(super) fn not_known(reply: &Reply) -> bool {
    let code = protocol::refusal(reply)
        .map(|error| error.code)
        .unwrap_or_default();
    reply.status == StatusCode::NOT_IMPLEMENTED
        || reply.status == StatusCode::BAD_REQUEST
            && matches!(
                code.as_str(),
                "InvalidRequest" | "InvalidArgument" | "NotImplemented" | "InvalidChecksum"
            )
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use reqwest::header::HeaderMap;

    use super::*;

    fn reply(status: u16, code: &str, more: &str) -> Reply {
        let body = match code {
            "" => String::new(),
            code => format!("<Error><Code>{code}</Code><Message>It is so.</Message>{more}</Error>"),
        };
        let mut headers = HeaderMap::new();
        headers.insert("date", "Sun, 22 Nov 2026 10:00:00 GMT".parse().unwrap());
        Reply {
            status: StatusCode::from_u16(status).unwrap(),
            headers,
            body: Bytes::from(body),
        }
    }

    fn judged(status: u16, code: &str, more: &str) -> Fault {
        let target = Target {
            peer: "s3.example:443",
            bucket: "lec",
            region: "us-east-1",
        };
        let now = "2026-11-22T08:30:00Z".parse().unwrap();
        fault(&reply(status, code, more), "a request", target, now)
    }

    #[test]
    fn each_answer_is_classed_by_its_remedy() {
        let class = |status, code| match judged(status, code, "") {
            Fault::Later { .. } => "later",
            Fault::Doubt { .. } => "doubt",
            Fault::Refused { .. } => "refused",
            Fault::NeedsPerson { .. } => "person",
            Fault::Stopped => "stopped",
        };
        let rows: &[(&str, &[(u16, &str)])] = &[
            (
                "later",
                &[
                    (403, "RequestTimeTooSkewed"),
                    (403, "RequestExpired"),
                    (503, "SlowDown"),
                    (500, "InternalError"),
                    (200, "InternalError"),
                    (400, "RequestTimeout"),
                    (429, ""),
                    (502, ""),
                ],
            ),
            (
                "doubt",
                &[
                    (400, "BadDigest"),
                    (400, "XAmzContentSHA256Mismatch"),
                    (404, "NoSuchUpload"),
                    (412, "PreconditionFailed"),
                    (409, "ConditionalRequestConflict"),
                    (412, ""),
                ],
            ),
            (
                "refused",
                &[
                    (403, "SignatureDoesNotMatch"),
                    (403, "InvalidAccessKeyId"),
                    (403, "AccessDenied"),
                    (403, ""),
                    (401, ""),
                    (404, "NoSuchBucket"),
                    (301, "PermanentRedirect"),
                    (307, ""),
                    (400, "AuthorizationHeaderMalformed"),
                    (507, "XMinioStorageFull"),
                    (501, "NotImplemented"),
                    (404, ""),
                    (400, "SomethingNew"),
                ],
            ),
            (
                "person",
                &[
                    (400, "EntityTooLarge"),
                    (413, ""),
                    (400, "InvalidPart"),
                    (400, "KeyTooLongError"),
                ],
            ),
        ];
        for (wanted, answers) in rows {
            for (status, code) in *answers {
                assert_eq!(class(*status, code), *wanted, "{status} {code}");
            }
        }
    }

    #[test]
    fn a_wrong_clock_is_told_with_both_times() {
        let text = judged(403, "RequestTimeTooSkewed", "").to_string();
        assert!(
            text.contains("2026-11-22 08:30:00 UTC and that of s3.example:443 says 2026-11-22 10:00:00 UTC"),
            "{text}"
        );
        let more = "<ServerTime>2026-11-22T11:00:00Z</ServerTime>";
        let text = judged(403, "RequestTimeTooSkewed", more).to_string();
        assert!(text.contains("says 2026-11-22 11:00:00 UTC"), "{text}");
    }

    #[test]
    fn the_right_region_is_named() {
        let text = judged(
            400,
            "AuthorizationHeaderMalformed",
            "<Region>eu-central-1</Region>",
        )
        .to_string();
        assert!(text.contains("set region = \"eu-central-1\""), "{text}");
        assert!(
            judged(301, "", "")
                .to_string()
                .contains("Redirects are not followed")
        );
    }

    #[test]
    fn a_web_page_is_no_store() {
        let mut reply = reply(200, "", "");
        reply
            .headers
            .insert("content-type", "text/html; charset=utf-8".parse().unwrap());
        let target = Target {
            peer: "p",
            bucket: "b",
            region: "r",
        };
        let fault = fault(&reply, "a request", target, Timestamp::UNIX_EPOCH);
        assert!(
            matches!(&fault, Fault::Refused { happened, .. } if happened.contains("a web page")),
            "{fault}"
        );
    }
}
