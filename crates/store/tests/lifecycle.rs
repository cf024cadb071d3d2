//! A lecture from its first chunk to its last receipt, and what is on the disk at each step.

mod support;

use std::os::unix::fs::PermissionsExt;

use lectern_domain::api::{ClockTrust, Metadata};
use lectern_domain::delivery::{Commit, DeliveryState, FilePhase};
use lectern_domain::lecture::LectureState as S;
use lectern_store::{DbError, NewDelivery, OpenError, RowChange, SpoolEvent};
use support::cmaf::CHUNK_NS;
use support::{Room, sha256};

#[tokio::test]
async fn p1_a_lecture_lies_on_the_disk_as_its_rows_say() {
    let room = Room::new();
    let mut open = room.open();
    let lecture = open.begin().await;
    assert!(
        lecture.folder.starts_with("2026-09-10T0126_b-204_"),
        "{}",
        lecture.folder
    );
    open.record(&lecture, 0..12).await;
    open.db
        .mark(lecture.run, 3 * CHUNK_NS, Some("Fourier".to_owned()))
        .await
        .unwrap();
    let run = lecture.run;
    let from_ns = 6 * CHUNK_NS;
    let pause = [RowChange::PauseFrom { run, from_ns }];
    open.step(lecture.id, S::Recording, S::Paused, &pause)
        .await
        .unwrap();
    let to_ns = 8 * CHUNK_NS;
    let on = [RowChange::ResumeAt { run, to_ns }];
    open.step(lecture.id, S::Paused, S::Recording, &on).await.unwrap();
    open.stop(&lecture, 12).await;
    let input = open.db.finish_input(lecture.id).await.unwrap();
    assert_eq!(input.runs[0].end_ns, Some(12 * CHUNK_NS));
    assert_eq!(input.runs[0].pauses, [(6 * CHUNK_NS, 8 * CHUNK_NS)]);
    assert_eq!(input.metadata["marks"][0]["label"], "Fourier");
    for (track, source) in input.tracks.iter().zip([&lecture.camera, &lecture.sound]) {
        assert_eq!(track.segments.len(), 3);
        let mut chunks = 0..12;
        for segment in &track.segments {
            let bytes = std::fs::read(&segment.path).unwrap();
            let of_file = chunks.start..(chunks.start + 5).min(12);
            chunks.start = of_file.end;
            assert_eq!(bytes, source.file(of_file), "init and chunks as they came");
            assert_eq!(
                (segment.size_bytes, &segment.sha256),
                (bytes.len() as u64, &sha256(&bytes))
            );
        }
    }
    let detail = open.db.lecture(lecture.id).await.unwrap().unwrap();
    assert_eq!(detail.summary.duration_ms, 2_000, "12 chunks less a pause of two");
    assert_eq!(detail.marks[0].at_ms, 600);
    let mut closed = 0;
    while let Ok(event) = open.events.try_recv() {
        closed += u32::from(matches!(event, SpoolEvent::SegmentClosed { .. }));
    }
    assert_eq!(closed, 6);
    open.close();
    room.assert_clean();
}

#[tokio::test]
async fn lecture_json_repeats_the_database_and_is_private() {
    let room = Room::new();
    let open = room.open();
    let lecture = open.begin().await;
    open.record(&lecture, 0..7).await;
    open.stop(&lecture, 7).await;
    let camera = room.path().join("lectures").join(&lecture.folder).join("camera");
    open.close();
    let path = room
        .path()
        .join("lectures")
        .join(&lecture.folder)
        .join("lecture.json");
    let document: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    assert_eq!(document["state"], "captured");
    assert_eq!(document["metadata"]["title"], "Ondes et vibrations — مقدمة");
    assert_eq!(document["tracks"][0]["segments"].as_array().unwrap().len(), 2);
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(&room.path().join("lectern.db")), 0o600);
    assert_eq!(mode(&camera) & 0o007, 0);
    assert_eq!(mode(&camera.join("00000001.mp4")) & 0o137, 0);
    room.assert_clean();
}

