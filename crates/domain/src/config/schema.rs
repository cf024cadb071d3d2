//! The JSON Schema of a configuration file, for editors: what they complete, explain and refuse.
//!
//! It is asked of the readers themselves. Each section is read again and again with nothing, with
//! each of its kinds and with each key alone, and what the reader asked for is what a file may
//! say; so a key cannot be read without being in the schema, or the other way.
//!
//! A file may be one of several layers, so nothing but the `name` of a table that has one must be
//! there. What is missing after all layers, `lecternd check` says.

use serde_json::{Map, Value as Json, json};

use super::faults::{Findings, Place};
use super::key::Answer;
use super::read::{Form, NESTED, SECTIONS, read_root};
use super::tree::{Entry, Node, Table, Value};

/// The schema, draft 2020-12. It refuses nothing that [`super::Config::read`] takes as a layer.
#[must_use]
pub fn schema() -> Json {
    let mut sections = Map::new();
    for form in &SECTIONS {
        sections.insert(form.name.to_owned(), section(form));
    }
    for form in &NESTED {
        let (outer, inner) = form.name.split_once('.').unwrap_or((form.name, ""));
        sections[outer]["properties"][inner] = section(form);
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "lectern.toml",
        "description": "Lectern's configuration, or one layer of it: lectern.toml, then each file of lectern.d.",
        "type": "object",
        "properties": sections,
        "additionalProperties": false,
    })
}

fn section(form: &Form) -> Json {
    let bare = asked(form, &[]);
    let kinds = words(&bare, "kind");
    let roles = words(&bare, "role");
    let variants: Vec<_> = kinds
        .iter()
        .map(|kind| (kind, of_kind(form, kind, &roles)))
        .collect();
    let mut all = bare.clone();
    if variants.is_empty() {
        all.extend(beside_each(form, &bare, &[]));
    }
    for (_, answers) in &variants {
        all.extend(answers.iter().cloned());
    }
    let properties = properties(&all);
    let branches: Vec<_> = variants
        .iter()
        .map(|(kind, answers)| branch(kind, answers, &properties))
        .collect();
    let mut table = json!({
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    });
    if !branches.is_empty() {
        table["allOf"] = branches.into();
    }
    if !form.is_list() {
        table["description"] = form.about.into();
        return table;
    }
    if all
        .iter()
        .any(|answer| answer.key.name() == "name" && answer.is_needed)
    {
        table["required"] = json!(["name"]);
    }
    json!({ "description": form.about, "type": "array", "items": table })
}

/// All that a table of this kind may say, whatever its role.
fn of_kind(form: &Form, kind: &str, roles: &[String]) -> Vec<Answer> {
    let mut answers = Vec::new();
    let roles = roles.iter().map(Some).chain(roles.is_empty().then_some(None));
    for role in roles {
        let mut given = vec![("kind", text(kind))];
        given.extend(role.map(|role| ("role", text(role))));
        let bare = asked(form, &given);
        answers.extend(beside_each(form, &bare, &given));
        answers.extend(bare);
    }
    answers
}

