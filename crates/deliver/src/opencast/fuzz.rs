//! Everything that reads an answer of an Opencast, for the fuzz targets.

use lectern_domain::config::Auth;
use reqwest::Method;
use secrecy::SecretString;
use url::{Host, Url};

use super::document::{MediaPackage, Workflow, workflows};
use super::sign_in::SignIn;
use super::{refusal, registry};
use crate::net::Reply;

/// Reads an answer in every way in which one of them may be read.
///
/// # Panics
/// When a registry leads a password over a line that others can read.
pub(crate) fn answer(reply: &Reply, home: &Url) {
    if let Ok(text) = std::str::from_utf8(&reply.body) {
        drop(MediaPackage::of_xml(text));
        drop(Workflow::of_xml(text));
    }
    drop(workflows(&reply.body));
    for address in registry::read(&reply.body).unwrap_or_default() {
        if let Ok(there) = registry::reachable(&address, home) {
            let near = match there.host() {
                Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
                Some(Host::Ipv4(ip)) => ip.is_loopback(),
                Some(Host::Ipv6(ip)) => ip.is_loopback(),
                None => false,
            };
            assert!(there.scheme() == "https" || near, "{there}");
        }
    }
    let signer = SignIn::new(Auth::Digest, "lectern".to_owned(), SecretString::from("password"));
    let _challenged = signer.learn(reply);
    drop(signer.headers(&Method::POST, "/ingest/addTrack"));
    drop(refusal::fault(reply, "the upload", home));
    drop(refusal::handing_in(reply, home));
    drop(refusal::no_opencast(reply, "the upload", home));
}
