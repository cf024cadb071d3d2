//! One source's task: keeps a child alive, follows the plan, passes media on.
//!
//! A *life* is one child process from start to end. Lives follow each other until the daemon
//! quits; between them the task waits (see [`crate::backoff`]) and still answers the plan, so
//! that a stop never hangs on a source that is away.

use std::sync::Arc;
use std::time::Duration;

use lectern_domain::api::Levels;
use lectern_domain::config::{Encoder, Source};
use lectern_domain::media::{Audience, Picture};
use lectern_domain::track::{TrackEvent, TrackHealth};
use lectern_domain::wire::{FailureReason, Frame, SourceCommand, SourceEvent, WIRE_VERSION};
use tokio::sync::{broadcast, mpsc, watch};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tracing::{Instrument, debug, info_span, warn};

use crate::backoff::Backoff;
use crate::child::{ChildError, SourceProcess};
use crate::clock::{monotonic_ns, unix_ms};
use crate::delivery::{Delivery, Pulse};
use crate::life::{Across, End, Life, WORKED_NS};
use crate::notes::Notes;
use crate::plan::RunPlan;
use crate::program::Program;
use crate::report::SourceReport;
use crate::{CaptureSettings, Media};

/// Often enough that a spare is called a second after its principal's last chunk and not later.
const CHECK_EVERY: Duration = Duration::from_millis(100);
/// A supervisor that was not woken for longer than this was starved itself.
const LISTENS_EVERY_NS: u64 = 300_000_000;
const FLUSH_WITHIN: Duration = Duration::from_secs(2);

/// Where a source task's results go.
#[derive(Debug)]
pub(crate) struct Out {
    pub(crate) media: mpsc::Sender<Media>,
    pub(crate) report: watch::Sender<SourceReport>,
    pub(crate) changed: watch::Sender<u64>,
    pub(crate) picture: watch::Sender<Option<Arc<Picture>>>,
    /// Who looks at the pictures.
    pub(crate) audience: Audience,
    pub(crate) levels: broadcast::Sender<Levels>,
    pub(crate) notes: Notes,
    /// For its spare.
    pub(crate) delivery: watch::Sender<Delivery>,
}

/// The task of one source.
#[derive(Debug)]
pub(crate) struct Supervisor {
    pub(crate) program: Arc<Program>,
    pub(crate) source: Source,
    pub(crate) settings: CaptureSettings,
    /// The source that this one is a spare for.
    pub(crate) principal: Option<watch::Receiver<Delivery>>,
    pub(crate) plan: watch::Receiver<Option<RunPlan>>,
    pub(crate) quit: watch::Receiver<bool>,
    pub(crate) out: Out,
}

/// What woke the task of a living child.
enum Heard {
    /// The conductor wants something else, or the principal is in another way.
    Wish,
    /// Time to judge the child.
    Clock,
    /// The child said something, or ended.
    Child(Result<Option<Frame<SourceEvent>>, ChildError>),
}

pub(crate) fn crashed(message: String) -> End {
    End::Failed {
        reason: FailureReason::Crashed,
        message,
    }
}

pub(crate) async fn tell(life: &mut Life, command: &SourceCommand) -> Result<(), End> {
    let told = life.process.send(command).await;
    told.map_err(|error| crashed(error.to_string()))
}

/// Waits for news of the principal; without one, for ever.
async fn news(principal: &mut Option<watch::Receiver<Delivery>>) {
    if let Some(delivery) = principal
        && delivery.changed().await.is_ok()
    {
        return;
    }
    std::future::pending().await
}

/// The hardware encoder that a report names, if it is one: those take processes along.
fn hardware(named: &str) -> Option<Encoder> {
    let name = named.split_whitespace().next()?;
    [Encoder::Vaapi, Encoder::V4l2, Encoder::Nvenc, Encoder::Qsv]
        .into_iter()
        .find(|encoder| encoder.as_str() == name)
}

const fn is_hopeless(reason: FailureReason) -> bool {
    matches!(reason, FailureReason::Config | FailureReason::Unsupported)
}

/// Collects a process that failed: at once if it hangs, else when it has ended by itself.
async fn collect(process: Option<SourceProcess>, reason: FailureReason) {
    let Some(process) = process else { return };
    let status = match reason {
        FailureReason::Crashed | FailureReason::Stalled | FailureReason::Encoder => process.kill().await,
        _ => process.reap().await,
    };
    debug!(status = ?status, "source process ended");
}

