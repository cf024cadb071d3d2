//! Kind `gst`: a launch fragment of the user's own.

use gst::prelude::*;
use lectern_domain::config::Source;
use lectern_domain::wire::FailureReason;

use super::{Head, Hint, Medium};
use crate::failure::{Failure, scrub};

/// The name of our element at the end of a fragment.
const OUTPUT: &str = "lectern-output";

/// The head of kind `gst`. The role decides whether it must give pictures or sound.
pub(super) fn head(launch: &str, source: &Source) -> Result<Head, Failure> {
    let wrong = |why: String| {
        let message = format!(
            "launch = \"{}\": {}; it must end in an open output of raw video or audio",
            scrub(launch),
            scrub(&why)
        );
        Failure::new(FailureReason::Config, message)
    };
    // The output of the last element becomes the bin's; with an element of ours at the end, a
    // fragment may also end in a filter. An input stays its own: an element that waits for a
    // source's pad to appear would otherwise be given away.
    let bin = gst::parse::bin_from_description(&format!("{launch} ! identity name={OUTPUT}"), false)
        .map_err(|error| wrong(error.to_string()))?;
    let output = bin
        .by_name(OUTPUT)
        .and_then(|last| last.static_pad("src"))
        .ok_or_else(|| wrong("it has no output".to_owned()))?;
    let ghost = gst::GhostPad::with_target(&output).map_err(|error| Failure::internal(error.to_string()))?;
    bin.add_pad(&ghost)
        .map_err(|error| Failure::internal(error.to_string()))?;
    let medium = match (&source.audio, source.role.is_video()) {
        (Some(audio), false) => Medium::Sound {
            channels: audio.channels,
            jitters: true,
        },
        _ => Medium::Pictures,
    };
    Ok(Head {
        element: bin.upcast(),
        medium,
        pacer: None,
        hint: Hint::default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use lectern_domain::config::{Audio, SourceKind};
    use lectern_domain::media::Role;
    use lectern_domain::units::Rate;

    fn source(launch: &str) -> Source {
        Source {
            name: "extra".parse().unwrap(),
            role: Role::Microphone,
            kind: SourceKind::Gst {
                launch: launch.into(),
            },
            required: false,
            spare_for: None,
            serial: None,
            delay_ms: 0,
            video: None,
            audio: Some(Audio {
                channels: 1,
                bitrate: Rate(96_000),
            }),
        }
    }

    #[test]
    fn a_fragment_without_an_output_is_refused_with_the_reason() {
        gst::init().unwrap();
        for (launch, why) in [
            ("nosuchelement", "no element \"nosuchelement\""),
            ("videotestsrc ! fakesink", "must end in an open output"),
            ("audiotestsrc !", "launch = "),
            ("", "syntax error"),
        ] {
            let failure = head(launch, &source(launch)).err().unwrap();
            assert_eq!(failure.reason, FailureReason::Config);
            assert!(failure.message.contains(why), "{}", failure.message);
        }
    }

    #[test]
    fn the_role_decides_the_medium() {
        gst::init().unwrap();
        let launch = "audiotestsrc is-live=true";
        let made = head(launch, &source(launch)).unwrap();
        assert_eq!(
            made.medium,
            Medium::Sound {
                channels: 1,
                jitters: true
            }
        );
    }
}
