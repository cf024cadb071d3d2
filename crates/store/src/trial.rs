//! A trial of the disk for the doctor: how fast it writes, and how long a sync takes.
//!
//! The file has no name: it is opened without one, so that nothing is left behind whatever happens.
//! Bytes are written as segments are: in pieces, each followed by a sync. Blocks; for a thread that
//! may wait for a disk.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nix::libc;

/// What is written and synced at a time.
const PIECE_BYTES: usize = 1 << 20;

/// What a trial of the disk came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskTrial {
    /// Written and synced.
    pub bytes: u64,
    /// How long all of it took, syncs included.
    pub took: Duration,
    /// The longest sync of one piece of a mebibyte.
    pub longest_sync: Duration,
}

impl DiskTrial {
    /// Bytes a second that reached the disk.
    #[must_use]
    pub fn rate(&self) -> u64 {
        let micros = self.took.as_micros().max(1);
        u64::try_from(u128::from(self.bytes) * 1_000_000 / micros).unwrap_or(u64::MAX)
    }
}

/// Writes up to `bytes` into a nameless file in `folder`, and no longer than `within`: a slow disk
/// gets fewer. Ends early when `stop` is set.
///
/// # Errors
/// When the folder cannot be written to or the disk is full or broken.
pub fn try_disk(folder: &Path, bytes: u64, within: Duration, stop: &AtomicBool) -> io::Result<DiskTrial> {
    let mut file = nameless(folder)?;
    // Not zeros: some disks and file systems do not write those.
    let piece: Vec<u8> = (0..PIECE_BYTES).map(|at| ((at * 167) >> 3) as u8).collect();
    let begun = Instant::now();
    let mut trial = DiskTrial {
        bytes: 0,
        took: Duration::ZERO,
        longest_sync: Duration::ZERO,
    };
    while trial.bytes < bytes && trial.took < within && !stop.load(Ordering::Relaxed) {
        file.write_all(&piece)?;
        let synced = Instant::now();
        file.sync_data()?;
        trial.longest_sync = trial.longest_sync.max(synced.elapsed());
        trial.bytes += PIECE_BYTES as u64;
        trial.took = begun.elapsed();
    }
    Ok(trial)
}

/// A file without a name; where the file system knows none, one whose name is taken away at once.
fn nameless(folder: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600);
    match options.clone().custom_flags(libc::O_TMPFILE).open(folder) {
        Err(error)
            if error.raw_os_error() == Some(libc::EOPNOTSUPP)
                || error.kind() == io::ErrorKind::IsADirectory =>
        {
            let path = folder.join(format!(".trial-{}", std::process::id()));
            let file = options.create(true).truncate(true).open(&path)?;
            std::fs::remove_file(&path)?;
            Ok(file)
        }
        opened => opened,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn a_trial_measures_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let go = AtomicBool::new(false);
        let trial = try_disk(folder.path(), 3 << 20, LONG, &go).unwrap();
        assert_eq!(trial.bytes, 3 << 20);
        assert!(trial.longest_sync <= trial.took && trial.rate() > 0, "{trial:?}");
        let short = try_disk(folder.path(), 3 << 20, Duration::ZERO, &go).unwrap();
        assert_eq!(short.bytes, 0, "no time, no bytes");
        let stopped = try_disk(folder.path(), 3 << 20, LONG, &AtomicBool::new(true)).unwrap();
        assert_eq!(stopped.bytes, 0);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let gone = folder.path().join("gone");
        try_disk(&gone, 1 << 20, LONG, &AtomicBool::new(false)).unwrap_err();
    }
}
