//! Buttons: pause, undo, refused presses, marks, the planned end, and what is kept off the disk.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use lectern_tests::room::{CAMERA, MICROPHONE, Room, SHARE};
use lectern_tests::{media, until};

#[test]
fn p7_a_pause_is_cut_out_of_all_tracks_alike() {
    let mut room = Room::new(&format!("{CAMERA}{MICROPHONE}{SHARE}"));
    room.start();
    room.await_sources();
    let id = room.lectern(&["start"]);
    room.await_recorded(4_000);
    room.lectern(&["pause"]);
    let paused = room.status();
    assert_eq!(paused["state"], "paused");
    let recorded = paused["lecture"]["recorded_ms"].as_u64().unwrap();
    let seen = paused["sources"][0]["captured"].as_u64().unwrap();
    until("three seconds of pictures while paused", || {
        (room.status()["sources"][0]["captured"].as_u64()? > seen + 90).then_some(())
    });
    assert_eq!(
        room.status()["lecture"]["recorded_ms"].as_u64().unwrap(),
        recorded,
        "time stands still"
    );
    room.lectern(&["resume"]);
    room.await_recorded(recorded + 4_000);
    room.lectern(&["stop"]);
    room.await_state(&id, "delivered");

    let lecture = room.delivered().join("lecture.mp4");
    assert_eq!(media::decode_complaints(&lecture), "");
    let detail = room.show(&id);
    let run = &detail["runs"][0];
    let (from, to) = (
        run["pauses_ms"][0][0].as_f64().unwrap(),
        run["pauses_ms"][0][1].as_f64().unwrap(),
    );
    assert!(to - from >= 2_500.0, "the pause lasted: {run}");
    let kept = (run["end_ms"].as_f64().unwrap() - (to - from)) / 1000.0;
    for (name, stream) in [
        ("lecture.mp4", "v:0"),
        ("lecture.mp4", "a:0"),
        ("camera.mp4", "v:0"),
        ("microphone.m4a", "a:0"),
    ] {
        let length = media::length(&room.delivered().join(name), stream);
        assert!(
            (length - kept).abs() <= 0.6,
            "{name} {stream}: {length} s of {kept} s"
        );
    }
    let worst = media::worst_offset_ms(&lecture);
    assert!(
        worst <= 40.0,
        "sound and picture lie {worst} ms apart after the pause"
    );
    assert!(
        media::longest_gap(&lecture, "v:0") < 0.5,
        "the pause left no hole"
    );
}

#[test]
fn a_stop_can_be_undone_and_nothing_is_missing_then() {
    let mut room = Room::new(&format!(
        "[recording]\nundo = \"30s\"\n{CAMERA}{MICROPHONE}{SHARE}"
    ));
    room.start();
    room.await_sources();
    let id = room.lectern(&["start"]);
    room.await_recorded(3_000);
    room.lectern(&["stop"]);
    let status = room.status();
    assert_eq!(status["state"], "saved", "{status}");
    let seen = status["sources"][0]["captured"].as_u64().unwrap();
    until("a second of pictures after the stop", || {
        (room.status()["sources"][0]["captured"].as_u64()? > seen + 30).then_some(())
    });
    room.lectern(&["undo"]);
    assert_eq!(room.status()["state"], "recording");
    room.await_recorded(6_000);
    room.lectern(&["stop"]);
    // A new lecture ends the time to undo at once.
    let next = room.lectern(&["start"]);
    assert_ne!(next, id);
    room.await_recorded(1_000);
    room.lectern(&["stop"]);
    room.terminate();
    room.start();
    room.await_state(&id, "delivered");
    let camera = room.lecture_dir(&id).join("finished/camera.mp4");
    assert!(media::length(&camera, "v:0") >= 5.8);
    assert!(
        media::longest_gap(&camera, "v:0") < 0.4,
        "the undone stop left a hole"
    );
}

#[test]
fn a_press_that_makes_no_sense_is_refused_with_the_state_and_what_is_allowed() {
    let mut room = Room::new(&format!("{CAMERA}{MICROPHONE}{SHARE}"));
    room.start();
    room.await_sources();
    for word in ["pause", "resume", "stop", "undo", "mark"] {
        let output = room.cli(&[word]);
        assert_eq!(output.status.code(), Some(3), "{word}");
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(text.contains("ready") && text.contains("start"), "{word}: {text}");
    }
    let id = room.lectern(&["start"]);
    room.await_recorded(1_000);
    let output = room.cli(&["start"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stderr).contains("recording"));
    let output = room.cli(&["extend", "100000"]);
    assert_ne!(output.status.code(), Some(0));
    room.lectern(&["mark", "الفصل الأول"]);
    room.lectern(&["stop"]);
    room.await_state(&id, "delivered");
    let detail = room.show(&id);
    assert_eq!(detail["marks"][0]["label"], "الفصل الأول");
}

#[test]
fn p10_no_malformed_request_ends_a_recording() {
    use std::io::{Read, Write};
    let mut room = Room::new(&format!("{CAMERA}{MICROPHONE}{SHARE}"));
    room.start();
    room.await_sources();
    let id = room.lectern(&["start"]);
    room.await_recorded(1_000);
    let requests: [&[u8]; 8] = [
        b"\0\0\0\0\0\0\0\0",
        b"GET /api/v1/status HTTP/9.9\r\n\r\n",
        b"POST /api/v1/recording/stop HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\nContent-Length: 0\r\n\r\n",
        b"POST /api/v1/recording/mark HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 5\r\n\r\n{\"lab",
        b"POST /api/v1/recording/extend HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 25\r\n\r\n{\"minutes\":-99999999999999}",
        b"PATCH /api/v1/lectures/%00%ff%2e%2e HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}",
        b"GET /api/v1/lectures?limit=99999999999999999999 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /preview/..%2f..%2fetc%2fpasswd.jpg HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ];
    for request in requests {
        let mut socket = std::os::unix::net::UnixStream::connect(room.path("control.sock")).unwrap();
        socket
            .set_read_timeout(Some(std::time::Duration::from_secs(2)))
            .unwrap();
        socket.write_all(request).unwrap();
        let mut answer = [0; 512];
        // Whatever it answers, if anything: the recording is what counts.
        drop(socket.read(&mut answer));
    }
    let now = room.status()["lecture"]["recorded_ms"].as_u64().unwrap();
    room.await_recorded(now + 1_000);
    assert_eq!(room.status()["lecture"]["id"], id.as_str());
    room.lectern(&["stop"]);
    room.await_state(&id, "delivered");
}
