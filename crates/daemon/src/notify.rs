//! What systemd hears: ready, reloading, stopping, and a watchdog that is fed by progress.
//!
//! A timer that feeds a watchdog proves that timers work. So the ping is sent only when the
//! conductor has ticked, the spool's thread has answered and the database has committed or
//! answered within their times.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use lectern_capture::clock::monotonic_ns;
use lectern_store::{Db, Spool};
use sd_notify::NotifyState;
use tokio::sync::watch;
use tokio::time::timeout;
use tracing::{debug, warn};

const CONDUCTOR_NS: u64 = 5_000_000_000;
const ROUND: Duration = Duration::from_secs(2);
/// A disk may stall this long before the process is thought to be hung.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// Signs of life that other threads may read.
#[derive(Debug, Default)]
pub(crate) struct Vitals {
    conductor_ns: AtomicU64,
    recording: AtomicBool,
    leaving: AtomicBool,
}

impl Vitals {
    pub(crate) fn conductor_lives(&self) {
        self.conductor_ns.store(monotonic_ns(), Ordering::Relaxed);
    }

    pub(crate) fn set_recording(&self, recording: bool) {
        self.recording.store(recording, Ordering::Relaxed);
    }

    /// Whether a lecture holds the sources.
    pub(crate) fn recording(&self) -> bool {
        self.recording.load(Ordering::Relaxed)
    }

    /// The daemon ends: long work stops at its next step.
    pub(crate) fn leave(&self) {
        self.leaving.store(true, Ordering::Relaxed);
    }

    /// Whether the daemon ends.
    pub(crate) fn leaving(&self) -> bool {
        self.leaving.load(Ordering::Relaxed)
    }

    /// Whether the conductor has ticked lately.
    pub(crate) fn healthy(&self) -> bool {
        monotonic_ns().saturating_sub(self.conductor_ns.load(Ordering::Relaxed)) < CONDUCTOR_NS
    }
}

/// Starting anew ends and opens everything, and nobody feeds the watchdog meanwhile.
const ANEW_WITHIN: Duration = Duration::from_secs(120);

/// Tells systemd, if it started us.
fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        debug!(error = %error, "systemd could not be told");
    }
}

/// The daemon serves, after its start or after a reload. The watchdog has its time again.
pub(crate) fn tell_ready() {
    tell(&[NotifyState::Ready]);
    // Made for this process, or for the one that was executed in its place.
    let configured = std::env::var("WATCHDOG_USEC").ok().and_then(|us| us.parse().ok());
    if let Some(us) = configured {
        tell(&[NotifyState::WatchdogUsec(us), NotifyState::Watchdog]);
    }
}

/// The configuration is being read; [`tell_ready`] follows.
pub(crate) fn tell_reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(error) => debug!(error = %error, "systemd could not be told"),
    }
}

/// The daemon ends to start anew in this process: a reload, as systemd sees it. No word of an end,
/// or systemd would wait for one.
pub(crate) fn tell_anew() {
    tell_reloading();
    let us = u32::try_from(ANEW_WITHIN.as_micros()).unwrap_or(u32::MAX);
    tell(&[NotifyState::WatchdogUsec(us), NotifyState::Watchdog]);
}

/// The daemon ends.
pub(crate) fn tell_stopping() {
    tell(&[NotifyState::Stopping]);
}

/// Measures free space and feeds the watchdog until dropped.
pub(crate) async fn watch(vitals: std::sync::Arc<Vitals>, spool: Spool, db: Db, free: watch::Sender<u64>) {
    loop {
        // Both at a time: one after the other, two slow answers would outlast the watchdog.
        let (space, answer) = tokio::join!(
            timeout(ANSWER_WITHIN, spool.free_space()),
            timeout(ANSWER_WITHIN, db.next_due_unix_ms())
        );
        let spool_answers = match space {
            Ok(Ok(space)) => {
                free.send_if_modified(|last| std::mem::replace(last, space.free_bytes) != space.free_bytes);
                true
            }
            Ok(Err(error)) => {
                warn!(error = %error, "free space could not be measured");
                true
            }
            Err(_) => false,
        };
        let db_answers = answer.is_ok();
        if spool_answers && db_answers && vitals.healthy() {
            tell(&[NotifyState::Watchdog]);
        } else {
            warn!(
                spool_answers,
                db_answers,
                conductor = vitals.healthy(),
                "a part of the daemon does not answer"
            );
        }
        tokio::time::sleep(ROUND).await;
    }
}
