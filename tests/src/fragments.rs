//! The fragments of a recorded track, by an own reader. ffprobe tells when a picture is shown, not
//! until when: so it cannot tell a picture that a camera left out from one that was lost.

use std::path::Path;

/// One fragment, in ticks of its track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fragment {
    /// When its first sample begins.
    pub start: u64,
    /// When its last one ends.
    pub end: u64,
}

/// The fragments of a track as it was recorded, over all segments in its folder, in order.
///
/// # Panics
/// When the folder cannot be read, or holds anything but whole segments.
#[must_use]
pub fn recorded(track: &Path) -> Vec<Fragment> {
    let mut segments: Vec<_> = std::fs::read_dir(track)
        .expect("the track's folder")
        .map(|entry| entry.expect("a segment").path())
        .collect();
    segments.sort();
    let read = |segment| fragments(&std::fs::read(segment).expect("a segment"));
    segments.iter().flat_map(read).collect()
}

fn fragments(segment: &[u8]) -> Vec<Fragment> {
    boxes(segment)
        .filter(|(kind, _)| kind == b"moof")
        .map(|(_, moof)| {
            let part = only(moof, b"traf");
            let tfdt = only(part, b"tfdt");
            let start = number(if tfdt[0] == 1 { &tfdt[4..12] } else { &tfdt[4..8] });
            let end = start + length(only(part, b"tfhd"), only(part, b"trun"));
            Fragment { start, end }
        })
        .collect()
}

/// What the samples of a fragment last together: each says it, or `tfhd` says it for all.
fn length(tfhd: &[u8], trun: &[u8]) -> u64 {
    let word = |bytes: &[u8], at: usize| number(&bytes[at..at + 4]);
    // Optional fields, each with the bit that says it is there.
    let skipped = |flags: u64, fields: &[(u64, usize)]| -> usize {
        let there = fields.iter().filter(|(bit, _)| flags & bit != 0);
        there.map(|(_, bytes)| bytes).sum()
    };
    let (flags, count) = (number(&trun[1..4]), word(trun, 4));
    if flags & 0x100 == 0 {
        let flags = number(&tfhd[1..4]);
        assert!(flags & 0x8 != 0, "no sample says how long it is");
        return count * word(tfhd, 8 + skipped(flags, &[(0x1, 8), (0x2, 4)]));
    }
    let first = 8 + skipped(flags, &[(0x1, 4), (0x4, 4)]);
    let each = skipped(flags, &[(0x100, 4), (0x200, 4), (0x400, 4), (0x800, 4)]);
    trun[first..]
        .chunks_exact(each)
        .map(|sample| word(sample, 0))
        .sum()
}

fn only<'a>(bytes: &'a [u8], kind: &[u8; 4]) -> &'a [u8] {
    let mut found = boxes(bytes).filter(|(found, _)| found == kind);
    let (_, content) = found.next().expect("the box that it must have");
    assert!(found.next().is_none(), "two boxes where there is one");
    content
}

/// The boxes of one level: kind and content.
fn boxes(mut rest: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    std::iter::from_fn(move || {
        let size = usize::try_from(number(rest.get(..4)?)).expect("32 bits");
        let kind = rest[4..8].try_into().expect("four bytes");
        let content = &rest[8..size];
        rest = &rest[size..];
        Some((kind, content))
    })
}

fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |value, byte| value << 8 | u64::from(*byte))
}
