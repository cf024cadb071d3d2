//! `lectern export`: copies the finished files and checks them.

use std::path::Path;

use lectern_domain::lecture::LectureState;

use crate::daemon::{Daemon, code, err, out};

/// `finished/` with one file and its sum.
fn finished(folder: &Path) {
    let finished = folder.join("finished");
    std::fs::create_dir_all(&finished).unwrap();
    std::fs::write(finished.join("lecture.mp4"), "abc").unwrap();
    let sums = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  lecture.mp4\n";
    std::fs::write(finished.join("SHA256SUMS"), sums).unwrap();
}

#[test]
fn export_copies_and_checks_the_finished_files() {
    let daemon = Daemon::start();
    let id = daemon.lecture(LectureState::Finished);
    let folder = daemon.dir.path().join("spool");
    daemon
        .room
        .change(id, |l| l.folder = folder.display().to_string());
    let stick = daemon.dir.path().join("stick/bio");
    let export = || daemon.run(&["export", &id.to_string(), &stick.display().to_string()]);

    assert_eq!(code(&export()), 1, "there is nothing to copy yet");
    finished(&folder);
    let output = export();
    assert_eq!(code(&output), 0, "{}", err(&output));
    let line = format!("{}  3 B   checked", stick.join("lecture.mp4").display());
    assert_eq!(out(&output).lines().next(), Some(line.as_str()));
    assert_eq!(std::fs::read(stick.join("lecture.mp4")).unwrap(), b"abc");
    assert_eq!(code(&export()), 0, "the same files may lie there already");

    std::fs::write(stick.join("lecture.mp4"), "other").unwrap();
    assert_eq!(code(&export()), 1);
    assert_eq!(
        std::fs::read(stick.join("lecture.mp4")).unwrap(),
        b"other",
        "nothing is overwritten"
    );

    std::fs::remove_dir_all(&stick).unwrap();
    std::fs::write(folder.join("finished/lecture.mp4"), "abd").unwrap();
    let damaged = export();
    assert_eq!(code(&damaged), 1);
    assert!(
        err(&damaged).contains("does not have the sum"),
        "{}",
        err(&damaged)
    );
    assert_eq!(
        std::fs::read_dir(&stick).unwrap().count(),
        0,
        "no damaged copy is left behind"
    );
}

#[test]
fn export_takes_no_name_that_leads_out_of_the_folder() {
    let daemon = Daemon::start();
    let id = daemon.lecture(LectureState::Finished);
    let folder = daemon.dir.path().join("spool");
    daemon
        .room
        .change(id, |l| l.folder = folder.display().to_string());
    finished(&folder);
    let sums = format!("{}  ../../secret\n", "0".repeat(64));
    std::fs::write(folder.join("finished/SHA256SUMS"), sums).unwrap();
    let output = daemon.run(&[
        "export",
        &id.to_string(),
        &daemon.dir.path().join("stick").display().to_string(),
    ]);
    assert_eq!(code(&output), 1);
    assert!(err(&output).starts_with("SHA256SUMS of the lecture was not understood."));
}
