//! Puts blocks of sound end to end on the clock's grid of samples.
//!
//! A device counts samples by its own crystal and its blocks are stamped when they arrive: late,
//! never early. The true time of a stream is therefore the *least* lateness over a while. The line
//! is anchored by the first 300 ms, which it keeps to itself; later it corrects the device's drift
//! by one sample a block, which nobody can hear; only a real gap moves it at once. Without this
//! the sound of a 90-minute lecture would end half a second beside its picture.
//!
//! Pure but for the buffers it makes; runs on the streaming thread.

use crate::clock::{self, SOUND_TICKS};

/// How many samples the anchor is measured over: 300 ms.
const SETTLE: u64 = SOUND_TICKS as u64 * 3 / 10;
/// Over how many samples the least lateness is taken: one second.
const WINDOW: u64 = SOUND_TICKS as u64;
/// A drift below this is left alone: 0.5 ms.
const DEADBAND: i64 = 24;
/// A hole this large is a gap in the stream and not drift: 100 ms.
const GAP: i64 = 4_800;
/// The longest gap that is filled: 10 s. A device silent for longer has failed anyway.
const MAX_GAP: i64 = 480_000;

/// What to do with a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fit {
    /// Not yet: the line is being anchored.
    Hold,
    AsItIs,
    /// One sample more or less.
    Longer,
    Shorter,
    /// Silence before it, in samples.
    After(u64),
    /// Leave out this many samples of its beginning.
    Skip(u64),
}

/// The position of one stream on the clock.
#[derive(Debug)]
pub(crate) struct SoundLine {
    channels: usize,
    state: Regulator,
}

#[derive(Debug)]
struct Regulator {
    jitters: bool,
    /// The clock's sample that comes next; none before the first block.
    next: Option<u64>,
    /// The least lateness seen in this window, in samples.
    least: i64,
    /// Samples seen in this window.
    seen: u64,
    /// What is still to be corrected, in samples; positive: the stream must become longer.
    pending: i64,
    /// The anchor is not found yet.
    settling: bool,
}

impl Regulator {
    fn fit(&mut self, stamp: u64, frames: u64) -> Fit {
        let Some(next) = &mut self.next else {
            self.next = Some(if self.jitters { stamp + frames } else { stamp });
            self.least = 0;
            self.seen = frames;
            return if self.jitters { Fit::Hold } else { Fit::AsItIs };
        };
        let late = stamp.cast_signed() - next.cast_signed();
        if !self.jitters {
            return at_once(late);
        }
        self.least = self.least.min(late);
        self.seen += frames;
        if self.settling {
            *next += frames;
            if self.seen >= SETTLE {
                *next = next.saturating_add_signed(self.least);
                (self.least, self.seen, self.settling) = (i64::MAX, 0, false);
            }
            return Fit::Hold;
        }
        if self.seen >= WINDOW {
            let least = std::mem::replace(&mut self.least, i64::MAX);
            self.seen = 0;
            if least.abs() >= GAP {
                self.pending = 0;
                return at_once(least);
            }
            self.pending = if least.abs() > DEADBAND { least } else { 0 };
        }
        match self.pending {
            1.. => {
                self.pending -= 1;
                Fit::Longer
            }
            0 => Fit::AsItIs,
            _ => {
                self.pending += 1;
                Fit::Shorter
            }
        }
    }
}

/// Moves the stream by so many samples in one step.
fn at_once(late: i64) -> Fit {
    match late {
        1.. => Fit::After(late.min(MAX_GAP).unsigned_abs()),
        0 => Fit::AsItIs,
        _ => Fit::Skip(late.unsigned_abs()),
    }
}

impl SoundLine {
    /// An empty line. Without `jitters`, stamps are taken at their word.
    pub(crate) fn new(channels: u32, jitters: bool) -> Self {
        let state = Regulator {
            jitters,
            next: None,
            least: i64::MAX,
            seen: 0,
            pending: 0,
            settling: true,
        };
        Self {
            channels: channels.max(1) as usize,
            state,
        }
    }

    /// Places a block of interleaved 32-bit samples that was stamped `mono_ns`: the blocks to
    /// deliver, each with the clock's number of its first sample, without hole or overlap.
    pub(crate) fn place(&mut self, block: gst::Buffer, mono_ns: u64) -> Vec<(u64, gst::Buffer)> {
        let frame = 4 * self.channels;
        let frames = (block.size() / frame) as u64;
        if frames == 0 {
            return Vec::new();
        }
        let fit = self.state.fit(clock::to_ticks(mono_ns, SOUND_TICKS), frames);
        let mut placed = Vec::with_capacity(2);
        match fit {
            Fit::Hold => {}
            Fit::AsItIs => self.put(&mut placed, block),
            Fit::Longer | Fit::Shorter => {
                let frames = if fit == Fit::Longer {
                    frames + 1
                } else {
                    frames.saturating_sub(1).max(1)
                };
                let stretched = block
                    .map_readable()
                    .ok()
                    .map(|bytes| stretch(&bytes, frames, self.channels));
                match stretched {
                    Some(bytes) => self.put(&mut placed, gst::Buffer::from_mut_slice(bytes)),
                    None => self.put(&mut placed, block),
                }
            }
            Fit::After(missing) => {
                let bytes = usize::try_from(missing).unwrap_or(0) * frame;
                self.put(&mut placed, gst::Buffer::from_mut_slice(vec![0u8; bytes]));
                self.put(&mut placed, block);
            }
            Fit::Skip(more) if more >= frames => {}
            Fit::Skip(more) => {
                let from = usize::try_from(more).unwrap_or(0) * frame;
                if let Ok(rest) = block.copy_region(gst::BufferCopyFlags::MEMORY, from..) {
                    self.put(&mut placed, rest);
                }
            }
        }
        placed
    }

