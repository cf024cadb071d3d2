//! What finishing is asked for and what it answers: plain data, no behaviour.

use std::path::PathBuf;

use jiff::tz::TimeZone;
use lectern_domain::api::ClockTrust;
use lectern_domain::config::Picture;
use lectern_domain::fact::Fact;
use lectern_domain::finished::FinishedFile;
use lectern_domain::ids::{RunNumber, SourceName};
use lectern_domain::media::Role;

/// One lecture to finish.
#[derive(Clone, Debug)]
pub struct Job {
    /// The lecture's folder; `finished/` is made in it, and relative segment paths begin here.
    pub lecture_dir: PathBuf,
    /// Whose picture `lecture.mp4` shows.
    pub picture: Picture,
    /// The sources, in the order of the configuration: of several with one role, the first that
    /// has data goes into `lecture.mp4`.
    pub tracks: Vec<TrackInput>,
    /// The runs. A run that only segments name is taken with unknown end and without pauses.
    pub runs: Vec<RunInput>,
    /// What people marked while it was recorded; becomes chapters. In any order.
    pub marks: Vec<MarkInput>,
    /// What the recording had to tell of itself; goes into `lecture.json` with the times of the
    /// finished files.
    pub facts: Vec<Fact>,
    /// Whether a card of two seconds stands where an outage lies between two runs.
    pub gap_card: bool,
    /// The language of captions and chapters, as `en` or `zh-Hans`; English where it has no words.
    pub language: String,
    /// The room's, for times of day in captions.
    pub timezone: TimeZone,
    /// `lectern-source`, to be called with `--render`. `None`: nothing is rendered; the last
    /// picture stands over what is missing.
    pub renderer: Option<PathBuf>,
    /// What is known of the lecture; becomes `finished/lecture.json`, with `files`,
    /// `duration_ms`, `runs`, `pauses`, `gaps`, `chapters`, `facts` and `tracks` added. A JSON
    /// object.
    pub metadata: serde_json::Value,
    /// Written into the media files' title tag.
    pub title: Option<String>,
    /// When the lecture began, in milliseconds since 1970 (UTC); the media files' creation time.
    pub started_unix_ms: Option<i64>,
}

/// One run of the lecture. All times in nanoseconds of the run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunInput {
    /// Its number.
    pub run: RunNumber,
    /// The moment of the stop; what was recorded past it is left out. `None` after a crash: the
    /// run ends where its data ends.
    pub end_ns: Option<u64>,
    /// Pauses as `[from, to)`, in any order. A pause that the run's end cut short may reach past
    /// it, up to `u64::MAX`.
    pub pauses: Vec<(u64, u64)>,
    /// Wall time of the run's time 0, in milliseconds since 1970 (UTC).
    pub started_unix_ms: Option<i64>,
    /// Whether that can be believed.
    pub clock: ClockTrust,
    /// How long nothing was recorded before this run, in milliseconds, where it is known better
    /// than from two wall times. `None` for the first run.
    pub gap_before_ms: Option<u64>,
}

impl RunInput {
    /// A run of which only the number is known.
    #[must_use]
    pub const fn unknown(run: RunNumber) -> Self {
        Self {
            run,
            end_ns: None,
            pauses: Vec::new(),
            started_unix_ms: None,
            clock: ClockTrust::Untrusted,
            gap_before_ms: None,
        }
    }
}

/// One mark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarkInput {
    /// The run in which it was set.
    pub run: RunNumber,
    /// When, in nanoseconds of the run.
    pub at_ns: u64,
    /// What it says; `None`: it gets a number.
    pub label: Option<String>,
}

/// One source's recording.
#[derive(Clone, Debug)]
pub struct TrackInput {
    /// The source.
    pub source: SourceName,
    /// What it shows or hears.
    pub role: Role,
    /// The source whose holes this one fills. Its own file has only what it recorded.
    pub spare_for: Option<SourceName>,
    /// Its closed segments in the order they were recorded.
    pub segments: Vec<SegmentInput>,
}

/// One closed segment file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentInput {
    /// The run that it belongs to.
    pub run: RunNumber,
    /// Absolute, or relative to [`Job::lecture_dir`].
    pub path: PathBuf,
    /// As it was closed, in bytes.
    pub size_bytes: u64,
    /// Of the whole file as it was closed, lower-case hex.
    pub sha256: String,
    /// When it was recorded, in nanoseconds of the run, as `[from, to)`; what claims to be from
    /// another time is damaged and left out. `None` where that was not stored.
    pub span_ns: Option<(u64, u64)>,
}

/// How far the copy is. The two meet at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of media written.
    pub done_bytes: u64,
    /// Bytes of media to write, in all files together.
    pub total_bytes: u64,
}

/// A finished lecture: all files synced, under their final names.
#[derive(Clone, Debug, PartialEq)]
pub struct Finished {
    /// `lecture.mp4`, the tracks, `lecture.json`, `SHA256SUMS`, in this order.
    pub files: Vec<FinishedFile>,
    /// The length of `lecture.mp4` in milliseconds.
    pub duration_ms: u64,
    /// What a person should know; empty for a lecture as it should be.
    pub notes: Vec<Note>,
}

/// Something that finishing met and went on from. The text says what and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Note {
    /// A crash left an incomplete fragment at the end of a segment; it was left out.
    #[error("{}: the last {bytes} bytes are an incomplete fragment and were left out", path.display())]
    TornTail {
        /// The track.
        source_name: SourceName,
        /// The segment.
        path: PathBuf,
        /// How many bytes.
        bytes: u64,
    },
    /// A segment's size or hash is not what was stored when it was closed. What could be read of
    /// it is in the lecture.
    #[error("{}: its content is not what was recorded; check the disk", path.display())]
    Suspect {
        /// The track.
        source_name: SourceName,
        /// The segment.
        path: PathBuf,
    },
    /// A segment is missing, cannot be read, or holds something else, from some byte on or
    /// altogether. What lies before that is in the lecture.
    #[error("{}: {why}; what could not be read is missing from the lecture", path.display())]
    Unreadable {
        /// The track.
        source_name: SourceName,
        /// The segment.
        path: PathBuf,
        /// Where and why.
        why: String,
    },
    /// A track has no usable data and no file.
    #[error("track {source_name} has no data")]
    NoData {
        /// The track.
        source_name: SourceName,
    },
    /// `lecture.mp4` has no picture, because no picture track has data.
    #[error("lecture.mp4 has no picture")]
    NoPicture,
    /// `lecture.mp4` has no sound, because no microphone track has data.
    #[error("lecture.mp4 has no sound")]
    NoSound,
    /// The track's sound has holes and a layout that silence cannot be written for; some
    /// players will play what follows a hole too early.
    #[error("track {source_name}: holes in the sound could not be filled with silence")]
    HolesNotFilled {
        /// The track.
        source_name: SourceName,
    },
    /// A caption, a card or a piece in the track's own form could not be made. The last picture
    /// stands there instead, or the piece as it was recorded.
    #[error("track {source_name}: {what} could not be made ({why}); the lecture is finished without")]
    NotRendered {
        /// The track.
        source_name: SourceName,
        /// What is missing now.
        what: &'static str,
        /// What the renderer said.
        why: String,
    },
}
