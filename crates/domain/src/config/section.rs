//! Reads one section key by key, and then names every key that nobody asked for.
//!
//! What a section's keys mean is said where they are read; here is what all sections share:
//! places, the wording of faults, "did you mean", and secrets that must not stand in a file.

use std::borrow::Cow;

use super::faults::{Findings, Layer, Place, listed, nearest};
use super::key::{Answer, Asked, Declared};
pub(super) use super::key::{Elsewhere, Key, NAME_ALLOWED, NAME_PATTERN, WithDefault};
use super::limits::{Limits, Wrong};
use super::tree::{Entry, Node, Table};
use crate::ids::SourceName;

/// Keys that people give a secret to elsewhere.
const SECRETS: [&str; 14] = [
    "token",
    "password",
    "passwd",
    "pass",
    "passphrase",
    "secret",
    "api_key",
    "apikey",
    "access_key",
    "secret_key",
    "private_key",
    "auth",
    "authorization",
    "pin",
];

/// A section that is being read.
pub(super) struct Section<'t, 'f> {
    /// As the file writes it: `[storage]`, `[[source]]`.
    title: &'static str,
    /// In front of its keys in a fault: `storage`, `source.camera`.
    path: String,
    table: &'t Table,
    /// Name and example of each key that was asked for.
    asked: Vec<(&'static str, &'static str)>,
    answers: Vec<Answer>,
    missing: Vec<Missing<'t>>,
    findings: &'f mut Findings,
}

/// A key that must be there and is not, unless a slip in its name explains it.
struct Missing<'t> {
    at: &'t Place,
    name: &'static str,
    wrong: String,
    allowed: String,
    example: Cow<'static, str>,
}

impl<'t, 'f> Section<'t, 'f> {
    pub(super) fn new(
        title: &'static str,
        path: String,
        table: &'t Table,
        findings: &'f mut Findings,
    ) -> Self {
        Self {
            title,
            path,
            table,
            asked: Vec::new(),
            answers: Vec::new(),
            missing: Vec::new(),
            findings,
        }
    }

    /// One table of a list of named tables; it is called by its name, else by its number.
    pub(super) fn of_list(
        title: &'static str,
        list: &str,
        number: usize,
        table: &'t Table,
        findings: &'f mut Findings,
    ) -> Self {
        let path = match table.text("name").map(str::parse::<SourceName>) {
            Some(Ok(name)) => format!("{list}.{name}"),
            Some(Err(_)) | None => format!("{list}[{number}]"),
        };
        Self::new(title, path, table, findings)
    }

    /// Reports a name that an earlier table of the list has; `names` are theirs.
    pub(super) fn check_name_is_new(&mut self, names: &mut Vec<(&'t str, &'t Place)>) {
        let (Some(name), Some(entry)) = (self.table.text("name"), self.table.entry("name")) else {
            return;
        };
        if let Some((_, first)) = names.iter().find(|(other, _)| *other == name) {
            let wrong = format!(
                "the name is taken by the {} of {}:{}",
                self.title, first.file, first.line
            );
            let allowed = format!("each {} has a name of its own", self.title);
            self.refuse("name", &wrong, &allowed, &format!("name = \"{name}-2\""));
        }
        names.push((name, &entry.at));
    }

    /// The value of a key; `None` when it is not there, or wrong and reported.
    pub(super) fn get<L: Limits>(&mut self, key: &'static Key<L>) -> Option<L::Value> {
        self.note(key);
        self.read(key)
    }

    /// The value of a key, or its default when it is not there, or wrong and reported.
    pub(super) fn get_or_default<L: Limits>(&mut self, key: &'static WithDefault<L>) -> L::Value {
        self.note(key);
        self.read(&key.key).unwrap_or_else(|| {
            let node = Node::from_toml(&Place::top(usize::MAX, "default"), key.default);
            let value = node
                .map_err(|_| Vec::new())
                .and_then(|node| key.key.limits.read(&node));
            value.unwrap_or_else(|wrongs: Vec<Wrong>| {
                unreachable!("{}: a default is within its own limits: {wrongs:?}", key.key.name)
            })
        })
    }

    fn note(&mut self, key: &'static dyn Declared) {
        self.asked.push((key.name(), key.example()));
        self.answers.push(Answer {
            key,
            said: self.table.entry(key.name()).map(|entry| entry.node.clone()),
            is_needed: false,
        });
    }

    fn read<L: Limits>(&mut self, key: &Key<L>) -> Option<L::Value> {
        let entry = self.table.entry(key.name)?;
        match key.limits.read(&entry.node) {
            Ok(value) => Some(value),
            Err(wrongs) => {
                let allowed = format!("allowed is {}", key.limits.allowed());
                let path = self.key_path(key.name);
                for wrong in wrongs {
                    self.findings
                        .add(&wrong.at, &path, &wrong.text, &allowed, key.example);
                }
                None
            }
        }
    }

    /// The value of a key that must be there.
    pub(super) fn require<L: Limits>(&mut self, key: &'static Key<L>) -> Option<L::Value> {
        if !self.has(key.name) {
            // A later layer's kind asks for keys that the table's own layer did not need.
            let kind = self.table.entry("kind").map(|entry| &entry.at);
            let at = kind.filter(|kind| kind.layer > self.table.at.layer);
            self.missing.push(Missing {
                at: at.unwrap_or(&self.table.at),
                name: key.name,
                wrong: "is missing".to_owned(),
                allowed: format!("allowed is {}", key.limits.allowed()),
                example: key.example.into(),
            });
        }
        self.note(key);
        if let Some(answer) = self.answers.last_mut() {
            answer.is_needed = true;
        }
        self.read(key)
    }

