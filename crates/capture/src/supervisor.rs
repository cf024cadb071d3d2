//! One source's task: keeps a child alive, follows the plan, passes media on.
//!
//! A *life* is one child process from start to end. Lives follow each other until the daemon
//! quits; between them the task waits (see [`crate::backoff`]) and still answers the plan, so
//! that a stop never hangs on a source that is away.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use lectern_domain::api::Levels;
use lectern_domain::config::Source;
use lectern_domain::ids::RunId;
use lectern_domain::media::{Chunk, Picture};
use lectern_domain::track::TrackEvent;
use lectern_domain::wire::{FailureReason, Frame, SourceCommand, SourceEvent, WIRE_VERSION};
use tokio::sync::{broadcast, mpsc, watch};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tracing::{Instrument, debug, info, info_span, warn};

use crate::Media;
use crate::backoff::Backoff;
use crate::child::{ChildError, SourceProcess};
use crate::clock::{monotonic_ns, unix_ms};
use crate::gate::Gate;
use crate::life::{Encoder, End, Life, WORKED_NS};
use crate::plan::{RunPlan, Want};
use crate::report::SourceReport;

const CHECK_EVERY: Duration = Duration::from_millis(250);
const FLUSH_WITHIN: Duration = Duration::from_secs(2);

/// Where a source task's results go.
#[derive(Debug)]
pub(crate) struct Out {
    pub(crate) media: mpsc::Sender<Media>,
    pub(crate) report: watch::Sender<SourceReport>,
    pub(crate) changed: watch::Sender<u64>,
    pub(crate) picture: watch::Sender<Option<Arc<Picture>>>,
    pub(crate) levels: broadcast::Sender<Levels>,
}

/// The task of one source.
#[derive(Debug)]
pub(crate) struct Supervisor {
    pub(crate) program: Arc<Path>,
    pub(crate) source: Source,
    pub(crate) plan: watch::Receiver<Option<RunPlan>>,
    pub(crate) quit: watch::Receiver<bool>,
    pub(crate) out: Out,
}

/// What outlives a child.
#[derive(Debug, Default)]
struct Across {
    gate: Gate,
    /// The run whose end was reported, so that it is reported once.
    drained: Option<RunId>,
}

/// What woke the task of a living child.
enum Heard {
    /// The conductor wants something else.
    Plan,
    /// Time to judge the child.
    Clock,
    /// The child said something, or ended.
    Child(Result<Option<Frame<SourceEvent>>, ChildError>),
}

fn crashed(message: String) -> End {
    End::Failed {
        reason: FailureReason::Crashed,
        message,
    }
}

async fn tell(life: &mut Life, command: &SourceCommand) -> Result<(), End> {
    let told = life.process.send(command).await;
    told.map_err(|error| crashed(error.to_string()))
}

