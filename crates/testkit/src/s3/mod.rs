//! A strict S3 server of one bucket that keeps count of everything and misbehaves on command.
//!
//! Signatures, digests, checksums, part sizes and orders are verified as AWS verifies them, and
//! each breach by the client is noted. Objects and unfinished uploads lie on disk, so a judge can
//! be stopped and started again on the same folder and port; its notes are the judge's own and
//! are kept by carrying them over.
//!
//! Of what a store offers, it has the calls in [`S3Call`]; a body in `aws-chunked` is refused.

mod answer;
mod body;
mod book;
mod digest;
mod object;
mod request;
mod sign;
#[cfg(test)]
mod tests;
mod upload;
mod xml;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context;
use book::Book;
pub use book::{OpenUpload, S3Object};
pub use digest::S3Checksum;
use jiff::{SignedDuration, Timestamp};
pub use request::S3Call;
use rustls::ServerConfig;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::court::{Misdeed, Moment, Sword};
use crate::judge::Seen;
use crate::wire;

/// How requests name the bucket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum S3Style {
    /// As they like.
    #[default]
    Both,
    /// `http://host/bucket/key` only.
    Path,
    /// `http://bucket.host/key` only.
    Host,
}

/// How the judge is set up.
#[derive(Clone)]
pub struct S3Rules {
    /// Port on 127.0.0.1; 0 takes any.
    pub port: u16,
    /// TLS, if it is to be spoken.
    pub tls: Option<Arc<ServerConfig>>,
    /// The one bucket.
    pub bucket: String,
    /// The region that signatures must name.
    pub region: String,
    /// Access key.
    pub access: String,
    /// Secret key.
    pub secret: String,
    /// How requests name the bucket.
    pub style: S3Style,
    /// The least size of every part but the last, in bytes; 5 MiB as everywhere.
    pub min_part: u64,
    /// The most parts and uploads on one page of a list.
    pub page: usize,
    /// The checksums that it knows; another one is refused with 501, as stores of other makers do.
    pub checksums: Vec<S3Checksum>,
    /// Verifies no digest and no checksum, as old stores do: it takes what comes and echoes nothing.
    pub verifies_nothing: bool,
    /// Ignores `If-None-Match`, as old stores do.
    pub ignores_if_none_match: bool,
}

impl Default for S3Rules {
    fn default() -> Self {
        Self {
            port: 0,
            tls: None,
            bucket: "lectures".to_owned(),
            region: "campus-1".to_owned(),
            access: "LECTERNTESTACCESS".to_owned(),
            secret: "lectern/test+secret".to_owned(),
            style: S3Style::Both,
            min_part: 5 << 20,
            page: 1000,
            checksums: S3Checksum::ALL.to_vec(),
            verifies_nothing: false,
            ignores_if_none_match: false,
        }
    }
}

/// Which request a misdeed waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum S3On {
    /// The next of this call.
    Next(S3Call),
    /// The next `UploadPart` with this number.
    Part(u32),
    /// The n-th request from now on, the next being 1.
    Request(usize),
}

/// The judge; ended, with all its connections, when it is dropped.
pub struct S3Judge {
    address: SocketAddr,
    rules: S3Rules,
    court: Arc<Court>,
    accepting: JoinHandle<()>,
}

/// What the connections share. One lock, never held across an await.
struct Court {
    rules: S3Rules,
    notes: Mutex<Notes>,
    sword: Sword,
    /// Seconds that the store's clock is ahead of ours.
    clock: AtomicI64,
}

struct Notes {
    book: Book,
    script: VecDeque<(S3On, Misdeed)>,
    tally: Tally,
}

/// What is remembered over restarts.
#[derive(Default)]
struct Tally {
    seen: Vec<(S3Call, Seen)>,
    breaches: Vec<String>,
    /// Body bytes that arrived for each key, over all requests.
    received: BTreeMap<String, u64>,
    /// How often each key came into being.
    written: BTreeMap<String, usize>,
    /// Parts that the client was told of, by upload.
    shown: BTreeMap<String, BTreeSet<u32>>,
}

impl Court {
    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The store's time.
    fn now(&self) -> Timestamp {
        Timestamp::now() + SignedDuration::from_secs(self.clock.load(Ordering::SeqCst))
    }
}

impl S3Judge {
    /// Starts it with its objects in `dir`; those that are there already stay.
    ///
    /// # Errors
    /// When it cannot listen or read the folder.
    pub async fn start(dir: &Path, rules: S3Rules) -> anyhow::Result<Self> {
        Self::listen(rules, Book::open(dir)?, Tally::default(), 0).await
    }

