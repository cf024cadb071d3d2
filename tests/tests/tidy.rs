//! What the compiler does not check: each file says what it is for, none grows too long, and no
//! room uses what belongs to another.
//!
//! Reads the working tree as it lies there, built or not. All findings come at once.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

const MAX_LINES: usize = 500;

/// The room table: which other rooms a room may use.
const ROOMS: [(&str, &[&str]); 13] = [
    ("domain", &[]),
    ("source", &["domain"]),
    ("capture", &["domain"]),
    ("store", &["domain"]),
    ("finish", &["domain", "words"]),
    ("deliver", &["domain"]),
    ("words", &["domain"]),
    ("herald", &["domain", "words"]),
    ("tally", &["domain"]),
    ("panel", &["domain", "words"]),
    (
        "daemon",
        &[
            "domain", "words", "capture", "store", "finish", "deliver", "tally", "herald", "panel",
        ],
    ),
    ("cli", &["domain"]),
    ("testkit", &[]),
];

/// What from outside belongs to some rooms only. GStreamer and X stay in the source process, so
/// that a driver or plugin cannot take the daemon along; SQL stays behind the store's write
/// order; the vocabulary and the finisher know no runtime.
const GUARDED: [(&[&str], &[&str]); 13] = [
    (
        &[
            "gst",
            "gst-app",
            "gst-video",
            "gst-audio",
            "gst-rtsp",
            "gst-plugin-fmp4",
            "x11rb",
        ],
        &["source"],
    ),
    (&["rusqlite"], &["store"]),
    (&["evdev", "hidapi"], &["tally"]),
    (&["mp4-atom"], &["finish"]),
    (&["axum"], &["panel", "testkit"]),
    (&["maud"], &["panel"]),
    (&["fluent-bundle", "unic-langid"], &["words"]),
    (&["reqwest"], &["deliver", "herald", "cli"]),
    (&["hyper", "hyper-util"], &["deliver", "panel", "testkit", "cli"]),
    // The panel serves TLS to other machines; deliver and the command line speak it as clients.
    (
        &["rustls", "tokio-rustls"],
        &["deliver", "herald", "panel", "testkit", "cli"],
    ),
    // Mail leaves by one door.
    (&["lettre"], &["herald"]),
    (&["sd-notify"], &["daemon"]),
    (
        &["tokio"],
        &[
            "capture", "store", "deliver", "herald", "panel", "daemon", "cli", "testkit",
        ],
    ),
];

/// Written in two parts, so that this file does not find itself.
const UNFINISHED: [&str; 6] = [
    concat!("FIX", "ME"),
    concat!("XX", "X"),
    concat!("TO", "DO"),
    concat!("todo", "!"),
    concat!("unimplemented", "!"),
    concat!("#[", "ignore"),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .canonicalize()
        .expect("the workspace is there")
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every Rust file of crates and tests, with its path from the root.
fn rust_files() -> Vec<(String, String)> {
    let root = root();
    let mut folders = vec![root.join("crates"), root.join("tests")];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of the tree can be listed") {
            let path = entry.expect("a folder of the tree can be listed").path();
            if path.is_dir() && !path.ends_with("target") {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let name = path
                    .strip_prefix(&root)
                    .expect("it lies below")
                    .display()
                    .to_string();
                files.push((name, text(&path)));
            }
        }
    }
    files.sort();
    assert!(files.len() > 50, "{}", files.len());
    files
}

fn manifest(room: &str) -> toml::Table {
    text(&root().join("crates").join(room).join("Cargo.toml"))
        .parse()
        .expect("cargo has read it")
}

fn dependencies(room: &str) -> Vec<String> {
    let manifest = manifest(room);
    let table = manifest.get("dependencies").and_then(toml::Value::as_table);
    table.into_iter().flat_map(toml::Table::keys).cloned().collect()
}

/// Fails with every finding.
#[track_caller]
fn none(findings: &[String]) {
    let mut all = String::new();
    for finding in findings {
        writeln!(all, "{finding}").expect("a string takes all");
    }
    assert!(findings.is_empty(), "{} findings:\n{all}", findings.len());
}

#[test]
fn each_file_says_what_it_is_for() {
    let silent = rust_files()
        .into_iter()
        .filter(|(_, text)| !text.starts_with("//! "));
    none(
        &silent
            .map(|(name, _)| format!("{name}: does not begin with //!"))
            .collect::<Vec<_>>(),
    );
}

