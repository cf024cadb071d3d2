//! What left through the line, by day of the room's calendar, and how fast it left.
//!
//! The line counts; this file asks it, and commits now and then what it said, so that neither a
//! crash nor a restart begins a budget anew. At most [`COMMIT_BYTES`] or half a minute of sending
//! is forgotten by a kill.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use lectern_deliver::Line;
use lectern_domain::upload::{Spent, Today};
use lectern_store::{Db, RouteRow};
use tracing::warn;

/// How often what was sent is committed.
const COMMIT_EVERY: Duration = Duration::from_secs(30);
/// Earlier, when so much was sent.
const COMMIT_BYTES: u64 = 64 << 20;
/// How often what is known of the routes is committed.
const ROUTES_EVERY: Duration = Duration::from_secs(5 * 60);
/// Days of sending that the pace is read from at a start.
const PACE_DAYS: u32 = 7;
/// After a failure of the database.
const REST: Duration = Duration::from_secs(10);

/// See the module.
pub(super) struct Purse {
    db: Db,
    line: Arc<Line>,
    zone: TimeZone,
    today: Today,
    /// As committed; nothing until it could be read.
    committed: Option<Spent>,
    /// Counted since.
    uncommitted_bytes: u64,
    /// How long bytes were to leave meanwhile.
    unnoted: Duration,
    /// What the line had counted at the last look.
    seen_bytes: u64,
    looked: Instant,
    /// When something was tried to be committed last.
    tried: Instant,
    routes_kept: Instant,
    pace: Pace,
    /// Bytes go over the network now.
    sending: bool,
}

impl Purse {
    /// Nothing spent as far as is known; [`Purse::look`] reads what was.
    pub(super) fn new(db: Db, line: Arc<Line>, zone: TimeZone, now_unix_ms: i64) -> Self {
        let now = Instant::now();
        Self {
            db,
            today: Today::at(now_unix_ms, &zone),
            seen_bytes: line.sent_bytes(),
            line,
            zone,
            committed: None,
            uncommitted_bytes: 0,
            unnoted: Duration::ZERO,
            looked: now,
            tried: now - REST,
            routes_kept: now,
            pace: Pace::default(),
            sending: false,
        }
    }

    /// What was spent in the present day and month.
    pub(super) fn spent(&self) -> Spent {
        let committed = self.committed.unwrap_or_default();
        Spent {
            today_bytes: committed.today_bytes.saturating_add(self.uncommitted_bytes),
            month_bytes: committed.month_bytes.saturating_add(self.uncommitted_bytes),
        }
    }

    /// Bits a second of the last hours of sending, if enough was sent.
    pub(super) fn basis_bps(&self) -> Option<u64> {
        self.pace.bps()
    }

    /// A run over the network begins or ends.
    pub(super) async fn set_sending(&mut self, sending: bool, now_unix_ms: i64) {
        self.look(now_unix_ms).await;
        self.sending = sending;
        if !sending {
            self.settle().await;
        }
    }

    /// Bytes leave through this line from now on; what left through the one before is counted.
    pub(super) async fn go_through(&mut self, line: &Arc<Line>, now_unix_ms: i64) {
        if !Arc::ptr_eq(&self.line, line) {
            self.look(now_unix_ms).await;
            self.seen_bytes = line.sent_bytes();
            self.line = Arc::clone(line);
        }
    }

    /// Counts what left since the last look, and commits it when it is time.
    pub(super) async fn look(&mut self, now_unix_ms: i64) {
        let sent_bytes = self.line.sent_bytes();
        let delta = sent_bytes.saturating_sub(self.seen_bytes);
        self.seen_bytes = sent_bytes;
        self.uncommitted_bytes = self.uncommitted_bytes.saturating_add(delta);
        let passed = self.looked.elapsed();
        self.looked = Instant::now();
        if self.sending {
            self.pace.add(delta, passed);
            self.unnoted += passed;
        }
        let today = Today::at(now_unix_ms, &self.zone);
        if today.day != self.today.day {
            // What was counted until now belongs to the day before.
            self.settle().await;
            self.today = today;
            self.committed = None;
            // At once: a month of which nothing is known would allow too much.
            self.read().await;
        }
        if self.committed.is_none() && self.tried.elapsed() >= REST {
            self.read().await;
        }
        if self.uncommitted_bytes >= COMMIT_BYTES || self.tried.elapsed() >= COMMIT_EVERY {
            self.settle().await;
        }
        if self.routes_kept.elapsed() >= ROUTES_EVERY {
            self.keep_routes().await;
        }
    }

