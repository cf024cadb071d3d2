//! What is wrong with a configuration, and where.
//!
//! A fault is one line for a person: `file:line:column key: what is wrong; what is allowed;
//! example`. Faults are collected, never returned at the first, and leave in the order of the
//! files. No fault repeats a value that may be a secret.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use super::key::Asked;
use super::merge::PREFIX;

/// How deep one must look to see a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layer {
    /// The text: whether it is TOML, each key is known, and each value is what its key takes.
    Text,
    /// What values say of each other: each is right by itself, and they do not go together.
    References,
}

/// One thing wrong with the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The file as its reader called it, or the environment variable.
    pub file: String,
    /// Counted from 1; 1 for an environment variable.
    pub line: usize,
    /// In characters, counted from 1; 1 for an environment variable.
    pub column: usize,
    /// The key with its section, such as `storage.sync_every`.
    pub key: String,
    /// `what is wrong; what is allowed; example`, one line.
    pub message: String,
    /// Which check saw it.
    pub layer: Layer,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}:{}:{} {}: {}",
            self.file, self.line, self.column, self.key, self.message
        )
    }
}

/// Every fault of a configuration, in the order of its files; at least one. Prints one a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(transparent)]
pub struct Faults(Vec<Fault>);

impl Faults {
    /// The faults, in the order of the files.
    #[must_use]
    pub fn as_slice(&self) -> &[Fault] {
        &self.0
    }

    /// Those that one check saw; `None` if it saw none.
    #[must_use]
    pub fn of(&self, layer: Layer) -> Option<Self> {
        let faults: Vec<_> = self
            .0
            .iter()
            .filter(|fault| fault.layer == layer)
            .cloned()
            .collect();
        (!faults.is_empty()).then_some(Self(faults))
    }
}

impl From<Fault> for Faults {
    fn from(fault: Fault) -> Self {
        Self(vec![fault])
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            fault.fmt(f)?;
        }
        Ok(())
    }
}

/// Where a key or a value stands. Ordered as people read: file by file, top to bottom.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// The layer's number; environment variables come after the last file.
    pub(super) layer: usize,
    pub(super) line: usize,
    pub(super) column: usize,
    pub(super) file: Arc<str>,
}

impl Place {
    /// The first character of a file, for what is wrong with the whole of it.
    pub(super) fn top(layer: usize, file: &str) -> Self {
        Self {
            layer,
            line: 1,
            column: 1,
            file: file.into(),
        }
    }
}

/// What comes out of reading, while it goes on: the faults, and which sections were read how.
#[derive(Default)]
pub(super) struct Findings {
    sections: Vec<Asked>,
    found: Vec<(Place, Fault)>,
    absent: Vec<(Place, Fault)>,
    unreadable: bool,
}

impl Findings {
    /// Notes a fault; the three parts make its message.
    pub(super) fn add(&mut self, at: &Place, key: &str, wrong: &str, allowed: &str, example: &str) {
        self.add_in(Layer::Text, at, key, wrong, allowed, example);
    }

    /// The same for a fault of another check.
    pub(super) fn add_in(
        &mut self,
        layer: Layer,
        at: &Place,
        key: &str,
        wrong: &str,
        allowed: &str,
        example: &str,
    ) {
        let fault = Fault {
            layer,
            ..fault(at, key, wrong, allowed, example)
        };
        self.found.push((at.clone(), fault));
    }

    /// Keeps what a section was asked for.
    pub(super) fn note_section(&mut self, asked: Asked) {
        self.sections.push(asked);
    }

    /// The sections that were read so far, in the order in which their reading ended.
    pub(super) fn take_sections(&mut self) -> Vec<Asked> {
        std::mem::take(&mut self.sections)
    }

    /// Notes that something is not there. Dropped again if a line could not be read, because
    /// what is missing may stand in that very line.
    pub(super) fn add_absent(&mut self, at: &Place, key: &str, wrong: &str, allowed: &str, example: &str) {
        self.absent
            .push((at.clone(), fault(at, key, wrong, allowed, example)));
    }

    /// Notes a line that is not TOML.
    pub(super) fn add_unreadable(&mut self, at: &Place, key: &str, words: &super::syntax::Words) {
        self.unreadable = true;
        self.add(at, key, &words.wrong, words.allowed, words.example);
    }

    /// All of them in the order of the files, or `None` when there is no fault.
    pub(super) fn into_faults(self) -> Option<Faults> {
        let mut all = self.found;
        if !self.unreadable {
            all.extend(self.absent);
        }
        all.sort_by(|(a, x), (b, y)| a.cmp(b).then_with(|| x.key.cmp(&y.key)));
        all.dedup();
        let faults: Vec<_> = all.into_iter().map(|(_, fault)| fault).collect();
        (!faults.is_empty()).then_some(Faults(faults))
    }
}

fn fault(at: &Place, key: &str, wrong: &str, allowed: &str, example: &str) -> Fault {
    let variable = as_variable(&at.file, example);
    let example = variable.as_deref().unwrap_or(example);
    Fault {
        file: at.file.to_string(),
        line: at.line,
        column: at.column,
        // A key in quotes may hold anything; a fault is one line.
        key: key.escape_debug().to_string(),
        message: format!("{wrong}; {allowed}; example: {example}"),
        layer: Layer::Text,
    }
}

/// `key = "value"` as the variable that sets this very key; `None` where there is no variable.
fn as_variable(file: &str, example: &str) -> Option<String> {
    let (key, value) = example.split_once(" = ")?;
    let own = file.starts_with(PREFIX) && file.ends_with(&format!("__{}", key.to_uppercase()));
    // Text stands in a variable as it is; a list keeps its quotes.
    let text = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
    own.then(|| format!("{file}={}", text.unwrap_or(value)))
}

/// "a, b and c".
pub(super) fn listed<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let words: Vec<_> = words.into_iter().collect();
    match words.as_slice() {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

/// The word of `known` that `word` was most likely meant to be, if one is near enough.
pub(super) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |text: &str| text.to_lowercase().replace('-', "_");
    let word = plain(word);
    // One slip in a short word, two in a usual one, three in a long one.
    let most = (word.chars().count() / 3).clamp(1, 3);
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&word, &plain(candidate)), candidate))
        .filter(|(distance, _)| *distance <= most)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_find_the_word_that_was_meant() {
        let known = ["path", "reserve", "sync_every", "segment", "keep_sent"];
        assert_eq!(nearest("sync_evry", known), Some("sync_every"));
        assert_eq!(nearest("sync-every", known), Some("sync_every"));
        assert_eq!(nearest("Path", known), Some("path"));
        assert_eq!(nearest("keep_snet", known), Some("keep_sent"));
        assert_eq!(nearest("colour", known), None);
    }
}
