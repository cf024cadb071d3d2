//! Planned lectures: a row and an entry in `plans.json`, no folder until they begin, and no trouble
//! for anything else.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use lectern_domain::api::Metadata;
use lectern_domain::ids::LectureId;
use lectern_domain::lecture::LectureState as S;
use lectern_domain::media::Role;
use lectern_store::{
    DbError, FindingKind, FsckMode, MAX_PLANNED, NewLecture, NewTrack, OpenError, Plan, Planning, fsck,
};
use support::{Open, Room, STARTED_UNIX_MS};

const MINUTE_MS: i64 = 60_000;

/// A lecture from minute `from` to minute `to`.
fn plan(from: i64, to: i64) -> Plan {
    Plan {
        id: LectureId::random(),
        metadata: Metadata {
            title: Some(format!("Ряды Фурье {from}")),
            ..Metadata::default()
        },
        starts_unix_ms: STARTED_UNIX_MS + from * MINUTE_MS,
        ends_unix_ms: STARTED_UNIX_MS + to * MINUTE_MS,
    }
}

/// What is committed when `plan` begins at this minute.
fn beginning(plan: &Plan, minute: i64) -> NewLecture {
    NewLecture {
        id: plan.id,
        metadata: plan.metadata.clone(),
        started_unix_ms: STARTED_UNIX_MS + minute * MINUTE_MS,
        planned_end_unix_ms: plan.ends_unix_ms,
        tracks: vec![NewTrack {
            source: "camera".parse().unwrap(),
            role: Role::Presenter,
            kind: "test-video".to_owned(),
            spare_for: None,
        }],
    }
}

async fn entered(open: &Open, plan: &Plan) {
    assert_eq!(open.db.plan(plan.clone()).await.unwrap(), Planning::Entered);
}

async fn state(open: &Open, id: LectureId) -> S {
    open.db.planned(id).await.unwrap().unwrap().0
}

fn folders(room: &Room) -> Vec<String> {
    let entries = std::fs::read_dir(room.path().join("lectures")).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

#[tokio::test]
async fn the_first_to_begin_is_the_next_and_two_at_one_time_are_refused() {
    let room = Room::new();
    let open = room.open();
    assert_eq!(open.db.next_planned().await.unwrap(), None);
    let (morning, noon) = (plan(60, 120), plan(120, 180));
    entered(&open, &noon).await;
    entered(&open, &morning).await;
    assert_eq!(open.db.next_planned().await.unwrap(), Some(morning.clone()));
    for (from, to, other) in [
        (60, 120, &morning),
        (0, 61, &morning),
        (119, 121, &morning),
        (70, 80, &morning),
        (0, 500, &morning),
        (179, 200, &noon),
    ] {
        let refused = open.db.plan(plan(from, to)).await.unwrap();
        assert_eq!(refused, Planning::Overlaps(other.clone()), "{from}..{to}");
    }
    entered(&open, &plan(0, 60)).await;
    entered(&open, &plan(180, 181)).await;
    assert!(matches!(open.db.plan(morning).await, Err(DbError::Conflict(_))));
    open.close();
}

#[tokio::test]
async fn a_room_takes_so_many_plans_and_no_more() {
    let room = Room::new();
    let open = room.open();
    for n in 0..i64::from(MAX_PLANNED) {
        entered(&open, &plan(n, n + 1)).await;
    }
    assert_eq!(open.db.plan(plan(9_000, 9_001)).await.unwrap(), Planning::Full);
    assert_eq!(folders(&room), Vec::<String>::new());
    open.close();
}

#[tokio::test]
async fn a_cancelled_plan_gives_its_time_free_and_comes_back_if_it_still_is() {
    let room = Room::new();
    let open = room.open();
    let (first, second) = (plan(60, 120), plan(90, 150));
    entered(&open, &first).await;
    let cancel = |id| open.db.set_state(id, S::Scheduled, S::Cancelled, None);
    cancel(first.id).await.unwrap();
    entered(&open, &second).await;
    assert_eq!(
        open.db.restore_planned(first.id).await.unwrap(),
        Planning::Overlaps(second.clone())
    );
    assert_eq!(state(&open, first.id).await, S::Cancelled);
    cancel(second.id).await.unwrap();
    open.close();

    // The starts put what was called off on the shelf; it comes back from there too.
    room.open().close();
    let open = room.open();
    assert_eq!(
        open.db.restore_planned(first.id).await.unwrap(),
        Planning::Entered
    );
    assert_eq!(state(&open, first.id).await, S::Scheduled);
    let again = open.db.restore_planned(first.id).await;
    assert!(matches!(again, Err(DbError::Conflict(_))), "{again:?}");
    open.close();
}

/// P2: what was planned begins once: its row is planned or armed, never both, never neither.
#[tokio::test]
async fn p2_a_plan_begins_once_and_is_a_lecture_like_any_other() {
    let room = Room::new();
    let open = room.open();
    let planned = plan(60, 120);
    entered(&open, &planned).await;
    let amended = Metadata {
        presenter: Some("Т. Абебе".to_owned()),
        ..Metadata::default()
    };
    open.db.amend(planned.id, amended).await.unwrap();
    assert_eq!(
        folders(&room),
        Vec::<String>::new(),
        "nothing lies on the disk before"
    );

    let folder = open.db.begin_planned(beginning(&planned, 45)).await.unwrap();
    assert!(
        folder.starts_with("2026-09-10T0211_b-204_"),
        "when it began: {folder}"
    );
    assert_eq!(open.db.next_planned().await.unwrap(), None);
    let again = open.db.begin_planned(beginning(&planned, 45)).await;
    assert!(matches!(again, Err(DbError::Conflict(_))), "{again:?}");
    let detail = open.db.lecture(planned.id).await.unwrap().unwrap();
    assert_eq!(detail.summary.state, S::Armed);
    assert_eq!(detail.summary.metadata.title.as_deref(), Some("Ряды Фурье 60"));
    assert_eq!(detail.summary.metadata.presenter.as_deref(), Some("Т. Абебе"));
    open.close();

    // As after a power cut at this moment: found once, with the end that was planned.
    let (store, _events) = lectern_store::open(&room.options(), STARTED_UNIX_MS).unwrap();
    let found = &store.recovery().interrupted;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].lecture, planned.id);
    assert_eq!(found[0].planned_end_unix_ms, planned.ends_unix_ms);
    store.close();
}

