//! The journal of deliveries: what may be committed, and that nothing is ever sent twice (P5, P6).

#![allow(
    clippy::unwrap_used,
    reason = "test code; the lint exempts functions marked as tests only"
)]

mod support;

use lectern_domain::config::Send;
use lectern_domain::delivery::{Commit, DeliveryJob, DeliveryState as D, FilePhase};
use lectern_domain::ids::PlatformName;
use lectern_domain::lecture::LectureState as S;
use lectern_store::{DbError, NewDelivery};
use serde_json::json;
use support::{Lecture, Open, Room};

fn platform(name: &str) -> PlatformName {
    name.parse().unwrap()
}

fn delivery(name: &str, send: &[Send]) -> NewDelivery {
    NewDelivery {
        platform: platform(name),
        send: send.to_vec(),
    }
}

async fn finished(room: &Room, deliveries: Vec<NewDelivery>) -> (Open, Lecture) {
    let open = room.open();
    let lecture = open.begin().await;
    open.record(&lecture, 0..3).await;
    open.stop(&lecture, 3).await;
    open.finish(room, &lecture, deliveries).await;
    (open, lecture)
}

async fn due(open: &Open, now_unix_ms: i64, names: &[&str]) -> Option<DeliveryJob> {
    let platforms = names.iter().map(|name| platform(name)).collect();
    open.db
        .due_delivery(support::oldest(now_unix_ms, platforms))
        .await
        .unwrap()
}

async fn commit(open: &Open, job: &DeliveryJob, commit: Commit) -> Result<(), DbError> {
    open.db.commit_delivery(job.id, commit).await
}

async fn enter(open: &Open, job: &DeliveryJob, states: &[D]) {
    for state in states {
        commit(open, job, Commit::State { state: *state }).await.unwrap();
    }
}

fn receipt(name: &str) -> Commit {
    Commit::Receipt {
        name: name.to_owned(),
        location: format!("at/{name}"),
        evidence: json!({"offset": 7}),
    }
}

#[tokio::test]
async fn p5_a_delivery_goes_its_way_and_the_lecture_with_it() {
    let room = Room::new();
    let wanted = vec![
        delivery("central", &[Send::Lecture, Send::Metadata]),
        delivery("usb", &[Send::Lecture]),
    ];
    let (open, lecture) = finished(&room, wanted).await;
    assert!(due(&open, 0, &["elsewhere"]).await.is_none());
    let job = due(&open, 0, &["usb", "central"]).await.unwrap();
    assert_eq!(
        (job.platform.as_str(), job.attempts, job.files.len()),
        ("central", 0, 2)
    );
    assert_eq!(job.folder, lecture.folder);
    assert!(job.files[0].path.is_file());
    assert_eq!(open.state(lecture.id).await, S::Finished);
    enter(&open, &job, &[D::Reconciling]).await;
    assert_eq!(open.state(lecture.id).await, S::Delivering);
    enter(&open, &job, &[D::Sending]).await;
    let remote = "https://central/files/1?token=secret".to_owned();
    for phase in [
        FilePhase::Creating,
        FilePhase::Bound {
            remote: remote.clone(),
        },
        FilePhase::Completing {
            remote: remote.clone(),
        },
    ] {
        commit(
            &open,
            &job,
            Commit::File {
                name: "lecture.mp4".to_owned(),
                phase,
            },
        )
        .await
        .unwrap();
    }
    // A restart: everything that was committed is there, and the platform is asked first.
    open.crash();
    let open = room.open();
    let again = due(&open, 0, &["central"]).await.unwrap();
    assert_eq!(again.id, job.id);
    assert_eq!(
        (again.attempts, &again.files[0].phase),
        (1, &FilePhase::Completing { remote })
    );
    enter(&open, &job, &[D::Reconciling, D::Sending, D::Verifying]).await;
    commit(&open, &job, receipt("lecture.mp4")).await.unwrap();
    let early = commit(&open, &job, Commit::State { state: D::Done })
        .await
        .unwrap_err();
    assert!(
        early.to_string().contains("1 of its files have no receipt"),
        "P6: {early}"
    );
    commit(&open, &job, receipt("lecture.json")).await.unwrap();
    enter(&open, &job, &[D::Done]).await;
    assert_eq!(
        open.state(lecture.id).await,
        S::Delivering,
        "the disk has not got it yet"
    );
    let usb = due(&open, 0, &["usb", "central"]).await.unwrap();
    enter(&open, &usb, &[D::Reconciling, D::Verifying]).await;
    commit(&open, &usb, receipt("lecture.mp4")).await.unwrap();
    enter(&open, &usb, &[D::Done]).await;
    assert_eq!(open.state(lecture.id).await, S::Delivered);
    assert!(due(&open, i64::MAX, &["usb", "central"]).await.is_none());
    let queue = open.db.queue().await.unwrap();
    let done: Vec<(u32, u64)> = queue
        .deliveries
        .iter()
        .map(|view| (view.attempts, view.total_bytes - view.sent_bytes))
        .collect();
    assert_eq!(done, [(1, 0), (2, 0)]);
    assert!(
        queue
            .deliveries
            .iter()
            .all(|view| view.locations.contains(&"at/lecture.mp4".to_owned()))
    );
    open.close();
    room.assert_clean();
}