    /// Reports `key` as missing if `beside` is there without it.
    pub(super) fn require_beside<L: Limits>(&mut self, key: &Key<L>, beside: &str) {
        if self.has(beside) && !self.has(key.name) {
            self.missing.push(Missing {
                at: self.place_of(beside),
                name: key.name,
                wrong: format!("is missing beside {beside}"),
                allowed: "allowed are both or none of them".to_owned(),
                example: key.example.into(),
            });
        }
    }

    /// Reports that neither of the keys is there that say where a secret lies. `beside` is the key
    /// that asks for it, if one does.
    pub(super) fn require_secret(&mut self, name: &'static str, file: &'static str, beside: Option<&str>) {
        if self.has(name) || self.has(file) {
            return;
        }
        let whose = self.path.rsplit('.').next().unwrap_or(&self.path);
        let whose = whose.split('[').next().unwrap_or(whose);
        let beside_it = beside.map_or_else(String::new, |beside| format!(" beside {beside}"));
        self.missing.push(Missing {
            at: beside.map_or(&self.table.at, |beside| self.place_of(beside)),
            name,
            wrong: format!("is missing{beside_it}"),
            allowed: format!("say where the secret lies, with {name} (systemd loads it) or {file} (a path)"),
            example: format!("{file} = \"/etc/lectern/{whose}-secret\"").into(),
        });
    }

    /// Lets a key pass that cannot be judged, because another fault hides what it belongs to.
    pub(super) fn pass_over(&mut self, name: &'static str, example: &'static str) {
        if !self.asked.iter().any(|(asked, _)| *asked == name) {
            self.asked.push((name, example));
        }
    }

    /// Whether the key stands in the file, right or wrong.
    pub(super) fn has(&self, name: &str) -> bool {
        self.table.entry(name).is_some()
    }

    /// Reports a value that is right by itself but not beside the others.
    pub(super) fn refuse(&mut self, name: &str, wrong: &str, allowed: &str, example: &str) {
        let path = self.key_path(name);
        self.findings.add_in(
            Layer::References,
            self.place_of(name),
            &path,
            wrong,
            allowed,
            example,
        );
    }

    /// Reports every key that was not asked for, `elsewhere` explaining the known ones, and every
    /// key that is missing.
    pub(super) fn finish(mut self, elsewhere: &[Elsewhere]) {
        let table = self.table;
        let mut meant = Vec::new();
        for entry in &table.entries {
            if self.asked.iter().any(|(name, _)| *name == entry.key) {
                continue;
            }
            let path = self.key_path(&entry.key);
            if let Some(known) = elsewhere.iter().find(|known| known.name == entry.key) {
                self.findings
                    .add(&entry.at, &path, &known.wrong, &known.allowed, known.example);
            } else if is_secret(&entry.key) {
                let (allowed, example) = if entry.key == "pin" {
                    (
                        "take it out, change it, and name the file with it, with pin_file",
                        "pin_file = \"/etc/lectern/pin\"",
                    )
                } else {
                    (
                        "take it out, change it, and name where it lies, with credential or credential_file",
                        "credential_file = \"/etc/lectern/secret\"",
                    )
                };
                let wrong = "a secret must not stand in this file";
                self.findings.add(&entry.at, &path, wrong, allowed, example);
            } else {
                meant.extend(self.unknown(entry, elsewhere));
            }
        }
        // A slip in its name has been reported as that, and is not something missing as well.
        for missing in self
            .missing
            .iter()
            .filter(|missing| !meant.contains(&missing.name))
        {
            let path = self.key_path(missing.name);
            self.findings.add_absent(
                missing.at,
                &path,
                &missing.wrong,
                &missing.allowed,
                &missing.example,
            );
        }
        self.findings.note_section(Asked {
            title: self.title,
            path: self.path,
            answers: self.answers,
        });
    }

    /// Reports an unknown key; returns the one that was probably meant.
    fn unknown(&mut self, entry: &Entry, elsewhere: &[Elsewhere]) -> Option<&'static str> {
        let elsewhere = elsewhere.iter().map(|known| (known.name, known.example));
        let known: Vec<_> = self.asked.iter().copied().chain(elsewhere).collect();
        let meant = nearest(&entry.key, known.iter().map(|(name, _)| *name));
        let mut wrong = format!("{:?} is not a key of {}", entry.key, self.title);
        if let Some(meant) = meant {
            wrong.push_str(&format!(", did you mean {meant:?}?"));
        }
        let names = listed(self.asked.iter().map(|(name, _)| *name));
        let of_meant = |(name, _): &&(&str, &str)| meant.is_none_or(|meant| meant == *name);
        let example = known.iter().find(of_meant).map_or("", |(_, example)| example);
        let path = self.key_path(&entry.key);
        self.findings.add(
            &entry.at,
            &path,
            &wrong,
            &format!("its keys are {names}"),
            example,
        );
        meant
    }

    fn key_path(&self, name: &str) -> String {
        format!("{}.{name}", self.path)
    }

    fn place_of(&self, name: &str) -> &'t Place {
        self.table.entry(name).map_or(&self.table.at, |entry| &entry.at)
    }
}

/// Whether people give a secret to such a key.
pub(crate) fn is_secret(key: &str) -> bool {
    SECRETS.contains(&key.to_lowercase().replace('-', "_").as_str())
}
