//! What the world was told of its lectures: the measure that the spool is held against.

use std::collections::BTreeMap;
use std::sync::Arc;

use lectern_domain::ids::{LectureId, RunId, RunNumber, SourceName};
use lectern_domain::lecture::LectureState as S;
use lectern_domain::media::Chunk;
use uuid::Uuid;

use super::world::{SYNC, TICK};
use crate::test_cmaf::{CHUNK_NS, CHUNK_TICKS, chunk, init};

/// The tracks of every lecture, with their handlers.
pub(super) const TRACKS: [(&str, &[u8; 4]); 2] = [("camera", b"vide"), ("microphone", b"soun")];

/// One lecture.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) id: LectureId,
    pub(super) folder: String,
    /// As committed, by what the calls said.
    pub(super) state: S,
    /// What a crash found it as, until it is decided how it goes on.
    pub(super) was: Option<S>,
    pub(super) run: u32,
    /// Next chunk of the run.
    pub(super) next: u64,
    /// When each chunk of the last run was handed over, nanoseconds of the world.
    arrived: Vec<u64>,
    pub(super) seen_ns: u64,
    pub(super) marks: usize,
    pub(super) facts: usize,
    /// The disk failed in this run: what had to be dropped is known to nobody.
    pub(super) faulty: bool,
    /// Every platform confirmed it.
    pub(super) delivered: bool,
    /// Its deletion was asked for when it was delivered.
    pub(super) purging: bool,
    /// What every segment was when it was first seen closed.
    pub(super) closed: BTreeMap<(SourceName, u32), String>,
    inits: [Arc<[u8]>; 2],
}

impl Told {
    pub(super) fn new(number: u128) -> Self {
        Self {
            id: LectureId(Uuid::from_u128(number)),
            folder: String::new(),
            state: S::Scheduled,
            was: None,
            run: 0,
            next: 0,
            arrived: Vec::new(),
            seen_ns: 0,
            marks: 0,
            facts: 0,
            faulty: false,
            delivered: false,
            purging: false,
            closed: BTreeMap::new(),
            inits: Self::encoders(),
        }
    }

    fn encoders() -> [Arc<[u8]>; 2] {
        TRACKS.map(|(_, handler)| init(handler))
    }

    /// Other encoders; a segment begins with their next key chunk, which is their first.
    pub(super) fn change_encoders(&mut self) {
        self.next = self.next.next_multiple_of(5);
        while (self.arrived.len() as u64) < self.next {
            // Never handed over, so never missed.
            self.arrived.push(u64::MAX);
        }
        self.inits = Self::encoders();
    }

    pub(super) fn run_id(&self) -> RunId {
        RunId {
            lecture: self.id,
            run: RunNumber(self.run),
        }
    }

    /// A new run was opened.
    pub(super) fn opened_run(&mut self) {
        self.run += 1;
        self.next = 0;
        self.arrived.clear();
        self.seen_ns = 0;
        self.faulty = false;
        self.inits = Self::encoders();
    }

    /// The next chunk of both tracks, at `now_ns` of the world.
    pub(super) fn next_chunks(&mut self, now_ns: u64) -> [Chunk; 2] {
        let n = self.next;
        self.next += 1;
        self.arrived.push(now_ns);
        [0, 1].map(|track| Chunk {
            run: self.run_id(),
            source: TRACKS[track].0.parse().expect("a name"),
            init: Arc::clone(&self.inits[track]),
            start_ns: n * CHUNK_NS,
            end_ns: (n + 1) * CHUNK_NS,
            key: n.is_multiple_of(5),
            bytes: media(self.run, n).into(),
        })
    }

    /// Chunks of the last run that a power cut at `now_ns` must not cost (P2).
    pub(super) fn safe(&self, now_ns: u64) -> Vec<u64> {
        let old = |arrived: u64| {
            let late = u64::try_from((SYNC + TICK).as_nanos()).unwrap_or(u64::MAX);
            arrived.checked_add(late).is_some_and(|due| due <= now_ns)
        };
        (0..)
            .zip(&self.arrived)
            .filter(|(_, at)| old(**at))
            .map(|(n, _)| n)
            .collect()
    }
}

/// The bytes of chunk `n` of a run.
pub(super) fn media(run: u32, n: u64) -> Vec<u8> {
    let seed = (n + 37 * u64::from(run)) % 200;
    chunk(n * CHUNK_TICKS, u8::try_from(seed).expect("below 200"))
}

/// A whole segment of a track: its init and these chunks.
pub(super) fn segment(handler: &[u8; 4], run: u32, chunks: std::ops::Range<u64>) -> Vec<u8> {
    let mut bytes = init(handler).to_vec();
    for n in chunks {
        bytes.extend(media(run, n));
    }
    bytes
}
