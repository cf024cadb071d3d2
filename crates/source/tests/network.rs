//! Kind `rtsp`, from a server of the test's own.

mod support;

use std::time::{Duration, Instant};

use lectern_domain::config::{Source, SourceKind};
use lectern_domain::wire::{FailureReason, SourceCommand, SourceEvent};
use support::media::{self, Track};
use support::servers::Camera;
use support::{Driver, video_source};

fn camera(url: String) -> Source {
    video_source(SourceKind::Rtsp { url }, None, 30, None)
}

fn url(server: &Camera) -> String {
    format!("rtsp://127.0.0.1:{}/live", server.port)
}

#[test]
fn a_network_camera_is_recorded_as_it_comes_and_its_death_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Camera::start(&[]);
    let mut driver = Driver::open(camera(url(&server)));
    let format = driver.wait_live();
    assert!(format.starts_with("H.264 640x360"), "{format}");
    driver.wait("a picture", |event| matches!(event, SourceEvent::Picture { .. }));
    let run = driver.encode();
    driver.wait_chunk_until(&run, Duration::from_secs(4));
    let length_ns = driver.stop(&run);

    let track = Track::gather(&driver, &run);
    assert!(
        track.codec.starts_with("H.264 ") && track.codec.ends_with(" 640x360"),
        "{}",
        track.codec
    );
    track.check_chunks();
    assert_eq!(
        media::decode_errors(&track.write(folder.path(), "camera.mp4")),
        ""
    );
    assert!(
        track.start_ns() < 1_500_000_000,
        "it begins with a key frame, {} ns late",
        track.start_ns()
    );
    let off = track.end_ns().abs_diff(length_ns);
    assert!(off < 200_000_000, "the track ends {off} ns from the stop");

    let again = driver.encode();
    driver.wait_chunk_until(&again, Duration::from_secs(2));
    server.server.kill();
    let (reason, message) = driver.wait_failed();
    assert_eq!(reason, FailureReason::Lost, "{message}");
    let words = "the camera closed the connection";
    assert_eq!(message, format!("network camera {}: {words}", url(&server)));
    let track = Track::gather(&driver, &again);
    track.check_chunks();
    assert_eq!(media::decode_errors(&track.write(folder.path(), "again.mp4")), "");
}

#[test]
fn a_stream_that_ends_in_order_is_told_from_a_broken_one() {
    let mut server = Camera::start(&[]);
    let mut driver = Driver::open(camera(url(&server)));
    driver.wait_live();
    server.obey("end");
    let (reason, message) = driver.wait_failed();
    assert_eq!(reason, FailureReason::Lost, "{message}");
    let words = "the camera ended the stream";
    assert_eq!(message, format!("network camera {}: {words}", url(&server)));
}

/// P4: a camera that changes its picture goes on in the same run, with a new header.
#[test]
fn p4_a_camera_that_changes_its_size_goes_on() {
    let mut server = Camera::start(&[]);
    let mut driver = Driver::open(camera(url(&server)));
    driver.wait_live();
    let run = driver.encode();
    driver.wait_chunk_until(&run, Duration::from_secs(2));
    server.obey("resize");
    let init = |codec: &'static str| move |event: &SourceEvent| matches!(event, SourceEvent::Init { codec: is, .. } if is.ends_with(codec));
    let before = driver.wait("the first header", init(" 640x360"));
    let after = driver.wait_from(before, "another header", init(" 320x180"));
    let SourceEvent::Chunk { end_ns, .. } = driver.heard[..after]
        .iter()
        .rev()
        .map(|heard| &heard.frame.message)
        .find(|message| matches!(message, SourceEvent::Chunk { .. }))
        .unwrap()
    else {
        unreachable!()
    };
    let (seam, id) = (*end_ns, run.id);
    let next = driver.wait_from(
        after,
        "a chunk of the new size",
        |event| matches!(event, SourceEvent::Chunk { run, key: true, .. } if *run == id),
    );
    let SourceEvent::Chunk { start_ns, .. } = driver.heard[next].frame.message else {
        unreachable!()
    };
    println!(
        "{} ms between the two sizes",
        (start_ns.saturating_sub(seam)) / 1_000_000
    );
    assert!(start_ns >= seam, "{start_ns} {seam}");
    driver.wait_chunk_until(&run, Duration::from_nanos(start_ns + 1_000_000_000));
    driver.stop(&run);
    driver.quit();
}

/// P4: a camera that keeps its connection and sends nothing is found before 3 s are over.
#[test]
fn p4_a_camera_that_falls_silent_is_found() {
    let mut server = Camera::start(&[]);
    let mut driver = Driver::open(camera(url(&server)));
    driver.wait_live();
    let run = driver.encode();
    driver.wait_chunk_until(&run, Duration::from_secs(1));
    server.obey("stall");
    let silent = Instant::now();
    let (reason, message) = driver.wait_failed();
    assert_eq!(reason, FailureReason::Stalled, "{message}");
    assert!(message.ends_with(": no data for 2500 ms"), "{message}");
    // What a busy machine adds is not the camera's; the least is: nothing is judged too early.
    let took = silent.elapsed();
    println!("found after {took:?}");
    assert!(took >= Duration::from_secs(2), "{took:?}");
}

#[test]
fn a_camera_that_sends_something_else_is_unsupported() {
    let server = Camera::start(&["--codec", "jpeg"]);
    let (reason, message) = Driver::open(camera(url(&server))).wait_failed();
    assert_eq!(reason, FailureReason::Unsupported, "{message}");
    assert!(
        message.contains("JPEG") && message.contains("only H.264"),
        "{message}"
    );
}

#[test]
fn a_wrong_password_is_denied_and_never_told() {
    let server = Camera::start(&["--user", "room", "--password", "right"]);
    let wrong = url(&server).replace("rtsp://", "rtsp://room:hush-hush@");
    let (reason, message) = Driver::open(camera(wrong)).wait_failed();
    assert_eq!(reason, FailureReason::Denied, "{message}");
    assert!(
        !message.contains("hush") && message.contains(&url(&server)),
        "{message}"
    );

    let right = url(&server).replace("rtsp://", "rtsp://room:right@");
    let mut driver = Driver::open(camera(right));
    driver.wait_live();
    driver.send(&SourceCommand::Quit);
    assert_eq!(driver.wait_exit(), Some(0));
}

#[test]
fn a_camera_that_is_not_there_is_named() {
    let mut server = Camera::start(&[]);
    server.server.kill();
    let (reason, message) = Driver::open(camera(url(&server))).wait_failed();
    assert_eq!(reason, FailureReason::NotFound, "{message}");
    assert!(
        message.starts_with(&format!("network camera {}: ", url(&server))),
        "{message}"
    );
}
