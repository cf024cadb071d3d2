//! The keys of a `[[source]]`: what each may be, and which kinds have it.

use super::Encoder;
use super::endpoint;
use super::limits::{Flag, LINE, OneOf, Parsed, Whole, Within};
use super::section::{Key, NAME_ALLOWED, NAME_PATTERN, WithDefault};
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
    about: "The source's name, and its track's. A later file changes the source of the same name.",
    example: "name = \"camera\"",
    limits: Parsed {
        allowed: NAME_ALLOWED,
        pattern: Some(NAME_PATTERN),
        parse: name,
    },
};
pub(super) const ROLE: Key<OneOf<Role>> = Key {
    name: "role",
    about: "What it shows or hears.",
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
    about: "Where its data comes from.",
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
pub(super) const REQUIRED: WithDefault<Flag> = Key {
    name: "required",
    about: "Refuse to start a lecture while it does not deliver.",
    example: "required = true",
    limits: Flag,
}
.or("false");
pub(super) const SPARE_FOR: Key<Parsed<SourceName>> = Key {
    name: "spare_for",
    about: "It records only while this other source does not deliver.",
    example: "spare_for = \"microphone\"",
    limits: Parsed {
        allowed: "the name of another [[source]] of the same role",
        pattern: Some(NAME_PATTERN),
        parse: name,
    },
};
pub(super) const SERIAL: Key<Parsed<String>> = Key {
    name: "serial",
    about: "Serial number of the only device that may be opened, also when another one is at its place.",
    example: "serial = \"A1B2C3D4\"",
    limits: Parsed {
        allowed: "a serial number, as \"lectern devices\" prints it",
        pattern: LINE.pattern,
        parse: LINE.parse,
    },
};
pub(super) const DELAY: WithDefault<Parsed<i64>> = Key {
    name: "delay",
    about: "Moves it against the other sources; negative when it arrives late.",
    example: "delay = \"-40ms\"",
    limits: Parsed {
        allowed: "a length of time from -5s to 5s, written with ms or s",
        pattern: Some("^-?[0-9]+(\\.[0-9]{1,9})?(ms|s|m|h|d)$"),
        parse: delay,
    },
}
.or("\"0ms\"");
pub(super) const VIDEO_DEVICE: Key<Parsed<String>> = Key {
    name: "device",
    about: "The camera or grabber. A name below /dev/v4l/by-path stays with the socket, whatever is plugged in when.",
    example: "device = \"/dev/v4l/by-path/pci-0000:00:14.0-usb-0:2:1.0-video-index0\"",
    limits: Parsed {
        allowed: "the absolute path of a camera, as \"lectern devices\" prints it",
        pattern: Some("^/"),
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
    about: "The sound card.",
    example: "device = \"hw:CARD=Podium\"",
    limits: Parsed {
        allowed: "an ALSA device, as \"lectern devices\" prints it",
        pattern: LINE.pattern,
        parse: LINE.parse,
    },
};
pub(super) const PULSE_DEVICE: Key<Parsed<String>> = Key {
    name: "device",
    about: "A source of PulseAudio or PipeWire. Without it the default one.",
    example: "device = \"alsa_input.usb-Podium-00.mono-fallback\"",
    limits: Parsed {
        allowed: "a source's name, as \"pactl list short sources\" prints it",
        pattern: LINE.pattern,
        parse: LINE.parse,
    },
};
pub(super) const URL: Key<Parsed<String>> = Key {
    name: "url",
    about: "Where the network camera sends H.264, recorded as it comes.",
    example: "url = \"rtsp://10.0.0.20/stream1\"",
    limits: Parsed {
        allowed: "an address that begins with rtsp:// or rtsps://",
        pattern: Some("^rtsps?://\\S+$"),
        parse: endpoint::camera,
    },
};
pub(super) const DISPLAY: Key<Parsed<String>> = Key {
    name: "display",
    about: "The X display that is recorded. Without it DISPLAY of the daemon's environment.",
    example: "display = \":0\"",
    limits: Parsed {
        allowed: "an X display with its number, from :0 to :59535 (the line left out, DISPLAY is used)",
        pattern: Some(":0*[0-9]{1,5}(\\.0*[0-9]{1,3})?$"),
        parse: display,
    },
};
pub(super) const LAUNCH: Key<Parsed<String>> = Key {
    name: "launch",
    about: "What no other kind covers: a GStreamer launch fragment that ends in raw video or raw audio.",
    example: "launch = \"videotestsrc is-live=true\"",
    limits: Parsed {
        allowed: "a GStreamer launch fragment that ends in raw video or raw audio",
        pattern: Some("\\S"),
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
    about: "Width in pixels; goes with height.",
    example: "width = 1280",
    limits: Whole {
        range: 64..=4096,
        even: true,
    },
};
pub(super) const HEIGHT: Key<Whole> = Key {
    name: "height",
    about: "Height in pixels; goes with width.",
    example: "height = 720",
    limits: Whole {
        range: 64..=4096,
        even: true,
    },
};
pub(super) const FPS: Key<Whole> = Key {
    name: "fps",
    about: "Pictures a second.",
    example: "fps = 30",
    limits: Whole {
        range: 1..=60,
        even: false,
    },
};
/// What a screen and a fragment have of themselves is chosen for a camera.
pub(super) const CAMERA_WIDTH: WithDefault<Whole> = WIDTH.or("1280");
pub(super) const CAMERA_HEIGHT: WithDefault<Whole> = HEIGHT.or("720");
pub(super) const CAMERA_FPS: WithDefault<Whole> = FPS.or("30");
/// Slides do not move.
pub(super) const SCREEN_FPS: WithDefault<Whole> = FPS.or("15");
pub(super) const ENCODER: WithDefault<OneOf<Encoder>> = Key {
    name: "encoder",
    about: "Which encoder; auto finds what works on this machine.",
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
}
.or("\"auto\"");
pub(super) const VIDEO_BITRATE: Key<Within<Rate>> = Key {
    name: "bitrate",
    about: "Mean rate of the picture. A screen without it is encoded at constant quality.",
    example: "bitrate = \"2500kbit/s\"",
    limits: Within(Rate(100_000), Rate(100_000_000)),
};
pub(super) const CAMERA_BITRATE: WithDefault<Within<Rate>> = VIDEO_BITRATE.or("\"2500kbit/s\"");
pub(super) const AUDIO_BITRATE: WithDefault<Within<Rate>> = Key {
    name: "bitrate",
    about: "Mean rate of the sound.",
    example: "bitrate = \"128kbit/s\"",
    limits: Within(Rate(32_000), Rate(320_000)),
}
.or("\"128kbit/s\"");
pub(super) const CHANNELS: WithDefault<Whole> = Key {
    name: "channels",
    about: "1 for one microphone, 2 for left and right.",
    example: "channels = 2",
    limits: Whole {
        range: 1..=2,
        even: false,
    },
}
.or("2");

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
        ENCODER.key.example,
    ),
    (
        "bitrate",
        &["v4l2", "x11", "test-video", "alsa", "pulse", "test-audio", "gst"],
        VIDEO_BITRATE.example,
    ),
    (
        "channels",
        &["alsa", "pulse", "test-audio", "gst for sound"],
        CHANNELS.key.example,
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

/// A display's TCP port is 6000 and its number, and a port is 16 bits; a setup counts its screens
/// in 8.
fn display(text: &str) -> Result<String, String> {
    const LAST_DISPLAY: u16 = u16::MAX - 6000;
    let number = text.rsplit_once(':').map_or("", |(_, number)| number);
    let (display, screen) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !digits(display) || !digits(screen) {
        Err(format!("{} has no \":\" with a number behind it", shown(text)))
    } else if !display.parse::<u16>().is_ok_and(|number| number <= LAST_DISPLAY) {
        Err(format!(
            "{} has a display number beyond {LAST_DISPLAY}",
            shown(text)
        ))
    } else if screen.parse::<u8>().is_err() {
        Err(format!("{} has a screen number beyond {}", shown(text), u8::MAX))
    } else {
        (LINE.parse)(text)
    }
}
