//! What a source produces, in the daemon's words: chunks on one clock.
//!
//! All media times are nanoseconds of a *run's* time: the system's monotonic clock less the
//! run's `base_ns`. Every source of a run uses the same base, so equal numbers mean equal
//! moments, in whichever process they were stamped.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::{RunId, SourceName};

/// A microphone that is louder than this hears somebody speak (root mean square, dBFS): where the
/// rooms that listen draw the line.
pub const SPEECH_DBFS: f32 = -50.0;

/// What a source shows or hears; decides which picture and sound `lecture.mp4` takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// A picture of the person who teaches.
    Presenter,
    /// The slides or the screen.
    Presentation,
    /// The sound of the room.
    Microphone,
}

impl Role {
    /// The role's name in configuration, JSON and the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Presenter => "presenter",
            Self::Presentation => "presentation",
            Self::Microphone => "microphone",
        }
    }

    /// Whether a source of this role delivers pictures (else sound).
    #[must_use]
    pub const fn is_video(self) -> bool {
        match self {
            Self::Presenter | Self::Presentation => true,
            Self::Microphone => false,
        }
    }
}

impl std::str::FromStr for Role {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "presenter" => Ok(Self::Presenter),
            "presentation" => Ok(Self::Presentation),
            "microphone" => Ok(Self::Microphone),
            _ => Err(()),
        }
    }
}

/// One CMAF chunk of one track: a `moof` and its `mdat`, complete, about 200 ms.
#[derive(Clone, Debug)]
pub struct Chunk {
    /// The run that it belongs to.
    pub run: RunId,
    /// The track, named as its source.
    pub source: SourceName,
    /// The CMAF header (`ftyp` + `moov`) that this chunk needs before it. Shared by all chunks
    /// of one encoder; another `Arc` means another encoder, hence a new segment file.
    pub init: Arc<[u8]>,
    /// Presentation time of the first sample, in nanoseconds of the run.
    pub start_ns: u64,
    /// Presentation time of the end of the last sample, in nanoseconds of the run.
    pub end_ns: u64,
    /// Whether a decoder can begin here.
    pub key: bool,
    /// The bytes to append.
    pub bytes: Arc<[u8]>,
}

/// A small JPEG of what a source sees, for the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// `CLOCK_MONOTONIC` when it was captured, in nanoseconds; differs between two pictures.
    pub at_ns: u64,
    /// The JPEG file.
    pub jpeg: Arc<[u8]>,
}

/// Who looks at the small pictures at this moment: a source makes few of them while nobody does.
/// Clones count the same people. Never blocks.
#[derive(Clone, Debug, Default)]
pub struct Audience(Arc<AtomicUsize>);

/// One of an [`Audience`], until it is dropped.
#[derive(Debug)]
pub struct Viewing(Arc<AtomicUsize>);

impl Audience {
    /// One more looks, until the result is dropped.
    #[must_use]
    pub fn join(&self) -> Viewing {
        self.0.fetch_add(1, Relaxed);
        Viewing(Arc::clone(&self.0))
    }

    /// Whether anybody looks.
    #[must_use]
    pub fn is_there(&self) -> bool {
        self.0.load(Relaxed) > 0
    }
}

impl Drop for Viewing {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}
