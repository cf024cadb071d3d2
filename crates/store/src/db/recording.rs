//! The life of a lecture while it is recorded: rows for the lecture, its runs, pauses and marks.
//! Runs and pauses change in a [`Db::step`] only, together with the lecture's state.
//!
//! Whether a step is allowed is the conductor's business, with the domain's pure functions; here
//! a change names the state that it starts from and fails if the row is elsewhere.

use lectern_domain::api::Metadata;
use lectern_domain::ids::{LectureId, RunId, SourceName};
use lectern_domain::lecture::LectureState;
use lectern_domain::media::Role;
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::Db;
use super::rows::{get_text, int};
use super::run::RunClock;
use crate::error::DbError;
use crate::layout::{self, FINISHED};

/// A lecture that begins.
#[derive(Clone, Debug, PartialEq)]
pub struct NewLecture {
    /// Its id.
    pub id: LectureId,
    /// What is said about it.
    pub metadata: Metadata,
    /// Wall clock at its beginning; also in its folder's name.
    pub started_unix_ms: i64,
    /// It stops by itself then.
    pub planned_end_unix_ms: i64,
    /// The sources that take part, in configuration order.
    pub tracks: Vec<NewTrack>,
}

/// A source that takes part in a lecture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTrack {
    /// Its name.
    pub source: SourceName,
    /// Its role.
    pub role: Role,
    /// Its kind in the configuration.
    pub kind: String,
    /// The source that it stands in for.
    pub spare_for: Option<SourceName>,
}

impl Db {
    /// Makes the lecture's folders, syncs them, then commits its row in state `armed`. Returns
    /// the folder's name below `lectures`.
    ///
    /// # Errors
    /// [`DbError::Spool`] when the folders cannot be made, [`DbError::Conflict`] for a known id
    /// or a source named `finished`.
    pub async fn create_lecture(&self, new: NewLecture) -> Result<String, DbError> {
        let folder = make_folder_of(self, &new).await?;
        self.call("create a lecture", move |ledger| {
            ledger.change(new.id, |tx| create(tx, &new, &folder, Purpose::Lecture))?;
            Ok(folder)
        })
        .await
    }

    /// Moves a lecture from one state to another. `reason` is kept for `failed` only.
    ///
    /// # Errors
    /// [`DbError::Conflict`] when the row is not in `from`; nothing changed then.
    pub async fn set_state(
        &self,
        lecture: LectureId,
        from: LectureState,
        to: LectureState,
        reason: Option<String>,
    ) -> Result<(), DbError> {
        self.call("set the state of a lecture", move |ledger| {
            ledger.change(lecture, |tx| set_state(tx, lecture, from, to, reason.as_deref()))
        })
        .await
    }

    /// Remembers a moment, nanoseconds of the run.
    ///
    /// # Errors
    /// [`DbError::NotFound`] for an unknown run.
    pub async fn mark(&self, run: RunId, at_ns: u64, label: Option<String>) -> Result<(), DbError> {
        self.call("keep a mark", move |ledger| {
            ledger.change(run.lecture, |tx| {
                known_run(tx, run)?;
                tx.execute(
                    "INSERT INTO marks (lecture, run, at_ns, label) VALUES (?1, ?2, ?3, ?4)",
                    params![run.lecture.to_string(), run.run.0, int(at_ns), label],
                )?;
                Ok(())
            })
        })
        .await
    }

    /// Moves the planned end.
    ///
    /// # Errors
    /// [`DbError::NotFound`] for an unknown lecture.
    pub async fn set_planned_end(&self, lecture: LectureId, unix_ms: i64) -> Result<(), DbError> {
        self.call("move the end of a lecture", move |ledger| {
            ledger.change(lecture, |tx| set_planned_end(tx, lecture, unix_ms))
        })
        .await
    }

    /// Mends what is said about a lecture; absent fields stay as they are.
    ///
    /// # Errors
    /// [`DbError::Conflict`] once it is being sent, was sent, or will not take place.
    pub async fn amend(&self, lecture: LectureId, metadata: Metadata) -> Result<(), DbError> {
        self.call("mend a lecture", move |ledger| {
            ledger.change(lecture, |tx| amend(tx, lecture, &metadata))
        })
        .await
    }
}

/// Makes the folders of a lecture that begins; its folder's name.
pub(super) async fn make_folder_of(db: &Db, new: &NewLecture) -> Result<String, DbError> {
    refuse_reserved_names(&new.tracks)?;
    let folder = layout::folder_name(new.id, &db.room, new.started_unix_ms, &db.zone);
    let sources = new.tracks.iter().map(|track| track.source.clone()).collect();
    db.spool.make_folder(folder.clone(), sources).await?;
    Ok(folder)
}

