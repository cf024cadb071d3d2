//! The conductor: one task that decides, so that everything that can happen is in one list.
//!
//! It owns the lecture at work ([`Session`]) and the plan that the sources follow. It receives
//! [`Event`]s, lets the pure state machines of `lectern-domain` judge them, commits what they
//! decided, and only then acts and answers. It never touches media: chunks flow from the sources
//! to the spool beside it, so a stalled disk cannot keep a press of Stop waiting in a queue of
//! video.
//!
//! Order inside a step: its state and all rows that go with it committed in one transaction, then
//! the sources told, then the reply. Only a pause is told to the sources first (P7).

mod actions;
mod clock;
mod commands;
mod finishing;
mod noted;
mod past;
mod planned;
mod purge;
mod queue;
mod reload;
mod resume;
mod self_test;
mod texts;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use lectern_capture::clock::{monotonic_ns, unix_ms};
use lectern_capture::{Capture, Media, Noted};
use lectern_domain::api::{
    Arg, Command, Done, Message, QueueSummary, Refusal, Severity, Status, UploadStatus,
};
use lectern_domain::config::Config;
use lectern_domain::ids::{LectureId, RunId, SourceName};
use lectern_domain::lecture::LectureEvent;
use lectern_store::{Db, Spool, SpoolEvent};
use lectern_words::Voice;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};
use tracing::{error, info, warn};

use self::commands::Planned;
use self::purge::{Purged, Purges};
use self::reload::Renewal;
pub(crate) use self::self_test::Means;
use self::self_test::{Tested, Tests};
use crate::agenda::Agenda;
use crate::clock::Watch;
use crate::counts::Counts;
use crate::courier::{Around, Asker, Bell, CourierEvent};
use crate::finisher::{FinishEvent, Finisher};
use crate::keeping::Keeping;
use crate::load::Files;
use crate::notify::Vitals;
use crate::pump::Tally;
use crate::reload::{Launch, Parties, Reading, Unfit};
use crate::scribe::Scribe;
use crate::session::Session;
use crate::signals::Signal;
use crate::{room_time, status};

/// How often the clock is looked at: bounds the lateness of an undo's end and of a planned stop.
const TICK: Duration = Duration::from_millis(100);
/// How often the queue's numbers are read again even if nothing was heard of it.
const QUEUE_EVERY_NS: u64 = 15_000_000_000;
/// Commands waiting for the conductor. Presses come one at a time; more wait at their senders.
pub(crate) const COMMAND_BOUND: usize = 16;

/// A command and where its answer goes.
pub(crate) type Request = (Command, oneshot::Sender<Result<Done, Refusal>>);

/// Everything that can happen to the daemon.
#[derive(Debug)]
enum Event {
    /// Somebody pressed or typed something.
    Request(Request),
    /// The spool wrote, closed or failed.
    Spool(SpoolEvent),
    /// A source has flushed a stopped run.
    Drained { run: RunId, source: SourceName },
    /// Every segment of a run is closed and committed, or could not be.
    RunClosed { run: RunId, result: Result<(), String> },
    /// The health of a source changed.
    SourceChanged,
    /// Something is to be kept with the lecture at work.
    Noted(Noted),
    /// A task of the self test ended.
    Tested(Tested),
    /// The deletion of a delivered lecture ended.
    Purged(Purged),
    /// The finisher got on.
    Finish(FinishEvent),
    /// A delivery got on.
    Courier(CourierEvent),
    /// Free space was measured.
    Space(u64),
    /// The configuration was read anew.
    Reading(Reading),
    /// The program on the disk said whether it takes the configuration.
    Checked(Result<Files, Unfit>),
    /// The clock.
    Tick,
    /// The system wants something.
    Signal(Signal),
}

/// The channels that lead to the conductor. Bounds are their creators'.
pub(crate) struct Inputs {
    pub(crate) requests: mpsc::Receiver<Request>,
    pub(crate) spool: mpsc::Receiver<SpoolEvent>,
    /// What the pump lets through: `Drained` only.
    pub(crate) drained: mpsc::Receiver<Media>,
    pub(crate) sources: watch::Receiver<u64>,
    pub(crate) facts: mpsc::Receiver<Noted>,
    pub(crate) finish: mpsc::Receiver<FinishEvent>,
    pub(crate) courier: mpsc::Receiver<CourierEvent>,
    pub(crate) space: watch::Receiver<u64>,
    pub(crate) readings: mpsc::Receiver<Reading>,
    pub(crate) signals: mpsc::Receiver<Signal>,
}

