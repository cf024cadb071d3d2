//! Signature Version 4 as S3 verifies it, in the headers or in the query.

use hmac::{Hmac, KeyInit, Mac};
use hyper::http::request::Parts;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use sha2::{Digest, Sha256};

use super::S3Rules;
use super::digest::hex;
use super::request::{percent_decoded, percent_encoded, query_of, text};
use super::xml::Refusal;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// How far the client's clock may be off.
const MAX_SKEW_SECONDS: i64 = 900;

/// What the signature says of the body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Payload {
    /// Its SHA-256, in hex.
    Hash(String),
    Unsigned,
}

/// What a request claims.
struct Claim {
    access: String,
    scope: Scope,
    signed: Vec<String>,
    signature: String,
    /// As it is written: `20130524T000000Z`.
    time: String,
}

struct Scope {
    date: String,
    region: String,
    service: String,
}

impl Scope {
    fn text(&self) -> String {
        format!("{}/{}/{}/aws4_request", self.date, self.region, self.service)
    }
}

/// Verifies a request; gives what the body must be.
pub(super) fn verify(rules: &S3Rules, now: Timestamp, head: &Parts) -> Result<Payload, Refusal> {
    let query = query_of(head.uri.query().unwrap_or_default());
    let in_query = query.iter().any(|(name, _)| name == "X-Amz-Signature");
    let claim = if in_query {
        from_query(&query)?
    } else {
        from_headers(head)?
    };
    if claim.access != rules.access {
        let text = "The AWS Access Key Id you provided does not exist in our records.";
        return Err(Refusal::new(403, "InvalidAccessKeyId", text));
    }
    judge_scope(rules, &claim)?;
    let time = parse_time(&claim.time)?;
    if in_query {
        judge_expiry(&query, now, time)?;
    } else if now.duration_since(time).as_secs().abs() > MAX_SKEW_SECONDS {
        return Err(Refusal::new(
            403,
            "RequestTimeTooSkewed",
            "The difference between the request time and the current time is too large.",
        )
        .with("RequestTime", &claim.time)
        .with("ServerTime", &now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
        .with("MaxAllowedSkewMilliseconds", "900000"));
    }
    judge_signed_headers(head, &claim)?;
    let payload = match (text(&head.headers, "x-amz-content-sha256"), in_query) {
        (None, false) => {
            let text = "Missing required header for this request: x-amz-content-sha256";
            return Err(Refusal::breach(400, "MissingSecurityHeader", text));
        }
        (None | Some("UNSIGNED-PAYLOAD"), _) => Payload::Unsigned,
        (Some(other), _) if other.starts_with("STREAMING-") => {
            return Err(Refusal::breach(
                501,
                "NotImplemented",
                "this judge takes no aws-chunked body",
            ));
        }
        (Some(hash), _) if hash.len() == 64 => Payload::Hash(hash.to_ascii_lowercase()),
        (Some(_), _) => {
            let text = "x-amz-content-sha256 must be UNSIGNED-PAYLOAD or a valid sha256 value.";
            return Err(Refusal::breach(400, "InvalidArgument", text));
        }
    };
    let canonical = canonical(head, &query, &claim.signed, &payload);
    let to_sign = format!(
        "{ALGORITHM}\n{}\n{}\n{}",
        claim.time,
        claim.scope.text(),
        hex(&Sha256::digest(&canonical))
    );
    if signature(&rules.secret, &claim.scope, &to_sign) != claim.signature {
        let text = "The request signature we calculated does not match the signature you provided. \
                    Check your key and signing method.";
        return Err(Refusal::new(403, "SignatureDoesNotMatch", text)
            .with("StringToSign", &to_sign)
            .with("CanonicalRequest", &canonical));
    }
    Ok(payload)
}

fn from_headers(head: &Parts) -> Result<Claim, Refusal> {
    let Some(header) = text(&head.headers, "authorization") else {
        return Err(Refusal::new(403, "AccessDenied", "Access Denied"));
    };
    let malformed = |what: &str| {
        let text = format!("The authorization header is malformed; {what}");
        Refusal::breach(400, "AuthorizationHeaderMalformed", text)
    };
    let fields = header
        .strip_prefix(ALGORITHM)
        .ok_or_else(|| malformed("it is no AWS4-HMAC-SHA256"))?;
    let field = |name: &str| {
        fields
            .split(',')
            .find_map(|field| field.trim().strip_prefix(name)?.strip_prefix('='))
            .ok_or_else(|| malformed(&format!("{name} is missing")))
    };
    let time = text(&head.headers, "x-amz-date").ok_or_else(|| {
        let text = "AWS authentication requires a valid Date or x-amz-date header";
        Refusal::breach(403, "AccessDenied", text)
    })?;
    claim(
        field("Credential")?,
        field("SignedHeaders")?,
        field("Signature")?,
        time,
    )
    .ok_or_else(|| malformed("the Credential has not five fields"))
}

fn from_query(query: &[(String, String)]) -> Result<Claim, Refusal> {
    let missing = |name: &str| {
        let text = format!("Query-string authentication version 4 requires {name}");
        Refusal::breach(400, "AuthorizationQueryParametersError", text)
    };
    let field = |name: &str| value(query, name).ok_or_else(|| missing(name));
    if field("X-Amz-Algorithm")? != ALGORITHM {
        return Err(missing("X-Amz-Algorithm"));
    }
    let (credential, signed) = (field("X-Amz-Credential")?, field("X-Amz-SignedHeaders")?);
    claim(
        credential,
        signed,
        field("X-Amz-Signature")?,
        field("X-Amz-Date")?,
    )
    .ok_or_else(|| missing("X-Amz-Credential"))
}

fn claim(credential: &str, signed: &str, signature: &str, time: &str) -> Option<Claim> {
    let mut fields = credential.rsplitn(5, '/');
    let ("aws4_request", service) = (fields.next()?, fields.next()?) else {
        return None;
    };
    let (region, date, access) = (fields.next()?, fields.next()?, fields.next()?);
    Some(Claim {
        access: access.to_owned(),
        scope: Scope {
            date: date.to_owned(),
            region: region.to_owned(),
            service: service.to_owned(),
        },
        signed: signed.split(';').map(str::to_owned).collect(),
        signature: signature.to_owned(),
        time: time.to_owned(),
    })
}

fn judge_scope(rules: &S3Rules, claim: &Claim) -> Result<(), Refusal> {
    let malformed = |text: String| Refusal::new(400, "AuthorizationHeaderMalformed", text);
    let scope = &claim.scope;
    if scope.region != rules.region {
        return Err(malformed(format!(
            "The authorization header is malformed; the region '{}' is wrong; expecting '{}'",
            scope.region, rules.region
        ))
        .with("Region", &rules.region));
    }
    if scope.service != "s3" {
        return Err(malformed(format!(
            "incorrect service \"{}\"; expecting \"s3\"",
            scope.service
        ))
        .into_breach());
    }
    if !claim.time.starts_with(&scope.date) {
        return Err(
            malformed("the date of the Credential is not that of the request".to_owned()).into_breach(),
        );
    }
    Ok(())
}

fn judge_expiry(query: &[(String, String)], now: Timestamp, time: Timestamp) -> Result<(), Refusal> {
    let expires: i64 = value(query, "X-Amz-Expires")
        .and_then(|text| text.parse().ok())
        .filter(|seconds| (1..=604_800).contains(seconds))
        .ok_or_else(|| {
            let text = "X-Amz-Expires must be a number of seconds up to 604800";
            Refusal::breach(400, "AuthorizationQueryParametersError", text)
        })?;
    let age = now.duration_since(time).as_secs();
    if age > expires {
        return Err(Refusal::new(403, "AccessDenied", "Request has expired"));
    }
    if age < -MAX_SKEW_SECONDS {
        return Err(Refusal::new(403, "AccessDenied", "Request is not yet valid"));
    }
    Ok(())
}

/// The host and every header of Amazon's must be signed.
fn judge_signed_headers(head: &Parts, claim: &Claim) -> Result<(), Refusal> {
    let is_signed = |name: &str| claim.signed.iter().any(|signed| signed == name);
    let unsigned: Vec<&str> = std::iter::once("host")
        .chain(
            head.headers
                .keys()
                .map(|name| name.as_str())
                .filter(|name| name.starts_with("x-amz-")),
        )
        .filter(|name| !is_signed(name))
        .collect();
    if unsigned.is_empty() {
        return Ok(());
    }
    let text = "There were headers present in the request which were not signed";
    Err(Refusal::breach(403, "AccessDenied", text).with("HeadersNotSigned", &unsigned.join(", ")))
}

fn canonical(head: &Parts, query: &[(String, String)], signed: &[String], payload: &Payload) -> String {
    let path = percent_encoded(&percent_decoded(head.uri.path()), true);
    let mut pairs: Vec<(String, String)> = query
        .iter()
        .filter(|(name, _)| name != "X-Amz-Signature")
        .map(|(name, value)| {
            (
                percent_encoded(name.as_bytes(), false),
                percent_encoded(value.as_bytes(), false),
            )
        })
        .collect();
    pairs.sort();
    let query: Vec<String> = pairs
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let headers: String = signed
        .iter()
        .map(|name| {
            let values: Vec<String> = head.headers.get_all(name).iter().map(canonical_value).collect();
            format!("{name}:{}\n", values.join(","))
        })
        .collect();
    let payload = match payload {
        Payload::Hash(hash) => hash,
        Payload::Unsigned => "UNSIGNED-PAYLOAD",
    };
    let (method, query, signed) = (&head.method, query.join("&"), signed.join(";"));
    format!("{method}\n{path}\n{query}\n{headers}\n{signed}\n{payload}")
}

fn canonical_value(value: &hyper::header::HeaderValue) -> String {
    let text = String::from_utf8_lossy(value.as_bytes());
    text.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
}

fn signature(secret: &str, scope: &Scope, to_sign: &str) -> String {
    let key = [&scope.date, &scope.region, &scope.service]
        .into_iter()
        .fold(format!("AWS4{secret}").into_bytes(), |key, text| hmac(&key, text));
    hex(&hmac(&hmac(&key, "aws4_request"), to_sign))
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn parse_time(text: &str) -> Result<Timestamp, Refusal> {
    DateTime::strptime("%Y%m%dT%H%M%SZ", text)
        .and_then(|time| time.to_zoned(TimeZone::UTC))
        .map(|time| time.timestamp())
        .map_err(|_| {
            Refusal::breach(
                403,
                "AccessDenied",
                format!("{text} is no time such as 20130524T000000Z"),
            )
        })
}

fn value<'a>(query: &'a [(String, String)], name: &str) -> Option<&'a str> {
    query
        .iter()
        .find(|(known, _)| known == name)
        .map(|(_, value)| value.as_str())
}

