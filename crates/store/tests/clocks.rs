//! What is told by which clock: gaps, heartbeats, corrections, and what was noted on the way.

#![allow(
    clippy::unwrap_used,
    reason = "test code; the lint exempts functions marked as tests only"
)]

mod support;

use lectern_domain::api::ClockTrust;
use lectern_domain::fact::{Fact, FactKind};
use lectern_domain::ids::RunNumber;
use lectern_domain::lecture::LectureState as S;
use lectern_store::{DbError, RowChange};
use support::cmaf::CHUNK_NS;
use support::{Lecture, Open, Room, STARTED_UNIX_MS};

/// The base that [`Open::begin`] gives to a first run.
const FIRST_BASE_NS: u64 = 42_000_000_000;
const NS_PER_MS: u64 = 1_000_000;

/// Begins run `again` at a base and a wall time.
async fn go_on(open: &Open, again: &Lecture, base_mono_ns: u64, started_unix_ms: i64, clock: ClockTrust) {
    let next = RowChange::OpenRun {
        run: again.run,
        base_mono_ns,
        started_unix_ms,
        clock,
    };
    open.step(again.id, S::Interrupted, S::Armed, &[next])
        .await
        .unwrap();
    open.step(again.id, S::Armed, S::Recording, &[]).await.unwrap();
}

/// As if the last run had been recorded before the machine was switched on again.
fn other_boot(room: &Room) {
    let connection = rusqlite::Connection::open(room.path().join("lectern.db")).unwrap();
    connection
        .execute_batch("UPDATE runs SET boot_id = 'another'; UPDATE boots SET boot_id = 'another'")
        .unwrap();
}

#[tokio::test]
async fn p3_an_interrupted_lecture_says_when_it_was_last_alive_and_by_which_clock() {
    let room = Room::new();
    let open = room.open();
    let lecture = open.begin().await;
    open.record(&lecture, 0..3).await;
    open.db.beat(lecture.run, 9_000 * NS_PER_MS).await.unwrap();
    open.db.beat(lecture.run, 8_000 * NS_PER_MS).await.unwrap();
    let stranger = open.db.beat(lecture.run(2).run, 1).await;
    assert!(matches!(stranger, Err(DbError::NotFound(_))), "{stranger:?}");
    let boot = open.db.boot_id().to_string();
    open.crash();

    let open = room.open();
    let recovery = open.store.recovery();
    assert_eq!(recovery.boot_id, boot);
    assert_eq!(
        recovery.latest_known_unix_ms, None,
        "what the same clock wrote says nothing about it"
    );
    let [cut] = recovery.interrupted.as_slice() else {
        panic!("{recovery:?}")
    };
    assert_eq!(
        (cut.last_written_ns, cut.seen_ns),
        (3 * CHUNK_NS, 9_000 * NS_PER_MS)
    );
    assert_eq!(cut.last_written_unix_ms, STARTED_UNIX_MS + 600);
    assert_eq!(
        cut.last_alive_unix_ms,
        STARTED_UNIX_MS + 9_000,
        "the latest sign of life counts"
    );
    assert_eq!(cut.last_run_boot.as_deref(), Some(boot.as_str()));
    assert_eq!(cut.last_run_base_mono_ns, FIRST_BASE_NS);
    assert_eq!(cut.last_run_clock, ClockTrust::Trusted);
    open.close();
}

#[tokio::test]
async fn p3_a_gap_is_told_by_the_monotonic_clock_within_a_boot_and_by_the_wall_clock_across() {
    let room = Room::new();
    let open = room.open();
    let lecture = open.begin().await;
    open.record(&lecture, 0..5).await;
    open.crash();
    let gap = async |open: &Open| open.db.lecture(lecture.id).await.unwrap().unwrap();

    // The daemon died for 4 s; the wall clock was set by hours meanwhile.
    let open = room.open();
    let second = lecture.run(2);
    let base = FIRST_BASE_NS + 5 * CHUNK_NS + 4_000 * NS_PER_MS;
    go_on(
        &open,
        &second,
        base,
        STARTED_UNIX_MS - 7_200_000,
        ClockTrust::Trusted,
    )
    .await;
    open.record(&second, 0..5).await;
    assert_eq!(gap(&open).await.runs[1].gap_before_ms, Some(4_000));
    open.crash();

    // The power was away for a minute.
    other_boot(&room);
    let open = room.open();
    let third = lecture.run(3);
    let back = STARTED_UNIX_MS - 7_200_000 + 1_000 + 60_000;
    go_on(&open, &third, 3, back, ClockTrust::Trusted).await;
    open.record(&third, 0..5).await;
    let detail = gap(&open).await;
    assert_eq!(detail.runs[2].gap_before_ms, Some(60_000));
    open.stop(&third, 5).await;
    let input = open.db.finish_input(lecture.id).await.unwrap();
    let gaps: Vec<_> = input.runs.iter().map(|run| run.gap_before_ms).collect();
    assert_eq!(gaps, [None, Some(4_000), Some(60_000)]);
    assert_eq!(input.metadata["runs"][2]["gap_before_ms"], 60_000);
    open.close();
}

