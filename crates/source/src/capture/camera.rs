//! Cameras and grabbers on Video4Linux 2: which of its formats a device is asked for.
//!
//! The device is asked what it can do; the nearest to the configuration is taken. Raw formats go
//! before JPEG at the same size and rate: they cost the bus, not the processor.

use gst::prelude::*;
use lectern_domain::config::Video;
use lectern_domain::wire::FailureReason;

use super::{Head, Hint, Medium};
use crate::element::{filter, make, wrap};
use crate::failure::{self, Failure};

/// The size that is looked for when none is configured.
const SIZE: (i32, i32) = (1280, 720);

/// The head of kind `v4l2`. Opens the device to ask for its formats; may block as long as the
/// driver does.
pub(super) fn head(device: &str, video: &Video) -> Result<Head, Failure> {
    let source = make("v4l2src", &[])?;
    source.set_property("device", device);
    let offered = offered(&source, device)?;
    let chosen = choose(&offered, video).ok_or_else(|| {
        let message = format!("camera {device}: it offers no format that can be recorded, only {offered}");
        Failure::new(FailureReason::Unsupported, message)
    })?;
    tracing::info!(device, format = %chosen, "a camera format was chosen");
    let mut elements = vec![source, filter(&chosen)?];
    if chosen.structure(0).and_then(recordable) == Some(Coding::Jpeg) {
        elements.push(jpeg_decoder()?);
    }
    let bin = wrap("camera", &elements.iter().collect::<Vec<_>>())?;
    Ok(Head {
        element: bin.upcast(),
        medium: Medium::Pictures,
        pacer: None,
        hint: Hint::default(),
    })
}

/// A decoder that goes on after any number of broken pictures: a bad cable or a full bus spoils
/// some, and none of them may end a recording.
fn jpeg_decoder() -> Result<gst::Element, Failure> {
    make("jpegdec", &[("max-errors", "-1")])
}

/// Opens the device and reads its formats. It stays open: the pipeline takes it over.
fn offered(source: &gst::Element, device: &str) -> Result<gst::Caps, Failure> {
    let bus = gst::Bus::new();
    source.set_bus(Some(&bus));
    let opened = source.set_state(gst::State::Ready);
    let error = bus.pop_filtered(&[gst::MessageType::Error]);
    source.set_bus(None);
    if opened.is_err() {
        // An element that leaves its owner must be closed.
        let _closed = source.set_state(gst::State::Null);
        let name = format!("camera {device}");
        return Err(match error.as_ref().map(|message| message.view()) {
            Some(gst::MessageView::Error(error)) => {
                failure::from_bus(&name, false, &error.error(), error.debug().as_deref())
            }
            _ => Failure::new(FailureReason::NotFound, format!("{name}: it could not be opened")),
        });
    }
    let pad = source
        .static_pad("src")
        .ok_or_else(|| Failure::internal("v4l2src has no output"))?;
    Ok(pad.query_caps(None))
}

/// The nearest of `offered` to the configuration, fixed; `None` if nothing of it can be recorded.
fn choose(offered: &gst::Caps, video: &Video) -> Option<gst::Caps> {
    let side = |configured: Option<u32>, default: i32| {
        configured
            .and_then(|side| i32::try_from(side).ok())
            .unwrap_or(default)
    };
    let (width, height) = (side(video.width, SIZE.0), side(video.height, SIZE.1));
    let fps = i32::try_from(video.fps.clamp(1, 240)).unwrap_or(30);
    let mut best: Option<(Distance, gst::Caps)> = None;
    for (fields, features) in offered.iter_with_features() {
        let Some(coding) = recordable(fields) else {
            continue;
        };
        // Frames in a device's own memory cannot be mapped by the converter.
        if !features.is_equal(gst::CapsFeatures::new_empty().as_ref())
            && !features.contains("memory:SystemMemory")
        {
            continue;
        }
        let mut near = fields.to_owned();
        near.fixate_field_nearest_int("width", width);
        near.fixate_field_nearest_int("height", height);
        if near.has_field("framerate") {
            near.fixate_field_nearest_fraction("framerate", gst::Fraction::new(fps, 1));
        }
        // Many drivers do not say how their pixels are shaped. Left open, the small pictures' wish
        // for square ones comes up to the device as a range, of which it takes the thinnest.
        if !near.has_field("pixel-aspect-ratio") {
            near.set("pixel-aspect-ratio", gst::Fraction::new(1, 1));
        }
        near.fixate();
        let distance = Distance::of(&near, width, height, fps, coding);
        if best.as_ref().is_none_or(|(before, _)| distance < *before) {
            best = Some((distance, gst::Caps::builder_full().structure(near).build()));
        }
    }
    best.map(|(_, caps)| caps)
}

