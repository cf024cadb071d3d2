//! What a finished lecture shows where the recording has nothing, and where its pieces differ:
//! captions, cards, spares, chapters. The renderer is the real one; the judges are ffmpeg, ffprobe
//! and Chromium.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../../crates/finish/tests/finish/clip.rs"]
#[allow(dead_code, reason = "the finisher's own tests use more of it")]
mod clip;
#[path = "../../crates/finish/tests/finish/probe.rs"]
#[allow(dead_code, reason = "the finisher's own tests use more of it")]
mod probe;
#[path = "../../crates/finish/tests/finish/recording.rs"]
#[allow(dead_code, reason = "the finisher's own tests use more of it")]
mod recording;

use std::path::Path;
use std::sync::Arc;

use lectern_domain::api::ClockTrust;
use lectern_domain::ids::RunNumber;
use lectern_domain::media::Role;
use lectern_finish::{MarkInput, Note};
use lectern_tests::look::{assert_same_picture, chapters, frame, has_words, keep_picture, mean};
use lectern_tests::room::{CAMERA, MICROPHONE, Room, program};
use lectern_tests::{media, player, until};
use nix::sys::signal::{Signal, kill};

use crate::clip::{Clip, MS, beeps, clip, flashes};
use crate::probe::{beep_times, beep_times_by_counting, decodes_clean, flash_times, offsets, packets, times};
use crate::recording::{Recording, json};

/// A colourful picture that moves.
fn colours(size: &str, options: &[&str]) -> Arc<Clip> {
    let source = format!("testsrc2=s={size}:r=30:d=12");
    let encoder = [
        "-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-bf", "0", "-g", "30",
    ];
    clip(&[&["-f", "lavfi", "-i", source.as_str()][..], &encoder, options].concat())
}

