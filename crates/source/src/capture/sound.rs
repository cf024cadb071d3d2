//! Microphones and sound cards, through ALSA and PulseAudio.
//!
//! Neither may become the pipeline's clock: it would die with the device, and every other stamp
//! with it. Blocks are stamped on arrival; [`crate::sound_line`] makes a steady stream of them.

use lectern_domain::config::Audio;

use super::{Head, Hint, Medium};
use crate::element::make;
use crate::failure::Failure;

/// How both sources are set: a device buffer of 200 ms, arrival stamps, and blocks of 20 ms, because
/// half of what a microphone costs is waking up.
const COMMON: [(&str, &str); 4] = [
    ("provide-clock", "false"),
    ("slave-method", "re-timestamp"),
    ("buffer-time", "200000"),
    ("latency-time", "20000"),
];

/// The head of kind `alsa`.
pub(super) fn alsa(device: &str, audio: &Audio) -> Result<Head, Failure> {
    head("alsasrc", Some(device), audio)
}

/// The head of kind `pulse`; without `device`, the server's default source.
pub(super) fn pulse(device: Option<&str>, audio: &Audio) -> Result<Head, Failure> {
    head("pulsesrc", device, audio)
}

fn head(factory: &str, device: Option<&str>, audio: &Audio) -> Result<Head, Failure> {
    let element = make(factory, &COMMON)?;
    if let Some(device) = device {
        gst::prelude::ObjectExt::set_property(&element, "device", device);
    }
    let medium = Medium::Sound {
        channels: audio.channels,
        jitters: true,
    };
    Ok(Head {
        element,
        medium,
        pacer: None,
        hint: Hint::default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use gst::prelude::*;
    use lectern_domain::units::Rate;

    #[test]
    fn no_sound_card_ever_becomes_the_clock() {
        gst::init().unwrap();
        let audio = Audio {
            channels: 2,
            bitrate: Rate(128_000),
        };
        for head in [
            alsa("hw:CARD=Podium", &audio).unwrap(),
            pulse(Some("mic.monitor"), &audio).unwrap(),
        ] {
            assert!(!head.element.property::<bool>("provide-clock"));
            assert_eq!(
                head.medium,
                Medium::Sound {
                    channels: 2,
                    jitters: true
                }
            );
            assert!(head.element.property::<String>("device").contains(['P', 'm']));
        }
    }
}
