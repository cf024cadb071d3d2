//! From version 4 to 5: what people outside of the room were told, and what is on its way to them.

use rusqlite::Transaction;

/// Adds three tables; nobody was told of anything before.
pub(super) fn apply(tx: &Transaction<'_>) -> rusqlite::Result<()> {
    tx.execute_batch(
        "CREATE TABLE troubles (
             target        TEXT    NOT NULL,
             trouble       TEXT    NOT NULL,
             since_unix_ms INTEGER NOT NULL,
             told_unix_ms  INTEGER,
             message       TEXT    NOT NULL CHECK (json_valid(message)),
             PRIMARY KEY (target, trouble)
         ) STRICT, WITHOUT ROWID;
         CREATE TABLE letters (
             id           TEXT    PRIMARY KEY CHECK (length(id) = 36),
             target       TEXT    NOT NULL,
             made_unix_ms INTEGER NOT NULL,
             body         TEXT    NOT NULL CHECK (json_valid(body))
         ) STRICT, WITHOUT ROWID;
         CREATE TABLE reports (
             target TEXT PRIMARY KEY,
             day    TEXT NOT NULL CHECK (day LIKE '____-__-__')
         ) STRICT, WITHOUT ROWID;",
    )
}
