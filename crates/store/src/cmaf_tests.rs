//! The box walker on files cut anywhere and on noise.

use std::path::{Path, PathBuf};

use crate::cmaf::{Survey, is_sound, is_vacant, survey};
use crate::disk::Disk;
use crate::disk::scripted_tests::ScriptedDisk;
use crate::test_cmaf::{CHUNK_NS, CHUNK_TICKS, chunk, init};

fn look(bytes: &[u8]) -> Option<Survey> {
    let mut disk = ScriptedDisk::new();
    let path = PathBuf::from("/a/b");
    disk.0.lock().unwrap().files.insert(path.clone(), bytes.to_vec());
    let mut file = disk.open(Path::new("/a/b")).unwrap();
    survey(&mut disk, &mut file).unwrap()
}

#[test]
fn p2_a_file_cut_at_any_byte_keeps_every_whole_fragment() {
    let head = init(b"vide");
    let chunks: Vec<Vec<u8>> = (0..3).map(|n| chunk((7 + n) * CHUNK_TICKS, 3)).collect();
    let whole = [&head[..], &chunks.concat()].concat();
    let mut ends = vec![head.len()];
    for chunk in &chunks {
        ends.push(ends.last().unwrap() + chunk.len());
    }
    for cut in 0..=whole.len() {
        let fragments = ends[1..].iter().filter(|end| **end <= cut).count();
        let expected = (fragments > 0).then(|| Survey {
            good_bytes: ends[fragments] as u64,
            fragments: u32::try_from(fragments).unwrap(),
            start_ns: 7 * CHUNK_NS,
            end_ns: (7 + fragments as u64) * CHUNK_NS,
        });
        assert_eq!(look(&whole[..cut]), expected, "cut at {cut}");
    }
}

#[test]
fn a_length_that_reached_the_disk_before_its_bytes_is_a_torn_tail() {
    let whole = [&init(b"soun")[..], &chunk(0, 1)].concat();
    let good = whole.len() as u64;
    let mut zeros = whole.clone();
    zeros.extend_from_slice(&[0; 5_000]);
    assert_eq!(look(&zeros).unwrap().good_bytes, good);
    // The index made it, its media did not.
    let next = chunk(CHUNK_TICKS, 1);
    let mdat = next.windows(4).position(|name| name == b"mdat").unwrap() + 4;
    let mut blank = [whole, next.clone()].concat();
    let from = usize::try_from(good).unwrap() + mdat;
    blank[from..].fill(0);
    assert_eq!(look(&blank).unwrap().good_bytes, good);
}

#[test]
fn the_last_bytes_of_media_that_did_not_reach_the_disk_cost_their_fragment() {
    let whole = [&init(b"soun")[..], &chunk(0, 1)].concat();
    let big = |media: &[u8]| {
        let mut next = chunk(CHUNK_TICKS, 1);
        let mdat = next.windows(4).position(|name| name == b"mdat").unwrap() - 4;
        next.truncate(mdat);
        let length = u32::try_from(media.len() + 8).unwrap();
        [&whole[..], &next, &length.to_be_bytes(), b"mdat", media].concat()
    };
    let mut media = vec![7; 5_000];
    assert_eq!(look(&big(&media)).unwrap().fragments, 2);
    media[4_096..].fill(0);
    assert_eq!(look(&big(&media)).unwrap().fragments, 1);
}

#[test]
fn p6_only_a_file_that_never_held_media_is_vacant() {
    let head = init(b"vide");
    let zeros = [&head[..], &[0; 4_096]].concat();
    let torn_media = [&head[..], &chunk(0, 1)[..9]].concat();
    let zeros_then_media = [&[0; 4_096], &chunk(0, 1)[..]].concat();
    let table: [(&str, &[u8], bool); 8] = [
        ("empty", b"", true),
        ("its header", &head, true),
        ("a part of its header", &head[..head.len() - 5], true),
        ("a length without bytes", &zeros[head.len()..], true),
        ("its header and a length without bytes", &zeros, true),
        ("the beginning of a chunk", &torn_media, false),
        ("something after zeros", &zeros_then_media, false),
        ("a stranger", b"not a box", false),
    ];
    for (name, bytes, vacant) in table {
        let mut disk = ScriptedDisk::new();
        let path = PathBuf::from("/a/b");
        disk.0.lock().unwrap().files.insert(path.clone(), bytes.to_vec());
        let mut file = disk.open(&path).unwrap();
        assert_eq!(is_vacant(&mut disk, &mut file).unwrap(), vacant, "{name}");
    }
}

#[test]
fn the_handler_tells_sound_from_pictures() {
    for (handler, sound) in [(b"soun", true), (b"vide", false)] {
        let mut disk = ScriptedDisk::new();
        disk.0
            .lock()
            .unwrap()
            .files
            .insert(PathBuf::from("/a/b"), init(handler).to_vec());
        let mut file = disk.open(Path::new("/a/b")).unwrap();
        assert_eq!(is_sound(&mut disk, &mut file).unwrap(), Some(sound));
    }
}

proptest::proptest! {
    #[test]
    fn p10_no_bytes_make_the_walker_panic_or_run_on(
        flips in proptest::collection::vec((0usize..600, proptest::num::u8::ANY), 0..20),
        noise in proptest::collection::vec(proptest::num::u8::ANY, 0..64),
    ) {
        let mut bytes = [&init(b"vide")[..], &chunk(0, 9), &chunk(CHUNK_TICKS, 10), &noise].concat();
        for (at, value) in flips {
            let at = at % bytes.len();
            bytes[at] = value;
        }
        let size = bytes.len() as u64;
        if let Some(survey) = look(&bytes) {
            proptest::prop_assert!(survey.good_bytes <= size && survey.start_ns <= survey.end_ns);
        }
    }
}
