//! Puts blocks of sound end to end on the clock's grid of samples.
//!
//! A device counts samples by its own crystal, and its blocks are stamped when they arrive. The
//! first 300 ms anchor the line and are kept back; from then on every sample follows the one
//! before, as it is while the card is on time, else resampled at the pace that [`drift`] asks for.
//! Only lost or surplus sound moves the line at once. Without this the sound of a 90-minute lecture
//! would end half a second beside its picture.
//!
//! Pure but for the buffers it makes; runs on the streaming thread.

mod drift;
mod resample;

use self::drift::{Regulator, Verdict};
use self::resample::Resampler;
use crate::clock::{self, SOUND_TICKS};

/// The longest gap that is filled for a source with exact stamps, in samples: 10 s.
const MAX_GAP: u64 = SOUND_TICKS as u64 * 10;

/// The position of one stream on the clock.
#[derive(Debug)]
pub(crate) struct SoundLine {
    channels: usize,
    /// The clock's sample that comes next; none before the line is anchored.
    next: Option<u64>,
    /// For stamps that are arrivals; else they are taken at their word.
    arrivals: Option<Box<Arrivals>>,
}

#[derive(Debug)]
struct Arrivals {
    regulator: Regulator,
    resampler: Resampler,
}

/// What goes out of a block, in this order.
#[derive(Debug, Default)]
struct Placed {
    next: u64,
    blocks: Vec<(u64, gst::Buffer)>,
}

impl Placed {
    fn from(next: u64) -> Self {
        Self {
            next,
            blocks: Vec::with_capacity(2),
        }
    }

    fn put(&mut self, block: gst::Buffer, channels: usize) {
        let frames = (block.size() / (4 * channels)) as u64;
        if frames > 0 {
            self.blocks.push((self.next, block));
            self.next += frames;
        }
    }

    fn silence(&mut self, frames: u64, channels: usize) {
        let bytes = usize::try_from(frames).unwrap_or(0) * 4 * channels;
        self.put(gst::Buffer::from_mut_slice(vec![0u8; bytes]), channels);
    }
}

impl SoundLine {
    /// An empty line. Without `jitters`, stamps are taken at their word.
    pub(crate) fn new(channels: u32, jitters: bool) -> Self {
        let channels = channels.max(1) as usize;
        let arrivals = jitters.then(|| {
            Box::new(Arrivals {
                regulator: Regulator::default(),
                resampler: Resampler::new(channels),
            })
        });
        Self {
            channels,
            next: None,
            arrivals,
        }
    }

    /// Places a block of interleaved 32-bit samples that was stamped `mono_ns`: the blocks to
    /// deliver, each with the clock's number of its first sample, without hole or overlap.
    pub(crate) fn place(&mut self, block: gst::Buffer, mono_ns: u64) -> Vec<(u64, gst::Buffer)> {
        let frames = (block.size() / (4 * self.channels)) as u64;
        if frames == 0 {
            return Vec::new();
        }
        let stamp = clock::to_ticks(mono_ns, SOUND_TICKS);
        let Some(arrivals) = &mut self.arrivals else {
            let mut placed = Placed::from(self.next.unwrap_or(stamp));
            at_its_stamp(&mut placed, block, stamp, self.channels);
            self.next = Some(placed.next);
            return placed.blocks;
        };
        let Some(next) = self.next else {
            arrivals.regulator.step(stamp, frames, 0.0);
            self.next = anchored(&mut arrivals.regulator);
            return Vec::new();
        };
        let mut placed = Placed::from(next);
        at_its_pace(&mut placed, arrivals, block, stamp, self.channels);
        self.next = Some(placed.next);
        placed.blocks
    }

    /// How much faster the device's clock runs than the system's, in parts per million, once it is
    /// known.
    pub(crate) fn drift_ppm(&self) -> Option<f32> {
        self.arrivals.as_ref()?.regulator.drift_ppm()
    }
}

/// Where the line begins, once that is measured.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a sample of the monotonic clock, which began at zero"
)]
fn anchored(regulator: &mut Regulator) -> Option<u64> {
    let offset = regulator.anchor()?;
    Some((regulator.count() as f64 + offset).round() as u64)
}

/// Puts a block where its stamp says, with silence before it or without its beginning.
fn at_its_stamp(placed: &mut Placed, block: gst::Buffer, stamp: u64, channels: usize) {
    let frames = (block.size() / (4 * channels)) as u64;
    if stamp >= placed.next {
        placed.silence((stamp - placed.next).min(MAX_GAP), channels);
        placed.put(block, channels);
    } else if placed.next - stamp < frames {
        let surplus = usize::try_from(placed.next - stamp).unwrap_or(usize::MAX);
        placed.put(without(block, surplus, channels), channels);
    }
}

/// Puts a block after the one before, at the pace that keeps the line on the clock.
fn at_its_pace(
    placed: &mut Placed,
    arrivals: &mut Arrivals,
    block: gst::Buffer,
    stamp: u64,
    channels: usize,
) {
    let Arrivals { regulator, resampler } = arrivals;
    let frames = (block.size() / (4 * channels)) as u64;
    // The next output sample's number, less its place in the device's count.
    let line = placed.next as f64 + resampler.waiting() - regulator.count() as f64;
    match regulator.step(stamp, frames, line) {
        Verdict::Hold => return,
        Verdict::Go => {}
        Verdict::Missing(lost) => {
            tracing::warn!(
                ms = lost / 48,
                "the sound card lost sound; silence takes its place"
            );
            placed.silence(lost, channels);
        }
        Verdict::Surplus(more) => {
            tracing::info!(ms = more / 48, "surplus sound was left out");
            resampler.skip(more);
        }
    }
    let Some(pace) = regulator.pace() else {
        let left_out = pass(resampler, &block);
        return placed.put(without(block, left_out, channels), channels);
    };
    let Ok(bytes) = block.map_readable() else {
        return;
    };
    let output = resampler.push(samples(&bytes), 1.0 / (1.0 + pace));
    let bytes: Vec<u8> = output.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    placed.put(gst::Buffer::from_mut_slice(bytes), channels);
}

/// Notes a block that goes through as it is; how many of its first frames do not.
fn pass(resampler: &mut Resampler, block: &gst::Buffer) -> usize {
    block
        .map_readable()
        .map_or(0, |bytes| resampler.pass(samples(&bytes)))
}

/// The samples of a block.
fn samples(bytes: &[u8]) -> impl Iterator<Item = f32> {
    bytes
        .chunks_exact(4)
        .map(|four| f32::from_le_bytes([four[0], four[1], four[2], four[3]]))
}

/// A block without its first `frames`.
fn without(block: gst::Buffer, frames: usize, channels: usize) -> gst::Buffer {
    if frames == 0 {
        return block;
    }
    let from = (frames * 4 * channels).min(block.size());
    block
        .copy_region(gst::BufferCopyFlags::MEMORY, from..)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests;
