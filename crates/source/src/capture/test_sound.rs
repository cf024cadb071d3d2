//! The test sound: 40 ms of 1 kHz at each whole second of the monotonic clock.
//!
//! Block `n` holds the samples from `n` times 10 ms of the clock on: with the test picture's
//! flash it judges the sync of everything behind it, so nothing here is approximate.

use std::f32::consts::TAU;

use gst::prelude::*;
use gst_app::AppSrc;
use lectern_domain::config::Audio;

use super::paced::{Alarm, Pacer, Woken};
use super::{Head, Hint, Medium};
use crate::clock::{self, SECOND_NS, SOUND_TICKS};
use crate::failure::Failure;

/// Samples of a block: 10 ms.
const BLOCK: u64 = SOUND_TICKS as u64 / 100;
/// Samples of the beep: 40 ms.
const BEEP: u64 = SOUND_TICKS as u64 / 25;
/// The beep's frequency in Hz.
const PITCH: u64 = 1000;
/// The beep's peak, of full scale.
const LOUDNESS: f32 = 0.5;
/// After a longer sleep than this the thread leaves out what it missed, in blocks.
const MAX_LATE_BLOCKS: u64 = 200;

/// The head of kind `test-audio`.
pub(super) fn head(audio: &Audio) -> Result<Head, Failure> {
    let channels = audio.channels;
    let caps = gst::Caps::builder("audio/x-raw")
        .field("format", "F32LE")
        .field("layout", "interleaved")
        .field("rate", i32::try_from(SOUND_TICKS).unwrap_or(i32::MAX))
        .field("channels", i32::try_from(channels).unwrap_or(1))
        .build();
    let appsrc = AppSrc::builder()
        .caps(&caps)
        .format(gst::Format::Time)
        .is_live(true)
        .max_buffers(400)
        .build();
    let element = appsrc.clone().upcast();
    let pacer = Pacer::start("test-sound", move |alarm| speak(alarm, &appsrc, channels))?;
    Ok(Head {
        element,
        medium: Medium::Sound {
            channels,
            jitters: false,
        },
        pacer: Some(pacer),
        hint: Hint::default(),
    })
}

fn speak(alarm: &Alarm, appsrc: &AppSrc, channels: u32) {
    let per_block_ns = SECOND_NS / 100;
    let mut block = clock::now_ns() / per_block_ns;
    loop {
        // A block exists when its last sample has sounded.
        match alarm.wait_until((block + 1) * per_block_ns) {
            Woken::Stopped => return,
            Woken::Poked => continue,
            Woken::OnTime => {}
        }
        let due = clock::now_ns() / per_block_ns;
        if due > block + MAX_LATE_BLOCKS {
            block = due - 1;
        }
        let mut buffer = gst::Buffer::from_mut_slice(samples(block * BLOCK, channels));
        {
            let buffer = buffer.make_mut();
            buffer.set_pts(gst::ClockTime::from_nseconds(block * per_block_ns));
            buffer.set_duration(gst::ClockTime::from_nseconds(per_block_ns));
        }
        // Refused only while the pipeline starts or ends; the block is then nobody's.
        let _taken = appsrc.push_buffer(buffer);
        block += 1;
    }
}

/// One block of interleaved float samples from sample `first` of the clock on.
fn samples(first: u64, channels: u32) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(usize::try_from(BLOCK * 4 * u64::from(channels)).unwrap_or(0));
    for sample in first..first + BLOCK {
        let value = amplitude(sample % u64::from(SOUND_TICKS)).to_le_bytes();
        for _ in 0..channels {
            bytes.extend_from_slice(&value);
        }
    }
    bytes
}

/// The value of the `sample`th sample of a second.
fn amplitude(sample: u64) -> f32 {
    if sample >= BEEP {
        return 0.0;
    }
    let period = u64::from(SOUND_TICKS) / PITCH;
    #[expect(
        clippy::cast_precision_loss,
        reason = "a sample's place in its period is below 48"
    )]
    let phase = (sample % period) as f32 / period as f32;
    LOUDNESS * (TAU * phase).sin()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beep_is_forty_milliseconds_long() {
        let sounding = (0..48_000)
            .filter(|sample| amplitude(*sample).abs() > 0.01)
            .count();
        assert!((1800..=1920).contains(&sounding), "{sounding}");
        assert!(amplitude(12) > 0.49 && amplitude(1921) == 0.0);
    }

    #[test]
    fn a_block_repeats_each_sample_for_each_channel() {
        let bytes = samples(0, 2);
        assert_eq!(bytes.len(), 480 * 8);
        assert!(bytes.chunks(8).all(|frame| frame[..4] == frame[4..]));
    }
}
