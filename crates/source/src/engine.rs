//! The main loop: carries the session's actions out.
//!
//! Owns the capture, the encoding and all threads but the commands'. Every state change of a
//! pipeline happens here, on the main thread, because GStreamer joins streaming threads in it.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::Duration;

use lectern_domain::config::{Encoder, Source};
use lectern_domain::wire::{FailureReason, SourceCommand, SourceEvent, WIRE_VERSION};

use crate::capture::{Capture, Reports, SMALL_PICTURE};
use crate::clock;
use crate::encode::{self, Encoding, Order};
use crate::failure::{self, Failure};
use crate::feed::{Feed, Meter};
use crate::inputs::{Input, Inputs, PartNumber};
use crate::library;
use crate::outbox::Outbox;
use crate::session::{Action, Event, Phase, Run};

/// How often `alive` is said, in nanoseconds.
const ALIVE_NS: u64 = 500_000_000;
/// How often deadlines are looked at.
const TICK: Duration = Duration::from_millis(50);
/// Ticks this far apart mean that the process had no time, in nanoseconds.
const LATE_NS: u64 = 500_000_000;
/// How long a device that was here before is waited for in this process, in nanoseconds.
const AWAY_NS: u64 = 20 * clock::SECOND_NS;
/// How long the last words may take to be written, and the device to close, at the end.
const FAREWELL: Duration = Duration::from_secs(5);

/// An encoder that this program does not know, as a launch fragment from raw I420 to H.264. It is
/// taken before all others, and the others if it fails.
const FRAGMENT: &str = "LECTERN_ENCODER_FRAGMENT";

/// What `Open` says of encoding.
#[derive(Debug, Default)]
struct Asked {
    pre_roll_ns: u64,
    shun: Vec<Encoder>,
}

/// The process's state and everything that it owns.
pub(crate) struct Engine {
    phase: Phase,
    reports: Reports,
    source: Option<Box<Source>>,
    /// The device that was here before, as the daemon remembers it.
    expect: Option<String>,
    /// When the daemon asked for the device.
    asked_ns: u64,
    /// From when on its silence counts: when the device was open, or was asked for, or when this
    /// process was given time again.
    open_ns: u64,
    ticked_ns: u64,
    /// A device that was here before and is away: what is to be opened when it is back.
    awaited: Option<Box<Source>>,
    capture: Option<Capture>,
    /// What `Open` said of encoding, until the device is open.
    asked: Asked,
    encoding: Option<Encoding>,
    alive_due_ns: u64,
    exit: Option<i32>,
}

impl Engine {
    /// An engine that reports through these ends.
    pub(crate) fn new(inputs: Inputs, outbox: Arc<Outbox>) -> Self {
        let meter = Arc::new(Meter::default());
        let feed = Feed::new(Arc::clone(&meter), inputs.clone());
        Self {
            phase: Phase::Fresh,
            reports: Reports {
                inputs,
                outbox,
                meter,
                feed,
                looked_at: Arc::default(),
                largest_picture: SMALL_PICTURE,
            },
            source: None,
            expect: None,
            asked_ns: 0,
            open_ns: 0,
            ticked_ns: 0,
            awaited: None,
            capture: None,
            asked: Asked::default(),
            encoding: None,
            alive_due_ns: 0,
            exit: None,
        }
    }

