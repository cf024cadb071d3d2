//! A sentence for a person, so that it can be said in her language: a key of the catalogues, what
//! stands in it, and the same in English for logs and for programs without catalogues.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What stands in a sentence, by name.
pub type Args = BTreeMap<String, Arg>;

/// One thing that stands in a sentence. How it is written is the language's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Arg {
    /// As it is: a title, a path.
    Text(String),
    /// A number, also for the plural.
    Number(u64),
    /// Sources, written as a list; known names such as `camera` are translated.
    Sources(Vec<String>),
    /// A length of time in milliseconds.
    LengthMs(u64),
    /// A moment, in milliseconds since 1970: a time of day, with its date if that is another.
    AtUnixMs(i64),
    /// A size in bytes.
    Bytes(u64),
}

/// Arguments by their names.
#[must_use]
pub fn args<const N: usize>(named: [(&str, Arg); N]) -> Args {
    named.map(|(name, arg)| (name.to_owned(), arg)).into()
}

/// A sentence and its translation's key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sentence {
    /// English.
    pub text: String,
    /// Its key in the catalogues; empty when it is in none.
    pub key: String,
    /// What stands in it.
    pub args: Args,
}

impl From<String> for Sentence {
    fn from(text: String) -> Self {
        Self {
            text,
            ..Self::default()
        }
    }
}

impl From<&str> for Sentence {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl From<Sentence> for String {
    fn from(sentence: Sentence) -> Self {
        sentence.text
    }
}

impl std::fmt::Display for Sentence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}
