//! A coder: from what the device delivers to coded frames on the axis of the monotonic clock.
//!
//! A pipeline of its own with an encoder, or, for a network camera, with a parser alone. It is fed
//! by a [`Feeder`] and gives its frames to an [`Outlet`]. It has no clock and no live source:
//! stamps are the clock's from the first element on, so running time is the monotonic clock. The
//! appsrc's thread encodes; only the engine's thread, or the one that tries encoders, changes
//! states.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use gst::prelude::*;
use gst_app::{AppSink, AppSinkCallbacks, AppSrc};
use lectern_domain::config::Source;
use lectern_domain::wire::FailureReason;

use super::choice::Candidate;
use super::chunks::AAC_FRAME;
use super::ring::Unit;
use super::{avc, parser, picture, run_time_ns, sound};
use crate::clock;
use crate::element::chain;
use crate::failure::{self, Failure};
use crate::feeder::{Feeder, KeyRule};
use crate::form::Form;
use crate::inputs::PartNumber;
use crate::window::Window;

/// Where a coder's frames go. Called on its streaming thread; must not wait.
pub(super) trait Outlet: Send + Sync + 'static {
    /// A frame came out.
    fn unit(&self, unit: Unit);
    /// The end of the stream came out: no more frames.
    fn ended(&self);
    /// It cannot go on.
    fn failed(&self, failure: Failure);
}

/// What a coder is made for.
pub(super) struct Recipe<'a> {
    /// The source as configured.
    pub(super) source: &'a Source,
    /// What the device delivers.
    pub(super) form: &'a Form,
    /// The encoder of pictures; not looked at for other forms.
    pub(super) candidate: Option<&'a Candidate>,
    /// Spend less on each picture.
    pub(super) faster: bool,
    /// When key frames are due.
    pub(super) rule: KeyRule,
    /// The first stamp that it gets, in nanoseconds.
    pub(super) from_ns: u64,
}

/// A running coder.
pub(super) struct Coder {
    /// Which one of this process.
    pub(super) number: PartNumber,
    pipeline: gst::Pipeline,
    ending: Arc<AtomicBool>,
}

impl Coder {
    /// Builds and starts a coder, and the feeder to seat. Takes some milliseconds, with hardware
    /// some hundred.
    ///
    /// # Errors
    /// An element is missing, refuses its settings or cannot start.
    pub(super) fn start(
        number: PartNumber,
        recipe: &Recipe<'_>,
        outlet: Arc<dyn Outlet>,
    ) -> Result<(Self, Feeder), Failure> {
        let Recipe {
            source, form, rule, ..
        } = *recipe;
        let fps = source.video.as_ref().map_or(30, |video| video.fps);
        let pipeline = gst::Pipeline::with_name("code");
        let appsrc = AppSrc::builder()
            .caps(&form.caps_with_rate(fps))
            .format(gst::Format::Time)
            .is_live(false)
            .block(false)
            // The feeder looks at the level and drops in a way that suits the medium.
            .max_buffers(0)
            .max_bytes(0)
            .build();
        let (elements, stamper) = elements(recipe)?;
        let ending = Arc::<AtomicBool>::default();
        let sink = sink(stamper, Arc::clone(&outlet), Arc::clone(&ending));
        let mut all = vec![appsrc.upcast_ref::<gst::Element>()];
        all.extend(&elements);
        all.push(sink.upcast_ref());
        chain(&pipeline, &all)?;
        watch(&pipeline, outlet);
        let window = Window {
            delay_ns: source.delay_ms.saturating_mul(1_000_000),
            from_ns: recipe.from_ns,
            until_ns: None,
        };
        let feeder = Feeder::new(appsrc, Arc::clone(&ending), form, fps, window, rule);
        let coder = Self {
            number,
            pipeline,
            ending,
        };
        match coder.pipeline.set_state(gst::State::Playing) {
            Ok(_) => Ok((coder, feeder)),
            Err(error) => {
                coder.discard();
                let message = format!("the encoder did not start: {error}");
                Err(Failure::new(FailureReason::Encoder, message))
            }
        }
    }

    /// Takes the pipeline down, whatever it still holds. Waits for its streaming thread.
    pub(super) fn discard(self) {
        self.ending.store(true, Ordering::Release);
        if let Err(error) = self.pipeline.set_state(gst::State::Null) {
            tracing::warn!(%error, "the encoder did not stop");
        }
    }
}

