//! `[[notify]]`: who is told of what a person must do, and gets the morning report.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

use super::Credential;
use super::faults::Findings;
use super::light::each;
use super::notify_keys::{
    CREDENTIAL, FROM, HOLD_OFF, KIND, Kind, LANGUAGE, NAME, OF_KINDS, PORT, QUIET, REPEAT, REPORT_AT, SERVER,
    TLS, TO, URL, USER, WHEN,
};
use super::platform::{credential, needed_credential};
use super::platform_keys::{CA_FILE, CREDENTIAL_FILE};
use super::section::{Elsewhere, Section};
use super::tree::Table;
use crate::ids::NotifyName;
use crate::units::Span;

/// One who is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Notify {
    /// Its name, in the log and in `lectern notify`.
    pub name: NotifyName,
    /// The way there.
    pub kind: NotifyKind,
    /// Where its secret is: it signs what a webhook gets, or signs in at a mail server.
    pub credential: Option<Credential>,
    /// Certificates that are trusted beside the system's, PEM.
    pub ca_file: Option<PathBuf>,
    /// What it is told of; at least one.
    pub when: Vec<Occasion>,
    /// How long a fault must stand before anybody is told of it.
    pub hold_off: Span,
    /// After so long it is told again of a fault that still stands.
    pub repeat: Span,
    /// One of the five languages, such as `en`.
    pub language: String,
    /// When the morning report leaves, by the clock of the room.
    pub report_at: TimeOfDay,
    /// No report of a day on which nothing was recorded and nothing was wrong.
    pub quiet: bool,
}

impl Notify {
    /// Whether it is told of this.
    #[must_use]
    pub fn wants(&self, occasion: Occasion) -> bool {
        self.when.contains(&occasion)
    }
}

/// What somebody is told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Occasion {
    /// A person must do something, and later: it is over.
    Fault,
    /// The morning report.
    Report,
}

/// The way to one who is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum NotifyKind {
    /// A signed HTTP POST.
    Webhook {
        /// Where to.
        url: String,
    },
    /// A mail.
    Smtp {
        /// Host name or address of the mail server.
        server: String,
        /// Its port. Default: 587, with `implicit` 465, with `none` 25.
        port: u16,
        /// How the connection is encrypted.
        tls: MailTls,
        /// Who signs in, with the credential as password; `None`: nobody.
        user: Option<String>,
        /// The sender's address.
        from: String,
        /// Who gets it; at least one.
        to: Vec<String>,
    },
}

/// How the connection to a mail server is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum MailTls {
    /// From the first byte.
    Implicit,
    /// From `STARTTLS` on; a server without it is not spoken to.
    Starttls,
    /// Not at all; to this machine only.
    None,
}

/// A minute of the day by the clock on the wall.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimeOfDay {
    hour: u8,
    minute: u8,
}

impl TimeOfDay {
    /// The hour, below 24.
    #[must_use]
    pub const fn hour(self) -> u8 {
        self.hour
    }

    /// The minute, below 60.
    #[must_use]
    pub const fn minute(self) -> u8 {
        self.minute
    }

    /// From `7:30` or `07:30`; `None`: it is no time of a day.
    pub(super) fn read(text: &str) -> Option<Self> {
        let (hour, minute) = text.split_once(':')?;
        let number = |text: &str, width: std::ops::RangeInclusive<usize>| {
            let digits = width.contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
            digits.then(|| text.parse::<u8>().ok()).flatten()
        };
        let (hour, minute) = (number(hour, 1..=2)?, number(minute, 2..=2)?);
        (hour < 24 && minute < 60).then_some(Self { hour, minute })
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.hour, self.minute)
    }
}

