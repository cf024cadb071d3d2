//! Small things that every end-to-end test needs.

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

/// A TCP port that was free a moment ago.
///
/// # Errors
/// When the system has none.
pub fn free_port() -> io::Result<u16> {
    Ok(std::net::TcpListener::bind(("127.0.0.1", 0))?
        .local_addr()?
        .port())
}

/// Waits until `condition` holds, looking 50 times a second.
///
/// # Errors
/// When `within` is over; the error names what was waited for.
pub async fn wait_until(
    what: &str,
    within: Duration,
    mut condition: impl FnMut() -> bool,
) -> anyhow::Result<()> {
    let deadline = Instant::now() + within;
    while !condition() {
        anyhow::ensure!(Instant::now() < deadline, "waited {within:?} in vain: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

/// SHA-256 of a whole file, lower-case hex. Blocks.
///
/// # Errors
/// When the file cannot be read.
pub fn sha256_of_file(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut block = vec![0; 128 * 1024];
    loop {
        let read = file.read(&mut block)?;
        if read == 0 {
            return Ok(hex(hash));
        }
        hash.update(&block[..read]);
    }
}

/// Writes `size` bytes that look random but are the same for the same seed, and returns their
/// SHA-256. Blocks.
///
/// # Errors
/// When the file cannot be written.
pub fn noise_file(path: &Path, size: u64, seed: u64) -> io::Result<String> {
    let mut file = BufWriter::with_capacity(128 * 1024, File::create(path)?);
    let mut hash = Sha256::new();
    let mut state = seed.wrapping_mul(2).wrapping_add(1);
    let mut left = size;
    while left > 0 {
        let mut block = [0; 4096];
        for word in block.chunks_exact_mut(8) {
            // xorshift64*: no two blocks of a file are alike, so a misplaced one changes the hash.
            state ^= state >> 12;
            state ^= state << 25;
            state ^= state >> 27;
            word.copy_from_slice(&state.wrapping_mul(0x2545_F491_4F6C_DD1D).to_le_bytes());
        }
        let length = usize::try_from(left).map_or(block.len(), |left| left.min(block.len()));
        file.write_all(&block[..length])?;
        hash.update(&block[..length]);
        left -= length as u64;
    }
    file.into_inner()?.sync_all()?;
    Ok(hex(hash))
}

pub(crate) fn hex(hash: Sha256) -> String {
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
