//! The main job: press record, talk, stop, and one good lecture lies on the platform.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use lectern_tests::room::{CAMERA, MICROPHONE, Room, SHARE, sha256};
use lectern_tests::{media, until};

/// Records for a while and returns the lecture's id and what was recorded, in milliseconds.
fn record(room: &Room, ms: u64) -> (String, u64) {
    room.await_sources();
    let id = room.lectern(&["start", "--title", "Cells – الخلايا – 细胞", "--course", "BIO-201"]);
    room.await_recorded(ms);
    room.lectern(&["stop"]);
    room.await_state(&id, "delivered");
    let detail = room.show(&id);
    let run = &detail["runs"][0];
    (id, run["end_ms"].as_u64().expect("a stopped run has its length"))
}

#[test]
fn a_lecture_is_recorded_finished_and_delivered() {
    let mut room = Room::new(&format!("{CAMERA}{MICROPHONE}{SHARE}"));
    room.start();
    let (id, asked_ms) = record(&room, 8_000);
    let folder = room.delivered();
    let mut names: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(
        names,
        [
            "SHA256SUMS",
            "camera.mp4",
            "lecture.json",
            "lecture.mp4",
            "microphone.m4a"
        ]
    );

    let lecture = folder.join("lecture.mp4");
    assert_eq!(media::codecs(&lecture), ["h264", "aac"]);
    assert!(media::fast_start(&lecture));
    for name in ["lecture.mp4", "camera.mp4", "microphone.m4a"] {
        assert_eq!(media::decode_complaints(&folder.join(name)), "", "{name}");
    }
    #[expect(clippy::cast_precision_loss, reason = "seconds of a test")]
    let asked = asked_ms as f64 / 1000.0;
    for (name, stream) in [
        ("camera.mp4", "v:0"),
        ("microphone.m4a", "a:0"),
        ("lecture.mp4", "v:0"),
        ("lecture.mp4", "a:0"),
    ] {
        let length = media::length(&folder.join(name), stream);
        assert!(
            (length - asked).abs() <= 0.2,
            "{name} {stream}: {length} s, asked for {asked} s"
        );
    }
    let worst = media::worst_offset_ms(&lecture);
    assert!(worst <= 40.0, "sound and picture lie {worst} ms apart");

    // What lies there is what was promised: hashes agree, and with our own copy too.
    for line in std::fs::read_to_string(folder.join("SHA256SUMS"))
        .unwrap()
        .lines()
    {
        let (hash, name) = line.split_once("  ").expect("sha256sum's format");
        assert_eq!(sha256(&folder.join(name)), hash, "{name}");
    }
    let ours = room.lecture_dir(&id).join("finished/lecture.mp4");
    assert_eq!(sha256(&ours), sha256(&lecture));
    let metadata: serde_json::Value =
        serde_json::from_slice(&std::fs::read(folder.join("lecture.json")).unwrap()).unwrap();
    assert!(
        metadata.to_string().contains("الخلايا"),
        "the title goes along: {metadata}"
    );

    room.terminate();
    let (code, findings) = room.fsck(&[]);
    assert_eq!(code, Some(0), "{findings}");
}

#[test]
fn p1_segments_of_a_track_join_without_a_gap() {
    let mut room = Room::new(&format!("{CAMERA}{MICROPHONE}{SHARE}"));
    room.start();
    let (id, _) = record(&room, 7_000);
    let track = room.lecture_dir(&id).join("camera");
    let mut segments: Vec<_> = std::fs::read_dir(&track)
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    segments.sort();
    assert!(segments.len() >= 3, "a boundary each two seconds: {segments:?}");

    // One segment alone is a playable file; all of them as bytes are the whole track.
    assert_eq!(media::decode_complaints(&segments[1]), "");
    let whole = room.path("whole.mp4");
    let mut bytes = Vec::new();
    for segment in &segments {
        bytes.extend(std::fs::read(segment).unwrap());
    }
    std::fs::write(&whole, bytes).unwrap();
    assert_eq!(media::decode_complaints(&whole), "");
    // At each boundary the next segment begins where the one before ends; and nowhere does a
    // picture stand off the camera's grid, whatever a loaded machine left out of it.
    for pair in segments.windows(2) {
        let (at, length) = *media::packets(&pair[0], "v:0").last().expect("packets");
        let next = media::packets(&pair[1], "v:0")[0].0;
        assert!(
            (next - at - length).abs() < 0.001,
            "{} s and then {next} s",
            at + length
        );
    }
    for pair in media::packets(&whole, "v:0").windows(2) {
        let pictures = (pair[1].0 - pair[0].0) * 30.0;
        assert!(
            pictures > 0.9 && (pictures - pictures.round()).abs() < 0.05,
            "{pair:?}"
        );
    }
}

#[test]
fn the_first_picture_is_there_half_a_second_after_start_returns() {
    let mut room = Room::new(&format!("{CAMERA}{MICROPHONE}{SHARE}"));
    room.start();
    room.await_sources();
    let id = room.lectern(&["start"]);
    let returned_ms = unix_ms();
    room.await_recorded(2_500);
    room.lectern(&["stop"]);
    room.await_state(&id, "delivered");
    let detail = room.show(&id);
    let run_began_ms = detail["runs"][0]["started_unix_ms"].as_f64().unwrap();
    let segment = room.lecture_dir(&id).join("camera/00000001.mp4");
    let first = media::packets(&segment, "v:0")[0].0;
    let late_ms = run_began_ms + first * 1000.0 - returned_ms;
    assert!(
        late_ms <= 500.0,
        "the first picture came {late_ms} ms after start returned"
    );
}

fn unix_ms() -> f64 {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    now.as_secs_f64() * 1000.0
}

#[test]
fn lectures_follow_each_other_and_none_is_mixed_up() {
    let mut room = Room::new(&format!("{CAMERA}{MICROPHONE}{SHARE}"));
    room.start();
    room.await_sources();
    let mut ids = Vec::new();
    for title in ["first", "second"] {
        let id = room.lectern(&["start", "--title", title]);
        room.await_recorded(2_000);
        if title == "first" {
            room.lectern(&["stop"]);
        }
        ids.push(id);
    }
    room.lectern(&["stop"]);
    for id in &ids {
        room.await_state(id, "delivered");
    }
    let entries = std::fs::read_dir(room.path("platform")).unwrap();
    // Beside the lectures lies the manifest of what was copied.
    assert_eq!(
        entries
            .filter(|entry| entry.as_ref().unwrap().path().is_dir())
            .count(),
        2
    );
    until("both in the list", || {
        room.lectern(&["lectures"]).contains("second").then_some(())
    });
}
