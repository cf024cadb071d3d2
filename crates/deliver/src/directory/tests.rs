//! A disk that is known by its label, from empty to carried away.

use lectern_domain::delivery::{DeliveryFile, DeliveryJob, Turn};
use lectern_domain::finished::FileRole;
use lectern_domain::ids::{DeliveryId, LectureId};
use tokio::sync::watch;

use super::*;
use crate::again::{Still, ask_again};
use crate::platform::Adapter;

fn job(dir: &Path) -> DeliveryJob {
    let path = dir.join("lecture.mp4");
    std::fs::write(&path, "a lecture").unwrap();
    DeliveryJob {
        id: DeliveryId(1),
        lecture: LectureId::random(),
        folder: "2026-11-21T1000_b-204_1".to_owned(),
        title: String::new(),
        course: None,
        presenter: None,
        language: None,
        started_unix_ms: 0,
        duration_ms: 0,
        platform: "disk".parse().unwrap(),
        attempts: 0,
        turn: Turn::All,
        files: vec![DeliveryFile {
            name: "lecture.mp4".to_owned(),
            path,
            role: FileRole::Lecture,
            size_bytes: 9,
            sha256: reading::hex(&<sha2::Sha256 as sha2::Digest>::digest("a lecture")),
            parts: Vec::new(),
            duration_ms: None,
            content_type: "video/mp4".to_owned(),
            phase: FilePhase::Pending,
        }],
    }
}

/// A disk labelled LECTURES, in a machine that is a folder.
fn labelled(machine: &Path) -> Directory {
    let platform = Directory::new(
        "disk".parse().unwrap(),
        PathBuf::from("lectures"),
        Some("LECTURES".to_owned()),
        Create::Beside,
        Patience::default(),
    );
    Directory {
        disks: disk::tests::disks_in(machine),
        ..platform
    }
}

fn plug_in(machine: &Path) {
    let (device, mounted) = (machine.join("sdb1"), machine.join("mnt"));
    std::fs::create_dir_all(machine.join("by-label")).unwrap();
    std::fs::create_dir_all(&mounted).unwrap();
    std::fs::write(&device, "").unwrap();
    std::os::unix::fs::symlink(&device, machine.join("by-label/LECTURES")).unwrap();
    let line = format!(
        "41 28 8:17 / {} rw - vfat {} rw\n",
        mounted.display(),
        device.display()
    );
    std::fs::write(machine.join("mountinfo"), line).unwrap();
}

#[tokio::test]
async fn p5_a_disk_is_waited_for_filled_carried_away_and_never_filled_with_the_same_again() {
    let (machine, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let platform = labelled(machine.path());
    let mut job = job(home.path());
    let (_keep, stop) = watch::channel(false);
    let parcel = |job| Parcel::new(job, job.files[0].clone(), 0, &|_| {}, stop.clone());
    let away = platform.ask(&parcel(&job)).await.unwrap_err();
    assert_eq!(away, Fault::later("The disk LECTURES is not plugged in."));

    plug_in(machine.path());
    let sent = parcel(&job);
    assert_eq!(platform.ask(&sent).await.unwrap(), Standing::Absent);
    let remote = platform.create(&sent).await.unwrap();
    platform.send(&sent, &remote, 0).await.unwrap();
    platform.complete(&sent, &remote, 9).await.unwrap();
    let proof = platform.verify(&sent, Some(&remote), true).await.unwrap();
    let whole = machine
        .path()
        .join("mnt/lectures/2026-11-21T1000_b-204_1/lecture.mp4");
    assert_eq!(proof.location, whole.display().to_string());
    assert_eq!(std::fs::read_to_string(&whole).unwrap(), "a lecture");

    // Somebody brings it to the platform and empties it.
    std::fs::remove_file(&whole).unwrap();
    assert_eq!(
        platform.ask(&parcel(&job)).await.unwrap(),
        Standing::Whole { remote: None }
    );
    job.files[0].phase = FilePhase::Confirmed {
        location: proof.location,
    };
    let adapter = Adapter::Files(Box::new(labelled(machine.path())));
    assert_eq!(ask_again(&job, &adapter, stop.clone()).await, Still::Held);
    let found = adapter.probe().await;
    assert!(
        found
            .iter()
            .any(|check| check.found.contains("carried away since: 1.")),
        "{found:?}"
    );
    // While the disk itself is away nobody can tell.
    std::fs::remove_file(machine.path().join("by-label/LECTURES")).unwrap();
    assert!(matches!(
        ask_again(&job, &adapter, stop.clone()).await,
        Still::Silent(_)
    ));
}
