//! The disk of the spool: what it is, how much room is left, and how fast it takes bytes.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use lectern_domain::api::{Check, StorageStatus};
use lectern_store::{DiskTrial, try_disk};
use nix::sys::statvfs::statvfs;

/// Written by the trial; while a lecture is recorded, less.
const TRIAL_BYTES: u64 = 32 << 20;
const TRIAL_BYTES_RECORDING: u64 = 4 << 20;
/// A slow disk is known for one before all of it is written.
const TRIED_WITHIN: Duration = Duration::from_secs(4);
/// With less above the reserve nothing is written that need not be.
const ROOM_FOR_TRIAL: u64 = 1 << 30;
/// A disk is to be so many times as fast as recording needs: finishing and sending read meanwhile.
const TIMES_FAST: u64 = 4;
/// A lecture takes a few hundred files.
const FEW_INODES: u64 = 10_000;
/// A sync that takes longer adds to what a power cut costs.
const LONG_SYNC: Duration = Duration::from_millis(1_000);
/// A week of lectures is another matter; this is today's.
const FEW_HOURS_MS: u64 = 8 * 3_600_000;
const TOO_FEW_MS: u64 = 3_600_000;

/// What the disk has to do.
#[derive(Clone, Debug)]
pub(super) struct Task {
    pub(super) storage: StorageStatus,
    /// What the sources record together, in bytes a second.
    pub(super) needed: u64,
    pub(super) recording: bool,
}

/// Looks at the disk and tries it. Blocks, for [`TRIED_WITHIN`] and one piece more.
pub(super) fn look(task: &Task, stop: &AtomicBool) -> Vec<Check> {
    let path = PathBuf::from(&task.storage.path);
    let mut checks = vec![room(&task.storage)];
    checks.extend(inodes(&path));
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let real = path.canonicalize().unwrap_or_else(|_| path.clone());
    checks.extend(mount_of(&mounts, &real).map(|mount| kind(&mount)));
    checks.push(speed(task, &path, stop));
    checks
}

/// What is said when the disk did not answer.
pub(super) fn hangs() -> Check {
    Check::bad(
        "disk",
        "The disk of the recordings did not answer in time.",
        "Look at the kernel's messages (journalctl -k) for errors of the disk, and check its cables.",
    )
}

fn room(storage: &StorageStatus) -> Check {
    let said = format!(
        "There is room for {} of recording before the reserve; {} are free.",
        hours(storage.recordable_ms),
        gigabytes(storage.free_bytes)
    );
    let todo = "Make room on the disk of storage.path, or lower storage.keep_sent.";
    match storage.recordable_ms {
        0..TOO_FEW_MS => Check::bad("disk", said, todo),
        TOO_FEW_MS..FEW_HOURS_MS => Check::warning("disk", said, todo),
        FEW_HOURS_MS.. => Check::good("disk", said),
    }
}

fn inodes(path: &Path) -> Option<Check> {
    let found = statvfs(path).ok()?;
    // File systems without a fixed table tell 0 of 0.
    let few = found.files() > 0 && found.files_available() < FEW_INODES;
    few.then(|| {
        Check::warning(
            "disk",
            format!(
                "The file system has room for only {} more files.",
                found.files_available()
            ),
            "Delete what is not Lectern's from it, or make a file system with more inodes.",
        )
    })
}

/// A mounted file system.
#[derive(Debug, PartialEq, Eq)]
struct Mount {
    kind: String,
    options: Vec<String>,
}

/// The mount that `path` lies on, from the text of `/proc/self/mountinfo` (proc(5)).
fn mount_of(text: &str, path: &Path) -> Option<Mount> {
    let mut best: Option<(usize, Mount)> = None;
    for line in text.lines() {
        let Some((mine, super_block)) = line.split_once(" - ") else {
            continue;
        };
        let mine: Vec<&str> = mine.split(' ').collect();
        let super_block: Vec<&str> = super_block.split(' ').collect();
        let (Some(point), Some(options), Some(kind)) = (mine.get(4), mine.get(5), super_block.first()) else {
            continue;
        };
        let point = PathBuf::from(point.replace("\\040", " "));
        let depth = point.components().count();
        // Of two at the same place the later one hides the other.
        if path.starts_with(&point) && best.as_ref().is_none_or(|(deepest, _)| depth >= *deepest) {
            let of_disk = super_block.get(2).copied().unwrap_or_default();
            let options = options.split(',').chain(of_disk.split(','));
            let mount = Mount {
                kind: (*kind).to_owned(),
                options: options.map(str::to_owned).collect(),
            };
            best = Some((depth, mount));
        }
    }
    best.map(|(_, mount)| mount)
}

