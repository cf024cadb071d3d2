//! The keys of a `[[notify]]`, and which kinds have them.

use super::endpoint;
use super::limits::{Each, Flag, OneOf, Parsed, Whole, Within};
use super::notify::{MailTls, Occasion, TimeOfDay};
use super::section::{Key, NAME_ALLOWED, NAME_PATTERN, WithDefault};
use super::tree::shown;
use crate::ids::NotifyName;
use crate::units::Span;

pub(super) use super::platform_keys::CREDENTIAL;

const HOUR: u64 = 3_600_000;

/// The way to one who is told, before its keys are known.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Webhook,
    Smtp,
}

pub(super) const NAME: Key<Parsed<NotifyName>> = Key {
    name: "name",
    about: "A name for the log and for `lectern notify`.",
    example: "name = \"operations\"",
    limits: Parsed {
        allowed: NAME_ALLOWED,
        pattern: Some(NAME_PATTERN),
        parse: |text| {
            text.parse()
                .map_err(|_| format!("{} is not a plain name", shown(text)))
        },
    },
};
pub(super) const KIND: Key<OneOf<Kind>> = Key {
    name: "kind",
    about: "webhook for a signed HTTP POST, smtp for a mail.",
    example: "kind = \"webhook\"",
    limits: OneOf {
        words: &[("webhook", Kind::Webhook), ("smtp", Kind::Smtp)],
        later: &[],
    },
};
pub(super) const URL: Key<Parsed<String>> = Key {
    name: "url",
    about: "Where notices are posted to. Redirects are not followed.",
    example: "url = \"https://alerts.example.org/lectern\"",
    limits: Parsed {
        allowed: "https://…, and http://… only to this machine, without user or password",
        pattern: Some("^https?://\\S+$"),
        parse: endpoint::web,
    },
};
pub(super) const SERVER: Key<Parsed<String>> = Key {
    name: "server",
    about: "The mail server.",
    example: "server = \"smtp.example.org\"",
    limits: Parsed {
        allowed: "the name or address of a host, without a port",
        pattern: Some("^[a-zA-Z0-9.:_-]{1,253}$"),
        parse: host,
    },
};
pub(super) const PORT: Key<Whole> = Key {
    name: "port",
    about: "The mail server's port. Without it: 587, with tls = \"implicit\" 465, with \"none\" 25.",
    example: "port = 587",
    limits: Whole {
        range: 1..=65_535,
        even: false,
    },
};
pub(super) const TLS: WithDefault<OneOf<MailTls>> = Key {
    name: "tls",
    about: "starttls, implicit (from the first byte), or none, which only a server on this machine may have.",
    example: "tls = \"starttls\"",
    limits: OneOf {
        words: &[
            ("starttls", MailTls::Starttls),
            ("implicit", MailTls::Implicit),
            ("none", MailTls::None),
        ],
        later: &[],
    },
}
.or("\"starttls\"");
pub(super) const USER: Key<Parsed<String>> = Key {
    name: "user",
    about: "Who signs in at the mail server; the credential is the password.",
    example: "user = \"lectern\"",
    limits: super::limits::LINE,
};
pub(super) const FROM: Key<Parsed<String>> = Key {
    name: "from",
    about: "The sender's address.",
    example: "from = \"lectern@example.org\"",
    limits: ADDRESS,
};
pub(super) const TO: Key<Each<Parsed<String>>> = Key {
    name: "to",
    about: "Who gets the mails.",
    example: "to = [\"av-team@example.org\"]",
    limits: Each(ADDRESS),
};
pub(super) const WHEN: WithDefault<Each<OneOf<Occasion>>> = Key {
    name: "when",
    about: "fault: a person must do something, and later that it is over; report: the morning report.",
    example: "when = [\"fault\", \"report\"]",
    limits: Each(OneOf {
        words: &[("fault", Occasion::Fault), ("report", Occasion::Report)],
        later: &[],
    }),
}
.or("[\"fault\", \"report\"]");
pub(super) const HOLD_OFF: WithDefault<Within<Span>> = Key {
    name: "hold_off",
    about: "How long a fault must stand before anybody is told: what mends itself wakes nobody.",
    example: "hold_off = \"10m\"",
    limits: Within(Span(0), Span(24 * HOUR)),
}
.or("\"10m\"");
pub(super) const REPEAT: WithDefault<Within<Span>> = Key {
    name: "repeat",
    about: "After so long a fault that still stands is told again.",
    example: "repeat = \"24h\"",
    limits: Within(Span(60_000), Span(30 * 24 * HOUR)),
}
.or("\"24h\"");
pub(super) const LANGUAGE: WithDefault<OneOf<&str>> = Key {
    name: "language",
    about: "In which language.",
    example: "language = \"en\"",
    limits: OneOf {
        words: &[
            ("en", "en"),
            ("fr", "fr"),
            ("zh", "zh"),
            ("ru", "ru"),
            ("ar", "ar"),
        ],
        later: &[],
    },
}
.or("\"en\"");
pub(super) const REPORT_AT: WithDefault<Parsed<TimeOfDay>> = Key {
    name: "report_at",
    about: "When the morning report leaves, by the clock of the room; a machine that was off sends it when it \
            is on.",
    example: "report_at = \"07:30\"",
    limits: Parsed {
        allowed: "a time of the day from 00:00 to 23:59",
        pattern: Some("^([01]?[0-9]|2[0-3]):[0-5][0-9]$"),
        parse: |text| TimeOfDay::read(text).ok_or_else(|| format!("{} is not a time of the day", shown(text))),
    },
}
.or("\"07:30\"");
pub(super) const QUIET: WithDefault<Flag> = Key {
    name: "quiet",
    about: "No report of a day on which nothing was recorded and nothing was wrong.",
    example: "quiet = true",
    limits: Flag,
}
.or("false");

/// Keys that only one kind has.
pub(super) const OF_KINDS: [(&str, &str, &str); 7] = [
    ("url", "webhook", URL.example),
    ("server", "smtp", SERVER.example),
    ("port", "smtp", PORT.example),
    ("tls", "smtp", TLS.key.example),
    ("user", "smtp", USER.example),
    ("from", "smtp", FROM.example),
    ("to", "smtp", TO.example),
];

const ADDRESS: Parsed<String> = Parsed {
    allowed: "an address for mail, name@host, without a name before it",
    pattern: Some("^[^@\\s<>]+@[^@\\s<>]+$"),
    parse: address,
};

fn host(text: &str) -> Result<String, String> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    let is_name = (1..=253).contains(&text.len()) && text.bytes().all(plain) && !text.starts_with(['.', '-']);
    if is_name || text.parse::<std::net::IpAddr>().is_ok() {
        Ok(text.to_owned())
    } else {
        Err(format!("{} is not a host", shown(text)))
    }
}

/// What every mail server takes; what stands in a header must not end it.
fn address(text: &str) -> Result<String, String> {
    let wrong = || format!("{} is not an address for mail", shown(text));
    let (name, host) = text.rsplit_once('@').ok_or_else(wrong)?;
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&b);
    let dots = |part: &str| part.starts_with('.') || part.ends_with('.') || part.contains("..");
    let good_name = (1..=64).contains(&name.len()) && name.bytes().all(plain) && !dots(name);
    let good_host = (1..=253).contains(&host.len())
        && host
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'))
        && !dots(host);
    if good_name && good_host {
        Ok(text.to_owned())
    } else {
        Err(wrong())
    }
}
