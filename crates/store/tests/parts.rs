//! P6: the parts of finished files: what rotted is told by its place, and a rebuild forgets neither
//! them nor what a person wanted now.

#![allow(
    clippy::unwrap_used,
    reason = "test code; the lint exempts functions marked as tests only"
)]

mod support;

use std::fs;
use std::path::PathBuf;

use lectern_domain::config::Send;
use lectern_domain::finished::{FileRole, FinishedFile, PART_BYTES};
use lectern_domain::ids::LectureId;
use lectern_domain::lecture::LectureState as S;
use lectern_store::{DueQuery, FindingKind, FsckMode, NewDelivery, fsck};
use support::{Room, sha256};

/// A finished lecture of three parts and a bit; its file, and what is known of it.
async fn finished(room: &Room) -> (LectureId, PathBuf, FinishedFile) {
    let open = room.open();
    let lecture = open.begin().await;
    open.record(&lecture, 0..3).await;
    open.stop(&lecture, 3).await;
    open.db
        .set_state(lecture.id, S::Captured, S::Finishing, None)
        .await
        .unwrap();
    let part = usize::try_from(PART_BYTES).unwrap();
    let bytes: Vec<u8> = (0..3 * part + 5).map(|at| (at % 251) as u8).collect();
    let home = room.path().join("lectures").join(&lecture.folder);
    let path = home.join("finished/lecture.mp4");
    fs::write(&path, &bytes).unwrap();
    let file = FinishedFile {
        name: "lecture.mp4".to_owned(),
        role: FileRole::Lecture,
        size_bytes: bytes.len() as u64,
        sha256: sha256(&bytes),
        parts: bytes.chunks(part).map(sha256).collect(),
        duration_ms: Some(1_000),
        content_type: "video/mp4".to_owned(),
    };
    let delivery = NewDelivery {
        platform: "central".parse().unwrap(),
        send: vec![Send::Lecture],
    };
    open.db
        .finished(lecture.id, vec![file.clone()], 1_000, vec![delivery])
        .await
        .unwrap();
    open.close();
    (lecture.id, path, file)
}

#[tokio::test]
async fn p6_fsck_says_which_parts_of_a_finished_file_rotted() {
    let room = Room::new();
    let (_, path, file) = finished(&room).await;
    room.assert_clean();
    assert_eq!(file.parts.len(), 4);
    let good = fs::read(&path).unwrap();
    let part = usize::try_from(PART_BYTES).unwrap();
    let table: [(&[usize], &str); 3] = [
        (&[part], "its bytes 8388608 to 16777215 are not"),
        (&[0, part + 7], "its bytes 0 to 16777215 are not"),
        (
            &[1, 3 * part + 4],
            "its bytes 0 to 8388607, 25165824 to 25165828 are not",
        ),
    ];
    for (flips, expected) in table {
        let mut bytes = good.clone();
        for at in flips {
            bytes[*at] ^= 1;
        }
        fs::write(&path, bytes).unwrap();
        let report = fsck(&room.options(), FsckMode::default()).unwrap();
        let [finding] = report.findings.as_slice() else {
            panic!("{report}")
        };
        assert_eq!((finding.kind, &finding.path), (FindingKind::Hash, &path));
        assert!(finding.message.starts_with(expected), "{finding:?}");
    }
    fs::write(&path, good).unwrap();
}

#[tokio::test]
async fn p5_a_rebuild_keeps_parts_and_haste() {
    let room = Room::new();
    let (lecture, _, file) = finished(&room).await;
    let open = room.open();
    let listed = open.db.lecture(lecture).await.unwrap().unwrap();
    assert!(listed.files[0].parts.is_empty(), "views do not repeat them");
    open.db.send_now(Some(lecture)).await.unwrap();
    open.close();
    fs::remove_file(room.path().join("lectern.db")).unwrap();
    let report = fsck(&room.options(), FsckMode { rebuild: true }).unwrap();
    assert!(report.findings.is_empty(), "{report}");
    let open = room.open();
    let query = DueQuery {
        now_unix_ms: 0,
        platforms: vec!["central".parse().unwrap()],
        phone_first: true,
        urgent_only: true,
    };
    let job = open.db.due_delivery(query).await.unwrap().unwrap();
    assert_eq!((job.lecture, &job.files[0].parts), (lecture, &file.parts));
    open.close();
}
