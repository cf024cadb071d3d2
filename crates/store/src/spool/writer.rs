//! The write procedure: open segments, and each step from a chunk to a sealed file.
//!
//! No thread, no channel and no database here. Methods do their disk operations in the order
//! that `lib.rs` numbers and leave what follows from them in [`Writer::take`]; the thread hands
//! it on. Only a failed fsync of a folder ends a method with an error: the caller must abort.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use lectern_domain::ids::{RunId, SourceName};
use lectern_domain::media::Chunk;
use sha2::{Digest, Sha256};

use super::age::Ages;
use super::counters::Counters;
use super::event::{SpoolEvent, WriteFailure};
use super::rotate::{self, Arrival, Fault, Stage, Step};
use super::segment::{Durable, SealError, Segment, hex, seal};
use super::track::{OpenSegment, State, Track};
use crate::disk::Disk;
use crate::layout::segment_name;

/// Beyond the reserve, so much must be free before a track that ran out of space begins again:
/// without it, each freed block would begin a segment of a few chunks.
const ROOM_TO_RESUME_BYTES: u64 = 64 << 20;

/// As what share of `sync_every` a chunk may count as old when it comes, so that a track that is
/// always late is not synced with each of its chunks.
const OLD_ON_ARRIVAL: f64 = 0.75;

/// One track of one run.
pub(crate) type TrackKey = (RunId, SourceName);

/// What the writer needs to know, from the configuration.
#[derive(Clone, Debug)]
pub(crate) struct WriterOptions {
    /// A folder on the spool's file system, to ask for free space.
    pub(crate) root: PathBuf,
    /// Length of a segment.
    pub(crate) segment_ns: u64,
    /// How old unsynced bytes may get.
    pub(crate) sync_every: Duration,
    /// Free space that recordings may not take.
    pub(crate) reserve_bytes: u64,
}

/// What follows from a step.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Output {
    /// To be entered as `closed`.
    Sealed(Durable<Segment>),
    /// To be entered as `suspect`: the disk reported an error.
    Suspect(Segment),
    /// To be told.
    Event(SpoolEvent),
}

/// fsync of a folder failed. Nothing that was promised can be kept: abort, restart, recover.
#[derive(Debug, thiserror::Error)]
#[error("the folder {path} could not be synced: {source}")]
pub(crate) struct FolderLost {
    pub(crate) path: PathBuf,
    #[source]
    pub(crate) source: io::Error,
}

/// Writes every track of every run.
pub(crate) struct Writer<D: Disk> {
    disk: D,
    options: WriterOptions,
    tracks: BTreeMap<TrackKey, Track<D::File>>,
    ended: BTreeSet<RunId>,
    ages: Ages,
    counters: Arc<Counters>,
    outputs: Vec<Output>,
}

impl<D: Disk> Writer<D> {
    pub(crate) fn new(disk: D, options: WriterOptions, counters: Arc<Counters>) -> Self {
        Self {
            disk,
            options,
            tracks: BTreeMap::new(),
            ended: BTreeSet::new(),
            ages: Ages::default(),
            counters,
            outputs: Vec::new(),
        }
    }

    /// The disk, for the other work of the spool thread.
    pub(crate) fn disk(&mut self) -> &mut D {
        &mut self.disk
    }

    /// What the last steps led to, in order.
    pub(crate) fn take(&mut self) -> Vec<Output> {
        std::mem::take(&mut self.outputs)
    }

    /// Whether the track was introduced with [`Writer::admit`].
    pub(crate) fn knows(&self, key: &TrackKey) -> bool {
        self.tracks.contains_key(key)
    }

    /// Whether the run was ended; its late chunks are dropped.
    pub(crate) fn has_ended(&self, run: RunId) -> bool {
        self.ended.contains(&run)
    }

    /// Introduces a track: its folder, and the highest number that any file or row of it has.
    pub(crate) fn admit(&mut self, key: TrackKey, folder: PathBuf, last_number: u32) {
        self.tracks.insert(key, Track::new(folder, last_number));
    }

