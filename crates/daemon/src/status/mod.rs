//! What people are told, made from what is true at one moment. Pure.

mod messages;
mod sources;

use std::collections::BTreeMap;
use std::sync::Arc;

use lectern_capture::SourceReport;
use lectern_domain::api::{
    ClockTrust, CurrentLecture, Message, PodiumState, QueueSummary, RoomStatus, SourceStatus, Status,
    StorageStatus, UploadStatus,
};
use lectern_domain::config::Config;
use lectern_domain::ids::SourceName;
use lectern_domain::lecture::LectureState;
use lectern_domain::media::Picture;
use lectern_domain::track::TrackHealth;
use tokio::sync::watch;

use crate::session::Session;
use crate::space::Budget;

/// Everything that a status is made of.
pub(crate) struct View<'a> {
    pub(crate) config: &'a Config,
    pub(crate) session: Option<&'a Session>,
    pub(crate) reports: &'a BTreeMap<SourceName, SourceReport>,
    pub(crate) pictures: &'a [(SourceName, watch::Receiver<Option<Arc<Picture>>>)],
    pub(crate) track_bytes: &'a BTreeMap<SourceName, u64>,
    pub(crate) queue: &'a QueueSummary,
    pub(crate) budget: Budget,
    pub(crate) clock: ClockTrust,
    /// A start waits for the lecture before it to be closed.
    pub(crate) start_waits: bool,
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
        .filter_map(|source| sources::status(view, source))
        .collect();
    let messages = messages::all(view, &sources);
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
            free_bytes: view.budget.free,
            reserve_bytes: view.budget.reserve,
            purgeable_bytes: view.budget.purgeable,
            recordable_ms: view.budget.recordable_ms(),
        },
        sources,
        clock: view.clock,
        queue: view.queue.clone(),
        uploads: UploadStatus::default(),
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
            if none_works || !view.budget.can_start() {
                PodiumState::Fault
            } else {
                PodiumState::Ready
            }
        }
    }
}

fn allowed(view: &View<'_>) -> Vec<String> {
    let words = view
        .session
        .map_or_else(|| vec!["start"], |session| session.allowed(view.start_waits));
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
        gap_ms: session.gap_ms,
        bytes: session.earlier_bytes + view.track_bytes.values().sum::<u64>(),
        segments_closed: session.segments_closed,
        marks: session.marks,
        facts: session.facts,
    }
}