    /// Runs until the end; the exit code. `writer` is joined.
    pub(crate) fn run(mut self, inputs: &Receiver<Input>, writer: JoinHandle<()>) -> i32 {
        self.reports
            .outbox
            .say(&SourceEvent::Hello { wire: WIRE_VERSION });
        let code = loop {
            if let Some(code) = self.exit {
                break code;
            }
            match inputs.recv_timeout(TICK) {
                Ok(Input::DaemonGone) => return 1,
                Ok(input) => {
                    if let Some(event) = self.event_of(input) {
                        self.step(event);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break 1,
            }
            self.tick();
        };
        self.farewell(writer);
        code
    }

    /// The session's word for an input; `None` for what no longer matters.
    fn event_of(&mut self, input: Input) -> Option<Event> {
        let current = |engine: &Self, number: PartNumber| {
            let encoding = engine.encoding.as_ref();
            encoding.is_some_and(|encoding| encoding.is_current(number))
        };
        match input {
            Input::Command(SourceCommand::Open { wire, .. }) if wire != WIRE_VERSION => {
                let message = format!(
                    "the daemon speaks version {wire} and lectern-source version {WIRE_VERSION}; \
                     install both from the same package"
                );
                Some(Event::CaptureFailed(Failure::new(FailureReason::Config, message)))
            }
            Input::Command(SourceCommand::Open {
                source,
                pre_roll_ns,
                expect,
                shun,
                ..
            }) => {
                self.expect = expect;
                self.asked = Asked { pre_roll_ns, shun };
                Some(Event::Open(source))
            }
            Input::Command(SourceCommand::Encode {
                run,
                base_ns,
                from_ns,
            }) => Some(Event::Encode(Run {
                id: run,
                base_ns,
                from_ns,
            })),
            Input::Command(SourceCommand::KeyFrame) => Some(Event::KeyFrame),
            Input::Command(SourceCommand::StopEncode { until_ns }) => Some(Event::StopEncode(until_ns)),
            Input::Command(SourceCommand::Pictures { often }) => {
                self.reports.looked_at.store(often, Relaxed);
                None
            }
            Input::Command(SourceCommand::Quit) | Input::EndOfCommands => Some(Event::Quit),
            Input::BadCommands(error) => {
                let message = format!("the daemon's commands could not be read: {error}");
                Some(Event::CaptureFailed(Failure::internal(message)))
            }
            Input::DaemonGone => None,
            Input::Delivered(format) => Some(Event::Delivered(format)),
            Input::TailReached(number) => current(self, number).then_some(Event::TailReached),
            Input::Drained(number) if !current(self, number) => None,
            Input::Drained(number) => {
                let drained = self.encoding.as_mut()?.drained(number);
                match drained {
                    Ok(true) => Some(Event::Drained),
                    Ok(false) => None,
                    Err(failure) => Some(Event::EncoderFailed(self.named(failure))),
                }
            }
            Input::CoderEnded(number) => {
                self.encoding.as_mut()?.coder_ended(number);
                None
            }
            Input::CoderFailed(number, failure) => {
                self.failed(|encoding| encoding.coder_failed(number, failure))
            }
            Input::MuxerFailed(number, failure) => {
                current(self, number).then(|| Event::EncoderFailed(self.named(failure)))
            }
            Input::FormChanged { from, to } => {
                tracing::info!(from, to, "the device changed what it delivers");
                self.failed(|encoding| encoding.form_changed(&from, &to))
            }
            Input::Probed => self.failed(Encoding::probed),
            Input::CaptureFailed(failure) => Some(Event::CaptureFailed(self.named(failure))),
        }
    }

    /// Does something with the encoding; the session's word for a failure of it.
    fn failed(&mut self, act: impl FnOnce(&mut Encoding) -> Result<(), Failure>) -> Option<Event> {
        let failure = act(self.encoding.as_mut()?).err()?;
        Some(Event::EncoderFailed(self.named(failure)))
    }

    fn step(&mut self, event: Event) {
        let name = event.name();
        match self.phase.step(event, clock::now_ns()) {
            Ok((phase, actions)) => {
                self.phase = phase;
                for action in actions {
                    self.act(action);
                }
            }
            Err(refused) => tracing::warn!(command = name, reason = %refused, "a command was refused"),
        }
    }

    fn tick(&mut self) {
        let now_ns = clock::now_ns();
        if now_ns > self.ticked_ns + LATE_NS {
            // A machine that gave this thread no time gave the device's none either.
            self.open_ns = now_ns;
        }
        self.ticked_ns = now_ns;
        if now_ns >= self.alive_due_ns {
            self.alive_due_ns = now_ns + ALIVE_NS;
            self.reports.outbox.alive(self.reports.meter.counts());
        }
        if self.awaited.is_some() {
            self.wait_for_device();
        }
        if let Some(failed) = self.failed(|encoding| encoding.tick(now_ns)) {
            self.step(failed);
        }
        let had_encoder = self.phase.has_encoder();
        self.step(Event::Tick {
            quiet_ns: self.reports.meter.quiet_ns(self.open_ns),
        });
        if had_encoder && !self.phase.has_encoder() {
            tracing::warn!("the encoder did not give out its last chunks in time and was discarded");
        }
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Open(source) => self.open(source),
            Action::SayLive(format) => {
                let device = self
                    .capture
                    .as_ref()
                    .and_then(|capture| capture.device().map(str::to_owned));
                let took_ms = self.since_asked_ms();
                tracing::info!(
                    %format,
                    device = device.as_deref().unwrap_or("unknown"),
                    took_ms,
                    "the device delivered"
                );
                self.reports.outbox.say(&SourceEvent::Live { format, device });
                if let Some(failed) = self.failed(Encoding::delivered) {
                    self.step(failed);
                }
            }
            Action::StartEncoder(run) => self.start_encoder(run),
            Action::KeyFrame => {
                self.reports.feed.force_key();
                self.poke();
            }
            Action::StopAt(until_ns) => {
                if let Some(encoding) = &mut self.encoding {
                    encoding.stop_at(until_ns);
                }
                // A still screen would show its end only with its next picture.
                self.poke();
            }
            Action::EndEncoder => {
                if let Some(encoding) = &mut self.encoding {
                    encoding.end();
                }
            }
            Action::DiscardEncoder => {
                if let Some(encoding) = &mut self.encoding {
                    encoding.discard();
                }
            }
            Action::SayDrained(run) => self.reports.outbox.say(&SourceEvent::Drained { run }),
            Action::SayFailed(failure) => {
                let Failure { reason, message } = self.named(failure);
                // The daemon says it aloud, once; a device that is away fails again every second.
                tracing::debug!(reason = reason.as_str(), error = %message, "the source failed");
                self.reports.outbox.say(&SourceEvent::Failed { reason, message });
            }
            Action::Exit(code) => self.exit = Some(code),
        }
    }

    fn open(&mut self, source: Box<Source>) {
        self.asked_ns = clock::now_ns();
        if self.expect.is_some() && Capture::is_away(&source, self.expect.as_deref()) {
            // What costs time is done before it is back: a person may be plugging it in already.
            match library::start(&self.reports.outbox) {
                Ok(()) => encode::load(&source),
                Err(failure) => return self.step(Event::CaptureFailed(failure)),
            }
            self.awaited = Some(source);
            return self.wait_for_device();
        }
        self.open_now(source);
    }

    /// Opens the awaited device if it is back, or gives up in the end.
    fn wait_for_device(&mut self) {
        let now_ns = clock::now_ns();
        // Nobody is silent who is not here.
        self.open_ns = now_ns;
        let is_over = now_ns > self.asked_ns + AWAY_NS;
        let expect = self.expect.as_deref();
        let back = self
            .awaited
            .take_if(|source| is_over || !Capture::is_away(source, expect));
        if let Some(source) = back {
            self.asked_ns = now_ns;
            self.open_now(source);
        }
    }

    fn open_now(&mut self, source: Box<Source>) {
        self.open_ns = clock::now_ns();
        let opened = Capture::open(&source, self.expect.as_deref(), &self.reports);
        if opened.is_ok() {
            // While the device makes its first picture.
            encode::load(&source);
            let order = Order {
                source: (*source).clone(),
                pre_roll_ns: self.asked.pre_roll_ns,
                shun: std::mem::take(&mut self.asked.shun),
                fragment: std::env::var(FRAGMENT).ok().filter(|launch| !launch.is_empty()),
            };
            self.encoding = Some(Encoding::new(order, self.reports.clone()));
        }
        self.source = Some(source);
        match opened {
            Ok(capture) => {
                self.capture = Some(capture);
                // Its silence counts from here: what came before was not the device's.
                self.open_ns = clock::now_ns();
            }
            Err(failure) => self.step(Event::CaptureFailed(self.named(failure))),
        }
    }

    fn start_encoder(&mut self, run: Run) {
        let Some(encoding) = &mut self.encoding else {
            let failure = Failure::internal("an encoder was wanted before the device was open");
            return self.step(Event::EncoderFailed(failure));
        };
        match encoding.begin(run) {
            Ok(true) => {}
            Ok(false) => self.poke(),
            Err(failure) => self.step(Event::EncoderFailed(self.named(failure))),
        }
    }

    fn poke(&self) {
        if let Some(capture) = &self.capture {
            capture.poke();
        }
    }

    /// The failure with the device's name in front, if it is not there yet.
    fn named(&self, failure: Failure) -> Failure {
        let Some(source) = &self.source else {
            return failure;
        };
        let device = failure::device_name(source);
        if failure.message.contains(&device) {
            return failure;
        }
        Failure::new(failure.reason, format!("{device}: {}", failure.message))
    }

    fn since_asked_ms(&self) -> u64 {
        clock::now_ns().saturating_sub(self.asked_ns) / 1_000_000
    }

    /// Writes what was said and closes the device, each within bounds: a driver that hangs must
    /// not keep the process, and a daemon that does not read must not either.
    fn farewell(mut self, writer: JoinHandle<()>) {
        self.reports.outbox.close();
        let flushed = self.reports.outbox.flush(FAREWELL);
        if flushed {
            if writer.join().is_err() {
                tracing::error!("the writer panicked");
            }
        } else {
            tracing::error!("the daemon did not take the last events");
        }
        let Some(capture) = self.capture.take() else {
            return;
        };
        let encoding = self.encoding.take();
        let (done, closed) = std::sync::mpsc::sync_channel(1);
        let closing = std::thread::Builder::new().name("closing".into()).spawn(move || {
            // The feeders must not be asked once the encoders are gone.
            capture.close();
            if let Some(encoding) = encoding {
                encoding.close();
            }
            // Nobody waits any more if this fails.
            let _told = done.send(());
        });
        if closing.is_err() || closed.recv_timeout(FAREWELL).is_err() {
            tracing::error!("the device did not close in time");
        }
    }
}
