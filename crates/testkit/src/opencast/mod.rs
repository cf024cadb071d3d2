//! A faithful Opencast for capture agents: the registry, signing in, the ingest service, the
//! workflows and the archive, the agents' and recordings' states. It keeps count of everything
//! and misbehaves on command.
//!
//! It answers as Opencast does, also where that is unkind: whoever is not known is sent to a login
//! page, a track that is added twice is there twice, a second handing in begins a second workflow
//! once the first has ended. Each of these is noted as a breach by the client. Files and facts lie
//! on disk, so a judge can be stopped and started again on the same folder and port.

mod answer;
mod auth;
mod book;
mod ingest;
mod package;
mod receive;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context;
use auth::Door;
use book::Book;
pub use book::{OpencastTrack, OpencastWorkflow};
use rustls::ServerConfig;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::court::{Misdeed, Moment, Sword};
use crate::judge::Seen;
use crate::wire;

/// How clients sign in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OpencastAuth {
    /// HTTP Basic, as ordinary users.
    #[default]
    Basic,
    /// HTTP Digest, as the system account.
    Digest,
}

/// In which shape the registry answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OpencastRegistry {
    /// One service, as an object.
    #[default]
    One,
    /// Several as a list; all but one are offline or in maintenance.
    Several,
    /// No service at all.
    Nothing,
}

/// What becomes of a workflow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OpencastEnd {
    /// It has ended well as soon as it has begun.
    #[default]
    Succeeded,
    /// It goes on until [`OpencastJudge::end_workflows`].
    Running,
    /// It has failed as soon as it has begun.
    Failed,
}

/// How the judge is set up.
#[derive(Clone)]
pub struct OpencastRules {
    /// Port on 127.0.0.1; 0 takes any.
    pub port: u16,
    /// TLS, if it is to be spoken.
    pub tls: Option<Arc<ServerConfig>>,
    /// Who may come in.
    pub user: String,
    /// The password of `user`.
    pub password: String,
    /// How `user` signs in.
    pub auth: OpencastAuth,
    /// How long a challenge of Digest can be answered.
    pub nonce_life: Duration,
    /// The registry's shape.
    pub registry: OpencastRegistry,
    /// What becomes of a workflow.
    pub end: OpencastEnd,
    /// The user may not read workflows, nor the archive.
    pub workflows_forbidden: bool,
    /// Tells size and MD5 of each track with its workflow, as after an inspection.
    pub tells_digests: bool,
    /// Recordings were scheduled: their states are kept. Else 404.
    pub scheduled: bool,
}

impl Default for OpencastRules {
    fn default() -> Self {
        Self {
            port: 0,
            tls: None,
            user: "room-agent".to_owned(),
            password: "only-for-the-judge".to_owned(),
            auth: OpencastAuth::Basic,
            nonce_life: Duration::from_secs(300),
            registry: OpencastRegistry::One,
            end: OpencastEnd::Succeeded,
            workflows_forbidden: false,
            tells_digests: true,
            scheduled: false,
        }
    }
}

/// What a request asks for: what misdeeds are ordered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpencastCall {
    /// `GET /services/available.json`
    Registry,
    /// `PUT /ingest/createMediaPackageWithID/{id}`
    Create,
    /// `POST /ingest/addDCCatalog`
    Catalogue,
    /// `POST /ingest/addTrack` and `addAttachment`
    Add,
    /// `POST /ingest/ingest`
    Ingest,
    /// `GET /workflow/mediaPackage/{id}/instances.json`
    Workflows,
    /// `GET /assets/episode/{id}`
    Archive,
    /// `/capture-admin/agents/…`
    Agent,
    /// `/capture-admin/recordings/…`
    Recording,
}

/// The judge; ended, with all its connections, when it is dropped.
pub struct OpencastJudge {
    address: SocketAddr,
    court: Arc<Court>,
    accepting: JoinHandle<()>,
}

/// What the connections share. One lock, never held across an await.
pub(crate) struct Court {
    rules: OpencastRules,
    address: SocketAddr,
    door: Door,
    sword: Sword,
    notes: Mutex<Notes>,
}

struct Notes {
    book: Book,
    script: VecDeque<(OpencastCall, Misdeed)>,
    seen: Vec<Seen>,
    breaches: Vec<String>,
    /// Bytes of files that arrived, repetitions included.
    received: u64,
}

