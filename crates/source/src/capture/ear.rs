//! What a microphone's samples tell beside their level: clipping, and a sound that is none.
//!
//! A microphone that is muted by its switch, its driver or its mixer sends one value for ever, or
//! flips the last bit of 16. Air never does: the quietest room behind the best microphone moves
//! more than that. So a block counts as *nothing* when each channel stays within one step of
//! 16 bit (-90 dBFS from top to bottom), whatever its middle; [`MUTED_AFTER`] of nothing is a
//! muted microphone, the first block of something ends it. Pure; runs on the streaming thread.

use crate::clock::SOUND_TICKS;

/// A channel that moves less than this within a block gives no sound: one step of 16 bit, and a
/// little for rounding.
const NOTHING: f32 = 1.01 / 32_768.0;
/// How many frames of nothing make a muted microphone: 5 s.
const MUTED_AFTER: u64 = SOUND_TICKS as u64 * 5;
/// A sample of this size is at full scale, in 16 bit as in 24.
const FULL_SCALE: f32 = 32_766.5 / 32_768.0;

/// What a block told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Heard {
    /// Samples at full scale, over all channels.
    pub(super) clipped: u32,
    /// What is new with it.
    pub(super) news: Option<News>,
}

/// A microphone went silent to the last bit, or came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum News {
    /// For 5 s there was nothing.
    Muted,
    /// There is something again.
    Back,
}

/// Listens to one microphone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ear {
    /// So many frames of nothing in a row.
    Open(u64),
    /// Said to be muted.
    Muted,
}

impl Ear {
    /// An ear that has heard nothing yet.
    pub(super) const fn new() -> Self {
        Self::Open(0)
    }

    /// Listens to a block of interleaved samples.
    pub(super) fn hear(&mut self, block: &[f32], channels: usize) -> Heard {
        let channels = channels.max(1);
        let clipped = block.iter().filter(|sample| sample.abs() >= FULL_SCALE).count();
        let frames = (block.len() / channels) as u64;
        let (next, news) = self.step(is_nothing(block, channels), frames);
        *self = next;
        Heard {
            clipped: u32::try_from(clipped).unwrap_or(u32::MAX),
            news,
        }
    }

    fn step(self, nothing: bool, frames: u64) -> (Self, Option<News>) {
        match (self, nothing) {
            (Self::Open(before), true) if before + frames >= MUTED_AFTER => (Self::Muted, Some(News::Muted)),
            (Self::Open(before), true) => (Self::Open(before + frames), None),
            (Self::Open(_), false) => (Self::Open(0), None),
            (Self::Muted, true) => (Self::Muted, None),
            (Self::Muted, false) => (Self::Open(0), Some(News::Back)),
        }
    }
}

/// Whether no channel moves.
fn is_nothing(block: &[f32], channels: usize) -> bool {
    (0..channels).all(|channel| {
        let (mut low, mut high) = (f32::INFINITY, f32::NEG_INFINITY);
        let mut at = channel;
        while let Some(sample) = block.get(at) {
            low = low.min(*sample);
            high = high.max(*sample);
            at += channels;
        }
        high - low <= NOTHING
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = SOUND_TICKS as u64;

    #[test]
    fn every_step() {
        use News::{Back, Muted};
        let cases = [
            (Ear::Open(0), true, Ear::Open(480), None),
            (Ear::Open(SECOND), true, Ear::Open(SECOND + 480), None),
            (Ear::Open(5 * SECOND - 480), true, Ear::Muted, Some(Muted)),
            (Ear::Open(4 * SECOND), false, Ear::Open(0), None),
            (Ear::Muted, true, Ear::Muted, None),
            (Ear::Muted, false, Ear::Open(0), Some(Back)),
        ];
        for (before, nothing, after, news) in cases {
            assert_eq!(before.step(nothing, 480), (after, news), "{before:?} {nothing}");
        }
    }

    #[test]
    fn nothing_is_a_constant_or_the_last_bit_and_no_more() {
        let bit = 1.0 / 32_768.0;
        let stereo = |left: [f32; 2], right: [f32; 2]| {
            let block: Vec<f32> = (0..480)
                .flat_map(|n: usize| [left[n % 2], right[n % 2]])
                .collect();
            is_nothing(&block, 2)
        };
        for (left, right, nothing) in [
            ([0.0; 2], [0.0; 2], true),
            ([0.25; 2], [-1.0; 2], true),
            ([0.0, bit], [0.0, -bit], true),
            ([0.0; 2], [0.0, 2.0 * bit], false),
            ([-bit, bit], [0.0; 2], false),
        ] {
            assert_eq!(stereo(left, right), nothing, "{left:?} {right:?}");
        }
    }

    #[test]
    fn samples_at_full_scale_are_counted_in_16_and_in_24_bit() {
        let block = [
            1.0,
            -1.0,
            32_767.0 / 32_768.0,
            8_388_607.0 / 8_388_608.0,
            0.99,
            -0.99,
        ];
        let heard = Ear::new().hear(&block, 2);
        assert_eq!(
            heard,
            Heard {
                clipped: 4,
                news: None
            }
        );
    }
}
