//! A folder as a platform: a mounted share, a disk that is known by its label, or a plain folder.
//!
//! `<path>/<folder>/<name>.part` grows, is synced, read back from the disk and hashed, and only
//! then gets its final name; the folder is synced after that, and the file is listed in the
//! manifest ([`manifest`]). The final name never holds anything but a whole, proven file, and a
//! file that was there before us is never overwritten. After a cut the part is compared with our
//! file before it is continued. What the manifest lists is not copied again, wherever it is now.

mod copy;
mod disk;
mod manifest;
mod place;

use std::path::{Path, PathBuf};

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
use disk::Disks;
use manifest::Entry;
use place::{Place, obstacle};

/// A folder, as configured.
pub(crate) struct Directory {
    name: PlatformName,
    /// Absolute; with `label`, below the disk's root.
    path: PathBuf,
    label: Option<String>,
    disks: Disks,
    create: Create,
    patience: Patience,
}

/// The folder as it was found.
struct Root {
    path: PathBuf,
    /// It is not there, and may be made.
    missing: bool,
}

impl Directory {
    pub(crate) fn new(
        name: PlatformName,
        path: PathBuf,
        label: Option<String>,
        create: Create,
        patience: Patience,
    ) -> Self {
        Self {
            name,
            path,
            label,
            disks: Disks::default(),
            create,
            patience,
        }
    }

    /// Where the parcel goes.
    async fn place(&self, parcel: &Parcel<'_>) -> Result<(Root, Place), Fault> {
        let root = self.root().await?;
        let place = Place::new(&root.path, parcel.folder(), &parcel.file.name)?;
        Ok((root, place))
    }

    /// Finds the folder. One that is not there may be a share that is not mounted, and is then
    /// waited for.
    async fn root(&self) -> Result<Root, Fault> {
        let path = match &self.label {
            Some(label) => self.disks.mount_point(label)?.join(&self.path),
            None => self.path.clone(),
        };
        match copy::answered(tokio::fs::metadata(&path)).await? {
            Ok(meta) if meta.is_dir() => Ok(Root { path, missing: false }),
            Ok(_) => Err(Fault::refused(
                format!("{} is no folder.", path.display()),
                "Check the platform's path in the configuration.",
            )),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                if copy::answered(self.may_create(&path)).await? {
                    Ok(Root { path, missing: true })
                } else {
                    Err(Fault::later(format!(
                        "The folder {} is not there: mount the share or plug in the disk.",
                        path.display()
                    )))
                }
            }
            Err(error) => Err(obstacle("look at", &path, &error)),
        }
    }

    /// Whether the folder may be made where it is missing. A disk that was found by its label is
    /// the right one, also when it is empty.
    async fn may_create(&self, path: &Path) -> bool {
        match (self.create, path.parent()) {
            (Create::Always, _) => true,
            (Create::Beside, _) if self.label.is_some() => true,
            (Create::Never, _) | (Create::Beside, None) => false,
            (Create::Beside, Some(above)) => match tokio::fs::read_dir(above).await {
                Ok(mut entries) => matches!(entries.next_entry().await, Ok(Some(_))),
                Err(_) => false,
            },
        }
    }

    async fn examine(&self, findings: &mut Findings) -> Result<(), Fault> {
        let root = self.root().await?;
        let shown = root.path.display();
        if root.missing {
            findings.good(format!("{shown} is made with the first lecture."));
            return Ok(());
        }
        copy::try_out(&root.path).await?;
        findings.good(format!(
            "{shown} can be written; it verifies nothing of its own, so each file is read back and its SHA-256 compared."
        ));
        match manifest::carried(&root.path).await? {
            Some((listed, carried)) => findings.good(format!(
                "{} lists what was copied here in whole, files: {listed}; carried away since: {carried}.",
                manifest::NAME
            )),
            None => findings.warning(
                format!("{shown}/{} is damaged or not Lectern's.", manifest::NAME),
                "It is set aside when the next file is copied; keep it if it tells what was carried away.",
            ),
        }
        Ok(())
    }
}

/// What the manifest says of this file, if it lists it.
async fn listed(root: &Root, place: &Place, parcel: &Parcel<'_>) -> Result<bool, Fault> {
    let file = &parcel.file;
    match manifest::listed(&root.path, parcel.lecture(), &file.name).await? {
        None => Ok(false),
        Some(entry) if entry.size == file.size_bytes && entry.sha256 == file.sha256 => Ok(true),
        Some(_) => Err(place.other_file()),
    }
}

