//! One step of a lecture's life: its state and what goes with it, in one transaction.
//!
//! Between two commits lie a crash and a full disk. A lecture whose row says `paused` without
//! its pause, or `stopping` without its end, would be in a state that no button leads out of.

use std::sync::Arc;

use lectern_domain::api::ClockTrust;
use lectern_domain::ids::{LectureId, RunId};
use lectern_domain::lecture::LectureState;

use super::Db;
use super::recording::{Begin, close_pause, open_pause, open_run, set_end, set_planned_end, set_state};
use crate::error::DbError;

/// What changes together with a lecture's state. Media times are nanoseconds of the run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowChange {
    /// The next run is opened, before any source encodes for it. Runs count from 1 without a
    /// hole.
    OpenRun {
        /// Which.
        run: RunId,
        /// `CLOCK_MONOTONIC` at run time zero, of this boot of the kernel.
        base_mono_ns: u64,
        /// Wall clock at run time zero.
        started_unix_ms: i64,
        /// Whether that wall clock can be believed; see [`Db::correct_clock`].
        clock: ClockTrust,
    },
    /// A pause begins.
    PauseFrom {
        /// In this run.
        run: RunId,
        /// Its beginning.
        from_ns: u64,
    },
    /// The open pause ends; an end before its beginning makes an empty one.
    ResumeAt {
        /// In this run.
        run: RunId,
        /// Its end.
        to_ns: u64,
    },
    /// The run was stopped at this moment; `None`: the stop was taken back.
    EndAt {
        /// The run.
        run: RunId,
        /// The moment.
        end_ns: Option<u64>,
    },
    /// The lecture stops by itself then.
    PlannedEnd {
        /// Wall clock.
        unix_ms: i64,
    },
}

impl Db {
    /// Moves a lecture from one state to another, or leaves it where it is if both are the same,
    /// and makes `changes`: all or nothing. `reason` is kept for `failed` only.
    ///
    /// # Errors
    /// [`DbError::Conflict`] when the row is not in `from` or a change does not fit what is
    /// there, [`DbError::NotFound`] for an unknown lecture or run. Nothing changed then.
    pub async fn step(
        &self,
        lecture: LectureId,
        from: LectureState,
        to: LectureState,
        reason: Option<String>,
        changes: Vec<RowChange>,
    ) -> Result<(), DbError> {
        let boot_id = Arc::clone(&self.boot_id);
        self.call("take a lecture a step on", move |ledger| {
            ledger.change(lecture, |tx| {
                set_state(tx, lecture, from, to, reason.as_deref())?;
                for change in &changes {
                    match *change {
                        RowChange::OpenRun {
                            run,
                            base_mono_ns,
                            started_unix_ms,
                            clock,
                        } => {
                            let begin = Begin {
                                base_mono_ns,
                                started_unix_ms,
                                clock: clock.into(),
                                boot_id: &boot_id,
                            };
                            open_run(tx, run, &begin)?;
                        }
                        RowChange::PauseFrom { run, from_ns } => open_pause(tx, run, from_ns)?,
                        RowChange::ResumeAt { run, to_ns } => close_pause(tx, run, to_ns)?,
                        RowChange::EndAt { run, end_ns } => set_end(tx, run, end_ns)?,
                        RowChange::PlannedEnd { unix_ms } => set_planned_end(tx, lecture, unix_ms)?,
                    }
                }
                Ok(())
            })
        })
        .await
    }
}
