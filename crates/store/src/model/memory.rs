//! The database of a life: SQLite in memory, used again by the next life of the same thread, so
//! that its statements need not be prepared for each.

use std::cell::RefCell;

use rusqlite::Connection;
use rusqlite::config::DbConfig;
use uuid::Uuid;

use crate::schema;

thread_local! {
    static IDLE: RefCell<Option<Connection>> = const { RefCell::new(None) };
}

/// A database with its schema and its first rows.
pub(super) fn take(uuid: Uuid) -> Connection {
    let connection = IDLE.take().map_or_else(make, |used| {
        // The rows of lectures stay for ever, but for this.
        used.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)
            .expect("a setting");
        used.execute_batch(
            "DELETE FROM receipts; DELETE FROM delivery_files; DELETE FROM deliveries; DELETE FROM files;
             DELETE FROM facts; DELETE FROM marks; DELETE FROM pauses; DELETE FROM segments;
             DELETE FROM runs; DELETE FROM tracks; DELETE FROM lectures; DELETE FROM boots;
             DELETE FROM meta; DELETE FROM sqlite_sequence",
        )
        .expect("every table is empty after its children");
        used.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, true)
            .expect("a setting");
        used
    });
    connection
        .execute_batch(&format!(
            "INSERT INTO meta VALUES (1, '{uuid}', 'b-204', 0);
             INSERT INTO boots (start_unix_ms, version, pid) VALUES (0, 'model', 1)"
        ))
        .expect("the first rows");
    connection
}

/// Keeps a database for the next life.
pub(super) fn give_back(connection: Connection) {
    IDLE.set(Some(connection));
}

fn make() -> Connection {
    let mut connection = Connection::open_in_memory().expect("memory");
    connection
        .execute_batch("PRAGMA foreign_keys = ON; PRAGMA synchronous = OFF; PRAGMA journal_mode = MEMORY")
        .expect("settings");
    connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)
        .expect("a setting");
    connection.set_prepared_statement_cache_capacity(256);
    schema::create(&mut connection).expect("a new database");
    connection
}
