//! `--list`, `--look` and `--listen`: what an administrator sees and hears of a room's devices.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::path::Path;
use std::process::{Command, Stdio};

use lectern_domain::config::{Source, SourceKind};
use serde_json::Value;
use support::servers::{Pulse, Xvfb};
use support::{audio_source, video_source};

/// Runs the program; its exit code and its JSON.
fn run(words: &[&str], source: Option<&Source>, env: &[(&str, &str)]) -> (i32, Value) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lectern-source"));
    command.args(words).envs(env.iter().copied());
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let stdin = child.stdin.take().unwrap();
    if let Some(source) = source {
        serde_json::to_writer(stdin, source).unwrap();
    }
    let output = child.wait_with_output().unwrap();
    let answer = serde_json::from_slice(&output.stdout).unwrap();
    (output.status.code().unwrap(), answer)
}

fn x11(display: &str) -> Source {
    let display = Some(display.to_owned());
    video_source(SourceKind::X11 { display }, None, 10, None)
}

/// Width and height of a JPEG file, from its frame header.
fn jpeg_size(file: &Path) -> (u16, u16) {
    let bytes = std::fs::read(file).unwrap();
    assert_eq!(bytes[..2], [0xff, 0xd8], "a JPEG");
    let at = bytes.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
    let number = |at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
    (number(at + 7), number(at + 5))
}

#[test]
fn screens_and_sound_servers_are_listed_with_their_formats_and_a_frozen_one_holds_nothing_up() {
    let folder = tempfile::tempdir().unwrap();
    let (screen, frozen) = (Xvfb::start(640, 360), Xvfb::start(320, 180));
    let pulse = Pulse::start(folder.path());
    frozen.server.freeze(true);
    let (code, list) = run(&["--list"], None, &[("PULSE_SERVER", &pulse.address)]);
    frozen.server.freeze(false);
    assert_eq!(code, 0);
    let screens = list["screens"].as_array().unwrap();
    let of = |display: &str| {
        screens
            .iter()
            .find(|screen| screen["display"] == display)
            .unwrap()
    };
    assert_eq!(of(&screen.display)["formats"], serde_json::json!(["640x360"]));
    assert_eq!(of(&screen.display)["refused"], Value::Null);
    let refused = of(&frozen.display)["refused"].as_str().unwrap();
    assert!(refused.contains("did not answer"), "{refused}");
    let microphones = list["microphones"].as_array().unwrap();
    let monitor = microphones
        .iter()
        .find(|source| source["device"] == "mic.monitor")
        .unwrap();
    assert_eq!(
        (&monitor["kind"], &monitor["monitor"]),
        (&"pulse".into(), &true.into())
    );
}

#[test]
fn a_look_is_a_picture_in_the_screen_s_own_size() {
    let folder = tempfile::tempdir().unwrap();
    let screen = Xvfb::start(640, 360);
    let file = folder.path().join("screen.jpg");
    let (code, found) = run(
        &["--look", file.to_str().unwrap()],
        Some(&x11(&screen.display)),
        &[],
    );
    assert_eq!(code, 0, "{found}");
    assert_eq!(jpeg_size(&file), (640, 360));
    assert_eq!(found["bytes"], std::fs::metadata(&file).unwrap().len());
    assert!(found["format"].as_str().unwrap().contains("640x360"), "{found}");
}

#[test]
fn a_device_that_fails_is_told_and_leaves_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("nothing.jpg");
    let nobody = x11(":5999");
    let (code, found) = run(&["--look", file.to_str().unwrap()], Some(&nobody), &[]);
    assert_eq!(
        (code, &found["failure"]["reason"]),
        (1, &"not-found".into()),
        "{found}"
    );
    assert!(!file.exists());
    let device = Some("missing".to_owned());
    let deaf = audio_source(SourceKind::Pulse { device }, 1);
    let (code, found) = run(&["--listen"], Some(&deaf), &[("PULSE_SERVER", "unix:/nowhere")]);
    assert_eq!(code, 1, "{found}");
    assert!(
        found["failure"]["message"].as_str().unwrap().contains("missing"),
        "{found}"
    );
}

#[test]
fn three_seconds_of_levels_tell_a_dead_microphone_from_a_live_one() {
    let folder = tempfile::tempdir().unwrap();
    let pulse = Pulse::start(folder.path());
    let device = Some("mic.monitor".to_owned());
    let source = audio_source(SourceKind::Pulse { device }, 2);
    let listen = || {
        let (code, found) = run(&["--listen"], Some(&source), &[("PULSE_SERVER", &pulse.address)]);
        assert_eq!(code, 0, "{found}");
        let levels = found["levels"].as_array().unwrap().clone();
        assert_eq!(levels.len(), 30);
        levels
            .iter()
            .filter_map(|level| level["peak_dbfs"].as_f64())
            .fold(-200.0, f64::max)
    };
    assert!(listen() <= -119.0);
    let _beeps = pulse.play();
    // The player needs a moment to begin; it beeps each second.
    assert!(listen() > -20.0);
}
