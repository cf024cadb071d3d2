//! What the daemon does with lectures that it finds at its start.

use std::time::Duration;

use lectern_capture::clock::{monotonic_ns, unix_ms};
use lectern_domain::api::{Message, Severity};
use lectern_domain::fact::{Fact, FactKind};
use lectern_domain::lecture::{LectureEvent, LectureState};
use lectern_store::{Interrupted, Recovery};
use tracing::{error, info, warn};

use super::Conductor;
use super::texts::length;
use crate::outage::{self, Verdict};
use crate::session::Session;
use crate::status::count;

/// How often the step of a lecture that was found is tried, and how long between two tries.
const TAKE_UP_TRIES: u32 = 3;
const TAKE_UP_AGAIN: Duration = Duration::from_secs(2);

impl Conductor {
    /// Takes up what recovery found: the newest interrupted lecture goes on by itself if its time
    /// is not over, every other is finished as it is.
    pub(crate) async fn take_up(&mut self, recovery: &Recovery) {
        self.to_finish.extend(recovery.to_finish.iter().copied());
        // The clock may have been set while nobody watched it.
        self.correct_at_start().await;
        let now = outage::Moment {
            unix_ms: unix_ms(),
            mono_ns: monotonic_ns(),
            boot_id: recovery.boot_id.clone(),
            trust: self.clock.trust(),
        };
        let within_ms = self.parts.config.recording.resume_within.0;
        let mut interrupted: Vec<&Interrupted> = recovery.interrupted.iter().collect();
        interrupted.sort_by_key(|lecture| lecture.started_unix_ms);
        let newest = interrupted.last().map(|lecture| lecture.lecture);
        for lecture in interrupted {
            let verdict = if newest == Some(lecture.lecture) {
                outage::judge(lecture, &now, within_ms)
            } else {
                Verdict::Over
            };
            info!(lecture = %lecture.lecture, verdict = ?verdict, clock = ?now.trust, "interrupted lecture was found");
            self.settle(lecture, verdict).await;
        }
        for path in &recovery.quarantined {
            warn!(path = %path.display(), "unknown or damaged file was moved to quarantine");
        }
        if !recovery.lost.is_empty() || !recovery.suspect.is_empty() {
            let damage = [
                ("lost", count(recovery.lost.len())),
                ("changed", count(recovery.suspect.len())),
            ];
            self.trouble(Message {
                detail: Some("Stop lecternd and run: lecternd fsck. Have the disk checked.".to_owned()),
                ..self.told(Severity::Error, "message-segments-damaged", damage)
            });
        }
        // A full disk may be what it finds; what was sent goes before a recording does.
        self.purge_on(monotonic_ns()).await;
        self.guard_reserve().await;
        self.refresh_queue().await;
        self.publish();
    }

    async fn settle(&mut self, lecture: &Interrupted, verdict: Verdict) {
        self.session = Some(session_of(lecture, verdict));
        let event = match verdict {
            Verdict::GoesOn { .. } => LectureEvent::RecordOn {
                paused: lecture.paused,
            },
            Verdict::Over => LectureEvent::GiveUp,
        };
        if verdict != Verdict::Over {
            self.let_sources_join(lecture).await;
        }
        for tries_left in (0..TAKE_UP_TRIES).rev() {
            let Err(refusal) = self.step(event).await else {
                break;
            };
            if tries_left == 0 {
                error!(lecture = %lecture.lecture, error = refusal.message(), "interrupted lecture could not be taken up");
                // It stays interrupted, and the next start takes it up.
                self.session = None;
                return;
            }
            warn!(lecture = %lecture.lecture, error = refusal.message(), tries_left, "step of an interrupted lecture failed");
            tokio::time::sleep(TAKE_UP_AGAIN).await;
        }
        if verdict == Verdict::Over {
            self.session = None;
            return;
        }
        self.reread_times().await;
        // By the clock of this boot: with another one, a second outage would be judged wrongly.
        self.write_planned_end().await;
        self.note_outage();
    }

    /// Somebody may have added a source since the lecture began: its chunks need a place. A lecture
    /// goes on without it if the database refuses.
    async fn let_sources_join(&self, lecture: &Interrupted) {
        let (id, metadata) = (lecture.lecture, lecture.metadata.clone());
        let (begun, end) = (lecture.started_unix_ms, lecture.planned_end_unix_ms);
        let configured = self.new_lecture(id, metadata, begun, end).tracks;
        match self.parts.db.join(id, configured).await {
            Ok(joined) if joined.is_empty() => {}
            Ok(joined) => info!(lecture = %id, sources = ?joined, "sources joined an interrupted lecture"),
            Err(error) => {
                warn!(lecture = %id, error = %error, "sources that are new could not join an interrupted lecture");
            }
        }
    }

    /// Keeps with the lecture that it went on, and for how long it had stood still.
    fn note_outage(&mut self) {
        let Some((run, gap_ms)) = self
            .session
            .as_ref()
            .and_then(|session| Some((session.run.as_ref()?.id, session.gap_ms)))
        else {
            return;
        };
        let lasted = gap_ms.map_or_else(
            || "nobody knows for how long it had stood still, because the clock was wrong".to_owned(),
            |gap_ms| format!("{} are missing in all", length(gap_ms)),
        );
        let fact = Fact {
            run: run.run,
            at_ns: 0,
            source: None,
            what: FactKind::Interrupted,
            detail: format!("the recording went on after an outage; {lasted}"),
        };
        self.keep(run.lecture, fact);
    }
}

fn session_of(lecture: &Interrupted, verdict: Verdict) -> Session {
    let now_ns = monotonic_ns();
    let (left_ms, doubt) = match verdict {
        Verdict::GoesOn { gap_ms, left_ms } => {
            let doubt = outage::doubt(lecture).filter(|_| gap_ms.is_none());
            (left_ms, doubt)
        }
        Verdict::Over => (0, None),
    };
    Session {
        started_unix_ms: lecture.started_unix_ms,
        begun_ns: now_ns,
        ends_ns: now_ns.saturating_add(left_ms.saturating_mul(1_000_000)),
        last_run: lecture.last_run,
        earlier_ms: lecture.recorded_ms,
        earlier_bytes: lecture.bytes,
        segments_closed: lecture.segments,
        marks: lecture.marks,
        doubt,
        ..Session::new(
            lecture.lecture,
            lecture.metadata.clone(),
            LectureState::Interrupted,
        )
    }
}
