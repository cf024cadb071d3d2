//! A way through an HTTP proxy: `CONNECT host:port`, signed by HTTP Basic where the proxy wants it.
//! What goes through is the platform's own TLS, so the proxy sees whom we speak to and how much,
//! and nothing else. The sign-in stands in that one request alone: no platform ever gets it.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::BytesMut;
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use url::Url;

use super::{LineRules, NetFault};
use crate::credential::Secrets;
use crate::fault::Fault;

/// No proxy's answer is longer.
const LONGEST_ANSWER_BYTES: usize = 16 * 1024;
/// The ways of signing in that are told by their names. What else a proxy says is not repeated: it
/// may say back what it was sent.
const KNOWN_SCHEMES: [&str; 5] = ["Basic", "Digest", "NTLM", "Negotiate", "Kerberos"];

/// The line's proxy as one run uses it. Its sign-in is marked so that nothing prints it.
#[derive(Clone, Debug)]
pub(super) struct Proxy {
    address: String,
    /// What is wrong with its credential is told when the proxy is needed: a platform on this
    /// machine does without.
    sign_in: Option<Result<HeaderValue, Fault>>,
}

impl Proxy {
    /// The proxy of a line, if it has one. Blocks for one small file.
    pub(super) fn of(rules: &LineRules, secrets: &Secrets) -> Option<Self> {
        let credential = rules.proxy_credential.as_ref();
        let read = |credential| secrets.read(credential).and_then(|secret| basic(&secret));
        Some(Self {
            address: rules.proxy.clone()?,
            sign_in: credential.map(read),
        })
    }

    /// The same for the client of small requests: https alone goes through it.
    pub(super) fn for_client(&self) -> Result<reqwest::Proxy, Fault> {
        let proxy = reqwest::Proxy::https(&self.address).map_err(|error| {
            Fault::person(
                format!("The proxy {} cannot be used: {error}.", self.address),
                "Write upload.proxy as \"http://host:port\".",
            )
        })?;
        Ok(match &self.sign_in {
            Some(Ok(sign_in)) => proxy.custom_http_auth(sign_in.clone()),
            // With a fault nothing is asked of it.
            Some(Err(_)) | None => proxy,
        })
    }

    /// Connects to the proxy itself; not when its credential is of no use.
    pub(super) async fn connect(&self) -> Result<TcpStream, NetFault> {
        if let Some(Err(fault)) = &self.sign_in {
            return Err(NetFault::SignIn(fault.clone()));
        }
        let unreachable = |error: &dyn std::fmt::Display| {
            NetFault::Unreachable(format!("the proxy {} cannot be reached: {error}", self.address))
        };
        let address = Url::parse(&self.address).map_err(|error| unreachable(&error))?;
        super::lane::dial(&address)
            .await
            .map_err(|error| unreachable(&error))
    }

    /// Asks for a way to where `url` points and gives it back unused. The client of small requests
    /// tells no more of a refusal than that there was one.
    pub(super) async fn ask(&self, url: &Url, within: Duration) -> Result<(), NetFault> {
        let asked = async {
            let mut stream = self.connect().await?;
            self.tunnel(&mut stream, url).await
        };
        tokio::time::timeout(within, asked).await.unwrap_or_else(|_| {
            let seconds = within.as_secs();
            let address = &self.address;
            Err(NetFault::Unreachable(format!(
                "the proxy {address} gave no way within {seconds} s"
            )))
        })
    }

    /// Asks the proxy at the other end of `stream` for a way to where `url` points.
    pub(super) async fn tunnel(
        &self,
        stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
        url: &Url,
    ) -> Result<(), NetFault> {
        let lost = |error: std::io::Error| NetFault::Unreachable(format!("the proxy went away: {error}"));
        stream.write_all(&self.request(url)).await.map_err(lost)?;
        stream.flush().await.map_err(lost)?;
        let mut answer = BytesMut::new();
        // The platform is silent until we speak to it, so nothing of it can follow the answer. A
        // refusal may have a body, which nobody reads.
        while !answer.windows(4).any(|end| end == b"\r\n\r\n") {
            if answer.len() > LONGEST_ANSWER_BYTES {
                return Err(NetFault::Unreachable(
                    "the proxy's answer does not end".to_owned(),
                ));
            }
            if stream.read_buf(&mut answer).await.map_err(lost)? == 0 {
                return Err(NetFault::Unreachable(
                    "the proxy closed the connection without an answer".to_owned(),
                ));
            }
        }
        match status(&answer) {
            Some(200..=299) => Ok(()),
            Some(407) => Err(self.wants_sign_in(&answer)),
            Some(status) => Err(NetFault::Unreachable(format!(
                "the proxy refused the way with {status}"
            ))),
            None => Err(NetFault::Unreachable(
                "what upload.proxy names is no HTTP proxy".to_owned(),
            )),
        }
    }

