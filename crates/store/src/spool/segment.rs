//! A segment that is whole on the disk, as a type.
//!
//! [`Durable`] has one maker, [`seal`], and `seal` is fsync of the file and fsync of its folder.
//! The database takes a `closed` row only from a `Durable<Segment>`, so a row that promises more
//! than the disk holds (P1) cannot be written by mistake.

use std::fmt::Write as _;
use std::io;
use std::path::Path;

use lectern_domain::ids::{RunId, SourceName};
use sha2::{Digest, Sha256};

use crate::disk::Disk;

/// What is known of a segment's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    /// The run in which it was recorded.
    pub(crate) run: RunId,
    /// Its track.
    pub(crate) source: SourceName,
    /// Its number in the track, from 1, over all runs.
    pub(crate) number: u32,
    /// Size in bytes.
    pub(crate) bytes: u64,
    /// Of the whole file, lower-case hex.
    pub(crate) sha256: String,
    /// Presentation time of its first sample, nanoseconds of the run.
    pub(crate) start_ns: u64,
    /// Presentation time of its end, nanoseconds of the run.
    pub(crate) end_ns: u64,
    /// Found after a crash, its torn tail cut.
    pub(crate) salvaged: bool,
}

/// Something whose bytes and folder entry survive a power cut.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Durable<T>(T);

impl<T> Durable<T> {
    /// What is durable.
    pub(crate) fn get(&self) -> &T {
        &self.0
    }
}

/// Why a segment could not be sealed.
#[derive(Debug)]
pub(crate) enum SealError {
    /// fsync of the file failed: what is on the disk is unknown, and asking again would lie.
    File(io::Error),
    /// fsync of the folder failed: no entry in it can be trusted.
    Folder(io::Error),
}

/// Makes the file and its entry durable. `segment` must describe the bytes that were written.
pub(crate) fn seal<D: Disk>(
    disk: &mut D,
    file: &mut D::File,
    folder: &Path,
    segment: Segment,
) -> Result<Durable<Segment>, (Segment, SealError)> {
    if let Err(error) = disk.sync_all(file) {
        return Err((segment, SealError::File(error)));
    }
    if let Err(error) = disk.sync_dir(folder) {
        return Err((segment, SealError::Folder(error)));
    }
    Ok(Durable(segment))
}

/// Lower-case hex of a finished hash.
pub(crate) fn hex(hash: Sha256) -> String {
    let digest = hash.finalize();
    let mut text = String::with_capacity(64);
    for byte in digest {
        write!(text, "{byte:02x}").expect("writing to a string cannot fail");
    }
    text
}

/// SHA-256 of the first `len` bytes of a file, and how many bytes there really were.
pub(crate) fn hash_file<D: Disk>(disk: &mut D, file: &mut D::File, len: u64) -> io::Result<(String, u64)> {
    const STRIDE: usize = 256 * 1024;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; STRIDE];
    let mut at = 0;
    while at < len {
        let want = usize::try_from(len - at).unwrap_or(STRIDE).min(STRIDE);
        let got = crate::disk::read_full(disk, file, at, &mut buffer[..want])?;
        if got == 0 {
            break;
        }
        hash.update(&buffer[..got]);
        at += got as u64;
    }
    Ok((hex(hash), at))
}