impl Court {
    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OpencastJudge {
    /// Starts it with its files in `dir`; those that are there already go on.
    ///
    /// # Errors
    /// When it cannot listen or read the folder.
    pub async fn start(dir: &Path, rules: OpencastRules) -> anyhow::Result<Self> {
        let notes = Notes {
            book: Book::open(dir)?,
            script: VecDeque::new(),
            seen: Vec::new(),
            breaches: Vec::new(),
            received: 0,
        };
        Self::listen(rules, notes).await
    }

    /// Ends it as a kill would, connections in mid-air, and starts it again on the same folder
    /// and port. Challenges are forgotten, notes are kept.
    ///
    /// # Errors
    /// When it cannot listen again.
    pub async fn restart(mut self) -> anyhow::Result<Self> {
        let rules = OpencastRules {
            port: self.address.port(),
            ..self.court.rules.clone()
        };
        let dir = self.dir();
        self.accepting.abort();
        // An aborted task ends with an error that says so; the port is free only after it.
        drop((&mut self.accepting).await);
        let notes = {
            let mut notes = self.court.notes();
            Notes {
                book: Book::open(&dir)?,
                script: VecDeque::new(),
                seen: std::mem::take(&mut notes.seen),
                breaches: std::mem::take(&mut notes.breaches),
                received: notes.received,
            }
        };
        Self::listen(rules, notes).await
    }

    async fn listen(rules: OpencastRules, notes: Notes) -> anyhow::Result<Self> {
        let wanted = SocketAddr::from(([127, 0, 0, 1], rules.port));
        let listener = TcpListener::bind(wanted)
            .await
            .with_context(|| format!("listening on {wanted}"))?;
        let address = listener.local_addr()?;
        let court = Arc::new(Court {
            rules,
            address,
            door: Door::default(),
            sword: Sword::default(),
            notes: Mutex::new(notes),
        });
        let accepting = tokio::spawn(wire::accept(listener, Arc::clone(&court)));
        Ok(Self {
            address,
            court,
            accepting,
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The admin node.
    #[must_use]
    pub fn url(&self) -> String {
        self.court.origin()
    }

    /// Has a misdeed done, once, at the next request that asks for this. Several wait in order.
    pub fn misbehave(&self, on: OpencastCall, misdeed: Misdeed) {
        self.court.notes().script.push_back((on, misdeed));
    }

    /// Misdeeds that no request fitted yet.
    #[must_use]
    pub fn misdeeds_left(&self) -> usize {
        self.court.notes().script.len()
    }

    /// Kills the process `pid` (SIGKILL), once, at a moment of the `n`th request from now on, the
    /// next being 1.
    pub fn kill_on(&self, pid: u32, n: usize, moment: Moment) {
        self.court.sword.order(pid, n, moment);
    }

    /// True while that kill is still to come: a client that ended before had fewer requests.
    #[must_use]
    pub fn kill_pending(&self) -> bool {
        self.court.sword.pending()
    }

    /// Every workflow that was begun, in order.
    #[must_use]
    pub fn workflows(&self) -> Vec<OpencastWorkflow> {
        self.court.notes().book.workflows()
    }

    /// The SHA-256 of every file of every lecture that was handed in and did not fail, one entry
    /// for each time.
    #[must_use]
    pub fn whole(&self) -> Vec<String> {
        let there = self
            .workflows()
            .into_iter()
            .filter(|workflow| workflow.state != "FAILED");
        there
            .flat_map(|workflow| workflow.tracks)
            .map(|track| track.sha256)
            .collect()
    }

    /// Bytes of files that arrived, those of broken requests included: more than the files have
    /// means sent twice.
    #[must_use]
    pub fn received_bytes(&self) -> u64 {
        self.court.notes().received
    }

    /// Ends every workflow that is at work with this state.
    pub fn end_workflows(&self, state: &str) {
        self.court.notes().book.end_workflows(state);
    }

    /// Clears away all workflows as an operator does with old ones; what they took stays in the
    /// archive.
    pub fn clear_workflows(&self) {
        self.court.notes().book.clear_workflows();
    }

    /// Removes a lecture with all that belongs to it, as an operator may.
    pub fn forget(&self, lecture: &str) {
        self.court.notes().book.forget(lecture);
    }

    /// Puts another lecture under this id: one track of this flavour and content, taken.
    pub fn occupy(&self, lecture: &str, flavor: &str, content: &[u8]) {
        self.court.notes().book.occupy(lecture, flavor, content);
    }

    /// The last state that an agent told of itself.
    #[must_use]
    pub fn agent(&self, name: &str) -> Option<String> {
        self.court.notes().book.agent(name)
    }

    /// The last state of a scheduled recording.
    #[must_use]
    pub fn recording(&self, lecture: &str) -> Option<String> {
        self.court.notes().book.recording(lecture)
    }

    /// Every request so far.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        self.court.notes().seen.clone()
    }

    /// What the client did against the protocol, each second handing in, and each file that it
    /// sent without having asked after a doubt. Empty is a pass.
    #[must_use]
    pub fn breaches(&self) -> Vec<String> {
        self.court.notes().breaches.clone()
    }

    /// The folder of its files.
    #[must_use]
    pub fn dir(&self) -> PathBuf {
        self.court.notes().book.dir().to_owned()
    }
}

impl Drop for OpencastJudge {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}
