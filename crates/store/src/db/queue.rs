//! The queue of deliveries: which is next, and what people see of it.

use lectern_domain::api::{DeliveryView, Queue, QueueSummary, UploadStatus};
use lectern_domain::delivery::{DeliveryFile, DeliveryJob, DeliveryState, Turn};
use lectern_domain::ids::{DeliveryId, LectureId, PlatformName};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::Db;
use super::document::{file_role, phase};
use super::ledger::Ledger;
use super::rows::{get_text, get_uint, get_uint_opt};
use crate::error::DbError;

/// How many of the last done deliveries the queue still shows.
const DONE_SHOWN: u32 = 20;

impl Db {
    /// The oldest delivery to one of `platforms` that is queued, in doubt, or has waited long
    /// enough. Changes nothing: the runner's first commit does.
    ///
    /// # Errors
    /// The database failed.
    pub async fn due_delivery(
        &self,
        now_unix_ms: i64,
        platforms: Vec<PlatformName>,
    ) -> Result<Option<DeliveryJob>, DbError> {
        self.call("look for the next delivery", move |ledger| {
            due(ledger, now_unix_ms, &platforms)
        })
        .await
    }

    /// The deliveries of a lecture that are done, so that their platforms can be asked again.
    ///
    /// # Errors
    /// The database failed.
    pub async fn done_deliveries(&self, lecture: LectureId) -> Result<Vec<DeliveryJob>, DbError> {
        self.call("look for what was delivered", move |ledger| {
            let sql =
                "SELECT d.id, d.lecture, d.platform, d.attempts, l.folder, l.title, l.course, l.presenter,
                              l.language, l.started_unix_ms, l.duration_ms
                       FROM deliveries d JOIN lectures l ON l.id = d.lecture
                       WHERE d.lecture = ?1 AND d.state = 'done' ORDER BY d.id";
            let mut statement = ledger.connection.prepare_cached(sql)?;
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
            let sql = "SELECT min(next_unix_ms) FROM deliveries WHERE state = 'waiting'";
            Ok(ledger.connection.query_row(sql, [], |row| row.get(0))?)
        })
        .await
    }

    /// Every delivery that is not over, oldest first, and the last that were done.
    ///
    /// # Errors
    /// The database failed.
    pub async fn queue(&self) -> Result<Queue, DbError> {
        self.call("list the queue", |ledger| {
            let mut open = views(
                ledger,
                "SELECT d.*, l.title FROM deliveries d JOIN lectures l ON l.id = d.lecture
                 WHERE d.state NOT IN ('done', 'cancelled') ORDER BY d.queued_unix_ms, d.id LIMIT ?1",
                i64::MAX,
            )?;
            let done = views(
                ledger,
                "SELECT d.*, l.title FROM deliveries d JOIN lectures l ON l.id = d.lecture
                 WHERE d.state = 'done' ORDER BY d.done_unix_ms DESC, d.id DESC LIMIT ?1",
                i64::from(DONE_SHOWN),
            )?;
            open.extend(done);
            Ok(Queue {
                deliveries: open,
                uploads: UploadStatus::default(),
            })
        })
        .await
    }

    /// The queue in numbers.
    ///
    /// # Errors
    /// The database failed.
    pub async fn queue_summary(&self) -> Result<QueueSummary, DbError> {
        self.call("sum up the queue", |ledger| {
            let mut summary = ledger.connection.query_row(
                "SELECT
                   (SELECT count(*) FROM deliveries WHERE state NOT IN ('done', 'cancelled', 'parked')) AS pending,
                   (SELECT coalesce(sum(f.size_bytes), 0) FROM deliveries d
                      JOIN delivery_files df ON df.delivery = d.id AND df.phase <> 'confirmed'
                      JOIN files f ON f.lecture = d.lecture AND f.name = df.name
                      WHERE d.state NOT IN ('done', 'cancelled', 'parked')) AS pending_bytes,
                   (SELECT count(*) FROM deliveries WHERE state = 'parked') AS parked,
                   (SELECT count(*) FROM lectures WHERE state IN ('captured', 'finishing')) AS finishing",
                [],
                |row| {
                    Ok(QueueSummary {
                        pending: row.get("pending")?,
                        pending_bytes: get_uint(row, "pending_bytes")?,
                        parked: row.get("parked")?,
                        active: None,
                        finishing: row.get("finishing")?,
                    })
                },
            )?;
            let active = views(
                ledger,
                "SELECT d.*, l.title FROM deliveries d JOIN lectures l ON l.id = d.lecture
                 WHERE d.state IN ('sending', 'verifying', 'reconciling')
                 ORDER BY d.state = 'reconciling', d.queued_unix_ms, d.id LIMIT ?1",
                1,
            )?;
            summary.active = active.into_iter().next();
            Ok(summary)
        })
        .await
    }
}

