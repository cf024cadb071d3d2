//! Encodes a piece of sound again whose layout does not fit to its neighbours.

use std::path::Path;

use gst::prelude::*;
use lectern_domain::config::Audio;
use lectern_domain::render::SOUND_LEAD_NS;
use lectern_domain::units::Rate;

use super::line::{first_of, read_into, run, sink};
use crate::clock;
use crate::element::{filter, make};
use crate::encode::sound;
use crate::failure::Failure;

/// Decoders, best first.
const DECODERS: [&str; 2] = ["avdec_aac", "faad"];
/// Samples of one AAC frame.
const AAC_FRAME: u64 = 1024;
/// Sound that is encoded twice gets more than it had, in bit/s for each channel.
const BITRATE: u64 = 96_000;

/// Writes the sound of `from` in another layout; what is heard at one moment is heard
/// [`SOUND_LEAD_NS`] later in `out`.
pub(super) fn encode_again(from: &Path, out: &Path, rate: u32, channels: u8) -> Result<(), Failure> {
    let pipeline = gst::Pipeline::new();
    let form = gst::Caps::builder("audio/x-raw")
        .field("rate", i32::try_from(rate).unwrap_or(i32::MAX))
        .field("channels", i32::from(channels))
        .build();
    let (encoder, priming) = sound::elements(&Audio {
        channels: u32::from(channels),
        bitrate: Rate(BITRATE * u64::from(channels)),
    })?;
    let mux = make("cmafmux", &[])?;
    stamp(&mux, rate, priming)?;
    let mut elements = vec![
        make("aacparse", &[])?,
        first_of(&DECODERS)?,
        make("audioconvert", &[])?,
        make("audioresample", &[])?,
        filter(&form)?,
    ];
    elements.extend(encoder);
    elements.push(mux);
    elements.push(sink(out)?);
    read_into(&pipeline, from, &elements.iter().collect::<Vec<_>>())?;
    run(&pipeline)
}

/// Counts frames in samples before the muxer: the encoder's own stamps are rounded, and come too
/// late by what it puts before the first sample.
fn stamp(mux: &gst::Element, rate: u32, priming: u64) -> Result<(), Failure> {
    let pad = mux
        .static_pad("sink")
        .ok_or_else(|| Failure::internal("the muxer has no sink pad"))?;
    let lead = clock::to_ticks(SOUND_LEAD_NS, rate).saturating_sub(priming);
    pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
        let segment = pad.sticky_event::<gst::event::Segment>(0);
        let (Some(segment), Some(buffer)) = (segment, info.buffer_mut()) else {
            return gst::PadProbeReturn::Ok;
        };
        let at = segment
            .segment()
            .downcast_ref::<gst::ClockTime>()
            .zip(buffer.pts())
            .and_then(|(segment, pts)| segment.to_running_time(pts));
        if let Some(at) = at {
            let first = clock::to_ticks(at.nseconds(), rate) + lead;
            let start = gst::ClockTime::from_nseconds(clock::from_ticks(first, rate));
            let end = gst::ClockTime::from_nseconds(clock::from_ticks(first + AAC_FRAME, rate));
            let buffer = buffer.make_mut();
            buffer.set_pts(start);
            buffer.set_duration(end - start);
        }
        gst::PadProbeReturn::Ok
    });
    Ok(())
}
