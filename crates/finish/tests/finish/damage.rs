//! P10: whatever a segment holds, finishing ends with a lecture or a clear word, never a panic.

use std::ops::ControlFlow;

use lectern_domain::media::Role;
use lectern_finish::{FinishError, Note, finish};
use proptest::prelude::*;

use crate::clip::{MS, beeps, flashes};
use crate::probe::{decodes_clean, packets};
use crate::recording::Recording;

fn usual() -> Recording {
    let mut recording = Recording::new(&[(None, &[])]);
    recording.record(
        "camera",
        Role::Presenter,
        1,
        &flashes("320x180"),
        (0, 6_000 * MS),
        0,
    );
    recording.record("mic", Role::Microphone, 1, &beeps(), (0, 6_000 * MS), 0);
    recording
}

#[test]
fn a_torn_tail_is_left_out() {
    let recording = usual();
    let segment = &recording.job.tracks[0].segments[2];
    let path = recording.dir.path().join(&segment.path);
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() - 11]).unwrap();
    let finished = recording.finish();
    assert!(
        finished
            .notes
            .iter()
            .any(|note| matches!(note, Note::TornTail { .. })),
        "{:?}",
        finished.notes
    );
    assert!(
        finished
            .notes
            .iter()
            .any(|note| matches!(note, Note::Suspect { .. })),
        "the size changed"
    );
    let left = packets(&recording.path("camera.mp4"), "v:0").len();
    assert!(
        (173..180).contains(&left),
        "{left} of 180 pictures: no more than a chunk is gone"
    );
    decodes_clean(&recording.path("lecture.mp4"));
}

#[test]
fn a_bit_that_flipped_in_the_media_is_found() {
    let recording = usual();
    let segment = &recording.job.tracks[1].segments[1];
    let path = recording.dir.path().join(&segment.path);
    let mut bytes = std::fs::read(&path).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    let suspect = Note::Suspect {
        source_name: "mic".parse().unwrap(),
        path: segment.path.clone(),
    };
    assert_eq!(recording.finish().notes, [suspect]);
}

#[test]
fn a_segment_that_is_gone_costs_its_own_time_only() {
    let recording = usual();
    let segment = &recording.job.tracks[0].segments[1];
    std::fs::remove_file(recording.dir.path().join(&segment.path)).unwrap();
    let finished = recording.finish();
    assert!(
        matches!(&finished.notes[..], [Note::Unreadable { .. }]),
        "{:?}",
        finished.notes
    );
    assert_eq!(packets(&recording.path("camera.mp4"), "v:0").len(), 120);
    decodes_clean(&recording.path("lecture.mp4"));
}

/// The bytes of a track's segment, to be changed and written back.
fn change(recording: &Recording, track: usize, segment: usize, edit: impl FnOnce(&mut Vec<u8>)) {
    let path = recording
        .dir
        .path()
        .join(&recording.job.tracks[track].segments[segment].path);
    let mut bytes = std::fs::read(&path).unwrap();
    edit(&mut bytes);
    std::fs::write(&path, &bytes).unwrap();
}

/// What ext4 and XFS leave of the last seconds before a power cut: the length, and zeros.
#[test]
fn a_tail_of_zeros_is_left_out() {
    for zeros in [3_000, 11, 40_000] {
        let recording = usual();
        change(&recording, 0, 2, |bytes| {
            let begin = bytes.len().saturating_sub(zeros).max(2_000);
            bytes[begin..].fill(0);
        });
        change(&recording, 1, 2, |bytes| bytes.extend([0; 4_096]));
        let finished = recording.finish();
        let torn = |note: &&Note| matches!(note, Note::TornTail { .. });
        assert!(
            finished.notes.iter().filter(torn).count() >= 1,
            "{zeros}: {:?}",
            finished.notes
        );
        assert!(packets(&recording.path("camera.mp4"), "v:0").len() >= 120);
        decodes_clean(&recording.path("lecture.mp4"));
    }
}

/// Where the value of the `number`th box of that name begins.
fn value_of(bytes: &[u8], name: &[u8; 4], number: usize) -> usize {
    let mut found = bytes.windows(4).enumerate().filter(|(_, four)| four == name);
    found.nth(number).unwrap().0 + 8
}

