//! The blocking file work of a folder platform, on tokio's blocking pool.
//!
//! Every step is safe to be cut or to run twice: a block is always written at its own place, a
//! sync can be repeated, and the rename happens at most once because the part is then gone.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};
use tokio::sync::mpsc;

use super::place::{Place, obstacle};
use crate::contents;
use crate::fault::Fault;
use crate::parcel::{Halt, Parcel};

/// Written bytes that may wait in memory before they are forced to the disk: a slow stick must
/// not fill the memory of a machine that records.
const DIRTY_BYTES: u64 = 16 * 1024 * 1024;

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

/// How many of the part's first `length` bytes may be kept: all, when they are the same as ours,
/// else none. A destination that lost power may have the length without the bytes.
pub(super) async fn agreeing(parcel: &Parcel<'_>, part: &Path, length: u64) -> Result<u64, Fault> {
    let there = contents::sha256_of(part, length)
        .await
        .map_err(|error| obstacle("read", part, &error))?;
    let here = contents::sha256_of(&parcel.file.path, length)
        .await
        .map_err(|error| obstacle("read", &parcel.file.path, &error))?;
    Ok(if there == here { length } else { 0 })
}

/// Writes everything from `from` on, and syncs it.
pub(super) async fn append(parcel: &Parcel<'_>, part: &Path, from: u64, idle: Duration) -> Result<(), Fault> {
    let blocks = parcel.contents.blocks(from, parcel.file.size_bytes).await?;
    let moved = Arc::new(AtomicU64::new(from));
    let work = {
        let (part, moved) = (part.to_owned(), Arc::clone(&moved));
        // Ends by itself when this future is dropped: the frames then end.
        let (gate, frames) = relay(blocks.frames);
        let written = blocking(move || {
            write_all(&part, from, frames, &moved).map_err(|error| obstacle("write", &part, &error))
        });
        async move {
            let (written, ()) = tokio::join!(written, gate);
            written
        }
    };
    let written = parcel.watched(work, &moved, Some(idle)).await;
    parcel.contents.keep(blocks.reader).await?;
    match written {
        Ok(written) => written,
        Err(Halt::Stopped) => Err(Fault::Stopped),
        Err(Halt::Stalled) => Err(Fault::later(format!(
            "{} took no byte for {} s.",
            part.display(),
            idle.as_secs_f32()
        ))),
    }
}

/// Forwards frames inside the caller's future, so that dropping it ends the writer's stream. The
/// channel holds one block.
fn relay(mut from: mpsc::Receiver<Bytes>) -> (impl Future<Output = ()>, mpsc::Receiver<Bytes>) {
    let (sender, to) = mpsc::channel(1);
    let gate = async move {
        while let Some(block) = from.recv().await {
            if sender.send(block).await.is_err() {
                return;
            }
        }
    };
    (gate, to)
}

fn write_all(part: &Path, from: u64, mut frames: mpsc::Receiver<Bytes>, moved: &AtomicU64) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).open(part)?;
    file.set_len(from)?;
    file.seek(SeekFrom::Start(from))?;
    let mut dirty = 0;
    while let Some(block) = frames.blocking_recv() {
        file.write_all(&block)?;
        dirty += block.len() as u64;
        if dirty >= DIRTY_BYTES {
            file.sync_data()?;
            dirty = 0;
        }
        moved.fetch_add(block.len() as u64, Ordering::Relaxed);
    }
    file.sync_all()
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
    let found = contents::sha256_of(part, size)
        .await
        .map_err(|error| obstacle("read", part, &error))?;
    Ok(found == parcel.file.sha256)
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
fn sync_folder(folder: &Path) -> Result<(), Fault> {
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

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(died) => Err(Fault::doubt(format!("The file work broke off: {died}."))),
    }
}