impl Supervisor {
    /// Runs until the daemon quits.
    pub(crate) async fn run(self) {
        let span = info_span!("track", name = %self.source.name);
        self.supervise().instrument(span).await;
    }

    async fn supervise(mut self) {
        let mut across = Across::new(monotonic_ns());
        let mut backoff = Backoff::default();
        loop {
            let began_ns = monotonic_ns();
            let (end, process) = self.live(&mut across).await;
            let End::Failed { reason, message } = end else {
                break;
            };
            if monotonic_ns() - began_ns > WORKED_NS {
                backoff.worked();
            }
            let wait = backoff.after_failure(is_hopeless(reason));
            self.note_failure(&mut across, reason, &message, wait);
            let gone = async move {
                collect(process, reason).await;
                sleep(wait).await;
            };
            if self.wait(gone, &mut across).await.is_err() {
                break;
            }
        }
        self.step(TrackEvent::End);
    }

    fn note_failure(&mut self, across: &mut Across, reason: FailureReason, message: &str, wait: Duration) {
        let (known, encoder) = {
            let report = self.out.report.borrow();
            let known = report.reason == Some(reason) && report.detail.as_deref() == Some(message);
            (known, report.encoder.as_deref().and_then(hardware))
        };
        let retry_in_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        let reason_name = reason.as_str();
        if known {
            debug!(
                reason = reason_name,
                error = message,
                retry_in_ms,
                "source failed again"
            );
        } else {
            warn!(
                reason = reason_name,
                error = message,
                retry_in_ms,
                "source failed"
            );
        }
        if let (FailureReason::Crashed | FailureReason::Encoder, Some(encoder)) = (reason, encoder)
            && !across.shunned.contains(&encoder)
        {
            warn!(
                encoder = encoder.as_str(),
                "hardware encoder will not be used again before the daemon restarts"
            );
            across.shunned.push(encoder);
        }
        let now_ns = monotonic_ns();
        across.absence.begin(across.watch.loss_ns(now_ns), message);
        self.pulse(across, Pulse::Gone, now_ns);
        self.out.report.send_modify(|report| {
            report.reason = Some(reason);
            report.detail = Some(message.to_owned());
            report.restarts = report.restarts.saturating_add(1);
        });
        self.out.picture.send_replace(None);
        self.step(if is_hopeless(reason) {
            TrackEvent::Hopeless
        } else {
            TrackEvent::Failed
        });
    }

    /// Waits between two lives; `Err` when the daemon quits. A process that hangs in a driver
    /// cannot be collected until the kernel lets it go; the plan is answered all the same.
    async fn wait(&mut self, over: impl Future<Output = ()>, across: &mut Across) -> Result<(), ()> {
        tokio::pin!(over);
        loop {
            self.plan.mark_unchanged();
            self.review(across).await?;
            self.weigh(across, monotonic_ns());
            self.settle(across).await?;
            let notes = &mut self.out.notes;
            across.absence.tell(self.plan.borrow().as_ref(), notes);
            tokio::select! {
                () = &mut over => return Ok(()),
                gone = self.plan.changed() => gone.map_err(drop)?,
                () = news(&mut self.principal) => {}
                _ = self.quit.changed() => return Err(()),
            }
        }
    }

    /// One child, from start to end. A process that failed is the caller's to collect.
    async fn live(&mut self, across: &mut Across) -> (End, Option<SourceProcess>) {
        let now = monotonic_ns();
        let process = match SourceProcess::start(&self.program, &self.source.name) {
            Ok(process) => process,
            Err(error) => {
                return (crashed(error.to_string()), None);
            }
        };
        self.out.report.send_modify(SourceReport::begin);
        self.step(TrackEvent::Spawned);
        let mut life = Life::new(process, now);
        across.gate.restart();
        let end = self.attend(&mut life, across).await;
        match end {
            End::Quit => {
                let status = self.farewell(life, across).await;
                debug!(status = ?status, "source process ended");
                (End::Quit, None)
            }
            failed @ End::Failed { .. } => (failed, Some(life.process)),
        }
    }

