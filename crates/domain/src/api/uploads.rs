//! The uplink: when lectures are sent, how fast, how long the queue will take, and how each
//! platform is.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::PlatformName;

/// The line to the platforms, in `GET /api/v1/status` and `GET /api/v1/queue`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UploadStatus {
    /// Whether lectures may be sent now.
    pub open: bool,
    /// Why not, as one sentence; `None` while it is open.
    pub why: Option<String>,
    /// When that changes by itself, if that is known, in milliseconds since 1970.
    pub until_unix_ms: Option<i64>,
    /// Bytes that left in the present day of the room's calendar, repetitions included.
    pub sent_today_bytes: u64,
    /// `upload.daily`.
    pub daily_bytes: Option<u64>,
    /// Bytes that left in the present month.
    pub sent_month_bytes: u64,
    /// `upload.monthly`.
    pub monthly_bytes: Option<u64>,
    /// The connection that bytes go over; `None` while there is none.
    pub line: Option<LineStatus>,
    /// What is left and how long it will take.
    pub forecast: Forecast,
    /// Every configured platform, in configuration order.
    pub platforms: Vec<PlatformStatus>,
}

/// The one connection that carries bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LineStatus {
    /// Bits a second that left in the last second.
    pub rate_bps: u64,
    /// Bits a second that it allows itself at the moment; `None`: no limit.
    pub allowed_bps: Option<u64>,
    /// Round trip time now, in microseconds.
    pub rtt_us: u64,
    /// Round trip time of the empty line, in microseconds, as far as is known.
    pub base_rtt_us: u64,
    /// Whether it holds back because somebody else uses the line.
    pub yielding: bool,
}

/// What is left to send, and how long that will take at the rate of the last nights.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Forecast {
    /// Lectures that some platform still lacks; those that need a person are not counted.
    pub lectures: u32,
    /// Bytes of them.
    pub bytes: u64,
    /// Openings of the window that it will take, this one included; without a window, days.
    /// `None`: no rate is known yet, or it never ends at this window and budget.
    pub nights: Option<u32>,
    /// When the last byte leaves, in milliseconds since 1970.
    pub done_unix_ms: Option<i64>,
    /// The rate that was reckoned with, in bits a second.
    pub basis_bps: Option<u64>,
}

/// One platform.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlatformStatus {
    /// Its name.
    pub name: PlatformName,
    /// Its protocol, as in the configuration.
    pub kind: String,
    /// How it is.
    pub state: PlatformState,
    /// What happened, what is safe, what to do; `None` when all is well.
    pub message: Option<String>,
    /// When it is tried next by itself.
    pub next_unix_ms: Option<i64>,
    /// Lectures that it still lacks.
    pub pending: u32,
}

/// How a platform is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PlatformState {
    /// Nothing is known against it.
    Ok,
    /// It did not serve us the last time; tried again by itself.
    Waiting,
    /// It refuses us altogether, until a person has acted: all its lectures wait, none is at fault.
    Parked,
}
