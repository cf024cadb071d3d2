//! The one connection, and the frame of every change.
//!
//! A change of a lecture is one transaction that also counts up the lecture's revision; after
//! the COMMIT the new `lecture.json` is left for the spool thread. A change of a planned lecture
//! is in `plans.json` before its COMMIT. Lives on the thread `db` (before the threads start, on
//! the thread that opens the store).

use std::sync::Arc;

use lectern_domain::ids::{LectureId, RunId, SourceName};
use lectern_domain::segment::SegmentState;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use uuid::Uuid;

use super::document::Document;
use super::planned::{self, Keeping};
use super::rows::{get_uint, int};
use crate::error::{DbError, SpoolError};
use crate::layout::Layout;
use crate::mailbox::Outbox;
use crate::plans::{Keep, Plans, Unkept};
use crate::spool::Command;
use crate::spool::documents::{Documents, Text};
use crate::spool::event::{Events, SpoolEvent};
use crate::spool::segment::{Durable, Segment};
use crate::spool::writer::FolderLost;

/// The way to the other thread and to the conductor; absent during recovery and checks.
pub(crate) struct Outlets {
    pub(crate) spool: Outbox<Command>,
    pub(crate) events: Events,
}

/// The database and what goes with it.
pub(crate) struct Ledger {
    pub(crate) connection: Connection,
    pub(crate) layout: Layout,
    /// Of this spool; repeated in each `lecture.json`.
    pub(crate) uuid: Uuid,
    pub(crate) documents: Arc<Documents>,
    pub(crate) outlets: Option<Outlets>,
    /// The way to `plans.json`; absent during recovery, which writes it at its end, and checks.
    pub(crate) keep: Option<Keep>,
    /// Nothing may be promised any more: the thread ends the process.
    pub(crate) folder_lost: Option<FolderLost>,
    /// Sealed segments whose COMMIT failed; tried again with each that follows.
    unrecorded: Vec<(Durable<Segment>, String)>,
}

/// Where the files of a track go.
#[derive(Debug)]
pub(crate) struct Place {
    /// The lecture's folder name.
    pub(crate) folder: String,
    /// The highest number of its rows.
    pub(crate) last_number: u32,
}

impl Ledger {
    pub(crate) fn new(connection: Connection, layout: Layout, uuid: Uuid, documents: Arc<Documents>) -> Self {
        Self {
            connection,
            layout,
            uuid,
            documents,
            outlets: None,
            keep: None,
            folder_lost: None,
            unrecorded: Vec::new(),
        }
    }

    /// One transaction on one lecture. If it was planned before or is after, `plans.json` says so
    /// before the COMMIT, and a file that cannot be written undoes the change. One that begins is
    /// taken out of it after the COMMIT, and nothing about the file keeps it from beginning.
    pub(crate) fn change<T>(
        &mut self,
        lecture: LectureId,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, DbError>,
    ) -> Result<T, DbError> {
        let tx = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let before = planned::standing(&tx, lecture)?;
        let value = work(&tx)?;
        touch(&tx, lecture)?;
        let after = planned::standing(&tx, lecture)?;
        let step = planned::keeping(before, after);
        if step == Keeping::BeforeCommit {
            keep_plans(&mut self.keep, &mut self.folder_lost, &tx, self.uuid)?;
        }
        let committed = tx.commit();
        if step == Keeping::AfterCommit || (step == Keeping::BeforeCommit && committed.is_err()) {
            self.keep_rows();
        }
        committed?;
        self.publish(lecture);
        Ok(value)
    }

    /// Writes `plans.json` as the rows are; what goes wrong is put right by the next change or start.
    fn keep_rows(&mut self) {
        let kept = keep_plans(&mut self.keep, &mut self.folder_lost, &self.connection, self.uuid);
        if let Err(error) = kept {
            tracing::warn!(%error, "plans.json was not rewritten; the database has all of it");
        }
    }