/// What the conductor directs.
pub(crate) struct Parts {
    pub(crate) config: Arc<Config>,
    pub(crate) capture: Capture,
    pub(crate) db: Db,
    pub(crate) spool: Spool,
    pub(crate) tally: Tally,
    pub(crate) finisher: Finisher,
    pub(crate) bell: Arc<Bell>,
    pub(crate) counts: Arc<Counts>,
    /// What deliveries depend on.
    pub(crate) around: watch::Sender<Around>,
    pub(crate) uploads: watch::Receiver<Arc<UploadStatus>>,
    pub(crate) asker: Asker,
    pub(crate) scribe: Scribe,
    pub(crate) status: watch::Sender<Arc<Status>>,
    pub(crate) vitals: Arc<Vitals>,
    pub(crate) self_test: Means,
    pub(crate) launch: Arc<Launch>,
    pub(crate) parties: Parties,
}

/// See the module.
pub(crate) struct Conductor {
    parts: Parts,
    session: Option<Session>,
    /// A start that was pressed while the lecture before it was still being closed.
    next_start: Option<(Planned, oneshot::Sender<Result<Done, Refusal>>)>,
    to_finish: VecDeque<LectureId>,
    finishing: Option<LectureId>,
    /// Finished and not committed: tried again with the next word of the clock that is due.
    uncommitted: Option<FinishEvent>,
    /// Finishing rests until then, because the database failed.
    finish_after_ns: u64,
    closing: JoinSet<(RunId, Result<(), String>)>,
    queue: QueueSummary,
    queue_read_ns: u64,
    /// What is said of the oldest delivery that needs a person.
    parked: Option<String>,
    zone: TimeZone,
    free_bytes: u64,
    clock: Watch,
    clock_read_ns: u64,
    /// For how long the machine was suspended since its boot, as far as was seen.
    suspended_ns: u64,
    /// The clock was set by this much, and times on record are not corrected yet.
    uncorrected_ms: Option<i64>,
    keeping: Keeping,
    beat_ns: u64,
    purges: Purges,
    tests: Tests,
    agenda: Agenda,
    renewal: Renewal,
    /// Troubles that are not a source's: shown until the next lecture starts.
    troubles: Vec<Message>,
    revision: u64,
    leaving: bool,
}

impl Conductor {
    pub(crate) fn new(parts: Parts, free_bytes: u64, clock: Watch) -> Self {
        let zone = room_time::zone(&parts.config);
        Self {
            parts,
            session: None,
            next_start: None,
            to_finish: VecDeque::new(),
            finishing: None,
            uncommitted: None,
            finish_after_ns: 0,
            closing: JoinSet::new(),
            queue: QueueSummary::default(),
            queue_read_ns: 0,
            parked: None,
            zone,
            free_bytes,
            clock,
            clock_read_ns: 0,
            suspended_ns: crate::clock::suspended_ns(),
            uncorrected_ms: None,
            keeping: Keeping::default(),
            beat_ns: 0,
            purges: Purges::default(),
            tests: Tests::default(),
            agenda: Agenda::default(),
            renewal: Renewal::new(unix_ms()),
            troubles: Vec::new(),
            revision: 0,
            leaving: false,
        }
    }

