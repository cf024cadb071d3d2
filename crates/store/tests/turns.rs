//! Which delivery is next: what a person wants now, what a phone can use first, what is oldest;
//! and what is remembered of the line.

#![allow(
    clippy::unwrap_used,
    reason = "test code; the lint exempts functions marked as tests only"
)]

mod support;

use lectern_domain::config::Send;
use lectern_domain::delivery::{Commit, DeliveryJob, DeliveryState as D, SMALL_BYTES, Turn};
use lectern_domain::finished::{FileRole, FinishedFile};
use lectern_domain::ids::{LectureId, PlatformName};
use lectern_domain::lecture::LectureState as S;
use lectern_domain::media::Role;
use lectern_store::{Backlog, DbError, DueQuery, NewDelivery, RouteRow};
use serde_json::json;
use support::{Open, Room, sha256};

fn central() -> PlatformName {
    "central".parse().unwrap()
}

fn file(name: &str, role: FileRole, size_bytes: u64) -> FinishedFile {
    FinishedFile {
        name: name.to_owned(),
        role,
        size_bytes,
        sha256: sha256(name.as_bytes()),
        parts: vec![sha256(b"part 1"), sha256(b"part 2")],
        duration_ms: Some(1_000),
        content_type: "video/mp4".to_owned(),
    }
}

fn pictures(size_bytes: u64) -> FinishedFile {
    file("lecture.mp4", FileRole::Lecture, size_bytes)
}

fn sound(size_bytes: u64) -> FinishedFile {
    let role = FileRole::Track {
        source: "microphone".parse().unwrap(),
        role: Role::Microphone,
    };
    file("microphone.mp4", role, size_bytes)
}

/// A finished lecture with these files, in the queue of `central`.
async fn queued(open: &Open, files: Vec<FinishedFile>) -> LectureId {
    let lecture = open.begin().await;
    open.record(&lecture, 0..3).await;
    open.stop(&lecture, 3).await;
    let id = lecture.id;
    open.db
        .set_state(id, S::Captured, S::Finishing, None)
        .await
        .unwrap();
    let delivery = NewDelivery {
        platform: central(),
        send: vec![Send::Lecture, Send::Tracks],
    };
    open.db.finished(id, files, 1_000, vec![delivery]).await.unwrap();
    id
}

struct Ask {
    phone_first: bool,
    urgent_only: bool,
}

const BY_AGE: Ask = Ask {
    phone_first: false,
    urgent_only: false,
};
const PHONE_FIRST: Ask = Ask {
    phone_first: true,
    urgent_only: false,
};
const URGENT_ONLY: Ask = Ask {
    phone_first: true,
    urgent_only: true,
};

async fn next(open: &Open, ask: Ask) -> Option<DeliveryJob> {
    let query = DueQuery {
        now_unix_ms: 0,
        platforms: vec![central()],
        phone_first: ask.phone_first,
        urgent_only: ask.urgent_only,
    };
    open.db.due_delivery(query).await.unwrap()
}

async fn commit(open: &Open, job: &DeliveryJob, commit: Commit) {
    open.db.commit_delivery(job.id, commit).await.unwrap();
}

/// Confirms one file and gives the turn to others.
async fn confirm_and_defer(open: &Open, job: &DeliveryJob, name: &str) {
    for state in [D::Reconciling, D::Verifying] {
        commit(open, job, Commit::State { state }).await;
    }
    let receipt = Commit::Receipt {
        name: name.to_owned(),
        location: "there".to_owned(),
        evidence: json!({}),
    };
    commit(open, job, receipt).await;
    commit(open, job, Commit::Deferred { why: None }).await;
}

#[tokio::test]
async fn sound_and_small_files_of_every_lecture_go_before_large_ones() {
    let room = Room::new();
    room.leave_damaged();
    let open = room.open();
    let large = SMALL_BYTES + 1;
    let only_large = queued(&open, vec![pictures(large)]).await;
    // Sound goes first however long it is.
    let both = queued(&open, vec![pictures(large), sound(2 * large)]).await;
    let only_small = queued(&open, vec![pictures(SMALL_BYTES)]).await;

    let by_age = next(&open, BY_AGE).await.unwrap();
    assert_eq!((by_age.lecture, by_age.turn), (only_large, Turn::All));
    let query = || support::oldest(0, vec![central()]);
    let beside = open
        .db
        .due_beside(query(), vec![by_age.id])
        .await
        .unwrap()
        .unwrap();
    assert_eq!(beside.lecture, both, "the oldest was passed by");
    let first = next(&open, PHONE_FIRST).await.unwrap();
    assert_eq!((first.lecture, first.turn), (both, Turn::First));
    assert_eq!(
        first.files[1].parts,
        [sha256(b"part 1"), sha256(b"part 2")],
        "part hashes reach who reads the files again"
    );
    confirm_and_defer(&open, &first, "microphone.mp4").await;
    let second = next(&open, PHONE_FIRST).await.unwrap();
    assert_eq!((second.lecture, second.turn), (only_small, Turn::All));
    confirm_and_defer(&open, &second, "lecture.mp4").await;
    // All of it is confirmed; it only has to be said.
    let said = next(&open, PHONE_FIRST).await.unwrap();
    assert_eq!((said.lecture, said.turn), (only_small, Turn::All));
    for state in [D::Reconciling, D::Verifying, D::Done] {
        commit(&open, &said, Commit::State { state }).await;
    }
    let third = next(&open, PHONE_FIRST).await.unwrap();
    assert_eq!((third.lecture, third.turn), (only_large, Turn::All));

    let left = [Backlog {
        platform: central(),
        lectures: 2,
        bytes: 2 * large,
    }];
    assert_eq!(open.db.backlog().await.unwrap(), left);
    for state in [D::Reconciling] {
        commit(&open, &third, Commit::State { state }).await;
    }
    let why = "it needs a person".to_owned();
    commit(&open, &third, Commit::Parked { why }).await;
    let left = open.db.backlog().await.unwrap();
    assert_eq!(
        (left[0].lectures, left[0].bytes),
        (1, large),
        "parked is not counted"
    );
    open.close();
}

