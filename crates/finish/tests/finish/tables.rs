//! The index: exact times, one zero, fast start, decoder configurations.

use std::io::Cursor;

use lectern_domain::media::Role;
use mp4_atom::{Any, ReadFrom};

use crate::clip::{MS, beeps, flashes, reordered};
use crate::probe::{decodes_clean, entry, packets, times};
use crate::recording::Recording;

#[test]
fn every_packet_has_its_time_and_its_bytes() {
    let mut recording = Recording::new(&[(Some(20_000 * MS), &[])]);
    recording.record(
        "camera",
        Role::Presenter,
        1,
        &flashes("320x180"),
        (0, 12_000 * MS),
        250 * MS,
    );
    recording.record(
        "screen",
        Role::Presentation,
        1,
        &flashes("640x360"),
        (0, 12_000 * MS),
        100 * MS,
    );
    recording.record("mic", Role::Microphone, 1, &beeps(), (0, 12_000 * MS), 0);
    recording.finish();
    for (file, late) in [("camera.mp4", 0.25), ("screen.mp4", 0.1), ("lecture.mp4", 0.1)] {
        let packets = packets(&recording.path(file), "v:0");
        assert_eq!(packets.len(), 360, "{file}");
        for (packet, index) in packets.iter().zip(0..) {
            let expected = late + f64::from(index) / 30.0;
            assert!(
                (packet.pts_s - expected).abs() < 0.000_05,
                "{file} {index}: {packet:?}"
            );
        }
        assert!(packets[0].key && packets.iter().any(|packet| !packet.key));
        decodes_clean(&recording.path(file));
    }
    let sound = packets(&recording.path("lecture.mp4"), "a:0");
    assert_eq!(sound, packets(&recording.path("mic.m4a"), "a:0"));
    for (packet, index) in sound.iter().zip(0..) {
        let expected = f64::from(index) * 1024.0 / 48_000.0;
        assert!((packet.pts_s - expected).abs() < 0.000_05, "{index}: {packet:?}");
    }
}

#[test]
fn pictures_decoded_out_of_order_keep_their_order_and_times() {
    let mut recording = Recording::new(&[(None, &[])]);
    recording.record("camera", Role::Presenter, 1, &reordered(), (0, 12_000 * MS), 0);
    recording.finish();
    let path = recording.path("camera.mp4");
    decodes_clean(&path);
    let times = times(&path, "v:0");
    assert_eq!(times.len(), 360);
    for (time, index) in times.iter().zip(0..) {
        assert!(
            (time - times[0] - f64::from(index) / 30.0).abs() < 0.000_05,
            "{index}: {time}"
        );
    }
}

#[test]
fn a_cut_through_pictures_out_of_order_still_decodes() {
    let mut recording = Recording::new(&[(Some(10_050 * MS), &[(3_210 * MS, 4_930 * MS)])]);
    let clip = reordered();
    recording.record("camera", Role::Presenter, 1, &clip, (0, 3_210 * MS), 0);
    recording.record("camera", Role::Presenter, 1, &clip, (4_930 * MS, 12_000 * MS), 0);
    recording.record("mic", Role::Microphone, 1, &beeps(), (0, 3_000 * MS), 0);
    recording.record("mic", Role::Microphone, 1, &beeps(), (5_200 * MS, 12_000 * MS), 0);
    let finished = recording.finish();
    assert_eq!(finished.notes, []);
    decodes_clean(&recording.path("lecture.mp4"));
}

#[test]
fn an_encoder_that_changed_gets_an_entry_of_its_own_and_an_equal_one_does_not() {
    let mut recording = Recording::new(&[(Some(12_000 * MS), &[])]);
    let (small, large) = (flashes("320x180"), flashes("640x360"));
    recording.record("camera", Role::Presenter, 1, &small, (0, 3_000 * MS), 0);
    recording.record("camera", Role::Presenter, 1, &large, (3_000 * MS, 8_000 * MS), 0);
    recording.record("camera", Role::Presenter, 1, &small, (8_000 * MS, 9_000 * MS), 0);
    recording.record("mic", Role::Microphone, 1, &beeps(), (0, 12_000 * MS), 0);
    recording.finish();
    let path = recording.path("lecture.mp4");
    decodes_clean(&path);
    let moov = moov(&path);
    assert_eq!(moov.trak[0].mdia.minf.stbl.stsd.codecs.len(), 2);
    let (width, height) = (moov.trak[0].tkhd.width, moov.trak[0].tkhd.height);
    assert_eq!(
        (width.integer(), height.integer()),
        (640, 360),
        "the size of most pictures"
    );
    assert_eq!(packets(&path, "v:0").len(), 270);
}

fn moov(path: &std::path::Path) -> mp4_atom::Moov {
    let mut reader = Cursor::new(std::fs::read(path).unwrap());
    let mut order = Vec::new();
    let mut found = None;
    while let Ok(atom) = Any::read_from(&mut reader) {
        match atom {
            Any::Ftyp(_) => order.push("ftyp"),
            Any::Moov(moov) => {
                order.push("moov");
                found = Some(moov);
            }
            Any::Mdat(_) => order.push("mdat"),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(order, ["ftyp", "moov", "mdat"], "fast start");
    found.unwrap()
}

#[test]
fn another_library_reads_the_same_index() {
    let mut recording = Recording::new(&[(Some(12_000 * MS), &[])]);
    recording.record(
        "camera",
        Role::Presenter,
        1,
        &flashes("320x180"),
        (0, 12_000 * MS),
        153 * MS,
    );
    recording.record("mic", Role::Microphone, 1, &beeps(), (0, 12_000 * MS), 0);
    recording.finish();
    let path = recording.path("lecture.mp4");
    let moov = moov(&path);
    let [picture, sound] = &moov.trak[..] else {
        panic!("two tracks")
    };
    assert!(matches!(
        picture.mdia.minf.stbl.stsd.codecs[..],
        [mp4_atom::Codec::Avc1(_)]
    ));
    assert!(matches!(
        sound.mdia.minf.stbl.stsd.codecs[..],
        [mp4_atom::Codec::Mp4a(_)]
    ));
    let edits = &picture.edts.as_ref().unwrap().elst.as_ref().unwrap().entries;
    assert_eq!(edits.len(), 2);
    assert_eq!(
        edits[0].segment_duration * 1_000 / u64::from(moov.mvhd.timescale),
        153
    );
    assert!(sound.edts.is_none());
    assert_eq!(entry(&path, "format_tags=title").trim(), "Algebra I – größer");
    assert_eq!(
        entry(&path, "format_tags=creation_time").trim(),
        "2026-11-18T11:06:40.000000Z"
    );
}
