//! Lectures of any size, without recording for hours.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::room::{Room, sha256};

/// Makes the finished file of a lecture as large as asked, while the daemon does not run: by a
/// `free` box at its end, which every player skips. Returns where it is and its SHA-256.
///
/// # Panics
/// When the file is larger already, or cannot be written.
pub fn grow(room: &Room, lecture: &str, to_bytes: u64) -> (PathBuf, String) {
    let path = room.lecture_dir(lecture).join("finished/lecture.mp4");
    pad(&path, to_bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let hash = sha256(&path);
    // The hashes of its parts are taken at the first reading, as for a lecture of an earlier version.
    room.sql(&format!(
        "UPDATE files SET size_bytes = {to_bytes}, sha256 = '{hash}', parts = x''
         WHERE name = 'lecture.mp4' AND lecture = '{lecture}'"
    ));
    (path, hash)
}

/// The body neither compresses nor repeats.
fn pad(path: &Path, to_bytes: u64) -> std::io::Result<()> {
    let mut file = File::options().write(true).open(path)?;
    let size = file.seek(SeekFrom::End(0))?;
    let body = usize::try_from(to_bytes - size).expect("a size of this machine");
    let declared = u32::try_from(body).expect("a box of less than 4 GiB");
    file.write_all(&declared.to_be_bytes())?;
    file.write_all(b"free")?;
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut left = body - 8;
    let mut block = vec![0u8; 1 << 20];
    while left > 0 {
        for word in block.chunks_exact_mut(8) {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            word.copy_from_slice(&state.to_le_bytes());
        }
        let now = left.min(block.len());
        file.write_all(&block[..now])?;
        left -= now;
    }
    file.sync_all()
}
