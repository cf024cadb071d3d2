//! Lectures that are planned for a time to come: rows in state `scheduled`.
//!
//! Such a lecture has a row and nothing else: no tracks, no runs, no folder, no `lecture.json`.
//! All of that is made when it begins, so recovery, `fsck` and a rebuild have nothing to look
//! for. The other side of it: a lost database loses what was planned in it.

use lectern_domain::api::Metadata;
use lectern_domain::ids::LectureId;
use lectern_domain::lecture::{LectureEvent, LectureState};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

use super::Db;
use super::document::metadata;
use super::recording::{NewLecture, insert_tracks, make_folder_of, set_state, state_of};
use super::rows::get_text;
use crate::error::DbError;
use crate::layout;

/// The most lectures that are planned at once: two terms of a full room.
pub const MAX_PLANNED: u32 = 500;

/// A planned lecture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Its id, which it keeps when it begins.
    pub id: LectureId,
    /// What is said about it.
    pub metadata: Metadata,
    /// Wall clock at which it begins.
    pub starts_unix_ms: i64,
    /// Wall clock at which it ends; after its beginning.
    pub ends_unix_ms: i64,
}

/// What became of the wish to plan a lecture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Planning {
    /// Committed.
    Entered,
    /// Nothing changed: this one is planned for a part of the same time.
    Overlaps(Plan),
    /// Nothing changed: [`MAX_PLANNED`] are planned already.
    Full,
}

impl Db {
    /// Enters a planned lecture.
    ///
    /// # Errors
    /// [`DbError::Conflict`] for a known id; nothing changed then.
    pub async fn plan(&self, plan: Plan) -> Result<Planning, DbError> {
        let folder = layout::folder_name(plan.id, &self.room, plan.starts_unix_ms, &self.zone);
        self.call("plan a lecture", move |ledger| {
            ledger.change(plan.id, |tx| {
                if let Some(hindrance) = hindrance(tx, &plan)? {
                    return Ok(hindrance);
                }
                insert(tx, &plan, &folder)?;
                Ok(Planning::Entered)
            })
        })
        .await
    }

    /// The planned lecture that begins first, also one whose time has passed.
    ///
    /// # Errors
    /// The database failed.
    pub async fn next_planned(&self) -> Result<Option<Plan>, DbError> {
        self.call("look for the next planned lecture", |ledger| {
            Ok(ledger
                .connection
                .prepare_cached(
                    "SELECT * FROM lectures WHERE state = 'scheduled' ORDER BY started_unix_ms, id LIMIT 1",
                )?
                .query_row([], plan)
                .optional()?)
        })
        .await
    }

    /// A lecture's state and times as they were planned; `None` if it is unknown. Of a lecture
    /// that has begun, the times are its own.
    ///
    /// # Errors
    /// The database failed.
    pub async fn planned(&self, lecture: LectureId) -> Result<Option<(LectureState, Plan)>, DbError> {
        self.call("look up a planned lecture", move |ledger| {
            Ok(ledger
                .connection
                .prepare_cached("SELECT * FROM lectures WHERE id = ?1")?
                .query_row([lecture.to_string()], |row| {
                    Ok((get_text(row, "state")?, plan(row)?))
                })
                .optional()?)
        })
        .await
    }

    /// Makes the folders of a planned lecture, syncs them, then commits its row in state `armed`,
    /// with its tracks and its true beginning. Returns the folder's name below `lectures`. A
    /// crash leaves it either planned or armed: it begins once.
    ///
    /// # Errors
    /// [`DbError::Conflict`] when it is not planned any more, or as [`Db::create_lecture`];
    /// nothing changed then but folders without a file, which the next start removes.
    pub async fn begin_planned(&self, new: NewLecture) -> Result<String, DbError> {
        let folder = make_folder_of(self, &new).await?;
        self.call("begin a planned lecture", move |ledger| {
            ledger.change(new.id, |tx| begin(tx, &new, &folder))?;
            Ok(folder)
        })
        .await
    }