/// A crash between the folders and the row leaves folders without a file: the next start takes
/// them away, and the lecture is still planned.
#[tokio::test]
async fn p2_folders_of_a_beginning_that_a_crash_cut_go_and_the_plan_stays() {
    let room = Room::new();
    let open = room.open();
    let planned = plan(60, 120);
    entered(&open, &planned).await;
    open.close();
    let cut = room
        .path()
        .join(format!("lectures/2026-09-10T0226_b-204_{}/camera", planned.id));
    std::fs::create_dir_all(cut).unwrap();
    let open = room.open();
    assert_eq!(folders(&room), Vec::<String>::new());
    assert_eq!(open.db.next_planned().await.unwrap(), Some(planned.clone()));
    open.db.begin_planned(beginning(&planned, 60)).await.unwrap();
    assert_eq!(folders(&room).len(), 1);
    open.close();
}

#[tokio::test]
async fn plans_disturb_no_start_no_check_no_rebuild_and_no_list() {
    let room = Room::new();
    let open = room.open();
    let recorded = open.begin().await;
    open.record(&recorded, 0..6).await;
    open.stop(&recorded, 6).await;
    let (kept, off, missed) = (plan(60, 120), plan(120, 180), plan(180, 240));
    for planned in [&kept, &off, &missed] {
        entered(&open, planned).await;
    }
    let set =
        |id, to, reason: Option<&str>| open.db.set_state(id, S::Scheduled, to, reason.map(str::to_owned));
    set(off.id, S::Cancelled, None).await.unwrap();
    set(missed.id, S::Failed, Some("It was missed.")).await.unwrap();

    let ids = |page: lectern_domain::api::LecturePage| -> Vec<LectureId> {
        page.lectures.iter().map(|lecture| lecture.id).collect()
    };
    let list = async |state| ids(open.db.lectures(state, 10, None).await.unwrap());
    assert_eq!(list(None).await, [missed.id, recorded.id]);
    assert_eq!(list(Some(S::Scheduled)).await, [kept.id]);
    assert_eq!(list(Some(S::Cancelled)).await, [off.id]);
    assert!(open.db.purgeable(i64::MAX).await.unwrap().is_empty());
    assert_eq!(open.db.queue_summary().await.unwrap().pending, 0);
    open.close();

    let (store, _events) = lectern_store::open(&room.options(), STARTED_UNIX_MS).unwrap();
    assert_eq!(store.recovery().interrupted, []);
    assert_eq!(store.recovery().quarantined, Vec::<std::path::PathBuf>::new());
    store.close();
    room.assert_clean();
    rebuild(&room, 1, 1);
    let open = room.open();
    assert_eq!(open.db.next_planned().await.unwrap(), Some(kept.clone()));
    for other in [off.id, missed.id] {
        assert_eq!(open.db.planned(other).await.unwrap(), None, "they are over");
    }
    let again = plan(90, 100);
    assert_eq!(open.db.plan(again).await.unwrap(), Planning::Overlaps(kept));
    open.close();
}

