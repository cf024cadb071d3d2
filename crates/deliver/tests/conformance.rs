//! What every platform must pass: promise P5, whatever is cut, killed or already there.
//!
//! Each check is written once and run for each adapter. A new adapter adds a stage below and
//! inherits all of them.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

mod common;

use async_trait::async_trait;
use common::{Kill, Memory, config, free_line, job, killed_after_polls, parked, run, until_settled};
use lectern_deliver::{Adapter, LAST_PIECE_BYTES, Outcome, Secrets, Still, ask_again, connect};
use lectern_domain::config::{Create, PlatformKind};
use lectern_domain::delivery::{DeliveryJob, DeliveryState as S, FilePhase};
use lectern_testkit::{Misdeed, On, Rules, TusJudge, sha256_of_file};
use tempfile::TempDir;

const MIB: u64 = 1024 * 1024;
/// Enough for a body, a last piece, and several blocks of each.
const SIZE: u64 = 3 * MIB + 4321;

/// A platform that can be looked into.
#[async_trait]
trait Stage: Sized {
    /// Whether it can tell at any time what it has; else a lost last reply may need a person.
    const CAN_ALWAYS_TELL: bool;
    async fn new() -> Self;
    fn adapter(&self) -> Adapter;
    /// SHA-256 of every whole file there, one entry for each copy.
    fn whole(&self) -> Vec<String>;
    /// Has the first file's sending break off after `bytes`, once.
    fn break_off(&self, memory: &Memory, bytes: u64);
    /// Puts another file where the first file of the job belongs, if the protocol has such a place.
    fn occupy(&self, job: &DeliveryJob) -> bool;
    /// What the client did against the protocol.
    fn breaches(&self) -> Vec<String>;
}

struct Tus<const RECEIPTS: bool, const MOVES: bool> {
    judge: TusJudge,
    _dir: TempDir,
}

#[async_trait]
impl<const RECEIPTS: bool, const MOVES: bool> Stage for Tus<RECEIPTS, MOVES> {
    const CAN_ALWAYS_TELL: bool = RECEIPTS || !MOVES;

    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let rules = Rules {
            moves_finished: MOVES,
            relative_location: RECEIPTS,
            ..Rules::default()
        };
        Self {
            judge: TusJudge::start(dir.path(), rules).await.unwrap(),
            _dir: dir,
        }
    }

    fn adapter(&self) -> Adapter {
        let receipt_url = RECEIPTS.then(|| self.judge.receipt_url());
        connect(
            &config(PlatformKind::Tus {
                url: self.judge.url(),
                receipt_url,
            }),
            Secrets::default(),
            &free_line(),
        )
    }

    fn whole(&self) -> Vec<String> {
        self.judge
            .whole()
            .into_iter()
            .filter_map(|upload| upload.sha256)
            .collect()
    }

    fn break_off(&self, _memory: &Memory, bytes: u64) {
        self.judge
            .misbehave(On::Next(hyper::Method::PATCH), Misdeed::ResetAfter(bytes));
    }

    fn occupy(&self, job: &DeliveryJob) -> bool {
        // An upload has an address of its own; only a receipt can speak of another file.
        let _: &DeliveryJob = job;
        false
    }

    fn breaches(&self) -> Vec<String> {
        self.judge.breaches()
    }
}

struct Directory {
    dir: TempDir,
}

#[async_trait]
impl Stage for Directory {
    const CAN_ALWAYS_TELL: bool = true;

    async fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    fn adapter(&self) -> Adapter {
        let kind = PlatformKind::Directory {
            path: self.dir.path().to_owned(),
            label: None,
            create: Create::Never,
        };
        connect(&config(kind), Secrets::default(), &free_line())
    }

    fn whole(&self) -> Vec<String> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(self.dir.path()).unwrap() {
            let folder = entry.unwrap().path();
            // The manifest lies beside the lectures.
            if !folder.is_dir() {
                continue;
            }
            for file in std::fs::read_dir(folder).unwrap() {
                let path = file.unwrap().path();
                if path.extension().is_none_or(|ext| ext != "part") {
                    found.push(sha256_of_file(&path).unwrap());
                }
            }
        }
        found
    }

    fn break_off(&self, memory: &Memory, bytes: u64) {
        // What a kill in the middle leaves: the part, and the phase that was committed for it.
        let job = memory.job();
        let file = &job.files[0];
        let folder = self.dir.path().join(&job.folder);
        std::fs::create_dir(&folder).unwrap();
        let begun = std::fs::read(&file.path).unwrap()[..usize::try_from(bytes).unwrap()].to_owned();
        let remote = format!("{}.part", file.name);
        std::fs::write(folder.join(&remote), begun).unwrap();
        memory.set_phase(0, FilePhase::Bound { remote });
    }

    fn occupy(&self, job: &DeliveryJob) -> bool {
        let folder = self.dir.path().join(&job.folder);
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join(&job.files[0].name), b"somebody else's").unwrap();
        true
    }

    fn breaches(&self) -> Vec<String> {
        Vec::new()
    }
}

