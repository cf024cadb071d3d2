//! The hashes of a finished file's parts, between lower-case hex and the packed column.
//!
//! Packed they take 32 bytes for 8 MiB of lecture; as rows of their own they would take four
//! times that, and ten thousand of them come and go with each look at a large file.

use std::fmt::Write as _;

use rusqlite::Row;

use super::rows::unknown;

/// Bytes of a SHA-256.
const DIGEST_BYTES: usize = 32;

/// For the column.
///
/// # Errors
/// One of them is no SHA-256 in hex; it is named.
pub(super) fn pack(parts: &[String]) -> rusqlite::Result<Vec<u8>> {
    let mut packed = Vec::with_capacity(parts.len() * DIGEST_BYTES);
    for part in parts {
        let digest = digest(part).ok_or_else(|| unknown(part.clone(), "files.parts"))?;
        packed.extend(digest);
    }
    Ok(packed)
}

/// From the column.
pub(super) fn get_parts(row: &Row<'_>) -> rusqlite::Result<Vec<String>> {
    let packed: Vec<u8> = row.get("parts")?;
    Ok(packed.chunks_exact(DIGEST_BYTES).map(hex).collect())
}

fn hex(digest: &[u8]) -> String {
    let mut text = String::with_capacity(2 * DIGEST_BYTES);
    for byte in digest {
        write!(text, "{byte:02x}").expect("writing to a string cannot fail");
    }
    text
}

fn digest(hex: &str) -> Option<[u8; DIGEST_BYTES]> {
    if hex.len() != 2 * DIGEST_BYTES || !hex.is_ascii() {
        return None;
    }
    let mut digest = [0; DIGEST_BYTES];
    for (at, byte) in digest.iter_mut().enumerate() {
        *byte = u8::from_str_radix(hex.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_go_in_and_come_out_and_nothing_else_goes_in() {
        let parts: Vec<String> = (0..3_u8).map(|n| hex(&[n.wrapping_mul(97); 32])).collect();
        let packed = pack(&parts).unwrap();
        assert_eq!(packed.len(), 96);
        let back: Vec<String> = packed.chunks_exact(DIGEST_BYTES).map(hex).collect();
        assert_eq!(back, parts);
        assert_eq!(pack(&[]).unwrap(), Vec::<u8>::new());
        for wrong in ["", "ab", &"g".repeat(64), &"ä".repeat(32)] {
            assert!(pack(&[wrong.to_owned()]).is_err(), "{wrong}");
        }
    }
}
