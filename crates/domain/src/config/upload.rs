//! Reads `[upload]`: when and how lectures are sent.

use super::endpoint;
use super::faults::Findings;
use super::limits::{Each, Flag, OneOf, Parsed, Within};
use super::section::{Key, Section};
use super::tree::Table;
use crate::units::{Rate, Size, Span};
use crate::upload::{Upload, WhileRecording, Window};

const HOUR: u64 = 3_600_000;

/// `[upload]`.
pub(super) fn upload(table: &Table, findings: &mut Findings) -> Upload {
    const WINDOW: Key<Each<Parsed<Window>>> = Key {
        name: "window",
        example: "window = [\"Mon-Fri 22:00-06:00\", \"Sat,Sun 00:00-24:00\"]",
        limits: Each(Parsed {
            allowed: "two times of the room's clock with \"-\" between them, in front of them the days (Mon to Sun) \
                      if it is not every day",
            parse: |text| {
                text.parse()
                    .map_err(|wrong: crate::upload::BadWindow| wrong.to_string())
            },
        }),
    };
    const RATE: Key<Within<Rate>> = Key {
        name: "rate",
        example: "rate = \"8Mbit/s\"",
        limits: Within(Rate(64_000), Rate(100_000_000_000)),
    };
    const YIELD: Key<Flag> = Key {
        name: "yield",
        example: "yield = true",
        limits: Flag,
    };
    const DAILY: Key<Within<Size>> = Key {
        name: "daily",
        example: "daily = \"20GiB\"",
        limits: Within(Size(1 << 20), Size(100 << 40)),
    };
    const MONTHLY: Key<Within<Size>> = Key {
        name: "monthly",
        example: "monthly = \"300GiB\"",
        limits: Within(Size(1 << 20), Size(1000 << 40)),
    };
    const STAGGER: Key<Within<Span>> = Key {
        name: "stagger",
        example: "stagger = \"15m\"",
        limits: Within(Span(0), Span(6 * HOUR)),
    };
    const WHILE_RECORDING: Key<OneOf<WhileRecording>> = Key {
        name: "while_recording",
        example: "while_recording = \"hold\"",
        limits: OneOf {
            words: &[("yield", WhileRecording::Yield), ("hold", WhileRecording::Hold)],
            later: &[],
        },
    };
    const PHONE_FIRST: Key<Flag> = Key {
        name: "phone_first",
        example: "phone_first = true",
        limits: Flag,
    };
    const PROXY: Key<Parsed<String>> = Key {
        name: "proxy",
        example: "proxy = \"http://proxy.example.org:3128\"",
        limits: Parsed {
            allowed: "http://host:port of an HTTP proxy, without user, password or path",
            parse: endpoint::proxy,
        },
    };
    let usual = Upload::default();
    let mut section = Section::new("[upload]", "upload".to_owned(), table, findings);
    let upload = Upload {
        window: section.get(&WINDOW).unwrap_or_default(),
        rate: section.get(&RATE),
        yields: section.get(&YIELD).unwrap_or(usual.yields),
        daily: section.get(&DAILY),
        monthly: section.get(&MONTHLY),
        stagger: section.get(&STAGGER).unwrap_or(usual.stagger),
        while_recording: section.get(&WHILE_RECORDING).unwrap_or(usual.while_recording),
        phone_first: section.get(&PHONE_FIRST).unwrap_or(usual.phone_first),
        proxy: section.get(&PROXY),
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
            STAGGER.example,
        );
    }
    section.finish(&[]);
    upload
}
