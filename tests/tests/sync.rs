//! Sound and picture stay together: at the start, at the end, and across a source that was
//! killed and came back.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use lectern_tests::room::{CAMERA, MICROPHONE, Room};
use lectern_tests::{media, until};
use nix::sys::signal::{Signal, kill};

/// How long to record; `scripts/bench` sets 300.
fn seconds() -> u64 {
    std::env::var("LECTERN_SYNC_SECONDS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(16)
}

/// Waits until so much is recorded, which may take longer than any single state.
fn record_until(room: &Room, ms: u64) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(seconds() + 60);
    while room.status()["lecture"]["recorded_ms"].as_u64().unwrap() < ms {
        assert!(std::time::Instant::now() < deadline, "the lecture does not go on");
        std::thread::park_timeout(std::time::Duration::from_millis(100));
    }
}

#[test]
fn sound_and_picture_stay_together_across_a_restart() {
    let mut room = Room::new(&format!("{CAMERA}{MICROPHONE}"));
    room.start();
    room.await_sources();
    let id = room.lectern(&["start"]);
    record_until(&room, seconds() * 500);
    let pid = room.source_pid("camera").expect("the camera's process");
    kill(pid, Signal::SIGKILL).unwrap();
    until("another process", || {
        room.source_pid("camera").filter(|new| *new != pid)
    });
    record_until(&room, seconds() * 1000);
    room.lectern(&["stop"]);
    room.await_state(&id, "finished");

    let lecture = room.lecture_dir(&id).join("finished/lecture.mp4");
    assert_eq!(media::decode_complaints(&lecture), "");
    let (flashes, beeps) = (media::flashes(&lecture), media::beeps(&lecture));
    let offsets = media::offsets_ms(&flashes, &beeps);
    assert!(offsets.len() >= 6, "too few flashes with a beep: {offsets:?}");
    let (first, last) = (offsets[0], offsets[offsets.len() - 1]);
    let minutes = (flashes[flashes.len() - 1] - flashes[0]) / 60.0;
    let drift = (last - first) / minutes;
    println!(
        "sound minus picture: {first:.1} ms at the start, {last:.1} ms at the end; {drift:.2} ms a minute"
    );
    let worst = offsets
        .iter()
        .fold(0.0, |worst: f64, offset| worst.max(offset.abs()));
    assert!(
        worst <= 40.0,
        "sound and picture lie up to {worst} ms apart: {offsets:?}"
    );
    // Half a picture is the measure's own grain; over a short test it would look like drift.
    assert!(
        (last - first).abs() <= 5.0 * minutes + 17.0,
        "{drift} ms a minute"
    );
}
