//! What holds of every metric, over a room with everything in it.

use std::collections::BTreeSet;
use std::time::Duration;

use lectern_domain::api::{AttemptCounts, Census, Figures, OutcomeCounts, Status};
use lectern_domain::lecture::LectureState;

use super::*;

/// The only labels there are. What a new one may hold is decided here: never a word that somebody
/// typed about a lecture.
const LABELS: [&str; 12] = [
    "health", "kind", "outcome", "platform", "role", "room", "severity", "source", "span", "stage", "state",
    "version",
];

fn figures() -> Figures {
    Figures {
        census: Some(Census {
            lectures: vec![(LectureState::Delivered, 212), (LectureState::Captured, 1)],
            missed_unix_ms: Some(1_795_251_600_000),
            waits_since_unix_ms: Some(1_795_200_000_000),
            starts: 7,
            crashes: 1,
        }),
        attempts: AttemptCounts {
            done: 5,
            ..AttemptCounts::default()
        },
        outcomes: OutcomeCounts {
            finished: 6,
            finishing_ms: 90_500,
            ..OutcomeCounts::default()
        },
    }
}

fn rendered(status: &Status) -> String {
    render(&Seen {
        status,
        figures: &figures(),
        heard: &[Heard {
            source: "microphone".parse().expect("a plain name"),
            rms_dbfs: -31.25,
            peak_dbfs: -20.0,
            silence: Duration::from_millis(4_000),
        }],
        healthy: true,
        streams: (1, 0),
    })
}

/// The samples: name, labels, value.
fn samples(text: &str) -> impl Iterator<Item = (&str, &str, &str)> {
    text.lines().filter(|line| !line.starts_with('#')).map(|line| {
        let (series, value) = line.rsplit_once(' ').expect("a sample has a value");
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        (name, labels.trim_end_matches('}'), value)
    })
}

#[test]
fn labels_are_escaped_and_units_are_base_units() {
    let mut status: Status = crate::sample::status();
    status.room.id = "b\"2\\04".into();
    let text = rendered(&status);
    for sample in [
        r#"lectern_info{version="0.1.0",room="b\"2\\04"} 1"#,
        "lectern_storage_recordable_seconds 219600",
        "lectern_state{state=\"recording\"} 1",
        "lectern_upload_rtt_seconds 0.034",
        "lectern_audio_level_dbfs{source=\"microphone\"} -31.3",
        "lectern_audio_silence_seconds{source=\"microphone\"} 4",
        "lectern_source_up{source=\"camera\",role=\"presenter\"} 1",
        "lectern_config_last_reload_successful 1",
        "lectern_upload_attempts_total{outcome=\"done\"} 5",
        "lectern_recordings_total{outcome=\"finished\"} 6",
        "lectern_finishing_seconds_total 90.5",
        "lectern_lectures{state=\"delivered\"} 212",
        "lectern_lectures{state=\"failed\"} 0",
        "lectern_missed_lecture_timestamp_seconds 1795251600",
        "lectern_starts_total 7",
        "lectern_crashes_total 1",
    ] {
        assert!(text.lines().any(|line| line == sample), "{sample} in\n{text}");
    }
}

#[test]
fn each_family_has_a_type_and_a_help_and_stands_together() {
    let text = rendered(&crate::sample::status());
    let mut families = BTreeSet::new();
    for line in text.lines().filter_map(|line| line.strip_prefix("# HELP ")) {
        let (name, help) = line.split_once(' ').expect("a help has a text");
        assert!(help.ends_with('.') && help.len() > 5, "{line}");
        assert!(families.insert(name.to_owned()), "{name} is there twice");
        assert!(text.contains(&format!("# TYPE {name} ")), "{name} has no type");
    }
    let mut last = "";
    let mut over = BTreeSet::new();
    for (name, _, value) in samples(&text) {
        assert!(families.contains(name), "{name} has no help");
        assert!(value.parse::<f64>().is_ok(), "{name} {value}");
        if name != last {
            assert!(over.insert(name.to_owned()), "{name} is in pieces");
            last = name;
        }
    }
}

/// The fixed list of labels, and a canary: whatever is said of lectures, people and addresses is
/// in no metric.
#[test]
fn no_word_about_a_lecture_or_a_person_is_in_any_metric() {
    const CANARY: &str = "canary";
    let mut status = crate::sample::status();
    let lecture = status.lecture.as_mut().expect("the sample records");
    let next = status.next.as_mut().expect("the sample has a plan");
    for said in [&mut lecture.metadata, &mut next.metadata] {
        for field in [
            &mut said.title,
            &mut said.course,
            &mut said.presenter,
            &mut said.language,
        ] {
            *field = Some(CANARY.to_owned());
        }
    }
    status.room.name = CANARY.to_owned();
    status.room.help = Some(CANARY.to_owned());
    status.storage.path = CANARY.to_owned();
    status.config.fault = Some(CANARY.to_owned());
    status.config.waits = vec![CANARY.to_owned()];
    status.uploads.why = Some(CANARY.to_owned());
    for message in &mut status.messages {
        message.what = CANARY.to_owned();
        message.detail = Some(CANARY.to_owned());
        message.subject = Some(CANARY.to_owned());
    }
    for source in &mut status.sources {
        source.device = Some(CANARY.to_owned());
        source.detail = Some(CANARY.to_owned());
    }
    for platform in &mut status.uploads.platforms {
        platform.message = Some(CANARY.to_owned());
    }
    let lecture = status.lecture.as_ref().map(|lecture| lecture.id.to_string());
    let text = rendered(&status);
    assert!(!text.contains(CANARY), "{text}");
    assert!(lecture.is_some_and(|id| !text.contains(&id)), "{text}");
    for (name, labels, _) in samples(&text) {
        for label in labels.split("\",").filter(|label| !label.is_empty()) {
            let (label, _) = label.split_once('=').expect("a label has a value");
            assert!(LABELS.contains(&label), "{name} has the label {label}");
        }
    }
}

#[test]
fn what_is_not_known_is_absent_and_not_zero() {
    let mut status = crate::sample::status();
    status.next = None;
    let text = render(&Seen {
        status: &status,
        figures: &Figures::default(),
        heard: &[],
        healthy: false,
        streams: (0, 0),
    });
    for name in [
        "lectern_next_lecture_timestamp_seconds",
        "lectern_audio_level_dbfs",
        "lectern_upload_oldest_pending_seconds",
        "lectern_lectures",
        "lectern_starts_total",
    ] {
        assert!(
            samples(&text).all(|(sample, ..)| sample != name),
            "{name} in\n{text}"
        );
    }
}
