//! One connection: SMTP (RFC 5321) with STARTTLS (3207) and AUTH (4954), line by line.

use std::io;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::ServerConfig;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::{Court, MailLine, MailMisdeed, TakenMail};

/// The longest line of RFC 5321, its end included.
const LONGEST_LINE: usize = 1_000;
/// What a mail must have, each once (RFC 5322 and good manners).
const FIELDS: [&str; 5] = ["from", "to", "date", "message-id", "subject"];

trait Line: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Line for S {}

struct Talk<'a> {
    court: &'a Court,
    misdeed: Option<MailMisdeed>,
    line: BufReader<Box<dyn Line>>,
    encrypted: bool,
    greeted: bool,
    user: Option<String>,
    from: Option<String>,
    to: Vec<String>,
}

/// Speaks until the sender leaves.
pub(super) async fn talk(socket: TcpStream, court: &Court, misdeed: Option<MailMisdeed>) -> io::Result<()> {
    if misdeed == Some(MailMisdeed::Silence) {
        return std::future::pending().await;
    }
    let line: Box<dyn Line> = match &court.rules.line {
        MailLine::Implicit(config) => Box::new(secure(socket, config).await?),
        MailLine::Plain | MailLine::Starttls(_) => Box::new(socket),
    };
    let mut talk = Talk {
        court,
        misdeed,
        line: BufReader::new(line),
        encrypted: matches!(court.rules.line, MailLine::Implicit(_)),
        greeted: false,
        user: None,
        from: None,
        to: Vec::new(),
    };
    talk.say("220 judge.localhost ESMTP").await?;
    while let Some(command) = talk.hear().await? {
        if !talk.obey(&command).await? {
            break;
        }
    }
    Ok(())
}

async fn secure<S: Line>(socket: S, config: &Arc<ServerConfig>) -> io::Result<impl Line + use<S>> {
    TlsAcceptor::from(Arc::clone(config)).accept(socket).await
}

