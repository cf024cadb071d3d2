//! Trials of hardware encoders: one second of pictures of this very source, as fast as it goes.
//!
//! The pictures are the device's own, two of them in turn, so that size, rate and pixels are real.
//! Good is an encoder that gives as many frames as it was given pictures, in the right size, each
//! decodable as 4:2:0, in order, with a key frame where one was asked for, and at least as fast as
//! they would come. Runs on a thread of its own while nothing is recorded; software encoders do the
//! work meanwhile and need no trial.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use gst::prelude::*;
use gst_app::{AppSink, AppSrc};
use lectern_domain::config::Source;

use super::choice::Candidate;
use super::coder::{Coder, Outlet, Recipe};
use super::picture;
use super::ring::Unit;
use super::verdicts::{Claim, Pictures};
use crate::clock::SECOND_NS;
use crate::element::{chain, exists, filter, make};
use crate::failure::Failure;
use crate::feeder::KeyRule;
use crate::form::Form;
use crate::inputs::{Input, Inputs, PartNumber};

/// Pictures of the device that are used in turn.
pub(super) const SAMPLES: usize = 2;
/// How long a trial may take beyond the second that it should; hardware wakes up slowly.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often a trial looks whether it should stop, or whether the encoder has room again.
const LOOK: Duration = Duration::from_millis(2);
/// The profiles that everything plays.
const PROFILES: [&str; 4] = ["high", "main", "constrained-baseline", "baseline"];

/// What is tried with what.
pub(super) struct Trials {
    /// The encoders.
    pub(super) candidates: Vec<Candidate>,
    /// The source as configured.
    pub(super) source: Source,
    /// What it delivers.
    pub(super) form: Form,
    /// The same for the file.
    pub(super) pictures: Pictures,
    /// Copies of what it delivers, [`SAMPLES`] of them.
    pub(super) samples: Receiver<gst::Buffer>,
    /// The right to try.
    pub(super) claim: Claim,
}

/// The thread `probing`.
pub(super) struct Probing {
    thread: JoinHandle<()>,
    stop: Arc<AtomicBool>,
}

impl Probing {
    /// Starts the trials; [`Input::Probed`] tells their end.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub(super) fn start(trials: Trials, inputs: Inputs) -> std::io::Result<Self> {
        let stop = Arc::<AtomicBool>::default();
        let stopped = Arc::clone(&stop);
        let thread = std::thread::Builder::new()
            .name("probing".into())
            .spawn(move || {
                trials.run(&stopped);
                inputs.put_now(Input::Probed);
            })?;
        Ok(Self { thread, stop })
    }

    /// Breaks the trials off and joins the thread; within a few milliseconds, or never if a driver
    /// hangs, which is why this is for the end of the process and for a trial that has ended.
    pub(super) fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        if self.thread.join().is_err() {
            tracing::error!("the trial of an encoder panicked");
        }
    }

    /// Whether the thread has ended or breaks off within `patience`.
    pub(super) fn ends_within(&self, patience: Duration) -> bool {
        self.stop.store(true, Ordering::Relaxed);
        let deadline = Instant::now() + patience;
        while !self.thread.is_finished() && Instant::now() < deadline {
            std::thread::park_timeout(LOOK);
        }
        self.thread.is_finished()
    }
}

impl Trials {
    fn run(&self, stop: &AtomicBool) {
        let Some(samples) = self.gather(stop) else { return };
        for candidate in &self.candidates {
            let Candidate::Known { factory, .. } = candidate else {
                continue;
            };
            let name = candidate.describe();
            if let Err(error) = self.claim.begin(factory, &self.pictures) {
                tracing::warn!(%error, "an encoder was not tried because no trial could be written down");
                return;
            }
            let result = trial(candidate, &self.source, &self.form, &samples, stop);
            let written = match result {
                Ok(speed) => {
                    tracing::info!(
                        encoder = name,
                        pictures = self.pictures.0,
                        speed,
                        "an encoder was tried and works"
                    );
                    self.claim.end(factory, &self.pictures, Ok(speed))
                }
                Err(Broken::Stopped) => self.claim.forget(factory, &self.pictures),
                Err(Broken::Bad(why)) => {
                    tracing::info!(
                        encoder = name,
                        pictures = self.pictures.0,
                        why,
                        "an encoder was tried and failed"
                    );
                    self.claim.end(factory, &self.pictures, Err(why))
                }
            };
            if let Err(error) = written {
                tracing::warn!(%error, "the result of a trial could not be written down");
            }
            if stop.load(Ordering::Relaxed) {
                return;
            }
        }
    }

