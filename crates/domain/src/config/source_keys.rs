//! The keys of a `[[source]]`: what each may be, and which kinds have it.

use super::Encoder;
use super::endpoint;
use super::limits::{Flag, LINE, OneOf, Parsed, Whole, Within};
use super::section::{Key, NAME_ALLOWED};
use super::tree::shown;
use crate::ids::SourceName;
use crate::media::Role;
use crate::units::{Rate, Span};

/// The kinds of a source, before their own keys are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    V4l2,
    Rtsp,
    X11,
    Alsa,
    Pulse,
    TestVideo,
    TestAudio,
    Gst,
}

impl Kind {
    /// Whether it gives pictures; `None` when its role decides.
    pub(super) const fn is_video(self) -> Option<bool> {
        match self {
            Self::V4l2 | Self::Rtsp | Self::X11 | Self::TestVideo => Some(true),
            Self::Alsa | Self::Pulse | Self::TestAudio => Some(false),
            Self::Gst => None,
        }
    }
}

pub(super) const NAME: Key<Parsed<SourceName>> = Key {
    name: "name",
    example: "name = \"camera\"",
    limits: Parsed {
        allowed: NAME_ALLOWED,
        parse: name,
    },
};
pub(super) const ROLE: Key<OneOf<Role>> = Key {
    name: "role",
    example: "role = \"presenter\"",
    limits: OneOf {
        words: &[
            ("presenter", Role::Presenter),
            ("presentation", Role::Presentation),
            ("microphone", Role::Microphone),
        ],
        later: &[],
    },
};
pub(super) const KIND: Key<OneOf<Kind>> = Key {
    name: "kind",
    example: "kind = \"v4l2\"",
    limits: OneOf {
        words: &[
            ("v4l2", Kind::V4l2),
            ("rtsp", Kind::Rtsp),
            ("x11", Kind::X11),
            ("alsa", Kind::Alsa),
            ("pulse", Kind::Pulse),
            ("test-video", Kind::TestVideo),
            ("test-audio", Kind::TestAudio),
            ("gst", Kind::Gst),
        ],
        later: &["pipewire"],
    },
};
pub(super) const REQUIRED: Key<Flag> = Key {
    name: "required",
    example: "required = true",
    limits: Flag,
};
pub(super) const SPARE_FOR: Key<Parsed<SourceName>> = Key {
    name: "spare_for",
    example: "spare_for = \"microphone\"",
    limits: Parsed {
        allowed: "the name of another [[source]] of the same role",
        parse: name,
    },
};
pub(super) const SERIAL: Key<Parsed<String>> = Key {
    name: "serial",
    example: "serial = \"A1B2C3D4\"",
    limits: Parsed {
        allowed: "a serial number, as \"lectern devices\" prints it",
        parse: LINE.parse,
    },
};
pub(super) const DELAY: Key<Parsed<i64>> = Key {
    name: "delay",
    example: "delay = \"-40ms\"",
    limits: Parsed {
        allowed: "a length of time from -5s to 5s, written with ms or s",
        parse: delay,
    },
};
pub(super) const VIDEO_DEVICE: Key<Parsed<String>> = Key {
    name: "device",
    example: "device = \"/dev/v4l/by-path/pci-0000:00:14.0-usb-0:2:1.0-video-index0\"",
    limits: Parsed {
        allowed: "the absolute path of a camera, as \"lectern devices\" prints it",
        parse: |text| {
            if text.starts_with('/') {
                (LINE.parse)(text)
            } else {
                Err(format!("{} does not begin with /", shown(text)))
            }
        },
    },
};
pub(super) const ALSA_DEVICE: Key<Parsed<String>> = Key {
    name: "device",
    example: "device = \"hw:CARD=Podium\"",
    limits: Parsed {
        allowed: "an ALSA device, as \"lectern devices\" prints it",
        parse: LINE.parse,
    },
};
pub(super) const PULSE_DEVICE: Key<Parsed<String>> = Key {
    name: "device",
    example: "device = \"alsa_input.usb-Podium-00.mono-fallback\"",
    limits: Parsed {
        allowed: "a source's name, as \"pactl list short sources\" prints it",
        parse: LINE.parse,
    },
};
pub(super) const URL: Key<Parsed<String>> = Key {
    name: "url",
    example: "url = \"rtsp://10.0.0.20/stream1\"",
    limits: Parsed {
        allowed: "an address that begins with rtsp:// or rtsps://",
        parse: endpoint::camera,
    },
};
pub(super) const DISPLAY: Key<Parsed<String>> = Key {
    name: "display",
    example: "display = \":0\"",
    limits: Parsed {
        allowed: "an X display with its number (the line left out, DISPLAY is used)",
        parse: display,
    },
};
pub(super) const LAUNCH: Key<Parsed<String>> = Key {
    name: "launch",
    example: "launch = \"videotestsrc is-live=true\"",
    limits: Parsed {
        allowed: "a GStreamer launch fragment that ends in raw video or raw audio",
        parse: |text| {
            if text.trim().is_empty() {
                Err("is empty".to_owned())
            } else {
                Ok(text.to_owned())
            }
        },
    },
};
pub(super) const WIDTH: Key<Whole> = Key {
    name: "width",
    example: "width = 1280",
    limits: Whole {
        range: 64..=4096,
        even: true,
    },
};
pub(super) const HEIGHT: Key<Whole> = Key {
    name: "height",
    example: "height = 720",
    limits: Whole {
        range: 64..=4096,
        even: true,
    },
};
pub(super) const FPS: Key<Whole> = Key {
    name: "fps",
    example: "fps = 30",
    limits: Whole {
        range: 1..=60,
        even: false,
    },
};
pub(super) const ENCODER: Key<OneOf<Encoder>> = Key {
    name: "encoder",
    example: "encoder = \"auto\"",
    limits: OneOf {
        words: &[
            ("auto", Encoder::Auto),
            ("vaapi", Encoder::Vaapi),
            ("v4l2", Encoder::V4l2),
            ("nvenc", Encoder::Nvenc),
            ("qsv", Encoder::Qsv),
            ("x264", Encoder::X264),
            ("openh264", Encoder::Openh264),
        ],
        later: &[],
    },
};
pub(super) const VIDEO_BITRATE: Key<Within<Rate>> = Key {
    name: "bitrate",
    example: "bitrate = \"2500kbit/s\"",
    limits: Within(Rate(100_000), Rate(100_000_000)),
};
pub(super) const AUDIO_BITRATE: Key<Within<Rate>> = Key {
    name: "bitrate",
    example: "bitrate = \"128kbit/s\"",
    limits: Within(Rate(32_000), Rate(320_000)),
};
pub(super) const CHANNELS: Key<Whole> = Key {
    name: "channels",
    example: "channels = 2",
    limits: Whole {
        range: 1..=2,
        even: false,
    },
};

