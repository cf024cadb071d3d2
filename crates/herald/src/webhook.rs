//! Posts a notice to a webhook, signed.

use std::path::Path;
use std::time::Duration;

use reqwest::{Client, Method, StatusCode, redirect};
use secrecy::SecretString;

use crate::fault::{Fault, innermost};
use crate::sign::{SIGNATURE_HEADER, signature};
use crate::{proxy, trust};

const AGENT: &str = concat!("lectern/", env!("CARGO_PKG_VERSION"));
const CONNECTS_WITHIN: Duration = Duration::from_secs(10);

/// A webhook.
pub(crate) struct Webhook {
    client: Client,
    url: String,
}

impl Webhook {
    /// Does not connect yet. Reads certificates from the disk.
    pub(crate) fn new(
        url: &str,
        ca_file: Option<&Path>,
        proxy: Option<reqwest::Proxy>,
    ) -> Result<Self, Fault> {
        let broken = |error: reqwest::Error| {
            Fault::new(
                format!("The network client cannot be set up: {}.", innermost(&error)),
                "Check ca_file.",
            )
        };
        let mut client = Client::builder()
            .no_proxy()
            .tls_backend_preconfigured(trust::client_config(ca_file)?)
            .redirect(redirect::Policy::none())
            .user_agent(AGENT)
            .connect_timeout(CONNECTS_WITHIN);
        if let Some(proxy) = proxy {
            client = client.proxy(proxy);
        }
        Ok(Self {
            client: client.build().map_err(broken)?,
            url: url.to_owned(),
        })
    }

    /// Sends a body; `Ok` means that the receiver answered 2xx. The answer's body is not read.
    pub(crate) async fn post(
        &self,
        secret: &SecretString,
        now_unix_ms: i64,
        body: &str,
    ) -> Result<(), Fault> {
        let request = self
            .client
            .request(Method::POST, &self.url)
            .header(reqwest::header::CONTENT_TYPE, "application/json")
            .header(
                SIGNATURE_HEADER,
                signature(secret, now_unix_ms / 1_000, body.as_bytes()),
            )
            .body(body.to_owned());
        let reply = request.send().await.map_err(|error| self.unreachable(&error))?;
        judge(reply.status())
    }

    /// Whether it answers at all, and with a certificate that is trusted.
    pub(crate) async fn look(&self) -> Result<(), Fault> {
        let request = self.client.request(Method::HEAD, &self.url);
        let answer = request.send().await;
        answer.map(drop).map_err(|error| self.unreachable(&error))
    }

    fn unreachable(&self, error: &reqwest::Error) -> Fault {
        // The address may carry a key in its path or query: it is said by its host alone.
        let host = error
            .url()
            .and_then(|url| url.host_str())
            .unwrap_or("The webhook");
        let why = innermost(error);
        if proxy::wants_sign_in(&why) {
            return proxy::refused(host);
        }
        Fault::new(
            format!("{host} cannot be reached: {why}."),
            "Check url, the network and its certificate; an authority of its own goes into ca_file.",
        )
    }
}

fn judge(status: StatusCode) -> Result<(), Fault> {
    let todo = match status {
        status if status.is_success() => return Ok(()),
        status if status.is_redirection() => "Write the address to which it redirects into url.",
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            "Check that both sides have the same secret and the right time."
        }
        StatusCode::NOT_FOUND | StatusCode::GONE | StatusCode::METHOD_NOT_ALLOWED => "Check url.",
        _ => "Look at the receiver's log.",
    };
    Err(Fault::new(format!("The webhook answered {status}."), todo))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_success_counts_as_taken() {
        for (status, taken) in [
            (200, true),
            (204, true),
            (301, false),
            (401, false),
            (404, false),
            (500, false),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(judge(status).is_ok(), taken, "{status}");
        }
    }
}
