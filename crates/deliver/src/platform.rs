//! What every platform can do, in words that fit all protocols.
//!
//! The five calls mirror the commits of `lectern_domain::delivery`: the runner commits an intent,
//! then makes exactly one call. An adapter keeps no state that a restart would need, and never
//! decides whether a thing is tried again.

use async_trait::async_trait;
use lectern_domain::api::Check;

use crate::fault::Fault;
use crate::package::PackagePlatform;
use crate::parcel::Parcel;

/// What the platform has of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing of it, and it cannot be there in whole: it may be created.
    Absent,
    /// Its first bytes.
    Partial {
        /// The platform's handle of the upload. A capability: never logged.
        remote: String,
        /// How many bytes; what was told here is never sent again.
        offset_bytes: u64,
    },
    /// All of it; its proof is to be taken.
    Whole {
        /// The platform's handle, where one is still needed to verify.
        remote: Option<String>,
    },
    /// It was about to become whole, and now the platform knows nothing of it: it may be there or
    /// may be lost. Only a person can tell.
    Uncertain {
        /// What was asked and what was answered, as one sentence with its full stop.
        happened: String,
    },
    /// It was confirmed before, and the protocol keeps no memory of what is finished: the receipt
    /// that was committed is all there will ever be. Only for files that are `Confirmed`.
    Mute,
}

/// The platform's proof that it has a file, already compared with what we hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Proof {
    /// Where it is, for people; no secrets and no capabilities.
    pub location: String,
    /// What the platform said: size, hash. No secrets.
    pub evidence: serde_json::Value,
}

/// The adapter of one platform, by how it takes a lecture.
pub enum Adapter {
    /// File by file, each whole and proven by itself.
    Files(Box<dyn Platform>),
    /// All files as one package.
    Package(Box<dyn PackagePlatform>),
}

impl Adapter {
    /// Tries what a delivery would need, as [`Platform::probe`]; for `lectern doctor`.
    pub async fn probe(&self) -> Vec<Check> {
        match self {
            Self::Files(platform) => platform.probe().await,
            Self::Package(platform) => platform.probe().await,
        }
    }
}

/// One platform that takes files one by one, spoken to through one protocol. Calls may be dropped
/// at any await: whatever they may have done by then is found by the next [`Platform::ask`].
#[async_trait]
pub trait Platform: Send + Sync {
    /// Asks what the platform has of this file, given the phase that was committed for it.
    /// Changes nothing there.
    ///
    /// # Errors
    /// [`Fault`]; also when the platform holds something else under the same name.
    async fn ask(&self, parcel: &Parcel<'_>) -> Result<Standing, Fault>;

    /// Makes the platform ready to take the file and returns its handle. Phase `Creating` is
    /// committed.
    ///
    /// # Errors
    /// [`Fault`]
    async fn create(&self, parcel: &Parcel<'_>) -> Result<String, Fault>;

    /// Sends from `from_bytes` on, all but what would make the file whole, and returns how many
    /// bytes of the file the platform confirmed to have. Phase `Bound` is committed.
    ///
    /// # Errors
    /// [`Fault`]; what arrived before it stays there.
    async fn send(&self, parcel: &Parcel<'_>, remote: &str, from_bytes: u64) -> Result<u64, Fault>;

    /// Does what makes the file whole there, having checked that our file is still the one that
    /// was finished. Phase `Completing` is committed.
    ///
    /// # Errors
    /// [`Fault`]
    async fn complete(&self, parcel: &Parcel<'_>, remote: &str, from_bytes: u64) -> Result<(), Fault>;

    /// Takes the platform's proof and compares it with what we hold. `completed_now` says that
    /// [`Platform::complete`] succeeded just before, in this run.
    ///
    /// # Errors
    /// [`Fault`]; a proof that disagrees needs a person.
    async fn verify(
        &self,
        parcel: &Parcel<'_>,
        remote: Option<&str>,
        completed_now: bool,
    ) -> Result<Proof, Fault>;

    /// Tries what a delivery would need, without a lecture: reaches the platform, signs in, has a
    /// wrong digest refused where the protocol has digests, and says what the platform verifies.
    /// Takes as long as a few small requests; what fails is a finding.
    async fn probe(&self) -> Vec<Check>;
}
