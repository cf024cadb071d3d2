//! Sends a notice as a mail.

use std::path::Path;
use std::time::Duration;

use lectern_domain::config::MailTls;
use lettre::message::header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Mailboxes};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use secrecy::{ExposeSecret, SecretString};

use crate::fault::{Fault, innermost};
use crate::notice::Notice;
use crate::trust;

/// For each answer of the server.
const ANSWERS_WITHIN: Duration = Duration::from_secs(15);

/// A mail server, and who writes to whom.
pub(crate) struct Mail<'a> {
    pub(crate) server: &'a str,
    pub(crate) port: u16,
    pub(crate) tls: MailTls,
    pub(crate) user: Option<&'a str>,
    pub(crate) from: &'a str,
    pub(crate) to: &'a [String],
    pub(crate) ca_file: Option<&'a Path>,
}

type Transport = AsyncSmtpTransport<Tokio1Executor>;

impl Mail<'_> {
    /// Sends one mail to all of them; `Ok` means that the server has taken it.
    pub(crate) async fn send(&self, password: Option<&SecretString>, notice: &Notice) -> Result<(), Fault> {
        let message = self.message(notice)?;
        let sent = self.transport(password)?.send(message).await;
        sent.map(drop).map_err(|error| self.fault(&error))
    }

    /// Connects, signs in, and leaves without a mail.
    pub(crate) async fn look(&self, password: Option<&SecretString>) -> Result<(), Fault> {
        let answer = self.transport(password)?.test_connection().await;
        match answer {
            Ok(true) => Ok(()),
            Ok(false) => Err(Fault::new(
                format!("{} takes no mail at the moment.", self.server),
                "Look at the mail server's log.",
            )),
            Err(error) => Err(self.fault(&error)),
        }
    }

    fn transport(&self, password: Option<&SecretString>) -> Result<Transport, Fault> {
        let tls = match self.tls {
            MailTls::None => Tls::None,
            MailTls::Starttls => Tls::Required(self.parameters()?),
            MailTls::Implicit => Tls::Wrapper(self.parameters()?),
        };
        // Named so because it begins without TLS; what is set here is all that counts.
        let mut transport = Transport::builder_dangerous(self.server)
            .port(self.port)
            .tls(tls)
            .timeout(Some(ANSWERS_WITHIN));
        if let (Some(user), Some(password)) = (self.user, password) {
            let password = password.expose_secret().to_owned();
            transport = transport.credentials(Credentials::new(user.to_owned(), password));
        }
        Ok(transport.build())
    }

    fn parameters(&self) -> Result<TlsParameters, Fault> {
        let mut parameters = TlsParameters::builder(self.server.to_owned());
        if let Some(path) = self.ca_file {
            let pem = std::fs::read(path).map_err(|error| trust::unusable(path, &error.to_string()))?;
            let certificate =
                Certificate::from_pem(&pem).map_err(|error| trust::unusable(path, &innermost(&error)))?;
            parameters = parameters.add_root_certificate(certificate);
        }
        parameters.build_rustls().map_err(|error| {
            Fault::new(
                format!("TLS cannot be set up: {}.", innermost(&error)),
                "Install the package ca-certificates, and check server and ca_file.",
            )
        })
    }

    fn message(&self, notice: &Notice) -> Result<Message, Fault> {
        let address = |text: &str| {
            text.parse::<Mailbox>().map_err(|error| {
                Fault::new(
                    format!("{text:?} is not an address for mail: {error}."),
                    "Mend from and to in this [[notify]].",
                )
            })
        };
        let to: Mailboxes = self
            .to
            .iter()
            .map(|to| address(to))
            .collect::<Result<Vec<_>, _>>()?
            .into();
        let host = self.from.rsplit_once('@').map_or("localhost", |(_, host)| host);
        let built = Message::builder()
            .from(address(self.from)?)
            .mailbox(lettre::message::header::To::from(to))
            .subject(notice.title.replace(['\r', '\n'], " "))
            // The same id each time: a mail program shows it once, however often it was sent.
            .message_id(Some(format!("<{}@{host}>", notice.id)))
            .date(std::time::UNIX_EPOCH + Duration::from_millis(notice.at_unix_ms.unsigned_abs()))
            .header(ContentType::TEXT_PLAIN)
            .header(ContentTransferEncoding::Base64)
            // RFC 3834: nobody's out-of-office answers it.
            .raw_header(automatic("Auto-Submitted", "auto-generated"))
            .raw_header(automatic("Content-Language", &notice.language))
            .body(notice.text.replace('\n', "\r\n"));
        built.map_err(|error| {
            Fault::new(
                format!("The mail cannot be written: {error}."),
                "This is a fault in Lectern: please report it with this text.",
            )
        })
    }

    fn fault(&self, error: &lettre::transport::smtp::Error) -> Fault {
        let server = self.server;
        if error.is_permanent() || error.is_transient() {
            let todo = "Check user and credential, from and to, and the mail server's log.";
            // Not its words: they may repeat what it was given, the password as well.
            let code = error
                .status()
                .map_or_else(String::new, |code| format!(" with {code}"));
            return Fault::new(format!("{server} refused the mail{code}."), todo);
        }
        let why = innermost(error);
        Fault::new(
            format!("{server} cannot be reached: {why}."),
            "Check server, port, tls and the network; a certificate authority of its own goes into ca_file.",
        )
    }
}

fn automatic(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}
