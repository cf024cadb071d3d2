//! The thread `spool`: takes commands, keeps the sync timer, hands what was sealed to the
//! database thread.
//!
//! It waits for the database in two places only: for the place of a track that it sees for the
//! first time in a run, or that could not be looked up then, and at the end of a run for the
//! COMMITs. The database never waits for it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use lectern_domain::ids::RunId;
use lectern_domain::media::Chunk;

use super::Command;
use super::documents::Documents;
use super::event::{Events, SpoolEvent, WriteFailure};
use super::folders::{highest_number, make_folder};
use super::writer::{FolderLost, Output, TrackKey, Writer};
use crate::clock;
use crate::db::Back;
use crate::disk::{Disk, Space};
use crate::error::{DbError, Gone, SpoolError};
use crate::layout::Layout;
use crate::mailbox::{Empty, Inbox};
use crate::removal::remove;
use crate::threads::answer;

/// The longest the thread sleeps, so that its sign of life stays fresh.
const IDLE: Duration = Duration::from_secs(1);

/// What the thread works with.
pub(crate) struct SpoolThread<D: Disk> {
    pub(crate) writer: Writer<D>,
    pub(crate) layout: Layout,
    pub(crate) inbox: Inbox<Command>,
    pub(crate) db: Back,
    pub(crate) documents: Arc<Documents>,
    pub(crate) events: Events,
    pub(crate) counters: Arc<super::Counters>,
    /// Tracks of the open runs whose chunks have no place; said once.
    pub(crate) placeless: BTreeMap<TrackKey, NoPlace>,
}

/// Why the chunks of a track have no place.
pub(crate) enum NoPlace {
    /// The database does not know the track, and never will in this run.
    Stranger,
    /// The database could not look it up. It is asked again with each key chunk: one failed read
    /// must not cost a track the lecture.
    Unread {
        /// Chunks that were lost since.
        dropped: u64,
    },
}

/// Whether to go on.
#[derive(PartialEq, Eq)]
enum Flow {
    On,
    End,
}

impl<D: Disk> SpoolThread<D> {
    /// Runs until it is closed or abandoned. An error means that nothing may be promised any
    /// more: the caller aborts the process.
    pub(crate) fn run(mut self) -> Result<(), FolderLost> {
        loop {
            let now = clock::now();
            let wait = self
                .writer
                .next_due()
                .map_or(IDLE, |due| due.saturating_duration_since(now).min(IDLE));
            let flow = match self.inbox.recv_timeout(wait) {
                // The permit is held until the command was handled: the bound counts it.
                Ok(received) => {
                    let flow = self.handle(received.message)?;
                    drop(received.permit);
                    flow
                }
                Err(Empty::TimedOut) => Flow::On,
                Err(Empty::Gone) => Flow::End,
            };
            if flow == Flow::End {
                return Ok(());
            }
            self.writer.sync_due(clock::now())?;
            self.hand_on();
            self.documents.write(self.writer.disk(), &self.layout)?;
            self.counters.progress();
        }
    }

    fn handle(&mut self, command: Command) -> Result<Flow, FolderLost> {
        match command {
            Command::Append(chunk) => self.append(&chunk)?,
            Command::EndRun { run, reply } => {
                self.writer.end_run(run)?;
                self.placeless.retain(|(of, _), _| *of != run);
                self.hand_on();
                answer(reply, self.committed(run));
            }
            Command::MakeFolder {
                folder,
                sources,
                reply,
            } => {
                let made = make_folder(self.writer.disk(), &self.layout, &folder, &sources);
                answer(reply, made);
            }
            Command::Space { reply } => {
                let space = self.space();
                answer(reply, space);
            }
            Command::Remove { removal, reply } => {
                let removed = remove(self.writer.disk(), &removal)
                    .map_err(|(path, what, source)| SpoolError::Io { path, what, source });
                answer(reply, removed);
            }
            Command::Wake => {}
            Command::Close => {
                self.writer.end_all()?;
                self.hand_on();
                return Ok(Flow::End);
            }
            Command::Abandon => return Ok(Flow::End),
        }
        Ok(Flow::On)
    }

    fn append(&mut self, chunk: &Chunk) -> Result<(), FolderLost> {
        if self.writer.has_ended(chunk.run) {
            self.counters.dropped_chunk();
            return Ok(());
        }
        let key = (chunk.run, chunk.source.clone());
        if !self.writer.knows(&key) && !self.admit(&key, chunk.key) {
            self.counters.dropped_chunk();
            return Ok(());
        }
        self.writer.append(chunk, clock::now())
    }

    /// Asks the database where a new track's files go. The highest number is the higher of what
    /// rows and files say: a lost file must not get its number back, nor a salvaged one. `false`:
    /// the chunk at hand, whose track can be decoded from it if `begins`, has no place.
    fn admit(&mut self, key: &TrackKey, begins: bool) -> bool {
        match self.placeless.get_mut(key) {
            Some(NoPlace::Stranger) => return false,
            Some(NoPlace::Unread { dropped }) if !begins => {
                *dropped += 1;
                return false;
            }
            Some(NoPlace::Unread { .. }) | None => {}
        }
        let (run, source) = key.clone();
        let place = match self.db.place(run, source.clone()) {
            Ok(place) => place,
            Err(error) => {
                self.say_placeless(key, &error);
                return false;
            }
        };
        let folder = self.layout.track(&place.folder, &source);
        let last_number = highest_number(self.writer.disk(), &folder).max(place.last_number);
        self.writer.admit(key.clone(), folder, last_number);
        if let Some(NoPlace::Unread { dropped }) = self.placeless.remove(key) {
            self.events.say(SpoolEvent::WriteResumed {
                run,
                source,
                dropped_chunks: dropped,
            });
        }
        true
    }

    /// Remembers that a chunk found no place, and says so the first time.
    fn say_placeless(&mut self, key: &TrackKey, error: &DbError) {
        let before = match self.placeless.get(key) {
            Some(NoPlace::Unread { dropped }) => *dropped,
            Some(NoPlace::Stranger) | None => 0,
        };
        let why = if matches!(error, DbError::NotFound(_)) {
            NoPlace::Stranger
        } else {
            NoPlace::Unread { dropped: before + 1 }
        };
        if self.placeless.insert(key.clone(), why).is_some() {
            return;
        }
        let (run, source) = key.clone();
        self.events.say(SpoolEvent::WriteFailed {
            run,
            error: WriteFailure::Io,
            message: format!("the chunks of {source} have no place: {error}"),
            source,
        });
    }

    fn hand_on(&mut self) {
        for output in self.writer.take() {
            let sent = match output {
                Output::Sealed(segment) => self.db.insert_closed(segment),
                Output::Suspect(segment) => self.db.insert_suspect(segment),
                Output::Event(event) => {
                    self.events.say(event);
                    Ok(())
                }
            };
            if let Err(Gone) = sent {
                tracing::error!(
                    "a segment was closed after the database thread ended; it is entered at the next start"
                );
            }
        }
    }

    fn committed(&self, run: RunId) -> Result<(), SpoolError> {
        self.db.committed(run)
    }

    fn space(&mut self) -> Result<Space, SpoolError> {
        let root = self.layout.root().to_owned();
        self.writer
            .disk()
            .space(&root)
            .map_err(SpoolError::io(&root, "asked for its free space"))
    }
}
