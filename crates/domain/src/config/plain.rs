//! Reads the sections that stand once: `[room]`, `[storage]`, `[recording]` and `[control]`, with
//! the default of each of their keys.

use std::path::{Path, PathBuf};

use super::faults::{Findings, nearest};
use super::limits::{ABSOLUTE_PATH, Each, Flag, LINE, OneOf, Parsed, Within};
use super::section::{Key, NAME_ALLOWED, Section};
use super::tree::{Table, shown};
use super::{Control, Picture, Recording, Room, Storage};
use crate::api::Field;
use crate::ids::RoomId;
use crate::units::{Size, Span};

const HOUR: u64 = 3_600_000;
const DAY: u64 = 24 * HOUR;

/// `[room]`; `None` without an id, which has been noted.
pub(super) fn room(table: &Table, findings: &mut Findings) -> Option<Room> {
    const ID: Key<Parsed<RoomId>> = Key {
        name: "id",
        example: "id = \"b-204\"",
        limits: Parsed {
            allowed: NAME_ALLOWED,
            parse: |text| {
                text.parse()
                    .map_err(|_| format!("{} is not a plain name", shown(text)))
            },
        },
    };
    const NAME: Key<Parsed<String>> = Key {
        name: "name",
        example: "name = \"Hall B-204\"",
        limits: LINE,
    };
    const TIMEZONE: Key<Parsed<String>> = Key {
        name: "timezone",
        example: "timezone = \"Africa/Lagos\"",
        limits: Parsed {
            allowed: "an IANA name of a time zone (the line left out, the machine's is used)",
            parse: timezone,
        },
    };
    const LANGUAGES: Key<Each<OneOf<&str>>> = Key {
        name: "languages",
        example: "languages = [\"en\", \"fr\"]",
        limits: Each(OneOf {
            words: &[
                ("en", "en"),
                ("fr", "fr"),
                ("zh", "zh"),
                ("ru", "ru"),
                ("ar", "ar"),
            ],
            later: &[],
        }),
    };
    const HELP: Key<Parsed<String>> = Key {
        name: "help",
        example: "help = \"Help desk 4444\"",
        limits: LINE,
    };
    let mut section = Section::new("[room]", "room".to_owned(), table, findings);
    let id = section.require(&ID);
    let name = section.get(&NAME);
    let timezone = section.get(&TIMEZONE);
    let languages = section.get(&LANGUAGES).unwrap_or_else(|| vec!["en"]);
    let help = section.get(&HELP);
    section.finish(&[]);
    let id = id?;
    Some(Room {
        name: name.unwrap_or_else(|| id.as_str().to_owned()),
        id,
        timezone,
        languages: languages.into_iter().map(str::to_owned).collect(),
        help,
    })
}

/// Asks the database that is built in, not the machine's, so that a fleet's file is judged
/// alike wherever it is checked.
fn timezone(text: &str) -> Result<String, String> {
    let known = jiff::tz::TimeZoneDatabase::bundled();
    if known.get(text).is_ok() {
        return Ok(text.to_owned());
    }
    let names: Vec<_> = known.available().map(|name| name.to_string()).collect();
    Err(match nearest(text, names.iter().map(String::as_str)) {
        Some(meant) => format!("{} is not a time zone, did you mean {meant:?}?", shown(text)),
        None => format!("{} is not a time zone", shown(text)),
    })
}

