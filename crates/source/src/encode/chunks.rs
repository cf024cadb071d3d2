//! The muxer and the way out: where chunks begin, how they are stamped, how they leave.
//!
//! `cmafmux` is told where to cut: at every key frame a fragment, so that each key frame is a
//! place where a segment file may begin, and a chunk each 200 ms between. It gets stamps of the
//! run and keeps them in `tfdt`. Its output arrives as one list of buffers per chunk, the first one
//! with the init segment before it. It cannot change its codec parameters: whoever has others ends
//! it and begins another one. Its two streaming threads send; only the engine's changes states.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use gst::prelude::*;
use gst_app::{AppSink, AppSinkCallbacks, AppSrc};
use lectern_domain::ids::RunId;

use super::codec;
use super::ring::Unit;
use super::run_time_ns;
use crate::capture::Reports;
use crate::clock::{self, SECOND_NS};
use crate::element::{chain, make};
use crate::failure::{self, Failure};
use crate::feeder::KEY_EVERY_NS;
use crate::inputs::{Input, Inputs, PartNumber};
use crate::outbox::{Chunk, Outbox};

/// The length of a chunk, in nanoseconds.
const CHUNK_NS: u64 = SECOND_NS / 5;
/// Samples of one AAC frame.
pub(super) const AAC_FRAME: u64 = 1024;

/// What kind of track is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plan {
    /// Key frames are where the encoder or the camera put them.
    Pictures,
    /// Every frame is a key frame; fragments are cut by time.
    Sound,
}

impl Plan {
    /// Ticks a second of the track.
    pub(super) const fn scale(self) -> u32 {
        match self {
            Self::Pictures => clock::VIDEO_TICKS,
            Self::Sound => clock::SOUND_TICKS,
        }
    }
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

/// The pipeline of a muxer. The engine owns it.
pub(super) struct Muxer {
    /// Which one of this process.
    pub(super) number: PartNumber,
    pipeline: gst::Pipeline,
    ending: Arc<AtomicBool>,
}

/// The pushing side of a muxer.
pub(super) struct MuxerInput {
    source: AppSrc,
    plan: Plan,
    cutter: Cutter,
    ending: Arc<AtomicBool>,
}

impl Muxer {
    /// Builds and starts a muxer whose chunks belong to `run`. Takes some milliseconds; engine
    /// thread.
    ///
    /// # Errors
    /// An element is missing or the pipeline does not start.
    pub(super) fn start(
        number: PartNumber,
        run: RunId,
        plan: Plan,
        reports: &Reports,
    ) -> Result<(Self, MuxerInput), Failure> {
        let pipeline = gst::Pipeline::with_name("mux");
        let source = AppSrc::builder()
            .format(gst::Format::Time)
            .is_live(false)
            .block(false)
            // The ring before it is bounded, and the muxer is faster than any encoder.
            .max_buffers(0)
            .max_bytes(0)
            .build();
        let mux = make(
            "cmafmux",
            &[("manual-split", "true"), ("send-force-keyunit", "false")],
        )?;
        let pad = mux
            .static_pad("sink")
            .ok_or_else(|| Failure::internal("the muxer has no sink pad"))?;
        if plan == Plan::Pictures {
            pad.set_property("trak-timescale", plan.scale());
        }
        let ending = Arc::<AtomicBool>::default();
        let sink = sink(number, run, pad, reports, Arc::clone(&ending));
        chain(&pipeline, &[source.upcast_ref(), &mux, sink.upcast_ref()])?;
        watch(&pipeline, number, &reports.inputs);
        let muxer = Self {
            number,
            pipeline,
            ending: Arc::clone(&ending),
        };
        if let Err(error) = muxer.pipeline.set_state(gst::State::Playing) {
            muxer.discard();
            return Err(Failure::internal(format!("the muxer did not start: {error}")));
        }
        let input = MuxerInput {
            source,
            plan,
            cutter: Cutter::default(),
            ending,
        };
        Ok((muxer, input))
    }

    /// Takes the pipeline down, whatever it still holds. Waits for its streaming threads.
    pub(super) fn discard(self) {
        self.ending.store(true, Ordering::Release);
        if let Err(error) = self.pipeline.set_state(gst::State::Null) {
            tracing::warn!(%error, "the muxer did not stop");
        }
    }
}

impl MuxerInput {
    /// Says what the frames are; before the first of them.
    pub(super) fn begin(&self, caps: &gst::Caps) {
        self.source.set_caps(Some(caps));
    }

