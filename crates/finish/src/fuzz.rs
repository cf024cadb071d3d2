//! The entry for the fuzz target of `tests/fuzz`, and the replay of its seeds (P2, P10).

use std::fs::File;
use std::io::Write;

use nix::sys::memfd::{MFdFlags, memfd_create};

use crate::mp4::verify::verify;
use crate::scan::scan;

/// A segment file as the store left it, or a finished file that somebody damaged.
///
/// # Panics
/// When a sample is said to lie outside the file.
pub fn recording(bytes: &[u8]) {
    let memory = memfd_create("recording", MFdFlags::MFD_CLOEXEC).expect("Linux gives files in memory");
    let mut file = File::from(memory);
    file.write_all(bytes).expect("memory takes a small file");
    let found = scan(&file).expect("memory can be read");
    for part in &found.parts {
        for sample in &part.samples {
            let end = sample.offset.checked_add(u64::from(sample.size));
            assert!(
                end.is_some_and(|end| end <= bytes.len() as u64),
                "{sample:?} lies outside"
            );
        }
        for other in &found.parts {
            drop(part.init.entry.joined(&other.init.entry));
        }
        drop(part.init.entry.in_band());
    }
    for tracks in 1..3 {
        drop(verify(&file, tracks));
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    #[test]
    fn p10_every_seed_of_a_recording_is_scanned() {
        let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz/seeds");
        let mut seen = 0;
        for target in ["segment", "recording"] {
            for seed in std::fs::read_dir(seeds.join(target)).unwrap() {
                super::recording(&std::fs::read(seed.unwrap().path()).unwrap());
                seen += 1;
            }
        }
        assert!(seen > 0, "there are no seeds");
    }
}
