//! The files that a lecture's samples are read from: segments of all tracks, and rendered clips.
//!
//! One table for all tracks, so that a sample keeps its place when a spare's data fills the hole
//! of another track.

use std::path::PathBuf;

use lectern_domain::ids::SourceName;

use crate::job::{Job, SegmentInput};

/// One file.
#[derive(Clone, Debug)]
pub(crate) struct MediaFile {
    /// The source that it was recorded from, or rendered for.
    pub(crate) source: SourceName,
    /// Where it is.
    pub(crate) path: PathBuf,
    /// As the job names it, for notes.
    pub(crate) told: PathBuf,
    /// What it had when it was closed; `None` where nothing was stored.
    pub(crate) sha256: Option<String>,
}

/// The table. Indexes stay valid: nothing is ever taken out.
#[derive(Debug, Default)]
pub(crate) struct Files {
    list: Vec<MediaFile>,
}

impl Files {
    /// Adds a segment; `None` when there are more than can be numbered.
    pub(crate) fn add_segment(
        &mut self,
        job: &Job,
        source: &SourceName,
        segment: &SegmentInput,
    ) -> Option<u32> {
        self.add(MediaFile {
            source: source.clone(),
            path: job.lecture_dir.join(&segment.path),
            told: segment.path.clone(),
            sha256: Some(segment.sha256.clone()),
        })
    }

    /// Adds any file.
    pub(crate) fn add(&mut self, file: MediaFile) -> Option<u32> {
        let index = u32::try_from(self.list.len()).ok()?;
        self.list.push(file);
        Some(index)
    }

    /// The file of an index.
    pub(crate) fn get(&self, index: u32) -> Option<&MediaFile> {
        self.list.get(index as usize)
    }
}
