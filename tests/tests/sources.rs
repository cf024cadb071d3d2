//! Promise P4, in numbers: every kind of source is killed again and again in one lecture, and no
//! other track loses a picture or a sound by it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use lectern_testkit::free_port;
use lectern_tests::room::Room;
use lectern_tests::things::{Camera, SOUND_DEVICE, Screen, Sound};
use lectern_tests::{figure, media, until};
use nix::sys::signal::{Signal, kill};
use serde_json::Value;

/// From the end of the last picture or sound before a kill to the first after it, in seconds:
/// counted from the loss, because here the thing itself was never away.
const BACK_WITHIN: f64 = 3.0;
/// What even a busy machine needs no longer than: the promise is judged by who reads the figures.
const BACK_AT_ALL: f64 = 10.0;

/// A source that is killed, and how its track is judged.
struct Kind {
    name: &'static str,
    stream: &'static str,
    /// The longest time from one packet to the next without a loss, in seconds. A still screen
    /// gives a picture now and then only.
    step: f64,
    /// Whether a loss on it may be blamed on a machine that is out of breath: pictures are
    /// dropped then, sound is not.
    may_drop: bool,
}

const KINDS: [Kind; 5] = [
    Kind {
        name: "test-video",
        stream: "v:0",
        step: 0.034,
        may_drop: true,
    },
    Kind {
        name: "x11",
        stream: "v:0",
        step: 0.6,
        may_drop: true,
    },
    Kind {
        name: "rtsp",
        stream: "v:0",
        step: 0.06,
        may_drop: true,
    },
    Kind {
        name: "test-audio",
        stream: "a:0",
        step: 0.0225,
        may_drop: false,
    },
    Kind {
        name: "pulse",
        stream: "a:0",
        step: 0.0225,
        may_drop: false,
    },
];