/// How the stamps of coded frames become ticks.
#[derive(Clone, Copy, Debug)]
enum Stamper {
    Pictures,
    /// The encoder puts so many samples before the first one it was given.
    Sound {
        priming: u64,
    },
}

/// From what the device delivers to coded frames.
fn elements(recipe: &Recipe<'_>) -> Result<(Vec<gst::Element>, Stamper), Failure> {
    let Recipe { source, form, .. } = *recipe;
    match form {
        Form::Pictures { width, height, .. } => {
            let video = source.video.as_ref().ok_or_else(|| wrong_role("pictures"))?;
            let candidate = recipe
                .candidate
                .ok_or_else(|| Failure::internal("pictures came without an encoder for them"))?;
            let elements = picture::elements(candidate, video, *width, *height, recipe.faster)?;
            Ok((elements, Stamper::Pictures))
        }
        Form::Coded { .. } => Ok((vec![parser()?, avc()?], Stamper::Pictures)),
        Form::Sound { .. } => {
            let audio = source.audio.as_ref().ok_or_else(|| wrong_role("sound"))?;
            let (elements, priming) = sound::elements(audio)?;
            Ok((elements, Stamper::Sound { priming }))
        }
    }
}

fn wrong_role(what: &str) -> Failure {
    Failure::new(
        FailureReason::Config,
        format!("it delivers {what}, which does not fit its role"),
    )
}

impl Stamper {
    /// The frame of `sample`; `None` for one without a stamp, or from before the clock's zero.
    fn unit(self, sample: &gst::Sample) -> Option<Unit> {
        let (bytes, caps) = (sample.buffer_owned()?, sample.caps()?.to_owned());
        let at_ns = run_time_ns(sample.segment()?, bytes.pts()?)?;
        let (at, ahead, knows, key) = match self {
            Self::Pictures => {
                let at = clock::to_ticks(at_ns, clock::VIDEO_TICKS);
                let ahead_ns = match (bytes.pts(), bytes.dts()) {
                    (Some(pts), Some(dts)) => pts.nseconds().saturating_sub(dts.nseconds()),
                    _ => 0,
                };
                let ahead = clock::to_ticks(ahead_ns, clock::VIDEO_TICKS);
                let delta = bytes.flags().contains(gst::BufferFlags::DELTA_UNIT);
                (at, ahead, at + 1, !delta)
            }
            Self::Sound { priming } => {
                let given = clock::to_ticks(at_ns, clock::SOUND_TICKS);
                // A decoder can begin anywhere in sound.
                (given.checked_sub(priming)?, 0, given + AAC_FRAME, true)
            }
        };
        Some(Unit {
            at,
            ahead,
            knows,
            key,
            caps,
            bytes,
        })
    }
}

/// Passes errors of the pipeline on, on whichever thread they happen; the first tells the cause.
fn watch(pipeline: &gst::Pipeline, outlet: Arc<dyn Outlet>) {
    let told = AtomicBool::new(false);
    pipeline
        .bus()
        .expect("a pipeline has a bus")
        .set_sync_handler(move |_, message| {
            if let gst::MessageView::Error(error) = message.view()
                && !told.swap(true, Ordering::Relaxed)
            {
                let debug = error.debug();
                let said = failure::from_bus("the encoder", false, &error.error(), debug.as_deref());
                outlet.failed(Failure::new(FailureReason::Encoder, said.message));
            }
            gst::BusSyncReply::Drop
        });
}

fn sink(stamper: Stamper, outlet: Arc<dyn Outlet>, ending: Arc<AtomicBool>) -> AppSink {
    let ends = Arc::clone(&outlet);
    let callbacks = AppSinkCallbacks::builder()
        .new_sample(move |sink| {
            let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
            if let Some(unit) = stamper.unit(&sample) {
                outlet.unit(unit);
            }
            Ok(gst::FlowSuccess::Ok)
        })
        .eos(move |_| {
            if ending.load(Ordering::Acquire) {
                ends.ended();
            } else {
                let message = "the encoder ended by itself";
                ends.failed(Failure::new(FailureReason::Encoder, message));
            }
        })
        .build();
    AppSink::builder()
        .sync(false)
        .async_(false)
        .callbacks(callbacks)
        .build()
}