    /// One transaction on several lectures: all or nothing. Returns the sum of what `work` counts.
    pub(crate) fn change_all(
        &mut self,
        lectures: &[LectureId],
        work: impl Fn(&Transaction<'_>, LectureId) -> Result<u32, DbError>,
    ) -> Result<u32, DbError> {
        let tx = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut sum = 0;
        for lecture in lectures {
            sum += work(&tx, *lecture)?;
            touch(&tx, *lecture)?;
        }
        tx.commit()?;
        for lecture in lectures {
            self.publish(*lecture);
        }
        Ok(sum)
    }

    /// Leaves the lecture's new `lecture.json`. What was committed stays committed if that
    /// fails: the next change or the next start writes it.
    pub(crate) fn publish(&self, lecture: LectureId) {
        let text = match Document::load(&self.connection, self.uuid, lecture) {
            Ok(Some(document)) if !document.has_folder() => return,
            Ok(Some(document)) => Text {
                folder: document.folder.clone(),
                bytes: document.to_json(),
            },
            Ok(None) => return,
            Err(error) => {
                tracing::warn!(lecture = %lecture, %error, "the text of lecture.json could not be made");
                return;
            }
        };
        let wake = self.documents.leave(lecture, text);
        if let (true, Some(outlets)) = (wake, &self.outlets)
            && outlets.spool.send_now(Command::Wake).is_err()
        {
            tracing::debug!("lecture.json waits for closing, the spool thread has ended");
        }
    }

    /// Says something to the conductor.
    fn say(&self, event: SpoolEvent) {
        if let Some(outlets) = &self.outlets {
            outlets.events.say(event);
        }
    }

    /// Where the files of a track of a run go.
    pub(crate) fn place(&self, run: RunId, source: &SourceName) -> Result<Place, DbError> {
        let id = run.lecture.to_string();
        let place = self
            .connection
            .prepare_cached(
                "SELECT folder, (SELECT coalesce(max(number), 0) FROM segments
                                 WHERE lecture = ?1 AND source = ?2) AS last_number
                 FROM lectures WHERE id = ?1
                   AND EXISTS (SELECT 1 FROM runs WHERE lecture = ?1 AND run = ?3)
                   AND EXISTS (SELECT 1 FROM tracks WHERE lecture = ?1 AND source = ?2)",
            )?
            .query_row(params![id, source.as_str(), run.run.0], |row| {
                let last = get_uint(row, "last_number")?;
                Ok(Place {
                    folder: row.get("folder")?,
                    last_number: u32::try_from(last).unwrap_or(u32::MAX - 1),
                })
            })
            .optional()?;
        place.ok_or_else(|| {
            DbError::NotFound(format!(
                "track {source} of run {} of lecture {}",
                run.run, run.lecture
            ))
        })
    }

    /// Enters a sealed segment, COMMITs, then tells the conductor. If the COMMIT fails, the
    /// segment is kept here and tried again; its bytes are safe in any case.
    pub(crate) fn insert_closed(&mut self, sealed: Durable<Segment>) {
        self.unrecorded.push((sealed, String::new()));
        self.record();
    }

    /// Tries every segment that has no row yet, oldest first.
    pub(crate) fn record(&mut self) {
        let mut left = Vec::new();
        for (sealed, _) in std::mem::take(&mut self.unrecorded) {
            match self.insert(sealed.get(), SegmentState::Closed) {
                Ok(()) => self.say(closed_event(sealed.get())),
                Err(error) => {
                    let segment = sealed.get();
                    tracing::error!(
                        lecture = %segment.run.lecture, track = %segment.source, segment = segment.number,
                        %error, "a segment on the disk could not be entered in the database"
                    );
                    left.push((sealed, error.to_string()));
                }
            }
        }
        self.unrecorded = left;
    }

