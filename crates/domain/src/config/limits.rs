//! What a key may be: the types, words and ranges that a value is checked against.
//!
//! Each of them can say in words what it allows, so that a fault never states other limits than
//! those that are enforced. What one key means beside another is not known here.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;

use serde_json::{Value as Json, json};

use super::faults::{Place, nearest};
use super::tree::{Node, Value, shown};
use crate::units::{Rate, Size, Span};

/// One thing wrong with a value, at the value or at an item of it.
#[derive(Debug)]
pub(super) struct Wrong {
    pub(super) at: Place,
    pub(super) text: String,
}

impl Wrong {
    fn one(node: &Node, text: impl Into<String>) -> Vec<Self> {
        vec![Self {
            at: node.at.clone(),
            text: text.into(),
        }]
    }
}

/// What a key may be.
pub(super) trait Limits: 'static {
    /// What the value becomes.
    type Value;

    /// The checked value, or all that is wrong with it.
    fn read(&self, node: &Node) -> Result<Self::Value, Vec<Wrong>>;

    /// In words; follows "allowed is".
    fn allowed(&self) -> String;

    /// As JSON Schema, for the editor: it may take what [`Limits::read`] refuses, never the
    /// other way.
    fn schema(&self) -> Json;
}

/// Text that `parse` accepts; its error says what is wrong.
pub(super) struct Parsed<T> {
    pub(super) allowed: &'static str,
    /// What all that `parse` accepts looks like, as far as an expression can tell.
    pub(super) pattern: Option<&'static str>,
    pub(super) parse: fn(&str) -> Result<T, String>,
}

impl<T: 'static> Limits for Parsed<T> {
    type Value = T;

    fn read(&self, node: &Node) -> Result<T, Vec<Wrong>> {
        match node.value.text() {
            Some(text) => (self.parse)(text).map_err(|wrong| Wrong::one(node, wrong)),
            None => Err(Wrong::one(
                node,
                format!("{} is not text in quotes", node.value.shown()),
            )),
        }
    }

    fn allowed(&self) -> String {
        self.allowed.to_owned()
    }

    fn schema(&self) -> Json {
        match self.pattern {
            Some(pattern) => json!({ "type": "string", "pattern": pattern }),
            None => json!({ "type": "string" }),
        }
    }
}

/// Text that is not blank, on one line, at most 200 characters.
pub(super) const LINE: Parsed<String> = Parsed {
    allowed: "one line of 1 to 200 characters",
    pattern: Some("\\S"),
    parse: |text| {
        if text.trim().is_empty() {
            Err("is empty".to_owned())
        } else if text.chars().any(char::is_control) {
            Err(format!("{} has characters that cannot be shown", shown(text)))
        } else if text.chars().count() > 200 {
            Err(format!("{} is too long", shown(text)))
        } else {
            Ok(text.to_owned())
        }
    },
};

/// A path from the root, without `..`.
pub(super) const ABSOLUTE_PATH: Parsed<PathBuf> = Parsed {
    allowed: "an absolute path without \"..\"",
    pattern: Some("^/"),
    parse: |text| {
        let path = PathBuf::from(text);
        if !path.is_absolute() {
            Err(format!("{} does not begin with /", shown(text)))
        } else if text.chars().any(char::is_control) {
            Err(format!("{} has characters that cannot be shown", shown(text)))
        } else if path
            .components()
            .any(|part| part == std::path::Component::ParentDir)
        {
            Err(format!("{} has \"..\" in it", shown(text)))
        } else {
            Ok(path)
        }
    },
};

