//! The Debian package as its sources describe it: nothing of `systemd/` is forgotten, an upgrade
//! ends no lecture, a purge takes no recording, and the first configuration is sound.
//!
//! That it installs is proven by `tests/package/run`, which needs root and bare Debians.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use lectern_domain::config::{Config, ConfigFile};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("this crate lies in the workspace")
        .to_owned()
}

fn text(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn metadata() -> toml::Table {
    let manifest: toml::Table = text("crates/daemon/Cargo.toml")
        .parse()
        .expect("cargo has read it");
    manifest["package"]["metadata"]["deb"]
        .as_table()
        .expect("it is a table")
        .clone()
}

/// Source and destination of each file of the package.
fn assets() -> Vec<(String, String)> {
    let metadata = metadata();
    let rows = metadata["assets"].as_array().expect("a list").iter();
    let word = |row: &toml::Value, at: usize| row[at].as_str().expect("a text").to_owned();
    rows.map(|row| (word(row, 0), word(row, 1))).collect()
}

/// A maintainer script without its comments.
fn script(name: &str) -> String {
    let text = text(&format!("scripts/deb/{name}"));
    text.lines()
        .filter(|line| !line.trim_start().starts_with('#'))
        .map(|line| format!("{line}\n"))
        .collect()
}

#[test]
fn each_file_of_systemd_is_packed_where_its_readme_says() {
    let readme = text("systemd/README.md");
    let packed: Vec<_> = assets();
    let mut waiting = vec![root().join("systemd")];
    let mut files = BTreeSet::new();
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(folder).expect("a folder of the repository") {
            let path = entry.expect("a folder of the repository").path();
            if path.is_dir() {
                waiting.push(path);
            } else if !path.ends_with("README.md") {
                let name = path
                    .strip_prefix(root())
                    .expect("it lies below")
                    .display()
                    .to_string();
                files.insert(name);
            }
        }
    }
    for file in files {
        let place = packed.iter().find(|(source, _)| source.ends_with(&file));
        let (_, place) = place.unwrap_or_else(|| panic!("{file} is not in [package.metadata.deb]"));
        assert!(
            readme.contains(&format!("`/{place}`")),
            "systemd/README.md does not name /{place} for {file}"
        );
    }
}

#[test]
fn what_is_packed_is_there() {
    for (source, _) in assets() {
        if !source.contains("target/") {
            assert!(root().join("crates/daemon").join(&source).is_file(), "{source}");
        }
    }
    for file in metadata()["conf-files"].as_array().expect("a list") {
        let place = file.as_str().expect("a text").trim_start_matches('/');
        assert!(
            assets().iter().any(|(source, dest)| {
                let name = Path::new(source)
                    .file_name()
                    .map(|name| name.to_string_lossy().into_owned());
                dest == place || name.is_some_and(|name| format!("{dest}{name}") == place)
            }),
            "{place} is a conffile and not packed"
        );
    }
}

#[test]
fn the_maintainer_scripts_are_sound_shell() {
    for name in ["postinst", "prerm", "postrm"] {
        let path = root().join("scripts/deb").join(name);
        let judged = Command::new("sh")
            .arg("-n")
            .arg(&path)
            .output()
            .expect("there is a shell");
        assert!(
            judged.status.success(),
            "{name}: {}",
            String::from_utf8_lossy(&judged.stderr)
        );
        assert!(
            script(name).starts_with("set -e\n") || script(name).starts_with("\nset -e\n"),
            "{name}"
        );
    }
}

/// P1, P4: a running lecture outlives an upgrade of its program.
#[test]
fn an_upgrade_stops_nothing() {
    let postinst = script("postinst");
    for word in ["restart", "stop", "kill"] {
        assert!(!postinst.contains(word), "postinst says {word}");
    }
    assert!(postinst.contains("deb-systemd-invoke reload lecternd.service"));
    let prerm = script("prerm");
    let guard = prerm
        .find("[ \"$1\" = remove ]")
        .expect("it asks why it was called");
    let stop = prerm.find("stop").expect("a removal stops the service");
    assert!(guard < stop, "prerm stops before it asks why it was called");
}

/// P6: nothing is deleted because a package goes.
#[test]
fn a_purge_leaves_recordings() {
    let postrm = script("postrm");
    let (before, after) = postrm
        .split_once("holds \"$state/lectures\"")
        .expect("it looks for lectures first");
    assert!(
        !before.contains("rm -rf \"$state\""),
        "it deletes before it looks"
    );
    let (kept, free) = after
        .split_once("else\n")
        .expect("without lectures the folder goes");
    assert!(!kept.contains("rm -rf"), "lectures are deleted");
    assert!(free.contains("rm -rf \"$state\""));
}

#[test]
fn the_first_configuration_is_sound_and_opens_no_device() {
    let text = text("scripts/deb/first-room.toml").replace("@ROOM@", "podium-12");
    let file = ConfigFile {
        name: "lectern.toml".into(),
        text,
    };
    let config = Config::read(&[file], &[]).unwrap_or_else(|faults| panic!("{faults}"));
    assert_eq!(config.room.id.as_str(), "podium-12");
    assert!(config.platforms.is_empty(), "nothing is sent anywhere");
    let shown = format!("{:?}", config.sources);
    for device in ["V4l2", "Alsa", "Pulse", "X11", "Rtsp"] {
        assert!(!shown.contains(device), "it opens a device: {shown}");
    }
}
