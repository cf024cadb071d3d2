//! Kind `x11` on an X server of the test's own.

mod support;

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use lectern_domain::config::{Source, SourceKind};
use lectern_domain::wire::{FailureReason, SourceCommand, SourceEvent};
use support::media::{self, Track};
use support::servers::Xvfb;
use support::{Driver, video_source};

fn screen(display: &str) -> Source {
    video_source(
        SourceKind::X11 {
            display: Some(display.into()),
        },
        None,
        15,
        None,
    )
}

#[test]
fn what_is_drawn_is_recorded_and_a_still_screen_lasts_to_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let x = Xvfb::start(1366, 767);
    let painter = x.painter();
    painter.fill(0x0020_2020);
    let mut driver = Driver::open(screen(&x.display));
    assert_eq!(driver.wait_live(), "1366x767@15");
    let run = driver.encode();
    // White for a while in the middle, then nothing moves any more.
    driver.wait_chunk_until(&run, Duration::from_millis(1000));
    painter.fill(0x00ff_ffff);
    driver.wait_chunk_until(&run, Duration::from_millis(1800));
    painter.fill(0x0020_2020);
    driver.wait_chunk_until(&run, Duration::from_millis(4500));
    let length_ns = driver.stop(&run);
    driver.quit();

    let track = Track::gather(&driver, &run);
    assert_eq!(track.codec, "H.264 High 1366x766", "an odd line is cut");
    track.check_chunks();
    let file = track.write(folder.path(), "screen.mp4");
    assert_eq!(media::decode_errors(&file), "");
    let off = track.end_ns().abs_diff(length_ns);
    assert!(off < 20_000_000, "the track ends {off} ns from the stop");
    assert!(
        track.start_ns() < 500_000_000,
        "it begins {} ns late",
        track.start_ns()
    );
    assert_eq!(media::flashes(&file).len(), 1, "white once");
    let longest = track.check_chunks().into_iter().max().unwrap();
    println!(
        "first chunk starts at {} ms, longest picture {} ms",
        track.start_ns() / 1_000_000,
        longest / 90
    );
}

#[test]
fn a_pointer_that_moves_is_seen() {
    let x = Xvfb::start(640, 480);
    x.painter().fill(0x0080_8080);
    let mut driver = Driver::open(screen(&x.display));
    driver.wait_live();
    // A small picture that was taken a while after the pointer had arrived.
    let picture = |driver: &mut Driver| {
        let since = support::now_ns() + 100_000_000;
        let at = driver.wait(
            "a picture",
            |event| matches!(event, SourceEvent::Picture { at_ns } if *at_ns > since),
        );
        driver.heard[at].frame.blob.clone()
    };
    x.move_pointer(100, 100);
    let before = picture(&mut driver);
    x.move_pointer(400, 300);
    let after = picture(&mut driver);
    assert!(before != after, "the small pictures differ");
    assert!(before.starts_with(&[0xff, 0xd8]), "they are JPEG");
    driver.quit();
}

/// P4 begins here: the death of an X server ends one process, in words.
#[test]
fn p4_a_killed_x_server_is_a_failure_and_what_was_recorded_is_flushed() {
    let folder = tempfile::tempdir().unwrap();
    let mut x = Xvfb::start(800, 600);
    x.painter().fill(0x0030_5080);
    let mut driver = Driver::open(screen(&x.display));
    driver.wait_live();
    let run = driver.encode();
    driver.wait_chunk_until(&run, Duration::from_secs(2));
    let killed_ns = support::now_ns() - run.base_ns;
    x.server.kill();
    let (reason, message) = driver.wait_failed();
    assert_eq!(reason, FailureReason::Lost, "{message}");
    assert!(
        message.starts_with(&format!("X display {}: the X server went away", x.display)),
        "{message}"
    );
    let last = driver.heard.len() - 1;
    assert!(
        matches!(driver.heard[last].frame.message, SourceEvent::Failed { .. }),
        "it is the last word"
    );

    let track = Track::gather(&driver, &run);
    track.check_chunks();
    assert_eq!(
        media::decode_errors(&track.write(folder.path(), "screen.mp4")),
        ""
    );
    let lost_ms = killed_ns.saturating_sub(track.end_ns()) / 1_000_000;
    println!("lost {lost_ms} ms before the kill");
    assert!(lost_ms <= 700, "{lost_ms} ms");
}