/// The folder of a track must not be that of the finished files.
pub(super) fn refuse_reserved_names(tracks: &[NewTrack]) -> Result<(), DbError> {
    if tracks.iter().any(|track| track.source.as_str() == FINISHED) {
        return Err(DbError::Conflict(format!(
            "a source cannot be named \"{FINISHED}\": the finished files lie in a folder of that name"
        )));
    }
    Ok(())
}

/// The state of a lecture's row.
pub(crate) fn state_of(tx: &Transaction<'_>, lecture: LectureId) -> Result<LectureState, DbError> {
    tx.prepare_cached("SELECT state FROM lectures WHERE id = ?1")?
        .query_row([lecture.to_string()], |row| get_text(row, "state"))
        .optional()?
        .ok_or_else(|| DbError::no_lecture(lecture))
}

/// Moves the planned end.
pub(super) fn set_planned_end(tx: &Transaction<'_>, lecture: LectureId, unix_ms: i64) -> Result<(), DbError> {
    let changed = tx.execute(
        "UPDATE lectures SET planned_end_unix_ms = ?2 WHERE id = ?1",
        params![lecture.to_string(), unix_ms],
    )?;
    if changed == 0 {
        Err(DbError::no_lecture(lecture))
    } else {
        Ok(())
    }
}

/// Compare and set.
pub(crate) fn set_state(
    tx: &Transaction<'_>,
    lecture: LectureId,
    from: LectureState,
    to: LectureState,
    reason: Option<&str>,
) -> Result<(), DbError> {
    let now = state_of(tx, lecture)?;
    if now != from {
        return Err(DbError::Conflict(format!(
            "lecture {lecture} is {now} and not {from}; it was not made {to}"
        )));
    }
    let reason = if to == LectureState::Failed { reason } else { None };
    let was = (to == LectureState::Interrupted).then(|| from.as_str());
    tx.execute(
        "UPDATE lectures SET state = ?2, reason = ?3, was = ?4 WHERE id = ?1",
        params![lecture.to_string(), to.as_str(), reason, was],
    )?;
    Ok(())
}

/// What a recording is made for. Said once, when its row is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To be kept until every platform has it.
    Lecture,
    /// To be looked at and deleted.
    SelfTest,
}

pub(super) fn create(
    tx: &Transaction<'_>,
    new: &NewLecture,
    folder: &str,
    purpose: Purpose,
) -> Result<(), DbError> {
    let id = new.id.to_string();
    let known: bool = tx.query_row(
        "SELECT EXISTS (SELECT 1 FROM lectures WHERE id = ?1)",
        [&id],
        |row| row.get(0),
    )?;
    if known {
        return Err(DbError::Conflict(format!("lecture {id} exists already")));
    }
    tx.execute(
        "INSERT INTO lectures (id, folder, state, title, course, presenter, language,
                               started_unix_ms, planned_end_unix_ms, self_test)
         VALUES (?1, ?2, 'armed', ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        params![
            id,
            folder,
            new.metadata.title,
            new.metadata.course,
            new.metadata.presenter,
            new.metadata.language,
            new.started_unix_ms,
            new.planned_end_unix_ms,
            purpose == Purpose::SelfTest
        ],
    )?;
    insert_tracks(tx, new.id, 0, &new.tracks)
}

/// Tracks that a lecture gets, after the `known` ones that it has.
pub(super) fn insert_tracks(
    tx: &Transaction<'_>,
    lecture: LectureId,
    known: usize,
    tracks: &[NewTrack],
) -> Result<(), DbError> {
    for (place, track) in (known..).zip(tracks) {
        tx.execute(
            "INSERT INTO tracks (lecture, source, role, kind, place, spare_for) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![
                lecture.to_string(),
                track.source.as_str(),
                track.role.as_str(),
                track.kind,
                int(place as u64),
                track.spare_for.as_ref().map(SourceName::as_str)
            ],
        )?;
    }
    Ok(())
}

pub(super) fn known_run(tx: &Transaction<'_>, run: RunId) -> Result<(), DbError> {
    let known: bool = tx
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM runs WHERE lecture = ?1 AND run = ?2)")?
        .query_row(params![run.lecture.to_string(), run.run.0], |row| row.get(0))?;
    if known {
        Ok(())
    } else {
        Err(DbError::NotFound(format!(
            "run {} of lecture {}",
            run.run, run.lecture
        )))
    }
}

