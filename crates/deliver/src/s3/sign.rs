//! AWS Signature Version 4, in headers. Pure: the time is given.
//!
//! The hash of the body is part of the signature, so a store that checks signatures finds a body
//! that changed on its way, whatever checksums it knows beside it.

use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use reqwest::Method;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use url::Url;

use crate::fault::Fault;
use crate::reading::hex;

const X_AMZ_DATE: HeaderName = HeaderName::from_static("x-amz-date");
const X_AMZ_CONTENT_SHA256: HeaderName = HeaderName::from_static("x-amz-content-sha256");
const SERVICE: &str = "s3";

/// SHA-256 of nothing, lower-case hex.
pub(super) const OF_NOTHING: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// Signs the requests of one run.
pub(super) struct Signer {
    access: String,
    secret: SecretString,
    region: String,
}

impl Signer {
    /// From a credential of the form `ACCESS_KEY:SECRET_KEY`.
    pub(super) fn new(credential: &SecretString, region: &str) -> Result<Self, Fault> {
        let plain = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic());
        match credential.expose_secret().split_once(':') {
            Some((access, secret)) if plain(access) && plain(secret) && !access.contains('/') => Ok(Self {
                access: access.to_owned(),
                secret: SecretString::from(secret),
                region: region.to_owned(),
            }),
            _ => Err(Fault::refused(
                "The credential of the platform is not of the form ACCESS_KEY:SECRET_KEY.",
                "Write the access key, a colon and the secret key into the credential, on one line.",
            )),
        }
    }

    /// The region that it signs for.
    pub(super) fn region(&self) -> &str {
        &self.region
    }

    /// Adds date, hash and signature to `headers`, all of which are signed. Nothing may change in
    /// them, in `url` or in the body afterwards; `payload` is its SHA-256 in lower-case hex.
    pub(super) fn sign(
        &self,
        method: &Method,
        url: &Url,
        headers: &mut HeaderMap,
        payload: &str,
        now: Timestamp,
    ) {
        let (day, moment) = stamps(now);
        headers.insert(X_AMZ_DATE, ascii(&moment));
        headers.insert(X_AMZ_CONTENT_SHA256, ascii(payload));
        let (names, lines) = canonical_headers(url, headers);
        let canonical = format!(
            "{method}\n{}\n{}\n{lines}\n{names}\n{payload}",
            url.path(),
            canonical_query(url)
        );
        let scope = format!("{day}/{}/{SERVICE}/aws4_request", self.region);
        let to_sign = format!(
            "AWS4-HMAC-SHA256\n{moment}\n{scope}\n{}",
            hex(&Sha256::digest(canonical))
        );
        let signature = hex(&mac(&self.key(&day), to_sign.as_bytes()));
        let mut value = ascii(&format!(
            "AWS4-HMAC-SHA256 Credential={}/{scope},SignedHeaders={names},Signature={signature}",
            self.access
        ));
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }

    fn key(&self, day: &str) -> [u8; 32] {
        let seed = SecretString::from(format!("AWS4{}", self.secret.expose_secret()));
        [&self.region, SERVICE, "aws4_request"].iter().fold(
            mac(seed.expose_secret().as_bytes(), day.as_bytes()),
            |key, part| mac(&key, part.as_bytes()),
        )
    }
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Signer(…)")
    }
}

/// The day, and the moment, in the basic form of ISO 8601.
fn stamps(now: Timestamp) -> (String, String) {
    (
        now.strftime("%Y%m%d").to_string(),
        now.strftime("%Y%m%dT%H%M%SZ").to_string(),
    )
}

fn ascii(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).expect("keys, dates and hex are plain ASCII")
}

/// Names joined by semicolons, and a line for each; the host first among equals of the alphabet.
fn canonical_headers(url: &Url, headers: &HeaderMap) -> (String, String) {
    let host = &url[url::Position::BeforeHost..url::Position::AfterPort];
    let mut rows: Vec<(&str, String)> = headers
        .iter()
        .filter(|(name, _)| **name != AUTHORIZATION)
        .map(|(name, value)| {
            (
                name.as_str(),
                String::from_utf8_lossy(value.as_bytes()).trim().to_owned(),
            )
        })
        .chain([("host", host.to_owned())])
        .collect();
    rows.sort_unstable();
    let names: Vec<_> = rows.iter().map(|(name, _)| *name).collect();
    let lines: String = rows
        .iter()
        .map(|(name, value)| format!("{name}:{value}\n"))
        .collect();
    (names.join(";"), lines)
}

/// The query as it was sent, its pairs in order of their names. What is sent is encoded as the
/// signature wants it already (`place`); a name without a value gets its `=`.
fn canonical_query(url: &Url) -> String {
    let mut pairs: Vec<_> = url
        .query()
        .unwrap_or_default()
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .collect();
    pairs.sort_unstable();
    let pairs: Vec<_> = pairs
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    pairs.join("&")
}

fn mac(key: &[u8], text: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of HMAC may have any length");
    mac.update(text);
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of "Signature Calculations for the Authorization Header" in Amazon's S3 API
    /// reference, with its key, bucket and date.
    fn signature(
        method: &Method,
        path: &str,
        headers: &[(&'static str, &'static str)],
        payload: &str,
    ) -> String {
        let credential = "AKIAIOSFODNN7EXAMPLE:wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
        let signer = Signer::new(&SecretString::from(credential), "us-east-1").unwrap();
        let url = Url::parse(&format!("https://examplebucket.s3.amazonaws.com{path}")).unwrap();
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        signer.sign(
            method,
            &url,
            &mut map,
            payload,
            "2013-05-24T00:00:00Z".parse().unwrap(),
        );
        map[AUTHORIZATION].to_str().unwrap().to_owned()
    }

    #[test]
    fn signatures_are_those_of_the_published_examples() {
        let scope = "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request";
        let get = signature(&Method::GET, "/test.txt", &[("range", "bytes=0-9")], OF_NOTHING);
        assert_eq!(
            get,
            format!(
                "{scope},SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,\
                 Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
            )
        );
        let put = signature(
            &Method::PUT,
            "/test%24file.text",
            &[
                ("date", "Fri, 24 May 2013 00:00:00 GMT"),
                ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
            ],
            "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
        );
        assert!(
            put.ends_with("98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"),
            "{put}"
        );
        let lifecycle = signature(&Method::GET, "/?lifecycle", &[], OF_NOTHING);
        assert!(
            lifecycle.ends_with("fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"),
            "{lifecycle}"
        );
        let list = signature(&Method::GET, "/?max-keys=2&prefix=J", &[], OF_NOTHING);
        assert!(
            list.ends_with("34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"),
            "{list}"
        );
    }

    #[test]
    fn a_credential_that_is_no_pair_of_keys_is_refused_without_being_repeated() {
        for bad in ["canary", "canary:", ":canary", "cana ry:x", "a/canary:x"] {
            let fault = Signer::new(&SecretString::from(bad), "x").unwrap_err();
            assert!(matches!(fault, Fault::Refused { .. }), "{fault:?}");
            assert!(!fault.to_string().contains("canary"), "{fault}");
        }
        let signer = Signer::new(&SecretString::from("canary:canary"), "x").unwrap();
        assert!(!format!("{signer:?}").contains("canary"));
    }
}
