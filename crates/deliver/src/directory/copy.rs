//! The blocking file work of a folder platform, on tokio's blocking pool.
//!
//! Every step is safe to be cut or to run twice: a block is always written at its own place, a
//! sync can be repeated, and the rename happens at most once because the part is then gone.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};

use super::place::{Place, obstacle};
use crate::fault::Fault;
use crate::parcel::{Halt, Parcel};
use crate::reading;

/// One write.
const BLOCK_BYTES: usize = 128 * 1024;
/// One step on a folder takes no longer, or its server is away: a mount of NFS keeps whoever asks
/// until the server is back, and meanwhile no other platform would be served. A server that was
/// restarted answers after 90 s at the latest.
pub(super) const LONGEST_STEP: Duration = Duration::from_secs(120);

/// Makes the lecture's folder and the empty part, and syncs what names them.
pub(super) async fn create(place: &Place, root: Option<&Path>) -> Result<(), Fault> {
    let (folder, part, root) = (place.folder.clone(), place.part.clone(), root.map(Path::to_owned));
    blocking(move || {
        if let Some(root) = root {
            std::fs::create_dir_all(&root).map_err(|error| obstacle("make the folder", &root, &error))?;
        }
        match std::fs::create_dir(&folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(obstacle("make the folder", &folder, &error));
            }
            Ok(()) | Err(_) => sync_folder(folder.parent().unwrap_or(&folder))?,
        }
        let file = OpenOptions::new().create(true).append(true).open(&part);
        file.and_then(|file| file.sync_all())
            .map_err(|error| obstacle("write", &part, &error))?;
        sync_folder(&folder)
    })
    .await
}

/// How many of the part's first `length` bytes may be kept: up to the first part of the file that
/// is not as it was finished. A destination that lost power may have the length without the bytes.
pub(super) async fn agreeing(parcel: &Parcel<'_>, part: &Path, length: u64) -> Result<u64, Fault> {
    let digests = parcel.contents.digests().await?;
    let mut at = 0;
    for (index, digest) in (0..).zip(digests) {
        let Range { start, end } = parcel.contents.part_range(index);
        let end = end.min(length);
        if start >= end {
            break;
        }
        let (there, found) = answered(reading::begin(part.to_owned(), start, end - start))
            .await?
            .unwrap_or_else(|died| Err(io::Error::other(died)))
            .map_err(|error| obstacle("read", part, &error))?;
        let same = if end == parcel.contents.part_range(index).end {
            found == *digest
        } else {
            there == parcel.contents.slice(start..end).await?
        };
        if !same {
            break;
        }
        at = end;
    }
    Ok(at)
}

/// Writes everything from `from` on, and syncs it.
pub(super) async fn append(parcel: &Parcel<'_>, part: &Path, from: u64, idle: Duration) -> Result<(), Fault> {
    let size = parcel.file.size_bytes;
    let moved = Arc::new(AtomicU64::new(from));
    let work = async {
        cut(part, from).await?;
        let mut at = from;
        while at < size {
            let end = parcel.contents.part_end(at);
            let bytes = parcel.contents.slice(at..end).await?;
            write(part, at, bytes, Arc::clone(&moved)).await?;
            at = end;
        }
        Ok(())
    };
    match parcel.watched(work, &moved, Some(idle)).await {
        Ok(written) => written,
        Err(Halt::Stopped) => Err(Fault::Stopped),
        Err(Halt::Stalled) => Err(Fault::later(format!(
            "{} took no byte for {} s.",
            part.display(),
            idle.as_secs_f32()
        ))),
    }
}

async fn cut(part: &Path, length: u64) -> Result<(), Fault> {
    let part = part.to_owned();
    blocking(move || {
        let file = OpenOptions::new().write(true).open(&part);
        file.and_then(|file| file.set_len(length))
            .map_err(|error| obstacle("write", &part, &error))
    })
    .await
}

/// Writes at most one part of the file and forces it to the disk: a slow stick must not fill the
/// memory of a machine that records. When the future is dropped, the writing goes on to its end;
/// the same bytes at the same place do no harm to whoever writes there next.
async fn write(part: &Path, at: u64, bytes: Bytes, moved: Arc<AtomicU64>) -> Result<(), Fault> {
    let part = part.to_owned();
    blocking(move || {
        let written = || {
            let mut file = OpenOptions::new().write(true).open(&part)?;
            file.seek(SeekFrom::Start(at))?;
            for block in bytes.chunks(BLOCK_BYTES) {
                file.write_all(block)?;
                moved.fetch_add(block.len() as u64, Ordering::Relaxed);
            }
            file.sync_all()
        };
        written().map_err(|error| obstacle("write", &part, &error))
    })
    .await
}