/// P2 on a screen on which nothing moves: its last chunk ends with the next heartbeat.
#[test]
fn p2_a_killed_process_loses_half_a_second_of_a_still_screen() {
    let x = Xvfb::start(1024, 768);
    x.painter().fill(0x0030_5080);
    let mut lost_ms = Vec::new();
    for nth in 0..5u64 {
        let mut driver = Driver::open(screen(&x.display));
        driver.wait_live();
        let run = driver.encode();
        // At another moment between two heartbeats each time.
        driver.wait_chunk_until(&run, Duration::from_millis(2600));
        let moment = support::now_ns() + nth * 80_000_000;
        while let Some(left) = moment.checked_sub(support::now_ns()) {
            std::thread::park_timeout(Duration::from_nanos(left));
        }
        driver.child.kill().unwrap();
        let killed_ns = support::now_ns() - run.base_ns;
        driver.wait_exit();
        lost_ms.push(killed_ns.saturating_sub(Track::gather(&driver, &run).end_ns()) / 1_000_000);
    }
    println!("lost {lost_ms:?} ms");
    assert!(lost_ms.iter().all(|ms| *ms <= 700), "{lost_ms:?}");
}

/// The projector was plugged in: the lecture goes on, in pictures of another size.
#[test]
fn another_resolution_goes_on_in_the_same_process_and_run() {
    let x = Xvfb::start(1280, 1024);
    let mut driver = Driver::open(screen(&x.display));
    driver.wait_live();
    let run = driver.encode();
    driver.wait_chunk_until(&run, Duration::from_secs(1));
    x.resize(800, 600);
    let second =
        |event: &SourceEvent| matches!(event, SourceEvent::Init { codec, .. } if codec.ends_with(" 800x600"));
    let init = driver.wait("an encoder for the new size", second);
    driver.stop(&run);
    driver.quit();

    let chunk = |event: &SourceEvent| match event {
        SourceEvent::Chunk {
            start_ns,
            end_ns,
            key,
            ..
        } => Some((*start_ns, *end_ns, *key)),
        _ => None,
    };
    let (before, after) = driver.heard.split_at(init);
    let last = before
        .iter()
        .rev()
        .find_map(|heard| chunk(&heard.frame.message))
        .unwrap();
    let first = after
        .iter()
        .find_map(|heard| chunk(&heard.frame.message))
        .unwrap();
    assert!(first.2, "the new pictures begin with a key frame");
    let hole_ms = (i128::from(first.0) - i128::from(last.1)) / 1_000_000;
    println!("{hole_ms} ms between the two sizes");
    assert!((0..2_000).contains(&hole_ms), "{hole_ms} ms");
}

/// The last picture of a file, blue first, 32 bits a pixel, decoded as a player would.
fn last_picture(file: &Path, end_ns: u64, bytes: usize) -> Vec<u8> {
    let from = end_ns.saturating_sub(600_000_000) as f64 / 1e9;
    let out = Command::new("ffmpeg")
        .args(["-v", "error", "-ss", &from.to_string(), "-i"])
        .arg(file)
        .args(["-f", "rawvideo", "-pix_fmt", "bgr0", "-"])
        .output()
        .expect("ffmpeg is installed");
    assert!(
        out.stdout.len() >= bytes,
        "{}",
        String::from_utf8_lossy(&out.stderr)
    );
    out.stdout[out.stdout.len() - bytes..].to_vec()
}

/// The mean difference of each block of 16 by 16 pixels and where the largest is.
fn worst_block(one: &[u8], other: &[u8], size: (usize, usize)) -> (f64, (usize, usize)) {
    let mut worst = (0.0, (0, 0));
    for top in (0..size.1).step_by(16) {
        for left in (0..size.0).step_by(16) {
            let (mut sum, mut count) = (0u32, 0u32);
            for y in top..(top + 16).min(size.1) {
                for at in (left..(left + 16).min(size.0)).map(|x| (y * size.0 + x) * 4) {
                    sum += (0..3)
                        .map(|n| u32::from(one[at + n].abs_diff(other[at + n])))
                        .sum::<u32>();
                    count += 3;
                }
            }
            let mean = f64::from(sum) / f64::from(count);
            if mean > worst.0 {
                worst = (mean, (left, top));
            }
        }
    }
    worst
}