    /// Writes one chunk of a track that was admitted.
    pub(crate) fn append(&mut self, chunk: &Chunk, now: Instant) -> Result<(), FolderLost> {
        let key = (chunk.run, chunk.source.clone());
        let Some(track) = self.tracks.get(&key) else {
            self.counters.dropped_chunk();
            return Ok(());
        };
        let stage = track.state.stage();
        let arrival = Arrival {
            key: chunk.key,
            start_ns: chunk.start_ns,
            same_init: match &track.state {
                State::Open(open) => Arc::ptr_eq(&open.init, &chunk.init),
                State::Fresh | State::Broken(_) => false,
            },
            room: chunk.key && stage == Stage::Broken(Fault::NoSpace) && self.has_room(ROOM_TO_RESUME_BYTES),
        };
        let most = self.options.sync_every.mul_f64(OLD_ON_ARRIVAL);
        let captured = self.ages.captured(chunk, now, most);
        match rotate::step(stage, arrival, self.options.segment_ns) {
            Step::Begin => self.begin(&key, chunk, captured)?,
            Step::Append => self.extend(&key, chunk, captured)?,
            Step::Rotate => {
                self.close(&key)?;
                self.begin(&key, chunk, captured)?;
            }
            Step::Drop => self.drop_chunk(&key),
        }
        self.count_open();
        Ok(())
    }

    /// Syncs what has been unsynced for `sync_every`, and looks after the reserve.
    pub(crate) fn sync_due(&mut self, now: Instant) -> Result<(), FolderLost> {
        let due: Vec<TrackKey> = self
            .tracks
            .iter()
            .filter(|(_, track)| {
                track
                    .state
                    .due(self.options.sync_every)
                    .is_some_and(|at| at <= now)
            })
            .map(|(key, _)| key.clone())
            .collect();
        if due.is_empty() {
            return Ok(());
        }
        for key in &due {
            self.sync(key);
        }
        if !self.has_room(0) {
            self.stop_for_reserve()?;
        }
        self.count_open();
        Ok(())
    }

