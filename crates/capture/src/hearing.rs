//! What a source's task makes of its child's words.

use std::sync::Arc;

use lectern_domain::api::Levels;
use lectern_domain::fact::FactKind;
use lectern_domain::ids::RunId;
use lectern_domain::media::{Chunk, Picture};
use lectern_domain::track::TrackEvent;
use lectern_domain::wire::{FailureReason, Frame, SourceCommand, SourceEvent, WIRE_VERSION};
use tracing::{debug, info};

use crate::Media;
use crate::clock::monotonic_ns;
use crate::delivery::Pulse;
use crate::encoding::Encoding;
use crate::life::{Across, End, Life};
use crate::supervisor::{Supervisor, crashed, tell};

impl Supervisor {
    /// Handles one event of the child.
    pub(crate) async fn hear(
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
                info!(format, device, "source became live");
                life.live = true;
                if across.identity.is_none() {
                    across.identity.clone_from(&device);
                }
                self.out
                    .report
                    .send_modify(|report| (report.format, report.device) = (Some(format), device));
                self.captured(life, across);
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
                    self.captured(life, across);
                }
                self.out.report.send_modify(|report| {
                    report.drift_ppm = drift_ppm;
                    report.count(captured, dropped, shed, chunks_dropped);
                });
            }
            SourceEvent::Init { run, codec } => {
                debug!(codec, bytes = frame.blob.len(), "encoder began");
                // Whatever came before it, this begins anew.
                across.gate.restart();
                life.init = Some((run, frame.blob.into()));
                self.note_encoder(across, run, monotonic_ns());
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
                self.chunk(life, across, chunk).await?;
            }
            SourceEvent::Drained { .. } => {
                life.turn(life.encoding.drained(), monotonic_ns());
                self.follow(life, across).await?;
            }
            SourceEvent::Picture { at_ns } => {
                self.captured(life, across);
                let hidden = self.plan.borrow().as_ref().is_some_and(|plan| plan.hides(at_ns));
                let picture = (!hidden).then(|| Picture {
                    at_ns,
                    jpeg: frame.blob.into(),
                });
                self.out.picture.send_replace(picture.map(Arc::new));
            }
            SourceEvent::Level {
                rms_dbfs,
                peak_dbfs,
                clipped,
            } => {
                self.captured(life, across);
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
            SourceEvent::Noted { what, detail, at_ns } => {
                debug!(what = what.as_str(), detail, "source noted something");
                self.noted(across, what, detail, at_ns);
            }
            SourceEvent::Failed { reason, message } => return Err(End::Failed { reason, message }),
        }
        // After the work, not before: a slow disk that held us up is not the child's silence.
        life.heard_ns = monotonic_ns();
        Ok(())
    }

    /// The device delivered something.
    fn captured(&mut self, life: &mut Life, across: &mut Across) {
        let now_ns = monotonic_ns();
        life.data_ns = now_ns;
        if !life.live {
            return;
        }
        self.step(TrackEvent::Data);
        self.pulse(across, Pulse::Captured, now_ns);
        if !across.watch.is_asked() {
            self.delivers(across, now_ns);
        }
    }

    async fn chunk(&mut self, life: &mut Life, across: &mut Across, chunk: Chunk) -> Result<(), End> {
        let run = chunk.run;
        let plan = self.plan.borrow().clone();
        if let Some(plan) = plan.as_ref().filter(|plan| plan.run == run) {
            let on_clock = |ns: u64| plan.base_ns.saturating_add(ns);
            let now_ns = monotonic_ns();
            let (start_ns, end_ns) = (on_clock(chunk.start_ns), on_clock(chunk.end_ns));
            (life.data_ns, life.chunk_ns) = (now_ns, Some(now_ns));
            self.pulse(across, Pulse::Chunk { end_ns }, now_ns);
            self.delivers(across, start_ns);
        }
        for chunk in across.gate.pass(plan.as_ref(), chunk) {
            self.deliver(Media::Chunk(chunk)).await.map_err(|()| End::Quit)?;
        }
        if across.gate.wants_key() && life.encoding == Encoding::Run(run) {
            tell(life, &SourceCommand::KeyFrame).await?;
        }
        Ok(())
    }

    /// An absence, if there was one, is over since `since_ns` of the monotonic clock.
    fn delivers(&mut self, across: &mut Across, since_ns: u64) {
        let notes = &mut self.out.notes;
        let away_ns = across.absence.end(self.plan.borrow().as_ref(), since_ns, notes);
        if away_ns > 0 {
            self.out
                .report
                .send_modify(|report| report.lost_ms_total += away_ns / 1_000_000);
        }
    }

    fn noted(&mut self, across: &mut Across, what: FactKind, detail: String, at_ns: u64) {
        let plan = self.plan.borrow().clone();
        match what {
            FactKind::Encoder => {
                self.out
                    .report
                    .send_modify(|report| report.encoder = Some(detail));
                if let Some(plan) = plan {
                    self.note_encoder(across, plan.run, at_ns);
                }
                self.announce();
                return;
            }
            FactKind::SoundMuted | FactKind::SoundBack => {
                self.out
                    .report
                    .send_modify(|report| report.muted = what == FactKind::SoundMuted);
                self.announce();
            }
            FactKind::EncoderFallback
            | FactKind::LoadShed
            | FactKind::LoadRestored
            | FactKind::Dropped
            | FactKind::FormatChanged
            | FactKind::SourceLost
            | FactKind::SourceBack
            | FactKind::SpareOn
            | FactKind::SpareOff
            | FactKind::Interrupted
            | FactKind::ClockCorrected => {}
        }
        self.out.notes.note(plan.as_ref(), at_ns, what, detail);
    }

    /// Notes which encoder works for `run`, once: it may have been warm long before the run.
    fn note_encoder(&mut self, across: &mut Across, run: RunId, at_ns: u64) {
        let Some(encoder) = self.out.report.borrow().encoder.clone() else {
            return;
        };
        let told = Some((run, encoder.clone()));
        if across.encoder_noted == told {
            return;
        }
        let plan = self.plan.borrow().clone();
        if plan.as_ref().is_some_and(|plan| plan.run == run)
            && self
                .out
                .notes
                .note(plan.as_ref(), at_ns, FactKind::Encoder, encoder)
        {
            across.encoder_noted = told;
        }
    }
}
