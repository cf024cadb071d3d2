//! The documents of the HTTP API: what the daemon tells and takes, on the control socket and on
//! the panel's port alike. The panel writes them, the command line reads them.
//!
//! Wall-clock times are milliseconds since 1970 (`_unix_ms`); lengths are milliseconds (`_ms`) of
//! the monotonic clock; sizes are bytes. Keys are stable: a later version adds and never renames.

use serde::{Deserialize, Serialize};

use crate::delivery::DeliveryState;
use crate::finished::FinishedFile;
use crate::ids::{DeliveryId, LectureId, PlatformName, SourceName};
use crate::lecture::LectureState;
use crate::media::Role;
use crate::track::TrackHealth;
use crate::wire::FailureReason;

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
    /// Remember this moment.
    Mark(MarkRequest),
    /// Move the planned end.
    Extend(ExtendRequest),
    /// Finish a failed lecture again, or begin its parked and waiting deliveries again.
    Retry(LectureId),
    /// Send now, whatever the time of day: one lecture, or all that wait.
    SendNow(Option<LectureId>),
    /// Mend what is said about a lecture, until it is being sent.
    Amend(LectureId, Metadata),
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
            Self::Mark(_) => "mark",
            Self::Extend(_) => "extend",
            Self::Retry(_) => "retry",
            Self::SendNow(_) => "send-now",
            Self::Amend(..) => "amend",
        }
    }
}

/// What is said about a lecture. Any script; an absent field is left as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metadata {
    /// Title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Course, as the campus names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub course: Option<String>,
    /// Who teaches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub presenter: Option<String>,
    /// Language that is spoken, BCP 47.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
}

/// The most characters that a field of [`Metadata`] or a mark's label may have.
pub const MAX_TEXT_CHARS: usize = 300;

/// Body of `POST /api/v1/recording`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StartRequest {
    /// Title.
    #[serde(default)]
    pub title: Option<String>,
    /// Course.
    #[serde(default)]
    pub course: Option<String>,
    /// Who teaches.
    #[serde(default)]
    pub presenter: Option<String>,
    /// Language that is spoken.
    #[serde(default)]
    pub language: Option<String>,
    /// Planned length; the recording stops by itself after it. Absent: `recording.max_length`.
    #[serde(default)]
    pub minutes: Option<u32>,
}

/// Body of `POST /api/v1/recording/mark`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MarkRequest {
    /// What to remember it as; may be absent.
    #[serde(default)]
    pub label: Option<String>,
}

/// Body of `POST /api/v1/recording/extend`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExtendRequest {
    /// By how much.
    pub minutes: u32,
}

/// A command that was done: committed before this is said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
        message: String,
    },
    /// No such lecture.
    NotFound {
        /// The sentence.
        message: String,
    },
    /// The request makes no sense.
    Invalid {
        /// The sentence.
        message: String,
    },
    /// It cannot be done now: disk full, a required source is missing, shutting down.
    Unable {
        /// The sentence: what happened, what is safe, what to do.
        message: String,
    },
    /// The daemon failed at it; the log says more.
    Internal {
        /// The sentence.
        message: String,
    },
}

impl Refusal {
    /// The sentence for a person.
    #[must_use]
    pub fn message(&self) -> &str {
        match self {
            Self::State { message, .. }
            | Self::NotFound { message }
            | Self::Invalid { message }
            | Self::Unable { message }
            | Self::Internal { message } => message,
        }
    }
}

/// An error as RFC 9457 says (`application/problem+json`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Stable: `urn:lectern:problem:` and one of `refused`, `not-found`, `invalid`, `unable`,
    /// `forbidden`, `internal`.
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

/// The state word of the podium.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PodiumState {
    /// Nothing is being recorded.
    Ready,
    /// Sources are beginning.
    Starting,
    /// It records.
    Recording,
    /// It writes nothing, on purpose.
    Paused,
    /// Stopped; can be undone.
    Saved,
    /// It cannot record: no source works, or the disk is full.
    Fault,
}