/// Loses the database and makes it anew: so many lectures and plans come back, and nothing is
/// found that is not in order.
fn rebuild(room: &Room, lectures: u64, plans: u64) {
    for name in ["lectern.db", "lectern.db-wal", "lectern.db-shm"] {
        let path = room.path().join(name);
        if path.exists() {
            std::fs::remove_file(path).unwrap();
        }
    }
    let refused = lectern_store::open(&room.options(), STARTED_UNIX_MS)
        .err()
        .unwrap();
    assert!(matches!(refused, OpenError::DatabaseMissing { .. }), "{refused}");
    let report = fsck(&room.options(), FsckMode { rebuild: true }).unwrap();
    assert_eq!(
        (report.rebuilt_lectures, report.rebuilt_plans),
        (Some(lectures), plans),
        "{report}"
    );
    assert_eq!(report.findings, [], "{report}");
}

fn file(room: &Room) -> std::path::PathBuf {
    room.path().join("plans.json")
}

/// P1: the database is lost right after the answer, with nothing but plans in the spool.
#[tokio::test]
async fn p1_a_confirmed_plan_outlives_the_database() {
    let room = Room::new();
    let open = room.open();
    let (first, off, back) = (plan(60, 120), plan(120, 180), plan(180, 240));
    for planned in [&first, &off, &back] {
        entered(&open, planned).await;
    }
    for id in [off.id, back.id] {
        open.db
            .set_state(id, S::Scheduled, S::Cancelled, None)
            .await
            .unwrap();
    }
    assert_eq!(open.db.restore_planned(back.id).await.unwrap(), Planning::Entered);
    let presenter = Some("Т. Абебе".to_owned());
    let amended = Metadata {
        presenter: presenter.clone(),
        ..Metadata::default()
    };
    open.db.amend(first.id, amended).await.unwrap();
    open.crash();
    rebuild(&room, 0, 2);
    let open = room.open();
    let next = open.db.next_planned().await.unwrap().unwrap();
    assert_eq!((next.id, next.starts_unix_ms), (first.id, first.starts_unix_ms));
    assert_eq!(next.metadata.title, first.metadata.title);
    assert_eq!(next.metadata.presenter, presenter);
    assert_eq!(open.db.planned(off.id).await.unwrap(), None);
    assert_eq!(
        open.db.planned(back.id).await.unwrap(),
        Some((S::Scheduled, back))
    );
    open.close();
}

/// P2: what has begun comes back once, as the lecture that it is; what a crash cut before its row
/// was committed is planned still, beside the folders that were made for it.
#[tokio::test]
async fn p2_a_rebuild_makes_no_lecture_twice() {
    let room = Room::new();
    let open = room.open();
    let (begun, cut) = (plan(60, 120), plan(120, 180));
    entered(&open, &begun).await;
    entered(&open, &cut).await;
    let stale = std::fs::read(file(&room)).unwrap();
    open.db.begin_planned(beginning(&begun, 60)).await.unwrap();
    open.close();
    // The file as a crash right after the COMMIT would leave it.
    std::fs::write(file(&room), stale).unwrap();
    rebuild(&room, 1, 1);
    let open = room.open();
    assert_eq!(state(&open, begun.id).await, S::Interrupted);
    assert_eq!(open.db.next_planned().await.unwrap(), Some(cut.clone()));
    open.close();

    let made = format!("lectures/2026-09-10T0326_b-204_{}/camera", cut.id);
    std::fs::create_dir_all(room.path().join(made)).unwrap();
    std::fs::remove_file(room.path().join("lectern.db")).unwrap();
    let report = fsck(&room.options(), FsckMode { rebuild: true }).unwrap();
    assert_eq!((report.rebuilt_lectures, report.rebuilt_plans), (Some(1), 1));
    let open = room.open();
    assert_eq!(open.db.next_planned().await.unwrap(), Some(cut));
    assert_eq!(folders(&room).len(), 1, "the empty folders went");
    open.close();
}

