//! Signing in: HTTP Basic, or HTTP Digest (RFC 7616, MD5, `qop=auth`) as Opencast's system account
//! needs it.
//!
//! Opencast sends whoever is not known to its login page with a 302; a challenge is given only to
//! requests that bear `X-Requested-Auth: Digest`. A challenge holds for some seconds to minutes,
//! and a body that was sent under an old one was sent in vain: a new one is fetched before each
//! large body.

use std::fmt::Write;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::{Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lectern_domain::config::Auth;
use md5::{Digest as _, Md5};
use reqwest::Method;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, WWW_AUTHENTICATE};
use secrecy::{ExposeSecret, SecretString};

use crate::fault::Fault;
use crate::net::Reply;

const REQUESTED_AUTH: HeaderName = HeaderName::from_static("x-requested-auth");

/// Who signs in, and what the server gave for it. Secret inside: not printable.
pub(super) struct SignIn {
    auth: Auth,
    user: String,
    password: SecretString,
    challenge: Mutex<Option<Challenge>>,
}

/// What the server wants to be signed.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Challenge {
    realm: String,
    nonce: String,
    opaque: Option<String>,
    /// `qop=auth` was offered; the oldest form of Digest has none.
    counted: bool,
    /// The signature was right and the former challenge too old.
    stale: bool,
    /// Requests signed with this nonce.
    uses: u32,
}

/// What a 401 says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unsigned {
    /// It brings a challenge that can be answered.
    Challenged {
        /// Only the former challenge was too old.
        stale: bool,
    },
    /// It brings none.
    Refused,
}

impl SignIn {
    pub(super) fn new(auth: Auth, user: String, password: SecretString) -> Self {
        Self {
            auth,
            user,
            password,
            challenge: Mutex::new(None),
        }
    }

    /// Whether a large body needs a challenge of its own.
    pub(super) fn is_challenged(&self) -> bool {
        self.auth == Auth::Digest
    }

    /// The headers that sign a request. With Digest and without a challenge they only ask for one.
    pub(super) fn headers(&self, method: &Method, target: &str) -> Result<HeaderMap, Fault> {
        let mut headers = HeaderMap::new();
        let text = match self.auth {
            Auth::Basic => {
                let pair = SecretString::from(format!("{}:{}", self.user, self.password.expose_secret()));
                SecretString::from(format!("Basic {}", STANDARD.encode(pair.expose_secret())))
            }
            Auth::Digest => {
                headers.insert(REQUESTED_AUTH, HeaderValue::from_static("Digest"));
                let mut challenge = self.challenge.lock().unwrap_or_else(PoisonError::into_inner);
                let Some(challenge) = challenge.as_mut() else {
                    return Ok(headers);
                };
                challenge.uses += 1;
                SecretString::from(self.signed(challenge, method, target, &client_nonce()))
            }
        };
        let mut value = HeaderValue::from_bytes(text.expose_secret().as_bytes()).map_err(|_| {
            Fault::refused(
                "The platform's user or password holds characters that cannot stand in a request.",
                "Write the password alone into the credential, on one line.",
            )
        })?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
        Ok(headers)
    }

