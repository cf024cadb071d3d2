//! What is remembered of telling people who are not in the room: what they were told of, what is
//! still on its way to them, and the figures of a day.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::api::Message;
use crate::ids::NotifyName;

/// A trouble as one of those who are told knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Who.
    pub target: NotifyName,
    /// Which trouble: its code, and what it is about.
    pub trouble: String,
    /// Since when it stands, in milliseconds since 1970.
    pub since_unix_ms: i64,
    /// When it was last told of; `None`: not yet.
    pub told_unix_ms: Option<i64>,
    /// What is said of it; without names and titles of a lecture.
    pub message: Message,
}

/// A notice on its way to one who is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// The notice's id, which stays the same however often it is sent.
    pub id: Uuid,
    /// To whom.
    pub target: NotifyName,
    /// When it was written, in milliseconds since 1970.
    pub made_unix_ms: i64,
    /// The notice, as JSON.
    pub body: String,
}

/// What a restart must know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remembered {
    /// Every trouble that stands or was told of.
    pub standing: Vec<Standing>,
    /// What was written and not yet taken, oldest first.
    pub letters: Vec<Letter>,
    /// Who got the morning report of which day (`YYYY-MM-DD`) last.
    pub reports: Vec<(NotifyName, String)>,
}

/// What changed, to be committed as one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// Every trouble that now stands or was told of; what is not here is forgotten. `None`: as
    /// before.
    pub standing: Option<Vec<Standing>>,
    /// What was written.
    pub letters: Vec<Letter>,
    /// Who got the report of which day.
    pub reports: Vec<(NotifyName, String)>,
}

/// One day: the lectures that began on it, and how the recorder ran.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayFigures {
    /// All that have a recording.
    pub recorded: u32,
    /// Those that every platform has confirmed.
    pub sent: u32,
    /// Those that need a person before they can be sent or finished.
    pub stuck: u32,
    /// Those in which a microphone gave no sound for a time.
    pub silent: u32,
    /// Planned ones that were not recorded.
    pub missed: u32,
    /// Starts of the recorder that followed on a crash or a power cut.
    #[serde(default)]
    pub crashes: u32,
}
