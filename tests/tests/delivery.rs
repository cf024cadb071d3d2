//! Promise P5 with a real platform: the tus server that others run, a line that breaks, and a
//! daemon that is killed in the middle.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::path::PathBuf;

use lectern_testkit::{CuttingProxy, RealTus, free_port};
use lectern_tests::padding::grow;
use lectern_tests::room::Room;
use lectern_tests::{figure, until};

const MIB: u64 = 1 << 20;

/// Size of the lecture; `scripts/bench` sets 1024.
fn lecture_mib() -> u64 {
    std::env::var("LECTERN_TUS_MIB")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(96)
}

fn tables(port: u16) -> String {
    format!(
        r#"
[[source]]
name = "microphone"
role = "microphone"
kind = "test-audio"
[[platform]]
name = "central"
kind = "tus"
url = "http://127.0.0.1:{port}/files"
"#
    )
}

/// Records a short lecture, then makes its finished file as large as asked. The daemon does not run
/// afterwards.
fn large_lecture(room: &mut Room, mib: u64) -> (String, PathBuf, String) {
    room.start();
    room.await_sources();
    let id = room.lectern(&["start", "--title", "Грамматика"]);
    room.await_recorded(1_500);
    room.lectern(&["stop"]);
    until("finished", || {
        let state = room.show(&id)["state"].as_str()?.to_owned();
        matches!(state.as_str(), "finished" | "delivering").then_some(())
    });
    room.terminate();
    let (path, hash) = grow(room, &id, mib * MIB);
    (id, path, hash)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p5_a_cut_line_and_a_killed_daemon_cost_a_mebibyte_and_no_second_copy() {
    let dir = tempfile::tempdir().unwrap();
    let mib = lecture_mib();
    let port = free_port().unwrap();
    let mut room = Room::new(&tables(port));
    let (id, _, hash) = large_lecture(&mut room, mib);

    let server = RealTus::start(dir.path(), free_port().unwrap()).await.unwrap();
    let proxy = CuttingProxy::start(([127, 0, 0, 1], server.port()).into(), port)
        .await
        .unwrap();
    proxy.reset_after(mib * MIB * 6 / 10);
    room.launch();
    until("half of it sent", || {
        (proxy.forwarded() > mib * MIB / 2).then_some(())
    });
    room.kill9();
    room.start();
    room.await_state(&id, "delivered");
    assert_eq!(proxy.resets(), 1, "the line was cut at 60 %");

    let whole = server.whole_files().unwrap();
    assert_eq!(whole.len(), 1, "exactly one complete upload: {whole:?}");
    assert_eq!(whole[0].1, hash);
    // Bytes on their way at the moment of a cut may count twice; headers are a few kilobytes.
    let twice = proxy.forwarded().saturating_sub(mib * MIB);
    println!(
        "{mib} MiB, one reset at 60 %, one kill -9 at 50 %: {} KiB sent more than once",
        twice / 1024
    );
    let bound = [("promised bound", 1024)];
    figure::tell(
        "sent more than once",
        twice / 1024,
        "KiB",
        format!("{mib} MiB"),
        &bound,
    );
    assert!(twice <= MIB, "{twice} bytes were sent twice");
    let detail = room.show(&id);
    assert_eq!(detail["deliveries"][0]["state"], "done");
    assert!(
        room.lecture_dir(&id).join("finished/lecture.mp4").is_file(),
        "P6: kept after delivery"
    );
}