impl Talk<'_> {
    async fn say(&mut self, text: &str) -> io::Result<()> {
        self.line
            .get_mut()
            .write_all(format!("{text}\r\n").as_bytes())
            .await?;
        self.line.get_mut().flush().await
    }

    /// A line without its end; `None` at the end of the connection.
    async fn hear(&mut self) -> io::Result<Option<String>> {
        let mut line = Vec::new();
        if self.line.read_until(b'\n', &mut line).await? == 0 {
            return Ok(None);
        }
        if line.len() > LONGEST_LINE {
            self.breach("a line is longer than 1000 bytes");
        }
        let Some(line) = line.strip_suffix(b"\r\n") else {
            self.breach("a line does not end in CR LF");
            return Ok(None);
        };
        if !line.is_ascii() {
            self.breach("a line is not ASCII, and 8BITMIME was not offered");
        }
        Ok(Some(String::from_utf8_lossy(line).into_owned()))
    }

    fn breach(&self, what: &str) {
        self.court.notes().breaches.push(what.to_owned());
    }

    async fn refuse(&mut self, code: u16, breach: &str) -> io::Result<()> {
        self.breach(breach);
        self.say(&format!("{code} {breach}")).await
    }

    /// One command; false when the connection is over.
    async fn obey(&mut self, command: &str) -> io::Result<bool> {
        let (verb, rest) = command.split_once(' ').unwrap_or((command, ""));
        let verb = verb.to_ascii_uppercase();
        match verb.as_str() {
            "QUIT" => {
                self.say("221 bye").await?;
                return Ok(false);
            }
            "EHLO" if rest.is_empty() => self.refuse(501, "EHLO without a name").await?,
            "EHLO" => self.greet().await?,
            _ if !self.greeted => self.refuse(503, "a command before EHLO").await?,
            "STARTTLS" => return self.encrypt().await,
            "NOOP" => self.say("250 ok").await?,
            _ if self.wants_encryption() => self.refuse(530, "a command before STARTTLS").await?,
            "AUTH" => self.sign_in(rest).await?,
            _ if self.court.rules.account.is_some() && self.user.is_none() => {
                self.refuse(530, "a mail of a sender who has not signed in")
                    .await?;
            }
            "MAIL" => match address(rest, "FROM:") {
                Some(from) if self.from.is_none() => {
                    self.from = Some(from);
                    self.say("250 ok").await?;
                }
                _ => self.refuse(501, "a sender that is none, or a second one").await?,
            },
            "RCPT" => match address(rest, "TO:") {
                Some(to) if self.from.is_some() => {
                    self.to.push(to);
                    self.say("250 ok").await?;
                }
                _ => {
                    self.refuse(501, "a receiver that is none, or before the sender")
                        .await?
                }
            },
            "DATA" if self.to.is_empty() => self.refuse(503, "DATA without a receiver").await?,
            "DATA" => return self.take().await,
            "RSET" => {
                self.from = None;
                self.to.clear();
                self.say("250 ok").await?;
            }
            _ => self.refuse(500, "an unknown command").await?,
        }
        Ok(true)
    }

    fn wants_encryption(&self) -> bool {
        matches!(self.court.rules.line, MailLine::Starttls(_)) && !self.encrypted
    }

    async fn greet(&mut self) -> io::Result<()> {
        self.greeted = true;
        let mut offers = Vec::new();
        if self.wants_encryption() {
            if self.misdeed != Some(MailMisdeed::NoStarttls) {
                offers.push("STARTTLS".to_owned());
            }
        } else if self.court.rules.account.is_some() {
            offers.push(format!("AUTH {}", self.court.rules.mechanisms));
        }
        let mut answer = String::from("250-judge.localhost");
        for offer in offers {
            answer.push_str(&format!("\r\n250-{offer}"));
        }
        self.say(&format!("{answer}\r\n250 SIZE 100000")).await
    }

    async fn encrypt(&mut self) -> io::Result<bool> {
        let MailLine::Starttls(config) = &self.court.rules.line else {
            self.refuse(502, "STARTTLS was not offered").await?;
            return Ok(true);
        };
        if self.encrypted || !self.line.buffer().is_empty() {
            self.breach("more was sent with STARTTLS, or it came twice");
            return Ok(false);
        }
        self.say("220 go ahead").await?;
        let (nobody, _) = tokio::io::duplex(1);
        let plain = std::mem::replace(&mut self.line, BufReader::new(Box::new(nobody)));
        self.line = BufReader::new(Box::new(secure(plain.into_inner(), config).await?));
        self.encrypted = true;
        // RFC 3207: all that was said before counts no more.
        self.greeted = false;
        Ok(true)
    }

    async fn sign_in(&mut self, rest: &str) -> io::Result<()> {
        let Some((user, password)) = self.court.rules.account.clone() else {
            return self.refuse(502, "AUTH was not offered").await;
        };
        let (mechanism, first) = rest.split_once(' ').unwrap_or((rest, ""));
        let offered = self
            .court
            .rules
            .mechanisms
            .split(' ')
            .any(|offer| offer == mechanism);
        let given = match mechanism {
            "PLAIN" if offered => {
                let said = decoded(first);
                let mut parts = said.split('\0').skip(1).map(str::to_owned);
                (parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
            }
            "LOGIN" if offered => {
                let name = match first {
                    "" => self.ask("VXNlcm5hbWU6").await?,
                    first => decoded(first),
                };
                (name, self.ask("UGFzc3dvcmQ6").await?)
            }
            _ => return self.refuse(504, "a way to sign in that was not offered").await,
        };
        if given == (user, password) {
            self.user = Some(given.0);
            self.say("235 welcome").await
        } else {
            self.say("535 wrong user or password").await
        }
    }

    async fn ask(&mut self, question: &str) -> io::Result<String> {
        self.say(&format!("334 {question}")).await?;
        Ok(decoded(&self.hear().await?.unwrap_or_default()))
    }

    async fn take(&mut self) -> io::Result<bool> {
        self.say("354 go ahead").await?;
        let mut raw = String::new();
        loop {
            let Some(line) = self.hear().await? else {
                return Ok(false);
            };
            if line == "." {
                break;
            }
            raw.push_str(line.strip_prefix('.').unwrap_or(&line));
            raw.push_str("\r\n");
        }
        let mail = TakenMail {
            from: self.from.take().unwrap_or_default(),
            to: std::mem::take(&mut self.to),
            user: self.user.clone(),
            encrypted: self.encrypted,
            raw,
        };
        if self.misdeed == Some(MailMisdeed::NotNow) {
            self.misdeed = None;
            self.say("451 not now").await?;
            return Ok(true);
        }
        let header = mail.raw.split_once("\r\n\r\n").map_or("", |(header, _)| header);
        for field in FIELDS {
            let is_it = |line: &&str| {
                line.split_once(':')
                    .is_some_and(|(name, _)| name.eq_ignore_ascii_case(field))
            };
            if header.split("\r\n").filter(is_it).count() != 1 {
                self.breach(&format!("a mail has not one {field}"));
            }
        }
        self.court.notes().taken.push(mail);
        if self.misdeed == Some(MailMisdeed::SwallowReply) {
            return Ok(false);
        }
        self.say("250 taken").await?;
        Ok(true)
    }
}

/// `FROM:<a@b>` without what comes behind it.
fn address(rest: &str, word: &str) -> Option<String> {
    let rest = rest
        .get(word.len()..)
        .filter(|_| rest.to_ascii_uppercase().starts_with(word))?;
    let (address, _) = rest.strip_prefix('<')?.split_once('>')?;
    address.contains('@').then(|| address.to_owned())
}

fn decoded(text: &str) -> String {
    let bytes = STANDARD.decode(text).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}