/// What is asked beside each key of `bare` by itself.
fn beside_each(form: &Form, bare: &[Answer], given: &[(&'static str, Node)]) -> Vec<Answer> {
    let mut answers = Vec::new();
    for answer in bare {
        let name = answer.key.name();
        let value = answer.key.example().split_once(" = ").map(|(_, value)| value);
        let node = value.and_then(|value| Node::from_toml(&nowhere(), value).ok());
        if let Some(node) = node.filter(|_| given.iter().all(|(other, _)| *other != name)) {
            let given: Vec<_> = given.iter().cloned().chain([(name, node)]).collect();
            answers.extend(asked(form, &given));
        }
    }
    answers
}

/// What a section asks for that says just this.
fn asked(form: &Form, given: &[(&'static str, Node)]) -> Vec<Answer> {
    let mut table = Table::empty(nowhere());
    for (key, node) in given {
        table.set(entry(key, node.clone()));
    }
    let mut node = node(Value::Table(table));
    if form.is_list() {
        node = self::node(Value::List(vec![node]));
    }
    let mut root = Table::empty(nowhere());
    match form.name.split_once('.') {
        None => root.set(entry(form.name, node)),
        Some((outer, inner)) => {
            let mut table = Table::empty(nowhere());
            table.set(entry(inner, node));
            root.set(entry(outer, self::node(Value::Table(table))));
        }
    }
    let mut findings = Findings::default();
    // Most of these are not sound, and only the questions matter.
    drop(read_root(root, &mut findings));
    let sections = findings.take_sections().into_iter();
    let own = sections.filter(|asked| asked.title == form.title);
    own.flat_map(|asked| asked.answers).collect()
}

/// The words that a key may be, if it is one of a few.
fn words(answers: &[Answer], name: &str) -> Vec<String> {
    let key = answers.iter().find(|answer| answer.key.name() == name);
    let schema = key.map_or(Json::Null, |answer| answer.key.schema());
    let words = schema["enum"].as_array().into_iter().flatten();
    words
        .filter_map(|word| word.as_str().map(str::to_owned))
        .collect()
}

/// The rule for tables of one kind: the keys of other kinds may not stand there. Each is refused
/// by itself, so that an editor marks that key and not the whole table.
fn branch(kind: &str, answers: &[Answer], of_all: &Map<String, Json>) -> Json {
    let mut rules = properties(answers);
    rules.retain(|name, rule| of_all.get(name) != Some(rule));
    let own = |name: &str| answers.iter().any(|answer| answer.key.name() == name);
    for name in of_all.keys().filter(|name| !own(name)) {
        let about = format!("{name} does not belong to {kind}.");
        rules.insert(name.clone(), json!({ "not": {}, "description": about }));
    }
    json!({
        "if": { "properties": { "kind": { "const": kind } }, "required": ["kind"] },
        "then": { "properties": rules },
    })
}

/// Each key with its schema; one that means several things may be each of them.
fn properties(answers: &[Answer]) -> Map<String, Json> {
    let mut meanings: Vec<(&str, Vec<Json>)> = Vec::new();
    for answer in answers {
        let schema = described(answer);
        match meanings.iter_mut().find(|(name, _)| *name == answer.key.name()) {
            Some((_, schemas)) if schemas.contains(&schema) => {}
            Some((_, schemas)) => schemas.push(schema),
            None => meanings.push((answer.key.name(), vec![schema])),
        }
    }
    let one = |(name, mut schemas): (&str, Vec<Json>)| {
        if schemas.len() > 1 {
            // Which default holds depends on the rest of the table.
            for schema in &mut schemas {
                schema.as_object_mut().and_then(|fields| fields.remove("default"));
            }
            schemas.dedup();
        }
        let schema = match schemas.len() {
            1 => schemas.remove(0),
            _ => json!({ "anyOf": schemas }),
        };
        (name.to_owned(), schema)
    };
    meanings.into_iter().map(one).collect()
}

fn described(answer: &Answer) -> Json {
    let key = answer.key;
    let mut schema = key.schema();
    schema["description"] = format!("{} Allowed is {}.", key.about(), key.allowed()).into();
    if let Some(default) = key.default().and_then(plain) {
        schema["default"] = default;
    }
    let example = key.example().split_once(" = ");
    if let Some(example) = example.and_then(|(_, value)| plain(value)) {
        schema["examples"] = json!([example]);
    }
    schema
}

/// A value in TOML as JSON has it.
fn plain(text: &str) -> Option<Json> {
    let table: toml::Table = format!("value = {text}").parse().ok()?;
    serde_json::to_value(table.get("value")?).ok()
}

fn nowhere() -> Place {
    Place::top(0, "schema")
}

fn node(value: Value) -> Node {
    Node { at: nowhere(), value }
}

fn text(word: &str) -> Node {
    node(Value::Text(word.to_owned()))
}

fn entry(key: &str, node: Node) -> Entry {
    Entry {
        key: key.to_owned(),
        at: nowhere(),
        node,
    }
}
