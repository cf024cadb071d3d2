//! What is so at this moment.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Args, DeliveryView, Metadata, SelfTestStatus, UploadStatus};
use crate::ids::{LectureId, SourceName};
use crate::lecture::LectureState;
use crate::media::Role;
use crate::track::TrackHealth;
use crate::wire::FailureReason;

/// The state word of the podium.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
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
    /// The next planned lecture: its countdown begins a minute before its time.
    #[serde(default)]
    pub next: Option<PlannedLecture>,
    /// What must be said about a lecture before it can begin: names of [`Metadata`]'s fields.
    #[serde(default)]
    pub required: Vec<String>,
    /// All sources, in configuration order.
    pub sources: Vec<SourceStatus>,
    /// The disk.
    pub storage: StorageStatus,
    /// Whether the wall clock can be believed.
    pub clock: ClockTrust,
    /// The way to the platforms.
    pub queue: QueueSummary,
    /// The self test under way, if any: no lecture, and every lecture may begin.
    #[serde(default)]
    pub self_test: Option<SelfTestStatus>,
    /// When and how fast it is sent.
    pub uploads: UploadStatus,
    /// Which configuration is at work.
    #[serde(default)]
    pub config: ConfigStatus,
    /// What a person should know, most urgent first.
    pub messages: Vec<Message>,
}

/// The configuration at work, and what became of the last one that was read (`SIGHUP`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConfigStatus {
    /// When the configuration at work was read.
    pub loaded_unix_ms: i64,
    /// When the files were last read, with success or not.
    pub tried_unix_ms: i64,
    /// The first fault of the files that were read last; absent: they had none.
    pub fault: Option<String>,
    /// Sections such as `storage` or `source` whose change waits until no lecture is under way.
    pub waits: Vec<String>,
    /// Those that waited when the fault was found. They wait again once the files are mended.
    #[serde(default)]
    pub given_up: Vec<String>,
    /// Why the program on the disk could not be asked whether it takes what waits; absent: it was
    /// not asked in vain. It is asked again, and nobody need do anything.
    #[serde(default)]
    pub unasked: Option<String>,
}

/// The room, as configured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
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
    /// What was lost between its runs so far, in milliseconds; absent while a clock that cannot
    /// be believed hides it.
    pub gap_ms: Option<u64>,
    /// Bytes written so far.
    pub bytes: u64,
    /// Segments closed so far (durable and committed).
    pub segments_closed: u64,
    /// Marks so far.
    pub marks: u32,
    /// What was noted of it since the daemon started: sources that went and came back, and more.
    #[serde(default)]
    pub facts: u32,
}

/// A lecture that will begin by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlannedLecture {
    /// Its id.
    pub id: LectureId,
    /// What is said about it.
    #[serde(flatten)]
    pub metadata: Metadata,
    /// When it begins.
    pub starts_unix_ms: i64,
    /// When it ends.
    pub ends_unix_ms: i64,
    /// The last minute before it has begun: the podium counts down.
    pub counting_down: bool,
    /// It was cancelled a moment ago, and until then that can be taken back at the podium.
    pub undo_until_unix_ms: Option<i64>,
}

/// One source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
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
    /// Which device it is: model, serial number and socket, where they can be known.
    pub device: Option<String>,
    /// What encodes it and how: `x264 superfast`. Absent for sound and for what is recorded as it
    /// comes.
    pub encoder: Option<String>,
    /// The source that it stands in for when that one does not deliver.
    pub spare_for: Option<SourceName>,
    /// Whether it does so now.
    pub standing_in: bool,
    /// A microphone whose samples have all been zero for some seconds: switched off, muted.
    pub muted: bool,
    /// How much faster its clock runs than the system's, in parts per million; corrected.
    pub drift_ppm: Option<f32>,
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
    /// Left out before the encoder to spare the processor (of the present process).
    pub shed: u64,
    /// Chunks dropped after the encoder (of the present process).
    pub chunks_dropped: u64,
    /// The same over all processes since the daemon started.
    #[serde(default)]
    pub totals: SourceTotals,
    /// Bytes of it in the present lecture.
    pub bytes: u64,
    /// Whether a preview picture is to be had.
    pub has_picture: bool,
}

/// What a source lost since the daemon started, over all its processes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SourceTotals {
    /// Dropped before the encoder.
    pub dropped: u64,
    /// Left out before the encoder to spare the processor.
    pub shed: u64,
    /// Chunks dropped after the encoder.
    pub chunks_dropped: u64,
    /// How long it was missing from lectures, in milliseconds; grows when it comes back.
    pub lost_ms: u64,
}

/// The disk of the spool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StorageStatus {
    /// `storage.path`
    pub path: String,
    /// Free for an ordinary user.
    pub free_bytes: u64,
    /// `storage.reserve`
    pub reserve_bytes: u64,
    /// How long can be recorded before the reserve is touched, at the rate of these sources.
    pub recordable_ms: u64,
    /// What delivered lectures take that may be deleted when room is needed.
    pub purgeable_bytes: u64,
}

/// Whether the wall clock can be believed. Lengths and orders never depend on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClockTrust {
    /// A time server has set it, or nothing speaks against it.
    #[default]
    Trusted,
    /// It shows a time before this program was built or before the last thing that it recorded,
    /// and no time server has set it yet.
    Untrusted,
}

/// The way to the platforms, in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct QueueSummary {
    /// Deliveries not done yet, parked ones not counted.
    pub pending: u32,
    /// Lectures of them: one that lacks at four platforms is one.
    #[serde(default)]
    pub pending_lectures: u32,
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
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Something is being lost, or will be: act now.
    Error,
    /// Something is odd; nothing is lost.
    Warning,
    /// Good to know.
    #[default]
    Info,
}

/// A message to a person, in three parts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
    /// The sentence in the catalogues: `key` says what happened, `key.safe` what is safe and
    /// `key.todo` what to do. Empty: it is not there, and the English above is all.
    #[serde(default)]
    pub key: String,
    /// What stands in it.
    #[serde(default)]
    pub args: Args,
    /// More, in a technician's English.
    #[serde(default)]
    pub detail: Option<String>,
}

/// The SSE event `levels`, ten times a second while there is sound.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Levels {
    /// The microphone.
    pub source: SourceName,
    /// Root mean square of the loudest channel, dBFS.
    pub rms_dbfs: f32,
    /// Peak of the loudest channel, dBFS.
    pub peak_dbfs: f32,
    /// Whether a sample was at full scale.
    pub clipped: bool,
}
