//! Crashes: the store is dropped without closing, files are cut, and it is opened again.

mod support;

use std::fs;

use lectern_domain::delivery::{Commit, DeliveryState};
use lectern_domain::ids::RunNumber;
use lectern_domain::lecture::LectureState as S;
use lectern_domain::media::{Chunk, Role};
use lectern_store::{FindingKind, NewDelivery, NewTrack, OpenError, RowChange};
use support::cmaf::CHUNK_NS;
use support::{Room, STARTED_UNIX_MS};

#[tokio::test]
async fn p1_p3_a_killed_lecture_is_salvaged_and_records_on_as_a_new_run() {
    let room = Room::new();
    let open = room.open();
    let lecture = open.begin().await;
    open.record(&lecture, 0..8).await;
    open.db.mark(lecture.run, 1, None).await.unwrap();
    open.crash();
    assert_eq!(
        room.kinds(),
        [FindingKind::Unknown; 2],
        "the open segments have no rows yet"
    );

    let open = room.open();
    let recovery = open.store.recovery();
    assert_eq!(recovery.salvaged_segments, 2);
    let [cut] = recovery.interrupted.as_slice() else {
        panic!("{recovery:?}")
    };
    assert_eq!(
        (cut.lecture, cut.was, cut.paused),
        (lecture.id, S::Recording, false)
    );
    assert_eq!(cut.last_run, RunNumber(1));
    assert_eq!((cut.recorded_ms, cut.segments, cut.marks), (1_600, 4, 1));
    assert_eq!(cut.last_written_unix_ms, STARTED_UNIX_MS + 1_600);
    assert_eq!(cut.folder, lecture.folder);

    let again = lecture.run(2);
    open.record_on(&again, STARTED_UNIX_MS + 60_000).await;
    open.record(&again, 0..3).await;
    open.stop(&again, 3).await;
    let input = open.db.finish_input(lecture.id).await.unwrap();
    assert_eq!(
        input.runs.iter().map(|run| run.end_ns).collect::<Vec<_>>(),
        [None, Some(3 * CHUNK_NS)]
    );
    let camera: Vec<(u32, u32)> = input.tracks[0]
        .segments
        .iter()
        .map(|s| (s.run.0, s.number))
        .collect();
    assert_eq!(camera, [(1, 1), (1, 2), (2, 3)]);
    let salvaged = &input.tracks[0].segments[1];
    assert_eq!((salvaged.start_ns, salvaged.end_ns), (5 * CHUNK_NS, 8 * CHUNK_NS));
    let detail = open.db.lecture(lecture.id).await.unwrap().unwrap();
    assert_eq!(
        (detail.tracks[0].salvaged, detail.summary.duration_ms),
        (1, 2_200)
    );
    open.close();
    room.assert_clean();
}

/// Somebody has added a source while the power was away.
#[tokio::test]
async fn p3_a_source_that_is_new_after_an_outage_is_recorded_with_the_others() {
    let room = Room::new();
    let open = room.open();
    let lecture = open.begin().await;
    open.record(&lecture, 0..3).await;
    open.crash();

    let open = room.open();
    let configured = ["camera", "microphone", "screen"].map(|source| NewTrack {
        source: source.parse().unwrap(),
        role: Role::Presentation,
        kind: "x11".to_owned(),
        spare_for: None,
    });
    let joined = open.db.join(lecture.id, configured.to_vec()).await.unwrap();
    assert_eq!(joined, ["screen".parse().unwrap()]);
    let again = lecture.run(2);
    open.record_on(&again, STARTED_UNIX_MS + 60_000).await;
    open.record(&again, 0..3).await;
    let screen = Chunk {
        source: joined[0].clone(),
        ..again.camera.chunk(0)
    };
    open.write(screen).await;
    open.stop(&again, 3).await;
    let joined = open.db.join(lecture.id, configured.to_vec()).await.unwrap();
    assert_eq!(joined, [], "it takes part already");
    let input = open.db.finish_input(lecture.id).await.unwrap();
    let tracks: Vec<_> = input
        .tracks
        .iter()
        .map(|track| (track.source.as_str(), track.role, track.segments.len()))
        .collect();
    let expected = [
        ("camera", Role::Presenter, 2),
        ("microphone", Role::Microphone, 2),
        ("screen", Role::Presentation, 1),
    ];
    assert_eq!(tracks, expected, "those that it began with stay as they were");
    open.close();
    room.assert_clean();
}