impl Serialize for TimeOfDay {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Every `[[notify]]`, in order; `None` when a fault was found and noted.
pub(super) fn read_all(root: &Table, findings: &mut Findings) -> Option<Vec<Notify>> {
    each(root, "notify", "[[notify]]", findings, read_one)
}

fn read_one(mut section: Section<'_, '_>) -> Option<Notify> {
    let name = section.require(&NAME);
    let kind = section.require(&KIND);
    let when = section.get_or_default(&WHEN);
    let hold_off = section.get_or_default(&HOLD_OFF);
    let repeat = section.get_or_default(&REPEAT);
    let language = section.get_or_default(&LANGUAGE);
    let report_at = section.get_or_default(&REPORT_AT);
    let quiet = section.get_or_default(&QUIET);
    let ca_file = section.get(&CA_FILE);
    let (what, credential) = match kind {
        Some(Kind::Webhook) => webhook(&mut section),
        Some(Kind::Smtp) => smtp(&mut section),
        None => {
            for (name, _, example) in OF_KINDS {
                section.pass_over(name, example);
            }
            section.pass_over(CREDENTIAL.name, CREDENTIAL.example);
            section.pass_over(CREDENTIAL_FILE.name, CREDENTIAL_FILE.example);
            (None, None)
        }
    };
    section.finish(&OF_KINDS.map(|(name, kind, example)| Elsewhere {
        name,
        wrong: format!("{name} belongs to {kind}"),
        allowed: "take the line out, or choose a kind that has it".to_owned(),
        example,
    }));
    Some(Notify {
        name: name?,
        kind: what?,
        credential,
        ca_file,
        when,
        hold_off,
        repeat,
        language: language.to_owned(),
        report_at,
        quiet,
    })
}

fn webhook(section: &mut Section<'_, '_>) -> (Option<NotifyKind>, Option<Credential>) {
    let url = section.require(&URL);
    // Without a signature anybody could tell the receiver anything.
    let secret = needed_credential(section);
    (url.map(|url| NotifyKind::Webhook { url }), secret)
}

fn smtp(section: &mut Section<'_, '_>) -> (Option<NotifyKind>, Option<Credential>) {
    let server = section.require(&SERVER);
    let tls = section.get_or_default(&TLS);
    let port = section.get(&PORT).and_then(|port| u16::try_from(port).ok());
    let user = section.get(&USER);
    let (from, to) = (section.require(&FROM), section.require(&TO));
    let secret = credential(section);
    let loopback = |host: &String| {
        host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
    };
    if tls == MailTls::None && server.as_ref().is_some_and(|server| !loopback(server)) {
        let wrong = "would send the mail unencrypted";
        let allowed = "allowed is \"none\" only for a server on this machine";
        section.refuse(TLS.key.name, wrong, allowed, TLS.key.example);
    }
    if user.is_some() {
        section.require_secret(CREDENTIAL.name, CREDENTIAL_FILE.name, Some(USER.name));
    }
    if user.is_none() && secret.is_some() {
        section.require_beside(&USER, CREDENTIAL.name);
        section.require_beside(&USER, CREDENTIAL_FILE.name);
    }
    let usual = match tls {
        MailTls::Implicit => 465,
        MailTls::Starttls => 587,
        MailTls::None => 25,
    };
    let what = server
        .zip(from)
        .zip(to)
        .map(|((server, from), to)| NotifyKind::Smtp {
            server,
            port: port.unwrap_or(usual),
            tls,
            user,
            from,
            to,
        });
    (what, secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_of_the_day_is_two_numbers() {
        for (text, shown) in [
            ("07:30", "07:30"),
            ("7:05", "07:05"),
            ("23:59", "23:59"),
            ("0:00", "00:00"),
        ] {
            assert_eq!(
                TimeOfDay::read(text).map(|time| time.to_string()).as_deref(),
                Some(shown)
            );
        }
        for bad in [
            "", "7", "7:5", "24:00", "12:60", "-1:00", "+7:30", "07:30:00", "seven",
        ] {
            assert_eq!(TimeOfDay::read(bad), None, "{bad}");
        }
    }
}
