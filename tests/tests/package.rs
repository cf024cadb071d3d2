//! The Debian package as its sources describe it: nothing of `systemd/` is forgotten, an upgrade
//! ends no lecture, a purge takes no recording, and the first configuration is sound.
//!
//! That it installs is proven by `tests/package/run`, which needs root and bare Debians.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
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

/// Purges the package from a system that lies in `root`, with no tools but those that every Debian
/// has; what it says.
fn purge(root: &Path) -> String {
    let tools = root.join("tools");
    fs::create_dir(&tools).expect("a folder");
    for tool in ["find", "grep", "ls", "rm", "sed", "sort", "wc"] {
        let place = ["/usr/bin", "/bin"].map(|folder| Path::new(folder).join(tool));
        let place = place.iter().find(|place| place.exists());
        symlink(place.expect("every system has it"), tools.join(tool)).expect("a link");
    }
    let done = Command::new("/bin/sh")
        .arg(self::root().join("scripts/deb/postrm"))
        .arg("purge")
        .env("PATH", &tools)
        .env("DPKG_ROOT", root)
        .output()
        .expect("there is a shell");
    let complaints = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success() && complaints.is_empty(), "{complaints}");
    String::from_utf8(done.stdout).expect("UTF-8")
}

/// Makes a file, and the folders that it lies in.
fn put(file: PathBuf, text: &str) {
    fs::create_dir_all(file.parent().expect("it lies in a folder")).expect("folders");
    fs::write(file, text).expect("a file");
}

/// P6: nothing is deleted because a package goes.
#[test]
fn p6_a_purge_leaves_recordings_and_says_where() {
    let root = tempfile::tempdir().expect("a folder");
    let file = |name: &str| root.path().join(name);
    put(
        file("etc/lectern/lectern.toml"),
        "[storage]\nreserve = \"1 GiB\"\n",
    );
    put(file("etc/lectern/central-token"), "hush");
    put(file("var/lib/lectern/lectern.db"), "rows");
    put(file("var/lib/lectern/panel.key"), "hush");
    put(file("var/lib/lectern/lectures/monday/lecture.json"), "{}");
    let said = purge(root.path());
    assert!(
        said.contains("recordings stay in /var/lib/lectern (1 lectures"),
        "{said}"
    );
    assert!(!said.contains("cannot be seen"), "{said}");
    assert!(file("var/lib/lectern/lectures/monday/lecture.json").exists());
    assert!(file("var/lib/lectern/lectern.db").exists());
    for gone in ["etc/lectern", "var/lib/lectern/panel.key"] {
        assert!(!file(gone).exists(), "{gone}");
    }

    let root = tempfile::tempdir().expect("a folder");
    put(root.path().join("var/lib/lectern/lectern.db"), "rows");
    assert_eq!(purge(root.path()), "");
    assert!(
        !root.path().join("var/lib/lectern").exists(),
        "nothing was recorded"
    );
}

/// P6: who purges is told of recordings at another `storage.path` too, however it is written.
#[test]
fn p6_a_purge_names_recordings_wherever_they_lie() {
    let root = tempfile::tempdir().expect("a folder");
    let file = |name: &str| root.path().join(name);
    let settings = "[room]\npath = \"/srv/wrong\"\n [ storage ] # ours\nreserve = \"1 GiB\"\n  path = \"/srv/big \
                    disk/\" # a mount\n[[platform]]\npath = \"/srv/wrong\"\n[storage2]\npath = \"/srv/wrong\"\n";
    put(file("etc/lectern/lectern.toml"), settings);
    for (layer, text) in [
        ("10", "storage.path = '/srv/dotted'\n"),
        (
            "20",
            "storage = { reserve = \"1 GiB\", path = \"/srv/inline\" }\n",
        ),
        ("30", "[storage]\npath = \"/srv/unplugged\"\n"),
        ("40", "[storage]\npath = \"/srv/empty\"\n"),
        ("50", "[storage]\npath = \"/var/lib/lectern/\"\n"),
    ] {
        put(file(&format!("etc/lectern/lectern.d/{layer}.toml")), text);
    }
    put(
        file("etc/systemd/system/lecternd.service.d/override.conf"),
        "[Service]\nEnvironment=\"LECTERN__STORAGE__PATH=/srv/variable\"\n",
    );
    put(file("srv/big disk/lectures/monday/lecture.json"), "{}");
    put(file("srv/big disk/lectures/friday/lecture.json"), "{}");
    put(file("srv/big disk/panel.key"), "hush");
    put(file("srv/dotted/quarantine/what"), "?");
    put(file("srv/inline/lectures/monday/lecture.json"), "{}");
    put(file("srv/variable/lectures/monday/lecture.json"), "{}");
    put(file("srv/empty/mine"), "kept");
    put(file("srv/wrong/lectures/monday/lecture.json"), "{}");

    let said = purge(root.path());
    for (place, count) in [("big disk", 2), ("dotted", 0), ("inline", 1), ("variable", 1)] {
        let told = format!("recordings stay in /srv/{place} ({count} lectures");
        assert!(said.contains(&told), "{place}: {said}");
        assert!(
            said.contains(&format!("rm -r '/srv/{place}'\n")),
            "{place}: {said}"
        );
    }
    assert!(said.contains("may be left in /srv/unplugged,"), "{said}");
    for place in ["/srv/wrong", "/srv/empty", "/var/lib/lectern"] {
        assert!(!said.contains(place), "{place}: {said}");
    }
    for kept in [
        "srv/big disk/lectures/friday/lecture.json",
        "srv/dotted/quarantine/what",
        "srv/empty/mine",
    ] {
        assert!(file(kept).exists(), "{kept}");
    }
    assert!(!file("srv/big disk/panel.key").exists(), "it opens the panel");
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
