//! What waits to be written to the daemon, bounded; and the thread that writes it.
//!
//! Streaming threads put events in and never wait: a daemon that does not read (a stalled disk, a
//! debugger) must not stop a camera. Chunks are kept up to [`MAX_QUEUED_BYTES`] and
//! [`MAX_QUEUED_NS`]; past that, whole groups of pictures are dropped until the next key chunk,
//! and counted. Pictures and levels are dropped first: at most the newest one of each waits.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use lectern_domain::fact::FactKind;
use lectern_domain::ids::RunId;
use lectern_domain::wire::{self, MAX_BLOB_BYTES, SourceEvent};

use crate::clock;

/// The most that waiting chunks may take, in bytes.
const MAX_QUEUED_BYTES: usize = 32 * 1024 * 1024;
/// The most media time that may wait, in nanoseconds.
const MAX_QUEUED_NS: u64 = 30 * clock::SECOND_NS;

/// What a sign of life tells of the time since the process began.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    /// Buffers that the device delivered.
    pub(crate) captured: u64,
    /// Buffers dropped before the encoder because it could not follow.
    pub(crate) dropped: u64,
    /// Pictures left out on purpose.
    pub(crate) shed: u64,
    /// How much faster the device's clock runs than the system's, in parts per million.
    pub(crate) drift_ppm: Option<f32>,
}

/// A chunk as the encoder gave it out.
pub(crate) struct Chunk {
    /// The run.
    pub(crate) run: RunId,
    /// Presentation time of its first sample, nanoseconds of the run.
    pub(crate) start_ns: u64,
    /// Presentation time of its end, nanoseconds of the run.
    pub(crate) end_ns: u64,
    /// Whether it begins with a key frame.
    pub(crate) key: bool,
    /// `moof` and `mdat`.
    pub(crate) bytes: Vec<u8>,
}

/// One encoded frame in the queue.
struct Waiting {
    frame: Vec<u8>,
    media_ns: u64,
}

/// The queue behind the lock.
#[derive(Default)]
struct Queue {
    /// In order: everything that must arrive, and the chunks.
    ordered: VecDeque<Waiting>,
    queued_bytes: usize,
    queued_ns: u64,
    /// Newest only; goes before everything else once the first frame is out.
    alive: Option<Vec<u8>>,
    level: Option<Vec<u8>>,
    /// Samples at full scale that no level has told yet.
    clipped: u32,
    picture: Option<Vec<u8>>,
    /// After a dropped chunk: drop on until a key chunk.
    skipping: bool,
    chunks_dropped: u64,
    /// The greeting has been written; before it nothing may overtake.
    greeted: bool,
    /// A frame is being written right now.
    writing: bool,
    closed: bool,
    /// The pipe broke; nothing will ever be written again.
    broken: bool,
}

impl Queue {
    fn push(&mut self, frame: Vec<u8>, media_ns: u64) {
        if self.closed || self.broken {
            return;
        }
        self.queued_bytes += frame.len();
        self.queued_ns += media_ns;
        self.ordered.push_back(Waiting { frame, media_ns });
    }

    fn push_chunk(&mut self, chunk: &Chunk) {
        let media_ns = chunk.end_ns.saturating_sub(chunk.start_ns);
        let fits = self.queued_bytes + chunk.bytes.len() <= MAX_QUEUED_BYTES
            && self.queued_ns + media_ns <= MAX_QUEUED_NS
            && chunk.bytes.len() <= MAX_BLOB_BYTES;
        if !fits || (self.skipping && !chunk.key) {
            self.skipping = true;
            self.chunks_dropped += 1;
            return;
        }
        self.skipping = false;
        let event = SourceEvent::Chunk {
            run: chunk.run,
            start_ns: chunk.start_ns,
            end_ns: chunk.end_ns,
            key: chunk.key,
        };
        self.push(wire::encode(&event, &chunk.bytes), media_ns);
    }

