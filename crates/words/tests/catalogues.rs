//! The five catalogues say the same: every key, part and argument is in all of them, counted as
//! each language counts, and every key that the program uses is there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::{env, fs};

use fluent_syntax::ast::{Entry, Expression, InlineExpression, Pattern, PatternElement, Variant, VariantKey};
use fluent_syntax::parser::parse;

const LANGUAGES: [&str; 5] = ["en", "fr", "zh", "ru", "ar"];
const FILES: [&str; 5] = [
    "page.ftl",
    "messages.ftl",
    "written.ftl",
    "captions.ftl",
    "notices.ftl",
];
/// The plural categories of CLDR.
const CATEGORIES: [&str; 6] = ["zero", "one", "two", "few", "many", "other"];

/// What one text of one language has in it.
#[derive(Debug, Default)]
struct Text {
    /// Names of arguments, also of those that only choose.
    args: BTreeSet<String>,
    /// By the argument that chooses: the words between which it chooses, the default's too.
    choices: BTreeMap<String, BTreeSet<String>>,
    /// By the argument that is counted: the categories and numbers that are told apart.
    counts: BTreeMap<String, BTreeSet<String>>,
}

impl Text {
    fn read(&mut self, pattern: &Pattern<String>) {
        for element in &pattern.elements {
            if let PatternElement::Placeable { expression } = element {
                self.read_expression(expression);
            }
        }
    }

    fn read_expression(&mut self, expression: &Expression<String>) {
        match expression {
            Expression::Inline(inline) => self.read_inline(inline),
            Expression::Select { selector, variants } => {
                self.read_inline(selector);
                if let InlineExpression::VariableReference { id } = selector {
                    let keys = variants.iter().map(key).collect();
                    let by_count = counts(variants);
                    let of = if by_count {
                        &mut self.counts
                    } else {
                        &mut self.choices
                    };
                    of.insert(id.name.clone(), keys);
                }
                for variant in variants {
                    self.read(&variant.value);
                }
            }
        }
    }

    fn read_inline(&mut self, inline: &InlineExpression<String>) {
        match inline {
            InlineExpression::VariableReference { id } => {
                self.args.insert(id.name.clone());
            }
            InlineExpression::Placeable { expression } => self.read_expression(expression),
            InlineExpression::StringLiteral { .. } | InlineExpression::NumberLiteral { .. } => {}
            other => panic!("the catalogues use arguments and texts only: {other:?}"),
        }
    }
}

fn key(variant: &Variant<String>) -> String {
    match &variant.key {
        VariantKey::Identifier { name } => name.clone(),
        VariantKey::NumberLiteral { value } => value.clone(),
    }
}

/// Whether a number chooses: its variants are numbers and categories, and not `other` alone.
fn counts(variants: &[Variant<String>]) -> bool {
    let keys: Vec<String> = variants.iter().map(key).collect();
    let of_a_count = |key: &String| {
        CATEGORIES.contains(&key.as_str()) || key.chars().all(|letter| letter.is_ascii_digit())
    };
    keys.iter().all(of_a_count)
}

/// Every text of one file, by `key` and `key.part`; panics where it cannot be parsed.
fn texts(language: &str, file: &str) -> BTreeMap<String, Text> {
    let path = root().join("lang").join(language).join(file);
    let source = fs::read_to_string(&path).expect("every language has every file");
    let resource = parse(source).unwrap_or_else(|(_, errors)| panic!("{}: {errors:?}", path.display()));
    let mut texts = BTreeMap::new();
    let mut add = |id: String, pattern: &Pattern<String>| {
        let mut text = Text::default();
        text.read(pattern);
        let before = texts.insert(id.clone(), text);
        assert!(before.is_none(), "{}: {id} is there twice", path.display());
    };
    for entry in &resource.body {
        match entry {
            Entry::Message(message) => {
                let value = message
                    .value
                    .as_ref()
                    .unwrap_or_else(|| panic!("{:?} is empty", message.id));
                add(message.id.name.clone(), value);
                for part in &message.attributes {
                    add(format!("{}.{}", message.id.name, part.id.name), &part.value);
                }
            }
            Entry::Comment(_) | Entry::GroupComment(_) | Entry::ResourceComment(_) => {}
            other => panic!("{}: {other:?}", path.display()),
        }
    }
    texts
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Fails with every finding.
#[track_caller]
fn none(findings: &[String]) {
    assert!(
        findings.is_empty(),
        "{} findings:\n{}",
        findings.len(),
        findings.join("\n")
    );
}

#[test]
fn every_key_part_and_argument_is_in_all_five_languages() {
    let mut findings = Vec::new();
    for file in FILES {
        let english = texts("en", file);
        for language in LANGUAGES {
            let other = texts(language, file);
            for id in english.keys().filter(|id| !other.contains_key(*id)) {
                findings.push(format!("{language}/{file}: {id} is missing"));
            }
            for (id, text) in &other {
                let Some(model) = english.get(id) else {
                    findings.push(format!("{language}/{file}: {id} is not in English"));
                    continue;
                };
                if text.args != model.args {
                    findings.push(format!(
                        "{language}/{file}: {id} has {:?}, English has {:?}",
                        text.args, model.args
                    ));
                }
                if text.choices != model.choices {
                    findings.push(format!(
                        "{language}/{file}: {id} chooses between {:?}, English between {:?}",
                        text.choices, model.choices
                    ));
                }
            }
        }
    }
    none(&findings);
}

/// The categories that a counted text must tell apart; what its default covers is not named.
fn needed(language: &str) -> &'static [&'static str] {
    match language {
        "en" | "fr" => &["one"],
        "ru" => &["one", "few"],
        "ar" => &["one", "two", "few"],
        // Nothing changes with the number.
        _ => &[],
    }
}

