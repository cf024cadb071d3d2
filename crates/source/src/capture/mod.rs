//! The capture: the device's pipeline, always running, with the small pictures and the levels.
//!
//! Its clock is the system's monotonic clock and its base time is zero, so running time *is* the
//! monotonic clock, in this process and in every other. What the device delivers goes to the
//! [`Feed`]; whether anything is encoded is not known here. Only the engine's thread changes
//! states; streaming threads report through channels.

mod camera;
mod ear;
mod fragment;
mod network;
mod paced;
mod presence;
mod side;
mod sound;
mod tap;
mod test_picture;
mod test_sound;

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

use gst::prelude::*;
use lectern_domain::config::{Source, SourceKind};
use lectern_domain::wire::FailureReason;

use crate::element::chain;
use crate::failure::{self, Failure};
use crate::feed::{Feed, Meter};
use crate::identity::{self, Place, Roots};
use crate::inputs::{Input, Inputs};
use crate::outbox::Outbox;
pub(crate) use camera::{Coding, recordable};
pub(crate) use paced::{Alarm, Pacer, Woken};
pub(crate) use side::SMALL_PICTURE;

/// The ends that every part of a capture reports to.
#[derive(Clone)]
pub(crate) struct Reports {
    /// The engine.
    pub(crate) inputs: Inputs,
    /// The daemon.
    pub(crate) outbox: Arc<Outbox>,
    /// The counters.
    pub(crate) meter: Arc<Meter>,
    /// The seat of the encoder.
    pub(crate) feed: Arc<Feed>,
    /// Somebody looks at the small pictures.
    pub(crate) looked_at: Arc<AtomicBool>,
    /// What a picture for people may measure at most: width and height in pixels.
    pub(crate) largest_picture: (i32, i32),
}

/// What a kind contributes: an element with a pad `src`, and perhaps a thread that feeds it.
pub(crate) struct Head {
    /// Delivers raw pictures, H.264 access units, or raw sound.
    pub(crate) element: gst::Element,
    /// What it delivers.
    pub(crate) medium: Medium,
    /// The thread behind it, for kinds without an element of their own.
    pub(crate) pacer: Option<Pacer>,
    /// Why it would be unsupported.
    pub(crate) hint: Hint,
}

/// What a kind knows of its device before the library fails: better words than the library's for
/// a device that cannot do what is asked.
#[derive(Clone, Default)]
pub(crate) struct Hint(Arc<OnceLock<String>>);

impl Hint {
    /// Keeps the first.
    pub(crate) fn set(&self, words: String) {
        self.0.get_or_init(|| words);
    }
}

/// What a head delivers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Medium {
    /// Raw pictures.
    Pictures,
    /// H.264 access units, recorded as they are.
    Coded,
    /// Raw sound.
    Sound {
        /// Channels to record.
        channels: u32,
        /// Stamps say when a block arrived, not when it sounded; they must be evened out.
        jitters: bool,
    },
}

/// An open device.
pub(crate) struct Capture {
    pipeline: gst::Pipeline,
    pacer: Option<Pacer>,
    /// Where the raw data arrives: upstream requests start here.
    tap: gst::Element,
    /// Which device it is, where that can be known.
    device: Option<String>,
}

impl Capture {
    /// Opens the device and starts it; another one than `expect` is refused. May block for as long
    /// as the device's driver or server takes to answer; engine thread.
    ///
    /// # Errors
    /// The device is not there, is another one, refuses us, or cannot do what is configured.
    pub(crate) fn open(source: &Source, expect: Option<&str>, reports: &Reports) -> Result<Self, Failure> {
        // Before GStreamer: what is not there is tried again every second or so.
        let place = find(source, expect)?;
        let source = &Source {
            kind: place.kind,
            ..source.clone()
        };
        let device = failure::device_name(source);
        let screen = match &source.kind {
            SourceKind::X11 { display } => Some(crate::screen::connect(display.as_deref())?),
            _ => None,
        };
        crate::library::start(&reports.outbox)?;
        let head = head(source, screen, reports)?;
        let pipeline = gst::Pipeline::with_name("capture");
        pipeline.use_clock(Some(&gst::SystemClock::obtain()));
        pipeline.set_start_time(gst::ClockTime::NONE);
        pipeline.set_base_time(gst::ClockTime::ZERO);
        let tap = match head.medium {
            Medium::Sound { channels, jitters } => {
                let tap = tap::sound(channels, jitters, reports);
                let elements = side::meter(channels)?;
                let mut all = vec![&head.element];
                all.extend(&elements);
                all.push(&tap);
                chain(&pipeline, &all).map_err(|failure| misfit(source, "raw sound", failure))?;
                tap
            }
            Medium::Pictures | Medium::Coded => {
                let tap = tap::pictures(reports)?;
                side::split(&pipeline, &head, &tap, reports)
                    .map_err(|failure| misfit(source, "raw pictures", failure))?;
                tap
            }
        };
        let first_failure = watch(&pipeline, source, head.hint, reports);
        let capture = Self {
            pipeline,
            pacer: head.pacer,
            tap,
            device: place.device,
        };
        match capture.pipeline.set_state(gst::State::Playing) {
            Ok(_) => Ok(capture),
            Err(_) => {
                // The bus has the cause; it was posted before the state change returned.
                let failure = first_failure.get().cloned();
                capture.close();
                Err(failure.unwrap_or_else(|| {
                    Failure::new(
                        FailureReason::NotFound,
                        format!("{device}: it could not be started"),
                    )
                }))
            }
        }
    }