/// A length of time, size or rate: what people call it, its units, and how to be beyond it.
pub(super) trait Quantity: Copy + Ord + Display + FromStr {
    const WHAT: &'static str;
    const UNITS: &'static str;
    const BEYOND: [&'static str; 2];
    const PATTERN: &'static str;
}

impl Quantity for Span {
    const WHAT: &'static str = "a length of time";
    const UNITS: &'static str = "ms, s, m, h or d";
    const BEYOND: [&'static str; 2] = ["too short", "too long"];
    const PATTERN: &'static str = "^[0-9]+(\\.[0-9]{1,9})?(ms|s|m|h|d)$";
}

impl Quantity for Size {
    const WHAT: &'static str = "a size";
    const UNITS: &'static str = "B, kB, MB, GB, TB, KiB, MiB, GiB or TiB";
    const BEYOND: [&'static str; 2] = ["too small", "too large"];
    const PATTERN: &'static str = "^[0-9]+(\\.[0-9]{1,9})?(B|[kMGT]B|[KMGT]iB)$";
}

impl Quantity for Rate {
    const WHAT: &'static str = "a rate";
    const UNITS: &'static str = "bit/s, kbit/s, Mbit/s or Gbit/s";
    const BEYOND: [&'static str; 2] = ["too low", "too high"];
    const PATTERN: &'static str = "^[0-9]+(\\.[0-9]{1,9})?([kMG]?bit/s)$";
}

/// A quantity with its unit, between two limits that are both allowed.
pub(super) struct Within<T>(pub(super) T, pub(super) T);

impl<T: Quantity + 'static> Limits for Within<T> {
    type Value = T;

    fn read(&self, node: &Node) -> Result<T, Vec<Wrong>> {
        let shown = node.value.shown();
        let wrong = |text| Err(Wrong::one(node, text));
        let Some(text) = node.value.text() else {
            return match node.value {
                Value::Whole(_) => wrong(format!("{shown} has no unit")),
                _ => wrong(format!("{shown} is not {} in quotes", T::WHAT)),
            };
        };
        match text.parse::<T>() {
            Err(_) if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) => {
                wrong(format!("{shown} has no unit"))
            }
            Err(_) => wrong(format!("{shown} is not {}", T::WHAT)),
            Ok(value) if value < self.0 => wrong(format!("{shown} is {}", T::BEYOND[0])),
            Ok(value) if value > self.1 => wrong(format!("{shown} is {}", T::BEYOND[1])),
            Ok(value) => Ok(value),
        }
    }

    fn allowed(&self) -> String {
        format!(
            "{} from {} to {}, written with {}",
            T::WHAT,
            self.0,
            self.1,
            T::UNITS
        )
    }

    fn schema(&self) -> Json {
        json!({ "type": "string", "pattern": T::PATTERN })
    }
}

/// A whole number without a unit.
pub(super) struct Whole {
    pub(super) range: RangeInclusive<u32>,
    /// The encoders halve the colour's width and height.
    pub(super) even: bool,
}

impl Limits for Whole {
    type Value = u32;

    fn read(&self, node: &Node) -> Result<u32, Vec<Wrong>> {
        let number = match &node.value {
            Value::Whole(number) => Some(*number),
            Value::Bare(text) => text.parse().ok(),
            Value::Text(_) | Value::Flag(_) | Value::List(_) | Value::Table(_) | Value::Other(_) => None,
        };
        let shown = node.value.shown();
        let Some(number) = number else {
            let quotes = if matches!(node.value, Value::Text(_)) {
                "text in quotes and "
            } else {
                ""
            };
            return Err(Wrong::one(node, format!("{shown} is {quotes}not a whole number")));
        };
        match u32::try_from(number) {
            Ok(number) if self.range.contains(&number) => {
                if self.even && number % 2 == 1 {
                    Err(Wrong::one(node, format!("{number} is odd")))
                } else {
                    Ok(number)
                }
            }
            Ok(number) if number < *self.range.start() => {
                Err(Wrong::one(node, format!("{number} is too small")))
            }
            Ok(number) => Err(Wrong::one(node, format!("{number} is too large"))),
            Err(_) if number < 0 => Err(Wrong::one(node, format!("{number} is too small"))),
            Err(_) => Err(Wrong::one(node, format!("{number} is too large"))),
        }
    }

    fn allowed(&self) -> String {
        let even = if self.even { "an even" } else { "a whole" };
        format!(
            "{even} number from {} to {}",
            self.range.start(),
            self.range.end()
        )
    }