    /// Ends it as a kill would, connections in mid-air, and starts it again on the same folder
    /// and port. Notes are kept.
    ///
    /// # Errors
    /// When it cannot listen again.
    pub async fn restart(mut self) -> anyhow::Result<Self> {
        let rules = S3Rules {
            port: self.address.port(),
            ..self.rules.clone()
        };
        let dir = self.dir();
        wire::end(&mut self.accepting, &self.court).await;
        let tally = std::mem::take(&mut self.court.notes().tally);
        let clock = self.court.clock.load(Ordering::SeqCst);
        Self::listen(rules, Book::open(&dir)?, tally, clock).await
    }

    async fn listen(rules: S3Rules, book: Book, tally: Tally, clock: i64) -> anyhow::Result<Self> {
        let wanted = SocketAddr::from(([127, 0, 0, 1], rules.port));
        let listener = TcpListener::bind(wanted)
            .await
            .with_context(|| format!("listening on {wanted}"))?;
        let address = listener.local_addr()?;
        let court = Arc::new(Court {
            rules: rules.clone(),
            notes: Mutex::new(Notes {
                book,
                script: VecDeque::new(),
                tally,
            }),
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

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its rules.
    #[must_use]
    pub fn rules(&self) -> &S3Rules {
        &self.rules
    }

    /// The endpoint, without a bucket. By the name `localhost`: a [`TestCa`](crate::TestCa) vouches
    /// for that with a bucket before it as well.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.rules.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://localhost:{}", self.address.port())
    }

    /// Has a misdeed done, once, at the next request that fits. Several wait in order.
    ///
    /// # Panics
    /// For a misdeed that is of another protocol.
    pub fn misbehave(&self, on: S3On, misdeed: Misdeed) {
        assert!(
            !matches!(misdeed, Misdeed::Offset(_) | Misdeed::HoldAfter(..)),
            "S3 has no {misdeed:?}"
        );
        let mut notes = self.court.notes();
        let on = match on {
            S3On::Request(n) => S3On::Request(notes.tally.seen.len() + n),
            other => other,
        };
        notes.script.push_back((on, misdeed));
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

    /// Sets the store's clock this many seconds ahead of ours (behind, when negative).
    pub fn set_clock_offset(&self, seconds: i64) {
        self.court.clock.store(seconds, Ordering::SeqCst);
    }

    /// Forgets every unfinished upload, as the nightly cleaning of a store does.
    pub fn expire_uploads(&self) {
        self.court.notes().book.abort_all();
    }

    /// Every object, by key. Blocks for hashing.
    #[must_use]
    pub fn objects(&self) -> Vec<S3Object> {
        let notes = self.court.notes();
        let mut objects = notes.book.objects();
        for object in &mut objects {
            object.received = notes.tally.received.get(&object.key).copied().unwrap_or_default();
            object.written = notes.tally.written.get(&object.key).copied().unwrap_or_default();
        }
        objects
    }

    /// Every unfinished upload, in order of creation.
    #[must_use]
    pub fn open_uploads(&self) -> Vec<OpenUpload> {
        self.court.notes().book.open_uploads()
    }

    /// Body bytes that arrived for all keys, over all requests: more than the objects' sizes
    /// means sent twice.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.court.notes().tally.received.values().sum()
    }

    /// Every request so far.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        let notes = self.court.notes();
        notes.tally.seen.iter().map(|(_, seen)| seen.clone()).collect()
    }

    /// Every call so far, in order, with the status that was answered, if any was.
    #[must_use]
    pub fn calls(&self) -> Vec<(S3Call, Option<u16>)> {
        let notes = self.court.notes();
        notes
            .tally
            .seen
            .iter()
            .map(|(call, seen)| (*call, seen.status))
            .collect()
    }

    /// What the client did against the protocol, each part that it sent again though it had been
    /// told that the store has it, each object that it overwrote, and each upload that it began
    /// beside an open one of the same key. Empty is a pass.
    #[must_use]
    pub fn breaches(&self) -> Vec<String> {
        self.court.notes().tally.breaches.clone()
    }

    /// The folder of its objects.
    #[must_use]
    pub fn dir(&self) -> PathBuf {
        self.court.notes().book.dir().to_owned()
    }
}

impl Drop for S3Judge {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}
