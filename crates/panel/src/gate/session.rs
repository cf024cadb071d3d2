//! Signed cookies: who signed in stays so when the daemon starts again, and nothing about it is
//! stored here. A cookie holds who it is and until when; its signature also covers the secret
//! that was given, so that a changed PIN or token ends the sessions that it opened.

use std::fmt;

use axum::http::{HeaderMap, HeaderValue, header};
use hmac::digest::KeyInit;
use hmac::{Hmac, Mac};
use secrecy::{ExposeSecret, SecretBox, SecretString};
use sha2::Sha256;

/// The cookie's name on an unencrypted connection, which only the podium itself has.
const NAME: &str = "lectern-session";
/// And over TLS, where the prefix makes browsers refuse one that another host or path has set.
const SECURE_NAME: &str = "__Host-lectern-session";
/// Signatures of this kind are of no use for anything else.
const PURPOSE: &[u8] = b"lectern panel session 1\0";

/// What sessions are signed with: 32 random bytes that the daemon keeps. The default signs
/// nothing that anybody accepts, because there is no secret to sign in with beside it.
#[derive(Clone)]
pub struct SessionKey(std::sync::Arc<SecretBox<[u8; 32]>>);

impl SessionKey {
    /// From random bytes.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(std::sync::Arc::new(SecretBox::new(Box::new(bytes))))
    }
}

impl Default for SessionKey {
    fn default() -> Self {
        Self::new([0; 32])
    }
}

impl fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionKey(…)")
    }
}

/// A cookie's words, not yet believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Claim {
    /// Whose secret was given: a token's name, or [`super::permit::PODIUM`].
    pub(super) who: String,
    /// Until when it holds, in seconds since 1970.
    pub(super) until_unix_s: u64,
    signature: Vec<u8>,
}

impl Claim {
    /// What the request's cookie says, if it has a well-formed one.
    pub(super) fn of(headers: &HeaderMap, secure: bool) -> Option<Self> {
        let name = if secure { SECURE_NAME } else { NAME };
        let value = headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|cookies| cookies.to_str().ok())
            .flat_map(|cookies| cookies.split(';'))
            .find_map(|cookie| cookie.trim().strip_prefix(name)?.strip_prefix('='))?;
        let mut parts = value.splitn(3, '.');
        let (until, who, signature) = (parts.next()?, parts.next()?, parts.next()?);
        Some(Self {
            who: who.to_owned(),
            until_unix_s: until.parse().ok()?,
            signature: from_hex(signature)?,
        })
    }

    /// Whether it was signed here, for this secret, and is not over.
    pub(super) fn holds(&self, key: &SessionKey, secret: &SecretString, now_unix_s: u64) -> bool {
        self.until_unix_s > now_unix_s
            && mac(key, &self.who, self.until_unix_s, secret)
                .verify_slice(&self.signature)
                .is_ok()
    }
}

/// The `Set-Cookie` of a session.
pub(super) fn cookie(
    key: &SessionKey,
    who: &str,
    secret: &SecretString,
    now_unix_s: u64,
    lasts_s: u64,
    secure: bool,
) -> HeaderValue {
    let until = now_unix_s.saturating_add(lasts_s);
    let signature = to_hex(&mac(key, who, until, secret).finalize().into_bytes());
    set(&format!("{until}.{who}.{signature}"), lasts_s, secure)
}

/// The `Set-Cookie` that ends a session.
pub(super) fn no_cookie(secure: bool) -> HeaderValue {
    set("", 0, secure)
}

fn set(value: &str, lasts_s: u64, secure: bool) -> HeaderValue {
    let (name, secure) = if secure {
        (SECURE_NAME, "; Secure")
    } else {
        (NAME, "")
    };
    let text = format!("{name}={value}; Path=/; Max-Age={lasts_s}; HttpOnly; SameSite=Strict{secure}");
    let mut header = HeaderValue::from_str(&text).expect("names, digits and hexadecimals are visible ASCII");
    header.set_sensitive(true);
    header
}

