//! How long finishing an hour of lecture takes, beside `cp` of the same bytes in the same run.
//!
//! ```text
//! cargo run --release -p lectern-finish --example bench_finish [-- FOLDER [ROUNDS [MINUTES]]]
//! ```
//! Makes a recording of MINUTES (60 without) in FOLDER (the build folder without): a camera at 2.5 Mbit/s,
//! a screen and a microphone, about 1.5 GB, by repeating ten encoded seconds. Then finishes and
//! copies in turn, ROUNDS times (5 without), each ending with an fsync of every file. Shown and
//! not judged: a busy machine is not a slow program.

#![expect(
    clippy::unwrap_used,
    reason = "a measurement that fails may stop where it stands"
)]

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use lectern_domain::config::Picture;
use lectern_domain::ids::RunNumber;
use lectern_domain::media::Role;
use lectern_finish::{Job, RunInput, SegmentInput, TrackInput, finish};
use nix::sys::resource::{UsageWho, getrusage};
use sha2::{Digest, Sha256};

#[path = "../tests/finish/clip.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod clip;

const CLIP_S: u64 = 10;
const SECOND_NS: u64 = 1_000_000_000;

fn main() {
    let mut args = std::env::args().skip(1);
    let folder = args
        .next()
        .map_or_else(|| PathBuf::from("target/bench-finish"), PathBuf::from);
    let rounds: usize = args
        .next()
        .map_or(5, |rounds| rounds.parse().expect("ROUNDS is a number"));
    let minutes: u64 = args
        .next()
        .map_or(60, |minutes| minutes.parse().expect("MINUTES is a number"));
    let job = record(&folder, minutes);

    let finished_dir = folder.join("finished");
    let copy_dir = folder.join("copy");
    let mut figures = Vec::new();
    let mut written = 0;
    for round in 1..=rounds {
        remove(&finished_dir);
        remove(&copy_dir);
        sync_filesystem();
        let (began, cpu) = (Instant::now(), cpu_s(UsageWho::RUSAGE_SELF));
        let finished = finish(&job, &mut |_| std::ops::ControlFlow::Continue(())).unwrap();
        let finish_s = began.elapsed().as_secs_f64();
        let finish_cpu_s = cpu_s(UsageWho::RUSAGE_SELF) - cpu;
        assert!(finished.notes.is_empty(), "{:?}", finished.notes);
        written = finished.files.iter().map(|file| file.size_bytes).sum();

        sync_filesystem();
        let (began, cpu) = (Instant::now(), cpu_s(UsageWho::RUSAGE_CHILDREN));
        let status = Command::new("cp")
            .arg("-r")
            .arg(&finished_dir)
            .arg(&copy_dir)
            .status()
            .unwrap();
        assert!(status.success());
        for entry in fs::read_dir(&copy_dir).unwrap() {
            File::open(entry.unwrap().path()).unwrap().sync_all().unwrap();
        }
        let cp_s = began.elapsed().as_secs_f64();
        let cp_cpu_s = cpu_s(UsageWho::RUSAGE_CHILDREN) - cpu;
        println!(
            "round {round}: finish {finish_s:.2} s (CPU {finish_cpu_s:.2}), cp {cp_s:.2} s (CPU {cp_cpu_s:.2}), ratio {:.2}",
            finish_s / cp_s
        );
        figures.push((finish_s, cp_s));
    }
    remove(&folder);
    println!("{minutes} minutes, {:.2} GB written", written as f64 / 1e9);
    let finish_s = print("finish, s", figures.iter().map(|(finish, _)| *finish));
    let cp_s = print("cp, s", figures.iter().map(|(_, cp)| *cp));
    print("ratio", figures.iter().map(|(finish, cp)| finish / cp));
    let figure = serde_json::json!({
        "what": "a lecture from segments to files, median",
        "ours": finish_s,
        "unit": "s",
        "of": format!("{rounds} rounds of {minutes} min"),
        "beside": [["cp and sync of the same bytes", cp_s]],
    });
    println!("figure {figure}");
}

