//! What was seen and heard while a self test recorded.

use std::collections::BTreeMap;
use std::sync::Arc;

use lectern_domain::api::Levels;
use lectern_domain::ids::SourceName;
use lectern_domain::media::Picture;

use super::even::is_even;

/// The previews and the levels of the sources.
#[derive(Debug, Default)]
pub(crate) struct Watched {
    seen: BTreeMap<SourceName, Seen>,
    /// Peak of the loudest moment, dBFS.
    loudest: BTreeMap<SourceName, f32>,
}

/// What was seen of a source.
#[derive(Debug, Default)]
pub(super) struct Seen {
    last: Option<Arc<Picture>>,
    /// Pictures that were looked at.
    pub(super) pictures: u32,
    /// Of them, those that were not the one before to the last byte.
    pub(super) changes: u32,
    /// Of them, those of one even colour.
    pub(super) even: u32,
}

impl Watched {
    /// Looks at a source's present picture; one that was seen already counts once.
    pub(crate) fn look(&mut self, source: &SourceName, picture: &Arc<Picture>) {
        let seen = self.seen.entry(source.clone()).or_default();
        let last = seen.last.replace(Arc::clone(picture));
        if last.as_ref().is_some_and(|last| last.at_ns == picture.at_ns) {
            return;
        }
        seen.pictures += 1;
        seen.changes += u32::from(last.is_some_and(|last| last.jpeg != picture.jpeg));
        seen.even += u32::from(is_even(&picture.jpeg));
    }

    /// Hears a level.
    pub(crate) fn hear(&mut self, levels: &Levels) {
        let loudest = self.loudest.entry(levels.source.clone()).or_insert(f32::MIN);
        *loudest = loudest.max(levels.peak_dbfs);
    }

    pub(super) fn seen(&self, source: &SourceName) -> Option<&Seen> {
        self.seen.get(source)
    }

    pub(super) fn loudest(&self, source: &SourceName) -> Option<f32> {
        self.loudest.get(source).copied()
    }
}
