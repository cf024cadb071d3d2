//! Who runs deliveries: the public face of the runner, its clock, its dice, and how a run ends.
//! The order of steps is in `run`.

use std::hash::{BuildHasher, Hasher, RandomState};

use lectern_domain::delivery::{DeliveryJob, RefusedDelivery};
use tokio::sync::watch;
use tracing::Instrument;

use crate::journal::{Journal, JournalError};
use crate::package::PackageRun;
use crate::parcel::OnProgress;
use crate::passage::Passage;
use crate::platform::Adapter;
use crate::run::Run;

type Clock = Box<dyn Fn() -> i64 + Send + Sync>;
type Chance = Box<dyn Fn() -> f64 + Send + Sync>;

/// Runs deliveries. Holds nothing between two runs but its clock and its dice.
pub struct Courier {
    pub(crate) now_unix_ms: Clock,
    pub(crate) chance: Chance,
}

/// How a run ended. All of it is committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Every file is confirmed.
    Done,
    /// To be run again by itself.
    Waiting {
        /// Not before, in milliseconds since 1970.
        until_unix_ms: i64,
        /// For people.
        why: String,
        /// The platform has more than before this run: its attempts may be counted anew.
        progressed: bool,
    },
    /// Its turn is over and it is queued again: its large files go after the small ones of others.
    Deferred,
    /// The platform refuses whatever is sent, until a person has acted. The delivery is queued
    /// again; the platform is to be left alone for a while.
    Refused {
        /// For people.
        why: String,
    },
    /// A person is needed for this lecture.
    Parked {
        /// For people.
        why: String,
    },
    /// It was told to stop; the next run asks first.
    Stopped,
}

/// The run could not go on, and what it had reached is what was committed.
#[derive(Debug, thiserror::Error)]
pub enum CourierError {
    /// The journal did not take a commit.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A fault of the runner: a step that the state machine does not know.
    #[error(transparent)]
    Refused(#[from] RefusedDelivery),
}

impl Default for Courier {
    fn default() -> Self {
        Self::new(|| jiff::Timestamp::now().as_millisecond(), chance)
    }
}

/// Uniform in `0.0..1.0`, from the random keys that the standard library draws for its maps.
fn chance() -> f64 {
    let bits = RandomState::new().build_hasher().finish() >> 32;
    f64::from(u32::try_from(bits).unwrap_or(u32::MAX)) / (f64::from(u32::MAX) + 1.0)
}

impl Courier {
    /// A courier with a wall clock (milliseconds since 1970) and a source of chance (uniform in
    /// `0.0..1.0`) of one's own; tests give fixed ones.
    pub fn new(
        now_unix_ms: impl Fn() -> i64 + Send + Sync + 'static,
        chance: impl Fn() -> f64 + Send + Sync + 'static,
    ) -> Self {
        Self {
            now_unix_ms: Box::new(now_unix_ms),
            chance: Box::new(chance),
        }
    }

    /// Runs one delivery until it is done, must wait, needs a person, or `stop` becomes true.
    /// `job` must be what was committed. The future may be dropped at any point, as by a kill:
    /// the next run asks first. `progress` is called on this thread, a few times a second.
    ///
    /// # Errors
    /// [`CourierError`]: the outcome is unknown to the database; run it again from what is there.
    pub async fn run(
        &self,
        job: DeliveryJob,
        platform: &Adapter,
        journal: &dyn Journal,
        progress: OnProgress<'_>,
        stop: watch::Receiver<bool>,
    ) -> Result<Outcome, CourierError> {
        let span = tracing::info_span!("job", id = %job.id, attempt = job.attempts, platform = %job.platform);
        let passage = Passage::new(self, &job, journal, stop);
        match platform {
            Adapter::Files(platform) => {
                let run = Run::new(passage, platform.as_ref());
                run.until_over(progress).instrument(span).await
            }
            Adapter::Package(platform) => {
                let run = PackageRun::new(passage, platform.as_ref(), progress);
                run.until_over().instrument(span).await
            }
        }
    }
}
