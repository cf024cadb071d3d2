//! Sound and picture stay together: at the start, at the end, and across a source that was
//! killed and came back.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use lectern_tests::room::{CAMERA, MICROPHONE, Room};
use lectern_tests::{figure, media, until};
use nix::sys::signal::{Signal, kill};

/// A number from the environment; `scripts/bench` sets them.
fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(otherwise)
}

/// How long to record.
fn seconds() -> u64 {
    number("LECTERN_SYNC_SECONDS", 16)
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
fn sound_and_picture_stay_together_across_restarts() {
    let mut room = Room::new(&format!("{CAMERA}{MICROPHONE}"));
    room.start();
    room.await_sources();
    let id = room.lectern(&["start"]);
    let kills = number("LECTERN_SYNC_KILLS", 1);
    for kill_number in 1..=kills {
        record_until(&room, seconds() * 1000 * kill_number / (kills + 1));
        // The camera first, then in turn.
        let name = ["microphone", "camera"][usize::from(kill_number % 2 == 1)];
        let pid = room.source_pid(name).expect("the source's process");
        kill(pid, Signal::SIGKILL).unwrap();
        until("another process", || {
            room.source_pid(name).filter(|new| *new != pid)
        });
    }
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
    let worst = offsets
        .iter()
        .fold(0.0, |worst: f64, offset| worst.max(offset.abs()));
    println!(
        "sound minus picture over {minutes:.1} min and {kills} restarts, {} seconds judged: {first:.1} ms at the \
         start, {last:.1} ms at the end, {worst:.1} ms at the worst; {drift:.2} ms a minute",
        offsets.len()
    );
    let of = format!("{minutes:.1} min");
    let when = format!("{kills} restarts");
    figure::tell(
        &format!("sound from picture, worst, {when}"),
        worst,
        "ms",
        &of,
        &[("promised bound", 40.0)],
    );
    // A source that came back begins on the next picture: a step, which is no drift.
    if kills == 0 {
        figure::tell(
            "drift of sound from picture",
            drift,
            "ms a minute",
            &of,
            &[("promised bound", 5.0)],
        );
    }
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
