//! The proxy of `[upload]`, which webhooks go through too: where it is, and how it is signed in to.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lectern_domain::config::Credential;
use lectern_domain::upload::Upload;
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};

use crate::fault::{Fault, innermost};
use crate::journal::ReadSecret;

/// A proxy as the configuration names it.
#[derive(Clone, Debug)]
pub(crate) struct Proxy {
    address: String,
    credential: Option<Credential>,
}

impl Proxy {
    pub(crate) fn of(upload: &Upload) -> Option<Self> {
        Some(Self {
            address: upload.proxy.clone()?,
            credential: upload.proxy_credential.clone(),
        })
    }

    /// For https alone; with its sign-in, which stands in the request for a way and nowhere else.
    /// Blocks for one small file.
    pub(crate) fn open(&self, secrets: &ReadSecret) -> Result<reqwest::Proxy, Fault> {
        let proxy = reqwest::Proxy::https(&self.address).map_err(|error| {
            Fault::new(
                format!(
                    "The proxy {} cannot be used: {}.",
                    self.address,
                    innermost(&error)
                ),
                "Write upload.proxy as \"http://host:port\".",
            )
        })?;
        let Some(credential) = &self.credential else {
            return Ok(proxy);
        };
        let secret = secrets.read(credential).map_err(|why| Fault::new(why, ""))?;
        let text = secret.expose_secret();
        if !text.contains(':') || text.starts_with(':') || text.chars().any(char::is_control) {
            return Err(malformed());
        }
        let signed = SecretString::from(format!("Basic {}", STANDARD.encode(text)));
        let mut value = HeaderValue::from_str(signed.expose_secret()).map_err(|_| malformed())?;
        value.set_sensitive(true);
        Ok(proxy.custom_http_auth(value))
    }
}

fn malformed() -> Fault {
    Fault::new(
        "The credential of the proxy is not of the form user:password.",
        "Write it on one line where upload.proxy_credential_file or upload.proxy_credential says.",
    )
}

/// Whether this is the client's word for a proxy's 407; it has no type of its own.
pub(crate) fn wants_sign_in(why: &str) -> bool {
    why.contains("proxy authorization required")
}

/// What to say of a 407 on the way to a webhook.
pub(crate) fn refused(host: &str) -> Fault {
    Fault::new(
        format!(
            "{host} cannot be reached: the proxy wants a user and a password, or did not take those it got."
        ),
        "Write the right user:password where upload.proxy_credential_file says; Lectern knows Basic alone.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(text: &'static str) -> Result<reqwest::Proxy, Fault> {
        let upload = Upload {
            proxy: Some("http://proxy.example:3128".to_owned()),
            proxy_credential: Some(Credential::Name("proxy-user".to_owned())),
            ..Upload::default()
        };
        let secrets = ReadSecret::new(move |_| Ok(SecretString::from(text)));
        Proxy::of(&upload).unwrap().open(&secrets)
    }

    #[test]
    fn p8_the_sign_in_of_the_proxy_is_not_printed() {
        let printed = format!("{:?}", opened("user:canary").unwrap());
        assert!(
            !printed.contains("canary") && !printed.contains("dXNlcjpjYW5hcnk"),
            "{printed}"
        );
        for bad in ["canary", ":canary", "user:canary\ncanary"] {
            let fault = opened(bad).unwrap_err();
            assert!(
                fault.what.contains("user:password") && !fault.what.contains("canary"),
                "{}",
                fault.what
            );
        }
        assert!(Proxy::of(&Upload::default()).is_none());
    }
}
