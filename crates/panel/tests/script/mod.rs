//! A scripted daemon: a [`Control`] with a plausible room behind it, for tests and for the
//! example. It keeps to the buttons' rules and to nothing else: no disk, no clock, no sources.
//! Whoever uses it moves the time by changing the status.

// Each program that includes this file uses another part of it.
#![allow(dead_code, unreachable_pub, missing_docs)]

use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use lectern_domain::api::{
    ClockTrust, Command, ConfigStatus, CurrentLecture, Done, LectureDetail, LecturePage, LectureSummary,
    Levels, Metadata, PodiumState, Queue, QueueSummary, Refusal, RoomStatus, SourceStatus, SourceTotals,
    Status, StorageStatus,
};
use lectern_domain::ids::{LectureId, SourceName};
use lectern_domain::lecture::LectureState;
use lectern_domain::media::{Picture, Role};
use lectern_domain::track::TrackHealth;
use lectern_panel::{Control, Pictures};
use tokio::sync::{broadcast, watch};

/// 21 November 2026, 09:00 UTC.
pub const NINE_UNIX_MS: i64 = 1_795_251_600_000;

pub struct Script {
    status: watch::Sender<Arc<Status>>,
    levels: broadcast::Sender<Levels>,
    cameras: Vec<(SourceName, watch::Sender<Option<Arc<Picture>>>)>,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    lectures: Vec<LectureDetail>,
    queue: Queue,
    given: Vec<Command>,
    refusal: Option<Refusal>,
    panics: bool,
    hangs: bool,
    sick: bool,
    next_picture_ns: u64,
}

pub fn source(name: &str, role: Role, kind: &str, format: &str) -> SourceStatus {
    SourceStatus {
        name: name.parse().expect("a well-formed name"),
        role,
        kind: kind.into(),
        health: TrackHealth::Live,
        since_unix_ms: NINE_UNIX_MS - 3_600_000,
        format: Some(format.into()),
        device: None,
        encoder: role.is_video().then(|| "x264 superfast".into()),
        spare_for: None,
        standing_in: false,
        muted: false,
        drift_ppm: None,
        reason: None,
        detail: None,
        restarts: 0,
        captured: 108_000,
        dropped: 0,
        shed: 0,
        chunks_dropped: 0,
        totals: SourceTotals::default(),
        bytes: 0,
        has_picture: role.is_video(),
    }
}

/// A room that is ready: camera, screen and microphone.
pub fn ready() -> Status {
    Status {
        version: "0.1.0".into(),
        room: RoomStatus {
            id: "b-204".into(),
            name: "Hall B-204".into(),
            help: Some("Help desk 4444".into()),
            languages: vec!["en".into()],
            timezone: Some("Africa/Lagos".into()),
        },
        state: PodiumState::Ready,
        now_unix_ms: NINE_UNIX_MS,
        revision: 1,
        allowed: allowed(PodiumState::Ready),
        lecture: None,
        next: None,
        required: Vec::new(),
        config: ConfigStatus::default(),
        self_test: None,
        sources: vec![
            source("camera", Role::Presenter, "v4l2", "1280x720@30"),
            source("screen", Role::Presentation, "x11", "1920x1080@15"),
            source("microphone", Role::Microphone, "alsa", "48000 Hz stereo"),
        ],
        storage: StorageStatus {
            path: "/var/lib/lectern".into(),
            free_bytes: 98_000_000_000,
            reserve_bytes: 10 << 30,
            recordable_ms: 61 * 3_600_000,
            purgeable_bytes: 0,
        },
        clock: ClockTrust::Trusted,
        queue: QueueSummary::default(),
        uploads: lectern_domain::api::UploadStatus::default(),
        messages: Vec::new(),
    }
}

pub fn allowed(state: PodiumState) -> Vec<String> {
    let words: &[&str] = match state {
        PodiumState::Ready | PodiumState::Fault => &["start"],
        PodiumState::Starting | PodiumState::Recording => &["pause", "stop", "mark", "extend"],
        PodiumState::Paused => &["resume", "stop", "extend"],
        PodiumState::Saved => &["undo", "more-time", "start"],
    };
    words.iter().map(|word| (*word).to_owned()).collect()
}

