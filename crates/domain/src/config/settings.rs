//! Every key of a configuration with its value and who set it, for `lectern config show`.
//!
//! No secret leaves here: what stands before the `@` of an address and what is given to a
//! password is shown as `***`.

use serde::{Serialize, Serializer};
use serde_json::{Map, Value as Json};

use super::faults::Place;
use super::key::{Answer, Asked};
use super::read::SECTIONS;
use super::tree::{Node, Value};
use crate::mask::{MASK, masked, names_secret};

/// Comments are aligned as long as lines are not longer than this.
const WIDEST_COLUMNS: usize = 56;

/// All settings, in the order in which a file has them.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Settings(Vec<Setting>);

/// One key.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Setting {
    /// With its section, such as `storage.path` or `source.camera.fps`.
    pub key: String,
    /// What holds; `None` when nobody says anything and there is no default.
    pub value: Option<Json>,
    /// Where that is said.
    pub origin: SetBy,
    /// The section as a file writes it.
    #[serde(skip)]
    title: &'static str,
}

/// Who set a key. In JSON and comments: `file:line`, the variable's name, `default`, `not set`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SetBy {
    /// A line of a file, counted from 1.
    File {
        /// As its reader called it.
        name: String,
        /// The line of the value.
        line: usize,
        /// Its first character on that line, counted from 1; shown by faults alone.
        column: usize,
    },
    /// A variable of the environment.
    Variable(String),
    /// Nobody; the default holds.
    Default,
    /// Nobody, and there is no default.
    Nobody,
}

impl std::fmt::Display for SetBy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File { name, line, .. } => write!(f, "{name}:{line}"),
            Self::Variable(name) => f.write_str(name),
            Self::Default => f.write_str("default"),
            Self::Nobody => f.write_str("not set"),
        }
    }
}

impl Serialize for SetBy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Settings {
    /// `files` is how many there are; what lies above them is the environment.
    pub(super) fn of(mut sections: Vec<Asked>, files: usize) -> Self {
        // A list inside of a section is read before it, and stands behind it.
        sections.sort_by_key(|asked| {
            let name = asked.title.trim_matches(['[', ']']);
            let (section, list) = name.split_once('.').unwrap_or((name, ""));
            let order = SECTIONS.iter().position(|form| form.name == section);
            (order, !list.is_empty())
        });
        let settings = sections.into_iter().flat_map(|asked| {
            let setting = |answer| Setting::of(&asked, answer, files);
            asked.answers.iter().map(setting).collect::<Vec<_>>()
        });
        Self(settings.collect())
    }

    /// The settings, in the order in which a file has them.
    #[must_use]
    pub fn as_slice(&self) -> &[Setting] {
        &self.0
    }

    /// Where the value of a key stands, as [`Fault`](super::Fault) shows places: `file:line:column`,
    /// for a variable with its name as the file; `None` where nobody says anything.
    #[must_use]
    pub fn place(&self, key: &str) -> Option<String> {
        let setting = self.0.iter().find(|setting| setting.key == key)?;
        match &setting.origin {
            SetBy::File { name, line, column } => Some(format!("{name}:{line}:{column}")),
            SetBy::Variable(name) => Some(format!("{name}:1:1")),
            SetBy::Default | SetBy::Nobody => None,
        }
    }

    /// One file that says all of it, behind each key who set it. Reads back as the same
    /// configuration, unless a secret had to be left out.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let lines: Vec<_> = self.0.iter().map(Setting::line).collect();
        let widths = lines.iter().map(|line| line.chars().count());
        let width = widths.filter(|width| *width <= WIDEST_COLUMNS).max().unwrap_or(0);
        let mut out = String::new();
        let mut section = None;
        for (setting, line) in self.0.iter().zip(lines) {
            let (path, _) = setting.key.rsplit_once('.').unwrap_or((&setting.key, ""));
            let begins_again = setting.title.starts_with("[[") && setting.key.ends_with(".name");
            if section != Some(path) || begins_again {
                let gap = if section.is_some() { "\n" } else { "" };
                out.push_str(&format!("{gap}{}\n", setting.title));
                section = Some(path);
            }
            out.push_str(&format!("{line:width$}  # {}\n", setting.origin));
        }
        out
    }
}

impl Setting {
    fn of(asked: &Asked, answer: &Answer, files: usize) -> Self {
        let key = answer.key;
        let (value, origin) = match (&answer.said, key.default()) {
            (Some(node), _) => (Some(json(node, &key.schema())), set_by(node, files)),
            (None, Some(default)) => {
                let node = Node::from_toml(&Place::top(0, "default"), default).ok();
                (node.map(|node| json(&node, &Json::Null)), SetBy::Default)
            }
            (None, None) => (None, SetBy::Nobody),
        };
        Self {
            key: format!("{}.{}", asked.path, key.name()),
            value,
            origin,
            title: asked.title,
        }
    }

    /// `key = value`; a comment when there is no value.
    fn line(&self) -> String {
        let name = self.key.rsplit('.').next().unwrap_or(&self.key);
        match &self.value {
            Some(value) => format!("{name} = {}", toml(value)),
            None => format!("# {name}"),
        }
    }
}

fn set_by(node: &Node, files: usize) -> SetBy {
    // What one of the layers changed inside of a table, that layer has set.
    let last = match &node.value {
        Value::Table(table) => table.entries.iter().map(|entry| &entry.node.at).max(),
        _ => None,
    };
    let at = last.unwrap_or(&node.at);
    if at.layer < files {
        SetBy::File {
            name: at.file.to_string(),
            line: at.line,
            column: at.column,
        }
    } else {
        SetBy::Variable(at.file.to_string())
    }
}

/// A value as its key takes it, without secrets. A variable's text becomes what `schema` wants.
fn json(node: &Node, schema: &Json) -> Json {
    match &node.spelt_out().value {
        Value::Text(text) => masked(text).into(),
        Value::Bare(text) => match schema["type"].as_str() {
            Some("integer" | "boolean") => serde_json::from_str(text).unwrap_or_else(|_| masked(text).into()),
            _ => masked(text).into(),
        },
        Value::Whole(number) => (*number).into(),
        Value::Flag(flag) => (*flag).into(),
        Value::List(items) => {
            let mut values = Vec::new();
            let mut follows_secret = false;
            for item in items {
                // `--password` of a command is followed by it.
                let text = item.value.text().unwrap_or("");
                values.push(match follows_secret {
                    true => MASK.into(),
                    false => json(item, &schema["items"]),
                });
                follows_secret = text.starts_with('-') && names_secret(text);
            }
            Json::Array(values)
        }
        Value::Table(table) => {
            let fields = table.entries.iter();
            let fields: Map<_, _> = fields
                .map(|entry| (entry.key.clone(), json(&entry.node, &Json::Null)))
                .collect();
            Json::Object(fields)
        }
        Value::Other(what) => (*what).into(),
    }
}

fn toml(value: &Json) -> String {
    match value {
        Json::Array(items) => {
            let items: Vec<_> = items.iter().map(toml).collect();
            format!("[{}]", items.join(", "))
        }
        Json::Object(fields) => {
            let fields: Vec<_> = fields
                .iter()
                .map(|(key, value)| format!("{key} = {}", toml(value)))
                .collect();
            format!("{{ {} }}", fields.join(", "))
        }
        // The escapes of JSON are those of TOML, which takes this character only escaped.
        Json::String(_) => value.to_string().replace('\x7f', "\\u007F"),
        Json::Null | Json::Bool(_) | Json::Number(_) => value.to_string(),
    }
}
