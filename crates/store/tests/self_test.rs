//! A self test goes without a trace, whatever cuts it short, and no lecture can go its way (P6).

#![allow(
    clippy::unwrap_used,
    reason = "test code; the lint exempts functions marked as tests only"
)]

mod support;

use std::path::Path;

use lectern_domain::api::{ClockTrust, Metadata};
use lectern_domain::config::Send;
use lectern_domain::ids::{LectureId, RunId, RunNumber};
use lectern_domain::lecture::LectureState as S;
use lectern_domain::media::Role;
use lectern_store::{FsckMode, NewDelivery, NewLecture, NewTrack, RowChange, SelfTest, fsck};
use support::{Lecture, Open, Room, STARTED_UNIX_MS, lecture};

/// A self test with camera and microphone that has recorded two seconds.
async fn recorded(open: &Open) -> (SelfTest, Lecture) {
    let id = LectureId::random();
    let track = |source: &str, role| NewTrack {
        source: source.parse().unwrap(),
        role,
        kind: "test-video".to_owned(),
        spare_for: None,
    };
    let new = NewLecture {
        id,
        metadata: Metadata::default(),
        started_unix_ms: STARTED_UNIX_MS,
        planned_end_unix_ms: STARTED_UNIX_MS + 60_000,
        tracks: vec![
            track("camera", Role::Presenter),
            track("microphone", Role::Microphone),
        ],
    };
    let test = open.db.create_self_test(new).await.unwrap();
    assert_eq!(test.lecture(), id);
    let run = RunId {
        lecture: id,
        run: RunNumber(1),
    };
    let first = RowChange::OpenRun {
        run,
        base_mono_ns: 42_000_000_000,
        started_unix_ms: STARTED_UNIX_MS,
        clock: ClockTrust::Trusted,
    };
    open.step(id, S::Armed, S::Armed, &[first]).await.unwrap();
    open.step(id, S::Armed, S::Recording, &[]).await.unwrap();
    let path = open.db.lecture(id).await.unwrap().unwrap().folder;
    let folder = Path::new(&path).file_name().unwrap().to_str().unwrap();
    let lecture = lecture(id, folder, 1);
    open.record(&lecture, 0..12).await;
    (test, lecture)
}

