//! What is found of tracks that are as they should be, and of each thing that may be wrong.

use std::sync::Arc;

use lectern_domain::api::Levels;
use lectern_domain::config::ConfigFile;
use lectern_domain::finished::FinishedFile;
use lectern_domain::media::Picture;

use super::*;

const ROOM: &str = r#"
[room]
id = "b-204"
[[source]]
name = "camera"
role = "presenter"
kind = "test-video"
[[source]]
name = "microphone"
role = "microphone"
kind = "test-audio"
"#;

fn config() -> Config {
    let file = ConfigFile::decode("room.toml", ROOM.as_bytes().to_vec()).unwrap();
    Config::read(&[file], &[]).unwrap()
}

/// A finished recording with these tracks and their lengths.
fn made(tracks: &[(&str, Role, u64)]) -> Finished {
    let file = |(source, role, ms): &(&str, Role, u64)| FinishedFile {
        name: format!("{source}.mp4"),
        role: FileRole::Track {
            source: source.parse().unwrap(),
            role: *role,
        },
        size_bytes: 1_000_000,
        sha256: String::new(),
        parts: Vec::new(),
        duration_ms: Some(*ms),
        content_type: "video/mp4".to_owned(),
    };
    Finished {
        files: tracks.iter().map(file).collect(),
        duration_ms: 60_000,
        notes: Vec::new(),
    }
}

/// So many pictures of these bytes, and a loudest moment.
fn watched(pictures: &[&[u8]], peak_dbfs: f32) -> Watched {
    let mut watched = Watched::default();
    for (at_ns, jpeg) in (1..).zip(pictures) {
        let jpeg = Arc::from(*jpeg);
        watched.look(&"camera".parse().unwrap(), &Arc::new(Picture { at_ns, jpeg }));
    }
    for quieter in [20.0, 0.0, 10.0] {
        watched.hear(&Levels {
            source: "microphone".parse().unwrap(),
            rms_dbfs: -120.0,
            peak_dbfs: peak_dbfs - quieter,
            clipped: false,
        });
    }
    watched
}

const BOTH: [(&str, Role, u64); 2] = [
    ("camera", Role::Presenter, 59_900),
    ("microphone", Role::Microphone, 60_000),
];
const MOVES: [&[u8]; 3] = [b"a", b"b", b"c"];

fn judged(finished: &Finished, watched: &Watched) -> Vec<(String, Verdict, String)> {
    let (config, none) = (config(), BTreeMap::new());
    let question = Question {
        config: &config,
        before: &none,
        after: &none,
        watched,
        finished: Some(finished),
    };
    let checks = tracks(&question).into_iter();
    checks
        .map(|check| (check.subject, check.verdict, check.found))
        .collect()
}

#[test]
fn a_room_as_it_should_be_is_good() {
    let found = judged(&made(&BOTH), &watched(&MOVES, -23.0));
    let expected = [
        (
            "track.camera",
            "59.9 s long. Nothing is missing. The picture moves.",
        ),
        (
            "track.microphone",
            "60.0 s long. Nothing is missing. Its loudest moment is -23 dBFS.",
        ),
    ];
    let expected = expected.map(|(subject, found)| (subject.to_owned(), Verdict::Good, found.to_owned()));
    assert_eq!(found, expected);
}

/// Tracks and their lengths, pictures, the loudest moment, the check that tells, how, in which words.
type Case<'a> = (
    &'a [(&'a str, Role, u64)],
    &'a [&'a [u8]],
    f32,
    usize,
    Verdict,
    &'a str,
);

#[test]
fn each_thing_that_is_wrong_is_said() {
    let camera_alone = [BOTH[0]];
    let short = [BOTH[0], ("microphone", Role::Microphone, 58_000)];
    let still: [&[u8]; 3] = [b"a", b"a", b"a"];
    let cases: [Case<'_>; 6] = [
        (
            &camera_alone,
            &MOVES,
            -23.0,
            1,
            Verdict::Bad,
            "Nothing of it was recorded.",
        ),
        (
            &short,
            &MOVES,
            -23.0,
            1,
            Verdict::Bad,
            "58.0 s long, another track 59.9 s",
        ),
        (&BOTH, &still, -23.0, 0, Verdict::Warning, "stood still"),
        (&BOTH, &still[..2], -23.0, 0, Verdict::Good, "59.9 s long"),
        (&BOTH, &MOVES, -120.0, 1, Verdict::Bad, "no sound in it"),
        (
            &BOTH,
            &MOVES,
            -72.0,
            1,
            Verdict::Warning,
            "-72 dBFS, which is faint",
        ),
    ];
    for (tracks, pictures, peak_dbfs, at, verdict, says) in cases {
        let found = judged(&made(tracks), &watched(pictures, peak_dbfs));
        assert_eq!(found[at].1, verdict, "{found:?}");
        assert!(found[at].2.contains(says), "{says}: {found:?}");
        assert_eq!(
            found[1 - at].1,
            Verdict::Good,
            "the other is as it was: {found:?}"
        );
    }
}

#[test]
fn a_recording_that_is_too_short_or_none_is_bad() {
    assert_eq!(recorded(60_000, Some(58_500)).verdict, Verdict::Good);
    assert_eq!(recorded(60_000, Some(40_000)).verdict, Verdict::Bad);
    assert_eq!(recorded(60_000, None).verdict, Verdict::Bad);
}

#[test]
fn what_the_finisher_noted_is_told_unless_the_room_has_no_such_source() {
    let mut done = made(&BOTH);
    assert_eq!(finished(&config(), &done).verdict, Verdict::Good);
    done.notes = vec![Note::NoSound];
    let check = finished(&config(), &done);
    assert_eq!(check.verdict, Verdict::Warning);
    assert_eq!(
        check.found,
        "2 files of 2 MB were made. lecture.mp4 has no sound."
    );
}