    fn schema(&self) -> Json {
        let (least, most) = (self.range.start(), self.range.end());
        let mut schema = json!({ "type": "integer", "minimum": least, "maximum": most });
        if self.even {
            schema["multipleOf"] = 2.into();
        }
        schema
    }
}

/// `true` or `false`.
pub(super) struct Flag;

impl Limits for Flag {
    type Value = bool;

    fn read(&self, node: &Node) -> Result<bool, Vec<Wrong>> {
        match &node.value {
            Value::Flag(flag) => Ok(*flag),
            Value::Bare(text) if text == "true" => Ok(true),
            Value::Bare(text) if text == "false" => Ok(false),
            other => Err(Wrong::one(
                node,
                format!("{} is neither true nor false", other.shown()),
            )),
        }
    }

    fn allowed(&self) -> String {
        "true or false, without quotes".to_owned()
    }

    fn schema(&self) -> Json {
        json!({ "type": "boolean" })
    }
}

/// One of a few words.
pub(super) struct OneOf<T: 'static> {
    pub(super) words: &'static [(&'static str, T)],
    /// Words of the contract that this version cannot keep yet.
    pub(super) later: &'static [&'static str],
}

impl<T: Copy + 'static> Limits for OneOf<T> {
    type Value = T;

    fn read(&self, node: &Node) -> Result<T, Vec<Wrong>> {
        let shown = node.value.shown();
        let Some(text) = node.value.text() else {
            return Err(Wrong::one(node, format!("{shown} is not text in quotes")));
        };
        if let Some((_, value)) = self.words.iter().find(|(word, _)| *word == text) {
            return Ok(*value);
        }
        if self.later.contains(&text) {
            return Err(Wrong::one(node, format!("{shown} is not in this version yet")));
        }
        let known = self.words.iter().map(|(word, _)| *word);
        Err(Wrong::one(
            node,
            match nearest(text, known.clone().chain(self.later.iter().copied())) {
                Some(word) => format!("{shown} is not known, did you mean {word:?}?"),
                None => format!("{shown} is not known"),
            },
        ))
    }

    fn allowed(&self) -> String {
        let words: Vec<_> = self.words.iter().map(|(word, _)| *word).collect();
        format!("one of {}", words.join(", "))
    }

    fn schema(&self) -> Json {
        let words: Vec<_> = self.words.iter().map(|(word, _)| *word).collect();
        json!({ "enum": words })
    }
}

/// A list of at least one item, none of them twice.
pub(super) struct Each<L>(pub(super) L);

impl<L: Limits> Limits for Each<L> {
    type Value = Vec<L::Value>;

    fn read(&self, node: &Node) -> Result<Self::Value, Vec<Wrong>> {
        let spelt_out = node.spelt_out();
        let Value::List(items) = &spelt_out.value else {
            let wrong = format!("{} is not a list in [ ]", node.value.shown());
            return Err(Wrong::one(node, wrong));
        };
        if items.is_empty() {
            return Err(Wrong::one(node, "the list is empty"));
        }
        let mut seen = BTreeSet::new();
        let mut values = Vec::new();
        let mut wrong = Vec::new();
        for item in items {
            match self.0.read(item) {
                Ok(_)
                    if !seen.insert(
                        item.value
                            .text()
                            .map_or_else(|| item.value.shown(), str::to_owned),
                    ) =>
                {
                    wrong.extend(Wrong::one(
                        item,
                        format!("{} stands here twice", item.value.shown()),
                    ));
                }
                Ok(value) => values.push(value),
                Err(more) => wrong.extend(more),
            }
        }
        if wrong.is_empty() { Ok(values) } else { Err(wrong) }
    }

    fn allowed(&self) -> String {
        format!("a list in [ ], each item {}", self.0.allowed())
    }

    fn schema(&self) -> Json {
        json!({ "type": "array", "items": self.0.schema(), "minItems": 1, "uniqueItems": true })
    }
}