/// `GET /api/v1/status` and the SSE event `state`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// Version of the daemon.
    pub version: String,
    /// The room.
    pub room: RoomStatus,
    /// The one word.
    pub state: PodiumState,
    /// Wall clock of the daemon, for pages whose own clock is wrong.
    pub now_unix_ms: i64,
    /// Counts up with every change, so that a page can drop what is older.
    pub revision: u64,
    /// What the buttons would be allowed to do now: command words.
    pub allowed: Vec<String>,
    /// The lecture at work, if any.
    pub lecture: Option<CurrentLecture>,
    /// All sources, in configuration order.
    pub sources: Vec<SourceStatus>,
    /// The disk.
    pub storage: StorageStatus,
    /// The way to the platforms.
    pub queue: QueueSummary,
    /// What a person should know, most urgent first.
    pub messages: Vec<Message>,
}

/// The room, as configured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomStatus {
    /// `room.id`
    pub id: String,
    /// `room.name`
    pub name: String,
    /// `room.help`
    pub help: Option<String>,
    /// `room.languages`
    pub languages: Vec<String>,
    /// `room.timezone`; absent: the machine's.
    pub timezone: Option<String>,
}

/// The lecture at work.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CurrentLecture {
    /// Its id.
    pub id: LectureId,
    /// Its state.
    pub state: LectureState,
    /// What is said about it.
    #[serde(flatten)]
    pub metadata: Metadata,
    /// When it began.
    pub started_unix_ms: i64,
    /// Recorded so far, without pauses and gaps.
    pub recorded_ms: u64,
    /// Whether `recorded_ms` grows now.
    pub running: bool,
    /// When it will stop by itself.
    pub ends_unix_ms: i64,
    /// While paused: since when.
    pub paused_unix_ms: Option<i64>,
    /// While stopping: until when it can be undone.
    pub undo_until_unix_ms: Option<i64>,
    /// Which run this is; more than 1 after an interruption.
    pub run: u32,
    /// Bytes written so far.
    pub bytes: u64,
    /// Segments closed so far (durable and committed).
    pub segments_closed: u64,
    /// Marks so far.
    pub marks: u32,
}

/// One source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SourceStatus {
    /// Its name.
    pub name: SourceName,
    /// Its role.
    pub role: Role,
    /// Its kind.
    pub kind: String,
    /// How it is.
    pub health: TrackHealth,
    /// Since when it is so.
    pub since_unix_ms: i64,
    /// What was agreed with the device.
    pub format: Option<String>,
    /// Why it last failed.
    pub reason: Option<FailureReason>,
    /// The last failure in a technician's words.
    pub detail: Option<String>,
    /// How often it was started again since the daemon started.
    pub restarts: u32,
    /// Buffers delivered by the device (of the present process).
    pub captured: u64,
    /// Dropped before the encoder (of the present process).
    pub dropped: u64,
    /// Chunks dropped after the encoder (of the present process).
    pub chunks_dropped: u64,
    /// Bytes of it in the present lecture.
    pub bytes: u64,
    /// Whether a preview picture is to be had.
    pub has_picture: bool,
}

/// The disk of the spool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StorageStatus {
    /// `storage.path`
    pub path: String,
    /// Free for an ordinary user.
    pub free_bytes: u64,
    /// `storage.reserve`
    pub reserve_bytes: u64,
    /// How long can be recorded before the reserve is touched, at the rate of these sources.
    pub recordable_ms: u64,
}

/// The way to the platforms, in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueSummary {
    /// Deliveries not done yet, parked ones not counted.
    pub pending: u32,
    /// Bytes of them that no platform has confirmed.
    pub pending_bytes: u64,
    /// Deliveries that need a person.
    pub parked: u32,
    /// The one on its way.
    pub active: Option<DeliveryView>,
    /// Lectures that are being finished or wait for it.
    pub finishing: u32,
}

/// How bad a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Something is being lost, or will be: act now.
    Error,
    /// Something is odd; nothing is lost.
    Warning,
    /// Good to know.
    Info,
}