    async fn attend(&mut self, life: &mut Life, across: &mut Across) -> End {
        let open = SourceCommand::Open {
            wire: WIRE_VERSION,
            source: Box::new(self.source.clone()),
            pre_roll_ns: self.settings.pre_roll_ns,
            expect: across.identity.clone(),
            shun: across.shunned.clone(),
        };
        if let Err(error) = life.process.send(&open).await {
            return crashed(error.to_string());
        }
        let mut check = interval(CHECK_EVERY);
        check.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut free_ns = monotonic_ns();
        loop {
            let heard = tokio::select! {
                // The plan before the media: a chunk must meet the plan that is true already.
                biased;
                _ = self.quit.changed() => return End::Quit,
                gone = self.plan.changed() => match gone {
                    Ok(()) => Heard::Wish,
                    Err(_) => return End::Quit,
                },
                () = news(&mut self.principal) => Heard::Wish,
                _ = check.tick() => Heard::Clock,
                event = life.process.event() => Heard::Child(event),
            };
            let began_ns = monotonic_ns();
            // The clock wakes us more often than this. What passed beyond it, the machine did not
            // let us listen, and what the child said meanwhile waits behind this very event.
            let late_ns = began_ns.saturating_sub(free_ns).saturating_sub(LISTENS_EVERY_NS);
            life.excuse(late_ns, began_ns);
            across.watch.excuse(late_ns, began_ns);
            let step = match heard {
                Heard::Wish => self.follow(life, across).await,
                Heard::Clock => self.check(life, across).await,
                Heard::Child(Ok(Some(frame))) => self.hear(life, across, frame).await,
                Heard::Child(Ok(None)) => Err(crashed("the source process ended without a word".to_owned())),
                Heard::Child(Err(error)) => Err(crashed(error.to_string())),
            };
            if let Err(end) = step {
                return end;
            }
            let now_ns = monotonic_ns();
            let spent_ns = now_ns.saturating_sub(began_ns);
            life.excuse(spent_ns, now_ns);
            across.watch.excuse(spent_ns, now_ns);
            free_ns = now_ns;
        }
    }

    /// Lets a child flush and end; what it still says is passed on.
    async fn farewell(&mut self, mut life: Life, across: &mut Across) -> Option<std::process::ExitStatus> {
        let flush = async {
            if life.process.send(&SourceCommand::Quit).await.is_err() {
                return;
            }
            while let Ok(Some(frame)) = life.process.event().await {
                if self.hear(&mut life, across, frame).await.is_err() {
                    return;
                }
            }
        };
        // Past the deadline its open chunk is lost, nothing else.
        if timeout(FLUSH_WITHIN, flush).await.is_ok() {
            life.process.reap().await
        } else {
            life.process.kill().await
        }
    }

    pub(crate) async fn deliver(&self, media: Media) -> Result<(), ()> {
        self.out.media.send(media).await.map_err(drop)
    }

    /// Reports a silent device, and passes on what the child is judged to.
    async fn check(&mut self, life: &mut Life, across: &mut Across) -> Result<(), End> {
        let now_ns = monotonic_ns();
        self.pulse(across, Pulse::Tick, now_ns);
        if life.stalled(now_ns) {
            let loss_ns = across.watch.loss_ns(life.data_ns);
            across.absence.begin(loss_ns, "its device delivers nothing");
            self.step(TrackEvent::NoData);
        }
        let notes = &mut self.out.notes;
        across.absence.tell(self.plan.borrow().as_ref(), notes);
        life.judge(now_ns)?;
        let often = self.out.audience.is_there();
        if often != life.looked_at {
            life.looked_at = often;
            tell(life, &SourceCommand::Pictures { often }).await?;
        }
        // A spare that has recorded beside its principal for long enough may rest.
        if self.principal.is_some() {
            self.follow(life, across).await?;
        }
        Ok(())
    }

    /// Moves the health, and tells whoever watches if it changed.
    pub(crate) fn step(&self, event: TrackEvent) {
        let health = self.out.report.borrow().health;
        match health.step(event) {
            Ok(next) if next == health => {}
            Ok(next) => {
                if next == TrackHealth::Stalled {
                    warn!("source stalled: its process answers, its device delivers nothing");
                }
                self.out.report.send_modify(|report| {
                    report.health = next;
                    report.since_unix_ms = unix_ms();
                });
                self.announce();
            }
            Err(refused) => warn!(error = %refused, "source supervisor met an impossible step"),
        }
    }

    /// Tells whoever watches that the report is worth a look.
    pub(crate) fn announce(&self) {
        self.out
            .changed
            .send_modify(|changes| *changes = changes.wrapping_add(1));
    }
}
