//! What people are told, made from what is true at one moment. Pure.

use std::collections::BTreeMap;
use std::sync::Arc;

use lectern_capture::SourceReport;
use lectern_domain::api::{
    ClockTrust, CurrentLecture, Message, PodiumState, QueueSummary, RoomStatus, Severity, SourceStatus,
    Status, StorageStatus,
};
use lectern_domain::config::{Config, Source};
use lectern_domain::ids::SourceName;
use lectern_domain::lecture::LectureState;
use lectern_domain::media::Picture;
use lectern_domain::track::TrackHealth;
use lectern_domain::wire::FailureReason;
use tokio::sync::watch;

use crate::session::Session;

/// A picture of constant quality is taken to need this much, in bits a second.
const ASSUMED_BPS: u64 = 1_500_000;
/// A recorded byte needs this many on the disk until its lecture is delivered: the segment, the
/// track's file, and the lecture's file.
const COPIES: u64 = 3;

/// Everything that a status is made of.
pub(crate) struct View<'a> {
    pub(crate) config: &'a Config,
    pub(crate) session: Option<&'a Session>,
    pub(crate) reports: &'a BTreeMap<SourceName, SourceReport>,
    pub(crate) pictures: &'a [(SourceName, watch::Receiver<Option<Arc<Picture>>>)],
    pub(crate) track_bytes: &'a BTreeMap<SourceName, u64>,
    pub(crate) queue: &'a QueueSummary,
    pub(crate) free_bytes: u64,
    pub(crate) troubles: &'a [Message],
    pub(crate) now_ns: u64,
    pub(crate) now_unix_ms: i64,
}

/// Whether two statuses differ in more than the time at which they were made.
pub(crate) fn differs(old: &Status, new: &Status) -> bool {
    let settle = |status: &Status| {
        let mut status = status.clone();
        status.now_unix_ms = 0;
        // A page counts on by itself; it needs a new number only when the counting changes.
        if let Some(lecture) = status.lecture.as_mut().filter(|lecture| lecture.running) {
            lecture.recorded_ms /= 10_000;
        }
        for source in &mut status.sources {
            source.captured /= 100;
        }
        status.storage.free_bytes >>= 24;
        status.storage.recordable_ms /= 600_000;
        status
    };
    settle(old) != settle(new)
}

/// The status; its revision is the caller's to set.
pub(crate) fn build(view: &View<'_>) -> Status {
    let sources: Vec<SourceStatus> = view
        .config
        .sources
        .iter()
        .filter_map(|source| source_status(view, source))
        .collect();
    let reserve_bytes = view.config.storage.reserve.bytes();
    let mut messages: Vec<Message> = view.troubles.to_vec();
    messages.extend(sources.iter().filter_map(|source| source_message(view, source)));
    if view.free_bytes <= reserve_bytes && !messages.iter().any(|m| m.code == "disk-full") {
        messages.push(Message {
            severity: Severity::Error,
            code: "disk-full".to_owned(),
            subject: None,
            what: "The disk is full: nothing can be recorded.".to_owned(),
            safe: "Every earlier lecture is safe.".to_owned(),
            todo: "Call the help desk to make room.".to_owned(),
        });
    }
    if view.queue.parked > 0 {
        messages.push(Message {
            severity: Severity::Warning,
            code: "delivery-parked".to_owned(),
            subject: None,
            what: format!("{} lectures cannot be sent without help.", view.queue.parked),
            safe: "They are finished and safe on this machine.".to_owned(),
            todo: "The queue says why: lectern queue.".to_owned(),
        });
    }
    messages.sort_by_key(|message| message.severity);
    Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        room: RoomStatus {
            id: view.config.room.id.to_string(),
            name: view.config.room.name.clone(),
            help: view.config.room.help.clone(),
            languages: view.config.room.languages.clone(),
            timezone: view.config.room.timezone.clone(),
        },
        state: podium_state(view, &sources),
        now_unix_ms: view.now_unix_ms,
        revision: 0,
        allowed: allowed(view),
        lecture: view.session.map(|session| current_lecture(view, session)),
        storage: StorageStatus {
            path: view.config.storage.path.display().to_string(),
            free_bytes: view.free_bytes,
            reserve_bytes,
            purgeable_bytes: 0,
            recordable_ms: recordable_ms(view.config, view.free_bytes.saturating_sub(reserve_bytes)),
        },
        sources,
        clock: ClockTrust::Trusted,
        queue: view.queue.clone(),
        messages,
    }
}

fn podium_state(view: &View<'_>, sources: &[SourceStatus]) -> PodiumState {
    match view.session.map(|session| session.state) {
        Some(LectureState::Armed) => PodiumState::Starting,
        Some(LectureState::Recording) => PodiumState::Recording,
        Some(LectureState::Paused) => PodiumState::Paused,
        Some(LectureState::Stopping) => PodiumState::Saved,
        _ => {
            let none_works = sources
                .iter()
                .all(|s| !matches!(s.health, TrackHealth::Live | TrackHealth::Starting));
            let full = view.free_bytes <= view.config.storage.reserve.bytes();
            if none_works || full {
                PodiumState::Fault
            } else {
                PodiumState::Ready
            }
        }
    }
}

fn allowed(view: &View<'_>) -> Vec<String> {
    let words = view.session.map_or_else(|| vec!["start"], Session::allowed);
    words.into_iter().map(str::to_owned).collect()
}

