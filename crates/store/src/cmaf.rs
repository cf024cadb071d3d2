//! Just enough of the CMAF format to say how much of a segment is whole, and from when to when.
//!
//! A segment is `ftyp moov (… moof mdat)*`. After a crash its end may be torn anywhere; what
//! counts ends with the last `mdat` that lies wholly in the file and follows a `moof` that can be
//! read. Untrusted input: no length is believed before it is compared with the file's, no loop
//! runs longer than the bytes that feed it (P10). Decoding is none of this file's business.

use std::io;

use crate::disk::{Disk, read_full};

/// The most that a `moov` or `moof` may take: the real ones have a few kilobytes.
const MAX_INDEX_BYTES: u64 = 4 << 20;
/// How much of an `mdat` is looked at, at each end, for being empty.
const LOOK_BYTES: u64 = 64;

/// What is whole in a segment file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Survey {
    /// Bytes up to the end of the last whole fragment.
    pub(crate) good_bytes: u64,
    /// Whole fragments.
    pub(crate) fragments: u32,
    /// Presentation time of the first sample, nanoseconds of the run.
    pub(crate) start_ns: u64,
    /// Presentation time of the end, nanoseconds of the run.
    pub(crate) end_ns: u64,
}

/// Walks over a file. `None`: not a segment, or one without a single whole fragment.
///
/// # Errors
/// Those of reading.
pub(crate) fn survey<D: Disk>(disk: &mut D, file: &mut D::File) -> io::Result<Option<Survey>> {
    let size = disk.size(file)?;
    let mut at = 0;
    let mut init: Option<Init> = None;
    let mut fragment: Option<(u64, u64)> = None;
    let mut found: Option<Survey> = None;
    while let Some(head) = box_head(disk, file, at, size)? {
        match &head.kind {
            b"moov" => match index(disk, file, &head)?.and_then(|body| Init::read(&body)) {
                Some(read) => init = Some(read),
                None => break,
            },
            b"moof" => {
                let Some(init) = &init else { break };
                fragment = index(disk, file, &head)?.and_then(|body| fragment_ticks(&body, init));
                if fragment.is_none() {
                    break;
                }
            }
            b"mdat" => {
                let (Some(init), Some((from, to))) = (&init, fragment.take()) else {
                    break;
                };
                if is_blank(disk, file, &head)? {
                    break;
                }
                let (start_ns, end_ns) = (init.ns(from), init.ns(to));
                let before = found.unwrap_or(Survey {
                    good_bytes: 0,
                    fragments: 0,
                    start_ns,
                    end_ns,
                });
                found = Some(Survey {
                    good_bytes: head.end,
                    fragments: before.fragments + 1,
                    start_ns: before.start_ns.min(start_ns),
                    end_ns: before.end_ns.max(end_ns),
                });
            }
            // ftyp, styp, prft, emsg, free: belong to what follows.
            _ => {}
        }
        at = head.end;
    }
    Ok(found)
}

/// Whether a segment's track is sound (else pictures); `None` when its head does not tell.
///
/// # Errors
/// Those of reading.
pub(crate) fn is_sound<D: Disk>(disk: &mut D, file: &mut D::File) -> io::Result<Option<bool>> {
    let size = disk.size(file)?;
    let mut at = 0;
    while let Some(head) = box_head(disk, file, at, size)? {
        if &head.kind == b"moov" {
            let Some(moov) = index(disk, file, &head)? else {
                return Ok(None);
            };
            let mdia = child(&moov, b"trak").and_then(|trak| child(trak, b"mdia"));
            let hdlr = mdia.and_then(|mdia| child(mdia, b"hdlr"));
            return Ok(hdlr
                .and_then(|hdlr| hdlr.get(8..12))
                .map(|handler| handler == b"soun"));
        }
        at = head.end;
    }
    Ok(None)
}

struct BoxHead {
    kind: [u8; 4],
    body: u64,
    end: u64,
}

