//! What the writer keeps of a track: where its files go, and the segment that is open.
//!
//! Data and plain questions about it; the disk is touched in `writer.rs` only.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sha2::Sha256;

use super::rotate::{Fault, Stage};
use super::segment::{Segment, hex};

/// A segment that is being written.
pub(super) struct OpenSegment<F> {
    pub(super) file: F,
    pub(super) path: PathBuf,
    pub(super) init: Arc<[u8]>,
    pub(super) facts: Segment,
    pub(super) hash: Sha256,
    /// When the oldest picture or sound that is not synced was captured, at the latest.
    pub(super) dirty_since: Option<Instant>,
}

/// Where a track stands, with its file.
pub(super) enum State<F> {
    Fresh,
    Open(Box<OpenSegment<F>>),
    Broken(Fault),
}

/// One track of one run.
pub(super) struct Track<F> {
    pub(super) folder: PathBuf,
    pub(super) last_number: u32,
    pub(super) state: State<F>,
    /// Chunks dropped since the last that was written.
    pub(super) dropped: u64,
    /// `FirstChunk` was said.
    pub(super) begun: bool,
}

impl<F> State<F> {
    /// The same without the file, for the decision.
    pub(super) fn stage(&self) -> Stage {
        match self {
            Self::Fresh => Stage::Fresh,
            Self::Open(open) => Stage::Open {
                start_ns: open.facts.start_ns,
            },
            Self::Broken(fault) => Stage::Broken(*fault),
        }
    }

    /// When its unsynced bytes must be synced.
    pub(super) fn due(&self, sync_every: Duration) -> Option<Instant> {
        match self {
            Self::Open(open) => open.dirty_since.map(|since| since + sync_every),
            Self::Fresh | Self::Broken(_) => None,
        }
    }
}

impl<F> OpenSegment<F> {
    /// What is known of it, its hash taken as far as it was written.
    pub(super) fn into_facts(self) -> Segment {
        Segment {
            sha256: hex(self.hash),
            ..self.facts
        }
    }
}

impl<F> Track<F> {
    /// A track of which nothing was written yet.
    pub(super) fn new(folder: PathBuf, last_number: u32) -> Self {
        Self {
            folder,
            last_number,
            state: State::Fresh,
            dropped: 0,
            begun: false,
        }
    }

    /// Takes the open segment out; the track is as if it had none.
    pub(super) fn take_open(&mut self) -> Option<OpenSegment<F>> {
        match std::mem::replace(&mut self.state, State::Fresh) {
            State::Open(open) => Some(*open),
            other @ (State::Fresh | State::Broken(_)) => {
                self.state = other;
                None
            }
        }
    }
}
