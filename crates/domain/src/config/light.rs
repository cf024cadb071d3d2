//! `[[light]]`: a lamp at the podium that tells the state from afar, and what it looks like.

use std::path::PathBuf;

use serde::Serialize;
use serde_json::{Value as Json, json};

use super::faults::Findings;
use super::limits::{ABSOLUTE_PATH, Each, LINE, Limits, OneOf, Parsed, Wrong};
use super::section::{Elsewhere, Key, NAME_ALLOWED, NAME_PATTERN, Section, WithDefault};
use super::tree::{Node, Table, Value, shown};
use crate::ids::FittingName;

/// A thread each: far more than a podium has.
pub(super) const MAX_FITTINGS: usize = 8;

/// One lamp.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Light {
    /// Its name, in the log.
    pub name: FittingName,
    /// How it is spoken to.
    pub kind: LightKind,
    /// Its colour in each state.
    pub colours: Colours,
}

/// How a lamp is spoken to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum LightKind {
    /// A lamp on USB.
    Usb {
        /// Whose protocol it speaks.
        model: LightModel,
        /// Its `/dev/hidraw…`, best a stable link to it; `None`: the first of its model.
        device: Option<PathBuf>,
    },
    /// A program that is run at each change.
    Exec {
        /// The program and its first arguments; never a shell.
        command: Vec<String>,
    },
}

/// A family of USB lamps with one protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LightModel {
    /// Kuando Busylight Alpha and Omega.
    Busylight,
    /// BlinkStick of any size.
    Blinkstick,
    /// ThingM blink(1).
    Blink1,
    /// Luxafor Flag and its kin.
    Luxafor,
}

impl LightModel {
    /// The word in configuration and log.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Busylight => "busylight",
            Self::Blinkstick => "blinkstick",
            Self::Blink1 => "blink1",
            Self::Luxafor => "luxafor",
        }
    }
}

/// A colour as red, green and blue; all zero is dark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(into = "String")]
pub struct Colour(pub [u8; 3]);

impl From<Colour> for String {
    fn from(Colour([red, green, blue]): Colour) -> Self {
        format!("#{red:02x}{green:02x}{blue:02x}")
    }
}

/// The colour of a lamp in each state. The pattern is not configured: it is what tells the states
/// apart for those who do not see the colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Colours {
    /// Nothing is being recorded.
    pub ready: Colour,
    /// Sources are beginning.
    pub starting: Colour,
    /// It records.
    pub recording: Colour,
    /// It writes nothing, on purpose.
    pub paused: Colour,
    /// Stopped; can be undone.
    pub saved: Colour,
    /// It cannot record.
    pub fault: Colour,
}

impl Default for Colours {
    /// Red is recording, amber is a pause; there is no convention that all campuses share.
    fn default() -> Self {
        const RED: Colour = Colour([255, 0, 0]);
        Self {
            ready: Colour([0, 0, 0]),
            starting: RED,
            recording: RED,
            paused: Colour([255, 160, 0]),
            saved: Colour([0, 255, 0]),
            fault: RED,
        }
    }
}

/// A table of colours by state.
struct ByState;

impl Limits for ByState {
    type Value = Colours;

    fn read(&self, node: &Node) -> Result<Colours, Vec<Wrong>> {
        let wrong = |at: &Node, text: String| Wrong {
            at: at.at.clone(),
            text,
        };
        let spelt_out = node.spelt_out();
        let Value::Table(table) = &spelt_out.value else {
            return Err(vec![wrong(
                node,
                format!("{} is not a table in {{ }}", node.value.shown()),
            )]);
        };
        let mut colours = Colours::default();
        let mut wrongs = Vec::new();
        for entry in &table.entries {
            let place = match entry.key.as_str() {
                "ready" => &mut colours.ready,
                "starting" => &mut colours.starting,
                "recording" => &mut colours.recording,
                "paused" => &mut colours.paused,
                "saved" => &mut colours.saved,
                "fault" => &mut colours.fault,
                other => {
                    wrongs.push(wrong(&entry.node, format!("{} is not a state", shown(other))));
                    continue;
                }
            };
            match entry.node.value.text().and_then(colour) {
                Some(colour) => *place = colour,
                None => wrongs.push(wrong(
                    &entry.node,
                    format!("{} is not a colour", entry.node.value.shown()),
                )),
            }
        }
        if colours.recording == Colour::default() {
            wrongs.push(wrong(node, "the lamp would be dark while it records".to_owned()));
        }
        if wrongs.is_empty() {
            Ok(colours)
        } else {
            Err(wrongs)
        }
    }

