//! Raw pictures to H.264: scaling, the encoder, the parser.
//!
//! High profile where the encoder has it, 4:2:0, no B-frames, no look-ahead: a chunk leaves as soon
//! as its pictures have come. Key frames are asked for by the feeder, by time; a count of pictures
//! would stretch to minutes on a still screen.

use gst::prelude::*;
use lectern_domain::config::Video;
use lectern_domain::wire::FailureReason;

use super::choice::Candidate;
use super::settings::{self, Settings};
use super::{avc, parser};
use crate::element::{filter, make};
use crate::failure::Failure;

/// The elements from raw pictures of this size to parsed H.264.
pub(super) fn elements(
    candidate: &Candidate,
    video: &Video,
    width: u32,
    height: u32,
    faster: bool,
) -> Result<Vec<gst::Element>, Failure> {
    let (right, bottom) = (width % 2, height % 2);
    let mut elements = Vec::new();
    if right + bottom > 0 {
        // 4:2:0 needs even sides. Cutting one line keeps all others sharp; scaling would not.
        elements.push(make(
            "videocrop",
            &[("right", &right.to_string()), ("bottom", &bottom.to_string())],
        )?);
    }
    let (width, height) = target(video, width, height);
    let settings = settings::settings(candidate, video, (width, height), faster);
    elements.push(make("videoconvertscale", &[])?);
    elements.push(filter(
        &gst::Caps::builder("video/x-raw")
            .field("format", settings.as_ref().map_or("I420", |known| known.format))
            .field("width", i32::try_from(width).unwrap_or(i32::MAX))
            .field("height", i32::try_from(height).unwrap_or(i32::MAX))
            .field("pixel-aspect-ratio", gst::Fraction::new(1, 1))
            .build(),
    )?);
    match (candidate, settings) {
        (Candidate::Known { factory, .. }, Some(settings)) => elements.extend(known(factory, &settings)?),
        (Candidate::Fragment(launch), _) => elements.push(fragment(launch)?),
        (Candidate::Known { .. }, None) => return Err(Failure::internal("an encoder has no settings")),
    }
    elements.push(parser()?);
    elements.push(avc()?);
    Ok(elements)
}

/// The encoder and the filter for what it gives out.
fn known(factory: &str, settings: &Settings) -> Result<[gst::Element; 2], Failure> {
    let encoder = make(factory, &[])?;
    for (name, value) in &settings.properties {
        set(&encoder, name, value);
    }
    let output = settings
        .output
        .parse::<gst::Caps>()
        .map_err(|error| Failure::internal(format!("{}: {error}", settings.output)))?;
    Ok([encoder, filter(&output)?])
}

/// Sets a property that this version or driver of the encoder may not have, or not with this
/// value: hardware differs, and the trial shows whether what is left is good enough.
fn set(encoder: &gst::Element, name: &str, value: &str) {
    let parsed = encoder
        .find_property(name)
        .map(|property| gst::glib::Value::deserialize_with_pspec(value, &property));
    match parsed {
        Some(Ok(parsed)) => encoder.set_property_from_value(name, &parsed),
        Some(Err(_)) | None => {
            tracing::debug!(encoder = %encoder.name(), property = name, value, "the encoder had no such setting");
        }
    }
}

fn fragment(launch: &str) -> Result<gst::Element, Failure> {
    let bin = gst::parse::bin_from_description(launch, true).map_err(|error| {
        Failure::new(
            FailureReason::Config,
            format!("encoder fragment \"{launch}\": {error}; it must take raw video and give H.264"),
        )
    })?;
    Ok(bin.upcast())
}

/// The size to encode pictures of this size in: as configured, else as captured; even.
pub(super) fn target(video: &Video, width: u32, height: u32) -> (u32, u32) {
    let even = |n: u32| (n & !1).max(2);
    let (width, height) = (even(width), even(height));
    let (width, height) = match (video.width, video.height) {
        (Some(w), Some(h)) => (w, h),
        (Some(w), None) => (w, scaled(height, w, width)),
        (None, Some(h)) => (scaled(width, h, height), h),
        (None, None) => (width, height),
    };
    (even(width), even(height))
}

/// `side` times `to`/`from`, without overflow.
fn scaled(side: u32, to: u32, from: u32) -> u32 {
    u32::try_from(u64::from(side) * u64::from(to) / u64::from(from.max(1))).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use lectern_domain::config::Encoder;

    fn video(width: Option<u32>, height: Option<u32>) -> Video {
        Video {
            width,
            height,
            fps: 30,
            bitrate: None,
            encoder: Encoder::Auto,
        }
    }

    #[test]
    fn sizes_are_even_and_keep_their_shape() {
        assert_eq!(target(&video(None, None), 1366, 768), (1366, 768));
        assert_eq!(target(&video(None, None), 1367, 767), (1366, 766));
        assert_eq!(target(&video(Some(1280), None), 1920, 1080), (1280, 720));
        assert_eq!(target(&video(None, Some(721)), 1920, 1080), (1280, 720));
        assert_eq!(target(&video(Some(640), Some(480)), 1920, 1080), (640, 480));
    }

    #[test]
    fn a_setting_that_is_not_there_is_left_out() {
        gst::init().unwrap();
        let encoder = make("x264enc", &[]).unwrap();
        set(&encoder, "no-such-setting", "1");
        set(&encoder, "speed-preset", "no-such-preset");
        set(&encoder, "key-int-max", "77");
        assert_eq!(encoder.property::<u32>("key-int-max"), 77);
    }
}