pub fn detail(id: LectureId, state: LectureState, title: &str, started_unix_ms: i64) -> LectureDetail {
    let metadata = Metadata {
        title: Some(title.to_owned()),
        ..Metadata::default()
    };
    LectureDetail {
        summary: LectureSummary {
            id,
            state,
            metadata,
            started_unix_ms,
            duration_ms: 5_400_000,
            bytes: 1_500_000_000,
            reason: None,
        },
        folder: "/var/lib/lectern/lectures/example".into(),
        runs: Vec::new(),
        tracks: Vec::new(),
        marks: Vec::new(),
        facts: Vec::new(),
        files: Vec::new(),
        deliveries: Vec::new(),
    }
}

impl Script {
    pub fn new(status: Status) -> Arc<Self> {
        let videos = status.sources.iter().filter(|s| s.role.is_video());
        let cameras = videos.map(|s| (s.name.clone(), watch::channel(None).0)).collect();
        Arc::new(Self {
            status: watch::Sender::new(Arc::new(status)),
            levels: broadcast::Sender::new(64),
            cameras,
            inner: Mutex::default(),
        })
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // A scripted panic may have poisoned it; the data is as good as before.
        self.inner
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Changes the status and tells every listener.
    pub fn set(&self, change: impl FnOnce(&mut Status)) {
        self.status.send_modify(|status| {
            let status = Arc::make_mut(status);
            change(status);
            status.revision += 1;
        });
    }

    /// Puts the room into a state, with a lecture where the state has one.
    pub fn go(&self, state: PodiumState) {
        self.set(|status| {
            status.state = state;
            status.allowed = allowed(state);
            let lecture_state = match state {
                PodiumState::Ready | PodiumState::Fault => {
                    status.lecture = None;
                    return;
                }
                PodiumState::Starting => LectureState::Armed,
                PodiumState::Recording => LectureState::Recording,
                PodiumState::Paused => LectureState::Paused,
                PodiumState::Saved => LectureState::Stopping,
            };
            let now = status.now_unix_ms;
            let lecture = status.lecture.get_or_insert_with(|| lecture(now));
            lecture.state = lecture_state;
            lecture.running = state == PodiumState::Recording;
            lecture.paused_unix_ms = (state == PodiumState::Paused).then_some(now);
            lecture.undo_until_unix_ms = (state == PodiumState::Saved).then_some(now + 10_000);
        });
    }

    pub fn status_now(&self) -> Arc<Status> {
        self.status.borrow().clone()
    }

    pub fn level(&self, rms_dbfs: f32) {
        // Nobody has to listen.
        let source = "microphone".parse().expect("a well-formed name");
        drop(self.levels.send(Levels {
            source,
            rms_dbfs,
            peak_dbfs: rms_dbfs + 8.0,
            clipped: false,
        }));
    }

    pub fn picture(&self, source: &str, jpeg: &Arc<[u8]>) {
        let at_ns = {
            let mut inner = self.inner();
            inner.next_picture_ns += 1;
            inner.next_picture_ns
        };
        let (_, sender) = self
            .cameras
            .iter()
            .find(|(name, _)| name.as_str() == source)
            .expect("a source of the script");
        sender.send_replace(Some(Arc::new(Picture {
            at_ns,
            jpeg: jpeg.clone(),
        })));
    }

    pub fn add(&self, detail: LectureDetail) {
        self.inner().lectures.insert(0, detail);
    }

    pub fn change(&self, id: LectureId, change: impl FnOnce(&mut LectureDetail)) {
        change(
            self.inner()
                .lectures
                .iter_mut()
                .find(|l| l.summary.id == id)
                .expect("a lecture of the script"),
        );
    }

    pub fn set_queue(&self, queue: Queue) {
        self.inner().queue = queue;
    }

    /// Refuses the next command so.
    pub fn refuse(&self, refusal: Refusal) {
        self.inner().refusal = Some(refusal);
    }

    /// Panics in every call from now on, as a fault in the program would.
    pub fn panic_from_now_on(&self) {
        self.inner().panics = true;
    }

    /// Never answers a command again.
    pub fn hang_from_now_on(&self) {
        self.inner().hangs = true;
    }

    pub fn fall_sick(&self) {
        self.inner().sick = true;
    }

    /// The commands given so far.
    pub fn given(&self) -> Vec<Command> {
        self.inner().given.clone()
    }

    fn amend(&self, id: LectureId, by: &Metadata) {
        let mut inner = self.inner();
        let found = inner.lectures.iter_mut().find(|l| l.summary.id == id);
        if let Some(metadata) = found.map(|l| &mut l.summary.metadata) {
            for (field, new) in [
                (&mut metadata.title, &by.title),
                (&mut metadata.course, &by.course),
                (&mut metadata.presenter, &by.presenter),
                (&mut metadata.language, &by.language),
            ] {
                if new.is_some() {
                    field.clone_from(new);
                }
            }
        }
    }

    fn about(&self, id: LectureId) -> Result<Done, Refusal> {
        let inner = self.inner();
        let found = inner.lectures.iter().find(|l| l.summary.id == id);
        found
            .map(|l| Done {
                lecture: Some(id),
                state: Some(l.summary.state),
            })
            .ok_or_else(|| Refusal::NotFound {
                message: format!("There is no lecture {id}.").into(),
            })
    }
}

fn lecture(now_unix_ms: i64) -> CurrentLecture {
    CurrentLecture {
        id: LectureId::random(),
        state: LectureState::Recording,
        metadata: Metadata::default(),
        started_unix_ms: now_unix_ms,
        recorded_ms: 0,
        running: true,
        ends_unix_ms: now_unix_ms + 90 * 60_000,
        paused_unix_ms: None,
        undo_until_unix_ms: None,
        gap_ms: Some(0),
        run: 1,
        bytes: 0,
        segments_closed: 0,
        marks: 0,
        facts: 0,
    }
}

#[async_trait]
impl Control for Script {
    async fn command(&self, command: Command) -> Result<Done, Refusal> {
        let (panics, hangs) = {
            let mut inner = self.inner();
            inner.given.push(command.clone());
            if let Some(refusal) = inner.refusal.take() {
                return Err(refusal);
            }
            (inner.panics, inner.hangs)
        };
        assert!(!panics, "a scripted panic");
        if hangs {
            std::future::pending::<()>().await;
        }
        let status = self.status_now();
        let word = command.as_str();
        let state = match &command {
            Command::Retry(id, _) | Command::SendNow(Some(id)) | Command::Amend(id, _) => {
                if let Command::Amend(_, metadata) = &command {
                    self.amend(*id, metadata);
                }
                return self.about(*id);
            }
            Command::Cancel(_) | Command::Restore(_) | Command::Begin(_) if status.next.is_none() => {
                return Err(not_now(&status, word));
            }
            Command::Cancel(id) | Command::Restore(id) => {
                let cancelled = word == "cancel";
                self.set(|s| {
                    let until = cancelled.then_some(s.now_unix_ms + 10_000);
                    s.next.iter_mut().for_each(|n| n.undo_until_unix_ms = until);
                });
                return Ok(Done {
                    lecture: Some(*id),
                    state: Some(if cancelled {
                        LectureState::Cancelled
                    } else {
                        LectureState::Scheduled
                    }),
                });
            }
            Command::Plan(_) => {
                return Ok(Done {
                    lecture: Some(LectureId::random()),
                    state: Some(LectureState::Scheduled),
                });
            }
            Command::SendNow(None) => {
                return Ok(Done {
                    lecture: None,
                    state: None,
                });
            }
            _ if word != "begin" && !status.allowed.iter().any(|a| a == word) => {
                return Err(not_now(&status, word));
            }
            Command::Start(_) | Command::Begin(_) | Command::Resume | Command::Undo => PodiumState::Recording,
            Command::Pause => PodiumState::Paused,
            Command::Stop => PodiumState::Saved,
            Command::MoreTime | Command::Mark(_) | Command::Extend(_) | Command::SelfTest(_) => status.state,
        };
        match &command {
            Command::Start(request) => {
                let mut lecture = lecture(status.now_unix_ms);
                lecture.metadata.title = request.title.clone();
                lecture.metadata.course = request.course.clone();
                self.set(|status| status.lecture = Some(lecture));
            }
            Command::Begin(_) => self.set(|status| {
                let next = status.next.take().expect("checked above");
                status.lecture = Some(CurrentLecture {
                    metadata: next.metadata,
                    ends_unix_ms: next.ends_unix_ms,
                    ..lecture(status.now_unix_ms)
                });
            }),
            Command::Mark(_) => self.set(|s| s.lecture.iter_mut().for_each(|l| l.marks += 1)),
            Command::Extend(by) => {
                let by_ms = i64::from(by.minutes) * 60_000;
                self.set(|s| s.lecture.iter_mut().for_each(|l| l.ends_unix_ms += by_ms));
            }
            _ => {}
        }
        if state != status.state {
            self.go(state);
        }
        let status = self.status_now();
        let lecture = status.lecture.as_ref();
        Ok(Done {
            lecture: lecture.map(|l| l.id),
            state: lecture.map(|l| l.state),
        })
    }

