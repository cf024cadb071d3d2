//! What every test of this room needs: a journal that is a job in memory, jobs, and runs.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]
#![allow(dead_code, reason = "each test binary uses a part of this")]

pub(crate) mod opencast_case;
pub(crate) mod s3_case;
pub(crate) mod tus_case;

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use async_trait::async_trait;
use lectern_deliver::{
    Adapter, Courier, CourierError, Journal, JournalError, Line, LineRules, Outcome, Patience, Progress,
};
use lectern_domain::config::{self, PlatformKind};
use lectern_domain::delivery::{Commit, DeliveryFile, DeliveryJob, DeliveryState, FilePhase, Turn};
use lectern_domain::finished::{FileRole, PART_BYTES};
use lectern_domain::ids::{DeliveryId, LectureId};
use lectern_testkit::noise_file;
use sha2::{Digest, Sha256};
use tokio::sync::watch;

/// Fixed, so that times in outcomes can be asserted.
pub(crate) const NOW_UNIX_MS: i64 = 1_795_000_000_000;

/// When a journal stops the runner, as a kill would.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kill {
    /// The n-th commit (from 0) does not reach the disk.
    Before(usize),
    /// The n-th commit reaches the disk, and nothing after it happens.
    After(usize),
}

/// The database: a job, and every commit that was made to it.
pub(crate) struct Memory {
    job: Mutex<DeliveryJob>,
    commits: Mutex<Vec<Commit>>,
    kill: Mutex<Option<Kill>>,
}

impl Memory {
    pub(crate) fn new(job: DeliveryJob) -> Self {
        Self {
            job: Mutex::new(job),
            commits: Mutex::default(),
            kill: Mutex::default(),
        }
    }

    pub(crate) fn kill_at(self, kill: Kill) -> Self {
        *self.kill.lock().unwrap() = Some(kill);
        self
    }

    pub(crate) fn live_on(&self) {
        *self.kill.lock().unwrap() = None;
    }

    /// The job as a restart would read it.
    pub(crate) fn job(&self) -> DeliveryJob {
        self.job.lock().unwrap().clone()
    }

    pub(crate) fn commits(&self) -> Vec<Commit> {
        self.commits.lock().unwrap().clone()
    }

    pub(crate) fn states(&self) -> Vec<DeliveryState> {
        self.commits()
            .into_iter()
            .filter_map(|commit| match commit {
                Commit::State { state } => Some(state),
                Commit::Waiting { .. } => Some(DeliveryState::Waiting),
                Commit::Parked { .. } => Some(DeliveryState::Parked),
                Commit::Deferred { .. } => Some(DeliveryState::Queued),
                Commit::File { .. } | Commit::Receipt { .. } => None,
            })
            .collect()
    }

    pub(crate) fn set_turn(&self, turn: Turn) {
        self.job.lock().unwrap().turn = turn;
    }

    pub(crate) fn set_phase(&self, index: usize, phase: FilePhase) {
        self.job.lock().unwrap().files[index].phase = phase;
    }
}

#[async_trait]
impl Journal for Memory {
    async fn commit(&self, delivery: DeliveryId, commit: Commit) -> Result<(), JournalError> {
        let dead = || Err(JournalError("killed".into()));
        let (mut job, mut commits) = (self.job.lock().unwrap(), self.commits.lock().unwrap());
        assert_eq!(delivery, job.id);
        let kill = *self.kill.lock().unwrap();
        if matches!(kill, Some(Kill::Before(n)) if commits.len() >= n) {
            return dead();
        }
        let file = |job: &mut DeliveryJob, name: &str, to: FilePhase| {
            job.files
                .iter_mut()
                .find(|file| file.name == name)
                .expect("a file of the job")
                .phase = to;
        };
        match &commit {
            Commit::File { name, phase } => file(&mut job, name, phase.clone()),
            Commit::Receipt { name, location, .. } => {
                file(
                    &mut job,
                    name,
                    FilePhase::Confirmed {
                        location: location.clone(),
                    },
                );
            }
            Commit::State { .. }
            | Commit::Waiting { .. }
            | Commit::Deferred { .. }
            | Commit::Parked { .. } => {}
        }
        commits.push(commit);
        if matches!(kill, Some(Kill::After(n)) if commits.len() > n) {
            dead()
        } else {
            Ok(())
        }
    }
}

