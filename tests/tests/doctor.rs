//! `lectern doctor` in a room that is well and in one that records.
//! What of it can be proven without real programs stands in the crates.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::process::Output;

use lectern_tests::media;
use lectern_tests::room::{CAMERA, MICROPHONE, Room, SHARE};
use serde_json::Value;

/// From one block of sound to the next when none is missing, in seconds.
const STEP: f64 = 0.0225;

fn checks(output: &Output) -> Vec<Value> {
    let doctor: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    doctor["checks"].as_array().unwrap().clone()
}

/// Everything that was found about one subject.
fn found(checks: &[Value], subject: &str) -> String {
    let of_it = checks.iter().filter(|check| check["subject"] == subject);
    let found: Vec<&str> = of_it.map(|check| check["found"].as_str().unwrap()).collect();
    found.join(" ")
}

#[track_caller]
fn each_finding_says_what_to_do(checks: &[Value]) {
    for check in checks {
        let has_todo = check["todo"].as_str().is_some_and(|todo| !todo.is_empty());
        assert_eq!(has_todo, check["verdict"] != "good", "{check}");
    }
}

#[test]
fn p10_the_doctor_finds_its_way_around_a_room_and_leaves_a_lecture_alone() {
    let mut room = Room::new(&format!("{CAMERA}{MICROPHONE}{SHARE}"));
    room.start();
    room.await_sources();

    let well = checks(&room.cli(&["doctor", "--json"]));
    each_finding_says_what_to_do(&well);
    for (subject, words) in [
        ("programs", "are of one version"),
        ("source.camera", "It delivers 640x360@30"),
        // How fast is the machine's matter, and whether there was time.
        ("source.camera", "encode"),
        ("source.microphone", "is heard"),
        ("disk", "Its file system is"),
        ("disk", "recording needs"),
        ("clock", "It shows"),
        ("upload", "at any time"),
        ("lectures", "No lecture waits for a person"),
        ("config", "no fault"),
    ] {
        assert!(
            found(&well, subject).contains(words),
            "{subject}: {words}: {well:#?}"
        );
    }
    assert!(!found(&well, "platform.share").is_empty(), "{well:#?}");

    let id = room.lectern(&["start"]);
    room.await_recorded(1_000);
    let during = checks(&room.cli(&["doctor", "--json"]));
    assert!(
        found(&during, "source").contains("because a lecture is recorded"),
        "{during:#?}"
    );
    assert!(found(&during, "disk").contains("recording needs"), "{during:#?}");
    let now = room.status()["lecture"]["recorded_ms"].as_u64().unwrap();
    room.await_recorded(now + 1_000);
    let lost = room.status()["sources"][1]["totals"]["lost_ms"].clone();
    room.lectern(&["stop"]);
    room.await_state(&id, "delivered");
    assert_eq!(lost, 0, "nothing was missing");
    let sound = media::recorded(&room.lecture_dir(&id).join("microphone"), "a:0");
    let holes = sound
        .windows(2)
        .filter(|pair| pair[1].0 - pair[0].0 > STEP)
        .count();
    assert_eq!(
        (holes, sound.len() > 100),
        (0, true),
        "no gap in {} blocks",
        sound.len()
    );

    // For people: groups, marks, and the sum as the last line.
    let output = room.cli(&["doctor"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("Sources\n  "), "{text}");
    let last = text.lines().last().unwrap();
    assert!(
        last.contains("look at") || last.contains("mend") || last == "all is well",
        "{text}"
    );
}