fn current_lecture(view: &View<'_>, session: &Session) -> CurrentLecture {
    let wall = |ns: u64| {
        let ahead_ms = i128::from(ns) / 1_000_000 - i128::from(view.now_ns) / 1_000_000;
        view.now_unix_ms
            .saturating_add(i64::try_from(ahead_ms).unwrap_or(i64::MAX))
    };
    let run = session.run.as_ref();
    let pause_began = run
        .and_then(|run| {
            run.pauses
                .last()
                .filter(|(_, to)| to.is_none())
                .map(|(from, _)| run.base_ns + from)
        })
        .filter(|_| session.state == LectureState::Paused);
    CurrentLecture {
        id: session.id,
        state: session.state,
        metadata: session.metadata.clone(),
        started_unix_ms: session.started_unix_ms,
        recorded_ms: session.recorded_ms(view.now_ns),
        running: session.state == LectureState::Recording,
        ends_unix_ms: wall(session.ends_ns),
        paused_unix_ms: pause_began.map(wall),
        undo_until_unix_ms: session.undo_until_ns.filter(|_| session.can_undo()).map(wall),
        run: session.last_run.0,
        gap_ms: None,
        bytes: session.earlier_bytes + view.track_bytes.values().sum::<u64>(),
        segments_closed: session.segments_closed,
        marks: session.marks,
    }
}

fn source_status(view: &View<'_>, source: &Source) -> Option<SourceStatus> {
    let report = view.reports.get(&source.name)?;
    let picture = view.pictures.iter().find(|(name, _)| *name == source.name);
    Some(SourceStatus {
        name: source.name.clone(),
        role: source.role,
        kind: report.kind.to_owned(),
        health: report.health,
        since_unix_ms: report.since_unix_ms,
        format: report.format.clone(),
        device: report.device.clone(),
        encoder: report.encoder.clone(),
        spare_for: source.spare_for.clone(),
        standing_in: report.standing_in,
        muted: report.muted,
        drift_ppm: report.drift_ppm,
        reason: report.reason,
        detail: report.detail.clone(),
        restarts: report.restarts,
        captured: report.captured,
        dropped: report.dropped,
        shed: report.shed,
        chunks_dropped: report.chunks_dropped,
        bytes: view.track_bytes.get(&source.name).copied().unwrap_or(0),
        has_picture: picture.is_some_and(|(_, latest)| latest.borrow().is_some()),
    })
}

/// The sentence about a source that does not deliver.
fn source_message(view: &View<'_>, source: &SourceStatus) -> Option<Message> {
    let name = source.name.as_str();
    let what = match source.health {
        TrackHealth::Live | TrackHealth::Ended => return None,
        // At the start of the daemon there is nothing to say yet. Later it is a loss that lasts:
        // a camera that freezes at each attempt is "starting" most of the time.
        TrackHealth::Starting if source.reason.is_none() => return None,
        TrackHealth::Stalled => format!("{name} is connected but sends nothing."),
        TrackHealth::Starting | TrackHealth::Dead | TrackHealth::Restarting => match source.reason {
            Some(FailureReason::NotFound) => format!("{name} was not found."),
            Some(FailureReason::Busy) => format!("{name} is used by another program."),
            Some(FailureReason::Denied) => format!("{name} may not be opened by the recorder."),
            Some(FailureReason::Config | FailureReason::Unsupported) => {
                format!("{name} cannot do what the configuration asks.")
            }
            Some(FailureReason::Swapped) => format!("{name} is not the device that was here before."),
            Some(FailureReason::Encoder) => {
                format!("{name} could not be encoded and is being started again.")
            }
            Some(FailureReason::Stalled) => format!("{name} sent nothing and is being started again."),
            Some(FailureReason::Lost | FailureReason::Crashed | FailureReason::Internal) | None => {
                format!("{name} was lost.")
            }
        },
    };
    let others: Vec<&str> = view
        .config
        .sources
        .iter()
        .map(|other| &other.name)
        .filter(|other| {
            view.reports
                .get(*other)
                .is_some_and(|r| r.health == TrackHealth::Live)
        })
        .map(SourceName::as_str)
        .collect();
    let recording = view.session.is_some_and(|session| session.state.holds_sources());
    let safe = match (recording, others.is_empty()) {
        (true, false) => format!("Still being recorded: {}.", others.join(", ")),
        (true, true) => "What was recorded before is safe.".to_owned(),
        (false, _) => "No recording is affected.".to_owned(),
    };
    let todo = match (source.health, source.reason) {
        (TrackHealth::Dead, _) => "Campus IT must correct the configuration of this source.",
        (_, Some(FailureReason::Busy)) => "Close the other program. The recorder tries again by itself.",
        (_, Some(FailureReason::Denied)) => "Campus IT must give the recorder access to it.",
        _ => "Check its cable and its power. The recorder goes on with it by itself.",
    };
    Some(Message {
        severity: if recording {
            Severity::Error
        } else {
            Severity::Warning
        },
        code: "source-lost".to_owned(),
        subject: Some(name.to_owned()),
        what,
        safe,
        todo: todo.to_owned(),
    })
}

fn recordable_ms(config: &Config, room_bytes: u64) -> u64 {
    let bps: u64 = config
        .sources
        .iter()
        .map(|source| {
            let video = source
                .video
                .as_ref()
                .map(|v| v.bitrate.map_or(ASSUMED_BPS, |r| r.bits_per_second()));
            let audio = source.audio.as_ref().map(|a| a.bitrate.bits_per_second());
            video.or(audio).unwrap_or(ASSUMED_BPS)
        })
        .sum();
    let per_second = (bps / 8 * COPIES).max(1);
    (room_bytes / per_second).saturating_mul(1_000)
}
