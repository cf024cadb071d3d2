//! One complete example of each document, with every optional part present. The OpenAPI document
//! is made from them, and tests start from them.

use lectern_domain::api::{
    Arg, Check, ClockTrust, ConfigStatus, CurrentLecture, DeliveryView, Doctor, Done, ExtendRequest,
    Forecast, LectureDetail, LecturePage, LectureSummary, LineStatus, MarkRequest, MarkView, Message,
    Metadata, PlanRequest, PlannedLecture, PlatformState, PlatformStatus, PodiumState, Problem, Queue,
    QueueSummary, RetryRequest, RoomStatus, RunView, SelfTest, SelfTestRequest, SelfTestState,
    SelfTestStatus, SelfTestStep, Severity, SourceStatus, SourceTotals, StartRequest, Status, StorageStatus,
    TrackView, UploadStatus, Verdict,
};
use lectern_domain::delivery::DeliveryState;
use lectern_domain::fact::{Fact, FactKind};
use lectern_domain::finished::{FileRole, FinishedFile};
use lectern_domain::ids::{DeliveryId, LectureId, PlatformName, RunNumber, SourceName};
use lectern_domain::lecture::LectureState;
use lectern_domain::media::Role;
use lectern_domain::track::TrackHealth;
use lectern_domain::wire::FailureReason;

/// 21 November 2026, 09:00 UTC.
const BEGAN_UNIX_MS: i64 = 1_795_251_600_000;
const MINUTE_MS: i64 = 60_000;

fn id() -> LectureId {
    "0b8f7c1e-52d4-4c1a-9f3e-7a2d6c5b4e10"
        .parse()
        .expect("a well-formed UUID")
}

fn platform() -> PlatformName {
    PlatformName::try_from("central".to_owned()).expect("a well-formed name")
}

fn source() -> SourceName {
    "camera".parse().expect("a well-formed name")
}

fn about() -> Metadata {
    Metadata {
        title: Some("Cell biology".into()),
        course: Some("BIO-201".into()),
        presenter: Some("Dr Okafor".into()),
        language: Some("en".into()),
    }
}

fn delivery() -> DeliveryView {
    DeliveryView {
        id: DeliveryId(7),
        lecture: id(),
        title: about().title,
        platform: platform(),
        state: DeliveryState::Waiting,
        sent_bytes: 120_000_000,
        total_bytes: 1_500_000_000,
        attempts: 2,
        next_unix_ms: Some(BEGAN_UNIX_MS + 95 * MINUTE_MS),
        message: Some(
            "The platform did not answer. The lecture is safe here. It is tried again by itself.".into(),
        ),
        done_unix_ms: Some(BEGAN_UNIX_MS + 120 * MINUTE_MS),
        locations: vec!["https://videos.example.edu/lectures/bio-201/lecture.mp4".into()],
    }
}

