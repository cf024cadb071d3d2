//! The scenes: a room in each state that the page can show, and in the troubles that it has words
//! for.

use lectern_domain::api::{
    Arg, Message, Metadata, PlannedLecture, PodiumState, Severity, SourceStatus, Status,
};
use lectern_domain::ids::{DeliveryId, LectureId};
use lectern_domain::lecture::LectureState;
use lectern_domain::track::TrackHealth;
use lectern_domain::wire::FailureReason;

use crate::script::{self, Script, detail};

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;

/// One scene.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scene {
    /// Ready; the next lecture is an hour away.
    Ready,
    /// Ready; the next lecture begins in twenty minutes.
    Soon,
    /// The sources begin.
    Starting,
    /// A planned lecture begins within the minute, for ever.
    Countdown,
    /// It records.
    Recording,
    /// It records, and its time is nearly over.
    Ending,
    /// It writes nothing.
    Paused,
    /// It has written nothing for longer than anybody wants.
    Forgotten,
    /// Stopped; the time to undo it begins anew for ever.
    Saved,
    /// It cannot record.
    Fault,
    /// The camera was lost while it records.
    Lost,
    /// Nobody is heard while it records.
    Quiet,
    /// The microphone is switched off while it records.
    Muted,
    /// Little space, uploads in trouble.
    Low,
}

impl Scene {
    /// All, in the order of their ports.
    pub(crate) const ALL: [Self; 14] = [
        Self::Ready,
        Self::Soon,
        Self::Starting,
        Self::Countdown,
        Self::Recording,
        Self::Ending,
        Self::Paused,
        Self::Forgotten,
        Self::Saved,
        Self::Fault,
        Self::Lost,
        Self::Quiet,
        Self::Muted,
        Self::Low,
    ];

    /// What it is called on the command line.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Soon => "soon",
            Self::Starting => "starting",
            Self::Countdown => "countdown",
            Self::Recording => "recording",
            Self::Ending => "ending",
            Self::Paused => "paused",
            Self::Forgotten => "forgotten",
            Self::Saved => "saved",
            Self::Fault => "fault",
            Self::Lost => "lost",
            Self::Quiet => "quiet",
            Self::Muted => "muted",
            Self::Low => "low",
        }
    }

    /// The scene of a name.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scene| scene.name() == name)
    }

    const fn state(self) -> PodiumState {
        match self {
            Self::Ready | Self::Soon | Self::Countdown => PodiumState::Ready,
            Self::Starting => PodiumState::Starting,
            Self::Recording | Self::Ending | Self::Lost | Self::Quiet | Self::Muted | Self::Low => {
                PodiumState::Recording
            }
            Self::Paused | Self::Forgotten => PodiumState::Paused,
            Self::Saved => PodiumState::Saved,
            Self::Fault => PodiumState::Fault,
        }
    }

    /// Puts a room into the scene.
    pub(crate) fn set(self, room: &Script) {
        past(room);
        room.go(self.state());
        room.set(|status| {
            lecture(status, self);
            let ahead = match self {
                Self::Countdown => 42_000,
                Self::Soon => 20 * MINUTE_MS,
                _ => HOUR_MS + 20 * MINUTE_MS,
            };
            status.next = Some(planned(status.now_unix_ms + ahead, self == Self::Countdown));
            if self != Self::Ready {
                status.queue.pending = 3;
                status.queue.pending_lectures = 3;
                status.uploads.until_unix_ms = Some(status.now_unix_ms + 12 * HOUR_MS);
            }
            self.trouble(status);
        });
    }

    fn trouble(self, status: &mut Status) {
        match self {
            Self::Starting => status
                .sources
                .iter_mut()
                .for_each(|s| s.health = TrackHealth::Starting),
            Self::Recording => status.queue.active = Some(delivery()),
            Self::Lost => {
                lose(&mut status.sources[0]);
                let args = [
                    ("reason", text("lost")),
                    ("safe", text("others")),
                    ("advice", text("cable")),
                    ("source", Arg::Sources(vec!["camera".into()])),
                    ("others", Arg::Sources(vec!["screen".into(), "microphone".into()])),
                ];
                status
                    .messages
                    .push(message(Severity::Warning, "source-lost", args));
                let refused = message(
                    Severity::Info,
                    "platform-refuses",
                    [("platform", text("central"))],
                );
                status.messages.push(refused);
            }
            Self::Muted => status.sources[2].muted = true,
            Self::Fault => {
                status.sources.iter_mut().for_each(lose);
                status.storage.recordable_ms = 0;
                status.allowed.retain(|word| word != "start");
                status.queue.parked = 1;
                status.messages.push(message(Severity::Error, "disk-full", []));
            }
            Self::Low => {
                status.storage.recordable_ms = 95 * 60_000;
                status.queue.parked = 2;
                let left = Arg::LengthMs(status.storage.recordable_ms);
                let again = Arg::AtUnixMs(status.now_unix_ms + 14 * HOUR_MS);
                status.messages.extend([
                    message(
                        Severity::Warning,
                        "disk-low",
                        [("room", text("some")), ("left", left)],
                    ),
                    message(Severity::Warning, "delivery-parked", [("count", Arg::Number(2))]),
                    message(
                        Severity::Info,
                        "budget-spent",
                        [
                            ("span", text("day")),
                            ("limit", Arg::Bytes(20_000_000_000)),
                            ("again", again),
                        ],
                    ),
                ]);
            }
            Self::Ready
            | Self::Soon
            | Self::Countdown
            | Self::Ending
            | Self::Paused
            | Self::Forgotten
            | Self::Saved
            | Self::Quiet => {}
        }
    }
}

