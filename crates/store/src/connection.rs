//! Steps 2 and 3 of opening: the connection, its settings, its version, and whose it is.
//!
//! The settings are what the promises rest on: WAL, `synchronous=FULL`, foreign keys.

use std::path::Path;
use std::time::{Duration, Instant};

use lectern_domain::ids::RoomId;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, params};
use uuid::Uuid;

use crate::disk::Disk;
use crate::error::OpenError;
use crate::layout::Layout;
use crate::meta::{self, Meta};
use crate::schema::{self, MigrateError};

/// The file must be there: a mistyped path must not make an empty database.
const FLAGS: OpenFlags = OpenFlags::SQLITE_OPEN_READ_WRITE.union(OpenFlags::SQLITE_OPEN_NO_MUTEX);

/// How long the quick check of a large database may take.
const LOOK_FOR: Duration = Duration::from_millis(100);
/// Steps of SQLite (a page, an instruction) between two looks at the clock.
const STEPS_OF_A_ROUND: i32 = 1_000;
/// Rounds that are never cut short, however slow the machine is.
const LOOK_ROUNDS: u32 = 100;

/// Step 2: opens, checks, upgrades; makes a new database in a spool that never had one.
pub(crate) fn open_database<D: Disk>(
    layout: &Layout,
    disk: &mut D,
    room: &RoomId,
    now_unix_ms: i64,
) -> Result<(Connection, Uuid), OpenError> {
    let path = layout.database();
    let exists = disk.exists(&path).map_err(OpenError::io(&path, "looked for"))?;
    if !exists && holds_anything(layout, disk)? {
        return Err(OpenError::DatabaseMissing { path });
    }
    let mut connection = connect(&path, disk, !exists)?;
    let failed = || OpenError::database(&path);
    if schema::version(&connection).map_err(failed())? == 0 {
        schema::create(&mut connection).map_err(failed())?;
    }
    upgrade(&mut connection, layout)?;
    let uuid = spool_uuid(&connection, layout, room, now_unix_ms)?;
    disk.sync_dir(layout.root())
        .map_err(OpenError::io(layout.root(), "synced"))?;
    Ok((connection, uuid))
}

fn holds_anything<D: Disk>(layout: &Layout, disk: &mut D) -> Result<bool, OpenError> {
    let plans = layout.plans();
    // It is written by a database that is in its place.
    if disk.exists(&plans).map_err(OpenError::io(&plans, "looked for"))? {
        return Ok(true);
    }
    let lectures = layout.lectures();
    if !disk
        .exists(&lectures)
        .map_err(OpenError::io(&lectures, "looked for"))?
    {
        return Ok(false);
    }
    Ok(!disk
        .list(&lectures)
        .map_err(OpenError::io(&lectures, "read"))?
        .is_empty())
}

/// Opens the connection with the settings that the promises rest on, and has SQLite look itself
/// over. A new file is private: the platforms' upload handles in it are capabilities.
pub(crate) fn connect<D: Disk>(path: &Path, disk: &mut D, new: bool) -> Result<Connection, OpenError> {
    if new {
        disk.create_private(path).map_err(OpenError::io(path, "made"))?;
    }
    let failed = || OpenError::database(path);
    let mut connection = Connection::open_with_flags(path, FLAGS).map_err(failed())?;
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
             PRAGMA busy_timeout = 5000;",
        )
        .map_err(failed())?;
    // A prepared statement keeps its plan: else each new parameter may have it prepared again.
    connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)
        .map_err(failed())?;
    connection.set_prepared_statement_cache_capacity(128);
    match look_over(&mut connection).map_err(failed())? {
        Verdict::Sound => {}
        Verdict::SoundSoFar => tracing::info!(
            path = %path.display(),
            "the database is large and was looked over in part; lecternd fsck reads all of it"
        ),
        Verdict::Damaged(detail) => {
            let path = path.to_owned();
            return Err(OpenError::Damaged { path, detail });
        }
    }
    Ok(connection)
}

/// What SQLite's quick check says.
enum Verdict {
    Sound,
    /// Nothing wrong in what the time allowed to look at.
    SoundSoFar,
    Damaged(String),
}

