//! What a person sees of a source while nothing is recorded: small pictures and levels.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use gst::prelude::*;
use gst_app::{AppSink, AppSinkCallbacks};

use super::{Head, Medium, Reports};
use crate::clock::{self, SECOND_NS};
use crate::element::{chain, exists, filter, link, make};
use crate::failure::Failure;
use crate::feed::REPEATED;
use crate::outbox::Outbox;

/// The least distance of two small pictures while somebody looks, in nanoseconds: five a second.
const PICTURE_EVERY_NS: u64 = SECOND_NS / 5;
/// The same while nobody looks, for whoever comes next, and for pictures that show nothing new:
/// whoever looks sees that the source is alive.
const SELDOM_EVERY_NS: u64 = 2 * SECOND_NS;
/// A picture that comes this much too early is taken all the same: cameras jitter.
const PICTURE_JITTER_NS: u64 = 10_000_000;
/// The largest small picture: width and height in pixels.
pub(crate) const SMALL_PICTURE: (i32, i32) = (480, 270);
/// What a level says for digital silence, in dBFS.
const SILENCE_DBFS: f64 = -120.0;

/// Links a head of pictures to the tap and to the branch of small pictures.
pub(super) fn split(
    pipeline: &gst::Pipeline,
    head: &Head,
    tap: &gst::Element,
    reports: &Reports,
) -> Result<(), Failure> {
    let tee = make("tee", &[])?;
    chain(pipeline, &[&head.element, &tee])?;
    chain(pipeline, &[tap])?;
    link(&[&tee, tap])?;

    let mut branch = Vec::new();
    if head.medium == Medium::Coded {
        // A decoder needs every picture: this queue is deep, and a gap shows as a smear only here.
        branch.push(make(
            "queue",
            &[("leaky", "downstream"), ("max-size-buffers", "30")],
        )?);
        branch.push(make(
            if exists("avdec_h264") {
                "avdec_h264"
            } else {
                "openh264dec"
            },
            &[],
        )?);
    }
    let newest = make("queue", &[("leaky", "downstream"), ("max-size-buffers", "1")])?;
    let thin = newest
        .static_pad("sink")
        .ok_or_else(|| Failure::internal("a queue has no sink pad"))?;
    branch.push(newest);
    branch.push(make("videoconvertscale", &[("add-borders", "false")])?);
    branch.push(filter(&caps_within(reports.largest_picture))?);
    branch.push(make("jpegenc", &[("quality", "70")])?);
    branch.push(picture_sink(&reports.outbox));
    chain(pipeline, &branch.iter().collect::<Vec<_>>())?;
    link(&[
        &tee,
        branch
            .first()
            .ok_or_else(|| Failure::internal("the branch is empty"))?,
    ])?;
    thin_out(&thin, Arc::clone(&reports.looked_at));
    Ok(())
}

/// The elements that bring sound to 48 kHz float and measure it.
pub(super) fn meter(channels: u32) -> Result<Vec<gst::Element>, Failure> {
    let caps = gst::Caps::builder("audio/x-raw")
        .field("format", "F32LE")
        .field("layout", "interleaved")
        .field("rate", i32::try_from(clock::SOUND_TICKS).unwrap_or(i32::MAX))
        .field("channels", i32::try_from(channels).unwrap_or(1))
        .build();
    Ok(vec![
        make("audioconvert", &[])?,
        make("audioresample", &[])?,
        filter(&caps)?,
        make("level", &[("interval", "100000000"), ("post-messages", "true")])?,
    ])
}

/// Mean and peak of each channel in dBFS, from a message of the element `level`.
pub(super) fn levels(message: &gst::StructureRef) -> Option<(Vec<f32>, Vec<f32>)> {
    if message.name() != "level" {
        return None;
    }
    let read = |name: &str| {
        let values = message.get::<gst::glib::ValueArray>(name).ok()?;
        Some(
            values
                .iter()
                .filter_map(|value| value.get::<f64>().ok())
                .map(finite)
                .collect::<Vec<f32>>(),
        )
    };
    Some((read("rms")?, read("peak")?))
}

/// JSON has no minus infinity.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a level needs no more than three digits"
)]
fn finite(dbfs: f64) -> f32 {
    if dbfs.is_nan() {
        SILENCE_DBFS as f32
    } else {
        dbfs.clamp(SILENCE_DBFS, 20.0) as f32
    }
}