    /// Forgets the challenge, so that the next request asks for a new one.
    pub(super) fn forget(&self) {
        *self.challenge.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Takes the challenge of a 401.
    pub(super) fn learn(&self, reply: &Reply) -> Unsigned {
        if self.auth != Auth::Digest {
            return Unsigned::Refused;
        }
        let found = reply
            .headers
            .get_all(WWW_AUTHENTICATE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .find_map(Challenge::read);
        let unsigned = match &found {
            Some(challenge) => Unsigned::Challenged {
                stale: challenge.stale,
            },
            None => Unsigned::Refused,
        };
        *self.challenge.lock().unwrap_or_else(PoisonError::into_inner) = found;
        unsigned
    }

    fn signed(&self, challenge: &Challenge, method: &Method, target: &str, client_nonce: &str) -> String {
        let Challenge {
            realm,
            nonce,
            opaque,
            counted,
            uses,
            stale: _,
        } = challenge;
        let who = md5_of(&[&self.user, realm, self.password.expose_secret()]);
        let what = md5_of(&[method.as_str(), target]);
        let count = format!("{uses:08x}");
        let response = if *counted {
            md5_of(&[&who, nonce, &count, client_nonce, "auth", &what])
        } else {
            md5_of(&[&who, nonce, &what])
        };
        let mut text = format!(
            "Digest username={}, realm={}, nonce={}, uri={}, response=\"{response}\", algorithm=MD5",
            quoted(&self.user),
            quoted(realm),
            quoted(nonce),
            quoted(target),
        );
        if *counted {
            write!(text, ", qop=auth, nc={count}, cnonce=\"{client_nonce}\"")
                .expect("writing to a string cannot fail");
        }
        if let Some(opaque) = opaque {
            write!(text, ", opaque={}", quoted(opaque)).expect("writing to a string cannot fail");
        }
        text
    }
}

impl Challenge {
    /// Reads `Digest key="value", …`; `None` for another scheme or an algorithm beside MD5.
    fn read(text: &str) -> Option<Self> {
        let rest = text
            .get(..7)
            .filter(|scheme| scheme.eq_ignore_ascii_case("digest "))
            .map(|_| &text[7..])?;
        let fields = fields(rest);
        let field = |name: &str| {
            fields
                .iter()
                .find(|(key, _)| key.eq_ignore_ascii_case(name))
                .map(|(_, value)| value.clone())
        };
        if field("algorithm").is_some_and(|algorithm| !algorithm.eq_ignore_ascii_case("md5")) {
            return None;
        }
        Some(Self {
            realm: field("realm")?,
            nonce: field("nonce")?,
            opaque: field("opaque"),
            counted: field("qop").is_some_and(|qop| qop.split(',').any(|one| one.trim() == "auth")),
            stale: field("stale").is_some_and(|stale| stale.eq_ignore_ascii_case("true")),
            uses: 0,
        })
    }
}

/// Splits `a="b, c", d=e` into its pairs; a backslash in quotes takes the next character as it is.
fn fields(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut chars = text.chars().peekable();
    loop {
        let key: String = std::iter::from_fn(|| chars.next_if(|c| *c != '=')).collect();
        if chars.next().is_none() {
            return found;
        }
        let mut value = String::new();
        if chars.next_if_eq(&'"').is_some() {
            while let Some(c) = chars.next().filter(|c| *c != '"') {
                value.extend(if c == '\\' { chars.next() } else { Some(c) });
            }
            while chars.next_if(|c| *c != ',').is_some() {}
        } else {
            value.extend(std::iter::from_fn(|| chars.next_if(|c| *c != ',')));
        }
        chars.next();
        found.push((
            key.trim_matches([',', ' ', '\t']).to_owned(),
            value.trim().to_owned(),
        ));
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// MD5 of fields with colons between them, as Digest signs.
fn md5_of(fields: &[&str]) -> String {
    hex(&Md5::digest(fields.join(":")))
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a string cannot fail");
        text
    })
}

/// Not to be guessed before, not secret after: the random keys that the standard library draws.
fn client_nonce() -> String {
    format!("{:016x}", RandomState::new().build_hasher().finish())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use reqwest::StatusCode;

    use super::*;

    fn reply(challenge: &str) -> Reply {
        let mut headers = HeaderMap::new();
        headers.insert(WWW_AUTHENTICATE, challenge.parse().unwrap());
        Reply {
            status: StatusCode::UNAUTHORIZED,
            headers,
            body: Bytes::new(),
        }
    }

    #[test]
    fn the_example_of_the_standard_is_signed_as_printed_there() {
        let sign_in = SignIn::new(
            Auth::Digest,
            "Mufasa".to_owned(),
            "Circle Of Life".to_owned().into(),
        );
        let challenge = "Digest realm=\"testrealm@host.com\", qop=\"auth,auth-int\", \
                         nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", opaque=\"5ccc069c403ebaf9f0171e9517f40e41\"";
        let mut read = Challenge::read(challenge).unwrap();
        read.uses = 1;
        let signed = sign_in.signed(&read, &Method::GET, "/dir/index.html", "0a4f113b");
        assert!(
            signed.contains("response=\"6629fae49393a05397450978507c4ef1\""),
            "{signed}"
        );
        assert!(
            signed.contains("nc=00000001") && signed.contains("opaque=\"5ccc"),
            "{signed}"
        );
    }

    #[test]
    fn without_a_challenge_one_is_asked_for_and_then_answered() {
        let sign_in = SignIn::new(Auth::Digest, "agent".to_owned(), "secret".to_owned().into());
        let headers = sign_in.headers(&Method::GET, "/x").unwrap();
        assert_eq!(headers[REQUESTED_AUTH], "Digest");
        assert!(!headers.contains_key(AUTHORIZATION));
        let challenge = "Digest realm=\"Opencast, here\", qop=\"auth\", nonce=\"n\", stale=true";
        assert_eq!(
            sign_in.learn(&reply(challenge)),
            Unsigned::Challenged { stale: true }
        );
        let first = sign_in.headers(&Method::GET, "/x").unwrap();
        let text = first[AUTHORIZATION].to_str().unwrap();
        assert!(
            text.contains("realm=\"Opencast, here\"") && !text.contains("secret"),
            "{text}"
        );
        assert!(first[AUTHORIZATION].is_sensitive());
        let second = sign_in.headers(&Method::GET, "/x").unwrap();
        assert!(second[AUTHORIZATION].to_str().unwrap().contains("nc=00000002"));
        sign_in.forget();
        assert!(
            !sign_in
                .headers(&Method::GET, "/x")
                .unwrap()
                .contains_key(AUTHORIZATION)
        );
    }

    #[test]
    fn what_cannot_be_answered_is_not_taken_for_a_challenge() {
        for other in [
            "Basic realm=\"x\"",
            "Digest realm=\"x\"",
            "Digest",
            "",
            "Digest nonce=\"a\", realm=\"b\", algorithm=SHA-256",
        ] {
            assert_eq!(Challenge::read(other), None, "{other}");
        }
    }

    #[test]
    fn basic_is_sent_at_once_in_any_script() {
        let sign_in = SignIn::new(Auth::Basic, "usuário".to_owned(), "contraseña".to_owned().into());
        let headers = sign_in.headers(&Method::GET, "/").unwrap();
        let text = headers[AUTHORIZATION].to_str().unwrap();
        let decoded = STANDARD.decode(text.strip_prefix("Basic ").unwrap()).unwrap();
        assert_eq!(decoded, "usuário:contraseña".as_bytes());
        assert!(!sign_in.is_challenged());
        assert_eq!(
            sign_in.learn(&reply("Digest realm=\"x\", nonce=\"y\"")),
            Unsigned::Refused
        );
    }
}
