//! `lecture.json`: the database's memory beside the recordings, replaced in one piece.
//!
//! The database thread leaves the newest text of a lecture in [`Documents`] after each COMMIT;
//! the spool thread (recovery and closing too) writes it: temporary file, fsync, rename, fsync
//! of the folder. At most one text per lecture waits, the newest, so the slot is bounded by the
//! lectures that are at work. A text that could not be written is written by the next change or
//! at the next start, which compares revisions.
//!
//! The file is 0600: the platforms' upload handles in it are capabilities.
//! One lock here, held for a map operation only.

use std::collections::BTreeMap;
use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use lectern_domain::ids::LectureId;

use super::writer::FolderLost;
use crate::disk::Disk;
use crate::layout::{LECTURE_JSON, LECTURE_JSON_TMP, Layout};

/// The text of one lecture's `lecture.json`.
#[derive(Debug)]
pub(crate) struct Text {
    /// The lecture's folder name.
    pub(crate) folder: String,
    /// The JSON.
    pub(crate) bytes: Vec<u8>,
}

/// Texts that wait to be written.
#[derive(Debug, Default)]
pub(crate) struct Documents {
    waiting: Mutex<BTreeMap<LectureId, Text>>,
    woken: AtomicBool,
}

impl Documents {
    /// Leaves a text, over an older one of the same lecture. True when the spool thread must be
    /// woken, that is, when no wake is under way.
    pub(crate) fn leave(&self, lecture: LectureId, text: Text) -> bool {
        self.lock().insert(lecture, text);
        !self.woken.swap(true, Ordering::AcqRel)
    }

    /// Drops the text of a lecture whose folder is about to go.
    pub(crate) fn forget(&self, lecture: LectureId) {
        self.lock().remove(&lecture);
    }

    /// Takes the next text.
    fn next(&self) -> Option<Text> {
        // Before the look: a text that is left after it wakes again.
        self.woken.store(false, Ordering::Release);
        self.lock().pop_first().map(|(_, text)| text)
    }

    /// Writes every waiting text. Only a lost folder is an error.
    pub(crate) fn write<D: Disk>(&self, disk: &mut D, layout: &Layout) -> Result<(), FolderLost> {
        while let Some(text) = self.next() {
            let folder = layout.lecture(&text.folder);
            if let Err(error) = replace(disk, &folder, &text.bytes) {
                let path = folder.join(LECTURE_JSON);
                tracing::warn!(path = %path.display(), %error, "lecture.json was not rewritten; the database has all of it");
                continue;
            }
            disk.sync_dir(&folder)
                .map_err(|source| FolderLost { path: folder, source })?;
        }
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<LectureId, Text>> {
        self.waiting
            .lock()
            .expect("no code panics while it holds this lock")
    }
}

/// Temporary file, fsync, rename. The caller syncs the folder.
fn replace<D: Disk>(disk: &mut D, folder: &std::path::Path, bytes: &[u8]) -> io::Result<()> {
    let tmp = folder.join(LECTURE_JSON_TMP);
    let mut file = disk.create_private(&tmp)?;
    disk.append(&mut file, bytes)?;
    disk.sync_all(&mut file)?;
    disk.rename(&tmp, &folder.join(LECTURE_JSON))
}
