//! One process per spool: flock on `lectern.lock`, held for the life of the store.
//!
//! The kernel drops the lock with the process, however it ends; the process id in the file is
//! for the message only.

#![allow(
    clippy::disallowed_methods,
    reason = "the lock is taken before anything else may write"
)]

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;

use crate::error::OpenError;
use crate::layout::Layout;

/// The lock; dropped, it is free.
#[derive(Debug)]
pub(crate) struct SpoolLock {
    _file: File,
}

/// Takes the lock or names its holder. Does not wait.
pub(crate) fn take(layout: &Layout) -> Result<SpoolLock, OpenError> {
    let path = layout.lock();
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o640)
        .open(&path)
        .map_err(OpenError::io(&path, "opened"))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            let known = file.read_to_string(&mut holder).is_ok() && !holder.trim().is_empty();
            let holder = if known {
                holder.trim().to_owned()
            } else {
                "?".to_owned()
            };
            return Err(OpenError::Locked {
                path: layout.root().to_owned(),
                holder,
            });
        }
        Err(TryLockError::Error(error)) => return Err(OpenError::io(&path, "locked")(error)),
    }
    let written = file
        .set_len(0)
        .and_then(|()| file.seek(SeekFrom::Start(0)))
        .and_then(|_| file.write_all(format!("{}\n", std::process::id()).as_bytes()));
    if let Err(error) = written {
        // A full disk must not keep the daemon from starting; the lock itself holds.
        tracing::warn!(path = %path.display(), %error, "the process id was not written into the lock");
    }
    Ok(SpoolLock { _file: file })
}
