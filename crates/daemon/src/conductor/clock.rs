//! What follows when the wall clock is set: times on record, and what was decided without it.

use lectern_capture::clock::{monotonic_ns, unix_ms};
use lectern_domain::api::{Arg, ClockTrust, Severity};
use lectern_domain::fact::{Fact, FactKind};
use lectern_domain::lecture::LectureEvent;
use tracing::{error, info, warn};

use super::Conductor;
use super::texts::length;
use crate::clock::{self, Change};
use crate::outage::{self, Resolved};

/// How often the clocks are compared.
const LOOK_EVERY_NS: u64 = 1_000_000_000;
/// A shorter suspension is none.
const SLEPT_NS: u64 = 2_000_000_000;
/// After a correction that failed; the clocks rest so long too.
const REST_NS: u64 = 10_000_000_000;
/// A clock that was set back by more makes deliveries wait that were to be tried long ago.
const WAITS_TOO_LONG_MS: i64 = 60_000;

impl Conductor {
    /// Compares the clocks.
    pub(super) async fn watch_clock(&mut self, now_ns: u64) {
        if now_ns.saturating_sub(self.clock_read_ns) < LOOK_EVERY_NS {
            return;
        }
        self.clock_read_ns = now_ns;
        self.watch_suspension(now_ns).await;
        match self.clock.look(clock::read()) {
            Some(Change::Lost) => {
                warn!(
                    now_unix_ms = unix_ms(),
                    "clock was set to a time that has passed already"
                );
            }
            Some(Change::Set { by_ms }) => {
                info!(by_ms, "clock was set, or can be believed now");
                self.uncorrected_ms = Some(self.uncorrected_ms.unwrap_or(0).saturating_add(by_ms));
            }
            None => {}
        }
        // A clock that went wrong again corrects nothing.
        if let Some(by_ms) = self.uncorrected_ms
            && self.clock.trust() == ClockTrust::Trusted
        {
            self.correct_times(by_ms).await;
        }
    }

    /// A suspended machine records nothing, and the monotonic clock stands still: for the lecture
    /// at work that was an outage.
    async fn watch_suspension(&mut self, now_ns: u64) {
        let suspended_ns = clock::suspended_ns();
        let slept_ns = suspended_ns.saturating_sub(self.suspended_ns);
        if slept_ns < SLEPT_NS {
            return;
        }
        self.suspended_ns = suspended_ns;
        let slept_ms = slept_ns / 1_000_000;
        warn!(slept_ms, "machine was suspended");
        let within_ms = self.parts.config.recording.resume_within.0;
        let Some(session) = self
            .session
            .as_mut()
            .filter(|session| session.state.step(LectureEvent::Stop).is_ok())
        else {
            return;
        };
        let woken = outage::woken(session.ends_ns, slept_ns, now_ns, within_ms);
        session.ends_ns = woken.ends_ns;
        if woken.goes_on {
            let happened = format!("the computer was suspended for {}", length(slept_ms));
            self.note_now(FactKind::Interrupted, happened);
        } else {
            self.stop_belated(slept_ms).await;
        }
    }

    /// At the start of the daemon: what this boot wrote before may be wrong by a step that nobody
    /// watched. Changes nothing where nothing is wrong. On a machine that was suspended since its
    /// boot the monotonic clock cannot tell the time of what was before: then nothing is touched.
    pub(super) async fn correct_at_start(&mut self) {
        if self.clock.trust() == ClockTrust::Trusted && clock::suspended_ns() == 0 {
            self.correct_times(0).await;
        }
    }

    /// Puts every wall time right that this boot has written.
    pub(super) async fn correct_times(&mut self, by_ms: i64) {
        let up_ms = i64::try_from(monotonic_ns() / 1_000_000).unwrap_or(i64::MAX);
        let boot_id = self.parts.db.boot_id();
        let corrected = match self.parts.db.correct_clock(&boot_id, unix_ms() - up_ms).await {
            Ok(corrected) => corrected,
            Err(error) => {
                self.uncorrected_ms = Some(by_ms);
                self.clock_read_ns = monotonic_ns().saturating_add(REST_NS);
                return warn!(error = %error, "times on record could not be corrected; it is tried again");
            }
        };
        self.uncorrected_ms = None;
        if !corrected.is_empty() {
            info!(
                lectures = corrected.len(),
                by_ms, "times on record were corrected"
            );
        }
        if by_ms < -WAITS_TOO_LONG_MS {
            match self.parts.db.end_waits().await {
                Ok(_) => self.parts.bell.ring_again(),
                Err(error) => warn!(error = %error, "waiting deliveries could not be put forward"),
            }
        }
        if self.session.is_none() {
            return;
        }
        self.note_correction(by_ms);
        self.reread_times().await;
        self.ask_again_whether_it_goes_on().await;
        self.write_planned_end().await;
    }

