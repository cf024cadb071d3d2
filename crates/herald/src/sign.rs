//! The signature of what a webhook gets: HMAC-SHA256 over the time and the body, so that a
//! receiver knows who wrote it and that nobody sends an old one again.

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

/// The header: `t=SECONDS,v1=HEX`. A receiver computes HMAC-SHA256 of `SECONDS.BODY` with the
/// shared secret, compares in constant time, and refuses a `t` more than five minutes from now.
pub const SIGNATURE_HEADER: &str = "lectern-signature";

/// The header's value for a body that is sent at a moment, in seconds since 1970.
#[must_use]
pub fn signature(secret: &SecretString, at_unix_s: i64, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes())
        .expect("HMAC takes a key of any length");
    mac.update(at_unix_s.to_string().as_bytes());
    mac.update(b".");
    mac.update(body);
    let hex: String = mac
        .finalize()
        .into_bytes()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("t={at_unix_s},v1={hex}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed with `printf '1700000000.{}' | openssl dgst -sha256 -hmac secret`.
    #[test]
    fn it_is_what_every_other_program_computes() {
        let secret = SecretString::from("secret");
        let other = "b8569b78799ff9e3cbff0fc2d63a33a2b57f3282abd07c37ae5e8e7d79a5f163";
        assert_eq!(
            signature(&secret, 1_700_000_000, b"{}"),
            format!("t=1700000000,v1={other}")
        );
    }
}