    fn status(&self) -> watch::Receiver<Arc<Status>> {
        self.status.subscribe()
    }

    fn levels(&self) -> broadcast::Receiver<Levels> {
        self.levels.subscribe()
    }

    fn pictures(&self) -> Pictures {
        Pictures::new(
            self.cameras
                .iter()
                .map(|(name, sender)| (name.clone(), sender.subscribe())),
        )
    }

    async fn lectures(
        &self,
        state: Option<LectureState>,
        limit: u32,
        after: Option<LectureId>,
    ) -> Result<LecturePage, Refusal> {
        let inner = self.inner();
        assert!(!inner.panics, "a scripted panic");
        let all = inner
            .lectures
            .iter()
            .map(|l| &l.summary)
            .filter(|l| state.is_none_or(|s| s == l.state));
        let mut rest: Vec<LectureSummary> = match after {
            None => all.cloned().collect(),
            Some(id) => all.skip_while(|l| l.id != id).skip(1).cloned().collect(),
        };
        let limit = limit as usize;
        let more = rest.len() > limit;
        rest.truncate(limit);
        let next = rest.last().filter(|_| more).map(|l| l.id);
        Ok(LecturePage { lectures: rest, next })
    }

    async fn lecture(&self, id: &str) -> Result<LectureDetail, Refusal> {
        let inner = self.inner();
        assert!(!inner.panics, "a scripted panic");
        let found: Vec<_> = inner
            .lectures
            .iter()
            .filter(|l| l.summary.id.to_string().starts_with(id))
            .collect();
        match found[..] {
            [] => Err(Refusal::NotFound {
                message: format!("There is no lecture {id}.").into(),
            }),
            [one] => Ok(one.clone()),
            _ => Err(Refusal::Invalid {
                message: format!("{} lectures begin with {id}; write more of it.", found.len()).into(),
            }),
        }
    }

    async fn queue(&self) -> Result<Queue, Refusal> {
        Ok(self.inner().queue.clone())
    }

    fn healthy(&self) -> bool {
        !self.inner().sick
    }
}

fn not_now(status: &Status, word: &str) -> Refusal {
    let state = format!("{:?}", status.state).to_lowercase();
    let allowed: Vec<&'static str> = ["start", "pause", "resume", "stop", "undo", "mark", "extend"]
        .into_iter()
        .filter(|a| status.allowed.iter().any(|b| a == b))
        .collect();
    let message = format!("The room is {state}; {word} is not possible now. Nothing was changed.");
    Refusal::State {
        state,
        allowed,
        message: message.into(),
    }
}
