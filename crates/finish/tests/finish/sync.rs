//! Sound and picture stay together over pauses, runs and holes, for both kinds of player.

use lectern_domain::media::Role;

use crate::clip::{MS, beeps, flashes};
use crate::probe::{beep_times, beep_times_by_counting, decodes_clean, flash_times, offsets, packets, times};
use crate::recording::{Recording, json};

/// The most that the offset may move over a lecture: less than one picture at 30 a second. Each
/// picture's own time is a multiple of 33 ms, so nothing smaller could be told apart.
const ONE_PICTURE_S: f64 = 0.034;

fn spread(values: &[f64]) -> f64 {
    let max = values.iter().copied().fold(f64::MIN, f64::max);
    let min = values.iter().copied().fold(f64::MAX, f64::min);
    max - min
}

fn assert_in_sync(recording: &Recording, at_least: usize, most_s: f64) {
    let path = recording.path("lecture.mp4");
    decodes_clean(&path);
    let flashes = flash_times(&path);
    for beeps in [beep_times(&path), beep_times_by_counting(&path)] {
        let offsets = offsets(&flashes, &beeps);
        assert!(offsets.len() >= at_least, "{flashes:?} {beeps:?}");
        assert!(spread(&offsets) < most_s, "{offsets:?}");
    }
}

#[test]
fn a_plain_recording_keeps_its_sync() {
    let mut recording = Recording::new(&[(Some(10_000 * MS), &[])]);
    recording.record(
        "camera",
        Role::Presenter,
        1,
        &flashes("320x180"),
        (0, 12_000 * MS),
        153 * MS,
    );
    recording.record("mic", Role::Microphone, 1, &beeps(), (0, 12_000 * MS), 11 * MS);
    let finished = recording.finish();
    assert_eq!(finished.notes, []);
    assert_in_sync(&recording, 8, 0.001);
    // Begin of the earliest track to the stop, to a sound frame.
    assert!(
        (finished.duration_ms as i64 - 9_989).abs() < 22,
        "{}",
        finished.duration_ms
    );
}

#[test]
fn a_pause_is_cut_out_of_all_tracks_alike() {
    let pause = (4_300 * MS, 6_130 * MS);
    let mut recording = Recording::new(&[(Some(11_000 * MS), &[pause])]);
    let (camera, mic) = (flashes("320x180"), beeps());
    // The chunk in which the pause begins is never written.
    recording.record("camera", Role::Presenter, 1, &camera, (0, 4_200 * MS), 0);
    recording.record(
        "camera",
        Role::Presenter,
        1,
        &camera,
        (6_130 * MS, 12_000 * MS),
        0,
    );
    recording.record("mic", Role::Microphone, 1, &mic, (0, 4_090 * MS), 7 * MS);
    recording.record(
        "mic",
        Role::Microphone,
        1,
        &mic,
        (6_130 * MS, 12_000 * MS),
        7 * MS,
    );
    let finished = recording.finish();
    assert_eq!(finished.notes, []);
    assert_in_sync(&recording, 7, 0.002);

    let manifest = json(&recording.path("lecture.json"));
    let cut = manifest["pauses"][0]["cut_ms"].as_i64().unwrap();
    assert!((1_830..2_400).contains(&cut), "{manifest}");
    assert_eq!(manifest["pauses"].as_array().unwrap().len(), 1);
    assert_eq!(manifest["gaps"], serde_json::json!([]));
    assert!(
        (finished.duration_ms as i64 + cut - 11_000).abs() < 45,
        "{}",
        finished.duration_ms
    );
    // Nothing is heard of the cut; the picture stands still for a dropped chunk and no longer.
    for (file, stream, most_s) in [("mic.m4a", "a:0", 0.033), ("camera.mp4", "v:0", 0.25)] {
        let times = times(&recording.path(file), stream);
        let widest = times.windows(2).map(|pair| pair[1] - pair[0]).fold(0.0, f64::max);
        assert!(widest < most_s, "{file}: a hole of {widest} s is left");
    }
}

