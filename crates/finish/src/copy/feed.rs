//! Reads one track's media out of its segments, in order, each segment whole.
//!
//! What lies between the samples is read along and hashed, so that the segment can be compared
//! with what was stored when it was closed, at no second reading. A segment that fails here has
//! been read before (its structure), so its place in the finished file is fixed: bytes that
//! cannot be read become zeros and a note, and the lecture is finished all the same.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use super::hashing::Lane;
use super::writer::Writer;
use crate::cut::{Bytes, Finish, Placed};
use crate::error::FinishError;
use crate::files::Files;
use crate::job::Note;
use crate::layout::Chunk;
use crate::mp4::init::SampleEntry;

/// The most that is read at once.
const BLOCK_BYTES: usize = 1 << 20;

/// One track's way through its segments.
pub(crate) struct Feed<'a> {
    files: &'a Files,
    finish: &'a Finish,
    /// For each entry, the parameter sets that stand in front of its key frames where it is not
    /// the only one.
    sets: Vec<Vec<u8>>,
    track: usize,
    lane: Lane,
    current: Option<Segment>,
    plan: Plan,
    /// What went wrong while reading.
    pub(crate) notes: Vec<Note>,
}

struct Segment {
    index: u32,
    /// `None` when it could not be opened again.
    file: Option<File>,
    /// Everything before this offset was read, or is planned to be.
    at: u64,
    /// Whether it was read from its beginning without a jump back or an error.
    in_order: bool,
}

/// A read that is being put together.
#[derive(Default)]
struct Plan {
    start: u64,
    len: usize,
    media: Vec<Range<usize>>,
}

impl<'a> Feed<'a> {
    pub(crate) fn new(files: &'a Files, finish: &'a Finish, track: usize, lane: Lane) -> Self {
        Self {
            files,
            finish,
            sets: finish.entries.iter().map(SampleEntry::in_band).collect(),
            track,
            lane,
            current: None,
            plan: Plan::default(),
            notes: Vec::new(),
        }
    }

    /// Reads the samples of one chunk and gives them to the writer.
    pub(crate) fn chunk(&mut self, chunk: &Chunk, out: &mut Writer<'_>) -> Result<(), FinishError> {
        let finish = self.finish;
        let samples = finish
            .samples
            .get(chunk.first..chunk.first + chunk.count as usize)
            .unwrap_or_default();
        let both_silent = |a: Bytes, b: Bytes| a == Bytes::Silence && b == Bytes::Silence;
        for group in samples.chunk_by(|a, b| both_silent(a.bytes, b.bytes)) {
            let Some(sample) = group.first() else { continue };
            match sample.bytes {
                Bytes::Silence => {
                    self.read(out)?;
                    let mut block = out.buffer(0);
                    block.bytes = finish.silence.repeat(group.len());
                    block.media.push(0..block.bytes.len());
                    out.write(self.track, block, None)?;
                }
                Bytes::File { file, offset } => {
                    if self.current.as_ref().is_none_or(|segment| segment.index != file) {
                        self.close(out)?;
                        self.open(file);
                    }
                    self.seek(offset, out)?;
                    if sample.sets_first {
                        self.add_with_sets(sample, offset, out)?;
                    } else {
                        self.add(u64::from(sample.size), true, out)?;
                    }
                }
            }
        }
        self.read(out)
    }

    /// Adds a key frame with its parameter sets in front, but after the unit that marks the
    /// beginning of a picture, if it has one: nothing may stand before that.
    fn add_with_sets(
        &mut self,
        sample: &Placed,
        offset: u64,
        out: &mut Writer<'_>,
    ) -> Result<(), FinishError> {
        let sets = self
            .sets
            .get(usize::from(sample.entry))
            .cloned()
            .unwrap_or_default();
        let own = u64::from(sample.size).saturating_sub(sets.len() as u64);
        let mark = self.mark_len(sample.entry, offset).filter(|mark| *mark <= own);
        let mark = mark.unwrap_or(0);
        self.add(mark, true, out)?;
        self.read(out)?;
        let mut block = out.buffer(0);
        block.bytes = sets;
        block.media.push(0..block.bytes.len());
        out.write(self.track, block, None)?;
        self.add(own - mark, true, out)
    }