/// A message to a person, in three parts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// How bad.
    pub severity: Severity,
    /// Stable word for programs and translations, such as `source-lost`.
    pub code: String,
    /// What it is about: a source, a platform, a lecture.
    pub subject: Option<String>,
    /// What happened.
    pub what: String,
    /// What is safe.
    pub safe: String,
    /// What to do.
    pub todo: String,
}

/// The SSE event `levels`, ten times a second while there is sound.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Levels {
    /// The microphone.
    pub source: SourceName,
    /// Root mean square of the loudest channel, dBFS.
    pub rms_dbfs: f32,
    /// Peak of the loudest channel, dBFS.
    pub peak_dbfs: f32,
}

/// One line of `GET /api/v1/lectures`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LectureSummary {
    /// Its id.
    pub id: LectureId,
    /// Its state.
    pub state: LectureState,
    /// What is said about it.
    #[serde(flatten)]
    pub metadata: Metadata,
    /// When it began.
    pub started_unix_ms: i64,
    /// Length: of the finished file when there is one, else of what is closed.
    pub duration_ms: u64,
    /// Bytes: of the finished files when there are some, else of the closed segments.
    pub bytes: u64,
    /// Why it failed.
    pub reason: Option<String>,
}

/// `GET /api/v1/lectures`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LecturePage {
    /// Newest first.
    pub lectures: Vec<LectureSummary>,
    /// Pass as `after` for the next page; absent on the last.
    pub next: Option<LectureId>,
}

/// `GET /api/v1/lectures/{id}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LectureDetail {
    /// As in the list.
    #[serde(flatten)]
    pub summary: LectureSummary,
    /// Folder on this machine.
    pub folder: String,
    /// Its runs.
    pub runs: Vec<RunView>,
    /// Its tracks.
    pub tracks: Vec<TrackView>,
    /// Its marks.
    pub marks: Vec<MarkView>,
    /// Its finished files.
    pub files: Vec<FinishedFile>,
    /// Its deliveries.
    pub deliveries: Vec<DeliveryView>,
}

/// One run of a lecture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunView {
    /// From 1.
    pub run: u32,
    /// When it began.
    pub started_unix_ms: i64,
    /// Its length until the stop; absent when it was interrupted.
    pub end_ms: Option<u64>,
    /// Pauses as (from, to) in milliseconds of the run; an open one has no `to`.
    pub pauses_ms: Vec<(u64, Option<u64>)>,
}

/// One track of a lecture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrackView {
    /// Its source.
    pub source: SourceName,
    /// Its role.
    pub role: Role,
    /// Closed segments.
    pub segments: u64,
    /// Of them, how many were salvaged after a crash.
    pub salvaged: u64,
    /// Bytes of closed segments.
    pub bytes: u64,
    /// End of the last closed segment, in milliseconds of its run.
    pub end_ms: u64,
}

/// One mark.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarkView {
    /// In which run.
    pub run: u32,
    /// Where, in milliseconds of the run.
    pub at_ms: u64,
    /// What it was called.
    pub label: Option<String>,
}

/// One delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryView {
    /// Row id.
    pub id: DeliveryId,
    /// The lecture.
    pub lecture: LectureId,
    /// The lecture's title.
    pub title: Option<String>,
    /// The platform.
    pub platform: PlatformName,
    /// Its state.
    pub state: DeliveryState,
    /// Bytes that the platform has, as far as is known.
    pub sent_bytes: u64,
    /// Bytes in all.
    pub total_bytes: u64,
    /// How often it was begun.
    pub attempts: u32,
    /// Next try, for `waiting`.
    pub next_unix_ms: Option<i64>,
    /// What happened, what is safe, what is next.
    pub message: Option<String>,
    /// When it was done.
    pub done_unix_ms: Option<i64>,
    /// Where the platform has it, one per confirmed file.
    pub locations: Vec<String>,
}

/// `GET /api/v1/queue` and the SSE event `uploads`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Queue {
    /// Every delivery that is not done or cancelled, and the last that were done.
    pub deliveries: Vec<DeliveryView>,
}
