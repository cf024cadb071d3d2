//! One delivery of a package from queued to its end.
//!
//! The order of a package is the whole of promise P5:
//! 1. ask the platform whether the lecture arrived;
//! 2. for each file that is not in the package yet: commit `Creating`, add it, commit `Bound` with
//!    the package's new handle;
//! 3. commit `Completing` for the last file, hand the package in;
//! 4. take the proof, commit a receipt for each file, the last file's last.
//!
//! Whatever breaks between two steps, in this run or in the next, leads back to 1, and 2 goes on
//! from the newest handle: a break costs the file that was under way and no other.

use std::time::Duration;

use lectern_domain::delivery::{DeliveryEvent, FilePhase};

use super::{Farewell, Package, PackagePlatform, PackageStanding};
use crate::courier::{CourierError, Outcome};
use crate::fault::Fault;
use crate::parcel::OnProgress;
use crate::passage::Passage;
use crate::platform::Proof;

/// Doubts in a row, without a file more at the platform, after which a run gives way to a wait.
const DOUBTS: u32 = 2;
/// What the platform is given to hear how the run ended.
const FAREWELL: Duration = Duration::from_secs(5);

/// Why an attempt ended early.
enum Broken {
    Fault(Fault),
    /// The platform refused the package as it is: the next one is begun anew.
    Spoilt(Fault),
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
pub(crate) struct PackageRun<'a> {
    passage: Passage<'a>,
    platform: &'a dyn PackagePlatform,
    package: Package<'a>,
}

impl<'a> PackageRun<'a> {
    pub(crate) fn new(
        passage: Passage<'a>,
        platform: &'a dyn PackagePlatform,
        progress: OnProgress<'a>,
    ) -> Self {
        let package = Package::new(passage.job, progress, &passage.stop);
        Self {
            passage,
            platform,
            package,
        }
    }

    /// Runs to the end.
    pub(crate) async fn until_over(mut self) -> Result<Outcome, CourierError> {
        self.passage.step(DeliveryEvent::Begin).await?;
        let all =
            |parcel: &crate::parcel::Parcel<'_>| matches!(parcel.file.phase, FilePhase::Confirmed { .. });
        if self.package.parcels.iter().all(all) {
            self.passage.step(DeliveryEvent::Complete).await?;
            self.passage.step(DeliveryEvent::Verified).await?;
            return Ok(Outcome::Done);
        }
        let outcome = self.deliver().await?;
        let farewell = match &outcome {
            Outcome::Done => Farewell::Finished,
            Outcome::Waiting { .. } | Outcome::Deferred => Farewell::Later,
            Outcome::Parked { .. } => Farewell::Failed,
            // The platform would not hear us, or there is no time to talk.
            Outcome::Refused { .. } | Outcome::Stopped => return Ok(outcome),
        };
        let leaving = self.platform.leave(&self.package, farewell);
        if tokio::time::timeout(FAREWELL, leaving).await.is_err() {
            tracing::debug!("the platform did not take leave in time");
        }
        Ok(outcome)
    }

    /// Brings the package through. After a doubt it asks again at once, as long as that helps.
    async fn deliver(&mut self) -> Result<Outcome, CourierError> {
        let (mut doubts, mut best) = (0, self.package.added().0);
        loop {
            let happened = match self.attempt().await {
                Ok(proofs) => return self.finish(proofs).await,
                Err(Broken::Fault(Fault::Doubt { happened })) => happened,
                Err(Broken::Fault(fault)) => return self.passage.end(fault).await,
                Err(Broken::Spoilt(fault)) => return self.spoilt(fault).await,
                Err(Broken::Uncertain(happened)) => return self.uncertain(&happened).await,
                Err(Broken::Error(error)) => return Err(error),
            };
            let added = self.package.added().0;
            doubts = if added > best { 1 } else { doubts + 1 };
            best = best.max(added);
            if doubts > DOUBTS {
                return self.passage.end(Fault::later(happened)).await;
            }
            tracing::debug!(error = happened, "the platform is asked again");
            self.passage.step(DeliveryEvent::Doubt).await?;
        }
    }

