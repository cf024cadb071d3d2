//! Network cameras over RTSP: H.264 as it comes, recorded without decoding.
//!
//! RTP stamps are mapped to our clock by arrival, smoothed by the jitter buffer. They carry no
//! decoding times, which the muxer needs; `h264timestamper` makes them.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use gst::prelude::*;

use super::{Head, Hint, Medium};
use crate::element::{chain, filter, make, wrap};
use crate::failure::Failure;

/// How the camera is spoken to: over TCP, because a lost packet smears a lecture for seconds.
/// Times in milliseconds and microseconds, as the element wants them.
const SETTINGS: [(&str, &str); 3] = [
    ("protocols", "tcp"),
    ("latency", "200"),
    ("tcp-timeout", "5000000"),
];

/// The head of kind `rtsp`.
pub(super) fn head(url: &str) -> Result<Head, Failure> {
    let camera = make("rtspsrc", &SETTINGS)?;
    camera.set_property("location", url);
    let depay = make("rtph264depay", &[])?;
    // Parameter sets before each key frame: a recording may begin at any of them.
    let parse = make("h264parse", &[("config-interval", "-1")])?;
    let caps = gst::Caps::builder("video/x-h264")
        .field("stream-format", "avc")
        .field("alignment", "au")
        .build();
    let stamp = make("h264timestamper", &[])?;
    let bin = wrap("network", &[&depay, &parse, &stamp, &filter(&caps)?])?;
    chain(&bin, &[&camera])?;
    let hint = Hint::default();
    select(&camera, &depay, &hint)?;
    Ok(Head {
        element: bin.upcast(),
        medium: Medium::Coded,
        pacer: None,
        hint,
    })
}

/// Takes the camera's first H.264 stream and nothing else.
fn select(camera: &gst::Element, depay: &gst::Element, hint: &Hint) -> Result<(), Failure> {
    let sink = depay
        .static_pad("sink")
        .ok_or_else(|| Failure::internal("the depayloader has no input"))?;
    let taken = AtomicBool::new(false);
    let hint = hint.clone();
    camera.connect("select-stream", false, move |values| {
        let caps = values.get(2).and_then(|value| value.get::<gst::Caps>().ok());
        let name = caps
            .as_ref()
            .and_then(encoding)
            .unwrap_or_else(|| "an unknown format".to_owned());
        let wanted = name == "H264" && !taken.swap(true, Relaxed);
        if !wanted {
            hint.set(format!(
                "it sends {name}; only H.264 can be recorded, set the camera to it"
            ));
        }
        Some(wanted.to_value())
    });
    camera.connect_pad_added(move |_, pad| {
        if !sink.is_linked() && pad.link(&sink).is_err() {
            tracing::warn!(pad = %pad.name(), "a stream of the camera could not be taken");
        }
    });
    Ok(())
}

/// What an RTP stream carries.
fn encoding(caps: &gst::Caps) -> Option<String> {
    caps.structure(0)?.get::<String>("encoding-name").ok()
}
