//! A finished lecture: the files that go to the platforms, and what is known of them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::Send;
use crate::ids::SourceName;
use crate::media::Role;

/// Length of the parts of a finished file that have a hash each; the last may be shorter. The
/// least that S3 takes as a part is 5 MiB, and 10,000 of them are 78 GiB; held in memory while it
/// is sent.
pub const PART_BYTES: u64 = 8 * 1024 * 1024;

/// What a finished file is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum FileRole {
    /// `lecture.mp4`: one picture and the sound.
    Lecture,
    /// One whole track.
    Track {
        /// Its source.
        source: SourceName,
        /// The source's role.
        role: Role,
    },
    /// `lecture.json`.
    Metadata,
    /// `SHA256SUMS`.
    Checksums,
}

impl FileRole {
    /// The word of a platform's `send` list that selects this file.
    #[must_use]
    pub const fn selected_by(&self) -> Send {
        match self {
            Self::Lecture => Send::Lecture,
            Self::Track { .. } => Send::Tracks,
            Self::Metadata | Self::Checksums => Send::Metadata,
        }
    }
}

/// One finished file: on the disk, synced, and hashed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FinishedFile {
    /// Its name in the lecture's `finished` folder.
    pub name: String,
    /// What it is.
    pub role: FileRole,
    /// In bytes.
    pub size_bytes: u64,
    /// Of the whole file, lower-case hex.
    pub sha256: String,
    /// SHA-256 of each [`PART_BYTES`] of it in order, lower-case hex. Empty: not known, as of files
    /// that were finished before parts were hashed, and in views, which do not repeat them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<String>,
    /// Length of its media in milliseconds; `None` for files without.
    pub duration_ms: Option<u64>,
    /// `video/mp4`, `audio/mp4`, `application/json` or `text/plain`.
    pub content_type: String,
}
