//! Names below `storage.path`: the one place that knows them.
//!
//! ```text
//! lectern.db  meta.json  plans.json  lectern.lock  panel.key (the panel's, never touched here)
//! lectures/<YYYY-MM-DD>T<HHMM>_<room>_<id>/{lecture.json, <source>/00000001.mp4 …, finished/}
//! quarantine/
//! ```
//! Pure: computes names and reads them back, touches no disk.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use lectern_domain::ids::{LectureId, RoomId, SourceName};

/// The folder of finished files, beside the tracks' folders; no source may have this name.
pub(crate) const FINISHED: &str = "finished";
/// All that the database knows of a lecture, in its folder.
pub(crate) const LECTURE_JSON: &str = "lecture.json";
/// The next `lecture.json` while it is being written.
pub(crate) const LECTURE_JSON_TMP: &str = "lecture.json.tmp";

/// The paths of one spool.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    root: PathBuf,
}

impl Layout {
    /// The layout below `storage.path`.
    pub(crate) fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
        }
    }

    /// `storage.path` itself.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The database.
    pub(crate) fn database(&self) -> PathBuf {
        self.root.join("lectern.db")
    }

    /// The database before it was upgraded from `version`.
    pub(crate) fn backup(&self, version: u32) -> PathBuf {
        self.root.join(format!("lectern.db.v{version}.backup"))
    }

    /// Which database the spool belongs to.
    pub(crate) fn meta(&self) -> PathBuf {
        self.root.join("meta.json")
    }

    /// What is planned.
    pub(crate) fn plans(&self) -> PathBuf {
        self.root.join("plans.json")
    }

    /// The lock, with the holder's process id in it.
    pub(crate) fn lock(&self) -> PathBuf {
        self.root.join("lectern.lock")
    }

    /// The folder of all lectures.
    pub(crate) fn lectures(&self) -> PathBuf {
        self.root.join("lectures")
    }

    /// Where unknown and damaged files go.
    pub(crate) fn quarantine(&self) -> PathBuf {
        self.root.join("quarantine")
    }

    /// The folder of one lecture.
    pub(crate) fn lecture(&self, folder: &str) -> PathBuf {
        self.lectures().join(folder)
    }

    /// The folder of one track.
    pub(crate) fn track(&self, folder: &str, source: &SourceName) -> PathBuf {
        self.lecture(folder).join(source.as_str())
    }

    /// One segment.
    pub(crate) fn segment(&self, folder: &str, source: &SourceName, number: u32) -> PathBuf {
        self.track(folder, source).join(segment_name(number))
    }

    /// The folder of the finished files.
    pub(crate) fn finished(&self, folder: &str) -> PathBuf {
        self.lecture(folder).join(FINISHED)
    }
}

/// File name of a segment.
pub(crate) fn segment_name(number: u32) -> String {
    format!("{number:08}.mp4")
}

/// The number in a segment's file name, if it is one that this crate writes.
pub(crate) fn segment_number(name: &OsStr) -> Option<u32> {
    let stem = name.to_str()?.strip_suffix(".mp4")?;
    let number: u32 = stem.parse().ok()?;
    (number > 0 && segment_name(number) == name.to_str()?).then_some(number)
}

/// Folder name of a lecture: local time, room, id.
pub(crate) fn folder_name(id: LectureId, room: &RoomId, started_unix_ms: i64, zone: &TimeZone) -> String {
    let at = Timestamp::from_millisecond(started_unix_ms).unwrap_or(Timestamp::UNIX_EPOCH);
    let local = at.to_zoned(zone.clone());
    format!("{}_{room}_{id}", local.strftime("%Y-%m-%dT%H%M"))
}

/// The lecture's id at the end of its folder's name.
pub(crate) fn folder_lecture(folder: &str) -> Option<LectureId> {
    let (_, id) = folder.rsplit_once('_')?;
    if id.len() != 36 {
        return None;
    }
    id.parse().ok()
}

/// The zone of `room.timezone`, else the machine's.
///
/// # Errors
/// The zone's name is unknown to the machine's time zone database.
pub(crate) fn zone(name: Option<&str>) -> Result<TimeZone, jiff::Error> {
    name.map_or_else(|| Ok(TimeZone::system()), TimeZone::get)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_carry_local_time_room_and_id() {
        let id: LectureId = "6f2b9a0e-0000-4000-8000-0123456789ab".parse().unwrap();
        let room: RoomId = "b-204".parse().unwrap();
        let zone = zone(Some("Africa/Lagos")).unwrap();
        let name = folder_name(id, &room, 1_789_000_000_000, &zone);
        assert_eq!(name, "2026-09-10T0126_b-204_6f2b9a0e-0000-4000-8000-0123456789ab");
        assert_eq!(folder_lecture(&name), Some(id));
        assert_eq!(folder_lecture("2026-09-10T0126_b-204"), None);
    }

    #[test]
    fn only_names_that_we_write_are_segments() {
        assert_eq!(segment_number(OsStr::new("00000012.mp4")), Some(12));
        for other in [
            "00000000.mp4",
            "12.mp4",
            "+0000012.mp4",
            "00000012.mp4.tmp",
            "00000012.MP4",
            "a.mp4",
        ] {
            assert_eq!(segment_number(OsStr::new(other)), None, "{other}");
        }
    }
}
