//! `fsck` finds each kind of damage, and `--rebuild` makes a lost database anew.

#![allow(
    clippy::unwrap_used,
    reason = "test code; the lint exempts functions marked as tests only"
)]

mod support;

use std::fs;
use std::path::Path;

use lectern_domain::config::Send;
use lectern_domain::delivery::{Commit, DeliveryState as D, FilePhase};
use lectern_domain::fact::{Fact, FactKind};
use lectern_domain::lecture::LectureState as S;
use lectern_store::{FindingKind as K, FsckMode, NewDelivery, OpenError, RowChange, fsck};
use serde_json::json;
use support::{Lecture, Open, Room};

/// A finished lecture with six segments and a delivery, closed in good order.
async fn finished(room: &Room) -> Lecture {
    let open = room.open();
    let lecture = captured(&open).await;
    let central = NewDelivery {
        platform: "central".parse().unwrap(),
        send: vec![Send::Lecture, Send::Metadata],
    };
    open.finish(room, &lecture, vec![central]).await;
    open.close();
    room.assert_clean();
    lecture
}

async fn captured(open: &Open) -> Lecture {
    let lecture = open.begin().await;
    open.record(&lecture, 0..12).await;
    let run = lecture.run;
    let pause = [RowChange::PauseFrom { run, from_ns: 5 }];
    open.step(lecture.id, S::Recording, S::Paused, &pause)
        .await
        .unwrap();
    let on = [RowChange::ResumeAt { run, to_ns: 9 }];
    open.step(lecture.id, S::Paused, S::Recording, &on).await.unwrap();
    let fact = Fact {
        run: run.run,
        at_ns: 6,
        source: Some("camera".parse().unwrap()),
        what: FactKind::SourceLost,
        detail: "the camera was unplugged".to_owned(),
    };
    open.db.note(lecture.id, vec![fact]).await.unwrap();
    open.db
        .mark(lecture.run, 7, Some("ici".to_owned()))
        .await
        .unwrap();
    open.stop(&lecture, 12).await;
    lecture
}

fn sql(room: &Room, statement: &str) {
    let connection = rusqlite::Connection::open(room.path().join("lectern.db")).unwrap();
    connection.execute_batch(statement).unwrap();
}

type Harm = fn(&Room, &Path);

#[tokio::test]
async fn fsck_finds_every_kind_of_damage_and_changes_nothing() {
    let harms: &[(&str, K, Harm)] = &[
        ("segment gone", K::Missing, |_, folder| {
            fs::remove_file(folder.join("camera/00000002.mp4")).unwrap()
        }),
        ("segment short", K::Size, |_, folder| {
            let path = folder.join("camera/00000002.mp4");
            let bytes = fs::read(&path).unwrap();
            fs::write(path, &bytes[..bytes.len() - 1]).unwrap();
        }),
        ("one bit of a segment", K::Hash, |_, folder| {
            flip(&folder.join("microphone/00000001.mp4"))
        }),
        ("segment too many", K::Unknown, |_, folder| {
            fs::copy(
                folder.join("camera/00000001.mp4"),
                folder.join("camera/00000009.mp4"),
            )
            .map(|_| ())
            .unwrap();
        }),
        ("track's folder gone", K::Unreadable, |_, folder| {
            fs::remove_dir_all(folder.join("camera")).unwrap()
        }),
        ("stranger in the folder", K::Unknown, |_, folder| {
            fs::write(folder.join("x"), b"x").unwrap()
        }),
        ("stranger among lectures", K::Unknown, |room, _| {
            fs::write(room.path().join("lectures/x"), b"x").unwrap()
        }),
        ("finished file gone", K::Missing, |_, folder| {
            fs::remove_file(folder.join("finished/lecture.mp4")).unwrap();
        }),
        ("one bit of a finished file", K::Hash, |_, folder| {
            flip(&folder.join("finished/lecture.mp4"))
        }),
        ("finished file too many", K::Unknown, |_, folder| {
            fs::write(folder.join("finished/old.mp4"), b"x").unwrap();
        }),
        ("lecture.json gone", K::Document, |_, folder| {
            fs::remove_file(folder.join("lecture.json")).unwrap()
        }),
        ("lecture.json old", K::Document, |room, _| {
            sql(room, "UPDATE lectures SET revision = revision + 1")
        }),
        ("foreign meta", K::Meta, |room, _| {
            let meta = json!({"uuid": uuid::Uuid::nil(), "room": "x", "created_unix_ms": 0});
            fs::write(room.path().join("meta.json"), meta.to_string()).unwrap();
        }),
        ("meta gone", K::Meta, |room, _| {
            fs::remove_file(room.path().join("meta.json")).unwrap()
        }),
        ("marked suspect", K::Marked, |room, _| {
            sql(
                room,
                "UPDATE segments SET state = 'suspect' WHERE source = 'camera' AND number = 1",
            );
        }),
        ("orphan row", K::Database, |room, _| {
            sql(
                room,
                "PRAGMA foreign_keys = OFF; INSERT INTO marks (lecture, run, at_ns) VALUES ('x', 1, 1)",
            );
        }),
        ("done without receipt", K::State, |room, _| {
            sql(room, "UPDATE deliveries SET state = 'done', done_unix_ms = 1");
        }),
        ("delivered too early", K::State, |room, _| {
            sql(room, "UPDATE lectures SET state = 'delivered'")
        }),
    ];
    for (name, kind, harm) in harms {
        let room = Room::new();
        let lecture = finished(&room).await;
        room.leave_damaged();
        harm(&room, &room.path().join("lectures").join(&lecture.folder));
        let report = room.fsck();
        assert!(
            report.findings.iter().any(|finding| finding.kind == *kind),
            "{name}: {report}"
        );
        assert_eq!(room.fsck(), report, "{name}: looking changes nothing");
    }
}

