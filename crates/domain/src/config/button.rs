//! `[[button]]`: a key or switch at the podium. Tap pauses and resumes, a hold of two seconds
//! starts and stops.

use std::path::PathBuf;

use serde::Serialize;

use super::faults::Findings;
use super::light::{COMMAND, NAME, belongs, each};
use super::limits::{ABSOLUTE_PATH, OneOf, Parsed, Whole};
use super::section::Key;
use super::tree::Table;
use crate::ids::FittingName;

/// One button.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Button {
    /// Its name, in the log.
    pub name: FittingName,
    /// How it is heard.
    pub kind: ButtonKind,
}

/// How a button is heard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum ButtonKind {
    /// Anything that Linux takes for a keyboard: USB buttons, pedals, presenters. It is taken for
    /// ourselves, so that a press does not type into the page.
    Evdev {
        /// Device path, best a stable one below `/dev/input/by-id`.
        device: PathBuf,
        /// The only key that counts, by its number in `input-event-codes.h`; `None`: each.
        key: Option<u16>,
    },
    /// A program that runs all the time and prints a line for each press.
    Exec {
        /// The program and its arguments; never a shell.
        command: Vec<String>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Evdev,
    Exec,
}

const KIND: Key<OneOf<Kind>> = Key {
    name: "kind",
    about: "evdev for what Linux takes for a keyboard, exec for a program that prints a line for each press.",
    example: "kind = \"evdev\"",
    limits: OneOf {
        words: &[("evdev", Kind::Evdev), ("exec", Kind::Exec)],
        later: &[],
    },
};
const DEVICE: Key<Parsed<PathBuf>> = Key {
    name: "device",
    about: "The keyboard, best by a stable name below /dev/input/by-id.",
    example: "device = \"/dev/input/by-id/usb-Button-event-kbd\"",
    limits: ABSOLUTE_PATH,
};
const KEY: Key<Whole> = Key {
    name: "key",
    about: "The only key that counts, by its number. Without it each of them.",
    example: "key = 183",
    limits: Whole {
        range: 1..=767,
        even: false,
    },
};

/// Every `[[button]]`, in order; `None` when a fault was found and noted.
pub(super) fn read_all(root: &Table, findings: &mut Findings) -> Option<Vec<Button>> {
    each(root, "button", "[[button]]", findings, |mut section| {
        let name = section.require(&NAME);
        let what = match section.require(&KIND) {
            Some(Kind::Evdev) => {
                let key = section.get(&KEY).and_then(|key| u16::try_from(key).ok());
                section
                    .require(&DEVICE)
                    .map(|device| ButtonKind::Evdev { device, key })
            }
            Some(Kind::Exec) => section
                .require(&COMMAND)
                .map(|command| ButtonKind::Exec { command }),
            None => {
                for (name, example) in [
                    (DEVICE.name, DEVICE.example),
                    (KEY.name, KEY.example),
                    (COMMAND.name, COMMAND.example),
                ] {
                    section.pass_over(name, example);
                }
                None
            }
        };
        section.finish(&[
            belongs(DEVICE.name, "evdev", DEVICE.example),
            belongs(KEY.name, "evdev", KEY.example),
            belongs(COMMAND.name, "exec", COMMAND.example),
        ]);
        Some(Button {
            name: name?,
            kind: what?,
        })
    })
}
