//! What the runners share: the state that is stepped and committed, calls that a stop may end,
//! and the ways in which a run can end.

use std::time::Duration;

use lectern_domain::delivery::{Commit, DeliveryEvent, DeliveryFile, DeliveryJob, DeliveryState, FilePhase};
use lectern_domain::ids::LectureId;
use lectern_domain::reason;
use tokio::sync::watch;

use crate::backoff;
use crate::courier::{Courier, CourierError, Outcome};
use crate::fault::Fault;
use crate::journal::{Journal, JournalError};
use crate::platform::Proof;

/// What is safe while a platform refuses everybody. Stands in the middle of what is said of it.
pub const ALL_ARE_SAFE: &str = "Every lecture is safe on this machine.";
/// What is safe while one lecture cannot be sent. Stands in the middle of what is said of it.
pub const ONE_IS_SAFE: &str = "The lecture is safe on this machine.";

/// How long an exchange that is not sending may go on after a stop.
const GRACE: Duration = Duration::from_secs(2);

/// One delivery under way.
pub(crate) struct Passage<'a> {
    courier: &'a Courier,
    pub(crate) job: &'a DeliveryJob,
    journal: &'a dyn Journal,
    pub(crate) stop: watch::Receiver<bool>,
    state: DeliveryState,
    /// The platform has more than when this run began.
    pub(crate) progressed: bool,
}

impl<'a> Passage<'a> {
    pub(crate) fn new(
        courier: &'a Courier,
        job: &'a DeliveryJob,
        journal: &'a dyn Journal,
        stop: watch::Receiver<bool>,
    ) -> Self {
        Self {
            courier,
            job,
            journal,
            stop,
            state: DeliveryState::Queued,
            progressed: false,
        }
    }

    /// One call to the platform. When told to stop it may take [`GRACE`] longer, then it is
    /// dropped, which is a doubt for the next run.
    pub(crate) async fn call<T>(&self, work: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
        let mut stop = self.stop.clone();
        if *stop.borrow() {
            return Err(Fault::Stopped);
        }
        let overdue = async {
            // An error means that nobody is left who could say stop.
            if stop.wait_for(|stop| *stop).await.is_err() {
                std::future::pending::<()>().await;
            }
            tokio::time::sleep(GRACE).await;
        };
        tokio::select! {
            biased;
            done = work => done,
            () = overdue => Err(Fault::Stopped),
        }
    }

    pub(crate) async fn step(&mut self, event: DeliveryEvent) -> Result<(), CourierError> {
        self.state = self.state.step(event)?;
        Ok(self.commit(Commit::State { state: self.state }).await?)
    }

    /// Commits a file's phase, unless it is in it.
    pub(crate) async fn enter(&self, file: &mut DeliveryFile, phase: FilePhase) -> Result<(), CourierError> {
        if file.phase != phase {
            let name = file.name.clone();
            self.commit(Commit::File {
                name,
                phase: phase.clone(),
            })
            .await?;
            file.phase = phase;
        }
        Ok(())
    }

    pub(crate) async fn receipt(
        &mut self,
        file: &mut DeliveryFile,
        proof: Proof,
    ) -> Result<(), CourierError> {
        let Proof { location, evidence } = proof;
        tracing::info!(file = file.name, location, "the platform confirmed a file");
        file.phase = FilePhase::Confirmed {
            location: location.clone(),
        };
        self.progressed = true;
        let name = file.name.clone();
        Ok(self
            .commit(Commit::Receipt {
                name,
                location,
                evidence,
            })
            .await?)
    }

    async fn commit(&self, commit: Commit) -> Result<(), JournalError> {
        self.journal.commit(self.job.id, commit).await
    }

    /// Ends the run at an obstacle.
    pub(crate) async fn end(&mut self, fault: Fault) -> Result<Outcome, CourierError> {
        match fault {
            Fault::Stopped => Ok(Outcome::Stopped),
            Fault::Later { happened, after } => self.wait(&happened, after).await,
            Fault::Doubt { happened } => self.wait(&happened, None).await,
            Fault::Refused { happened, advice } => self.refuse(&happened, &advice).await,
            Fault::NeedsPerson { happened, advice } => {
                let why = parked(&happened, &advice, self.job.lecture);
                self.park(why).await
            }
        }
    }

    async fn wait(&mut self, happened: &str, wish: Option<Duration>) -> Result<Outcome, CourierError> {
        self.state = self.state.step(DeliveryEvent::Wait)?;
        let attempt = if self.progressed { 0 } else { self.job.attempts };
        let delay = backoff::delay(attempt, (self.courier.chance)(), wish);
        let delay_ms = i64::try_from(delay.as_millis()).unwrap_or(i64::MAX);
        let until_unix_ms = (self.courier.now_unix_ms)().saturating_add(delay_ms);
        let why = reason(format!("{happened} {ONE_IS_SAFE} It is tried again by itself."));
        tracing::debug!(
            error = happened,
            retry_in_ms = delay_ms,
            "the delivery was put off"
        );
        self.commit(Commit::Waiting {
            until_unix_ms,
            why: why.clone(),
        })
        .await?;
        Ok(Outcome::Waiting {
            until_unix_ms,
            why,
            progressed: self.progressed,
        })
    }

    async fn refuse(&mut self, happened: &str, advice: &str) -> Result<Outcome, CourierError> {
        let why = reason(format!("{happened} {ALL_ARE_SAFE} {advice}"));
        tracing::debug!(error = why, "the platform refuses all lectures");
        self.defer(Some(why.clone())).await?;
        Ok(Outcome::Refused { why })
    }

    /// Queues the delivery again.
    pub(crate) async fn defer(&mut self, why: Option<String>) -> Result<(), CourierError> {
        self.state = self.state.step(DeliveryEvent::Defer)?;
        Ok(self.commit(Commit::Deferred { why }).await?)
    }

    /// Stands still until a person has acted.
    pub(crate) async fn park(&mut self, why: String) -> Result<Outcome, CourierError> {
        self.state = self.state.step(DeliveryEvent::Park)?;
        let why = reason(why);
        tracing::debug!(error = why, "the delivery was parked");
        self.commit(Commit::Parked { why: why.clone() }).await?;
        Ok(Outcome::Parked { why })
    }
}

fn parked(happened: &str, advice: &str, lecture: LectureId) -> String {
    format!("{happened} {ONE_IS_SAFE} {advice} Then run `lectern retry {lecture}`.")
}
