//! What happens behind the device: the past that is kept, encoders that fail or cannot follow,
//! formats that change in mid-lecture.

mod support;

use std::time::Duration;

use lectern_domain::config::{Source, SourceKind};
use lectern_domain::fact::FactKind;
use lectern_domain::units::Rate;
use lectern_domain::wire::{SourceCommand, SourceEvent};
use support::media::{self, Track};
use support::servers::{Camera, Xvfb};
use support::{Driver, Run, now_ns, test_audio, test_video, video_source};

const SECOND: u64 = 1_000_000_000;
const MS: u64 = 1_000_000;
/// The coarsest tick of a track.
const TICK_NS: u64 = 20_834;
const PRE_ROLL: Duration = Duration::from_secs(3);

/// The whole second at or before the pre-roll's beginning: what the daemon takes as a run's zero.
fn base_before(press_ns: u64) -> u64 {
    (press_ns - PRE_ROLL.as_nanos() as u64) / SECOND * SECOND
}

/// Waits until the device has delivered so many buffers.
fn wait_captured(driver: &mut Driver, count: u64) {
    driver.wait(
        "a device that delivers",
        |event| matches!(event, SourceEvent::Alive { captured, .. } if *captured >= count),
    );
}

fn dropped(driver: &Driver) -> u64 {
    let counts = driver.heard.iter().filter_map(|heard| match heard.frame.message {
        SourceEvent::Alive { dropped, .. } => Some(dropped),
        _ => None,
    });
    counts.max().unwrap_or(0)
}

/// What was noted of this kind.
fn noted(driver: &Driver, wanted: FactKind) -> Vec<String> {
    let facts = driver
        .heard
        .iter()
        .filter_map(|heard| match &heard.frame.message {
            SourceEvent::Noted { what, detail, .. } if *what == wanted => Some(detail.clone()),
            _ => None,
        });
    facts.collect()
}

fn wait_noted(driver: &mut Driver, wanted: FactKind) {
    driver.wait(
        wanted.as_str(),
        |event| matches!(event, SourceEvent::Noted { what, .. } if *what == wanted),
    );
}

/// Each track of the run decodes, and there is no more than `most` between two of them.
fn check_pieces(tracks: &[Track], most: Duration) {
    let folder = tempfile::tempdir().expect("a test has a temporary folder");
    for (number, track) in tracks.iter().enumerate() {
        track.check_chunks();
        let file = track.write(folder.path(), &format!("{number}.mp4"));
        assert_eq!(media::decode_errors(&file), "", "track {number}");
    }
    for pair in tracks.windows(2) {
        let (end, start) = (pair[0].end_ns(), pair[1].start_ns());
        assert!(end <= start, "a track begins at {start} before the end {end}");
        let hole = Duration::from_nanos(start - end);
        assert!(hole <= most, "{hole:?} are missing between two encoders");
    }
}

#[test]
fn p1_with_pre_roll_every_track_begins_at_zero_before_the_press_and_without_a_seam() {
    for (source, first_ns, ticks) in [(test_video(), 34 * MS, 3000), (test_audio(), 22 * MS, 1024)] {
        let mut driver = Driver::open_warm(source, &[], PRE_ROLL);
        driver.wait_live();
        // Five seconds of it.
        wait_captured(&mut driver, if ticks == 1024 { 500 } else { 150 });
        for _ in 0..2 {
            let press_ns = now_ns();
            let run = driver.encode_from(base_before(press_ns), 0);
            let pressed = press_ns - run.base_ns;
            driver.wait_chunk_until(&run, Duration::from_nanos(pressed) + Duration::from_secs(2));
            let length_ns = driver.stop(&run);

            let track = Track::gather(&driver, &run);
            assert!(
                track.start_ns() < first_ns,
                "the first frame stands at {} ns",
                track.start_ns()
            );
            let (_, even) = track
                .check_chunks()
                .split_last()
                .map(|(a, b)| (*a, b.to_vec()))
                .unwrap();
            // A machine that cannot follow loses pictures; those that are left stay on the grid.
            let whole = dropped(&driver) == 0;
            assert!(
                even.iter()
                    .all(|is| *is == ticks || (!whole && is.is_multiple_of(ticks))),
                "{even:?}"
            );
            assert!(
                track.end_ns().abs_diff(length_ns) < 200 * MS,
                "{}",
                track.end_ns()
            );
            check_pieces(&[track], Duration::ZERO);
        }
        driver.quit();
    }
}

#[test]
fn p1_the_pre_roll_of_a_network_camera_begins_with_its_own_key_frame() {
    let server = Camera::start(&[]);
    let url = format!("rtsp://127.0.0.1:{}/live", server.port);
    let mut driver = Driver::open_warm(
        video_source(SourceKind::Rtsp { url }, None, 30, None),
        &[],
        PRE_ROLL,
    );
    driver.wait_live();
    wait_captured(&mut driver, 160);
    let press_ns = now_ns();
    let run = driver.encode_from(base_before(press_ns), 0);
    driver.wait_chunk_until(&run, Duration::from_nanos(press_ns - run.base_ns));
    driver.stop(&run);
    driver.quit();
    let track = Track::gather(&driver, &run);
    // It sends one each second.
    assert!(track.start_ns() < 1_200 * MS, "{}", track.start_ns());
    check_pieces(&[track], Duration::ZERO);
}

