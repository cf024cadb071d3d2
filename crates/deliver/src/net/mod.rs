//! The network below the protocols: one TLS configuration, one client for small requests, one
//! connection of our own for the bytes.
//!
//! No protocol is known here. Errors are told apart by one question only: can the request have
//! had an effect?

mod certificate;
mod control;
mod echo;
mod lane;
mod line;
mod pace;
mod pilot;
mod proxy;
mod socket;
mod tls;
mod wire;

use std::time::Duration;

pub(crate) use control::{Control, Look, Reply};
pub(crate) use lane::{AGENT, Lane, Outgoing};
pub use line::{Line, LineRules, Route};
use proxy::Proxy;
use url::{Host, Url};

use crate::fault::Fault;

/// How long the network may keep us waiting.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For a connection, TLS included.
    pub connect: Duration,
    /// For the whole of a small request.
    pub reply: Duration,
    /// Without one byte confirmed while sending, and for the reply after the last byte.
    pub idle: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(30),
            reply: Duration::from_secs(60),
            idle: Duration::from_secs(60),
        }
    }
}

/// What failed on the network, before it has become a [`Fault`].
#[derive(Debug)]
pub(crate) enum NetFault {
    /// No request left.
    Unreachable(String),
    /// A request may have left, and no whole answer came.
    NoReply(String),
    /// Bytes were on their way, and the peer confirmed none for this long.
    Stalled(Duration),
    /// The proxy wants a sign-in that it did not get.
    SignIn(Fault),
    /// The peer's certificate is not to be trusted.
    Untrusted(String),
    /// The peer's certificate is not valid at this time; often our own clock after a cold start.
    NotNow(String),
}

impl NetFault {
    pub(crate) fn into_fault(self, url: &Url) -> Fault {
        let peer = authority(url);
        match self {
            Self::Unreachable(why) => Fault::later(format!("{peer} cannot be reached: {why}.")),
            Self::NoReply(why) => Fault::doubt(format!("{peer} did not answer: {why}.")),
            Self::Stalled(idle) => Fault::doubt(format!("{peer} took no byte for {} s.", idle.as_secs_f32())),
            Self::SignIn(fault) => fault,
            Self::NotNow(why) => Fault::later(format!(
                "The certificate of {peer} is not valid at the time that this machine's clock shows: {why}. \
                 Check the clock and the certificate."
            )),
            Self::Untrusted(why) => Fault::refused(
                format!("The certificate of {peer} was not trusted: {why}."),
                "If the platform has a certificate authority of its own, name its PEM file in the platform's ca_file.",
            ),
        }
    }

    /// Classes an error by the first TLS error in its chain, else by whether it came before any
    /// request.
    pub(crate) fn of(error: &(dyn std::error::Error + 'static), before_request: bool) -> Self {
        use rustls::CertificateError as C;
        if let Some(tls) = tls::cause(error) {
            let why = tls.to_string();
            return match tls {
                rustls::Error::InvalidCertificate(
                    C::Expired | C::ExpiredContext { .. } | C::NotValidYet | C::NotValidYetContext { .. },
                ) => Self::NotNow(why),
                rustls::Error::InvalidCertificate(_) => Self::Untrusted(why),
                _ if before_request => Self::Unreachable(why),
                _ => Self::NoReply(why),
            };
        }
        let why = innermost(error);
        if before_request {
            Self::Unreachable(why)
        } else {
            Self::NoReply(why)
        }
    }
}

/// The last error of a chain: libraries wrap the telling one in several that say "error".
fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}

/// `host:port` of a URL, for people.
pub(crate) fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or("?");
    url.port_or_known_default()
        .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// A URL for people: what may carry a secret (user, query, fragment) is left out.
pub(crate) fn shown(url: &Url) -> String {
    format!("{}{}", url.origin().ascii_serialization(), url.path())
}

/// Parses a platform's URL and refuses to send a credential in clear over a network.
pub(crate) fn checked_url(text: &str, key: &str) -> Result<Url, Fault> {
    let url = Url::parse(text).map_err(|error| {
        Fault::refused(
            format!("The platform's {key} is no URL: {error}."),
            format!("Mend {key} in the platform's section of the configuration."),
        )
    })?;
    let loopback = match url.host() {
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    };
    match url.scheme() {
        "https" => Ok(url),
        "http" if loopback => Ok(url),
        scheme => Err(Fault::refused(
            format!(
                "The platform's {key} {} uses {scheme}, which others on the network can read.",
                shown(&url)
            ),
            format!("Use an https address in {key}; http is allowed to this machine itself only."),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clear_text_is_refused_except_to_this_machine() {
        for good in [
            "https://a.example/files/",
            "http://127.0.0.1:1080/f",
            "http://[::1]/f",
            "http://localhost/f",
        ] {
            checked_url(good, "url").unwrap();
        }
        for bad in [
            "http://a.example/files/",
            "http://127.0.0.1.example/",
            "ftp://a.example/",
            "nonsense",
            "http://10.0.0.1/",
        ] {
            let fault = checked_url(bad, "url").unwrap_err();
            assert!(matches!(fault, Fault::Refused { .. }), "{bad}: {fault}");
        }
    }

    #[test]
    fn a_shown_url_has_no_place_for_a_secret() {
        let url = Url::parse("https://user:canary@a.example/files/x?token=canary#canary").unwrap();
        assert_eq!(shown(&url), "https://a.example/files/x");
        let fault = checked_url("http://user:canary@a.example/?canary", "url").unwrap_err();
        assert!(!fault.to_string().contains("canary"), "{fault}");
    }
}