#[tokio::test]
async fn p2_a_tail_torn_anywhere_costs_its_chunk_and_nothing_more() {
    let whole = {
        let room = Room::new();
        let open = room.open();
        let lecture = open.begin().await;
        let file = lecture.camera.file(0..3);
        open.crash();
        file
    };
    let last = {
        let room = Room::new();
        let open = room.open();
        let lecture = open.begin().await;
        let last = lecture.camera.media(2).len();
        open.crash();
        last
    };
    // Every byte of the last fragment; the walker itself is tried on every byte of a file.
    for cut in (1..=last).step_by(7) {
        let room = Room::new();
        let open = room.open();
        let lecture = open.begin().await;
        for n in 0..3 {
            open.write(lecture.camera.chunk(n)).await;
        }
        open.crash();
        let [path] = room.segments().try_into().unwrap();
        let bytes = fs::read(&path).unwrap();
        assert_eq!(bytes, whole);
        fs::write(&path, &bytes[..bytes.len() - cut]).unwrap();
        let open = room.open();
        assert_eq!(open.store.recovery().salvaged_segments, 1, "cut {cut}");
        assert_eq!(fs::read(&path).unwrap(), lecture.camera.file(0..2), "cut {cut}");
        open.close();
        room.assert_clean();
    }
}

#[tokio::test]
async fn p6_what_cannot_be_salvaged_is_put_aside_and_never_deleted() {
    let room = Room::new();
    let open = room.open();
    let lecture = open.begin().await;
    open.crash();
    let folder = room.path().join("lectures").join(&lecture.folder);
    let strays = [
        (folder.join("camera/00000001.mp4"), &b"not a box"[..]),
        (folder.join("camera/notes.txt"), b"notes"),
        (folder.join("holiday.mp4"), b"film"),
        (room.path().join("lectures/README"), b"read me"),
    ];
    for (path, bytes) in &strays {
        fs::write(path, bytes).unwrap();
    }
    fs::create_dir_all(room.path().join("lectures/from-elsewhere/camera")).unwrap();
    fs::write(room.path().join("lectures/from-elsewhere/camera/a"), b"a").unwrap();
    fs::create_dir_all(room.path().join("lectures/empty/camera")).unwrap();
    let open = room.open();
    let mut quarantined = open.store.recovery().quarantined.clone();
    quarantined.sort();
    assert_eq!(quarantined.len(), 5, "{quarantined:?}");
    let kept: Vec<Vec<u8>> = quarantined
        .iter()
        .filter(|path| path.is_file())
        .map(|path| fs::read(path).unwrap())
        .collect();
    for (_, bytes) in &strays {
        assert!(kept.iter().any(|kept| kept == bytes));
    }
    assert!(!room.path().join("lectures/empty").exists(), "nothing was in it");
    open.close();
    room.assert_clean();
}

#[tokio::test]
async fn a_segment_that_held_nothing_yet_is_no_damage() {
    let room = Room::new();
    let open = room.open();
    let lecture = open.begin().await;
    open.record(&lecture, 0..4).await;
    open.crash();
    let camera = room.path().join("lectures").join(&lecture.folder).join("camera");
    let header = lecture.camera.file(0..0);
    let left = [(2, Vec::new()), (3, header.clone()), (4, vec![0; 9_000])];
    for (number, bytes) in &left {
        fs::write(camera.join(format!("{number:08}.mp4")), bytes).unwrap();
    }
    let open = room.open();
    let recovery = open.store.recovery();
    assert_eq!((recovery.salvaged_segments, recovery.vacant_segments), (2, 3));
    assert_eq!((recovery.quarantined.len(), recovery.suspect.len()), (0, 0));
    assert_eq!(room.segments().len(), 2);
    open.close();
}

#[tokio::test]
async fn states_that_a_crash_cut_are_put_back() {
    let room = Room::new();
    let open = room.open();
    let paused = open.begin().await;
    let pause = |run| [RowChange::PauseFrom { run, from_ns: 0 }];
    open.step(paused.id, S::Recording, S::Paused, &pause(paused.run))
        .await
        .unwrap();
    let stopped = open.begin().await;
    open.step(stopped.id, S::Recording, S::Stopping, &pause(stopped.run))
        .await
        .unwrap();
    let half_paused = open.begin().await;
    open.step(
        half_paused.id,
        S::Recording,
        S::Recording,
        &pause(half_paused.run),
    )
    .await
    .unwrap();
    let finishing = open.begin().await;
    open.record(&finishing, 0..1).await;
    open.stop(&finishing, 1).await;
    open.db
        .set_state(finishing.id, S::Captured, S::Finishing, None)
        .await
        .unwrap();
    let part = room
        .path()
        .join("lectures")
        .join(&finishing.folder)
        .join("finished/lecture.mp4.part");
    fs::write(&part, b"half").unwrap();
    let sent = open.begin().await;
    open.record(&sent, 0..1).await;
    open.stop(&sent, 1).await;
    let platform = "central".parse().unwrap();
    let deliveries = vec![NewDelivery {
        platform,
        send: vec![lectern_domain::config::Send::Lecture],
    }];
    open.finish(&room, &sent, deliveries).await;
    let job = open
        .db
        .due_delivery(support::oldest(0, vec!["central".parse().unwrap()]))
        .await
        .unwrap()
        .unwrap();
    for state in [DeliveryState::Reconciling, DeliveryState::Sending] {
        open.db
            .commit_delivery(job.id, Commit::State { state })
            .await
            .unwrap();
    }
    open.crash();

    // A crash during recovery must not forget what a lecture was: look twice.
    room.open().crash();
    let open = room.open();
    let recovery = open.store.recovery();
    let found = |id| {
        recovery
            .interrupted
            .iter()
            .find(|cut| cut.lecture == id)
            .map(|cut| (cut.was, cut.paused))
    };
    assert_eq!(found(paused.id), Some((S::Paused, true)));
    assert_eq!(
        found(stopped.id),
        Some((S::Stopping, false)),
        "stopped is stopped"
    );
    assert_eq!(
        found(half_paused.id),
        Some((S::Recording, true)),
        "silence is the safe side"
    );
    assert_eq!(recovery.to_finish, [finishing.id]);
    assert!(!part.exists());
    let detail = open.db.lecture(sent.id).await.unwrap().unwrap();
    assert_eq!(
        detail.deliveries[0].state,
        DeliveryState::Reconciling,
        "the platform is asked first"
    );
    assert_eq!(open.state(finishing.id).await, S::Captured);
    open.close();
    room.assert_clean();
}