#[tokio::test]
async fn a_step_is_made_whole_or_not_at_all() {
    let room = Room::new();
    let open = room.open();
    let lecture = open.begin().await;
    let run = lecture.run;
    let pause = RowChange::PauseFrom { run, from_ns: 5 };
    let twice = [pause.clone(), RowChange::PauseFrom { run, from_ns: 6 }];
    let refused = open.step(lecture.id, S::Recording, S::Paused, &twice).await;
    assert!(matches!(refused, Err(DbError::Conflict(_))), "{refused:?}");
    assert_eq!(open.state(lecture.id).await, S::Recording);
    open.step(lecture.id, S::Recording, S::Paused, &[pause])
        .await
        .expect("no pause was left behind");
    let on = [RowChange::ResumeAt { run, to_ns: 9 }];
    open.step(lecture.id, S::Paused, S::Recording, &on).await.unwrap();
    let input = open.db.finish_input(lecture.id).await.unwrap();
    assert_eq!(input.runs[0].pauses, [(5, 9)]);
    open.close();
    room.assert_clean();
}

#[tokio::test]
async fn a_state_is_changed_only_from_the_state_that_is_there() {
    let room = Room::new();
    let open = room.open();
    let lecture = open.begin().await;
    for refused in [
        open.db.set_state(lecture.id, S::Armed, S::Paused, None).await,
        open.step(lecture.id, S::Armed, S::Paused, &[]).await,
    ] {
        assert_eq!(
            refused.unwrap_err().to_string(),
            format!(
                "lecture {} is recording and not armed; it was not made paused",
                lecture.id
            )
        );
    }
    assert_eq!(open.state(lecture.id).await, S::Recording);
    open.close();
    room.assert_clean();
}

#[tokio::test]
async fn a_change_that_does_not_fit_what_is_there_is_refused() {
    let room = Room::new();
    let open = room.open();
    let lecture = open.begin().await;
    let run = lecture.run;
    let change = async |change| open.step(lecture.id, S::Recording, S::Recording, &[change]).await;
    let conflicts = async |refused| {
        let result = change(refused).await;
        assert!(matches!(result, Err(DbError::Conflict(_))), "{result:?}");
    };
    let opened = |run| RowChange::OpenRun {
        run,
        base_mono_ns: 1,
        started_unix_ms: 1,
        clock: ClockTrust::Trusted,
    };
    let end = |run, end_ns| RowChange::EndAt { run, end_ns };
    let stranger = lecture.run(2).run;

    change(RowChange::PauseFrom { run, from_ns: 5 }).await.unwrap();
    conflicts(RowChange::PauseFrom { run, from_ns: 6 }).await;
    change(RowChange::ResumeAt { run, to_ns: 7 }).await.unwrap();
    conflicts(RowChange::ResumeAt { run, to_ns: 8 }).await;
    conflicts(opened(run)).await;
    conflicts(opened(lecture.run(3).run)).await;
    let unknown = change(end(stranger, Some(9))).await;
    assert!(matches!(unknown, Err(DbError::NotFound(_))), "{unknown:?}");
    let runs = async || open.db.finish_input(lecture.id).await.unwrap().runs;
    assert_eq!(runs().await.len(), 1);
    change(end(run, Some(9))).await.unwrap();
    assert_eq!(runs().await[0].end_ns, Some(9));
    change(end(run, None)).await.unwrap();
    assert_eq!(runs().await[0].end_ns, None);
    assert_eq!(runs().await[0].pauses, [(5, 7)]);
    open.close();
    room.assert_clean();
}

#[tokio::test]
async fn lectures_are_listed_found_and_mended_until_they_are_sent() {
    let room = Room::new();
    let open = room.open();
    let mut ids = Vec::new();
    for _ in 0..3 {
        let lecture = open.begin().await;
        open.record(&lecture, 0..3).await;
        open.stop(&lecture, 3).await;
        ids.push(lecture);
    }
    let first = open.db.lectures(None, 2, None).await.unwrap();
    assert_eq!(first.lectures.len(), 2);
    let second = open.db.lectures(None, 2, first.next).await.unwrap();
    assert_eq!((second.lectures.len(), second.next), (1, None));
    assert!(
        open.db
            .lectures(Some(S::Recording), 10, None)
            .await
            .unwrap()
            .lectures
            .is_empty()
    );
    let lecture = &ids[0];
    let prefix = &lecture.id.to_string()[..8];
    assert_eq!(open.db.find_lecture(prefix).await.unwrap(), lecture.id);
    assert!(matches!(
        open.db.find_lecture("abc").await,
        Err(DbError::Conflict(_))
    ));
    assert!(matches!(
        open.db.find_lecture("%%%%").await,
        Err(DbError::Conflict(_))
    ));
    let mended = Metadata {
        course: Some("PHY 201".to_owned()),
        ..Metadata::default()
    };
    open.db.amend(lecture.id, mended.clone()).await.unwrap();
    let detail = open.db.lecture(lecture.id).await.unwrap().unwrap();
    assert_eq!(detail.summary.metadata.course.as_deref(), Some("PHY 201"));
    assert!(
        detail.summary.metadata.title.is_some(),
        "an absent field stays as it is"
    );
    let central = NewDelivery {
        platform: "central".parse().unwrap(),
        send: vec![lectern_domain::config::Send::Lecture],
    };
    open.finish(&room, lecture, vec![central.clone()]).await;
    open.db.amend(lecture.id, mended.clone()).await.unwrap();
    let job = open
        .db
        .due_delivery(support::oldest(0, vec![central.platform]))
        .await
        .unwrap()
        .unwrap();
    open.db
        .commit_delivery(
            job.id,
            Commit::State {
                state: DeliveryState::Reconciling,
            },
        )
        .await
        .unwrap();
    assert!(matches!(
        open.db.amend(lecture.id, mended).await,
        Err(DbError::Conflict(_))
    ));
    assert_eq!(job.files[0].phase, FilePhase::Pending);
    open.close();
    room.assert_clean();
}