    fn gather(&self, stop: &AtomicBool) -> Option<Vec<gst::Buffer>> {
        let mut samples = Vec::new();
        while samples.len() < SAMPLES && !stop.load(Ordering::Relaxed) {
            match self.samples.recv_timeout(Duration::from_millis(100)) {
                Ok(sample) => samples.push(sample),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return None,
            }
        }
        (samples.len() == SAMPLES).then_some(samples)
    }
}

/// Why a trial gave no speed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Broken {
    /// It was broken off.
    Stopped,
    /// The encoder is no good.
    Bad(String),
}

impl From<String> for Broken {
    fn from(why: String) -> Self {
        Self::Bad(why)
    }
}

/// Gathers a coder's frames.
struct Gathered {
    units: Mutex<Vec<Unit>>,
    end: SyncSender<Result<(), Failure>>,
}

impl Outlet for Gathered {
    fn unit(&self, unit: Unit) {
        let mut units = self.units.lock().unwrap_or_else(PoisonError::into_inner);
        units.push(unit);
    }

    fn ended(&self) {
        // Only the first word counts; a second one finds the channel full.
        let _first = self.end.try_send(Ok(()));
    }

    fn failed(&self, failure: Failure) {
        let _first = self.end.try_send(Err(failure));
    }
}

/// [`speed`], which must be enough.
fn trial(
    candidate: &Candidate,
    source: &Source,
    form: &Form,
    samples: &[gst::Buffer],
    stop: &AtomicBool,
) -> Result<f64, Broken> {
    let speed = speed(candidate, source, form, samples, stop)?;
    if speed < 1.0 {
        return Err(Broken::Bad(format!(
            "it is too slow: {speed:.2} of what is needed"
        )));
    }
    Ok(speed)
}

/// Encodes a second of `samples` with `candidate`; its speed in seconds per second.
pub(super) fn speed(
    candidate: &Candidate,
    source: &Source,
    form: &Form,
    samples: &[gst::Buffer],
    stop: &AtomicBool,
) -> Result<f64, Broken> {
    let (end, ended) = sync_channel(1);
    let gathered = Arc::new(Gathered {
        units: Mutex::default(),
        end,
    });
    let recipe = Recipe {
        source,
        form,
        candidate: Some(candidate),
        faster: false,
        rule: KeyRule::Distance,
        from_ns: 0,
    };
    let (coder, mut feeder) = Coder::start(PartNumber(0), &recipe, Arc::clone(&gathered) as Arc<dyn Outlet>)
        .map_err(|failure| failure.message)?;
    let fps = source.video.as_ref().map_or(30, |video| video.fps);
    let (pictures, seconds) = form.rate().unwrap_or((fps, 1));
    let count = (pictures / seconds.max(1)).clamp(5, 120);
    let period_ns = SECOND_NS * u64::from(seconds) / u64::from(pictures);
    let begun = Instant::now();
    let encoded = || -> Result<Duration, Broken> {
        // Not zero: a grid's first picture may stand a little before its stamp.
        let mut at_ns = SECOND_NS;
        for number in 0..count {
            while !feeder.has_room() {
                pause(&ended, begun, stop)?;
            }
            if number == count / 2 {
                feeder.force_key();
            }
            let sample = &samples[number as usize % samples.len()];
            // The source's own delay must not move a stamp of the trial before the window.
            feeder.take(
                sample,
                at_ns.saturating_sub_signed(source.delay_ms.saturating_mul(1_000_000)),
            );
            at_ns += period_ns;
        }
        feeder.finish();
        loop {
            if pause(&ended, begun, stop)?.is_some() {
                return Ok(begun.elapsed());
            }
        }
    };
    let took = encoded();
    coder.discard();
    let took = took?;
    let units = std::mem::take(&mut *gathered.units.lock().unwrap_or_else(PoisonError::into_inner));
    let Form::Pictures { width, height, .. } = form else {
        return Err(Broken::Bad("it is for pictures only".into()));
    };
    let size = source
        .video
        .as_ref()
        .map_or((*width, *height), |video| picture::target(video, *width, *height));
    judge(&units, count as usize, size)?;
    decode(&units)?;
    Ok(f64::from(count * seconds) / f64::from(pictures) / took.as_secs_f64())
}

