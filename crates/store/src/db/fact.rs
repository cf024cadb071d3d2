//! What a recording has to tell of itself: facts, kept with the lecture.

use lectern_domain::fact::Fact;
use lectern_domain::ids::{LectureId, RunId, SourceName};
use rusqlite::{Transaction, params};

use super::Db;
use super::recording::known_run;
use super::rows::int;
use crate::error::DbError;

impl Db {
    /// Keeps what was noted of a lecture, in one transaction; nothing of it if that fails. Noting
    /// nothing costs nothing.
    ///
    /// # Errors
    /// [`DbError::NotFound`] for an unknown lecture or a fact of an unknown run.
    pub async fn note(&self, lecture: LectureId, facts: Vec<Fact>) -> Result<(), DbError> {
        if facts.is_empty() {
            return Ok(());
        }
        self.call("keep facts of a lecture", move |ledger| {
            ledger.change(lecture, |tx| {
                for fact in &facts {
                    known_run(
                        tx,
                        RunId {
                            lecture,
                            run: fact.run,
                        },
                    )?;
                    insert_fact(tx, &lecture.to_string(), fact)?;
                }
                Ok(())
            })
        })
        .await
    }
}

/// The row of a fact.
pub(super) fn insert_fact(tx: &Transaction<'_>, lecture: &str, fact: &Fact) -> rusqlite::Result<()> {
    tx.prepare_cached(
        "INSERT INTO facts (lecture, run, at_ns, source, what, detail) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![
        lecture,
        fact.run.0,
        int(fact.at_ns),
        fact.source.as_ref().map(SourceName::as_str),
        fact.what.as_str(),
        fact.detail
    ])
    .map(|_| ())
}