pub(crate) fn status() -> Status {
    Status {
        version: env!("CARGO_PKG_VERSION").into(),
        room: RoomStatus {
            id: "b-204".into(),
            name: "Hall B-204".into(),
            help: Some("Help desk 4444".into()),
            languages: vec!["en".into()],
            timezone: Some("Africa/Lagos".into()),
        },
        state: PodiumState::Recording,
        now_unix_ms: BEGAN_UNIX_MS + 42 * MINUTE_MS,
        revision: 815,
        allowed: ["pause", "stop", "mark", "extend"].map(str::to_owned).to_vec(),
        lecture: Some(CurrentLecture {
            id: id(),
            state: LectureState::Recording,
            metadata: about(),
            started_unix_ms: BEGAN_UNIX_MS,
            recorded_ms: 2_520_000,
            running: true,
            ends_unix_ms: BEGAN_UNIX_MS + 90 * MINUTE_MS,
            paused_unix_ms: Some(BEGAN_UNIX_MS + 10 * MINUTE_MS),
            undo_until_unix_ms: Some(BEGAN_UNIX_MS + 91 * MINUTE_MS),
            run: 1,
            gap_ms: Some(0),
            bytes: 910_000_000,
            segments_closed: 84,
            marks: 2,
            facts: 1,
        }),
        next: Some(PlannedLecture {
            id: "5e1d3a90-7b64-4f0c-8a2b-91c4d7e6f352"
                .parse()
                .expect("a well-formed UUID"),
            metadata: about(),
            starts_unix_ms: BEGAN_UNIX_MS + 120 * MINUTE_MS,
            ends_unix_ms: BEGAN_UNIX_MS + 210 * MINUTE_MS,
            counting_down: false,
            undo_until_unix_ms: Some(BEGAN_UNIX_MS + 43 * MINUTE_MS),
        }),
        required: vec!["title".into()],
        self_test: Some(SelfTestStatus {
            recording: true,
            until_unix_ms: BEGAN_UNIX_MS + 43 * MINUTE_MS,
        }),
        config: ConfigStatus {
            loaded_unix_ms: BEGAN_UNIX_MS,
            tried_unix_ms: BEGAN_UNIX_MS,
            ..ConfigStatus::default()
        },
        sources: vec![SourceStatus {
            name: source(),
            role: Role::Presenter,
            kind: "v4l2".into(),
            health: TrackHealth::Live,
            since_unix_ms: BEGAN_UNIX_MS - 30 * MINUTE_MS,
            format: Some("1280x720@30".into()),
            device: Some("Podium Cam A1B2C3 usb-0:2".into()),
            encoder: Some("x264 superfast".into()),
            spare_for: Some("ceiling-camera".parse().expect("a well-formed name")),
            standing_in: false,
            muted: false,
            drift_ppm: Some(-12.5),
            reason: Some(FailureReason::Lost),
            detail: Some("the device went away".into()),
            restarts: 1,
            captured: 75_600,
            dropped: 3,
            shed: 0,
            chunks_dropped: 0,
            totals: SourceTotals::default(),
            bytes: 790_000_000,
            has_picture: true,
        }],
        storage: StorageStatus {
            path: "/var/lib/lectern".into(),
            free_bytes: 98_000_000_000,
            reserve_bytes: 10_737_418_240,
            recordable_ms: 219_600_000,
            purgeable_bytes: 12_000_000_000,
        },
        clock: ClockTrust::Trusted,
        queue: QueueSummary {
            pending: 3,
            pending_lectures: 3,
            pending_bytes: 4_200_000_000,
            parked: 1,
            active: Some(delivery()),
            finishing: 1,
        },
        uploads: uploads(),
        messages: vec![Message {
            severity: Severity::Warning,
            code: "source-lost".into(),
            subject: Some("camera".into()),
            what: "The camera is unplugged.".into(),
            safe: "Sound and slides are still being recorded.".into(),
            todo: "Push the cable back in or call 4444.".into(),
            key: "source-unplugged".into(),
            args: [("source".to_owned(), Arg::Sources(vec!["camera".into()]))].into(),
            detail: Some("read: no such device".into()),
        }],
    }
}

fn summary() -> LectureSummary {
    LectureSummary {
        id: id(),
        state: LectureState::Failed,
        metadata: about(),
        started_unix_ms: BEGAN_UNIX_MS,
        duration_ms: 5_400_000,
        bytes: 1_500_000_000,
        reason: Some("The disk is full. All that was recorded is kept. Free some space, then retry.".into()),
    }
}

pub(crate) fn lectures() -> LecturePage {
    LecturePage {
        lectures: vec![summary()],
        next: Some(id()),
    }
}

pub(crate) fn lecture() -> LectureDetail {
    LectureDetail {
        summary: summary(),
        folder: "/var/lib/lectern/lectures/2026-11-21T1000_b-204_0b8f7c1e".into(),
        runs: vec![RunView {
            run: 1,
            started_unix_ms: BEGAN_UNIX_MS,
            clock: ClockTrust::Trusted,
            gap_before_ms: Some(95_000),
            end_ms: Some(5_400_000),
            pauses_ms: vec![(600_000, Some(720_000))],
        }],
        tracks: vec![TrackView {
            source: source(),
            role: Role::Presenter,
            segments: 90,
            salvaged: 1,
            bytes: 1_300_000_000,
            end_ms: 5_400_000,
        }],
        marks: vec![MarkView {
            run: 1,
            at_ms: 90_000,
            label: Some("exam question".into()),
        }],
        facts: vec![Fact {
            run: RunNumber(1),
            at_ns: 61_000_000_000,
            source: Some(source()),
            what: FactKind::SourceLost,
            detail: "the device went away".into(),
        }],
        files: vec![FinishedFile {
            name: "camera.mp4".into(),
            role: FileRole::Track {
                source: source(),
                role: Role::Presenter,
            },
            size_bytes: 1_300_000_000,
            sha256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".into(),
            parts: Vec::new(),
            duration_ms: Some(5_280_000),
            content_type: "video/mp4".into(),
        }],
        deliveries: vec![delivery()],
    }
}

