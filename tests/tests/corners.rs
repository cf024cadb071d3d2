//! Corners of a lecture's life: presses that cross each other, and ends in the middle of a step.

use std::time::Duration;

use lectern_tests::room::Room;
use lectern_tests::{media, until};
use nix::sys::signal::{Signal, kill};

const TABLES: &str = r#"
[[source]]
name = "camera"
role = "presenter"
kind = "test-video"
width = 640
height = 360
[[source]]
name = "microphone"
role = "microphone"
kind = "test-audio"
[[platform]]
name = "share"
kind = "directory"
path = "{dir}/platform"
create = true
send = ["lecture", "tracks"]
"#;

fn room(recording: &str) -> Room {
    let mut room = Room::new(&format!("[recording]\n{recording}\n{TABLES}"));
    room.start();
    room.await_sources();
    room
}

/// Bytes of a lecture's segments on the disk.
fn bytes_on_disk(room: &Room, id: &str) -> u64 {
    let sizes = ["camera", "microphone"].into_iter().flat_map(|track| {
        let folder = room.lecture_dir(id).join(track);
        std::fs::read_dir(folder).expect("the track's folder").flatten()
    });
    sizes.filter_map(|file| Some(file.metadata().ok()?.len())).sum()
}

#[test]
fn a_start_that_is_refused_leaves_the_stop_before_it_to_be_undone() {
    let room = room("undo = \"60s\"");
    let id = room.lectern(&["start"]);
    room.await_recorded(1_000);
    room.lectern(&["stop"]);
    let output = room.cli(&["start", "--minutes", "1000"]);
    assert_ne!(output.status.code(), Some(0), "longer than max_length");
    room.lectern(&["undo"]);
    let status = room.status();
    assert_eq!(status["state"], "recording", "{status}");
    assert_eq!(status["lecture"]["id"], id.as_str());
}

#[test]
fn p7_a_pause_before_the_first_chunk_holds_through_stop_and_undo() {
    let room = room("undo = \"60s\"");
    let id = room.lectern(&["start"]);
    room.lectern(&["pause"]);
    let seen = room.status()["sources"][0]["captured"].as_u64().unwrap();
    room.lectern(&["stop"]);
    room.lectern(&["undo"]);
    assert_eq!(
        room.status()["state"],
        "paused",
        "it must not begin to record by itself"
    );
    until("a second of pictures while paused", || {
        (room.status()["sources"][0]["captured"].as_u64()? > seen + 30).then_some(())
    });
    let before = bytes_on_disk(&room, &id);
    until("two more seconds of pictures while paused", || {
        (room.status()["sources"][0]["captured"].as_u64()? > seen + 90).then_some(())
    });
    assert_eq!(
        bytes_on_disk(&room, &id),
        before,
        "nothing reaches the disk in a pause"
    );
    room.lectern(&["resume"]);
    room.await_recorded(3_000);
    room.lectern(&["stop"]);
    // The next press ends the time to undo.
    room.lectern(&["start"]);
    room.lectern(&["stop"]);
    let mut room = room;
    room.terminate();
    room.start();
    until("the finished lecture", || {
        matches!(
            room.show(&id)["state"].as_str()?,
            "finished" | "delivering" | "delivered"
        )
        .then_some(())
    });
    let lecture = room.lecture_dir(&id).join("finished/lecture.mp4");
    assert_eq!(media::decode_complaints(&lecture), "");
    assert!(media::length(&lecture, "v:0") >= 2.5);
}

#[test]
fn a_stop_of_the_clock_that_is_undone_is_not_made_again_at_once() {
    let room = room("max_length = \"4s\"\nundo = \"60s\"");
    let id = room.lectern(&["start"]);
    until("the end that was planned", || {
        (room.status()["state"] == "saved").then_some(())
    });
    room.lectern(&["undo"]);
    let recorded = room.status()["lecture"]["recorded_ms"].as_u64().unwrap();
    room.await_recorded(recorded + 2_000);
    let status = room.status();
    assert_eq!(
        (&status["state"], &status["lecture"]["id"]),
        (&"recording".into(), &id.as_str().into())
    );
}

#[test]
fn p3_a_daemon_that_is_stopped_beside_a_hung_source_ends_in_time_and_goes_on_later() {
    let mut room = room("undo = \"0s\"");
    let id = room.lectern(&["start"]);
    room.await_recorded(3_000);
    let camera = room.source_pid("camera").expect("the camera's process");
    kill(camera, Signal::SIGSTOP).expect("SIGSTOP");
    // The hung child is killed after two seconds; at TimeoutStopSec of its unit, so is the daemon.
    let took = room.terminate();
    assert!(took < Duration::from_secs(15), "{took:?}");
    room.start();
    let status = room.status();
    assert_eq!(
        status["lecture"]["id"],
        id.as_str(),
        "the same lecture goes on: {status}"
    );
    room.await_sources();
    room.await_recorded(6_000);
    room.lectern(&["stop"]);
    room.await_state(&id, "delivered");
    let lecture = room.delivered().join("lecture.mp4");
    assert_eq!(media::decode_complaints(&lecture), "");
}

#[test]
fn p3_a_paused_lecture_is_paused_after_a_restart_and_a_stopped_one_is_over() {
    let mut room = room("undo = \"60s\"");
    let paused = room.lectern(&["start"]);
    room.await_recorded(2_000);
    room.lectern(&["pause"]);
    room.terminate();
    room.start();
    assert_eq!(room.status()["state"], "paused");
    room.kill9();
    room.start();
    assert_eq!(room.status()["state"], "paused");
    room.await_sources();
    room.lectern(&["resume"]);
    room.await_recorded(4_000);
    // In the time to undo.
    room.lectern(&["stop"]);
    room.kill9();
    room.start();
    assert_ne!(room.status()["state"], "recording");
    room.await_state(&paused, "delivered");
    let detail = room.show(&paused);
    assert_eq!(detail["runs"].as_array().map(Vec::len), Some(3), "{detail}");
}
