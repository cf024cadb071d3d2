//! Sound at a slightly other pace, between the samples.
//!
//! A windowed sinc of [`TAPS`] samples, its shape tabled at [`PHASES`] places between two samples
//! and read with straight lines between them: flat to 20 kHz and below -80 dB beside it, which is
//! more than AAC keeps. Any block length in, any pace near 1, and each output sample's place in
//! the input is known exactly, which a resampler with blocks of its own does not tell. At a place
//! without a fraction the sample comes out as it went in, to the bit. Pure.

use std::f64::consts::PI;

/// Input samples that one output sample is made of.
const TAPS: usize = 32;
/// How many of them lie at or before its place.
const HALF: usize = TAPS / 2;
/// Tabled places between two samples.
const PHASES: usize = 256;
/// The shape of the Kaiser window: the larger, the quieter beside the passband and the wider its
/// edge.
const KAISER: f64 = 8.0;

/// One stream of interleaved samples.
#[derive(Debug)]
pub(super) struct Resampler {
    channels: usize,
    /// `PHASES + 1` rows of `TAPS` weights.
    kernel: Vec<[f32; TAPS]>,
    /// Input that later output still needs.
    held: Vec<f32>,
    /// The next output's place in `held`, in frames.
    at: f64,
}

impl Resampler {
    /// An empty stream, whose next output is its next input.
    pub(super) fn new(channels: usize) -> Self {
        let channels = channels.max(1);
        Self {
            channels,
            kernel: (0..=PHASES).map(row).collect(),
            // What was before the first sample is silence.
            held: vec![0.0; TAPS * channels],
            at: TAPS as f64,
        }
    }

    /// Notes input that is delivered as it is, so that the pace may change after it. The number of
    /// frames at its beginning that are to be left out, after [`Self::skip`].
    pub(super) fn pass(&mut self, input: impl Iterator<Item = f32>) -> usize {
        let before = self.frames();
        self.held.extend(input);
        let frames = self.frames();
        let left_out = index((self.at - before as f64).max(0.0)).min(frames - before);
        let used = frames.saturating_sub(TAPS);
        self.held.drain(..used * self.channels);
        self.at = self.at.max(frames as f64) - used as f64;
        left_out
    }

    /// Takes input and gives all output that can be made of it, each `step` input frames after the
    /// one before. The last [`HALF`] frames wait for what follows them.
    pub(super) fn push(&mut self, input: impl Iterator<Item = f32>, step: f64) -> Vec<f32> {
        self.held.extend(input);
        let frames = self.frames();
        let mut output = Vec::with_capacity(self.held.len());
        loop {
            let whole = self.at.floor();
            let place = index(whole);
            if place + HALF >= frames {
                break;
            }
            self.sound(place, self.at - whole, &mut output);
            self.at += step;
        }
        let used = index(self.at).saturating_sub(HALF).min(frames);
        self.held.drain(..used * self.channels);
        self.at -= used as f64;
        output
    }

    /// Leaves out so many frames of the input.
    pub(super) fn skip(&mut self, frames: u64) {
        self.at += frames as f64;
    }

    /// Input frames from the next output's place on; negative when they have not come yet.
    pub(super) fn waiting(&self) -> f64 {
        self.frames() as f64 - self.at
    }

    fn frames(&self) -> usize {
        self.held.len() / self.channels
    }

    /// One frame, a `fraction` past `place`.
    fn sound(&self, place: usize, fraction: f64, output: &mut Vec<f32>) {
        let phase = fraction * PHASES as f64;
        let row = index(phase).min(PHASES - 1);
        let weight = (phase - row as f64) as f32;
        let (low, high) = (&self.kernel[row], &self.kernel[row + 1]);
        let mut weights = [0.0f32; TAPS];
        for tap in 0..TAPS {
            weights[tap] = low[tap] + (high[tap] - low[tap]) * weight;
        }
        let first = (place + 1).saturating_sub(HALF) * self.channels;
        let heard = &self.held[first..first + TAPS * self.channels];
        for channel in 0..self.channels {
            let mut sum = 0.0;
            let mut from = channel;
            for tap in weights {
                sum += tap * heard[from];
                from += self.channels;
            }
            output.push(sum);
        }
    }
}

/// A place that is never negative, as an index.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "places lie within some thousand frames from the start of what is held"
)]
fn index(place: f64) -> usize {
    place as usize
}

/// The weights of the samples around a place `phase / PHASES` past a sample; their sum is 1.
fn row(phase: usize) -> [f32; TAPS] {
    let fraction = phase as f64 / PHASES as f64;
    let mut weights = [0.0f64; TAPS];
    for (tap, weight) in weights.iter_mut().enumerate() {
        let x = tap as f64 - (HALF - 1) as f64 - fraction;
        *weight = if x.abs() < 1e-12 {
            1.0
        } else if phase == 0 || phase == PHASES {
            // Exactly: `sin` of a multiple of pi is not quite zero.
            0.0
        } else {
            (PI * x).sin() / (PI * x) * window(x / HALF as f64)
        };
    }
    let sum: f64 = weights.iter().sum();
    weights.map(|weight| (weight / sum) as f32)
}

