//! SIGHUP and upgrades: what is changed while a lecture is recorded, and that nobody who watches
//! the recording can tell.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs::File;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use lectern_tests::room::{CAMERA, MICROPHONE, Room};
use lectern_tests::{media, until};
use nix::fcntl::OFlag;
use nix::sys::signal::{Signal, kill};
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use serde_json::{Value, json};

/// What is recorded and said of the room, before anything changes.
fn tables() -> String {
    format!("{CAMERA}{MICROPHONE}[recording]\nundo = \"0s\"\n[upload]\nrate = \"8Mbit/s\"\n")
}

/// SIGHUP, and what the status says of the configuration when it was read.
fn hang_up(room: &Room) -> Value {
    let tried = room.status()["config"]["tried_unix_ms"].clone();
    kill(room.pid(), Signal::SIGHUP).unwrap();
    until("the configuration is read", || {
        let config = room.status()["config"].clone();
        (config["tried_unix_ms"] != tried).then_some(config)
    })
}

/// How often the daemon has started, in whatever process.
fn starts(room: &Room) -> usize {
    room.log().matches("daemon is ready").count()
}

/// No packet is missing, and it is one run.
fn assert_whole(room: &Room, lecture: &str) {
    let detail = room.show(lecture);
    assert_eq!(detail["runs"].as_array().unwrap().len(), 1, "{detail}");
    let folder = room.lecture_dir(lecture);
    // Of the sound, which no load of the machine thins out: a block is 21.3 ms long.
    let packets = media::recorded(&folder.join("microphone"), "a:0");
    let steps = packets.windows(2).map(|pair| pair[1].0 - pair[0].0);
    let longest = steps.fold(0.0, f64::max);
    assert!(longest < 0.0225, "a gap of {longest} s");
}

#[test]
fn p1_a_reload_takes_over_what_is_safe_and_never_drops_a_lecture() {
    let mut room = Room::new(&tables());
    room.start();
    room.await_sources();
    let lecture = room.lectern(&["start"]);
    room.await_recorded(1_000);
    let (daemon, camera) = (room.pid(), room.source_pid("camera"));

    let same = hang_up(&room);
    assert_eq!((&same["fault"], &same["waits"]), (&Value::Null, &json!([])));

    room.configure(&tables().replace("8Mbit/s", "8 Mbit of bytes"));
    let faulty = hang_up(&room);
    let fault = faulty["fault"].as_str().unwrap();
    assert!(fault.contains("upload.rate"), "{fault}");
    let told = room.message("config-faulty").unwrap();
    assert!(told["detail"].as_str().unwrap().contains("upload.rate"), "{told}");

    let mended = tables()
        .replace("8Mbit/s", "1Mbit/s")
        .replace("undo = \"0s\"", "undo = \"0s\"\nrequire = [\"title\"]");
    room.configure(&mended);
    let safe = hang_up(&room);
    assert_eq!((&safe["fault"], &safe["waits"]), (&Value::Null, &json!([])));
    assert_eq!(room.status()["required"], json!(["title"]));
    assert_eq!(room.message("config-faulty"), None);

    let second = MICROPHONE.replace("name = \"microphone\"", "name = \"second\"");
    room.configure(&format!("{mended}{second}"));
    let waits = hang_up(&room);
    assert_eq!(waits["waits"], json!(["source"]));
    assert!(room.message("config-waits").is_some());

    let recorded_ms = room.status()["lecture"]["recorded_ms"].as_u64().unwrap();
    for _ in 0..20 {
        kill(room.pid(), Signal::SIGHUP).unwrap();
        assert_eq!(room.status()["state"], "recording");
    }
    room.await_recorded(recorded_ms + 2_000);
    assert_eq!((room.source_pid("camera"), starts(&room)), (camera, 1));

    room.lectern(&["stop"]);
    until("the new source delivers", || {
        let output = room.cli(&["status", "--json"]);
        let status: Value = serde_json::from_slice(&output.stdout).ok()?;
        let sources = status["sources"].as_array()?;
        let live = |source: &Value| source["name"] == "second" && source["health"] == "live";
        sources.iter().any(live).then_some(())
    });
    assert_eq!((room.pid(), starts(&room)), (daemon, 2), "the same process");
    assert_eq!(room.status()["config"]["waits"], json!([]));
    room.await_state(&lecture, "finished");
    assert_whole(&room, &lecture);
    room.terminate();
}