    /// Sealed segments of the run without a row, and why the last has none.
    pub(crate) fn unrecorded(&self, run: RunId) -> Option<(usize, String)> {
        let mut of_run = self
            .unrecorded
            .iter()
            .filter(|(sealed, _)| sealed.get().run == run);
        let last = of_run.next_back()?;
        Some((of_run.count() + 1, last.1.clone()))
    }

    /// Enters a whole lecture from its document: its segments as they were found on the disk.
    pub(crate) fn restore(
        &mut self,
        document: &Document,
        sealed: &[Durable<Segment>],
        others: &[(Segment, SegmentState)],
    ) -> Result<(), DbError> {
        self.change(document.id, |tx| {
            super::restore::restore(tx, document)?;
            for segment in sealed {
                insert_segment(tx, segment.get(), SegmentState::Closed)?;
            }
            for (segment, state) in others {
                insert_segment(tx, segment, *state)?;
            }
            Ok(())
        })
    }

    /// Enters a segment that the disk reported an error for.
    pub(crate) fn insert_suspect(&mut self, segment: &Segment) {
        if let Err(error) = self.insert(segment, SegmentState::Suspect) {
            tracing::error!(track = %segment.source, segment = segment.number, %error, "a suspect segment could not be entered in the database");
        }
    }

    /// The row of a segment. One that is closed is no step of the lecture: its revision and its
    /// `lecture.json`, which grows with every segment, stay as they are, because its file tells
    /// all that its row does. One that is suspect does not tell it.
    fn insert(&mut self, segment: &Segment, state: SegmentState) -> Result<(), DbError> {
        if state != SegmentState::Closed {
            return self.change(segment.run.lecture, |tx| {
                insert_segment(tx, segment, state).map_err(DbError::from)
            });
        }
        let tx = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        insert_segment(&tx, segment, state)?;
        tx.commit()?;
        Ok(())
    }
}

/// Writes `plans.json` as the rows are within this transaction.
fn keep_plans(
    keep: &mut Option<Keep>,
    folder_lost: &mut Option<FolderLost>,
    connection: &Connection,
    uuid: Uuid,
) -> Result<(), DbError> {
    let Some(keep) = keep else { return Ok(()) };
    let text = Plans::new(uuid, planned::all(connection)?).to_json();
    match keep(&text) {
        Ok(()) => Ok(()),
        Err(Unkept::NotWritten(error)) => Err(error.into()),
        Err(Unkept::FolderLost(lost)) => {
            // Nobody hears that it was kept, and the process ends before anybody could ask again.
            let told = SpoolError::io(&lost.path, "synced")(lost.source.kind().into());
            *folder_lost = Some(lost);
            Err(told.into())
        }
    }
}

/// Counts a change of the lecture, and has the next start look at it.
fn touch(tx: &Transaction<'_>, lecture: LectureId) -> rusqlite::Result<()> {
    tx.prepare_cached("UPDATE lectures SET revision = revision + 1, shelved = 0 WHERE id = ?1")?
        .execute([lecture.to_string()])
        .map(|_| ())
}

/// The row of a segment. Private to this file: `closed` comes in with a `Durable` alone.
fn insert_segment(tx: &Transaction<'_>, segment: &Segment, state: SegmentState) -> rusqlite::Result<()> {
    tx.prepare_cached(
        "INSERT INTO segments (lecture, source, number, run, state, salvaged, bytes, sha256, start_ns, end_ns)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?
    .execute(params![
        segment.run.lecture.to_string(),
        segment.source.as_str(),
        segment.number,
        segment.run.run.0,
        state.as_str(),
        segment.salvaged,
        int(segment.bytes),
        segment.sha256,
        int(segment.start_ns),
        int(segment.end_ns),
    ])
    .map(|_| ())
}

fn closed_event(segment: &Segment) -> SpoolEvent {
    SpoolEvent::SegmentClosed {
        run: segment.run,
        source: segment.source.clone(),
        number: segment.number,
        bytes: segment.bytes,
        start_ns: segment.start_ns,
        end_ns: segment.end_ns,
    }
}