/// What is written of a run when it begins.
pub(super) struct Begin<'a> {
    pub(super) base_mono_ns: u64,
    pub(super) started_unix_ms: i64,
    pub(super) clock: RunClock,
    /// Of the kernel: which monotonic clock the base is on.
    pub(super) boot_id: &'a str,
}

pub(super) fn open_run(tx: &Transaction<'_>, run: RunId, begin: &Begin<'_>) -> Result<(), DbError> {
    state_of(tx, run.lecture)?;
    let id = run.lecture.to_string();
    let next: u32 = tx.query_row(
        "SELECT coalesce(max(run), 0) + 1 FROM runs WHERE lecture = ?1",
        [&id],
        |row| row.get(0),
    )?;
    if run.run.0 != next {
        return Err(DbError::Conflict(format!(
            "the next run of lecture {id} is {next}, not {}; it was not opened",
            run.run
        )));
    }
    tx.execute(
        "INSERT INTO runs (lecture, run, base_mono_ns, started_unix_ms, clock, boot_id)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![
            id,
            next,
            int(begin.base_mono_ns),
            begin.started_unix_ms,
            begin.clock.as_str(),
            begin.boot_id
        ],
    )?;
    Ok(())
}

pub(super) fn set_end(tx: &Transaction<'_>, run: RunId, end_ns: Option<u64>) -> Result<(), DbError> {
    known_run(tx, run)?;
    tx.execute(
        "UPDATE runs SET end_ns = ?3 WHERE lecture = ?1 AND run = ?2",
        params![run.lecture.to_string(), run.run.0, end_ns.map(int)],
    )?;
    Ok(())
}

pub(super) fn open_pause(tx: &Transaction<'_>, run: RunId, from_ns: u64) -> Result<(), DbError> {
    known_run(tx, run)?;
    if has_open_pause(tx, run)? {
        return Err(DbError::Conflict(format!(
            "run {} of lecture {} is paused already",
            run.run, run.lecture
        )));
    }
    // A pause that begins where an empty one lies takes its place.
    tx.execute(
        "INSERT INTO pauses (lecture, run, from_ns) VALUES (?1, ?2, ?3)
         ON CONFLICT (lecture, run, from_ns) DO UPDATE SET to_ns = NULL",
        params![run.lecture.to_string(), run.run.0, int(from_ns)],
    )?;
    Ok(())
}

/// Whether the run has a pause without an end.
pub(crate) fn has_open_pause(connection: &Connection, run: RunId) -> rusqlite::Result<bool> {
    connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM pauses WHERE lecture = ?1 AND run = ?2 AND to_ns IS NULL)",
        )?
        .query_row(params![run.lecture.to_string(), run.run.0], |row| row.get(0))
}

pub(super) fn close_pause(tx: &Transaction<'_>, run: RunId, to_ns: u64) -> Result<(), DbError> {
    let changed = tx.execute(
        "UPDATE pauses SET to_ns = max(from_ns, ?3) WHERE lecture = ?1 AND run = ?2 AND to_ns IS NULL",
        params![run.lecture.to_string(), run.run.0, int(to_ns)],
    )?;
    if changed == 0 {
        return Err(DbError::Conflict(format!(
            "run {} of lecture {} is not paused",
            run.run, run.lecture
        )));
    }
    Ok(())
}

fn amend(tx: &Transaction<'_>, lecture: LectureId, metadata: &Metadata) -> Result<(), DbError> {
    use LectureState as S;
    let state = state_of(tx, lecture)?;
    match state {
        S::Scheduled
        | S::Armed
        | S::Recording
        | S::Paused
        | S::Stopping
        | S::Interrupted
        | S::Captured
        | S::Finishing
        | S::Finished
        | S::Failed => {}
        S::Delivering | S::Delivered | S::Purged | S::Cancelled => {
            return Err(DbError::Conflict(format!(
                "lecture {lecture} is {state}; what is said about it can be mended until it is being sent"
            )));
        }
    }
    tx.execute(
        "UPDATE lectures SET title = coalesce(?2, title), course = coalesce(?3, course),
                presenter = coalesce(?4, presenter), language = coalesce(?5, language) WHERE id = ?1",
        params![
            lecture.to_string(),
            metadata.title,
            metadata.course,
            metadata.presenter,
            metadata.language
        ],
    )?;
    Ok(())
}
