//! What the daemon does with lectures that it finds at its start, and when the disk fills.

use lectern_capture::clock::{monotonic_ns, unix_ms};
use lectern_domain::api::{Message, Severity};
use lectern_domain::lecture::{LectureEvent, LectureState};
use lectern_store::{Interrupted, Recovery};
use tracing::{error, info, warn};

use super::Conductor;
use crate::session::Session;

/// Whether an interrupted lecture goes on: it was neither stopped nor over, and not long ago.
fn goes_on(lecture: &Interrupted, now_unix_ms: i64, resume_within_ms: i64) -> bool {
    let stopped = matches!(lecture.was, LectureState::Stopping);
    let away_ms = now_unix_ms.saturating_sub(lecture.last_written_unix_ms);
    !stopped && now_unix_ms < lecture.planned_end_unix_ms && away_ms <= resume_within_ms
}

impl Conductor {
    /// Takes up what recovery found: the newest interrupted lecture goes on by itself if its time
    /// is not over, every other is finished as it is.
    pub(crate) async fn take_up(&mut self, recovery: &Recovery) {
        self.to_finish.extend(recovery.to_finish.iter().copied());
        let now_unix_ms = unix_ms();
        let within = i64::try_from(self.parts.config.recording.resume_within.0).unwrap_or(i64::MAX);
        let mut interrupted: Vec<&Interrupted> = recovery.interrupted.iter().collect();
        interrupted.sort_by_key(|lecture| lecture.started_unix_ms);
        let newest = interrupted
            .last()
            .filter(|lecture| goes_on(lecture, now_unix_ms, within))
            .map(|l| l.lecture);
        for lecture in interrupted {
            self.session = Some(session_of(lecture, now_unix_ms));
            let event = if newest == Some(lecture.lecture) {
                LectureEvent::RecordOn {
                    paused: lecture.paused,
                }
            } else {
                LectureEvent::GiveUp
            };
            info!(lecture = %lecture.lecture, goes_on = newest == Some(lecture.lecture), "interrupted lecture was found");
            if let Err(refusal) = self.step(event).await {
                error!(lecture = %lecture.lecture, error = refusal.message(), "interrupted lecture could not be taken up");
                self.session = None;
            } else if event == LectureEvent::GiveUp {
                self.session = None;
            }
        }
        for path in &recovery.quarantined {
            warn!(path = %path.display(), "unknown or damaged file was moved to quarantine");
        }
        if !recovery.lost.is_empty() || !recovery.suspect.is_empty() {
            self.trouble(Message {
                severity: Severity::Error,
                code: "segments-damaged".to_owned(),
                subject: None,
                what: format!(
                    "{} recorded segments are missing and {} have changed on the disk.",
                    recovery.lost.len(),
                    recovery.suspect.len()
                ),
                safe: "All others are whole; nothing was deleted.".to_owned(),
                todo: "Stop lecternd and run: lecternd fsck. Have the disk checked.".to_owned(),
            });
        }
        // A full disk may be what it finds.
        self.guard_reserve().await;
        self.refresh_queue().await;
        self.publish();
    }

    /// Promise P8: stops the lecture while there is still room to close it.
    pub(super) async fn guard_reserve(&mut self) {
        let recording = self
            .session
            .as_ref()
            .is_some_and(|session| session.state.step(LectureEvent::Stop).is_ok());
        if !recording || self.free_bytes > self.parts.config.storage.reserve.bytes() {
            return;
        }
        warn!(
            free_bytes = self.free_bytes,
            "disk reached its reserve, the lecture is stopped"
        );
        if let Err(refusal) = self.step(LectureEvent::Stop).await {
            return error!(error = refusal.message(), "lecture could not be stopped");
        }
        self.trouble(Message {
            severity: Severity::Error,
            code: "disk-full".to_owned(),
            subject: None,
            what: "The disk is full: the recording was stopped.".to_owned(),
            safe: "Everything until this moment is saved.".to_owned(),
            todo: "Call the help desk to make room; then record again.".to_owned(),
        });
    }
}

fn session_of(lecture: &Interrupted, now_unix_ms: i64) -> Session {
    let now_ns = monotonic_ns();
    let left_ms = left_ms(lecture, now_unix_ms);
    Session {
        started_unix_ms: lecture.started_unix_ms,
        begun_ns: now_ns,
        ends_ns: now_ns.saturating_add(left_ms.saturating_mul(1_000_000)),
        last_run: lecture.last_run,
        earlier_ms: lecture.recorded_ms,
        earlier_bytes: lecture.bytes,
        segments_closed: lecture.segments,
        marks: lecture.marks,
        ..Session::new(
            lecture.lecture,
            lecture.metadata.clone(),
            LectureState::Interrupted,
        )
    }
}

/// How long it may still record. A machine that lost its clock with its power may believe in a
/// day long past; what was left when it last wrote is the most in any case.
fn left_ms(lecture: &Interrupted, now_unix_ms: i64) -> u64 {
    let since = now_unix_ms.max(lecture.last_written_unix_ms);
    u64::try_from(lecture.planned_end_unix_ms.saturating_sub(since)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use lectern_domain::api::Metadata;
    use lectern_domain::ids::{LectureId, RunNumber};

    use super::*;

    fn interrupted(was: LectureState) -> Interrupted {
        Interrupted {
            lecture: LectureId::random(),
            metadata: Metadata::default(),
            folder: String::new(),
            started_unix_ms: 0,
            planned_end_unix_ms: 100_000,
            last_written_unix_ms: 50_000,
            was,
            paused: false,
            last_run: RunNumber(1),
            recorded_ms: 50_000,
            bytes: 0,
            marks: 0,
            segments: 0,
        }
    }

    #[test]
    fn p3_a_lecture_goes_on_unless_it_was_stopped_over_or_left_too_long() {
        assert!(goes_on(&interrupted(LectureState::Recording), 60_000, 30_000));
        assert!(goes_on(&interrupted(LectureState::Paused), 60_000, 30_000));
        assert!(
            !goes_on(&interrupted(LectureState::Stopping), 60_000, 30_000),
            "it was stopped"
        );
        assert!(
            !goes_on(&interrupted(LectureState::Recording), 100_000, 90_000),
            "its time is over"
        );
        assert!(
            !goes_on(&interrupted(LectureState::Recording), 81_000, 30_000),
            "left too long"
        );
    }

    #[test]
    fn p3_a_clock_that_fell_back_does_not_make_a_lecture_longer() {
        let lecture = interrupted(LectureState::Recording);
        assert_eq!(left_ms(&lecture, 60_000), 40_000);
        assert_eq!(left_ms(&lecture, 0), 50_000);
        assert_eq!(left_ms(&lecture, 100_001), 0);
    }
}
