//! Small requests: ask, create, verify. Bodies are read up to a limit, redirects are not followed,
//! and the only proxy is the line's: the environment's would not carry the bytes.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Method, StatusCode};
use rustls::ClientConfig;
use tokio::sync::OnceCell;
use url::Url;

use super::echo::Echo;
use super::{Lane, Line, NetFault, Patience, Proxy, certificate, tls};
use crate::credential::{Bearer, Secrets};
use crate::fault::Fault;

/// No answer of a protocol is longer: a page of 1,000 parts of S3 has 300 KiB, the workflows of one
/// lecture at Opencast may have more. An error page may be longer.
pub(super) const LONGEST_REPLY_BYTES: usize = 4 * 1024 * 1024;
/// What a server may ask us to wait at most.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(24 * 3600);

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// What a look at a server shows, whatever it answers.
#[derive(Debug, Default)]
pub(crate) struct Look {
    pub(crate) headers: HeaderMap,
    /// When its certificate ends; `None` without TLS.
    pub(crate) certificate_ends: Option<jiff::Timestamp>,
}

impl Reply {
    /// A header as text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// A header as a whole number.
    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        self.header(name).and_then(|text| text.trim().parse().ok())
    }

    /// What `Retry-After` asks for, as seconds or as a date.
    pub(crate) fn retry_after(&self, now: jiff::Timestamp) -> Option<Duration> {
        let text = self.header(RETRY_AFTER.as_str())?.trim();
        let after = match text.parse() {
            Ok(seconds) => Duration::from_secs(seconds),
            Err(_) => {
                let at = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
                Duration::try_from(at.duration_since(now)).unwrap_or(Duration::ZERO)
            }
        };
        Some(after.min(LONGEST_RETRY_AFTER))
    }
}

/// The client of one platform, for one run.
pub(crate) struct Control {
    client: reqwest::Client,
    tls: Arc<ClientConfig>,
    bearer: Option<Bearer>,
    /// The only place that the credential is sent to.
    home: url::Origin,
    patience: Patience,
    line: Arc<Line>,
    proxy: Option<Proxy>,
    /// Whether the proxy has given a way in this run.
    let_through: OnceCell<()>,
}

impl Control {
    /// Builds the client of what is at `url`; all its connections go over `line`, whose proxy's
    /// credential is among `secrets`. Blocks for reading certificates and that from the disk.
    pub(crate) fn new(
        url: &Url,
        ca_file: Option<&Path>,
        bearer: Option<Bearer>,
        patience: Patience,
        line: Arc<Line>,
        secrets: &Secrets,
    ) -> Result<Self, Fault> {
        let tls = if url.scheme() == "https" {
            tls::client_config(ca_file)?
        } else {
            tls::trusting_nobody()
        };
        let mut client = reqwest::Client::builder().no_proxy();
        let proxy = Proxy::of(line.rules(), secrets);
        if let Some(proxy) = &proxy {
            client = client.proxy(proxy.for_client()?);
        }
        let client = client
            .tls_backend_preconfigured(ClientConfig::clone(&tls))
            .tls_info(true)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(super::lane::AGENT)
            .connect_timeout(patience.connect)
            .timeout(patience.reply)
            .build()
            .map_err(|error| {
                Fault::person(
                    format!("The network client cannot be set up: {error}."),
                    "This is a fault in Lectern: please report it with this text.",
                )
            })?;
        Ok(Self {
            client,
            tls,
            bearer,
            home: url.origin(),
            patience,
            line,
            proxy,
            let_through: OnceCell::new(),
        })
    }

    /// Sends one request without a body and reads its answer.
    pub(crate) async fn request(
        &self,
        method: Method,
        url: &Url,
        headers: HeaderMap,
    ) -> Result<Reply, NetFault> {
        self.request_with(method, url, headers, Bytes::new()).await
    }

