//! The page in a real Chromium, driven by the scripts of `tests/podium`: what an instructor sees,
//! presses and is told, by touch, by keyboard, and without script.
//!
//! A script speaks to the room of its test by lines: `ask [WORD, …]` is answered with one line of
//! JSON, every other line is its report. `scripts/test` installs what the scripts need.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use lectern_testkit::free_port;
use lectern_tests::room::{CAMERA, MICROPHONE, Room, program};
use lectern_tests::until;
use nix::sys::signal::{Signal, kill};
use serde_json::{Value, json};

/// A folder or file of the project.
fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// Where `fixtures/podium/install.sh` installed.
fn modules() -> PathBuf {
    let found = program("lecternd").ancestors().nth(2).unwrap().join("podium");
    assert!(
        found.join("node_modules").is_dir(),
        "playwright-core is not there: run fixtures/podium/install.sh"
    );
    found
}

/// Runs a script to its end and answers what it asks of the room.
fn play(script: &str, words: &[String], mut room: Option<&mut Room>) {
    let mut node = Command::new("node")
        .arg(project("tests/podium").join(script))
        .args(words)
        .env("LECTERN_PODIUM_MODULES", modules())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut asked = node.stdin.take().unwrap();
    for line in BufReader::new(node.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        let Some(words) = line.strip_prefix("ask ") else {
            println!("{line}");
            continue;
        };
        let words: Vec<String> = serde_json::from_str(words).unwrap();
        let room = room.as_deref_mut().expect("only a script with a room asks");
        writeln!(asked, "{}", answer(room, &words)).unwrap();
    }
    let status = node.wait().unwrap();
    assert!(status.success(), "{script} {words:?} failed: {status}");
}

fn answer(room: &mut Room, words: &[String]) -> Value {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["lectern", rest @ ..] => json!(room.lectern(rest)),
        ["status"] => room.status(),
        ["show", id] => room.show(id),
        ["end"] => {
            room.terminate();
            Value::Null
        }
        ["start"] => {
            room.start();
            room.await_sources();
            Value::Null
        }
        ["take over"] => {
            kill(room.pid(), Signal::SIGHUP).unwrap();
            until("the recorder is there again", || {
                (room.log().matches("daemon is ready").count() == 2).then_some(Value::Null)
            })
        }
        ["open"] => {
            std::fs::write(room.path("gate"), "").unwrap();
            Value::Null
        }
        ["processor"] => json!(processor_seconds(room)),
        _ => panic!("nobody here knows {words:?}"),
    }
}

/// Processor time of the daemon alone, from the kernel's accounts.
fn processor_seconds(room: &Room) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", room.pid())).unwrap();
    // The second field is the program's name in brackets, which may hold anything.
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    let ticks: f64 = fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap();
    let per_second = nix::unistd::sysconf(nix::unistd::SysconfVar::CLK_TCK)
        .unwrap()
        .unwrap();
    ticks / per_second as f64
}

/// A room with a camera, a microphone and five languages, and the address of its page.
fn podium() -> (Room, String) {
    let (mut room, address, _) = furnished();
    room.start();
    room.await_sources();
    (room, address)
}

/// The same before anything is started, and its tables.
fn furnished() -> (Room, String, String) {
    let port = free_port().unwrap();
    let tables =
        format!("[panel]\nlisten = \"127.0.0.1:{port}\"\n[recording]\nundo = \"8s\"\n{CAMERA}{MICROPHONE}");
    let room = Room::new(&tables);
    std::fs::create_dir(room.path("lectern.d")).unwrap();
    std::fs::write(
        room.path("lectern.d/room.toml"),
        "[room]\nname = \"Hall B-204\"\nhelp = \"Help desk 4444\"\nlanguages = [\"en\", \"fr\", \"zh\", \"ru\", \"ar\"]\n",
    )
    .unwrap();
    (room, format!("http://127.0.0.1:{port}/"), tables)
}

/// The stage of the page: every scene on a port of its own. Ends with its value.
struct Stage {
    show: Child,
    /// `SCENE=ADDRESS`.
    scenes: Vec<String>,
}

impl Stage {
    /// Its ports follow one another, and somebody may take one of them first: then it is tried
    /// with others.
    fn open() -> Self {
        (0..10)
            .find_map(|_| Self::open_from(free_port().unwrap()))
            .expect("enough free ports in a row")
    }

    fn open_from(port: u16) -> Option<Self> {
        let mut show = Command::new(program("examples/show"))
            .arg("all")
            .env("PORT", port.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(show.stdout.take().unwrap()).lines();
        let mut stage = Self {
            show,
            scenes: Vec::new(),
        };
        for line in lines.take(SCENES) {
            let line = line.unwrap();
            let (scene, address) = line.split_once(' ').unwrap();
            stage.scenes.push(format!("{scene}={address}"));
        }
        (stage.scenes.len() == SCENES).then_some(stage)
    }
}

/// How many scenes the stage has.
const SCENES: usize = 14;

impl Drop for Stage {
    fn drop(&mut self) {
        drop(self.show.kill());
        drop(self.show.wait());
    }
}

#[test]
fn the_page_fits_and_is_accessible_in_every_state_language_and_size() {
    let stage = Stage::open();
    play("matrix.mjs", &stage.scenes, None);
    play("comfort.mjs", &stage.scenes, None);
}

#[test]
fn a_lecture_goes_its_whole_way_by_touch() {
    let (mut room, address) = podium();
    play("lecture.mjs", &["touch".into(), address], Some(&mut room));
}

#[test]
fn a_lecture_goes_its_whole_way_by_keyboard_alone() {
    let (mut room, address) = podium();
    play("lecture.mjs", &["keyboard".into(), address], Some(&mut room));
}

#[test]
fn a_lecture_goes_its_whole_way_by_plain_forms() {
    let (mut room, address) = podium();
    play("lecture.mjs", &["plain".into(), address], Some(&mut room));
}

#[test]
fn no_slip_of_a_hand_ends_a_lecture_and_the_page_follows_every_other_hand() {
    let (mut room, address) = podium();
    play("slips.mjs", &[address], Some(&mut room));
}

/// P1: a press while the recorder takes over new settings is asked again until it can be done. Its
/// sources stand at a gate meanwhile, so that the press surely comes too early.
#[test]
fn p1_a_press_during_a_takeover_records_once() {
    let (mut room, address, tables) = furnished();
    room.install();
    room.start();
    room.await_sources();
    let gate = room.path("gate");
    room.replace(
        "lectern-source",
        &format!("until [ -e {} ]; do sleep 0.05; done", gate.display()),
    );
    room.configure(&format!("{tables}delay = \"1ms\"\n"));
    play("takeover.mjs", &[address], Some(&mut room));
}

#[test]
fn figures_of_the_page_with_one_and_with_four_tabs() {
    let (mut room, address) = podium();
    play("figures.mjs", &[address], Some(&mut room));
}