fn kind(mount: &Mount) -> Check {
    let kind = mount.kind.as_str();
    let has = |option: &str| mount.options.iter().any(|set| set == option);
    if has("ro") {
        return Check::bad(
            "disk",
            format!("Its file system ({kind}) is mounted read-only."),
            "Look at journalctl -k for errors of the disk; mend it with fsck and mount it again.",
        );
    }
    let local =
        "Record to a disk of this machine, and let a platform of kind \"directory\" bring lectures there.";
    match kind {
        "tmpfs" | "ramfs" => Check::bad(
            "disk",
            format!("Its file system is {kind}: a power cut takes every lecture."),
            "Name a folder on a real disk in storage.path.",
        ),
        "nfs" | "nfs4" | "cifs" | "smb3" | "9p" | "ceph" | "fuse.sshfs" | "fuse.glusterfs" | "afs" => {
            Check::warning(
                "disk",
                format!("Its file system is {kind}: a lecture is lost for as long as the network is."),
                local,
            )
        }
        "vfat" | "msdos" | "exfat" | "ntfs" | "ntfs3" | "fuseblk" => Check::warning(
            "disk",
            format!("Its file system is {kind}: it has no journal for a power cut, or no owners of files."),
            "Make an ext4, XFS or Btrfs file system for storage.path.",
        ),
        "overlay" => Check::warning(
            "disk",
            "Its file system is an overlay, as containers have: it goes when the container goes.",
            "Give the container a volume for storage.path.",
        ),
        _ if has("nobarrier") || has("barrier=0") || has("data=writeback") => Check::warning(
            "disk",
            format!("Its file system ({kind}) is mounted so that a power cut may take what was synced."),
            "Take nobarrier, barrier=0 and data=writeback out of /etc/fstab.",
        ),
        _ => Check::good("disk", format!("Its file system is {kind}.")),
    }
}

fn speed(task: &Task, path: &Path, stop: &AtomicBool) -> Check {
    let bytes = if task.recording {
        TRIAL_BYTES_RECORDING
    } else {
        TRIAL_BYTES
    };
    let above = task.storage.free_bytes.saturating_sub(task.storage.reserve_bytes);
    if above < ROOM_FOR_TRIAL {
        return Check::warning(
            "disk",
            "Its speed was not tried, because there is little room.",
            "Make room, then ask again.",
        );
    }
    match try_disk(path, bytes, TRIED_WITHIN, stop) {
        Ok(trial) => fast_enough(&trial, task.needed),
        Err(error) => Check::bad(
            "disk",
            format!(
                "A file of a trial could not be written to {}: {error}.",
                path.display()
            ),
            "Check that the folder belongs to the service's user and that the disk is in order (journalctl -k).",
        ),
    }
}

fn fast_enough(trial: &DiskTrial, needed: u64) -> Check {
    let said = format!(
        "It takes {} with a sync each mebibyte, and the longest sync took {} ms; recording needs {}.",
        megabytes(trial.rate()),
        trial.longest_sync.as_millis(),
        megabytes(needed)
    );
    let todo = "Use a faster disk, such as an SSD, and check that nothing else keeps this one busy.";
    if trial.rate() < needed {
        Check::bad("disk", said, todo)
    } else if trial.rate() < needed.saturating_mul(TIMES_FAST) || trial.longest_sync > LONG_SYNC {
        Check::warning("disk", said, todo)
    } else {
        Check::good("disk", said)
    }
}

fn hours(ms: u64) -> String {
    match ms / 3_600_000 {
        0 => format!("{} minutes", ms / 60_000),
        1 => "1 hour".to_owned(),
        hours => format!("{hours} hours"),
    }
}

