//! A source that is away: noted once for each run that it misses, and once more at its return.

use lectern_domain::fact::FactKind;
use lectern_domain::ids::RunId;

use crate::notes::Notes;
use crate::plan::RunPlan;

/// Whether a source is away, and since when.
#[derive(Debug, Default)]
pub(crate) struct Absence {
    loss: Option<Loss>,
}

#[derive(Debug)]
struct Loss {
    /// Monotonic clock, nanoseconds.
    at_ns: u64,
    why: String,
    /// The run that knows of it.
    noted: Option<RunId>,
}

impl Absence {
    /// It stopped delivering at `at_ns` of the monotonic clock. Later reasons of the same absence
    /// are its consequences.
    pub(crate) fn begin(&mut self, at_ns: u64, why: &str) {
        if self.loss.is_none() {
            self.loss = Some(Loss {
                at_ns,
                why: why.to_owned(),
                noted: None,
            });
        }
    }

    /// Notes the loss if a run is open that does not know of it.
    pub(crate) fn tell(&mut self, plan: Option<&RunPlan>, notes: &mut Notes) {
        let (Some(loss), Some(run)) = (&mut self.loss, plan.map(|plan| plan.run)) else {
            return;
        };
        if loss.noted != Some(run) && notes.note(plan, loss.at_ns, FactKind::SourceLost, loss.why.clone()) {
            loss.noted = Some(run);
        }
    }

    /// It delivers again since `at_ns` of the monotonic clock. How long it was missing in the run
    /// that is open, in nanoseconds.
    pub(crate) fn end(&mut self, plan: Option<&RunPlan>, at_ns: u64, notes: &mut Notes) -> u64 {
        let (Some(loss), Some(plan)) = (self.loss.take(), plan) else {
            return 0;
        };
        if loss.noted != Some(plan.run) {
            return 0;
        }
        let away_ns = at_ns.saturating_sub(loss.at_ns.max(plan.base_ns));
        let tenths = away_ns / 100_000_000;
        let detail = format!("it delivers again after {}.{} s", tenths / 10, tenths % 10);
        notes.note(Some(plan), at_ns, FactKind::SourceBack, detail);
        away_ns
    }
}

#[cfg(test)]
mod tests {
    use lectern_domain::ids::{LectureId, RunNumber};
    use tokio::sync::mpsc;

    use super::*;

    #[test]
    fn p4_each_run_hears_of_a_loss_once_and_of_the_return() {
        let (out, mut facts) = mpsc::channel(8);
        let mut notes = Notes::new("camera".parse().unwrap(), out);
        let mut absence = Absence::default();
        let plan = |run, base_ns| RunPlan {
            run: RunId {
                lecture: LectureId::random(),
                run: RunNumber(run),
            },
            base_ns,
            pauses: vec![],
            stop: None,
        };
        let (first, second) = (plan(1, 1_000), plan(2, 9_000));
        let mut heard = || {
            facts
                .try_recv()
                .ok()
                .map(|noted| (noted.fact.what, noted.fact.at_ns))
        };

        absence.tell(Some(&first), &mut notes);
        assert_eq!(heard(), None, "it is not away");
        absence.begin(500, "the cable was pulled");
        absence.begin(700, "it was not found");
        absence.tell(None, &mut notes);
        assert_eq!(heard(), None, "nobody records");
        absence.tell(Some(&first), &mut notes);
        absence.tell(Some(&first), &mut notes);
        assert_eq!(
            heard(),
            Some((FactKind::SourceLost, 0)),
            "it was away when the run began"
        );
        assert_eq!(heard(), None);
        absence.tell(Some(&second), &mut notes);
        assert_eq!(heard(), Some((FactKind::SourceLost, 0)));
        assert_eq!(absence.end(Some(&second), 11_000, &mut notes), 2_000);
        assert_eq!(heard(), Some((FactKind::SourceBack, 2_000)));
        assert_eq!(absence.end(Some(&second), 12_000, &mut notes), 0);

        absence.begin(13_000, "the cable was pulled");
        assert_eq!(
            absence.end(Some(&second), 14_000, &mut notes),
            0,
            "nobody had to know"
        );
        assert_eq!(heard(), None);
    }
}
