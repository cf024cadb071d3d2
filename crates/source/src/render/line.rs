//! What the renderer's pipelines share: reading a file of one track, the encoder of pictures, the
//! muxer at the end, and waiting for the end of a stream.

use std::path::Path;

use gst::prelude::*;
use lectern_domain::render::PICTURE_SET_ID;

use crate::clock::VIDEO_TICKS;
use crate::element::{chain, exists, filter, link, make};
use crate::failure::Failure;

/// A decoder by what it reads, best first.
pub(super) const PICTURE_DECODERS: [&str; 2] = ["avdec_h264", "openh264dec"];
/// The same for sound.
pub(super) const SOUND_DECODERS: [&str; 2] = ["avdec_aac", "faad"];
/// Constant quality of x264: a card is one picture, and its letters must be sharp.
const QUANTIZER: &str = "20";
/// The same for OpenH264, which knows only a rate, in bit/s.
const OPENH264_BITRATE: &str = "4000000";
/// The longest distance of two key frames, in pictures.
const KEY_EVERY: &str = "60";

/// The first element of a list that exists here; the first of all if none does, so that the fault
/// names the usual one.
pub(super) fn first_of(factories: &[&str]) -> Result<gst::Element, Failure> {
    let found = factories.iter().find(|factory| exists(factory));
    make(found.or(factories.first()).copied().unwrap_or_default(), &[])
}

/// Puts a reader of `file` before `elements` and links all of them: the track goes into the first
/// one as soon as the file has been looked into.
pub(super) fn read_into(
    pipeline: &gst::Pipeline,
    file: &Path,
    elements: &[&gst::Element],
) -> Result<(), Failure> {
    let source = make("filesrc", &[])?;
    source.set_property("location", location(file)?);
    let demux = make("qtdemux", &[])?;
    chain(pipeline, &[&source, &demux])?;
    pipeline
        .add_many(elements.iter().copied())
        .map_err(|error| Failure::internal(error.to_string()))?;
    link(elements)?;
    let first = elements
        .first()
        .and_then(|element| element.static_pad("sink"))
        .ok_or_else(|| Failure::internal("nothing reads the file"))?;
    demux.connect_pad_added(move |_, pad| {
        if !first.is_linked()
            && let Err(error) = pad.link(&first)
        {
            tracing::warn!(%error, "the file has a track of another kind");
        }
    });
    Ok(())
}

/// From I420 of the right size to the file `out`.
pub(super) fn encode_pictures(out: &Path) -> Result<Vec<gst::Element>, Failure> {
    let mut elements = Vec::new();
    if exists("x264enc") {
        let identity = format!("sps-id={PICTURE_SET_ID}");
        elements.push(make(
            "x264enc",
            &[
                ("speed-preset", "veryfast"),
                ("tune", "zerolatency"),
                ("bframes", "0"),
                ("threads", "1"),
                ("pass", "qual"),
                ("quantizer", QUANTIZER),
                ("key-int-max", KEY_EVERY),
                ("option-string", &identity),
            ],
        )?);
        let high = gst::Caps::builder("video/x-h264")
            .field("profile", "high")
            .build();
        elements.push(filter(&high)?);
    } else {
        let settings = [("bitrate", OPENH264_BITRATE), ("gop-size", KEY_EVERY)];
        elements.push(make("openh264enc", &settings)?);
    }
    let packed = gst::Caps::builder("video/x-h264")
        .field("stream-format", "avc")
        .field("alignment", "au")
        .build();
    elements.push(make("h264parse", &[])?);
    elements.push(filter(&packed)?);
    let mux = make("cmafmux", &[])?;
    if let Some(pad) = mux.static_pad("sink") {
        pad.set_property("trak-timescale", VIDEO_TICKS);
    }
    elements.push(mux);
    elements.push(sink(out)?);
    Ok(elements)
}

/// The file at the end.
pub(super) fn sink(out: &Path) -> Result<gst::Element, Failure> {
    let sink = make("filesink", &[])?;
    sink.set_property("location", location(out)?);
    Ok(sink)
}

/// I420 of one size with square pixels: what all encoders take.
pub(super) fn plain_pictures(width: u16, height: u16) -> gst::Caps {
    gst::Caps::builder("video/x-raw")
        .field("format", "I420")
        .field("width", i32::from(width))
        .field("height", i32::from(height))
        .field("pixel-aspect-ratio", gst::Fraction::new(1, 1))
        .build()
}

/// Plays the pipeline to its end and takes it down. Blocks; whoever asked for the file ends this
/// process when it takes too long.
pub(super) fn run(pipeline: &gst::Pipeline) -> Result<(), Failure> {
    let ended = play(pipeline);
    let stopped = pipeline.set_state(gst::State::Null);
    ended?;
    stopped
        .map(|_| ())
        .map_err(|error| Failure::internal(error.to_string()))
}

fn play(pipeline: &gst::Pipeline) -> Result<(), Failure> {
    let bus = pipeline.bus().expect("a pipeline has a bus");
    let started = pipeline.set_state(gst::State::Playing);
    let kinds = [gst::MessageType::Error, gst::MessageType::Eos];
    let first = match started {
        Ok(_) => bus.timed_pop_filtered(gst::ClockTime::NONE, &kinds),
        Err(_) => bus.pop_filtered(&kinds),
    };
    match first.as_ref().map(|message| message.view()) {
        Some(gst::MessageView::Eos(_)) => Ok(()),
        Some(gst::MessageView::Error(error)) => {
            let debug = error.debug().unwrap_or_default();
            Err(Failure::internal(format!("{} ({debug})", error.error())))
        }
        _ => Err(Failure::internal("the pipeline did not start")),
    }
}

fn location(file: &Path) -> Result<&str, Failure> {
    file.to_str()
        .ok_or_else(|| Failure::internal(format!("{}: the path is not UTF-8", file.display())))
}
