//! What people are told, made from what is true at one moment. Pure.

mod messages;
mod planned;
mod sources;
mod told;
mod uploads;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::tz::TimeZone;
use lectern_capture::SourceReport;
use lectern_domain::api::{
    ClockTrust, ConfigStatus, CurrentLecture, LineStatus, Message, PodiumState, QueueSummary, RoomStatus,
    SelfTestStatus, SourceStatus, Status, StorageStatus, UploadStatus,
};
use lectern_domain::config::Config;
use lectern_domain::ids::SourceName;
use lectern_domain::lecture::LectureState;
use lectern_domain::media::Picture;
use lectern_domain::track::TrackHealth;
use lectern_words::Voice;
use tokio::sync::watch;

pub(crate) use self::told::{choice, count, source_names, told};
use crate::agenda::Agenda;
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
    /// What is said of the oldest delivery that needs a person.
    pub(crate) parked: Option<&'a str>,
    pub(crate) uploads: &'a UploadStatus,
    /// The room's, for times in sentences.
    pub(crate) zone: &'a TimeZone,
    pub(crate) budget: Budget,
    pub(crate) clock: ClockTrust,
    /// A start waits for the lecture before it to be closed.
    pub(crate) start_waits: bool,
    pub(crate) agenda: &'a Agenda,
    /// The self test under way, if any.
    pub(crate) self_test: Option<SelfTestStatus>,
    /// Which configuration is at work.
    pub(crate) configured: &'a ConfigStatus,
    pub(crate) troubles: &'a [Message],
    pub(crate) now_ns: u64,
    pub(crate) now_unix_ms: i64,
}

/// What a [`View`] shows before anything was looked at; it borrows from this.
pub(crate) struct Blank {
    reports: BTreeMap<SourceName, SourceReport>,
    track_bytes: BTreeMap<SourceName, u64>,
    queue: QueueSummary,
    uploads: UploadStatus,
    agenda: Agenda,
    zone: TimeZone,
    configured: ConfigStatus,
}

impl Default for Blank {
    fn default() -> Self {
        Self {
            reports: BTreeMap::new(),
            track_bytes: BTreeMap::new(),
            queue: QueueSummary::default(),
            uploads: UploadStatus::default(),
            agenda: Agenda::default(),
            zone: TimeZone::UTC,
            configured: ConfigStatus::default(),
        }
    }
}

impl<'a> View<'a> {
    /// Nothing is known but the configuration.
    pub(crate) fn blank(config: &'a Config, blank: &'a Blank, now_unix_ms: i64) -> Self {
        Self {
            config,
            session: None,
            reports: &blank.reports,
            pictures: &[],
            track_bytes: &blank.track_bytes,
            queue: &blank.queue,
            parked: None,
            uploads: &blank.uploads,
            zone: &blank.zone,
            budget: Budget::default(),
            clock: ClockTrust::Trusted,
            start_waits: false,
            agenda: &blank.agenda,
            self_test: None,
            configured: &blank.configured,
            troubles: &[],
            now_ns: 0,
            now_unix_ms,
        }
    }

    /// English, by the clock of the room: what other languages are told from.
    fn voice(&self) -> Voice {
        Voice::english(self.zone.clone(), self.now_unix_ms)
    }
}

/// Whether two statuses differ in more than the time at which they were made.
pub(crate) fn differs(old: &Status, new: &Status) -> bool {
    let settle = |status: &Status| {
        let mut status = status.clone();
        status.now_unix_ms = 0;
        if let Some(lecture) = &mut status.lecture {
            // A page counts on by itself; it needs a new number only when the counting changes.
            if lecture.running {
                lecture.recorded_ms /= 10_000;
            }
            lecture.bytes = 0;
            lecture.segments_closed = 0;
        }
        for source in &mut status.sources {
            source.captured = 0;
            source.bytes = 0;
            source.drift_ppm = source.drift_ppm.map(|ppm| (ppm / 10.0).round());
        }
        status.storage.free_bytes >>= 24;
        status.storage.recordable_ms /= 600_000;
        status.storage.purgeable_bytes >>= 24;
        settle_uploads(&mut status.queue, &mut status.uploads);
        status
    };
    settle(old) != settle(new)
}

