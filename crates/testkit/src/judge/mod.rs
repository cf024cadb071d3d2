//! A strict tus 1.0.0 server that keeps count of everything and misbehaves on command.
//!
//! Every MUST of the protocol is answered as the specification says, and each breach by the client
//! is noted. Uploads lie on disk, so a judge can be stopped and started again on the same folder
//! and port; its notes are the judge's own and are kept by carrying them over.

mod answer;
mod book;
mod digest;
mod patch;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context;
use book::Book;
pub use book::Upload;
pub use digest::TusChecksum;
use hyper::Method;
use jiff::{SignedDuration, Timestamp};
use rustls::ServerConfig;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::court::{Misdeed, Moment, Sword};
use crate::wire;

/// How the judge is set up.
#[derive(Clone, Default)]
pub struct Rules {
    /// Port on 127.0.0.1; 0 takes any.
    pub port: u16,
    /// TLS, if it is to be spoken.
    pub tls: Option<Arc<ServerConfig>>,
    /// The token that every request must bear.
    pub bearer: Option<String>,
    /// Answer a creation with a relative Location.
    pub relative_location: bool,
    /// Answer no OPTIONS.
    pub no_options: bool,
    /// A finished upload is moved away: its address is gone at once. Receipts go on.
    pub moves_finished: bool,
    /// `Tus-Max-Size`, enforced.
    pub max_size: Option<u64>,
    /// The checksums that it offers; none for a server without that extension. A piece with one
    /// is dropped when it is another (460), and also when it breaks off: it cannot be verified.
    pub checksums: Vec<TusChecksum>,
    /// Forgets an unfinished upload this many seconds after its last piece, and says so.
    pub expires_after: Option<u32>,
}

/// Which request a misdeed waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum On {
    /// The next of this method.
    Next(Method),
    /// The next PATCH that would make its upload whole.
    LastPiece,
    /// The n-th request from now on, the next being 1.
    Request(usize),
}

/// One request as the judge saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Its method.
    pub method: Method,
    /// Its path and query.
    pub target: String,
    /// What was answered; `None` when nothing was.
    pub status: Option<u16>,
}

/// The judge; ended, with all its connections, when it is dropped.
pub struct TusJudge {
    address: SocketAddr,
    rules: Rules,
    court: Arc<Court>,
    accepting: JoinHandle<()>,
}

/// What the connections share. One lock, never held across an await.
pub(crate) struct Court {
    rules: Rules,
    notes: Mutex<Notes>,
    sword: Sword,
    /// Seconds that its clock is ahead of ours.
    clock: AtomicI64,
}

pub(crate) struct Notes {
    book: Book,
    script: VecDeque<(On, Misdeed)>,
    seen: Vec<Seen>,
    breaches: Vec<String>,
}

impl Court {
    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The judge's time.
    fn now(&self) -> Timestamp {
        Timestamp::now() + SignedDuration::from_secs(self.clock.load(Ordering::SeqCst))
    }
}

impl TusJudge {
    /// Starts it with its uploads in `dir`; those that are there already go on.
    ///
    /// # Errors
    /// When it cannot listen or read the folder.
    pub async fn start(dir: &Path, rules: Rules) -> anyhow::Result<Self> {
        let book = Book::open(dir)?;
        let notes = Notes {
            book,
            script: VecDeque::new(),
            seen: Vec::new(),
            breaches: Vec::new(),
        };
        Self::listen(rules, notes, 0).await
    }

    /// Ends it as a kill would, connections in mid-air, and starts it again on the same folder
    /// and port. Locks are forgotten, notes are kept.
    ///
    /// # Errors
    /// When it cannot listen again.
    pub async fn restart(mut self) -> anyhow::Result<Self> {
        let rules = Rules {
            port: self.address.port(),
            ..self.rules.clone()
        };
        let dir = self.court.notes().book.dir().to_owned();
        wire::end(&mut self.accepting, &self.court).await;
        let clock = self.court.clock.load(Ordering::SeqCst);
        let (seen, breaches, counts) = {
            let mut notes = self.court.notes();
            (
                std::mem::take(&mut notes.seen),
                std::mem::take(&mut notes.breaches),
                notes.book.counts(),
            )
        };
        let book = Book::open(&dir)?.with_counts(&counts);
        Self::listen(
            rules,
            Notes {
                book,
                script: VecDeque::new(),
                seen,
                breaches,
            },
            clock,
        )
        .await
    }

    async fn listen(rules: Rules, notes: Notes, clock: i64) -> anyhow::Result<Self> {
        let wanted = SocketAddr::from(([127, 0, 0, 1], rules.port));
        let listener = TcpListener::bind(wanted)
            .await
            .with_context(|| format!("listening on {wanted}"))?;
        let address = listener.local_addr()?;
        let court = Arc::new(Court {
            rules: rules.clone(),
            notes: Mutex::new(notes),
            sword: Sword::default(),
            clock: AtomicI64::new(clock),
        });
        let accepting = tokio::spawn(wire::accept(listener, Arc::clone(&court)));
        Ok(Self {
            address,
            rules,
            court,
            accepting,
        })
    }

    /// Whether no request is at work on an upload: a sender that is gone has bytes under way still,
    /// and until they are in, its upload is locked.
    #[must_use]
    pub fn rests(&self) -> bool {
        !self.court.notes().book.has_locked()
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where uploads are created.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}/files/", self.origin())
    }

    /// Where receipts are asked for.
    #[must_use]
    pub fn receipt_url(&self) -> String {
        format!("{}/receipt", self.origin())
    }

    fn origin(&self) -> String {
        let scheme = if self.rules.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// Has a misdeed done, once, at the next request that fits. Several wait in order.
    ///
    /// # Panics
    /// For a misdeed that is of another protocol.
    pub fn misbehave(&self, on: On, misdeed: Misdeed) {
        assert!(
            !matches!(misdeed, Misdeed::ErrorInside(_)),
            "tus has no {misdeed:?}"
        );
        let mut notes = self.court.notes();
        let on = match on {
            On::Request(n) => On::Request(notes.seen.len() + n),
            other => other,
        };
        notes.script.push_back((on, misdeed));
    }

    /// Sets the judge's clock this many seconds ahead of ours (behind, when negative).
    pub fn set_clock_offset(&self, seconds: i64) {
        self.court.clock.store(seconds, Ordering::SeqCst);
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

    /// Removes an upload as an operator or an expiry would.
    pub fn forget(&self, id: &str) {
        self.court.notes().book.remove(id);
    }

    /// Every upload that it knows, in order of creation. Blocks for hashing whole ones.
    #[must_use]
    pub fn uploads(&self) -> Vec<Upload> {
        self.court.notes().book.uploads()
    }

    /// The uploads that arrived in whole.
    #[must_use]
    pub fn whole(&self) -> Vec<Upload> {
        self.uploads()
            .into_iter()
            .filter(|upload| upload.sha256.is_some())
            .collect()
    }

    /// Every request so far.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        self.court.notes().seen.clone()
    }

    /// What the client did against the protocol, and each byte that it sent without having asked
    /// after a doubt. Empty is a pass.
    #[must_use]
    pub fn breaches(&self) -> Vec<String> {
        self.court.notes().breaches.clone()
    }

    /// The folder of its uploads.
    #[must_use]
    pub fn dir(&self) -> PathBuf {
        self.court.notes().book.dir().to_owned()
    }
}

impl Drop for TusJudge {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}
