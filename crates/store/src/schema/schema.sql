-- The database of one spool: what Lectern must not forget. Version 5.
--
-- Rules of the house:
--  * States are the public words of the contract, CHECKed here and nowhere assigned by hand.
--  * Times on the wall clock are milliseconds since 1970 (_unix_ms); media times are nanoseconds
--    of a run's clock (_ns); sizes are bytes.
--  * A segment has a row only once its bytes are on the disk (promise P1).
--  * Every table is STRICT: a column holds what it says or nothing.

-- One row: which spool this is. meta.json beside the database carries the same uuid, so that a
-- database and a folder of recordings that do not belong together are noticed before a write.
CREATE TABLE meta (
    id              INTEGER PRIMARY KEY CHECK (id = 1),
    uuid            TEXT    NOT NULL CHECK (length(uuid) = 36),
    room            TEXT    NOT NULL,             -- room.id when the spool was made
    created_unix_ms INTEGER NOT NULL
) STRICT;

-- One row per start of the daemon. A row without an end tells of a crash or a power cut.
CREATE TABLE boots (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    start_unix_ms INTEGER NOT NULL,
    version       TEXT    NOT NULL,               -- of the daemon
    pid           INTEGER NOT NULL,
    end_unix_ms   INTEGER,                        -- closed in good order; NULL after a crash
    boot_id       TEXT,                           -- of the kernel: which CLOCK_MONOTONIC it is
    start_mono_ns INTEGER                         -- the start on CLOCK_MONOTONIC
) STRICT;

-- One row per lecture, for ever: a purged lecture keeps its row and its receipts.
CREATE TABLE lectures (
    id                  TEXT    PRIMARY KEY CHECK (length(id) = 36),
    folder              TEXT    NOT NULL UNIQUE CHECK (folder NOT LIKE '%/%' AND folder <> ''),
    state               TEXT    NOT NULL CHECK (state IN (
                            'scheduled', 'armed', 'recording', 'paused', 'stopping', 'interrupted',
                            'captured', 'finishing', 'finished', 'delivering', 'delivered',
                            'purged', 'failed', 'cancelled')),
    -- The state in which a crash found it, until it is decided how it goes on.
    was                 TEXT    CHECK (was IN ('armed', 'recording', 'paused', 'stopping')),
    reason              TEXT,                     -- why it failed, for a person
    title               TEXT,
    course              TEXT,
    presenter           TEXT,
    language            TEXT,                     -- BCP 47
    started_unix_ms     INTEGER NOT NULL,
    planned_end_unix_ms INTEGER NOT NULL,         -- it stops by itself then
    duration_ms         INTEGER CHECK (duration_ms >= 0), -- of the finished lecture
    -- Counts every change of the lecture or of anything below it. lecture.json repeats it, so
    -- that recovery knows which of them are older than the database.
    revision            INTEGER NOT NULL DEFAULT 1,
    -- When it was decided to delete its recordings here: committed before the first file goes,
    -- so that a deletion that was cut short is ended and never begun twice.
    purge_unix_ms       INTEGER CHECK (purge_unix_ms IS NULL OR state IN ('delivered', 'purged')),
    -- 1: it is over, and a start found its folder and lecture.json as its rows say. Later starts
    -- pass it by; every change takes the mark off.
    shelved             INTEGER NOT NULL DEFAULT 0
                                CHECK (shelved = 0
                                       OR (shelved = 1 AND state IN ('delivered', 'purged', 'cancelled'))),
    -- 1: the room tried itself out. Said when the row is made and never again: see the triggers.
    self_test           INTEGER NOT NULL DEFAULT 0 CHECK (self_test IN (0, 1)),
    CHECK ((state = 'interrupted') = (was IS NOT NULL))
) STRICT;
CREATE INDEX lectures_by_start ON lectures (started_unix_ms DESC, id DESC);
CREATE INDEX lectures_by_state ON lectures (state, started_unix_ms DESC, id DESC);
-- What a start looks at.
CREATE INDEX lectures_at_hand ON lectures (started_unix_ms, id) WHERE shelved = 0;
-- A start looks for those that a crash left behind.
CREATE INDEX self_tests ON lectures (id) WHERE self_test = 1;

