//! Which delivery is next, and everything that its runner needs.
//!
//! ```text
//! 1. what a person wants now          before the rest, and the only ones outside the hours
//! 2. sound, small files, metadata     of every lecture before the large files of any
//! 3. the oldest
//! ```
//! The second rule costs a lecture nothing in all: its small files would have gone first in any
//! case, now they do not wait behind the pictures of the lecture before it.

use lectern_domain::delivery::{DeliveryFile, DeliveryJob, Turn, goes_first};
use lectern_domain::ids::{DeliveryId, LectureId, PlatformName};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::Db;
use super::document::{file_role, phase};
use super::ledger::Ledger;
use super::parts::get_parts;
use super::rows::{get_text, get_uint, get_uint_opt};
use crate::error::DbError;

/// What may be sent at this moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueQuery {
    /// Now, for deliveries that wait, in milliseconds since 1970.
    pub now_unix_ms: i64,
    /// The platforms that may be served. Empty: none, and no delivery is due.
    pub platforms: Vec<PlatformName>,
    /// Whether sound and small files of all lectures go before large files.
    pub phone_first: bool,
    /// Only what a person wants now ([`Db::send_now`]): the hours or the budget are over.
    pub urgent_only: bool,
}

/// A delivery that could be next.
struct Candidate {
    id: DeliveryId,
    urgent: bool,
}

/// What a delivery has left to send, in files.
#[derive(Default)]
struct Left {
    small: u32,
    large: u32,
}

impl Db {
    /// The delivery that is next among those that are queued, in doubt, or have waited long
    /// enough: urgent ones before others, then as `query` says, oldest first. With `phone_first`
    /// its turn is [`Turn::First`] as long as it has files of both sizes left. Changes nothing:
    /// the runner's first commit does.
    ///
    /// # Errors
    /// The database failed.
    pub async fn due_delivery(&self, query: DueQuery) -> Result<Option<DeliveryJob>, DbError> {
        self.due_beside(query, Vec::new()).await
    }

    /// [`Db::due_delivery`] among all but these.
    ///
    /// # Errors
    /// The database failed.
    pub async fn due_beside(
        &self,
        query: DueQuery,
        passed_by: Vec<DeliveryId>,
    ) -> Result<Option<DeliveryJob>, DbError> {
        self.call("look for the next delivery", move |ledger| {
            let mut candidates = candidates(&ledger.connection, &query)?;
            candidates.retain(|candidate| !passed_by.contains(&candidate.id));
            let Some((id, turn)) = choose(&ledger.connection, &candidates, query.phone_first)? else {
                return Ok(None);
            };
            let job = ledger
                .connection
                .prepare_cached(&format!("{JOBS} WHERE d.id = ?1"))?
                .query_row([id.0], |row| job(ledger, row))
                .optional()?;
            Ok(job.map(|job| DeliveryJob { turn, ..job }))
        })
        .await
    }

    /// The deliveries of a lecture that are done, so that their platforms can be asked again.
    ///
    /// # Errors
    /// The database failed.
    pub async fn done_deliveries(&self, lecture: LectureId) -> Result<Vec<DeliveryJob>, DbError> {
        self.call("look for what was delivered", move |ledger| {
            let sql = format!("{JOBS} WHERE d.lecture = ?1 AND d.state = 'done' ORDER BY d.id");
            let mut statement = ledger.connection.prepare_cached(&sql)?;
            let jobs = statement.query_map([lecture.to_string()], |row| job(ledger, row))?;
            Ok(jobs.collect::<rusqlite::Result<_>>()?)
        })
        .await
    }

    /// When the next waiting delivery may be tried. Queued ones are due at once and not in it.
    ///
    /// # Errors
    /// The database failed.
    pub async fn next_due_unix_ms(&self) -> Result<Option<i64>, DbError> {
        self.call("look for the next delivery", |ledger| {
            let sql = "SELECT min(next_unix_ms) FROM deliveries INDEXED BY deliveries_open
                       WHERE state NOT IN ('done', 'cancelled') AND state = 'waiting'";
            Ok(ledger.connection.query_row(sql, [], |row| row.get(0))?)
        })
        .await
    }
}

