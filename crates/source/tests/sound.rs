//! Kinds `pulse` and `alsa`: a sound server of the test's own, and devices that are not there.

mod support;

use std::time::Duration;

use lectern_domain::config::SourceKind;
use lectern_domain::fact::FactKind;
use lectern_domain::wire::{FailureReason, SourceEvent};
use support::media::{self, Track};
use support::servers::Pulse;
use support::{Driver, audio_source};

#[test]
fn a_pulse_source_is_recorded_and_its_servers_death_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let mut pulse = Pulse::start(folder.path());
    let _beeps = pulse.play();
    let source = audio_source(
        SourceKind::Pulse {
            device: Some("mic.monitor".into()),
        },
        2,
    );
    let mut driver = Driver::open_with(source, &[("PULSE_SERVER", &pulse.address)]);
    assert_eq!(driver.wait_live(), "48000 Hz stereo");
    driver.wait("a level", |event| {
        matches!(event, SourceEvent::Level { rms_dbfs, peak_dbfs, .. }
            if rms_dbfs.len() == 2 && peak_dbfs.iter().any(|peak| *peak > -20.0))
    });
    let run = driver.encode();
    driver.wait_chunk_until(&run, Duration::from_secs(5));
    let length_ns = driver.stop(&run);
    let track = Track::gather(&driver, &run);
    assert_eq!(track.codec, "AAC-LC 48000 Hz stereo");
    let durations = track.check_chunks();
    assert!(
        durations.iter().all(|ticks| *ticks == 1024),
        "every frame is 1024 samples long"
    );
    let file = track.write(folder.path(), "sound.mp4");
    assert_eq!(media::decode_errors(&file), "");
    let off = track.end_ns().abs_diff(length_ns);
    assert!(off < 200_000_000, "the track ends {off} ns from the stop");
    let beeps = media::beeps(&file);
    let apart: Vec<f64> = beeps.windows(2).map(|pair| pair[1] - pair[0]).collect();
    println!("beeps at {beeps:?}");
    assert!(apart.len() >= 3, "{beeps:?}");

    let again = driver.encode();
    driver.wait_chunk_until(&again, Duration::from_secs(1));
    pulse.server.kill();
    let (reason, message) = driver.wait_failed();
    assert_eq!(reason, FailureReason::Lost, "{message}");
    assert!(
        message.starts_with("PulseAudio source mic.monitor: "),
        "{message}"
    );
    let track = Track::gather(&driver, &again);
    track.check_chunks();
    assert_eq!(media::decode_errors(&track.write(folder.path(), "again.mp4")), "");
}

/// The sink plays nothing at first, so its monitor is silent to the last bit.
#[test]
fn a_muted_microphone_is_noted_and_so_is_its_return() {
    let folder = tempfile::tempdir().unwrap();
    let pulse = Pulse::start(folder.path());
    let source = audio_source(
        SourceKind::Pulse {
            device: Some("mic.monitor".into()),
        },
        2,
    );
    let mut driver = Driver::open_with(source, &[("PULSE_SERVER", &pulse.address)]);
    driver.wait_live();
    let at = driver.wait("muted", |event| matches!(event, SourceEvent::Noted { .. }));
    let SourceEvent::Noted { what, detail, .. } = &driver.heard[at].frame.message else {
        unreachable!()
    };
    assert_eq!(*what, FactKind::SoundMuted);
    assert!(detail.contains("look for a mute switch"), "{detail}");
    let silent = driver.heard[..at].iter().filter(|heard| {
        matches!(&heard.frame.message, SourceEvent::Level { peak_dbfs, clipped: 0, .. }
            if peak_dbfs.iter().all(|peak| *peak <= -119.0))
    });
    // Ten a second for 5 s; a busy machine keeps only the newest.
    assert!(silent.count() >= 10);

    let _beeps = pulse.play();
    let back = driver.wait_from(at + 1, "sound again", |event| {
        matches!(event, SourceEvent::Noted { .. })
    });
    assert!(matches!(
        driver.heard[back].frame.message,
        SourceEvent::Noted {
            what: FactKind::SoundBack,
            ..
        }
    ));
    driver.wait_from(back, "a level", |event| {
        matches!(event, SourceEvent::Level { peak_dbfs, .. } if peak_dbfs.iter().any(|peak| *peak > -20.0))
    });
    driver.quit();
}

/// A square wave of the largest amplitude: every sample is at full scale.
#[test]
fn clipping_is_counted() {
    let launch =
        "audiotestsrc is-live=true wave=square volume=1 ! audio/x-raw,format=S16LE,rate=48000,channels=1";
    let source = audio_source(
        SourceKind::Gst {
            launch: launch.into(),
        },
        1,
    );
    let mut driver = Driver::open(source);
    driver.wait(
        "clipping",
        |event| matches!(event, SourceEvent::Level { clipped, .. } if *clipped >= 4_000),
    );
    driver.quit();
}

/// A server that stands still answers nothing, not even that it is left.
#[test]
fn p4_a_hung_sound_server_is_told_and_left() {
    let folder = tempfile::tempdir().unwrap();
    let pulse = Pulse::start(folder.path());
    let source = audio_source(
        SourceKind::Pulse {
            device: Some("mic.monitor".into()),
        },
        1,
    );
    let mut driver = Driver::open_with(source, &[("PULSE_SERVER", &pulse.address)]);
    driver.wait_live();
    pulse.server.freeze(true);
    let (reason, message) = driver.wait_failed();
    pulse.server.freeze(false);
    assert_eq!(reason, FailureReason::Stalled, "{message}");
}

#[test]
fn a_missing_sound_server_or_source_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = format!("unix:{}", folder.path().join("nothing.sock").display());
    let source = audio_source(SourceKind::Pulse { device: None }, 1);
    let (reason, message) = Driver::open_with(source, &[("PULSE_SERVER", &nowhere)]).wait_failed();
    assert_eq!(reason, FailureReason::NotFound, "{message}");
    assert!(
        message.starts_with("the default PulseAudio source: "),
        "{message}"
    );

    let pulse = Pulse::start(folder.path());
    let source = audio_source(
        SourceKind::Pulse {
            device: Some("no.such.monitor".into()),
        },
        1,
    );
    let (reason, message) = Driver::open_with(source, &[("PULSE_SERVER", &pulse.address)]).wait_failed();
    assert_eq!(reason, FailureReason::NotFound, "{message}");
    assert!(
        message.starts_with("PulseAudio source no.such.monitor: "),
        "{message}"
    );
}

#[test]
fn a_missing_sound_card_is_named() {
    let source = audio_source(
        SourceKind::Alsa {
            device: "hw:CARD=NotThere".into(),
        },
        1,
    );
    let (reason, message) = Driver::open(source).wait_failed();
    assert_eq!(reason, FailureReason::NotFound, "{message}");
    assert!(message.starts_with("sound card hw:CARD=NotThere: "), "{message}");
}