-- The sources that take part in a lecture, fixed when it begins.
CREATE TABLE tracks (
    lecture TEXT    NOT NULL REFERENCES lectures (id),
    source  TEXT    NOT NULL CHECK (source NOT LIKE '%/%' AND source <> 'finished'),
    role    TEXT    NOT NULL CHECK (role IN ('presenter', 'presentation', 'microphone')),
    kind    TEXT    NOT NULL,                     -- kind of the source in the configuration
    place   INTEGER NOT NULL,                     -- order of the configuration
    spare_for TEXT,                               -- source that it stands in for
    PRIMARY KEY (lecture, source)
) STRICT, WITHOUT ROWID;

-- Unbroken stretches of recording. All media times of a run count from its base.
CREATE TABLE runs (
    lecture         TEXT    NOT NULL REFERENCES lectures (id),
    run             INTEGER NOT NULL CHECK (run >= 1),
    base_mono_ns    INTEGER NOT NULL,             -- CLOCK_MONOTONIC at run time zero, of its boot
    started_unix_ms INTEGER NOT NULL,
    end_ns          INTEGER CHECK (end_ns >= 0),  -- moment of the stop; NULL: runs, or crashed
    -- The kernel's boot: bases of one boot can be compared, those of two cannot.
    boot_id         TEXT,
    -- Whether started_unix_ms can be believed; 'corrected': set anew once the clock was right.
    clock           TEXT    NOT NULL DEFAULT 'trusted'
                            CHECK (clock IN ('trusted', 'untrusted', 'corrected')),
    -- Last moment of the run at which the daemon was known to be alive with it open.
    seen_ns         INTEGER NOT NULL DEFAULT 0 CHECK (seen_ns >= 0),
    PRIMARY KEY (lecture, run)
) STRICT, WITHOUT ROWID;

-- The latest wall time that could be believed is asked for at each start.
CREATE INDEX runs_believed ON runs (started_unix_ms) WHERE clock <> 'untrusted';

-- What is cut out of every track of a run alike.
CREATE TABLE pauses (
    lecture TEXT    NOT NULL,
    run     INTEGER NOT NULL,
    from_ns INTEGER NOT NULL CHECK (from_ns >= 0),
    to_ns   INTEGER CHECK (to_ns >= from_ns),     -- NULL: open, or until the end of the run
    PRIMARY KEY (lecture, run, from_ns),
    FOREIGN KEY (lecture, run) REFERENCES runs (lecture, run)
) STRICT, WITHOUT ROWID;
-- At most one open pause in a run.
CREATE UNIQUE INDEX open_pause ON pauses (lecture, run) WHERE to_ns IS NULL;

-- Moments that somebody wanted to find again.
CREATE TABLE marks (
    id      INTEGER PRIMARY KEY,
    lecture TEXT    NOT NULL,
    run     INTEGER NOT NULL,
    at_ns   INTEGER NOT NULL CHECK (at_ns >= 0),
    label   TEXT,
    FOREIGN KEY (lecture, run) REFERENCES runs (lecture, run)
) STRICT;
CREATE INDEX marks_by_lecture ON marks (lecture);

-- What the recording has to tell of itself: a source that went and came back, what encoded it.
CREATE TABLE facts (
    id      INTEGER PRIMARY KEY,
    lecture TEXT    NOT NULL,
    run     INTEGER NOT NULL,
    at_ns   INTEGER NOT NULL CHECK (at_ns >= 0),
    source  TEXT,                                 -- NULL: all
    what    TEXT    NOT NULL,                     -- kind of the fact
    detail  TEXT    NOT NULL,                     -- the same for people
    FOREIGN KEY (lecture, run) REFERENCES runs (lecture, run)
) STRICT;
CREATE INDEX facts_by_lecture ON facts (lecture);

