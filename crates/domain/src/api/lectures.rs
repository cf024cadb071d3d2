//! What was recorded, and its way to the platforms.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ClockTrust, Metadata, UploadStatus};
use crate::delivery::DeliveryState;
use crate::fact::Fact;
use crate::finished::FinishedFile;
use crate::ids::{DeliveryId, LectureId, PlatformName, SourceName};
use crate::lecture::LectureState;
use crate::media::Role;

/// One line of `GET /api/v1/lectures`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LecturePage {
    /// Newest first.
    pub lectures: Vec<LectureSummary>,
    /// Pass as `after` for the next page; absent on the last.
    pub next: Option<LectureId>,
}

/// `GET /api/v1/lectures/{id}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
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
    /// What was noted while it was recorded, in order.
    pub facts: Vec<Fact>,
    /// Its finished files.
    pub files: Vec<FinishedFile>,
    /// Its deliveries.
    pub deliveries: Vec<DeliveryView>,
}

/// One run of a lecture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunView {
    /// From 1.
    pub run: u32,
    /// When it began.
    pub started_unix_ms: i64,
    /// Whether the wall clock could be believed then, or has been corrected since.
    pub clock: ClockTrust,
    /// What was lost between the run before and this one, in milliseconds; absent for the first
    /// run, and where no clock can tell.
    pub gap_before_ms: Option<u64>,
    /// Its length until the stop; absent when it was interrupted.
    pub end_ms: Option<u64>,
    /// Pauses as (from, to) in milliseconds of the run; an open one has no `to`.
    pub pauses_ms: Vec<(u64, Option<u64>)>,
}

/// One track of a lecture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MarkView {
    /// In which run.
    pub run: u32,
    /// Where, in milliseconds of the run.
    pub at_ms: u64,
    /// What it was called.
    pub label: Option<String>,
}

/// One delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Queue {
    /// Every delivery that is not done or cancelled, and the last that were done.
    pub deliveries: Vec<DeliveryView>,
    /// When and how fast they are sent.
    #[serde(default)]
    pub uploads: UploadStatus,
}
