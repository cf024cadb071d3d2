//! What people outside of the room were told outlives a kill, and the figures of a day are right.

#![allow(
    clippy::unwrap_used,
    reason = "test code; the lint exempts functions marked as tests only"
)]

mod support;

use lectern_domain::api::{self, Arg, Message, Metadata, Severity};
use lectern_domain::ids::LectureId;
use lectern_domain::lecture::LectureState as S;
use lectern_domain::notice::{Change, DayFigures, Letter, Standing};
use lectern_store::{Plan, Planning};
use rusqlite::Connection;
use support::{Room, STARTED_UNIX_MS};
use uuid::Uuid;

const HOUR: i64 = 3_600_000;

fn standing(trouble: &str, told_unix_ms: Option<i64>) -> Standing {
    Standing {
        target: "operations".parse().unwrap(),
        trouble: trouble.to_owned(),
        since_unix_ms: STARTED_UNIX_MS,
        told_unix_ms,
        message: Message {
            severity: Severity::Error,
            code: "source-lost".to_owned(),
            key: "message-source-lost".to_owned(),
            subject: Some("camera".to_owned()),
            args: api::args([("reason", Arg::Text("busy".to_owned()))]),
            ..Message::default()
        },
    }
}

fn letter(n: u128, made_unix_ms: i64) -> Letter {
    Letter {
        id: Uuid::from_u128(n),
        target: "operations".parse().unwrap(),
        made_unix_ms,
        body: format!("{{\"n\":{n}}}"),
    }
}

#[tokio::test]
async fn what_was_told_and_what_is_on_its_way_is_there_after_a_restart() {
    let room = Room::new();
    let open = room.open();
    assert_eq!(open.db.told().await.unwrap(), Default::default());
    let day = |day: &str| ("operations".parse().unwrap(), day.to_owned());
    let first = Change {
        standing: Some(vec![
            standing("disk-full", None),
            standing("source-lost camera", Some(7)),
        ]),
        letters: vec![letter(2, 20), letter(1, 10)],
        reports: vec![day("2026-09-10")],
    };
    open.db.tell(first.clone()).await.unwrap();
    open.close();

    let open = room.open();
    let told = open.db.told().await.unwrap();
    assert_eq!(Some(told.standing), first.standing);
    assert_eq!(told.letters, [letter(1, 10), letter(2, 20)], "oldest first");
    assert_eq!(told.reports, first.reports);

    // Nothing stands any more; the letters and the report of another day are not touched by it.
    let second = Change {
        standing: Some(Vec::new()),
        letters: Vec::new(),
        reports: vec![day("2026-09-11")],
    };
    open.db.tell(second.clone()).await.unwrap();
    open.db.forget_letter(Uuid::from_u128(1)).await.unwrap();
    open.db.forget_letter(Uuid::from_u128(1)).await.unwrap();
    let told = open.db.told().await.unwrap();
    assert_eq!((told.standing.len(), told.reports), (0, second.reports));
    assert_eq!(told.letters, [letter(2, 20)]);

    // All or nothing: the second letter is there already.
    let broken = Change {
        standing: Some(vec![standing("disk-full", None)]),
        letters: vec![letter(3, 30), letter(2, 20)],
        reports: Vec::new(),
    };
    assert!(open.db.tell(broken).await.is_err());
    let told = open.db.told().await.unwrap();
    assert_eq!((told.standing.len(), told.letters), (0, vec![letter(2, 20)]));
    open.close();
}

#[tokio::test]
async fn a_day_counts_what_was_recorded_sent_and_missed_on_it() {
    let room = Room::new();
    let open = room.open();
    let lecture = open.begin().await;
    open.record(&lecture, 0..3).await;
    open.stop(&lecture, 3).await;
    for (hour, state) in [
        (1, Some(S::Failed)),
        (3, Some(S::Cancelled)),
        (5, None),
        (40, None),
    ] {
        let starts_unix_ms = STARTED_UNIX_MS + hour * HOUR;
        let plan = Plan {
            id: LectureId::random(),
            metadata: Metadata::default(),
            starts_unix_ms,
            ends_unix_ms: starts_unix_ms + HOUR,
        };
        let id = plan.id;
        assert_eq!(open.db.plan(plan).await.unwrap(), Planning::Entered);
        if let Some(state) = state {
            let ended = open.db.set_state(id, S::Scheduled, state, None);
            ended.await.unwrap();
        }
    }
    let counted = open
        .db
        .day(STARTED_UNIX_MS, STARTED_UNIX_MS + 24 * HOUR)
        .await
        .unwrap();
    let expected = DayFigures {
        recorded: 1,
        // Failed before it could begin, and planned in vain.
        missed: 2,
        ..DayFigures::default()
    };
    assert_eq!(counted, expected);
    let before = open.db.day(0, STARTED_UNIX_MS).await.unwrap();
    assert_eq!(before, DayFigures::default());
    open.close();

    let connection = Connection::open(room.path().join("lectern.db")).unwrap();
    let statements = format!(
        "UPDATE boots SET end_unix_ms = NULL, start_unix_ms = {STARTED_UNIX_MS};
         UPDATE lectures SET state = 'delivered' WHERE state = 'captured'"
    );
    connection.execute_batch(&statements).unwrap();
    connection.close().unwrap();
    let open = room.open();
    let ever = open.db.day(0, i64::MAX).await.unwrap();
    assert_eq!((ever.recorded, ever.sent, ever.crashes), (1, 1, 1), "{ever:?}");
    open.close();
    // A lecture that was delivered by a stroke of the pen.
    room.leave_damaged();
}