#[test]
fn p1_the_pre_roll_of_a_still_screen_begins_near_zero() {
    let server = Xvfb::start(640, 480);
    let kind = SourceKind::X11 {
        display: Some(server.display.clone()),
    };
    let mut driver = Driver::open_warm(video_source(kind, None, 15, None), &[], PRE_ROLL);
    driver.wait_live();
    // Five seconds of repeated pictures.
    let mut next = driver.heard.len();
    for _ in 0..10 {
        next = 1 + driver.wait_from(next, "a sign of life", |event| {
            matches!(event, SourceEvent::Alive { .. })
        });
    }
    let press_ns = now_ns();
    let run = driver.encode_from(base_before(press_ns), 0);
    driver.wait_chunk_until(&run, Duration::from_nanos(press_ns - run.base_ns));
    driver.stop(&run);
    driver.quit();
    let track = Track::gather(&driver, &run);
    assert!(track.start_ns() < 400 * MS, "{}", track.start_ns());
    check_pieces(&[track], Duration::ZERO);
}

/// A pause begins 25 ms after the moment that its sources are told: a chunk that ended later would
/// be refused, and what was said before the pause would be lost with it.
#[test]
fn p7_a_track_ends_where_it_is_told_to() {
    for source in [test_video(), test_audio()] {
        let mut driver = Driver::open(source);
        driver.wait_live();
        let run = driver.encode();
        driver.wait_chunk_until(&run, Duration::from_secs(1));
        // No edge of a block of sound or of a picture, and late enough for a busy machine to hear.
        let until_ns = (now_ns() - run.base_ns) / SECOND * SECOND + 3 * SECOND + 7 * MS;
        driver.send(&SourceCommand::StopEncode { until_ns });
        driver.wait_drained(&run);
        driver.quit();
        let end_ns = Track::gather(&driver, &run).end_ns();
        assert!(end_ns + TICK_NS >= until_ns, "{end_ns} before {until_ns}");
        assert!(end_ns < until_ns + 25 * MS, "{end_ns} after {until_ns}");
    }
}

#[test]
fn p7_after_a_pause_nothing_from_before_comes_out_of_the_ring() {
    for source in [test_video(), test_audio()] {
        let mut driver = Driver::open_warm(source, &[], PRE_ROLL);
        driver.wait_live();
        wait_captured(&mut driver, 60);
        let run = driver.encode();
        driver.wait_chunk_until(&run, Duration::from_secs(1));
        let until_ns = driver.stop(&run);
        let before = Track::gather(&driver, &run);
        // A run's zero lies between two ticks.
        assert!(
            before.end_ns() <= until_ns + TICK_NS,
            "{} past {until_ns}",
            before.end_ns()
        );

        let from_ns = now_ns() - run.base_ns;
        let resumed = driver.encode_from(run.base_ns, from_ns);
        driver.wait_chunk_until(&resumed, Duration::from_nanos(from_ns) + Duration::from_secs(2));
        driver.stop(&resumed);
        driver.quit();
        let after = Track::gather(&driver, &resumed);
        assert!(
            after.start_ns() + TICK_NS >= from_ns,
            "{} before {from_ns}",
            after.start_ns()
        );
        // A key frame was asked for and not waited for.
        assert!(
            after.start_ns() < from_ns + 500 * MS,
            "{} after {from_ns}",
            after.start_ns()
        );
        check_pieces(&[before, after], Duration::MAX);
    }
}

const GOOD: &str = "x264enc tune=zerolatency speed-preset=ultrafast bframes=0 key-int-max=120";

#[test]
fn p4_an_encoder_that_fails_in_mid_lecture_is_replaced() {
    // Its parameters differ from those of the encoder that follows.
    let fragment = "identity error-after=75 ! openh264enc complexity=low";
    for pre_roll in [Duration::ZERO, PRE_ROLL] {
        let environment = [("LECTERN_ENCODER_FRAGMENT", fragment)];
        let mut driver = Driver::open_warm(test_video(), &environment, pre_roll);
        driver.wait_live();
        let run = driver.encode();
        driver.wait_chunk_until(&run, Duration::from_secs(6));
        let length_ns = driver.stop(&run);
        driver.quit();
        let tracks = Track::gather_all(&driver, &run);
        assert_eq!(tracks.len(), 2, "{:?}", driver.summary());
        check_pieces(&tracks, Duration::from_secs(1));
        assert!(tracks[1].end_ns().abs_diff(length_ns) < 200 * MS);
        let fallback = noted(&driver, FactKind::EncoderFallback);
        assert!(
            matches!(&fallback[..], [words] if words.contains("error-after=75") && words.contains("failed: ")),
            "{fallback:?}"
        );
        let encoders = noted(&driver, FactKind::Encoder);
        assert!(encoders[1].starts_with("x264 "), "{encoders:?}");
    }
}

