//! Kind `x11` on an X server of the test's own.

mod support;

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

#[test]
fn another_resolution_ends_the_source_so_that_it_starts_anew() {
    let x = Xvfb::start(1280, 1024);
    let mut driver = Driver::open(screen(&x.display));
    driver.wait_live();
    x.resize(800, 600);
    let (reason, message) = driver.wait_failed();
    assert_eq!(
        (reason, message.as_str()),
        (
            FailureReason::Lost,
            format!("X display {}: the screen changed its size", x.display).as_str()
        )
    );
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
