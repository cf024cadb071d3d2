//! A lecture that begins before its press, from what the sources keep in memory.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use lectern_tests::room::{CAMERA, MICROPHONE, Room, SHARE};
use lectern_tests::{media, until};
use serde_json::Value;

fn room(pre_roll: &str) -> Room {
    let mut room = Room::new(&format!(
        "[recording]\nundo = \"0s\"\npre_roll = \"{pre_roll}\"\n{CAMERA}{MICROPHONE}{SHARE}"
    ));
    room.start();
    room.await_sources();
    // So that the sources can have kept as much as they are asked for.
    let began = room.status()["now_unix_ms"].as_i64().unwrap();
    until("ten seconds of previews", || {
        (room.status()["now_unix_ms"].as_i64()? > began + 10_000).then_some(())
    });
    room
}

/// How long before its press a lecture's first run begins, in milliseconds.
fn before_press(detail: &Value) -> i64 {
    detail["started_unix_ms"].as_i64().unwrap() - detail["runs"][0]["started_unix_ms"].as_i64().unwrap()
}

fn record(room: &Room, ms: u64) -> (String, Value) {
    let id = room.lectern(&["start"]);
    let begun = room.status()["lecture"]["recorded_ms"].as_u64().unwrap();
    room.await_recorded(begun + ms);
    room.lectern(&["stop"]);
    room.await_state(&id, "delivered");
    let detail = room.show(&id);
    (id, detail)
}

#[test]
fn a_pre_roll_of_five_seconds_begins_the_file_before_the_press() {
    let room = room("5s");
    let (_, detail) = record(&room, 3_000);
    let before = before_press(&detail);
    assert!((5_000..=6_000).contains(&before), "{before} ms");
    let kept = detail["runs"][0]["end_ms"].as_f64().unwrap() / 1000.0;
    for (name, stream) in [
        ("lecture.mp4", "v:0"),
        ("lecture.mp4", "a:0"),
        ("camera.mp4", "v:0"),
        ("microphone.m4a", "a:0"),
    ] {
        let file = room.delivered().join(name);
        let length = media::length(&file, stream);
        println!("{name} {stream}: {length:.3} s of {kept:.3} s, {before} ms before the press");
        assert!(
            (length - kept).abs() <= 0.6,
            "{name} {stream}: {length} s of {kept} s"
        );
        assert!(
            media::longest_gap(&file, stream) < 0.5,
            "{name} {stream} has a hole"
        );
    }
    let lecture = room.delivered().join("lecture.mp4");
    assert_eq!(media::decode_complaints(&lecture), "");
    let worst = media::worst_offset_ms(&lecture);
    assert!(worst <= 40.0, "sound and picture lie {worst} ms apart");
}

#[test]
fn without_a_pre_roll_nothing_is_from_before_the_press() {
    let room = room("0s");
    let (_, detail) = record(&room, 1_000);
    assert!(before_press(&detail) <= 0, "{detail}");
}

#[test]
fn p7_a_pre_roll_does_not_reach_into_the_lecture_before() {
    let room = room("5s");
    let first = room.lectern(&["start"]);
    let begun = room.status()["lecture"]["recorded_ms"].as_u64().unwrap();
    room.await_recorded(begun + 1_000);
    room.lectern(&["pause"]);
    let paused = room.status()["now_unix_ms"].as_i64().unwrap();
    until("three seconds of a pause", || {
        (room.status()["now_unix_ms"].as_i64()? > paused + 3_000).then_some(())
    });
    room.lectern(&["stop"]);
    let second = room.lectern(&["start"]);
    let (first, second) = (room.show(&first), room.show(&second));
    let of = |detail: &Value, key: &str| detail["runs"][0][key].as_i64().unwrap();
    let stopped = of(&first, "started_unix_ms") + of(&first, "end_ms");
    let begins = of(&second, "started_unix_ms");
    assert!(
        begins >= stopped - 1,
        "the second begins {} ms before the first was stopped",
        stopped - begins
    );
    room.lectern(&["stop"]);
}
