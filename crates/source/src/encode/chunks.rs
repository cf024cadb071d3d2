//! The muxer and the way out: where chunks begin, how they are stamped, how they leave.
//!
//! `cmafmux` is told where to cut: at every key frame a fragment, so that each key frame is a
//! place where a segment file may begin, and a chunk each 200 ms between. It keeps run time in
//! `tfdt`. Its output arrives as one list of buffers per chunk, the first one with the init
//! segment before it.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use gst::prelude::*;
use gst_app::{AppSink, AppSinkCallbacks};
use lectern_domain::ids::RunId;

use super::{Exit, run_time_ns, sample_of};
use crate::clock::{self, SECOND_NS};
use crate::element::make;
use crate::failure::Failure;
use crate::feed::KeySeen;
use crate::feeder::{KEY_EVERY_NS, TrackEnd};
use crate::inputs::Input;
use crate::outbox::{Chunk, Outbox};

/// The length of a chunk, in nanoseconds.
const CHUNK_NS: u64 = SECOND_NS / 5;
/// Samples of one AAC frame.
const AAC_FRAME: u64 = 1024;

/// What kind of track is cut.
#[derive(Clone, Copy, Debug)]
pub(super) enum Plan {
    /// Key frames are where the encoder or the camera put them.
    Pictures,
    /// Every frame is a key frame; fragments are cut by time.
    Sound {
        /// Samples that the encoder puts before the first one it was given.
        priming: u64,
    },
}

/// Where to cut before a coded frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cut {
    Fragment,
    Chunk,
}

/// Remembers the last cuts; all times in nanoseconds of the run.
#[derive(Debug, Default)]
struct Cutter {
    last: Option<(u64, u64)>,
}

impl Cutter {
    /// Whether to cut before the frame at `at_ns`. `key`: a picture's key frame; `None` for sound.
    fn cut(&mut self, at_ns: u64, key: Option<bool>) -> Option<Cut> {
        let Some((fragment_ns, chunk_ns)) = &mut self.last else {
            self.last = Some((at_ns, at_ns));
            return None;
        };
        let fragment = key.unwrap_or(at_ns >= *fragment_ns + KEY_EVERY_NS);
        if fragment {
            (*fragment_ns, *chunk_ns) = (at_ns, at_ns);
            Some(Cut::Fragment)
        } else if at_ns >= *chunk_ns + CHUNK_NS {
            *chunk_ns = at_ns;
            Some(Cut::Chunk)
        } else {
            None
        }
    }
}

/// The muxer, and the sink whose chunks go to the outbox.
pub(super) fn muxer(plan: Plan, exit: &Exit) -> Result<(gst::Element, AppSink), Failure> {
    let mux = make(
        "cmafmux",
        &[("manual-split", "true"), ("send-force-keyunit", "false")],
    )?;
    let pad = mux
        .static_pad("sink")
        .ok_or_else(|| Failure::internal("the muxer has no sink pad"))?;
    if matches!(plan, Plan::Pictures) {
        pad.set_property("trak-timescale", clock::VIDEO_TICKS);
    }
    let cutter = Mutex::new(Cutter::default());
    let key_seen = exit.key_seen.clone();
    pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
        let Some(buffer) = info.buffer_mut() else {
            return gst::PadProbeReturn::Ok;
        };
        let mut cutter = cutter.lock().unwrap_or_else(PoisonError::into_inner);
        prepare(pad, buffer, plan, &mut cutter, &key_seen)
    });
    let end = exit.end.clone();
    pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |pad, info| {
        if info
            .event()
            .is_some_and(|event| event.type_() == gst::EventType::Eos)
        {
            hold_last(pad, &end);
        }
        gst::PadProbeReturn::Ok
    });
    Ok((mux, sink(exit, pad)))
}

