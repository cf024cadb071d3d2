//! Forty rooms from one file: `config/fleet/deploy` into folders instead of over ssh.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use lectern_tests::room::program;
use tempfile::TempDir;

/// A campus of folders: `{id}` is a room's `/etc/lectern`.
struct Campus {
    dir: TempDir,
}

impl Campus {
    /// With a copy of the example. A reload leaves a line in the room's file `reloads`, and fails
    /// in a room that has a file `stuck`.
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/fleet");
        for entry in fs::read_dir(example).unwrap() {
            let path = entry.unwrap().path();
            fs::copy(&path, dir.path().join(path.file_name().unwrap())).unwrap();
        }
        let campus = Self { dir };
        let reload = "test ! -e \"$ROOM/stuck\" && echo reloaded >> \"$ROOM/reloads\"\n";
        fs::write(campus.path("reload"), reload).unwrap();
        campus
    }

    fn path(&self, rest: &str) -> PathBuf {
        self.dir.path().join(rest)
    }

    fn rooms(&self) -> Vec<PathBuf> {
        let rooms = fs::read_dir(self.path("rooms")).into_iter().flatten();
        rooms.map(|room| room.unwrap().path()).collect()
    }

    fn reloads(&self, room: &str) -> usize {
        fs::read_to_string(self.path(&format!("rooms/{room}/reloads"))).map_or(0, |text| text.lines().count())
    }

    /// Exit code and everything that was said.
    fn deploy(&self, words: &[&str]) -> (Option<i32>, String) {
        let lecternd = program("lecternd");
        let command = format!(
            "env ROOM={here}/rooms/{{id}} LECTERN_ETC={here}/rooms/{{id}}/etc LECTERN_RELOAD='sh {here}/reload' \
             PATH={programs}:/usr/bin:/bin sh -s",
            here = self.dir.path().display(),
            programs = lecternd.parent().unwrap().display()
        );
        let output = Command::new(self.path("deploy"))
            .args(["--command", &command, "--lecternd"])
            .arg(&lecternd)
            .args(words)
            .output()
            .unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(said).unwrap())
    }

    fn edit(&self, file: &str, from: &str, to: &str) {
        let path = self.path(file);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{from} in {file}");
        fs::write(path, text.replace(from, to)).unwrap();
    }
}

#[test]
fn forty_rooms_get_what_they_lack_and_are_left_alone_after_that() {
    let campus = Campus::new();
    let (code, said) = campus.deploy(&["--dry-run", "--only", "a-101"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("a-101  would change: lectern.toml"), "{said}");
    assert!(
        !campus.path("rooms/a-101/etc").exists(),
        "a dry run changes nothing"
    );

    // A room has something of its own, which stays and is checked together with the rest.
    let own = campus.path("rooms/b-204/etc/lectern.d/90-local.toml");
    fs::create_dir_all(own.parent().unwrap()).unwrap();
    fs::write(&own, "[room]\nhelp = \"Ask next door\"\n").unwrap();

    let (code, said) = campus.deploy(&[]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.ends_with("40 changed of 40 rooms\n"), "{said}");
    assert_eq!(campus.rooms().len(), 40);
    for room in campus.rooms() {
        let name = room.file_name().unwrap().to_str().unwrap();
        let text = fs::read_to_string(room.join("etc/lectern.d/50-room.toml")).unwrap();
        assert!(text.contains(&format!("id = \"{name}\"")), "{name}: {text}");
        assert!(
            !text
                .lines()
                .any(|line| !line.starts_with('#') && line.contains('@')),
            "{text}"
        );
        assert_eq!(campus.reloads(name), 1, "{name}");
        let left: Vec<_> = fs::read_dir(room.join("etc")).unwrap().collect();
        assert_eq!(left.len(), 2, "nothing else is left behind: {left:?}");
    }
    assert!(own.exists());

    let (code, said) = campus.deploy(&["--only", "a-101,b-204,d-306"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.ends_with("3 unchanged of 3 rooms\n"), "{said}");
    assert_eq!(campus.reloads("b-204"), 1);
}

#[test]
fn a_fault_in_one_room_keeps_the_files_of_all() {
    let campus = Campus::new();
    let only = ["--only", "a-101,a-103"];
    campus.edit(
        "rooms.toml",
        "hw:CARD=Wireless\"",
        "hw:CARD=Wireless\", name = \"\"",
    );
    campus.edit(
        "rooms.toml",
        "id = \"a-103\", name = \"Hall A-103\"",
        "id = \"a-103\"",
    );
    let (code, said) = campus.deploy(&only);
    assert_eq!(code, Some(78), "{said}");
    assert!(said.contains("a-103: lectern.d/50-room.toml:"), "{said}");
    assert!(
        said.ends_with("1 of 2 rooms have faults. Nothing was copied to any.\n"),
        "{said}"
    );
    assert!(campus.rooms().is_empty());
}

#[test]
fn a_room_that_refuses_or_does_not_answer_holds_up_no_other() {
    let campus = Campus::new();
    let local = campus.path("rooms/a-101/etc/lectern.d/90-local.toml");
    fs::create_dir_all(local.parent().unwrap()).unwrap();
    fs::write(&local, "[room]\nhepl = \"4444\"\n").unwrap();
    fs::create_dir_all(campus.path("rooms/a-102")).unwrap();
    fs::write(campus.path("rooms/a-102/stuck"), "").unwrap();
    let (code, said) = campus.deploy(&["--only", "a-101,a-102,a-103"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("a-101  FAILED refused: together with the room's own files: "),
        "{said}"
    );
    assert!(said.contains("90-local.toml:2:1"), "{said}");
    assert!(
        !campus.path("rooms/a-101/etc/lectern.toml").exists(),
        "it was not touched"
    );
    assert!(said.contains("a-102  FAILED changed: lectern.toml"), "{said}");
    assert!(said.contains("NOT reloaded"), "{said}");
    assert!(said.contains("a-103  changed: "), "{said}");
    assert!(said.ends_with("1 changed, 2 failed of 3 rooms\n"), "{said}");

    fs::remove_file(campus.path("rooms/a-102/stuck")).unwrap();
    let (code, said) = campus.deploy(&["--only", "a-102"]);
    assert_eq!(
        (code, campus.reloads("a-102")),
        (Some(0), 1),
        "told at the next try: {said}"
    );
}

#[test]
fn prometheus_is_told_of_each_room_by_its_id() {
    let campus = Campus::new();
    let file = campus.path("targets.json");
    let (code, said) = campus.deploy(&["--targets", file.to_str().unwrap()]);
    assert_eq!(code, Some(0), "{said}");
    let targets: serde_json::Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    assert_eq!(targets.as_array().unwrap().len(), 40);
    assert_eq!(targets[0]["targets"][0], "a-101.rooms.example.edu:8470");
    assert_eq!(targets[0]["labels"]["room"], "a-101");
}
