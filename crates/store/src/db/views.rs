//! What people see of lectures: the list, the page of one, and ids by their beginning.

use lectern_domain::api::{LectureDetail, LecturePage, LectureSummary, MarkView, RunView, TrackView};
use lectern_domain::finished::FinishedFile;
use lectern_domain::ids::LectureId;
use lectern_domain::lecture::LectureState;
use lectern_domain::segment::SegmentState;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::Db;
use super::document::{Document, Track, metadata};
use super::ledger::Ledger;
use super::queue::of_lecture;
use super::recorded::recorded;
use super::rows::{get_text, get_uint_opt, uint};
use super::run::NS_PER_MS;
use crate::error::DbError;

/// The most lectures of one page.
const PAGE_LIMIT: u32 = 500;
/// The fewest characters that name a lecture.
const PREFIX_CHARS: usize = 4;

impl Db {
    /// A page of lectures, newest first, of one state or of all; `after` is the last of the page
    /// before. At least 1 and at most 500 of them. Without a state, lectures that are planned or
    /// were called off are left out: they would hide the newest recording behind a whole term. Self
    /// tests are in no list.
    ///
    /// # Errors
    /// [`DbError::NotFound`] when `after` is unknown.
    pub async fn lectures(
        &self,
        state: Option<LectureState>,
        limit: u32,
        after: Option<LectureId>,
    ) -> Result<LecturePage, DbError> {
        self.call("list lectures", move |ledger| {
            page(&ledger.connection, state, limit, after)
        })
        .await
    }

    /// Everything about one lecture; `None` if it is unknown.
    ///
    /// # Errors
    /// The database failed.
    pub async fn lecture(&self, id: LectureId) -> Result<Option<LectureDetail>, DbError> {
        self.call("show a lecture", move |ledger| detail(ledger, id))
            .await
    }

    /// The lecture whose id begins with `prefix`, at least four characters of it.
    ///
    /// # Errors
    /// [`DbError::NotFound`] when there is none, [`DbError::Conflict`] when there are several or
    /// the prefix is too short.
    pub async fn find_lecture(&self, prefix: &str) -> Result<LectureId, DbError> {
        let prefix = prefix.to_ascii_lowercase();
        self.call("find a lecture", move |ledger| find(&ledger.connection, &prefix))
            .await
    }
}

fn page(
    connection: &Connection,
    state: Option<LectureState>,
    limit: u32,
    after: Option<LectureId>,
) -> Result<LecturePage, DbError> {
    let limit = limit.clamp(1, PAGE_LIMIT);
    let after = after.map(|id| start_of(connection, id)).transpose()?;
    let (after_start, after_id) = after.unzip();
    let mut lectures: Vec<LectureSummary> = connection
        .prepare_cached(
            // A condition that is not there lets the index lead to the first row of the page.
            match (state.is_some(), after_start.is_some()) {
                (false, false) => {
                    "SELECT * FROM lectures WHERE state NOT IN ('scheduled', 'cancelled') AND self_test = 0
                     ORDER BY started_unix_ms DESC, id DESC LIMIT ?4"
                }
                (false, true) => {
                    "SELECT * FROM lectures WHERE (started_unix_ms, id) < (?2, ?3)
                       AND state NOT IN ('scheduled', 'cancelled') AND self_test = 0
                     ORDER BY started_unix_ms DESC, id DESC LIMIT ?4"
                }
                (true, false) => {
                    "SELECT * FROM lectures WHERE state = ?1 AND self_test = 0
                     ORDER BY started_unix_ms DESC, id DESC LIMIT ?4"
                }
                (true, true) => {
                    "SELECT * FROM lectures WHERE state = ?1 AND (started_unix_ms, id) < (?2, ?3)
                       AND self_test = 0
                     ORDER BY started_unix_ms DESC, id DESC LIMIT ?4"
                }
            },
        )?
        .query_map(
            params![
                state.map(LectureState::as_str),
                after_start,
                after_id,
                i64::from(limit) + 1
            ],
            |row| summary(connection, row),
        )?
        .collect::<rusqlite::Result<_>>()?;
    // One more than asked tells whether there is another page.
    let more = lectures.len() > limit as usize;
    lectures.truncate(limit as usize);
    let next = if more {
        lectures.last().map(|lecture| lecture.id)
    } else {
        None
    };
    Ok(LecturePage { lectures, next })
}