    /// Steps 1 to 4 once, up to the proof. The state is `reconciling` before, `verifying` after.
    async fn attempt(&mut self) -> Result<Vec<Proof>, Broken> {
        match self.passage.call(self.platform.ask(&self.package)).await? {
            PackageStanding::Taken => self.passage.step(DeliveryEvent::Complete).await?,
            PackageStanding::Uncertain { happened } => return Err(Broken::Uncertain(happened)),
            PackageStanding::Failed { happened, advice } => {
                return Err(Broken::Spoilt(Fault::NeedsPerson { happened, advice }));
            }
            PackageStanding::Open if self.package.confirmed() => {
                return Err(Broken::Fault(Fault::person(
                    "The platform had confirmed this lecture, and now knows nothing of it.",
                    "Ask the platform's operator whether it was removed there; nothing was sent again.",
                )));
            }
            PackageStanding::Open => {
                self.passage.step(DeliveryEvent::Lacking).await?;
                let handle = self.fill().await?;
                self.hand_in(handle).await?;
                self.passage.step(DeliveryEvent::Sent).await?;
            }
        }
        Ok(self.passage.call(self.platform.verify(&self.package)).await?)
    }

    /// Adds what is not in the package and returns its handle with all files in it.
    async fn fill(&mut self) -> Result<String, Broken> {
        let (added, handle) = self.package.added();
        let mut handle = handle.map(str::to_owned);
        for index in added..self.package.parcels.len() {
            let file = &mut self.package.parcels[index].file;
            self.passage.enter(file, FilePhase::Creating).await?;
            let open = match handle {
                Some(open) => open,
                None => self.passage.call(self.platform.open(&self.package)).await?,
            };
            let adding = self.platform.add(&self.package, index, &open);
            let next = self.passage.call(adding).await?;
            let file = &mut self.package.parcels[index].file;
            let bound = FilePhase::Bound { remote: next.clone() };
            self.passage.enter(file, bound).await?;
            self.passage.progressed = true;
            let parcel = &self.package.parcels[index];
            parcel.report(parcel.file.size_bytes);
            handle = Some(next);
        }
        Ok(handle.ok_or_else(|| {
            Fault::person(
                "The lecture has no file for this platform.",
                "Let the platform's send name what it is to have.",
            )
        })?)
    }

    async fn hand_in(&mut self, handle: String) -> Result<(), Broken> {
        let completing = FilePhase::Completing {
            remote: handle.clone(),
        };
        if let Some(last) = self.package.parcels.last_mut() {
            self.passage.enter(&mut last.file, completing).await?;
        }
        let handing = self.platform.complete(&self.package, &handle);
        self.passage.call(handing).await.map_err(|fault| match fault {
            Fault::NeedsPerson { .. } => Broken::Spoilt(fault),
            other => Broken::Fault(other),
        })
    }

    /// Commits the receipts, in order: the last file's phase tells a restart what was handed in
    /// until all others have theirs.
    async fn finish(&mut self, proofs: Vec<Proof>) -> Result<Outcome, CourierError> {
        for (parcel, proof) in self.package.parcels.iter_mut().zip(proofs) {
            if !matches!(parcel.file.phase, FilePhase::Confirmed { .. }) {
                self.passage.receipt(&mut parcel.file, proof).await?;
            }
        }
        self.passage.step(DeliveryEvent::Verified).await?;
        tracing::debug!("the delivery was done");
        Ok(Outcome::Done)
    }

    /// Parks, and only then forgets the package: a retry begins a new one. Cut in between, the
    /// retry ends here again.
    async fn spoilt(&mut self, fault: Fault) -> Result<Outcome, CourierError> {
        let outcome = self.passage.end(fault).await?;
        // From the last on: what is left is always the beginning of the package.
        for parcel in self.package.parcels.iter_mut().rev() {
            self.passage.enter(&mut parcel.file, FilePhase::Creating).await?;
        }
        Ok(outcome)
    }

    /// Parks, and only then takes back that the package may have been handed in: a retry is a
    /// person's word that it was not. Cut in between, the retry ends here again.
    async fn uncertain(&mut self, happened: &str) -> Result<Outcome, CourierError> {
        let lecture = self.package.lecture();
        let why = format!(
            "{happened} Whether the lecture arrived is uncertain. It is safe on this machine, and nothing was sent \
             again. Look for it on the platform: if it is there, nothing is to be done; if it is not, `lectern retry \
             {lecture}` hands it in anew."
        );
        let outcome = self.passage.park(why).await?;
        for parcel in &mut self.package.parcels {
            if let FilePhase::Completing { remote } = &parcel.file.phase {
                let bound = FilePhase::Bound {
                    remote: remote.clone(),
                };
                self.passage.enter(&mut parcel.file, bound).await?;
            }
        }
        Ok(outcome)
    }
}
