//! What only a folder can do wrong: not being mounted, losing what it had, being emptied by others.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

mod common;

use common::{Kill, Memory, config, free_line, job, parked, refused, run, waiting};
use lectern_deliver::{Adapter, Outcome, Secrets, Still, ask_again, connect};
use lectern_domain::config::{Create, PlatformKind};
use lectern_domain::delivery::{Commit, FilePhase};
use lectern_testkit::sha256_of_file;

const SIZE: u64 = 3_000_000;

fn adapter(path: &std::path::Path, create: Create) -> Adapter {
    connect(
        &config(PlatformKind::Directory {
            path: path.to_owned(),
            label: None,
            create,
        }),
        Secrets::default(),
        &free_line(),
    )
}

#[tokio::test]
async fn a_share_that_is_not_mounted_is_waited_for() {
    let (home, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = there.path().join("share/lectures");
    let memory = Memory::new(job(home.path(), &[("lecture.mp4", SIZE)]));
    let why = waiting(run(&adapter(&path, Create::Never), &memory).await.unwrap());
    assert_eq!(
        why,
        format!(
            "The folder {} is not there: mount the share or plug in the disk. The lecture is safe on this machine. \
             It is tried again by itself.",
            path.display()
        )
    );
    assert!(!path.exists());
    // Nothing said: an empty folder above it is a mount point without its disk.
    std::fs::create_dir(there.path().join("share")).unwrap();
    waiting(run(&adapter(&path, Create::Beside), &memory).await.unwrap());
    assert!(!path.exists());
    assert_eq!(
        run(&adapter(&path, Create::Always), &memory).await.unwrap(),
        Outcome::Done
    );
    let job = memory.job();
    let whole = path.join(&job.folder).join("lecture.mp4");
    assert_eq!(sha256_of_file(&whole).unwrap(), job.files[0].sha256);
    assert_eq!(
        job.files[0].phase,
        FilePhase::Confirmed {
            location: whole.display().to_string()
        }
    );
}

#[tokio::test]
async fn p6_a_folder_that_lost_or_changed_a_file_denies_it_and_one_that_is_away_is_silent() {
    let (home, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = there.path().join("share");
    std::fs::create_dir(&path).unwrap();
    let memory = Memory::new(job(home.path(), &[("lecture.mp4", SIZE)]));
    let adapter = adapter(&path, Create::Never);
    assert_eq!(run(&adapter, &memory).await.unwrap(), Outcome::Done);
    let job = memory.job();
    let ask = async || {
        let (_keep, stop) = tokio::sync::watch::channel(false);
        ask_again(&job, &adapter, stop).await
    };
    let whole = path.join(&job.folder).join("lecture.mp4");
    let bytes = std::fs::read(&whole).unwrap();
    let mut rotten = bytes.clone();
    rotten[1_000_000] ^= 1;
    std::fs::write(&whole, &rotten).unwrap();
    assert!(matches!(ask().await, Still::Denied(_)), "one bit differs");
    std::fs::remove_file(&whole).unwrap();
    assert!(matches!(ask().await, Still::Denied(_)), "it is gone");
    std::fs::rename(&path, there.path().join("away")).unwrap();
    assert!(
        matches!(ask().await, Still::Silent(_)),
        "the share is not mounted"
    );
    std::fs::rename(there.path().join("away"), &path).unwrap();
    std::fs::write(&whole, &bytes).unwrap();
    assert_eq!(ask().await, Still::Held);
}

#[tokio::test]
async fn a_missing_folder_beside_others_is_made() {
    let (home, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    std::fs::write(there.path().join("README"), "a disk in use").unwrap();
    let path = there.path().join("lectures");
    let memory = Memory::new(job(home.path(), &[("lecture.mp4", SIZE)]));
    assert_eq!(
        run(&adapter(&path, Create::Beside), &memory).await.unwrap(),
        Outcome::Done
    );
    assert!(path.join(&memory.job().folder).join("lecture.mp4").is_file());
}

#[tokio::test]
async fn p5_a_part_that_lost_its_bytes_is_written_anew() {
    for damage in [
        (|part: &mut Vec<u8>| part[10..2_000_000].fill(0)) as fn(&mut Vec<u8>),
        |part| part.extend(std::iter::repeat_n(7, 5_000_000)),
    ] {
        let (home, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let memory = Memory::new(job(home.path(), &[("lecture.mp4", SIZE)]));
        let job = memory.job();
        let folder = there.path().join(&job.folder);
        std::fs::create_dir(&folder).unwrap();
        let mut part = std::fs::read(&job.files[0].path).unwrap();
        damage(&mut part);
        std::fs::write(folder.join("lecture.mp4.part"), part).unwrap();
        memory.set_phase(
            0,
            FilePhase::Completing {
                remote: "lecture.mp4.part".to_owned(),
            },
        );
        assert_eq!(
            run(&adapter(there.path(), Create::Never), &memory).await.unwrap(),
            Outcome::Done
        );
        assert_eq!(
            sha256_of_file(&folder.join("lecture.mp4")).unwrap(),
            job.files[0].sha256
        );
        assert_eq!(
            std::fs::read_dir(&folder).unwrap().count(),
            1,
            "no part stays behind"
        );
    }
}

/// A lecture that was copied, and taken away before its receipt was committed.
async fn taken_away(there: &std::path::Path, home: &std::path::Path) -> (Memory, std::path::PathBuf) {
    // Commits: reconciling, sending, creating, bound, completing, verifying: the file is there.
    let memory = Memory::new(job(home, &[("lecture.mp4", SIZE)])).kill_at(Kill::After(5));
    run(&adapter(there, Create::Never), &memory).await.unwrap_err();
    memory.live_on();
    let whole = there.join(&memory.job().folder).join("lecture.mp4");
    std::fs::remove_file(&whole).unwrap();
    (memory, whole)
}

#[tokio::test]
async fn p5_what_the_manifest_lists_is_not_copied_again_wherever_it_is_now() {
    let (home, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (memory, whole) = taken_away(there.path(), home.path()).await;
    let adapter = adapter(there.path(), Create::Never);
    assert_eq!(run(&adapter, &memory).await.unwrap(), Outcome::Done);
    assert!(!whole.exists());
    let receipt = memory.commits().into_iter().find_map(|commit| match commit {
        Commit::Receipt { evidence, .. } => Some(evidence),
        _ => None,
    });
    assert_eq!(receipt.unwrap()["carried_away"], true);
    let manifest = std::fs::read_to_string(there.path().join("lectern-manifest.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
    let (job, entry) = (memory.job(), &manifest["files"][0]);
    assert_eq!(entry["lecture"], job.lecture.to_string());
    assert_eq!(entry["title"], job.title);
    assert_eq!(entry["room"], "b-204");
    assert_eq!(entry["sha256"], job.files[0].sha256);
    let found = adapter.probe().await;
    assert!(
        found
            .iter()
            .any(|check| check.found.contains("files: 1;") && check.found.contains("carried away since: 1.")),
        "{found:?}"
    );
}

#[tokio::test]
async fn p5_a_file_that_somebody_took_away_at_once_is_not_written_again_without_a_person() {
    let (home, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (memory, whole) = taken_away(there.path(), home.path()).await;
    // As if the power went between the file's name and the manifest.
    std::fs::remove_file(there.path().join("lectern-manifest.json")).unwrap();
    let why = parked(run(&adapter(there.path(), Create::Never), &memory).await.unwrap());
    assert!(
        why.contains("is uncertain") && why.contains(whole.to_str().unwrap()),
        "{why}"
    );
    assert!(!whole.exists());
}

#[tokio::test]
async fn a_platform_path_that_is_a_file_holds_the_platform() {
    let (home, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = there.path().join("file");
    std::fs::write(&path, "").unwrap();
    let memory = Memory::new(job(home.path(), &[("lecture.mp4", 10)]));
    let why = refused(run(&adapter(&path, Create::Always), &memory).await.unwrap());
    assert!(
        why.contains("is no folder") && why.contains("path in the configuration"),
        "{why}"
    );
}