/// Prints the spread and returns the median.
fn print(what: &str, values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let (min, median, max) = (values[0], values[values.len() / 2], values[values.len() - 1]);
    println!("{what:<10} min {min:.2}  median {median:.2}  max {max:.2}");
    median
}

/// User and system time together.
fn cpu_s(who: UsageWho) -> f64 {
    let usage = getrusage(who).unwrap();
    let seconds = |time: nix::sys::time::TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    seconds(usage.user_time()) + seconds(usage.system_time())
}

fn remove(dir: &Path) {
    if dir.exists() {
        fs::remove_dir_all(dir).unwrap();
    }
}

/// What earlier rounds left to write must not count in the next.
fn sync_filesystem() {
    assert!(Command::new("sync").status().unwrap().success());
}

fn record(folder: &Path, minutes: u64) -> Job {
    remove(folder);
    let video = |size: &str, rate: &str| {
        let source = format!("testsrc2=s={size}:r=30:d={CLIP_S},noise=alls=40:allf=t");
        let rate = ["-b:v", rate, "-minrate", rate, "-maxrate", rate, "-bufsize", rate];
        let encoder = [
            "-c:v",
            "libx264",
            "-preset",
            "ultrafast",
            "-x264-params",
            "nal-hrd=cbr",
            "-g",
            "60",
        ];
        clip::clip(&[&["-f", "lavfi", "-i", source.as_str()][..], &encoder, &rate].concat())
    };
    let length = format!("anoisesrc=d={CLIP_S}:r=48000");
    let mic = clip::clip(&["-f", "lavfi", "-i", &length, "-c:a", "aac", "-b:a", "128k"]);
    let tracks = [
        ("camera", Role::Presenter, video("1280x720", "2500k")),
        ("screen", Role::Presentation, video("640x360", "700k")),
        ("microphone", Role::Microphone, mic),
    ];
    let tracks = tracks.into_iter().map(|(source, role, clip)| {
        fs::create_dir_all(folder.join(source)).unwrap();
        let segments = (0..minutes).map(|minute| {
            let mut bytes = clip.init.clone();
            for repeat in 0..60 / CLIP_S {
                let shift_ns = (minute * 60 + repeat * CLIP_S) * SECOND_NS;
                // The last AAC frame of a clip reaches a little into the next.
                let inside = clip
                    .chunks
                    .iter()
                    .filter(|chunk| chunk.start_ns < CLIP_S * SECOND_NS);
                inside.for_each(|chunk| chunk.write(&clip, shift_ns, &mut bytes));
            }
            let path = PathBuf::from(format!("{source}/{:08}.mp4", minute + 1));
            fs::write(folder.join(&path), &bytes).unwrap();
            let sha256 = Sha256::digest(&bytes)
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            SegmentInput {
                run: RunNumber(1),
                path,
                size_bytes: bytes.len() as u64,
                sha256,
                span_ns: Some((minute * 60_000_000_000, (minute + 1) * 60_000_000_000)),
            }
        });
        TrackInput {
            source: source.parse().unwrap(),
            role,
            spare_for: None,
            segments: segments.collect(),
        }
    });
    Job {
        lecture_dir: folder.to_owned(),
        picture: Picture::Presenter,
        tracks: tracks.collect(),
        runs: vec![RunInput {
            run: RunNumber(1),
            end_ns: Some(minutes * 60 * SECOND_NS),
            ..RunInput::unknown(RunNumber(1))
        }],
        marks: Vec::new(),
        facts: Vec::new(),
        gap_card: false,
        language: "en".to_owned(),
        timezone: jiff::tz::TimeZone::UTC,
        renderer: None,
        metadata: serde_json::json!({}),
        title: None,
        started_unix_ms: None,
    }
}
