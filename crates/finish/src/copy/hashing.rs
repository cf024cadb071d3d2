//! SHA-256 beside the copy: a few lanes, each a stream of blocks in order, on two threads.
//!
//! Hashing takes about as long as copying, and twice to three times as many bytes go through it
//! (each file written, as a whole and by parts, and each segment read), so it must not stand in
//! the copy's way. A lane belongs to one thread for its whole life, which keeps its blocks in order
//! without a lock.

use std::collections::HashMap;
use std::fmt::Write;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Builder, Scope, ScopedJoinHandle};

use sha2::{Digest, Sha256};

use super::Block;
use super::parts::{Digests, Parted};

/// How many blocks may wait for each thread; the copy stands still while one is full.
pub(crate) const QUEUE_BLOCKS: usize = 8;
const THREADS: usize = 2;

/// One stream of bytes to hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Lane(pub(crate) usize);

/// Which bytes of a block belong to a lane.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Part {
    /// Its media: the bytes of a file that is being written, which gets hashes of its parts.
    Media,
    /// All of it: the bytes of a segment as it is read.
    Whole,
}

enum Work {
    Update {
        lane: Lane,
        block: Arc<Block>,
        part: Part,
    },
    /// The lane's bytes until here are file `file`; compare if there is anything to compare with,
    /// and begin anew.
    Compare {
        lane: Lane,
        file: u32,
        expected: Option<String>,
    },
}

/// The hashing threads. They end when [`finish`](Self::finish) is called or this is dropped; the
/// scope joins them.
pub(crate) struct Hashing<'scope> {
    /// For each thread, where its work goes.
    senders: Vec<SyncSender<Work>>,
    /// For each lane, its thread.
    homes: Vec<usize>,
    threads: Vec<ScopedJoinHandle<'scope, Outcome>>,
}

#[derive(Default)]
struct Outcome {
    written: HashMap<Lane, Parted>,
    read: HashMap<Lane, Sha256>,
    suspects: Vec<(Lane, u32)>,
}

/// What came out.
pub(crate) struct Results {
    /// Of the first lanes: the files that were written.
    pub(crate) digests: Vec<Digests>,
    /// Lane and file of each comparison that failed.
    pub(crate) suspects: Vec<(Lane, u32)>,
}

impl<'scope> Hashing<'scope> {
    /// Starts the threads; `weights` says how many bytes each lane will get, to share them out.
    pub(crate) fn start(scope: &'scope Scope<'scope, '_>, weights: &[u64]) -> io::Result<Self> {
        let mut load = [0_u64; THREADS];
        let mut homes = vec![0; weights.len()];
        let mut by_weight: Vec<(u64, &mut usize)> = weights.iter().copied().zip(&mut homes).collect();
        by_weight.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
        for (weight, home) in by_weight {
            if let Some((index, least)) = load.iter_mut().enumerate().min_by_key(|(_, load)| **load) {
                *least = least.saturating_add(weight);
                *home = index;
            }
        }
        let mut senders = Vec::new();
        let mut threads = Vec::new();
        for index in 1..=THREADS {
            let (sender, receiver) = sync_channel(QUEUE_BLOCKS);
            threads.push(
                Builder::new()
                    .name(format!("finish-hash-{index}"))
                    .spawn_scoped(scope, move || hash(&receiver))?,
            );
            senders.push(sender);
        }
        Ok(Self {
            senders,
            homes,
            threads,
        })
    }

    /// Adds a block to a lane. Blocks while its thread is behind.
    pub(crate) fn update(&self, lane: Lane, block: Arc<Block>, part: Part) {
        self.send(lane, Work::Update { lane, block, part });
    }

    /// Ends a file of a lane and compares it with the hash that was stored; `None` where reading
    /// went wrong and was told already.
    pub(crate) fn compare(&self, lane: Lane, file: u32, expected: Option<String>) {
        self.send(lane, Work::Compare { lane, file, expected });
    }

    fn send(&self, lane: Lane, work: Work) {
        let sender = self.homes.get(lane.0).and_then(|home| self.senders.get(*home));
        // A thread ends before its sender does only by a panic, which `finish` passes on.
        let _gone = sender.map(|sender| sender.send(work));
    }

    /// Waits for the threads; answers the digests of the first `outputs` lanes.
    pub(crate) fn finish(self, outputs: usize) -> Results {
        drop(self.senders);
        let mut written = HashMap::new();
        let mut suspects = Vec::new();
        for thread in self.threads {
            match thread.join() {
                Ok(mut outcome) => {
                    written.extend(outcome.written);
                    suspects.append(&mut outcome.suspects);
                }
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        let digests = (0..outputs)
            .map(|index| written.remove(&Lane(index)).unwrap_or_default().finish())
            .collect();
        Results { digests, suspects }
    }
}

fn hash(work: &Receiver<Work>) -> Outcome {
    let mut out = Outcome::default();
    for work in work {
        match work {
            Work::Update { lane, block, part } => match part {
                Part::Media => {
                    let state = out.written.entry(lane).or_default();
                    block.media().for_each(|bytes| state.update(bytes));
                }
                Part::Whole => out.read.entry(lane).or_default().update(&block.bytes),
            },
            Work::Compare { lane, file, expected } => {
                let found = hex(out.read.remove(&lane).unwrap_or_default());
                if expected.is_some_and(|expected| expected != found) {
                    out.suspects.push((lane, file));
                }
            }
        }
    }
    out
}

/// The digest as lower-case hex.
pub(crate) fn hex(state: Sha256) -> String {
    state
        .finalize()
        .iter()
        .fold(String::with_capacity(64), |mut text, byte| {
            // Writing to a String cannot fail.
            let _ok = write!(text, "{byte:02x}");
            text
        })
}