/// Has SQLite look its structure over: all of it up to a size that a room reaches in years, of a
/// larger database as much as [`LOOK_FOR`] allows, so that a start after a power cut stays quick.
/// What it did not reach is checked by SQLite as it is read, and by fsck.
fn look_over(connection: &mut Connection) -> rusqlite::Result<Verdict> {
    let began = Instant::now();
    let mut rounds = 0_u32;
    let out_of_time = move || {
        rounds = rounds.saturating_add(1);
        rounds > LOOK_ROUNDS && began.elapsed() > LOOK_FOR
    };
    connection.progress_handler(STEPS_OF_A_ROUND, Some(out_of_time))?;
    let verdict = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0));
    connection.progress_handler(0, None::<fn() -> bool>)?;
    match verdict {
        Ok(verdict) if verdict == "ok" => Ok(Verdict::Sound),
        Ok(verdict) => Ok(Verdict::Damaged(verdict)),
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) => {
            Ok(Verdict::SoundSoFar)
        }
        Err(error) => Err(error),
    }
}

/// A connection to a database that is being built and will be renamed: no log beside it.
pub(crate) fn build_connection(path: &Path) -> Result<Connection, OpenError> {
    let connection = Connection::open_with_flags(path, FLAGS).map_err(OpenError::database(path))?;
    connection
        .execute_batch("PRAGMA journal_mode = DELETE; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;")
        .map_err(OpenError::database(path))?;
    Ok(connection)
}

fn upgrade(connection: &mut Connection, layout: &Layout) -> Result<(), OpenError> {
    let path = layout.database();
    schema::upgrade(connection, |version| layout.backup(version)).map_err(|error| match error {
        MigrateError::Sqlite(source) => OpenError::Database { path, source },
        error @ (MigrateError::TooNew { .. } | MigrateError::NoWay(_)) => OpenError::Version {
            path,
            reason: error.to_string(),
        },
    })
}

/// The `meta` row, made if there is none.
fn spool_uuid(
    connection: &Connection,
    layout: &Layout,
    room: &RoomId,
    now_unix_ms: i64,
) -> Result<Uuid, OpenError> {
    let path = layout.database();
    connection
        .execute(
            "INSERT INTO meta (id, uuid, room, created_unix_ms) VALUES (1, ?1, ?2, ?3) ON CONFLICT DO NOTHING",
            params![Uuid::new_v4().hyphenated().to_string(), room.as_str(), now_unix_ms],
        )
        .map_err(OpenError::database(&path))?;
    read_uuid(connection, layout)
}

/// The UUID of the `meta` row.
pub(crate) fn read_uuid(connection: &Connection, layout: &Layout) -> Result<Uuid, OpenError> {
    let path = layout.database();
    let text: String = connection
        .query_row("SELECT uuid FROM meta", [], |row| row.get(0))
        .map_err(OpenError::database(&path))?;
    Uuid::parse_str(&text).map_err(|error| OpenError::Damaged {
        path,
        detail: format!("meta.uuid: {error}"),
    })
}

/// Step 4: the folder and the database belong together. A missing `meta.json` is written only
/// while the database knows no lecture: that is a first start that was cut short.
pub(crate) fn check_meta<D: Disk>(
    connection: &Connection,
    layout: &Layout,
    disk: &mut D,
    room: &RoomId,
    uuid: Uuid,
    now_unix_ms: i64,
) -> Result<(), OpenError> {
    let foreign = |found: String| OpenError::ForeignSpool {
        path: layout.root().to_owned(),
        found,
        expected: uuid.to_string(),
    };
    match meta::read(disk, layout)? {
        Some(meta) if meta.uuid == uuid => Ok(()),
        Some(meta) => Err(foreign(meta.uuid.to_string())),
        None => {
            let lectures: u32 = connection
                .query_row("SELECT count(*) FROM lectures", [], |row| row.get(0))
                .map_err(OpenError::database(&layout.database()))?;
            if lectures > 0 {
                return Err(foreign("nothing, it is missing".to_owned()));
            }
            let meta = Meta {
                uuid,
                room: room.to_string(),
                created_unix_ms: now_unix_ms,
            };
            meta::write(disk, layout, &meta)
        }
    }
}
