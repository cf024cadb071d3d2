//! Every schema that ever was, with data in it, opens today: rows intact, schema as new.

#![allow(
    clippy::unwrap_used,
    reason = "test code; the lint exempts functions marked as tests only"
)]

mod support;

use std::fs;
use std::path::Path;

use lectern_domain::api::ClockTrust;
use lectern_domain::lecture::LectureState as S;
use lectern_store::{FsckMode, OpenError, fsck};
use rusqlite::Connection;
use support::Room;

/// Puts a kept dump into place, with the folder of its lecture.
fn restore(room: &Room, dump: &Path) {
    let connection = Connection::open(room.path().join("lectern.db")).unwrap();
    connection
        .execute_batch(&fs::read_to_string(dump).unwrap())
        .unwrap();
    let (uuid, name): (String, String) = connection
        .query_row("SELECT uuid, room FROM meta", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .unwrap();
    let meta = serde_json::json!({"uuid": uuid, "room": name, "created_unix_ms": 0});
    fs::write(room.path().join("meta.json"), meta.to_string()).unwrap();
}

/// Every table and index as SQLite keeps its text, blanks and comments aside.
fn schema(path: &Path) -> Vec<String> {
    let connection = Connection::open(path).unwrap();
    let mut statement = connection
        .prepare(
            "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY name",
        )
        .unwrap();
    let rows = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
    rows.map(|sql| {
        let sql = sql.unwrap();
        let plain = sql
            .lines()
            .map(|line| line.split("--").next().unwrap_or_default());
        let words: Vec<&str> = plain.flat_map(str::split_whitespace).collect();
        // A column that an upgrade appended has its comma elsewhere.
        words.join(" ").replace(" ,", ",").replace(" )", ")")
    })
    .collect()
}

#[tokio::test]
async fn every_kept_schema_opens_with_its_rows() {
    let fresh = Room::new();
    fresh.open().close();
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/schema");
    let mut dumps: Vec<_> = fs::read_dir(kept)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    dumps.sort();
    assert!(!dumps.is_empty());
    for dump in dumps {
        let room = Room::new();
        // The dumps have no recordings beside them.
        room.leave_damaged();
        restore(&room, &dump);
        let open = room.open();
        let page = open.db.lectures(None, 10, None).await.unwrap();
        let [delivered, waiting] = page.lectures.as_slice() else {
            panic!("{}: {page:?}", dump.display())
        };
        assert_eq!((delivered.state, waiting.state), (S::Delivered, S::Delivering));
        assert_eq!(delivered.metadata.title.as_deref(), Some("Ondes — أمواج"));
        let detail = open.db.lecture(waiting.id).await.unwrap().unwrap();
        assert_eq!(
            (detail.tracks.len(), detail.marks.len(), detail.runs.len()),
            (2, 1, 2)
        );
        assert_eq!(detail.runs[0].pauses_ms, [(60_000, Some(90_000))]);
        assert_eq!(detail.runs[1].clock, ClockTrust::Trusted);
        // The first run wrote until 59 s, the second began 500 s after it, by the wall clock.
        assert_eq!(detail.runs[1].gap_before_ms, Some(441_000));
        let queue = open.db.queue().await.unwrap();
        assert_eq!(queue.deliveries.len(), 2);
        assert_eq!(queue.deliveries[0].next_unix_ms, Some(1_789_010_000_000));
        open.close();
        assert_eq!(
            schema(&room.path().join("lectern.db")),
            schema(&fresh.path().join("lectern.db"))
        );
    }
}

#[tokio::test]
async fn a_database_of_the_future_is_left_alone() {
    let room = Room::new();
    room.open().close();
    let database = room.path().join("lectern.db");
    Connection::open(&database)
        .unwrap()
        .pragma_update(None, "user_version", 99)
        .unwrap();
    let before = fs::read(&database).unwrap();
    let Err(error) = lectern_store::open(&room.options(), 0) else {
        panic!("opened")
    };
    assert_eq!(
        error.to_string(),
        format!(
            "the database {} cannot be used by this version: it has schema version 99, this lecternd knows 5 at \
             most; install the lecternd that wrote it, or a newer one",
            database.display()
        )
    );
    assert!(matches!(
        fsck(&room.options(), FsckMode { rebuild: true }),
        Err(OpenError::Version { .. })
    ));
    assert_eq!(fs::read(&database).unwrap(), before);
    room.leave_damaged();
}
