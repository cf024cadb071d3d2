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
use crate::cut::{Bytes, Finish};
use crate::error::FinishError;
use crate::job::{Job, Note, TrackInput};
use crate::layout::Chunk;

/// The most that is read at once.
const BLOCK_BYTES: usize = 1 << 20;

/// One track's way through its segments.
pub(crate) struct Feed<'a> {
    job: &'a Job,
    input: &'a TrackInput,
    finish: &'a Finish,
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
    pub(crate) fn new(
        job: &'a Job,
        input: &'a TrackInput,
        finish: &'a Finish,
        track: usize,
        lane: Lane,
    ) -> Self {
        Self {
            job,
            input,
            finish,
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
                Bytes::Segment { file, offset } => {
                    if self.current.as_ref().is_none_or(|segment| segment.index != file) {
                        self.close(out)?;
                        self.open(file);
                    }
                    self.seek(offset, out)?;
                    self.add(u64::from(sample.size), true, out)?;
                }
            }
        }
        self.read(out)
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
            let stored = self.input.segments.get(segment.index as usize);
            let expected = stored
                .filter(|_| segment.in_order)
                .map(|stored| stored.sha256.clone());
            out.compare(self.lane, segment.index, expected);
        }
        Ok(())
    }

    fn open(&mut self, index: u32) {
        let opened = match self.input.segments.get(index as usize) {
            Some(segment) => File::open(self.job.lecture_dir.join(&segment.path)),
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
        if let Some(segment) = self.input.segments.get(index as usize) {
            self.notes.push(Note::Unreadable {
                source_name: self.input.source.clone(),
                path: segment.path.clone(),
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
