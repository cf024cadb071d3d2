//! Carries media from the sources to the spool, and the word that a run is drained to the
//! conductor, in that order: when the conductor hears it, the spool has every chunk before it.

use lectern_capture::Media;
use lectern_store::Spool;
use tokio::sync::mpsc;
use tracing::error;

/// Runs until the sources or the spool are gone. Waiting for a slow disk here is what pushes
/// back into the sources.
pub(crate) async fn run(mut media: mpsc::Receiver<Media>, spool: Spool, drained: mpsc::Sender<Media>) {
    while let Some(item) = media.recv().await {
        let passed = match item {
            Media::Chunk(chunk) => spool.append(chunk).await.is_ok(),
            word @ Media::Drained { .. } => drained.send(word).await.is_ok(),
        };
        if !passed {
            error!("spool or conductor takes no more media");
            return;
        }
    }
}