/// The value of `Authorization` for a request whose `x-amz-date` and `x-amz-content-sha256` are set.
/// All headers are signed.
#[cfg(test)]
pub(super) fn authorization(rules: &S3Rules, head: &Parts) -> String {
    let header = |name| text(&head.headers, name).expect("a test sets it").to_owned();
    let time = header("x-amz-date");
    let mut signed: Vec<String> = head.headers.keys().map(|name| name.as_str().to_owned()).collect();
    signed.sort();
    let payload = match header("x-amz-content-sha256").as_str() {
        "UNSIGNED-PAYLOAD" => Payload::Unsigned,
        hash => Payload::Hash(hash.to_owned()),
    };
    let scope = Scope {
        date: time[..8].to_owned(),
        region: rules.region.clone(),
        service: "s3".to_owned(),
    };
    let query = query_of(head.uri.query().unwrap_or_default());
    let canonical = canonical(head, &query, &signed, &payload);
    let to_sign = format!(
        "{ALGORITHM}\n{time}\n{}\n{}",
        scope.text(),
        hex(&Sha256::digest(&canonical))
    );
    format!(
        "{ALGORITHM} Credential={}/{},SignedHeaders={},Signature={}",
        rules.access,
        scope.text(),
        signed.join(";"),
        signature(&rules.secret, &scope, &to_sign)
    )
}

