//! Making and linking elements, with an error that says which package is missing.
//!
//! Nothing here starts, stops or waits.

use gst::prelude::*;

use crate::failure::Failure;

/// Makes an element and sets its properties; text values are parsed as `gst-launch` would.
pub(crate) fn make(factory: &str, properties: &[(&str, &str)]) -> Result<gst::Element, Failure> {
    let element = gst::ElementFactory::make(factory)
        .build()
        .map_err(|_| missing(factory))?;
    for (name, value) in properties {
        element.set_property_from_str(name, value);
    }
    Ok(element)
}

/// Whether elements of `factory` can be made here.
pub(crate) fn exists(factory: &str) -> bool {
    gst::ElementFactory::find(factory).is_some()
}

/// A filter that lets only `caps` through.
pub(crate) fn filter(caps: &gst::Caps) -> Result<gst::Element, Failure> {
    let element = make("capsfilter", &[])?;
    element.set_property("caps", caps);
    Ok(element)
}

/// Adds elements to a bin and links them in order.
pub(crate) fn chain(bin: &impl IsA<gst::Bin>, elements: &[&gst::Element]) -> Result<(), Failure> {
    bin.add_many(elements.iter().copied())
        .map_err(|error| Failure::internal(error.to_string()))?;
    link(elements)
}

/// Links elements in order.
pub(crate) fn link(elements: &[&gst::Element]) -> Result<(), Failure> {
    gst::Element::link_many(elements.iter().copied()).map_err(|error| Failure::internal(error.to_string()))
}

/// Wraps elements into a bin whose pad `src` is that of the last one.
pub(crate) fn wrap(name: &str, elements: &[&gst::Element]) -> Result<gst::Bin, Failure> {
    let bin = gst::Bin::with_name(name);
    chain(&bin, elements)?;
    let last = elements
        .last()
        .ok_or_else(|| Failure::internal("an empty chain has no end"))?;
    let target = last
        .static_pad("src")
        .ok_or_else(|| Failure::internal("a chain ended in a sink"))?;
    let ghost = gst::GhostPad::builder_with_target(&target)
        .map_err(|error| Failure::internal(error.to_string()))?
        .name("src")
        .build();
    bin.add_pad(&ghost)
        .map_err(|error| Failure::internal(error.to_string()))?;
    Ok(bin)
}

/// Says which package of Debian has the element.
fn missing(factory: &str) -> Failure {
    let package = match factory {
        "x264enc" => "gstreamer1.0-plugins-ugly",
        "avenc_aac" | "avdec_h264" => "gstreamer1.0-libav",
        "openh264enc" | "openh264dec" | "faad" | "voaacenc" | "h264parse" | "h264timestamper" => {
            "gstreamer1.0-plugins-bad"
        }
        "v4l2src" | "jpegenc" | "jpegdec" | "level" | "rtspsrc" | "rtph264depay" | "pulsesrc"
        | "aacparse" | "qtdemux" | "videocrop" => "gstreamer1.0-plugins-good",
        "alsasrc" => "gstreamer1.0-alsa",
        _ => "gstreamer1.0-plugins-base",
    };
    Failure::internal(format!(
        "GStreamer has no element \"{factory}\" here; install the package {package}"
    ))
}