/// Stamps a coded frame and tells the muxer to cut before it, if it is time.
fn prepare(
    pad: &gst::Pad,
    buffer: &mut gst::Buffer,
    plan: Plan,
    cutter: &mut Cutter,
    key_seen: &KeySeen,
) -> gst::PadProbeReturn {
    let Some(segment) = pad.sticky_event::<gst::event::Segment>(0) else {
        return gst::PadProbeReturn::Ok;
    };
    let Some(at_ns) = buffer.pts().and_then(|pts| run_time_ns(segment.segment(), pts)) else {
        return gst::PadProbeReturn::Ok;
    };
    let (at_ns, key) = match plan {
        Plan::Pictures => {
            // A picture lasts until the next one. A length of its own, when the next came early,
            // would move the end of a chunk past the beginning of the one after it.
            buffer.make_mut().set_duration(gst::ClockTime::ZERO);
            (
                at_ns,
                Some(!buffer.flags().contains(gst::BufferFlags::DELTA_UNIT)),
            )
        }
        Plan::Sound { priming } => {
            // Counted in samples, a frame is exactly 1024 long; in rounded nanoseconds it is not.
            let Some(first) = sample_of(at_ns).checked_sub(priming) else {
                // `Drop` would be released twice by these bindings on GStreamer 1.22.
                return gst::PadProbeReturn::Handled;
            };
            let start_ns = clock::from_ticks(first, clock::SOUND_TICKS);
            let end_ns = clock::from_ticks(first + AAC_FRAME, clock::SOUND_TICKS);
            let buffer = buffer.make_mut();
            buffer.set_pts(gst::ClockTime::from_nseconds(start_ns));
            buffer.set_duration(gst::ClockTime::from_nseconds(end_ns - start_ns));
            (start_ns, None)
        }
    };
    if key == Some(true) {
        key_seen.set();
    }
    if let Some(cut) = cutter.cut(at_ns, key) {
        let split = gst::Structure::builder("FMP4MuxSplitNow")
            .field("chunk", cut == Cut::Chunk)
            .build();
        // The pad's own peer pushes it, in order with the frames.
        pad.send_event(gst::event::CustomDownstream::new(split));
    }
    gst::PadProbeReturn::Ok
}

/// Lets the last picture last until the track's end: an empty buffer stands there.
fn hold_last(pad: &gst::Pad, end: &TrackEnd) {
    let Some(segment) = pad.sticky_event::<gst::event::Segment>(0) else {
        return;
    };
    let Some(segment) = segment.segment().downcast_ref::<gst::ClockTime>() else {
        return;
    };
    let Some(position) = end
        .get()
        .and_then(|end_ns| segment.position_from_running_time(gst::ClockTime::from_nseconds(end_ns)))
    else {
        return;
    };
    let mut gap = gst::Buffer::new();
    {
        let gap = gap.make_mut();
        gap.set_pts(position);
        gap.set_duration(gst::ClockTime::ZERO);
        gap.set_flags(gst::BufferFlags::GAP | gst::BufferFlags::DROPPABLE | gst::BufferFlags::DELTA_UNIT);
    }
    if let Err(error) = pad.chain(gap) {
        tracing::debug!(%error, "the muxer did not take the end of the last picture");
    }
}

/// The sink that turns lists of buffers into chunks.
fn sink(exit: &Exit, coded: gst::Pad) -> AppSink {
    let (run, outbox) = (exit.run, Arc::clone(&exit.outbox));
    let (number, inputs, ending) = (exit.number, exit.inputs.clone(), Arc::clone(&exit.ending));
    let callbacks = AppSinkCallbacks::builder()
        .new_sample(move |sink| {
            let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
            if !forward(run, &coded, &sample, &outbox) {
                tracing::error!("the muxer gave out a chunk without a time and it was lost");
            }
            Ok(gst::FlowSuccess::Ok)
        })
        .eos(move |_| {
            let input = if ending.load(Ordering::Acquire) {
                Input::Drained(number)
            } else {
                // The muxer reports some errors only by ending its stream.
                Input::EncoderFailed(number, Failure::internal("the encoder ended by itself"))
            };
            inputs.put_now(input);
        })
        .build();
    AppSink::builder()
        .sync(false)
        .async_(false)
        .buffer_list(true)
        .callbacks(callbacks)
        .build()
}

