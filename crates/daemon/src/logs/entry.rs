//! One entry in the journal's native format: `KEY=value` lines, or the value with its length
//! where it holds a line break. Pure.

use std::fmt::{self, Write as _};

use tracing::Level;
use tracing::field::{Field, Visit};

use super::faults;

/// A value longer than this is cut: a datagram that is too large would be lost as a whole.
const MAX_VALUE_BYTES: usize = 16 * 1024;
/// The same for an entry: no further field is added to a longer one.
const MAX_ENTRY_BYTES: usize = 96 * 1024;

/// Values as they were logged, in order; also of a span.
#[derive(Clone, Debug, Default)]
pub(super) struct Fields {
    pub(super) message: String,
    pub(super) rest: Vec<(&'static str, String)>,
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.keep(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.keep(field.name(), format!("{value:?}"));
    }
}

impl Fields {
    fn keep(&mut self, name: &'static str, value: String) {
        match name {
            "message" => self.message = value,
            _ => self.rest.push((name, value)),
        }
    }
}

/// What is known of an event beside its fields.
pub(super) struct Origin<'a> {
    pub(super) level: Level,
    pub(super) target: &'a str,
    pub(super) file: Option<&'a str>,
    pub(super) line: Option<u32>,
    pub(super) room: &'a str,
    /// Entries before this one that the journal did not take.
    pub(super) lost: u64,
}

/// The bytes of one datagram. `spans`: the fields of the spans around it, outermost first.
pub(super) fn entry(origin: &Origin<'_>, event: &Fields, spans: &[Fields]) -> Vec<u8> {
    let mut out = Vec::with_capacity(512);
    let mut text = event.message.clone();
    for (name, value) in &event.rest {
        write!(text, " {name}={value}").expect("a string takes all");
    }
    put(&mut out, "MESSAGE", &text);
    put(&mut out, "PRIORITY", priority(origin.level));
    put(&mut out, "SYSLOG_IDENTIFIER", "lecternd");
    put(&mut out, "ROOM", origin.room);
    put(&mut out, "LECTERN_TARGET", origin.target);
    if let Some(file) = origin.file {
        put(&mut out, "CODE_FILE", file);
    }
    if let Some(line) = origin.line {
        put(&mut out, "CODE_LINE", &line.to_string());
    }
    if origin.lost > 0 {
        put(&mut out, "LECTERN_LOST", &origin.lost.to_string());
    }
    for (name, value) in spans.iter().flat_map(|span| &span.rest).chain(&event.rest) {
        if out.len() > MAX_ENTRY_BYTES {
            break;
        }
        put(&mut out, &key(name), value);
        if *name == faults::FIELD
            && let Some(id) = faults::message_id(value)
        {
            put(&mut out, "MESSAGE_ID", id);
        }
    }
    out
}

/// As `sd-daemon` counts: 3 is an error, 7 is for debugging.
const fn priority(level: Level) -> &'static str {
    match level {
        Level::ERROR => "3",
        Level::WARN => "4",
        Level::INFO => "6",
        _ => "7",
    }
}

/// The journal's name for a field. The four that people search by are short; all others are
/// marked as ours, so that none can pass for one of the journal's.
fn key(name: &str) -> String {
    match name {
        "lecture" => "LECTURE_ID".to_owned(),
        "source" => "SOURCE".to_owned(),
        "platform" => "PLATFORM".to_owned(),
        "room" => "ROOM".to_owned(),
        _ => {
            let tame = |c: char| {
                if c.is_ascii_alphanumeric() {
                    c.to_ascii_uppercase()
                } else {
                    '_'
                }
            };
            format!("LECTERN_{}", name.chars().map(tame).take(48).collect::<String>())
        }
    }
}

fn put(out: &mut Vec<u8>, key: &str, value: &str) {
    let value = &value[..value.floor_char_boundary(MAX_VALUE_BYTES)];
    out.extend_from_slice(key.as_bytes());
    if value.contains('\n') {
        out.push(b'\n');
        out.extend_from_slice(&u64::try_from(value.len()).unwrap_or(0).to_le_bytes());
    } else {
        out.push(b'=');
    }
    out.extend_from_slice(value.as_bytes());
    out.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin() -> Origin<'static> {
        Origin {
            level: Level::WARN,
            target: "lecternd",
            file: Some("a.rs"),
            line: Some(7),
            room: "b-204",
            lost: 0,
        }
    }

    #[test]
    fn a_line_break_cannot_forge_a_field() {
        let event = Fields {
            message: "it broke".to_owned(),
            rest: vec![
                ("error", "line 1\nPRIORITY=0".to_owned()),
                ("room", "b".to_owned()),
            ],
        };
        let bytes = entry(&origin(), &event, &[]);
        let mut expected = b"LECTERN_ERROR\n".to_vec();
        expected.extend_from_slice(&17_u64.to_le_bytes());
        expected.extend_from_slice(b"line 1\nPRIORITY=0\n");
        assert!(
            bytes.windows(expected.len()).any(|part| part == expected),
            "{bytes:?}"
        );
        assert!(
            bytes.starts_with(b"MESSAGE\n"),
            "the text holds the line break too"
        );
    }

    #[test]
    fn an_entry_stays_small_enough_for_a_datagram() {
        let large = "é".repeat(MAX_VALUE_BYTES);
        let event = Fields {
            message: large.clone(),
            rest: vec![("detail", large); 50],
        };
        assert!(entry(&origin(), &event, &[]).len() < MAX_ENTRY_BYTES + 2 * MAX_VALUE_BYTES);
    }
}
