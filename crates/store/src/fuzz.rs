//! Entries for the fuzz targets of `tests/fuzz`, and the replay of their seeds (P2, P10).
//!
//! An entry takes any bytes and must come back; what it asserts holds for every input.

use std::fs::File;
use std::io::Write;

use nix::sys::memfd::{MFdFlags, memfd_create};

use crate::cmaf::{Survey, is_sound, is_vacant, survey};
use crate::db::document::Document;
use crate::disk::RealDisk;
use crate::meta::Meta;
use crate::plans::Plans;

/// A segment file as a crash or a stranger left it.
///
/// # Panics
/// When more is called whole than there is, or cutting what is torn changes what is whole.
pub fn segment(bytes: &[u8]) {
    let mut file = memory(bytes);
    let mut disk = RealDisk;
    let mut look = |file: &mut File| -> Option<Survey> {
        is_sound(&mut disk, file).expect("memory can be read");
        is_vacant(&mut disk, file).expect("memory can be read");
        survey(&mut disk, file).expect("memory can be read")
    };
    let Some(found) = look(&mut file) else {
        return;
    };
    assert!(found.good_bytes <= bytes.len() as u64, "{found:?}");
    assert!(
        found.fragments > 0 && u64::from(found.fragments) * 16 <= found.good_bytes,
        "{found:?}"
    );
    assert!(found.start_ns <= found.end_ns, "{found:?}");
    file.set_len(found.good_bytes).expect("memory can be cut");
    assert_eq!(look(&mut file), Some(found), "after the cut");
}

/// `lecture.json`, `plans.json` and `meta.json`.
///
/// # Panics
/// When what was read cannot be written and read again.
pub fn documents(bytes: &[u8]) {
    drop(serde_json::from_slice::<Meta>(bytes));
    if let Ok(plans) = serde_json::from_slice::<Plans>(bytes) {
        let again: Plans = serde_json::from_slice(&plans.to_json()).expect("our own JSON is understood");
        assert_eq!(plans, again);
    }
    let Ok(read) = serde_json::from_slice::<Document>(bytes) else {
        return;
    };
    let written = read.to_json();
    let again: Document = serde_json::from_slice(&written).expect("our own JSON is understood");
    assert_eq!(written, again.to_json());
}

/// A file that lies nowhere.
fn memory(bytes: &[u8]) -> File {
    let memory = memfd_create("segment", MFdFlags::MFD_CLOEXEC).expect("Linux gives files in memory");
    let mut file = File::from(memory);
    file.write_all(bytes).expect("memory takes a small file");
    file
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    fn replay(target: &str, entry: fn(&[u8])) {
        let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz/seeds");
        let mut seen = 0;
        for seed in std::fs::read_dir(seeds.join(target)).unwrap() {
            entry(&std::fs::read(seed.unwrap().path()).unwrap());
            seen += 1;
        }
        assert!(seen > 0, "{target} has no seeds");
    }

    #[test]
    fn p2_every_seed_of_a_segment_is_surveyed() {
        replay("segment", super::segment);
    }

    #[test]
    fn p10_every_seed_of_a_document_is_answered() {
        replay("documents", super::documents);
    }
}