#[async_trait]
impl Platform for Directory {
    async fn ask(&self, parcel: &Parcel<'_>) -> Result<Standing, Fault> {
        let (root, place) = self.place(parcel).await?;
        let size = parcel.file.size_bytes;
        match place::length(&place.whole).await? {
            // The hash is taken once, when it is verified.
            Some(length) if length == size => return Ok(Standing::Whole { remote: None }),
            Some(_) => return Err(place.other_file()),
            None => {}
        }
        let confirmed = matches!(parcel.file.phase, FilePhase::Confirmed { .. });
        if listed(&root, &place, parcel).await? {
            return Ok(match &self.label {
                // Such a disk is there to be carried and emptied. A share or folder is not: what
                // it no longer has may be lost.
                Some(_) if confirmed => Standing::Mute,
                None if confirmed => Standing::Uncertain {
                    happened: format!(
                        "{} is no longer there, and {} lists it as copied: if it is lost, take it out of that list \
                         and send the lecture again.",
                        place.whole.display(),
                        manifest::NAME
                    ),
                },
                Some(_) | None => Standing::Whole { remote: None },
            });
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
        let (root, place) = self.place(parcel).await?;
        parcel.contents.check_size().await?;
        let missing = root.missing.then_some(root.path.as_path());
        copy::create(&place, missing).await?;
        Ok(place.part_name())
    }

    async fn send(&self, parcel: &Parcel<'_>, _remote: &str, from: u64) -> Result<u64, Fault> {
        let (_, place) = self.place(parcel).await?;
        parcel.contents.check_size().await?;
        copy::append(parcel, &place.part, from, self.patience.idle).await?;
        Ok(parcel.file.size_bytes)
    }

    async fn complete(&self, parcel: &Parcel<'_>, _remote: &str, _from: u64) -> Result<(), Fault> {
        let (root, place) = self.place(parcel).await?;
        if !copy::reads_back(parcel, &place.part).await? {
            return Err(Fault::person(
                format!("{} does not read back as it was written.", place.part.display()),
                "Check the disk or the share: it loses or changes data.",
            ));
        }
        copy::publish(&place).await?;
        manifest::list(&root.path, entry(&root, &place, parcel)).await
    }

    async fn verify(
        &self,
        parcel: &Parcel<'_>,
        _remote: Option<&str>,
        completed_now: bool,
    ) -> Result<Proof, Fault> {
        let (root, place) = self.place(parcel).await?;
        let size = parcel.file.size_bytes;
        let confirmed = matches!(parcel.file.phase, FilePhase::Confirmed { .. });
        let there = match place::length(&place.whole).await? {
            Some(length) if length == size => true,
            Some(_) => return Err(place.other_file()),
            None if !confirmed && listed(&root, &place, parcel).await? => false,
            None => return Err(Fault::doubt(format!("{} is not there.", place.whole.display()))),
        };
        // What `complete` read back a moment ago is not read again.
        if there && !completed_now {
            let found = reading::sha256_of(&place.whole, size, copy::LONGEST_STEP)
                .await
                .map_err(|error| obstacle("read", &place.whole, &error))?;
            if reading::hex(&found) != parcel.file.sha256 {
                return Err(place.other_file());
            }
            if !confirmed {
                manifest::list(&root.path, entry(&root, &place, parcel)).await?;
            }
        }
        Ok(Proof {
            location: place.whole.display().to_string(),
            evidence: serde_json::json!({
                "protocol": "directory",
                "size": size,
                "sha256": parcel.file.sha256,
                "carried_away": !there,
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

fn entry(root: &Root, place: &Place, parcel: &Parcel<'_>) -> Entry {
    let below = place.whole.strip_prefix(&root.path).unwrap_or(&place.whole);
    Entry {
        lecture: parcel.lecture(),
        title: parcel.title().to_owned(),
        room: place::room(parcel.folder()).to_owned(),
        recorded: jiff::Timestamp::from_millisecond(parcel.started_unix_ms())
            .map(|at| at.to_string())
            .unwrap_or_default(),
        file: parcel.file.name.clone(),
        path: below.display().to_string(),
        size: parcel.file.size_bytes,
        sha256: parcel.file.sha256.clone(),
    }
}

#[cfg(test)]
mod tests;