#[tokio::test]
async fn p3_a_run_with_a_wrong_clock_is_put_right_once_the_clock_is() {
    let room = Room::new();
    let open = room.open();
    let lecture = open.begin().await;
    open.record(&lecture, 0..5).await;
    open.crash();
    other_boot(&room);

    // The machine woke up in 1970.
    let open = room.open();
    let second = lecture.run(2);
    let base_ms = 30_000;
    go_on(&open, &second, base_ms * NS_PER_MS, 31_000, ClockTrust::Untrusted).await;
    open.record(&second, 0..5).await;
    let before = open.db.lecture(lecture.id).await.unwrap().unwrap();
    assert_eq!(before.runs[1].clock, ClockTrust::Untrusted);
    assert_eq!(before.runs[1].gap_before_ms, None, "no clock can tell");
    let order: Vec<u32> = before.runs.iter().map(|run| run.run).collect();
    assert_eq!(order, [1, 2], "the order never depends on the wall clock");

    // The time server answers: the run began two minutes after the first had ended.
    let offset = STARTED_UNIX_MS + 1_000 + 120_000 - i64::try_from(base_ms).unwrap();
    let boot = open.db.boot_id();
    assert_eq!(open.db.correct_clock(&boot, offset).await.unwrap(), [lecture.id]);
    assert_eq!(
        open.db.correct_clock(&boot, offset).await.unwrap(),
        [],
        "nothing is left to correct"
    );
    let after = open.db.lecture(lecture.id).await.unwrap().unwrap();
    assert_eq!(after.runs[1].clock, ClockTrust::Trusted);
    assert_eq!(after.runs[1].started_unix_ms, STARTED_UNIX_MS + 121_000);
    assert_eq!(after.runs[1].gap_before_ms, Some(120_000));
    assert_eq!(
        after.summary.started_unix_ms, STARTED_UNIX_MS,
        "it began in another boot, whose clock was right"
    );
    assert_eq!(
        (after.summary.duration_ms, after.folder),
        (before.summary.duration_ms, before.folder)
    );
    open.close();
}

#[tokio::test]
async fn p3_a_lecture_that_began_with_a_wrong_clock_moves_whole() {
    let room = Room::new();
    let open = room.open();
    let lecture = open.begin().await;
    let boot = open.db.boot_id();
    let hours = 5 * 3_600_000;
    let offset = STARTED_UNIX_MS + hours - i64::try_from(FIRST_BASE_NS / NS_PER_MS).unwrap();
    open.db.correct_clock(&boot, offset).await.unwrap();
    let detail = open.db.lecture(lecture.id).await.unwrap().unwrap();
    assert_eq!(detail.summary.started_unix_ms, STARTED_UNIX_MS + hours);
    assert!(
        detail.folder.ends_with(&lecture.folder),
        "folders keep their names"
    );
    open.crash();
    let open = room.open();
    let cut = &open.store.recovery().interrupted[0];
    assert_eq!(cut.planned_end_unix_ms, STARTED_UNIX_MS + hours + 3_600_000);
    assert_eq!(cut.last_run_clock, ClockTrust::Trusted);
    open.close();
}

#[tokio::test]
async fn what_is_written_with_a_wrong_clock_is_no_measure_for_the_clock() {
    let room = Room::new();
    let open = room.open();
    assert_eq!(open.store.recovery().latest_known_unix_ms, None, "a new spool");
    let lecture = open.begin().await;
    open.crash();
    let open = room.open();
    let future = STARTED_UNIX_MS + (1 << 40);
    go_on(&open, &lecture.run(2), 1, future, ClockTrust::Untrusted).await;
    open.crash();
    other_boot(&room);
    let open = room.open();
    assert_eq!(open.store.recovery().latest_known_unix_ms, Some(STARTED_UNIX_MS));
    open.close();
}

#[tokio::test]
async fn facts_are_kept_with_the_lecture_in_their_order() {
    let room = Room::new();
    let open = room.open();
    let lecture = open.begin().await;
    let fact = |at_ns, source: Option<&str>, what, detail: &str| Fact {
        run: RunNumber(1),
        at_ns,
        source: source.map(|name| name.parse().unwrap()),
        what,
        detail: detail.to_owned(),
    };
    let back = fact(
        9,
        Some("camera"),
        FactKind::SourceBack,
        "the camera is back after 4 s",
    );
    let lost = fact(
        5,
        Some("camera"),
        FactKind::SourceLost,
        "the camera was unplugged",
    );
    let clock = fact(9, None, FactKind::ClockCorrected, "the clock was set by 5 h");
    let first = vec![back.clone(), lost.clone()];
    open.db.note(lecture.id, first).await.unwrap();
    open.db.note(lecture.id, vec![clock.clone()]).await.unwrap();
    open.db.note(lecture.id, Vec::new()).await.unwrap();
    let of_no_run = Fact {
        run: RunNumber(2),
        ..clock.clone()
    };
    let refused = open.db.note(lecture.id, vec![lost.clone(), of_no_run]).await;
    assert!(matches!(refused, Err(DbError::NotFound(_))), "{refused:?}");
    let expected = [lost, back, clock];
    let detail = open.db.lecture(lecture.id).await.unwrap().unwrap();
    assert_eq!(detail.facts, expected);
    assert_eq!(open.db.finish_input(lecture.id).await.unwrap().facts, expected);
    open.close();
    let text = std::fs::read(
        room.path()
            .join("lectures")
            .join(&lecture.folder)
            .join("lecture.json"),
    )
    .unwrap();
    let document: serde_json::Value = serde_json::from_slice(&text).unwrap();
    assert_eq!(document["facts"], serde_json::to_value(&expected).unwrap());
}
