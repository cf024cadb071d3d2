//! One delivery from queued to its end: asks, commits, acts, proves, file after file.
//!
//! The order of each file is the whole of promise P5:
//! 1. ask the platform what it has, given the phase that was committed;
//! 2. commit `Creating`, create, commit `Bound`;
//! 3. send all but what makes the file whole;
//! 4. commit `Completing`, do what makes it whole;
//! 5. take the proof, commit the receipt.
//!
//! Whatever breaks between two steps, in this run or in the next, leads back to 1. No state is
//! assigned here: `DeliveryState::step` gives each, and each is committed.

use std::time::Duration;

use lectern_domain::delivery::{
    Commit, DeliveryEvent, DeliveryFile, DeliveryJob, DeliveryState, FilePhase, Turn,
};
use lectern_domain::ids::LectureId;
use tokio::sync::watch;

use crate::backoff;
use crate::courier::{Courier, CourierError, Outcome};
use crate::fault::Fault;
use crate::journal::{Journal, JournalError};
use crate::parcel::{OnProgress, Parcel};
use crate::platform::{Platform, Proof, Standing};

/// How long an exchange that is not sending may go on after a stop.
const GRACE: Duration = Duration::from_secs(2);
/// Doubts in a row, without a byte more at the platform, after which a run gives way to a wait.
const DOUBTS: u32 = 2;

/// Why a file's turn ended early.
enum Broken {
    Fault(Fault),
    /// Whether it arrived is for a person to find out.
    Uncertain(String),
    Error(CourierError),
}

impl From<Fault> for Broken {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<CourierError> for Broken {
    fn from(error: CourierError) -> Self {
        Self::Error(error)
    }
}

/// A run in progress.
pub(crate) struct Run<'a> {
    courier: &'a Courier,
    job: &'a DeliveryJob,
    platform: &'a dyn Platform,
    journal: &'a dyn Journal,
    stop: watch::Receiver<bool>,
    state: DeliveryState,
    progressed: bool,
}

/// What the platform confirmed of one file in this run.
#[derive(Default)]
struct Confirmed {
    /// Of the present upload: it must never have less.
    floor_bytes: u64,
    /// The most that any upload of this file had.
    best_bytes: u64,
    /// In a row, without a byte more.
    doubts: u32,
}

impl<'a> Run<'a> {
    pub(crate) fn new(
        courier: &'a Courier,
        job: &'a DeliveryJob,
        platform: &'a dyn Platform,
        journal: &'a dyn Journal,
        stop: watch::Receiver<bool>,
    ) -> Self {
        let state = DeliveryState::Queued;
        Self {
            courier,
            job,
            platform,
            journal,
            stop,
            state,
            progressed: false,
        }
    }

    /// Runs to the end.
    pub(crate) async fn until_over(mut self, progress: OnProgress<'_>) -> Result<Outcome, CourierError> {
        self.step(DeliveryEvent::Begin).await?;
        let (done, open): (Vec<_>, Vec<_>) = self.job.files.iter().partition(|file| confirmed(file));
        let mut before: u64 = done.iter().map(|file| file.size_bytes).sum();
        let (now, later): (Vec<_>, Vec<_>) = open.into_iter().partition(|file| self.has_turn(file));
        if now.is_empty() && later.is_empty() {
            self.step(DeliveryEvent::Complete).await?;
        }
        for (index, file) in now.into_iter().enumerate() {
            if index > 0 {
                self.step(DeliveryEvent::Next).await?;
            }
            let mut parcel = Parcel::new(self.job, file.clone(), before, progress, self.stop.clone());
            match self.deliver(&mut parcel).await {
                Ok(()) => {}
                Err(Broken::Error(error)) => return Err(error),
                Err(Broken::Fault(fault)) => return self.end(fault).await,
                Err(Broken::Uncertain(happened)) => return self.uncertain(&mut parcel, &happened).await,
            }
            before += file.size_bytes;
        }
        if !later.is_empty() {
            return self.give_way().await;
        }
        self.step(DeliveryEvent::Verified).await?;
        tracing::debug!("the delivery was done");
        Ok(Outcome::Done)
    }

    /// Whether a file is sent in this turn.
    fn has_turn(&self, file: &DeliveryFile) -> bool {
        match self.job.turn {
            Turn::First => file.goes_first(),
            Turn::All => true,
        }
    }

    /// Brings one file through. After a doubt it asks again at once, as long as that helps.
    async fn deliver(&mut self, parcel: &mut Parcel<'_>) -> Result<(), Broken> {
        let mut told = Confirmed::default();
        loop {
            let happened = match self.attempt(parcel, &mut told).await {
                Ok(proof) => return Ok(self.receipt(parcel, proof).await?),
                Err(Broken::Fault(Fault::Doubt { happened })) => happened,
                Err(broken) => return Err(broken),
            };
            told.doubts += 1;
            if told.doubts > DOUBTS {
                return Err(Fault::later(happened).into());
            }
            tracing::debug!(error = happened, "the platform is asked again");
            self.step(DeliveryEvent::Doubt).await?;
        }
    }

