//! A look at single frames of a finished file, as ffmpeg decodes them, and at its chapters.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::player;

/// Width and height to which [`frame`] shrinks a picture.
const FRAME: (usize, usize) = (320, 180);

fn name(path: &Path) -> &str {
    path.to_str().expect("UTF-8 path")
}

/// The frame shown at a moment, as brightness, 320x180.
///
/// # Panics
/// When there is none, or ffmpeg complains.
#[must_use]
pub fn frame(path: &Path, at_s: f64) -> Vec<u8> {
    shrunk(path, at_s, FRAME)
}

fn shrunk(path: &Path, at_s: f64, (width, height): (usize, usize)) -> Vec<u8> {
    // The frame that stands at that moment, not the next one: a card stands for minutes.
    let begin = at_s + 0.005;
    let filter = format!("fps=60:round=near,trim=start={begin},scale={width}:{height}:flags=area");
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-i", name(path), "-map", "0:v:0"])
        .args(["-vf", &filter, "-frames:v", "1"])
        .args(["-f", "rawvideo", "-pix_fmt", "gray", "-"])
        .output()
        .expect("ffmpeg runs");
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(!output.stdout.is_empty(), "no frame at {at_s} s");
    output.stdout
}

/// Keeps a frame as PNG in the folder that `LECTERN_PICTURES` names, if it is set.
///
/// # Panics
/// When ffmpeg cannot write it.
pub fn keep_picture(path: &Path, at_s: f64, picture: &str) {
    let Some(folder) = std::env::var_os("LECTERN_PICTURES") else {
        return;
    };
    let done = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-y", "-i", name(path)])
        .args(["-vf", &format!("fps=10,trim=start={at_s}"), "-frames:v", "1"])
        .arg(Path::new(&folder).join(format!("{picture}.png")))
        .status()
        .expect("ffmpeg runs");
    assert!(done.success());
}

/// Mean brightness, 0 to 255.
#[must_use]
pub fn mean(frame: &[u8]) -> f64 {
    let sum: u64 = frame.iter().map(|byte| u64::from(*byte)).sum();
    #[expect(clippy::cast_precision_loss, reason = "a picture's brightness fits a double")]
    let mean = sum as f64 / frame.len() as f64;
    mean
}

/// Whether words stand in the middle of a [`frame`]: white letters on a dark picture.
#[must_use]
pub fn has_words(frame: &[u8]) -> bool {
    let lines = frame.chunks(FRAME.0).skip(70).take(40);
    let middle: Vec<u8> = lines.flat_map(|line| &line[40..280]).copied().collect();
    let white = middle.iter().filter(|byte| **byte > 180).count();
    (100..4_000).contains(&white) && mean(&middle) < 110.0
}

/// Chromium shows at that moment what ffmpeg decodes.
///
/// # Panics
/// When it does not.
pub fn assert_same_picture(path: &Path, seen: &player::Frame) {
    let ours = shrunk(path, seen.at_s, player::THUMB);
    assert_eq!(ours.len(), seen.thumb.len());
    let apart: Vec<u8> = ours
        .iter()
        .zip(&seen.thumb)
        .map(|(a, b)| a.abs_diff(*b))
        .collect();
    assert!(
        mean(&apart) < 12.0,
        "at {} s Chromium shows something else",
        seen.at_s
    );
}

/// The chapters as ffprobe lists them: start in seconds, and title.
///
/// # Panics
/// When ffprobe cannot read the file.
#[must_use]
pub fn chapters(path: &Path) -> Vec<(f64, String)> {
    let output = Command::new("ffprobe")
        .args(["-v", "error", "-show_chapters", "-of", "json", name(path)])
        .output()
        .expect("ffprobe runs");
    let list: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let chapter = |chapter: &Value| {
        let start = chapter["start_time"].as_str().expect("a start");
        let title = chapter["tags"]["title"].as_str().expect("a title");
        (start.parse().expect("a number"), title.to_owned())
    };
    list["chapters"]
        .as_array()
        .into_iter()
        .flatten()
        .map(chapter)
        .collect()
}
