//! Trials with encoders that are good and with encoders that are not.

use lectern_domain::config::{Encoder, SourceKind, Video};
use lectern_domain::media::Role;

use super::*;

fn source() -> Source {
    Source {
        name: "camera".parse().unwrap(),
        role: Role::Presenter,
        kind: SourceKind::TestVideo,
        required: false,
        spare_for: None,
        serial: None,
        delay_ms: -300,
        video: Some(Video {
            width: None,
            height: None,
            fps: 10,
            bitrate: None,
            encoder: Encoder::Auto,
        }),
        audio: None,
    }
}

/// A grey picture of 160x120.
fn form() -> Form {
    let caps = "video/x-raw,format=I420,width=160,height=120,framerate=10/1";
    Form::from_caps(caps.parse().unwrap()).unwrap()
}

fn samples() -> Vec<gst::Buffer> {
    let grey = |level: u8| gst::Buffer::from_mut_slice(vec![level; 160 * 120 * 3 / 2]);
    vec![grey(60), grey(180)]
}

fn try_out(launch: &str) -> Result<f64, Broken> {
    gst::init().unwrap();
    let candidate = Candidate::Fragment(launch.to_owned());
    trial(
        &candidate,
        &source(),
        &form(),
        &samples(),
        &AtomicBool::new(false),
    )
}

#[test]
fn a_good_encoder_has_a_speed() {
    let speed = try_out("x264enc tune=zerolatency speed-preset=ultrafast bframes=0").unwrap();
    assert!(speed > 1.0, "{speed}");
}

#[test]
fn each_fault_is_told_in_words() {
    let good = "x264enc tune=zerolatency speed-preset=ultrafast bframes=0";
    for (launch, why) in [
        (format!("identity error-after=4 ! {good}"), "the encoder: "),
        (
            format!("{good} ! identity drop-probability=0.9"),
            "frames for 10 pictures",
        ),
        (
            "x264enc speed-preset=ultrafast b-adapt=false bframes=2".to_owned(),
            "out of order",
        ),
        (
            format!("videoscale ! video/x-raw,width=80,height=60 ! {good}"),
            "it gives 80x60 for 160x120",
        ),
        (
            format!("videoconvert ! video/x-raw,format=Y444 ! {good}"),
            "which not everything plays",
        ),
        ("openh264enc ! h264parse ! nosuchelement".to_owned(), "no element"),
    ] {
        match try_out(&launch) {
            Err(Broken::Bad(words)) => assert!(words.contains(why), "{launch}: {words}"),
            other => panic!("{launch}: {other:?}"),
        }
    }
}

#[test]
fn a_trial_can_be_broken_off() {
    gst::init().unwrap();
    let candidate = Candidate::Fragment("x264enc".to_owned());
    let stop = AtomicBool::new(true);
    let result = trial(&candidate, &source(), &form(), &samples(), &stop);
    assert_eq!(result, Err(Broken::Stopped));
}