fn due(
    ledger: &Ledger,
    now_unix_ms: i64,
    platforms: &[PlatformName],
) -> Result<Option<DeliveryJob>, DbError> {
    let connection = &ledger.connection;
    let mut statement = connection.prepare_cached(
        "SELECT d.id, d.lecture, d.platform, d.attempts, l.folder, l.title, l.course, l.presenter, l.language,
                l.started_unix_ms, l.duration_ms
         FROM deliveries d JOIN lectures l ON l.id = d.lecture
         WHERE d.state IN ('queued', 'reconciling') OR (d.state = 'waiting' AND d.next_unix_ms <= ?1)
         ORDER BY d.queued_unix_ms, d.id",
    )?;
    let mut rows = statement.query([now_unix_ms])?;
    while let Some(row) = rows.next()? {
        let platform: PlatformName = get_text(row, "platform")?;
        if !platforms.contains(&platform) {
            continue;
        }
        return Ok(Some(job(ledger, row)?));
    }
    Ok(None)
}

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
                parts: Vec::new(),
                duration_ms: get_uint_opt(row, "duration_ms")?,
                content_type: row.get("content_type")?,
                phase: phase(row)?,
            })
        })?
        .collect()
}

fn views(ledger: &Ledger, sql: &str, limit: i64) -> rusqlite::Result<Vec<DeliveryView>> {
    let mut statement = ledger.connection.prepare_cached(sql)?;
    let views = statement.query_map([limit], |row| view(ledger, row))?;
    views.collect()
}

/// The deliveries of one lecture, oldest first.
pub(super) fn of_lecture(ledger: &Ledger, lecture: LectureId) -> rusqlite::Result<Vec<DeliveryView>> {
    ledger
        .connection
        .prepare_cached(
            "SELECT d.*, l.title FROM deliveries d JOIN lectures l ON l.id = d.lecture
             WHERE d.lecture = ?1 ORDER BY d.id",
        )?
        .query_map([lecture.to_string()], |row| view(ledger, row))?
        .collect()
}

fn view(ledger: &Ledger, row: &Row<'_>) -> rusqlite::Result<DeliveryView> {
    let id = DeliveryId(row.get("id")?);
    let lecture: LectureId = get_text(row, "lecture")?;
    let state: DeliveryState = get_text(row, "state")?;
    let sums = sums(&ledger.connection, id, lecture)?.unwrap_or_default();
    Ok(DeliveryView {
        id,
        lecture,
        title: row.get("title")?,
        platform: get_text(row, "platform")?,
        state,
        sent_bytes: sums.confirmed_bytes,
        total_bytes: sums.total_bytes,
        attempts: row.get("attempts")?,
        next_unix_ms: row.get("next_unix_ms")?,
        message: row.get("message")?,
        done_unix_ms: row.get("done_unix_ms")?,
        locations: super::document::list(
            &ledger.connection,
            "SELECT location FROM delivery_files WHERE delivery = ?1 AND location IS NOT NULL ORDER BY place",
            id.0,
            |row| row.get(0),
        )?,
    })
}

#[derive(Default)]
struct Sums {
    total_bytes: u64,
    confirmed_bytes: u64,
}

fn sums(connection: &Connection, id: DeliveryId, lecture: LectureId) -> rusqlite::Result<Option<Sums>> {
    connection
        .prepare_cached(
            "SELECT coalesce(sum(f.size_bytes), 0) AS total,
                    coalesce(sum(CASE WHEN df.phase = 'confirmed' THEN f.size_bytes ELSE 0 END), 0) AS confirmed
             FROM delivery_files df JOIN files f ON f.lecture = ?2 AND f.name = df.name WHERE df.delivery = ?1",
        )?
        .query_row(params![id.0, lecture.to_string()], |row| {
            Ok(Sums { total_bytes: get_uint(row, "total")?, confirmed_bytes: get_uint(row, "confirmed")? })
        })
        .optional()
}