-- Files of tracks: <source>/<number>.mp4. No row is ever written for a file in progress.
CREATE TABLE segments (
    lecture  TEXT    NOT NULL,
    source   TEXT    NOT NULL,
    number   INTEGER NOT NULL CHECK (number >= 1),
    run      INTEGER NOT NULL,
    state    TEXT    NOT NULL CHECK (state IN ('closed', 'garbage', 'lost', 'suspect')),
    salvaged INTEGER NOT NULL CHECK (salvaged IN (0, 1)), -- 1: found after a crash, tail cut
    bytes    INTEGER NOT NULL CHECK (bytes > 0),
    sha256   TEXT    NOT NULL CHECK (length(sha256) = 64),
    start_ns INTEGER NOT NULL CHECK (start_ns >= 0),
    end_ns   INTEGER NOT NULL CHECK (end_ns >= start_ns),
    PRIMARY KEY (lecture, source, number),
    FOREIGN KEY (lecture, source) REFERENCES tracks (lecture, source),
    FOREIGN KEY (lecture, run) REFERENCES runs (lecture, run)
) STRICT, WITHOUT ROWID;
-- Recovery and the list of damage look only for what is not well.
CREATE INDEX segments_not_well ON segments (state) WHERE state <> 'closed';

-- Finished files: finished/<name>.
CREATE TABLE files (
    lecture      TEXT    NOT NULL REFERENCES lectures (id),
    name         TEXT    NOT NULL CHECK (name NOT LIKE '%/%' AND name <> ''),
    place        INTEGER NOT NULL,                -- order in which they were finished
    what         TEXT    NOT NULL CHECK (what IN ('lecture', 'track', 'metadata', 'checksums')),
    source       TEXT,                            -- for 'track'
    role         TEXT    CHECK (role IN ('presenter', 'presentation', 'microphone')),
    size_bytes   INTEGER NOT NULL CHECK (size_bytes >= 0),
    sha256       TEXT    NOT NULL CHECK (length(sha256) = 64),
    duration_ms  INTEGER CHECK (duration_ms >= 0),
    content_type TEXT    NOT NULL,
    -- SHA-256 of each part of 8 MiB, 32 bytes each, one after the other; empty: not known. Last,
    -- because it is the one long column.
    parts        BLOB    NOT NULL DEFAULT x'' CHECK (length(parts) % 32 = 0),
    PRIMARY KEY (lecture, name),
    CHECK ((what = 'track') = (source IS NOT NULL)),
    CHECK ((what = 'track') = (role IS NOT NULL))
) STRICT, WITHOUT ROWID;

-- One lecture on its way to one platform; never two rows for the same pair (promise P5).
CREATE TABLE deliveries (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    lecture        TEXT    NOT NULL REFERENCES lectures (id),
    platform       TEXT    NOT NULL,
    state          TEXT    NOT NULL CHECK (state IN (
                       'queued', 'reconciling', 'sending', 'verifying', 'done', 'waiting',
                       'parked', 'cancelled')),
    attempts       INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0), -- how often it was begun
    next_unix_ms   INTEGER,                       -- not before; for 'waiting'
    message        TEXT,                          -- what happened, what is safe, what is next
    queued_unix_ms INTEGER NOT NULL,
    done_unix_ms   INTEGER,
    -- A person said "now": it goes before the others and outside the hours, until it is done.
    urgent         INTEGER NOT NULL DEFAULT 0 CHECK (urgent IN (0, 1)),
    UNIQUE (lecture, platform),
    CHECK ((state = 'waiting') = (next_unix_ms IS NOT NULL)),
    CHECK ((state = 'done') = (done_unix_ms IS NOT NULL))
) STRICT;
CREATE INDEX deliveries_open ON deliveries (queued_unix_ms, id) WHERE state NOT IN ('done', 'cancelled');
CREATE INDEX deliveries_done ON deliveries (done_unix_ms DESC, id DESC) WHERE state = 'done';