fn uploads() -> UploadStatus {
    UploadStatus {
        open: false,
        why: Some("Lectures are sent between 22:00 and 06:00.".into()),
        until_unix_ms: Some(1_790_000_000_000),
        sent_today_bytes: 3_100_000_000,
        daily_bytes: Some(21_474_836_480),
        sent_month_bytes: 44_000_000_000,
        monthly_bytes: Some(322_122_547_200),
        line: Some(LineStatus {
            rate_bps: 7_900_000,
            allowed_bps: Some(8_000_000),
            rtt_us: 34_000,
            base_rtt_us: 20_000,
            yielding: false,
        }),
        forecast: Forecast {
            lectures: 6,
            bytes: 14_000_000_000,
            nights: Some(2),
            done_unix_ms: Some(1_790_100_000_000),
            basis_bps: Some(7_500_000),
        },
        platforms: vec![PlatformStatus {
            name: "central".parse().expect("a plain name"),
            kind: "tus".into(),
            state: PlatformState::Parked,
            message: Some("The platform refuses the token. Every lecture is safe. Renew the token.".into()),
            next_unix_ms: Some(1_790_000_900_000),
            pending: 6,
        }],
    }
}

pub(crate) fn queue() -> Queue {
    Queue {
        deliveries: vec![delivery()],
        uploads: uploads(),
    }
}

pub(crate) fn doctor() -> Doctor {
    Doctor {
        checks: vec![Check {
            subject: "platform.central".to_owned(),
            verdict: Verdict::Warning,
            found: "It answers, and verifies nothing of its own.".to_owned(),
            todo: "Give it a receipt_url.".to_owned(),
        }],
    }
}

pub(crate) fn self_test() -> SelfTest {
    SelfTest {
        state: SelfTestState::Passed,
        began_unix_ms: Some(BEGAN_UNIX_MS),
        seconds: 60,
        steps: vec![SelfTestStep {
            check: Check {
                subject: "track.camera".to_owned(),
                verdict: Verdict::Good,
                found: "59.9 s, nothing is missing, the picture moves.".to_owned(),
                todo: String::new(),
            },
            took_ms: 1_840,
        }],
    }
}

pub(crate) fn self_test_request() -> SelfTestRequest {
    SelfTestRequest { seconds: Some(60) }
}

pub(crate) fn notified() -> Doctor {
    let taken = Check::good("notify.operations", "The test notice was taken.");
    Doctor { checks: vec![taken] }
}

pub(crate) fn done() -> Done {
    Done {
        lecture: Some(id()),
        state: Some(LectureState::Recording),
    }
}

pub(crate) fn start() -> StartRequest {
    let Metadata {
        title,
        course,
        presenter,
        language,
    } = about();
    StartRequest {
        title,
        course,
        presenter,
        language,
        minutes: Some(90),
    }
}

pub(crate) fn plan() -> PlanRequest {
    let Metadata {
        title,
        course,
        presenter,
        language,
    } = about();
    PlanRequest {
        starts_unix_ms: BEGAN_UNIX_MS + 24 * 60 * MINUTE_MS,
        minutes: 90,
        title,
        course,
        presenter,
        language,
    }
}

pub(crate) fn metadata() -> Metadata {
    about()
}

pub(crate) fn mark() -> MarkRequest {
    MarkRequest {
        label: Some("exam question".into()),
    }
}

pub(crate) fn extend() -> ExtendRequest {
    ExtendRequest { minutes: 10 }
}

pub(crate) fn retry() -> RetryRequest {
    RetryRequest {
        platform: Some(platform()),
    }
}

pub(crate) fn problem() -> Problem {
    Problem {
        kind: "urn:lectern:problem:refused".into(),
        title: "Not possible in this state".into(),
        status: 409,
        detail: "Nothing is being recorded, so there is nothing to pause. Press Record first.".into(),
        state: Some("ready".into()),
        allowed: vec!["start".into()],
    }
}
