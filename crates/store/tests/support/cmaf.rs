//! A tiny CMAF writer: real boxes, made-up media. Shared by the unit tests and the tests of the
//! public API.

#![allow(dead_code, reason = "each test program uses its own part")]
#![allow(
    clippy::unwrap_used,
    reason = "test code; the lint exempts functions marked as tests only"
)]

use std::sync::Arc;

/// Ticks a second of the made-up tracks.
pub(crate) const TIMESCALE: u32 = 1_000;
/// Length of one chunk: 200 ms.
pub(crate) const CHUNK_TICKS: u64 = 200;
/// The same in nanoseconds.
pub(crate) const CHUNK_NS: u64 = 200_000_000;
const SAMPLES: u32 = 4;

fn boxed(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 8).unwrap();
    [&length.to_be_bytes(), kind.as_slice(), body].concat()
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

/// `ftyp` + `moov` of a track whose handler is `vide` or `soun`.
pub(crate) fn init(handler: &[u8; 4]) -> Arc<[u8]> {
    let ftyp = boxed(b"ftyp", b"iso6\0\0\0\0cmfc");
    let mdhd = boxed(b"mdhd", &words(&[0, 0, 0, TIMESCALE, 0, 0]));
    let hdlr = boxed(
        b"hdlr",
        &[&words(&[0, 0]), handler.as_slice(), &words(&[0, 0, 0]), b"\0"].concat(),
    );
    let trak = boxed(b"trak", &boxed(b"mdia", &[mdhd, hdlr].concat()));
    let trex = boxed(b"trex", &words(&[0, 1, 1, 0, 0, 0]));
    let moov = boxed(b"moov", &[trak, boxed(b"mvex", &trex)].concat());
    [ftyp, moov].concat().into()
}

/// One `moof` + `mdat` of 200 ms that begins at `ticks`; `seed` makes its bytes its own.
pub(crate) fn chunk(ticks: u64, seed: u8) -> Vec<u8> {
    let sample_ticks = u32::try_from(CHUNK_TICKS).unwrap() / SAMPLES;
    let sample_bytes = 11 + u32::from(seed % 7);
    let tfhd = boxed(b"tfhd", &words(&[0x02_0000, 1]));
    let tfdt = boxed(
        b"tfdt",
        &[words(&[0x0100_0000]), ticks.to_be_bytes().to_vec()].concat(),
    );
    let mut trun = words(&[0x0000_0301, SAMPLES, 0]);
    for _ in 0..SAMPLES {
        trun.extend(words(&[sample_ticks, sample_bytes]));
    }
    let traf = boxed(b"traf", &[tfhd, tfdt, boxed(b"trun", &trun)].concat());
    let moof = boxed(b"moof", &[boxed(b"mfhd", &words(&[0, 1])), traf].concat());
    let media: Vec<u8> = (0..SAMPLES * sample_bytes)
        .map(|i| u8::try_from(i % 251).unwrap().wrapping_mul(31).wrapping_add(seed) | 1)
        .collect();
    [moof, boxed(b"mdat", &media)].concat()
}
