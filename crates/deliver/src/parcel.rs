//! One file on its way: what is sent, how far it is, whether to go on.
//!
//! A parcel lives for one run. Nothing here outlives the process: what a restart needs is in the
//! journal or at the platform.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use lectern_domain::delivery::{DeliveryFile, DeliveryJob};
use lectern_domain::ids::{DeliveryId, LectureId};
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior};

use crate::contents::Contents;

/// How often progress is reported and a stalled connection looked for.
const TICK: Duration = Duration::from_millis(200);

/// How far a delivery is; a hint for people, never the base of a decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Which delivery.
    pub delivery: DeliveryId,
    /// The file being sent.
    pub file: String,
    /// Bytes handed to the network or the disk, over all files of the delivery.
    pub sent_bytes: u64,
    /// Bytes of all its files.
    pub total_bytes: u64,
}

/// Takes progress; called on the runner's thread, must not block.
pub type OnProgress<'a> = &'a (dyn Fn(Progress) + Send + Sync);

/// Why watched work was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Halt {
    /// Told to stop.
    Stopped,
    /// Nothing moved for the whole time that is allowed.
    Stalled,
}

/// One file of a job, with all that an adapter may know of it.
pub struct Parcel<'a> {
    job: &'a DeliveryJob,
    /// The file, with the phase that was committed last.
    pub file: DeliveryFile,
    /// Our copy of it.
    pub(crate) contents: Contents,
    before_bytes: u64,
    total_bytes: u64,
    progress: OnProgress<'a>,
    /// When progress was told last.
    told: Mutex<Option<Instant>>,
    stop: watch::Receiver<bool>,
}

impl<'a> Parcel<'a> {
    pub(crate) fn new(
        job: &'a DeliveryJob,
        file: DeliveryFile,
        before_bytes: u64,
        progress: OnProgress<'a>,
        stop: watch::Receiver<bool>,
    ) -> Self {
        let contents = Contents::new(&file);
        let total_bytes = job.files.iter().map(|f| f.size_bytes).sum();
        Self {
            job,
            file,
            contents,
            before_bytes,
            total_bytes,
            progress,
            told: Mutex::new(None),
            stop,
        }
    }

    /// The lecture: idempotency key at the platform.
    #[must_use]
    pub fn lecture(&self) -> LectureId {
        self.job.lecture
    }

    /// The lecture's folder name.
    #[must_use]
    pub fn folder(&self) -> &str {
        &self.job.folder
    }

    /// Title as given; may be empty.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.job.title
    }

    /// When the lecture began, in milliseconds since 1970.
    #[must_use]
    pub fn started_unix_ms(&self) -> i64 {
        self.job.started_unix_ms
    }

    /// Whether the run was told to stop.
    pub(crate) fn stopped(&self) -> bool {
        *self.stop.borrow()
    }

    /// Tells how many bytes of this file are on their way or there; at most once in [`TICK`], but
    /// always the last.
    pub(crate) fn report(&self, file_bytes: u64) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let recently = told.is_some_and(|at| at.elapsed() < TICK);
        if recently && file_bytes < self.file.size_bytes {
            return;
        }
        *told = Some(Instant::now());
        drop(told);
        (self.progress)(Progress {
            delivery: self.job.id,
            file: self.file.name.clone(),
            sent_bytes: self.before_bytes + file_bytes.min(self.file.size_bytes),
            total_bytes: self.total_bytes,
        });
    }

    /// Runs `work` while `moved` (bytes of the file) grows; gives it up when nothing moved for
    /// `idle`, or when told to stop.
    pub(crate) async fn watched<T>(
        &self,
        work: impl Future<Output = T>,
        moved: &AtomicU64,
        idle: Option<Duration>,
    ) -> Result<T, Halt> {
        let mut work = std::pin::pin!(work);
        let mut tick = tokio::time::interval(TICK.min(idle.unwrap_or(TICK)));
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut seen, mut since) = (moved.load(Ordering::Relaxed), Instant::now());
        loop {
            tokio::select! {
                biased;
                done = &mut work => {
                    self.report(moved.load(Ordering::Relaxed));
                    return Ok(done);
                }
                _ = tick.tick() => {
                    let now = moved.load(Ordering::Relaxed);
                    if self.stopped() {
                        return Err(Halt::Stopped);
                    }
                    if now != seen {
                        (seen, since) = (now, Instant::now());
                        self.report(now);
                    } else if idle.is_some_and(|limit| since.elapsed() >= limit) {
                        return Err(Halt::Stalled);
                    }
                }
            }
        }
    }
}