#[test]
fn a_pause_at_the_begin_and_one_at_the_end_leave_nothing_of_themselves() {
    let pauses = [(0, 1_000 * MS), (9_000 * MS, u64::MAX)];
    let mut recording = Recording::new(&[(Some(12_000 * MS), &pauses)]);
    recording.record(
        "camera",
        Role::Presenter,
        1,
        &flashes("320x180"),
        (1_000 * MS, 9_000 * MS),
        0,
    );
    recording.record("mic", Role::Microphone, 1, &beeps(), (1_000 * MS, 9_000 * MS), 0);
    let finished = recording.finish();
    assert!(
        (finished.duration_ms as i64 - 8_000).abs() < 220,
        "{}",
        finished.duration_ms
    );
    assert_in_sync(&recording, 6, 0.002);
}

/// P3: all parts become one lecture.
#[test]
fn runs_follow_each_other_without_a_shift() {
    let mut recording = Recording::new(&[(None, &[]), (None, &[]), (Some(8_000 * MS), &[])]);
    let (camera, mic) = (flashes("320x180"), beeps());
    for (run, shift) in [(1, 40), (2, 733), (3, 91)] {
        recording.record(
            "camera",
            Role::Presenter,
            run,
            &camera,
            (0, 5_000 * MS),
            (shift + 61) * MS,
        );
        recording.record(
            "mic",
            Role::Microphone,
            run,
            &mic,
            (0, 5_400 * MS),
            shift * MS + 123_456,
        );
    }
    let finished = recording.finish();
    assert_eq!(finished.notes, []);
    assert_in_sync(&recording, 12, 0.002);
    let manifest = json(&recording.path("lecture.json"));
    let runs = manifest["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 3);
    assert_eq!(runs[0]["to_ms"], runs[1]["from_ms"]);
}

/// P4: the other track, and its place in time, do not change.
#[test]
fn a_source_that_was_away_comes_back_in_sync() {
    let mut recording = Recording::new(&[(Some(12_000 * MS), &[])]);
    let (camera, mic) = (flashes("320x180"), beeps());
    recording.record("camera", Role::Presenter, 1, &camera, (0, 12_000 * MS), 0);
    recording.record("mic", Role::Microphone, 1, &mic, (0, 4_000 * MS), 0);
    recording.record(
        "mic",
        Role::Microphone,
        1,
        &mic,
        (6_500 * MS, 12_000 * MS),
        5 * MS,
    );
    let finished = recording.finish();
    assert_eq!(finished.notes, []);
    // The new encoder's frames lie anywhere; half a sound frame is the nearest that counting
    // players can come without encoding again, and its 5 ms are real.
    assert_in_sync(&recording, 8, 0.011 + 0.005);
    let manifest = json(&recording.path("lecture.json"));
    let gap = &manifest["gaps"][0];
    assert_eq!(gap["source"], "mic");
    assert!(
        (gap["from_ms"].as_i64().unwrap() - 4_000).abs() < 250,
        "{manifest}"
    );
    assert!((gap["to_ms"].as_i64().unwrap() - 6_600).abs() < 250, "{manifest}");
    let sound = packets(&recording.path("mic.m4a"), "a:0");
    assert!(
        sound.windows(2).all(|pair| pair[1].pts_s - pair[0].pts_s < 0.033),
        "no hole is left"
    );
}

#[test]
fn a_picture_that_was_away_stands_still_until_it_is_back() {
    let mut recording = Recording::new(&[(Some(10_000 * MS), &[])]);
    let camera = flashes("320x180");
    recording.record("camera", Role::Presenter, 1, &camera, (0, 3_000 * MS), 0);
    recording.record("camera", Role::Presenter, 1, &camera, (5_000 * MS, 8_000 * MS), 0);
    recording.record("mic", Role::Microphone, 1, &beeps(), (0, 12_000 * MS), 0);
    recording.finish();
    assert_in_sync(&recording, 4, ONE_PICTURE_S);
    let times = times(&recording.path("camera.mp4"), "v:0");
    let holes: Vec<_> = times.windows(2).filter(|pair| pair[1] - pair[0] > 0.1).collect();
    assert_eq!(holes.len(), 1);
    assert!((holes[0][1] - 5.0).abs() < 0.001, "{holes:?}");
}