fn gigabytes(bytes: u64) -> String {
    format!("{}.{} GB", bytes / 1_000_000_000, bytes / 100_000_000 % 10)
}

fn megabytes(rate: u64) -> String {
    format!("{}.{} MB/s", rate / 1_000_000, rate / 100_000 % 10)
}

#[cfg(test)]
mod tests {
    use lectern_domain::api::Verdict;

    use super::*;

    const MOUNTS: &str = "\
22 1 259:2 / / rw,relatime shared:1 - ext4 /dev/nvme0n1p2 rw,errors=remount-ro
30 22 0:26 / /run rw,nosuid - tmpfs tmpfs rw,size=1600000k
41 22 8:1 / /srv/my\\040disk rw,relatime - vfat /dev/sda1 rw,umask=0022
42 22 8:2 / /var/lib/lectern ro,relatime - ext4 /dev/sdb1 ro
43 22 8:3 / /var/lib/lectern rw,relatime master:2 - xfs /dev/sdc1 rw,attr2
broken line";

    #[test]
    fn the_mount_of_a_folder_is_the_deepest_and_the_latest() {
        let kind_of = |path: &str| mount_of(MOUNTS, Path::new(path)).unwrap().kind;
        assert_eq!(kind_of("/var/lib/lectern/lectures"), "xfs");
        assert_eq!(kind_of("/var/lib/lecterns"), "ext4");
        assert_eq!(kind_of("/srv/my disk/spool"), "vfat");
        assert_eq!(mount_of("", Path::new("/")), None);
    }

    #[test]
    fn file_systems_that_lose_lectures_are_told() {
        for (kind_word, options, verdict) in [
            ("ext4", "rw,relatime", Verdict::Good),
            ("ext4", "rw,nobarrier", Verdict::Warning),
            ("ext4", "ro,relatime", Verdict::Bad),
            ("nfs4", "rw", Verdict::Warning),
            ("exfat", "rw", Verdict::Warning),
            ("overlay", "rw", Verdict::Warning),
            ("tmpfs", "rw", Verdict::Bad),
        ] {
            let mount = Mount {
                kind: kind_word.to_owned(),
                options: options.split(',').map(str::to_owned).collect(),
            };
            let check = kind(&mount);
            assert_eq!(check.verdict, verdict, "{check:?}");
            assert_eq!(check.todo.is_empty(), verdict == Verdict::Good, "{check:?}");
        }
    }

    #[test]
    fn p8_room_and_speed_are_judged_by_what_recording_needs() {
        let trial = |ms, longest_ms| DiskTrial {
            bytes: 32_000_000,
            took: Duration::from_millis(ms),
            longest_sync: Duration::from_millis(longest_ms),
        };
        for (tried, verdict) in [
            (trial(320, 12), Verdict::Good),
            (trial(320, 1_200), Verdict::Warning),
            (trial(10_000, 12), Verdict::Warning),
            (trial(40_000, 12), Verdict::Bad),
        ] {
            assert_eq!(fast_enough(&tried, 1_000_000).verdict, verdict, "{tried:?}");
        }
        let storage = |recordable_ms| StorageStatus {
            path: "/var/lib/lectern".into(),
            free_bytes: 61_500_000_000,
            reserve_bytes: 1,
            recordable_ms,
            purgeable_bytes: 0,
        };
        assert_eq!(
            room(&storage(61 * 3_600_000)).found,
            "There is room for 61 hours of recording before the reserve; 61.5 GB are free."
        );
        assert_eq!(room(&storage(7 * 3_600_000)).verdict, Verdict::Warning);
        assert_eq!(room(&storage(59 * 60_000)).verdict, Verdict::Bad);
    }

    #[test]
    fn p8_a_trial_is_left_out_when_room_is_short() {
        let folder = tempfile::tempdir().unwrap();
        let task = Task {
            storage: StorageStatus {
                path: folder.path().display().to_string(),
                free_bytes: ROOM_FOR_TRIAL + 9,
                reserve_bytes: 10,
                recordable_ms: 0,
                purgeable_bytes: 0,
            },
            needed: 1,
            recording: false,
        };
        let check = speed(&task, folder.path(), &AtomicBool::new(false));
        assert!(check.found.contains("was not tried"), "{check:?}");
    }
}
