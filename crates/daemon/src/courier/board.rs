//! What people are told of the uplink: composed here, published for the status and the queue.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use lectern_domain::api::{Forecast, LineStatus, PlatformState, PlatformStatus, UploadStatus};
use lectern_domain::config::{Config, PlatformKind};
use lectern_domain::ids::PlatformName;
use lectern_domain::upload::{self, Spent, forecast};
use lectern_store::{Backlog, Db};
use tokio::sync::watch;
use tracing::warn;

use super::gate::{Gate, Rules};
use super::holds::Holds;
use crate::room_time;

/// How often the rows are asked for what is left, if nothing was heard of them.
const READ_EVERY: Duration = Duration::from_secs(15);
/// How often the forecast is reckoned anew while bytes leave.
const RECKON_EVERY: Duration = Duration::from_secs(5);

/// Whether a platform is reached over the network; folders cost the line nothing.
pub(super) const fn over_network(kind: &PlatformKind) -> bool {
    match kind {
        PlatformKind::Tus { .. } | PlatformKind::S3 { .. } | PlatformKind::Opencast { .. } => true,
        PlatformKind::Directory { .. } => false,
    }
}

/// How far the delivery under way is, as its thread counts it.
#[derive(Debug, Default)]
pub(super) struct Underway {
    /// Over all its files.
    pub(super) sent_bytes: AtomicU64,
    /// Of them, those of confirmed files.
    pub(super) confirmed_bytes: AtomicU64,
    /// Rows changed that say what is left.
    pub(super) changed: AtomicBool,
}

impl Underway {
    /// Bytes of the file that is being sent: the rows know nothing of them.
    fn partial_bytes(&self) -> u64 {
        let sent = self.sent_bytes.load(Ordering::Relaxed);
        sent.saturating_sub(self.confirmed_bytes.load(Ordering::Relaxed))
    }
}

/// Everything that a composition is made of.
pub(super) struct Seen<'a> {
    pub(super) rules: &'a Rules,
    pub(super) gate: Gate,
    pub(super) holds: &'a Holds,
    pub(super) spent: Spent,
    pub(super) basis_bps: Option<u64>,
    pub(super) line: Option<LineStatus>,
    pub(super) now_unix_ms: i64,
}

struct Known {
    name: PlatformName,
    kind: &'static str,
    over_network: bool,
}

fn known(config: &Config) -> Vec<Known> {
    let platforms = config.platforms.iter();
    platforms
        .map(|platform| Known {
            name: platform.name.clone(),
            kind: platform.kind.as_str(),
            over_network: over_network(&platform.kind),
        })
        .collect()
}

/// See the module.
pub(super) struct Board {
    platforms: Vec<Known>,
    out: watch::Sender<Arc<UploadStatus>>,
    backlog: Vec<Backlog>,
    read: Option<Instant>,
    forecast: Forecast,
    reckoned: Option<Instant>,
    /// The delivery under way, if it goes over the network.
    pub(super) underway: Option<Arc<Underway>>,
}

impl Board {
    /// A board on which nothing is known, and where it can be read.
    pub(super) fn new(config: &Config) -> (Self, watch::Receiver<Arc<UploadStatus>>) {
        let (out, published) = watch::channel(Arc::new(UploadStatus::default()));
        let board = Self {
            platforms: known(config),
            out,
            backlog: Vec::new(),
            read: None,
            forecast: Forecast::default(),
            reckoned: None,
            underway: None,
        };
        (board, published)
    }

    /// Other platforms are told of from now on.
    pub(super) fn take_over(&mut self, config: &Config) {
        self.platforms = known(config);
        self.queue_changed();
    }

    /// The queue is another than before.
    pub(super) fn queue_changed(&mut self) {
        self.read = None;
        self.reckoned = None;
    }

