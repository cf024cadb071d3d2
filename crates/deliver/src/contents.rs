//! Our copy of a file, part by part, each proven unchanged before a byte of it is given out.
//!
//! While a lecture is finished, the SHA-256 of each part of a file is taken with that of the whole.
//! A part is read into memory, hashed there and compared, and only this memory is sent: what the
//! disk lost since then never leaves the machine. All parts proven is the whole file proven. Files
//! of which no parts are known, finished by an older version, are hashed once in whole first; that
//! pass learns their parts.

use std::io;
use std::ops::Range;
use std::path::PathBuf;

use bytes::Bytes;
use lectern_domain::delivery::DeliveryFile;
use lectern_domain::finished::PART_BYTES;
use tokio::sync::{Mutex, OnceCell, mpsc};
use tokio::task::JoinHandle;

use crate::fault::Fault;
use crate::reading::{self, Digest, Piece, hex, unhex};

/// One frame on the wire.
const FRAME_BYTES: usize = 128 * 1024;

/// A finished file on our disk.
pub(crate) struct Contents {
    path: PathBuf,
    size_bytes: u64,
    sha256: String,
    /// As they were stored with the lecture.
    stored: Option<Vec<Digest>>,
    /// As they are known in this run.
    digests: OnceCell<Vec<Digest>>,
    held: Mutex<Held>,
}

/// What is in memory: at most two parts.
#[derive(Default)]
struct Held {
    /// The last part that was given out.
    present: Option<(u64, Bytes)>,
    /// The next one, being read.
    ahead: Option<(u64, JoinHandle<io::Result<Piece>>)>,
}

impl Contents {
    pub(crate) fn new(file: &DeliveryFile) -> Self {
        let stored: Option<Vec<Digest>> = file.parts.iter().map(|part| unhex(part)).collect();
        let whole = |parts: &Vec<Digest>| parts.len() as u64 == file.size_bytes.div_ceil(PART_BYTES);
        Self {
            path: file.path.clone(),
            size_bytes: file.size_bytes,
            sha256: file.sha256.clone(),
            stored: stored.filter(whole),
            digests: OnceCell::new(),
            held: Mutex::default(),
        }
    }

    /// How many parts it has; an empty file has none.
    pub(crate) fn part_count(&self) -> u64 {
        self.size_bytes.div_ceil(PART_BYTES)
    }

    /// Which bytes of the file a part is. The last may be shorter.
    pub(crate) fn part_range(&self, index: u64) -> Range<u64> {
        let from = index * PART_BYTES;
        from..(from + PART_BYTES).min(self.size_bytes)
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

    /// The SHA-256 of each part. The first call may have to read the whole file.
    pub(crate) async fn digests(&self) -> Result<&[Digest], Fault> {
        let known = self.digests.get_or_try_init(async || match &self.stored {
            Some(stored) if self.size_bytes > 0 => Ok(stored.clone()),
            Some(_) | None => self.learn().await,
        });
        Ok(known.await?)
    }

    /// A part, read into memory and found to be what was finished. The next one is read meanwhile.
    ///
    /// # Errors
    /// [`Fault::NeedsPerson`] when it is another: then no byte of it was given out.
    pub(crate) async fn part(&self, index: u64) -> Result<Bytes, Fault> {
        let digests = self.digests().await?;
        let mut held = self.held.lock().await;
        if let Some((_, bytes)) = held.present.as_ref().filter(|(at, _)| *at == index) {
            return Ok(bytes.clone());
        }
        held.present = None;
        let reading = match held.ahead.take() {
            Some((at, reading)) if at == index => reading,
            Some(_) | None => self.begin(index),
        };
        let (bytes, digest) = match reading.await.unwrap_or_else(|died| Err(io::Error::other(died))) {
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                self.check_size().await?;
                return Err(self.unreadable(&error));
            }
            Err(error) => return Err(self.unreadable(&error)),
        };
        if usize::try_from(index).ok().and_then(|at| digests.get(at)) != Some(&digest) {
            return Err(self.rotten(index));
        }
        held.present = Some((index, bytes.clone()));
        if index + 1 < self.part_count() {
            held.ahead = Some((index + 1, self.begin(index + 1)));
        }
        Ok(bytes)
    }

    /// A range that lies within one part: a slice of what [`Contents::part`] gives.
    pub(crate) async fn slice(&self, range: Range<u64>) -> Result<Bytes, Fault> {
        if range.is_empty() {
            return Ok(Bytes::new());
        }
        let index = range.start / PART_BYTES;
        let start = self.part_range(index).start;
        let part = self.part(index).await?;
        let within = |at: u64| usize::try_from(at - start).expect("a part fits into memory");
        Ok(part.slice(within(range.start)..within(range.end)))
    }

    /// The SHA-256 of a range, if it is just one part.
    pub(crate) async fn digest_of(&self, range: Range<u64>) -> Result<Option<&Digest>, Fault> {
        let index = range.start / PART_BYTES;
        if range.is_empty() || self.part_range(index) != range {
            return Ok(None);
        }
        let digests = self.digests().await?;
        Ok(usize::try_from(index).ok().and_then(|at| digests.get(at)))
    }

    /// Where the part that holds this byte ends.
    pub(crate) fn part_end(&self, offset: u64) -> u64 {
        self.part_range(offset / PART_BYTES).end
    }

    fn begin(&self, index: u64) -> JoinHandle<io::Result<Piece>> {
        let Range { start, end } = self.part_range(index);
        reading::begin(self.path.clone(), start, end - start)
    }