#[tokio::test]
async fn p5_one_lecture_and_platform_have_one_delivery() {
    let room = Room::new();
    let central = || delivery("central", &[Send::Lecture]);
    let (open, lecture) = finished(&room, vec![central(), central()]).await;
    assert_eq!(open.db.queue().await.unwrap().deliveries.len(), 1);
    let again = open.db.finished(lecture.id, Vec::new(), 0, vec![central()]).await;
    assert!(matches!(again, Err(DbError::Conflict(_))), "finished once");
    // Nothing that carries no file.
    assert_eq!(open.db.lecture(lecture.id).await.unwrap().unwrap().files.len(), 2);
    open.close();
    room.assert_clean();
}

#[tokio::test]
async fn steps_that_the_state_does_not_allow_are_refused_and_change_nothing() {
    let room = Room::new();
    let (open, lecture) = finished(&room, vec![delivery("central", &[Send::Lecture])]).await;
    let job = due(&open, 0, &["central"]).await.unwrap();
    let bound = || FilePhase::Bound {
        remote: "r".to_owned(),
    };
    let file = |phase| Commit::File {
        name: "lecture.mp4".to_owned(),
        phase,
    };
    let why = "why".to_owned();
    for refused in [
        Commit::State { state: D::Sending },
        Commit::State { state: D::Done },
        Commit::State { state: D::Cancelled },
        Commit::State { state: D::Waiting },
        Commit::Waiting {
            until_unix_ms: 1,
            why: why.clone(),
        },
        Commit::Parked { why: why.clone() },
        file(bound()),
        receipt("lecture.mp4"),
    ] {
        let result = commit(&open, &job, refused.clone()).await;
        assert!(
            matches!(result, Err(DbError::Conflict(_))),
            "{refused:?}: {result:?}"
        );
    }
    enter(&open, &job, &[D::Reconciling, D::Sending]).await;
    let unknown = Commit::File {
        name: "other.mp4".to_owned(),
        phase: bound(),
    };
    assert!(matches!(
        commit(&open, &job, unknown).await,
        Err(DbError::NotFound(_))
    ));
    let guess = file(FilePhase::Confirmed {
        location: "x".to_owned(),
    });
    assert!(
        matches!(commit(&open, &job, guess).await, Err(DbError::Conflict(_))),
        "by a receipt only"
    );
    commit(&open, &job, receipt("lecture.mp4")).await.unwrap();
    assert!(
        matches!(
            commit(&open, &job, file(bound())).await,
            Err(DbError::Conflict(_))
        ),
        "confirmed is for ever"
    );
    assert!(
        matches!(open.db.cancel_delivery(job.id).await, Err(DbError::Conflict(_))),
        "under way"
    );
    assert_eq!(open.state(lecture.id).await, S::Delivering);
    open.close();
    room.assert_clean();
}

#[tokio::test]
async fn p5_a_parked_delivery_forgets_its_upload_so_that_a_person_can_have_it_sent_anew() {
    let room = Room::new();
    let (open, lecture) = finished(&room, vec![delivery("central", &[Send::Lecture])]).await;
    let job = due(&open, 0, &["central"]).await.unwrap();
    let file = |phase| Commit::File {
        name: "lecture.mp4".to_owned(),
        phase,
    };
    let remote = || "r".to_owned();
    enter(&open, &job, &[D::Reconciling, D::Sending]).await;
    let completing = file(FilePhase::Completing { remote: remote() });
    commit(&open, &job, completing.clone()).await.unwrap();
    let why = "nobody knows whether it arrived".to_owned();
    commit(&open, &job, Commit::Parked { why }).await.unwrap();
    for phase in [FilePhase::Bound { remote: remote() }, FilePhase::Creating] {
        commit(&open, &job, file(phase)).await.unwrap();
    }
    for refused in [completing, file(FilePhase::Pending), receipt("lecture.mp4")] {
        let result = commit(&open, &job, refused.clone()).await;
        assert!(
            matches!(result, Err(DbError::Conflict(_))),
            "{refused:?}: {result:?}"
        );
    }
    assert_eq!(open.db.retry_lecture(lecture.id, None).await.unwrap(), 1);
    let again = due(&open, 0, &["central"]).await.unwrap();
    assert_eq!(again.files[0].phase, FilePhase::Creating);
    open.close();
    room.assert_clean();
}