/// Sends what one sample holds; false if it could not be placed in time.
fn forward(run: RunId, coded: &gst::Pad, sample: &gst::Sample, outbox: &Outbox) -> bool {
    let (Some(list), Some(segment)) = (sample.buffer_list(), sample.segment()) else {
        return false;
    };
    let header = gst::BufferFlags::DISCONT | gst::BufferFlags::HEADER;
    let mut chunk: Option<Chunk> = None;
    for buffer in list {
        let Ok(bytes) = buffer.map_readable() else {
            return false;
        };
        if chunk.is_none() && buffer.flags().contains(header) {
            let codec = coded
                .current_caps()
                .map(|caps| describe(&caps))
                .unwrap_or_default();
            outbox.init(run, codec, &bytes);
            continue;
        }
        match &mut chunk {
            Some(chunk) => chunk.bytes.extend_from_slice(&bytes),
            None => {
                let start_ns = buffer.pts().and_then(|pts| run_time_ns(segment, pts));
                let (Some(start_ns), Some(length)) = (start_ns, buffer.duration()) else {
                    return false;
                };
                chunk = Some(Chunk {
                    run,
                    start_ns,
                    end_ns: start_ns + length.nseconds(),
                    key: !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT),
                    bytes: bytes.to_vec(),
                });
            }
        }
    }
    if let Some(chunk) = &mut chunk {
        // A decoder can begin anywhere in sound.
        chunk.key |= coded.current_caps().is_some_and(|caps| is_sound(&caps));
        outbox.chunk(chunk);
    }
    true
}

fn is_sound(caps: &gst::Caps) -> bool {
    caps.structure(0)
        .is_some_and(|fields| fields.name().starts_with("audio/"))
}

/// For people: `H.264 High 1280x720`, `AAC-LC 48000 Hz stereo`.
fn describe(caps: &gst::Caps) -> String {
    let Some(fields) = caps.structure(0) else {
        return String::new();
    };
    let number = |name: &str| fields.get::<i32>(name).unwrap_or(0);
    if is_sound(caps) {
        let channels = match number("channels") {
            1 => "mono".to_owned(),
            2 => "stereo".to_owned(),
            more => format!("{more} channels"),
        };
        return format!("AAC-LC {} Hz {channels}", number("rate"));
    }
    let profile = fields
        .get::<String>("profile")
        .unwrap_or_else(|_| "unknown".to_owned());
    let mut letters = profile.chars();
    let profile: String = letters
        .next()
        .map(|c| c.to_ascii_uppercase())
        .into_iter()
        .chain(letters)
        .collect();
    format!("H.264 {profile} {}x{}", number("width"), number("height"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    #[test]
    fn a_key_frame_always_begins_a_fragment() {
        let mut cutter = Cutter::default();
        assert_eq!(cutter.cut(0, Some(true)), None);
        assert_eq!(cutter.cut(100 * MS, Some(false)), None);
        assert_eq!(cutter.cut(133 * MS, Some(true)), Some(Cut::Fragment));
        assert_eq!(cutter.cut(300 * MS, Some(false)), None);
        assert_eq!(cutter.cut(333 * MS, Some(false)), Some(Cut::Chunk));
    }

    #[test]
    fn sound_is_cut_by_time_alone() {
        let mut cutter = Cutter::default();
        let cuts: Vec<(u64, Cut)> = (0..=210)
            .filter_map(|n| cutter.cut(n * 20 * MS, None).map(|cut| (n * 20, cut)))
            .collect();
        let fragments: Vec<u64> = cuts
            .iter()
            .filter(|(_, cut)| *cut == Cut::Fragment)
            .map(|(at, _)| *at)
            .collect();
        assert_eq!(fragments, [2000, 4000]);
        assert_eq!(cuts.len(), 21);
    }
}
