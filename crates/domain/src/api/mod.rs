//! The documents of the HTTP API: what the daemon tells and takes, on the control socket and on
//! the panel's port alike. The panel writes them, the command line reads them.
//!
//! Wall-clock times are milliseconds since 1970 (`_unix_ms`); lengths are milliseconds (`_ms`) of
//! the monotonic clock; sizes are bytes. Keys are stable: a later version adds and never renames.

mod command;
mod doctor;
mod field;
mod figures;
mod lectures;
mod self_test;
mod sentence;
mod status;
mod uploads;

pub use command::{
    Command, Done, ExtendRequest, LAST_UNIX_MS, MAX_MINUTES, MAX_TEXT_CHARS, MarkRequest, Metadata,
    PlanRequest, Problem, Refusal, RetryRequest, StartRequest,
};
pub use doctor::{Check, Doctor, Verdict};
pub use field::Field;
pub use figures::{AttemptCounts, Census, Figures, OutcomeCounts};
pub use lectures::{
    DeliveryView, LectureDetail, LecturePage, LectureSummary, MarkView, Queue, RunView, TrackView,
};
pub use self_test::{
    MAX_SELF_TEST_SECONDS, MIN_SELF_TEST_SECONDS, SELF_TEST_SECONDS, SelfTest, SelfTestRequest,
    SelfTestState, SelfTestStatus, SelfTestStep,
};
pub use sentence::{Arg, Args, Sentence, args};
pub use status::{
    ClockTrust, ConfigStatus, CurrentLecture, Levels, Message, PlannedLecture, PodiumState, QueueSummary,
    RoomStatus, Severity, SourceStatus, SourceTotals, Status, StorageStatus,
};
pub use uploads::{Forecast, LineStatus, PlatformState, PlatformStatus, UploadStatus};