/// Keys that only some kinds have.
pub(super) const OF_KINDS: [(&str, &[&str], &str); 11] = [
    (
        "device",
        &["v4l2", "alsa", "pulse"],
        "device = \"hw:CARD=Podium\"",
    ),
    ("serial", &["v4l2", "alsa"], SERIAL.example),
    ("url", &["rtsp"], URL.example),
    ("display", &["x11"], DISPLAY.example),
    ("launch", &["gst"], LAUNCH.example),
    (
        "width",
        &["v4l2", "x11", "test-video", "gst for pictures"],
        WIDTH.example,
    ),
    (
        "height",
        &["v4l2", "x11", "test-video", "gst for pictures"],
        HEIGHT.example,
    ),
    (
        "fps",
        &["v4l2", "x11", "test-video", "gst for pictures"],
        FPS.example,
    ),
    (
        "encoder",
        &["v4l2", "x11", "test-video", "gst for pictures"],
        ENCODER.example,
    ),
    (
        "bitrate",
        &["v4l2", "x11", "test-video", "alsa", "pulse", "test-audio", "gst"],
        VIDEO_BITRATE.example,
    ),
    (
        "channels",
        &["alsa", "pulse", "test-audio", "gst for sound"],
        CHANNELS.example,
    ),
];

fn name(text: &str) -> Result<SourceName, String> {
    match text {
        // The folder beside the tracks, and the file beside theirs.
        "finished" | "lecture" => Err(format!("{} is taken by the finished lecture", shown(text))),
        _ => text
            .parse()
            .map_err(|_| format!("{} is not a plain name", shown(text))),
    }
}

fn delay(text: &str) -> Result<i64, String> {
    let (sign, length) = text.strip_prefix('-').map_or((1, text), |length| (-1, length));
    let span: Span = length
        .parse()
        .map_err(|_| format!("{} is not a length of time", shown(text)))?;
    match i64::try_from(span.0) {
        Ok(ms) if ms <= 5_000 => Ok(sign * ms),
        _ => Err(format!("{} is too long", shown(text))),
    }
}

fn display(text: &str) -> Result<String, String> {
    let number = text.rsplit_once(':').map(|(_, number)| number);
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if number.is_some_and(|number| number.split('.').count() <= 2 && number.split('.').all(digits)) {
        (LINE.parse)(text)
    } else {
        Err(format!("{} has no \":\" with a number behind it", shown(text)))
    }
}
