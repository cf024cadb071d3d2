//! The self test: the room records itself for a minute, judges what came of it, and deletes it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Check, Verdict};

/// How long a self test records when nobody says, in seconds.
pub const SELF_TEST_SECONDS: u32 = 60;
/// The least that a self test records: less tells nothing.
pub const MIN_SELF_TEST_SECONDS: u32 = 5;
/// The most that a self test records: it is a look, and takes its room from nobody for long.
pub const MAX_SELF_TEST_SECONDS: u32 = 600;

/// Body of `POST /api/v1/self-test`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SelfTestRequest {
    /// How long it records. Absent: [`SELF_TEST_SECONDS`].
    #[serde(default)]
    #[schemars(range(min = MIN_SELF_TEST_SECONDS, max = MAX_SELF_TEST_SECONDS))]
    pub seconds: Option<u32>,
}

/// `GET /api/v1/self-test`: the self test that is under way, or the last one since the daemon
/// started.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SelfTest {
    /// How far it is.
    pub state: SelfTestState,
    /// When it began; absent before the first.
    pub began_unix_ms: Option<i64>,
    /// How long it was to record.
    pub seconds: u32,
    /// What was found so far, in order.
    pub steps: Vec<SelfTestStep>,
}

/// How far a self test is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SelfTestState {
    /// None was made since the daemon started.
    #[default]
    Never,
    /// It is under way.
    Running,
    /// It is over, and nothing is bad.
    Passed,
    /// It is over, and something is bad.
    Failed,
    /// It ended early, because a lecture began. It says nothing about the room.
    GaveWay,
}

/// One thing that a self test found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SelfTestStep {
    /// What. Subjects are `record`, `track.NAME`, `finish`, `platform.NAME` and `delete`.
    #[serde(flatten)]
    pub check: Check,
    /// How long the step took that found it, in milliseconds.
    pub took_ms: u64,
}

/// A self test as the podium sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SelfTestStatus {
    /// Whether it records now: cameras and microphones are at work for it.
    pub recording: bool,
    /// When it stops recording by itself.
    pub until_unix_ms: i64,
}

impl SelfTest {
    /// The worst that was found; good when nothing was.
    #[must_use]
    pub fn worst(&self) -> Verdict {
        let verdicts = self.steps.iter().map(|step| step.check.verdict);
        verdicts.max().unwrap_or(Verdict::Good)
    }
}
