//! What the caps of coded frames say: what to call them, and whether they fit together.

use gst::prelude::*;

/// The fields that end up in the init segment; a track whose frames change one of them needs
/// another.
const PARAMETERS: [&str; 5] = ["codec_data", "width", "height", "rate", "channels"];

/// Whether frames of `a` and of `b` can be in one track under one init segment.
pub(super) fn is_same(a: &gst::Caps, b: &gst::Caps) -> bool {
    if a.as_ptr() == b.as_ptr() {
        return true;
    }
    let (Some(a), Some(b)) = (a.structure(0), b.structure(0)) else {
        return false;
    };
    PARAMETERS.iter().all(|name| {
        let text = |fields: &gst::StructureRef| {
            let value = fields.value(*name).ok()?;
            value.serialize().ok().map(|text| text.to_string())
        };
        text(a) == text(b)
    })
}

/// Whether these are frames of sound.
pub(super) fn is_sound(caps: &gst::Caps) -> bool {
    caps.structure(0)
        .is_some_and(|fields| fields.name().starts_with("audio/"))
}

/// For people: `H.264 High 1280x720`, `AAC-LC 48000 Hz stereo`.
pub(super) fn describe(caps: &gst::Caps) -> String {
    let Some(fields) = caps.structure(0) else {
        return String::new();
    };
    let number = |name: &str| fields.get::<i32>(name).unwrap_or(0);
    if is_sound(caps) {
        let channels = match number("channels") {
            1 => "mono".to_owned(),
            2 => "stereo".to_owned(),
            more => format!("{more} channels"),
        };
        return format!("AAC-LC {} Hz {channels}", number("rate"));
    }
    let profile = fields
        .get::<String>("profile")
        .unwrap_or_else(|_| "unknown".to_owned());
    let mut letters = profile.chars();
    let profile: String = letters
        .next()
        .map(|c| c.to_ascii_uppercase())
        .into_iter()
        .chain(letters)
        .collect();
    format!("H.264 {profile} {}x{}", number("width"), number("height"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::str::FromStr;

    fn caps(text: &str) -> gst::Caps {
        gst::init().unwrap();
        gst::Caps::from_str(text).unwrap()
    }

    #[test]
    fn only_what_the_init_segment_holds_makes_a_difference() {
        let base = caps("video/x-h264,codec_data=(buffer)0164,width=640,height=480,framerate=30/1");
        for (other, same) in [
            (
                "video/x-h264,codec_data=(buffer)0164,width=640,height=480,framerate=25/1",
                true,
            ),
            (
                "video/x-h264,codec_data=(buffer)0165,width=640,height=480,framerate=30/1",
                false,
            ),
            (
                "video/x-h264,codec_data=(buffer)0164,width=1280,height=480,framerate=30/1",
                false,
            ),
            ("video/x-h264,width=640,height=480", false),
        ] {
            assert_eq!(is_same(&base, &caps(other)), same, "{other}");
        }
    }

    #[test]
    fn codecs_have_names_for_people() {
        let picture = caps("video/x-h264,profile=constrained-baseline,width=640,height=480");
        assert_eq!(describe(&picture), "H.264 Constrained-baseline 640x480");
        let sound = caps("audio/mpeg,rate=48000,channels=2");
        assert_eq!(describe(&sound), "AAC-LC 48000 Hz stereo");
        assert!(is_sound(&sound) && !is_sound(&picture));
    }
}
