//! The daemon as a service: what systemd hears of it and when, what stands behind the recording,
//! and that the machine stays awake.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::time::Duration;

use lectern_tests::room::{MICROPHONE, Room};
use lectern_tests::until;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// What systemd hears until `word` comes.
fn hear(socket: &UnixDatagram, word: &str) -> Vec<String> {
    let mut heard = Vec::new();
    let mut message = [0; 512];
    loop {
        let length = socket
            .recv(&mut message)
            .unwrap_or_else(|e| panic!("no {word}: {e}; heard {heard:?}"));
        let text = String::from_utf8_lossy(&message[..length]).trim().to_owned();
        let found = text.contains(word);
        heard.push(text);
        if found {
            return heard;
        }
    }
}

#[test]
fn systemd_hears_ready_life_and_the_end() {
    let mut room = Room::new(MICROPHONE);
    let path = room.path("notify.sock");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    room.env("NOTIFY_SOCKET", path.to_str().unwrap());
    room.start();
    hear(&socket, "READY=1");
    hear(&socket, "WATCHDOG=1");
    // Nothing to take over: read, and ready again.
    kill(room.pid(), Signal::SIGHUP).unwrap();
    let heard = hear(&socket, "RELOADING=1");
    assert!(heard.last().unwrap().contains("MONOTONIC_USEC="), "{heard:?}");
    hear(&socket, "READY=1");
    // Another source: it starts anew, which is a reload and no end.
    room.configure(&MICROPHONE.replace("test-audio\"", "test-audio\"\nrequired = true"));
    kill(room.pid(), Signal::SIGHUP).unwrap();
    let heard = hear(&socket, "WATCHDOG_USEC=120000000");
    let reloads = |heard: &[String]| heard.iter().filter(|text| text.contains("RELOADING=1")).count();
    assert_eq!(reloads(&heard), 2, "{heard:?}");
    assert!(!heard.concat().contains("STOPPING"), "{heard:?}");
    let anew = hear(&socket, "READY=1");
    assert!(!anew.concat().contains("STOPPING"), "{anew:?}");
    room.terminate();
    hear(&socket, "STOPPING=1");
}

/// Niceness of each thread of a process, by name.
fn niceness(pid: Pid) -> BTreeMap<String, i32> {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let of_thread = |folder: PathBuf| {
        let name = std::fs::read_to_string(folder.join("comm"))
            .ok()?
            .trim()
            .to_owned();
        let stat = std::fs::read_to_string(folder.join("stat")).ok()?;
        // The nineteenth field; the second one is the name, which may hold anything.
        let nice = stat.rsplit_once(") ")?.1.split(' ').nth(16)?.parse().ok()?;
        Some((name, nice))
    };
    threads
        .filter_map(|thread| of_thread(thread.ok()?.path()))
        .collect()
}

#[test]
fn p1_finishing_and_sending_stand_behind_the_recording() {
    let mut room = Room::new(MICROPHONE);
    room.start();
    room.await_sources();
    let source = niceness(room.source_pid("microphone").unwrap());
    // A test may be run nice itself, and 19 is the end.
    let recording = *source.values().next().unwrap();
    assert!(source.values().all(|nice| *nice == recording), "{source:?}");
    let behind = |by: i32| (recording + by).min(19);
    // A thread lowers itself as it begins.
    until("threads behind the recording", || {
        let daemon = niceness(room.pid());
        let of = |thread: &str| daemon.get(thread).copied();
        let lowered = (of("deliver"), of("finish")) == (Some(behind(10)), Some(behind(15)));
        let others = ["lecternd", "spool", "db", "panel"];
        (lowered && others.iter().all(|thread| of(thread) == Some(recording))).then_some(())
    });
    room.terminate();
}

/// The lock is held by a program; here is one that only writes down for how long.
#[test]
fn p1_the_machine_is_kept_awake_while_a_lecture_is_under_way() {
    let mut room = Room::new(MICROPHONE);
    let (bin, notes) = (room.path("tools"), room.path("notes"));
    std::fs::create_dir(&bin).unwrap();
    let program = bin.join("systemd-inhibit");
    let script = format!(
        "#!/bin/sh\necho \"held $*\" >>{0}\ncat\necho released >>{0}\n",
        notes.display()
    );
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    room.env(
        "PATH",
        format!("{}:{}", bin.display(), std::env::var("PATH").unwrap()),
    );
    room.start();
    room.await_sources();
    let noted = || std::fs::read_to_string(&notes).unwrap_or_default();
    assert_eq!(noted(), "", "nothing is recorded yet");
    room.lectern(&["start"]);
    until("the lock", || noted().contains("held").then_some(()));
    assert!(
        noted().contains("--what=sleep:idle:handle-lid-switch"),
        "{}",
        noted()
    );
    assert!(!noted().contains("shutdown"), "{}", noted());
    room.lectern(&["pause"]);
    room.lectern(&["resume"]);
    room.lectern(&["stop"]);
    until("its end", || noted().contains("released").then_some(()));
    assert_eq!(
        noted().lines().count(),
        2,
        "held once, over the pause: {}",
        noted()
    );
    // However the daemon ends, the lock ends with it.
    room.lectern(&["start"]);
    until("the lock again", || {
        (noted().matches("held").count() == 2).then_some(())
    });
    room.kill9();
    until("its end again", || {
        (noted().matches("released").count() == 2).then_some(())
    });
}