/// One bit of a chunk's time, one of a file's clock: what lies after must not be taken for old.
#[test]
fn a_time_that_flipped_costs_its_own_chunk_or_file_only() {
    let whole = usual();
    let whole_ms = whole.finish().duration_ms;
    let whole_sound = packets(&whole.path("mic.m4a"), "a:0");
    for track in [0, 1] {
        for bit in [0x02, 0x10] {
            let recording = usual();
            change(&recording, track, 0, |bytes| {
                let tfdt = value_of(bytes, b"tfdt", 4);
                bytes[tfdt + 4] ^= bit;
            });
            let finished = recording.finish();
            assert_eq!(finished.duration_ms, whole_ms);
            let unreadable = |note: &&Note| matches!(note, Note::Unreadable { .. });
            assert_eq!(
                finished.notes.iter().filter(unreadable).count(),
                1,
                "{finished:?}"
            );
            let pictures = packets(&recording.path("camera.mp4"), "v:0").len();
            let expected = if track == 0 { 180 - 6 } else { 180 };
            assert_eq!(pictures, expected);
            let sound = packets(&recording.path("mic.m4a"), "a:0");
            let kept = sound.iter().filter(|packet| whole_sound.contains(packet)).count();
            assert!(kept + 12 * track >= whole_sound.len(), "{kept}");
            decodes_clean(&recording.path("lecture.mp4"));
        }
    }
    let recording = usual();
    change(&recording, 0, 1, |bytes| {
        let mdhd = value_of(bytes, b"mdhd", 0);
        bytes[mdhd + 10] ^= 0x38;
    });
    assert_eq!(recording.finish().duration_ms, whole_ms);
    assert_eq!(packets(&recording.path("camera.mp4"), "v:0").len(), 120);
    decodes_clean(&recording.path("lecture.mp4"));
}

/// The first file's word on the sound is not worth more than that of all others.
#[test]
fn a_layout_that_flipped_costs_its_own_file_only() {
    let recording = usual();
    let whole_ms = recording.finish().duration_ms;
    let whole_sound = packets(&recording.path("mic.m4a"), "a:0");
    change(&recording, 1, 0, |bytes| {
        // 48 kHz becomes 32 kHz.
        let config = bytes.windows(2).position(|two| two == [0x11, 0x90]).unwrap();
        bytes[config] ^= 0x03;
    });
    assert_eq!(recording.finish().duration_ms, whole_ms);
    let clock = crate::probe::entry(&recording.path("mic.m4a"), "stream=time_base");
    assert_eq!(clock.trim(), "1/48000");
    let sound = packets(&recording.path("mic.m4a"), "a:0");
    let lost = whole_sound
        .iter()
        .filter(|packet| packet.pts_s > 2.1 && !sound.contains(packet));
    assert!(lost.count() < 3, "of the other files nothing is lost");
}

#[test]
fn a_header_alone_leaves_no_trace() {
    let mut recording = usual();
    let other = flashes("640x360");
    recording.segment("camera", Role::Presenter, 1, &other.init);
    recording.segment("mic", Role::Microphone, 1, &[]);
    assert_eq!(recording.finish().notes, []);
    let path = recording.path("lecture.mp4");
    decodes_clean(&path);
    let index = std::fs::read(&path).unwrap();
    let configurations = index.windows(4).filter(|name| name == b"avcC").count();
    assert_eq!(configurations, 1);
}

#[test]
fn what_was_recorded_twice_is_shown_once() {
    let mut recording = usual();
    let (camera, mic) = (flashes("320x180"), beeps());
    recording.record("camera", Role::Presenter, 1, &camera, (4_000 * MS, 8_000 * MS), 0);
    recording.record("mic", Role::Microphone, 1, &mic, (4_000 * MS, 8_000 * MS), 0);
    assert_eq!(recording.finish().notes, []);
    decodes_clean(&recording.path("lecture.mp4"));
    assert_eq!(packets(&recording.path("camera.mp4"), "v:0").len(), 240);
}

