//! SIGHUP and upgrades: what is changed while a lecture is recorded, and that nobody who watches
//! the recording can tell.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs::File;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};

use lectern_tests::room::{CAMERA, MICROPHONE, Room};
use lectern_tests::{fragments, media, until};
use nix::fcntl::OFlag;
use nix::sys::signal::{Signal, kill};
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use serde_json::{Value, json};

/// Pictures a second of [`CAMERA`].
const CAMERA_FPS: f64 = 30.0;

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

/// Nothing that a source delivered is missing, but at no more than `holes` places of the pictures,
/// and it is one run.
fn assert_whole(room: &Room, lecture: &str, holes: usize) {
    let detail = room.show(lecture);
    assert_eq!(detail["runs"].as_array().unwrap().len(), 1, "{detail}");
    let folder = room.lecture_dir(lecture);
    // Of the sound, which no load of the machine thins out: a block is 21.3 ms long.
    let packets = media::recorded(&folder.join("microphone"), "a:0");
    let steps = packets.windows(2).map(|pair| pair[1].0 - pair[0].0);
    let longest = steps.fold(0.0, f64::max);
    assert!(longest < 0.0225, "a gap of {longest} s");
    // A picture that the source left out makes the one before it longer; one that was lost on its
    // way from the source to the disk leaves a seam.
    let pictures = fragments::recorded(&folder.join("camera"));
    let seams: Vec<_> = pictures
        .windows(2)
        .filter(|pair| pair[0].end != pair[1].start)
        .collect();
    assert!(seams.len() <= holes, "{seams:?}");
}

/// What the camera counted in its present process.
fn counted(room: &Room, what: &str) -> u64 {
    let status = room.status();
    let sources = status["sources"].as_array().unwrap().iter();
    let mut camera = sources.filter(|source| source["name"] == "camera");
    camera.next().unwrap()[what].as_u64().unwrap()
}

/// Pictures that the camera says it left out: dropped, shed, or made too late to be shown.
fn left_out(room: &Room) -> u64 {
    let log = room.log();
    let late = log
        .lines()
        .filter(|line| line.contains("the test picture came too late"))
        .filter_map(|line| line.split_once("pictures=")?.1.split_whitespace().next())
        .map(|count| count.parse::<u64>().unwrap());
    counted(room, "dropped") + counted(room, "shed") + late.sum::<u64>()
}

/// Pictures missing in the camera's track before `until_s` of the run.
fn missing(room: &Room, lecture: &str, until_s: f64) -> u64 {
    let pictures = media::recorded(&room.lecture_dir(lecture).join("camera"), "v:0");
    let steps = pictures.windows(2).filter(|pair| pair[1].0 < until_s);
    let places = steps.map(|pair| (pair[1].0 - pair[0].0) * CAMERA_FPS);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "pictures of seconds"
    )]
    places
        .map(|places| (places.round() as u64).saturating_sub(1))
        .sum()
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

    for _ in 0..20 {
        kill(room.pid(), Signal::SIGHUP).unwrap();
        assert_eq!(room.status()["state"], "recording");
    }
    // The camera says each half second what it counted: four times more, and all is told of now.
    let recorded_ms = room.status()["lecture"]["recorded_ms"].as_u64().unwrap();
    let captured = counted(&room, "captured");
    until("the camera's word of the last reload", || {
        (counted(&room, "captured") >= captured + 60).then_some(())
    });
    let excused = left_out(&room);
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
    assert_whole(&room, &lecture, 0);
    let missing = missing(&room, &lecture, recorded_ms as f64 / 1000.0);
    assert!(
        missing <= excused,
        "{missing} pictures are missing, the camera says {excused}"
    );
    room.terminate();
}

#[test]
fn p1_an_upgrade_waits_for_the_end_of_the_lecture_and_takes_the_same_process() {
    let mut room = Room::new(&tables());
    room.install();
    room.start();
    room.await_sources();
    let lecture = room.lectern(&["start"]);
    room.await_recorded(1_000);
    let (said, source_said) = (room.path("lecternd.said"), room.path("lectern-source.said"));
    let pid = room.pid();

    // Somebody begins to edit, and saves between the check and the start.
    let edit = format!(
        "case \"$*\" in *check*) ;; *) echo '[room' >>{} ;; esac",
        room.path("lectern.toml").display()
    );
    room.replace("lecternd", &edit);
    room.replace("lectern-source", "");
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
    // Where the camera was killed, if the end did not come before its next picture.
    assert_whole(&room, &lecture, 1);
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
