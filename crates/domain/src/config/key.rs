//! A key as its section declares it: the one place that says its name, its meaning, its default
//! and what it may be. The reader, the JSON Schema and `lectern config show` all go by this.

use serde_json::Value as Json;

use super::limits::Limits;
use super::tree::Node;

/// What every `name` and `id` is made of.
pub(super) const NAME_ALLOWED: &str =
    "1 to 32 characters of a-z, 0-9, \"-\" and \"_\", beginning with a letter or digit";

/// The same for a schema.
pub(super) const NAME_PATTERN: &str = "^[a-z0-9][a-z0-9_-]{0,31}$";

/// A key as its section reads it.
pub(super) struct Key<L> {
    pub(super) name: &'static str,
    /// What it means, for the editor of a file. Also says what holds without the key if that is
    /// no value that could stand there.
    pub(super) about: &'static str,
    /// A line as it could stand in the file.
    pub(super) example: &'static str,
    pub(super) limits: L,
}

impl<L> Key<L> {
    /// The key with the value that holds when it is not there, as it would stand in the file.
    pub(super) const fn or(self, default: &'static str) -> WithDefault<L> {
        WithDefault { key: self, default }
    }
}

/// A key that has a default.
pub(super) struct WithDefault<L> {
    pub(super) key: Key<L>,
    /// In TOML; within the key's own limits, which a test proves for every key.
    pub(super) default: &'static str,
}

/// A key as those see it who only describe it.
pub(super) trait Declared {
    /// Without the section.
    fn name(&self) -> &'static str;

    /// One or two sentences.
    fn about(&self) -> &'static str;

    /// In TOML.
    fn default(&self) -> Option<&'static str>;

    /// `name = value`, in TOML.
    fn example(&self) -> &'static str;

    /// What it may be, in words; follows "allowed is".
    fn allowed(&self) -> String;

    /// What it may be, as JSON Schema. It refuses nothing that the reader takes.
    fn schema(&self) -> Json;
}

impl<L: Limits> Declared for Key<L> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn about(&self) -> &'static str {
        self.about
    }

    fn default(&self) -> Option<&'static str> {
        None
    }

    fn example(&self) -> &'static str {
        self.example
    }

    fn allowed(&self) -> String {
        self.limits.allowed()
    }

    fn schema(&self) -> Json {
        self.limits.schema()
    }
}

impl<L: Limits> Declared for WithDefault<L> {
    fn name(&self) -> &'static str {
        self.key.name
    }

    fn about(&self) -> &'static str {
        self.key.about
    }

    fn default(&self) -> Option<&'static str> {
        Some(self.default)
    }

    fn example(&self) -> &'static str {
        self.key.example
    }

    fn allowed(&self) -> String {
        self.key.limits.allowed()
    }

    fn schema(&self) -> Json {
        self.key.limits.schema()
    }
}

/// A key that a section asked for, and what the files say to it.
#[derive(Clone)]
pub(super) struct Answer {
    pub(super) key: &'static dyn Declared,
    /// `None`: no file has it.
    pub(super) said: Option<Node>,
    /// Whether it must be there.
    pub(super) is_needed: bool,
}

/// A section as it was read: everything that it asked for, in that order.
pub(super) struct Asked {
    /// As the file writes it: `[storage]`, `[[source]]`.
    pub(super) title: &'static str,
    /// In front of its keys: `storage`, `source.camera`.
    pub(super) path: String,
    pub(super) answers: Vec<Answer>,
}

/// A key that the section has, though not here: of another kind, or of a later version.
pub(super) struct Elsewhere {
    pub(super) name: &'static str,
    pub(super) wrong: String,
    pub(super) allowed: String,
    pub(super) example: &'static str,
}
