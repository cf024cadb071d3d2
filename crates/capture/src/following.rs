//! How a source's task does what is wanted: the plan of the conductor, and its duty as a spare.

use lectern_domain::fact::FactKind;
use lectern_domain::track::TrackHealth;
use lectern_domain::wire::SourceCommand;
use tracing::info;

use crate::Media;
use crate::clock::monotonic_ns;
use crate::delivery::Pulse;
use crate::encoding::Encoding;
use crate::life::{Across, End, Life};
use crate::plan::{RunPlan, Want};
use crate::spare::Duty;
use crate::supervisor::{Supervisor, tell};

impl Supervisor {
    /// Brings the child's encoder to what is wanted of it.
    pub(crate) async fn follow(&mut self, life: &mut Life, across: &mut Across) -> Result<(), End> {
        self.plan.mark_unchanged();
        self.review(across).await.map_err(|()| End::Quit)?;
        let now_ns = monotonic_ns();
        self.weigh(across, now_ns);
        if life.live {
            let (encoding, command) = life.encoding.towards(self.want(across, now_ns), now_ns);
            life.turn(encoding, now_ns);
            match command {
                Some(SourceCommand::Encode { .. }) => self.pulse(across, Pulse::Asked, now_ns),
                Some(SourceCommand::StopEncode { .. }) => self.pulse(across, Pulse::Released, now_ns),
                _ => {}
            }
            // The process before this one may have died while it was asked for media.
            if life.encoding == Encoding::Resting && across.watch.is_asked() {
                self.pulse(across, Pulse::Released, now_ns);
            }
            if let Some(command) = command {
                tell(life, &command).await?;
            }
        }
        if life.encoding == Encoding::Resting {
            self.settle(across).await.map_err(|()| End::Quit)?;
        }
        Ok(())
    }

    /// What this source's encoder should be doing: what the plan wants, unless it is a spare that
    /// is not needed.
    fn want(&self, across: &Across, now_ns: u64) -> Option<Want> {
        let want = self.plan.borrow().as_ref().map(RunPlan::want)?;
        Some(match (want, &self.principal) {
            (
                Want::Encode {
                    run,
                    base_ns,
                    from_ns,
                },
                Some(_),
            ) => match across.duty.begins_ns() {
                Some(duty_ns) => Want::Encode {
                    run,
                    base_ns,
                    from_ns: from_ns.max(duty_ns.saturating_sub(base_ns)),
                },
                None => Want::Rest {
                    until_ns: now_ns.saturating_sub(base_ns),
                },
            },
            (want, _) => want,
        })
    }

    /// Decides anew what this source does as a spare.
    pub(crate) fn weigh(&mut self, across: &mut Across, now_ns: u64) {
        let (Some(principal), Some(name)) = (&self.principal, &self.source.spare_for) else {
            return;
        };
        let delivery = *principal.borrow();
        let plan = self.plan.borrow().clone();
        let wanted = plan.as_ref().map(RunPlan::want);
        let recording = matches!(wanted, Some(Want::Encode { .. }));
        across.duty = across.duty.step(delivery, recording, now_ns);

        let run = plan.as_ref().filter(|plan| !plan.ends()).map(|plan| plan.run);
        let works = self.out.report.borrow().health == TrackHealth::Live;
        let standing_in = run.filter(|_| works && across.duty != Duty::Resting);
        if standing_in == across.standing_in {
            return;
        }
        across.standing_in = standing_in;
        let (what, detail) = if standing_in.is_some() {
            (FactKind::SpareOn, format!("it stands in for {name}"))
        } else if works {
            (FactKind::SpareOff, format!("{name} delivers again"))
        } else {
            (
                FactKind::SpareOff,
                format!("it does not work and cannot stand in for {name}"),
            )
        };
        info!(principal = %name, standing_in = standing_in.is_some(), "spare changed its duty");
        self.out.notes.note(plan.as_ref(), now_ns, what, detail);
        self.out
            .report
            .send_modify(|report| report.standing_in = standing_in.is_some());
        self.announce();
    }

    /// Takes down what happens to the media of this source, for its spare.
    pub(crate) fn pulse(&self, across: &mut Across, pulse: Pulse, now_ns: u64) {
        across.watch = across.watch.step(pulse, now_ns);
        let delivery = across.watch.delivery;
        self.out.delivery.send_if_modified(|known| {
            let news = *known != delivery;
            *known = delivery;
            news
        });
    }

    /// Passes on what the gate kept and the plan now wants.
    pub(crate) async fn review(&mut self, across: &mut Across) -> Result<(), ()> {
        let plan = self.plan.borrow().clone();
        for chunk in across.gate.review(plan.as_ref()) {
            self.deliver(Media::Chunk(chunk)).await?;
        }
        Ok(())
    }

    /// With no encoder at work: reports once that an ending run is drained.
    pub(crate) async fn settle(&mut self, across: &mut Across) -> Result<(), ()> {
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
}