    /// Reads what is left, if it may have changed.
    pub(super) async fn read(&mut self, db: &Db) {
        let changed = self
            .underway
            .as_ref()
            .is_some_and(|underway| underway.changed.swap(false, Ordering::Relaxed));
        if !changed && self.read.is_some_and(|read| read.elapsed() < READ_EVERY) {
            return;
        }
        self.read = Some(Instant::now());
        match db.backlog().await {
            Ok(backlog) if backlog != self.backlog => {
                self.backlog = backlog;
                self.reckoned = None;
            }
            Ok(_) => {}
            Err(error) => warn!(error = %error, "what is left to send could not be read"),
        }
    }

    /// Composes and publishes.
    pub(super) fn show(&mut self, seen: &Seen<'_>) {
        if self.reckoned.is_none_or(|at| at.elapsed() >= RECKON_EVERY) {
            self.reckoned = Some(Instant::now());
            self.forecast = self.reckon(seen);
        }
        let status = self.compose(seen);
        self.out.send_if_modified(|last| {
            let changed = **last != status;
            if changed {
                *last = Arc::new(status);
            }
            changed
        });
    }

    fn compose(&self, seen: &Seen<'_>) -> UploadStatus {
        let has_network = self.platforms.iter().any(|platform| platform.over_network);
        let shut = seen.gate.shuts(has_network);
        let budget = seen.rules.budget();
        UploadStatus {
            open: shut.is_none(),
            why: shut.map(|shut| seen.rules.sentence(shut, seen.now_unix_ms)),
            until_unix_ms: match shut {
                Some(shut) => shut.until_unix_ms(),
                None => seen.gate.closes_unix_ms,
            },
            sent_today_bytes: seen.spent.today_bytes,
            daily_bytes: budget.daily_bytes,
            sent_month_bytes: seen.spent.month_bytes,
            monthly_bytes: budget.monthly_bytes,
            line: seen.line.clone(),
            forecast: self.forecast.clone(),
            platforms: self
                .platforms
                .iter()
                .map(|platform| self.platform(platform, seen))
                .collect(),
        }
    }

    fn platform(&self, platform: &Known, seen: &Seen<'_>) -> PlatformStatus {
        let hold = seen.holds.of(&platform.name);
        let next = hold
            .told()
            .map(|(_, next)| next)
            .filter(|next| *next > seen.now_unix_ms);
        let message = hold.told().map(|(why, _)| match next {
            Some(next) => {
                let at = room_time::at(next, seen.now_unix_ms, seen.rules.timetable().zone());
                format!("{why} The next try is {at}.")
            }
            None => why.to_owned(),
        });
        PlatformStatus {
            name: platform.name.clone(),
            kind: platform.kind.to_owned(),
            state: hold.state(),
            message,
            next_unix_ms: next,
            pending: self.left_of(&platform.name).map_or(0, |left| left.lectures),
        }
    }

    fn left_of(&self, platform: &PlatformName) -> Option<&Backlog> {
        self.backlog.iter().find(|left| left.platform == *platform)
    }

    /// What goes over the network counts, as long as something does: a folder takes no night.
    fn reckon(&self, seen: &Seen<'_>) -> Forecast {
        let has_network = self.platforms.iter().any(|platform| platform.over_network);
        let counted = self.platforms.iter().filter(|platform| {
            platform.over_network == has_network
                && seen.holds.of(&platform.name).state() != PlatformState::Parked
        });
        let left: Vec<&Backlog> = counted
            .filter_map(|platform| self.left_of(&platform.name))
            .collect();
        let partial = self
            .underway
            .as_ref()
            .map_or(0, |underway| underway.partial_bytes());
        let bytes: u64 = left.iter().map(|left| left.bytes).sum();
        let left = upload::Backlog {
            lectures: left.iter().map(|left| left.lectures).max().unwrap_or(0),
            bytes: bytes.saturating_sub(partial),
        };
        forecast(
            left,
            seen.basis_bps,
            seen.rules.timetable(),
            seen.rules.budget(),
            seen.spent,
            seen.now_unix_ms,
        )
    }
}
