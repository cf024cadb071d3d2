//! `lectern devices` beside a recorder at work: what it lists, what it prints to paste, and what it
//! shows of a device that the recorder holds.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::process::Command;

use lectern_tests::room::{Room, program};
use lectern_tests::things::{SOUND_DEVICE, Screen, Sound};
use serde_json::Value;

#[test]
fn devices_are_listed_looked_at_heard_and_pasted_while_it_records() {
    let screen = Screen::start(400);
    let mut room = Room::new(&format!(
        r#"
[[source]]
name = "slides"
role = "presentation"
kind = "x11"
display = "{}"
[[source]]
name = "desk"
role = "microphone"
kind = "pulse"
device = "{SOUND_DEVICE}"
"#,
        screen.display
    ));
    let sound = Sound::start(&room.path(""));
    room.env("PULSE_SERVER", sound.address());
    room.start();
    room.await_sources();
    let id = room.lectern(&["start"]);
    let devices = |words: &[&str]| {
        let output = Command::new(program("lectern"))
            .arg("--socket")
            .arg(room.path("control.sock"))
            .arg("devices")
            .args(words)
            .env("PULSE_SERVER", sound.address())
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{words:?}: {said}");
        String::from_utf8(output.stdout).unwrap()
    };

    let list: Value = serde_json::from_str(&devices(&["--json"])).unwrap();
    let of = |group: &str, key: &str, value: &str| {
        let group = list[group].as_array().unwrap();
        group.iter().find(|device| device[key] == value).unwrap().clone()
    };
    for (device, source) in [
        (of("screens", "display", &screen.display), "slides"),
        (of("microphones", "device", SOUND_DEVICE), "desk"),
    ] {
        assert_eq!(device["in_use"], true, "{device}");
        assert_eq!(device["used_by"][0]["source"], source, "{device}");
    }
    let people = devices(&[]);
    assert!(
        people.contains("desk (microphone), in use by the recorder, live"),
        "{people}"
    );

    // The recorder's own picture and levels: neither device is opened a second time.
    let file = room.path("slides.jpg");
    let told = devices(&["--look", &screen.display, "--out", file.to_str().unwrap()]);
    assert!(told.contains("the recorder, source slides"), "{told}");
    assert_eq!(std::fs::read(&file).unwrap()[..2], [0xff, 0xd8]);
    let heard: Value = serde_json::from_str(&devices(&["--listen", "desk", "--json"])).unwrap();
    assert_eq!(heard["verdict"], "steady sound", "{heard}");

    let pasted = room.path("pasted.toml");
    let text = format!("[room]\nid = \"pasted\"\n{}", devices(&["--toml"]));
    std::fs::write(&pasted, &text).unwrap();
    let check = Command::new(program("lecternd"))
        .args(["check", "--no-devices", "--config"])
        .arg(&pasted)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&check.stderr).into_owned();
    assert!(check.status.success(), "{said}\n{text}");
    assert!(
        text.contains(&format!("display = \"{}\"", screen.display)),
        "{text}"
    );

    room.lectern(&["stop"]);
    room.await_state(&id, "finished");
    let tracks = room.show(&id);
    let restarts = room.status();
    let restarts = restarts["sources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|source| source["restarts"].as_u64());
    assert!(restarts.flatten().all(|restarts| restarts == 0), "{tracks}");
}