fn past(room: &Script) {
    for (title, course, state, ago) in [
        (
            "Organic chemistry II",
            "CHM-210",
            LectureState::Delivered,
            25 * HOUR_MS,
        ),
        (
            "Introduction to statistics: what a sample can and cannot tell us",
            "STA-101",
            LectureState::Delivered,
            4 * HOUR_MS,
        ),
        (
            "History of the Niger delta",
            "HIS-120",
            LectureState::Delivering,
            3 * HOUR_MS,
        ),
        (
            "Cell biology: membranes",
            "BIO-201",
            LectureState::Finished,
            2 * HOUR_MS,
        ),
    ] {
        let mut one = detail(LectureId::random(), state, title, script::NINE_UNIX_MS - ago);
        one.summary.metadata.course = Some(course.into());
        one.summary.metadata.presenter = Some("Dr. Bello".into());
        room.add(one);
    }
}

fn lecture(status: &mut Status, scene: Scene) {
    let now = status.now_unix_ms;
    let Some(lecture) = &mut status.lecture else {
        return;
    };
    lecture.metadata.title = Some("Cell biology".into());
    lecture.metadata.course = Some("BIO-201".into());
    lecture.recorded_ms = if scene == Scene::Starting { 0 } else { 2_539_000 };
    lecture.bytes = 1_230_000_000;
    lecture.started_unix_ms = now - 2_600_000;
    lecture.ends_unix_ms = now
        + if scene == Scene::Ending {
            4 * MINUTE_MS
        } else {
            46 * MINUTE_MS
        };
    let paused_for = if scene == Scene::Forgotten {
        11 * MINUTE_MS
    } else {
        95_000
    };
    lecture.paused_unix_ms = lecture.paused_unix_ms.map(|_| now - paused_for);
    for source in &mut status.sources {
        source.bytes = 400_000_000;
    }
}

/// The lecture that begins by itself at a time.
pub(crate) fn planned(starts_unix_ms: i64, counting_down: bool) -> PlannedLecture {
    PlannedLecture {
        id: LectureId::random(),
        metadata: Metadata {
            title: Some("Thermodynamics: entropy".into()),
            course: Some("CHM-110".into()),
            presenter: Some("Dr. Okafor".into()),
            language: Some("en".into()),
        },
        starts_unix_ms,
        ends_unix_ms: starts_unix_ms + 90 * MINUTE_MS,
        counting_down,
        undo_until_unix_ms: None,
    }
}

fn lose(source: &mut SourceStatus) {
    source.health = TrackHealth::Restarting;
    source.reason = Some(FailureReason::Lost);
    source.has_picture = false;
}

fn text(text: &str) -> Arg {
    Arg::Text(text.into())
}

/// A message as the daemon makes it; the catalogues have its sentences.
fn message<const N: usize>(severity: Severity, code: &str, args: [(&str, Arg); N]) -> Message {
    Message {
        severity,
        code: code.into(),
        key: format!("message-{code}"),
        args: args.into_iter().map(|(name, arg)| (name.into(), arg)).collect(),
        ..Message::default()
    }
}

fn delivery() -> lectern_domain::api::DeliveryView {
    lectern_domain::api::DeliveryView {
        id: DeliveryId(1),
        lecture: LectureId::random(),
        title: Some("History of the Niger delta".into()),
        platform: "central".parse().expect("a well-formed name"),
        state: lectern_domain::delivery::DeliveryState::Sending,
        sent_bytes: 610_000_000,
        total_bytes: 1_500_000_000,
        attempts: 1,
        next_unix_ms: None,
        message: None,
        done_unix_ms: None,
        locations: Vec::new(),
    }
}
