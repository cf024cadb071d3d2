//! Versions of the database and the way from each to the next.
//!
//! The version is SQLite's `user_version`. A new database gets `schema.sql` as it is; an older
//! one is copied beside itself and then goes up step by step, each step one function and one
//! transaction that ends with the new version. A newer one is refused: an old daemon would not
//! know what its states mean. Every old schema is kept with data in `fixtures/schema` and
//! upgraded by a test. To add version N+1: change `schema.sql`, append a [`Step`], keep the dump.

mod v2;
mod v3;
mod v4;
mod v5;

use std::path::Path;

use rusqlite::{Connection, Transaction, TransactionBehavior};

/// The version that this program reads and writes.
pub(crate) const VERSION: u32 = 5;

const SCHEMA: &str = include_str!("schema.sql");

/// One step up.
pub(crate) struct Step {
    /// The version that it starts from; it ends at the next.
    pub(crate) from: u32,
    /// What it does, for the log.
    pub(crate) name: &'static str,
    /// Does it, inside the step's transaction.
    pub(crate) apply: fn(&Transaction<'_>) -> rusqlite::Result<()>,
}

/// Every step, oldest first.
const STEPS: &[Step] = &[
    Step {
        from: 1,
        name: "clocks, facts, spares and deletion",
        apply: v2::apply,
    },
    Step {
        from: 2,
        name: "part hashes, urgency, budgets and routes",
        apply: v3::apply,
    },
    Step {
        from: 3,
        name: "self tests",
        apply: v4::apply,
    },
    Step {
        from: 4,
        name: "what people are told",
        apply: v5::apply,
    },
];

/// Why a database's version could not be brought to ours.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MigrateError {
    /// Made by a newer daemon.
    #[error("it has schema version {found}, this lecternd knows {known} at most")]
    TooNew {
        /// Its version.
        found: u32,
        /// Ours.
        known: u32,
    },
    /// No step leads from its version to ours.
    #[error("no upgrade leads from schema version {0}")]
    NoWay(u32),
    /// SQLite failed; the step was rolled back.
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
}

/// The version of a database; 0 when nothing was ever written.
pub(crate) fn version(connection: &Connection) -> rusqlite::Result<u32> {
    connection.query_row("PRAGMA user_version", [], |row| row.get(0))
}

/// Writes the schema into an empty database.
pub(crate) fn create(connection: &mut Connection) -> rusqlite::Result<()> {
    let tx = connection.transaction_with_behavior(TransactionBehavior::Exclusive)?;
    tx.execute_batch(SCHEMA)?;
    tx.pragma_update(None, "user_version", VERSION)?;
    tx.commit()
}

/// Brings the database to [`VERSION`]; copies it to `backup` before the first step.
pub(crate) fn upgrade(
    connection: &mut Connection,
    backup: impl Fn(u32) -> std::path::PathBuf,
) -> Result<(), MigrateError> {
    upgrade_by(connection, STEPS, VERSION, backup)
}

fn upgrade_by(
    connection: &mut Connection,
    steps: &[Step],
    target: u32,
    backup: impl Fn(u32) -> std::path::PathBuf,
) -> Result<(), MigrateError> {
    let found = version(connection)?;
    if found > target {
        return Err(MigrateError::TooNew { found, known: target });
    }
    if found == target {
        return Ok(());
    }
    copy(connection, &backup(found))?;
    for at in found..target {
        let step = steps
            .iter()
            .find(|step| step.from == at)
            .ok_or(MigrateError::NoWay(at))?;
        let tx = connection.transaction_with_behavior(TransactionBehavior::Exclusive)?;
        (step.apply)(&tx)?;
        tx.pragma_update(None, "user_version", at + 1)?;
        tx.commit()?;
        tracing::info!(
            from = at,
            to = at + 1,
            step = step.name,
            "the database was upgraded"
        );
    }
    Ok(())
}

/// A consistent copy, whatever is still in the write-ahead log.
fn copy(connection: &Connection, to: &Path) -> rusqlite::Result<()> {
    connection.backup(rusqlite::MAIN_DB, to, None::<fn(rusqlite::backup::Progress)>)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add_room(tx: &Transaction<'_>) -> rusqlite::Result<()> {
        tx.execute_batch("ALTER TABLE boots ADD COLUMN note TEXT")
    }

    fn fail(tx: &Transaction<'_>) -> rusqlite::Result<()> {
        tx.execute_batch("ALTER TABLE boots ADD COLUMN other TEXT; SELECT nonsense")
    }

    fn database(dir: &Path) -> Connection {
        let mut connection = Connection::open(dir.join("a.db")).unwrap();
        create(&mut connection).unwrap();
        connection
            .execute(
                "INSERT INTO boots (start_unix_ms, version, pid) VALUES (7, 'x', 1)",
                [],
            )
            .unwrap();
        connection
    }

    #[test]
    fn a_step_keeps_the_rows_and_leaves_a_copy_of_before() {
        let dir = tempfile::tempdir().unwrap();
        let mut connection = database(dir.path());
        let steps = [Step {
            from: VERSION,
            name: "note",
            apply: add_room,
        }];
        let backup = dir.path().join("a.db.backup");
        upgrade_by(&mut connection, &steps, VERSION + 1, |_| backup.clone()).unwrap();
        assert_eq!(version(&connection).unwrap(), VERSION + 1);
        let kept: i64 = connection
            .query_row("SELECT start_unix_ms FROM boots WHERE note IS NULL", [], |r| {
                r.get(0)
            })
            .unwrap();
        assert_eq!(kept, 7);
        assert_eq!(version(&Connection::open(backup).unwrap()).unwrap(), VERSION);
    }

    #[test]
    fn a_failed_step_leaves_the_version_before_it() {
        let dir = tempfile::tempdir().unwrap();
        let mut connection = database(dir.path());
        let steps = [Step {
            from: VERSION,
            name: "bad",
            apply: fail,
        }];
        let result = upgrade_by(&mut connection, &steps, VERSION + 1, |_| dir.path().join("b"));
        assert!(matches!(result, Err(MigrateError::Sqlite(_))));
        assert_eq!(version(&connection).unwrap(), VERSION);
        let columns: i64 = connection
            .query_row(
                "SELECT count(*) FROM pragma_table_info('boots') WHERE name = 'other'",
                [],
                |r| r.get(0),
            )
            .unwrap();
        assert_eq!(columns, 0);
    }

    #[test]
    fn a_newer_database_and_a_missing_step_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let mut connection = database(dir.path());
        let missing = upgrade_by(&mut connection, &[], VERSION + 1, |_| dir.path().join("b"));
        assert!(matches!(missing, Err(MigrateError::NoWay(VERSION))));
        connection
            .pragma_update(None, "user_version", VERSION + 5)
            .unwrap();
        let newer = upgrade(&mut connection, |_| dir.path().join("c"));
        assert!(matches!(newer, Err(MigrateError::TooNew { found, known: VERSION }) if found == VERSION + 5));
    }
}
