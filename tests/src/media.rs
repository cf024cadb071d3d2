//! Judges of media files, by ffmpeg and ffprobe: not by anything that Lectern wrote.

use std::path::Path;
use std::process::Command;

/// Runs a tool and returns its standard output.
fn run(tool: &str, words: &[&str]) -> Vec<u8> {
    let output = Command::new(tool)
        .args(words)
        .output()
        .unwrap_or_else(|e| panic!("{tool}: {e}"));
    assert!(
        output.status.success(),
        "{tool} {words:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

fn text(tool: &str, words: &[&str]) -> String {
    String::from_utf8(run(tool, words)).expect("UTF-8")
}

fn name(path: &Path) -> &str {
    path.to_str().expect("UTF-8 path")
}

/// What ffmpeg complains about when it decodes every stream to the end. Each picture keeps its own
/// time: a still screen has few, and ffmpeg's own guess of a constant rate would complain of that.
#[must_use]
pub fn decode_complaints(path: &Path) -> String {
    let output = Command::new("ffmpeg")
        .args([
            "-v",
            "error",
            "-i",
            name(path),
            "-map",
            "0",
            "-fps_mode",
            "passthrough",
            "-enc_time_base",
            "-1",
        ])
        .args(["-f", "null", "-"])
        .output()
        .expect("ffmpeg runs");
    assert!(
        output.status.success(),
        "ffmpeg could not read {}",
        path.display()
    );
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Codec names of the streams, in order.
#[must_use]
pub fn codecs(path: &Path) -> Vec<String> {
    let list = text(
        "ffprobe",
        &[
            "-v",
            "error",
            "-show_entries",
            "stream=codec_name",
            "-of",
            "csv=p=0",
            name(path),
        ],
    );
    list.lines()
        .map(|line| line.trim_end_matches(',').to_owned())
        .collect()
}

/// Presentation times and durations of the packets of a stream (`v:0`, `a:0`), in seconds, in
/// order of presentation.
#[must_use]
pub fn packets(path: &Path, stream: &str) -> Vec<(f64, f64)> {
    let entries = "packet=pts_time,duration_time";
    let list = text(
        "ffprobe",
        &[
            "-v",
            "error",
            "-select_streams",
            stream,
            "-show_entries",
            entries,
            "-of",
            "csv=p=0",
            name(path),
        ],
    );
    let mut packets: Vec<(f64, f64)> = list
        .lines()
        .filter_map(|line| {
            let mut fields = line.split(',');
            Some((
                fields.next()?.parse().ok()?,
                fields.next()?.parse().unwrap_or(0.0),
            ))
        })
        .collect();
    packets.sort_by(|a, b| a.0.total_cmp(&b.0));
    packets
}

/// Packets of a track as it was recorded, over all segments in its folder, in order: seconds of the
/// run, and durations.
///
/// # Panics
/// When the folder cannot be read.
#[must_use]
pub fn recorded(track: &Path, stream: &str) -> Vec<(f64, f64)> {
    let mut segments: Vec<_> = std::fs::read_dir(track)
        .expect("the track's folder")
        .map(|entry| entry.expect("a segment").path())
        .collect();
    segments.sort();
    segments
        .iter()
        .flat_map(|segment| packets(segment, stream))
        .collect()
}

/// From the first packet's time to the last one's end, in seconds.
///
/// # Panics
/// When the stream is empty.
#[must_use]
pub fn length(path: &Path, stream: &str) -> f64 {
    let packets = packets(path, stream);
    let (first, last) = (
        packets.first().expect("packets"),
        packets.last().expect("packets"),
    );
    last.0 + last.1 - first.0
}

/// The longest distance between two packets of a stream, in seconds.
#[must_use]
pub fn longest_gap(path: &Path, stream: &str) -> f64 {
    packets(path, stream)
        .windows(2)
        .map(|pair| pair[1].0 - pair[0].0)
        .fold(0.0, f64::max)
}

/// Whether the index stands before the media.
#[must_use]
pub fn fast_start(path: &Path) -> bool {
    let bytes = std::fs::read(path).expect("reading");
    let mut at = 0;
    while let Some(head) = bytes.get(at..at + 8) {
        let size = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
        match &head[4..8] {
            b"moov" => return true,
            b"mdat" => return false,
            _ if size < 8 => return false,
            _ => at += size,
        }
    }
    false
}

/// Moments, in seconds, at which the picture turns white: the flashes of `test-video`.
#[must_use]
pub fn flashes(path: &Path) -> Vec<f64> {
    let graph = format!("movie={}:si=0,scale=16:16:flags=area,signalstats", name(path));
    let list = text(
        "ffprobe",
        &[
            "-v",
            "error",
            "-f",
            "lavfi",
            "-i",
            &graph,
            "-show_entries",
            "frame=pts_time:frame_tags=lavfi.signalstats.YAVG",
            "-of",
            "csv=p=0",
        ],
    );
    let mut white = false;
    let mut found = Vec::new();
    for line in list.lines() {
        let mut fields = line.split(',').filter_map(|field| field.parse::<f64>().ok());
        let (Some(time), Some(luma)) = (fields.next(), fields.next()) else {
            continue;
        };
        let now = luma > 190.0;
        if now && !white {
            found.push(time);
        }
        white = now;
    }
    found
}

/// Moments, in seconds, at which sound begins after quiet: the beeps of `test-audio`.
#[must_use]
pub fn beeps(path: &Path) -> Vec<f64> {
    const RATE: usize = 48_000;
    let bytes = run(
        "ffmpeg",
        &[
            "-v",
            "error",
            "-i",
            name(path),
            "-map",
            "0:a:0",
            "-af",
            "aresample=48000:async=1:first_pts=0",
            "-ac",
            "1",
            "-f",
            "f32le",
            "-",
        ],
    );
    let mut found = Vec::new();
    let mut quiet = RATE;
    for (index, sample) in bytes.chunks_exact(4).enumerate() {
        let sample = f32::from_le_bytes([sample[0], sample[1], sample[2], sample[3]]);
        if sample.abs() > 0.15 {
            if quiet > RATE / 5 {
                #[expect(clippy::cast_precision_loss, reason = "hours of samples fit a double exactly")]
                found.push(index as f64 / RATE as f64);
            }
            quiet = 0;
        } else {
            quiet += 1;
        }
    }
    found
}

/// Sound minus picture at each second that has both, in milliseconds. A flash and a beep more than
/// 200 ms apart belong to different seconds, as they meet where two runs were joined.
#[must_use]
pub fn offsets_ms(flashes: &[f64], beeps: &[f64]) -> Vec<f64> {
    flashes
        .iter()
        .filter_map(|flash| {
            let nearest = beeps
                .iter()
                .map(|beep| (beep - flash) * 1000.0)
                .min_by(|a, b| a.abs().total_cmp(&b.abs()))?;
            (nearest.abs() < 200.0).then_some(nearest)
        })
        .collect()
}

/// The largest offset between sound and picture in a file with both, in milliseconds.
///
/// # Panics
/// When fewer than two seconds have both.
#[must_use]
pub fn worst_offset_ms(path: &Path) -> f64 {
    let (flashes, beeps) = (flashes(path), beeps(path));
    let offsets = offsets_ms(&flashes, &beeps);
    // Where two runs join or a pause was cut out, a flash may have lost its beep; elsewhere not.
    assert!(
        offsets.len() >= 2 && offsets.len() * 10 >= flashes.len() * 6,
        "only {} of {} flashes have a beep in {}: {flashes:?} {beeps:?}",
        offsets.len(),
        flashes.len(),
        path.display()
    );
    offsets
        .iter()
        .fold(0.0, |worst, offset| f64::max(worst, offset.abs()))
}