#[tokio::test]
async fn an_unknown_run_has_no_place_and_harms_nothing() {
    let room = Room::new();
    let mut open = room.open();
    let lecture = open.begin().await;
    let stranger = lecture.run(2);
    open.write(stranger.camera.chunk(0)).await;
    open.write(stranger.camera.chunk(1)).await;
    let event = open.events.recv().await.unwrap();
    assert!(matches!(event, SpoolEvent::WriteFailed { .. }), "{event:?}");
    assert!(open.events.try_recv().is_err(), "told once");
    assert_eq!(open.spool.counters().chunks_dropped(), 2);
    open.close();
    room.assert_clean();
}

#[tokio::test]
async fn a_second_store_on_the_spool_is_refused_with_the_holder() {
    let room = Room::new();
    let open = room.open();
    let Err(error) = lectern_store::open(&room.options(), 0) else {
        panic!("opened twice")
    };
    assert!(matches!(&error, OpenError::Locked { holder, .. } if *holder == std::process::id().to_string()));
    assert_eq!(
        error.to_string(),
        format!(
            "the spool {} is in use by process {}; stop that lecternd first, or give this one another storage.path",
            room.path().display(),
            std::process::id()
        )
    );
    open.close();
    room.open().close();
}

#[tokio::test]
async fn handles_that_outlive_the_store_say_so() {
    let room = Room::new();
    let open = room.open();
    let lecture = open.begin().await;
    let (db, spool) = (open.db.clone(), open.spool.clone());
    open.close();
    assert!(spool.append(lecture.camera.chunk(0)).await.is_err());
    assert!(matches!(db.ping().await, Err(DbError::Gone(_))));
}

/// The lecture has hours to go when a read of the database fails in its first second.
#[tokio::test]
async fn p4_a_database_that_could_not_be_read_once_costs_no_track_its_lecture() {
    let room = Room::new();
    let mut open = room.open();
    let lecture = open.begin().await;
    let sql = |statement: &str| {
        let connection = rusqlite::Connection::open(room.path().join("lectern.db")).unwrap();
        connection.execute_batch(statement).unwrap();
    };
    sql("ALTER TABLE tracks RENAME TO elsewhere");
    for n in 0..3 {
        open.write(lecture.camera.chunk(n)).await;
    }
    sql("ALTER TABLE elsewhere RENAME TO tracks");
    // The next place where a decoder can begin is chunk 5.
    for n in 3..7 {
        open.write(lecture.camera.chunk(n)).await;
    }
    open.stop(&lecture, 7).await;
    let said: Vec<SpoolEvent> = std::iter::from_fn(|| open.events.try_recv().ok()).collect();
    assert!(
        matches!(
            said[..],
            [
                SpoolEvent::WriteFailed { .. },
                SpoolEvent::WriteResumed {
                    dropped_chunks: 5,
                    ..
                },
                SpoolEvent::FirstChunk { .. },
                SpoolEvent::SegmentClosed { .. },
            ]
        ),
        "{said:?}"
    );
    let input = open.db.finish_input(lecture.id).await.unwrap();
    let segment = &input.tracks[0].segments[0];
    assert_eq!(std::fs::read(&segment.path).unwrap(), lecture.camera.file(5..7));
    assert_eq!(open.spool.counters().chunks_dropped(), 5);
    open.close();
}
