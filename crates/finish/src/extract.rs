//! A piece of a track as a small plain MP4 of its own, for the renderer to decode.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::cut::{Finish, Placed, decode_times, ticks};
use crate::files::Files;
use crate::layout;
use crate::mp4::moov::{self, Tags, TrackIndex};
use crate::track::{Sample, Track};

/// A sample of a real source is smaller: 4K key frames have one to two megabytes.
const MAX_SAMPLE_BYTES: u32 = 64 << 20;

/// Writes `samples`, which share a decoder configuration and begin with a key frame, so that the
/// first is shown at 0. Blocking.
///
/// # Errors
/// A sample cannot be read, or the file cannot be written.
pub(crate) fn extract(track: &Track<'_>, samples: &[Sample], files: &Files, out: &Path) -> io::Result<()> {
    let nothing = || io::Error::new(io::ErrorKind::InvalidInput, "there is nothing to take out");
    let first = samples.first().ok_or_else(nothing)?;
    let entry = track.entries.get(usize::from(first.entry)).ok_or_else(nothing)?;
    let begin = samples.iter().map(|sample| sample.pts_ns).min().unwrap_or(0);
    let end = samples.iter().map(|sample| sample.end_ns).max().unwrap_or(0);
    let mut placed: Vec<Placed> = samples
        .iter()
        .map(|sample| Placed {
            entry: 0,
            ..Placed::of(sample, ticks(sample.pts_ns - begin, track.timescale))
        })
        .collect();
    let last = decode_times(&mut placed).ok_or_else(nothing)?;
    let finish = Finish {
        kind: track.kind,
        timescale: track.timescale,
        entries: vec![entry.clone()],
        samples: placed,
        end: ticks(end - begin, track.timescale).max(last + 1),
        silence: Vec::new(),
    };
    let chunks = layout::interleave(std::slice::from_ref(&finish));
    let mut index = TrackIndex {
        finish: &finish,
        name: track.input.source.as_str(),
        chunks: Vec::new(),
    };
    let mut media_bytes = 0;
    for chunk in &chunks {
        index.chunks.push((chunk, media_bytes));
        media_bytes += chunk.bytes;
    }
    let mut writer = BufWriter::new(File::create(out)?);
    writer.write_all(&moov::head(&[index], &Tags::default(), media_bytes))?;
    copy(samples, files, &mut writer)?;
    writer
        .into_inner()
        .map(|_| ())
        .map_err(|error| error.into_error())
}

fn copy(samples: &[Sample], files: &Files, out: &mut impl Write) -> io::Result<()> {
    let mut open: Option<(u32, File)> = None;
    let mut bytes = Vec::new();
    for sample in samples {
        if sample.size > MAX_SAMPLE_BYTES {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "a sample is absurdly large",
            ));
        }
        let file = match &open {
            Some((index, file)) if *index == sample.file => file,
            _ => {
                let known = files.get(sample.file).ok_or(io::ErrorKind::NotFound)?;
                &open.insert((sample.file, File::open(&known.path)?)).1
            }
        };
        bytes.resize(sample.size as usize, 0);
        file.read_exact_at(&mut bytes, sample.offset)?;
        out.write_all(&bytes)?;
    }
    Ok(())
}