fn flip(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(path, bytes).unwrap();
}

#[tokio::test]
async fn the_report_is_readable() {
    let room = Room::new();
    let lecture = finished(&room).await;
    let report = room.fsck();
    assert!(
        report
            .to_string()
            .starts_with("checked   1 lectures, 6 segments, 2 finished files, "),
        "{report}"
    );
    assert!(report.to_string().ends_with("bytes\nclean\n"), "{report}");
    let path = room
        .path()
        .join("lectures")
        .join(&lecture.folder)
        .join("camera/00000001.mp4");
    flip(&path);
    let expected = format!(
        "found     {}: its bytes are not those that were written; look for it in a backup\n1 finding\n",
        path.display()
    );
    assert!(room.fsck().to_string().ends_with(&expected), "{}", room.fsck());
    room.leave_damaged();
}

#[tokio::test]
async fn fsck_waits_for_nobody_and_needs_a_spool() {
    let room = Room::new();
    let open = room.open();
    assert!(matches!(
        fsck(&room.options(), FsckMode::default()),
        Err(OpenError::Locked { .. })
    ));
    open.close();
    let mut options = room.options();
    options.path = room.path().join("nowhere");
    assert!(matches!(
        fsck(&options, FsckMode { rebuild: true }),
        Err(OpenError::Io { .. })
    ));
    assert!(!options.path.exists());
}

/// What must be the same before and after a rebuild.
async fn memory(
    room: &Room,
    lecture: &Lecture,
) -> (lectern_domain::api::LectureDetail, lectern_store::FinishInput) {
    let open = room.open();
    let seen = (
        open.db.lecture(lecture.id).await.unwrap().unwrap(),
        open.db.finish_input(lecture.id).await.unwrap(),
    );
    open.close();
    seen
}

#[tokio::test]
async fn a_lost_database_is_made_anew_from_the_spool() {
    let room = Room::new();
    let lecture = finished(&room).await;
    let open = room.open();
    let running = captured(&open).await;
    open.close();
    let before = (memory(&room, &lecture).await, memory(&room, &running).await);
    for name in ["lectern.db", "lectern.db-wal", "lectern.db-shm"] {
        match fs::remove_file(room.path().join(name)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => panic!("{error}"),
            Ok(()) | Err(_) => {}
        }
    }
    assert!(matches!(
        fsck(&room.options(), FsckMode::default()),
        Err(OpenError::DatabaseMissing { .. })
    ));
    let report = fsck(&room.options(), FsckMode { rebuild: true }).unwrap();
    assert_eq!(report.rebuilt_lectures, Some(2));
    assert!(report.findings.is_empty(), "{report}");
    let mut after = (memory(&room, &lecture).await, memory(&room, &running).await);
    assert_eq!(
        after.0.0.deliveries[0].state,
        D::Reconciling,
        "the platform is asked first"
    );
    after.0.0.deliveries[0].state = D::Queued;
    assert_eq!(after, before);
    let sound = fsck(&room.options(), FsckMode { rebuild: true }).unwrap();
    assert_eq!(
        (sound.rebuilt_lectures, sound.findings.len()),
        (None, 0),
        "a sound database stays"
    );
}

