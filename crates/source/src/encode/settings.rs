//! The settings of each encoder: what it is fed with, and its properties as text.
//!
//! All of them: 4:2:0, no B-frames, no look-ahead, key frames at the feeder's wish and their own
//! only as a bound. A configured bitrate means that mean rate; none means constant quality, which
//! keeps the text of a screen sharp and costs nothing while it is still. Pure.

use lectern_domain::config::{Encoder, Video};

use super::choice::Candidate;

/// The quantizer of constant quality.
const QUANTIZER: u32 = 23;
/// The same of hardware, whose motion search is coarser.
const HARDWARE_QUANTIZER: u32 = 24;
/// What constant quality may take over some seconds, in kbit/s: without a word x264enc holds it
/// under 2048, and scrolled text would blur; without any bound a film on the screen would fill the
/// disk.
const QUALITY_BOUND: &str = "4000";
/// The room for peaks over the mean rate, in milliseconds of it.
const VBV_MS: &str = "2000";
/// What an encoder without a constant quality worth the name gets instead, in bit/s.
const FALLBACK_BITRATE: u64 = 2_500_000;

/// An encoder's settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Settings {
    /// The pixels that it takes.
    pub(super) format: &'static str,
    /// Its properties.
    pub(super) properties: Vec<(&'static str, String)>,
    /// The caps that its output is held to.
    pub(super) output: &'static str,
}

/// What every decoder of a browser or a phone plays; without the word for it some encoders choose
/// a profile of their own.
const USUAL_PROFILES: &str = "video/x-h264,profile=(string){ high, main, constrained-baseline }";

/// The settings of `candidate` for pictures of this size. `faster`: spend less on each picture.
/// `None` for a fragment, which has its own.
pub(super) fn settings(
    candidate: &Candidate,
    video: &Video,
    size: (u32, u32),
    faster: bool,
) -> Option<Settings> {
    let Candidate::Known { kind, factory } = candidate else {
        return None;
    };
    let (format, properties, output) = match kind {
        Encoder::X264 | Encoder::Auto => ("I420", x264(video, size, faster), "video/x-h264,profile=high"),
        Encoder::Openh264 => ("I420", openh264(video), "video/x-h264"),
        Encoder::Vaapi if *factory == "vaapih264enc" => ("NV12", old_vaapi(video), USUAL_PROFILES),
        Encoder::Vaapi => ("NV12", vaapi(video), USUAL_PROFILES),
        Encoder::V4l2 => ("NV12", v4l2(video), "video/x-h264,profile=high,level=(string)4.1"),
        Encoder::Nvenc => ("NV12", nvenc(video), USUAL_PROFILES),
        Encoder::Qsv => ("NV12", qsv(video), USUAL_PROFILES),
    };
    Some(Settings {
        format,
        properties,
        output,
    })
}

