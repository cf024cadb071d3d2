//! Opencast: a lecture as one media package, by the ingest service for capture agents.
//!
//! The media package is a document that travels in our hands: each file that is added gives the
//! next one, and the newest that was committed is what is handed in. A file has no offset there:
//! a break costs the file that was under way, from its start. Handing in begins a workflow, and a
//! second handing in would begin a second one: after any doubt the workflows of the lecture are
//! asked for, by the lecture's own id.
//!
//! Proof is the workflow. Opencast tells no digest when it takes a file; what its workflow finds
//! out later (size, MD5) is compared when our copy is about to be deleted, and then the workflow
//! must have ended well.

mod ask;
mod describe;
mod document;
mod form;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzz;
mod probe;
mod proof;
mod refusal;
mod registry;
mod session;
mod sign_in;
mod states;
mod upload;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use lectern_domain::api::Check;
use lectern_domain::config::{Auth, Credential};
use lectern_domain::delivery::{DeliveryFile, FilePhase};
use lectern_domain::ids::{LectureId, PlatformName};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::again::Still;
use crate::credential::Secrets;
use crate::fault::Fault;
use crate::net::{self, Control, Line, Patience};
use crate::package::{Farewell, Package, PackagePlatform, PackageStanding};
use crate::platform::Proof;
use ask::{Known, best, read_package, taken};
use describe::Place;
use document::{MediaPackage, State, Workflow};
use form::Multipart;
use proof::{Found, Ours};
use registry::Service;
use session::Session;
use sign_in::SignIn;
use states::{Agent, Recording};

/// An Opencast, as configured. Talks to nobody before the first call.
pub(crate) struct Opencast {
    name: PlatformName,
    settings: Settings,
    credential: Option<Credential>,
    ca_file: Option<PathBuf>,
    secrets: Secrets,
    patience: Patience,
    line: Arc<Line>,
    session: OnceCell<Session>,
    /// The workflow that the server named when it took the package in this run.
    begun: Mutex<Option<Workflow>>,
    /// The states that people see were told in this run.
    announced: AtomicBool,
}

/// What the configuration says beside what all platforms have.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) url: String,
    pub(crate) user: String,
    pub(crate) auth: Auth,
    pub(crate) workflow: Option<String>,
    pub(crate) parameters: Vec<(String, String)>,
    pub(crate) agent: String,
}

impl Opencast {
    pub(crate) fn new(
        settings: Settings,
        platform: &lectern_domain::config::Platform,
        secrets: Secrets,
        patience: Patience,
        line: Arc<Line>,
    ) -> Self {
        Self {
            name: platform.name.clone(),
            settings,
            credential: platform.credential.clone(),
            ca_file: platform.ca_file.clone(),
            secrets,
            patience,
            line,
            session: OnceCell::new(),
            begun: Mutex::default(),
            announced: AtomicBool::new(false),
        }
    }

    async fn session(&self) -> Result<&Session, Fault> {
        self.session
            .get_or_try_init(async || {
                let home = net::checked_url(&self.settings.url, "url")?;
                let Some(credential) = &self.credential else {
                    return Err(Fault::refused(
                        format!("The platform {} has no credential.", self.name),
                        "Name the password of its user as credential or credential_file.",
                    ));
                };
                let password = self.secrets.read(credential)?;
                let sign_in = SignIn::new(self.settings.auth, self.settings.user.clone(), password);
                let control = Control::new(
                    &home,
                    self.ca_file.as_deref(),
                    None,
                    self.patience,
                    Arc::clone(&self.line),
                    &self.secrets,
                )?;
                Ok(Session::new(home, control, sign_in))
            })
            .await
    }

    /// Has people see that the room uploads; once in a run.
    async fn announce(&self, session: &Session, lecture: LectureId) {
        if !self.announced.swap(true, Ordering::Relaxed) {
            let agent = (self.settings.agent.as_str(), Agent::Uploading);
            states::tell(session, agent, lecture, Some(Recording::Uploading)).await;
        }
    }

    /// Compares every file with what the server has of the lecture. `None` for a file that it
    /// does not name.
    async fn compare(
        &self,
        package: &Package<'_>,
        there: &MediaPackage,
    ) -> Result<Vec<Option<Value>>, Fault> {
        let peer = self.session().await?.authority();
        let sent = newest_handle(package).and_then(MediaPackage::of_xml);
        let mut found = Vec::new();
        for parcel in &package.parcels {
            let ours = Ours {
                file: &parcel.file,
                place: place(&parcel.file, package),
            };
            found.push(match proof::find(&ours, there, sent.as_ref(), &peer).await? {
                Found::Agreeing(told) => Some(told),
                Found::Nothing => None,
            });
        }
        Ok(found)
    }

