//! From version 3 to 4: which lectures are self tests, and what must never happen to the others.
//!
//! Whatever was recorded before is a lecture.

use rusqlite::Transaction;

/// Adds the column at the end of its table, its index, and the triggers that guard it.
pub(super) fn apply(tx: &Transaction<'_>) -> rusqlite::Result<()> {
    tx.execute_batch(
        "ALTER TABLE lectures ADD COLUMN self_test INTEGER NOT NULL DEFAULT 0 CHECK (self_test IN (0, 1));
         CREATE INDEX self_tests ON lectures (id) WHERE self_test = 1;
         CREATE TRIGGER self_test_for_life BEFORE UPDATE OF self_test ON lectures
         WHEN new.self_test <> old.self_test
         BEGIN SELECT RAISE(ABORT, 'a lecture is made as a self test or never is one'); END;
         CREATE TRIGGER lecture_for_ever BEFORE DELETE ON lectures
         WHEN old.self_test = 0
         BEGIN SELECT RAISE(ABORT, 'the row of a lecture stays for ever'); END;
         CREATE TRIGGER segment_needs_decision BEFORE DELETE ON segments
         WHEN old.state <> 'garbage' AND EXISTS (SELECT 1 FROM lectures WHERE id = old.lecture AND self_test = 0)
         BEGIN SELECT RAISE(ABORT, 'the row of a segment goes after it was decided to delete its file'); END;
         CREATE TRIGGER self_test_stays_here BEFORE INSERT ON deliveries
         WHEN EXISTS (SELECT 1 FROM lectures WHERE id = new.lecture AND self_test = 1)
         BEGIN SELECT RAISE(ABORT, 'a self test is never sent'); END;",
    )
}
