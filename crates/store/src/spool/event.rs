//! What the store tells the conductor without being asked.
//!
//! The channel holds [`EVENTS_BOUND`] events. The store never waits for its reader: an event
//! that finds the channel full is dropped and counted, because a recording must not stop for a
//! slow conductor; all that events tell is in the database or in the counters too.

use std::sync::Arc;

use lectern_domain::ids::{RunId, SourceName};
use tokio::sync::mpsc;

use super::counters::Counters;

/// Events that wait for the conductor: hours of closed segments.
pub(crate) const EVENTS_BOUND: usize = 1_024;

/// Why something could not be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WriteFailure {
    /// The disk is full, or `storage.reserve` is reached.
    NoSpace,
    /// Any other error of the disk.
    Io,
}

/// What happened in the spool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SpoolEvent {
    /// The first chunk of a track in this run was written.
    FirstChunk {
        /// The run.
        run: RunId,
        /// The track.
        source: SourceName,
    },
    /// A segment is on the disk and its row is committed.
    SegmentClosed {
        /// The run.
        run: RunId,
        /// The track.
        source: SourceName,
        /// Its number in the track.
        number: u32,
        /// Its size.
        bytes: u64,
        /// Its start, nanoseconds of the run.
        start_ns: u64,
        /// Its end, nanoseconds of the run.
        end_ns: u64,
    },
    /// A track cannot be written any more. Said once; its chunks are dropped until
    /// [`SpoolEvent::WriteResumed`]. What was written before is closed.
    WriteFailed {
        /// The run.
        run: RunId,
        /// The track.
        source: SourceName,
        /// What kind of failure.
        error: WriteFailure,
        /// For a technician: what failed, where, why, what to do.
        message: String,
    },
    /// A track that had failed is being written again.
    WriteResumed {
        /// The run.
        run: RunId,
        /// The track.
        source: SourceName,
        /// Chunks that were lost in between.
        dropped_chunks: u64,
    },
}

/// The store's end of the event channel.
#[derive(Clone)]
pub(crate) struct Events {
    sender: mpsc::Sender<SpoolEvent>,
    counters: Arc<Counters>,
}

impl Events {
    /// Makes the channel.
    pub(crate) fn channel(counters: Arc<Counters>) -> (Self, mpsc::Receiver<SpoolEvent>) {
        let (sender, receiver) = mpsc::channel(EVENTS_BOUND);
        (Self { sender, counters }, receiver)
    }

    /// Says it, or drops and counts it; never waits.
    pub(crate) fn say(&self, event: SpoolEvent) {
        match self.sender.try_send(event) {
            Ok(()) => {}
            Err(mpsc::error::TrySendError::Full(event)) => {
                self.counters.dropped_event();
                tracing::warn!(?event, "an event was dropped because nobody took events in time");
            }
            // Nobody listens any more: the daemon is going down.
            Err(mpsc::error::TrySendError::Closed(_)) => {}
        }
    }
}
