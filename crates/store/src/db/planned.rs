//! Lectures that are planned for a time to come: rows in state `scheduled`.
//!
//! Such a lecture has a row and an entry in `plans.json` (see `plans.rs`): no tracks, no runs, no
//! folder, no `lecture.json`. All of that is made when it begins. Whoever is answered that one is
//! planned, mended, called off or taken back has it in both: a lost database does not lose it.

use lectern_domain::api::Metadata;
use lectern_domain::ids::LectureId;
use lectern_domain::lecture::{LectureEvent, LectureState};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

use super::Db;
use super::document::metadata;
use super::ledger::Ledger;
use super::recording::{NewLecture, insert_tracks, make_folder_of, set_state, state_of};
use super::rows::{get_text, get_uint, int};
use crate::error::DbError;
use crate::layout;
use crate::plans::Kept;

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
    /// [`DbError::Conflict`] for a known id, [`DbError::Spool`] when `plans.json` could not be
    /// written; nothing changed then.
    pub async fn plan(&self, plan: Plan) -> Result<Planning, DbError> {
        let folder = layout::folder_name(plan.id, &self.room, plan.starts_unix_ms, &self.zone);
        self.call("plan a lecture", move |ledger| {
            ledger.change(plan.id, |tx| {
                if let Some(hindrance) = hindrance(tx, &plan)? {
                    return Ok(hindrance);
                }
                let first = 1;
                insert(tx, &kept(plan, folder, first))?;
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
    /// [`DbError::Conflict`] when it is not cancelled, [`DbError::NotFound`] for an unknown one,
    /// [`DbError::Spool`] when `plans.json` could not be written; nothing changed then.
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

/// When a change of a lecture is written to `plans.json`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keeping {
    /// It was not planned and is not.
    Never,
    /// What people are told must be on the disk twice by then.
    BeforeCommit,
    /// It begins: until the COMMIT it must stay, and nothing about the file may hinder it.
    AfterCommit,
}

/// When the file is written, by the lecture's state before the change and after it; `None`: it had
/// no row.
pub(super) fn keeping(before: Option<LectureState>, after: Option<LectureState>) -> Keeping {
    use LectureState as S;
    match (before, after) {
        (_, Some(S::Scheduled)) => Keeping::BeforeCommit,
        (Some(S::Scheduled), Some(S::Armed)) => Keeping::AfterCommit,
        (Some(S::Scheduled), _) => Keeping::BeforeCommit,
        (_, _) => Keeping::Never,
    }
}

/// The state of a lecture's row; `None` without one.
pub(super) fn standing(
    connection: &Connection,
    lecture: LectureId,
) -> rusqlite::Result<Option<LectureState>> {
    connection
        .prepare_cached("SELECT state FROM lectures WHERE id = ?1")?
        .query_row([lecture.to_string()], |row| get_text(row, "state"))
        .optional()
}

/// Every planned lecture, as `plans.json` holds it: by its beginning.
pub(crate) fn all(connection: &Connection) -> rusqlite::Result<Vec<Kept>> {
    connection
        .prepare_cached("SELECT * FROM lectures WHERE state = 'scheduled' ORDER BY started_unix_ms, id")?
        .query_map([], |row| {
            Ok(kept(plan(row)?, row.get("folder")?, get_uint(row, "revision")?))
        })?
        .collect()
}

/// Takes in a plan out of `plans.json`: one without a row is entered, one whose row is older is
/// mended. A row in any other state is right, whatever the file says. True if something changed.
///
/// # Errors
/// The database failed, or refuses what the plan holds.
pub(crate) fn take_in(ledger: &mut Ledger, plan: &Kept) -> Result<bool, DbError> {
    let row: Option<(LectureState, u64)> = ledger
        .connection
        .prepare_cached("SELECT state, revision FROM lectures WHERE id = ?1")?
        .query_row([plan.id.to_string()], |row| {
            Ok((get_text(row, "state")?, get_uint(row, "revision")?))
        })
        .optional()?;
    match row {
        None => ledger.change(plan.id, |tx| insert(tx, plan))?,
        Some((LectureState::Scheduled, revision)) if revision < plan.revision => {
            ledger.change(plan.id, |tx| mend(tx, plan))?;
        }
        Some(_) => return Ok(false),
    }
    Ok(true)
}

fn kept(plan: Plan, folder: String, revision: u64) -> Kept {
    Kept {
        id: plan.id,
        folder,
        revision,
        metadata: plan.metadata,
        starts_unix_ms: plan.starts_unix_ms,
        ends_unix_ms: plan.ends_unix_ms,
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

fn insert(tx: &Transaction<'_>, plan: &Kept) -> Result<(), DbError> {
    if standing(tx, plan.id)?.is_some() {
        return Err(DbError::Conflict(format!("lecture {} exists already", plan.id)));
    }
    tx.execute(
        // No folder of this name is made: it tells when it was to begin, and only until it does.
        "INSERT INTO lectures (id, folder, state, revision, title, course, presenter, language,
                               started_unix_ms, planned_end_unix_ms)
         VALUES (?1, ?2, 'scheduled', ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        params![
            plan.id.to_string(),
            plan.folder,
            int(plan.revision),
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

fn mend(tx: &Transaction<'_>, plan: &Kept) -> Result<(), DbError> {
    tx.execute(
        "UPDATE lectures SET revision = ?2, title = ?3, course = ?4, presenter = ?5, language = ?6,
                started_unix_ms = ?7, planned_end_unix_ms = ?8 WHERE id = ?1",
        params![
            plan.id.to_string(),
            int(plan.revision),
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
    insert_tracks(tx, new.id, 0, &new.tracks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p1_the_file_of_plans_goes_before_the_commit_and_a_beginning_after_it() {
        use Keeping::{AfterCommit, BeforeCommit, Never};
        use LectureState as S;
        for (before, after, when) in [
            (None, Some(S::Scheduled), BeforeCommit),
            (Some(S::Scheduled), Some(S::Scheduled), BeforeCommit),
            (Some(S::Scheduled), Some(S::Cancelled), BeforeCommit),
            (Some(S::Cancelled), Some(S::Scheduled), BeforeCommit),
            (Some(S::Scheduled), Some(S::Failed), BeforeCommit),
            (Some(S::Scheduled), Some(S::Armed), AfterCommit),
            (None, None, Never),
            (None, Some(S::Armed), Never),
            (Some(S::Armed), Some(S::Recording), Never),
            (Some(S::Cancelled), Some(S::Cancelled), Never),
        ] {
            assert_eq!(keeping(before, after), when, "{before:?} {after:?}");
        }
    }
}