/// How the pictures of a format that can be recorded are coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    /// As pixels.
    Raw,
    /// Each as JPEG.
    Jpeg,
}

/// The coding of `format`; `None` if it cannot be recorded.
pub(crate) fn recordable(format: &gst::StructureRef) -> Option<Coding> {
    match format.name().as_str() {
        "video/x-raw" => Some(Coding::Raw),
        "image/jpeg" => Some(Coding::Jpeg),
        _ => None,
    }
}

/// How far a format is from the wish; compared from the first field on.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Distance {
    /// Pictures a second that are missing, when it is more than a tenth: a slide show is worse
    /// than a small picture.
    slow: i32,
    /// Pixels apart, width and height added.
    size: i32,
    /// Any other difference of the rate.
    rate: i32,
    jpeg: bool,
}

impl Distance {
    fn of(fields: &gst::StructureRef, width: i32, height: i32, fps: i32, coding: Coding) -> Self {
        let side = |name: &str, wanted: i32| {
            fields
                .get::<i32>(name)
                .map_or(i32::MAX / 4, |is| (is - wanted).abs())
        };
        let rate = fields.get::<gst::Fraction>("framerate").map_or(fps, |rate| {
            (rate.numer() + rate.denom() / 2) / rate.denom().max(1)
        });
        let missing = (fps - rate).max(0);
        Self {
            slow: if missing * 10 > fps { missing } else { 0 },
            size: side("width", width) + side("height", height),
            rate: (rate - fps).abs(),
            jpeg: coding == Coding::Jpeg,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lectern_domain::config::Encoder;
    use std::str::FromStr;

    fn chosen(offered: &str, size: Option<(u32, u32)>, fps: u32) -> Option<String> {
        gst::init().unwrap();
        let video = Video {
            width: size.map(|size| size.0),
            height: size.map(|size| size.1),
            fps,
            bitrate: None,
            encoder: Encoder::Auto,
        };
        let caps = choose(&gst::Caps::from_str(offered).unwrap(), &video)?;
        let fields = caps.structure(0)?;
        let rate = fields.get::<gst::Fraction>("framerate").ok()?;
        let number = |name| fields.get::<i32>(name).unwrap();
        Some(format!(
            "{} {}x{}@{}",
            fields.name(),
            number("width"),
            number("height"),
            rate.numer() / rate.denom()
        ))
    }

    const WEBCAM: &str = "video/x-raw, format=YUY2, width=640, height=480, framerate={30/1, 15/1}; \
        video/x-raw, format=YUY2, width=1280, height=720, framerate={10/1, 5/1}; \
        image/jpeg, width=1280, height=720, framerate={30/1, 15/1}; \
        image/jpeg, width=1920, height=1080, framerate={30/1, 15/1}; \
        video/x-h264, width=1920, height=1080, framerate=30/1";

    #[test]
    fn a_webcam_gives_jpeg_where_raw_is_too_slow() {
        assert_eq!(
            chosen(WEBCAM, Some((1280, 720)), 30).unwrap(),
            "image/jpeg 1280x720@30"
        );
        assert_eq!(
            chosen(WEBCAM, Some((1280, 720)), 10).unwrap(),
            "video/x-raw 1280x720@10"
        );
        assert_eq!(
            chosen(WEBCAM, Some((640, 480)), 30).unwrap(),
            "video/x-raw 640x480@30"
        );
        assert_eq!(
            chosen(WEBCAM, Some((1920, 1080)), 25).unwrap(),
            "image/jpeg 1920x1080@30"
        );
        assert_eq!(chosen(WEBCAM, None, 30).unwrap(), "image/jpeg 1280x720@30");
    }

    #[test]
    fn a_grabber_with_ranges_gives_what_is_asked() {
        let grabber = "video/x-raw, format=UYVY, width=[16,1920], height=[16,1080], framerate=[1/1,60/1]";
        assert_eq!(
            chosen(grabber, Some((1280, 720)), 25).unwrap(),
            "video/x-raw 1280x720@25"
        );
    }

    #[test]
    fn pixels_are_square_unless_the_device_says_otherwise() {
        let shape = |offered: &str| {
            gst::init().unwrap();
            let video = Video {
                width: None,
                height: None,
                fps: 25,
                bitrate: None,
                encoder: Encoder::Auto,
            };
            let caps = choose(&gst::Caps::from_str(offered).unwrap(), &video).unwrap();
            let shape = caps
                .structure(0)
                .unwrap()
                .get::<gst::Fraction>("pixel-aspect-ratio");
            let shape = shape.unwrap();
            (shape.numer(), shape.denom())
        };
        let silent = "video/x-raw, format=YUY2, width=720, height=576, framerate=25/1";
        assert_eq!(shape(silent), (1, 1));
        assert_eq!(shape(&format!("{silent}, pixel-aspect-ratio=16/15")), (16, 15));
    }

    #[test]
    fn a_device_without_a_usable_format_is_refused() {
        assert_eq!(
            chosen("video/x-bayer, width=640, height=480, framerate=30/1", None, 30),
            None
        );
    }

    /// P10: a camera whose cable spoils pictures, one after the other for seconds.
    #[test]
    fn p10_broken_jpeg_pictures_are_left_out_and_end_nothing() {
        use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
        gst::init().unwrap();
        let pipeline = gst::Pipeline::new();
        let camera = make("videotestsrc", &[("num-buffers", "200")]).unwrap();
        let coder = make("jpegenc", &[]).unwrap();
        let decoder = jpeg_decoder().unwrap();
        let end = make("fakesink", &[]).unwrap();
        crate::element::chain(&pipeline, &[&camera, &coder, &decoder, &end]).unwrap();
        let (spoilt, whole) = (AtomicU32::new(0), std::sync::Arc::new(AtomicU32::new(0)));
        let coded = coder.static_pad("src").unwrap();
        coded.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
            let number = spoilt.fetch_add(1, Relaxed);
            let Some(buffer) = info.buffer_mut() else {
                return gst::PadProbeReturn::Ok;
            };
            let mut bytes = buffer.map_readable().unwrap().to_vec();
            // Torn, empty, noise, without its beginning; 100 in a row.
            if (50..150).contains(&number) {
                match number % 4 {
                    0 => bytes.truncate(bytes.len() / 2),
                    1 => bytes.truncate(1),
                    2 => bytes
                        .iter_mut()
                        .enumerate()
                        .for_each(|(at, byte)| *byte = (at * 31 % 251) as u8),
                    _ => drop(bytes.drain(..100)),
                }
            }
            let pts = buffer.pts();
            let mut other = gst::Buffer::from_mut_slice(bytes);
            other.make_mut().set_pts(pts);
            *buffer = other;
            gst::PadProbeReturn::Ok
        });
        let count = whole.clone();
        let decoded = decoder.static_pad("src").unwrap();
        decoded.add_probe(gst::PadProbeType::BUFFER, move |_, _| {
            count.fetch_add(1, Relaxed);
            gst::PadProbeReturn::Ok
        });
        pipeline.set_state(gst::State::Playing).unwrap();
        let ends = [gst::MessageType::Eos, gst::MessageType::Error];
        let last = pipeline
            .bus()
            .unwrap()
            .timed_pop_filtered(gst::ClockTime::from_seconds(40), &ends)
            .unwrap();
        pipeline.set_state(gst::State::Null).unwrap();
        assert_eq!(last.type_(), gst::MessageType::Eos, "{last:?}");
        assert!(whole.load(Relaxed) >= 100, "{whole:?} pictures");
    }

    #[test]
    fn a_missing_camera_is_named() {
        gst::init().unwrap();
        let video = Video {
            width: None,
            height: None,
            fps: 30,
            bitrate: None,
            encoder: Encoder::Auto,
        };
        let failure = head("/dev/video-that-is-not-there", &video).err().unwrap();
        assert_eq!(failure.reason, FailureReason::NotFound, "{failure:?}");
        assert!(
            failure
                .message
                .starts_with("camera /dev/video-that-is-not-there: "),
            "{}",
            failure.message
        );
    }
}