/// `[storage]`.
pub(super) fn storage(table: &Table, findings: &mut Findings) -> Storage {
    const PATH: Key<Parsed<PathBuf>> = Key {
        name: "path",
        example: "path = \"/var/lib/lectern\"",
        limits: ABSOLUTE_PATH,
    };
    const RESERVE: Key<Within<Size>> = Key {
        name: "reserve",
        example: "reserve = \"10GiB\"",
        limits: Within(Size(0), Size(16 << 40)),
    };
    const SYNC_EVERY: Key<Within<Span>> = Key {
        name: "sync_every",
        example: "sync_every = \"1s\"",
        limits: Within(Span(100), Span(10_000)),
    };
    const SEGMENT: Key<Within<Span>> = Key {
        name: "segment",
        example: "segment = \"60s\"",
        limits: Within(Span(2_000), Span(600_000)),
    };
    const KEEP_SENT: Key<Within<Span>> = Key {
        name: "keep_sent",
        example: "keep_sent = \"14d\"",
        limits: Within(Span(0), Span(3_650 * DAY)),
    };
    let mut section = Section::new("[storage]", "storage".to_owned(), table, findings);
    let path = section.get(&PATH);
    if path.as_deref() == Some(Path::new("/")) {
        section.refuse(
            "path",
            "the spool cannot be the root of all files",
            "allowed is a folder of its own",
            PATH.example,
        );
    }
    let storage = Storage {
        path: path.unwrap_or_else(|| PathBuf::from("/var/lib/lectern")),
        reserve: section.get(&RESERVE).unwrap_or(Size(10 << 30)),
        sync_every: section.get(&SYNC_EVERY).unwrap_or(Span(1_000)),
        segment: section.get(&SEGMENT).unwrap_or(Span(60_000)),
        keep_sent: section.get(&KEEP_SENT).unwrap_or(Span(14 * DAY)),
    };
    section.finish(&[]);
    storage
}

/// `[recording]`.
pub(super) fn recording(table: &Table, findings: &mut Findings) -> Recording {
    const MAX_LENGTH: Key<Within<Span>> = Key {
        name: "max_length",
        example: "max_length = \"4h\"",
        limits: Within(Span(1_000), Span(24 * HOUR)),
    };
    const UNDO: Key<Within<Span>> = Key {
        name: "undo",
        example: "undo = \"10s\"",
        limits: Within(Span(0), Span(60_000)),
    };
    const RESUME_WITHIN: Key<Within<Span>> = Key {
        name: "resume_within",
        example: "resume_within = \"30m\"",
        limits: Within(Span(0), Span(24 * HOUR)),
    };
    const PICTURE: Key<OneOf<Picture>> = Key {
        name: "picture",
        example: "picture = \"presentation\"",
        limits: OneOf {
            words: &[
                ("presentation", Picture::Presentation),
                ("presenter", Picture::Presenter),
            ],
            later: &[],
        },
    };
    const PRE_ROLL: Key<Within<Span>> = Key {
        name: "pre_roll",
        example: "pre_roll = \"10s\"",
        limits: Within(Span(0), Span(30_000)),
    };
    const GAP_CARD: Key<Flag> = Key {
        name: "gap_card",
        example: "gap_card = true",
        limits: Flag,
    };
    const REQUIRE: Key<Each<OneOf<Field>>> = Key {
        name: "require",
        example: "require = [\"title\", \"presenter\"]",
        limits: Each(OneOf {
            words: &[
                ("title", Field::Title),
                ("course", Field::Course),
                ("presenter", Field::Presenter),
                ("language", Field::Language),
            ],
            later: &[],
        }),
    };
    let mut section = Section::new("[recording]", "recording".to_owned(), table, findings);
    let recording = Recording {
        pre_roll: section.get(&PRE_ROLL).unwrap_or(Span(0)),
        max_length: section.get(&MAX_LENGTH).unwrap_or(Span(4 * HOUR)),
        undo: section.get(&UNDO).unwrap_or(Span(10_000)),
        resume_within: section.get(&RESUME_WITHIN).unwrap_or(Span(HOUR / 2)),
        picture: section.get(&PICTURE).unwrap_or(Picture::Presentation),
        gap_card: section.get(&GAP_CARD).unwrap_or(false),
        require: section.get(&REQUIRE).unwrap_or_default(),
    };
    section.finish(&[]);
    recording
}

/// `[control]`.
pub(super) fn control(table: &Table, findings: &mut Findings) -> Control {
    const SOCKET: Key<Parsed<PathBuf>> = Key {
        name: "socket",
        example: "socket = \"/run/lectern/control.sock\"",
        limits: Parsed {
            allowed: "an absolute path of at most 107 bytes",
            parse: |text| {
                // The kernel's limit for the name of a socket, less its closing zero.
                if text.len() > 107 {
                    return Err(format!("{} is too long for a socket", shown(text)));
                }
                (ABSOLUTE_PATH.parse)(text)
            },
        },
    };
    let mut section = Section::new("[control]", "control".to_owned(), table, findings);
    let socket = section
        .get(&SOCKET)
        .unwrap_or_else(|| PathBuf::from("/run/lectern/control.sock"));
    section.finish(&[]);
    Control { socket }
}