    fn allowed(&self) -> String {
        "for each of ready, starting, recording, paused, saved and fault a colour such as \"#ff0000\", or \"off\", \
         which recording cannot be"
            .to_owned()
    }

    fn schema(&self) -> Json {
        let colour = json!({ "type": "string", "pattern": "^(off|#[0-9a-fA-F]{6})$" });
        let states = ["ready", "starting", "recording", "paused", "saved", "fault"];
        let properties: serde_json::Map<_, _> = states
            .into_iter()
            .map(|state| (state.to_owned(), colour.clone()))
            .collect();
        json!({ "type": "object", "properties": properties, "additionalProperties": false })
    }
}

fn colour(text: &str) -> Option<Colour> {
    if text == "off" {
        return Some(Colour::default());
    }
    let digits = text
        .strip_prefix('#')
        .filter(|digits| digits.len() == 6 && digits.is_ascii())?;
    let part = |from: usize| u8::from_str_radix(&digits[from..from + 2], 16).ok();
    let plain = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    plain.then_some(Colour([part(0)?, part(2)?, part(4)?]))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Usb(LightModel),
    Exec,
}

const KIND: Key<OneOf<Kind>> = Key {
    name: "kind",
    about: "The lamp's make, or exec for a program that is run at each change.",
    example: "kind = \"busylight\"",
    limits: OneOf {
        words: &[
            ("busylight", Kind::Usb(LightModel::Busylight)),
            ("blinkstick", Kind::Usb(LightModel::Blinkstick)),
            ("blink1", Kind::Usb(LightModel::Blink1)),
            ("luxafor", Kind::Usb(LightModel::Luxafor)),
            ("exec", Kind::Exec),
        ],
        later: &[],
    },
};
const DEVICE: Key<Parsed<PathBuf>> = Key {
    name: "device",
    about: "Its device. Without it the first one that is found.",
    example: "device = \"/dev/hidraw0\"",
    limits: ABSOLUTE_PATH,
};
const COLOURS: WithDefault<ByState> = Key {
    name: "colours",
    about: "Its colour in each state.",
    example: "colours = { recording = \"#ff0000\" }",
    limits: ByState,
}
.or("{ ready = \"off\", starting = \"#ff0000\", recording = \"#ff0000\", paused = \"#ffa000\", saved = \"#00ff00\", fault = \"#ff0000\" }");

/// The name of a light or button.
pub(super) const NAME: Key<Parsed<FittingName>> = Key {
    name: "name",
    about: "Its name, in the log.",
    example: "name = \"podium\"",
    limits: Parsed {
        allowed: NAME_ALLOWED,
        pattern: Some(NAME_PATTERN),
        parse: |text| text.parse().map_err(|_| format!("{} is not a name", shown(text))),
    },
};
/// A program of a light or button with its arguments.
pub(super) const COMMAND: Key<Command> = Key {
    name: "command",
    about: "The program by its absolute path and its arguments; never a shell.",
    example: "command = [\"/usr/local/bin/podium\", \"--zone\", \"4\"]",
    limits: Command,
};

/// A program by its absolute path, and its arguments.
pub(super) struct Command;

impl Limits for Command {
    type Value = Vec<String>;

    fn read(&self, node: &Node) -> Result<Vec<String>, Vec<Wrong>> {
        let spelt_out = node.spelt_out();
        let Value::List(items) = &spelt_out.value else {
            // Says what is wrong with it as with any list.
            return Each(LINE).read(node);
        };
        let mut words = Vec::new();
        let mut wrongs = Vec::new();
        for (place, item) in items.iter().enumerate() {
            // An argument may stand there twice, so this is no list of different things.
            match LINE.read(item) {
                Ok(word) if place == 0 && !word.starts_with('/') => wrongs.push(Wrong {
                    at: item.at.clone(),
                    text: format!("{} does not begin with /", shown(&word)),
                }),
                Ok(word) => words.push(word),
                Err(more) => wrongs.extend(more),
            }
        }
        match (wrongs.is_empty(), words.is_empty()) {
            (true, false) => Ok(words),
            (true, true) => Each(LINE).read(node),
            (false, _) => Err(wrongs),
        }
    }

    fn allowed(&self) -> String {
        "a list in [ ]: the program's absolute path, then its arguments".to_owned()
    }

    fn schema(&self) -> Json {
        let program = json!({ "type": "string", "pattern": "^/" });
        json!({ "type": "array", "prefixItems": [program], "items": LINE.schema(), "minItems": 1 })
    }
}