/// Fits into the size and keeps the shape; the scaler chooses within the ranges.
fn caps_within((width, height): (i32, i32)) -> gst::Caps {
    gst::Caps::builder("video/x-raw")
        .field("format", "I420")
        .field("width", gst::IntRange::new(16, width))
        .field("height", gst::IntRange::new(16, height))
        .field("pixel-aspect-ratio", gst::Fraction::new(1, 1))
        .build()
}

/// Lets five pictures a second through, before anything is spent on them; while nobody looks, and
/// of those that show nothing new, fewer.
fn thin_out(pad: &gst::Pad, looked_at: Arc<AtomicBool>) {
    let thinner = Mutex::new(Thinner::default());
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        let Some((buffer, at)) = info.buffer().and_then(|buffer| Some((buffer, buffer.pts()?))) else {
            return gst::PadProbeReturn::Ok;
        };
        let mut thinner = thinner.lock().unwrap_or_else(PoisonError::into_inner);
        let repeated = buffer.flags().contains(REPEATED);
        if thinner.takes(at.nseconds(), repeated, looked_at.load(Relaxed)) {
            gst::PadProbeReturn::Ok
        } else {
            // `Drop` would be released twice by these bindings on GStreamer 1.22.
            gst::PadProbeReturn::Handled
        }
    });
}

/// Chooses the pictures that are made small.
#[derive(Debug, Default)]
struct Thinner {
    last_ns: Option<u64>,
    /// One that showed something new was left out since: the next one is not a mere repeat.
    owes: bool,
}

impl Thinner {
    /// Whether to take the picture at `at_ns`.
    fn takes(&mut self, at_ns: u64, repeated: bool, looked_at: bool) -> bool {
        self.owes |= !repeated;
        let every_ns = if self.owes && looked_at {
            PICTURE_EVERY_NS
        } else {
            SELDOM_EVERY_NS
        };
        let due = self
            .last_ns
            .is_none_or(|last_ns| at_ns.saturating_sub(last_ns) + PICTURE_JITTER_NS >= every_ns);
        if due {
            (self.last_ns, self.owes) = (Some(at_ns), false);
        }
        due
    }
}

fn picture_sink(outbox: &Arc<Outbox>) -> gst::Element {
    let outbox = Arc::clone(outbox);
    let callbacks = AppSinkCallbacks::builder()
        .new_sample(move |sink| {
            let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
            let at_ns = sample.buffer().and_then(|buffer| buffer.pts());
            let jpeg = sample.buffer().and_then(|buffer| buffer.map_readable().ok());
            if let (Some(at_ns), Some(jpeg)) = (at_ns, jpeg) {
                outbox.picture(at_ns.nseconds(), &jpeg);
            }
            Ok(gst::FlowSuccess::Ok)
        })
        .build();
    AppSink::builder()
        .name("small")
        .sync(false)
        .async_(false)
        .callbacks(callbacks)
        .build()
        .upcast()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_small_pictures_a_second_and_few_of_what_stands_still_or_nobody_looks_at() {
        let taken_by = |looked_at: bool, pictures: &mut dyn Iterator<Item = (u64, bool)>| -> Vec<u64> {
            let mut thinner = Thinner::default();
            let due = pictures.filter(|(ms, same)| thinner.takes(ms * 1_000_000, *same, looked_at));
            due.map(|(ms, _)| ms).collect()
        };
        let taken = |pictures: &mut dyn Iterator<Item = (u64, bool)>| taken_by(true, pictures);
        let moving = taken(&mut (0..30).map(|n| (n * 1000 / 30, false)));
        assert_eq!(moving.len(), 5, "{moving:?}");
        let still = taken(&mut (0..20).map(|n| (n * 400, n > 0)));
        assert_eq!(still, [0, 2000, 4000, 6000]);
        let last_change = taken(&mut [(0, false), (66, false), (466, true), (866, true)].into_iter());
        assert_eq!(last_change, [0, 466], "it is not forgotten");
        let alone = taken_by(false, &mut (0..150).map(|n| (n * 1000 / 30, false)));
        assert_eq!(alone, [0, 2000, 4000]);
    }
}
