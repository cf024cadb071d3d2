//! What people outside of the room were told, what is on its way to them, and the figures of a day.
//!
//! None of it belongs to a lecture: after a rebuild of a lost database they are told anew.

use lectern_domain::notice::{Change, DayFigures, Letter, Remembered, Standing};
use rusqlite::{Connection, Row, params};
use uuid::Uuid;

use super::Db;
use super::rows::get_text;
use crate::error::DbError;

impl Db {
    /// All that is remembered of telling people; letters oldest first.
    ///
    /// # Errors
    /// The database failed.
    pub async fn told(&self) -> Result<Remembered, DbError> {
        self.call("read what people were told", |ledger| {
            let connection = &ledger.connection;
            Ok(Remembered {
                standing: all(connection, "SELECT * FROM troubles", standing)?,
                letters: all(
                    connection,
                    "SELECT * FROM letters ORDER BY made_unix_ms, id",
                    letter,
                )?,
                reports: all(connection, "SELECT * FROM reports", |row| {
                    Ok((get_text(row, "target")?, row.get("day")?))
                })?,
            })
        })
        .await
    }

    /// Commits what changed in it, all or nothing.
    ///
    /// # Errors
    /// The database failed; nothing was changed.
    pub async fn tell(&self, change: Change) -> Result<(), DbError> {
        self.call("note what people are told", move |ledger| {
            let tx = ledger.connection.transaction()?;
            if let Some(standing) = &change.standing {
                tx.execute("DELETE FROM troubles", [])?;
                for row in standing {
                    enter(&tx, row)?;
                }
            }
            for letter in &change.letters {
                let (id, target) = (letter.id.to_string(), letter.target.as_str());
                let sql = "INSERT INTO letters (id, target, made_unix_ms, body) VALUES (?1, ?2, ?3, ?4)";
                tx.prepare_cached(sql)?
                    .execute(params![id, target, letter.made_unix_ms, letter.body])?;
            }
            for (target, day) in &change.reports {
                tx.prepare_cached("INSERT OR REPLACE INTO reports (target, day) VALUES (?1, ?2)")?
                    .execute(params![target.as_str(), day])?;
            }
            Ok(tx.commit()?)
        })
        .await
    }

    /// Forgets a letter that was taken or given up; one that is not known is no error.
    ///
    /// # Errors
    /// The database failed.
    pub async fn forget_letter(&self, id: Uuid) -> Result<(), DbError> {
        self.call("forget a letter", move |ledger| {
            ledger
                .connection
                .prepare_cached("DELETE FROM letters WHERE id = ?1")?
                .execute([id.to_string()])?;
            Ok(())
        })
        .await
    }

    /// The lectures that began from one moment until before another, in milliseconds since 1970;
    /// self tests are none. With them the starts after a crash.
    ///
    /// # Errors
    /// The database failed.
    pub async fn day(&self, from_unix_ms: i64, to_unix_ms: i64) -> Result<DayFigures, DbError> {
        self.call("count the lectures of a day", move |ledger| {
            Ok(ledger.connection.prepare_cached(FIGURES)?.query_row(
                params![from_unix_ms, to_unix_ms],
                |row| {
                    Ok(DayFigures {
                        recorded: row.get("recorded")?,
                        sent: row.get("sent")?,
                        stuck: row.get("stuck")?,
                        silent: row.get("silent")?,
                        missed: row.get("missed")?,
                        crashes: row.get("crashes")?,
                    })
                },
            )?)
        })
        .await
    }
}

/// A lecture without a run was never recorded: one that has failed was missed. One that was
/// cancelled was not missed, and one whose time has not come neither.
const FIGURES: &str = "
    SELECT count(*) FILTER (WHERE ran) AS recorded,
           count(*) FILTER (WHERE state IN ('delivered', 'purged')) AS sent,
           count(*) FILTER (WHERE ran AND (state = 'failed' OR EXISTS (
               SELECT 1 FROM deliveries WHERE lecture = day.id AND state = 'parked'))) AS stuck,
           count(*) FILTER (WHERE EXISTS (
               SELECT 1 FROM facts WHERE lecture = day.id AND what = 'sound-muted')) AS silent,
           count(*) FILTER (WHERE NOT ran AND (state = 'failed'
               OR state = 'scheduled' AND planned_end_unix_ms < ?2)) AS missed,
           (SELECT count(*) FROM boots AS later
            WHERE start_unix_ms >= ?1 AND start_unix_ms < ?2 AND EXISTS (
                SELECT 1 FROM boots WHERE id = later.id - 1 AND end_unix_ms IS NULL)) AS crashes
    FROM (SELECT id, state, planned_end_unix_ms,
                 EXISTS (SELECT 1 FROM runs WHERE lecture = lectures.id) AS ran
          FROM lectures
          WHERE started_unix_ms >= ?1 AND started_unix_ms < ?2 AND self_test = 0) AS day";

fn enter(connection: &Connection, row: &Standing) -> rusqlite::Result<()> {
    let message = serde_json::to_string(&row.message)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
    connection
        .prepare_cached(
            "INSERT INTO troubles (target, trouble, since_unix_ms, told_unix_ms, message)
             VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![
            row.target.as_str(),
            row.trouble,
            row.since_unix_ms,
            row.told_unix_ms,
            message
        ])?;
    Ok(())
}

fn standing(row: &Row<'_>) -> rusqlite::Result<Standing> {
    let message: String = row.get("message")?;
    Ok(Standing {
        target: get_text(row, "target")?,
        trouble: row.get("trouble")?,
        since_unix_ms: row.get("since_unix_ms")?,
        told_unix_ms: row.get("told_unix_ms")?,
        // Of a version that wrote it otherwise: the trouble's name is left to tell of it.
        message: serde_json::from_str(&message).unwrap_or_default(),
    })
}

fn letter(row: &Row<'_>) -> rusqlite::Result<Letter> {
    Ok(Letter {
        id: get_text(row, "id")?,
        target: get_text(row, "target")?,
        made_unix_ms: row.get("made_unix_ms")?,
        body: row.get("body")?,
    })
}

fn all<T>(
    connection: &Connection,
    sql: &str,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    connection.prepare_cached(sql)?.query_map([], read)?.collect()
}