/// Collects a process that failed: at once if it hangs, else when it has ended by itself.
async fn collect(process: Option<SourceProcess>, reason: FailureReason) {
    let Some(process) = process else { return };
    let status = match reason {
        FailureReason::Crashed | FailureReason::Stalled => process.kill().await,
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
        let mut across = Across::default();
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
            let hopeless = matches!(reason, FailureReason::Config | FailureReason::Unsupported);
            let wait = backoff.after_failure(hopeless);
            self.note_failure(reason, &message, wait);
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

    fn note_failure(&mut self, reason: FailureReason, message: &str, wait: Duration) {
        let known = {
            let report = self.out.report.borrow();
            report.reason == Some(reason) && report.detail.as_deref() == Some(message)
        };
        let retry_in_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        if known {
            debug!(
                reason = reason.as_str(),
                error = message,
                retry_in_ms,
                "source failed again"
            );
        } else {
            warn!(
                reason = reason.as_str(),
                error = message,
                retry_in_ms,
                "source failed"
            );
        }
        self.out.report.send_modify(|report| {
            report.reason = Some(reason);
            report.detail = Some(message.to_owned());
            report.restarts = report.restarts.saturating_add(1);
        });
        self.out.picture.send_replace(None);
        let hopeless = matches!(reason, FailureReason::Config | FailureReason::Unsupported);
        self.step(if hopeless {
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
            self.review(across).await?;
            self.settle(across).await?;
            tokio::select! {
                () = &mut over => return Ok(()),
                gone = self.plan.changed() => gone.map_err(drop)?,
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
        self.out.report.send_modify(|report| {
            (report.captured, report.dropped, report.chunks_dropped) = (0, 0, 0);
        });
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
            pre_roll_ns: 0,
            expect: None,
            shun: Vec::new(),
        };
        if let Err(error) = life.process.send(&open).await {
            return crashed(error.to_string());
        }
        let mut check = interval(CHECK_EVERY);
        check.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let heard = tokio::select! {
                // The plan before the media: a chunk must meet the plan that is true already.
                biased;
                _ = self.quit.changed() => return End::Quit,
                gone = self.plan.changed() => match gone {
                    Ok(()) => Heard::Plan,
                    Err(_) => return End::Quit,
                },
                _ = check.tick() => Heard::Clock,
                event = life.process.event() => Heard::Child(event),
            };
            let began_ns = monotonic_ns();
            let step = match heard {
                Heard::Plan => self.follow(life, across).await,
                Heard::Clock => self.check(life),
                Heard::Child(Ok(Some(frame))) => self.hear(life, across, frame).await,
                Heard::Child(Ok(None)) => Err(crashed("the source process ended without a word".to_owned())),
                Heard::Child(Err(error)) => Err(crashed(error.to_string())),
            };
            if let Err(end) = step {
                return end;
            }
            let now_ns = monotonic_ns();
            life.excuse(now_ns.saturating_sub(began_ns), now_ns);
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

    /// Handles one event of the child.
    async fn hear(
        &mut self,
        life: &mut Life,
        across: &mut Across,
        frame: Frame<SourceEvent>,
    ) -> Result<(), End> {
        match frame.message {
            SourceEvent::Hello { wire } if wire == WIRE_VERSION => {}
            SourceEvent::Hello { wire } => {
                return Err(End::Failed {
                    reason: FailureReason::Config,
                    message: format!(
                        "lectern-source speaks version {wire}, lecternd version {WIRE_VERSION}; install both from one package"
                    ),
                });
            }
            SourceEvent::Live { format, device } => {
                info!(format, "source became live");
                life.live = true;
                life.data_ns = monotonic_ns();
                self.out
                    .report
                    .send_modify(|report| (report.format, report.device) = (Some(format), device));
                self.step(TrackEvent::Data);
                self.follow(life, across).await?;
            }
            SourceEvent::Alive {
                captured,
                dropped,
                shed,
                drift_ppm,
                chunks_dropped,
            } => {
                if captured > life.captured {
                    life.captured = captured;
                    life.data_ns = monotonic_ns();
                    if life.live {
                        self.step(TrackEvent::Data);
                    }
                }
                self.out.report.send_modify(|report| {
                    (report.captured, report.dropped, report.chunks_dropped) =
                        (captured, dropped, chunks_dropped);
                    (report.shed, report.drift_ppm) = (shed, drift_ppm);
                });
            }
            SourceEvent::Init { run, codec } => {
                debug!(codec, bytes = frame.blob.len(), "encoder began");
                life.init = Some((run, frame.blob.into()));
            }
            SourceEvent::Chunk {
                run,
                start_ns,
                end_ns,
                key,
            } => {
                let Some((_, init)) = life.init.as_ref().filter(|(of, _)| *of == run) else {
                    return Err(crashed("the source sent a chunk before its header".to_owned()));
                };
                let chunk = Chunk {
                    run,
                    source: self.source.name.clone(),
                    init: Arc::clone(init),
                    start_ns,
                    end_ns,
                    key,
                    bytes: frame.blob.into(),
                };
                let plan = self.plan.borrow().clone();
                for chunk in across.gate.pass(plan.as_ref(), chunk) {
                    self.deliver(Media::Chunk(chunk)).await.map_err(|()| End::Quit)?;
                }
                if across.gate.wants_key() && life.encoder == Encoder::Encoding(run) {
                    tell(life, &SourceCommand::KeyFrame).await?;
                }
            }
            SourceEvent::Drained { .. } => {
                life.encoder = Encoder::Resting;
                self.follow(life, across).await?;
            }
            SourceEvent::Picture { at_ns } => {
                self.out.picture.send_replace(Some(Arc::new(Picture {
                    at_ns,
                    jpeg: frame.blob.into(),
                })));
            }
            SourceEvent::Level {
                rms_dbfs,
                peak_dbfs,
                clipped,
            } => {
                let loudest = |all: &[f32]| all.iter().copied().fold(-120.0, f32::max);
                let levels = Levels {
                    source: self.source.name.clone(),
                    rms_dbfs: loudest(&rms_dbfs),
                    peak_dbfs: loudest(&peak_dbfs),
                    clipped: clipped > 0,
                };
                // Nobody listening is not an error.
                drop(self.out.levels.send(levels));
            }
            SourceEvent::Noted { what, detail, .. } => {
                info!(what = what.as_str(), detail, "source noted something")
            }
            SourceEvent::Failed { reason, message } => return Err(End::Failed { reason, message }),
        }
        // After the work, not before: a slow disk that held us up is not the child's silence.
        life.heard_ns = monotonic_ns();
        Ok(())
    }

    /// Brings the child's encoder to what the plan wants.
    async fn follow(&mut self, life: &mut Life, across: &mut Across) -> Result<(), End> {
        self.review(across).await.map_err(|()| End::Quit)?;
        let want = self.plan.borrow_and_update().as_ref().map(RunPlan::want);
        let command = match (life.encoder, want) {
            (
                Encoder::Resting,
                Some(Want::Encode {
                    run,
                    base_ns,
                    from_ns,
                }),
            ) if life.live => {
                across.gate.restart();
                life.encoder = Encoder::Encoding(run);
                Some(SourceCommand::Encode {
                    run,
                    base_ns,
                    from_ns,
                })
            }
            (Encoder::Encoding(now), Some(Want::Encode { run, .. })) if now == run => None,
            (Encoder::Encoding(_), other) => {
                let until_ns = match other {
                    Some(Want::Rest { until_ns }) => until_ns,
                    // Its run is over and closed: whatever is in flight is wanted by nobody.
                    Some(Want::Encode { .. }) | None => 0,
                };
                life.encoder = Encoder::Draining {
                    since_ns: monotonic_ns(),
                };
                Some(SourceCommand::StopEncode { until_ns })
            }
            (Encoder::Resting | Encoder::Draining { .. }, _) => None,
        };
        if let Some(command) = command {
            tell(life, &command).await?;
        }
        if life.encoder == Encoder::Resting {
            self.settle(across).await.map_err(|()| End::Quit)?;
        }
        Ok(())
    }

    /// Passes on what the gate kept and the plan now wants.
    async fn review(&mut self, across: &mut Across) -> Result<(), ()> {
        let plan = self.plan.borrow().clone();
        for chunk in across.gate.review(plan.as_ref()) {
            self.deliver(Media::Chunk(chunk)).await?;
        }
        Ok(())
    }

    /// With no encoder at work: reports once that an ending run is drained.
    async fn settle(&mut self, across: &mut Across) -> Result<(), ()> {
        let ended = self
            .plan
            .borrow()
            .as_ref()
            .filter(|plan| plan.ends())
            .map(|plan| plan.run);
        match ended {
            Some(run) if across.drained != Some(run) => {
                across.drained = Some(run);
                self.deliver(Media::Drained {
                    run,
                    source: self.source.name.clone(),
                })
                .await
            }
            _ => Ok(()),
        }
    }

    async fn deliver(&self, media: Media) -> Result<(), ()> {
        self.out.media.send(media).await.map_err(drop)
    }

    /// Reports a silent device, and passes on what the child is judged to.
    fn check(&self, life: &Life) -> Result<(), End> {
        let now = monotonic_ns();
        if life.stalled(now) {
            self.step(TrackEvent::NoData);
        }
        life.judge(now)
    }

    /// Moves the health, and tells whoever watches if it changed.
    fn step(&self, event: TrackEvent) {
        let health = self.out.report.borrow().health;
        match health.step(event) {
            Ok(next) if next == health => {}
            Ok(next) => {
                if next == lectern_domain::track::TrackHealth::Stalled {
                    warn!("source stalled: its process answers, its device delivers nothing");
                }
                self.out.report.send_modify(|report| {
                    report.health = next;
                    report.since_unix_ms = unix_ms();
                });
                self.out
                    .changed
                    .send_modify(|changes| *changes = changes.wrapping_add(1));
            }
            Err(refused) => warn!(error = %refused, "source supervisor met an impossible step"),
        }
    }
}
