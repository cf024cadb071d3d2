//! Promise P4 with a spare: when a source stops delivering, the one that stands in for it records
//! within two seconds, and hands back without a hole between their tracks.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use lectern_tests::room::Room;
use lectern_tests::{media, until};
use nix::sys::signal::{Signal, kill};
use serde_json::Value;

/// From the last picture or sound of a source to the first of its spare, in seconds.
const STANDS_IN_WITHIN: f64 = 2.0;

const SOURCES: &str = r#"
[[source]]
name = "camera"
role = "presenter"
kind = "test-video"
width = 320
height = 180
[[source]]
name = "wide"
role = "presenter"
kind = "test-video"
width = 320
height = 180
spare_for = "camera"
[[source]]
name = "microphone"
role = "microphone"
kind = "test-audio"
[[source]]
name = "lapel"
role = "microphone"
kind = "test-audio"
spare_for = "microphone"
"#;

fn source(room: &Room, name: &str) -> Value {
    let status = room.status();
    let sources = status["sources"].as_array().unwrap();
    sources.iter().find(|s| s["name"] == name).unwrap().clone()
}

fn await_standing_in(room: &Room, name: &str, stands_in: bool) {
    let what = format!("{name} standing in: {stands_in}");
    until(&what, || {
        (source(room, name)["standing_in"] == stands_in).then_some(())
    });
}

fn record_on(room: &Room, ms: u64) {
    let recorded_ms = room.status()["lecture"]["recorded_ms"].as_u64().unwrap();
    room.await_recorded(recorded_ms + ms);
}

/// Moments of a track as it was recorded, in seconds of the run; empty if it was never needed.
fn moments(room: &Room, id: &str, track: &str, stream: &str) -> Vec<f64> {
    let dir = room.lecture_dir(id).join(track);
    if !dir.exists() {
        return Vec::new();
    }
    media::recorded(&dir, stream)
        .into_iter()
        .map(|(at, _)| at)
        .collect()
}

fn longest_step(moments: &[f64]) -> (f64, f64) {
    let steps = moments.windows(2).map(|pair| (pair[0], pair[1]));
    steps
        .max_by(|a, b| (a.1 - a.0).total_cmp(&(b.1 - b.0)))
        .expect("it recorded")
}

/// Checks that a spare covers the longest hole of its principal and nothing else.
fn judge(principal: &[f64], spare: &[f64]) {
    let (from, to) = longest_step(principal);
    let (first, last) = (spare[0], spare[spare.len() - 1]);
    println!(
        "principal away from {from:.2} s to {to:.2} s, spare from {first:.2} s to {last:.2} s: begun {:.2} s after",
        first - from
    );
    assert!(to - from > 3.0, "the principal was away for {} s only", to - from);
    assert!(
        first - from <= STANDS_IN_WITHIN,
        "the spare began {} s after the last of its principal",
        first - from
    );
    assert!(last >= to, "a hole from {last} s to {to} s after the spare");
    let end = principal[principal.len() - 1];
    assert!(
        last < end - 1.0,
        "the spare never rested again: {last} of {end} s"
    );
    let steady = spare.windows(2).map(|pair| pair[1] - pair[0]).fold(0.0, f64::max);
    assert!(steady < 1.0, "the spare has a hole of {steady} s");
}

#[test]
fn p4_a_spare_takes_over_from_a_source_that_dies_again_and_again_and_hands_back() {
    let mut room = Room::new(SOURCES);
    room.start();
    room.await_sources();
    let id = room.lectern(&["start"]);
    room.await_recorded(3_000);
    assert_eq!(source(&room, "wide")["standing_in"], false);

    // It dies whenever it is seen, for longer than a spare may take.
    let from_ms = room.status()["lecture"]["recorded_ms"].as_u64().unwrap();
    until("five seconds of deaths", || {
        if let Some(pid) = room.source_pid("camera") {
            kill(pid, Signal::SIGKILL).unwrap();
        }
        let recorded_ms = room.status()["lecture"]["recorded_ms"].as_u64()?;
        (recorded_ms >= from_ms + 5_000).then_some(())
    });
    await_standing_in(&room, "wide", true);
    await_standing_in(&room, "wide", false);
    record_on(&room, 3_000);
    room.lectern(&["stop"]);
    room.await_state(&id, "finished");

    let camera = moments(&room, &id, "camera", "v:0");
    judge(&camera, &moments(&room, &id, "wide", "v:0"));
    assert!(
        moments(&room, &id, "lapel", "a:0").is_empty(),
        "a spare that is not needed records nothing"
    );
    let lecture = room.lecture_dir(&id).join("finished/lecture.mp4");
    assert_eq!(media::decode_complaints(&lecture), "");
    let sound = media::recorded(&room.lecture_dir(&id).join("microphone"), "a:0");
    let gap = sound
        .windows(2)
        .map(|pair| pair[1].0 - pair[0].0)
        .fold(0.0, f64::max);
    assert!(gap < 0.0225, "the sound has a gap of {gap} s");
}

