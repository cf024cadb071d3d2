//! The whole list in numbers, for those who watch many recorders.

use lectern_domain::api::Census;
use lectern_domain::lecture::LectureState;
use rusqlite::Connection;

use super::Db;
use super::rows::{get_text, get_uint};
use crate::error::DbError;

impl Db {
    /// Counts lectures and starts; self tests are none. Reads only the indices of both: some milliseconds for 100,000
    /// lectures.
    ///
    /// # Errors
    /// The database failed.
    pub async fn census(&self) -> Result<Census, DbError> {
        self.call("count the lectures", |ledger| Ok(count(&ledger.connection)?))
            .await
    }
}

fn count(connection: &Connection) -> rusqlite::Result<Census> {
    let mut census = connection
        .prepare_cached(
            "SELECT
               (SELECT max(started_unix_ms) FROM lectures l
                  WHERE state = 'failed' AND self_test = 0
                    AND NOT EXISTS (SELECT 1 FROM runs WHERE lecture = l.id)) AS missed,
               (SELECT min(at) FROM (
                  SELECT min(queued_unix_ms) AS at FROM deliveries INDEXED BY deliveries_open
                    WHERE state NOT IN ('done', 'cancelled')
                  UNION ALL
                  SELECT min(started_unix_ms) FROM lectures
                    WHERE state IN ('captured', 'finishing') AND self_test = 0)) AS waits_since,
               (SELECT count(*) FROM boots) AS starts,
               (SELECT count(*) FROM boots
                  WHERE end_unix_ms IS NULL AND id < (SELECT max(id) FROM boots)) AS crashes",
        )?
        .query_row([], |row| {
            Ok(Census {
                lectures: Vec::new(),
                missed_unix_ms: row.get("missed")?,
                waits_since_unix_ms: row.get("waits_since")?,
                starts: get_uint(row, "starts")?,
                crashes: get_uint(row, "crashes")?,
            })
        })?;
    // Twice over an index: the number of lectures grows for years, self tests are one or none.
    let mut statement = connection.prepare_cached(
        "SELECT state, sum(n) AS lectures FROM (
               SELECT state, count(*) AS n FROM lectures GROUP BY state
               UNION ALL
               SELECT state, -1 FROM lectures INDEXED BY self_tests WHERE self_test = 1)
             GROUP BY state HAVING sum(n) > 0",
    )?;
    let counted = statement.query_map([], |row| {
        Ok((
            get_text::<LectureState>(row, "state")?,
            get_uint(row, "lectures")?,
        ))
    })?;
    census.lectures = counted.collect::<rusqlite::Result<_>>()?;
    Ok(census)
}
