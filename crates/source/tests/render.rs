//! `lectern-source --render`, as finishing calls it: one job in, one file out, and a clear word
//! when that cannot be.

#![expect(
    clippy::unwrap_used,
    reason = "tests may unwrap; the lint knows only functions marked as tests"
)]

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

fn render(job: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_lectern-source"))
        .arg("--render")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(job.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn made(job: &Value) {
    let output = render(&job.to_string());
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(output.stdout.is_empty(), "nothing is said when all is well");
}

fn ffmpeg(args: &[&str]) -> Vec<u8> {
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-y"])
        .args(args)
        .output()
        .expect("ffmpeg is installed");
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

fn name(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Brightness of each pixel of the last picture.
fn last_picture(path: &Path) -> Vec<u8> {
    let all = ffmpeg(&["-i", name(path), "-f", "rawvideo", "-pix_fmt", "gray", "-"]);
    all[all.len() - 640 * 360..].to_vec()
}

fn card(out: &Path, behind: Option<&Path>) -> Value {
    json!({"what": "card", "out": out, "width": 640, "height": 360, "behind": behind, "text": "R & D <camera>\n10:42–10:47"})
}

#[test]
fn a_card_stands_over_the_last_picture_dimmed() {
    let dir = tempfile::tempdir().unwrap();
    let (clip, out) = (dir.path().join("clip.mp4"), dir.path().join("card.mp4"));
    // Grey that becomes white: only the last picture is wanted. Pictures decoded out of order.
    let source = "color=c=gray:s=640x360:r=30:d=1,drawbox=w=iw:h=ih:c=white:t=fill:enable='gte(n,29)'";
    ffmpeg(&[
        "-f",
        "lavfi",
        "-i",
        source,
        "-c:v",
        "libx264",
        "-bf",
        "2",
        name(&clip),
    ]);
    made(&card(&out, Some(&clip)));
    let picture = last_picture(&out);
    let corner = picture[0];
    assert!((60..100).contains(&corner), "white, dimmed: {corner}");
    assert!(
        picture.iter().filter(|luma| **luma > 200).count() > 300,
        "the words"
    );

    made(&card(&out, None));
    let picture = last_picture(&out);
    assert!((15..40).contains(&picture[0]), "plain dark: {}", picture[0]);
    assert!(
        picture.iter().filter(|luma| **luma > 200).count() > 300,
        "the words"
    );
}

#[test]
fn a_card_without_a_size_is_refused_in_words() {
    let dir = tempfile::tempdir().unwrap();
    let mut job = card(&dir.path().join("card.mp4"), None);
    job["height"] = json!(0);
    let output = render(&job.to_string());
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && words.contains("640x0"), "{words}");
}

#[test]
fn a_picture_that_cannot_be_read_leaves_a_plain_card() {
    let dir = tempfile::tempdir().unwrap();
    let (clip, out) = (dir.path().join("clip.mp4"), dir.path().join("card.mp4"));
    std::fs::write(&clip, [7; 4_000]).unwrap();
    let output = render(&card(&out, Some(&clip)).to_string());
    assert!(output.status.success());
    assert_eq!(last_picture(&out).len(), 640 * 360);
}

#[test]
fn sound_of_another_layout_keeps_its_time_to_the_sample() {
    let dir = tempfile::tempdir().unwrap();
    let (mono, out) = (dir.path().join("mono.m4a"), dir.path().join("stereo.mp4"));
    let source = "aevalsrc='if(lt(mod(t,1),0.04),0.8*sin(2*PI*1000*t),0)':s=48000:d=4";
    ffmpeg(&[
        "-f",
        "lavfi",
        "-i",
        source,
        "-c:a",
        "aac",
        "-ac",
        "1",
        "-use_editlist",
        "0",
        name(&mono),
    ]);
    made(&json!({"what": "sound", "out": out, "from": mono, "rate": 48_000, "channels": 2}));
    let (before, after) = (beeps(&mono), beeps(&out));
    assert_eq!(before.len(), 4);
    for (before, after) in before.iter().zip(&after) {
        // A lead of a second, so that no time is negative.
        assert!((after - before - 48_000).abs() <= 2, "{before} became {after}");
    }
}

/// At which samples, in the file's own time, a beep begins.
fn beeps(path: &Path) -> Vec<i64> {
    let first = Command::new("ffprobe")
        .args([
            "-v",
            "error",
            "-show_entries",
            "packet=pts_time",
            "-of",
            "csv=p=0",
            name(path),
        ])
        .output()
        .unwrap();
    let first: f64 = String::from_utf8(first.stdout)
        .unwrap()
        .lines()
        .next()
        .unwrap()
        .parse()
        .unwrap();
    #[expect(clippy::cast_possible_truncation, reason = "seconds of a test")]
    let begin = (first * 48_000.0).round() as i64;
    let bytes = ffmpeg(&[
        "-i",
        name(path),
        "-af",
        "asetpts=N/SR/TB",
        "-ac",
        "1",
        "-f",
        "f32le",
        "-",
    ]);
    let mut quiet = 48_000;
    let mut found = Vec::new();
    for (index, sample) in bytes.chunks_exact(4).zip(begin..).map(|(bytes, at)| (at, bytes)) {
        if f32::from_le_bytes(sample.try_into().unwrap()).abs() > 0.15 {
            if quiet > 9_600 {
                found.push(index);
            }
            quiet = 0;
        } else {
            quiet += 1;
        }
    }
    found
}

#[test]
fn what_cannot_be_made_is_said_in_one_line() {
    let dir = tempfile::tempdir().unwrap();
    let nowhere = dir.path().join("no-such-folder/card.mp4");
    for (job, word) in [
        (card(&nowhere, None).to_string(), "no-such-folder"),
        ("{\"what\":\"poem\"}".to_owned(), "poem"),
        (String::new(), "job"),
    ] {
        let output = render(&job);
        assert!(!output.status.success(), "{job}");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let last = said.lines().last().unwrap_or_default();
        assert!(last.contains(word), "{job}: {said}");
    }
}