type Properties = Vec<(&'static str, String)>;

/// Twice the distance that the feeder keeps, in pictures: it never decides, it only bounds.
fn key_bound(video: &Video) -> String {
    (video.fps * 4).to_string()
}

fn kbit(rate: lectern_domain::units::Rate) -> String {
    (rate.0 / 1000).max(1).to_string()
}

fn bits(video: &Video) -> u64 {
    video
        .bitrate
        .map_or(FALLBACK_BITRATE, |rate| rate.0)
        .min(u64::from(u32::MAX))
}

fn x264(video: &Video, size: (u32, u32), faster: bool) -> Properties {
    let preset = if faster { "ultrafast" } else { "superfast" };
    let mut properties: Properties = vec![
        ("speed-preset", preset.into()),
        ("tune", "zerolatency".into()),
        ("bframes", "0".into()),
        ("threads", threads(size, video.fps).to_string()),
        ("key-int-max", key_bound(video)),
    ];
    match video.bitrate {
        Some(rate) => properties.extend([
            ("pass", "cbr".into()),
            ("bitrate", kbit(rate)),
            ("vbv-buf-capacity", VBV_MS.into()),
        ]),
        None => properties.extend([
            ("pass", "qual".into()),
            ("quantizer", QUANTIZER.to_string()),
            ("bitrate", QUALITY_BOUND.into()),
            ("vbv-buf-capacity", VBV_MS.into()),
        ]),
    }
    properties
}

/// Threads cost quality (zerolatency cuts the picture into slices); one does 1080p at 30.
pub(super) fn threads((width, height): (u32, u32), fps: u32) -> u64 {
    let one_core: u64 = 1920 * 1088 * 30;
    (u64::from(width) * u64::from(height) * u64::from(fps))
        .div_ceil(one_core)
        .clamp(1, 4)
}

fn openh264(video: &Video) -> Properties {
    let usage = if video.bitrate.is_some() {
        "camera"
    } else {
        "screen"
    };
    vec![
        ("complexity", "low".into()),
        ("usage-type", usage.into()),
        ("rate-control", "bitrate".into()),
        ("enable-frame-skip", "false".into()),
        ("bitrate", bits(video).to_string()),
        ("gop-size", key_bound(video)),
    ]
}

fn vaapi(video: &Video) -> Properties {
    let mut properties: Properties = vec![
        ("b-frames", "0".into()),
        ("ref-frames", "1".into()),
        ("key-int-max", key_bound(video)),
    ];
    match video.bitrate {
        Some(rate) => properties.extend([("rate-control", "cbr".into()), ("bitrate", kbit(rate))]),
        None => properties.extend([
            ("rate-control", "cqp".into()),
            ("qpi", HARDWARE_QUANTIZER.to_string()),
            ("qpp", HARDWARE_QUANTIZER.to_string()),
        ]),
    }
    properties
}

fn old_vaapi(video: &Video) -> Properties {
    let mut properties: Properties = vec![
        ("max-bframes", "0".into()),
        ("refs", "1".into()),
        ("keyframe-period", key_bound(video)),
    ];
    match video.bitrate {
        Some(rate) => properties.extend([("rate-control", "cbr".into()), ("bitrate", kbit(rate))]),
        None => properties.extend([
            ("rate-control", "cqp".into()),
            ("init-qp", HARDWARE_QUANTIZER.to_string()),
        ]),
    }
    properties
}

/// The drivers of these have no constant quality in common.
fn v4l2(video: &Video) -> Properties {
    let controls = format!(
        "controls,video_bitrate_mode=0,video_bitrate={},video_b_frames=0,h264_i_frame_period={},\
         repeat_sequence_header=1",
        bits(video),
        key_bound(video)
    );
    vec![("extra-controls", controls)]
}

fn nvenc(video: &Video) -> Properties {
    let mut properties: Properties = vec![
        ("preset", "low-latency-hq".into()),
        ("zerolatency", "true".into()),
        ("bframes", "0".into()),
        ("gop-size", key_bound(video)),
    ];
    match video.bitrate {
        Some(rate) => properties.extend([("rc-mode", "cbr".into()), ("bitrate", kbit(rate))]),
        None => properties.extend([
            ("rc-mode", "constqp".into()),
            ("qp-const", HARDWARE_QUANTIZER.to_string()),
        ]),
    }
    properties
}

fn qsv(video: &Video) -> Properties {
    let mut properties: Properties = vec![
        ("low-latency", "true".into()),
        ("b-frames", "0".into()),
        ("ref-frames", "1".into()),
        ("gop-size", key_bound(video)),
    ];
    match video.bitrate {
        Some(rate) => properties.extend([("rate-control", "cbr".into()), ("bitrate", kbit(rate))]),
        None => properties.extend([
            ("rate-control", "cqp".into()),
            ("qp-i", HARDWARE_QUANTIZER.to_string()),
            ("qp-p", HARDWARE_QUANTIZER.to_string()),
        ]),
    }
    properties
}

#[cfg(test)]
mod tests {
    use super::*;
    use lectern_domain::units::Rate;

    fn video(bitrate: Option<Rate>) -> Video {
        Video {
            width: None,
            height: None,
            fps: 30,
            bitrate,
            encoder: Encoder::Auto,
        }
    }

    fn of(kind: Encoder, factory: &'static str, bitrate: Option<Rate>, faster: bool) -> Settings {
        let candidate = Candidate::Known { kind, factory };
        settings(&candidate, &video(bitrate), (1280, 720), faster).unwrap()
    }

    fn line(settings: &Settings) -> String {
        let pairs = settings
            .properties
            .iter()
            .map(|(name, value)| format!("{name}={value}"));
        format!("{} {}", settings.format, pairs.collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn each_encoder_is_described() {
        let rate = Some(Rate(2_500_000));
        for (kind, factory, with_rate, with_quality) in [
            (
                Encoder::X264,
                "x264enc",
                "I420 speed-preset=superfast tune=zerolatency bframes=0 threads=1 key-int-max=120 pass=cbr \
                 bitrate=2500 vbv-buf-capacity=2000",
                "I420 speed-preset=superfast tune=zerolatency bframes=0 threads=1 key-int-max=120 pass=qual \
                 quantizer=23 bitrate=4000 vbv-buf-capacity=2000",
            ),
            (
                Encoder::Openh264,
                "openh264enc",
                "I420 complexity=low usage-type=camera rate-control=bitrate enable-frame-skip=false \
                 bitrate=2500000 gop-size=120",
                "I420 complexity=low usage-type=screen rate-control=bitrate enable-frame-skip=false \
                 bitrate=2500000 gop-size=120",
            ),
            (
                Encoder::Vaapi,
                "vah264lpenc",
                "NV12 b-frames=0 ref-frames=1 key-int-max=120 rate-control=cbr bitrate=2500",
                "NV12 b-frames=0 ref-frames=1 key-int-max=120 rate-control=cqp qpi=24 qpp=24",
            ),
            (
                Encoder::Vaapi,
                "vaapih264enc",
                "NV12 max-bframes=0 refs=1 keyframe-period=120 rate-control=cbr bitrate=2500",
                "NV12 max-bframes=0 refs=1 keyframe-period=120 rate-control=cqp init-qp=24",
            ),
            (
                Encoder::Nvenc,
                "nvh264enc",
                "NV12 preset=low-latency-hq zerolatency=true bframes=0 gop-size=120 rc-mode=cbr bitrate=2500",
                "NV12 preset=low-latency-hq zerolatency=true bframes=0 gop-size=120 rc-mode=constqp qp-const=24",
            ),
            (
                Encoder::Qsv,
                "qsvh264enc",
                "NV12 low-latency=true b-frames=0 ref-frames=1 gop-size=120 rate-control=cbr bitrate=2500",
                "NV12 low-latency=true b-frames=0 ref-frames=1 gop-size=120 rate-control=cqp qp-i=24 qp-p=24",
            ),
        ] {
            assert_eq!(line(&of(kind, factory, rate, false)), with_rate);
            assert_eq!(line(&of(kind, factory, None, false)), with_quality);
        }
        let v4l2 = of(Encoder::V4l2, "v4l2h264enc", rate, false);
        let (name, controls) = &v4l2.properties[0];
        assert!(*name == "extra-controls" && controls.contains("video_bitrate=2500000"));
    }

    #[test]
    fn the_structures_are_ones_for_the_library() {
        gst::init().unwrap();
        for (kind, factory) in [
            (Encoder::V4l2, "v4l2h264enc"),
            (Encoder::Vaapi, "vah264enc"),
            (Encoder::X264, "x264enc"),
        ] {
            let settings = of(kind, factory, None, false);
            assert!(
                settings.output.parse::<gst::Caps>().is_ok(),
                "{}",
                settings.output
            );
            for (name, value) in settings.properties {
                if name == "extra-controls" {
                    assert!(value.parse::<gst::Structure>().is_ok(), "{value}");
                }
            }
        }
    }

    #[test]
    fn faster_is_another_preset() {
        let faster = of(Encoder::X264, "x264enc", None, true);
        assert!(line(&faster).contains("speed-preset=ultrafast"));
    }

    #[test]
    fn threads_come_with_the_picture_rate() {
        assert_eq!(threads((1280, 720), 30), 1);
        assert_eq!(threads((1920, 1080), 30), 1);
        assert_eq!(threads((1920, 1080), 60), 2);
        assert_eq!(threads((3840, 2160), 60), 4);
    }
}