/// The Kaiser window at `x` from -1 to 1.
fn window(x: f64) -> f64 {
    let inside = (1.0 - x * x).max(0.0);
    bessel(KAISER * inside.sqrt()) / bessel(KAISER)
}

/// The modified Bessel function of order zero, by its series.
fn bessel(x: f64) -> f64 {
    let mut term = 1.0;
    let mut sum = 1.0;
    for n in 1..50 {
        term *= (x / 2.0 / f64::from(n)).powi(2);
        sum += term;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(pitch: f64, frames: usize) -> Vec<f32> {
        (0..frames)
            .map(|n| (0.5 * (2.0 * PI * pitch * n as f64 / 48_000.0).sin()) as f32)
            .collect()
    }

    /// How far `output` is from the tone that it should be, in dB below it.
    fn noise_db(pitch: f64, step: f64, output: &[f32]) -> f64 {
        let settled = output.iter().enumerate().skip(TAPS);
        let (mut off, mut all) = (0.0, 0.0);
        for (n, sample) in settled {
            let ideal = 0.5 * (2.0 * PI * pitch * (n as f64 * step) / 48_000.0).sin();
            off += (f64::from(*sample) - ideal).powi(2);
            all += ideal * ideal;
        }
        10.0 * (off / all).log10()
    }

    #[test]
    fn a_tone_stays_clean_at_another_pace() {
        for pitch in [100.0, 1_000.0, 8_000.0, 16_000.0] {
            for ppm in [-1_000.0, -200.0, 37.5, 1_000.0] {
                let step = 1.0 + ppm / 1e6;
                let mut stream = Resampler::new(1);
                let mut output = Vec::new();
                // Blocks of any length.
                for block in tone(pitch, 16_000).chunks(331) {
                    output.extend(stream.push(block.iter().copied(), step));
                }
                let noise = noise_db(pitch, step, &output);
                assert!(noise < -75.0, "{pitch} Hz at {ppm} ppm: {noise:.1} dB");
            }
        }
    }

    #[test]
    fn at_the_same_pace_nothing_changes_to_the_bit() {
        let mut stream = Resampler::new(2);
        let input = tone(997.0, 9_600);
        let mut output = Vec::new();
        stream.pass(input[..960].iter().copied());
        for block in input[960..].chunks(480) {
            output.extend(stream.push(block.iter().copied(), 1.0));
        }
        assert_eq!(output[..], input[960..960 + output.len()]);
        assert_eq!(output.len(), input.len() - 960 - 2 * HALF);
        assert!((stream.waiting() - HALF as f64).abs() < 1e-9);
    }

    #[test]
    fn the_pace_may_change_at_any_block_without_a_step() {
        let mut stream = Resampler::new(1);
        let input = tone(400.0, 48_000);
        let mut output: Vec<f32> = Vec::new();
        for (number, block) in input.chunks(480).enumerate() {
            if number < 10 {
                stream.pass(block.iter().copied());
                output.extend(block);
            } else {
                let step = 1.0 + (number as f64 - 50.0) * 4e-6;
                output.extend(stream.push(block.iter().copied(), step));
            }
        }
        // A sine of 400 Hz and 0.5 moves by at most 0.0262 from sample to sample.
        let largest = output
            .windows(2)
            .map(|pair| (pair[1] - pair[0]).abs())
            .fold(0.0, f32::max);
        assert!(largest < 0.0263, "{largest}");
    }

    #[test]
    fn what_is_skipped_is_left_out() {
        let ramp: Vec<f32> = (0..2_000u16).map(f32::from).collect();
        // Resampled: 700 of the input are missing in the output.
        let mut stream = Resampler::new(1);
        let mut output = Vec::new();
        for (number, block) in ramp.chunks(100).enumerate() {
            if number == 5 {
                stream.skip(700);
            }
            output.extend(stream.push(block.iter().copied(), 1.0));
        }
        assert_eq!(output.len(), 2_000 - 700 - HALF);
        assert_eq!(output[output.len() - 1], 1_999.0 - HALF as f32);
        // As it is: the same, told block by block.
        let mut stream = Resampler::new(1);
        stream.pass(ramp[..500].iter().copied());
        stream.skip(700);
        let left_out: Vec<usize> = ramp[500..]
            .chunks(300)
            .map(|block| stream.pass(block.iter().copied()))
            .collect();
        assert_eq!(left_out, [300, 300, 100, 0, 0]);
    }
}