/// Only what changed is taken from the server; what is recorded must be all that it shows, and
/// nothing of where the pointer was.
#[test]
fn small_changes_and_a_moving_pointer_leave_the_right_picture() {
    const SIZE: (u16, u16) = (962, 602);
    let folder = tempfile::tempdir().unwrap();
    let x = Xvfb::start(SIZE.0.into(), SIZE.1.into());
    let painter = x.painter();
    painter.fill(0x0030_6090);
    let mut driver = Driver::open(screen(&x.display));
    driver.wait_live();
    let run = driver.encode();
    let mut number = 7u32;
    let mut next = |below: u16| {
        number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        u16::try_from(number >> 16).unwrap() % below
    };
    for step in 1..=24u64 {
        // Now and then many at once, more than are asked for one by one.
        for _ in 0..if step % 8 == 0 { 60 } else { 3 } {
            let rgb = u32::from(next(256)) << 16 | u32::from(next(256)) << 8 | u32::from(next(256));
            let (left, top) = (next(SIZE.0).cast_signed(), next(SIZE.1).cast_signed());
            painter.rectangle(rgb, (left, top), (16 + next(90), 16 + next(70)));
        }
        x.move_pointer(next(SIZE.0).cast_signed(), next(SIZE.1).cast_signed());
        driver.wait_chunk_until(&run, Duration::from_millis(80 * step));
    }
    // Out of the way, where its last place shows.
    x.move_pointer(SIZE.0.cast_signed() - 1, SIZE.1.cast_signed() - 1);
    driver.wait_chunk_until(&run, Duration::from_millis(3500));
    driver.stop(&run);
    driver.quit();

    let track = Track::gather(&driver, &run);
    let file = track.write(folder.path(), "screen.mp4");
    let (width, height) = (usize::from(SIZE.0), usize::from(SIZE.1));
    let mut shown = x.picture(SIZE.0, SIZE.1);
    let mut recorded = last_picture(&file, track.end_ns(), width * height * 4);
    for picture in [&mut shown, &mut recorded] {
        for row in picture.chunks_exact_mut(width * 4).skip(height - 24) {
            row[(width - 24) * 4..].fill(0);
        }
    }
    let (worst, place) = worst_block(&shown, &recorded, (width, height));
    println!("the worst block is off by {worst:.1} of 255, at {place:?}");
    assert!(worst < 30.0, "{worst:.1} at {place:?}");
}

#[test]
fn a_display_that_is_not_there_is_named_quickly() {
    let mut driver = Driver::open(screen(":7654"));
    let (reason, message) = driver.wait_failed();
    assert_eq!(reason, FailureReason::NotFound, "{message}");
    assert!(
        message.starts_with("X display :7654: no X server answers"),
        "{message}"
    );
    let mut driver = Driver::open(screen("nonsense"));
    let (reason, message) = driver.wait_failed();
    assert_eq!(reason, FailureReason::Config, "{message}");
}

#[test]
fn a_frozen_x_server_is_a_stalled_source() {
    let x = Xvfb::start(320, 240);
    let mut driver = Driver::open(screen(&x.display));
    driver.wait_live();
    x.server.freeze(true);
    let failed = driver.wait_failed();
    x.server.freeze(false);
    assert_eq!(failed.0, FailureReason::Stalled, "{}", failed.1);
}

#[test]
fn the_configured_size_is_the_size_of_the_track() {
    let x = Xvfb::start(800, 600);
    x.painter().fill(0x0030_5080);
    let kind = SourceKind::X11 {
        display: Some(x.display.clone()),
    };
    let mut driver = Driver::open(video_source(kind, Some((640, 360)), 10, None));
    driver.wait_live();
    let run = driver.encode();
    driver.wait_chunk_until(&run, Duration::from_millis(900));
    driver.send(&SourceCommand::KeyFrame);
    driver.wait_chunk_until(&run, Duration::from_millis(1900));
    driver.stop(&run);
    driver.quit();
    let track = Track::gather(&driver, &run);
    assert_eq!(track.codec, "H.264 High 640x360");
    track.check_chunks();
    let keys = track.chunks.iter().filter(|chunk| chunk.key).count();
    assert!(keys >= 2, "the asked key frame begins a chunk; {keys}");
}
