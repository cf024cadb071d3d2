//! The encoder of one run: a pipeline of its own, from raw buffers to chunks.
//!
//! It is built when a run begins, fed by a [`Feeder`], ended by the end of its stream and thrown
//! away. It has no clock and no live source: stamps are run time from the first element on, so
//! running time, and with it `tfdt`, is run time. It has two streaming threads: the appsrc's encodes,
//! the muxer's sends. Only the engine's thread changes states.

mod chunks;
mod picture;
pub(crate) mod sound;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use gst::prelude::*;
use gst_app::AppSrc;
use lectern_domain::config::Source;
use lectern_domain::ids::RunId;

use crate::capture::Reports;
use crate::clock;
use crate::element::{chain, filter, make};
use crate::failure::{self, Failure};
use crate::feed::KeySeen;
use crate::feeder::{Feeder, TrackEnd, Window};
use crate::form::Form;
use crate::inputs::{EncoderNumber, Input, Inputs};
use crate::outbox::Outbox;
use crate::session::Run;
use chunks::Plan;

/// The encoder of one run.
pub(crate) struct Encoder {
    /// Which one of this process.
    pub(crate) number: EncoderNumber,
    pipeline: gst::Pipeline,
    ending: Arc<AtomicBool>,
}

/// What the way out of an encoder reports to, and what it is told.
#[derive(Clone)]
struct Exit {
    run: RunId,
    number: EncoderNumber,
    outbox: Arc<Outbox>,
    inputs: Inputs,
    key_seen: KeySeen,
    /// Where the last picture ends.
    end: TrackEnd,
    /// The end was asked for; an end before it is a failure.
    ending: Arc<AtomicBool>,
}

impl Encoder {
    /// Builds and starts the encoder of `run` for what the device delivers, and the feeder to
    /// seat. Takes some milliseconds; engine thread.
    ///
    /// # Errors
    /// An element is missing or refuses its settings.
    pub(crate) fn start(
        number: EncoderNumber,
        run: Run,
        source: &Source,
        form: &Form,
        reports: &Reports,
    ) -> Result<(Self, Feeder), Failure> {
        let fps = source.video.as_ref().map_or(30, |video| video.fps);
        let pipeline = gst::Pipeline::with_name("encode");
        let appsrc = AppSrc::builder()
            .caps(&form.caps_with_rate(fps))
            .format(gst::Format::Time)
            .is_live(false)
            .block(false)
            // The feeder looks at the level and drops in a way that suits the medium.
            .max_buffers(0)
            .max_bytes(0)
            .build();
        let (elements, plan) = elements(source, form)?;
        let exit = Exit {
            run: run.id,
            number,
            outbox: Arc::clone(&reports.outbox),
            inputs: reports.inputs.clone(),
            key_seen: reports.feed.key_seen().clone(),
            end: TrackEnd::default(),
            ending: Arc::default(),
        };
        let (mux, sink) = chunks::muxer(plan, &exit)?;
        let mut all = vec![appsrc.upcast_ref::<gst::Element>()];
        all.extend(&elements);
        all.extend([&mux, sink.upcast_ref()]);
        chain(&pipeline, &all)?;
        watch(&pipeline, number, &reports.inputs);

        let delay_ns = source.delay_ms.saturating_mul(1_000_000);
        let window = Window {
            base_ns: run.base_ns,
            from_ns: run.from_ns,
            delay_ns,
            until_ns: None,
        };
        let feeder = Feeder::new(appsrc, form, fps, window, exit.end);
        let encoder = Self {
            number,
            pipeline,
            ending: exit.ending,
        };
        match encoder.pipeline.set_state(gst::State::Playing) {
            Ok(_) => Ok((encoder, feeder)),
            Err(error) => {
                encoder.discard();
                Err(Failure::internal(format!("the encoder did not start: {error}")))
            }
        }
    }

    /// From now on the end of the stream is expected.
    pub(crate) fn expect_end(&self) {
        self.ending.store(true, Ordering::Release);
    }

    /// Takes the pipeline down, whatever it still holds. Waits for its streaming thread.
    pub(crate) fn discard(self) {
        self.expect_end();
        if let Err(error) = self.pipeline.set_state(gst::State::Null) {
            tracing::warn!(%error, "the encoder did not stop");
        }
    }
}

/// Loads the libraries that an encoder of `source` will need. Up to a second on a slow computer,
/// once: without this the first run after a start would lack its first moments. What is missing
/// shows when a run begins. Engine thread.
pub(crate) fn load(source: &Source) {
    if let Some(audio) = &source.audio {
        drop(sound::elements(audio));
    }
    if let Some(video) = &source.video {
        drop(picture::elements(video, 640, 360));
    }
}

/// From what the device delivers to what the muxer takes.
fn elements(source: &Source, form: &Form) -> Result<(Vec<gst::Element>, Plan), Failure> {
    match form {
        Form::Pictures { width, height, .. } => {
            let video = source.video.as_ref().ok_or_else(|| wrong_role("pictures"))?;
            Ok((picture::elements(video, *width, *height)?, Plan::Pictures))
        }
        Form::Coded { .. } => Ok((vec![parser()?, avc()?], Plan::Pictures)),
        Form::Sound { .. } => {
            let audio = source.audio.as_ref().ok_or_else(|| wrong_role("sound"))?;
            let (elements, priming) = sound::elements(audio)?;
            Ok((elements, Plan::Sound { priming }))
        }
    }
}

/// Passes errors of the pipeline on, on whichever thread they happen.
fn watch(pipeline: &gst::Pipeline, number: EncoderNumber, inputs: &Inputs) {
    let inputs = inputs.clone();
    pipeline
        .bus()
        .expect("a pipeline has a bus")
        .set_sync_handler(move |_, message| {
            if let gst::MessageView::Error(error) = message.view() {
                let debug = error.debug();
                let failure = failure::from_bus("the encoder", false, &error.error(), debug.as_deref());
                inputs.put_now(Input::EncoderFailed(number, failure));
            }
            gst::BusSyncReply::Drop
        });
}

fn wrong_role(what: &str) -> Failure {
    Failure::new(
        lectern_domain::wire::FailureReason::Config,
        format!("it delivers {what}, which does not fit its role"),
    )
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

/// Run time of a stamp of `sample`'s stream, in nanoseconds.
fn run_time_ns(segment: &gst::Segment, stamp: gst::ClockTime) -> Option<u64> {
    // x264enc moves its stamps by 1000 hours and its segment along with them.
    let segment = segment.downcast_ref::<gst::ClockTime>()?;
    segment.to_running_time(stamp).map(gst::ClockTime::nseconds)
}

/// Run time moved to the sample grid of sound.
fn sample_of(run_ns: u64) -> u64 {
    clock::to_ticks(run_ns, clock::SOUND_TICKS)
}
