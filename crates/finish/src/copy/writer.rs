//! Writes blocks to the files they belong to, has them hashed, and tells how far it is.

use std::collections::VecDeque;
use std::fs::File;
use std::io::Write;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

use super::hashing::{Hashing, Lane, Part, QUEUE_BLOCKS, Results};
use super::{Block, OnProgress};
use crate::error::FinishError;
use crate::job::Progress;

/// A file being written.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) file: File,
    pub(crate) path: PathBuf,
    /// The index; written first.
    pub(crate) head: Vec<u8>,
    pub(crate) media_bytes: u64,
    /// Indexes of the tracks in it.
    pub(crate) tracks: Vec<usize>,
}

impl Output {
    pub(crate) fn total_bytes(&self) -> u64 {
        self.head.len() as u64 + self.media_bytes
    }
}

/// How often the caller hears of progress.
const PROGRESS_STEP_BYTES: u64 = 4 << 20;
/// Buffers kept for use again: what can wait for the hashing threads, and what they hold.
const KEPT_BLOCKS: usize = 2 * QUEUE_BLOCKS + 4;

/// The writing side of the copy.
pub(crate) struct Writer<'a> {
    outputs: &'a [Output],
    hashing: Hashing<'a>,
    progress: OnProgress<'a>,
    done_bytes: u64,
    told_bytes: u64,
    total_bytes: u64,
    /// Blocks given out, oldest first; free again once nobody hashes them.
    lent: VecDeque<Arc<Block>>,
}

impl<'a> Writer<'a> {
    pub(crate) fn new(outputs: &'a [Output], hashing: Hashing<'a>, progress: OnProgress<'a>) -> Self {
        let total_bytes = outputs.iter().map(|output| output.media_bytes).sum();
        let lent = VecDeque::new();
        Self {
            outputs,
            hashing,
            progress,
            done_bytes: 0,
            told_bytes: 0,
            total_bytes,
            lent,
        }
    }

    /// Writes the index of every file.
    pub(crate) fn heads(&mut self) -> Result<(), FinishError> {
        for (index, output) in self.outputs.iter().enumerate() {
            let mut block = Block {
                bytes: output.head.clone(),
                media: Vec::new(),
            };
            block.media.push(0..block.bytes.len());
            self.put(index, output, &Arc::new(block))?;
        }
        self.done_bytes = 0;
        Ok(())
    }

    /// A block of `len` bytes of any content, without media.
    pub(crate) fn buffer(&mut self, len: usize) -> Block {
        let mut block = match self.lent.pop_front().map(Arc::try_unwrap) {
            Some(Ok(free)) => free,
            Some(Err(busy)) => {
                self.lent.push_front(busy);
                Block::default()
            }
            None => Block::default(),
        };
        block.media.clear();
        block.bytes.resize(len, 0);
        block
    }

    /// Writes a block's media to each file that has the track; hashes all of it in `whole`, if
    /// given.
    pub(crate) fn write(
        &mut self,
        track: usize,
        block: Block,
        whole: Option<Lane>,
    ) -> Result<(), FinishError> {
        let block = Arc::new(block);
        if let Some(lane) = whole {
            self.hashing.update(lane, Arc::clone(&block), Part::Whole);
        }
        if !block.media.is_empty() {
            for (index, output) in self.outputs.iter().enumerate() {
                if output.tracks.contains(&track) {
                    self.put(index, output, &block)?;
                }
            }
        }
        if self.lent.len() == KEPT_BLOCKS {
            self.lent.pop_front();
        }
        self.lent.push_back(block);
        if self.done_bytes - self.told_bytes >= PROGRESS_STEP_BYTES {
            self.tell()
        } else {
            Ok(())
        }
    }

    /// Ends a segment; see [`Hashing::compare`].
    pub(crate) fn compare(&self, lane: Lane, file: u32, expected: Option<String>) {
        self.hashing.compare(lane, file, expected);
    }

    /// Waits for the hashes.
    pub(crate) fn finish(mut self) -> Result<Results, FinishError> {
        self.tell()?;
        Ok(self.hashing.finish(self.outputs.len()))
    }

    fn put(&mut self, index: usize, output: &Output, block: &Arc<Block>) -> Result<(), FinishError> {
        for bytes in block.media() {
            let written = (&output.file).write_all(bytes);
            written.map_err(FinishError::write(&output.path, output.total_bytes()))?;
            self.done_bytes += bytes.len() as u64;
        }
        self.hashing.update(Lane(index), Arc::clone(block), Part::Media);
        Ok(())
    }

    fn tell(&mut self) -> Result<(), FinishError> {
        self.told_bytes = self.done_bytes;
        let progress = Progress {
            done_bytes: self.done_bytes,
            total_bytes: self.total_bytes,
        };
        match (self.progress)(progress) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(FinishError::Stopped),
        }
    }
}
