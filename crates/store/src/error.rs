//! What can go wrong, in words that a technician can act on.
//!
//! Each text says what failed, on which path, and what to do about it where that is known.

use std::path::{Path, PathBuf};

use lectern_domain::ids::LectureId;

pub use crate::mailbox::Gone;

/// Why the spool could not be opened. Nothing was changed beyond what the message says.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process holds the spool.
    #[error(
        "the spool {path} is in use by process {holder}; stop that lecternd first, or give this one \
         another storage.path"
    )]
    Locked {
        /// `storage.path`.
        path: PathBuf,
        /// Process id of the holder, or `?`.
        holder: String,
    },
    /// The file system refused.
    #[error(
        "{path} could not be {what}: {source}; check that the disk is mounted, whole and owned by the service's user"
    )]
    Io {
        /// What was touched.
        path: PathBuf,
        /// What was tried: `opened`, `made`, `synced`.
        what: &'static str,
        /// The system's answer.
        #[source]
        source: std::io::Error,
    },
    /// SQLite refused.
    #[error("the database {path} could not be used: {source}; if it is damaged, run lecternd fsck --rebuild")]
    Database {
        /// The database.
        path: PathBuf,
        /// SQLite's answer.
        #[source]
        source: rusqlite::Error,
    },
    /// SQLite's own check found damage.
    #[error(
        "the database {path} is damaged: {detail}; the recordings are safe in their folders, run \
         lecternd fsck --rebuild to make it anew from them"
    )]
    Damaged {
        /// The database.
        path: PathBuf,
        /// The first line of the check, or what could not be read.
        detail: String,
    },
    /// Made by a newer or an unknown lecternd.
    #[error(
        "the database {path} cannot be used by this version: {reason}; install the lecternd that wrote it, or a newer one"
    )]
    Version {
        /// The database.
        path: PathBuf,
        /// Which versions.
        reason: String,
    },
    /// There are recordings or plans and no database.
    #[error(
        "the database {path} is missing although the spool holds lectures or plans; put it back, or run \
         lecternd fsck --rebuild to make it anew from the recordings"
    )]
    DatabaseMissing {
        /// Where it should be.
        path: PathBuf,
    },
    /// A `lecture.json` knows more than the database: an old copy was put back.
    #[error(
        "the database {path} is older than the spool: {newer} knows what it does not; put the newest \
         lectern.db back, or run lecternd fsck --rebuild to make it anew from the recordings"
    )]
    DatabaseOlder {
        /// The database.
        path: PathBuf,
        /// The first `lecture.json` that is newer.
        newer: PathBuf,
    },
    /// The database and the folder do not belong together.
    #[error(
        "the spool {path} and its database do not belong together: meta.json says {found}, the \
         database says {expected}; mount the right disk at storage.path or put the right \
         lectern.db back"
    )]
    ForeignSpool {
        /// `storage.path`.
        path: PathBuf,
        /// UUID in `meta.json`, or what is wrong with the file.
        found: String,
        /// UUID in the database.
        expected: String,
    },
    /// `room.timezone` is not known here.
    #[error(
        "the time zone {name} is not known to this machine: {reason}; install tzdata or correct room.timezone"
    )]
    Timezone {
        /// As configured.
        name: String,
        /// The library's words.
        reason: String,
    },
}

impl OpenError {
    pub(crate) fn io(path: &Path, what: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, what, source }
    }

    pub(crate) fn database(path: &Path) -> impl FnOnce(rusqlite::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Database { path, source }
    }
}

/// Why the database did not do what it was asked; nothing of it was committed.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// The thread has ended.
    #[error(transparent)]
    Gone(#[from] Gone),
    /// No such row.
    #[error("{0} is not known here")]
    NotFound(String),
    /// The row is in another state than the caller believed, or the step is not allowed in it.
    #[error("{0}")]
    Conflict(String),
    /// A value in the database is not one of ours.
    #[error("the database holds a value that this version does not know: {0}; run lecternd fsck")]
    Damaged(String),
    /// SQLite failed: disk full, I/O error.
    #[error("the database could not {place}: {source}; check the free space and the disk")]
    Sqlite {
        /// What was being done.
        place: &'static str,
        /// SQLite's answer.
        #[source]
        source: rusqlite::Error,
    },
    /// The spool could not do its part.
    #[error(transparent)]
    Spool(#[from] SpoolError),
}

impl DbError {
    pub(crate) fn no_lecture(lecture: LectureId) -> Self {
        Self::NotFound(format!("lecture {lecture}"))
    }

    /// Whether what was to be written is at fault, not disk or database: it would be refused again.
    pub(crate) fn is_of_content(&self) -> bool {
        match self {
            Self::Sqlite { source, .. } => {
                source.sqlite_error_code() == Some(rusqlite::ErrorCode::ConstraintViolation)
            }
            Self::Gone(_) | Self::NotFound(_) | Self::Conflict(_) | Self::Damaged(_) | Self::Spool(_) => {
                false
            }
        }
    }

    /// Names the job in SQLite's errors, which do not know it.
    pub(crate) fn at(self, job: &'static str) -> Self {
        match self {
            Self::Sqlite { source, .. } => Self::Sqlite { place: job, source },
            Self::Gone(_) | Self::NotFound(_) | Self::Conflict(_) | Self::Damaged(_) | Self::Spool(_) => self,
        }
    }
}

impl From<rusqlite::Error> for DbError {
    fn from(source: rusqlite::Error) -> Self {
        match source {
            rusqlite::Error::FromSqlConversionFailure(_, _, reason) => Self::Damaged(reason.to_string()),
            source => Self::Sqlite {
                place: "answer",
                source,
            },
        }
    }
}

/// Why the spool did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// The thread has ended.
    #[error(transparent)]
    Gone(#[from] Gone),
    /// The file system refused.
    #[error("{path} could not be {what}: {source}; check the free space and the disk")]
    Io {
        /// What was touched.
        path: PathBuf,
        /// What was tried.
        what: &'static str,
        /// The system's answer.
        #[source]
        source: std::io::Error,
    },
    /// Segments are on the disk, but their rows could not be committed: they will be salvaged at
    /// the next start of the daemon.
    #[error(
        "{count} segments are on the disk and could not be entered in the database: {reason}; they are entered at the next start"
    )]
    Unrecorded {
        /// How many.
        count: usize,
        /// The database's words.
        reason: String,
    },
}

impl SpoolError {
    pub(crate) fn io(path: &Path, what: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, what, source }
    }
}
