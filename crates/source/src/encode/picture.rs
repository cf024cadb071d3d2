//! Raw pictures to H.264: scaling, the encoder and its settings.
//!
//! High profile, 4:2:0, no B-frames, no look-ahead: a chunk leaves as soon as its pictures have
//! come. Key frames are asked for by the feeder, by time; a count of pictures would stretch to
//! minutes on a still screen.

use lectern_domain::config::{Encoder, Video};

use super::{avc, parser};
use crate::element::{exists, filter, make};
use crate::failure::Failure;

/// The quantizer of constant quality: text of a screen stays sharp.
const QUANTIZER: &str = "23";
/// The room for peaks over the mean rate, in milliseconds of it.
const VBV_MS: &str = "2000";
/// What OpenH264, which has no constant quality worth the name, gets instead, in bit/s.
const OPENH264_BITRATE: u64 = 2_500_000;

/// The elements from raw pictures of this size to parsed H.264.
pub(super) fn elements(video: &Video, width: u32, height: u32) -> Result<Vec<gst::Element>, Failure> {
    let (right, bottom) = (width % 2, height % 2);
    let mut elements = Vec::new();
    if right + bottom > 0 {
        // 4:2:0 needs even sides. Cutting one line keeps all others sharp; scaling would not.
        elements.push(make(
            "videocrop",
            &[("right", &right.to_string()), ("bottom", &bottom.to_string())],
        )?);
    }
    let (width, height) = target(video, width - right, height - bottom);
    elements.push(make("videoconvertscale", &[])?);
    elements.push(filter(
        &gst::Caps::builder("video/x-raw")
            .field("format", "I420")
            .field("width", i32::try_from(width).unwrap_or(i32::MAX))
            .field("height", i32::try_from(height).unwrap_or(i32::MAX))
            .field("pixel-aspect-ratio", gst::Fraction::new(1, 1))
            .build(),
    )?);
    let choice = choose(video.encoder, exists("x264enc"));
    match choice {
        Choice::X264 => {
            elements.push(make("x264enc", &as_pairs(&x264(video, width, height)))?);
            elements.push(filter(
                &gst::Caps::builder("video/x-h264")
                    .field("profile", "high")
                    .build(),
            )?);
        }
        Choice::Openh264 => elements.push(make("openh264enc", &as_pairs(&openh264(video)))?),
    }
    elements.push(parser()?);
    elements.push(avc()?);
    Ok(elements)
}

/// The size to encode: as configured, else as captured; even.
fn target(video: &Video, width: u32, height: u32) -> (u32, u32) {
    let even = |n: u32| (n & !1).max(2);
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

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Choice {
    X264,
    Openh264,
}

/// Software only, for now; `auto` prefers x264 because its quality at the same cost is known.
fn choose(wanted: Encoder, has_x264: bool) -> Choice {
    match wanted {
        Encoder::X264 => Choice::X264,
        Encoder::Openh264 => Choice::Openh264,
        Encoder::Auto if has_x264 => Choice::X264,
        Encoder::Auto | Encoder::Vaapi | Encoder::V4l2 | Encoder::Nvenc | Encoder::Qsv => Choice::Openh264,
    }
}

type Settings = Vec<(&'static str, String)>;

fn as_pairs(settings: &Settings) -> Vec<(&str, &str)> {
    settings
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect()
}

fn x264(video: &Video, width: u32, height: u32) -> Settings {
    let mut settings: Settings = vec![
        ("speed-preset", "superfast".into()),
        ("tune", "zerolatency".into()),
        ("bframes", "0".into()),
        ("threads", threads(width, height, video.fps).to_string()),
        // Twice the distance that the feeder keeps: it never decides, it only bounds.
        ("key-int-max", (video.fps * 4).to_string()),
    ];
    match video.bitrate {
        Some(rate) => settings.extend([
            ("pass", "cbr".into()),
            ("bitrate", (rate.0 / 1000).max(1).to_string()),
            ("vbv-buf-capacity", VBV_MS.into()),
        ]),
        None => settings.extend([("pass", "qual".into()), ("quantizer", QUANTIZER.into())]),
    }
    settings
}

/// Threads cost quality (zerolatency cuts the picture into slices); one does 1080p at 30.
fn threads(width: u32, height: u32, fps: u32) -> u64 {
    let one_core: u64 = 1920 * 1088 * 30;
    (u64::from(width) * u64::from(height) * u64::from(fps))
        .div_ceil(one_core)
        .clamp(1, 4)
}

fn openh264(video: &Video) -> Settings {
    let bitrate = video
        .bitrate
        .map_or(OPENH264_BITRATE, |rate| rate.0)
        .min(u64::from(u32::MAX));
    vec![
        ("complexity", "low".into()),
        (
            "usage-type",
            if video.bitrate.is_some() {
                "camera"
            } else {
                "screen"
            }
            .into(),
        ),
        ("rate-control", "bitrate".into()),
        ("enable-frame-skip", "false".into()),
        ("bitrate", bitrate.to_string()),
        ("gop-size", (video.fps * 4).to_string()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use lectern_domain::units::Rate;

    fn video(width: Option<u32>, height: Option<u32>, bitrate: Option<Rate>) -> Video {
        Video {
            width,
            height,
            fps: 30,
            bitrate,
            encoder: Encoder::Auto,
        }
    }

    #[test]
    fn sizes_are_even_and_keep_their_shape() {
        assert_eq!(target(&video(None, None, None), 1366, 768), (1366, 768));
        assert_eq!(target(&video(None, None, None), 1367, 767), (1366, 766));
        assert_eq!(target(&video(Some(1280), None, None), 1920, 1080), (1280, 720));
        assert_eq!(target(&video(None, Some(721), None), 1920, 1080), (1280, 720));
        assert_eq!(target(&video(Some(640), Some(480), None), 1920, 1080), (640, 480));
    }

    #[test]
    fn a_rate_means_bitrate_and_none_means_quality() {
        let has = |settings: &Settings, name: &str, value: &str| {
            settings.iter().any(|(key, is)| *key == name && is == value)
        };
        let rated = x264(&video(None, None, Some(Rate(2_500_000))), 1280, 720);
        assert!(
            has(&rated, "bitrate", "2500") && has(&rated, "pass", "cbr"),
            "{rated:?}"
        );
        let quality = x264(&video(None, None, None), 1920, 1080);
        assert!(
            has(&quality, "pass", "qual") && has(&quality, "quantizer", "23"),
            "{quality:?}"
        );
    }

    #[test]
    fn threads_come_with_the_picture_rate() {
        assert_eq!(threads(1280, 720, 30), 1);
        assert_eq!(threads(1920, 1080, 30), 1);
        assert_eq!(threads(1920, 1080, 60), 2);
        assert_eq!(threads(3840, 2160, 60), 4);
    }

    #[test]
    fn auto_takes_what_is_there() {
        assert_eq!(choose(Encoder::Auto, true), Choice::X264);
        assert_eq!(choose(Encoder::Auto, false), Choice::Openh264);
        assert_eq!(choose(Encoder::Openh264, true), Choice::Openh264);
    }
}