/// Whether the part, read from the disk and not from memory, is the finished file.
pub(super) async fn reads_back(parcel: &Parcel<'_>, part: &Path) -> Result<bool, Fault> {
    let path = part.to_owned();
    blocking(move || {
        let file = OpenOptions::new().write(true).open(&path);
        file.and_then(|file| forget(&file))
            .map_err(|error| obstacle("write", &path, &error))
    })
    .await?;
    let size = parcel.file.size_bytes;
    if super::place::length(part).await? != Some(size) {
        return Ok(false);
    }
    let found = reading::sha256_of(part, size, LONGEST_STEP)
        .await
        .map_err(|error| obstacle("read", part, &error))?;
    Ok(reading::hex(&found) == parcel.file.sha256)
}

/// Syncs a file and drops it from the page cache, so that the next read asks the disk. Network
/// filesystems may ignore the hint.
fn forget(file: &File) -> io::Result<()> {
    file.sync_all()?;
    match posix_fadvise(file, 0, 0, PosixFadviseAdvice::POSIX_FADV_DONTNEED) {
        Ok(()) => {}
        Err(error) => tracing::debug!(%error, "the page cache was not dropped"),
    }
    Ok(())
}

/// Gives the part its final name, which nobody else has.
pub(super) async fn publish(place: &Place) -> Result<(), Fault> {
    if super::place::length(&place.whole).await?.is_some() {
        return Err(place.other_file());
    }
    let (folder, part, whole) = (place.folder.clone(), place.part.clone(), place.whole.clone());
    blocking(move || {
        std::fs::rename(&part, &whole).map_err(|error| obstacle("rename", &part, &error))?;
        sync_folder(&folder)
    })
    .await
}

/// Makes the names in a folder durable. Some network and FUSE filesystems cannot and say so.
pub(super) fn sync_folder(folder: &Path) -> Result<(), Fault> {
    match File::open(folder).and_then(|file| file.sync_all()) {
        Ok(()) => Ok(()),
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported
            ) =>
        {
            Ok(())
        }
        Err(error) => Err(obstacle("sync", folder, &error)),
    }
}

/// Writes a small file, reads it back and takes it away again.
pub(super) async fn try_out(root: &Path) -> Result<(), Fault> {
    const SAID: &[u8] = b"Lectern tries whether it can write here.\n";
    let path = root.join(".lectern-probe");
    blocking(move || {
        let written = std::fs::write(&path, SAID)
            .and_then(|()| OpenOptions::new().write(true).open(&path))
            .and_then(|file| forget(&file));
        let read = written.and_then(|()| std::fs::read(&path));
        let dropped = std::fs::remove_file(&path);
        let read = read.map_err(|error| obstacle("write", &path, &error))?;
        dropped.map_err(|error| obstacle("remove", &path, &error))?;
        if read == SAID {
            Ok(())
        } else {
            Err(Fault::refused(
                format!("{} does not read back as it was written.", path.display()),
                "Check the disk or the share: it loses or changes data.",
            ))
        }
    })
    .await
}

pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    match answered(tokio::task::spawn_blocking(work)).await? {
        Ok(result) => result,
        Err(died) => Err(Fault::doubt(format!("The file work broke off: {died}."))),
    }
}

/// Gives a step up that takes too long. A thread that hangs in the kernel stays there until the
/// folder answers; what it then does is what the next try finds done, or does again.
pub(super) async fn answered<T>(step: impl Future<Output = T>) -> Result<T, Fault> {
    answered_within(LONGEST_STEP, step).await
}

async fn answered_within<T>(limit: Duration, step: impl Future<Output = T>) -> Result<T, Fault> {
    tokio::time::timeout(limit, step).await.map_err(|_| {
        Fault::later(format!(
            "The folder did not answer for {} s: look at the disk, or at the share's server and the way to it.",
            limit.as_secs_f32()
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn p10_a_share_that_never_answers_is_put_off_and_does_not_hold_up_all_others() {
        let (answer, never) = std::sync::mpsc::channel::<()>();
        let hangs = tokio::task::spawn_blocking(move || never.recv().is_err());
        let given_up = answered_within(Duration::from_millis(10), hangs).await;
        drop(answer);
        assert!(
            matches!(&given_up, Err(Fault::Later { happened, .. }) if happened.contains("did not answer for 0.01 s")),
            "{given_up:?}"
        );
    }
}