/// The head of the box at `at`; `None` when it or its body is not wholly in the file.
fn box_head<D: Disk>(disk: &mut D, file: &mut D::File, at: u64, size: u64) -> io::Result<Option<BoxHead>> {
    let mut head = [0; 16];
    let got = read_full(disk, file, at, &mut head)?;
    let Some((length, kind)) = parse_head(&head[..got.min(8)]) else {
        return Ok(None);
    };
    let (header, length) = match length {
        // A large box states its length after its name.
        1 if got == 16 => (
            16,
            u64::from_be_bytes([
                head[8], head[9], head[10], head[11], head[12], head[13], head[14], head[15],
            ]),
        ),
        length => (8, u64::from(length)),
    };
    if length < header || !kind.iter().all(|byte| (0x20..0x7f).contains(byte)) {
        return Ok(None);
    }
    let end = at.checked_add(length).filter(|end| *end <= size);
    Ok(end.map(|end| BoxHead {
        kind,
        body: at + header,
        end,
    }))
}

fn parse_head(bytes: &[u8]) -> Option<(u32, [u8; 4])> {
    let (length, kind) = bytes.split_first_chunk::<4>()?;
    Some((u32::from_be_bytes(*length), *kind.first_chunk::<4>()?))
}

/// The body of an index box; `None` when it is unreasonably long.
fn index<D: Disk>(disk: &mut D, file: &mut D::File, head: &BoxHead) -> io::Result<Option<Vec<u8>>> {
    let length = head.end - head.body;
    if length > MAX_INDEX_BYTES {
        return Ok(None);
    }
    let mut body = vec![0; usize::try_from(length).map_err(|_| io::ErrorKind::InvalidData)?];
    let got = read_full(disk, file, head.body, &mut body)?;
    Ok((got == body.len()).then_some(body))
}

/// Whether media data begins or ends with nothing but zeros: a file whose length reached the disk
/// before its bytes did, all of them or the last.
fn is_blank<D: Disk>(disk: &mut D, file: &mut D::File, head: &BoxHead) -> io::Result<bool> {
    let look = (head.end - head.body).min(LOOK_BYTES);
    Ok(are_zeros(disk, file, head.body, head.body + look)?
        || are_zeros(disk, file, head.end - look, head.end)?)
}

/// Whether `from..to` of a file, in its whole length, is zeros; an empty stretch is not.
fn are_zeros<D: Disk>(disk: &mut D, file: &mut D::File, from: u64, to: u64) -> io::Result<bool> {
    const STRIDE: u64 = 64 * 1024;
    let mut at = from;
    while at < to {
        let mut look = vec![0; usize::try_from((to - at).min(STRIDE)).unwrap_or(0)];
        let got = read_full(disk, file, at, &mut look)?;
        if got == 0 || look[..got].iter().any(|byte| *byte != 0) {
            return Ok(false);
        }
        at += got as u64;
    }
    Ok(from < to)
}

/// Whether a file never held media: it is empty, it ends in or after its header, or nothing but
/// zeros follow. A power cut leaves such a file where a segment had just been made.
///
/// # Errors
/// Those of reading.
pub(crate) fn is_vacant<D: Disk>(disk: &mut D, file: &mut D::File) -> io::Result<bool> {
    let size = disk.size(file)?;
    let mut at = 0;
    while at < size {
        let mut head = [0; 8];
        let got = read_full(disk, file, at, &mut head)?;
        let header = parse_head(&head[..got])
            .filter(|(length, kind)| *length >= 8 && matches!(kind, b"ftyp" | b"moov"));
        match header {
            Some((length, _)) => at += u64::from(length),
            None => return are_zeros(disk, file, at, size),
        }
    }
    Ok(true)
}

/// The boxes inside a body, as (name, body).
struct Boxes<'a>(&'a [u8]);

impl<'a> Iterator for Boxes<'a> {
    type Item = ([u8; 4], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (length, kind) = parse_head(self.0)?;
        let length = usize::try_from(length).ok().filter(|length| *length >= 8)?;
        let (this, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some((kind, &this[8..]))
    }
}

fn child<'a>(body: &'a [u8], name: &[u8; 4]) -> Option<&'a [u8]> {
    Boxes(body).find(|(kind, _)| kind == name).map(|(_, body)| body)
}

fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    bytes
        .get(at..)?
        .first_chunk::<4>()
        .map(|word| u32::from_be_bytes(*word))
}

fn be64(bytes: &[u8], at: usize) -> Option<u64> {
    bytes
        .get(at..)?
        .first_chunk::<8>()
        .map(|word| u64::from_be_bytes(*word))
}

