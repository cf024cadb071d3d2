//! The self test: it proves the room, leaves nothing behind, and never stands in a lecture's way.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::time::Instant;

use lectern_tests::room::{CAMERA, MICROPHONE, Room, SHARE};
use lectern_tests::socket::Door;
use lectern_tests::until;
use serde_json::Value;

fn room() -> Room {
    let mut room = Room::new(&format!("{CAMERA}{MICROPHONE}{SHARE}"));
    room.start();
    room.await_sources();
    room
}

/// Folders of lectures in the spool.
fn folders(room: &Room) -> Vec<String> {
    let entries = std::fs::read_dir(room.path("spool/lectures")).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

/// What lies on the platform beside its own papers.
fn on_platform(room: &Room) -> usize {
    let Ok(entries) = std::fs::read_dir(room.path("platform")) else {
        return 0;
    };
    entries.flatten().filter(|entry| entry.path().is_dir()).count()
}

fn begin(room: &Room, seconds: u32) {
    let body = format!("{{\"seconds\":{seconds}}}");
    let answer = Door::Unix(room.path("control.sock")).ask("POST", "/api/v1/self-test", &body);
    assert_eq!(answer.status, 200, "{}", answer.json());
}

#[test]
fn a_self_test_proves_the_room_and_leaves_nothing() {
    let mut room = room();
    let output = room.cli(&["self-test", "--seconds", "5", "--json"]);
    let said = String::from_utf8_lossy(&output.stdout);
    let test: Value =
        serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}\n{}", room.log()));
    let steps = test["steps"].as_array().unwrap();
    let of = |subject: &str| {
        let step = steps.iter().find(|step| step["subject"] == subject);
        step.unwrap_or_else(|| panic!("{subject} is missing: {test}"))
    };
    for subject in ["record", "finish", "platform.share", "delete"] {
        assert_eq!(of(subject)["verdict"], "good", "{test}");
    }
    // How well a source does is the machine's: that it was recorded, and judged, is not.
    for subject in ["track.camera", "track.microphone"] {
        let found = of(subject)["found"].as_str().unwrap();
        assert!(found.contains(" s long") || found.contains("It is "), "{test}");
    }
    let passed = steps.iter().all(|step| step["verdict"] != "bad");
    assert_eq!(test["state"], if passed { "passed" } else { "failed" });
    assert_eq!(output.status.code(), Some(i32::from(!passed)));
    println!("{}", serde_json::to_string_pretty(&test).unwrap());

    assert_eq!(folders(&room), Vec::<String>::new());
    assert_eq!(on_platform(&room), 0, "a platform never gets one");
    assert_eq!(room.lectern(&["lectures"]), "");
    assert_eq!(room.status()["self_test"], Value::Null);
    room.terminate();
    let (code, said) = room.fsck(&[]);
    assert_eq!(code, Some(0), "{said}");
}

#[test]
fn p4_a_lecture_begins_at_once_in_the_middle_of_a_self_test() {
    let mut room = room();
    let usual = Instant::now();
    let first = room.lectern(&["start"]);
    let usual = usual.elapsed();
    let refused = room.cli(&["self-test", "--seconds", "5"]);
    assert_eq!(refused.status.code(), Some(3), "no test beside a lecture");
    room.await_recorded(500);
    room.lectern(&["stop"]);
    room.await_state(&first, "delivered");

    begin(&room, 600);
    until("its recording", || {
        let folder = folders(&room)
            .into_iter()
            .find(|folder| !folder.ends_with(&first))?;
        let camera = room.path("spool/lectures").join(folder).join("camera");
        (std::fs::read_dir(camera).ok()?.count() > 0).then_some(())
    });
    let status = room.status();
    assert_eq!(status["state"], "ready", "the podium invites to record");
    assert_eq!(status["self_test"]["recording"], true, "{status}");
    assert_eq!(status["lecture"], Value::Null);
    assert_eq!(room.cli(&["stop"]).status.code(), Some(3), "no button means it");
    assert_eq!(room.cli(&["self-test"]).status.code(), Some(3), "one at a time");

    let pressed = Instant::now();
    let second = room.lectern(&["start", "--title", "Ondes"]);
    let took = pressed.elapsed();
    println!("start: {usual:?} with nothing at work, {took:?} in a self test");
    room.await_recorded(500);
    let status = room.status();
    assert_eq!(status["lecture"]["id"], second.as_str());
    assert_eq!(room.messages(), Vec::<String>::new());
    until("the end of the self test", || {
        (room.status()["self_test"] == Value::Null).then_some(())
    });
    assert_eq!(
        folders(&room).len(),
        2,
        "two lectures, and no test: {:?}",
        folders(&room)
    );
    room.lectern(&["stop"]);
    room.await_state(&second, "delivered");
    assert_eq!(on_platform(&room), 2);
    room.terminate();
    let (code, said) = room.fsck(&[]);
    assert_eq!(code, Some(0), "{said}");
}

#[test]
fn p3_a_self_test_that_was_killed_is_gone_and_does_not_go_on() {
    let mut room = room();
    begin(&room, 600);
    until("its recording", || {
        let folder = folders(&room).pop()?;
        let camera = room.path("spool/lectures").join(folder).join("camera");
        (std::fs::read_dir(camera).ok()?.count() > 1).then_some(())
    });
    room.kill9();
    room.start();
    assert_eq!(folders(&room), Vec::<String>::new());
    let status = room.status();
    assert_eq!(status["lecture"], Value::Null, "nothing records on");
    assert_eq!(room.messages(), Vec::<String>::new());
    room.terminate();
    let (code, said) = room.fsck(&[]);
    assert_eq!(code, Some(0), "{said}");
}