/// A job of files of these names and sizes, filled with noise in `dir`.
pub(crate) fn job(dir: &Path, files: &[(&str, u64)]) -> DeliveryJob {
    let files = files
        .iter()
        .enumerate()
        .map(|(index, (name, size))| {
            let path = dir.join(name);
            let sha256 = noise_file(&path, *size, 7 + index as u64).unwrap();
            DeliveryFile {
                name: (*name).to_owned(),
                path,
                role: FileRole::Lecture,
                size_bytes: *size,
                sha256,
                parts: parts_of(&std::fs::read(dir.join(name)).unwrap()),
                duration_ms: None,
                content_type: "video/mp4".to_owned(),
                phase: FilePhase::Pending,
            }
        })
        .collect();
    let lecture = LectureId::random();
    DeliveryJob {
        id: DeliveryId(1),
        lecture,
        folder: format!("2026-11-21T1000_b-204_{lecture}"),
        title: "Linear algebra – 线性代数 – الجبر".to_owned(),
        course: None,
        presenter: None,
        language: None,
        started_unix_ms: NOW_UNIX_MS,
        duration_ms: 0,
        platform: "central".parse().unwrap(),
        attempts: 0,
        turn: Turn::All,
        files,
    }
}

/// SHA-256 of each part, as they are stored when a lecture is finished.
pub(crate) fn parts_of(bytes: &[u8]) -> Vec<String> {
    bytes
        .chunks(usize::try_from(PART_BYTES).unwrap())
        .map(|part| {
            Sha256::digest(part)
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect()
        })
        .collect()
}

/// A line without limits.
pub(crate) fn free_line() -> Arc<Line> {
    Line::new(LineRules::default(), Vec::new())
}

pub(crate) fn config(kind: PlatformKind) -> config::Platform {
    config::Platform {
        name: "central".parse().unwrap(),
        kind,
        send: vec![config::Send::Lecture],
        credential: None,
        ca_file: None,
    }
}

/// Patience that a test can wait for.
pub(crate) const BRIEF: Patience = Patience {
    connect: Duration::from_secs(2),
    reply: Duration::from_secs(2),
    idle: Duration::from_millis(500),
};

/// One run with a fixed clock and no jitter.
pub(crate) async fn run(platform: &Adapter, memory: &Memory) -> Result<Outcome, CourierError> {
    run_with(platform, memory, &|_| {}).await
}

pub(crate) async fn run_with(
    platform: &Adapter,
    memory: &Memory,
    progress: &(dyn Fn(Progress) + Send + Sync),
) -> Result<Outcome, CourierError> {
    let (_going, stop) = watch::channel(false);
    let courier = Courier::new(|| NOW_UNIX_MS, || 0.0);
    courier.run(memory.job(), platform, memory, progress, stop).await
}

/// Runs anew, with a fresh adapter each time as the daemon does, while the outcome is to wait.
pub(crate) async fn until_settled(connect: &dyn Fn() -> Adapter, memory: &Memory) -> Outcome {
    let mut last = None;
    for _ in 0..200 {
        match run(&connect(), memory).await.unwrap() {
            Outcome::Waiting { why, .. } => last = Some(why),
            settled => return settled,
        }
        // What a wait is for (a lock, a server that comes back) needs real time.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("still waiting after 200 runs: {last:?}");
}

/// Polls `work` at most `times` and drops it then: a kill at whatever await it had reached.
/// True when it ended by itself.
pub(crate) async fn killed_after_polls(work: impl Future, times: u64) -> bool {
    let mut work = Box::pin(work);
    let mut left = times;
    std::future::poll_fn(move |cx| {
        if left == 0 {
            return Poll::Ready(false);
        }
        left -= 1;
        work.as_mut().poll(cx).map(|_| true)
    })
    .await
}

/// The sentence of a parked outcome.
pub(crate) fn parked(outcome: Outcome) -> String {
    match outcome {
        Outcome::Parked { why } => why,
        other => panic!("not parked: {other:?}"),
    }
}

/// The sentence of a platform that refuses everybody.
pub(crate) fn refused(outcome: Outcome) -> String {
    match outcome {
        Outcome::Refused { why } => why,
        other => panic!("not refused: {other:?}"),
    }
}

/// The sentence of a waiting outcome.
pub(crate) fn waiting(outcome: Outcome) -> String {
    match outcome {
        Outcome::Waiting { why, .. } => why,
        other => panic!("not waiting: {other:?}"),
    }
}