    /// Sends one request with a small body, or none if it is empty, and reads its answer.
    pub(crate) async fn request_with(
        &self,
        method: Method,
        url: &Url,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Reply, NetFault> {
        self.pass_proxy(url).await?;
        let mut request = reqwest::Request::new(method, url.clone());
        *request.headers_mut() = headers;
        if !body.is_empty() {
            *request.body_mut() = Some(body.into());
        }
        if let Some(value) = self.authorization(url) {
            request.headers_mut().insert(AUTHORIZATION, value);
        }
        let echo = Echo::of(request.headers());
        self.line.count(length(&request));
        let reply = self.client.execute(request).await.map_err(|error| {
            if error.is_timeout() && !error.is_connect() {
                NetFault::NoReply(format!("no answer within {} s", self.patience.reply.as_secs()))
            } else {
                NetFault::of(&error, error.is_connect())
            }
        })?;
        let (status, headers) = (reply.status(), reply.headers().clone());
        let body = Limited::new(reqwest::Body::from(reply), LONGEST_REPLY_BYTES)
            .collect()
            .await
            .map(http_body_util::Collected::to_bytes)
            .map_err(|error| NetFault::NoReply(super::innermost(&*error)))?;
        Ok(echo.hushed(Reply {
            status,
            headers,
            body,
        }))
    }

    /// Asks for the head of `url` without signing in.
    pub(crate) async fn look(&self, url: &Url) -> Result<Look, NetFault> {
        self.pass_proxy(url).await?;
        let request = reqwest::Request::new(Method::HEAD, url.clone());
        self.line.count(length(&request));
        let reply = self
            .client
            .execute(request)
            .await
            .map_err(|error| NetFault::of(&error, error.is_connect()))?;
        let certificate = reply.extensions().get::<reqwest::tls::TlsInfo>();
        let certificate = certificate.and_then(reqwest::tls::TlsInfo::peer_certificate);
        Ok(Look {
            certificate_ends: certificate.and_then(certificate::ends),
            headers: reply.headers().clone(),
        })
    }

    /// Opens a connection of our own to where `url` points.
    pub(crate) async fn lane(&self, url: &Url) -> Result<Lane, NetFault> {
        Lane::open(url, &self.tls, self.patience, &self.line, self.proxy.as_ref()).await
    }

    /// Before the first request of a run, asks the proxy whether it gives a way: only to us it says
    /// how it wants to be signed in to.
    async fn pass_proxy(&self, url: &Url) -> Result<(), NetFault> {
        let Some(proxy) = self.proxy.as_ref().filter(|_| url.scheme() == "https") else {
            return Ok(());
        };
        let asked = self
            .let_through
            .get_or_try_init(|| proxy.ask(url, self.patience.connect));
        asked.await.copied()
    }

    /// The credential, if `url` is where it belongs.
    pub(crate) fn authorization(&self, url: &Url) -> Option<HeaderValue> {
        let bearer = self.bearer.as_ref()?;
        (url.origin() == self.home).then(|| bearer.0.clone())
    }

    pub(crate) fn patience(&self) -> Patience {
        self.patience
    }
}

/// What a request weighs on the line, nearly: its head as HTTP/1.1 writes it, and its body.
fn length(request: &reqwest::Request) -> u64 {
    let body = request
        .body()
        .and_then(reqwest::Body::as_bytes)
        .map_or(0, <[u8]>::len);
    let fields = request.headers().iter();
    let head: usize = fields
        .map(|(name, value)| name.as_str().len() + value.len() + 4)
        .sum();
    (request.url().as_str().len() + head + body) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asks(value: &str) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, value.parse().unwrap());
        let now = "2026-11-21T10:00:00Z".parse().unwrap();
        Reply {
            status: StatusCode::SERVICE_UNAVAILABLE,
            headers,
            body: Bytes::new(),
        }
        .retry_after(now)
    }

    #[test]
    fn retry_after_is_read_as_seconds_and_as_a_date_and_never_trusted_beyond_a_day() {
        assert_eq!(asks("7"), Some(Duration::from_secs(7)));
        assert_eq!(
            asks("Sat, 21 Nov 2026 10:02:00 GMT"),
            Some(Duration::from_secs(120))
        );
        assert_eq!(asks("Sat, 21 Nov 2026 09:00:00 GMT"), Some(Duration::ZERO));
        assert_eq!(asks("99999999"), Some(LONGEST_RETRY_AFTER));
        assert_eq!(asks("soon"), None);
    }
}
