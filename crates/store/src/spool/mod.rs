//! The spool: all that is recorded is written here, and all but the database and `plans.json`.
//!
//! [`Spool`] is the handle; its calls wait for room in a mailbox of [`COMMANDS_BOUND`] commands
//! and never block. The work is done by the thread in `thread.rs` with the procedure of
//! `writer.rs`. Nothing here knows SQL.

mod age;
pub(crate) mod counters;
pub(crate) mod documents;
pub(crate) mod event;
pub(crate) mod folders;
pub(crate) mod rotate;
pub(crate) mod segment;
pub(crate) mod thread;
mod track;
pub(crate) mod writer;
#[cfg(test)]
mod writer_tests;

use std::sync::Arc;

use lectern_domain::ids::{RunId, SourceName};
use lectern_domain::media::Chunk;
use tokio::sync::oneshot;

use crate::error::{Gone, SpoolError};
use crate::mailbox::Outbox;
use crate::removal::Removal;
pub use counters::Counters;
pub use event::{SpoolEvent, WriteFailure};

pub use crate::disk::Space;

/// Commands that wait for the spool thread: with three tracks and chunks of 200 ms, the disk may
/// stand still for four seconds before a caller has to wait.
pub(crate) const COMMANDS_BOUND: usize = 64;

/// What the spool thread is asked.
pub(crate) enum Command {
    Append(Chunk),
    EndRun {
        run: RunId,
        reply: oneshot::Sender<Result<(), SpoolError>>,
    },
    MakeFolder {
        folder: String,
        sources: Vec<SourceName>,
        reply: oneshot::Sender<Result<(), SpoolError>>,
    },
    Space {
        reply: oneshot::Sender<Result<Space, SpoolError>>,
    },
    /// One step of a deletion that was committed.
    Remove {
        removal: Removal,
        reply: oneshot::Sender<Result<(), SpoolError>>,
    },
    /// A `lecture.json` waits.
    Wake,
    /// Close every segment and end.
    Close,
    /// End at once, as a crash would.
    Abandon,
}

/// Handle of the spool thread; cheap to clone.
#[derive(Clone)]
pub struct Spool {
    pub(crate) outbox: Outbox<Command>,
    pub(crate) counters: Arc<Counters>,
}

impl Spool {
    /// Hands over one chunk; waits while 64 commands are before it. The chunks of a track must
    /// come in their order. Returns before the chunk is written: failures are told as
    /// [`SpoolEvent::WriteFailed`].
    ///
    /// # Errors
    /// [`Gone`]: the spool thread has ended.
    pub async fn append(&self, chunk: Chunk) -> Result<(), Gone> {
        self.outbox.send(Command::Append(chunk)).await
    }

    /// Ends a run: returns when all chunks handed over before are written, every open segment of
    /// the run is closed, and their rows are committed. Later chunks of the run are dropped.
    ///
    /// # Errors
    /// [`SpoolError::Unrecorded`] when rows could not be committed. Segments that the disk
    /// refused are told as events and are no error here.
    pub async fn end_run(&self, run: RunId) -> Result<(), SpoolError> {
        self.ask(|reply| Command::EndRun { run, reply }).await
    }

    /// Space on the spool's file system.
    ///
    /// # Errors
    /// The system could not tell.
    pub async fn free_space(&self) -> Result<Space, SpoolError> {
        self.ask(|reply| Command::Space { reply }).await
    }

    /// The counters, shared with the thread.
    #[must_use]
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }

    /// Makes a lecture's folder and its tracks' folders and syncs them and their parent.
    pub(crate) async fn make_folder(
        &self,
        folder: String,
        sources: Vec<SourceName>,
    ) -> Result<(), SpoolError> {
        self.ask(|reply| Command::MakeFolder {
            folder,
            sources,
            reply,
        })
        .await
    }

    /// Does one step of a deletion that was decided and committed.
    pub(crate) async fn remove(&self, removal: Removal) -> Result<(), SpoolError> {
        self.ask(|reply| Command::Remove { removal, reply }).await
    }

    async fn ask<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<Result<T, SpoolError>>) -> Command,
    ) -> Result<T, SpoolError> {
        let (reply, answer) = oneshot::channel();
        self.outbox.send(command(reply)).await?;
        answer.await.map_err(|_| Gone)?
    }
}