/// How often each kind is killed; `scripts/bench` sets 50.
fn kills() -> usize {
    std::env::var("LECTERN_KILLS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(2)
}

fn source(room: &Room, name: &str) -> Value {
    let status = room.status();
    let sources = status["sources"].as_array().unwrap();
    sources.iter().find(|s| s["name"] == name).unwrap().clone()
}

fn bytes(room: &Room, name: &str) -> u64 {
    source(room, name)["bytes"].as_u64().unwrap()
}

/// Kills the process of a source and waits until it records again. The moment, in seconds of the
/// run, a little before the kill.
#[expect(clippy::cast_precision_loss, reason = "seconds of a test")]
fn kill_and_await(room: &Room, name: &str) -> f64 {
    let pid = room.source_pid(name).expect("its process");
    let at_ms = room.status()["lecture"]["recorded_ms"].as_u64().unwrap();
    kill(pid, Signal::SIGKILL).unwrap();
    until("another process", || {
        room.source_pid(name).filter(|new| *new != pid)
    });
    // What the dead one left in the pipe has been counted once the next one is live.
    until("it live", || {
        (source(room, name)["health"] == "live").then_some(())
    });
    let before = bytes(room, name);
    until("it recorded", || (bytes(room, name) > before).then_some(()));
    at_ms as f64 / 1000.0
}

#[test]
fn p4_kills_of_each_kind_cost_that_track_a_moment_and_the_others_nothing() {
    let screen = Screen::start(250);
    let camera = Camera::start(free_port().unwrap());
    let mut room = Room::new(&format!(
        r#"
[[source]]
name = "test-video"
role = "presenter"
kind = "test-video"
width = 320
height = 180
[[source]]
name = "x11"
role = "presentation"
kind = "x11"
display = "{}"
[[source]]
name = "rtsp"
role = "presenter"
kind = "rtsp"
url = "rtsp://127.0.0.1:{}/live"
[[source]]
name = "test-audio"
role = "microphone"
kind = "test-audio"
[[source]]
name = "pulse"
role = "microphone"
kind = "pulse"
device = "{SOUND_DEVICE}"
"#,
        screen.display, camera.port
    ));
    let sound = Sound::start(&room.path(""));
    room.env("PULSE_SERVER", sound.address());
    room.start();
    room.await_sources();
    let id = room.lectern(&["start"]);
    room.await_recorded(3_000);
    let mut killed: [Vec<f64>; KINDS.len()] = Default::default();
    for _ in 0..kills() {
        for (kind, moments) in KINDS.iter().zip(&mut killed) {
            moments.push(kill_and_await(&room, kind.name));
        }
    }
    let now = room.status()["lecture"]["recorded_ms"].as_u64().unwrap();
    room.await_recorded(now + 2_000);
    let dropped = KINDS.map(|kind| source(&room, kind.name)["totals"]["dropped"].clone());
    room.lectern(&["stop"]);
    room.await_state(&id, "finished");

    println!("kind         kills  back after min / median / max  other losses  dropped before the encoder");
    let mut faults = Vec::new();
    for ((kind, killed), dropped) in KINDS.iter().zip(&killed).zip(&dropped) {
        let track = media::recorded(&room.lecture_dir(&id).join(kind.name), kind.stream);
        let steps: Vec<Step> = track
            .windows(2)
            .map(|pair| Step {
                from: pair[0].0,
                end: pair[0].0 + pair[0].1,
                to: pair[1].0,
            })
            .collect();
        let mine: Vec<Step> = killed.iter().map(|at| hole_at(&steps, *at)).collect();
        let others: Vec<_> = steps
            .iter()
            .filter(|step| step.to - step.from > kind.step && !mine.contains(step))
            .collect();
        let mut away: Vec<f64> = mine.iter().map(|step| step.to - step.end).collect();
        away.sort_by(f64::total_cmp);
        let (min, median, max) = (away[0], away[away.len() / 2], away[away.len() - 1]);
        println!(
            "{:<12} {:>5}  {min:.2} / {median:.2} / {max:.2} s         {:>12}  {dropped}",
            kind.name,
            killed.len(),
            others.len()
        );
        let of = format!("{} kills", killed.len());
        let bound = [("promised bound", BACK_WITHIN)];
        figure::tell(
            &format!("{} back after a kill, median", kind.name),
            median,
            "s",
            &of,
            &bound,
        );
        figure::tell(
            &format!("{} back after a kill, worst", kind.name),
            max,
            "s",
            &of,
            &bound,
        );
        let holes = format!("holes in other tracks than {}", kind.name);
        figure::tell(&holes, others.len(), "holes", &of, &[("promised bound", 0)]);
        for (nth, step) in mine.iter().enumerate() {
            let away = step.to - step.end;
            if away > BACK_WITHIN {
                println!("             kill {} was back after {away:.2} s:", nth + 1);
                print!("{}", told_of(&room.log(), kind.name, nth));
            }
        }
        if median > BACK_AT_ALL {
            faults.push(format!("{} was back after {median} s", kind.name));
        }
        if !others.is_empty() {
            println!("             {others:.3?}");
        }
        if !others.is_empty() && !kind.may_drop {
            faults.push(format!("{} has holes that no kill of it made", kind.name));
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
    drop((screen, sound, camera));
}

/// What the log tells of a source from its `nth` failure to the second after that, which is all
/// that there is to find out why it was slow.
fn told_of(log: &str, name: &str, nth: usize) -> String {
    let mark = format!("name={name}");
    let quoted = format!("name=\"{name}\"");
    let mut failures = 0;
    let told = log
        .lines()
        .filter(|line| line.contains(&mark) || line.contains(&quoted));
    let from_then = told.filter(|line| {
        failures += usize::from(line.contains("source failed"));
        failures > nth && failures <= nth + 2
    });
    from_then.map(|line| format!("             {line}\n")).collect()
}

/// From one picture or block of sound to the next, in seconds of the run.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Step {
    /// When the first begins.
    from: f64,
    /// When it ends.
    end: f64,
    /// When the second begins.
    to: f64,
}

/// The hole that a kill at this moment made: the largest near it. A process takes along what it
/// had not sent, and dies a little after the test has read the time.
fn hole_at(steps: &[Step], at: f64) -> Step {
    steps
        .iter()
        .filter(|step| step.from <= at + 1.0 && step.to >= at)
        .copied()
        .max_by(|a, b| (a.to - a.end).total_cmp(&(b.to - b.end)))
        .expect("it recorded when it was killed")
}
