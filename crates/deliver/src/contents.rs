//! Our copy of a file: read in blocks, hashed as it is read, proven unchanged before the last
//! byte leaves.
//!
//! A file is whole at a platform only when its last piece arrives, so the hash of everything that
//! was sent is compared with the finished file's hash before that piece is sent. After a cut the
//! hash goes on from a recent mark; after a restart the part that the platform already has is
//! read once more from the disk, which costs 0.7 s of CPU for a GiB.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};
use lectern_domain::delivery::DeliveryFile;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::fault::Fault;

/// One frame on the wire and one read from the disk.
pub(crate) const BLOCK_BYTES: usize = 128 * 1024;
/// Blocks read ahead of the network.
const BLOCKS_AHEAD: usize = 4;
/// Distance of two marks.
const MARK_BYTES: u64 = 1024 * 1024;
/// Marks kept: a cut loses at most what the kernel held, which is far less than 64 MiB.
const MARKS: usize = 64;

/// The hash of a file's first bytes.
#[derive(Clone)]
struct Mark {
    offset: u64,
    hash: Sha256,
}

impl Mark {
    fn origin() -> Self {
        Self {
            offset: 0,
            hash: Sha256::new(),
        }
    }
}

/// Blocks of a file in order, and the thread of tokio's blocking pool that reads them. The
/// channel holds [`BLOCKS_AHEAD`] blocks; dropping it ends the thread at the next block.
pub(crate) struct Blocks {
    pub(crate) frames: mpsc::Receiver<Bytes>,
    pub(crate) reader: Reader,
}

/// The reading side: joined for its marks, and for its error if it had one.
pub(crate) struct Reader(JoinHandle<(VecDeque<Mark>, io::Result<()>)>);

/// A finished file on our disk.
pub(crate) struct Contents {
    path: PathBuf,
    size_bytes: u64,
    sha256: String,
    /// Marks of this process's reading, ascending.
    marks: Mutex<VecDeque<Mark>>,
}

impl Contents {
    pub(crate) fn new(file: &DeliveryFile) -> Self {
        Self {
            path: file.path.clone(),
            size_bytes: file.size_bytes,
            sha256: file.sha256.clone(),
            marks: Mutex::default(),
        }
    }

    /// Checks that the file is there and has its size, before anything is promised to a platform.
    pub(crate) async fn check_size(&self) -> Result<(), Fault> {
        match tokio::fs::metadata(&self.path).await {
            Ok(meta) if meta.is_file() && meta.len() == self.size_bytes => Ok(()),
            Ok(meta) => Err(self.changed(&format!(
                "it has {} bytes and had {} when the lecture was finished",
                meta.len(),
                self.size_bytes
            ))),
            Err(error) => Err(self.unreadable(&error)),
        }
    }

    /// The blocks of `from..to`, with the hash brought up to `from` first.
    pub(crate) async fn blocks(&self, from: u64, to: u64) -> Result<Blocks, Fault> {
        let start = self.hashed_to(from).await?;
        Ok(read(self.path.clone(), start, to))
    }

    /// Keeps the marks of a reading that ended, and tells its error. Bytes that the network did
    /// not take are no error.
    pub(crate) async fn keep(&self, reader: Reader) -> Result<(), Fault> {
        let (read, result) = reader.join().await;
        let mut marks = self.marks();
        if let Some(first) = read.front() {
            marks.retain(|mark| mark.offset < first.offset);
        }
        marks.extend(read);
        let surplus = marks.len().saturating_sub(MARKS);
        marks.drain(..surplus);
        drop(marks);
        result.map_err(|error| self.unreadable(&error))
    }

    /// Proves that all that was read is the file that was finished.
    pub(crate) async fn check_hash(&self) -> Result<(), Fault> {
        let whole = self.hashed_to(self.size_bytes).await?;
        let sha256 = hex(whole.hash);
        if sha256 == self.sha256 {
            Ok(())
        } else {
            Err(self.changed(&format!("its SHA-256 is {sha256} and was {}", self.sha256)))
        }
    }

