//! Reads the sections that stand once: `[room]`, `[storage]`, `[recording]` and `[control]`, with
//! the default of each of their keys.

use std::path::{Path, PathBuf};

use super::faults::{Findings, nearest};
use super::limits::{ABSOLUTE_PATH, Each, Flag, LINE, OneOf, Parsed, Within};
use super::section::{Key, NAME_ALLOWED, NAME_PATTERN, Section, WithDefault};
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
        about: "Short and stable name of the room; part of folder names and metrics. Must be there, in one of the files.",
        example: "id = \"b-204\"",
        limits: Parsed {
            allowed: NAME_ALLOWED,
            pattern: Some(NAME_PATTERN),
            parse: |text| {
                text.parse()
                    .map_err(|_| format!("{} is not a plain name", shown(text)))
            },
        },
    };
    const NAME: Key<Parsed<String>> = Key {
        name: "name",
        about: "The room as people call it, in any script. Without it the id.",
        example: "name = \"Hall B-204\"",
        limits: LINE,
    };
    const TIMEZONE: Key<Parsed<String>> = Key {
        name: "timezone",
        about: "IANA name of the room's time zone. Without it the machine's.",
        example: "timezone = \"Africa/Lagos\"",
        limits: Parsed {
            allowed: "an IANA name of a time zone (the line left out, the machine's is used)",
            pattern: None,
            parse: timezone,
        },
    };
    const LANGUAGES: WithDefault<Each<OneOf<&str>>> = Key {
        name: "languages",
        about: "Languages of the page, most used first.",
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
    }
    .or("[\"en\"]");
    const HELP: Key<Parsed<String>> = Key {
        name: "help",
        about: "Whom to call; shown on the page, most of all when something is wrong.",
        example: "help = \"Help desk 4444\"",
        limits: LINE,
    };
    let mut section = Section::new("[room]", "room".to_owned(), table, findings);
    let id = section.require(&ID);
    let name = section.get(&NAME);
    let timezone = section.get(&TIMEZONE);
    let languages = section.get_or_default(&LANGUAGES);
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
    const PATH: WithDefault<Parsed<PathBuf>> = Key {
        name: "path",
        about: "Where recordings lie, also after they were delivered.",
        example: "path = \"/var/lib/lectern\"",
        limits: Parsed {
            allowed: "an absolute path without \"..\", which is a folder of its own",
            pattern: Some("^/."),
            parse: |text| match (ABSOLUTE_PATH.parse)(text) {
                Ok(path) if path == Path::new("/") => {
                    Err("the spool cannot be the root of all files".to_owned())
                }
                other => other,
            },
        },
    }
    .or("\"/var/lib/lectern\"");
    const RESERVE: WithDefault<Within<Size>> = Key {
        name: "reserve",
        about: "Free space that recordings never take.",
        example: "reserve = \"10GiB\"",
        limits: Within(Size(0), Size(16 << 40)),
    }
    .or("\"10GiB\"");
    const SYNC_EVERY: WithDefault<Within<Span>> = Key {
        name: "sync_every",
        about: "How often the file that is being written is flushed to the disk: what a power cut costs.",
        example: "sync_every = \"1s\"",
        limits: Within(Span(100), Span(10_000)),
    }
    .or("\"1s\"");
    const SEGMENT: WithDefault<Within<Span>> = Key {
        name: "segment",
        about: "Length of one piece of a track; a finished piece is safe from any crash.",
        example: "segment = \"60s\"",
        limits: Within(Span(2_000), Span(600_000)),
    }
    .or("\"60s\"");
    const KEEP_SENT: WithDefault<Within<Span>> = Key {
        name: "keep_sent",
        about: "How long a lecture stays here after its platforms have confirmed it; sooner only if the next recording would find no room.",
        example: "keep_sent = \"14d\"",
        limits: Within(Span(0), Span(3_650 * DAY)),
    }
    .or("\"14d\"");
    let mut section = Section::new("[storage]", "storage".to_owned(), table, findings);
    let storage = Storage {
        path: section.get_or_default(&PATH),
        reserve: section.get_or_default(&RESERVE),
        sync_every: section.get_or_default(&SYNC_EVERY),
        segment: section.get_or_default(&SEGMENT),
        keep_sent: section.get_or_default(&KEEP_SENT),
    };
    section.finish(&[]);
    storage
}