    fn put(&mut self, placed: &mut Vec<(u64, gst::Buffer)>, block: gst::Buffer) {
        let Some(next) = &mut self.state.next else { return };
        let first = *next;
        *next += (block.size() / (4 * self.channels)) as u64;
        placed.push((first, block));
    }
}

/// `bytes` resampled to `frames` frames by straight lines between its samples.
fn stretch(bytes: &[u8], frames: u64, channels: usize) -> Vec<u8> {
    let sample = |frame: usize, channel: usize| {
        let at = (frame * channels + channel) * 4;
        bytes.get(at..at + 4).map_or(0.0, |four| {
            f32::from_le_bytes([four[0], four[1], four[2], four[3]])
        })
    };
    let have = bytes.len() / (4 * channels);
    let want = usize::try_from(frames).unwrap_or(have);
    let mut out = Vec::with_capacity(want * channels * 4);
    for frame in 0..want {
        // The first and the last sample stay where they are.
        let scaled = frame * (have - 1);
        let (left, rest) = (scaled / (want - 1).max(1), scaled % (want - 1).max(1));
        #[expect(clippy::cast_precision_loss, reason = "a block has some hundred samples")]
        let weight = rest as f32 / (want - 1).max(1) as f32;
        for channel in 0..channels {
            let (a, b) = (sample(left, channel), sample((left + 1).min(have - 1), channel));
            out.extend_from_slice(&(a + (b - a) * weight).to_le_bytes());
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOCK: u64 = 480;

    /// Feeds `blocks` stamped by `stamp` (in samples) and returns the final lateness.
    fn run(regulator: &mut Regulator, blocks: u64, stamp: impl Fn(u64) -> u64) -> i64 {
        let mut late = 0;
        for block in 0..blocks {
            let at = stamp(block);
            let grown = match regulator.fit(at, BLOCK) {
                Fit::Hold => 0,
                Fit::AsItIs => BLOCK,
                Fit::Longer => BLOCK + 1,
                Fit::Shorter => BLOCK - 1,
                Fit::After(more) => BLOCK + more,
                Fit::Skip(more) => BLOCK.saturating_sub(more),
            };
            let next = regulator.next.as_mut().unwrap();
            *next += grown;
            late = (at + BLOCK).cast_signed() - next.cast_signed();
        }
        late
    }

    fn jittery() -> Regulator {
        Regulator {
            jitters: true,
            next: None,
            least: i64::MAX,
            seen: 0,
            pending: 0,
            settling: true,
        }
    }

    #[test]
    fn a_drifting_crystal_is_followed_for_an_hour() {
        for ppm in [-200i64, -50, 0, 50, 200] {
            // Blocks arrive by the clock; the device makes a few samples more or less in that time.
            let stamp = |block: u64| {
                let ideal = (block * BLOCK).cast_signed();
                // Late by up to 8 ms, on time once in seven blocks.
                let jitter = (block % 7 * 64).cast_signed();
                (1_000_000 + ideal + ideal * ppm / 1_000_000 + jitter).cast_unsigned()
            };
            let late = run(&mut jittery(), 360_000, stamp);
            assert!(late.abs() < 500, "{ppm} ppm: {late} samples late after an hour");
        }
    }

    #[test]
    fn a_late_first_block_does_not_shift_the_lecture() {
        let stamp = |block: u64| 1_000_000 + block * BLOCK + if block == 0 { 3_000 } else { 0 };
        let late = run(&mut jittery(), 300, stamp);
        assert!(late.abs() <= DEADBAND, "{late}");
    }

    #[test]
    fn a_starved_thread_is_not_taken_for_a_gap() {
        // 300 ms late once, then the backlog in one burst.
        let mut regulator = jittery();
        run(&mut regulator, 200, |block| 1_000_000 + block * BLOCK);
        let stamp =
            |block: u64| 1_000_000 + 230 * BLOCK.max(1) + if block < 30 { 0 } else { (block - 30) * BLOCK };
        let late = run(&mut regulator, 400, stamp);
        assert!(late.abs() <= 30 + DEADBAND, "{late}");
    }

    #[test]
    fn lost_samples_become_silence() {
        let mut regulator = jittery();
        run(&mut regulator, 200, |block| 1_000_000 + block * BLOCK);
        let late = run(&mut regulator, 300, |block| {
            1_000_000 + (block + 200) * BLOCK + 24_000
        });
        assert!(late.abs() <= DEADBAND, "{late}");
    }

    #[test]
    fn exact_stamps_are_taken_at_their_word() {
        let mut regulator = Regulator {
            jitters: false,
            ..jittery()
        };
        assert_eq!(regulator.fit(100, BLOCK), Fit::AsItIs);
        regulator.next = Some(580);
        assert_eq!(regulator.fit(580, BLOCK), Fit::AsItIs);
        assert_eq!(regulator.fit(1060, BLOCK), Fit::After(480));
        assert_eq!(regulator.fit(570, BLOCK), Fit::Skip(10));
    }

    #[test]
    fn a_stretched_block_keeps_its_ends() {
        let bytes: Vec<u8> = (0..480u16).flat_map(|n| f32::from(n).to_le_bytes()).collect();
        for frames in [479u64, 481] {
            let out = stretch(&bytes, frames, 1);
            let read = |at: usize| f32::from_le_bytes(out[at * 4..at * 4 + 4].try_into().unwrap());
            let last = usize::try_from(frames).unwrap() - 1;
            assert_eq!(out.len(), (last + 1) * 4);
            assert!(read(0).abs() < 1e-6 && (read(last) - 479.0).abs() < 1e-3);
            assert!((1..=last).all(|at| read(at) > read(at - 1)));
        }
    }
}
