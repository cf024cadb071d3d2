//! What is asked for, and the answers to it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{SelfTestRequest, Sentence};
use crate::ids::{LectureId, PlatformName};
use crate::lecture::LectureState;

/// What a person or a program asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Begin a lecture now.
    Start(StartRequest),
    /// Write nothing from now on.
    Pause,
    /// Go on writing.
    Resume,
    /// End the lecture; can be undone for a while.
    Stop,
    /// Take the stop back.
    Undo,
    /// Give the time to take the stop back anew.
    MoreTime,
    /// Remember this moment.
    Mark(MarkRequest),
    /// Move the planned end.
    Extend(ExtendRequest),
    /// Finish a failed lecture again, or begin its parked and waiting deliveries again.
    Retry(LectureId, RetryRequest),
    /// Send now, whatever the time of day: one lecture, or all that wait.
    SendNow(Option<LectureId>),
    /// Mend what is said about a lecture, until it is being sent.
    Amend(LectureId, Metadata),
    /// Plan a lecture for a time to come; it begins by itself.
    Plan(PlanRequest),
    /// Begin a planned lecture before its time.
    Begin(LectureId),
    /// A planned lecture does not take place.
    Cancel(LectureId),
    /// Take the cancelling back, while the lecture's time is not over.
    Restore(LectureId),
    /// Try the whole way out and delete what came of it; gives way to every lecture.
    SelfTest(SelfTestRequest),
}

impl Command {
    /// The word for it in messages and logs.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Start(_) => "start",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Stop => "stop",
            Self::Undo => "undo",
            Self::MoreTime => "more-time",
            Self::Mark(_) => "mark",
            Self::Extend(_) => "extend",
            Self::Retry(..) => "retry",
            Self::SendNow(_) => "send-now",
            Self::Amend(..) => "amend",
            Self::Plan(_) => "plan",
            Self::Begin(_) => "begin",
            Self::Cancel(_) => "cancel",
            Self::Restore(_) => "restore",
            Self::SelfTest(_) => "self-test",
        }
    }
}

/// What is said about a lecture. Any script; an absent field is left as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Metadata {
    /// Title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = MAX_TEXT_CHARS))]
    pub title: Option<String>,
    /// Course, as the campus names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = MAX_TEXT_CHARS))]
    pub course: Option<String>,
    /// Who teaches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = MAX_TEXT_CHARS))]
    pub presenter: Option<String>,
    /// Language that is spoken, BCP 47.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = MAX_TEXT_CHARS))]
    pub language: Option<String>,
}

/// The most characters that a field of [`Metadata`] or a mark's label may have.
pub const MAX_TEXT_CHARS: usize = 300;

/// The most minutes that a request may name: a day. What the room allows is the daemon's to say.
pub const MAX_MINUTES: u32 = 24 * 60;

/// The last moment that a request may name, in milliseconds since 1970: the year 9999 ends.
pub const LAST_UNIX_MS: i64 = 253_402_300_799_999;

/// Body of `POST /api/v1/recording`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StartRequest {
    /// Title.
    #[serde(default)]
    #[schemars(length(max = MAX_TEXT_CHARS))]
    pub title: Option<String>,
    /// Course.
    #[serde(default)]
    #[schemars(length(max = MAX_TEXT_CHARS))]
    pub course: Option<String>,
    /// Who teaches.
    #[serde(default)]
    #[schemars(length(max = MAX_TEXT_CHARS))]
    pub presenter: Option<String>,
    /// Language that is spoken.
    #[serde(default)]
    #[schemars(length(max = MAX_TEXT_CHARS))]
    pub language: Option<String>,
    /// Planned length; the recording stops by itself after it. Absent: `recording.max_length`.
    #[serde(default)]
    #[schemars(range(min = 1, max = MAX_MINUTES))]
    pub minutes: Option<u32>,
}

