//! Facts on their way from the sources' tasks to the conductor, who keeps them with the lecture.
//!
//! A fact is worth less than a chunk: the channel is bounded, a full one drops the fact and says
//! so once in the log, and no task ever waits for it. A source that comes and goes every second
//! would fill a lecture with facts that nobody reads: of each run so many are kept, no more.

use lectern_domain::fact::{Fact, FactKind};
use lectern_domain::ids::{LectureId, RunId, SourceName};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tracing::warn;

use crate::plan::RunPlan;

/// How many facts of one source are kept in one run; the last says that there were more.
const KEPT: u32 = 500;

/// One fact and the lecture that it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Noted {
    /// The lecture whose run was open.
    pub lecture: LectureId,
    /// What was noted.
    pub fact: Fact,
}

/// One source's end of the channel.
#[derive(Debug)]
pub(crate) struct Notes {
    source: SourceName,
    out: mpsc::Sender<Noted>,
    /// The channel was full at the last attempt, and the log says so already.
    full: bool,
    /// The run of the last fact, and how many of it there were.
    told: Option<(RunId, u32)>,
}

impl Notes {
    pub(crate) const fn new(source: SourceName, out: mpsc::Sender<Noted>) -> Self {
        Self {
            source,
            out,
            full: false,
            told: None,
        }
    }

    /// Notes something that was so at `at_ns` of the monotonic clock, if a run is open and not
    /// stopped before that. Whether that was so.
    pub(crate) fn note(
        &mut self,
        plan: Option<&RunPlan>,
        at_ns: u64,
        what: FactKind,
        detail: impl Into<String>,
    ) -> bool {
        let Some(plan) = plan else { return false };
        let at_ns = at_ns.saturating_sub(plan.base_ns);
        if plan.stop.is_some_and(|stop| at_ns >= stop.at_ns) {
            return false;
        }
        let told = match self.told {
            Some((run, told)) if run == plan.run => told.saturating_add(1),
            _ => 1,
        };
        self.told = Some((plan.run, told));
        if told > KEPT {
            return true;
        }
        let mut detail = detail.into();
        if told == KEPT {
            detail.push_str("; more of this run is not kept");
        }
        let noted = Noted {
            lecture: plan.run.lecture,
            fact: Fact {
                run: plan.run.run,
                at_ns,
                source: Some(self.source.clone()),
                what,
                detail,
            },
        };
        match self.out.try_send(noted) {
            Ok(()) => self.full = false,
            Err(TrySendError::Full(lost)) => {
                if !self.full {
                    warn!(
                        fact = lost.fact.what.as_str(),
                        detail = lost.fact.detail,
                        "facts were not taken in time and some were dropped"
                    );
                }
                self.full = true;
            }
            // The daemon quits.
            Err(TrySendError::Closed(_)) => {}
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use lectern_domain::ids::{RunId, RunNumber};

    use super::*;
    use crate::plan::Stop;

    #[test]
    fn a_source_that_comes_and_goes_does_not_fill_the_lecture() {
        let (out, mut facts) = mpsc::channel(2 * KEPT as usize);
        let mut notes = Notes::new("camera".parse().unwrap(), out);
        let lecture = LectureId::random();
        for run in [1, 2] {
            let plan = RunPlan {
                run: RunId {
                    lecture,
                    run: RunNumber(run),
                },
                base_ns: 0,
                pauses: vec![],
                stop: None,
            };
            for at_ns in 0..u64::from(KEPT) + 100 {
                assert!(notes.note(Some(&plan), at_ns, FactKind::SourceLost, "lost"));
            }
            let kept: Vec<_> = std::iter::from_fn(|| facts.try_recv().ok()).collect();
            assert_eq!(kept.len(), KEPT as usize, "of run {run}");
            assert_eq!(kept[0].fact.detail, "lost");
            assert_eq!(
                kept[KEPT as usize - 1].fact.detail,
                "lost; more of this run is not kept"
            );
        }
    }

    #[test]
    fn facts_count_from_the_start_of_the_run_and_only_until_its_stop() {
        let (out, mut facts) = mpsc::channel(1);
        let mut notes = Notes::new("camera".parse().unwrap(), out);
        assert!(!notes.note(None, 5, FactKind::SourceLost, "no run is open"));
        let mut plan = RunPlan {
            run: RunId {
                lecture: LectureId::random(),
                run: RunNumber(2),
            },
            base_ns: 100,
            pauses: vec![],
            stop: None,
        };
        assert!(notes.note(Some(&plan), 90, FactKind::SourceLost, "before the run"));
        assert!(notes.note(Some(&plan), 150, FactKind::SourceBack, "no room for it"));
        let first = facts.try_recv().unwrap();
        assert_eq!(first.lecture, plan.run.lecture);
        assert_eq!((first.fact.run, first.fact.at_ns), (RunNumber(2), 0));
        assert!(facts.try_recv().is_err(), "a full channel drops");

        plan.stop = Some(Stop {
            at_ns: 60,
            hold: true,
        });
        assert!(notes.note(Some(&plan), 159, FactKind::SourceBack, "before the stop"));
        assert_eq!(facts.try_recv().unwrap().fact.at_ns, 59);
        assert!(!notes.note(Some(&plan), 160, FactKind::SourceLost, "after the stop"));
    }
}