    fn pop(&mut self) -> Option<Vec<u8>> {
        if self.greeted
            && let Some(frame) = self.alive.take()
        {
            return Some(frame);
        }
        if let Some(waiting) = self.ordered.pop_front() {
            self.queued_bytes -= waiting.frame.len();
            self.queued_ns -= waiting.media_ns;
            self.greeted = true;
            return Some(waiting.frame);
        }
        if !self.greeted {
            return None;
        }
        if let Some(level) = self.level.take() {
            self.clipped = 0;
            return Some(level);
        }
        self.picture.take()
    }

    fn is_flushed(&self) -> bool {
        self.broken || (self.ordered.is_empty() && !self.writing)
    }
}

/// The way to the daemon. Every method returns at once, except [`Outbox::flush`].
pub(crate) struct Outbox {
    queue: Mutex<Queue>,
    changed: Condvar,
}

impl Outbox {
    /// An empty outbox.
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            queue: Mutex::new(Queue::default()),
            changed: Condvar::new(),
        })
    }

    /// Queues an event that must arrive. For the few events of a life, not for a stream of them.
    pub(crate) fn say(&self, event: &SourceEvent) {
        self.with(|queue| queue.push(wire::encode(event, &[]), 0));
    }

    /// Queues a word for the lecture's facts, of this moment; it must arrive.
    pub(crate) fn note(&self, what: FactKind, detail: String) {
        tracing::info!(what = what.as_str(), detail, "something was noted");
        self.say(&SourceEvent::Noted {
            what,
            detail,
            at_ns: clock::now_ns(),
        });
    }

    /// Queues an init segment; it must arrive.
    pub(crate) fn init(&self, run: RunId, codec: String, bytes: &[u8]) {
        self.with(|queue| queue.push(wire::encode(&SourceEvent::Init { run, codec }, bytes), 0));
    }

    /// Queues a chunk, or drops its group when too much waits.
    pub(crate) fn chunk(&self, chunk: &Chunk) {
        self.with(|queue| queue.push_chunk(chunk));
    }

    /// Replaces the waiting picture.
    pub(crate) fn picture(&self, at_ns: u64, jpeg: &[u8]) {
        self.with(|queue| queue.picture = Some(wire::encode(&SourceEvent::Picture { at_ns }, jpeg)));
    }

    /// Replaces the waiting level; what was clipped in that one is told with this.
    pub(crate) fn level(&self, rms_dbfs: Vec<f32>, peak_dbfs: Vec<f32>, clipped: u32) {
        self.with(|queue| {
            queue.clipped = queue.clipped.saturating_add(clipped);
            let event = SourceEvent::Level {
                rms_dbfs,
                peak_dbfs,
                clipped: queue.clipped,
            };
            queue.level = Some(wire::encode(&event, &[]));
        });
    }

    /// Replaces the waiting sign of life.
    pub(crate) fn alive(&self, counts: Counts) {
        let Counts {
            captured,
            dropped,
            shed,
            drift_ppm,
        } = counts;
        self.with(|queue| {
            let event = SourceEvent::Alive {
                captured,
                dropped,
                shed,
                drift_ppm,
                chunks_dropped: queue.chunks_dropped,
            };
            queue.alive = Some(wire::encode(&event, &[]));
        });
    }

    /// Takes no more events. What waits is still written.
    pub(crate) fn close(&self) {
        self.with(|queue| queue.closed = true);
    }

    /// Blocks until all that must arrive is written, at most `patience`; false if it is not.
    pub(crate) fn flush(&self, patience: Duration) -> bool {
        let queue = self.lock();
        let (queue, _) = self
            .changed
            .wait_timeout_while(queue, patience, |queue| !queue.is_flushed())
            .unwrap_or_else(PoisonError::into_inner);
        queue.is_flushed() && !queue.broken
    }

    /// Starts the thread `writer`, which writes to `pipe` until the pipe breaks or the outbox is
    /// closed and empty. `gone` runs once, on that thread, when the daemon no longer reads.
    pub(crate) fn start_writer(
        self: &Arc<Self>,
        mut pipe: File,
        gone: impl FnOnce(io::Error) + Send + 'static,
    ) -> io::Result<JoinHandle<()>> {
        let outbox = Arc::clone(self);
        std::thread::Builder::new().name("writer".into()).spawn(move || {
            while let Some(frame) = outbox.next() {
                if let Err(error) = pipe.write_all(&frame) {
                    outbox.with(|queue| queue.broken = true);
                    gone(error);
                    return;
                }
            }
        })
    }

    /// The next frame to write; waits for one. `None` when closed and empty.
    fn next(&self) -> Option<Vec<u8>> {
        let mut queue = self.lock();
        queue.writing = false;
        self.changed.notify_all();
        loop {
            if let Some(frame) = queue.pop() {
                queue.writing = true;
                return Some(frame);
            }
            if queue.closed {
                return None;
            }
            queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn with(&self, change: impl FnOnce(&mut Queue)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }

    /// A panic while the lock was held cannot leave the queue half changed in a way that matters
    /// more than losing the lecture.
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lectern_domain::ids::{LectureId, RunNumber};
    use lectern_domain::wire::Decoder;

    fn run() -> RunId {
        RunId {
            lecture: LectureId::random(),
            run: RunNumber(1),
        }
    }

    fn chunk(number: u64, key: bool, size: usize) -> Chunk {
        let start_ns = number * 200_000_000;
        Chunk {
            run: run(),
            start_ns,
            end_ns: start_ns + 200_000_000,
            key,
            bytes: vec![0; size],
        }
    }

    fn drain(queue: &mut Queue) -> Vec<SourceEvent> {
        let mut decoder = Decoder::default();
        let mut events = Vec::new();
        while let Some(frame) = queue.pop() {
            decoder.feed(&frame);
            events.push(decoder.next_frame::<SourceEvent>().unwrap().unwrap().message);
        }
        events
    }

    #[test]
    fn a_daemon_that_does_not_read_costs_whole_groups() {
        let mut queue = Queue::default();
        // 5 chunks a second, a key chunk every 2 s, 60 s long: the limit is 30 s.
        for number in 0..300 {
            queue.push_chunk(&chunk(number, number % 10 == 0, 100));
        }
        assert_eq!(queue.chunks_dropped, 150);
        let kept = drain(&mut queue);
        assert_eq!(kept.len(), 150);
        // Room again in the middle of a group: nothing until the next key chunk.
        for number in 303..320 {
            queue.push_chunk(&chunk(number, number % 10 == 0, 100));
        }
        let kept = drain(&mut queue);
        assert!(
            matches!(
                kept[0],
                SourceEvent::Chunk {
                    key: true,
                    start_ns: 62_000_000_000,
                    ..
                }
            ),
            "{kept:?}"
        );
        assert_eq!(kept.len(), 10);
    }

    #[test]
    fn the_bytes_that_wait_are_bounded() {
        let mut queue = Queue::default();
        for number in 0..100 {
            queue.push_chunk(&chunk(number, true, 1024 * 1024));
        }
        assert!(
            queue.queued_bytes <= MAX_QUEUED_BYTES + 64 * 1024,
            "{}",
            queue.queued_bytes
        );
        assert!(queue.chunks_dropped >= 68, "{}", queue.chunks_dropped);
    }

    #[test]
    fn only_the_newest_picture_waits_and_nothing_overtakes_the_greeting() {
        let outbox = Outbox::new();
        outbox.picture(1, &[1]);
        outbox.picture(2, &[2]);
        outbox.level(vec![-9.0], vec![0.0], 5);
        outbox.level(vec![-9.0], vec![0.0], 3);
        outbox.alive(Counts {
            captured: 5,
            ..Counts::default()
        });
        assert_eq!(outbox.lock().pop(), None);
        outbox.say(&SourceEvent::Hello { wire: 1 });
        let events = drain(&mut outbox.lock());
        assert!(matches!(
            events[..],
            [
                SourceEvent::Hello { .. },
                SourceEvent::Alive { .. },
                SourceEvent::Level { clipped: 8, .. },
                SourceEvent::Picture { at_ns: 2 }
            ]
        ));
    }
}
