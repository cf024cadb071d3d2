//! The uplink as all connections share it: what they may send together, what they sent, and what
//! is known of the empty line to each platform.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use lectern_domain::api::LineStatus;
use lectern_domain::units::Rate;

/// What the configuration says of the line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LineRules {
    /// Never more than this.
    pub rate: Option<Rate>,
    /// Give way to others.
    pub yields: bool,
    /// An HTTP proxy, `http://host:port`.
    pub proxy: Option<String>,
}

/// The round trip time of an empty line, kept over restarts: who comes when the line is full
/// cannot measure it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// `host:port` of the platform.
    pub peer: String,
    /// The least round trip time that was seen, in microseconds.
    pub base_rtt_us: u64,
    /// When, in milliseconds since 1970.
    pub seen_unix_ms: i64,
}

/// The uplink. Cheap to share; nothing in it blocks.
pub struct Line {
    rules: LineRules,
    sent: AtomicU64,
}

impl Line {
    /// A line with these rules, and what was known of its routes.
    #[must_use]
    pub fn new(rules: LineRules, routes: Vec<Route>) -> Arc<Self> {
        drop(routes);
        Arc::new(Self {
            rules,
            sent: AtomicU64::new(0),
        })
    }

    /// Its rules.
    #[must_use]
    pub fn rules(&self) -> &LineRules {
        &self.rules
    }

    /// Bytes that left through it since it was made, repetitions and requests included.
    #[must_use]
    pub fn sent_bytes(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// How it is; `None` while no connection is open.
    #[must_use]
    pub fn status(&self) -> Option<LineStatus> {
        None
    }

    /// What is known of its routes, to be kept over a restart.
    #[must_use]
    pub fn routes(&self) -> Vec<Route> {
        Vec::new()
    }
}