/// A lecture at 10:42 in Lagos, with the real renderer.
fn lecture(runs: &[recording::Run<'_>]) -> Recording {
    let mut recording = Recording::new(runs);
    recording.job.renderer = Some(program("lectern-source"));
    recording.job.timezone = jiff::tz::TimeZone::get("Africa/Lagos").unwrap();
    // 2026-11-18 10:42:00 there, and five minutes later for each run.
    let begin = 1_794_994_920_000;
    for (run, number) in recording.job.runs.iter_mut().zip(0..) {
        run.started_unix_ms = Some(begin + number * 300_000);
        run.clock = ClockTrust::Trusted;
    }
    recording
}

/// Picture and sound keep their distance, for players that go by time and those that only count.
fn in_sync(path: &Path, at_least: usize, most_s: f64) {
    let flashes = flash_times(path);
    for beeps in [beep_times(path), beep_times_by_counting(path)] {
        let offsets = offsets(&flashes, &beeps);
        assert!(offsets.len() >= at_least, "{flashes:?} {beeps:?}");
        let max = offsets.iter().copied().fold(f64::MIN, f64::max);
        let min = offsets.iter().copied().fold(f64::MAX, f64::min);
        assert!(max - min < most_s, "{offsets:?}");
    }
}

#[test]
fn a_camera_that_was_away_leaves_its_last_picture_with_a_caption() {
    let mut recording = lecture(&[(Some(12_000 * MS), &[])]);
    let camera = colours("640x360", &[]);
    recording.record("camera", Role::Presenter, 1, &camera, (0, 4_000 * MS), 0);
    recording.record("camera", Role::Presenter, 1, &camera, (7_000 * MS, 9_000 * MS), 0);
    recording.record("mic", Role::Microphone, 1, &beeps(), (0, 12_000 * MS), 0);
    let finished = recording.finish();
    assert_eq!(finished.notes, []);
    assert_eq!(
        recording.names(),
        [
            "SHA256SUMS",
            "camera.mp4",
            "lecture.json",
            "lecture.mp4",
            "mic.m4a"
        ]
    );
    for file in ["lecture.mp4", "camera.mp4"] {
        let path = recording.path(file);
        decodes_clean(&path);
        let last = frame(&path, 3.9);
        for (at_s, name) in [
            (4.5, "caption"),
            (6.8, "caption-end"),
            (11.0, "caption-of-the-end"),
        ] {
            keep_picture(&path, at_s, name);
            let caption = frame(&path, at_s);
            assert!(has_words(&caption), "{file}: no words at {at_s} s");
            assert!(
                mean(&caption) < mean(&last) * 0.6,
                "{file}: not dimmed at {at_s} s"
            );
        }
        assert!(!has_words(&last) && !has_words(&frame(&path, 7.5)));
        assert_eq!(packets(&path, "v:0").len(), 120 + 60 + 2, "{file}");
    }
}

#[test]
fn chromium_plays_over_captions_and_shows_their_words() {
    let mut recording = lecture(&[(Some(12_000 * MS), &[])]);
    let camera = colours("640x360", &[]);
    recording.record("camera", Role::Presenter, 1, &camera, (3_000 * MS, 5_000 * MS), 0);
    recording.record(
        "camera",
        Role::Presenter,
        1,
        &camera,
        (8_000 * MS, 12_000 * MS),
        0,
    );
    recording.record("mic", Role::Microphone, 1, &beeps(), (0, 12_000 * MS), 0);
    assert_eq!(recording.finish().notes, []);
    let path = recording.path("lecture.mp4");
    decodes_clean(&path);
    keep_picture(&path, 1.0, "late-camera");
    assert!(has_words(&frame(&path, 1.0)), "a source that came late");
    let played = player::play(&path, &[9.5, 6.0, 4.5, 1.0, 11.0]);
    assert!(
        played.played.iter().any(|frame| frame.at_s > 8.5),
        "it plays on after the caption"
    );
    assert_eq!(played.jumped.len(), 5);
    for frame in &played.jumped {
        assert_eq!(frame.size, (640, 360));
        assert_same_picture(&path, frame);
    }
}

#[test]
fn pieces_of_other_encoders_and_sizes_play_everywhere() {
    let mut recording = lecture(&[(Some(12_000 * MS), &[])]);
    let (main, small) = (colours("640x360", &[]), colours("320x240", &[]));
    // Equal in size, and with parameter sets of the same number, but not the same.
    let other = colours(
        "640x360",
        &[
            "-preset",
            "ultrafast",
            "-tune",
            "zerolatency",
            "-x264-params",
            "aud=1",
        ],
    );
    for (clip, from, to) in [
        (&main, 0, 3_000),
        (&other, 3_000, 6_000),
        (&small, 6_000, 9_000),
        (&main, 9_000, 12_000),
    ] {
        recording.record("camera", Role::Presenter, 1, clip, (from * MS, to * MS), 0);
    }
    recording.record("mic", Role::Microphone, 1, &beeps(), (0, 12_000 * MS), 0);
    assert_eq!(recording.finish().notes, []);
    let path = recording.path("lecture.mp4");
    decodes_clean(&path);
    assert_eq!(packets(&path, "v:0").len(), 360);
    let played = player::play(&path, &[7.5, 1.5, 4.5, 10.5]);
    let sizes = |from: f64, to: f64| {
        let inside = played
            .played
            .iter()
            .filter(move |frame| (from..to).contains(&frame.at_s));
        let mut sizes: Vec<(u64, u64)> = inside.map(|frame| frame.size).collect();
        sizes.dedup();
        sizes
    };
    for (from, to, size) in [
        (0.0, 6.0, (640, 360)),
        (6.0, 9.0, (320, 240)),
        (9.0, 12.0, (640, 360)),
    ] {
        assert_eq!(sizes(from, to), [size], "from {from} to {to} s");
    }
    for (frame, size) in played
        .jumped
        .iter()
        .zip([(320, 240), (640, 360), (640, 360), (640, 360)])
    {
        assert_eq!(frame.size, size, "at {} s", frame.at_s);
        assert_same_picture(&path, frame);
    }
}

/// P3: the gap is named, all tracks get the same card, and nothing slips.
#[test]
fn p3_a_card_names_the_gap_and_no_track_slips() {
    let mut recording = lecture(&[(None, &[]), (Some(6_000 * MS), &[])]);
    recording.job.gap_card = true;
    recording.job.runs[1].gap_before_ms = Some(312_000);
    let (camera, screen, mic) = (flashes("320x180"), colours("640x360", &[]), beeps());
    for (run, shift) in [(1, 40), (2, 733)] {
        recording.record(
            "camera",
            Role::Presenter,
            run,
            &camera,
            (0, 5_000 * MS),
            shift * MS,
        );
        recording.record(
            "screen",
            Role::Presentation,
            run,
            &screen,
            (0, 5_000 * MS),
            shift * MS,
        );
        recording.record(
            "mic",
            Role::Microphone,
            run,
            &mic,
            (0, 5_000 * MS),
            shift * MS + 123_456,
        );
    }
    recording.job.marks = vec![MarkInput {
        run: RunNumber(2),
        at_ns: 2_733 * MS,
        label: Some("Beweis – größer".to_owned()),
    }];
    let finished = recording.finish();
    assert_eq!(finished.notes, []);
    recording.job.picture = lectern_domain::config::Picture::Presenter;
    assert_eq!(recording.finish().notes, []);
    let path = recording.path("lecture.mp4");
    decodes_clean(&path);
    in_sync(&path, 8, 0.001);
    for file in ["camera.mp4", "screen.mp4"] {
        keep_picture(&recording.path(file), 6.0, &format!("card-{file}"));
        let card = frame(&recording.path(file), 6.0);
        assert!(has_words(&card) && mean(&card) < 45.0, "{file}");
    }
    let flashes = flash_times(&path);
    assert!(flashes.iter().all(|at| !(5.05..6.95).contains(at)), "{flashes:?}");
    let sound = times(&recording.path("mic.m4a"), "a:0");
    assert!(
        sound.windows(2).all(|pair| pair[1] - pair[0] < 0.033),
        "the card is silent, not a hole"
    );

    let manifest = json(&recording.path("lecture.json"));
    let again_s = manifest["runs"][1]["from_ms"].as_f64().unwrap() / 1_000.0;
    let expected = [
        (0.0, "Start"),
        (again_s, "After the interruption"),
        (again_s + 2.0, "Beweis – größer"),
    ];
    let told = chapters(&path);
    assert_eq!(told.len(), expected.len(), "{told:?}");
    for ((at_s, title), (expected_s, expected)) in told.iter().zip(expected) {
        assert_eq!(title, expected);
        assert!((at_s - expected_s).abs() < 0.03, "{title} at {at_s} s");
    }
    assert_eq!(manifest["chapters"].as_array().unwrap().len(), 3);
    assert_eq!(manifest["chapters"][2]["title"], "Beweis – größer");
    let (first, second) = (&manifest["runs"][0], &manifest["runs"][1]);
    let room = second["from_ms"].as_i64().unwrap() - first["to_ms"].as_i64().unwrap();
    assert!((1_999..=2_001).contains(&room), "{manifest}");
    let gap = &manifest["gaps"][0];
    assert_eq!(
        (&gap["what"], &gap["length_ms"]),
        (&"outage".into(), &312_000.into()),
        "{manifest}"
    );
    assert!(gap["from_unix_ms"].is_i64() && gap["to_unix_ms"].is_i64());
    assert_eq!(
        manifest["gaps"].as_array().unwrap().len(),
        1,
        "no track has a hole of its own"
    );
}

/// P4: what the spare saw and heard stands in the hole, and its own file stays as it was.
#[test]
fn p4_a_spare_fills_the_hole_of_the_source_that_it_stands_in_for() {
    let mut recording = lecture(&[(Some(12_000 * MS), &[])]);
    let (camera, other, mic) = (flashes("640x360"), flashes("320x180"), beeps());
    let mono = clip(&[
        "-f",
        "lavfi",
        "-i",
        "aevalsrc='if(lt(mod(t,1),0.04),0.8*sin(2*PI*1000*t),0)':s=48000:d=12",
        "-c:a",
        "aac",
        "-ac",
        "1",
    ]);
    recording.record("camera", Role::Presenter, 1, &camera, (0, 4_000 * MS), 0);
    recording.record(
        "camera",
        Role::Presenter,
        1,
        &camera,
        (8_000 * MS, 12_000 * MS),
        0,
    );
    recording.record("webcam", Role::Presenter, 1, &other, (4_300 * MS, 8_500 * MS), 0);
    recording.record("mic", Role::Microphone, 1, &mic, (0, 5_000 * MS), 0);
    recording.record("mic", Role::Microphone, 1, &mic, (9_000 * MS, 12_000 * MS), 0);
    recording.record(
        "built-in",
        Role::Microphone,
        1,
        &mono,
        (4_600 * MS, 9_500 * MS),
        0,
    );
    for (spare, principal) in [("webcam", "camera"), ("built-in", "mic")] {
        let mut tracks = recording.job.tracks.iter_mut();
        let track = tracks.find(|track| track.source.as_str() == spare).unwrap();
        track.spare_for = Some(principal.parse().unwrap());
    }
    let finished = recording.finish();
    assert_eq!(finished.notes, []);
    let path = recording.path("lecture.mp4");
    decodes_clean(&path);
    // No second is without its beep, and none without its flash but the one at which the camera
    // went: the webcam began later.
    assert_eq!(flash_times(&path).len(), 11, "{:?}", flash_times(&path));
    assert_eq!(beep_times(&path).len(), 12, "{:?}", beep_times(&path));
    in_sync(&path, 11, 0.034);
    let layout = probe::entry(&recording.path("mic.m4a"), "stream=channels");
    assert_eq!(layout.trim(), "2");
    assert_eq!(
        probe::entry(&recording.path("built-in.m4a"), "stream=channels").trim(),
        "1"
    );
    decodes_clean(&recording.path("webcam.mp4"));
    let manifest = json(&recording.path("lecture.json"));
    let camera = manifest["tracks"]
        .as_array()
        .unwrap()
        .iter()
        .find(|track| track["source"] == "camera")
        .unwrap();
    let filled = &camera["filled_by_spare"][0];
    assert!(
        (filled["from_ms"].as_i64().unwrap() - 4_400).abs() < 150,
        "{manifest}"
    );
    assert_eq!(
        manifest["gaps"].as_array().unwrap().len(),
        1,
        "only until the webcam's first key frame: {manifest}"
    );
}

#[test]
fn a_lecture_of_spares_alone_is_a_lecture() {
    let mut recording = lecture(&[(Some(4_000 * MS), &[])]);
    recording.record(
        "webcam",
        Role::Presenter,
        1,
        &flashes("320x180"),
        (0, 4_000 * MS),
        0,
    );
    recording.record("mic", Role::Microphone, 1, &beeps(), (0, 4_000 * MS), 0);
    recording.record(
        "webcam",
        Role::Presenter,
        1,
        &flashes("320x180"),
        (7_000 * MS, 8_000 * MS),
        0,
    );
    recording.job.runs[0].end_ns = Some(8_000 * MS);
    recording.job.tracks[0].spare_for = Some("camera".parse().unwrap());
    assert_eq!(recording.finish().notes, []);
    let path = recording.path("lecture.mp4");
    decodes_clean(&path);
    assert_eq!(packets(&path, "v:0").len(), 120 + 1 + 30);
    assert!(
        has_words(&frame(&path, 5.5)),
        "nobody else stands there when it is away"
    );
    let manifest = json(&recording.path("lecture.json"));
    let gaps = manifest["gaps"].as_array().unwrap().iter();
    assert_eq!(
        gaps.filter(|gap| gap["source"] == "webcam").count(),
        1,
        "{manifest}"
    );
}

#[test]
fn a_renderer_that_is_missing_or_fails_costs_the_caption_only() {
    let mut recording = lecture(&[(Some(12_000 * MS), &[])]);
    let camera = colours("320x180", &[]);
    recording.record("camera", Role::Presenter, 1, &camera, (0, 3_000 * MS), 0);
    recording.record(
        "camera",
        Role::Presenter,
        1,
        &camera,
        (6_000 * MS, 12_000 * MS),
        0,
    );
    recording.record("mic", Role::Microphone, 1, &beeps(), (0, 12_000 * MS), 0);
    for renderer in ["/nonexistent/lectern-source", "/bin/false", "/bin/true"] {
        recording.job.renderer = Some(renderer.into());
        let notes = recording.finish().notes;
        assert!(
            matches!(&notes[..], [Note::NotRendered { .. }]),
            "{renderer}: {notes:?}"
        );
        decodes_clean(&recording.path("lecture.mp4"));
        let path = recording.path("lecture.mp4");
        assert_eq!(frame(&path, 2.98), frame(&path, 5.9), "the last picture stands");
        assert_eq!(recording.names().len(), 5, "nothing else is left in the folder");
    }
}

/// P3, P4: the same from the recorder itself: a camera that was away, a recorder that was killed,
/// and what somebody marked.
#[test]
fn p3_p4_a_real_lecture_tells_what_it_went_through() {
    let mut room = Room::new(&format!(
        "{CAMERA}{MICROPHONE}[recording]\nundo = \"0s\"\ngap_card = true\n"
    ));
    room.start();
    room.await_sources();
    let id = room.lectern(&["start", "--title", "Algebra"]);
    room.await_recorded(3_000);
    room.lectern(&["mark", "Questions"]);
    // Away for longer than a restart takes: every process of the camera is killed as it comes.
    let away = recorded_ms(&room);
    until("three seconds without a camera", || {
        if let Some(pid) = room.source_pid("camera") {
            let _gone_by_itself = kill(pid, Signal::SIGKILL);
        }
        (recorded_ms(&room) > away + 3_000).then_some(())
    });
    until("the camera back", || {
        let status = room.status();
        (status["sources"][0]["health"] == "live").then_some(())
    });
    room.await_recorded(recorded_ms(&room) + 3_000);
    room.kill9();
    room.start();
    until("the same lecture", || {
        (room.status()["state"] == "recording").then_some(())
    });
    room.await_recorded(recorded_ms(&room) + 3_000);
    room.lectern(&["stop"]);
    room.await_state(&id, "finished");

    let dir = room.lecture_dir(&id).join("finished");
    let path = dir.join("lecture.mp4");
    assert_eq!(media::decode_complaints(&path), "");
    assert!(media::worst_offset_ms(&path) <= 40.0);
    let titles: Vec<String> = chapters(&path).into_iter().map(|(_, title)| title).collect();
    assert_eq!(titles, ["Start", "Questions", "After the interruption"]);
    let manifest = json(&dir.join("lecture.json"));
    let gaps = manifest["gaps"].as_array().unwrap();
    let middle_s = |gap: &serde_json::Value| {
        let (from, to) = (gap["from_ms"].as_f64().unwrap(), gap["to_ms"].as_f64().unwrap());
        (from + to) / 2_000.0
    };
    let length_ms =
        |gap: &serde_json::Value| gap["to_ms"].as_i64().unwrap() - gap["from_ms"].as_i64().unwrap();
    let camera = gaps.iter().filter(|gap| gap["source"] == "camera");
    let hole = camera.max_by_key(|gap| length_ms(gap)).unwrap();
    assert!(length_ms(hole) >= 1_000, "{manifest}");
    let outage = gaps.iter().find(|gap| gap["what"] == "outage").unwrap();
    assert!(
        length_ms(outage) >= 1_999 && outage["length_ms"].as_u64().unwrap() > 0,
        "{outage}"
    );
    for (gap, name) in [(hole, "real-caption"), (outage, "real-card")] {
        keep_picture(&path, middle_s(gap), name);
        assert!(has_words(&frame(&path, middle_s(gap))), "{gap}");
    }
    assert!(!manifest["facts"].as_array().unwrap().is_empty(), "{manifest}");
}

fn recorded_ms(room: &Room) -> u64 {
    room.status()["lecture"]["recorded_ms"].as_u64().unwrap_or(0)
}