#[tokio::test]
async fn what_a_person_wants_now_goes_first_until_it_is_done() {
    let room = Room::new();
    room.leave_damaged();
    let open = room.open();
    let large = SMALL_BYTES + 1;
    let oldest = queued(&open, vec![pictures(large)]).await;
    let small = queued(&open, vec![sound(5)]).await;
    let wanted = queued(&open, vec![pictures(large), sound(5)]).await;
    assert!(next(&open, URGENT_ONLY).await.is_none());
    let job = next(&open, BY_AGE).await.unwrap();
    assert_eq!(job.lecture, oldest);

    assert_eq!(open.db.send_now(Some(wanted)).await.unwrap(), 1);
    for ask in [BY_AGE, PHONE_FIRST, URGENT_ONLY] {
        assert_eq!(next(&open, ask).await.unwrap().lecture, wanted);
    }
    // What waits is tried at once; so it was said before the wait began, it stays said.
    let job = next(&open, URGENT_ONLY).await.unwrap();
    assert_eq!(job.turn, Turn::First);
    let reconciling = D::Reconciling;
    commit(&open, &job, Commit::State { state: reconciling }).await;
    let wait = Commit::Waiting {
        until_unix_ms: 9,
        why: "the line is down".to_owned(),
    };
    commit(&open, &job, wait).await;
    assert!(next(&open, URGENT_ONLY).await.is_none(), "not before its time");
    assert_eq!(next(&open, PHONE_FIRST).await.unwrap().lecture, small);
    assert_eq!(open.db.send_now(Some(wanted)).await.unwrap(), 1);
    open.crash();

    // It is remembered over a crash.
    let open = room.open();
    let job = next(&open, URGENT_ONLY).await.unwrap();
    assert_eq!((job.lecture, job.turn), (wanted, Turn::First));
    for name in ["lecture.mp4", "microphone.mp4"] {
        confirm_and_defer(&open, &job, name).await;
    }
    for state in [D::Reconciling, D::Verifying, D::Done] {
        commit(&open, &job, Commit::State { state }).await;
    }
    assert!(next(&open, URGENT_ONLY).await.is_none());
    assert_eq!(open.db.send_now(Some(wanted)).await.unwrap(), 0, "it is done");

    assert_eq!(open.db.send_now(None).await.unwrap(), 2);
    assert_eq!(
        next(&open, URGENT_ONLY).await.unwrap().lecture,
        small,
        "small files first among what is wanted now"
    );
    assert!(matches!(
        open.db.send_now(Some(LectureId::random())).await,
        Err(DbError::NotFound(_))
    ));
    open.close();
}

#[tokio::test]
async fn p9_the_days_and_the_routes_are_remembered() {
    let room = Room::new();
    let open = room.open();
    for (day, bytes) in [
        ("2026-09-30", 5),
        ("2026-10-01", 70),
        ("2026-10-01", 30),
        ("2026-10-31", 1),
    ] {
        open.db.spend(day.to_owned(), bytes).await.unwrap();
    }
    assert!(open.db.spend("yesterday".to_owned(), 5).await.is_err());
    assert_eq!(open.db.pace(7).await.unwrap(), (0, 0));
    for (day, bytes, sending_ms) in [("2026-11-01", 9, 9), ("2026-12-01", 40, 3), ("2026-12-01", 2, 1)] {
        open.db
            .spend_over(day.to_owned(), bytes, sending_ms)
            .await
            .unwrap();
    }
    let route = |peer: &str, base_rtt_us, seen_unix_ms| RouteRow {
        peer: peer.to_owned(),
        base_rtt_us,
        seen_unix_ms,
    };
    open.db.keep_routes(Vec::new()).await.unwrap();
    let all = (0..80)
        .map(|n| route(&format!("peer-{n:02}"), 1_000, n))
        .collect();
    open.db.keep_routes(all).await.unwrap();
    open.db
        .keep_routes(vec![route("peer-79", 900, 100)])
        .await
        .unwrap();
    open.crash();
    let open = room.open();
    let spent = async |from: &str, to: &str| open.db.spent(from.to_owned(), to.to_owned()).await.unwrap();
    assert_eq!(spent("2026-10-01", "2026-10-01").await, 100);
    assert_eq!(spent("2026-10-01", "2026-10-31").await, 101);
    assert_eq!(spent("2026-11-02", "2026-11-30").await, 0);
    assert_eq!(spent("2026-12-01", "2026-12-31").await, 42);
    assert_eq!(open.db.pace(1).await.unwrap(), (42, 4));
    assert_eq!(open.db.pace(7).await.unwrap(), (51, 13));
    let routes = open.db.routes().await.unwrap();
    assert_eq!(routes.len(), 64, "the oldest are forgotten");
    assert_eq!(routes[0], route("peer-79", 900, 100));
    open.close();
    room.assert_clean();
}