#[test]
fn every_language_counts_as_it_does() {
    let mut findings = Vec::new();
    for file in FILES {
        let english = texts("en", file);
        for language in LANGUAGES {
            for (id, text) in texts(language, file) {
                let counted = english.get(&id).map(|model| &model.counts).into_iter().flatten();
                for (arg, keys) in counted {
                    // A text such as a date names single numbers only.
                    let inflects = keys
                        .iter()
                        .any(|key| key != "other" && CATEGORIES.contains(&key.as_str()));
                    if inflects && !text.counts.contains_key(arg) && !needed(language).is_empty() {
                        findings.push(format!("{language}/{file}: {id} does not count by {arg}"));
                    }
                }
                for (arg, keys) in &text.counts {
                    let inflected: Vec<&str> = keys
                        .iter()
                        .map(String::as_str)
                        .filter(|key| CATEGORIES.contains(key) && *key != "other")
                        .collect();
                    if inflected.is_empty() {
                        continue;
                    }
                    if needed(language).is_empty() {
                        findings.push(format!(
                            "{language}/{file}: {id} has no use for {inflected:?} of {arg}"
                        ));
                    }
                    for category in needed(language)
                        .iter()
                        .filter(|category| !inflected.contains(category))
                    {
                        findings.push(format!("{language}/{file}: {id} lacks [{category}] of {arg}"));
                    }
                }
            }
        }
    }
    none(&findings);
}

#[test]
fn every_message_has_three_parts() {
    let texts = texts("en", "messages.ftl");
    let mut findings = Vec::new();
    for id in texts
        .keys()
        .filter(|id| id.starts_with("message-") && !id.contains('.'))
    {
        for part in ["safe", "todo"] {
            if !texts.contains_key(&format!("{id}.{part}")) {
                findings.push(format!("{id} does not say .{part}"));
            }
        }
    }
    none(&findings);
}

/// The product's sources, without those of this crate's own tests.
fn sources() -> String {
    let crates = root().join("..");
    let mut folders: Vec<PathBuf> = ["daemon", "finish", "herald", "panel", "words"]
        .map(|room| crates.join(room).join("src"))
        .into();
    let mut all = String::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of the tree can be listed") {
            let path = entry.expect("a folder of the tree can be listed").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                all.push_str(&product(&path));
            }
        }
    }
    all
}

/// A file without the tests at its end.
fn product(path: &Path) -> String {
    let text = fs::read_to_string(path).expect("a file of the tree can be read");
    let end = text.find("#[cfg(test)]\nmod ").unwrap_or(text.len());
    text[..end].to_owned()
}

/// Literals of the sources that can only be keys of `messages.ftl`.
fn keys_of(sources: &str) -> BTreeSet<&str> {
    let is_key = |text: &&str| {
        ["message-", "refused-"]
            .iter()
            .any(|prefix| text.strip_prefix(prefix).is_some_and(|rest| !rest.is_empty()))
            && text
                .chars()
                .all(|letter| letter.is_ascii_lowercase() || letter == '-')
    };
    sources.split('"').filter(is_key).collect()
}

#[test]
fn every_key_of_the_program_has_its_sentence_and_every_sentence_its_use() {
    let sources = sources();
    let used = keys_of(&sources);
    let texts = texts("en", "messages.ftl");
    let there: BTreeSet<&str> = texts
        .keys()
        .map(String::as_str)
        .filter(|id| !id.contains('.'))
        .collect();
    let mut findings = Vec::new();
    for key in used.difference(&there) {
        findings.push(format!(
            "{key}: the program says it, and messages.ftl does not have it"
        ));
    }
    for key in there.difference(&used) {
        findings.push(format!("{key}: nothing in the program says it"));
    }
    none(&findings);
}

/// Calls of `Voice` with a key that stands there.
const CALLS: [&str; 6] = ["word(\"", "say(\"", "plain(\"", "keyed(\"", "find(\"", "told(\""];

#[test]
fn every_key_that_a_voice_is_asked_for_is_in_a_catalogue() {
    let sources = sources();
    let known: BTreeSet<String> = FILES
        .iter()
        .flat_map(|file| texts("en", file).into_keys())
        .collect();
    let mut findings = BTreeSet::new();
    for call in CALLS {
        for asked in sources.match_indices(call) {
            let rest = &sources[asked.0 + call.len()..];
            let key = rest.split('"').next().unwrap_or_default();
            let is_key = key.contains('-') && key.chars().all(|c| c.is_ascii_lowercase() || "-.".contains(c));
            if is_key && !known.contains(key) {
                findings.insert(format!("{key}: no catalogue has it"));
            }
        }
    }
    none(&findings.into_iter().collect::<Vec<_>>());
}