/// A spool of a version that kept no file, and files that nobody can use: the start goes on and
/// writes what the rows say.
#[tokio::test]
async fn p3_a_start_puts_the_file_of_plans_in_order() {
    let room = Room::new();
    let open = room.open();
    assert!(!file(&room).exists(), "a room without plans needs no file");
    let planned = plan(60, 120);
    entered(&open, &planned).await;
    open.close();
    let whole = std::fs::read(file(&room)).unwrap();
    let mut foreign: serde_json::Value = serde_json::from_slice(&whole).unwrap();
    foreign["spool"] = uuid::Uuid::from_u128(9).to_string().into();
    let foreign = serde_json::to_vec(&foreign).unwrap();
    let torn = whole[..whole.len() / 2].to_vec();
    for (harmed, quarantined) in [
        (None, 0),
        (Some(torn), 1),
        (Some(Vec::new()), 1),
        (Some(foreign), 1),
    ] {
        match harmed {
            None => std::fs::remove_file(file(&room)).unwrap(),
            Some(bytes) => std::fs::write(file(&room), bytes).unwrap(),
        }
        assert_eq!(room.kinds(), [FindingKind::Plans]);
        let (store, _events) = lectern_store::open(&room.options(), STARTED_UNIX_MS).unwrap();
        assert_eq!(store.recovery().quarantined.len(), quarantined);
        assert_eq!(store.db().next_planned().await.unwrap(), Some(planned.clone()));
        store.close();
        assert_eq!(std::fs::read(file(&room)).unwrap(), whole);
        room.assert_clean();
    }
}

/// An old copy of the database is put back: what was planned and mended since is in the file.
#[tokio::test]
async fn p1_a_plan_that_an_old_database_does_not_know_is_taken_in() {
    let room = Room::new();
    let open = room.open();
    let (mended, new) = (plan(60, 120), plan(120, 180));
    entered(&open, &mended).await;
    open.close();
    let old = std::fs::read(room.path().join("lectern.db")).unwrap();
    let open = room.open();
    entered(&open, &new).await;
    let amended = Metadata {
        course: Some("PHY 102".to_owned()),
        ..Metadata::default()
    };
    open.db.amend(mended.id, amended).await.unwrap();
    open.close();
    std::fs::write(room.path().join("lectern.db"), old).unwrap();
    let open = room.open();
    let (_, found) = open.db.planned(mended.id).await.unwrap().unwrap();
    assert_eq!(found.metadata.course.as_deref(), Some("PHY 102"));
    assert_eq!(open.db.planned(new.id).await.unwrap(), Some((S::Scheduled, new)));
    open.close();
}

/// A plan that could not be kept twice is refused, and nothing of it is there.
#[tokio::test]
async fn p1_a_plan_is_not_confirmed_while_its_file_cannot_be_written() {
    let room = Room::new();
    let open = room.open();
    let (kept, begun) = (plan(60, 120), plan(120, 180));
    entered(&open, &kept).await;
    entered(&open, &begun).await;
    // Whoever asks, even root, makes no file where a folder is.
    let in_the_way = room.path().join("plans.json.tmp");
    std::fs::create_dir(&in_the_way).unwrap();
    let refused = open.db.plan(plan(180, 240)).await;
    assert!(matches!(refused, Err(DbError::Spool(_))), "{refused:?}");
    let refused = open.db.set_state(kept.id, S::Scheduled, S::Cancelled, None).await;
    assert!(matches!(refused, Err(DbError::Spool(_))), "{refused:?}");
    assert_eq!(open.db.next_planned().await.unwrap(), Some(kept.clone()));
    // P2: a recording is never kept from beginning by it.
    open.db.begin_planned(beginning(&begun, 120)).await.unwrap();
    std::fs::remove_dir(&in_the_way).unwrap();
    entered(&open, &plan(180, 240)).await;
    open.close();
}
