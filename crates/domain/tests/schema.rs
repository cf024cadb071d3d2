//! The JSON Schema against what it describes: it is current, it refuses what it can see, and it
//! never refuses what the reader takes.
//!
//! With `LECTERN_RENEW=1` in the environment `config/lectern.schema.json` is written instead of
//! compared.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use jsonschema::Validator;
use lectern_domain::config::{self, Config, ConfigFile, Layer};
use serde_json::Value as Json;

/// Broken configurations whose faults no schema can see, although each line of them is TOML:
/// something is missing after all layers, does not go with what stands elsewhere, or is no name
/// that the world knows.
const BEYOND_A_SCHEMA: [&str; 17] = [
    "credentials",
    "double-names",
    "empty",
    "gst-sound-with-a-size",
    "missing-keys",
    "no-source",
    "one-camera-twice",
    "platform-disk",
    "platform-in-the-spool",
    "platform-keys-missing",
    "remote-panel",
    "reserved-names",
    "secrets-missing",
    "spares",
    "timezone",
    "upload-stagger",
    "width-without-height",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn validator() -> Validator {
    jsonschema::draft202012::new(&config::schema()).expect("it is a schema")
}

/// A file as a validator sees it; `None` when it is not TOML.
fn document(text: &str) -> Option<Json> {
    let table: toml::Table = text.parse().ok()?;
    Some(serde_json::to_value(table).expect("a configuration has no dates"))
}

fn toml_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("the folder is in the repository") {
        let path = entry.expect("the folder can be listed").path();
        if path.is_dir() {
            files.extend(toml_files(&path));
        } else if path.extension().is_some_and(|ending| ending == "toml") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// Every sample, and both layers of the one that has layers.
fn samples() -> Vec<PathBuf> {
    let config = root().join("config");
    let mut samples = toml_files(&config);
    samples.retain(|path| path.parent() == Some(&config) || path.starts_with(config.join("thin-line")));
    assert_eq!(samples.len(), 8, "{samples:?}");
    samples
}

/// The default text with every key and example at work.
fn default_text_at_work() -> String {
    config::default_text()
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(code) if !code.starts_with([' ', ':']) => format!("{code}\n"),
            _ => format!("{line}\n"),
        })
        .collect()
}

#[test]
fn the_committed_schema_is_current() {
    let path = root().join("config/lectern.schema.json");
    let now = format!("{:#}\n", config::schema());
    if std::env::var_os("LECTERN_RENEW").is_some() {
        fs::write(&path, &now).expect("the schema can be written");
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == now,
        "config/lectern.schema.json is not current; renew it with LECTERN_RENEW=1 cargo test -p lectern-domain --test schema"
    );
}

#[test]
fn each_sample_and_the_default_text_pass() {
    let validator = validator();
    let mut texts = vec![
        ("default".to_owned(), config::default_text().to_owned()),
        ("default, all of it".to_owned(), default_text_at_work()),
    ];
    for path in samples() {
        let text = fs::read_to_string(&path).expect("a sample can be read");
        texts.push((path.display().to_string(), text));
    }
    for (name, text) in texts {
        let first = text.lines().next().unwrap_or("");
        if !name.starts_with("default, ") {
            assert!(
                first.starts_with("#:schema ") && first.ends_with("/lectern.schema.json"),
                "{name}: {first}"
            );
        }
        let document = document(&text).expect("a sample is TOML");
        let faults: Vec<_> = validator
            .iter_errors(&document)
            .map(|e| format!("{} at {}", e, e.instance_path()))
            .collect();
        assert!(faults.is_empty(), "{name}: {faults:#?}");
    }
}

#[test]
fn each_fault_that_a_schema_can_see_is_refused() {
    let validator = validator();
    let mut wrong = Vec::new();
    let mut beyond = BTreeSet::from(BEYOND_A_SCHEMA);
    let mut seen = 0;
    for path in toml_files(&root().join("fixtures/config")) {
        let Some(name) = path.file_stem().and_then(|stem| stem.to_str()) else {
            continue;
        };
        // The upper layer of a fixture is judged together with its lower one.
        let is_layer = path.parent().is_some_and(|folder| folder.extension().is_some());
        let text = fs::read_to_string(&path).expect("a fixture can be read");
        let Some(document) = document(&text) else { continue };
        let file = ConfigFile {
            name: name.to_owned(),
            text,
        };
        let has_faults = Config::examine(&[file], &[])
            .faults
            .is_some_and(|f| f.of(Layer::Text).is_some());
        let accepted = validator.is_valid(&document);
        let may_pass = beyond.remove(name) || is_layer || !has_faults;
        match (accepted, may_pass) {
            (true, false) => wrong.push(format!("{name}: is not refused")),
            (false, true) if !is_layer && !has_faults => wrong.push(format!("{name}: is refused")),
            (false, _) => seen += 1,
            (true, true) => {}
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(beyond.is_empty(), "there are no such fixtures: {beyond:?}");
    assert!(seen >= 30, "{seen}");
}

/// What an editor offers is what may stand there.
#[test]
fn each_default_and_each_example_passes_its_own_rule() {
    fn walk(at: &str, schema: &Json, count: &mut usize) {
        let examples = schema["examples"].as_array().into_iter().flatten();
        let default = schema.get("default");
        for value in examples.chain(default) {
            assert!(jsonschema::draft202012::is_valid(schema, value), "{at}: {value}");
            *count += 1;
        }
        match schema {
            Json::Object(fields) => fields
                .iter()
                .for_each(|(key, inner)| walk(&format!("{at}/{key}"), inner, count)),
            Json::Array(items) => items.iter().for_each(|inner| walk(at, inner, count)),
            _ => {}
        }
    }
    let mut count = 0;
    walk("", &config::schema(), &mut count);
    assert!(count > 80, "{count}");
}

/// A key that the default text leaves out would be a key that nobody finds, and a default that it
/// tells wrongly would be believed.
#[test]
fn the_default_text_names_every_key_with_its_default() {
    let text = document(&default_text_at_work()).expect("it is TOML");
    // Of two keys that exclude each other, one may stand in the words on the other.
    let words: Vec<_> = config::default_text()
        .lines()
        .filter(|line| line.starts_with("# "))
        .collect();
    let beside = |key: &str| words.iter().any(|line| line.contains(&format!(" {key} = ")));
    let mut lacking = Vec::new();
    let schema = config::schema();
    let mut sections = Vec::new();
    for (name, section) in schema["properties"].as_object().expect("it has sections") {
        sections.push((name.clone(), section, &text[name]));
    }
    let token = &schema["properties"]["panel"]["properties"]["token"];
    sections.push(("panel.token".to_owned(), token, &text["panel"]["token"]));
    for (name, section, said) in sections {
        let is_list = section["type"] == "array";
        let table = if is_list { &section["items"] } else { section };
        let tables: Vec<&Json> = match said {
            Json::Array(tables) => tables.iter().collect(),
            table => vec![table],
        };
        for (key, rule) in table["properties"].as_object().expect("a section has keys") {
            let values: Vec<_> = tables.iter().filter_map(|table| table.get(key)).collect();
            let default = rule.get("default");
            if values.is_empty() && !beside(key) {
                lacking.push(format!("{name}.{key} is not there"));
            } else if let Some(default) = default
                && !values.contains(&default)
            {
                lacking.push(format!(
                    "{name}.{key} has the default {default}, and the text says {values:?}"
                ));
            }
        }
    }
    assert!(lacking.is_empty(), "{lacking:#?}");
}
