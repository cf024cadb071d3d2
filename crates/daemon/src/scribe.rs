//! Writes down what may be a moment late: signs of life of the run at work, and facts about it.
//!
//! A task of its own, so that a disk that stands still keeps no press of a button waiting behind
//! a heartbeat. It ends when its [`Scribe`] is dropped and everything was written or given up;
//! `run.rs` waits for it.

use std::collections::BTreeMap;

use lectern_domain::fact::Fact;
use lectern_domain::ids::{LectureId, RunId};
use lectern_store::{Db, DbError};
use tokio::sync::{mpsc, oneshot};
use tracing::{debug, warn};

/// Entries that wait for the database: more than a stalled disk gathers in a minute of trouble
/// with every source.
pub(crate) const ENTRY_BOUND: usize = 256;
/// Entries of one round: each lecture's facts are one commit.
const ROUND: usize = 64;
/// Facts that a failing database may leave behind; the oldest go first.
const KEPT: usize = 512;

enum Entry {
    /// The daemon is alive with this run open, at this moment of it.
    Beat(RunId, u64),
    Fact(LectureId, Fact),
    /// Everything before it has been tried.
    Settled(oneshot::Sender<()>),
}

/// The way to the task; cheap to clone.
#[derive(Clone)]
pub(crate) struct Scribe(mpsc::Sender<Entry>);

/// The task's body and the way to it.
pub(crate) fn scribe(db: Db) -> (Scribe, impl Future<Output = ()>) {
    let (out, entries) = mpsc::channel(ENTRY_BOUND);
    (Scribe(out), work(db, entries))
}

impl Scribe {
    /// Notes a sign of life, nanoseconds of the run. Does not wait; the next one counts as well.
    pub(crate) fn beat(&self, run: RunId, seen_ns: u64) {
        // Full: the disk stands still, and no sign of life could be written.
        drop(self.0.try_send(Entry::Beat(run, seen_ns)));
    }

    /// Notes a fact. Does not wait; `false` if there was no room for it.
    pub(crate) fn note(&self, lecture: LectureId, fact: Fact) -> bool {
        self.0.try_send(Entry::Fact(lecture, fact)).is_ok()
    }

    /// Returns when everything noted before was written, or could not be.
    pub(crate) async fn settled(&self) {
        let (done, settled) = oneshot::channel();
        if self.0.send(Entry::Settled(done)).await.is_ok() {
            // An error means that the task has ended: nothing waits any more.
            drop(settled.await);
        }
    }
}

async fn work(db: Db, mut entries: mpsc::Receiver<Entry>) {
    let mut round = Vec::with_capacity(ROUND);
    let mut unwritten: Vec<(LectureId, Fact)> = Vec::new();
    while entries.recv_many(&mut round, ROUND).await > 0 {
        let Sorted {
            beats,
            facts,
            settled,
        } = sort(round.drain(..));
        for (run, seen_ns) in beats {
            if let Err(error) = db.beat(run, seen_ns).await {
                warn!(lecture = %run.lecture, error = %error, "sign of life could not be written");
            }
        }
        unwritten.extend(facts);
        unwritten = write(&db, unwritten).await;
        for done in settled {
            if done.send(()).is_err() {
                debug!("whoever waited for facts to be written has gone");
            }
        }
    }
}

#[derive(Default)]
struct Sorted {
    beats: BTreeMap<RunId, u64>,
    facts: Vec<(LectureId, Fact)>,
    settled: Vec<oneshot::Sender<()>>,
}

fn sort(round: impl Iterator<Item = Entry>) -> Sorted {
    let mut sorted = Sorted::default();
    for entry in round {
        match entry {
            Entry::Beat(run, seen_ns) => {
                sorted.beats.insert(run, seen_ns);
            }
            Entry::Fact(lecture, fact) => sorted.facts.push((lecture, fact)),
            Entry::Settled(done) => sorted.settled.push(done),
        }
    }
    sorted
}

/// Writes the facts, each lecture's in one commit, and returns those to be tried again.
async fn write(db: &Db, facts: Vec<(LectureId, Fact)>) -> Vec<(LectureId, Fact)> {
    let mut by_lecture: BTreeMap<LectureId, Vec<Fact>> = BTreeMap::new();
    for (lecture, fact) in facts {
        by_lecture.entry(lecture).or_default().push(fact);
    }
    let mut again = Vec::new();
    for (lecture, facts) in by_lecture {
        match db.note(lecture, facts.clone()).await {
            Ok(()) => {}
            Err(error @ (DbError::NotFound(_) | DbError::Conflict(_))) => {
                warn!(lecture = %lecture, facts = facts.len(), error = %error, "facts belong to no lecture that is known");
            }
            Err(error) => {
                warn!(lecture = %lecture, facts = facts.len(), error = %error, "facts could not be written; they are tried again");
                again.extend(facts.into_iter().map(|fact| (lecture, fact)));
            }
        }
    }
    let excess = again.len().saturating_sub(KEPT);
    if excess > 0 {
        warn!(facts = excess, "facts were given up");
        again.drain(..excess);
    }
    again
}
