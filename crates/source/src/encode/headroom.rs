//! `lectern-source --trial`: how fast the encoder is that a source would take now. For the doctor.
//!
//! It encodes a second of pictures of the source's size and rate, with noise and movement as a
//! camera in a dim hall gives them. No device is opened, nothing is remembered. A process of its
//! own, which ends with the trial or is killed; it must not run while a lecture is recorded.

use std::io::{Read, Write};
use std::sync::atomic::AtomicBool;

use anyhow::Context;
use lectern_domain::config::{Encoder, Source};
use lectern_domain::trial::EncoderTrial;

use super::choice::Choice;
use super::probe::{self, Broken};
use super::verdicts::{Pictures, Verdicts};
use crate::element::exists;
use crate::form::Form;

/// A `[[source]]` is some hundred bytes.
const MAX_JOB_BYTES: u64 = 64 << 10;
/// What a camera gives unless it is asked for more.
const USUAL: (u32, u32) = (1280, 720);

/// Tries the encoder of the source on standard input and prints what came of it. Blocks for
/// about a second; six at most.
///
/// # Errors
/// No source on standard input, or one without pictures.
pub(crate) fn measure() -> anyhow::Result<i32> {
    let mut text = String::new();
    std::io::stdin()
        .take(MAX_JOB_BYTES)
        .read_to_string(&mut text)
        .context("reading the source")?;
    let source: Source = serde_json::from_str(&text).context("understanding the source")?;
    crate::library::load()?;
    let mut out = serde_json::to_string(&tried(&source)?)?;
    out.push('\n');
    std::io::stdout().write_all(out.as_bytes())?;
    Ok(0)
}

fn tried(source: &Source) -> anyhow::Result<EncoderTrial> {
    let video = source.video.as_ref().context("the source has no pictures")?;
    let (width, height) = (video.width.unwrap_or(USUAL.0), video.height.unwrap_or(USUAL.1));
    // I420 has half as many points of colour in each direction.
    let (width, height) = (width.max(16) & !1, height.max(16) & !1);
    let fps = video.fps.max(1);
    let caps = format!("video/x-raw,format=I420,width={width},height={height},framerate={fps}/1");
    let caps = caps.parse().context("describing the pictures")?;
    let form = Form::from_caps(caps).context("describing the pictures")?;
    let verdicts = Verdicts::of_this_machine();
    let pictures = Pictures(format!("{width}x{height}@{fps}"));
    let choice = Choice::new(video.encoder, None, Vec::new());
    let best = choice.best(exists, |factory| verdicts.verdict(factory, &pictures));
    let Some(candidate) = best else {
        return Ok(EncoderTrial {
            encoder: match video.encoder {
                Encoder::Auto => "no encoder".to_owned(),
                named => named.as_str().to_owned(),
            },
            speed: None,
            why: Some(
                choice
                    .missing(exists)
                    .unwrap_or_else(|| "none is there".to_owned()),
            ),
        });
    };
    let samples: Vec<_> = (0..probe::SAMPLES)
        .map(|number| dim_hall(width, height, number))
        .collect();
    let result = probe::speed(&candidate, source, &form, &samples, &AtomicBool::new(false));
    let (speed, why) = match result {
        Ok(speed) => (Some(speed), None),
        Err(Broken::Bad(why)) => (None, Some(why)),
        Err(Broken::Stopped) => (None, Some("it was broken off".to_owned())),
    };
    Ok(EncoderTrial {
        encoder: candidate.describe(),
        speed,
        why,
    })
}

/// A picture: slopes of light that lie elsewhere in each, under the noise of a sensor.
fn dim_hall(width: u32, height: u32, number: usize) -> gst::Buffer {
    let (width, height) = (width as usize, height as usize);
    let mut noise: u32 = 1 + u32::try_from(number).unwrap_or(0);
    let mut pixels = Vec::with_capacity(width * height * 3 / 2);
    for row in 0..height {
        for column in 0..width {
            // Numerical Recipes' generator: its upper bits are noise enough.
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let slope = (row + column + number * 8) * 128 / (width + height);
            pixels.push(40 + u8::try_from(slope % 160).unwrap_or(0) + u8::try_from(noise >> 29).unwrap_or(0));
        }
    }
    pixels.resize(width * height * 3 / 2, 128);
    gst::Buffer::from_mut_slice(pixels)
}

#[cfg(test)]
mod tests {
    use lectern_domain::config::{SourceKind, Video};
    use lectern_domain::media::Role;

    use super::*;

    fn source(video: Option<Video>) -> Source {
        Source {
            name: "camera".parse().unwrap(),
            role: Role::Presenter,
            kind: SourceKind::TestVideo,
            required: false,
            spare_for: None,
            serial: None,
            delay_ms: 0,
            video,
            audio: None,
        }
    }

    #[test]
    fn an_encoder_has_a_speed_at_an_odd_size_too() {
        gst::init().unwrap();
        let small = Video {
            width: Some(161),
            height: Some(121),
            fps: 5,
            bitrate: None,
            encoder: Encoder::X264,
        };
        let trial = tried(&source(Some(small))).unwrap();
        assert_eq!(trial.encoder, "x264");
        assert!(trial.speed.is_some_and(|speed| speed > 0.0), "{trial:?}");
    }

    #[test]
    fn a_source_without_pictures_is_refused() {
        tried(&source(None)).unwrap_err();
    }

    #[test]
    fn pictures_differ_so_that_an_encoder_has_work() {
        gst::init().unwrap();
        let bytes = |number| dim_hall(32, 32, number).map_readable().unwrap().to_vec();
        assert_eq!(bytes(0).len(), 32 * 32 * 3 / 2);
        assert_ne!(bytes(0), bytes(1));
    }
}