#[test]
fn no_file_is_too_long_to_read() {
    let long = rust_files()
        .into_iter()
        .map(|(name, text)| (name, text.lines().count()));
    let long = long.filter(|(_, lines)| *lines > MAX_LINES);
    none(
        &long
            .map(|(name, lines)| format!("{name}: {lines} lines, split it by {MAX_LINES}"))
            .collect::<Vec<_>>(),
    );
}

#[test]
fn nothing_is_left_for_later() {
    let mut findings = Vec::new();
    for (name, text) in rust_files() {
        for (number, line) in text.lines().enumerate() {
            for word in UNFINISHED.into_iter().filter(|word| holds_word(line, word)) {
                findings.push(format!("{name}:{}: {word}", number + 1));
            }
        }
    }
    none(&findings);
}

/// Whether `word` stands in `line` by itself, and not inside a longer one (`mktemp`'s template).
fn holds_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let part_of_word = |c: char| c.is_alphanumeric() || c == '_';
        let before = line[..at].chars().next_back().is_some_and(part_of_word);
        let after = line[at + word.len()..].chars().next().is_some_and(part_of_word);
        !before && !after
    })
}

#[test]
fn nothing_unwraps_outside_of_tests() {
    let mut findings = Vec::new();
    for (name, text) in rust_files() {
        let in_product =
            name.starts_with("crates/") && name.contains("/src/") && !name.starts_with("crates/testkit/");
        let is_test_module =
            name.ends_with("/tests.rs") || name.ends_with("_tests.rs") || name.contains("/tests/");
        if !in_product || is_test_module {
            continue;
        }
        // By habit of the workspace the tests are the last thing in a file.
        let tests =
            ["mod ", "pub(super) mod ", "pub(crate) mod "].map(|word| format!("#[cfg(test)]\n{word}"));
        let end = tests.iter().filter_map(|tests| text.find(tests)).min();
        let product = &text[..end.unwrap_or(text.len())];
        for (number, line) in product.lines().enumerate() {
            if line.contains(".unwrap()") && !line.trim_start().starts_with("//") {
                findings.push(format!(
                    "{name}:{}: say with expect() why it cannot fail",
                    number + 1
                ));
            }
        }
    }
    none(&findings);
}

#[test]
fn each_room_is_in_the_table_and_has_its_readme() {
    let mut rooms: Vec<_> = fs::read_dir(root().join("crates"))
        .expect("the folder of the rooms can be listed")
        .map(|entry| entry.expect("the folder of the rooms can be listed").path())
        .filter(|path| path.is_dir())
        .map(|path| {
            path.file_name()
                .expect("it was listed")
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    rooms.sort();
    let mut known: Vec<_> = ROOMS.iter().map(|(room, _)| (*room).to_owned()).collect();
    known.sort();
    assert_eq!(rooms, known);
    let table = text(&root().join("crates/README.md"));
    let mut findings = Vec::new();
    for room in rooms {
        let readme = root().join("crates").join(&room).join("README.md");
        if fs::read_to_string(&readme).map_or(0, |text| text.lines().count()) < 5 {
            findings.push(format!("crates/{room}/README.md: missing or empty"));
        }
        if !table.contains(&format!("| [`{room}`]({room}) |")) {
            findings.push(format!("crates/README.md: {room} is not in the table of rooms"));
        }
        let manifest = manifest(&room);
        if manifest["lints"].get("workspace").and_then(toml::Value::as_bool) != Some(true) {
            findings.push(format!(
                "crates/{room}/Cargo.toml: does not take the lints of the workspace"
            ));
        }
        if manifest["package"]["name"].as_str() != Some(&format!("lectern-{room}")) {
            findings.push(format!("crates/{room}/Cargo.toml: is not called lectern-{room}"));
        }
    }
    none(&findings);
}

#[test]
fn no_room_uses_what_belongs_to_another() {
    let guarded: BTreeMap<_, _> = GUARDED
        .iter()
        .flat_map(|(names, rooms)| names.iter().map(move |name| (*name, *rooms)))
        .collect();
    let mut findings = Vec::new();
    for (room, may_use) in ROOMS {
        for name in dependencies(room) {
            if let Some(other) = name.strip_prefix("lectern-")
                && !may_use.contains(&other)
            {
                findings.push(format!("crates/{room}/Cargo.toml: may not use the room {other}"));
            }
            if let Some(rooms) = guarded.get(name.as_str())
                && !rooms.contains(&room)
            {
                findings.push(format!(
                    "crates/{room}/Cargo.toml: {name} belongs to {}",
                    rooms.join(", ")
                ));
            }
        }
    }
    none(&findings);
}
