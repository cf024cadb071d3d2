//! P7: while paused, no picture and no sound reaches the disk. A colour and a tone are in the room
//! during a pause and at no other time; then every file of the spool and of the platform is
//! decoded and searched for them, and so is the live picture of the page. Another colour and tone, there while it records, must be found:
//! a search that finds nothing at all proves nothing.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use lectern_tests::room::{Room, SHARE};
use lectern_tests::signs::{PRIVATE, PUBLIC, Shown, Sign};
use lectern_tests::socket::Door;
use lectern_tests::things::{SOUND_DEVICE, Screen, Sound};
use lectern_tests::until;

/// A room with a screen and a microphone, and who shows signs in it.
struct Scene {
    room: Room,
    screen: Screen,
    sound: Sound,
}

impl Scene {
    fn start(display: u32, recording: &str) -> Self {
        let screen = Screen::start(display);
        let mut room = Room::new("");
        let sound = Sound::start(&room.path(""));
        room.configure(&format!(
            "[recording]\n{recording}\n\
             [[source]]\nname = \"screen\"\nrole = \"presentation\"\nkind = \"x11\"\ndisplay = \"{}\"\nfps = 10\n\
             [[source]]\nname = \"microphone\"\nrole = \"microphone\"\nkind = \"pulse\"\ndevice = \"{SOUND_DEVICE}\"\n{SHARE}",
            screen.display
        ));
        room.env("PULSE_SERVER", sound.address());
        room.start();
        room.await_sources();
        Self { room, screen, sound }
    }

    /// Shows a sign, and returns when both sources have delivered a good deal of it.
    fn show(&self, sign: Sign) -> Shown {
        let shown = sign.show(&self.screen, &self.sound);
        let captured = || -> Vec<u64> {
            let status = self.room.status();
            let sources = status["sources"].as_array().unwrap();
            sources.iter().map(|s| s["captured"].as_u64().unwrap()).collect()
        };
        let before = captured();
        // Two seconds of blocks of 20 ms, and three pictures that are no repeats of an older one.
        until("the sign in the room", || {
            let now = captured();
            (now[0] > before[0] + 3 && now[1] > before[1] + 100).then_some(())
        });
        shown
    }

    /// Whether a sign is in the live picture that anybody may ask for; `None`: there is no picture.
    fn is_live(&self, sign: Sign) -> Option<bool> {
        let door = Door::Unix(self.room.path("control.sock"));
        let answer = door.ask("GET", "/preview/screen.jpg", "");
        if answer.status == 404 {
            return None;
        }
        assert_eq!(answer.status, 200, "{}", answer.head);
        let file = self.room.path("preview.jpg");
        std::fs::write(&file, &answer.body).unwrap();
        Some(sign.is_seen_in(&file))
    }

    /// Every media file that the lectures left, anywhere.
    fn media(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        for folder in ["spool", "platform"] {
            walk(&self.room.path(folder), &mut |path| {
                let kind = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
                if matches!(kind, "mp4" | "m4a" | "part") {
                    found.push(path.to_owned());
                }
            });
        }
        found
    }

    fn assert_nowhere(&self, sign: Sign) {
        for file in self.media() {
            assert!(!sign.is_seen_in(&file), "{} shows the pause", file.display());
            assert!(
                !sign.is_heard_in(&file),
                "the pause is heard in {}",
                file.display()
            );
        }
    }

    fn assert_somewhere(&self, sign: Sign) {
        let media = self.media();
        assert!(
            media.iter().any(|f| sign.is_seen_in(f)),
            "the search finds no colour in {media:?}"
        );
        assert!(
            media.iter().any(|f| sign.is_heard_in(f)),
            "the search finds no tone in {media:?}"
        );
    }

    /// Sizes of all files in the lectures' folders that hold media.
    fn sizes(&self) -> BTreeMap<PathBuf, u64> {
        self.media()
            .into_iter()
            .map(|path| {
                let size = path.metadata().unwrap().len();
                (path, size)
            })
            .collect()
    }
}