/// `[recording]`.
pub(super) fn recording(table: &Table, findings: &mut Findings) -> Recording {
    const MAX_LENGTH: WithDefault<Within<Span>> = Key {
        name: "max_length",
        about: "A lecture that nobody stops ends by itself after this.",
        example: "max_length = \"4h\"",
        limits: Within(Span(1_000), Span(24 * HOUR)),
    }
    .or("\"4h\"");
    const UNDO: WithDefault<Within<Span>> = Key {
        name: "undo",
        about: "How long a stop can be taken back.",
        example: "undo = \"10s\"",
        limits: Within(Span(0), Span(60_000)),
    }
    .or("\"10s\"");
    const RESUME_WITHIN: WithDefault<Within<Span>> = Key {
        name: "resume_within",
        about: "A lecture cut by an outage goes on by itself if power is back within this.",
        example: "resume_within = \"30m\"",
        limits: Within(Span(0), Span(24 * HOUR)),
    }
    .or("\"30m\"");
    const PICTURE: WithDefault<OneOf<Picture>> = Key {
        name: "picture",
        about: "Whose picture lecture.mp4 shows, with the sound.",
        example: "picture = \"presentation\"",
        limits: OneOf {
            words: &[
                ("presentation", Picture::Presentation),
                ("presenter", Picture::Presenter),
            ],
            later: &[],
        },
    }
    .or("\"presentation\"");
    const PRE_ROLL: WithDefault<Within<Span>> = Key {
        name: "pre_roll",
        about: "How long before the press of the button a lecture begins, from what the sources keep in memory; they then encode all the time.",
        example: "pre_roll = \"10s\"",
        limits: Within(Span(0), Span(30_000)),
    }
    .or("\"0s\"");
    const GAP_CARD: WithDefault<Flag> = Key {
        name: "gap_card",
        about: "Show a card of two seconds in the finished files where an outage left a gap.",
        example: "gap_card = true",
        limits: Flag,
    }
    .or("false");
    const REQUIRE: Key<Each<OneOf<Field>>> = Key {
        name: "require",
        about: "What must be said before a lecture is started or planned. Without it nothing.",
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
        pre_roll: section.get_or_default(&PRE_ROLL),
        max_length: section.get_or_default(&MAX_LENGTH),
        undo: section.get_or_default(&UNDO),
        resume_within: section.get_or_default(&RESUME_WITHIN),
        picture: section.get_or_default(&PICTURE),
        gap_card: section.get_or_default(&GAP_CARD),
        require: section.get(&REQUIRE).unwrap_or_default(),
    };
    section.finish(&[]);
    recording
}

/// `[control]`.
pub(super) fn control(table: &Table, findings: &mut Findings) -> Control {
    const SOCKET: WithDefault<Parsed<PathBuf>> = Key {
        name: "socket",
        about: "What the command line talks to.",
        example: "socket = \"/run/lectern/control.sock\"",
        limits: Parsed {
            allowed: "an absolute path of at most 107 bytes",
            pattern: Some("^/.{0,106}$"),
            parse: |text| {
                // The kernel's limit for the name of a socket, less its closing zero.
                if text.len() > 107 {
                    return Err(format!("{} is too long for a socket", shown(text)));
                }
                (ABSOLUTE_PATH.parse)(text)
            },
        },
    }
    .or("\"/run/lectern/control.sock\"");
    let mut section = Section::new("[control]", "control".to_owned(), table, findings);
    let socket = section.get_or_default(&SOCKET);
    section.finish(&[]);
    Control { socket }
}
