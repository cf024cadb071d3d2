//! Takes our own secrets out of an answer. A server or a proxy that somebody debugs may say back
//! what it was sent; what a server says is shown to people, logged and kept.

use bytes::Bytes;
use reqwest::header::{HeaderMap, HeaderValue};

use super::Reply;

/// What stands where a secret stood.
const HIDDEN: &[u8] = b"(hidden)";
/// Shorter ones would be found by chance.
const SHORTEST_BYTES: usize = 6;

/// The secrets of one request.
pub(super) struct Echo {
    secrets: Vec<HeaderValue>,
}

impl Echo {
    /// Those of headers that are marked as sensitive.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let secrets = headers.values().filter(|value| value.is_sensitive());
        Self {
            secrets: secrets.cloned().collect(),
        }
    }

    /// The answer without them.
    pub(super) fn hushed(&self, mut reply: Reply) -> Reply {
        for secret in &self.secrets {
            let said = secret.as_bytes();
            // What follows the way of signing in: `Bearer`, `Basic`.
            let from = said
                .iter()
                .position(|byte| *byte == b' ')
                .map_or(0, |space| space + 1);
            let Some(said) = said.get(from..).filter(|said| said.len() >= SHORTEST_BYTES) else {
                continue;
            };
            if let Some(body) = without(&reply.body, said) {
                reply.body = Bytes::from(body);
            }
            for value in reply.headers.values_mut() {
                if let Some(rest) = without(value.as_bytes(), said) {
                    *value = HeaderValue::from_bytes(&rest).unwrap_or(HeaderValue::from_static(""));
                }
            }
        }
        reply
    }
}

/// A text without a secret; `None` when it is not in it.
fn without(text: &[u8], secret: &[u8]) -> Option<Vec<u8>> {
    let mut rest = text;
    let mut out = Vec::new();
    while let Some(at) = rest.windows(secret.len()).position(|part| part == secret) {
        out.extend_from_slice(rest.get(..at)?);
        out.extend_from_slice(HIDDEN);
        rest = rest.get(at + secret.len()..)?;
    }
    (rest.len() < text.len()).then(|| [&out, rest].concat())
}

#[cfg(test)]
mod tests {
    use reqwest::StatusCode;
    use reqwest::header::{AUTHORIZATION, LOCATION};

    use super::*;

    fn hushed(said: &'static str, body: &'static str) -> Reply {
        let mut sent = HeaderMap::new();
        let mut value = HeaderValue::from_static(said);
        value.set_sensitive(true);
        sent.insert(AUTHORIZATION, value);
        let mut headers = HeaderMap::new();
        headers.insert(
            LOCATION,
            HeaderValue::from_static("/files/tok-en-1?again=tok-en-1"),
        );
        Echo::of(&sent).hushed(Reply {
            status: StatusCode::OK,
            headers,
            body: Bytes::from_static(body.as_bytes()),
        })
    }

    #[test]
    fn p8_a_secret_that_is_said_back_is_hidden_wherever_it_stands() {
        let reply = hushed("Bearer tok-en-1", "tok-en-1 is not tok-en-12");
        assert_eq!(reply.body, "(hidden) is not (hidden)2");
        assert_eq!(reply.headers[LOCATION], "/files/(hidden)?again=(hidden)");
    }

    #[test]
    fn what_is_no_secret_stays_as_it_was() {
        let reply = hushed("Bearer other-token", "tok-en-1");
        assert_eq!(reply.body, "tok-en-1");
        assert_eq!(hushed("Bearer e", "ee").body, "ee");
    }
}
