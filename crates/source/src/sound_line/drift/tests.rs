//! Simulated sound cards, hours of them: the pace must follow the card and nothing else.

use super::*;

const BLOCK: u64 = 960;
/// Where the simulated clock stands at the card's first sample.
const EPOCH: f64 = 1e9;

/// A card and the line behind it.
struct Card {
    regulator: Regulator,
    ppm: f64,
    /// Samples of the clock that the card has lost.
    lost: f64,
    /// Blocks that the card has made, and its samples.
    blocks: u64,
    made: f64,
    line: Option<f64>,
    noise: u64,
    /// The largest change of the pace from one second to the next.
    steepest: f64,
    verdicts: Vec<Verdict>,
}

impl Card {
    fn new(ppm: f64) -> Self {
        Self {
            regulator: Regulator::default(),
            ppm,
            lost: 0.0,
            blocks: 0,
            made: 0.0,
            line: None,
            noise: 1,
            steepest: 0.0,
            verdicts: Vec::new(),
        }
    }

    /// A number from 0 to 1, the same in each test run.
    fn noise(&mut self) -> f64 {
        self.noise ^= self.noise << 13;
        self.noise ^= self.noise >> 7;
        self.noise ^= self.noise << 17;
        (self.noise % 10_000) as f64 / 10_000.0
    }

    /// The moment at which the card's next sample sounded.
    fn truth(&self) -> f64 {
        EPOCH + self.made / (1.0 + self.ppm / 1e6) + self.lost
    }

    /// One block, stamped `late` samples too late; the error of the sound after it, in samples.
    fn block(&mut self, late: f64) -> f64 {
        let stamp = samples(self.truth() + late);
        let line = self.line.unwrap_or(0.0);
        let before = self.regulator.pace().unwrap_or(0.0);
        let verdict = self.regulator.step(stamp, BLOCK, line);
        let after = self.regulator.pace().unwrap_or(0.0);
        self.steepest = self.steepest.max((after - before).abs());
        self.blocks += 1;
        self.made += BLOCK as f64;
        match verdict {
            Verdict::Hold => {
                self.line = self.regulator.anchor();
                return 0.0;
            }
            Verdict::Go => {}
            Verdict::Missing(_) | Verdict::Surplus(_) => self.verdicts.push(verdict),
        }
        let line = line + after * BLOCK as f64;
        self.line = Some(line);
        self.regulator.count() as f64 + line - self.truth()
    }

    /// `seconds` with up to `jitter` samples of lateness; the largest error after `settling` s.
    fn run(&mut self, seconds: u64, settling: u64, jitter: f64) -> f64 {
        let mut worst = 0.0f64;
        for block in 0..seconds * 50 {
            let late = self.noise() * jitter;
            let error = self.block(late);
            if block >= settling * 50 {
                worst = worst.max(error.abs());
            }
        }
        worst
    }
}

const MS: f64 = 48.0;

#[test]
fn cards_of_any_usual_drift_stay_within_5_ms_for_three_hours() {
    for (ppm, minutes) in [
        (-200.0, 180),
        (-50.0, 30),
        (-5.0, 30),
        (0.5, 180),
        (50.0, 30),
        (200.0, 180),
    ] {
        let mut card = Card::new(ppm);
        let worst = card.run(minutes * 60, 120, 5.0 * MS);
        assert!(worst <= 5.0 * MS, "{ppm} ppm: {:.2} ms", worst / MS);
        assert!(card.steepest <= 20.1e-6, "{ppm} ppm: {:e}", card.steepest);
        let told = f64::from(card.regulator.drift_ppm().unwrap());
        assert!((told - ppm).abs() < 2.0, "{ppm} ppm: told as {told}");
        assert_eq!(card.verdicts, [], "{ppm} ppm");
        println!(
            "{ppm:>6} ppm: at most {:.2} ms off, told {told:.2} ppm",
            worst / MS
        );
    }
}

#[test]
fn a_card_on_time_is_never_touched() {
    let mut card = Card::new(0.0);
    let worst = card.run(3600, 1, 5.0 * MS);
    assert_eq!(card.regulator.pace(), None);
    assert!(worst <= 0.5 * MS, "{:.3} ms", worst / MS);
}

#[test]
fn even_a_bad_card_is_held_after_some_minutes() {
    for ppm in [-1_000.0, 1_000.0] {
        let mut card = Card::new(ppm);
        let worst = card.run(300, 0, 8.0 * MS);
        println!("{ppm} ppm: at most {:.2} ms off at first", worst / MS);
        // Its pace may change by 20 ppm a second, no faster.
        assert!(worst <= 50.0 * MS, "{ppm} ppm: {:.2} ms", worst / MS);
        let later = card.run(1800, 0, 8.0 * MS);
        assert_eq!(card.verdicts, [], "{ppm} ppm");
        assert!(later <= 3.0 * MS, "{ppm} ppm: {:.2} ms", later / MS);
    }
}