/// Whether two secrets are the same, in a time that does not tell where they differ.
pub(super) fn same(key: &SessionKey, given: &SecretString, secret: &SecretString) -> bool {
    let of = |text: &SecretString| seal(key).chain_update(text.expose_secret());
    of(secret)
        .verify_slice(&of(given).finalize().into_bytes())
        .is_ok()
}

fn mac(key: &SessionKey, who: &str, until_unix_s: u64, secret: &SecretString) -> Hmac<Sha256> {
    // Neither a number nor a name has a zero in it, so no two inputs run into one another.
    seal(key)
        .chain_update(PURPOSE)
        .chain_update(until_unix_s.to_string())
        .chain_update([0])
        .chain_update(who)
        .chain_update([0])
        .chain_update(secret.expose_secret())
}

fn seal(key: &SessionKey) -> Hmac<Sha256> {
    Hmac::new_from_slice(key.0.expose_secret()).expect("a key of any length will do")
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u32>> = text.chars().map(|digit| digit.to_digit(16)).collect();
    digits?
        .chunks(2)
        .map(|pair| match pair {
            [high, low] => u8::try_from(high << 4 | low).ok(),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_795_251_600;

    fn claim(cookie: &HeaderValue, secure: bool) -> Option<Claim> {
        let pair = cookie.to_str().unwrap().split(';').next().unwrap().to_owned();
        let mut headers = HeaderMap::new();
        headers.insert(
            header::COOKIE,
            format!("lectern-language=fr; {pair}").parse().unwrap(),
        );
        Claim::of(&headers, secure)
    }

    #[test]
    fn a_session_holds_for_its_time_its_secret_and_its_key_alone() {
        let (key, secret) = (SessionKey::new([7; 32]), SecretString::from("2468"));
        let cookie = cookie(&key, "podium", &secret, NOW, 60, false);
        let good = claim(&cookie, false).unwrap();
        assert!(good.holds(&key, &secret, NOW + 59));
        assert!(!good.holds(&key, &secret, NOW + 60), "over");
        assert!(!good.holds(&key, &SecretString::from("1357"), NOW), "another PIN");
        assert!(
            !good.holds(&SessionKey::new([8; 32]), &secret, NOW),
            "another key"
        );
        let forged = Claim {
            who: "admin".into(),
            ..good.clone()
        };
        assert!(!forged.holds(&key, &secret, NOW));
        let longer = Claim {
            until_unix_s: NOW + 9999,
            ..good.clone()
        };
        assert!(!longer.holds(&key, &secret, NOW));
        let cut = Claim {
            signature: good.signature[..31].to_vec(),
            ..good
        };
        assert!(!cut.holds(&key, &secret, NOW));
        assert_eq!(claim(&cookie, true), None, "TLS wants the __Host- one");
    }

    #[test]
    fn cookies_are_out_of_reach_of_scripts_and_other_sites() {
        let (key, secret) = (SessionKey::new([7; 32]), SecretString::from("2468"));
        let cookie = cookie(&key, "operations", &secret, NOW, 60, true);
        let text = cookie.to_str().unwrap();
        assert!(text.starts_with("__Host-lectern-session="), "{text}");
        assert!(
            text.ends_with("; Path=/; Max-Age=60; HttpOnly; SameSite=Strict; Secure"),
            "{text}"
        );
        assert!(cookie.is_sensitive() && !text.contains("2468"), "{text}");
        assert!(claim(&cookie, true).unwrap().holds(&key, &secret, NOW));
    }

    proptest::proptest! {
        #[test]
        fn no_cookie_makes_the_reader_panic(text in "[ -~]{0,120}") {
            let mut headers = HeaderMap::new();
            headers.insert(header::COOKIE, format!("{NAME}={text}").parse().unwrap());
            let claim = Claim::of(&headers, false);
            let held = claim.is_some_and(|c| c.holds(&SessionKey::default(), &SecretString::from("x"), 0));
            proptest::prop_assert!(!held);
        }
    }

    #[test]
    fn secrets_are_compared_whole() {
        let key = SessionKey::default();
        let is = |a: &str, b: &str| same(&key, &SecretString::from(a), &SecretString::from(b));
        assert!(is("2468", "2468"));
        assert!(!is("2468", "246") && !is("", "2468") && !is("2469", "2468"));
    }
}