    /// Takes the cancelling of a planned lecture back.
    ///
    /// # Errors
    /// [`DbError::Conflict`] when it is not cancelled, [`DbError::NotFound`] for an unknown one.
    pub async fn restore_planned(&self, lecture: LectureId) -> Result<Planning, DbError> {
        self.call("restore a planned lecture", move |ledger| {
            ledger.change(lecture, |tx| {
                let from = state_of(tx, lecture)?;
                let (to, _) = from
                    .step(LectureEvent::Restore)
                    .map_err(|refused| DbError::Conflict(refused.to_string()))?;
                let restored = tx
                    .prepare_cached("SELECT * FROM lectures WHERE id = ?1")?
                    .query_row([lecture.to_string()], plan)?;
                if let Some(hindrance) = hindrance(tx, &restored)? {
                    return Ok(hindrance);
                }
                // Only what is over may stand on the shelf.
                tx.execute(
                    "UPDATE lectures SET shelved = 0 WHERE id = ?1",
                    [lecture.to_string()],
                )?;
                set_state(tx, lecture, from, to, None)?;
                Ok(Planning::Entered)
            })
        })
        .await
    }
}

fn plan(row: &Row<'_>) -> rusqlite::Result<Plan> {
    Ok(Plan {
        id: get_text(row, "id")?,
        metadata: metadata(row)?,
        starts_unix_ms: row.get("started_unix_ms")?,
        ends_unix_ms: row.get("planned_end_unix_ms")?,
    })
}

/// Why it cannot be planned beside what is planned. One may begin when another ends.
fn hindrance(connection: &Connection, wanted: &Plan) -> rusqlite::Result<Option<Planning>> {
    let other = connection
        .prepare_cached(
            "SELECT * FROM lectures WHERE state = 'scheduled' AND id <> ?1
               AND started_unix_ms < ?3 AND planned_end_unix_ms > ?2
             ORDER BY started_unix_ms, id LIMIT 1",
        )?
        .query_row(
            params![wanted.id.to_string(), wanted.starts_unix_ms, wanted.ends_unix_ms],
            plan,
        )
        .optional()?;
    if let Some(other) = other {
        return Ok(Some(Planning::Overlaps(other)));
    }
    let count: u32 = connection
        .prepare_cached("SELECT count(*) FROM lectures WHERE state = 'scheduled'")?
        .query_row([], |row| row.get(0))?;
    Ok((count >= MAX_PLANNED).then_some(Planning::Full))
}

fn insert(tx: &Transaction<'_>, plan: &Plan, folder: &str) -> Result<(), DbError> {
    let known: bool = tx.query_row(
        "SELECT EXISTS (SELECT 1 FROM lectures WHERE id = ?1)",
        [plan.id.to_string()],
        |row| row.get(0),
    )?;
    if known {
        return Err(DbError::Conflict(format!("lecture {} exists already", plan.id)));
    }
    tx.execute(
        // No folder of this name is made: it tells when it was to begin, and only until it does.
        "INSERT INTO lectures (id, folder, state, title, course, presenter, language,
                               started_unix_ms, planned_end_unix_ms)
         VALUES (?1, ?2, 'scheduled', ?3, ?4, ?5, ?6, ?7, ?8)",
        params![
            plan.id.to_string(),
            folder,
            plan.metadata.title,
            plan.metadata.course,
            plan.metadata.presenter,
            plan.metadata.language,
            plan.starts_unix_ms,
            plan.ends_unix_ms
        ],
    )?;
    Ok(())
}

/// What is said about it stays as its row says: it may have been mended since it was planned.
fn begin(tx: &Transaction<'_>, new: &NewLecture, folder: &str) -> Result<(), DbError> {
    let from = state_of(tx, new.id)?;
    let (to, _) = from
        .step(LectureEvent::Arm)
        .map_err(|refused| DbError::Conflict(refused.to_string()))?;
    set_state(tx, new.id, from, to, None)?;
    tx.execute(
        "UPDATE lectures SET folder = ?2, started_unix_ms = ?3, planned_end_unix_ms = ?4 WHERE id = ?1",
        params![
            new.id.to_string(),
            folder,
            new.started_unix_ms,
            new.planned_end_unix_ms
        ],
    )?;
    insert_tracks(tx, new)
}