#[tokio::test]
async fn p5_a_rebuilt_delivery_is_in_doubt_and_a_done_one_stays_done() {
    let room = Room::new();
    let done = finished(&room).await;
    let under_way = finished(&room).await;
    let open = room.open();
    let central = || vec!["central".parse().unwrap()];
    let commit = async |id, commit| open.db.commit_delivery(id, commit).await.unwrap();
    let job = open
        .db
        .due_delivery(support::oldest(0, central()))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(job.lecture, done.id);
    for state in [D::Reconciling, D::Verifying] {
        commit(job.id, Commit::State { state }).await;
    }
    for name in ["lecture.mp4", "lecture.json"] {
        let (name, location) = (name.to_owned(), "there".to_owned());
        commit(
            job.id,
            Commit::Receipt {
                name,
                location,
                evidence: json!({}),
            },
        )
        .await;
    }
    commit(job.id, Commit::State { state: D::Done }).await;
    let job = open
        .db
        .due_delivery(support::oldest(0, central()))
        .await
        .unwrap()
        .unwrap();
    commit(
        job.id,
        Commit::State {
            state: D::Reconciling,
        },
    )
    .await;
    commit(job.id, Commit::State { state: D::Sending }).await;
    let phase = FilePhase::Bound {
        remote: "https://central/files/7".to_owned(),
    };
    commit(
        job.id,
        Commit::File {
            name: "lecture.mp4".to_owned(),
            phase,
        },
    )
    .await;
    open.close();

    fs::write(
        room.path().join("lectern.db"),
        b"this is no database, it is a sentence",
    )
    .unwrap();
    assert!(fsck(&room.options(), FsckMode::default()).is_err());
    let report = fsck(&room.options(), FsckMode { rebuild: true }).unwrap();
    assert!(report.findings.is_empty(), "{report}");
    let aside = fs::read_dir(room.path().join("quarantine")).unwrap().count();
    assert!(aside >= 1, "the damaged database is kept");
    let open = room.open();
    let again = open
        .db
        .due_delivery(support::oldest(i64::MAX, central()))
        .await
        .unwrap()
        .unwrap();
    assert_eq!((again.id, again.lecture), (job.id, under_way.id));
    let remote = "https://central/files/7".to_owned();
    // lecture.json may be one step behind: what was bound may have been completed.
    assert_eq!(again.files[0].phase, FilePhase::Completing { remote });
    assert_eq!(again.files[1].phase, FilePhase::Creating);
    assert_eq!(open.state(done.id).await, S::Delivered);
    open.close();
    room.assert_clean();
}

#[tokio::test]
async fn a_document_that_contradicts_itself_costs_no_other_lecture_its_return() {
    let room = Room::new();
    let odd = finished(&room).await;
    let sound = finished(&room).await;
    let file = room
        .path()
        .join("lectures")
        .join(&odd.folder)
        .join("lecture.json");
    let mut document: serde_json::Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    let run = document["runs"][0].clone();
    document["runs"].as_array_mut().unwrap().push(run);
    fs::write(&file, document.to_string()).unwrap();
    fs::remove_file(room.path().join("lectern.db")).unwrap();
    let report = fsck(&room.options(), FsckMode { rebuild: true }).unwrap();
    assert_eq!(report.rebuilt_lectures, Some(2));
    assert!(
        report.findings.iter().any(|finding| finding.kind == K::Document),
        "{report}"
    );
    let open = room.open();
    assert_eq!(open.state(sound.id).await, S::Finished);
    assert_eq!(open.state(odd.id).await, S::Failed, "a person looks at it");
    open.close();
    room.assert_clean();
}

#[tokio::test]
async fn a_lecture_without_its_document_comes_back_for_a_person() {
    let room = Room::new();
    let lecture = finished(&room).await;
    fs::remove_file(
        room.path()
            .join("lectures")
            .join(&lecture.folder)
            .join("lecture.json"),
    )
    .unwrap();
    fs::remove_file(room.path().join("lectern.db")).unwrap();
    let report = fsck(&room.options(), FsckMode { rebuild: true }).unwrap();
    assert!(
        report.findings.iter().any(|finding| finding.kind == K::Document),
        "{report}"
    );
    let open = room.open();
    assert_eq!(open.store.recovery().salvaged_segments, 6);
    let detail = open.db.lecture(lecture.id).await.unwrap().unwrap();
    assert_eq!(detail.summary.state, S::Failed);
    assert!(detail.summary.reason.unwrap().contains("then retry"));
    assert_eq!(
        detail.summary.started_unix_ms,
        support::STARTED_UNIX_MS / 60_000 * 60_000
    );
    let roles: Vec<&str> = detail.tracks.iter().map(|track| track.role.as_str()).collect();
    assert_eq!(roles, ["presenter", "microphone"]);
    open.close();
    room.assert_clean();
}

#[tokio::test]
async fn segments_damaged_before_a_rebuild_are_not_called_closed() {
    let room = Room::new();
    let lecture = finished(&room).await;
    let folder = room.path().join("lectures").join(&lecture.folder);
    flip(&folder.join("camera/00000001.mp4"));
    fs::remove_file(folder.join("camera/00000002.mp4")).unwrap();
    fs::remove_file(room.path().join("lectern.db")).unwrap();
    let report = fsck(&room.options(), FsckMode { rebuild: true }).unwrap();
    let kinds: Vec<K> = report.findings.iter().map(|finding| finding.kind).collect();
    assert!(
        kinds.contains(&K::Marked) && kinds.contains(&K::Missing),
        "{report}"
    );
    let open = room.open();
    let input = open.db.finish_input(lecture.id).await.unwrap();
    assert_eq!((input.tracks[0].segments.len(), input.missing_segments), (1, 2));
    open.close();
    room.leave_damaged();
}