    fn begun(&self) -> Option<Workflow> {
        self.begun.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl PackagePlatform for Opencast {
    async fn ask(&self, package: &Package<'_>) -> Result<PackageStanding, Fault> {
        let (session, lecture) = (self.session().await?, package.lecture());
        let mut settled = !package.completing();
        loop {
            match ask::known(session, lecture).await? {
                Known::Archived(_) => return Ok(PackageStanding::Taken),
                Known::Workflows(workflows) => return Ok(taken(&workflows, session)),
                Known::Nothing if settled => return Ok(PackageStanding::Open),
                Known::Nothing => {
                    // The request may still be under way there: only what stays absent is.
                    settled = true;
                    tokio::time::sleep(self.patience.idle).await;
                }
                Known::Untold if package.completing() && !package.confirmed() => {
                    return Ok(PackageStanding::Uncertain {
                        happened: format!(
                            "{} does not let this user see workflows, and did not answer when the lecture was \
                             handed in.",
                            session.authority()
                        ),
                    });
                }
                Known::Untold if package.confirmed() => return Ok(PackageStanding::Taken),
                Known::Untold => return Ok(PackageStanding::Open),
            }
        }
    }

    async fn open(&self, package: &Package<'_>) -> Result<String, Fault> {
        let (session, lecture) = (self.session().await?, package.lecture());
        session.look_up(Service::Ingest).await?;
        self.announce(session, lecture).await;
        let url = session
            .at(Service::Ingest, &format!("createMediaPackageWithID/{lecture}"))
            .await?;
        let what = "the opening of a media package";
        let reply = session.request(Method::PUT, &url, None).await?;
        let (empty, _) = read_package(&reply, what, &url, lecture)?;
        let url = session.at(Service::Ingest, "addDCCatalog").await?;
        let catalogue = describe::dublin_core(package.job, &self.settings.agent);
        let fields = [
            ("mediaPackage", empty.as_str()),
            ("dublinCore", catalogue.as_str()),
            ("flavor", "dublincore/episode"),
        ];
        let reply = session.request(Method::POST, &url, Some(&fields)).await?;
        let (described, _) = read_package(&reply, "the lecture's description", &url, lecture)?;
        tracing::info!(%lecture, "a media package was opened");
        Ok(described)
    }

    async fn add(&self, package: &Package<'_>, index: usize, handle: &str) -> Result<String, Fault> {
        let (session, lecture) = (self.session().await?, package.lecture());
        session.look_up(Service::Ingest).await?;
        self.announce(session, lecture).await;
        let parcel = &package.parcels[index];
        let file = &parcel.file;
        let Place { method, flavor } = place(file, package);
        let url = session.at(Service::Ingest, method).await?;
        let fields = [("mediaPackage", handle), ("flavor", flavor), ("tags", "")];
        let form = Multipart::new(&fields, &file.name, &file.content_type);
        let reply = upload::post(session, parcel, &url, &form).await?;
        let (next, now) = read_package(&reply, "a file of the lecture", &url, lecture)?;
        let before = MediaPackage::of_xml(handle).map_or(0, |package| package.elements.len());
        if now.elements.len() != before + 1 {
            return Err(Fault::doubt(format!(
                "{} took {} and did not name it in the media package.",
                net::authority(&url),
                file.name
            )));
        }
        tracing::info!(file = file.name, "a file was added to the media package");
        Ok(next)
    }

    async fn complete(&self, package: &Package<'_>, handle: &str) -> Result<(), Fault> {
        let session = self.session().await?;
        let url = session.at(Service::Ingest, "ingest").await?;
        let mut fields = vec![("mediaPackage", handle)];
        if let Some(workflow) = &self.settings.workflow {
            fields.push(("workflowDefinitionId", workflow));
        }
        let parameters = self.settings.parameters.iter();
        fields.extend(parameters.map(|(key, value)| (key.as_str(), value.as_str())));
        session.prime(&url).await?;
        let reply = session.request(Method::POST, &url, Some(&fields)).await?;
        if reply.status != StatusCode::OK {
            return Err(refusal::handing_in(&reply, &url));
        }
        let begun = std::str::from_utf8(&reply.body).ok().and_then(Workflow::of_xml);
        if begun
            .as_ref()
            .is_none_or(|workflow| workflow.package.id != package.lecture().to_string())
        {
            return Err(Fault::doubt(format!(
                "{} took the lecture and named no workflow for it.",
                net::authority(&url)
            )));
        }
        *self.begun.lock().unwrap_or_else(PoisonError::into_inner) = begun;
        Ok(())
    }

    async fn verify(&self, package: &Package<'_>) -> Result<Vec<Proof>, Fault> {
        let session = self.session().await?;
        let lecture = package.lecture();
        let (workflow, there) = match ask::known(session, lecture).await? {
            Known::Workflows(workflows) => {
                let workflow = best(&workflows).clone();
                let there = workflow.package.clone();
                (Some(workflow), there)
            }
            Known::Archived(there) => (None, there),
            Known::Untold => {
                let begun = self.begun();
                let there = begun
                    .as_ref()
                    .map(|begun| begun.package.clone())
                    .unwrap_or_default();
                (begun, there)
            }
            Known::Nothing => {
                return Err(Fault::doubt(format!(
                    "{} took the lecture and knows no workflow of it.",
                    session.authority()
                )));
            }
        };
        let found = self.compare(package, &there).await?;
        let ours = newest_handle(package).is_some() || package.confirmed();
        let ended = workflow
            .as_ref()
            .is_none_or(|workflow| workflow.state == State::Succeeded);
        if !ours && !ended && found.iter().all(Option::is_none) {
            return Err(Fault::person(
                format!(
                    "{} is at work on a lecture of this id that names none of its files: it is another file.",
                    session.authority()
                ),
                "Look at that event there, and remove it if it is not this lecture.",
            ));
        }
        let (id, state) = workflow.as_ref().map_or((None, None), |workflow| {
            (Some(workflow.id.as_str()), Some(workflow.state.as_str()))
        });
        let location = match id {
            Some(id) => format!("{} (workflow {id})", session.shown()),
            None => format!("{} (event {lecture})", session.shown()),
        };
        let proof = |told| Proof {
            location: location.clone(),
            evidence: json!({
                "protocol": "opencast ingest",
                "media_package": lecture,
                "workflow": id,
                "state": state,
                "told": told,
            }),
        };
        Ok(found.into_iter().map(proof).collect())
    }

    async fn leave(&self, package: &Package<'_>, farewell: Farewell) {
        let Some(session) = self.session.get() else { return };
        let recording = match farewell {
            Farewell::Finished => Some(Recording::Finished),
            Farewell::Failed => Some(Recording::Failed),
            Farewell::Later => None,
        };
        if self.announced.load(Ordering::Relaxed) || farewell != Farewell::Later {
            let agent = (self.settings.agent.as_str(), Agent::Idle);
            states::tell(session, agent, package.lecture(), recording).await;
        }
    }

    async fn held(&self, package: &Package<'_>) -> Still {
        match self.still_held(package).await {
            Ok(still) => still,
            Err(fault) => Still::of(fault),
        }
    }

    async fn probe(&self) -> Vec<Check> {
        probe::probe(self).await
    }
}

impl Opencast {
    /// Deletion waits for the workflow's good end: until then the platform works on what we sent,
    /// and may need it again.
    async fn still_held(&self, package: &Package<'_>) -> Result<Still, Fault> {
        let session = self.session().await?;
        let peer = session.authority();
        let there = match ask::known(session, package.lecture()).await? {
            Known::Untold => return Ok(Still::Held),
            Known::Nothing => return Ok(Still::Denied(format!("{peer} knows nothing of the lecture."))),
            Known::Archived(there) => there,
            Known::Workflows(workflows) => {
                let Workflow { id, state, package } = best(&workflows);
                match state {
                    State::Succeeded => package.clone(),
                    State::Going(word) => {
                        return Ok(Still::Silent(format!(
                            "{peer} is still at workflow {id} ({word})."
                        )));
                    }
                    State::Broken(word) => {
                        return Ok(Still::Denied(format!(
                            "The workflow {id} at {peer} ended as {word}."
                        )));
                    }
                }
            }
        };
        self.compare(package, &there).await.map(|_| Still::Held)
    }
}

fn place(file: &DeliveryFile, package: &Package<'_>) -> Place {
    describe::place(file, &package.job.files)
}

/// The newest document that was committed, also when the receipts of other files came after it.
fn newest_handle<'p>(package: &'p Package<'_>) -> Option<&'p str> {
    package
        .parcels
        .iter()
        .rev()
        .find_map(|parcel| match &parcel.file.phase {
            FilePhase::Bound { remote } | FilePhase::Completing { remote } => Some(remote.as_str()),
            FilePhase::Pending | FilePhase::Creating | FilePhase::Confirmed { .. } => None,
        })
}