#[test]
fn p4_an_encoder_that_never_starts_costs_nothing() {
    let environment = [("LECTERN_ENCODER_FRAGMENT", "nosuchencoder")];
    let mut driver = Driver::open_with(test_video(), &environment);
    driver.wait_live();
    let run = driver.encode();
    driver.wait_chunk_until(&run, Duration::from_secs(2));
    driver.stop(&run);
    driver.quit();
    let track = Track::gather(&driver, &run);
    assert!(track.start_ns() < 500 * MS, "{}", track.start_ns());
    assert_eq!(noted(&driver, FactKind::EncoderFallback).len(), 1);
}

#[test]
fn a_machine_that_cannot_follow_leaves_pictures_out_evenly() {
    // Five pictures a second is all that this encoder does.
    let fragment = format!("identity sleep-time=200000 ! {GOOD}");
    let environment = [("LECTERN_ENCODER_FRAGMENT", fragment.as_str())];
    let mut driver = Driver::open_with(test_video(), &environment);
    driver.wait_live();
    let run = driver.encode();
    driver.wait("a quarter of the pictures", |event| {
        matches!(event, SourceEvent::Noted { what: FactKind::LoadShed, detail, .. }
            if detail.contains("fourth"))
    });
    wait_noted(&mut driver, FactKind::Dropped);
    driver.wait(
        "pictures that are left out",
        |event| matches!(event, SourceEvent::Alive { shed, .. } if *shed > 20),
    );
    driver.stop(&run);
    driver.quit();
    let steps = noted(&driver, FactKind::LoadShed);
    assert_eq!(steps.len(), 2, "half, then a quarter: {steps:?}");
    check_pieces(&[Track::gather(&driver, &run)], Duration::ZERO);
}

/// Records across a change of the camera's size and returns what was recorded.
fn record_a_resize(driver: &mut Driver, server: &mut Camera) -> (Run, Vec<Track>) {
    driver.wait_live();
    let run = driver.encode();
    driver.wait_chunk_until(&run, Duration::from_secs(3));
    server.obey("resize");
    wait_noted(driver, FactKind::FormatChanged);
    let changed = Duration::from_nanos(now_ns() - run.base_ns);
    driver.wait_chunk_until(&run, changed + Duration::from_secs(2));
    driver.stop(&run);
    let tracks = Track::gather_all(driver, &run);
    (run, tracks)
}

#[test]
fn p4_with_pre_roll_a_network_camera_may_change_its_size_too() {
    let mut server = Camera::start(&[]);
    let url = format!("rtsp://127.0.0.1:{}/live", server.port);
    let source = video_source(SourceKind::Rtsp { url }, None, 30, None);
    let mut driver = Driver::open_warm(source, &[], PRE_ROLL);
    let (_, tracks) = record_a_resize(&mut driver, &mut server);
    driver.quit();
    let codecs: Vec<&str> = tracks.iter().map(|track| track.codec.as_str()).collect();
    assert_eq!(codecs.len(), 2, "{codecs:?}");
    assert!(
        codecs[0].ends_with(" 640x360") && codecs[1].ends_with(" 320x180"),
        "{codecs:?}"
    );
    check_pieces(&tracks, Duration::from_millis(300));
    let changes = noted(&driver, FactKind::FormatChanged);
    assert!(
        matches!(&changes[..], [words] if words.contains("640x360") && words.contains(" → H.264 320x180")),
        "{changes:?}"
    );
}

/// The same camera's pictures, decoded: a device whose raw format changes.
fn decoded(server: &Camera, size: Option<(u32, u32)>) -> Source {
    let launch = format!(
        "rtspsrc location=rtsp://127.0.0.1:{}/live protocols=tcp latency=100 ! rtph264depay ! h264parse \
         ! openh264dec",
        server.port
    );
    video_source(SourceKind::Gst { launch }, size, 30, Some(Rate(1_000_000)))
}

#[test]
fn p4_a_device_that_changes_its_format_gets_another_encoder() {
    let mut server = Camera::start(&[]);
    let mut driver = Driver::open(decoded(&server, None));
    let (_, tracks) = record_a_resize(&mut driver, &mut server);
    driver.quit();
    let codecs: Vec<&str> = tracks.iter().map(|track| track.codec.as_str()).collect();
    assert_eq!(codecs, ["H.264 High 640x360", "H.264 High 320x180"]);
    check_pieces(&tracks, Duration::from_millis(500));
}

#[test]
fn p4_a_configured_size_stays_whatever_the_device_does() {
    let mut server = Camera::start(&[]);
    let mut driver = Driver::open(decoded(&server, Some((480, 270))));
    let (run, tracks) = record_a_resize(&mut driver, &mut server);
    driver.quit();
    assert_eq!(tracks.len(), 1, "the same parameters need no other init segment");
    assert_eq!(tracks[0].codec, "H.264 High 480x270");
    check_pieces(&[Track::gather(&driver, &run)], Duration::ZERO);
}
