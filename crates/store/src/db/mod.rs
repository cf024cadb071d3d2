//! The database: the only rusqlite connection, on the thread `db`.
//!
//! [`Db`] is the handle. Each call is one job for the thread, waits for room among
//! [`JOBS_BOUND`] jobs, never blocks, and returns after the COMMIT. [`Back`] is the spool
//! thread's way in; it takes no place in the bound, see `mailbox.rs`. Of files it touches SQLite's
//! own and `plans.json`, which must be written within a transaction; all others are the spool's.

pub(crate) mod census;
pub(crate) mod clocks;
pub(crate) mod document;
pub(crate) mod due;
pub(crate) mod fact;
pub(crate) mod finishing;
pub(crate) mod joining;
pub(crate) mod journal;
pub(crate) mod ledger;
pub(crate) mod notices;
pub(crate) mod parts;
pub(crate) mod planned;
pub(crate) mod purge;
pub(crate) mod queue;
pub(crate) mod recorded;
pub(crate) mod recording;
pub(crate) mod restore;
pub(crate) mod rows;
pub(crate) mod run;
pub(crate) mod self_test;
pub(crate) mod step;
pub(crate) mod uplink;
pub(crate) mod views;

use std::sync::Arc;

use jiff::tz::TimeZone;
use lectern_domain::ids::{RoomId, RunId, SourceName};
use rusqlite::params;
use tokio::sync::oneshot;

use crate::clock::{self, SlowGuard};
use crate::error::{DbError, Gone, SpoolError};
use crate::mailbox::{Inbox, Outbox};
use crate::spool::Spool;
use crate::spool::segment::{Durable, Segment};
use crate::spool::writer::FolderLost;
use crate::threads::answer;
use ledger::{Ledger, Place};

/// Jobs of async callers that wait for the database thread.
pub(crate) const JOBS_BOUND: usize = 64;

/// A piece of work for the database thread.
pub(crate) struct Job {
    /// What it does, for the slow guard: follows "could not".
    place: &'static str,
    work: Box<dyn FnOnce(&mut Ledger) + Send>,
}

impl Job {
    /// Does the work and answers who asked. Blocks for as long as SQLite takes.
    pub(crate) fn run(self, ledger: &mut Ledger) {
        let _slow = SlowGuard::new(self.place);
        (self.work)(ledger);
    }
}

/// What the database thread is told.
pub(crate) enum Message {
    Work(Job),
    /// End; `clean` writes the end of this boot.
    Stop {
        clean: bool,
    },
}

/// Runs the jobs until it is stopped. Blocks; the body of the thread `db`. An error means that
/// nothing may be promised any more: the caller aborts the process.
pub(crate) fn run(inbox: &Inbox<Message>, mut ledger: Ledger) -> Result<(), FolderLost> {
    while let Some(received) = inbox.recv() {
        match received.message {
            Message::Work(job) => {
                job.run(&mut ledger);
                if let Some(lost) = ledger.folder_lost.take() {
                    return Err(lost);
                }
            }
            Message::Stop { clean } => {
                if clean {
                    ledger.record();
                    end_boot(&ledger);
                }
                break;
            }
        }
        drop(received.permit);
    }
    Ok(())
}

fn end_boot(ledger: &Ledger) {
    let ended = ledger.connection.execute(
        "UPDATE boots SET end_unix_ms = ?1 WHERE id = (SELECT max(id) FROM boots)",
        params![clock::wall_unix_ms()],
    );
    if let Err(error) = ended {
        tracing::warn!(%error, "the end of this run of the daemon was not noted");
    }
}

/// Handle of the database thread; cheap to clone.
#[derive(Clone)]
pub struct Db {
    pub(crate) outbox: Outbox<Message>,
    pub(crate) spool: Spool,
    pub(crate) room: RoomId,
    pub(crate) zone: TimeZone,
    /// The kernel's id of this boot.
    pub(crate) boot_id: Arc<str>,
}

impl Db {
    /// Returns when the thread has done all that was asked before: a sign of life for the
    /// watchdog.
    ///
    /// # Errors
    /// The thread has ended.
    pub async fn ping(&self) -> Result<(), DbError> {
        self.call("answer", |_| Ok(())).await
    }

    /// Runs `work` on the thread and waits for its result.
    pub(crate) async fn call<T: Send + 'static>(
        &self,
        place: &'static str,
        work: impl FnOnce(&mut Ledger) -> Result<T, DbError> + Send + 'static,
    ) -> Result<T, DbError> {
        let (reply, result) = oneshot::channel();
        let job = Job {
            place,
            work: Box::new(move |ledger| answer(reply, work(ledger).map_err(|error| error.at(place)))),
        };
        self.outbox.send(Message::Work(job)).await?;
        result.await.map_err(|_| Gone)?
    }
}

/// The spool thread's way to the database.
pub(crate) struct Back {
    pub(crate) outbox: Outbox<Message>,
}

impl Back {
    /// Where the files of a track go. Blocks until the database answers.
    pub(crate) fn place(&self, run: RunId, source: SourceName) -> Result<Place, DbError> {
        self.ask("look up a track", move |ledger| ledger.place(run, &source))?
    }

    /// Enters a sealed segment; does not wait for the COMMIT.
    pub(crate) fn insert_closed(&self, sealed: Durable<Segment>) -> Result<(), Gone> {
        self.send("enter a segment", move |ledger| ledger.insert_closed(sealed))
    }

    /// Enters a segment that the disk reported an error for; does not wait.
    pub(crate) fn insert_suspect(&self, segment: Segment) -> Result<(), Gone> {
        self.send("enter a suspect segment", move |ledger| {
            ledger.insert_suspect(&segment)
        })
    }

    /// Blocks until everything handed over before is committed; an error tells what is not.
    pub(crate) fn committed(&self, run: RunId) -> Result<(), SpoolError> {
        let left = self.ask("enter the last segments", move |ledger| {
            ledger.record();
            ledger.unrecorded(run)
        })?;
        left.map_or(Ok(()), |(count, reason)| {
            Err(SpoolError::Unrecorded { count, reason })
        })
    }

    fn send(&self, place: &'static str, work: impl FnOnce(&mut Ledger) + Send + 'static) -> Result<(), Gone> {
        self.outbox.send_now(Message::Work(Job {
            place,
            work: Box::new(work),
        }))
    }

    fn ask<T: Send + 'static>(
        &self,
        place: &'static str,
        work: impl FnOnce(&mut Ledger) -> T + Send + 'static,
    ) -> Result<T, Gone> {
        let (reply, result) = oneshot::channel();
        self.send(place, move |ledger| answer(reply, work(ledger)))?;
        result.blocking_recv().map_err(|_| Gone)
    }
}