#[tokio::test]
async fn lost_and_changed_segments_are_told_and_taken_back_when_they_return() {
    let room = Room::new();
    let open = room.open();
    let lecture = open.begin().await;
    open.record(&lecture, 0..6).await;
    open.stop(&lecture, 6).await;
    open.close();
    let segments = room.segments();
    let (lost, changed) = (&segments[0], &segments[1]);
    let (lost_bytes, changed_bytes) = (fs::read(lost).unwrap(), fs::read(changed).unwrap());
    fs::remove_file(lost).unwrap();
    fs::write(changed, &changed_bytes[1..]).unwrap();

    let open = room.open();
    let recovery = open.store.recovery();
    assert_eq!((recovery.lost.len(), recovery.suspect.len()), (1, 1));
    assert_eq!(
        (&recovery.lost[0].path, &recovery.suspect[0].path),
        (lost, changed)
    );
    let input = open.db.finish_input(lecture.id).await.unwrap();
    assert_eq!((input.tracks[0].segments.len(), input.missing_segments), (0, 2));
    open.close();

    fs::write(lost, lost_bytes).unwrap();
    fs::write(changed, changed_bytes).unwrap();
    let open = room.open();
    assert_eq!(
        open.db.finish_input(lecture.id).await.unwrap().tracks[0]
            .segments
            .len(),
        2
    );
    open.close();
    room.assert_clean();
}

#[tokio::test]
async fn a_lost_file_does_not_give_its_number_to_another() {
    let room = Room::new();
    let open = room.open();
    let lecture = open.begin().await;
    open.record(&lecture, 0..6).await;
    open.crash();
    let last = room
        .segments()
        .into_iter()
        .rfind(|path| path.parent().unwrap().ends_with("camera"))
        .unwrap();
    let open = room.open();
    open.crash();
    fs::remove_file(last).unwrap();
    let open = room.open();
    let again = lecture.run(2);
    open.arm_again(&again, STARTED_UNIX_MS).await;
    open.write(again.camera.chunk(0)).await;
    open.spool.end_run(again.run).await.unwrap();
    let input = open.db.finish_input(lecture.id).await.unwrap();
    assert_eq!(
        input.tracks[0]
            .segments
            .iter()
            .map(|s| s.number)
            .collect::<Vec<_>>(),
        [1, 3]
    );
    open.close();
    assert_eq!(room.kinds(), [FindingKind::Missing]);
    room.leave_damaged();
}

#[tokio::test]
async fn a_database_and_a_folder_that_do_not_belong_together_are_refused() {
    let room = Room::new();
    let open = room.open();
    let lecture = open.begin().await;
    open.record(&lecture, 0..1).await;
    open.close();
    let other = Room::new();
    other.open().close();

    let meta = room.path().join("meta.json");
    let own = fs::read(&meta).unwrap();
    fs::copy(other.path().join("meta.json"), &meta).unwrap();
    assert!(matches!(
        lectern_store::open(&room.options(), 0),
        Err(OpenError::ForeignSpool { .. })
    ));
    fs::remove_file(&meta).unwrap();
    assert!(matches!(
        lectern_store::open(&room.options(), 0),
        Err(OpenError::ForeignSpool { .. })
    ));
    fs::write(&meta, own).unwrap();

    let database = room.path().join("lectern.db");
    fs::rename(&database, room.path().join("kept")).unwrap();
    let Err(error) = lectern_store::open(&room.options(), 0) else {
        panic!("opened without its database")
    };
    assert!(
        error.to_string().contains("run lecternd fsck --rebuild"),
        "{error}"
    );
    assert!(!database.exists(), "no empty database hides the loss");
    fs::rename(room.path().join("kept"), &database).unwrap();
    room.open().close();
    room.assert_clean();
}