#[test]
fn a_track_of_which_nothing_is_left_costs_itself_only() {
    let recording = usual();
    for segment in &recording.job.tracks[0].segments {
        std::fs::remove_file(recording.dir.path().join(&segment.path)).unwrap();
    }
    let notes = recording.finish().notes;
    let source_name = "camera".parse().unwrap();
    assert!(notes.contains(&Note::NoData { source_name }), "{notes:?}");
    assert!(notes.contains(&Note::NoPicture), "{notes:?}");
    decodes_clean(&recording.path("lecture.mp4"));
}

#[test]
fn sound_where_pictures_belong_is_refused() {
    let mut recording = usual();
    recording.record("screen", Role::Presentation, 1, &beeps(), (0, 6_000 * MS), 0);
    let finished = recording.finish();
    assert!(
        finished
            .notes
            .iter()
            .any(|note| matches!(note, Note::NoData { source_name } if source_name.as_str() == "screen"))
    );
    decodes_clean(&recording.path("lecture.mp4"));
}

/// One change to a file.
#[derive(Clone, Debug)]
enum Harm {
    Set { at: prop::sample::Index, to: u8 },
    Word { at: prop::sample::Index, to: u32 },
    Cut { at: prop::sample::Index },
    Remove { at: prop::sample::Index, count: usize },
    Double { at: prop::sample::Index, count: usize },
}

fn harm() -> impl Strategy<Value = Harm> {
    let at = any::<prop::sample::Index>;
    let word = prop_oneof![Just(0), Just(1), Just(u32::MAX), Just(0x7fff_ffff), any::<u32>()];
    prop_oneof![
        4 => (at(), any::<u8>()).prop_map(|(at, to)| Harm::Set { at, to }),
        4 => (at(), word).prop_map(|(at, to)| Harm::Word { at, to }),
        1 => at().prop_map(|at| Harm::Cut { at }),
        1 => (at(), 1_usize..64).prop_map(|(at, count)| Harm::Remove { at, count }),
        1 => (at(), 1_usize..2_000).prop_map(|(at, count)| Harm::Double { at, count }),
    ]
}

/// Offsets that hold structure and not media, where harm does the most.
fn structure(bytes: &[u8]) -> Vec<usize> {
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(head) = bytes.get(at..at + 8) {
        let size = u32::from_be_bytes(head[..4].try_into().unwrap()) as usize;
        let shown = if &head[4..] == b"mdat" { 8 } else { size };
        out.extend(at..at + shown);
        at += size;
    }
    out
}

fn apply(bytes: &mut Vec<u8>, places: &[usize], harm: &Harm) {
    let place = |at: &prop::sample::Index| at.get(places).to_owned();
    match harm {
        Harm::Set { at, to } => {
            if let Some(byte) = bytes.get_mut(place(at)) {
                *byte = *to;
            }
        }
        Harm::Word { at, to } => {
            let at = place(at);
            if let Some(word) = bytes.get_mut(at..at + 4) {
                word.copy_from_slice(&to.to_be_bytes());
            }
        }
        Harm::Cut { at } => bytes.truncate(place(at)),
        Harm::Remove { at, count } => {
            let from = place(at).min(bytes.len());
            bytes.drain(from..(from + count).min(bytes.len()));
        }
        Harm::Double { at, count } => {
            let from = place(at).min(bytes.len());
            let copy = bytes[from..(from + count).min(bytes.len())].to_vec();
            bytes.splice(from..from, copy);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn harmed_segments_never_break_finishing(
        file in 0_usize..6,
        harms in prop::collection::vec(harm(), 1..5),
    ) {
        let recording = usual();
        let track = &recording.job.tracks[file / 3];
        let path = recording.dir.path().join(&track.segments[file % 3].path);
        let mut bytes = std::fs::read(&path).unwrap();
        let places = structure(&bytes);
        for harm in &harms {
            apply(&mut bytes, &places, harm);
        }
        std::fs::write(&path, &bytes).unwrap();
        match finish(&recording.job, &mut |_| ControlFlow::Continue(())) {
            Ok(finished) => {
                prop_assert!(finished.files[0].size_bytes > 0);
                // Six seconds, and what a damaged time is believed before and after.
                prop_assert!(finished.duration_ms < 11_000, "{finished:?}");
            }
            Err(error) => prop_assert!(matches!(error, FinishError::NothingRecorded { .. }), "{error}"),
        }
    }
}
