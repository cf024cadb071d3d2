//! From version 2 to 3: hashes of the parts of finished files, what is urgent, what was sent on
//! each day, the ways to the platforms, and what a start may pass by.
//!
//! Files that were finished before have no part hashes: they are compared as a whole. Nothing is
//! shelved yet, so the next start looks at every lecture once more.

use rusqlite::Transaction;

/// Adds the columns at the ends of their tables, two tables, and the indexes that keep a queue of
/// a hundred thousand lectures as quick as one of ten.
pub(super) fn apply(tx: &Transaction<'_>) -> rusqlite::Result<()> {
    tx.execute_batch(
        "ALTER TABLE lectures ADD COLUMN shelved INTEGER NOT NULL DEFAULT 0
             CHECK (shelved = 0 OR (shelved = 1 AND state IN ('delivered', 'purged', 'cancelled')));
         ALTER TABLE files ADD COLUMN parts BLOB NOT NULL DEFAULT x'' CHECK (length(parts) % 32 = 0);
         ALTER TABLE deliveries ADD COLUMN urgent INTEGER NOT NULL DEFAULT 0 CHECK (urgent IN (0, 1));
         CREATE TABLE uploads (
             day        TEXT    PRIMARY KEY CHECK (day LIKE '____-__-__'),
             bytes      INTEGER NOT NULL CHECK (bytes >= 0),
             sending_ms INTEGER NOT NULL DEFAULT 0 CHECK (sending_ms >= 0)
         ) STRICT, WITHOUT ROWID;
         CREATE TABLE routes (
             peer         TEXT    PRIMARY KEY,
             base_rtt_us  INTEGER NOT NULL CHECK (base_rtt_us >= 0),
             seen_unix_ms INTEGER NOT NULL
         ) STRICT, WITHOUT ROWID;
         CREATE INDEX lectures_by_state ON lectures (state, started_unix_ms DESC, id DESC);
         CREATE INDEX lectures_at_hand ON lectures (started_unix_ms, id) WHERE shelved = 0;
         CREATE INDEX runs_believed ON runs (started_unix_ms) WHERE clock <> 'untrusted';
         CREATE INDEX deliveries_done ON deliveries (done_unix_ms DESC, id DESC) WHERE state = 'done';",
    )
}