    /// The bytes of an access unit delimiter at `offset` of the current file; `None` without one.
    fn mark_len(&self, entry: u16, offset: u64) -> Option<u64> {
        const DELIMITER: u8 = 9;
        let length_bytes = self.finish.entries.get(usize::from(entry))?.avc()?.length_bytes;
        let mut head = [0; 5];
        let head = head.get_mut(..usize::from(length_bytes) + 1)?;
        let file = self.current.as_ref()?.file.as_ref()?;
        file.read_exact_at(head, offset).ok()?;
        let (kind, length) = head.split_last()?;
        let length = length.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
        (kind & 0x1f == DELIMITER).then_some(length + u64::from(length_bytes))
    }

    /// Reads the rest of the current segment and compares it with what was stored.
    pub(crate) fn close(&mut self, out: &mut Writer<'_>) -> Result<(), FinishError> {
        let Some(segment) = &self.current else {
            return Ok(());
        };
        let len = segment
            .file
            .as_ref()
            .and_then(|file| file.metadata().ok())
            .map_or(0, |meta| meta.len());
        self.add(len.saturating_sub(segment.at), false, out)?;
        self.read(out)?;
        if let Some(segment) = self.current.take() {
            let stored = self.files.get(segment.index);
            let expected = stored
                .filter(|_| segment.in_order)
                .and_then(|stored| stored.sha256.clone());
            out.compare(self.lane, segment.index, expected);
        }
        Ok(())
    }

    fn open(&mut self, index: u32) {
        let opened = match self.files.get(index) {
            Some(file) => File::open(&file.path),
            None => Err(io::ErrorKind::NotFound.into()),
        };
        let file = opened.map_err(|error| self.unreadable(index, &error)).ok();
        self.plan = Plan::default();
        self.current = Some(Segment {
            index,
            in_order: file.is_some(),
            file,
            at: 0,
        });
    }

    fn unreadable(&mut self, index: u32, error: &io::Error) {
        if let Some(file) = self.files.get(index) {
            self.notes.push(Note::Unreadable {
                source_name: file.source.clone(),
                path: file.told.clone(),
                why: error.to_string(),
            });
        }
    }

    /// Goes to `offset`: forward by reading what lies between, back by a jump.
    fn seek(&mut self, offset: u64, out: &mut Writer<'_>) -> Result<(), FinishError> {
        let at = self.current.as_ref().map_or(0, |segment| segment.at);
        if let Some(between) = offset.checked_sub(at) {
            return self.add(between, false, out);
        }
        self.read(out)?;
        self.plan.start = offset;
        if let Some(segment) = &mut self.current {
            segment.at = offset;
            segment.in_order = false;
        }
        Ok(())
    }

    /// Plans to read `count` more bytes; reads whenever a block is full.
    fn add(&mut self, count: u64, media: bool, out: &mut Writer<'_>) -> Result<(), FinishError> {
        let mut left = count;
        while left > 0 {
            let step = left.min((BLOCK_BYTES - self.plan.len) as u64) as usize;
            let range = self.plan.len..self.plan.len + step;
            self.plan.len = range.end;
            if media {
                match self.plan.media.last_mut() {
                    Some(last) if last.end == range.start => last.end = range.end,
                    _ => self.plan.media.push(range),
                }
            }
            left -= step as u64;
            if let Some(segment) = &mut self.current {
                segment.at += step as u64;
            }
            if self.plan.len == BLOCK_BYTES {
                self.read(out)?;
            }
        }
        Ok(())
    }

    /// Reads what is planned.
    fn read(&mut self, out: &mut Writer<'_>) -> Result<(), FinishError> {
        let plan = std::mem::take(&mut self.plan);
        self.plan.start = plan.start + plan.len as u64;
        let Some(segment) = self.current.as_mut().filter(|_| plan.len > 0) else {
            return Ok(());
        };
        let mut block = out.buffer(plan.len);
        block.media = plan.media;
        let result = match &segment.file {
            Some(file) => file.read_exact_at(&mut block.bytes, plan.start),
            None => {
                block.bytes.fill(0);
                Ok(())
            }
        };
        let index = segment.index;
        if let Err(error) = result {
            block.bytes.fill(0);
            // One note for the segment; what follows may be readable again.
            if std::mem::replace(&mut segment.in_order, false) {
                self.unreadable(index, &error);
            }
        }
        let whole = self
            .current
            .as_ref()
            .is_some_and(|segment| segment.in_order)
            .then_some(self.lane);
        out.write(self.track, block, whole)
    }
}