#[test]
fn a_busy_machine_is_not_taken_for_drift() {
    let mut card = Card::new(30.0);
    card.run(600, 0, 2.0 * MS);
    let before = card.regulator.drift_ppm().unwrap();
    // Half a minute in which each block is at least 8 ms late.
    for _ in 0..1_500 {
        let late = (8.0 + 2.0 * card.noise()) * MS;
        card.block(late);
    }
    let after = card.regulator.drift_ppm().unwrap();
    assert!((before - after).abs() < 1.0, "{before} {after}");
    let worst = card.run(600, 0, 2.0 * MS);
    assert!(worst <= 1.0 * MS, "{:.2} ms", worst / MS);
    assert_eq!(card.verdicts, []);
}

/// As PulseAudio does it: blocks by a timer that beats with the device's own.
#[test]
fn lateness_that_climbs_and_falls_by_a_block_is_not_taken_for_drift() {
    for seconds in [7, 25, 40] {
        let mut card = Card::new(10.0);
        let mut worst = 0.0f64;
        for block in 0..20 * 60 * 50u32 {
            let climb = f64::from(block % (seconds * 50)) / f64::from(seconds * 50);
            let late = (10.0 * (1.0 - climb) + card.noise()) * MS;
            worst = worst.max(card.block(late).abs());
        }
        println!("{seconds} s: at most {:.2} ms off", worst / MS);
        assert_eq!(card.verdicts, [], "{seconds} s");
        assert!(worst <= 12.0 * MS, "{seconds} s: {:.2} ms", worst / MS);
        let later = card.run(600, 300, 0.0);
        assert!(later <= 3.0 * MS, "{seconds} s: {:.2} ms", later / MS);
        let told = f64::from(card.regulator.drift_ppm().unwrap());
        assert!((told - 10.0).abs() < 20.0, "{seconds} s: told as {told}");
    }
}

#[test]
fn a_starved_thread_is_not_taken_for_a_gap() {
    let mut card = Card::new(0.0);
    card.run(60, 0, 0.0);
    // 300 ms late once, then the backlog in one burst.
    for block in 0..15u32 {
        card.block(f64::from(15 - block) * BLOCK as f64);
    }
    let worst = card.run(60, 0, 0.0);
    assert_eq!(card.verdicts, []);
    assert!(worst <= 0.5 * MS, "{worst}");
}

#[test]
fn lost_samples_are_a_hole_and_never_drift() {
    for (ppm, lost_ms) in [(0.0, 40.0), (100.0, 200.0), (-100.0, 4_000.0)] {
        let mut card = Card::new(ppm);
        card.run(300, 0, 2.0 * MS);
        card.lost += lost_ms * MS;
        let worst = card.run(300, 3, 2.0 * MS);
        let [Verdict::Missing(missing)] = card.verdicts[..] else {
            panic!("{:?}", card.verdicts);
        };
        let off = (missing as f64 / MS - lost_ms).abs();
        assert!(off < 1.0, "{lost_ms} ms lost, {missing} samples told");
        assert!(worst <= 1.5 * MS, "{ppm} ppm: {:.2} ms", worst / MS);
        let told = f64::from(card.regulator.drift_ppm().unwrap());
        assert!((told - ppm).abs() < 2.0, "{ppm} ppm: told as {told}");
    }
}

/// A machine far beyond its strength: sound is lost every ten seconds, stamps are late by up to
/// 20 ms.
#[test]
fn a_card_that_loses_sound_again_and_again_keeps_its_drift() {
    let mut card = Card::new(40.0);
    card.run(600, 0, 2.0 * MS);
    let before = card.regulator.drift_ppm().unwrap();
    let mut worst = 0.0f64;
    for _ in 0..60 {
        card.lost += 200.0 * MS;
        card.run(3, 0, 20.0 * MS);
        worst = worst.max(card.run(7, 0, 20.0 * MS));
    }
    assert_eq!(card.regulator.drift_ppm(), Some(before));
    assert!(worst <= 25.0 * MS, "{:.2} ms", worst / MS);
    assert!(card.run(600, 120, 2.0 * MS) <= 2.0 * MS);
    let told = f64::from(card.regulator.drift_ppm().unwrap());
    assert!((told - 40.0).abs() < 5.0, "told as {told}");
}

#[test]
fn a_late_beginning_is_made_good_at_once() {
    let mut card = Card::new(0.0);
    for _ in 0..16 {
        card.block(60.0 * MS);
    }
    let worst = card.run(60, 2, 2.0 * MS);
    assert!(
        matches!(card.verdicts[..], [Verdict::Surplus(2_700..=2_900)]),
        "{:?}",
        card.verdicts
    );
    assert!(worst <= 1.0 * MS, "{:.2} ms", worst / MS);
}

#[test]
fn the_floor_lies_below_all_points_and_touches_them() {
    let points: VecDeque<(f64, f64)> = [(0.0, 5.0), (1.0, 1.0), (2.0, 9.0), (3.0, 2.0), (4.0, 3.0)].into();
    let floor = Floor::under(&points).unwrap();
    assert!(points.iter().all(|point| floor.at(point.0) <= point.1 + 1e-9));
    assert!((floor.at(1.0) - 1.0).abs() < 1e-9 && (floor.slope - 0.5).abs() < 1e-9);
    assert!(Floor::under(&VecDeque::from([(0.0, 1.0)])).is_none());
}
