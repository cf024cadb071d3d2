//! The daemon's storage in one thread: the real writer, database, recovery and handles, without
//! the two threads, so that each step happens when the test says so.
//!
//! A call of [`Db`] is driven to its end here: what it asks of the spool or of the database is
//! done in between, as the threads would, in the order of their mailboxes. Sealed segments wait
//! until they are committed, as they wait in the database's mailbox.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use lectern_domain::ids::RunId;
use lectern_domain::media::Chunk;
use rusqlite::Connection;
use uuid::Uuid;

use super::disk::ModelDisk;
use super::world::{BOOT, SEGMENT_NS, SYNC};
use crate::db::ledger::Ledger;
use crate::db::{self, Db};
use crate::disk::Disk;
use crate::error::SpoolError;
use crate::layout::Layout;
use crate::mailbox::{Inbox, mailbox};
use crate::plans::keep_on;
use crate::recovery::shelf::present;
use crate::recovery::{Recovery, recover};
use crate::removal::remove;
use crate::spool::documents::Documents;
use crate::spool::folders::{highest_number, make_folder};
use crate::spool::writer::{FolderLost, Output, Writer, WriterOptions};
use crate::spool::{Command, Counters, Spool};
use crate::store::make_folders;

const MAILBOX: usize = 64;

/// A running daemon's storage.
pub(super) struct Process {
    pub(super) ledger: Ledger,
    pub(super) db: Db,
    writer: Writer<ModelDisk>,
    documents: Arc<Documents>,
    layout: Layout,
    db_inbox: Inbox<db::Message>,
    spool_inbox: Inbox<Command>,
    /// Sealed or suspect, not handed to the database yet.
    waiting: VecDeque<Output>,
}

impl Process {
    /// A process that has not looked at the spool yet.
    pub(super) fn new(connection: Connection, layout: &Layout, uuid: Uuid, disk: &ModelDisk) -> Self {
        let documents = Arc::new(Documents::default());
        let counters = Arc::new(Counters::default());
        let (db_outbox, db_inbox) = mailbox(MAILBOX);
        let (spool_outbox, spool_inbox) = mailbox(MAILBOX);
        let options = WriterOptions {
            root: layout.root().to_owned(),
            segment_ns: SEGMENT_NS,
            sync_every: SYNC,
            reserve_bytes: 0,
        };
        Self {
            ledger: Ledger::new(connection, layout.clone(), uuid, Arc::clone(&documents)),
            db: Db {
                outbox: db_outbox,
                spool: Spool {
                    outbox: spool_outbox,
                    counters: Arc::clone(&counters),
                },
                room: "b-204".parse().expect("a name"),
                zone: TimeZone::UTC,
                boot_id: BOOT.into(),
            },
            writer: Writer::new(disk.clone(), options, counters),
            documents,
            layout: layout.clone(),
            db_inbox,
            spool_inbox,
            waiting: VecDeque::new(),
        }
    }

    /// Steps 4 to 11 of a start.
    pub(super) fn start(&mut self) -> Result<Recovery, String> {
        make_folders(self.writer.disk(), &self.layout).map_err(|error| error.to_string())?;
        let entries = present(&self.ledger, self.writer.disk()).map_err(|error| error.to_string())?;
        let recovery = recover(&mut self.ledger, self.writer.disk(), BOOT, &entries);
        self.ledger.keep = Some(keep_on(self.writer.disk().clone(), &self.layout));
        recovery.map_err(|error| error.to_string())
    }

    /// One command of the spool thread: a chunk.
    pub(super) fn append(&mut self, chunk: &Chunk, now: Instant) -> Result<(), FolderLost> {
        let key = (chunk.run, chunk.source.clone());
        if !self.writer.knows(&key) {
            let place = self
                .ledger
                .place(chunk.run, &chunk.source)
                .expect("the run is open");
            let folder = self.layout.track(&place.folder, &chunk.source);
            let last = highest_number(self.writer.disk(), &folder).max(place.last_number);
            self.writer.admit(key, folder, last);
        }
        self.writer.append(chunk, now)?;
        self.settle(now)
    }

    /// What the spool thread does after each command and when its timer ends.
    pub(super) fn settle(&mut self, now: Instant) -> Result<(), FolderLost> {
        if let Some(lost) = self.ledger.folder_lost.take() {
            return Err(lost);
        }
        self.writer.sync_due(now)?;
        self.hand_on();
        self.documents.write(self.writer.disk(), &self.layout)
    }

    fn hand_on(&mut self) {
        let outputs = self.writer.take();
        self.waiting.extend(
            outputs
                .into_iter()
                .filter(|output| !matches!(output, Output::Event(_))),
        );
    }

    /// Ends a run: closes its segments, commits their rows.
    pub(super) fn end_run(&mut self, run: RunId, now: Instant) -> Result<(), FolderLost> {
        self.writer.end_run(run)?;
        self.hand_on();
        self.commit(usize::MAX);
        self.settle(now)
    }

    /// Closes everything, as at an orderly end.
    pub(super) fn close(&mut self, now: Instant) -> Result<(), FolderLost> {
        self.writer.end_all()?;
        self.hand_on();
        self.commit(usize::MAX);
        self.settle(now)
    }

    /// The database enters the first `n` segments that wait.
    pub(super) fn commit(&mut self, n: usize) {
        for _ in 0..n {
            match self.waiting.pop_front() {
                Some(Output::Sealed(sealed)) => self.ledger.insert_closed(sealed),
                Some(Output::Suspect(segment)) => self.ledger.insert_suspect(&segment),
                Some(Output::Event(_)) => {}
                None => return,
            }
        }
    }

    /// Drives one call to its end. What the database was told before is done before.
    pub(super) fn call<F: Future>(&mut self, ask: impl FnOnce(Db) -> F) -> F::Output {
        self.commit(usize::MAX);
        let mut future = pin!(ask(self.db.clone()));
        let mut context = Context::from_waker(Waker::noop());
        loop {
            if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
                return value;
            }
            while let Ok(received) = self.spool_inbox.recv_timeout(Duration::ZERO) {
                self.serve(received.message);
            }
            while let Ok(received) = self.db_inbox.recv_timeout(Duration::ZERO) {
                if let db::Message::Work(job) = received.message {
                    job.run(&mut self.ledger);
                }
            }
        }
    }

    fn serve(&mut self, command: Command) {
        let disk = self.writer.disk();
        match command {
            Command::MakeFolder {
                folder,
                sources,
                reply,
            } => {
                let made = make_folder(disk, &self.layout, &folder, &sources);
                reply.send(made).expect("the call waits for its answer");
            }
            Command::Remove { removal, reply } => {
                let removed = remove(disk, &removal).map_err(|(path, what, source)| SpoolError::Io {
                    path,
                    what,
                    source,
                });
                reply.send(removed).expect("the call waits for its answer");
            }
            Command::Wake => {}
            Command::Append(_)
            | Command::EndRun { .. }
            | Command::Space { .. }
            | Command::Close
            | Command::Abandon => panic!("no call of the database asks for this"),
        }
    }

    /// The disk, for what the finisher writes.
    pub(super) fn disk(&mut self) -> &mut impl Disk {
        self.writer.disk()
    }
}
