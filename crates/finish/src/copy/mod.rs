//! The copy: every byte of the recording is read once, and written to each file it belongs to.
//!
//! The calling thread reads ([`feed`]) and writes ([`writer`]); two threads beside it take the
//! SHA-256 of what is written and of the segments as they are read ([`hashing`]). Memory is
//! bounded by a fixed number of blocks, however long the lecture is.

use std::ops::{ControlFlow, Range};
use std::thread;

use crate::copy::feed::Feed;
use crate::copy::hashing::{Hashing, Lane};
use crate::copy::parts::Digests;
use crate::copy::writer::{Output, Writer};
use crate::cut::Finish;
use crate::error::FinishError;
use crate::files::Files;
use crate::job::{Job, Note, Progress};
use crate::layout::Chunk;

mod feed;
mod hashing;
pub(crate) mod parts;
pub(crate) mod writer;

pub(crate) use hashing::hex;

/// A block of bytes that was read together.
#[derive(Debug, Default)]
pub(crate) struct Block {
    pub(crate) bytes: Vec<u8>,
    /// The parts of `bytes` that are media; the rest is the segment's own structure.
    pub(crate) media: Vec<Range<usize>>,
}

impl Block {
    fn media(&self) -> impl Iterator<Item = &[u8]> {
        self.media
            .iter()
            .filter_map(|range| self.bytes.get(range.clone()))
    }
}

/// How the copy tells its caller where it is, and is told to stop.
pub(crate) type OnProgress<'a> = &'a mut dyn FnMut(Progress) -> ControlFlow<()>;

/// Writes all outputs, not yet synced. Answers the SHA-256 of each and of its parts, in order;
/// adds a note for each segment that differs from what was stored or could not be read. Blocking.
pub(crate) fn copy(
    job: &Job,
    files: &Files,
    finishes: &[Finish],
    chunks: &[Chunk],
    outputs: &[Output],
    notes: &mut Vec<Note>,
    progress: OnProgress<'_>,
) -> Result<Vec<Digests>, FinishError> {
    // One lane for each output, then one for the segments of each track.
    // What is written is hashed twice: as a whole and by parts.
    let written = outputs.iter().map(|output| 2 * output.total_bytes());
    let read = finishes
        .iter()
        .map(|finish| finish.samples.iter().map(|sample| u64::from(sample.size)).sum());
    let weights: Vec<u64> = written.chain(read).collect();
    thread::scope(|scope| {
        let hashing = Hashing::start(scope, &weights).map_err(FinishError::io(
            "start the hashing threads for it",
            &job.lecture_dir,
        ))?;
        let mut writer = Writer::new(outputs, hashing, progress);
        writer.heads()?;
        let lanes = (outputs.len()..).map(Lane);
        let mut feeds: Vec<Feed<'_>> = (finishes.iter().zip(lanes).enumerate())
            .map(|(index, (finish, lane))| Feed::new(files, finish, index, lane))
            .collect();
        for chunk in chunks {
            if let Some(feed) = feeds.get_mut(chunk.track) {
                feed.chunk(chunk, &mut writer)?;
            }
        }
        for feed in &mut feeds {
            feed.close(&mut writer)?;
            notes.append(&mut feed.notes);
        }
        let results = writer.finish()?;
        for (_, file) in results.suspects {
            if let Some(file) = files.get(file) {
                notes.push(Note::Suspect {
                    source_name: file.source.clone(),
                    path: file.told.clone(),
                });
            }
        }
        Ok(results.digests)
    })
}
