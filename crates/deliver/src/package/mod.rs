//! Platforms that take all files of a lecture as one package, and what they are asked.
//!
//! Such a platform holds a package open while files are added to it one after the other, and
//! takes the lecture when the package is handed in. The handle of the open package changes with
//! each file; the newest that was committed is the only one that is used, so that what a cut
//! request left behind there is never part of the lecture.

mod run;

use async_trait::async_trait;
use lectern_domain::api::Check;
use lectern_domain::delivery::{DeliveryJob, FilePhase};
use lectern_domain::ids::LectureId;
use tokio::sync::watch;

use crate::again::Still;
use crate::fault::Fault;
use crate::parcel::{OnProgress, Parcel};
use crate::platform::Proof;

pub(crate) use run::PackageRun;

/// What the platform has of a lecture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PackageStanding {
    /// The package was not handed in: files may be added to it.
    Open,
    /// The lecture arrived; its proof is to be taken.
    Taken,
    /// The lecture arrived, and the platform failed with it. Once a person has acted it is asked
    /// again; if it then knows nothing of the lecture, a new package is begun.
    Failed {
        /// What became of it, as one sentence with its full stop.
        happened: String,
        /// What to do, as one sentence with its full stop.
        advice: String,
    },
    /// It was about to be handed in, and the platform cannot tell whether it was. Only a person
    /// can.
    Uncertain {
        /// What was asked and what was answered, as one sentence with its full stop.
        happened: String,
    },
}

/// How a run ended, for a platform that shows the room's state to people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Farewell {
    /// The lecture is there.
    Finished,
    /// It is tried again by itself.
    Later,
    /// A person is needed.
    Failed,
}

/// All files of a lecture on their way, in the order in which they are added.
pub struct Package<'a> {
    /// What is known of the lecture.
    pub job: &'a DeliveryJob,
    /// Its files, with the phases that were committed last.
    pub parcels: Vec<Parcel<'a>>,
}

impl<'a> Package<'a> {
    pub(crate) fn new(job: &'a DeliveryJob, progress: OnProgress<'a>, stop: &watch::Receiver<bool>) -> Self {
        let mut before = 0;
        let parcels = job
            .files
            .iter()
            .map(|file| {
                let parcel = Parcel::new(job, file.clone(), before, progress, stop.clone());
                before += file.size_bytes;
                parcel
            })
            .collect();
        Self { job, parcels }
    }

    /// The lecture: idempotency key at the platform.
    #[must_use]
    pub fn lecture(&self) -> LectureId {
        self.job.lecture
    }

    /// How many files are in the open package, and its handle after the last of them.
    #[must_use]
    pub fn added(&self) -> (usize, Option<&str>) {
        let handles: Vec<&str> = self.parcels.iter().map_while(handle).collect();
        (handles.len(), handles.last().copied())
    }

    /// Whether the request that hands the package in may have left.
    #[must_use]
    pub fn completing(&self) -> bool {
        self.parcels
            .iter()
            .any(|parcel| matches!(parcel.file.phase, FilePhase::Completing { .. }))
    }

    /// Whether the platform had confirmed a part of the lecture before.
    #[must_use]
    pub fn confirmed(&self) -> bool {
        self.parcels
            .iter()
            .any(|parcel| matches!(parcel.file.phase, FilePhase::Confirmed { .. }))
    }
}

fn handle<'p>(parcel: &'p Parcel<'_>) -> Option<&'p str> {
    match &parcel.file.phase {
        FilePhase::Bound { remote } | FilePhase::Completing { remote } => Some(remote),
        FilePhase::Pending | FilePhase::Creating | FilePhase::Confirmed { .. } => None,
    }
}

/// One platform that takes packages, spoken to through one protocol. Calls may be dropped at any
/// await: whatever they may have done by then is found by the next [`PackagePlatform::ask`].
#[async_trait]
pub trait PackagePlatform: Send + Sync {
    /// Asks whether the lecture arrived, given the phases that were committed. Changes nothing
    /// there.
    ///
    /// # Errors
    /// [`Fault`]
    async fn ask(&self, package: &Package<'_>) -> Result<PackageStanding, Fault>;

    /// Opens an empty package with what is known of the lecture and returns its handle. Another
    /// open package of the same lecture is left behind there.
    ///
    /// # Errors
    /// [`Fault`]
    async fn open(&self, package: &Package<'_>) -> Result<String, Fault>;

    /// Adds one file of `package`, whole, to the package of this handle and returns the next one.
    /// Phase `Creating` is committed for the file. Our file is proven to be the one that was
    /// finished before its last byte leaves.
    ///
    /// # Errors
    /// [`Fault`]; what arrived is not part of the package of this handle.
    async fn add(&self, package: &Package<'_>, index: usize, handle: &str) -> Result<String, Fault>;

    /// Hands the package in. Phase `Completing` is committed for its last file.
    ///
    /// # Errors
    /// [`Fault`]; when it needs a person, the package of this handle is of no more use.
    async fn complete(&self, package: &Package<'_>, handle: &str) -> Result<(), Fault>;

    /// Takes the platform's proof, one for each file, and compares it with what we hold.
    ///
    /// # Errors
    /// [`Fault`]; a proof that disagrees needs a person.
    async fn verify(&self, package: &Package<'_>) -> Result<Vec<Proof>, Fault>;

    /// Tells the platform how the run ended. Best effort: it has nothing to say to it, and is
    /// given little time.
    async fn leave(&self, package: &Package<'_>, farewell: Farewell);

    /// Asks once more for a lecture that was confirmed, before our copy is deleted (P6). Changes
    /// nothing there.
    async fn held(&self, package: &Package<'_>) -> Still;

    /// Tries what a delivery needs, for the doctor, and leaves nothing behind.
    async fn probe(&self) -> Vec<Check>;
}