    async fn hashed_to(&self, to: u64) -> Result<Mark, Fault> {
        let best = self.marks().iter().rev().find(|mark| mark.offset <= to).cloned();
        let start = best.unwrap_or_else(Mark::origin);
        if start.offset == to {
            return Ok(start);
        }
        let mut blocks = read(self.path.clone(), start, to);
        while blocks.frames.recv().await.is_some() {}
        self.keep(blocks.reader).await?;
        let last = self.marks().back().cloned();
        Ok(last
            .filter(|mark| mark.offset == to)
            .expect("a reading that ended well ends with a mark at its end"))
    }

    fn marks(&self) -> MutexGuard<'_, VecDeque<Mark>> {
        self.marks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn changed(&self, how: &str) -> Fault {
        Fault::person(
            format!(
                "The finished file {} changed on this machine's disk: {how}.",
                self.path.display()
            ),
            "The last piece was not sent. Check the disk; if the file was changed on purpose, finish the lecture again.",
        )
    }

    fn unreadable(&self, error: &io::Error) -> Fault {
        Fault::person(
            format!(
                "The finished file {} cannot be read: {error}.",
                self.path.display()
            ),
            "Check the spool with `lecternd fsck` and the disk it is on.",
        )
    }
}

impl Reader {
    async fn join(self) -> (VecDeque<Mark>, io::Result<()>) {
        match self.0.await {
            Ok(read) => read,
            Err(died) => (VecDeque::new(), Err(io::Error::other(died))),
        }
    }
}

/// The SHA-256 of a file's first `to` bytes, lower-case hex. Dropping the future ends the reading.
pub(crate) async fn sha256_of(path: &Path, to: u64) -> io::Result<String> {
    let mut blocks = read(path.to_owned(), Mark::origin(), to);
    while blocks.frames.recv().await.is_some() {}
    let (marks, result) = blocks.reader.join().await;
    result?;
    Ok(hex(marks
        .back()
        .map_or_else(Sha256::new, |mark| mark.hash.clone())))
}

fn hex(hash: Sha256) -> String {
    use std::fmt::Write;
    hash.finalize()
        .iter()
        .fold(String::with_capacity(64), |mut text, byte| {
            write!(text, "{byte:02x}").expect("writing to a string cannot fail");
            text
        })
}

fn read(path: PathBuf, start: Mark, to: u64) -> Blocks {
    let (sender, frames) = mpsc::channel(BLOCKS_AHEAD);
    let reader = tokio::task::spawn_blocking(move || {
        let mut marks = VecDeque::from([start]);
        let result = read_into(&path, to, &mut marks, &sender);
        (marks, result)
    });
    Blocks {
        frames,
        reader: Reader(reader),
    }
}

/// Reads and hashes from the last mark to `to`; ends early, and well, when nobody takes the
/// blocks any more.
fn read_into(
    path: &Path,
    to: u64,
    marks: &mut VecDeque<Mark>,
    sender: &mpsc::Sender<Bytes>,
) -> io::Result<()> {
    let Mark { mut offset, mut hash } = marks.back().cloned().unwrap_or_else(Mark::origin);
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(offset))?;
    while offset < to {
        let length = usize::try_from(to - offset).map_or(BLOCK_BYTES, |left| left.min(BLOCK_BYTES));
        let mut block = BytesMut::zeroed(length);
        file.read_exact(&mut block)?;
        hash.update(&block);
        offset += length as u64;
        if offset == to || offset.is_multiple_of(MARK_BYTES) {
            marks.push_back(Mark {
                offset,
                hash: hash.clone(),
            });
            if marks.len() > MARKS {
                marks.pop_front();
            }
        }
        if sender.blocking_send(block.freeze()).is_err() {
            return Ok(());
        }
    }
    Ok(())
}
