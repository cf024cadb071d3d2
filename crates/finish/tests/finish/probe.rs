//! What independent players see in a finished file: ffprobe's packets, ffmpeg's decoder, flashes
//! and beeps.

use std::path::Path;
use std::process::Command;

/// One packet as ffprobe lists it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Packet {
    pub(crate) pts_s: f64,
    pub(crate) size: u64,
    pub(crate) key: bool,
}

fn run(program: &str, args: &[&str]) -> Vec<u8> {
    let output = Command::new(program)
        .args(args)
        .output()
        .expect("ffmpeg is installed");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

fn text(program: &str, args: &[&str]) -> String {
    String::from_utf8(run(program, args)).unwrap()
}

fn name(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The packets of the stream `v:0` or `a:0`, in the order of the file.
pub(crate) fn packets(path: &Path, stream: &str) -> Vec<Packet> {
    let entries = "packet=pts_time,size,flags";
    let args = [
        "-v",
        "error",
        "-select_streams",
        stream,
        "-show_entries",
        entries,
        "-of",
        "csv=p=0",
        name(path),
    ];
    let lines = text("ffprobe", &args);
    let packet = |line: &str| {
        let fields: Vec<&str> = line.split(',').collect();
        Packet {
            pts_s: fields[0].parse().unwrap(),
            size: fields[1].parse().unwrap(),
            key: fields[2].starts_with('K'),
        }
    };
    lines
        .lines()
        .filter(|line| !line.is_empty())
        .map(packet)
        .collect()
}

/// Presentation times alone, sorted.
pub(crate) fn times(path: &Path, stream: &str) -> Vec<f64> {
    let mut times: Vec<f64> = packets(path, stream).iter().map(|packet| packet.pts_s).collect();
    times.sort_by(f64::total_cmp);
    times
}

/// One line of `-show_entries`.
pub(crate) fn entry(path: &Path, what: &str) -> String {
    text(
        "ffprobe",
        &[
            "-v",
            "error",
            "-show_entries",
            what,
            "-of",
            "default=nw=1:nk=1",
            name(path),
        ],
    )
}

/// Decodes everything; the decoder must not say a word.
pub(crate) fn decodes_clean(path: &Path) {
    let output = Command::new("ffmpeg")
        .args([
            "-v",
            "error",
            "-nostdin",
            "-xerror",
            "-i",
            name(path),
            "-f",
            "null",
            "-",
        ])
        .output()
        .expect("ffmpeg is installed");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && said.is_empty(),
        "{}: {said}",
        path.display()
    );
}

/// When the picture turns white, in seconds.
pub(crate) fn flash_times(path: &Path) -> Vec<f64> {
    let filter = format!("movie={}:si=0,scale=16:16:flags=area,signalstats", name(path));
    let entries = "frame=pts_time:frame_tags=lavfi.signalstats.YAVG";
    let args = [
        "-v",
        "error",
        "-f",
        "lavfi",
        "-i",
        &filter,
        "-show_entries",
        entries,
        "-of",
        "csv=p=0",
    ];
    let mut white = false;
    let mut out = Vec::new();
    for line in text("ffprobe", &args).lines() {
        let fields: Vec<f64> = line.split(',').filter_map(|field| field.parse().ok()).collect();
        let now = fields[1] > 190.0;
        if now && !white {
            out.push(fields[0]);
        }
        white = now;
    }
    out
}

/// When a tone begins, in seconds, for a player that goes by time stamps.
pub(crate) fn beep_times(path: &Path) -> Vec<f64> {
    beeps(
        path,
        "aresample=48000:async=48000:min_hard_comp=0.001:first_pts=0",
    )
}

/// The same for a player that plays the frames one after the other and looks at the first time
/// stamp only.
pub(crate) fn beep_times_by_counting(path: &Path) -> Vec<f64> {
    let first = packets(path, "a:0")[0].pts_s;
    beeps(path, "asetpts=N/SR/TB")
        .iter()
        .map(|at| at + first)
        .collect()
}

fn beeps(path: &Path, filter: &str) -> Vec<f64> {
    let args = [
        "-v",
        "error",
        "-nostdin",
        "-i",
        name(path),
        "-map",
        "0:a:0",
        "-af",
        filter,
    ];
    let bytes = run("ffmpeg", &[&args[..], &["-ac", "1", "-f", "f32le", "-"]].concat());
    let samples = bytes
        .chunks_exact(4)
        .map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap()));
    let mut quiet = 48_000;
    let mut out = Vec::new();
    for (index, sample) in samples.enumerate() {
        if sample.abs() > 0.15 {
            if quiet > 9_600 {
                out.push(index as f64 / 48_000.0);
            }
            quiet = 0;
        } else {
            quiet += 1;
        }
    }
    out
}

/// For each flash, how much later the nearest beep comes, in seconds; flashes without one within
/// 0.3 s (cut in two by a joint) are left out.
pub(crate) fn offsets(flashes: &[f64], beeps: &[f64]) -> Vec<f64> {
    let nearest = |flash: &f64| {
        beeps
            .iter()
            .map(|beep| beep - flash)
            .min_by(|a, b| a.abs().total_cmp(&b.abs()))
            .filter(|gap| gap.abs() < 0.3)
    };
    flashes.iter().filter_map(nearest).collect()
}