#[cfg(test)]
mod vectors {
    //! The examples that AWS publishes for S3, which were signed by others.

    use hyper::Request;

    use super::*;

    fn amazon() -> S3Rules {
        S3Rules {
            bucket: "examplebucket".to_owned(),
            region: "us-east-1".to_owned(),
            access: "AKIAIOSFODNN7EXAMPLE".to_owned(),
            secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned(),
            ..S3Rules::default()
        }
    }

    fn judged(request: hyper::http::request::Builder, seconds_later: i64) -> Result<Payload, &'static str> {
        let time = parse_time("20130524T000000Z").expect("it is a time");
        let now = time + jiff::SignedDuration::from_secs(seconds_later);
        let (head, ()) = request
            .header("host", "examplebucket.s3.amazonaws.com")
            .body(())
            .expect("a request")
            .into_parts();
        verify(&amazon(), now, &head).map_err(|refusal| refusal.code)
    }

    #[test]
    fn what_amazon_signed_in_headers_is_accepted() {
        let hash = "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072";
        let put = |signature: &str| {
            Request::put("/test%24file.text")
                .header("date", "Fri, 24 May 2013 00:00:00 GMT")
                .header("x-amz-date", "20130524T000000Z")
                .header("x-amz-storage-class", "REDUCED_REDUNDANCY")
                .header("x-amz-content-sha256", hash)
                .header(
                    "authorization",
                    format!(
                        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,\
                         SignedHeaders=date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class,\
                         Signature={signature}"
                    ),
                )
        };
        let good = "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd";
        assert_eq!(judged(put(good), 0), Ok(Payload::Hash(hash.to_owned())));
        assert_eq!(judged(put(good), 900), Ok(Payload::Hash(hash.to_owned())));
        assert_eq!(judged(put(good), 901), Err("RequestTimeTooSkewed"));
        assert_eq!(judged(put(good), -901), Err("RequestTimeTooSkewed"));
        assert_eq!(
            judged(put(&good.replace('9', "8")), 0),
            Err("SignatureDoesNotMatch")
        );
        assert_eq!(
            judged(put(good).header("x-amz-meta-more", "1"), 0),
            Err("AccessDenied")
        );
    }

    #[test]
    fn what_amazon_signed_in_a_query_is_accepted_until_it_expires() {
        let get = || {
            Request::get(
                "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256\
                 &X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request\
                 &X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host\
                 &X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404",
            )
        };
        assert_eq!(judged(get(), 86_400), Ok(Payload::Unsigned));
        assert_eq!(judged(get(), 86_401), Err("AccessDenied"));
        assert_eq!(judged(get(), -901), Err("AccessDenied"));
    }
}