    fn request(&self, url: &Url) -> Vec<u8> {
        let host = url.host_str().unwrap_or_default();
        let port = url.port_or_known_default().unwrap_or(443);
        let mut ask = format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n").into_bytes();
        if let Some(Ok(sign_in)) = &self.sign_in {
            ask.extend_from_slice(b"Proxy-Authorization: ");
            ask.extend_from_slice(sign_in.as_bytes());
            ask.extend_from_slice(b"\r\n");
        }
        ask.extend_from_slice(b"\r\n");
        ask
    }

    /// What a 407 means, and who can mend it.
    fn wants_sign_in(&self, answer: &[u8]) -> NetFault {
        let (address, offered) = (&self.address, schemes(answer));
        // Without a word on how, Basic is worth a try.
        let takes_basic = offered.is_empty() || offered.contains(&"Basic");
        let (happened, advice) = if !takes_basic {
            (
                format!(
                    "The proxy {address} wants a sign-in by {} (407), and Lectern knows Basic alone.",
                    offered.join(" or ")
                ),
                "Ask the proxy's operator to take Basic from this machine, or to let it through without a sign-in.",
            )
        } else if self.sign_in.is_some() {
            (
                format!("The proxy {address} did not take the user and password that it was given (407)."),
                "Put the right user:password where upload.proxy_credential_file or upload.proxy_credential says.",
            )
        } else {
            (
                format!(
                    "The proxy {address} wants a user and a password (407), and none are configured for it."
                ),
                "Write user:password into a file of mode 0600 and name it in upload.proxy_credential_file, or have \
                 the proxy let this machine through.",
            )
        };
        NetFault::SignIn(Fault::refused(happened, advice))
    }
}

/// `user:password` as HTTP Basic.
fn basic(secret: &SecretString) -> Result<HeaderValue, Fault> {
    let text = secret.expose_secret();
    if !text.contains(':') || text.starts_with(':') || text.chars().any(char::is_control) {
        return Err(Fault::refused(
            "The credential of the proxy is not of the form user:password.",
            "Write it on one line, with a colon between the two, where upload.proxy_credential_file or \
             upload.proxy_credential says.",
        ));
    }
    let signed = SecretString::from(format!("Basic {}", STANDARD.encode(text)));
    let mut value = HeaderValue::from_str(signed.expose_secret()).map_err(|_| {
        Fault::refused(
            "The credential of the proxy cannot stand in a request.",
            "Renew it.",
        )
    })?;
    value.set_sensitive(true);
    Ok(value)
}

/// The number in `HTTP/1.1 200 …`.
fn status(answer: &[u8]) -> Option<u16> {
    let first = answer.split(|byte| *byte == b'\r').next()?;
    let mut words = std::str::from_utf8(first).ok()?.split(' ');
    words.next().filter(|word| word.starts_with("HTTP/1."))?;
    words.next()?.parse().ok()
}

