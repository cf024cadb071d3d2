//! The test sources, recorded by the real binary: decodable, gapless, on one clock.

mod support;

use std::time::Duration;

use lectern_domain::config::Encoder;
use lectern_domain::units::Rate;
use support::media::{self, Track};
use support::{Driver, test_audio, test_video};

/// A recorded track, the base of its run and its asked length.
struct Recorded {
    track: Track,
    base_ns: u64,
    length_ns: u64,
    file: std::path::PathBuf,
}

fn record(
    folder: &std::path::Path,
    source: lectern_domain::config::Source,
    name: &str,
    seconds: u64,
) -> Recorded {
    let mut driver = Driver::open(source);
    driver.wait_live();
    let run = driver.encode();
    driver.wait_chunk_until(&run, Duration::from_secs(seconds));
    let length_ns = driver.stop(&run);
    driver.quit();
    let track = Track::gather(&driver, &run);
    let file = track.write(folder, name);
    Recorded {
        track,
        base_ns: run.base_ns,
        length_ns,
        file,
    }
}

/// Distance to the nearest whole second of the monotonic clock, in seconds.
fn off_the_second(recorded: &Recorded, time: f64) -> f64 {
    let moment = time + (recorded.base_ns % 1_000_000_000) as f64 / 1e9;
    moment - moment.round()
}

#[test]
fn picture_and_sound_lie_on_the_clock_of_all_sources() {
    let folder = tempfile::tempdir().unwrap();
    let (picture, sound) = std::thread::scope(|scope| {
        let picture = scope.spawn(|| record(folder.path(), test_video(), "picture.mp4", 6));
        let sound = scope.spawn(|| record(folder.path(), test_audio(), "sound.mp4", 6));
        (picture.join().unwrap(), sound.join().unwrap())
    });
    for (recorded, ticks) in [(&picture, 3000), (&sound, 1024)] {
        let (last, all) = recorded
            .track
            .check_chunks()
            .split_last()
            .map(|(a, b)| (*a, b.to_vec()))
            .unwrap();
        // A machine that cannot follow loses pictures; those that are left stay on the grid. Sound
        // has no holes at all.
        let even = |is: &u64| {
            if ticks == 1024 {
                *is == ticks
            } else {
                is.is_multiple_of(ticks)
            }
        };
        assert!(all.iter().all(even), "one distance from first to last: {all:?}");
        assert!(last > 0);
        assert_eq!(
            media::decode_errors(&recorded.file),
            "",
            "{}",
            recorded.file.display()
        );
        let length = recorded.track.end_ns().abs_diff(recorded.length_ns);
        assert!(length < 200_000_000, "the track ends {length} ns from the stop");
        assert!(
            recorded.track.start_ns() < 500_000_000,
            "it begins {} ns late",
            recorded.track.start_ns()
        );
    }
    let flashes: Vec<f64> = media::flashes(&picture.file)
        .iter()
        .map(|time| off_the_second(&picture, *time))
        .collect();
    let beeps: Vec<f64> = media::beeps(&sound.file)
        .iter()
        .map(|time| off_the_second(&sound, *time))
        .collect();
    println!("flashes off the second: {flashes:?}\nbeeps off the second: {beeps:?}");
    println!(
        "first chunk {:?} {:?}",
        picture.track.start_ns(),
        sound.track.start_ns()
    );
    assert!(flashes.len() >= 5 && beeps.len() >= 5);
    for flash in &flashes {
        for beep in &beeps {
            assert!((flash - beep).abs() < 0.040, "flash {flash}, beep {beep}");
        }
    }
}

/// A positive `delay` is for a source that arrives early: it moves the sound to a later time.
#[test]
fn a_delay_moves_the_sound_later_and_a_negative_one_earlier() {
    let folder = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for delay_ms in [250i64, -250] {
            let folder = folder.path();
            scope.spawn(move || {
                let mut source = test_audio();
                source.delay_ms = delay_ms;
                let recorded = record(folder, source, &format!("{delay_ms}.mp4"), 4);
                let beeps = media::beeps(&recorded.file);
                assert!(beeps.len() >= 3, "{beeps:?}");
                for beep in beeps
                    .into_iter()
                    .filter(|beep| recorded.track.begins_before(*beep))
                {
                    let off = off_the_second(&recorded, beep) - delay_ms as f64 / 1000.0;
                    assert!(off.abs() < 0.010, "{delay_ms} ms: {off} s off");
                }
            });
        }
    });
}

#[test]
fn each_encoder_of_pictures_makes_a_track() {
    let folder = tempfile::tempdir().unwrap();
    for (encoder, rate) in [
        (Encoder::X264, None),
        (Encoder::Openh264, Some(Rate(1_000_000))),
        (Encoder::Openh264, None),
    ] {
        let mut source = test_video();
        let video = source.video.as_mut().unwrap();
        (video.encoder, video.bitrate) = (encoder, rate);
        let recorded = record(folder.path(), source, "encoder.mp4", 3);
        recorded.track.check_chunks();
        assert_eq!(media::decode_errors(&recorded.file), "", "{encoder:?}");
        assert!(
            recorded.track.codec.starts_with("H.264 "),
            "{}",
            recorded.track.codec
        );
        let keys = recorded.track.chunks.iter().filter(|chunk| chunk.key).count();
        // More than one every two seconds: the flash is a change of scene.
        assert!(keys >= 2, "{encoder:?}: {keys} key chunks in 3 s");
        let flashes = media::flashes(&recorded.file);
        assert!(flashes.len() >= 2, "{encoder:?}: {flashes:?}");
        assert!(
            flashes
                .iter()
                .all(|time| off_the_second(&recorded, *time).abs() < 0.001),
            "{flashes:?}"
        );
    }
}
