//! What the spool counts for the status page, the metrics and the watchdog.
//!
//! Plain atomics, written by the spool thread and read by anybody; no two of them are read as
//! one, so relaxed order is enough.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::clock;

/// Counts since the start of the process.
#[derive(Debug, Default)]
pub struct Counters {
    bytes_written: AtomicU64,
    chunks_dropped: AtomicU64,
    events_dropped: AtomicU64,
    open_segments: AtomicU64,
    last_progress_mono_ms: AtomicU64,
    last_chunk_mono_ms: AtomicU64,
}

impl Counters {
    /// Bytes of recordings that were written.
    #[must_use]
    pub fn bytes_written(&self) -> u64 {
        self.bytes_written.load(Ordering::Relaxed)
    }

    /// Chunks that could not be written: disk full, write error, unknown run.
    #[must_use]
    pub fn chunks_dropped(&self) -> u64 {
        self.chunks_dropped.load(Ordering::Relaxed)
    }

    /// Events that nobody took in time; what they told is in the database.
    #[must_use]
    pub fn events_dropped(&self) -> u64 {
        self.events_dropped.load(Ordering::Relaxed)
    }

    /// Segments being written now.
    #[must_use]
    pub fn open_segments(&self) -> u64 {
        self.open_segments.load(Ordering::Relaxed)
    }

    /// `CLOCK_MONOTONIC` in milliseconds when the spool thread last finished a step; it takes
    /// one at least each second, so an old value means that the thread hangs in the disk.
    #[must_use]
    pub fn last_progress_mono_ms(&self) -> u64 {
        self.last_progress_mono_ms.load(Ordering::Relaxed)
    }

    /// `CLOCK_MONOTONIC` in milliseconds when a chunk was last written; 0 before the first.
    #[must_use]
    pub fn last_chunk_mono_ms(&self) -> u64 {
        self.last_chunk_mono_ms.load(Ordering::Relaxed)
    }

    pub(crate) fn wrote(&self, bytes: u64) {
        self.bytes_written.fetch_add(bytes, Ordering::Relaxed);
        self.last_chunk_mono_ms.store(clock::mono_ms(), Ordering::Relaxed);
    }

    pub(crate) fn dropped_chunk(&self) {
        self.chunks_dropped.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn dropped_event(&self) {
        self.events_dropped.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn set_open(&self, segments: usize) {
        self.open_segments.store(segments as u64, Ordering::Relaxed);
    }

    pub(crate) fn progress(&self) {
        self.last_progress_mono_ms
            .store(clock::mono_ms(), Ordering::Relaxed);
    }
}