    /// Commits everything now.
    pub(super) async fn settle(&mut self) {
        if self.uncommitted_bytes > 0 {
            self.tried = Instant::now();
            let (day, bytes) = (self.today.day.clone(), self.uncommitted_bytes);
            let sending_ms = u64::try_from(self.unnoted.as_millis()).unwrap_or(u64::MAX);
            match self.db.spend_over(day, bytes, sending_ms).await {
                Ok(()) => {
                    self.unnoted = Duration::ZERO;
                    if let Some(committed) = &mut self.committed {
                        committed.today_bytes = committed.today_bytes.saturating_add(bytes);
                        committed.month_bytes = committed.month_bytes.saturating_add(bytes);
                    }
                    self.uncommitted_bytes = 0;
                }
                Err(error) => {
                    warn!(error = %error, bytes, "what was sent could not be noted; it is tried again")
                }
            }
        }
    }

    /// Commits what is known of the routes.
    pub(super) async fn keep_routes(&mut self) {
        self.routes_kept = Instant::now();
        let known = self.line.routes().into_iter().map(|route| RouteRow {
            peer: route.peer,
            base_rtt_us: route.base_rtt_us,
            seen_unix_ms: route.seen_unix_ms,
        });
        if let Err(error) = self.db.keep_routes(known.collect()).await {
            warn!(error = %error, "what is known of the line could not be kept");
        }
    }

    async fn read(&mut self) {
        self.tried = Instant::now();
        let day = self.today.day.clone();
        let (today_bytes, month_bytes) = (
            self.db.spent(day.clone(), day.clone()).await,
            self.db.spent(self.today.month_from.clone(), day).await,
        );
        match (today_bytes, month_bytes) {
            (Ok(today_bytes), Ok(month_bytes)) => {
                self.committed = Some(Spent {
                    today_bytes,
                    month_bytes,
                });
                // The first commit may wait its time.
                self.tried = Instant::now();
                self.remember_pace().await;
            }
            (Err(error), _) | (_, Err(error)) => {
                warn!(error = %error, "what was sent before could not be read; it is tried again");
            }
        }
    }

    /// The nights before this start tell how fast the line is.
    async fn remember_pace(&mut self) {
        if !self.pace.is_unknown() {
            return;
        }
        match self.db.pace(PACE_DAYS).await {
            Ok((bytes, sending_ms)) => self.pace = Pace::remembered(bytes, Duration::from_millis(sending_ms)),
            Err(error) => warn!(error = %error, "the pace of the nights before could not be read"),
        }
    }
}

/// How fast bytes left while some were to leave: the last half hour of sending counts half.
#[derive(Clone, Copy, Debug, Default)]
struct Pace {
    bytes: f64,
    seconds: f64,
}

impl Pace {
    /// What the nights before this start tell; it weighs as much as half an hour at most.
    fn remembered(bytes: u64, passed: Duration) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "a rate needs no more than 52 bits")]
        let bytes = bytes as f64;
        let seconds = passed.as_secs_f64();
        let weight = (Self::HALF_LIFE_S / seconds.max(1.0)).min(1.0);
        Self {
            bytes: bytes * weight,
            seconds: seconds * weight,
        }
    }

    fn is_unknown(self) -> bool {
        self.seconds == 0.0
    }

    /// Sending after which the past counts half.
    const HALF_LIFE_S: f64 = 1_800.0;
    /// Less sending says nothing.
    const ENOUGH_S: f64 = 5.0;

    fn add(&mut self, bytes: u64, passed: Duration) {
        let seconds = passed.as_secs_f64();
        let kept = 0.5f64.powf(seconds / Self::HALF_LIFE_S);
        #[expect(clippy::cast_precision_loss, reason = "a rate needs no more than 52 bits")]
        let bytes = bytes as f64;
        self.bytes = self.bytes * kept + bytes;
        self.seconds = self.seconds * kept + seconds;
    }

    fn bps(self) -> Option<u64> {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "not negative, and no line is faster than 64 bits say"
        )]
        let bps = (self.bytes * 8.0 / self.seconds) as u64;
        (self.seconds >= Self::ENOUGH_S && bps > 0).then_some(bps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pace_is_that_of_the_last_hours() {
        let mut pace = Pace::default();
        pace.add(1_000_000, Duration::from_secs(1));
        assert_eq!(pace.bps(), None, "a second says nothing");
        for _ in 0..3_600 {
            pace.add(1_000_000, Duration::from_secs(1));
        }
        let bps = pace.bps().unwrap();
        assert!((7_990_000..=8_010_000).contains(&bps), "{bps}");
        for _ in 0..7_200 {
            pace.add(100_000, Duration::from_secs(1));
        }
        let bps = pace.bps().unwrap();
        assert!((800_000..1_400_000).contains(&bps), "{bps}");
        // A week of nights, told at a start, is forgotten as soon as a long night.
        let mut pace = Pace::remembered(400_000_000_000, Duration::from_secs(400_000));
        assert_eq!(pace.bps(), Some(8_000_000));
        for _ in 0..7_200 {
            pace.add(100_000, Duration::from_secs(1));
        }
        let bps = pace.bps().unwrap();
        assert!((800_000..1_400_000).contains(&bps), "{bps}");
        assert_eq!(Pace::remembered(0, Duration::ZERO).bps(), None);
    }
}
