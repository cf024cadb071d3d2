//! What goes on beside the runs: trials of hardware, less work on a machine that cannot follow,
//! words on what was dropped.

use lectern_domain::fact::FactKind;

use super::{Encoding, PROBE_AFTER_NS, Working};
use crate::clock::SECOND_NS;
use crate::element::exists;
use crate::encode::chunks::Plan;
use crate::encode::probe::{self, Probing, Trials};
use crate::failure::Failure;
use crate::form::Form;
use crate::shed::Seen;

/// The least distance of two words on dropped pictures, in nanoseconds.
const DROPS_EVERY_NS: u64 = 60 * SECOND_NS;

impl Encoding {
    /// Trials have ended: a warm coder that is idle takes what proved itself.
    ///
    /// # Errors
    /// No encoder works.
    pub(crate) fn probed(&mut self) -> Result<(), Failure> {
        if let Some(probing) = self.probing.take() {
            probing.stop();
        }
        let now = self.coder.as_ref().and_then(|working| working.candidate.clone());
        if now.is_none() || self.at_work.is_some() || self.best() == now {
            return Ok(());
        }
        self.start_coder()
    }

    /// Looks at deadlines and counts; every 50 ms or so.
    ///
    /// # Errors
    /// No encoder works.
    pub(crate) fn tick(&mut self, now_ns: u64) -> Result<(), Failure> {
        for (coder, _) in self
            .retiring
            .extract_if(.., |(_, deadline_ns)| now_ns >= *deadline_ns)
        {
            tracing::warn!("a replaced encoder did not give out its last pictures in time and was discarded");
            self.track.coder_ended(coder.number);
            coder.discard();
        }
        self.want_a_picture_each_second(now_ns);
        self.tell_drops(now_ns);
        self.probe(now_ns);
        self.shed(now_ns)
    }

    /// A still screen shows one soon after each whole second, so that a run that begins there has
    /// its key frame there.
    fn want_a_picture_each_second(&mut self, now_ns: u64) {
        let second = now_ns / SECOND_NS;
        if self.is_warm() && self.second != second {
            self.second = second;
            self.reports.feed.key_seen().set();
        }
    }

    fn shed(&mut self, now_ns: u64) -> Result<(), Failure> {
        let Some(Working {
            candidate: Some(candidate),
            ..
        }) = &self.coder
        else {
            return Ok(());
        };
        let counts = self.reports.meter.counts();
        let seen = Seen {
            captured: counts.captured,
            dropped: counts.dropped,
        };
        let before = self.ladder.rung();
        let has_faster = candidate.has_faster();
        self.ladder = self.ladder.step(seen, has_faster, now_ns);
        let rung = self.ladder.rung();
        if rung == before {
            return Ok(());
        }
        let what = if rung > before {
            FactKind::LoadShed
        } else {
            FactKind::LoadRestored
        };
        self.note(what, format!("encoding {}", rung.describe()));
        self.reports.feed.set_pace(rung.pace());
        if has_faster && rung.is_faster() != before.is_faster() && !self.is_closing() {
            return self.start_coder();
        }
        Ok(())
    }

    fn tell_drops(&mut self, now_ns: u64) {
        let dropped = self.reports.meter.counts().dropped;
        let (told_ns, before) = self.drops_told;
        if dropped > before && now_ns >= told_ns + DROPS_EVERY_NS {
            self.drops_told = (now_ns, dropped);
            let more = dropped - before;
            let what = match self.plan {
                Plan::Pictures if more == 1 => "picture was",
                Plan::Pictures => "pictures were",
                Plan::Sound if more == 1 => "block of sound was",
                Plan::Sound => "blocks of sound were",
            };
            self.note(
                FactKind::Dropped,
                format!("{more} {what} dropped because the encoder could not follow"),
            );
        }
    }

    /// Tries hardware while nothing is recorded.
    fn probe(&mut self, now_ns: u64) {
        let due = self.probe_due_ns.is_some_and(|due_ns| now_ns >= due_ns);
        if !due || self.at_work.is_some() || self.probing.is_some() {
            return;
        }
        self.probe_due_ns = None;
        let Some(form @ Form::Pictures { .. }) = self.reports.feed.form() else {
            return;
        };
        let pictures = self.pictures();
        let candidates = self
            .choice
            .untried(exists, |factory| self.verdicts.verdict(factory, &pictures));
        if candidates.is_empty() {
            return;
        }
        let claim = match self.verdicts.claim() {
            Ok(Some(claim)) => claim,
            Ok(None) => {
                // Another source tries; what it finds may spare our own trial.
                self.probe_due_ns = Some(now_ns + PROBE_AFTER_NS);
                return;
            }
            Err(error) => {
                tracing::info!(%error, "hardware encoders were not tried");
                return;
            }
        };
        let trials = Trials {
            candidates,
            source: self.order.source.clone(),
            form,
            pictures,
            samples: self.reports.feed.samples(probe::SAMPLES),
            claim,
        };
        match Probing::start(trials, self.reports.inputs.clone()) {
            Ok(probing) => self.probing = Some(probing),
            Err(error) => tracing::warn!(%error, "hardware encoders were not tried"),
        }
    }
}
