//! Real buffers through the line: without hole or overlap, and to the bit where nothing is wrong.

use super::*;

const BLOCK: u64 = 480;
/// The clock at the first sample.
const EPOCH: u64 = 48_000_000;

/// A stereo block whose samples tell their number.
fn block(first: u64) -> gst::Buffer {
    let bytes: Vec<u8> = (first..first + BLOCK)
        .flat_map(|n| {
            let value = ((n % 96) as f32 / 96.0 * std::f32::consts::TAU).sin();
            [value, -value]
        })
        .flat_map(f32::to_le_bytes)
        .collect();
    gst::Buffer::from_mut_slice(bytes)
}

/// Feeds `blocks`, stamped as `stamp` says in samples; all output, and where it begins. Every block
/// must follow the one before.
fn feed(line: &mut SoundLine, blocks: std::ops::Range<u64>, stamp: impl Fn(u64) -> u64) -> (u64, Vec<f32>) {
    let (mut begin, mut next, mut all) = (None, None, Vec::new());
    for number in blocks {
        let at = clock::from_ticks(stamp(number), SOUND_TICKS);
        for (first, buffer) in line.place(block(number * BLOCK), at) {
            assert_eq!(*next.get_or_insert(first), first, "block {number}");
            begin.get_or_insert(first);
            next = Some(first + (buffer.size() / 8) as u64);
            all.extend(samples(&buffer.map_readable().unwrap()));
        }
    }
    (begin.unwrap(), all)
}

fn every_sample(from: u64, to: u64) -> Vec<f32> {
    (from / BLOCK..to / BLOCK)
        .flat_map(|number| samples(&block(number * BLOCK).map_readable().unwrap()).collect::<Vec<_>>())
        .collect()
}

#[test]
fn a_card_on_time_is_recorded_to_the_bit() {
    gst::init().unwrap();
    let mut line = SoundLine::new(2, true);
    let (begin, all) = feed(&mut line, 0..7_000, |number| {
        EPOCH + number * BLOCK + number * 37 % 240
    });
    // The first 300 ms anchor the line.
    assert_eq!(begin, EPOCH + 30 * BLOCK);
    assert_eq!(all, every_sample(30 * BLOCK, 7_000 * BLOCK));
}

#[test]
fn a_drifting_card_is_stretched_without_hole_or_step() {
    gst::init().unwrap();
    for ppm in [-200i64, 200] {
        let mut line = SoundLine::new(2, true);
        let stamp = |number: u64| {
            let ideal = (number * BLOCK).cast_signed();
            EPOCH + (ideal - ideal * ppm / 1_000_000).cast_unsigned() + number * 37 % 240
        };
        let (begin, all) = feed(&mut line, 0..6_000, stamp);
        let end = begin + (all.len() / 2) as u64;
        let late = stamp(6_000).cast_signed() - end.cast_signed();
        assert!(late.abs() <= 240, "{ppm} ppm: {late} samples after a minute");
        // A sine of period 96 moves by at most 0.0655 from one sample to the next.
        let left: Vec<f32> = all.iter().step_by(2).copied().collect();
        let steepest = left.windows(2).map(|pair| (pair[1] - pair[0]).abs());
        assert!(steepest.fold(0.0, f32::max) < 0.066);
    }
}

#[test]
fn lost_sound_becomes_silence_and_surplus_sound_is_left_out() {
    gst::init().unwrap();
    for ppm in [0i64, 100] {
        let mut line = SoundLine::new(2, true);
        let stamp = |number: u64| {
            let ideal = (number * BLOCK).cast_signed();
            EPOCH + (ideal - ideal * ppm / 1_000_000).cast_unsigned()
        };
        let (begin, before) = feed(&mut line, 0..4_000, stamp);
        // Half a second is lost, and later comes once too often.
        let (from, more) = feed(&mut line, 4_000..5_000, |number| stamp(number) + 24_000);
        assert_eq!(from, begin + (before.len() / 2) as u64);
        let quiet = more.iter().filter(|sample| **sample == 0.0).count();
        assert!(quiet >= 47_000, "{ppm} ppm: {quiet} samples of silence");
        let (from_again, rest) = feed(&mut line, 5_000..6_000, stamp);
        assert_eq!(from_again, from + (more.len() / 2) as u64);
        let end = from_again + (rest.len() / 2) as u64;
        let late = stamp(6_000).cast_signed() - end.cast_signed();
        assert!(late.abs() <= 144, "{ppm} ppm: {late} samples");
    }
}

#[test]
fn exact_stamps_are_taken_at_their_word() {
    gst::init().unwrap();
    let mut line = SoundLine::new(2, false);
    let mut place = |stamp: u64| -> Vec<(u64, u64)> {
        line.place(block(0), clock::from_ticks(stamp, SOUND_TICKS))
            .iter()
            .map(|(first, block)| (*first, block.size() as u64 / 8))
            .collect()
    };
    assert_eq!(place(100), [(100, 480)]);
    assert_eq!(place(580), [(580, 480)]);
    // A hole is filled, an overlap left out.
    assert_eq!(place(1_540), [(1_060, 480), (1_540, 480)]);
    assert_eq!(place(2_010), [(2_020, 470)]);
    assert_eq!(place(1_000), []);
}