/// What a fragment's times need from the `moov`.
struct Init {
    timescale: u32,
    default_duration: u32,
}

impl Init {
    fn read(moov: &[u8]) -> Option<Self> {
        let mdhd = child(child(child(moov, b"trak")?, b"mdia")?, b"mdhd")?;
        let timescale = be32(mdhd, if mdhd.first()? == &1 { 20 } else { 12 })?;
        let trex = child(moov, b"mvex").and_then(|mvex| child(mvex, b"trex"));
        let default_duration = trex.and_then(|trex| be32(trex, 12)).unwrap_or(0);
        (timescale > 0).then_some(Self {
            timescale,
            default_duration,
        })
    }

    fn ns(&self, ticks: u64) -> u64 {
        let ns = u128::from(ticks) * 1_000_000_000 / u128::from(self.timescale);
        // The database's integers are signed.
        u64::try_from(ns).unwrap_or(u64::MAX).min(i64::MAX.unsigned_abs())
    }
}

/// Presentation times of the first sample's begin and the last sample's end, in ticks.
fn fragment_ticks(moof: &[u8], init: &Init) -> Option<(u64, u64)> {
    let traf = child(moof, b"traf")?;
    let tfhd = child(traf, b"tfhd")?;
    let default = tfhd_duration(tfhd)?.unwrap_or(init.default_duration);
    let tfdt = child(traf, b"tfdt")?;
    let mut decode = if tfdt.first()? == &1 {
        be64(tfdt, 4)?
    } else {
        u64::from(be32(tfdt, 4)?)
    };
    let mut span: Option<(u64, u64)> = None;
    for (kind, trun) in Boxes(traf) {
        if &kind == b"trun" {
            decode = run_ticks(trun, decode, default, &mut span)?;
        }
    }
    span
}

/// The default sample duration of a `tfhd`, if it states one. The outer `None`: torn.
fn tfhd_duration(tfhd: &[u8]) -> Option<Option<u32>> {
    let flags = be32(tfhd, 0)? & 0x00ff_ffff;
    if flags & 0x8 == 0 {
        return Some(None);
    }
    let skip = 8 + if flags & 0x1 != 0 { 8 } else { 0 } + if flags & 0x2 != 0 { 4 } else { 0 };
    be32(tfhd, skip).map(Some)
}

/// Adds a `trun` to the span; returns the decode time after it.
fn run_ticks(trun: &[u8], mut decode: u64, default: u32, span: &mut Option<(u64, u64)>) -> Option<u64> {
    let word = be32(trun, 0)?;
    let (version, flags) = (word >> 24, word & 0x00ff_ffff);
    let count = be32(trun, 4)?;
    let mut at = 8 + if flags & 0x1 != 0 { 4 } else { 0 } + if flags & 0x4 != 0 { 4 } else { 0 };
    let mut widen = |from: u64, to: u64| {
        let (a, b) = span.unwrap_or((from, to));
        *span = Some((a.min(from), b.max(to)));
    };
    let fields = (flags & 0xf00).count_ones();
    if fields == 0 {
        // Nothing is stored per sample; the count alone is no reason to loop.
        let end = decode.checked_add(u64::from(count) * u64::from(default))?;
        widen(decode, end);
        return Some(end);
    }
    // No more than the box holds: sizes alone are not read here, and would not end the loop.
    let held = trun.get(at..)?.len() / (4 * fields as usize);
    if held < usize::try_from(count).ok()? {
        return None;
    }
    for _ in 0..count {
        let duration = if flags & 0x100 != 0 {
            be32(trun, at)?
        } else {
            default
        };
        let offset_at = at + 4 * (flags & 0x700).count_ones() as usize;
        let offset = if flags & 0x800 != 0 {
            be32(trun, offset_at)?
        } else {
            0
        };
        let shown = if version == 0 {
            decode.checked_add(u64::from(offset))?
        } else {
            // Version 1 holds a signed number in the same bits.
            decode.saturating_add_signed(i64::from(offset.cast_signed()))
        };
        widen(shown, shown.checked_add(u64::from(duration))?);
        decode = decode.checked_add(u64::from(duration))?;
        at += 4 * fields as usize;
    }
    Some(decode)
}