    /// Pushes `unit`, which lies at this tick of the run. Does not wait.
    pub(super) fn push(&mut self, unit: &Unit, at: u64) {
        let stamp = |tick| clock::from_ticks(tick, self.plan.scale());
        let at_ns = stamp(at);
        let mut frame = unit.bytes.copy();
        {
            let frame = frame.make_mut();
            frame.set_pts(gst::ClockTime::from_nseconds(at_ns));
            match self.plan {
                Plan::Pictures => {
                    frame.set_dts(gst::ClockTime::from_nseconds(stamp(
                        at.saturating_sub(unit.ahead),
                    )));
                    // A picture lasts until the next one. A length of its own, when the next came
                    // early, would move the end of a chunk past the beginning of the one after it.
                    frame.set_duration(gst::ClockTime::ZERO);
                }
                Plan::Sound => {
                    // Counted in samples, a frame is exactly 1024 long; in rounded nanoseconds not.
                    frame.set_dts(gst::ClockTime::NONE);
                    frame.set_duration(gst::ClockTime::from_nseconds(stamp(at + AAC_FRAME) - at_ns));
                }
            }
        }
        let key = (self.plan == Plan::Pictures).then_some(unit.key);
        if let Some(cut) = self.cutter.cut(at_ns, key) {
            let split = gst::Structure::builder("FMP4MuxSplitNow")
                .field("chunk", cut == Cut::Chunk)
                .build();
            // Goes in order with the frames.
            self.source.send_event(gst::event::CustomDownstream::new(split));
        }
        self.send(frame);
    }

    /// Lets the last picture last until this tick of the run: an empty buffer stands there.
    pub(super) fn hold_until(&self, end: u64) {
        let mut gap = gst::Buffer::new();
        {
            let gap = gap.make_mut();
            let end_ns = clock::from_ticks(end, self.plan.scale());
            gap.set_pts(gst::ClockTime::from_nseconds(end_ns));
            gap.set_dts(gst::ClockTime::from_nseconds(end_ns));
            gap.set_duration(gst::ClockTime::ZERO);
            gap.set_flags(gst::BufferFlags::GAP | gst::BufferFlags::DROPPABLE | gst::BufferFlags::DELTA_UNIT);
        }
        self.send(gap);
    }

    /// Ends the stream; the muxer gives out what it holds and says that it has drained.
    pub(super) fn finish(self) {
        self.ending.store(true, Ordering::Release);
        if let Err(error) = self.source.end_of_stream() {
            tracing::debug!(%error, "the muxer refused the end of its stream");
        }
    }

    fn send(&self, frame: gst::Buffer) {
        if let Err(error) = self.source.push_buffer(frame) {
            // Its pipeline reports why.
            tracing::debug!(%error, "the muxer did not take a frame");
        }
    }
}

/// Passes errors of the pipeline on, on whichever thread they happen.
fn watch(pipeline: &gst::Pipeline, number: PartNumber, inputs: &Inputs) {
    let inputs = inputs.clone();
    pipeline
        .bus()
        .expect("a pipeline has a bus")
        .set_sync_handler(move |_, message| {
            if let gst::MessageView::Error(error) = message.view() {
                let debug = error.debug();
                let failure = failure::from_bus("the muxer", false, &error.error(), debug.as_deref());
                inputs.put_now(Input::MuxerFailed(number, failure));
            }
            gst::BusSyncReply::Drop
        });
}

/// The sink that turns lists of buffers into chunks.
fn sink(
    number: PartNumber,
    run: RunId,
    coded: gst::Pad,
    reports: &Reports,
    ending: Arc<AtomicBool>,
) -> AppSink {
    let (outbox, inputs) = (Arc::clone(&reports.outbox), reports.inputs.clone());
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
                Input::MuxerFailed(number, Failure::internal("the muxer ended by itself"))
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
                .map(|caps| codec::describe(&caps))
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
        chunk.key |= coded.current_caps().is_some_and(|caps| codec::is_sound(&caps));
        outbox.chunk(chunk);
    }
    true
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