fn walk(folder: &Path, seen: &mut impl FnMut(&Path)) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            walk(&path, seen);
        } else {
            seen(&path);
        }
    }
}

/// Records with the public sign, pauses with the private one, records with the public one again.
fn pause_in_the_middle(display: u32, recording: &str) {
    let scene = Scene::start(display, recording);
    let room = &scene.room;
    let id = room.lectern(&["start"]);
    room.await_recorded(2_000);
    let public = scene.show(PUBLIC);
    until("the sign in the live picture", || {
        scene.is_live(PUBLIC).filter(|seen| *seen)
    });
    drop(public);
    room.lectern(&["pause"]);
    // The pause begins a moment after the press; until then the sources still record.
    let began = room.status()["now_unix_ms"].as_i64().unwrap();
    until("the pause", || {
        (room.status()["now_unix_ms"].as_i64()? > began + 500).then_some(())
    });
    let private = scene.show(PRIVATE);
    let before = scene.sizes();
    assert_eq!(scene.is_live(PRIVATE), None, "no picture leaves in a pause");
    until("two seconds of the pause", || {
        (room.status()["now_unix_ms"].as_i64()? > began + 4_000).then_some(())
    });
    assert_eq!(scene.sizes(), before, "not a byte of media is written in a pause");
    assert_eq!(scene.is_live(PRIVATE), None, "nor later in it");
    drop(private);
    // A tone that was on its way through the sound server is still the pause's.
    let over = room.status()["now_unix_ms"].as_i64().unwrap();
    until("quiet", || {
        (room.status()["now_unix_ms"].as_i64()? > over + 1_000).then_some(())
    });
    room.lectern(&["resume"]);
    assert_ne!(scene.is_live(PRIVATE), Some(true), "nor when it is over");
    let public = scene.show(PUBLIC);
    until("the sign in the live picture", || {
        scene.is_live(PUBLIC).filter(|seen| *seen)
    });
    let recorded = room.status()["lecture"]["recorded_ms"].as_u64().unwrap();
    room.await_recorded(recorded + 1_000);
    drop(public);
    room.lectern(&["stop"]);
    room.await_state(&id, "delivered");
    scene.assert_somewhere(PUBLIC);
    scene.assert_nowhere(PRIVATE);
}

#[test]
fn p7_what_is_shown_and_said_in_a_pause_is_in_no_file() {
    pause_in_the_middle(131, "undo = \"0s\"");
}

#[test]
fn p7_what_the_sources_keep_in_memory_before_a_press_holds_no_pause() {
    pause_in_the_middle(141, "undo = \"0s\"\npre_roll = \"5s\"");
}

/// Paused, stopped, and begun anew at once: what is kept from before the press reaches back into
/// the pause, and must not.
#[test]
fn p7_the_pre_roll_of_the_next_lecture_does_not_reach_into_a_pause() {
    let scene = Scene::start(151, "undo = \"0s\"\npre_roll = \"10s\"");
    let room = &scene.room;
    let first = room.lectern(&["start"]);
    room.await_recorded(2_000);
    room.lectern(&["pause"]);
    let began = room.status()["now_unix_ms"].as_i64().unwrap();
    until("the pause", || {
        (room.status()["now_unix_ms"].as_i64()? > began + 500).then_some(())
    });
    drop(scene.show(PRIVATE));
    room.lectern(&["stop"]);
    // At once: a start that waited for the first to be finished might come too late to reach back.
    let second = room.lectern(&["start"]);
    drop(scene.show(PUBLIC));
    room.lectern(&["stop"]);
    room.await_state(&first, "delivered");
    room.await_state(&second, "delivered");
    scene.assert_somewhere(PUBLIC);
    scene.assert_nowhere(PRIVATE);
}