#[tokio::test]
async fn waiting_parked_and_cancelled_deliveries_obey_people() {
    let room = Room::new();
    let (open, lecture) = finished(
        &room,
        vec![
            delivery("central", &[Send::Lecture]),
            delivery("usb", &[Send::Lecture]),
        ],
    )
    .await;
    let job = due(&open, 0, &["central"]).await.unwrap();
    enter(&open, &job, &[D::Reconciling]).await;
    let why = "the platform did not answer; the files are safe here; tried again by itself".to_owned();
    commit(
        &open,
        &job,
        Commit::Waiting {
            until_unix_ms: 5_000,
            why: why.clone(),
        },
    )
    .await
    .unwrap();
    assert_eq!(open.db.next_due_unix_ms().await.unwrap(), Some(5_000));
    assert!(due(&open, 4_999, &["central"]).await.is_none());
    assert_eq!(due(&open, 5_000, &["central"]).await.unwrap().id, job.id);
    let view = &open.db.queue().await.unwrap().deliveries[0];
    assert_eq!((view.state, view.message.as_ref()), (D::Waiting, Some(&why)));
    assert_eq!(
        open.db.end_waits().await.unwrap(),
        1,
        "the other one does not wait"
    );
    assert_eq!(open.db.send_now(None).await.unwrap(), 2);
    assert_eq!(due(&open, 0, &["central"]).await.unwrap().id, job.id);
    enter(&open, &job, &[D::Reconciling]).await;
    commit(&open, &job, Commit::Parked { why }).await.unwrap();
    assert!(
        due(&open, i64::MAX, &["central"]).await.is_none(),
        "needs a person"
    );
    let summary = open.db.queue_summary().await.unwrap();
    assert_eq!((summary.pending, summary.parked, summary.finishing), (1, 1, 0));
    assert_eq!(
        open.db.send_now(Some(lecture.id)).await.unwrap(),
        1,
        "what is parked needs more than haste"
    );
    let at = |platform: &str| Some(platform.parse().unwrap());
    for elsewhere in ["usb", "nowhere"] {
        let again = open.db.retry_lecture(lecture.id, at(elsewhere)).await.unwrap();
        assert_eq!(again, 0, "only what was asked for");
    }
    assert_eq!(open.db.retry_lecture(lecture.id, at("central")).await.unwrap(), 1);
    assert!(
        matches!(open.db.retry_delivery(job.id).await, Err(DbError::Conflict(_))),
        "queued already"
    );
    open.db.cancel_delivery(job.id).await.unwrap();
    assert_eq!(
        open.state(lecture.id).await,
        S::Delivering,
        "another delivery is open"
    );
    let usb = due(&open, 0, &["usb"]).await.unwrap();
    enter(&open, &usb, &[D::Reconciling, D::Verifying]).await;
    commit(&open, &usb, receipt("lecture.mp4")).await.unwrap();
    enter(&open, &usb, &[D::Done]).await;
    assert_eq!(open.state(lecture.id).await, S::Delivered);
    open.close();
    room.assert_clean();
}

#[tokio::test]
async fn a_delivery_under_way_shows_the_bytes_that_the_platform_confirmed() {
    let room = Room::new();
    let (open, _) = finished(&room, vec![delivery("central", &[Send::Lecture, Send::Metadata])]).await;
    assert_eq!(open.db.queue_summary().await.unwrap().active, None);
    let job = due(&open, 0, &["central"]).await.unwrap();
    enter(&open, &job, &[D::Reconciling, D::Sending]).await;
    let active = open.db.queue_summary().await.unwrap().active.unwrap();
    assert_eq!((active.id, active.sent_bytes), (job.id, 0));
    commit(&open, &job, receipt("lecture.mp4")).await.unwrap();
    let active = open.db.queue_summary().await.unwrap().active.unwrap();
    let [film, data] = job.files.as_slice() else {
        panic!("{job:?}")
    };
    assert_eq!(film.name, "lecture.mp4");
    assert_eq!(active.sent_bytes, film.size_bytes);
    assert_eq!(active.total_bytes, film.size_bytes + data.size_bytes);
    open.close();
    room.assert_clean();
}
