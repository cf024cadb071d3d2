//! Reads `[upload]`: when and how lectures are sent.

use std::path::PathBuf;

use super::endpoint;
use super::faults::Findings;
use super::limits::{Each, Flag, OneOf, Parsed, Within};
use super::platform::one_credential;
use super::platform_keys::{CREDENTIAL, CREDENTIAL_FILE};
use super::section::{Key, Section, WithDefault};
use super::tree::Table;
use crate::units::{Rate, Size, Span};
use crate::upload::{Upload, WhileRecording, Window};

const HOUR: u64 = 3_600_000;

/// `[upload]`.
pub(super) fn upload(table: &Table, findings: &mut Findings) -> Upload {
    const WINDOW: Key<Each<Parsed<Window>>> = Key {
        name: "window",
        about: "When lectures may be sent, by the clock of the room. A window over midnight belongs to the day on which it begins. Without it: always.",
        example: "window = [\"Mon-Fri 22:00-06:00\", \"Sat,Sun 00:00-24:00\"]",
        limits: Each(Parsed {
            allowed: "two times of the room's clock with \"-\" between them, in front of them the days (Mon to Sun) \
                      if it is not every day",
            pattern: Some("[0-9]{1,2}:[0-9]{2}-[0-9]{1,2}:[0-9]{2}\\s*$"),
            parse: |text| {
                text.parse()
                    .map_err(|wrong: crate::upload::BadWindow| wrong.to_string())
            },
        }),
    };
    const RATE: Key<Within<Rate>> = Key {
        name: "rate",
        about: "Never more than this. Without it: no limit but what yield leaves to others.",
        example: "rate = \"8Mbit/s\"",
        limits: Within(Rate(64_000), Rate(100_000_000_000)),
    };
    const YIELD: WithDefault<Flag> = Key {
        name: "yield",
        about: "Give way to whoever else uses the line.",
        example: "yield = true",
        limits: Flag,
    }
    .or("true");
    const DAILY: Key<Within<Size>> = Key {
        name: "daily",
        about: "What may be sent in a day.",
        example: "daily = \"20GiB\"",
        limits: Within(Size(1 << 20), Size(100 << 40)),
    };
    const MONTHLY: Key<Within<Size>> = Key {
        name: "monthly",
        about: "What may be sent in a month.",
        example: "monthly = \"300GiB\"",
        limits: Within(Size(1 << 20), Size(1000 << 40)),
    };
    const STAGGER: WithDefault<Within<Span>> = Key {
        name: "stagger",
        about: "Each room begins its window up to this later than the hour, so that a fleet does not at one stroke.",
        example: "stagger = \"15m\"",
        limits: Within(Span(0), Span(6 * HOUR)),
    }
    .or("\"0s\"");
    const WHILE_RECORDING: WithDefault<OneOf<WhileRecording>> = Key {
        name: "while_recording",
        about: "While a lecture is being recorded: go on gently, or hold.",
        example: "while_recording = \"hold\"",
        limits: OneOf {
            words: &[("yield", WhileRecording::Yield), ("hold", WhileRecording::Hold)],
            later: &[],
        },
    }
    .or("\"yield\"");
    const PHONE_FIRST: WithDefault<Flag> = Key {
        name: "phone_first",
        about: "Sound and small files of all lectures go before large ones.",
        example: "phone_first = true",
        limits: Flag,
    }
    .or("true");
    const PROXY: Key<Parsed<String>> = Key {
        name: "proxy",
        about: "An HTTP proxy that all platforms are reached through. Behind one, yield cannot see the line: set a window and a rate.",
        example: "proxy = \"http://proxy.example.org:3128\"",
        limits: Parsed {
            allowed: "http://host:port of an HTTP proxy, without user, password or path",
            pattern: Some("^http://\\S+$"),
            parse: endpoint::proxy,
        },
    };
    const PROXY_CREDENTIAL: Key<Parsed<String>> = Key {
        name: "proxy_credential",
        about: "Name of a credential that systemd loads for the service: its text is user:password for a proxy that wants a sign-in, by HTTP Basic.",
        example: "proxy_credential = \"proxy-user\"",
        limits: CREDENTIAL.limits,
    };
    const PROXY_CREDENTIAL_FILE: Key<Parsed<PathBuf>> = Key {
        name: "proxy_credential_file",
        about: "A file with user:password for the proxy, which others must not be able to read. Basic crosses the network to the proxy unencrypted: take an account that is good for nothing else.",
        example: "proxy_credential_file = \"/etc/lectern/proxy-user\"",
        limits: CREDENTIAL_FILE.limits,
    };
    let mut section = Section::new("[upload]", "upload".to_owned(), table, findings);
    let upload = Upload {
        window: section.get(&WINDOW).unwrap_or_default(),
        rate: section.get(&RATE),
        yields: section.get_or_default(&YIELD),
        daily: section.get(&DAILY),
        monthly: section.get(&MONTHLY),
        stagger: section.get_or_default(&STAGGER),
        while_recording: section.get_or_default(&WHILE_RECORDING),
        phone_first: section.get_or_default(&PHONE_FIRST),
        proxy: section.get(&PROXY),
        proxy_credential: one_credential(&mut section, &PROXY_CREDENTIAL, &PROXY_CREDENTIAL_FILE),
    };
    // A room whose turn comes after its window has closed would never send.
    let shortest = upload.window.iter().map(|window| window.minutes()).min();
    if let Some(shortest) = shortest
        && upload.stagger.0 > u64::from(shortest) * 60_000 / 2
    {
        section.refuse(
            "stagger",
            &format!("{} is more than half of the shortest window", upload.stagger),
            "allowed is half of the shortest window at most",
            STAGGER.key.example,
        );
    }
    section.finish(&[]);
    upload
}