/// Waits a moment for the end. `Some` when it came.
fn pause(
    ended: &Receiver<Result<(), Failure>>,
    begun: Instant,
    stop: &AtomicBool,
) -> Result<Option<()>, Broken> {
    if stop.load(Ordering::Relaxed) {
        return Err(Broken::Stopped);
    }
    match ended.recv_timeout(LOOK) {
        Ok(Ok(())) => Ok(Some(())),
        Ok(Err(failure)) => Err(Broken::Bad(failure.message)),
        Err(_) if begun.elapsed() > PATIENCE => Err(Broken::Bad(format!(
            "it did not finish a second of pictures in {} s",
            PATIENCE.as_secs()
        ))),
        Err(_) => Ok(None),
    }
}

/// Whether these frames are what was asked for.
fn judge(units: &[Unit], count: usize, (width, height): (u32, u32)) -> Result<(), String> {
    if units.len() != count {
        return Err(format!("it gave {} frames for {count} pictures", units.len()));
    }
    if units.iter().any(|unit| unit.ahead > 0) || units.windows(2).any(|pair| pair[0].at >= pair[1].at) {
        return Err("it gives frames out of order".into());
    }
    if !units[0].key || !units[count / 2].key {
        return Err("it gives no key frame where one is asked for".into());
    }
    let fields = units[0].caps.structure(0).ok_or("its frames have no format")?;
    let side = |name: &str| {
        fields
            .get::<i32>(name)
            .ok()
            .and_then(|side| u32::try_from(side).ok())
    };
    if (side("width"), side("height")) != (Some(width), Some(height)) {
        let (is_width, is_height) = (side("width").unwrap_or(0), side("height").unwrap_or(0));
        return Err(format!("it gives {is_width}x{is_height} for {width}x{height}"));
    }
    let profile = fields.get::<String>("profile").unwrap_or_default();
    if !PROFILES.contains(&profile.as_str()) || !fields.has_field("codec_data") {
        return Err(format!(
            "it gives the profile \"{profile}\", which not everything plays"
        ));
    }
    Ok(())
}

/// Decodes the frames; without a decoder on this machine they are taken as they are.
fn decode(units: &[Unit]) -> Result<(), String> {
    let Some(decoder) = ["avdec_h264", "openh264dec"]
        .into_iter()
        .find(|name| exists(name))
    else {
        return Ok(());
    };
    let told = |failure: Failure| failure.message;
    let caps = units.first().map(|unit| unit.caps.clone());
    let source = AppSrc::builder().format(gst::Format::Time).build();
    source.set_caps(caps.as_ref());
    let planes = gst::Caps::builder("video/x-raw").field("format", "I420").build();
    let sink = AppSink::builder().sync(false).build();
    let pipeline = gst::Pipeline::with_name("decode");
    let parts = [
        make("h264parse", &[]).map_err(told)?,
        make(decoder, &[]).map_err(told)?,
        filter(&planes).map_err(told)?,
    ];
    let mut all = vec![source.upcast_ref::<gst::Element>()];
    all.extend(&parts);
    all.push(sink.upcast_ref());
    chain(&pipeline, &all).map_err(told)?;
    let started = pipeline.set_state(gst::State::Playing);
    let mut decoded = 0;
    if started.is_ok() {
        for unit in units {
            // A decoder that refuses shows in the count.
            let _refused = source.push_buffer(unit.bytes.clone());
        }
        let _ended = source.end_of_stream();
        let patience = gst::ClockTime::from_seconds(PATIENCE.as_secs());
        while sink.try_pull_sample(patience).is_some() {
            decoded += 1;
        }
    }
    if let Err(error) = pipeline.set_state(gst::State::Null) {
        tracing::warn!(%error, "the decoder of a trial did not stop");
    }
    if decoded == units.len() {
        Ok(())
    } else {
        Err(format!(
            "{decoded} of {} of its frames can be decoded as 4:2:0",
            units.len()
        ))
    }
}

#[cfg(test)]
mod tests;
