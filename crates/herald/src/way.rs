//! The way to one who is told, whatever its kind: sends a notice, or looks whether it could.

use std::time::Duration;

use lectern_domain::config::{Notify, NotifyKind};
use secrecy::SecretString;
use tokio::time::timeout;

use crate::fault::Fault;
use crate::journal::ReadSecret;
use crate::mail::Mail;
use crate::notice::Notice;
use crate::proxy::Proxy;
use crate::webhook::Webhook;

/// For one notice in all, names, connections and answers.
pub(crate) const SENT_WITHIN: Duration = Duration::from_secs(60);

/// One who is told, with what is needed to reach him.
#[derive(Clone, Debug)]
pub(crate) struct Way {
    pub(crate) target: Notify,
    pub(crate) secrets: ReadSecret,
    /// For https only, as for uploads.
    pub(crate) proxy: Option<Proxy>,
}

impl Way {
    /// Sends a notice that is there as JSON; gives up after `within`. Certificates and secrets are
    /// read anew, so that renewed ones need no restart.
    pub(crate) async fn send(&self, body: &str, now_unix_ms: i64, within: Duration) -> Result<(), Fault> {
        self.hurry(within, async {
            match &self.target.kind {
                NotifyKind::Webhook { url } => {
                    let webhook = self.webhook(url)?;
                    webhook.post(&self.needed_secret()?, now_unix_ms, body).await
                }
                NotifyKind::Smtp { .. } => {
                    let notice: Notice = serde_json::from_str(body).map_err(|error| {
                        Fault::new(
                            format!("A notice of an earlier version cannot be read: {error}."),
                            "Nothing is to be done: it is given up after a day.",
                        )
                    })?;
                    let password = self.secret()?;
                    match self.mail() {
                        Some(mail) => mail.send(password.as_ref(), &notice).await,
                        None => Ok(()),
                    }
                }
            }
        })
        .await
    }

    /// Looks whether it could be reached, without telling anything.
    pub(crate) async fn look(&self, within: Duration) -> Result<(), Fault> {
        self.hurry(within, async {
            match &self.target.kind {
                NotifyKind::Webhook { url } => {
                    self.needed_secret()?;
                    self.webhook(url)?.look().await
                }
                NotifyKind::Smtp { .. } => {
                    let password = self.secret()?;
                    match self.mail() {
                        Some(mail) => mail.look(password.as_ref()).await,
                        None => Ok(()),
                    }
                }
            }
        })
        .await
    }

    async fn hurry(
        &self,
        within: Duration,
        work: impl Future<Output = Result<(), Fault>>,
    ) -> Result<(), Fault> {
        let late = || Fault::slow(self.target.name.as_str(), within.as_secs());
        timeout(within, work).await.unwrap_or_else(|_| Err(late()))
    }

    fn webhook(&self, url: &str) -> Result<Webhook, Fault> {
        let proxy = self.proxy.as_ref().filter(|_| url.starts_with("https:"));
        let proxy = proxy.map(|proxy| proxy.open(&self.secrets));
        Webhook::new(url, self.target.ca_file.as_deref(), proxy.transpose()?)
    }

    fn mail(&self) -> Option<Mail<'_>> {
        match &self.target.kind {
            NotifyKind::Webhook { .. } => None,
            NotifyKind::Smtp {
                server,
                port,
                tls,
                user,
                from,
                to,
            } => Some(Mail {
                server,
                port: *port,
                tls: *tls,
                user: user.as_deref(),
                from,
                to,
                ca_file: self.target.ca_file.as_deref(),
            }),
        }
    }

    fn secret(&self) -> Result<Option<SecretString>, Fault> {
        let read = |credential| self.secrets.read(credential).map_err(|why| Fault::new(why, ""));
        self.target.credential.as_ref().map(read).transpose()
    }

    fn needed_secret(&self) -> Result<SecretString, Fault> {
        self.secret()?.ok_or_else(|| {
            Fault::new(
                "There is no secret to sign with.",
                "Give this [[notify]] a credential or credential_file.",
            )
        })
    }
}