/// The platform has each file of the job exactly once, and the client kept to the protocol.
fn assert_exactly_once(stage: &impl Stage, job: &DeliveryJob, context: &str) {
    let mut wanted: Vec<_> = job.files.iter().map(|file| file.sha256.clone()).collect();
    let mut there = stage.whole();
    wanted.sort();
    there.sort();
    assert_eq!(there, wanted, "{context}");
    assert_eq!(stage.breaches(), Vec::<String>::new(), "{context}");
    for file in &job.files {
        assert!(
            matches!(file.phase, FilePhase::Confirmed { .. }),
            "{context}: {file:?}"
        );
    }
}

async fn sends_afresh(stage: impl Stage) {
    let home = tempfile::tempdir().unwrap();
    let memory = Memory::new(job(home.path(), &[("lecture.mp4", SIZE), ("camera.mp4", 1000)]));
    assert_eq!(run(&stage.adapter(), &memory).await.unwrap(), Outcome::Done);
    assert_exactly_once(&stage, &memory.job(), "fresh");
    let file = [S::Reconciling, S::Sending, S::Verifying];
    assert_eq!(memory.states(), [&file[..], &file[..], &[S::Done]].concat());
}

async fn sends_nothing_that_is_confirmed(stage: impl Stage) {
    let home = tempfile::tempdir().unwrap();
    let memory = Memory::new(job(home.path(), &[("lecture.mp4", SIZE)]));
    assert_eq!(run(&stage.adapter(), &memory).await.unwrap(), Outcome::Done);
    assert_eq!(run(&stage.adapter(), &memory).await.unwrap(), Outcome::Done);
    assert_exactly_once(&stage, &memory.job(), "twice");
}

/// Before our copy is deleted, the platform is asked once more; nothing is sent for that.
async fn confirms_again_what_it_has(stage: impl Stage) {
    let home = tempfile::tempdir().unwrap();
    let memory = Memory::new(job(home.path(), &[("lecture.mp4", SIZE), ("camera.mp4", 1000)]));
    assert_eq!(run(&stage.adapter(), &memory).await.unwrap(), Outcome::Done);
    let (_keep, stop) = tokio::sync::watch::channel(false);
    let said = ask_again(&memory.job(), &stage.adapter(), stop).await;
    assert_eq!(said, Still::Held);
    assert_exactly_once(&stage, &memory.job(), "asked again");
}

async fn resumes_at_any_offset<T: Stage>() {
    let offsets = [0, 1, 128 * 1024 - 1, MIB, MIB + 77, SIZE - LAST_PIECE_BYTES - 1];
    for bytes in offsets {
        let (stage, home) = (T::new().await, tempfile::tempdir().unwrap());
        let memory = Memory::new(job(home.path(), &[("lecture.mp4", SIZE)]));
        stage.break_off(&memory, bytes);
        let outcome = until_settled(&|| stage.adapter(), &memory).await;
        assert_eq!(outcome, Outcome::Done, "broken off at {bytes}");
        assert_exactly_once(&stage, &memory.job(), &format!("broken off at {bytes}"));
    }
}

/// A kill before and after every commit: what the commit permits was not done, or was done and
/// nobody wrote down that it was.
async fn survives_a_kill_at_every_commit<T: Stage>() {
    let mut commits = usize::MAX;
    let mut at = 0;
    while at < commits {
        for kill in [Kill::Before(at), Kill::After(at)] {
            let (stage, home) = (T::new().await, tempfile::tempdir().unwrap());
            let memory =
                Memory::new(job(home.path(), &[("lecture.mp4", SIZE), ("camera.mp4", 1000)])).kill_at(kill);
            run(&stage.adapter(), &memory).await.unwrap_err();
            let committed = memory.job();
            memory.live_on();
            let outcome = until_settled(&|| stage.adapter(), &memory).await;
            let completing = committed
                .files
                .iter()
                .any(|f| matches!(f.phase, FilePhase::Completing { .. }));
            if !T::CAN_ALWAYS_TELL && completing && outcome != Outcome::Done {
                let why = parked(outcome);
                assert!(why.contains("is uncertain"), "{why}");
            } else {
                assert_eq!(outcome, Outcome::Done, "{kill:?}");
                assert_exactly_once(&stage, &memory.job(), &format!("{kill:?}"));
            }
        }
        if commits == usize::MAX {
            let (stage, home) = (T::new().await, tempfile::tempdir().unwrap());
            let memory = Memory::new(job(home.path(), &[("lecture.mp4", SIZE), ("camera.mp4", 1000)]));
            run(&stage.adapter(), &memory).await.unwrap();
            commits = memory.commits().len();
        }
        at += 1;
    }
    assert!(commits >= 14, "only {commits} commits were cut");
}

