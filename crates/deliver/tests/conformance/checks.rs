//! The checks, each written once for every platform.

use lectern_deliver::{LAST_PIECE_BYTES, Outcome, Still, ask_again};
use lectern_domain::delivery::{DeliveryFile, DeliveryState as S, FilePhase, SMALL_BYTES, Turn};
use lectern_domain::finished::PART_BYTES;

use crate::common::{Kill, Memory, job, killed_after_polls, parked, run, until_settled};
use crate::stage::{Stage, assert_exactly_once};

const MIB: u64 = 1024 * 1024;
/// Enough for a body, a last piece, and several blocks of each.
const SIZE: u64 = 3 * MIB + 4321;

pub(crate) async fn sends_afresh<T: Stage>(stage: T) {
    let home = tempfile::tempdir().unwrap();
    let memory = Memory::new(job(home.path(), &[("lecture.mp4", SIZE), ("camera.mp4", 1000)]));
    assert_eq!(run(&stage.adapter(), &memory).await.unwrap(), Outcome::Done);
    assert_exactly_once(&stage, &memory.job(), "fresh");
    let turn = [S::Reconciling, S::Sending, S::Verifying];
    let turns = if T::FILE_BY_FILE { 2 } else { 1 };
    assert_eq!(memory.states(), [turn.repeat(turns), vec![S::Done]].concat());
}

pub(crate) async fn sends_nothing_that_is_confirmed(stage: impl Stage) {
    let home = tempfile::tempdir().unwrap();
    let memory = Memory::new(job(home.path(), &[("lecture.mp4", SIZE)]));
    assert_eq!(run(&stage.adapter(), &memory).await.unwrap(), Outcome::Done);
    assert_eq!(run(&stage.adapter(), &memory).await.unwrap(), Outcome::Done);
    assert_exactly_once(&stage, &memory.job(), "twice");
}

/// Before our copy is deleted, the platform is asked once more; nothing is sent for that.
pub(crate) async fn confirms_again_what_it_has(stage: impl Stage) {
    let home = tempfile::tempdir().unwrap();
    let memory = Memory::new(job(home.path(), &[("lecture.mp4", SIZE), ("camera.mp4", 1000)]));
    assert_eq!(run(&stage.adapter(), &memory).await.unwrap(), Outcome::Done);
    let (_keep, stop) = tokio::sync::watch::channel(false);
    let said = ask_again(&memory.job(), &stage.adapter(), stop).await;
    assert_eq!(said, Still::Held);
    assert_exactly_once(&stage, &memory.job(), "asked again");
}

pub(crate) async fn resumes_at_any_offset<T: Stage>() {
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

/// Parts are what is proven before it is sent; a resumed upload begins anywhere in them.
pub(crate) async fn resumes_beside_the_bounds_of_parts<T: Stage>() {
    const LONG: u64 = PART_BYTES + LAST_PIECE_BYTES / 2;
    for bytes in [PART_BYTES - 1, PART_BYTES, PART_BYTES + 1] {
        let (stage, home) = (T::new().await, tempfile::tempdir().unwrap());
        let memory = Memory::new(job(home.path(), &[("lecture.mp4", LONG)]));
        stage.break_off(&memory, bytes);
        let outcome = until_settled(&|| stage.adapter(), &memory).await;
        assert_eq!(outcome, Outcome::Done, "broken off at {bytes}");
        assert_exactly_once(&stage, &memory.job(), &format!("broken off at {bytes}"));
    }
}

/// A phone on a thin line can use the sound long before the picture.
pub(crate) async fn sends_what_goes_first_and_gives_way<T: Stage>() {
    let files = [
        ("lecture.mp4", SMALL_BYTES + 1),
        ("camera.mp4", 1000),
        ("microphone.m4a", SIZE),
    ];
    let (stage, home) = (T::new().await, tempfile::tempdir().unwrap());
    let mut job = job(home.path(), &files);
    job.turn = Turn::First;
    let memory = Memory::new(job);
    let outcome = run(&stage.adapter(), &memory).await.unwrap();
    if T::FILE_BY_FILE {
        assert_eq!(outcome, Outcome::Deferred);
        assert_eq!(memory.states().last(), Some(&S::Queued));
        let confirmed = |file: &&DeliveryFile| matches!(file.phase, FilePhase::Confirmed { .. });
        let mut first: Vec<_> = memory
            .job()
            .files
            .iter()
            .filter(confirmed)
            .map(|f| f.sha256.clone())
            .collect();
        let mut there = stage.whole();
        first.sort();
        there.sort();
        assert_eq!((there.len(), there), (2, first));
        // Nothing of the large one was touched, and a turn for nobody ends at once.
        assert_eq!(memory.job().files[0].phase, FilePhase::Pending);
        assert_eq!(run(&stage.adapter(), &memory).await.unwrap(), Outcome::Deferred);
        memory.set_turn(Turn::All);
        assert_eq!(run(&stage.adapter(), &memory).await.unwrap(), Outcome::Done);
    } else {
        assert_eq!(outcome, Outcome::Done);
    }
    assert_exactly_once(&stage, &memory.job(), "in two turns");
}

/// Our disk lost a bit in the second part: it is never sent, and what was sent before it is kept.
pub(crate) async fn sends_no_part_that_rotted<T: Stage>() {
    const LONG: u64 = PART_BYTES + SIZE;
    for known in [true, false] {
        let (stage, home) = (T::new().await, tempfile::tempdir().unwrap());
        let mut job = job(home.path(), &[("lecture.mp4", LONG)]);
        if !known {
            job.files[0].parts.clear();
        }
        let memory = Memory::new(job);
        let path = memory.job().files[0].path.clone();
        let sound = std::fs::read(&path).unwrap();
        let mut rotten = sound.clone();
        rotten[usize::try_from(PART_BYTES).unwrap() + 5] ^= 4;
        std::fs::write(&path, rotten).unwrap();
        let why = parked(run(&stage.adapter(), &memory).await.unwrap());
        let told = if known { "part 2 of 2" } else { "its SHA-256 is" };
        assert!(
            why.contains("changed on this machine's disk") && why.contains(told),
            "{why}"
        );
        assert_eq!(stage.whole(), Vec::<String>::new());
        std::fs::write(&path, sound).unwrap();
        assert_eq!(run(&stage.adapter(), &memory).await.unwrap(), Outcome::Done);
        assert_exactly_once(&stage, &memory.job(), "mended");
    }
}

/// A kill before and after every commit: what the commit permits was not done, or was done and
/// nobody wrote down that it was.
pub(crate) async fn survives_a_kill_at_every_commit<T: Stage>() {
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
    let least = if T::FILE_BY_FILE { 14 } else { 11 };
    assert!(commits >= least, "only {commits} commits were cut");
}

/// A kill at any await, in the midst of requests and of file work.
pub(crate) async fn survives_a_kill_at_any_moment<T: Stage>() {
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

pub(crate) async fn leaves_another_file_alone(stage: impl Stage) {
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

pub(crate) async fn never_completes_a_file_that_changed<T: Stage>() {
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

pub(crate) async fn takes_names_of_any_script(stage: impl Stage) {
    let home = tempfile::tempdir().unwrap();
    let memory = Memory::new(job(
        home.path(),
        &[("محاضرة ١.mp4", 2 * MIB), ("线性代数 & 100%?#.mp4", 5)],
    ));
    assert_eq!(run(&stage.adapter(), &memory).await.unwrap(), Outcome::Done);
    assert_exactly_once(&stage, &memory.job(), "names");
}

pub(crate) async fn takes_files_of_any_length<T: Stage>() {
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
