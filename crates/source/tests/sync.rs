//! The test sources, recorded by the real binary: decodable, gapless, on one clock.

mod support;

use std::time::Duration;

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
    for recorded in [&picture, &sound] {
        recorded.track.check_chunks();
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