    /// Hashes the whole file, and only if it is the one that was finished gives its parts.
    async fn learn(&self) -> Result<Vec<Digest>, Fault> {
        self.check_size().await?;
        let hashes = reading::hashes_of(&self.path, self.size_bytes)
            .await
            .map_err(|error| self.unreadable(&error))?;
        let sha256 = hex(&hashes.whole);
        if sha256 == self.sha256 {
            Ok(hashes.parts)
        } else {
            Err(self.changed(&format!("its SHA-256 is {sha256} and was {}", self.sha256)))
        }
    }

    fn rotten(&self, index: u64) -> Fault {
        let Range { start, end } = self.part_range(index);
        self.changed(&format!(
            "part {} of {} (bytes {start} to {}) has another SHA-256 than when the lecture was finished",
            index + 1,
            self.part_count(),
            end - 1
        ))
    }

    fn changed(&self, how: &str) -> Fault {
        Fault::person(
            format!(
                "The finished file {} changed on this machine's disk: {how}.",
                self.path.display()
            ),
            "What changed was not sent. Check the disk; if the file was changed on purpose, finish the lecture again.",
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

/// A piece of a file as frames of a request's body, so that a connection takes it little by
/// little. The channel holds all of them and is closed.
pub(crate) fn frames(mut piece: Bytes) -> mpsc::Receiver<Bytes> {
    let (sender, frames) = mpsc::channel(piece.len().div_ceil(FRAME_BYTES).max(1));
    while !piece.is_empty() {
        let frame = piece.split_to(piece.len().min(FRAME_BYTES));
        sender
            .try_send(frame)
            .expect("the channel has room for every frame");
    }
    frames
}

#[cfg(test)]
mod tests {
    use lectern_domain::delivery::FilePhase;
    use lectern_domain::finished::FileRole;

    use super::*;

    const SIZE: u64 = 2 * PART_BYTES + 1000;

    async fn file(dir: &std::path::Path, parts: bool) -> DeliveryFile {
        let path = dir.join("lecture.mp4");
        let bytes: Vec<u8> = (0..SIZE).map(|at| (at % 253) as u8).collect();
        std::fs::write(&path, bytes).unwrap();
        let hashes = reading::hashes_of(&path, SIZE).await.unwrap();
        DeliveryFile {
            name: "lecture.mp4".to_owned(),
            path,
            role: FileRole::Lecture,
            size_bytes: SIZE,
            sha256: hex(&hashes.whole),
            parts: hashes
                .parts
                .iter()
                .filter(|_| parts)
                .map(|part| hex(part))
                .collect(),
            duration_ms: None,
            content_type: "video/mp4".to_owned(),
            phase: FilePhase::Pending,
        }
    }

    fn rot(file: &DeliveryFile, at: u64) {
        let mut bytes = std::fs::read(&file.path).unwrap();
        bytes[usize::try_from(at).unwrap()] ^= 1;
        std::fs::write(&file.path, bytes).unwrap();
    }

    #[tokio::test]
    async fn parts_are_given_in_any_order_and_slices_within_them() {
        let dir = tempfile::tempdir().unwrap();
        for parts in [true, false] {
            let file = file(dir.path(), parts).await;
            let (contents, bytes) = (Contents::new(&file), std::fs::read(&file.path).unwrap());
            for index in [0, 1, 2, 2, 0] {
                let Range { start, end } = contents.part_range(index);
                let range = usize::try_from(start).unwrap()..usize::try_from(end).unwrap();
                assert_eq!(contents.part(index).await.unwrap(), bytes[range]);
            }
            let slice = contents.slice(PART_BYTES + 5..PART_BYTES + 9).await.unwrap();
            let at = usize::try_from(PART_BYTES).unwrap();
            assert_eq!(slice, bytes[at + 5..at + 9]);
            assert_eq!(contents.part_end(PART_BYTES), 2 * PART_BYTES);
            assert_eq!(contents.part_end(SIZE - 1), SIZE);
        }
    }

    #[tokio::test]
    async fn p6_a_part_that_rotted_is_named_and_never_given_out() {
        let dir = tempfile::tempdir().unwrap();
        let file = file(dir.path(), true).await;
        rot(&file, PART_BYTES + 77);
        let contents = Contents::new(&file);
        contents.part(0).await.unwrap();
        let fault = contents.part(1).await.unwrap_err();
        assert!(matches!(fault, Fault::NeedsPerson { .. }), "{fault:?}");
        let range = format!("part 2 of 3 (bytes {PART_BYTES} to {})", 2 * PART_BYTES - 1);
        assert!(fault.to_string().contains(&range), "{fault}");
        contents.part(2).await.unwrap();
    }

    #[tokio::test]
    async fn a_file_whose_parts_are_unknown_is_proven_in_whole_before_its_first_byte() {
        let dir = tempfile::tempdir().unwrap();
        let mut file = file(dir.path(), false).await;
        file.parts = vec!["not hex".to_owned(); 3];
        rot(&file, SIZE - 1);
        let fault = Contents::new(&file).part(0).await.unwrap_err();
        assert!(fault.to_string().contains("its SHA-256 is"), "{fault}");
    }

    #[tokio::test]
    async fn frames_are_the_piece_in_order() {
        let piece = Bytes::from_iter((0..300_000u32).map(|at| (at % 251) as u8));
        let mut frames = frames(piece.clone());
        let mut joined = Vec::new();
        while let Some(frame) = frames.recv().await {
            assert!(frame.len() <= FRAME_BYTES);
            joined.extend_from_slice(&frame);
        }
        assert_eq!(joined, piece);
    }
}
