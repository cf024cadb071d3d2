//! From version 1 to 2: which boot a run belongs to and whether its clock was right, what was
//! noted of a recording, which source stands in for which, and the decision to delete.
//!
//! Runs that were recorded before count as having had a right clock and no known boot: nothing
//! is compared across them by the monotonic clock.

use rusqlite::Transaction;

/// Adds the columns at the ends of their tables, and the table of facts.
pub(super) fn apply(tx: &Transaction<'_>) -> rusqlite::Result<()> {
    tx.execute_batch(
        "ALTER TABLE boots ADD COLUMN boot_id TEXT;
         ALTER TABLE boots ADD COLUMN start_mono_ns INTEGER;
         ALTER TABLE lectures ADD COLUMN purge_unix_ms INTEGER
             CHECK (purge_unix_ms IS NULL OR state IN ('delivered', 'purged'));
         ALTER TABLE tracks ADD COLUMN spare_for TEXT;
         ALTER TABLE runs ADD COLUMN boot_id TEXT;
         ALTER TABLE runs ADD COLUMN clock TEXT NOT NULL DEFAULT 'trusted'
             CHECK (clock IN ('trusted', 'untrusted', 'corrected'));
         ALTER TABLE runs ADD COLUMN seen_ns INTEGER NOT NULL DEFAULT 0 CHECK (seen_ns >= 0);
         CREATE TABLE facts (
             id      INTEGER PRIMARY KEY,
             lecture TEXT    NOT NULL,
             run     INTEGER NOT NULL,
             at_ns   INTEGER NOT NULL CHECK (at_ns >= 0),
             source  TEXT,
             what    TEXT    NOT NULL,
             detail  TEXT    NOT NULL,
             FOREIGN KEY (lecture, run) REFERENCES runs (lecture, run)
         ) STRICT;
         CREATE INDEX facts_by_lecture ON facts (lecture);",
    )
}