    /// Steps 1 to 5 once. The state is `reconciling` before, `verifying` after.
    async fn attempt(&mut self, parcel: &mut Parcel<'_>, told: &mut Confirmed) -> Result<Proof, Broken> {
        let (remote, from) = match self.call(self.platform.ask(parcel)).await? {
            Standing::Whole { remote } => {
                self.step(DeliveryEvent::Complete).await?;
                return Ok(self
                    .call(self.platform.verify(parcel, remote.as_deref(), false))
                    .await?);
            }
            Standing::Uncertain { happened } => return Err(Broken::Uncertain(happened)),
            Standing::Mute => {
                let happened = "The platform has no way to say what it has.".to_owned();
                return Err(Broken::Uncertain(happened));
            }
            Standing::Absent => {
                self.step(DeliveryEvent::Lacking).await?;
                self.enter(parcel, FilePhase::Creating).await?;
                let remote = self.call(self.platform.create(parcel)).await?;
                self.enter(
                    parcel,
                    FilePhase::Bound {
                        remote: remote.clone(),
                    },
                )
                .await?;
                told.floor_bytes = 0;
                (remote, 0)
            }
            Standing::Partial { remote, offset_bytes } => {
                self.confirm(parcel, told, offset_bytes)?;
                self.step(DeliveryEvent::Lacking).await?;
                let known = matches!(
                    &parcel.file.phase,
                    FilePhase::Bound { remote: ours } | FilePhase::Completing { remote: ours } if *ours == remote
                );
                if !known {
                    self.enter(
                        parcel,
                        FilePhase::Bound {
                            remote: remote.clone(),
                        },
                    )
                    .await?;
                }
                (remote, offset_bytes)
            }
        };
        parcel.report(from);
        let from = self.call(self.platform.send(parcel, &remote, from)).await?;
        self.confirm(parcel, told, from)?;
        self.enter(
            parcel,
            FilePhase::Completing {
                remote: remote.clone(),
            },
        )
        .await?;
        self.call(self.platform.complete(parcel, &remote, from)).await?;
        self.step(DeliveryEvent::Sent).await?;
        parcel.report(parcel.file.size_bytes);
        Ok(self
            .call(self.platform.verify(parcel, Some(&remote), true))
            .await?)
    }

    /// Notes how much the platform has. What it had confirmed cannot become less.
    fn confirm(&mut self, parcel: &Parcel<'_>, told: &mut Confirmed, bytes: u64) -> Result<(), Fault> {
        if bytes < told.floor_bytes {
            return Err(Fault::person(
                format!(
                    "The platform has {bytes} bytes of {}, and had confirmed {} before.",
                    parcel.file.name, told.floor_bytes
                ),
                "Ask the platform's operator whether its storage is sound.",
            ));
        }
        told.floor_bytes = bytes;
        if bytes > told.best_bytes {
            told.best_bytes = bytes;
            told.doubts = 0;
            self.progressed = true;
        }
        Ok(())
    }

    /// One call to the platform. When told to stop it may take [`GRACE`] longer, then it is
    /// dropped, which is a doubt for the next run.
    async fn call<T>(&self, work: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
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

    async fn step(&mut self, event: DeliveryEvent) -> Result<(), CourierError> {
        self.state = self.state.step(event)?;
        Ok(self.commit(Commit::State { state: self.state }).await?)
    }

    async fn enter(&self, parcel: &mut Parcel<'_>, phase: FilePhase) -> Result<(), CourierError> {
        if parcel.file.phase != phase {
            let name = parcel.file.name.clone();
            self.commit(Commit::File {
                name,
                phase: phase.clone(),
            })
            .await?;
            parcel.file.phase = phase;
        }
        Ok(())
    }

    async fn receipt(&mut self, parcel: &mut Parcel<'_>, proof: Proof) -> Result<(), CourierError> {
        let Proof { location, evidence } = proof;
        tracing::info!(file = parcel.file.name, location, "the platform confirmed a file");
        parcel.file.phase = FilePhase::Confirmed {
            location: location.clone(),
        };
        self.progressed = true;
        let name = parcel.file.name.clone();
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

    async fn end(mut self, fault: Fault) -> Result<Outcome, CourierError> {
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
        let why = format!("{happened} The lecture is safe on this machine. It is tried again by itself.");
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

    /// The small files are there; the large ones go after the small ones of other lectures.
    async fn give_way(&mut self) -> Result<Outcome, CourierError> {
        self.state = self.state.step(DeliveryEvent::Defer)?;
        tracing::debug!("the delivery gave its turn to others");
        self.commit(Commit::Deferred { why: None }).await?;
        Ok(Outcome::Deferred)
    }

    async fn refuse(&mut self, happened: &str, advice: &str) -> Result<Outcome, CourierError> {
        self.state = self.state.step(DeliveryEvent::Defer)?;
        let why = format!("{happened} Every lecture is safe on this machine. {advice}");
        tracing::debug!(error = why, "the platform refuses all lectures");
        self.commit(Commit::Deferred {
            why: Some(why.clone()),
        })
        .await?;
        Ok(Outcome::Refused { why })
    }

    async fn park(&mut self, why: String) -> Result<Outcome, CourierError> {
        self.state = self.state.step(DeliveryEvent::Park)?;
        tracing::debug!(error = why, "the delivery was parked");
        self.commit(Commit::Parked { why: why.clone() }).await?;
        Ok(Outcome::Parked { why })
    }

    /// Parks, and only then forgets the upload: a retry is a person's word that it may be sent
    /// anew. Cut in between, the retry ends here again.
    async fn uncertain(mut self, parcel: &mut Parcel<'_>, happened: &str) -> Result<Outcome, CourierError> {
        let lecture = self.job.lecture;
        let why = format!(
            "{happened} Whether {} arrived is uncertain. The lecture is safe on this machine, and nothing was sent \
             again. Look for it on the platform: if it is there, nothing is to be done; if it is not, \
             `lectern retry {lecture}` sends it anew.",
            parcel.file.name
        );
        let outcome = self.park(why).await?;
        self.enter(parcel, FilePhase::Creating).await?;
        Ok(outcome)
    }
}

fn confirmed(file: &DeliveryFile) -> bool {
    matches!(file.phase, FilePhase::Confirmed { .. })
}

fn parked(happened: &str, advice: &str, lecture: LectureId) -> String {
    format!("{happened} The lecture is safe on this machine. {advice} Then run `lectern retry {lecture}`.")
}
