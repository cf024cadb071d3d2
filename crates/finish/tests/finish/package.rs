//! The folder: names, hashes, choice of picture, and what a broken attempt leaves.

use std::ops::ControlFlow;
use std::process::Command;

use lectern_domain::config::Picture;
use lectern_domain::finished::FileRole;
use lectern_domain::ids::RunNumber;
use lectern_domain::media::Role;
use lectern_finish::{FinishError, MarkInput, Note, Progress, finish};

use crate::clip::{MS, beeps, flashes};
use crate::probe::{decodes_clean, entry};
use crate::recording::{Recording, json};

fn usual() -> Recording {
    let mut recording = Recording::new(&[(Some(6_000 * MS), &[])]);
    recording.record(
        "camera",
        Role::Presenter,
        1,
        &flashes("320x180"),
        (0, 6_000 * MS),
        0,
    );
    recording.record(
        "screen",
        Role::Presentation,
        1,
        &flashes("640x360"),
        (0, 6_000 * MS),
        0,
    );
    recording.record("mic", Role::Microphone, 1, &beeps(), (0, 6_000 * MS), 0);
    recording
}

const NAMES: [&str; 6] = [
    "SHA256SUMS",
    "camera.mp4",
    "lecture.json",
    "lecture.mp4",
    "mic.m4a",
    "screen.mp4",
];

/// A mark in the last moment, or in what a crash took along, of a lecture that is only heard.
#[test]
fn a_mark_behind_the_last_sound_is_a_chapter_all_the_same() {
    for end_ms in 4_000..4_022 {
        let mut recording = Recording::new(&[(Some(end_ms * MS), &[])]);
        recording.record("mic", Role::Microphone, 1, &beeps(), (0, 5_000 * MS), 0);
        recording.job.marks = [1_500, 9_000]
            .map(|at_ms| MarkInput {
                run: RunNumber(1),
                at_ns: at_ms * MS,
                label: None,
            })
            .to_vec();
        assert_eq!(recording.finish().notes, [Note::NoPicture]);
        decodes_clean(&recording.path("lecture.mp4"));
    }
}

#[test]
fn all_files_are_there_and_sha256sum_agrees() {
    let recording = usual();
    let finished = recording.finish();
    assert_eq!(recording.names(), NAMES);
    let mut listed: Vec<&str> = finished.files.iter().map(|file| file.name.as_str()).collect();
    listed.sort_unstable();
    assert_eq!(listed, NAMES);
    assert_eq!(finished.files[0].role, FileRole::Lecture);
    for file in &finished.files {
        assert_eq!(
            std::fs::metadata(recording.path(&file.name)).unwrap().len(),
            file.size_bytes
        );
        assert_eq!(file.parts, [file.sha256.as_str()], "each of them is one part");
    }
    let check = Command::new("sha256sum")
        .args(["--check", "--strict", "--quiet", "SHA256SUMS"])
        .current_dir(recording.dir.path().join("finished"))
        .status()
        .unwrap();
    assert!(check.success());

    let manifest = json(&recording.path("lecture.json"));
    assert_eq!(manifest["title"], "Algebra I");
    assert_eq!(manifest["duration_ms"], finished.duration_ms);
    assert_eq!(manifest["files"].as_array().unwrap().len(), 4);
    assert_eq!(manifest["files"][0]["sha256"], finished.files[0].sha256.as_str());
    assert!(manifest["files"][0].get("parts").is_none());
}

#[test]
fn the_picture_is_the_one_asked_for_or_the_one_there_is() {
    let mut recording = usual();
    recording.finish();
    let width = |recording: &Recording| {
        entry(&recording.path("lecture.mp4"), "stream=width")
            .trim()
            .to_owned()
    };
    assert_eq!(width(&recording), "640");
    recording.job.picture = Picture::Presenter;
    recording.finish();
    assert_eq!(width(&recording), "320");
    recording.job.tracks.remove(0);
    recording.finish();
    assert_eq!(width(&recording), "640");
    recording.job.tracks.remove(0);
    let finished = recording.finish();
    assert_eq!(finished.notes, [Note::NoPicture]);
    assert_eq!(finished.files[0].content_type, "audio/mp4");
}

#[test]
fn of_several_cameras_the_first_with_data_is_shown() {
    let mut recording = Recording::new(&[(Some(6_000 * MS), &[])]);
    recording.segment("dead", Role::Presenter, 1, b"");
    recording.record(
        "balcony",
        Role::Presenter,
        1,
        &flashes("640x360"),
        (0, 3_000 * MS),
        0,
    );
    recording.record(
        "lecture",
        Role::Presenter,
        1,
        &flashes("320x180"),
        (0, 3_000 * MS),
        0,
    );
    let finished = recording.finish();
    assert_eq!(
        entry(&recording.path("lecture.mp4"), "stream=width").trim(),
        "640"
    );
    assert_eq!(
        entry(&recording.path("lecture.track.mp4"), "stream=width").trim(),
        "320"
    );
    assert!(
        finished
            .notes
            .iter()
            .any(|note| matches!(note, Note::NoData { source_name } if source_name.as_str() == "dead"))
    );
    assert!(finished.notes.contains(&Note::NoSound));
}

#[test]
fn a_second_attempt_replaces_what_the_first_left() {
    let recording = usual();
    let first = recording.finish();
    std::fs::write(recording.path("lecture.mp4"), b"half").unwrap();
    std::fs::write(recording.path("camera.mp4.part"), b"stray").unwrap();
    let second = recording.finish();
    assert_eq!(first, second, "the same bytes each time");
    assert_eq!(recording.names(), NAMES);
}

#[test]
fn a_stopped_attempt_leaves_nothing() {
    let recording = usual();
    let stopped = finish(&recording.job, &mut |_| ControlFlow::Break(()));
    assert!(matches!(stopped, Err(FinishError::Stopped)));
    assert_eq!(recording.names(), [""; 0]);
}

#[test]
fn progress_ends_at_the_whole() {
    let recording = usual();
    let mut last = None;
    let finished = finish(&recording.job, &mut |progress| {
        last = Some(progress);
        ControlFlow::Continue(())
    });
    finished.unwrap();
    let Some(Progress {
        done_bytes,
        total_bytes,
    }) = last
    else {
        panic!("never told")
    };
    assert_eq!(done_bytes, total_bytes);
}

#[test]
fn a_lecture_without_data_says_so() {
    let mut recording = Recording::new(&[(Some(6_000 * MS), &[])]);
    recording.segment("camera", Role::Presenter, 1, b"");
    let error = finish(&recording.job, &mut |_| ControlFlow::Continue(())).unwrap_err();
    assert!(matches!(error, FinishError::NothingRecorded { .. }), "{error}");
    assert!(
        error
            .to_string()
            .ends_with("no track has any data, so there is no lecture to finish")
    );
}