    /// Runs until a signal ends it and the lecture at work is closed, or until it is time to start
    /// anew. `Err` when the second signal asked for "now".
    pub(crate) async fn run(mut self, mut inputs: Inputs) -> Result<Left, Now> {
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let Some(event) = self.next(&mut inputs, &mut tick).await else {
                break;
            };
            if let Event::Signal(Signal::Now) = event {
                return Err(Now);
            }
            self.handle_or_end(event, &mut inputs.signals).await?;
            self.publish();
            if self.leaving && self.session.is_none() {
                break;
            }
        }
        self.refuse_unheard(&mut inputs.requests);
        Ok(Left {
            parts: self.parts,
            signals: inputs.signals,
            again: self.renewal.again,
        })
    }

    /// Handles one event. A commit may hang on a dead disk; the second signal ends it all the same.
    async fn handle_or_end(&mut self, event: Event, signals: &mut mpsc::Receiver<Signal>) -> Result<(), Now> {
        let mut asked_to_leave = false;
        {
            let mut work = std::pin::pin!(self.handle(event));
            loop {
                tokio::select! {
                    biased;
                    () = work.as_mut() => break,
                    Some(signal) = signals.recv() => match signal {
                        Signal::Terminate => asked_to_leave = true,
                        Signal::Now => return Err(Now),
                    },
                }
            }
        }
        if asked_to_leave {
            Box::pin(self.handle_or_end(Event::Signal(Signal::Terminate), signals)).await?;
        }
        Ok(())
    }

    async fn next(&mut self, inputs: &mut Inputs, tick: &mut tokio::time::Interval) -> Option<Event> {
        Some(tokio::select! {
            // Requests last: all others come at a bounded rate, and no flood of requests may keep
            // the clock or the word of a drained source waiting (P10).
            biased;
            Some(signal) = inputs.signals.recv() => Event::Signal(signal),
            _ = tick.tick() => Event::Tick,
            Some(event) = inputs.spool.recv() => Event::Spool(event),
            Some(media) = inputs.drained.recv() => match media {
                Media::Drained { run, source } => Event::Drained { run, source },
                Media::Chunk(_) => Event::Tick,
            },
            Some(closed) = self.closing.join_next() => match closed {
                Ok((run, result)) => Event::RunClosed { run, result },
                Err(error) => {
                    error!(error = %error, "task that closes segments failed");
                    return None;
                }
            },
            Ok(()) = inputs.sources.changed() => Event::SourceChanged,
            Some(noted) = inputs.facts.recv() => Event::Noted(noted),
            Some(purged) = self.purges.ended() => Event::Purged(purged),
            Some(tested) = self.tests.ended() => Event::Tested(tested),
            Some(event) = inputs.finish.recv() => Event::Finish(event),
            Some(event) = inputs.courier.recv() => Event::Courier(event),
            Ok(()) = inputs.space.changed() => Event::Space(*inputs.space.borrow_and_update()),
            Some(reading) = inputs.readings.recv() => Event::Reading(reading),
            Some(said) = self.renewal.checked() => Event::Checked(said),
            Some(request) = inputs.requests.recv() => Event::Request(request),
            else => return None,
        })
    }

    async fn handle(&mut self, event: Event) {
        match event {
            Event::Request((command, reply)) => self.request(command, reply).await,
            Event::Spool(event) => self.on_spool(event).await,
            Event::Drained { run, source } => {
                if let Some(open) = self.open_run(run) {
                    open.drained.insert(source);
                }
                self.close_if_drained();
            }
            Event::RunClosed { run, result } => self.on_run_closed(run, result).await,
            Event::SourceChanged => self.see_sources(),
            Event::Noted(noted) => self.on_noted(noted),
            Event::Tested(tested) => self.on_tested(tested),
            Event::Purged(purged) => self.on_purged(purged).await,
            Event::Finish(event) => self.on_finish(event).await,
            Event::Courier(event) => self.on_courier(event).await,
            Event::Space(free) => {
                self.free_bytes = free;
                self.look_after_space().await;
            }
            Event::Reading(reading) => self.on_reading(reading),
            Event::Checked(said) => self.on_checked(said),
            Event::Tick => self.on_tick().await,
            Event::Signal(Signal::Terminate) => self.leave().await,
            Event::Signal(Signal::Now) => {}
        }
    }

    async fn on_tick(&mut self) {
        self.parts.vitals.conductor_lives();
        let now = monotonic_ns();
        self.watch_clock(now).await;
        self.watch_self_test();
        self.step_due(now).await;
        self.plan_on(now).await;
        self.beat(now);
        self.close_if_drained();
        if now.saturating_sub(self.queue_read_ns) > QUEUE_EVERY_NS {
            self.refresh_queue().await;
        }
        self.finish_on(now).await;
        self.purge_on(now).await;
        self.renew_on();
    }

    async fn on_spool(&mut self, event: SpoolEvent) {
        match event {
            SpoolEvent::FirstChunk { run, source } => {
                info!(lecture = %run.lecture, run = %run.run, source = %source, "track began to be written");
                let Some(session) = self.session.as_mut().filter(|session| session.id == run.lecture) else {
                    return;
                };
                // If the commit below fails, the clock tries it again.
                session.arrived = true;
                if let Err(refusal) = self.step(LectureEvent::FirstChunk).await {
                    warn!(
                        error = refusal.message(),
                        "first chunk found no lecture that waits for it"
                    );
                }
            }
            SpoolEvent::SegmentClosed { run, .. } => {
                if let Some(session) = self.session.as_mut().filter(|session| session.id == run.lecture) {
                    session.segments_closed += 1;
                }
            }
            SpoolEvent::WriteResumed {
                run,
                source,
                dropped_chunks,
            } => {
                warn!(lecture = %run.lecture, source = %source, dropped_chunks, "track is being written again");
                self.troubles
                    .retain(|t| t.code != "write-failed" || t.subject.as_deref() != Some(source.as_str()));
            }
            SpoolEvent::WriteFailed {
                run, source, message, ..
            } => {
                error!(lecture = %run.lecture, source = %source, error = message, "track could not be written");
                self.trouble(Message {
                    subject: Some(source.to_string()),
                    detail: Some(message),
                    ..self.told(
                        Severity::Error,
                        "message-write-failed",
                        [("source", status::source_names([source.as_str()]))],
                    )
                });
            }
        }
    }

    /// A message of the catalogues; see [`status::told`].
    fn told<const N: usize>(&self, severity: Severity, key: &str, args: [(&str, Arg); N]) -> Message {
        let voice = Voice::english(self.zone.clone(), unix_ms());
        status::told(&voice, severity, key, args)
    }

    /// Adds a trouble, once for each code and subject.
    fn trouble(&mut self, message: Message) {
        self.troubles
            .retain(|old| (&old.code, &old.subject) != (&message.code, &message.subject));
        self.troubles.push(message);
    }

    /// The run at work, if it is `run`.
    fn open_run(&mut self, run: RunId) -> Option<&mut crate::session::OpenRun> {
        self.session
            .as_mut()
            .and_then(|session| session.run.as_mut())
            .filter(|open| open.id == run)
    }

    fn publish(&mut self) {
        let recording = self.session.as_ref().is_some_and(|s| s.state.holds_sources());
        self.parts.vitals.set_recording(recording);
        let around = Around {
            recording,
            clock: self.clock.trust(),
        };
        self.parts.around.send_if_modified(|last| {
            let changed = *last != around;
            *last = around;
            changed
        });
        let track_bytes = self
            .session
            .as_ref()
            .map(|session| self.parts.tally.of(session.id))
            .unwrap_or_default();
        let view = status::View {
            config: &self.parts.config,
            session: self.lecture_at_work(),
            self_test: self.tests.status(),
            reports: &self.parts.capture.reports(),
            pictures: &self.parts.capture.pictures(),
            track_bytes: &track_bytes,
            queue: &self.queue,
            parked: self.parked.as_deref(),
            uploads: &self.parts.uploads.borrow(),
            zone: &self.zone,
            budget: self.budget(),
            clock: self.clock.trust(),
            start_waits: self.next_start.is_some(),
            agenda: &self.agenda,
            configured: &self.renewal.told,
            troubles: &self.troubles,
            now_ns: monotonic_ns(),
            now_unix_ms: unix_ms(),
        };
        let mut status = status::build(&view);
        let revision = &mut self.revision;
        // Whoever asks gets the newest; whoever watches is woken only by what a page must redraw.
        self.parts.status.send_if_modified(|last| {
            status.revision = last.revision;
            let changed = status::differs(last, &status);
            if changed {
                *revision += 1;
                status.revision = *revision;
            }
            *last = Arc::new(status);
            changed
        });
    }
}

/// What the conductor leaves behind.
pub(crate) struct Left {
    /// To be shut down in order.
    pub(crate) parts: Parts,
    /// A second signal is heard until the end.
    pub(crate) signals: mpsc::Receiver<Signal>,
    /// The daemon starts anew, with the program on the disk and these files, which it takes.
    pub(crate) again: Option<Files>,
}

/// The second signal: end without closing anything; recovery does the rest at the next start.
#[derive(Debug)]
pub(crate) struct Now;
