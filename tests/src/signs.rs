//! Signs that can be shown and sounded in a room and found again in any recording of it: a colour
//! that fills the screen and a tone. They prove what was recorded, and what was not (P7).

use std::path::Path;
use std::process::Command;

use crate::things::{Process, Screen, Sound};

/// Samples in a second of what is judged.
const RATE: f32 = 48_000.0;
/// A tone is looked for in blocks of this many samples.
const BLOCK: usize = 2_048;
/// A block that holds the tone at a hundredth of full scale is a find; the sign is thirty times
/// louder.
const HEARD: f32 = 0.01;
/// A colour is found where each channel is this near; compression moves it by less than ten.
const NEAR: i32 = 40;
/// One point in so many of a picture is enough of it: part of the sign on one picture.
const SIDE: usize = 16;

/// A colour and a tone that nothing else in the room has.
#[derive(Clone, Copy, Debug)]
pub struct Sign {
    /// Red, green, blue.
    pub colour: [u8; 3],
    /// In Hz.
    pub tone: u32,
}

/// What may be recorded.
pub const PUBLIC: Sign = Sign {
    colour: [0, 200, 0],
    tone: 5_000,
};
/// What must not be recorded.
pub const PRIVATE: Sign = Sign {
    colour: [220, 0, 220],
    tone: 3_000,
};

/// A sign while it is shown.
#[derive(Debug)]
pub struct Shown(#[expect(dead_code, reason = "held until the sign goes")] [Process; 2]);

impl Sign {
    /// Fills the screen with the colour and sounds the tone until the value is dropped.
    ///
    /// # Panics
    /// When a program for it is missing.
    #[must_use]
    pub fn show(&self, screen: &Screen, sound: &Sound) -> Shown {
        let [red, green, blue] = self.colour;
        let colour = format!("#{red:02x}{green:02x}{blue:02x}");
        let picture = Process::start(
            Command::new("xlogo")
                .args(["-display", &screen.display, "-geometry", "1280x720+0+0"])
                .args(["-bg", &colour, "-fg", &colour, "-bd", &colour]),
        );
        let tone = Process::start(
            Command::new("gst-launch-1.0")
                .args(["-q", "audiotestsrc", "is-live=true", "volume=0.3"])
                .arg(format!("freq={}", self.tone))
                .args(["!", "audio/x-raw,rate=48000,channels=2", "!"])
                .args(["pulsesink", "device=podium"])
                .env("PULSE_SERVER", sound.address()),
        );
        Shown([picture, tone])
    }

    /// Whether any picture of a media file shows a part of the colour. A file without pictures
    /// shows nothing.
    #[must_use]
    pub fn is_seen_in(&self, file: &Path) -> bool {
        // Nearest neighbours: an average would thin out a small part of a sign.
        let scale = format!("scale={SIDE}:{SIDE}:flags=neighbor,format=rgb24");
        let pictures = decode(
            file,
            &[
                "-map",
                "0:v:0?",
                "-vf",
                &scale,
                "-fps_mode",
                "passthrough",
                "-f",
                "rawvideo",
            ],
        );
        pictures.chunks_exact(3).any(|point| {
            point
                .iter()
                .zip(self.colour)
                .all(|(is, wanted)| (i32::from(*is) - i32::from(wanted)).abs() <= NEAR)
        })
    }

    /// Whether the tone sounds anywhere in a media file. A file without sound is silent.
    #[must_use]
    pub fn is_heard_in(&self, file: &Path) -> bool {
        let bytes = decode(
            file,
            &["-map", "0:a:0?", "-ac", "1", "-ar", "48000", "-f", "f32le"],
        );
        let samples: Vec<f32> = bytes
            .chunks_exact(4)
            .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
            .collect();
        samples
            .chunks_exact(BLOCK)
            .any(|block| self.strength(block) > HEARD)
    }

    /// Amplitude of the tone in a block, by Goertzel's algorithm under a Hann window: without the
    /// window the foot of another loud tone would reach over here.
    #[expect(
        clippy::cast_precision_loss,
        reason = "a tone and an index are far below 2^24"
    )]
    fn strength(self, block: &[f32]) -> f32 {
        let length = block.len() as f32;
        let turn = std::f32::consts::TAU;
        let step = 2.0 * (turn * self.tone as f32 / RATE).cos();
        let (mut last, mut before) = (0.0_f32, 0.0_f32);
        for (index, sample) in block.iter().enumerate() {
            let window = 0.5 - 0.5 * (turn * index as f32 / length).cos();
            let next = sample * window + step * last - before;
            (before, last) = (last, next);
        }
        let power = last * last + before * before - step * last * before;
        // The window takes half of the amplitude.
        4.0 * power.max(0.0).sqrt() / length
    }
}

/// What ffmpeg makes of a file; nothing where it finds no such stream.
fn decode(file: &Path, words: &[&str]) -> Vec<u8> {
    let output = Command::new("ffmpeg")
        .args(["-v", "quiet", "-i"])
        .arg(file)
        .args(words)
        .arg("-")
        .output()
        .expect("ffmpeg runs; scripts/test installs it");
    output.stdout
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    fn a_tone_is_told_from_others() {
        let tone = |hz: f32, volume: f32| -> Vec<f32> {
            (0..BLOCK)
                .map(|i| volume * (std::f32::consts::TAU * hz * i as f32 / RATE).sin())
                .collect()
        };
        assert!((PRIVATE.strength(&tone(3_000.0, 0.3)) - 0.3).abs() < 0.03);
        assert!(
            PRIVATE.strength(&tone(3_000.0, 0.015)) > HEARD,
            "far away, and heard"
        );
        for other in [440.0, 1_000.0, 5_000.0] {
            assert!(PRIVATE.strength(&tone(other, 0.9)) < HEARD / 3.0, "{other} Hz");
        }
    }
}
