//! Carries media from the sources to the spool, and the word that a run is drained to the
//! conductor, in that order: when the conductor hears it, the spool has every chunk before it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use lectern_capture::Media;
use lectern_domain::ids::{LectureId, SourceName};
use lectern_store::Spool;
use tokio::sync::mpsc;
use tracing::error;

/// Bytes handed to the spool, by source, of the lecture that was written last.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally(Arc<Mutex<Option<Written>>>);

/// A lecture and its bytes, by source.
type Written = (LectureId, BTreeMap<SourceName, u64>);

impl Tally {
    fn add(&self, lecture: LectureId, source: &SourceName, bytes: u64) {
        let mut tally = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match tally.as_mut().filter(|(of, _)| *of == lecture) {
            Some((_, by_source)) => *by_source.entry(source.clone()).or_default() += bytes,
            None => *tally = Some((lecture, BTreeMap::from([(source.clone(), bytes)]))),
        }
    }

    /// Bytes of `lecture`, by source.
    pub(crate) fn of(&self, lecture: LectureId) -> BTreeMap<SourceName, u64> {
        let tally = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tally
            .as_ref()
            .filter(|(of, _)| *of == lecture)
            .map(|(_, by_source)| by_source.clone())
            .unwrap_or_default()
    }
}

/// Runs until the sources or the spool are gone. Waiting for a slow disk here is what pushes
/// back into the sources.
pub(crate) async fn run(
    mut media: mpsc::Receiver<Media>,
    spool: Spool,
    drained: mpsc::Sender<Media>,
    tally: Tally,
) {
    while let Some(item) = media.recv().await {
        let passed = match item {
            Media::Chunk(chunk) => {
                tally.add(chunk.run.lecture, &chunk.source, chunk.bytes.len() as u64);
                spool.append(chunk).await.is_ok()
            }
            word @ Media::Drained { .. } => drained.send(word).await.is_ok(),
        };
        if !passed {
            error!("spool or conductor takes no more media");
            return;
        }
    }
}
