//! Planned lectures: a row without a folder until they begin, and no trouble for anything else.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use lectern_domain::api::Metadata;
use lectern_domain::ids::LectureId;
use lectern_domain::lecture::LectureState as S;
use lectern_domain::media::Role;
use lectern_store::{DbError, FsckMode, MAX_PLANNED, NewLecture, NewTrack, Plan, Planning, fsck};
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
    std::fs::remove_file(room.path().join("lectern.db")).unwrap();
    let rebuild = FsckMode { rebuild: true };
    let report = fsck(&room.options(), rebuild).unwrap();
    assert_eq!(report.rebuilt_lectures, Some(1), "{report}");
    let open = room.open();
    assert_eq!(
        open.db.next_planned().await.unwrap(),
        None,
        "plans are in the database alone"
    );
    open.close();
}
