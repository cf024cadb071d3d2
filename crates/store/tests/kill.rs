//! A process that records is killed with SIGKILL, again and again; nothing that it had been told
//! is written may be missing afterwards.
//!
//! The test program starts itself as the child: `child_that_records` does its work only when the
//! parent names a spool in the environment.

#![allow(
    clippy::unwrap_used,
    reason = "test code; the lint exempts functions marked as tests only"
)]

mod support;

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use support::cmaf::CHUNK_NS;
use support::{Room, STARTED_UNIX_MS};

const SPOOL: &str = "LECTERN_TEST_SPOOL";
const KILLS: u64 = 20;

/// Records for ever and prints the number of each camera chunk once it is written.
#[tokio::test]
async fn child_that_records() {
    let Some(path) = std::env::var_os(SPOOL) else {
        return;
    };
    let room = Room::at(path.into());
    let open = room.open();
    let lecture = match open.store.recovery().interrupted.as_slice() {
        [] => open.begin().await,
        [cut] => {
            let lecture = support::lecture(cut.lecture, &cut.folder, cut.last_run.0 + 1);
            open.record_on(&lecture, STARTED_UNIX_MS).await;
            lecture
        }
        more => panic!("one lecture was begun: {more:?}"),
    };
    for n in 0.. {
        open.write(lecture.sound.chunk(n)).await;
        open.write(lecture.camera.chunk(n)).await;
        println!("written {n}");
    }
}

#[tokio::test]
async fn p1_p2_kill_9_loses_nothing_that_was_written() {
    let room = Room::new();
    let mut runs = Vec::new();
    for kill in 0..KILLS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child_that_records", "--nocapture"])
            .env(SPOOL, room.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut last = 0;
        for line in lines {
            let Some(n) = line
                .unwrap()
                .strip_prefix("written ")
                .map(|n| n.parse::<u64>().unwrap())
            else {
                continue;
            };
            last = n;
            // At another place of a segment each time.
            if n >= 3 + kill * 7 % 13 {
                break;
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();
        runs.push(last + 1);
    }
    let open = room.open();
    let [cut] = open.store.recovery().interrupted.as_slice() else {
        panic!("{:?}", open.store.recovery())
    };
    assert_eq!(u64::from(cut.last_run.0), KILLS);
    let input = open.db.finish_input(cut.lecture).await.unwrap();
    for track in &input.tracks {
        for (run, written) in (1..).zip(&runs) {
            let segments = track.segments.iter().filter(|segment| segment.run.0 == run);
            let end = segments.map(|segment| segment.end_ns).max().unwrap();
            assert!(
                end >= written * CHUNK_NS,
                "{} run {run}: {end} ns of {written} chunks",
                track.source
            );
        }
    }
    open.close();
    room.assert_clean();
}
