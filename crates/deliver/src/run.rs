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

use lectern_domain::delivery::{DeliveryEvent, DeliveryFile, FilePhase, Turn};

use crate::courier::{CourierError, Outcome};
use crate::fault::Fault;
use crate::parcel::{OnProgress, Parcel};
use crate::passage::Passage;
use crate::platform::{Platform, Proof, Standing};

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
    passage: Passage<'a>,
    platform: &'a dyn Platform,
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
    pub(crate) fn new(passage: Passage<'a>, platform: &'a dyn Platform) -> Self {
        Self { passage, platform }
    }

    /// Runs to the end.
    pub(crate) async fn until_over(mut self, progress: OnProgress<'_>) -> Result<Outcome, CourierError> {
        self.passage.step(DeliveryEvent::Begin).await?;
        let (done, open): (Vec<_>, Vec<_>) = self.passage.job.files.iter().partition(|file| confirmed(file));
        let mut before: u64 = done.iter().map(|file| file.size_bytes).sum();
        let (now, later): (Vec<_>, Vec<_>) = open.into_iter().partition(|file| self.has_turn(file));
        if now.is_empty() && later.is_empty() {
            self.passage.step(DeliveryEvent::Complete).await?;
        }
        for (index, file) in now.into_iter().enumerate() {
            if index > 0 {
                self.passage.step(DeliveryEvent::Next).await?;
            }
            let mut parcel = Parcel::new(
                self.passage.job,
                file.clone(),
                before,
                progress,
                self.passage.stop.clone(),
            );
            match self.deliver(&mut parcel).await {
                Ok(()) => {}
                Err(Broken::Error(error)) => return Err(error),
                Err(Broken::Fault(fault)) => return self.passage.end(fault).await,
                Err(Broken::Uncertain(happened)) => return self.uncertain(&mut parcel, &happened).await,
            }
            before += file.size_bytes;
        }
        if !later.is_empty() {
            return self.give_way().await;
        }
        self.passage.step(DeliveryEvent::Verified).await?;
        tracing::debug!("the delivery was done");
        Ok(Outcome::Done)
    }

    /// Whether a file is sent in this turn.
    fn has_turn(&self, file: &DeliveryFile) -> bool {
        match self.passage.job.turn {
            Turn::First => file.goes_first(),
            Turn::All => true,
        }
    }

    /// Brings one file through. After a doubt it asks again at once, as long as that helps.
    async fn deliver(&mut self, parcel: &mut Parcel<'_>) -> Result<(), Broken> {
        let mut told = Confirmed::default();
        loop {
            let happened = match self.attempt(parcel, &mut told).await {
                Ok(proof) => return Ok(self.passage.receipt(&mut parcel.file, proof).await?),
                Err(Broken::Fault(Fault::Doubt { happened })) => happened,
                Err(broken) => return Err(broken),
            };
            told.doubts += 1;
            if told.doubts > DOUBTS {
                return Err(Fault::later(happened).into());
            }
            tracing::debug!(error = happened, "the platform is asked again");
            self.passage.step(DeliveryEvent::Doubt).await?;
        }
    }

    /// Steps 1 to 5 once. The state is `reconciling` before, `verifying` after.
    async fn attempt(&mut self, parcel: &mut Parcel<'_>, told: &mut Confirmed) -> Result<Proof, Broken> {
        let (remote, from) = match self.passage.call(self.platform.ask(parcel)).await? {
            Standing::Whole { remote } => {
                self.passage.step(DeliveryEvent::Complete).await?;
                return Ok(self
                    .passage
                    .call(self.platform.verify(parcel, remote.as_deref(), false))
                    .await?);
            }
            Standing::Uncertain { happened } => return Err(Broken::Uncertain(happened)),
            Standing::Mute => {
                let happened = "The platform has no way to say what it has.".to_owned();
                return Err(Broken::Uncertain(happened));
            }
            Standing::Absent => {
                self.passage.step(DeliveryEvent::Lacking).await?;
                self.passage.enter(&mut parcel.file, FilePhase::Creating).await?;
                let remote = self.passage.call(self.platform.create(parcel)).await?;
                self.passage
                    .enter(
                        &mut parcel.file,
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
                self.passage.step(DeliveryEvent::Lacking).await?;
                let known = matches!(
                    &parcel.file.phase,
                    FilePhase::Bound { remote: ours } | FilePhase::Completing { remote: ours } if *ours == remote
                );
                if !known {
                    self.passage
                        .enter(
                            &mut parcel.file,
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
        let from = self
            .passage
            .call(self.platform.send(parcel, &remote, from))
            .await?;
        self.confirm(parcel, told, from)?;
        self.passage
            .enter(
                &mut parcel.file,
                FilePhase::Completing {
                    remote: remote.clone(),
                },
            )
            .await?;
        self.passage
            .call(self.platform.complete(parcel, &remote, from))
            .await?;
        self.passage.step(DeliveryEvent::Sent).await?;
        parcel.report(parcel.file.size_bytes);
        Ok(self
            .passage
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
            self.passage.progressed = true;
        }
        Ok(())
    }

    /// The small files are there; the large ones go after the small ones of other lectures.
    async fn give_way(&mut self) -> Result<Outcome, CourierError> {
        tracing::debug!("the delivery gives its turn to others");
        self.passage.defer(None).await?;
        Ok(Outcome::Deferred)
    }

    /// Parks, and only then forgets the upload: a retry is a person's word that it may be sent
    /// anew. Cut in between, the retry ends here again.
    async fn uncertain(mut self, parcel: &mut Parcel<'_>, happened: &str) -> Result<Outcome, CourierError> {
        let lecture = self.passage.job.lecture;
        let why = format!(
            "{happened} Whether {} arrived is uncertain. The lecture is safe on this machine, and nothing was sent \
             again. Look for it on the platform: if it is there, nothing is to be done; if it is not, \
             `lectern retry {lecture}` sends it anew.",
            parcel.file.name
        );
        let outcome = self.passage.park(why).await?;
        self.passage.enter(&mut parcel.file, FilePhase::Creating).await?;
        Ok(outcome)
    }
}

fn confirmed(file: &DeliveryFile) -> bool {
    matches!(file.phase, FilePhase::Confirmed { .. })
}
