//! What a device delivers: pictures, coded pictures or sound, and in which format.

use gst::prelude::*;

/// A format with its caps.
#[derive(Clone, Debug)]
pub(crate) enum Form {
    /// Raw pictures.
    Pictures {
        /// Their format.
        caps: gst::Caps,
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
    },
    /// H.264 access units that are recorded as they come.
    Coded {
        /// Their format, with `codec_data`.
        caps: gst::Caps,
    },
    /// 48 kHz, 32-bit float, interleaved.
    Sound {
        /// Their format.
        caps: gst::Caps,
        /// 1 or 2.
        channels: u32,
    },
}

impl Form {
    /// Reads caps; `None` when they are not fixed or of another kind.
    pub(crate) fn from_caps(caps: gst::Caps) -> Option<Self> {
        let fields = caps.structure(0)?;
        let number = |name: &str| fields.get::<i32>(name).ok().and_then(|n| u32::try_from(n).ok());
        match fields.name().as_str() {
            "video/x-raw" => {
                let (width, height) = (number("width")?, number("height")?);
                Some(Self::Pictures { caps, width, height })
            }
            "video/x-h264" => Some(Self::Coded { caps }),
            "audio/x-raw" => {
                let channels = number("channels")?;
                Some(Self::Sound { caps, channels })
            }
            _ => None,
        }
    }

    /// The caps.
    pub(crate) fn caps(&self) -> &gst::Caps {
        match self {
            Self::Pictures { caps, .. } | Self::Coded { caps } | Self::Sound { caps, .. } => caps,
        }
    }

    /// Pictures in so many seconds, if the device says so.
    pub(crate) fn rate(&self) -> Option<(u32, u32)> {
        let rate = self.caps().structure(0)?.get::<gst::Fraction>("framerate").ok()?;
        let (pictures, seconds) = (
            u32::try_from(rate.numer()).ok()?,
            u32::try_from(rate.denom()).ok()?,
        );
        (pictures > 0 && seconds > 0).then_some((pictures, seconds))
    }

    /// The caps for an encoder of pictures: it writes their rate into the stream, so there must be
    /// one. Without the device's it is `fps`.
    pub(crate) fn caps_with_rate(&self, fps: u32) -> gst::Caps {
        let mut caps = self.caps().clone();
        if matches!(self, Self::Pictures { .. }) && self.rate().is_none() {
            caps.make_mut().set(
                "framerate",
                gst::Fraction::new(i32::try_from(fps.max(1)).unwrap_or(30), 1),
            );
        }
        caps
    }

    /// Whether an encoder made for this format can go on with `other`.
    pub(crate) fn is_compatible(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Coded { caps: a }, Self::Coded { caps: b }) => {
                // A camera may announce another rate or level at any time; only these make the
                // init segment.
                let same = |name: &str| field(a, name) == field(b, name);
                same("codec_data") && same("width") && same("height")
            }
            _ => self.caps() == other.caps(),
        }
    }

    /// For people: `1280x720@30`, `H.264 1920x1080@25`, `48000 Hz stereo`.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Pictures { caps, .. } => size_and_rate(caps),
            Self::Coded { caps } => format!("H.264 {}", size_and_rate(caps)),
            Self::Sound { channels, .. } => match channels {
                1 => "48000 Hz mono".to_owned(),
                2 => "48000 Hz stereo".to_owned(),
                more => format!("48000 Hz, {more} channels"),
            },
        }
    }
}

fn field(caps: &gst::Caps, name: &str) -> Option<String> {
    let value = caps.structure(0)?.value(name).ok()?;
    value.serialize().ok().map(|text| text.to_string())
}

fn size_and_rate(caps: &gst::Caps) -> String {
    let Some(fields) = caps.structure(0) else {
        return "unknown".to_owned();
    };
    let number = |name: &str| fields.get::<i32>(name).unwrap_or(0);
    let size = format!("{}x{}", number("width"), number("height"));
    match fields.get::<gst::Fraction>("framerate") {
        Ok(rate) if rate.numer() > 0 && rate.denom() == 1 => format!("{size}@{}", rate.numer()),
        Ok(rate) if rate.numer() > 0 => {
            format!("{size}@{:.2}", f64::from(rate.numer()) / f64::from(rate.denom()))
        }
        _ => size,
    }
}
