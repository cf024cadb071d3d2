//! Asking a platform once more for what it confirmed, before our copy is deleted (P6).
//!
//! The same two questions as in a delivery, [`Platform::ask`] and [`Platform::verify`], and no
//! step that changes anything there. The whole file is read back from a folder; a tus server
//! answers with its receipt, if it has any.

use lectern_domain::delivery::DeliveryJob;
use tokio::sync::watch;

use crate::fault::Fault;
use crate::package::Package;
use crate::parcel::Parcel;
use crate::platform::{Adapter, Platform, Standing};

/// What a platform says of a delivery that it has confirmed before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Still {
    /// It has every file; or it has no way to tell, and its receipts stand.
    Held,
    /// It does not have a file, or has another one in its place. A sentence.
    Denied(String),
    /// It did not answer. A sentence.
    Silent(String),
}

/// Asks for every file of a delivery that is done. Sends and changes nothing. The future may be
/// dropped at any point; `stop` ends it early.
pub async fn ask_again(job: &DeliveryJob, platform: &Adapter, stop: watch::Receiver<bool>) -> Still {
    let platform = match platform {
        Adapter::Files(platform) => platform,
        Adapter::Package(platform) => {
            let package = Package::new(job, &|_| {}, &stop);
            let mut stop = stop.clone();
            return tokio::select! {
                biased;
                still = platform.held(&package) => still,
                // An error means that nobody is left who could say stop.
                Ok(_) = stop.wait_for(|stop| *stop) => Still::of(Fault::Stopped),
            };
        }
    };
    for file in &job.files {
        let parcel = Parcel::new(job, file.clone(), 0, &|_| {}, stop.clone());
        match ask_for(&parcel, platform.as_ref()).await {
            Still::Held => {}
            other => return other,
        }
    }
    Still::Held
}

async fn ask_for(parcel: &Parcel<'_>, platform: &dyn Platform) -> Still {
    let remote = match platform.ask(parcel).await {
        Ok(Standing::Whole { remote }) => remote,
        Ok(Standing::Mute) => return Still::Held,
        Ok(Standing::Absent | Standing::Partial { .. }) => {
            return Still::Denied(format!("{} is not there in whole.", parcel.file.name));
        }
        Ok(Standing::Uncertain { happened }) => return Still::Denied(happened),
        Err(fault) => return Still::of(fault),
    };
    match platform.verify(parcel, remote.as_deref(), false).await {
        Ok(_) => Still::Held,
        Err(fault) => Still::of(fault),
    }
}

impl Still {
    /// What an obstacle says of it: only a contradiction is a denial.
    pub(crate) fn of(fault: Fault) -> Self {
        match fault {
            Fault::NeedsPerson { happened, .. } => Self::Denied(happened),
            Fault::Refused { happened, .. } | Fault::Later { happened, .. } | Fault::Doubt { happened } => {
                Self::Silent(happened)
            }
            Fault::Stopped => Self::Silent("It was not asked, because the recorder ends.".to_owned()),
        }
    }
}