fn folders(room: &Room) -> Vec<String> {
    let entries = std::fs::read_dir(room.path().join("lectures")).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// What SQLite says to a statement on a spool that nobody has open.
fn sql(room: &Room, statement: &str) -> Result<(), String> {
    let connection = rusqlite::Connection::open(room.path().join("lectern.db")).unwrap();
    connection
        .execute_batch(statement)
        .map_err(|error| error.to_string())
}

fn to_central() -> Vec<NewDelivery> {
    vec![NewDelivery {
        platform: "central".parse().unwrap(),
        send: vec![Send::Lecture],
    }]
}

#[tokio::test]
async fn a_self_test_that_is_over_leaves_no_file_and_no_row() {
    let room = Room::new();
    let open = room.open();
    let kept = open.begin().await;
    open.record(&kept, 0..12).await;
    open.stop(&kept, 12).await;
    let (test, lecture) = recorded(&open).await;
    let listed = open.db.lectures(None, 10, None).await.unwrap().lectures;
    assert_eq!(listed.len(), 1, "it is in no list");
    assert_eq!(listed[0].id, kept.id);
    open.stop(&lecture, 12).await;
    open.finish(&room, &lecture, Vec::new()).await;

    open.db.discard(test).await.unwrap();
    assert!(open.db.lecture(lecture.id).await.unwrap().is_none());
    assert_eq!(folders(&room), [kept.folder.as_str()]);
    assert!(open.db.discard(test).await.is_err(), "it is gone");
    let still = open.db.lecture(kept.id).await.unwrap().unwrap();
    assert!(still.tracks.iter().all(|track| track.segments > 0), "{still:?}");
    open.close();
}

#[tokio::test]
async fn p6_a_self_test_that_was_cut_short_goes_at_the_next_start() {
    let room = Room::new();
    let open = room.open();
    let kept = open.begin().await;
    open.record(&kept, 0..12).await;
    open.stop(&kept, 12).await;
    let (_, lecture) = recorded(&open).await;
    open.crash();

    let open = room.open();
    assert!(open.db.lecture(lecture.id).await.unwrap().is_none());
    assert_eq!(folders(&room), [kept.folder.as_str()]);
    let recovery = open.store.recovery();
    assert!(recovery.interrupted.is_empty(), "{recovery:?}");
    assert!(recovery.quarantined.is_empty(), "{recovery:?}");
    assert_eq!(recovery.to_finish, [kept.id]);
    open.close();
}

#[tokio::test]
async fn p1_a_self_test_that_cannot_be_deleted_keeps_no_recorder_from_starting() {
    let room = Room::new();
    let open = room.open();
    let (_, lecture) = recorded(&open).await;
    open.crash();
    // A file in the folder's place: it cannot be listed, whoever asks.
    let folder = room.path().join("lectures").join(&lecture.folder);
    std::fs::remove_dir_all(&folder).unwrap();
    std::fs::write(&folder, "not a folder").unwrap();

    let open = room.open();
    assert!(open.db.lecture(lecture.id).await.unwrap().is_none());
    assert!(folders(&room).is_empty());
    let recovery = open.store.recovery();
    assert!(recovery.interrupted.is_empty(), "{recovery:?}");
    assert_eq!(recovery.quarantined.len(), 1, "{recovery:?}");
    open.close();
}

#[tokio::test]
async fn p6_no_lecture_can_become_a_self_test_or_lose_its_rows() {
    let room = Room::new();
    let open = room.open();
    let kept = open.begin().await;
    open.record(&kept, 0..12).await;
    open.stop(&kept, 12).await;
    open.close();
    for statement in [
        "UPDATE lectures SET self_test = 1",
        "UPDATE lectures SET self_test = 1 - self_test",
        "DELETE FROM lectures",
        "DELETE FROM segments",
        "PRAGMA foreign_keys = OFF; DELETE FROM lectures",
    ] {
        let said = sql(&room, statement);
        assert!(said.is_err(), "{statement} was allowed");
    }
    let open = room.open();
    assert_eq!(open.state(kept.id).await, S::Captured);
    assert_eq!(folders(&room), [kept.folder.as_str()]);
    open.close();
}

#[tokio::test]
async fn p5_no_platform_ever_gets_a_self_test() {
    let room = Room::new();
    let open = room.open();
    let (test, lecture) = recorded(&open).await;
    open.stop(&lecture, 12).await;
    open.step(lecture.id, S::Captured, S::Finishing, &[])
        .await
        .unwrap();
    let file = lectern_domain::finished::FinishedFile {
        name: "lecture.mp4".to_owned(),
        role: lectern_domain::finished::FileRole::Lecture,
        size_bytes: 1,
        sha256: support::sha256(b"x"),
        parts: Vec::new(),
        duration_ms: Some(1),
        content_type: "video/mp4".to_owned(),
    };
    let sent = open.db.finished(lecture.id, vec![file], 1, to_central()).await;
    assert!(sent.is_err_and(|error| error.to_string().contains("never sent")));
    assert!(open.db.queue().await.unwrap().deliveries.is_empty());
    open.db.discard(test).await.unwrap();
    open.close();
}

#[tokio::test]
async fn p6_a_database_made_anew_knows_a_self_test_again() {
    let room = Room::new();
    let open = room.open();
    let (_, lecture) = recorded(&open).await;
    open.crash();
    std::fs::remove_file(room.path().join("lectern.db")).unwrap();
    fsck(&room.options(), FsckMode { rebuild: true }).unwrap();
    let open = room.open();
    assert!(open.db.lecture(lecture.id).await.unwrap().is_none());
    assert!(folders(&room).is_empty());
    open.close();
}