/// Every delivery that may be begun now: urgent ones first, each class oldest first.
fn candidates(connection: &Connection, query: &DueQuery) -> rusqlite::Result<Vec<Candidate>> {
    let mut statement = connection.prepare_cached(
        "SELECT id, platform, urgent FROM deliveries INDEXED BY deliveries_open
         WHERE state NOT IN ('done', 'cancelled')
           AND (state IN ('queued', 'reconciling') OR (state = 'waiting' AND next_unix_ms <= ?1))
           AND (urgent = 1 OR NOT ?2)
         ORDER BY urgent DESC, queued_unix_ms, id",
    )?;
    let mut rows = statement.query(params![query.now_unix_ms, query.urgent_only])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        if query.platforms.contains(&get_text(row, "platform")?) {
            found.push(Candidate {
                id: DeliveryId(row.get("id")?),
                urgent: row.get("urgent")?,
            });
        }
    }
    Ok(found)
}

fn choose(
    connection: &Connection,
    candidates: &[Candidate],
    phone_first: bool,
) -> rusqlite::Result<Option<(DeliveryId, Turn)>> {
    let Some(oldest) = candidates.first() else {
        return Ok(None);
    };
    if phone_first {
        for candidate in candidates
            .iter()
            .take_while(|other| other.urgent == oldest.urgent)
        {
            match left(connection, candidate.id)? {
                Left { small: 0, large: 1.. } => {}
                Left { large: 0, .. } => return Ok(Some((candidate.id, Turn::All))),
                Left { .. } => return Ok(Some((candidate.id, Turn::First))),
            }
        }
    }
    Ok(Some((oldest.id, Turn::All)))
}

/// What the platform has not confirmed.
fn left(connection: &Connection, id: DeliveryId) -> rusqlite::Result<Left> {
    let mut statement = connection.prepare_cached(
        "SELECT f.what, f.source, f.role, f.size_bytes FROM delivery_files df
         JOIN deliveries d ON d.id = df.delivery
         JOIN files f ON f.lecture = d.lecture AND f.name = df.name
         WHERE df.delivery = ?1 AND df.phase <> 'confirmed'",
    )?;
    let mut rows = statement.query([id.0])?;
    let mut left = Left::default();
    while let Some(row) = rows.next()? {
        if goes_first(&file_role(row)?, get_uint(row, "size_bytes")?) {
            left.small += 1;
        } else {
            left.large += 1;
        }
    }
    Ok(left)
}

/// What [`job`] reads.
const JOBS: &str = "SELECT d.id, d.lecture, d.platform, d.attempts, l.folder, l.title, l.course, l.presenter,
            l.language, l.started_unix_ms, l.duration_ms
     FROM deliveries d JOIN lectures l ON l.id = d.lecture";

fn job(ledger: &Ledger, row: &Row<'_>) -> rusqlite::Result<DeliveryJob> {
    let id = DeliveryId(row.get("id")?);
    let lecture = get_text(row, "lecture")?;
    let folder: String = row.get("folder")?;
    Ok(DeliveryJob {
        id,
        lecture,
        title: row.get::<_, Option<String>>("title")?.unwrap_or_default(),
        course: row.get("course")?,
        presenter: row.get("presenter")?,
        language: row.get("language")?,
        started_unix_ms: row.get("started_unix_ms")?,
        duration_ms: get_uint_opt(row, "duration_ms")?.unwrap_or(0),
        platform: get_text(row, "platform")?,
        attempts: row.get("attempts")?,
        turn: Turn::All,
        files: files(ledger, id, lecture, &folder)?,
        folder,
    })
}

fn files(
    ledger: &Ledger,
    id: DeliveryId,
    lecture: LectureId,
    folder: &str,
) -> rusqlite::Result<Vec<DeliveryFile>> {
    let finished = ledger.layout.finished(folder);
    ledger
        .connection
        .prepare_cached(
            "SELECT f.*, df.phase, df.remote, df.location FROM delivery_files df
             JOIN files f ON f.lecture = ?2 AND f.name = df.name
             WHERE df.delivery = ?1 ORDER BY df.place",
        )?
        .query_map(params![id.0, lecture.to_string()], |row| {
            let name: String = row.get("name")?;
            Ok(DeliveryFile {
                path: finished.join(&name),
                name,
                role: file_role(row)?,
                size_bytes: get_uint(row, "size_bytes")?,
                sha256: row.get("sha256")?,
                parts: get_parts(row)?,
                duration_ms: get_uint_opt(row, "duration_ms")?,
                content_type: row.get("content_type")?,
                phase: phase(row)?,
            })
        })?
        .collect()
}
