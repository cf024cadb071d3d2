//! A card: one picture that says what is missing, over the last picture there was or plain dark.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use gst::prelude::*;
use gst_app::{AppSink, AppSinkCallbacks, AppSrc};
use gst_video::prelude::*;
use lectern_domain::render::PICTURE_SET_ID;

use super::line::{first_of, read_into, run, sink};
use crate::clock::VIDEO_TICKS;
use crate::element::{chain, exists, filter, make};
use crate::failure::Failure;

/// What is left of the brightness of the picture behind the text, in percent: enough to know it
/// again, little enough that nobody takes it for a live one.
const LEFT_PERCENT: u32 = 30;
/// Brightness of the plain card; 16 is black.
const DARK: u8 = 34;
/// No colour.
const GREY: u8 = 128;
/// The text's size where a picture is 640 wide; it grows with the picture.
const FONT: &str = "Sans, 20";

/// Decoders, best first.
const DECODERS: [&str; 2] = ["avdec_h264", "openh264dec"];
/// Constant quality of x264: it is one picture, and its letters must be sharp.
const QUANTIZER: &str = "20";
/// OpenH264 knows only a rate, in bit/s; one picture gets a second of it.
const OPENH264_BITRATE: &str = "4000000";

/// Writes the card.
///
/// # Errors
/// An encoder is missing, or the file cannot be written. A picture behind that cannot be read, or
/// a missing plugin for text, costs that and no more.
pub(super) fn make_card(
    out: &Path,
    (width, height): (u16, u16),
    behind: Option<&Path>,
    text: &str,
) -> Result<(), Failure> {
    let caps = plain_pictures(width, height);
    if gst_video::VideoInfo::from_caps(&caps).map_or(true, |info| !info.is_valid()) {
        return Err(Failure::internal(format!(
            "{width}x{height} is no size of a picture"
        )));
    }
    let picture = behind.and_then(|file| {
        last_picture(file, &caps)
            .inspect_err(|error| tracing::warn!(%error, "the card has no picture behind its text"))
            .ok()
    });
    let picture = match picture {
        Some(mut picture) => {
            dim(&mut picture, &caps)?;
            picture
        }
        None => plain(&caps)?,
    };
    write(out, &caps, picture, text)
}

/// The last picture of a file in the given form.
fn last_picture(file: &Path, caps: &gst::Caps) -> Result<gst::Buffer, Failure> {
    let last: Arc<Mutex<Option<gst::Buffer>>> = Arc::default();
    let kept = Arc::clone(&last);
    let callbacks = AppSinkCallbacks::builder()
        .new_sample(move |sink| {
            let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
            *kept.lock().unwrap_or_else(PoisonError::into_inner) = sample.buffer_owned();
            Ok(gst::FlowSuccess::Ok)
        })
        .build();
    let sink = AppSink::builder()
        .sync(false)
        .caps(caps)
        .callbacks(callbacks)
        .build();
    let pipeline = gst::Pipeline::new();
    let parse = make("h264parse", &[])?;
    let decoder = first_of(&DECODERS)?;
    let scale = make("videoconvertscale", &[("add-borders", "true")])?;
    read_into(&pipeline, file, &[&parse, &decoder, &scale, sink.upcast_ref()])?;
    run(&pipeline)?;
    let found = last.lock().unwrap_or_else(PoisonError::into_inner).take();
    found.ok_or_else(|| Failure::internal(format!("{}: it has no picture", file.display())))
}

/// A plain dark picture.
fn plain(caps: &gst::Caps) -> Result<gst::Buffer, Failure> {
    let info = gst_video::VideoInfo::from_caps(caps).map_err(|error| Failure::internal(error.to_string()))?;
    let mut buffer =
        gst::Buffer::with_size(info.size()).map_err(|error| Failure::internal(error.to_string()))?;
    each_byte(&mut buffer, caps, |luma, _| if luma { DARK } else { GREY })?;
    Ok(buffer)
}

/// Takes most of the light out of a picture.
fn dim(buffer: &mut gst::Buffer, caps: &gst::Caps) -> Result<(), Failure> {
    each_byte(buffer, caps, dimmed)
}

