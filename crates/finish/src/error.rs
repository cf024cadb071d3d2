//! Why a lecture could not be finished. The segments are untouched in every case.

use std::io;
use std::path::{Path, PathBuf};

use nix::errno::Errno;

/// Why finishing ended without a finished lecture.
#[derive(Debug, thiserror::Error)]
pub enum FinishError {
    /// No track has a single usable sample. Permanent: there is nothing to finish.
    #[error("{}: no track has any data, so there is no lecture to finish", lecture_dir.display())]
    NothingRecorded {
        /// The lecture's folder.
        lecture_dir: PathBuf,
    },
    /// The disk is full, or a quota or file size limit is reached. Transient: finishing can be
    /// tried again when there is room.
    #[error(
        "{}: no room for the finished lecture ({needed_bytes} bytes for this file); free space on this disk or \
         raise the quota, then retry",
        path.display()
    )]
    Full {
        /// The file that did not fit.
        path: PathBuf,
        /// Its full size.
        needed_bytes: u64,
        /// What the system said.
        source: io::Error,
    },
    /// The system refused something else. Transient: a retry may succeed.
    #[error("{}: could not {action}; check the disk and the folder's permissions, then retry", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file that was just written does not read back as it should. The disk altered it, or
    /// this program is wrong. Transient the first time, a bug when it repeats.
    #[error("{}: read back after writing, {why}; check the disk, then retry", path.display())]
    Check {
        /// The file, under its `.part` name.
        path: PathBuf,
        /// What does not fit.
        why: String,
    },
    /// The caller asked to stop. Transient: nothing was left behind.
    #[error("finishing was stopped before it was done")]
    Stopped,
}

impl FinishError {
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io {
            action,
            path: path.to_owned(),
            source,
        }
    }

    /// For errors of writing a file of `needed_bytes`: a full disk is told apart.
    pub(crate) fn write(path: &Path, needed_bytes: u64) -> impl FnOnce(io::Error) -> Self {
        move |source| {
            let path = path.to_owned();
            match source.raw_os_error().map(Errno::from_raw) {
                Some(Errno::ENOSPC | Errno::EDQUOT | Errno::EFBIG) => Self::Full {
                    path,
                    needed_bytes,
                    source,
                },
                _ => Self::Io {
                    action: "write it",
                    path,
                    source,
                },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_says_what_to_do() {
        for errno in [Errno::ENOSPC, Errno::EDQUOT, Errno::EFBIG] {
            let error = FinishError::write(Path::new("/x/lecture.mp4.part"), 7)(errno.into());
            assert_eq!(
                error.to_string(),
                "/x/lecture.mp4.part: no room for the finished lecture (7 bytes for this file); free space on \
                 this disk or raise the quota, then retry"
            );
        }
        let error = FinishError::write(Path::new("/x"), 7)(Errno::EIO.into());
        assert!(matches!(error, FinishError::Io { .. }));
    }
}