fn start_of(connection: &Connection, id: LectureId) -> Result<(i64, String), DbError> {
    connection
        .query_row(
            "SELECT started_unix_ms, id FROM lectures WHERE id = ?1",
            [id.to_string()],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()?
        .ok_or_else(|| DbError::no_lecture(id))
}

fn summary(connection: &Connection, row: &Row<'_>) -> rusqlite::Result<LectureSummary> {
    let id: LectureId = get_text(row, "id")?;
    let recorded = recorded(connection, id)?;
    let finished: Option<i64> = connection
        .prepare_cached("SELECT sum(size_bytes) FROM files WHERE lecture = ?1")?
        .query_row([id.to_string()], |row| row.get(0))?;
    Ok(LectureSummary {
        id,
        state: get_text(row, "state")?,
        metadata: metadata(row)?,
        started_unix_ms: row.get("started_unix_ms")?,
        duration_ms: get_uint_opt(row, "duration_ms")?.unwrap_or(recorded.ms),
        bytes: finished.map_or(recorded.bytes, uint),
        reason: row.get("reason")?,
    })
}

fn detail(ledger: &Ledger, id: LectureId) -> Result<Option<LectureDetail>, DbError> {
    let connection = &ledger.connection;
    let Some(document) = Document::load(connection, ledger.uuid, id)? else {
        return Ok(None);
    };
    let summary = connection.query_row("SELECT * FROM lectures WHERE id = ?1", [id.to_string()], |row| {
        summary(connection, row)
    })?;
    Ok(Some(LectureDetail {
        summary,
        folder: ledger.layout.lecture(&document.folder).display().to_string(),
        runs: document
            .runs
            .iter()
            .map(|run| RunView {
                run: run.run.0,
                started_unix_ms: run.started_unix_ms,
                clock: run.clock.trust(),
                gap_before_ms: run.gap_before_ms,
                end_ms: run.end_ns.map(|end| end / NS_PER_MS),
                pauses_ms: run
                    .pauses
                    .iter()
                    .map(|(from, to)| (from / NS_PER_MS, to.map(|to| to / NS_PER_MS)))
                    .collect(),
            })
            .collect(),
        tracks: document.tracks.iter().map(track_view).collect(),
        marks: document
            .marks
            .iter()
            .map(|mark| MarkView {
                run: mark.run.0,
                at_ms: mark.at_ns / NS_PER_MS,
                label: mark.label.clone(),
            })
            .collect(),
        facts: document.facts,
        files: document
            .files
            .into_iter()
            .map(|file| FinishedFile {
                parts: Vec::new(),
                ..file
            })
            .collect(),
        deliveries: of_lecture(ledger, id)?,
    }))
}

fn track_view(track: &Track) -> TrackView {
    let closed = || {
        track
            .segments
            .iter()
            .filter(|segment| segment.state == SegmentState::Closed)
    };
    TrackView {
        source: track.source.clone(),
        role: track.role,
        segments: closed().count() as u64,
        salvaged: closed().filter(|segment| segment.salvaged).count() as u64,
        bytes: closed().map(|segment| segment.bytes).sum(),
        end_ms: closed()
            .next_back()
            .map_or(0, |segment| segment.end_ns / NS_PER_MS),
    }
}

fn find(connection: &Connection, prefix: &str) -> Result<LectureId, DbError> {
    if prefix.len() < PREFIX_CHARS || !prefix.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-') {
        return Err(DbError::Conflict(format!(
            "\"{prefix}\" does not name a lecture; give its id or at least its first {PREFIX_CHARS} characters"
        )));
    }
    let found: Vec<LectureId> = connection
        .prepare_cached(
            // Behind every digit that an id can go on with.
            "SELECT id FROM lectures WHERE id >= ?1 AND id < ?1 || 'g' LIMIT 2",
        )?
        .query_map([prefix], |row| get_text(row, "id"))?
        .collect::<rusqlite::Result<_>>()?;
    match found.as_slice() {
        [] => Err(DbError::NotFound(format!(
            "a lecture whose id begins with \"{prefix}\""
        ))),
        [one] => Ok(*one),
        _ => Err(DbError::Conflict(format!(
            "several lectures begin with \"{prefix}\"; give more of the id"
        ))),
    }
}
