//! P6: nothing is deleted before every platform confirmed every file, asked again at the
//! deletion; and a deletion that was cut short is ended.

#![allow(
    clippy::unwrap_used,
    reason = "test code; the lint exempts functions marked as tests only"
)]

mod support;

use std::fs;
use std::path::PathBuf;

use lectern_domain::config::Send;
use lectern_domain::delivery::{Commit, DeliveryState as D};
use lectern_domain::ids::LectureId;
use lectern_domain::lecture::LectureState as S;
use lectern_store::{DbError, FsckMode, NewDelivery, fsck};
use serde_json::json;
use support::{Lecture, Open, Room};

fn to(platform: &str) -> NewDelivery {
    NewDelivery {
        platform: platform.parse().unwrap(),
        send: vec![Send::Lecture, Send::Metadata],
    }
}

/// A finished lecture that waits for two platforms.
async fn finished(room: &Room, open: &Open) -> Lecture {
    let lecture = open.begin().await;
    open.record(&lecture, 0..12).await;
    open.stop(&lecture, 12).await;
    open.finish(room, &lecture, vec![to("central"), to("archive")])
        .await;
    lecture
}

/// Takes the next delivery of a platform to its end.
async fn deliver(open: &Open, platform: &str) -> LectureId {
    let platforms = vec![platform.parse().unwrap()];
    let job = open
        .db
        .due_delivery(support::oldest(0, platforms))
        .await
        .unwrap()
        .unwrap();
    let commit = async |commit| open.db.commit_delivery(job.id, commit).await.unwrap();
    for state in [D::Reconciling, D::Verifying] {
        commit(Commit::State { state }).await;
    }
    for file in &job.files {
        commit(Commit::Receipt {
            name: file.name.clone(),
            location: format!("{platform}/{}", file.name),
            evidence: json!({"size": file.size_bytes}),
        })
        .await;
    }
    commit(Commit::State { state: D::Done }).await;
    job.lecture
}

fn folder(room: &Room, lecture: &Lecture) -> PathBuf {
    room.path().join("lectures").join(&lecture.folder)
}

