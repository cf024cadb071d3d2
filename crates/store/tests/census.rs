//! The list in numbers, as those see it who watch many recorders.

#![allow(
    clippy::unwrap_used,
    reason = "test code; the lint exempts functions marked as tests only"
)]

mod support;

use lectern_domain::api::Metadata;
use lectern_domain::ids::LectureId;
use lectern_domain::lecture::LectureState as S;
use lectern_store::{Plan, Planning};
use rusqlite::Connection;
use support::{Room, STARTED_UNIX_MS};

#[tokio::test]
async fn what_waits_what_was_missed_and_what_crashed_is_counted() {
    let room = Room::new();
    let open = room.open();
    let empty = open.db.census().await.unwrap();
    assert_eq!((empty.starts, empty.crashes), (1, 0));
    assert_eq!((empty.missed_unix_ms, empty.waits_since_unix_ms), (None, None));
    assert!(empty.lectures.is_empty(), "{empty:?}");

    let plan = Plan {
        id: LectureId::random(),
        metadata: Metadata::default(),
        starts_unix_ms: STARTED_UNIX_MS + 3_600_000,
        ends_unix_ms: STARTED_UNIX_MS + 7_200_000,
    };
    assert_eq!(open.db.plan(plan.clone()).await.unwrap(), Planning::Entered);
    let lecture = open.begin().await;
    open.record(&lecture, 0..3).await;
    open.stop(&lecture, 3).await;
    let missed = open
        .db
        .set_state(plan.id, S::Scheduled, S::Failed, Some("It was off.".to_owned()));
    missed.await.unwrap();
    let counted = open.db.census().await.unwrap();
    assert_eq!(counted.lectures, [(S::Captured, 1), (S::Failed, 1)]);
    assert_eq!(counted.missed_unix_ms, Some(plan.starts_unix_ms));
    assert_eq!(counted.waits_since_unix_ms, Some(STARTED_UNIX_MS));
    open.close();

    let connection = Connection::open(room.path().join("lectern.db")).unwrap();
    connection
        .execute("UPDATE boots SET end_unix_ms = NULL", [])
        .unwrap();
    connection.close().unwrap();
    let open = room.open();
    let again = open.db.census().await.unwrap();
    assert_eq!((again.starts, again.crashes), (2, 1));
    open.close();
}
