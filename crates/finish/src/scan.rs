//! Reads a segment file's boxes, not its media: where each sample lies and when it is shown.
//!
//! A file ends where its last complete `moof` and `mdat` end; what a crash left behind that is
//! not an error. The file may hold anything, so every number is checked against the file's real
//! length, and the tables grow only by boxes that are really there.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use crate::mp4::fragment::{self, RawSample};
use crate::mp4::init::{self, Init};
use crate::mp4::{Malformed, reader};

/// What a segment file holds.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    /// Its headers in order: one, unless files were joined by hand.
    pub(crate) parts: Vec<Part>,
    /// Bytes after the last complete fragment; 0 in a file that was closed.
    pub(crate) torn_bytes: u64,
    /// Why reading ended before the file did, when it was not a torn tail.
    pub(crate) stopped_by: Option<String>,
}

/// A header and the samples of the fragments after it, in decoding order.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) init: Init,
    pub(crate) samples: Vec<RawSample>,
}

/// No header and no fragment of a real source is longer; a chunk of 200 ms has some hundred bytes.
const MAX_BOX_BYTES: u64 = 4 << 20;
/// One read takes a usual `moof` and the header of the `mdat` behind it.
const WINDOW_BYTES: usize = 2048;
/// More than a segment of four hours at 60 pictures a second.
const MAX_SAMPLES: usize = 1_000_000;
/// More headers than anyone joins into one file.
const MAX_PARTS: usize = 1_000;

/// Reads the whole structure of `file`. Blocking.
///
/// # Errors
/// Only when the very first read fails; later errors end the scan and are told in
/// [`Scan::stopped_by`], because what lies before them is still good.
pub(crate) fn scan(file: &File) -> io::Result<Scan> {
    let mut walk = Walk {
        file,
        len: file.metadata()?.len(),
        window: Vec::new(),
        window_at: 0,
    };
    let mut out = Scan::default();
    let mut pending: Vec<RawSample> = Vec::new();
    let mut total = 0;
    let mut at = 0;
    // Everything before this offset is complete.
    let mut whole = 0;
    let result = loop {
        match walk.step(at, &mut out.parts, &mut pending) {
            Ok(Step::End) => break Ok(()),
            Ok(Step::Box { next, complete }) => {
                at = next;
                if complete {
                    whole = next;
                    total += pending.len();
                    if let Some(part) = out.parts.last_mut() {
                        part.samples.append(&mut pending);
                    }
                }
                if total > MAX_SAMPLES || out.parts.len() > MAX_PARTS {
                    break Err(Stop::Malformed(Malformed(
                        "it claims more samples than a lecture has",
                    )));
                }
            }
            Err(stop) => break Err(stop),
        }
    };
    out.torn_bytes = walk.len - whole + trim_zeros(file, &mut out.parts);
    match result {
        Ok(()) => Ok(out),
        Err(Stop::Io(error)) if whole == 0 => Err(error),
        Err(stop) => {
            out.stopped_by = Some(format!("at byte {at}: {stop}"));
            Ok(out)
        }
    }
}

/// Drops samples at the end whose last bytes are zeros: after a power cut a file can have its full
/// length, and its index, while the last blocks never reached the disk. Answers their bytes.
fn trim_zeros(file: &File, parts: &mut [Part]) -> u64 {
    let Some(samples) = parts.last_mut().map(|part| &mut part.samples) else {
        return 0;
    };
    let mut dropped = 0;
    while let Some(last) = samples.last() {
        // No unit of H.264 ends with a zero, and no frame of AAC: its end is marked by ones.
        let mut tail = [0; 4];
        let len = tail.len().min(last.size as usize);
        let tail = tail.get_mut(..len).unwrap_or_default();
        let at = last.offset + u64::from(last.size) - len as u64;
        // What cannot be read is met again, and told, by the copy.
        if file.read_exact_at(tail, at).is_err() || tail.iter().any(|byte| *byte != 0) {
            break;
        }
        dropped += u64::from(last.size);
        samples.pop();
    }
    dropped
}

enum Step {
    /// The file ends here, or what follows is cut.
    End,
    /// A box was read; `complete` when no fragment waits for its media.
    Box { next: u64, complete: bool },
}

#[derive(Debug, thiserror::Error)]
enum Stop {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("{0}")]
    Malformed(#[from] Malformed),
}

struct Walk<'a> {
    file: &'a File,
    len: u64,
    window: Vec<u8>,
    window_at: u64,
}

impl Walk<'_> {
    fn step(&mut self, at: u64, parts: &mut Vec<Part>, pending: &mut Vec<RawSample>) -> Result<Step, Stop> {
        let left = self.len.saturating_sub(at);
        let Some((name, size, head)) = reader::header(self.bytes(at, left.min(16))?) else {
            return Ok(Step::End);
        };
        if size < head {
            return Err(Malformed("a box is shorter than its header").into());
        }
        if size > left {
            return Ok(Step::End);
        }
        let next = at + size;
        match &name {
            b"moov" => {
                let body = self.body(at, head, size)?;
                parts.push(Part {
                    init: init::parse(body)?,
                    samples: Vec::new(),
                });
                pending.clear();
            }
            b"moof" => {
                let part = parts
                    .last()
                    .ok_or(Malformed("a fragment comes before any header"))?;
                let body = self.body(at, head, size)?;
                pending.clear();
                fragment::parse(body, at, &part.init, pending)?;
                return Ok(Step::Box {
                    next,
                    complete: false,
                });
            }
            b"mdat" => {
                let media = at + head..next;
                let inside = |sample: &RawSample| {
                    sample.offset >= media.start
                        && sample.offset <= media.end
                        && u64::from(sample.size) <= media.end - sample.offset
                };
                if !pending.iter().all(inside) {
                    return Err(Malformed("a sample lies outside its media").into());
                }
                let claimed: u64 = pending.iter().map(|sample| u64::from(sample.size)).sum();
                if claimed > media.end - media.start {
                    // A few kilobytes could become a lecture that no disk holds.
                    return Err(Malformed("its samples share their media").into());
                }
                pending.retain(|sample| sample.size > 0);
            }
            // A name of control characters is no box: the walk has lost its footing.
            _ if !name.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ') => {
                return Err(Malformed("what follows is not a box").into());
            }
            _ => {
                return Ok(Step::Box {
                    next,
                    complete: pending.is_empty(),
                });
            }
        }
        Ok(Step::Box { next, complete: true })
    }

    fn body(&mut self, at: u64, head: u64, size: u64) -> Result<&[u8], Stop> {
        if size > MAX_BOX_BYTES {
            return Err(Malformed("a header or fragment is absurdly long").into());
        }
        let whole = self.bytes(at, size)?;
        // `head` is 8 or 16 and not above `size`.
        Ok(whole.get(head as usize..).unwrap_or_default())
    }

    /// `count` bytes at `at`, which the caller knows to lie in the file and to be few.
    fn bytes(&mut self, at: u64, count: u64) -> io::Result<&[u8]> {
        let count = count as usize;
        let skip = at.checked_sub(self.window_at).map(|skip| skip as usize);
        let skip = match skip.filter(|skip| skip + count <= self.window.len()) {
            Some(skip) => skip,
            None => {
                let want = (count.max(WINDOW_BYTES) as u64).min(self.len - at) as usize;
                self.window.clear();
                self.window.resize(want, 0);
                self.window_at = at;
                self.file
                    .read_exact_at(&mut self.window, at)
                    .inspect_err(|_| self.window.clear())?;
                0
            }
        };
        Ok(self.window.get(skip..skip + count).unwrap_or_default())
    }
}
