//! The order of media in the finished files: chunks of about a second, in the order of time.
//!
//! One order for all tracks together. Each file takes the chunks of its tracks from it, so the
//! recording is read once, in order, while all files are written.

use crate::cut::Finish;

/// Samples of one track that lie together in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Chunk {
    /// Index of the track.
    pub(crate) track: usize,
    /// Index of its first sample.
    pub(crate) first: usize,
    /// How many samples.
    pub(crate) count: u32,
    /// In bytes.
    pub(crate) bytes: u64,
    /// The decoder configuration of all its samples.
    pub(crate) entry: u16,
}

/// All chunks of all tracks, by the time of their first sample.
pub(crate) fn interleave(tracks: &[Finish]) -> Vec<Chunk> {
    let mut timed: Vec<(i64, Chunk)> = tracks
        .iter()
        .enumerate()
        .flat_map(|(index, track)| chunks(index, track))
        .collect();
    // Stable: tracks keep their order within one moment, and each track its own order.
    timed.sort_by_key(|(at_ms, _)| *at_ms);
    timed.into_iter().map(|(_, chunk)| chunk).collect()
}

fn chunks(track: usize, finish: &Finish) -> Vec<(i64, Chunk)> {
    let second = i64::from(finish.timescale);
    let mut out: Vec<(i64, Chunk)> = Vec::new();
    let mut began = 0;
    for (index, sample) in finish.samples.iter().enumerate() {
        match out.last_mut() {
            Some((_, chunk)) if chunk.entry == sample.entry && sample.dts - began < second => {
                chunk.count += 1;
                chunk.bytes += u64::from(sample.size);
            }
            _ => {
                began = sample.dts;
                let at_ms = sample.dts * 1_000 / second.max(1);
                let bytes = u64::from(sample.size);
                out.push((
                    at_ms,
                    Chunk {
                        track,
                        first: index,
                        count: 1,
                        bytes,
                        entry: sample.entry,
                    },
                ));
            }
        }
    }
    out
}
