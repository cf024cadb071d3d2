//! The seat between the capture and whichever coder sits there now.
//!
//! The capture's streaming thread delivers every picture and every block of sound here, stamped
//! with the monotonic clock; the engine seats and unseats feeders. One short lock,
//! never held over anything that waits.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lectern_domain::wire::FailureReason;

use crate::clock;
use crate::failure::Failure;
use crate::feeder::{Feeder, Taken};
use crate::form::Form;
use crate::inputs::{Input, Inputs, PartNumber};
use crate::outbox::Counts;

/// Marks a picture that shows the same as the one before: it keeps time going on a still screen
/// and needs no key frame and no small picture.
pub(crate) const REPEATED: gst::BufferFlags = gst::BufferFlags::GAP;

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
    feeder: Option<(PartNumber, Feeder)>,
    samples: Option<Samples>,
}

/// A wish for copies of the next pictures.
struct Samples {
    left: usize,
    to: SyncSender<gst::Buffer>,
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
        if !seat.form.as_ref().is_some_and(|known| known.is_compatible(form)) {
            self.change_form(&mut seat, form);
        }
        if first {
            // After the form is known: whoever hears of the first buffer may want an encoder.
            self.inputs.put_now(first_word(form, mono_ns));
        }
        sample(&mut seat.samples, buffer);
        let Some((number, feeder)) = &mut seat.feeder else {
            return;
        };
        match feeder.take(buffer, mono_ns) {
            Taken::Fed | Taken::Outside => {}
            Taken::Dropped => {
                self.meter.dropped.fetch_add(1, Relaxed);
            }
            Taken::Shed => {
                self.meter.shed.fetch_add(1, Relaxed);
            }
            Taken::PastEnd => self.inputs.put_now(Input::TailReached(*number)),
        }
    }

    /// Remembers what the device delivers from now on. A coder that was made for something else
    /// gives out what it has; the engine seats another.
    fn change_form(&self, seat: &mut Seat, form: &Form) {
        let Some(before) = seat.form.replace(form.clone()) else {
            return;
        };
        self.inputs.put_now(Input::FormChanged {
            from: before.describe(),
            to: form.describe(),
        });
        if let Some((number, mut feeder)) = seat.feeder.take() {
            if feeder.reform(form) {
                seat.feeder = Some((number, feeder));
            } else {
                feeder.finish();
            }
        }
    }

    /// The mark that the track sets.
    pub(crate) fn key_seen(&self) -> &KeySeen {
        &self.key_seen
    }

    /// What the device delivers, once it has.
    pub(crate) fn form(&self) -> Option<Form> {
        self.lock().form.clone()
    }

    /// Copies of the next `count` buffers, as they come. The channel holds them all.
    pub(crate) fn samples(&self, count: usize) -> Receiver<gst::Buffer> {
        let (to, samples) = sync_channel(count);
        self.lock().samples = Some(Samples { left: count, to });
        samples
    }

    /// Seats the feeder of a coder for `form`; one that sits there is followed without a seam and
    /// ended. If the device delivers something else by now, as it has said, the new one is ended.
    pub(crate) fn seat(&self, number: PartNumber, mut feeder: Feeder, form: &Form) {
        let before = {
            let mut seat = self.lock();
            if seat.form.as_ref().is_some_and(|now| !now.is_compatible(form)) {
                Some((number, feeder))
            } else {
                if let Some((_, before)) = &seat.feeder {
                    feeder.follow(before);
                }
                seat.feeder.replace((number, feeder))
            }
        };
        if let Some((_, before)) = before {
            before.finish();
        }
    }

    /// Whether a feeder is seated.
    pub(crate) fn is_seated(&self) -> bool {
        self.lock().feeder.is_some()
    }

    /// Ends the seated feeder's window at this stamp.
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

    /// Lets the seated feeder take only each `pace`-th picture.
    pub(crate) fn set_pace(&self, pace: u64) {
        if let Some((_, feeder)) = &mut self.lock().feeder {
            feeder.set_pace(pace);
        }
    }

    /// Unseats the feeder and ends its stream; its coder drains.
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

/// Sends a copy to whoever wants some; the device's own memory must go back to it soon.
fn sample(wish: &mut Option<Samples>, buffer: &gst::Buffer) {
    let Some(samples) = wish else { return };
    let sent = buffer
        .copy_deep()
        .is_ok_and(|copy| samples.to.try_send(copy).is_ok());
    samples.left -= 1;
    if samples.left == 0 || !sent {
        *wish = None;
    }
}
