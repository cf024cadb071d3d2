//! Sound to AAC-LC at 48 kHz.

use lectern_domain::config::Audio;

use crate::element::{exists, filter, make};
use crate::failure::Failure;

/// The encoders that are tried, best first, each with the samples it puts before the first one
/// it was given: a decoder gives them out, so the stamps must begin that much earlier. Both were
/// measured with the test sound; one that was not measured has no place here.
const ENCODERS: [(&str, u64); 2] = [("avenc_aac", 1024), ("voaacenc", 1600)];

/// The elements from 48 kHz float to parsed AAC, and the encoder's priming in samples.
pub(crate) fn elements(audio: &Audio) -> Result<(Vec<gst::Element>, u64), Failure> {
    let (factory, priming) = ENCODERS
        .into_iter()
        .find(|(factory, _)| exists(factory))
        .unwrap_or(ENCODERS[0]);
    let bitrate = audio.bitrate.0.clamp(8_000, 512_000).to_string();
    let encoder = make(factory, &[("bitrate", &bitrate)])?;
    let caps = gst::Caps::builder("audio/mpeg")
        .field("mpegversion", 4)
        .field("stream-format", "raw")
        .build();
    Ok((
        vec![
            make("audioconvert", &[])?,
            encoder,
            make("aacparse", &[])?,
            filter(&caps)?,
        ],
        priming,
    ))
}
