//! Blocking reads of files, with their SHA-256, on tokio's blocking pool.
//!
//! Whoever drops the future of a long reading ends it at its next block: a share that is slow, or
//! a stop of ours, leaves no thread reading for minutes.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use lectern_domain::finished::PART_BYTES;
use sha2::{Digest as _, Sha256};
use tokio::task::JoinHandle;

/// One read from the disk.
const BLOCK_BYTES: usize = 128 * 1024;

/// A SHA-256.
pub(crate) type Digest = [u8; 32];

/// A piece of a file in memory, and its hash.
pub(crate) type Piece = (Bytes, Digest);

/// The hashes of a whole file.
pub(crate) struct Hashes {
    /// Of the whole.
    pub(crate) whole: Digest,
    /// Of each [`PART_BYTES`].
    pub(crate) parts: Vec<Digest>,
}

/// Begins to read `length` bytes from `from` on; at most one part, which memory is made for. A
/// file that ends before is an error of kind `UnexpectedEof`. Dropping the handle lets the reading
/// end by itself.
pub(crate) fn begin(path: PathBuf, from: u64, length: u64) -> JoinHandle<io::Result<Piece>> {
    tokio::task::spawn_blocking(move || {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(from))?;
        let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or_default());
        file.take(length).read_to_end(&mut bytes)?;
        if bytes.len() as u64 != length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let digest = Sha256::digest(&bytes).into();
        Ok((Bytes::from(bytes), digest))
    })
}

/// The SHA-256 of a file's first `to` bytes. A disk that gives no block within `patience` is an
/// error of kind `TimedOut`. Dropping the future ends the reading.
pub(crate) async fn sha256_of(path: &Path, to: u64, patience: Duration) -> io::Result<Digest> {
    let mut hash = Sha256::new();
    in_blocks(path, to, patience, move |block| match block {
        Some(block) => {
            hash.update(block);
            None
        }
        None => Some(hash.finalize_reset().into()),
    })
    .await
}

/// Both kinds of hashes of a file's first `to` bytes, in one pass. Dropping the future ends it.
pub(crate) async fn hashes_of(path: &Path, to: u64) -> io::Result<Hashes> {
    let (mut whole, mut part, mut parts) = (Sha256::new(), Sha256::new(), Vec::new());
    let mut filled = 0;
    // Our own disk is waited for: there is no lecture without it.
    in_blocks(path, to, Duration::MAX, move |block| {
        if let Some(block) = block {
            whole.update(block);
            part.update(block);
            filled += block.len() as u64;
        }
        // A part is a whole number of blocks.
        if filled == PART_BYTES || (block.is_none() && filled > 0) {
            parts.push(part.finalize_reset().into());
            filled = 0;
        }
        block.is_none().then(|| Hashes {
            whole: whole.finalize_reset().into(),
            parts: std::mem::take(&mut parts),
        })
    })
    .await
}

/// Gives each block of the first `to` bytes to `take`, then `None`, whose answer is the result.
async fn in_blocks<T: Send + 'static>(
    path: &Path,
    to: u64,
    patience: Duration,
    mut take: impl FnMut(Option<&[u8]>) -> Option<T> + Send + 'static,
) -> io::Result<T> {
    let path = path.to_owned();
    let wanted = Arc::new(AtomicU64::new(0));
    let listener: Weak<AtomicU64> = Arc::downgrade(&wanted);
    let mut reading = tokio::task::spawn_blocking(move || {
        let mut file = File::open(path)?;
        let mut block = vec![0; BLOCK_BYTES];
        let mut left = to;
        while left > 0 {
            let Some(blocks) = listener.upgrade() else {
                return Err(io::ErrorKind::Interrupted.into());
            };
            blocks.fetch_add(1, Ordering::Relaxed);
            drop(blocks);
            let length = usize::try_from(left).map_or(BLOCK_BYTES, |left| left.min(BLOCK_BYTES));
            file.read_exact(&mut block[..length])?;
            take(Some(&block[..length]));
            left -= length as u64;
        }
        take(None).ok_or_else(|| io::ErrorKind::InvalidData.into())
    });
    let mut seen = 0;
    loop {
        if let Ok(read) = tokio::time::timeout(patience, &mut reading).await {
            return read.unwrap_or_else(|died| Err(io::Error::other(died)));
        }
        let begun = wanted.load(Ordering::Relaxed);
        if begun == seen {
            return Err(io::ErrorKind::TimedOut.into());
        }
        seen = begun;
    }
}

/// Lower-case hex.
pub(crate) fn hex(digest: &[u8]) -> String {
    use std::fmt::Write;
    digest
        .iter()
        .fold(String::with_capacity(2 * digest.len()), |mut text, byte| {
            write!(text, "{byte:02x}").expect("writing to a string cannot fail");
            text
        })
}

/// A SHA-256 from hex; `None` for anything else.
pub(crate) fn unhex(text: &str) -> Option<Digest> {
    let mut digest = Digest::default();
    let text = text.as_bytes();
    if text.len() != 2 * digest.len() {
        return None;
    }
    for (byte, pair) in digest.iter_mut().zip(text.chunks_exact(2)) {
        let pair = std::str::from_utf8(pair)
            .ok()
            .filter(|pair| !pair.starts_with('+'))?;
        *byte = u8::from_str_radix(pair, 16).ok()?;
    }
    Some(digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn hashes_of_whole_and_parts_come_from_one_pass() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        for size in [0, 1, PART_BYTES - 1, PART_BYTES, PART_BYTES + 1] {
            let bytes: Vec<u8> = (0..size).map(|at| (at * 7 % 251) as u8).collect();
            std::fs::write(&path, &bytes).unwrap();
            let hashes = hashes_of(&path, size).await.unwrap();
            let parts: Vec<Digest> = bytes
                .chunks(usize::try_from(PART_BYTES).unwrap())
                .map(|part| Sha256::digest(part).into())
                .collect();
            assert_eq!(hashes.parts, parts, "{size}");
            assert_eq!(hashes.whole, <Digest>::from(Sha256::digest(&bytes)), "{size}");
            assert_eq!(
                sha256_of(&path, size, Duration::MAX).await.unwrap(),
                hashes.whole,
                "{size}"
            );
        }
        let error = sha256_of(&path, PART_BYTES + 2, Duration::MAX).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }

    #[tokio::test]
    async fn p10_a_disk_that_gives_nothing_is_not_waited_for_for_ever() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pipe");
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        // Opens at once, and there is never anything to read.
        let _keep = File::options().read(true).write(true).open(&path).unwrap();
        let error = sha256_of(&path, 1, Duration::from_millis(10)).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        // Ends the thread that hangs in the pipe.
        std::fs::write(&path, "x").unwrap();
    }

    #[test]
    fn a_digest_survives_hex_and_nothing_else_is_taken_for_one() {
        let digest: Digest = Sha256::digest("x").into();
        assert_eq!(unhex(&hex(&digest)), Some(digest));
        for bad in ["", "ab", &"+1".repeat(32), &"g0".repeat(32), &"é".repeat(32)] {
            assert_eq!(unhex(bad), None, "{bad}");
        }
    }
}
