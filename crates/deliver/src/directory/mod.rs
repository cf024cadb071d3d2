//! A folder as a platform: a mounted share, a USB disk, or a plain local folder.
//!
//! `<path>/<folder>/<name>.part` grows, is synced, read back from the disk and hashed, and only
//! then gets its final name; the folder is synced after that. The final name never holds anything
//! but a whole, proven file, and a file that was there before us is never overwritten. After a
//! cut the part is compared with our file before it is continued.

mod copy;
mod place;

use std::path::PathBuf;

use async_trait::async_trait;
use lectern_domain::api::Check;
use lectern_domain::config::Create;
use lectern_domain::delivery::FilePhase;
use lectern_domain::ids::PlatformName;

use crate::fault::Fault;
use crate::net::Patience;
use crate::parcel::Parcel;
use crate::platform::{Platform, Proof, Standing};
use crate::probe::Findings;
use crate::reading;
use place::{Place, obstacle};

/// A folder, as configured.
pub(crate) struct Directory {
    name: PlatformName,
    root: PathBuf,
    create: Create,
    patience: Patience,
}

impl Directory {
    pub(crate) fn new(name: PlatformName, root: PathBuf, create: Create, patience: Patience) -> Self {
        Self {
            name,
            root,
            create,
            patience,
        }
    }

    /// Where the parcel goes. A folder that is not there may be a share that is not mounted, and
    /// is then waited for.
    async fn place(&self, parcel: &Parcel<'_>) -> Result<Place, Fault> {
        let place = Place::new(&self.root, parcel.folder(), &parcel.file.name)?;
        self.look().await?;
        Ok(place)
    }

    /// Finds the folder there, or that it may be made.
    async fn look(&self) -> Result<(), Fault> {
        match tokio::fs::metadata(&self.root).await {
            Ok(meta) if meta.is_dir() => Ok(()),
            Ok(_) => Err(Fault::refused(
                format!("{} is no folder.", self.root.display()),
                "Check the platform's path in the configuration.",
            )),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                if self.may_create().await {
                    Ok(())
                } else {
                    Err(Fault::later(format!(
                        "The folder {} is not there: mount the share or plug in the disk.",
                        self.root.display()
                    )))
                }
            }
            Err(error) => Err(obstacle("look at", &self.root, &error)),
        }
    }

    async fn examine(&self, findings: &mut Findings) -> Result<(), Fault> {
        self.look().await?;
        let root = self.root.display();
        if self.root.is_dir() {
            copy::try_out(&self.root).await?;
            findings.good(format!(
                "{root} takes files; each is read back from the disk and its SHA-256 compared."
            ));
        } else {
            findings.good(format!("{root} is made with the first lecture."));
        }
        Ok(())
    }

    /// Whether the folder may be made where it is missing.
    async fn may_create(&self) -> bool {
        match (self.create, self.root.parent()) {
            (Create::Always, _) => true,
            (Create::Never, _) | (Create::Beside, None) => false,
            (Create::Beside, Some(above)) => match tokio::fs::read_dir(above).await {
                Ok(mut entries) => matches!(entries.next_entry().await, Ok(Some(_))),
                Err(_) => false,
            },
        }
    }
}

#[async_trait]
impl Platform for Directory {
    async fn ask(&self, parcel: &Parcel<'_>) -> Result<Standing, Fault> {
        let place = self.place(parcel).await?;
        let size = parcel.file.size_bytes;
        match place::length(&place.whole).await? {
            // The hash is taken once, when it is verified.
            Some(length) if length == size => return Ok(Standing::Whole { remote: None }),
            Some(_) => return Err(place.other_file()),
            None => {}
        }
        if let Some(length) = place::length(&place.part).await? {
            let remote = place.part_name();
            let offset_bytes = copy::agreeing(parcel, &place.part, length.min(size)).await?;
            return Ok(Standing::Partial { remote, offset_bytes });
        }
        match &parcel.file.phase {
            // Somebody who watches the folder may have taken the file as soon as it appeared.
            FilePhase::Completing { .. } => Ok(Standing::Uncertain {
                happened: format!(
                    "{} was complete or nearly so, and is no longer there.",
                    place.whole.display()
                ),
            }),
            FilePhase::Pending
            | FilePhase::Creating
            | FilePhase::Bound { .. }
            | FilePhase::Confirmed { .. } => Ok(Standing::Absent),
        }
    }

    async fn create(&self, parcel: &Parcel<'_>) -> Result<String, Fault> {
        let place = self.place(parcel).await?;
        parcel.contents.check_size().await?;
        let missing = self.may_create().await.then_some(self.root.as_path());
        copy::create(&place, missing).await?;
        Ok(place.part_name())
    }

    async fn send(&self, parcel: &Parcel<'_>, _remote: &str, from: u64) -> Result<u64, Fault> {
        let place = self.place(parcel).await?;
        parcel.contents.check_size().await?;
        copy::append(parcel, &place.part, from, self.patience.idle).await?;
        Ok(parcel.file.size_bytes)
    }

    async fn complete(&self, parcel: &Parcel<'_>, _remote: &str, _from: u64) -> Result<(), Fault> {
        let place = self.place(parcel).await?;
        if !copy::reads_back(parcel, &place.part).await? {
            return Err(Fault::person(
                format!("{} does not read back as it was written.", place.part.display()),
                "Check the disk or the share: it loses or changes data.",
            ));
        }
        copy::publish(&place).await
    }

    async fn verify(
        &self,
        parcel: &Parcel<'_>,
        _remote: Option<&str>,
        completed_now: bool,
    ) -> Result<Proof, Fault> {
        let place = self.place(parcel).await?;
        let size = parcel.file.size_bytes;
        match place::length(&place.whole).await? {
            None => return Err(Fault::doubt(format!("{} is not there.", place.whole.display()))),
            Some(length) if length != size => return Err(place.other_file()),
            Some(_) => {}
        }
        // What `complete` read back a moment ago is not read again.
        if !completed_now {
            let found = reading::sha256_of(&place.whole, size)
                .await
                .map_err(|error| obstacle("read", &place.whole, &error))?;
            if reading::hex(&found) != parcel.file.sha256 {
                return Err(place.other_file());
            }
        }
        Ok(Proof {
            location: place.whole.display().to_string(),
            evidence: serde_json::json!({
                "protocol": "directory",
                "size": size,
                "sha256": parcel.file.sha256,
            }),
        })
    }

    async fn probe(&self) -> Vec<Check> {
        let mut findings = Findings::about(&self.name);
        match self.examine(&mut findings).await {
            Ok(()) => {}
            Err(fault) => findings.fault(fault),
        }
        findings.into_checks()
    }
}