    /// Whether the device is not there, as far as the kernel tells. Does not block.
    pub(crate) fn is_away(source: &Source, expect: Option<&str>) -> bool {
        find(source, expect).is_err_and(|failure| failure.reason == FailureReason::NotFound)
    }

    /// Which device it is, in one line that is the same only for this one.
    pub(crate) fn device(&self) -> Option<&str> {
        self.device.as_deref()
    }

    /// Asks the device for a picture now; a network camera for a key frame.
    pub(crate) fn poke(&self) {
        if let Some(pacer) = &self.pacer {
            pacer.poke();
        }
        let event = gst_video::UpstreamForceKeyUnitEvent::builder()
            .all_headers(true)
            .build();
        // Sources that know nothing of key frames refuse it, which is no fault.
        let _known = self.tap.send_event(event);
    }

    /// Stops and closes the device. May block as long as its driver does.
    pub(crate) fn close(self) {
        if let Some(pacer) = self.pacer {
            pacer.stop();
        }
        if let Err(error) = self.pipeline.set_state(gst::State::Null) {
            tracing::warn!(%error, "the device did not close");
        }
    }
}

/// Finds the device, and looks whether it may be opened. Does not block.
fn find(source: &Source, expect: Option<&str>) -> Result<Place, Failure> {
    let place = identity::find(source, expect, &Roots::default())?;
    presence::check(&Source {
        kind: place.kind.clone(),
        ..source.clone()
    })?;
    Ok(place)
}

fn head(source: &Source, screen: Option<crate::screen::Screen>, reports: &Reports) -> Result<Head, Failure> {
    let role_fails = |what: &str| {
        Failure::new(
            FailureReason::Config,
            format!("kind {} needs a role with {what}", source.kind.as_str()),
        )
    };
    let video = || source.video.as_ref().ok_or_else(|| role_fails("a picture"));
    let audio = || source.audio.as_ref().ok_or_else(|| role_fails("sound"));
    match &source.kind {
        SourceKind::V4l2 { device } => camera::head(device, video()?),
        SourceKind::Rtsp { url } => {
            video()?;
            network::head(url)
        }
        SourceKind::X11 { .. } => match screen {
            Some(screen) => crate::screen::head(screen, video()?, reports),
            None => Err(Failure::internal("no X display was connected")),
        },
        SourceKind::Alsa { device } => sound::alsa(device, audio()?),
        SourceKind::Pulse { device } => sound::pulse(device.as_deref(), audio()?),
        SourceKind::TestVideo => test_picture::head(video()?),
        SourceKind::TestAudio => test_sound::head(audio()?),
        SourceKind::Gst { launch } => fragment::head(launch, source),
    }
}

/// A fragment of the user's own may deliver anything; it shows when its output is linked.
fn misfit(source: &Source, wanted: &str, failure: Failure) -> Failure {
    match &source.kind {
        SourceKind::Gst { launch } => Failure::new(
            FailureReason::Unsupported,
            format!(
                "launch = \"{}\": its role needs {wanted}, and it delivers something else",
                failure::scrub(launch)
            ),
        ),
        _ => failure,
    }
}

/// Reports the pipeline's errors, its unexpected end, and levels. The first failure is also kept.
fn watch(pipeline: &gst::Pipeline, source: &Source, hint: Hint, reports: &Reports) -> Arc<OnceLock<Failure>> {
    let first = Arc::new(OnceLock::new());
    let (kept, reports) = (Arc::clone(&first), reports.clone());
    let device = failure::device_name(source);
    let is_network = matches!(source.kind, SourceKind::Rtsp { .. });
    // A broken connection is told in a warning, and then as an end like any other.
    let broken = AtomicBool::new(false);
    pipeline
        .bus()
        .expect("a pipeline has a bus")
        .set_sync_handler(move |_, message| {
            let failure = match message.view() {
                gst::MessageView::Error(error) => {
                    let debug = error.debug();
                    let alive = reports.meter.has_delivered();
                    let failure = failure::from_bus(&device, alive, &error.error(), debug.as_deref());
                    match hint.0.get() {
                        Some(words) if failure.reason == FailureReason::Unsupported => {
                            Some(Failure::new(failure.reason, format!("{device}: {words}")))
                        }
                        _ => Some(failure),
                    }
                }
                gst::MessageView::Warning(warning) => {
                    let words = warning.debug().unwrap_or_default();
                    if is_network && words.contains("closed the connection") {
                        broken.store(true, Relaxed);
                    }
                    None
                }
                gst::MessageView::Eos(_) => {
                    // No device ends by itself: its server was stopped, or the cable is out.
                    let why = match (is_network, broken.load(Relaxed)) {
                        (true, true) => "the camera closed the connection",
                        (true, false) => "the camera ended the stream",
                        (false, _) => "its stream ended",
                    };
                    Some(Failure::new(FailureReason::Lost, format!("{device}: {why}")))
                }
                gst::MessageView::Element(element) => {
                    if let Some((rms, peak)) = element.structure().and_then(side::levels) {
                        reports.outbox.level(rms, peak, reports.meter.take_clipped());
                    }
                    None
                }
                _ => None,
            };
            if let Some(failure) = failure {
                // Only the first tells the cause; what follows is the pipeline falling apart.
                if kept.set(failure.clone()).is_ok() {
                    reports.inputs.put_now(Input::CaptureFailed(failure));
                }
            }
            gst::BusSyncReply::Drop
        });
    first
}