fn names(folder: &std::path::Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn sql(room: &Room, statement: &str) {
    let connection = rusqlite::Connection::open(room.path().join("lectern.db")).unwrap();
    connection.execute_batch(statement).unwrap();
}

async fn refuses(open: &Open, lecture: LectureId, why: &str) {
    let refused = open.db.purge(lecture).await;
    assert!(matches!(refused, Err(DbError::Conflict(_))), "{why}: {refused:?}");
    assert_eq!(open.db.purgeable(0).await.unwrap(), [], "{why}");
}

#[tokio::test]
async fn p6_only_what_every_platform_confirmed_is_deleted() {
    let room = Room::new();
    let open = room.open();
    let lecture = finished(&room, &open).await;
    refuses(&open, lecture.id, "nobody has it").await;
    assert_eq!(deliver(&open, "central").await, lecture.id);
    refuses(&open, lecture.id, "one platform of two has it").await;
    assert_eq!(deliver(&open, "archive").await, lecture.id);

    let detail = open.db.lecture(lecture.id).await.unwrap().unwrap();
    let done = detail
        .deliveries
        .iter()
        .filter_map(|d| d.done_unix_ms)
        .max()
        .unwrap();
    let found = open.db.purgeable(done + 5_000).await.unwrap();
    let [purgeable] = found.as_slice() else {
        panic!("{found:?}")
    };
    let media: u64 = room
        .segments()
        .iter()
        .map(|path| path.metadata().unwrap().len())
        .sum();
    let json = folder(&room, &lecture).join("finished/lecture.json");
    assert_eq!(purgeable.bytes, media + json.metadata().unwrap().len());
    assert_eq!((purgeable.delivered_unix_ms, purgeable.kept_ms), (done, 5_000));
    assert_eq!(
        open.db.purgeable(done - 5_000).await.unwrap()[0].kept_ms,
        0,
        "a clock that was set back makes nothing older"
    );

    assert_eq!(open.db.purge(lecture.id).await.unwrap(), purgeable.bytes);
    assert_eq!(open.state(lecture.id).await, S::Purged);
    assert_eq!(open.db.purgeable(done).await.unwrap(), []);
    refuses(&open, lecture.id, "gone already").await;
    open.close();
    assert_eq!(names(&folder(&room, &lecture)), ["lecture.json"]);
    room.assert_clean();

    // The row and its receipts stay for ever, in a database that was lost too.
    let before = {
        let open = room.open();
        let detail = open.db.lecture(lecture.id).await.unwrap().unwrap();
        open.close();
        detail
    };
    assert_eq!(before.deliveries.len(), 2);
    fs::remove_file(room.path().join("lectern.db")).unwrap();
    let report = fsck(&room.options(), FsckMode { rebuild: true }).unwrap();
    assert!(report.findings.is_empty(), "{report}");
    let open = room.open();
    assert_eq!(open.db.lecture(lecture.id).await.unwrap().unwrap(), before);
    assert_eq!(names(&folder(&room, &lecture)), ["lecture.json"]);
    open.close();
}

#[tokio::test]
async fn p6_the_question_is_asked_of_the_rows_as_they_are_now() {
    let harms = [
        (
            "another file was finished since",
            "UPDATE files SET sha256 = printf('%064d', 1) WHERE name = 'lecture.mp4'",
        ),
        (
            "it is longer than what was confirmed",
            "UPDATE files SET size_bytes = size_bytes + 1",
        ),
        (
            "a receipt is missing",
            "DELETE FROM receipts WHERE delivery = 1 AND name = 'lecture.json'",
        ),
        (
            "a delivery was called off",
            "UPDATE deliveries SET state = 'cancelled', done_unix_ms = NULL WHERE id = 2",
        ),
        (
            "a segment is suspect",
            "UPDATE segments SET state = 'suspect' WHERE source = 'camera' AND number = 2",
        ),
        (
            "nobody was to have it",
            "DELETE FROM receipts; DELETE FROM delivery_files; DELETE FROM deliveries",
        ),
    ];
    for (why, harm) in harms {
        let room = Room::new();
        room.leave_damaged();
        let open = room.open();
        let lecture = finished(&room, &open).await;
        deliver(&open, "central").await;
        deliver(&open, "archive").await;
        assert_eq!(open.db.purgeable(0).await.unwrap().len(), 1, "{why}");
        sql(&room, harm);
        let before = room.segments();
        refuses(&open, lecture.id, why).await;
        assert_eq!(room.segments(), before, "{why}: nothing was deleted");
        open.close();
    }
}

#[tokio::test]
async fn p6_a_deletion_that_was_cut_short_is_ended_by_the_next_start() {
    let room = Room::new();
    let open = room.open();
    let lecture = finished(&room, &open).await;
    deliver(&open, "central").await;
    deliver(&open, "archive").await;
    let kept = open.begin().await;
    open.record(&kept, 0..7).await;
    open.stop(&kept, 7).await;
    open.close();
    // What the first COMMIT of a deletion leaves, and some of its files gone.
    sql(
        &room,
        "UPDATE lectures SET purge_unix_ms = 1 WHERE state = 'delivered';
         UPDATE segments SET state = 'garbage' WHERE lecture IN (SELECT id FROM lectures WHERE state = 'delivered')",
    );
    fs::remove_file(folder(&room, &lecture).join("camera/00000001.mp4")).unwrap();
    fs::remove_dir_all(folder(&room, &lecture).join("microphone")).unwrap();
    let stranger = folder(&room, &lecture).join("camera/notes.txt");
    fs::write(&stranger, b"by hand").unwrap();

    let open = room.open();
    assert_eq!(open.state(lecture.id).await, S::Purged);
    assert_eq!(names(&folder(&room, &lecture)), ["lecture.json"]);
    let quarantined = &open.store.recovery().quarantined;
    assert_eq!(
        quarantined.len(),
        1,
        "what no row knows is never deleted: {quarantined:?}"
    );
    assert_eq!(fs::read(quarantined[0].join("notes.txt")).unwrap(), b"by hand");
    let recovery = open.store.recovery();
    assert_eq!((recovery.lost.len(), recovery.suspect.len()), (0, 0));
    let input = open.db.finish_input(kept.id).await.unwrap();
    assert_eq!(input.tracks[0].segments.len(), 2, "the other lecture is whole");
    open.close();
}

/// A delivered lecture that cannot be deleted must not cost the room the next one.
#[tokio::test]
async fn p6_a_file_that_the_disk_does_not_let_go_keeps_no_recorder_from_starting() {
    let room = Room::new();
    let open = room.open();
    let lecture = finished(&room, &open).await;
    deliver(&open, "central").await;
    deliver(&open, "archive").await;
    open.close();
    sql(
        &room,
        "UPDATE lectures SET purge_unix_ms = 1;
         UPDATE segments SET state = 'garbage'",
    );
    // A folder in the place of a segment cannot be unlinked.
    let stubborn = folder(&room, &lecture).join("camera/00000001.mp4");
    fs::remove_file(&stubborn).unwrap();
    fs::create_dir(&stubborn).unwrap();
    fs::write(stubborn.join("notes.txt"), b"by hand").unwrap();

    let open = room.open();
    assert_eq!(open.store.recovery().undeleted, [lecture.id]);
    assert_eq!(open.state(lecture.id).await, S::Delivered, "it is not gone");
    let quarantined = &open.store.recovery().quarantined;
    assert_eq!(fs::read(quarantined[0].join("notes.txt")).unwrap(), b"by hand");
    let next = open.begin().await;
    open.record(&next, 0..7).await;
    open.stop(&next, 7).await;
    // What stood in the way is in quarantine.
    open.db.purge(lecture.id).await.unwrap();
    assert_eq!(open.state(lecture.id).await, S::Purged);
    open.close();
}

#[tokio::test]
async fn p6_the_oldest_delivery_comes_first() {
    let room = Room::new();
    let open = room.open();
    let mut lectures = Vec::new();
    for done in [3, 1, 2] {
        let lecture = finished(&room, &open).await;
        deliver(&open, "central").await;
        deliver(&open, "archive").await;
        sql(
            &room,
            &format!(
                "UPDATE deliveries SET done_unix_ms = {done} WHERE lecture = '{}'",
                lecture.id
            ),
        );
        lectures.push(lecture.id);
    }
    let order: Vec<LectureId> = open
        .db
        .purgeable(9)
        .await
        .unwrap()
        .iter()
        .map(|p| p.lecture)
        .collect();
    assert_eq!(order, [lectures[1], lectures[2], lectures[0]]);
    open.close();
}

#[tokio::test]
async fn a_start_passes_by_what_is_over_until_something_changes_it() {
    let room = Room::new();
    let open = room.open();
    let lecture = finished(&room, &open).await;
    for platform in ["central", "archive"] {
        deliver(&open, platform).await;
    }
    open.crash();
    // Looks at it for the last time.
    room.open().crash();
    let segment = folder(&room, &lecture).join("camera/00000001.mp4");
    let bytes = fs::read(&segment).unwrap();
    fs::remove_file(&segment).unwrap();
    let open = room.open();
    assert!(open.store.recovery().lost.is_empty(), "passed by");
    open.crash();
    let report = fsck(&room.options(), FsckMode::default()).unwrap();
    assert_eq!(report.findings.len(), 1, "fsck passes nothing by: {report}");
    assert_eq!(report.findings[0].path, segment);

    let open = room.open();
    let boot = open.db.boot_id();
    let corrected = open.db.correct_clock(&boot, 5_000_000_000_000).await.unwrap();
    assert_eq!(corrected, [lecture.id]);
    open.crash();
    let open = room.open();
    let lost: Vec<_> = open.store.recovery().lost.iter().map(|lost| &lost.path).collect();
    assert_eq!(lost, [&segment], "it was changed, so it is looked at again");
    open.crash();
    fs::write(&segment, bytes).unwrap();
    room.open().close();
    room.assert_clean();
}