/// The ways of signing in that an answer offers, each once; unknown ones as one that has no name.
fn schemes(answer: &[u8]) -> Vec<&'static str> {
    let head = String::from_utf8_lossy(answer);
    let head = head.split("\r\n\r\n").next().unwrap_or_default();
    let mut offered = Vec::new();
    for line in head.split("\r\n") {
        let Some((name, value)) = line.split_once(':') else {
            continue;
        };
        if !name.trim().eq_ignore_ascii_case("proxy-authenticate") {
            continue;
        }
        // A list has parameters between its commas: beyond its first word only a known one counts.
        let words = value.split(',').map(|part| part.trim().split(' ').next());
        for (place, word) in words.enumerate() {
            let word = word.unwrap_or_default();
            let known = KNOWN_SCHEMES
                .into_iter()
                .find(|known| known.eq_ignore_ascii_case(word));
            let unknown = (place == 0).then_some("a way without a common name");
            offered.extend(known.or(unknown).filter(|scheme| !offered.contains(scheme)));
        }
    }
    offered
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy(secret: Option<&str>) -> Proxy {
        Proxy {
            address: "http://proxy.example:3128".to_owned(),
            sign_in: secret.map(|secret| basic(&SecretString::from(secret))),
        }
    }

    async fn answered(by: &Proxy, answer: impl AsRef<[u8]>) -> (Result<(), NetFault>, String) {
        let (mut ours, mut theirs) = tokio::io::duplex(4096);
        let url = Url::parse("https://[2001:db8::1]/files/").unwrap();
        let asked = async {
            let mut asked = vec![0; 256];
            let read = theirs.read(&mut asked).await.unwrap();
            theirs.write_all(answer.as_ref()).await.unwrap();
            drop(theirs);
            String::from_utf8_lossy(&asked[..read]).into_owned()
        };
        tokio::join!(by.tunnel(&mut ours, &url), asked)
    }

    #[tokio::test]
    async fn a_proxy_is_asked_for_host_and_port_and_its_no_is_told() {
        let open = proxy(None);
        let (way, asked) = answered(&open, b"HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n").await;
        way.unwrap();
        assert_eq!(
            asked,
            "CONNECT [2001:db8::1]:443 HTTP/1.1\r\nHost: [2001:db8::1]:443\r\n\r\n"
        );
        for (answer, says) in [
            (&b"HTTP/1.0 403 Forbidden\r\n\r\n"[..], "refused the way with 403"),
            (b"SSH-2.0-x\r\n\r\n", "is no HTTP proxy"),
            (b"HTTP/1.1 200", "without an answer"),
        ] {
            let (way, _) = answered(&open, answer).await;
            assert!(
                matches!(&way, Err(NetFault::Unreachable(why)) if why.contains(says)),
                "{way:?}"
            );
        }
    }

    #[tokio::test]
    async fn p8_the_sign_in_is_basic_and_nothing_prints_it() {
        let signed = proxy(Some("Aladdin:open sesame"));
        let (way, asked) = answered(&signed, b"HTTP/1.1 200 x\r\n\r\n").await;
        way.unwrap();
        assert!(
            asked.ends_with("\r\nProxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n"),
            "{asked}"
        );
        let printed = format!("{signed:?} {:?}", signed.for_client().unwrap());
        assert!(
            !printed.contains("QWxhZGRpbjpvcGVuIHNlc2FtZQ") && !printed.contains("sesame"),
            "{printed}"
        );
        // A password may hold colons, and any script.
        assert!(basic(&SecretString::from("usuário:con:traseña")).is_ok());
        for bad in ["canary", ":canary", "canary:\ncanary"] {
            let fault = basic(&SecretString::from(bad)).unwrap_err();
            assert!(
                matches!(fault, Fault::Refused { .. }) && !fault.to_string().contains("canary"),
                "{fault}"
            );
        }
    }

    #[tokio::test]
    async fn a_proxy_that_wants_a_sign_in_says_how_and_people_hear_what_to_do() {
        let (open, signed) = (proxy(None), proxy(Some("user:canary")));
        for (by, offered, says, todo) in [
            (
                &open,
                "Basic realm=\"campus\"",
                "none are configured",
                "upload.proxy_credential_file",
            ),
            (&open, "", "none are configured", "upload.proxy_credential_file"),
            (
                &signed,
                "Basic realm=\"a, b\", NTLM",
                "did not take",
                "the right user:password",
            ),
            (
                &signed,
                "Negotiate\r\nProxy-Authenticate: NTLM",
                "by Negotiate or NTLM (407)",
                "take Basic",
            ),
            (
                &open,
                "Digest realm=\"Basic\", nonce=\"x\", qop=\"auth\"",
                "by Digest (407)",
                "take Basic",
            ),
            (
                &signed,
                "dXNlcjpjYW5hcnk=",
                "by a way without a common name",
                "take Basic",
            ),
        ] {
            let field = if offered.is_empty() {
                String::new()
            } else {
                format!("proxy-authenticate: {offered}\r\n")
            };
            let answer = format!("HTTP/1.1 407 x\r\n{field}Content-Length: 4\r\n\r\nbody");
            let (way, _) = answered(by, answer).await;
            let Err(NetFault::SignIn(Fault::Refused { happened, advice })) = way else {
                panic!("{offered}: {way:?}")
            };
            assert!(
                happened.contains(says) && advice.contains(todo),
                "{happened} {advice}"
            );
            assert!(!happened.contains("dXNlcj"), "{happened}");
        }
    }
}