fn dimmed(luma: bool, value: u8) -> u8 {
    let zero: u32 = if luma { 16 } else { u32::from(GREY) };
    // Weighted between nothing and what was there; at most 255, as both are.
    let mixed = (u32::from(value) * LEFT_PERCENT + zero * (100 - LEFT_PERCENT)) / 100;
    u8::try_from(mixed).unwrap_or(u8::MAX)
}

fn each_byte(
    buffer: &mut gst::Buffer,
    caps: &gst::Caps,
    change: impl Fn(bool, u8) -> u8,
) -> Result<(), Failure> {
    let info = gst_video::VideoInfo::from_caps(caps).map_err(|error| Failure::internal(error.to_string()))?;
    let mut frame = gst_video::VideoFrameRef::from_buffer_ref_writable(buffer.make_mut(), &info)
        .map_err(|error| Failure::internal(error.to_string()))?;
    for plane in 0..frame.n_planes() {
        let bytes = frame
            .plane_data_mut(plane)
            .map_err(|error| Failure::internal(error.to_string()))?;
        for byte in bytes {
            *byte = change(plane == 0, *byte);
        }
    }
    Ok(())
}

/// Puts the text over the picture and encodes it.
fn write(out: &Path, caps: &gst::Caps, mut picture: gst::Buffer, text: &str) -> Result<(), Failure> {
    {
        let picture = picture.make_mut();
        picture.set_pts(gst::ClockTime::ZERO);
        picture.set_dts(gst::ClockTime::NONE);
        picture.set_duration(gst::ClockTime::SECOND);
    }
    let mut rated = caps.clone();
    rated.make_mut().set("framerate", gst::Fraction::new(1, 1));
    let source = AppSrc::builder().caps(&rated).format(gst::Format::Time).build();
    let mut elements = vec![source.clone().upcast::<gst::Element>()];
    if exists("textoverlay") {
        elements.push(overlay(text)?);
        elements.push(make("videoconvertscale", &[])?);
        elements.push(filter(caps)?);
    } else {
        tracing::warn!("this machine cannot write text into pictures; install gstreamer1.0-plugins-base");
    }
    elements.extend(encode(out)?);
    let pipeline = gst::Pipeline::new();
    chain(&pipeline, &elements.iter().collect::<Vec<_>>())?;
    // The queue of the source takes both before anything runs.
    source
        .push_buffer(picture)
        .and_then(|_| source.end_of_stream())
        .map_err(|error| Failure::internal(error.to_string()))?;
    run(&pipeline)
}

fn overlay(text: &str) -> Result<gst::Element, Failure> {
    let overlay = make(
        "textoverlay",
        &[
            ("font-desc", FONT),
            ("halignment", "center"),
            ("valignment", "center"),
            ("line-alignment", "center"),
            ("shaded-background", "false"),
        ],
    )?;
    // The element reads Pango's markup, in which a name's "&" would be a fault.
    overlay.set_property("text", gst::glib::markup_escape_text(text).as_str());
    Ok(overlay)
}

/// From I420 of the right size to the file `out`.
fn encode(out: &Path) -> Result<Vec<gst::Element>, Failure> {
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
                ("option-string", &identity),
            ],
        )?);
        let high = gst::Caps::builder("video/x-h264")
            .field("profile", "high")
            .build();
        elements.push(filter(&high)?);
    } else {
        elements.push(make("openh264enc", &[("bitrate", OPENH264_BITRATE)])?);
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

/// I420 of one size with square pixels: what all encoders take.
fn plain_pictures(width: u16, height: u16) -> gst::Caps {
    gst::Caps::builder("video/x-raw")
        .field("format", "I420")
        .field("width", i32::from(width))
        .field("height", i32::from(height))
        .field("pixel-aspect-ratio", gst::Fraction::new(1, 1))
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dimming_leaves_black_black_and_grey_grey() {
        assert_eq!(dimmed(true, 16), 16);
        assert_eq!(dimmed(true, 235), 81);
        assert_eq!(dimmed(false, GREY), GREY);
        assert_eq!(dimmed(false, 228), 158);
    }
}