/// Body of `POST /api/v1/lectures`: a lecture that begins by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanRequest {
    /// When it begins, in milliseconds since 1970; not in the past.
    #[schemars(range(min = 0, max = LAST_UNIX_MS))]
    pub starts_unix_ms: i64,
    /// Planned length; at most `recording.max_length`.
    #[schemars(range(min = 1, max = MAX_MINUTES))]
    pub minutes: u32,
    /// Title.
    #[serde(default)]
    #[schemars(length(max = MAX_TEXT_CHARS))]
    pub title: Option<String>,
    /// Course.
    #[serde(default)]
    #[schemars(length(max = MAX_TEXT_CHARS))]
    pub course: Option<String>,
    /// Who teaches.
    #[serde(default)]
    #[schemars(length(max = MAX_TEXT_CHARS))]
    pub presenter: Option<String>,
    /// Language that is spoken.
    #[serde(default)]
    #[schemars(length(max = MAX_TEXT_CHARS))]
    pub language: Option<String>,
}

/// Body of `POST /api/v1/recording/mark`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MarkRequest {
    /// What to remember it as; may be absent.
    #[serde(default)]
    #[schemars(length(max = MAX_TEXT_CHARS))]
    pub label: Option<String>,
}

/// Body of `POST /api/v1/recording/extend`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExtendRequest {
    /// By how much.
    #[schemars(range(min = 1, max = MAX_MINUTES))]
    pub minutes: u32,
}

/// Body of `POST /api/v1/lectures/{id}/retry`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RetryRequest {
    /// Begin again only what goes to this platform. Absent: to all.
    #[serde(default)]
    pub platform: Option<PlatformName>,
}

/// A command that was done: committed before this is said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Done {
    /// The lecture it was about; absent for `send-now` of all.
    pub lecture: Option<LectureId>,
    /// Its state now.
    pub state: Option<LectureState>,
}

/// A command that was not done; nothing changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Not in this state.
    State {
        /// The present state's name: a lecture's, or `ready` when nothing is being recorded.
        state: String,
        /// What is allowed now: command words.
        allowed: Vec<&'static str>,
        /// The sentence.
        message: Sentence,
    },
    /// No such lecture.
    NotFound {
        /// The sentence.
        message: Sentence,
    },
    /// The request makes no sense.
    Invalid {
        /// The sentence.
        message: Sentence,
    },
    /// It cannot be done now: disk full, a required source is missing.
    Unable {
        /// The sentence: what happened, what is safe, what to do.
        message: Sentence,
    },
    /// It was not begun, and in a second or two it can be: the recorder or its sources are being
    /// started. Whoever asked may ask again without asking a person. At most the way was cleared:
    /// for a start, the lecture before it may be closed, so that its stop cannot be taken back.
    Soon {
        /// The sentence, for those who do not.
        message: Sentence,
    },
    /// The daemon failed at it; the log says more.
    Internal {
        /// The sentence.
        message: Sentence,
    },
}

impl Refusal {
    /// The sentence for a person, with its key in the catalogues.
    #[must_use]
    pub const fn sentence(&self) -> &Sentence {
        match self {
            Self::State { message, .. }
            | Self::NotFound { message }
            | Self::Invalid { message }
            | Self::Unable { message }
            | Self::Soon { message }
            | Self::Internal { message } => message,
        }
    }

    /// The sentence for a person, in English.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.sentence().text
    }
}

/// An error as RFC 9457 says (`application/problem+json`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Problem {
    /// Stable: `urn:lectern:problem:` and one of `refused`, `not-found`, `invalid`, `unable`,
    /// `unauthorized`, `forbidden`, `internal`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Short and the same for every problem of the type.
    pub title: String,
    /// HTTP status.
    pub status: u16,
    /// What happened, what is safe, what to do.
    pub detail: String,
    /// For `refused`: the present state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// For `refused`: the commands allowed now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed: Vec<String>,
}