    fn note_correction(&mut self, by_ms: i64) {
        let happened = match by_ms / 1_000 {
            0 => "the wall clock can be believed again".to_owned(),
            ..0 => format!("the wall clock was set back by {}", length(by_ms.unsigned_abs())),
            1.. => format!(
                "the wall clock was set forward by {}",
                length(by_ms.unsigned_abs())
            ),
        };
        let detail = format!("{happened}; dates and times were corrected, lengths were right");
        self.note_now(FactKind::ClockCorrected, detail);
    }

    /// Keeps with the run at work, if there is one, what happened at this moment.
    fn note_now(&mut self, what: FactKind, detail: String) {
        let Some(run) = self.session.as_ref().and_then(|session| session.run.as_ref()) else {
            return;
        };
        let lecture = run.id.lecture;
        let fact = Fact {
            run: run.id.run,
            at_ns: monotonic_ns().saturating_sub(run.base_ns),
            source: None,
            what,
            detail,
        };
        self.keep(lecture, fact);
    }

    /// Takes the beginning of the lecture at work and what was lost between its runs from the
    /// rows, which are right.
    pub(super) async fn reread_times(&mut self) {
        let Some(session) = &mut self.session else { return };
        match self.parts.db.lecture(session.id).await {
            Ok(Some(detail)) => {
                session.started_unix_ms = detail.summary.started_unix_ms;
                let later = detail.runs.iter().filter(|run| run.run > 1);
                session.gap_ms = later.map(|run| run.gap_before_ms).sum();
            }
            Ok(None) => {}
            Err(error) => warn!(error = %error, "times of the lecture at work could not be read"),
        }
    }

    /// A lecture that went on after an outage of unknown length: now the length is known.
    async fn ask_again_whether_it_goes_on(&mut self) {
        let now_ns = monotonic_ns();
        let within_ms = self.parts.config.recording.resume_within.0;
        let Some(session) = &mut self.session else { return };
        let (Some(doubt), Some(run)) = (session.doubt.take(), &session.run) else {
            return;
        };
        let now_unix_ms = unix_ms();
        let open_ms = i64::try_from(now_ns.saturating_sub(run.base_ns) / 1_000_000).unwrap_or(i64::MAX);
        match doubt.resolve(now_unix_ms.saturating_sub(open_ms), now_unix_ms, within_ms) {
            Resolved::Stands { gap_ms, left_ms } => {
                info!(lecture = %session.id, gap_ms, "lecture went on rightly");
                session.ends_ns = now_ns.saturating_add(left_ms.saturating_mul(1_000_000));
            }
            Resolved::TooLate { gap_ms } => self.stop_belated(gap_ms).await,
        }
    }

    async fn stop_belated(&mut self, gap_ms: u64) {
        if self
            .session
            .as_ref()
            .is_none_or(|session| session.state.step(LectureEvent::Stop).is_err())
        {
            return;
        }
        if let Err(refusal) = self.step(LectureEvent::Stop).await {
            // The clock tries it again.
            if let Some(session) = &mut self.session {
                session.ends_ns = session.ends_ns.min(monotonic_ns());
            }
            return error!(
                error = refusal.message(),
                "lecture that went on too late could not be stopped"
            );
        }
        warn!(gap_ms, "lecture that went on too late was stopped");
        self.trouble(self.told(
            Severity::Warning,
            "message-resumed-too-late",
            [("gap", Arg::LengthMs(gap_ms))],
        ));
    }

    /// The planned end is a moment of the monotonic clock; its wall time is for a restart.
    pub(super) async fn write_planned_end(&mut self) {
        let Some(session) = &self.session else { return };
        let ahead_ms = session.ends_ns.saturating_sub(monotonic_ns()) / 1_000_000;
        let ends_unix_ms = unix_ms().saturating_add(i64::try_from(ahead_ms).unwrap_or(i64::MAX));
        if let Err(error) = self.parts.db.set_planned_end(session.id, ends_unix_ms).await {
            warn!(lecture = %session.id, error = %error, "planned end could not be corrected");
        }
    }
}
