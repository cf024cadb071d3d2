//! Lights and buttons at the podium, with programs in place of devices and the real daemon:
//! hold starts, tap pauses, tap resumes, hold stops, and the lamp tells each of them.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs::{self, File, OpenOptions};
use std::io::Write;

use lectern_tests::room::{CAMERA, MICROPHONE, Room, SHARE};
use lectern_tests::until;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

/// The lamp writes down what it is told; the button says what comes through a pipe.
const FITTINGS: &str = r#"
[[light]]
name = "lamp"
kind = "exec"
command = ["/bin/sh", "-c", "echo $1 $LECTERN_COLOUR >> {dir}/lamp", "sh"]

[[button]]
name = "key"
kind = "exec"
command = ["/bin/sh", "-c", "echo $$ > {dir}/key-pid; exec cat {dir}/key", "sh"]
"#;

/// The key under the finger of the test.
struct Key(File);

impl Key {
    /// Opened for reading too, so that it neither waits for the program nor ends it.
    fn new(room: &Room) -> Self {
        let path = room.path("key");
        mkfifo(&path, Mode::from_bits_truncate(0o600)).unwrap();
        Self(OpenOptions::new().read(true).write(true).open(path).unwrap())
    }

    fn say(&mut self, words: &str) {
        self.0.write_all(words.as_bytes()).unwrap();
    }

    /// Presses, and lets go when the podium has reached the state: as a hand would.
    fn hold(&mut self, room: &Room, state: &str) {
        self.say("press\n");
        await_podium(room, state);
        self.say("release\n");
    }

    fn tap(&mut self) {
        self.say("press\nrelease\n");
    }
}

fn await_podium(room: &Room, state: &str) {
    until(&format!("podium {state}"), || {
        (room.status()["state"] == state).then_some(())
    });
}

/// The words that the lamp was told, without what is said twice around a refusal.
fn lamp(room: &Room) -> Vec<String> {
    let text = fs::read_to_string(room.path("lamp")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

fn await_lamp(room: &Room, word: &str) {
    until(&format!("lamp {word}"), || {
        lamp(room)
            .last()
            .is_some_and(|last| last.starts_with(word))
            .then_some(())
    });
}

#[test]
fn one_button_and_one_lamp_are_enough_for_a_lecture() {
    let mut room = Room::new(&format!("{CAMERA}{MICROPHONE}{SHARE}{FITTINGS}"));
    let mut key = Key::new(&room);
    room.start();
    room.await_sources();
    await_lamp(&room, "ready");

    key.tap();
    // Its refusal by the lack of meaning leaves no trace, so a mark behind it is the witness.
    key.say("mark\n");
    await_lamp(&room, "ready");
    until("the mark was refused", || {
        room.log().contains("press=\"mark\"").then_some(())
    });
    assert_eq!(room.status()["state"], "ready", "a tap begins no lecture");
    until("the lamp said so", || {
        lamp(&room)
            .iter()
            .any(|line| line.starts_with("refused"))
            .then_some(())
    });

    key.hold(&room, "recording");
    await_lamp(&room, "recording");
    let id = room.status()["lecture"]["id"].as_str().unwrap().to_owned();
    room.await_recorded(2_000);
    key.tap();
    await_podium(&room, "paused");
    await_lamp(&room, "paused");
    key.tap();
    await_podium(&room, "recording");
    await_lamp(&room, "recording");
    key.say("press\n");
    room.await_state(&id, "delivered");
    key.say("release\n");
    await_lamp(&room, "ready");

    let mut words: Vec<_> = lamp(&room);
    words.dedup();
    let order = [
        "recording #ff0000",
        "paused #ffa000",
        "recording #ff0000",
        "ready #000000",
    ];
    let mut from = 0;
    for word in order {
        let at = words[from..].iter().position(|line| line == word);
        from += at.unwrap_or_else(|| panic!("no {word} after {from} in {words:?}")) + 1;
    }
    room.terminate();
    await_lamp(&room, "off");
}

#[test]
fn p10_a_button_that_crashes_and_a_lamp_that_hangs_harm_no_recording() {
    let hanging = FITTINGS.replace(
        "echo $1",
        "[ $1 = starting ] || [ $1 = recording ] && sleep 600; echo $1",
    );
    let mut room = Room::new(&format!("{CAMERA}{MICROPHONE}{SHARE}{hanging}"));
    let mut key = Key::new(&room);
    room.start();
    room.await_sources();
    let pid = || {
        fs::read_to_string(room.path("key-pid"))
            .ok()?
            .trim()
            .parse::<i32>()
            .ok()
    };
    let first = until("the button's program", pid);
    key.hold(&room, "recording");
    let id = room.status()["lecture"]["id"].as_str().unwrap().to_owned();
    nix::sys::signal::kill(
        nix::unistd::Pid::from_raw(first),
        nix::sys::signal::Signal::SIGKILL,
    )
    .unwrap();
    until("the button's program again", || {
        pid().filter(|again| *again != first)
    });
    until("the lamp's program was killed", || {
        room.log().contains("hung and was killed").then_some(())
    });
    room.await_recorded(3_000);
    key.tap();
    await_podium(&room, "paused");
    await_lamp(&room, "paused");
    room.lectern(&["resume"]);
    room.lectern(&["stop"]);
    room.await_state(&id, "delivered");
}

#[test]
fn two_hands_at_once_are_one_press() {
    let mut room = Room::new(&format!("{CAMERA}{MICROPHONE}{SHARE}{FITTINGS}"));
    let mut key = Key::new(&room);
    room.start();
    room.await_sources();
    let id = room.lectern(&["start"]);
    room.await_recorded(1_000);
    // The key that means one thing, pressed twice: the second is refused and says why.
    key.say("pause\npause\n");
    await_podium(&room, "paused");
    until("the refusal", || {
        room.log()
            .contains("a press at the podium was refused")
            .then_some(())
    });
    assert_eq!(room.status()["state"], "paused");
    room.lectern(&["stop"]);
    room.await_state(&id, "delivered");
}