/// Every `[[light]]`, in order; `None` when a fault was found and noted.
pub(super) fn read_all(root: &Table, findings: &mut Findings) -> Option<Vec<Light>> {
    each(root, "light", "[[light]]", findings, |mut section| {
        let name = section.require(&NAME);
        let kind = section.require(&KIND);
        let colours = section.get_or_default(&COLOURS);
        let what = match kind {
            Some(Kind::Usb(model)) => Some(LightKind::Usb {
                model,
                device: section.get(&DEVICE),
            }),
            Some(Kind::Exec) => section
                .require(&COMMAND)
                .map(|command| LightKind::Exec { command }),
            None => {
                section.pass_over(DEVICE.name, DEVICE.example);
                section.pass_over(COMMAND.name, COMMAND.example);
                None
            }
        };
        section.finish(&[
            belongs(
                DEVICE.name,
                "busylight, blinkstick, blink1 or luxafor",
                DEVICE.example,
            ),
            belongs(COMMAND.name, "exec", COMMAND.example),
        ]);
        Some(Light {
            name: name?,
            kind: what?,
            colours,
        })
    })
}

/// What to say of a key that another kind has.
pub(super) fn belongs(name: &'static str, kinds: &str, example: &'static str) -> Elsewhere {
    Elsewhere {
        name,
        wrong: format!("{name} belongs to {kinds}"),
        allowed: "take the line out, or choose a kind that has it".to_owned(),
        example,
    }
}

/// Reads each table of a list that may be absent; `None` when a fault was found and noted.
pub(super) fn each<T>(
    root: &Table,
    list: &'static str,
    title: &'static str,
    findings: &mut Findings,
    read: impl Fn(Section<'_, '_>) -> Option<T>,
) -> Option<Vec<T>> {
    let nodes: &[Node] = match root.entry(list).map(|entry| &entry.node.value) {
        Some(Value::List(nodes)) => nodes,
        // Another form of it has been reported with the sections.
        Some(_) => return None,
        None => &[],
    };
    if let Some(beyond) = nodes.get(MAX_FITTINGS) {
        let allowed = format!("allowed are {MAX_FITTINGS} {title}");
        findings.add(&beyond.at, list, "there are too many", &allowed, title);
        return None;
    }
    let mut names = Vec::new();
    let mut found = Vec::new();
    for (index, node) in nodes.iter().enumerate() {
        let Value::Table(table) = &node.value else {
            return None;
        };
        let mut section = Section::of_list(title, list, index + 1, table, findings);
        section.check_name_is_new(&mut names);
        found.push(read(section));
    }
    found.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{ButtonKind, Config, ConfigFile};

    fn read(tables: &str) -> Config {
        let text = format!(
            "[room]\nid = \"r\"\n[[source]]\nname = \"camera\"\nrole = \"presenter\"\nkind = \"test-video\"\n{tables}"
        );
        let file = ConfigFile {
            name: "lectern.toml".to_owned(),
            text,
        };
        Config::read(&[file], &[]).unwrap_or_else(|faults| panic!("{faults}"))
    }

    #[test]
    fn a_room_without_lights_and_buttons_has_none() {
        let config = read("");
        assert!(config.lights.is_empty() && config.buttons.is_empty());
    }

    #[test]
    fn lights_and_buttons_are_read_with_their_defaults() {
        let config = read(
            "[[light]]\nname = \"tally\"\nkind = \"busylight\"\ncolours = { recording = \"#00FF7f\", saved = \"off\" }\n\
             [[light]]\nname = \"zone\"\nkind = \"exec\"\ncommand = [\"/bin/lamp\", \"4\", \"4\"]\n\
             [[button]]\nname = \"key\"\nkind = \"evdev\"\ndevice = \"/dev/input/event3\"\nkey = 183\n",
        );
        let [tally, zone] = config.lights.as_slice() else {
            panic!("two lights");
        };
        let colours = Colours {
            recording: Colour([0, 255, 127]),
            saved: Colour::default(),
            ..Colours::default()
        };
        assert_eq!(tally.colours, colours);
        assert_eq!(
            tally.kind,
            LightKind::Usb {
                model: LightModel::Busylight,
                device: None
            }
        );
        assert_eq!(
            zone.kind,
            LightKind::Exec {
                command: ["/bin/lamp", "4", "4"].map(str::to_owned).to_vec()
            }
        );
        assert!(matches!(
            config.buttons[0].kind,
            ButtonKind::Evdev { key: Some(183), .. }
        ));
    }

    #[test]
    fn a_colour_is_six_digits_or_off() {
        assert_eq!(colour("#0a0B0c"), Some(Colour([10, 11, 12])));
        assert_eq!(colour("off"), Some(Colour::default()));
        for bad in ["", "red", "#fff", "#12345g", "#+1+1+1", "123456", "#é1234"] {
            assert_eq!(colour(bad), None, "{bad}");
        }
    }
}