/// A kill at any await, in the midst of requests and of file work.
async fn survives_a_kill_at_any_moment<T: Stage>() {
    let mut polls = 1;
    loop {
        let (stage, home) = (T::new().await, tempfile::tempdir().unwrap());
        let memory = Memory::new(job(home.path(), &[("lecture.mp4", SIZE), ("camera.mp4", 1000)]));
        let adapter = stage.adapter();
        let ended = killed_after_polls(run(&adapter, &memory), polls).await;
        drop(adapter);
        let outcome = until_settled(&|| stage.adapter(), &memory).await;
        if T::CAN_ALWAYS_TELL || outcome == Outcome::Done {
            assert_eq!(outcome, Outcome::Done, "killed after {polls} polls");
            assert_exactly_once(&stage, &memory.job(), &format!("killed after {polls} polls"));
        } else {
            let why = parked(outcome);
            assert!(why.contains("is uncertain"), "{why}");
        }
        if ended {
            return;
        }
        polls += 1 + polls / 8;
    }
}

async fn leaves_another_file_alone(stage: impl Stage) {
    let home = tempfile::tempdir().unwrap();
    let memory = Memory::new(job(home.path(), &[("lecture.mp4", SIZE)]));
    if !stage.occupy(&memory.job()) {
        return;
    }
    let before = stage.whole();
    let why = parked(run(&stage.adapter(), &memory).await.unwrap());
    assert!(why.contains("another file"), "{why}");
    assert_eq!(stage.whole(), before);
}

async fn never_completes_a_file_that_changed<T: Stage>() {
    for (change, told) in [
        (
            (|bytes| bytes[700_000] ^= 1) as fn(&mut Vec<u8>),
            "has another SHA-256",
        ),
        (|bytes| bytes.truncate(2_000_000), "it has 2000000 bytes and had"),
        (|bytes| *bytes.last_mut().unwrap() ^= 1, "has another SHA-256"),
    ] {
        let (stage, home) = (T::new().await, tempfile::tempdir().unwrap());
        let memory = Memory::new(job(home.path(), &[("lecture.mp4", SIZE)]));
        let path = &memory.job().files[0].path;
        let mut bytes = std::fs::read(path).unwrap();
        change(&mut bytes);
        std::fs::write(path, bytes).unwrap();
        let why = parked(run(&stage.adapter(), &memory).await.unwrap());
        assert!(
            why.contains("changed on this machine's disk") && why.contains(told),
            "{why}"
        );
        assert_eq!(stage.whole(), Vec::<String>::new());
    }
}

async fn takes_names_of_any_script(stage: impl Stage) {
    let home = tempfile::tempdir().unwrap();
    let memory = Memory::new(job(
        home.path(),
        &[("محاضرة ١.mp4", 2 * MIB), ("线性代数 & 100%?#.mp4", 5)],
    ));
    assert_eq!(run(&stage.adapter(), &memory).await.unwrap(), Outcome::Done);
    assert_exactly_once(&stage, &memory.job(), "names");
}

async fn takes_files_of_any_length<T: Stage>() {
    for size in [0, 1, LAST_PIECE_BYTES - 1, LAST_PIECE_BYTES, LAST_PIECE_BYTES + 1] {
        let (stage, home) = (T::new().await, tempfile::tempdir().unwrap());
        let memory = Memory::new(job(home.path(), &[("lecture.mp4", size)]));
        assert_eq!(
            run(&stage.adapter(), &memory).await.unwrap(),
            Outcome::Done,
            "{size} bytes"
        );
        assert_exactly_once(&stage, &memory.job(), &format!("{size} bytes"));
    }
}

macro_rules! conformance {
    ($($name:ident: $stage:ty;)*) => { $(
        mod $name {
            use super::Stage as _;

            #[tokio::test]
            async fn p5_sends_afresh() {
                super::sends_afresh(<$stage>::new().await).await;
            }

            #[tokio::test]
            async fn p5_sends_nothing_that_is_confirmed() {
                super::sends_nothing_that_is_confirmed(<$stage>::new().await).await;
            }

            #[tokio::test]
            async fn p6_confirms_again_what_it_has() {
                super::confirms_again_what_it_has(<$stage>::new().await).await;
            }

            #[tokio::test]
            async fn p5_resumes_at_any_offset() {
                super::resumes_at_any_offset::<$stage>().await;
            }

            #[tokio::test]
            async fn p5_survives_a_kill_at_every_commit() {
                super::survives_a_kill_at_every_commit::<$stage>().await;
            }

            #[tokio::test]
            async fn p5_survives_a_kill_at_any_moment() {
                super::survives_a_kill_at_any_moment::<$stage>().await;
            }

            #[tokio::test]
            async fn leaves_another_file_alone() {
                super::leaves_another_file_alone(<$stage>::new().await).await;
            }

            #[tokio::test]
            async fn never_completes_a_file_that_changed() {
                super::never_completes_a_file_that_changed::<$stage>().await;
            }

            #[tokio::test]
            async fn takes_names_of_any_script() {
                super::takes_names_of_any_script(<$stage>::new().await).await;
            }

            #[tokio::test]
            async fn takes_files_of_any_length() {
                super::takes_files_of_any_length::<$stage>().await;
            }
        }
    )* };
}

conformance! {
    tus: super::Tus<false, false>;
    tus_with_receipts: super::Tus<true, false>;
    tus_that_moves_what_is_finished: super::Tus<false, true>;
    tus_that_moves_and_has_receipts: super::Tus<true, true>;
    directory: super::Directory;
}