/// Leaves what a page shows of bytes that are leaving: a step of a hundredth, not each byte.
fn settle_uploads(queue: &mut QueueSummary, uploads: &mut UploadStatus) {
    if let Some(active) = &mut queue.active {
        active.sent_bytes = active.sent_bytes.saturating_mul(100) / active.total_bytes.max(1);
    }
    queue.pending_bytes >>= 24;
    uploads.sent_today_bytes >>= 24;
    uploads.sent_month_bytes >>= 24;
    uploads.forecast.bytes >>= 24;
    uploads.forecast.done_unix_ms = uploads.forecast.done_unix_ms.map(|at| at / 600_000);
    uploads.forecast.basis_bps = uploads.forecast.basis_bps.map(u64::ilog2).map(u64::from);
    if let Some(line) = &mut uploads.line {
        *line = LineStatus {
            // Within a factor of two: a line that came to a stop is news.
            rate_bps: line.rate_bps.checked_ilog2().map_or(0, u64::from),
            allowed_bps: None,
            rtt_us: 0,
            base_rtt_us: 0,
            yielding: line.yielding,
        };
    }
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
        next: planned::next(view),
        required: required(view.config),
        sources,
        clock: view.clock,
        queue: view.queue.clone(),
        uploads: view.uploads.clone(),
        config: view.configured.clone(),
        self_test: view.self_test,
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
    let mut words = match view.session {
        Some(session) => session.allowed(view.start_waits),
        // On a full disk the page's button would only be refused.
        None if view.budget.can_start() => vec!["start"],
        None => Vec::new(),
    };
    words.extend(planned::allowed(view));
    words.into_iter().map(str::to_owned).collect()
}

fn required(config: &Config) -> Vec<String> {
    let fields = config.recording.require.iter();
    fields.map(|field| field.as_str().to_owned()).collect()
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

#[cfg(test)]
mod tests {
    use lectern_domain::config::ConfigFile;

    use super::*;

    fn status() -> Status {
        let text = lectern_domain::config::default_text().as_bytes().to_vec();
        let file = ConfigFile::decode("default.toml", text).unwrap();
        let config = Config::read(&[file], &[]).unwrap();
        let mut status = build(&View::blank(&config, &Blank::default(), 0));
        status.uploads.line = Some(LineStatus {
            rate_bps: 8_000_000,
            allowed_bps: Some(8_100_000),
            rtt_us: 20_000,
            base_rtt_us: 19_000,
            yielding: false,
        });
        status.uploads.forecast.basis_bps = Some(8_000_000);
        status.uploads.forecast.done_unix_ms = Some(1_795_262_400_000);
        status
    }

    /// A page that redraws with every byte is a page that a phone cannot keep up with.
    #[test]
    fn bytes_that_go_by_are_no_news_and_what_they_mean_is() {
        type Change = fn(&mut Status);
        let noise: [Change; 6] = [
            |s| s.now_unix_ms += 60_000,
            |s| s.uploads.sent_today_bytes += 1_000_000,
            |s| s.uploads.forecast.bytes += 1_000_000,
            |s| s.uploads.forecast.done_unix_ms = Some(1_795_262_460_000),
            |s| {
                if let Some(line) = &mut s.uploads.line {
                    line.rate_bps += 100_000;
                    line.rtt_us += 5_000;
                }
            },
            |s| s.queue.pending_bytes += 1_000_000,
        ];
        let news: [Change; 5] = [
            |s| s.uploads.open = !s.uploads.open,
            |s| s.uploads.line = None,
            |s| {
                if let Some(line) = &mut s.uploads.line {
                    line.yielding = true;
                }
            },
            |s| s.uploads.forecast.nights = Some(3),
            |s| s.queue.pending += 1,
        ];
        let differs_by = |change: Change| {
            let mut changed = status();
            change(&mut changed);
            differs(&status(), &changed)
        };
        assert_eq!(noise.map(differs_by), [false; 6]);
        assert_eq!(news.map(differs_by), [true; 5]);
    }
}
