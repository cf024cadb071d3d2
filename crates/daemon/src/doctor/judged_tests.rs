//! What is said of sources that are well and of sources that are not.

use lectern_domain::api::{SourceTotals, Verdict};
use lectern_domain::config::{Encoder, Video};
use lectern_domain::media::Role;

use super::*;

fn camera() -> Source {
    Source {
        name: "camera".parse().unwrap(),
        role: Role::Presenter,
        kind: SourceKind::V4l2 {
            device: "/dev/video0".into(),
        },
        required: false,
        spare_for: None,
        serial: None,
        delay_ms: 0,
        video: Some(Video {
            width: Some(1280),
            height: Some(720),
            fps: 30,
            bitrate: None,
            encoder: Encoder::Auto,
        }),
        audio: None,
    }
}

fn microphone() -> Source {
    Source {
        name: "microphone".parse().unwrap(),
        role: Role::Microphone,
        kind: SourceKind::TestAudio,
        video: None,
        ..camera()
    }
}

/// Two good seconds of it.
fn seen(of: &Source) -> Seen {
    let is_video = of.role.is_video();
    Seen {
        source: SourceStatus {
            name: of.name.clone(),
            role: of.role,
            kind: of.kind.as_str().into(),
            health: TrackHealth::Live,
            since_unix_ms: 0,
            format: Some(
                if is_video {
                    "1280x720@30"
                } else {
                    "48000 Hz stereo"
                }
                .into(),
            ),
            device: None,
            encoder: None,
            spare_for: None,
            standing_in: false,
            muted: false,
            drift_ppm: None,
            reason: None,
            detail: None,
            restarts: 0,
            captured: 600,
            dropped: 0,
            shed: 0,
            chunks_dropped: 0,
            totals: SourceTotals::default(),
            bytes: 0,
            has_picture: is_video,
        },
        came: 60,
        rate: Some(29.4),
        dropped: 0,
        shed: 0,
        restarted: false,
        heard: (!is_video).then_some(Heard {
            rms_dbfs: -30.0,
            peak_dbfs: -12.0,
            clipped: false,
        }),
        picture: is_video.then_some(true),
    }
}

/// The worst finding about it, after `change`.
fn worst(of: &Source, change: impl FnOnce(&mut Seen)) -> (Verdict, String) {
    let mut seen = seen(of);
    change(&mut seen);
    let checks = judge(&seen, of);
    assert!(
        checks
            .iter()
            .all(|check| (check.verdict == Verdict::Good) == check.todo.is_empty()),
        "every finding says what to do: {checks:?}"
    );
    let worst = checks.into_iter().max_by_key(|check| check.verdict).unwrap();
    (worst.verdict, worst.found)
}

#[test]
fn two_good_seconds_are_good() {
    assert_eq!(worst(&camera(), |_| {}).0, Verdict::Good);
    let (verdict, found) = worst(&microphone(), |_| {});
    assert_eq!(
        (verdict, found.as_str()),
        (
            Verdict::Good,
            "Sound is heard, as of speech (-30 dBFS, peak -12)."
        )
    );
}

#[test]
fn p4_what_does_not_deliver_says_why() {
    for reason in [
        FailureReason::NotFound,
        FailureReason::Busy,
        FailureReason::Crashed,
    ] {
        let (verdict, found) = worst(&camera(), |seen| {
            seen.source.health = TrackHealth::Restarting;
            seen.source.reason = Some(reason);
            seen.source.detail = Some("/dev/video0: it is so".into());
        });
        assert_eq!(
            (verdict, found.as_str()),
            (Verdict::Bad, "It does not deliver: /dev/video0: it is so.")
        );
    }
    assert_eq!(worst(&camera(), |seen| seen.came = 0).0, Verdict::Bad);
    let opening = worst(&camera(), |seen| seen.source.health = TrackHealth::Starting);
    assert_eq!(opening.0, Verdict::Warning);
}

#[test]
fn what_is_less_than_was_asked_for_is_a_warning() {
    type Change = fn(&mut Seen);
    let changes: [(Change, &str); 6] = [
        (
            |seen| seen.rate = Some(14.9),
            "15 pictures a second instead of 30",
        ),
        (|seen| seen.dropped = 7, "7 of its last 60 pictures"),
        (|seen| seen.shed = 7, "7 of its last 60 pictures"),
        (|seen| seen.picture = Some(false), "no picture"),
        (|seen| seen.source.restarts = OFTEN, "opened again 3 times"),
        (
            |seen| seen.source.format = Some("640x480@30".into()),
            "1280x720 was asked for",
        ),
    ];
    for (change, words) in changes {
        let (verdict, found) = worst(&camera(), change);
        assert_eq!(verdict, Verdict::Warning, "{found}");
        assert!(found.contains(words), "{found}");
    }
    // In a pause nobody may look.
    assert_eq!(worst(&camera(), |seen| seen.picture = None).0, Verdict::Good);
}

#[test]
fn levels_are_told_apart() {
    for (rms_dbfs, peak_dbfs, clipped, verdict) in [
        (-120.0, -120.0, false, Verdict::Bad),
        (-80.0, -70.0, false, Verdict::Warning),
        (-60.0, -48.0, false, Verdict::Good),
        (-25.0, -6.0, false, Verdict::Good),
        (-6.0, 0.0, true, Verdict::Warning),
    ] {
        let level = Heard {
            rms_dbfs,
            peak_dbfs,
            clipped,
        };
        assert_eq!(
            worst(&microphone(), |seen| seen.heard = Some(level)).0,
            verdict,
            "{level:?}"
        );
    }
    assert_eq!(
        worst(&microphone(), |seen| seen.source.muted = true).0,
        Verdict::Bad
    );
    assert_eq!(worst(&microphone(), |seen| seen.heard = None).0, Verdict::Warning);
}