-- How far each file of a delivery is. A phase is committed before the act that it permits.
CREATE TABLE delivery_files (
    delivery INTEGER NOT NULL REFERENCES deliveries (id),
    name     TEXT    NOT NULL,
    place    INTEGER NOT NULL,                    -- order of sending
    phase    TEXT    NOT NULL CHECK (phase IN (
                 'pending', 'creating', 'bound', 'completing', 'confirmed')),
    remote   TEXT,                                -- the platform's handle: a capability, never logged
    location TEXT,                                -- where it is, for people
    PRIMARY KEY (delivery, name),
    CHECK ((phase IN ('bound', 'completing')) = (remote IS NOT NULL)),
    CHECK ((phase = 'confirmed') = (location IS NOT NULL))
) STRICT, WITHOUT ROWID;

-- What a platform said when it confirmed a file; written with the phase 'confirmed' or not at
-- all. Nothing may be deleted here that has no receipt (promise P6).
CREATE TABLE receipts (
    delivery   INTEGER NOT NULL,
    name       TEXT    NOT NULL,
    location   TEXT    NOT NULL,
    evidence   TEXT    NOT NULL CHECK (json_valid(evidence)), -- size, hash, headers; no secrets
    size_bytes INTEGER NOT NULL,                  -- of the file that was confirmed
    sha256     TEXT    NOT NULL,
    unix_ms    INTEGER NOT NULL,
    PRIMARY KEY (delivery, name),
    FOREIGN KEY (delivery, name) REFERENCES delivery_files (delivery, name)
) STRICT, WITHOUT ROWID;

-- What left for the platforms on each day of the room's calendar, repetitions included, and how long
-- that took: the budgets are held against it, and the forecast reckons with it.
CREATE TABLE uploads (
    day        TEXT    PRIMARY KEY CHECK (day LIKE '____-__-__'),
    bytes      INTEGER NOT NULL CHECK (bytes >= 0),
    sending_ms INTEGER NOT NULL DEFAULT 0 CHECK (sending_ms >= 0) -- for so long some were to leave
) STRICT, WITHOUT ROWID;

-- What is known of the way to each peer: the round trip of the line when nobody else uses it.
CREATE TABLE routes (
    peer         TEXT    PRIMARY KEY,             -- as the uplink names it
    base_rtt_us  INTEGER NOT NULL CHECK (base_rtt_us >= 0),
    seen_unix_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- A self test is deleted without a platform's word, so nothing else may ever be taken for one: not
-- by an update, not by a delete that names the wrong row (P6). And no platform ever gets one.
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
BEGIN SELECT RAISE(ABORT, 'a self test is never sent'); END;

-- What people outside of the room know: a row for each trouble and each who is told. Without names
-- and titles of a lecture.
CREATE TABLE troubles (
    target        TEXT    NOT NULL,               -- name of the [[notify]]
    trouble       TEXT    NOT NULL,               -- its code, and what it is about
    since_unix_ms INTEGER NOT NULL,
    told_unix_ms  INTEGER,                        -- NULL: not yet
    message       TEXT    NOT NULL CHECK (json_valid(message)),
    PRIMARY KEY (target, trouble)
) STRICT, WITHOUT ROWID;

-- Notices on their way; committed with what they tell, deleted when they were taken or given up.
CREATE TABLE letters (
    id           TEXT    PRIMARY KEY CHECK (length(id) = 36),
    target       TEXT    NOT NULL,
    made_unix_ms INTEGER NOT NULL,
    body         TEXT    NOT NULL CHECK (json_valid(body))
) STRICT, WITHOUT ROWID;

-- The morning of the last report of each who gets one: one a day, whatever happens.
CREATE TABLE reports (
    target TEXT PRIMARY KEY,
    day    TEXT NOT NULL CHECK (day LIKE '____-__-__')
) STRICT, WITHOUT ROWID;