    /// When [`Writer::sync_due`] has something to do next.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.tracks
            .values()
            .filter_map(|track| track.state.due(self.options.sync_every))
            .min()
    }

    /// Closes every open segment of the run and forgets the run.
    pub(crate) fn end_run(&mut self, run: RunId) -> Result<(), FolderLost> {
        let keys: Vec<TrackKey> = self.tracks.keys().filter(|(r, _)| *r == run).cloned().collect();
        for key in keys {
            self.close(&key)?;
            self.tracks.remove(&key);
        }
        self.ended.insert(run);
        self.ages.forget(run);
        self.count_open();
        Ok(())
    }

    /// Closes every open segment.
    pub(crate) fn end_all(&mut self) -> Result<(), FolderLost> {
        let runs: BTreeSet<RunId> = self.tracks.keys().map(|(run, _)| *run).collect();
        runs.into_iter().try_for_each(|run| self.end_run(run))
    }

    fn count_open(&self) {
        let open = self
            .tracks
            .values()
            .filter(|track| matches!(track.state, State::Open(_)))
            .count();
        self.counters.set_open(open);
    }

    /// Whether the reserve and `more` bytes are free. A disk that cannot say is not taken for
    /// full: the next write will tell.
    fn has_room(&mut self, more: u64) -> bool {
        let reserve = self.options.reserve_bytes;
        self.disk
            .space(&self.options.root)
            .map_or(true, |space| space.free_bytes >= reserve.saturating_add(more))
    }

    fn drop_chunk(&mut self, key: &TrackKey) {
        self.counters.dropped_chunk();
        known(&mut self.tracks, key).dropped += 1;
    }

    /// Opens the next file of the track with `chunk` as its first: create, write init and chunk
    /// in one, sync the folder so that the file itself survives a power cut from its first
    /// fdatasync on.
    fn begin(&mut self, key: &TrackKey, chunk: &Chunk, captured: Instant) -> Result<(), FolderLost> {
        let (folder, path, mut file) = match self.create_next(key) {
            Ok(made) => made,
            Err((path, error)) => {
                self.fail(key, &path, "made", &error);
                self.drop_chunk(key);
                return Ok(());
            }
        };
        let bytes = [&*chunk.init, &*chunk.bytes].concat();
        if let Err(error) = self.disk.append(&mut file, &bytes) {
            // There is nothing whole in it and nobody was told of it.
            if let Err(error) = self.disk.unlink(&path) {
                tracing::warn!(path = %path.display(), %error, "an empty segment was left behind");
            }
            self.fail(key, &path, "written", &error);
            self.drop_chunk(key);
            return Ok(());
        }
        self.disk
            .sync_dir(&folder)
            .map_err(|source| FolderLost { path: folder, source })?;
        let mut hash = Sha256::new();
        hash.update(&bytes);
        let written = bytes.len() as u64;
        self.counters.wrote(written);
        let track = known(&mut self.tracks, key);
        let facts = Segment {
            run: chunk.run,
            source: chunk.source.clone(),
            number: track.last_number,
            bytes: written,
            sha256: String::new(),
            start_ns: chunk.start_ns,
            end_ns: chunk.end_ns.max(chunk.start_ns),
            salvaged: false,
        };
        let init = Arc::clone(&chunk.init);
        let open = OpenSegment {
            file,
            path,
            init,
            facts,
            hash,
            dirty_since: Some(captured),
        };
        let before = std::mem::replace(&mut track.state, State::Open(Box::new(open)));
        let dropped_chunks = std::mem::take(&mut track.dropped);
        let first = !std::mem::replace(&mut track.begun, true);
        let (run, source) = key.clone();
        if first {
            self.outputs.push(Output::Event(SpoolEvent::FirstChunk {
                run,
                source: source.clone(),
            }));
        }
        if matches!(before, State::Broken(_)) {
            tracing::info!(track = %source, dropped_chunks, "a track is being written again");
            self.outputs.push(Output::Event(SpoolEvent::WriteResumed {
                run,
                source,
                dropped_chunks,
            }));
        }
        Ok(())
    }

    fn create_next(&mut self, key: &TrackKey) -> Result<(PathBuf, PathBuf, D::File), (PathBuf, io::Error)> {
        let track = known(&mut self.tracks, key);
        loop {
            let Some(number) = track.last_number.checked_add(1) else {
                let taken = io::Error::other("a file there has the last number that there is");
                return Err((track.folder.clone(), taken));
            };
            let path = track.folder.join(segment_name(number));
            match self.disk.create(&path) {
                Ok(file) => {
                    track.last_number = number;
                    return Ok((track.folder.clone(), path, file));
                }
                // A file that could not be removed after an error: leave it to recovery.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => track.last_number = number,
                Err(error) => return Err((path, error)),
            }
        }
    }

    /// Appends to the open segment; a torn write is cut back and ends the segment.
    fn extend(&mut self, key: &TrackKey, chunk: &Chunk, captured: Instant) -> Result<(), FolderLost> {
        let track = known(&mut self.tracks, key);
        let State::Open(open) = &mut track.state else {
            return Ok(());
        };
        match self.disk.append(&mut open.file, &chunk.bytes) {
            Ok(()) => {
                open.hash.update(&chunk.bytes);
                open.facts.bytes += chunk.bytes.len() as u64;
                open.facts.start_ns = open.facts.start_ns.min(chunk.start_ns);
                open.facts.end_ns = open.facts.end_ns.max(chunk.end_ns);
                open.dirty_since.get_or_insert(captured);
                self.counters.wrote(chunk.bytes.len() as u64);
                Ok(())
            }
            Err(error) => {
                let path = open.path.clone();
                match self.disk.truncate(&mut open.file, open.facts.bytes) {
                    Ok(()) => self.close(key)?,
                    Err(cut) => {
                        // Without a row, recovery will cut the tail and take the file in.
                        tracing::error!(path = %path.display(), error = %cut, "a torn segment could not be cut; it is kept for the next start");
                    }
                }
                self.fail(key, &path, "written", &error);
                self.drop_chunk(key);
                Ok(())
            }
        }
    }

    fn sync(&mut self, key: &TrackKey) {
        let track = known(&mut self.tracks, key);
        let State::Open(open) = &mut track.state else {
            return;
        };
        let error = match self.disk.sync_data(&mut open.file) {
            Ok(()) => {
                open.dirty_since = None;
                return;
            }
            Err(error) => error,
        };
        if let Some(open) = track.take_open() {
            let path = open.path.clone();
            self.outputs.push(Output::Suspect(open.into_facts()));
            self.fail(key, &path, "synced", &error);
        }
    }

    /// Closes the open segment, if there is one: fsync file, finish the hash, fsync folder.
    fn close(&mut self, key: &TrackKey) -> Result<(), FolderLost> {
        let track = known(&mut self.tracks, key);
        let Some(OpenSegment {
            mut file,
            path,
            mut facts,
            hash,
            ..
        }) = track.take_open()
        else {
            return Ok(());
        };
        facts.sha256 = hex(hash);
        match seal(&mut self.disk, &mut file, &track.folder, facts) {
            Ok(sealed) => self.outputs.push(Output::Sealed(sealed)),
            Err((facts, SealError::File(error))) => {
                self.outputs.push(Output::Suspect(facts));
                self.fail(key, &path, "synced", &error);
            }
            Err((_, SealError::Folder(source))) => {
                return Err(FolderLost {
                    path: track.folder.clone(),
                    source,
                });
            }
        }
        Ok(())
    }

    fn stop_for_reserve(&mut self) -> Result<(), FolderLost> {
        let open: Vec<TrackKey> = self
            .tracks
            .iter()
            .filter(|(_, track)| matches!(track.state, State::Open(_)))
            .map(|(key, _)| key.clone())
            .collect();
        for key in open {
            let path = known(&mut self.tracks, &key).folder.clone();
            self.close(&key)?;
            let full = io::Error::new(io::ErrorKind::StorageFull, "storage.reserve is reached");
            self.fail(&key, &path, "written", &full);
        }
        Ok(())
    }

    /// Marks the track broken and says so, once for a row of failures.
    fn fail(&mut self, key: &TrackKey, path: &Path, what: &str, error: &io::Error) {
        let fault = match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Fault::NoSpace,
            _ => Fault::Io,
        };
        let track = known(&mut self.tracks, key);
        let before = std::mem::replace(&mut track.state, State::Broken(fault));
        if matches!(before, State::Broken(_)) {
            return;
        }
        let (failure, advice) = match fault {
            Fault::NoSpace => (
                WriteFailure::NoSpace,
                "make room on the disk; recording goes on by itself then",
            ),
            Fault::Io => (
                WriteFailure::Io,
                "check the disk and its cable; the next file is tried by itself",
            ),
        };
        let message = format!(
            "{} could not be {what}: {error}; what was written before is kept; {advice}",
            path.display()
        );
        tracing::error!(track = %key.1, path = %path.display(), %error, "a segment could not be written");
        let (run, source) = key.clone();
        self.outputs.push(Output::Event(SpoolEvent::WriteFailed {
            run,
            source,
            error: failure,
            message,
        }));
    }
}

/// A track that the caller found in the map before.
fn known<'a, F>(tracks: &'a mut BTreeMap<TrackKey, Track<F>>, key: &TrackKey) -> &'a mut Track<F> {
    tracks
        .get_mut(key)
        .expect("callers ask only for tracks that they found in the map")
}
