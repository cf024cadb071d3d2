//! Encoding: coders that follow one another, one track, and a muxer for each run.
//!
//! ```text
//! feed ─► coder (encoder, parser) ─► track ─► muxer of the run ─► outbox
//!                                      └ ring: the last seconds, for pre-roll
//! ```
//! Without pre-roll a coder is built when a run begins and ended with it. With pre-roll one is warm
//! as long as the device delivers. Either may be replaced at any time without a seam: by another
//! format of the device, by another encoder when one fails or a better one has proved itself, by a
//! quicker preset when the machine cannot follow.

mod choice;
mod chunks;
mod codec;
mod coder;
mod encoding;
mod headroom;
mod picture;
mod probe;
mod ring;
mod settings;
pub(crate) mod sound;
mod track;
mod verdicts;

pub(crate) use encoding::{Encoding, Order};
pub(crate) use headroom::measure;

use lectern_domain::config::Source;

use crate::element::{exists, filter, make};
use crate::failure::Failure;

/// Loads the libraries that an encoder of `source` will need. Up to a second on a slow computer,
/// once: without this the first run after a start would lack its first moments. What is missing
/// shows when a run begins. Engine thread.
pub(crate) fn load(source: &Source) {
    if let Some(audio) = &source.audio {
        drop(sound::elements(audio));
    }
    if let Some(video) = &source.video {
        let choice = choice::Choice::new(video.encoder, None, Vec::new());
        let likely = choice.best(exists, |_| choice::Verdict::Unknown);
        if let Some(candidate) = likely {
            drop(picture::elements(&candidate, video, 640, 360, false));
        }
    }
}

/// Reads stream parameters and cuts into access units.
fn parser() -> Result<gst::Element, Failure> {
    make("h264parse", &[])
}

/// The only packing of H.264 that fits into MP4.
fn avc() -> Result<gst::Element, Failure> {
    let caps = gst::Caps::builder("video/x-h264")
        .field("stream-format", "avc")
        .field("alignment", "au")
        .build();
    filter(&caps)
}

/// Running time of a stamp of a stream, in nanoseconds.
fn run_time_ns(segment: &gst::Segment, stamp: gst::ClockTime) -> Option<u64> {
    // x264enc moves its stamps by 1000 hours and its segment along with them.
    let segment = segment.downcast_ref::<gst::ClockTime>()?;
    segment.to_running_time(stamp).map(gst::ClockTime::nseconds)
}