#[test]
fn p4_a_spare_takes_over_from_a_source_that_hangs() {
    let mut room = Room::new(SOURCES);
    room.start();
    room.await_sources();
    let id = room.lectern(&["start"]);
    room.await_recorded(3_000);
    let pid = room.source_pid("microphone").expect("the microphone's process");
    kill(pid, Signal::SIGSTOP).unwrap();
    await_standing_in(&room, "lapel", true);
    until("another process", || {
        room.source_pid("microphone").filter(|new| *new != pid)
    });
    await_standing_in(&room, "lapel", false);
    record_on(&room, 3_000);
    room.lectern(&["stop"]);
    room.await_state(&id, "finished");
    judge(
        &moments(&room, &id, "microphone", "a:0"),
        &moments(&room, &id, "lapel", "a:0"),
    );
    assert!(moments(&room, &id, "wide", "v:0").is_empty());
}

#[test]
fn p4_with_a_pre_roll_a_spare_leaves_no_hole_at_all() {
    let mut room = Room::new(&format!(
        "[recording]\nundo = \"0s\"\npre_roll = \"2s\"\n{SOURCES}"
    ));
    room.start();
    room.await_sources();
    let id = room.lectern(&["start"]);
    record_on(&room, 3_000);
    let pid = room.source_pid("camera").expect("the camera's process");
    kill(pid, Signal::SIGKILL).unwrap();
    await_standing_in(&room, "wide", true);
    await_standing_in(&room, "wide", false);
    record_on(&room, 2_000);
    room.lectern(&["stop"]);
    room.await_state(&id, "finished");
    let (camera, wide) = (
        moments(&room, &id, "camera", "v:0"),
        moments(&room, &id, "wide", "v:0"),
    );
    let (from, to) = longest_step(&camera);
    let (first, last) = (wide[0], wide[wide.len() - 1]);
    println!("principal away from {from:.2} s to {to:.2} s, spare from {first:.2} s to {last:.2} s");
    assert!(
        first <= from,
        "the spare remembers what was before the loss: {first} > {from}"
    );
    assert!(last >= to, "a hole from {last} s to {to} s after the spare");
}

#[test]
fn p4_a_spare_records_from_the_start_when_its_source_is_not_there() {
    let mut room = Room::new(
        r#"
[[source]]
name = "camera"
role = "presenter"
kind = "v4l2"
device = "/dev/v4l/by-path/no-such-camera"
[[source]]
name = "wide"
role = "presenter"
kind = "test-video"
width = 320
height = 180
spare_for = "camera"
"#,
    );
    room.start();
    until("the spare", || {
        (source(&room, "wide")["health"] == "live").then_some(())
    });
    until("the camera's loss", || {
        (source(&room, "camera")["health"] == "restarting").then_some(())
    });
    let id = room.lectern(&["start"]);
    await_standing_in(&room, "wide", true);
    room.await_recorded(2_000);
    // A pause rests the spare too, and a resume takes it up again.
    room.lectern(&["pause"]);
    room.lectern(&["resume"]);
    record_on(&room, 2_000);
    room.lectern(&["stop"]);
    room.await_state(&id, "finished");
    let wide = moments(&room, &id, "wide", "v:0");
    assert!(wide[0] < STANDS_IN_WITHIN, "the spare began at {} s", wide[0]);
    let lecture = room.lecture_dir(&id).join("finished/lecture.mp4");
    assert_eq!(media::decode_complaints(&lecture), "");
}
