//! A strict mail server: what it takes any mail server takes, what it notes as a breach some refuse.

mod talk;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::ServerConfig;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

/// How a connection is encrypted.
#[derive(Clone, Default)]
pub enum MailLine {
    /// Not at all.
    #[default]
    Plain,
    /// From STARTTLS on; before it nothing else is taken.
    Starttls(Arc<ServerConfig>),
    /// From the first byte.
    Implicit(Arc<ServerConfig>),
}

/// How it takes mails.
#[derive(Clone, Default)]
pub struct MailRules {
    /// How connections are encrypted.
    pub line: MailLine,
    /// User and password that a sender needs; `None`: nobody signs in.
    pub account: Option<(String, String)>,
    /// How to sign in, in the words of EHLO, such as `PLAIN LOGIN`.
    pub mechanisms: String,
}

/// What it does wrong, once; a connection each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailMisdeed {
    /// Greets nobody.
    Silence,
    /// Knows no STARTTLS.
    NoStarttls,
    /// Takes no mail for now (451).
    NotNow,
    /// Takes the mail, and ends the connection instead of saying so.
    SwallowReply,
}

/// A mail that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakenMail {
    /// Sender on the envelope.
    pub from: String,
    /// Receivers on the envelope.
    pub to: Vec<String>,
    /// Who had signed in.
    pub user: Option<String>,
    /// Whether it came encrypted.
    pub encrypted: bool,
    /// Header and body as they came, without the dots of the transport.
    pub raw: String,
}

impl TakenMail {
    /// A field of the header, unfolded.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<String> {
        let (header, _) = self.raw.split_once("\r\n\r\n")?;
        let header = header.replace("\r\n ", " ").replace("\r\n\t", " ");
        header.split("\r\n").find_map(|line| {
            let (field, value) = line.split_once(':')?;
            field.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        })
    }

    /// The text, which must be Base64.
    #[must_use]
    pub fn text(&self) -> Option<String> {
        let (_, body) = self.raw.split_once("\r\n\r\n")?;
        let bytes = STANDARD.decode(body.replace("\r\n", "")).ok()?;
        String::from_utf8(bytes).ok()
    }
}

/// The judge; ended, with all its connections, when it is dropped.
pub struct MailJudge {
    address: SocketAddr,
    court: Arc<Court>,
    accepting: JoinHandle<()>,
}

struct Court {
    rules: MailRules,
    notes: Mutex<Notes>,
}

#[derive(Default)]
struct Notes {
    script: VecDeque<MailMisdeed>,
    taken: Vec<TakenMail>,
    breaches: Vec<String>,
    connections: usize,
}

impl Court {
    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl MailJudge {
    /// Starts it on a port of its own.
    ///
    /// # Errors
    /// When it cannot listen.
    pub async fn start(rules: MailRules) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let court = Arc::new(Court {
            rules,
            notes: Mutex::default(),
        });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&court)));
        Ok(Self {
            address,
            court,
            accepting,
        })
    }

    /// Its port on this machine.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The next connection that has no misdeed yet gets this one.
    pub fn misbehave(&self, misdeed: MailMisdeed) {
        self.court.notes().script.push_back(misdeed);
    }

    /// What was taken so far, repetitions included, in order.
    #[must_use]
    pub fn taken(&self) -> Vec<TakenMail> {
        self.court.notes().taken.clone()
    }

    /// How many connections there were.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.court.notes().connections
    }

    /// What no sender may do and one has done.
    #[must_use]
    pub fn breaches(&self) -> Vec<String> {
        self.court.notes().breaches.clone()
    }
}

impl Drop for MailJudge {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, court: Arc<Court>) {
    let mut connections = JoinSet::new();
    while let Ok((socket, _)) = listener.accept().await {
        let court = Arc::clone(&court);
        let misdeed = {
            let mut notes = court.notes();
            notes.connections += 1;
            notes.script.pop_front()
        };
        // How a connection ends is the sender's business.
        connections.spawn(async move { drop(talk::talk(socket, &court, misdeed).await) });
        while connections.try_join_next().is_some() {}
    }
}
