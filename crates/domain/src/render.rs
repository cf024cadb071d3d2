//! What finishing asks of `lectern-source --render`: the little that a finished lecture needs and
//! nobody recorded, as one JSON document on standard input.
//!
//! The renderer writes one fragmented MP4 file with one track and ends: 0 when the file is whole;
//! else the reason stands as one line on standard error. Finishing itself links no encoder, so a
//! plugin that breaks costs a caption and never a lecture.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// One file to make.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum RenderJob {
    /// One picture of H.264: a key frame, to be shown for as long as it takes.
    Card {
        /// The file to write; replaced if it exists.
        out: PathBuf,
        /// Width in pixels; even.
        width: u16,
        /// Height in pixels; even.
        height: u16,
        /// An MP4 file whose last picture stands dimmed behind the text; `None`: plain dark.
        behind: Option<PathBuf>,
        /// What it says, in one or two lines.
        text: String,
    },
    /// Sound of another layout again, as AAC-LC; times move by [`SOUND_LEAD_NS`].
    Sound {
        /// The file to write; replaced if it exists.
        out: PathBuf,
        /// An MP4 file with one sound track.
        from: PathBuf,
        /// Samples a second.
        rate: u32,
        /// How many channels.
        channels: u8,
    },
}

/// How much later than in the file asked for a moment lies in rendered sound, in nanoseconds: an
/// encoder begins before the first sample that it was given, and no time is negative.
pub const SOUND_LEAD_NS: u64 = 1_000_000_000;

/// The identity of the parameter sets of rendered pictures, where the encoder can choose it:
/// recorded pictures have 0, and different identities let both stand in one decoder configuration.
pub const PICTURE_SET_ID: u8 = 7;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_one_line_of_json() {
        let job = RenderJob::Card {
            out: "/spool/a.part".into(),
            width: 640,
            height: 360,
            behind: None,
            text: "No picture\n10:42".to_owned(),
        };
        let text = serde_json::to_string(&job).unwrap();
        assert_eq!(
            text,
            r#"{"what":"card","out":"/spool/a.part","width":640,"height":360,"behind":null,"text":"No picture\n10:42"}"#
        );
        assert_eq!(serde_json::from_str::<RenderJob>(&text).unwrap(), job);
    }
}
