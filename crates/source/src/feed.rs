//! The seat between the capture and whichever encoder sits there now.
//!
//! The capture's streaming thread delivers every picture and every block of sound here, stamped
//! with the monotonic clock; the engine seats and unseats the feeder of a run. One short lock,
//! never held over anything that waits.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lectern_domain::wire::FailureReason;

use crate::clock;
use crate::failure::Failure;
use crate::feeder::{Feeder, Taken};
use crate::form::Form;
use crate::inputs::{EncoderNumber, Input, Inputs};
use crate::outbox::Counts;

/// How far the first stamp may be from now, in nanoseconds.
const MAX_STAMP_OFF_NS: u64 = 10 * clock::SECOND_NS;

/// What this process counted since its start.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    /// Buffers that the device delivered.
    pub(crate) captured: AtomicU64,
    /// Buffers dropped before the encoder because it could not follow.
    pub(crate) dropped: AtomicU64,
    /// Pictures left out on purpose, to spare the processor.
    pub(crate) shed: AtomicU64,
    /// When the device last delivered, on the monotonic clock; 0 for never.
    last_ns: AtomicU64,
    /// Samples at full scale since they were last taken.
    clipped: AtomicU32,
    /// The drift of the device's clock in parts per million, once it is known.
    drift_ppm: Mutex<Option<f32>>,
}

impl Meter {
    /// Counts samples at full scale.
    pub(crate) fn add_clipped(&self, samples: u32) {
        self.clipped.fetch_add(samples, Relaxed);
    }

    /// Samples at full scale since the last call.
    pub(crate) fn take_clipped(&self) -> u32 {
        self.clipped.swap(0, Relaxed)
    }

    /// Notes the drift of the device's clock in parts per million; `None`: not known yet.
    pub(crate) fn set_drift_ppm(&self, drift: Option<f32>) {
        *self.drift_ppm.lock().unwrap_or_else(PoisonError::into_inner) = drift;
    }

    /// Whether the device ever delivered.
    pub(crate) fn has_delivered(&self) -> bool {
        self.captured.load(Relaxed) > 0
    }

    /// The counts for a sign of life.
    pub(crate) fn counts(&self) -> Counts {
        Counts {
            captured: self.captured.load(Relaxed),
            dropped: self.dropped.load(Relaxed),
            shed: self.shed.load(Relaxed),
            drift_ppm: *self.drift_ppm.lock().unwrap_or_else(PoisonError::into_inner),
        }
    }

    /// How long the device has been silent, counted from `since_ns` if it never delivered.
    pub(crate) fn quiet_ns(&self, since_ns: u64) -> u64 {
        clock::now_ns().saturating_sub(self.last_ns.load(Relaxed).max(since_ns))
    }
}

/// What to say of the first buffer. One that is stamped far from now comes from a source that is
/// not live, which no other can be in step with.
fn first_word(form: &Form, mono_ns: u64) -> Input {
    if mono_ns.abs_diff(clock::now_ns()) < MAX_STAMP_OFF_NS {
        return Input::Delivered(form.describe());
    }
    let message =
        "its stamps are not of now; only a live source can be recorded (is-live=true, do-timestamp=true)";
    Input::CaptureFailed(Failure::new(FailureReason::Config, message))
}

/// Whether the encoder gave out a key frame lately. What came before it leaves the muxer only with
/// the picture after it, so a still screen owes that one soon.
#[derive(Clone, Debug, Default)]
pub(crate) struct KeySeen(Arc<AtomicBool>);

impl KeySeen {
    /// A key frame came out.
    pub(crate) fn set(&self) {
        self.0.store(true, Relaxed);
    }

    /// Whether one came out since the last call.
    pub(crate) fn take(&self) -> bool {
        self.0.swap(false, Relaxed)
    }
}

/// The seat. Shared by the capture's streaming thread and the engine.
pub(crate) struct Feed {
    seat: Mutex<Seat>,
    meter: Arc<Meter>,
    inputs: Inputs,
    key_seen: KeySeen,
}

#[derive(Default)]
struct Seat {
    form: Option<Form>,
    feeder: Option<(EncoderNumber, Feeder)>,
    /// A changed format was reported; it is reported once.
    changed: bool,
}

impl Feed {
    /// An empty seat.
    pub(crate) fn new(meter: Arc<Meter>, inputs: Inputs) -> Arc<Self> {
        Arc::new(Self {
            seat: Mutex::default(),
            meter,
            inputs,
            key_seen: KeySeen::default(),
        })
    }

    /// Takes one buffer of the device, captured at `mono_ns` of the monotonic clock. Called on
    /// the capture's streaming thread; does not block.
    pub(crate) fn deliver(&self, form: &Form, buffer: &gst::Buffer, mono_ns: u64) {
        self.meter.last_ns.store(clock::now_ns(), Relaxed);
        let first = self.meter.captured.fetch_add(1, Relaxed) == 0;
        let mut seat = self.lock();
        match &seat.form {
            None => seat.form = Some(form.clone()),
            Some(known) if known.is_compatible(form) => {}
            Some(known) => {
                // The encoder, the track and its init segment were made for the old format.
                let message = format!("it changed from {} to {}", known.describe(), form.describe());
                if !seat.changed {
                    seat.changed = true;
                    self.inputs
                        .put_now(Input::CaptureFailed(Failure::new(FailureReason::Lost, message)));
                }
                return;
            }
        }
        if first {
            // After the form is known: whoever hears of the first buffer may want an encoder.
            self.inputs.put_now(first_word(form, mono_ns));
        }
        let Some((number, feeder)) = &mut seat.feeder else {
            return;
        };
        match feeder.take(buffer, mono_ns) {
            Taken::Fed | Taken::Outside => {}
            Taken::Dropped => {
                self.meter.dropped.fetch_add(1, Relaxed);
            }
            Taken::PastEnd => self.inputs.put_now(Input::TailReached(*number)),
        }
    }

    /// The mark that the seated encoder sets.
    pub(crate) fn key_seen(&self) -> &KeySeen {
        &self.key_seen
    }

    /// What the device delivers, once it has.
    pub(crate) fn form(&self) -> Option<Form> {
        self.lock().form.clone()
    }

    /// Seats the feeder of an encoder.
    pub(crate) fn seat(&self, number: EncoderNumber, feeder: Feeder) {
        self.lock().feeder = Some((number, feeder));
    }

    /// Ends the seated feeder's run at `until_ns` of the run.
    pub(crate) fn stop_at(&self, until_ns: u64) {
        if let Some((_, feeder)) = &mut self.lock().feeder {
            feeder.stop_at(until_ns);
        }
    }

    /// Makes the next picture of the seated feeder a key frame.
    pub(crate) fn force_key(&self) {
        if let Some((_, feeder)) = &mut self.lock().feeder {
            feeder.force_key();
        }
    }

    /// Unseats the feeder and ends its stream; its encoder drains.
    pub(crate) fn finish(&self) {
        let feeder = self.lock().feeder.take();
        if let Some((_, feeder)) = feeder {
            feeder.finish();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Seat> {
        self.seat.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