/// What a package does: another file under the same name; `systemctl reload` follows. The new one
/// writes down how it is started, and does `first` before that.
fn upgrade(program: &Path, said: &Path, first: &str) {
    let new = program.with_extension("dpkg-new");
    let name = program.file_name().unwrap().to_str().unwrap();
    let real = lectern_tests::room::program(name);
    let script = format!(
        "#!/bin/sh\n{first}\necho \"$*\" >>{}\nexec {} \"$@\"\n",
        said.display(),
        real.display()
    );
    std::fs::write(&new, script).unwrap();
    std::fs::set_permissions(&new, std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::rename(&new, program).unwrap();
}

#[test]
fn p1_an_upgrade_waits_for_the_end_of_the_lecture_and_takes_the_same_process() {
    let mut room = Room::new(&tables());
    let daemon = room.install();
    room.start();
    room.await_sources();
    let lecture = room.lectern(&["start"]);
    room.await_recorded(1_000);
    let (pid, said, source_said) = (room.pid(), room.path("said"), room.path("source-said"));

    // Somebody begins to edit, and saves between the check and the start.
    let edit = format!(
        "case \"$*\" in *check*) ;; *) echo '[room' >>{} ;; esac",
        room.path("lectern.toml").display()
    );
    upgrade(&daemon, &said, &edit);
    upgrade(&daemon.with_file_name("lectern-source"), &source_said, "");
    assert_eq!(hang_up(&room)["waits"], json!(["program"]));
    assert!(room.message("program-waits").is_some());
    room.await_recorded(2_000);
    // A source that dies now comes back as the one that this daemon can talk to.
    let camera = room.source_pid("camera").unwrap();
    kill(camera, Signal::SIGKILL).unwrap();
    until("the camera is back", || {
        room.source_pid("camera").filter(|pid| *pid != camera)
    });
    room.await_sources();
    assert!(!said.exists(), "the new program was not even asked");
    assert!(!source_said.exists(), "the new source was not started");

    room.lectern(&["stop"]);
    until("the new program runs", || (starts(&room) == 2).then_some(()));
    room.await_sources();
    assert_eq!(room.pid(), pid);
    let asked = std::fs::read_to_string(&said).unwrap();
    let asked: Vec<&str> = asked.lines().collect();
    assert!(asked[0].ends_with("check --no-devices"), "{asked:?}");
    assert!(asked[1].ends_with("lectern.toml"), "{asked:?}");
    let fault = until("the edit is told", || {
        room.status()["config"]["fault"].as_str().map(str::to_owned)
    });
    assert!(fault.contains("lectern.toml"), "{fault}");
    room.await_state(&lecture, "finished");
    assert_whole(&room, &lecture);
    room.terminate();
}

/// The recorder goes on with what works: a program that refuses the configuration is not taken.
#[test]
fn p1_an_upgrade_that_does_not_take_the_configuration_is_not_taken() {
    let mut room = Room::new(&tables());
    let daemon = room.install();
    room.start();
    room.await_sources();
    let broken = daemon.with_extension("dpkg-new");
    std::fs::write(&broken, "#!/bin/sh\necho 'no such key any more' >&2\nexit 78\n").unwrap();
    std::fs::set_permissions(&broken, std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::rename(&broken, &daemon).unwrap();
    hang_up(&room);
    let fault = until("the refusal is told", || {
        room.status()["config"]["fault"].as_str().map(str::to_owned)
    });
    assert_eq!(fault, "no such key any more");
    assert_eq!(room.status()["config"]["waits"], json!([]));
    let lecture = room.lectern(&["start"]);
    room.await_recorded(500);
    room.lectern(&["stop"]);
    room.await_state(&lecture, "finished");
    assert_eq!(starts(&room), 1);

    // A named pipe is read like a file on a disk that stalls: the end does not wait for it.
    let config = room.path("lectern.toml");
    std::fs::remove_file(&config).unwrap();
    mkfifo(&config, Mode::S_IRWXU).unwrap();
    kill(room.pid(), Signal::SIGHUP).unwrap();
    let _disk = until("the configuration is being read", || {
        let mut pipe = File::options();
        let pipe = pipe.write(true).custom_flags(OFlag::O_NONBLOCK.bits());
        pipe.open(&config).ok()
    });
    room.terminate();
}
