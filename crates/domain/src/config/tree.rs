//! A configuration file as a tree in which every key and value knows its place.
//!
//! Owned, so that the layers of several files and the environment can be merged into one tree;
//! it knows TOML's types and nothing of what the keys mean.

use std::sync::Arc;

use toml::de::{DeTable, DeValue};

use super::faults::Place;

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) at: Place,
    pub(super) value: Value,
}

impl Node {
    /// A single value in TOML, such as a default or a variable's text; all of it stands at `at`.
    ///
    /// # Errors
    /// The parser's, when it is not one value.
    pub(super) fn from_toml(at: &Place, text: &str) -> Result<Self, toml::de::Error> {
        let value = DeValue::parse(text)?;
        Ok(Origin::new(at.layer, &at.file, "").node(0, value.get_ref()))
    }

    /// A list or table that a variable holds as text; any other value as it is.
    pub(super) fn spelt_out(&self) -> std::borrow::Cow<'_, Self> {
        if let Value::Bare(text) = &self.value
            && text.trim_start().starts_with(['[', '{'])
            && let Ok(node) = Self::from_toml(&self.at, text.trim())
        {
            return std::borrow::Cow::Owned(node);
        }
        std::borrow::Cow::Borrowed(self)
    }
}

/// A value of TOML, or of the environment.
#[derive(Clone, Debug)]
pub(super) enum Value {
    /// Text in quotes.
    Text(String),
    /// From the environment: becomes text, a number or a flag as its key needs.
    Bare(String),
    /// A whole number.
    Whole(i64),
    /// `true` or `false`.
    Flag(bool),
    /// `[…]`, or all tables of one `[[name]]`.
    List(Vec<Node>),
    /// `[name]`, one `[[name]]`, or `{…}`.
    Table(Table),
    /// What no key takes: a fraction, a date, a number beyond 64 bits; as people call it.
    Other(&'static str),
}

/// A table in the order of its keys.
#[derive(Clone, Debug)]
pub(super) struct Table {
    /// The header, or the place where the table was first needed.
    pub(super) at: Place,
    pub(super) entries: Vec<Entry>,
}

/// A key with its value.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) at: Place,
    pub(super) node: Node,
}

impl Table {
    /// A table without keys.
    pub(super) fn empty(at: Place) -> Self {
        Self {
            at,
            entries: Vec::new(),
        }
    }

    /// The entry of a key.
    pub(super) fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }

    /// The value of a key, for merging.
    pub(super) fn node_mut(&mut self, key: &str) -> Option<&mut Node> {
        self.entries
            .iter_mut()
            .find(|entry| entry.key == key)
            .map(|entry| &mut entry.node)
    }

    /// The text of a key; `None` if it is not there or not text.
    pub(super) fn text(&self, key: &str) -> Option<&str> {
        self.entry(key).and_then(|entry| entry.node.value.text())
    }

    /// Sets a key, in place of an earlier value.
    pub(super) fn set(&mut self, new: Entry) {
        match self.entries.iter_mut().find(|entry| entry.key == new.key) {
            Some(entry) => *entry = new,
            None => self.entries.push(new),
        }
    }
}

impl Value {
    /// The text of a value that is text.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) | Self::Bare(text) => Some(text),
            Self::Whole(_) | Self::Flag(_) | Self::List(_) | Self::Table(_) | Self::Other(_) => None,
        }
    }

    /// The value in the words of a fault; long text is cut.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Text(text) | Self::Bare(text) => shown(text),
            Self::Whole(number) => number.to_string(),
            Self::Flag(flag) => flag.to_string(),
            Self::List(_) => "a list".to_owned(),
            Self::Table(_) => "a table".to_owned(),
            Self::Other(what) => (*what).to_owned(),
        }
    }
}

/// Text in quotes on one line, cut after 40 characters.
pub(super) fn shown(text: &str) -> String {
    match text.char_indices().nth(40) {
        Some((cut, _)) => format!("{:?}", format!("{}…", &text[..cut])),
        None => format!("{text:?}"),
    }
}

/// Where the text of one file lies, to turn byte offsets into places.
pub(super) struct Origin<'t> {
    layer: usize,
    file: Arc<str>,
    text: &'t str,
    /// Where each line begins. Every key asks for two places; to count the lines before each
    /// would take the square of a file's length.
    lines: Vec<usize>,
}

impl<'t> Origin<'t> {
    pub(super) fn new(layer: usize, file: &Arc<str>, text: &'t str) -> Self {
        let after_newlines = text.match_indices('\n').map(|(at, _)| at + 1);
        Self {
            layer,
            file: Arc::clone(file),
            text,
            lines: std::iter::once(0).chain(after_newlines).collect(),
        }
    }

    /// The character at a byte offset.
    pub(super) fn place(&self, offset: usize) -> Place {
        let offset = self.text.floor_char_boundary(offset);
        let (before, _) = self
            .lines
            .split_at(self.lines.partition_point(|start| *start <= offset));
        let start = before.last().copied().unwrap_or(0);
        Place {
            layer: self.layer,
            line: before.len(),
            column: self.text[start..offset].chars().count() + 1,
            file: Arc::clone(&self.file),
        }
    }

    /// The tree of a parsed document or table.
    pub(super) fn table(&self, at: Place, table: &DeTable<'_>) -> Table {
        let mut entries: Vec<_> = table
            .iter()
            .map(|(key, value)| Entry {
                key: key.get_ref().to_string(),
                at: self.place(key.span().start),
                node: self.node(value.span().start, value.get_ref()),
            })
            .collect();
        // The parser sorts by key; people read from top to bottom.
        entries.sort_by(|a, b| a.at.cmp(&b.at));
        Table { at, entries }
    }

    fn node(&self, offset: usize, value: &DeValue<'_>) -> Node {
        let at = self.place(offset);
        let value = match value {
            DeValue::String(text) => Value::Text(text.to_string()),
            DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
                .map_or(Value::Other("a number beyond all limits"), Value::Whole),
            DeValue::Float(_) => Value::Other("a number with a fraction"),
            DeValue::Boolean(flag) => Value::Flag(*flag),
            DeValue::Datetime(_) => Value::Other("a date or time"),
            DeValue::Array(items) => Value::List(
                items
                    .iter()
                    .map(|item| self.node(item.span().start, item.get_ref()))
                    .collect(),
            ),
            DeValue::Table(table) => Value::Table(self.table(at.clone(), table)),
        };
        Node { at, value }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_lines_and_characters_and_not_bytes() {
        let text = "a = 1\nname = \"é\" x\n\nb";
        let origin = Origin::new(0, &"f".into(), text);
        let place = |offset| {
            let place = origin.place(offset);
            (place.line, place.column)
        };
        let at = |part| place(text.find(part).expect("it is in the text"));
        assert_eq!((at("a"), at("\nn"), at("name")), ((1, 1), (1, 6), (2, 1)));
        assert_eq!((at(" x"), at("\nb"), at("b")), ((2, 11), (3, 1), (4, 1)));
        // The middle of a character belongs to it, and what is past the end is the end.
        assert_eq!((place(15), place(text.len() + 9)), ((2, 9), (4, 2)));
        assert_eq!(Origin::new(0, &"f".into(), "").place(0).line, 1);
    }
}
