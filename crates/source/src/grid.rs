//! The even grid that a track's pictures stand on.
//!
//! A camera's pictures come a little early or late; played or read by a tool that counts in
//! pictures, two of them would fall on one moment. Each picture is put on the next place of a grid
//! of the camera's own rate that begins with the first picture; only one that is nearer to another
//! place goes there, and one whose place is taken is surplus. Pure.

use crate::clock::{self, VIDEO_TICKS};

/// A picture on the grid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Placed {
    /// The number of its place, counted from the first picture's.
    pub(crate) place: u64,
    /// When it stands there, in nanoseconds.
    pub(crate) at_ns: u64,
}

/// A grid of places, `rate.0` of them in `rate.1` seconds.
#[derive(Clone, Debug)]
pub(crate) struct Grid {
    rate: (u32, u32),
    /// The first picture's tick and the number of the last taken place; none before the first.
    taken: Option<(u64, u64)>,
}

impl Grid {
    /// A grid of so many pictures in so many seconds, without a picture on it.
    pub(crate) fn new(rate: (u32, u32)) -> Self {
        Self {
            rate: (rate.0.max(1), rate.1.max(1)),
            taken: None,
        }
    }

    /// Pictures in so many seconds.
    pub(crate) fn rate(&self) -> (u32, u32) {
        self.rate
    }

    /// The distance of two places, in nanoseconds.
    pub(crate) fn period_ns(&self) -> u64 {
        clock::SECOND_NS * u64::from(self.rate.1) / u64::from(self.rate.0)
    }

    /// The place of a picture that came at `at_ns`; `None` for a surplus one.
    pub(crate) fn place(&mut self, at_ns: u64) -> Option<Placed> {
        let at = clock::to_ticks(at_ns, VIDEO_TICKS);
        let Some((first, last)) = self.taken else {
            self.taken = Some((at, 0));
            return Some(Placed {
                place: 0,
                at_ns: clock::from_ticks(at, VIDEO_TICKS),
            });
        };
        let at = at.saturating_sub(first);
        let next = last + 1;
        // Three quarters of a period, so that one near the middle does not go to and fro.
        let place = if self.tick(next).abs_diff(at) * 4 <= self.tick(1) * 3 {
            next
        } else {
            self.nearest(at)
        };
        if place <= last {
            return None;
        }
        self.taken = Some((first, place));
        Some(Placed {
            place,
            at_ns: clock::from_ticks(first + self.tick(place), VIDEO_TICKS),
        })
    }

    /// Ticks from the first place to this one.
    fn tick(&self, place: u64) -> u64 {
        let (pictures, seconds) = (u128::from(self.rate.0), u128::from(self.rate.1));
        let ticks = (u128::from(place) * u128::from(VIDEO_TICKS) * seconds + pictures / 2) / pictures;
        u64::try_from(ticks).unwrap_or(u64::MAX)
    }

    /// The place nearest to so many ticks after the first.
    fn nearest(&self, ticks: u64) -> u64 {
        let unit = u128::from(VIDEO_TICKS) * u128::from(self.rate.1);
        let place = (u128::from(ticks) * u128::from(self.rate.0) + unit / 2) / unit;
        u64::try_from(place).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    /// The distances of the placed pictures in ticks, and how many were surplus.
    fn place(rate: (u32, u32), times_ns: impl Iterator<Item = u64>) -> (Vec<u64>, usize) {
        let mut grid = Grid::new(rate);
        let (mut ticks, mut surplus) = (Vec::new(), 0);
        for at_ns in times_ns {
            match grid.place(at_ns) {
                Some(placed) => ticks.push(clock::to_ticks(placed.at_ns, VIDEO_TICKS)),
                None => surplus += 1,
            }
        }
        (ticks.windows(2).map(|pair| pair[1] - pair[0]).collect(), surplus)
    }

    #[test]
    fn jitter_disappears() {
        for phase in 0..34 {
            let times = (0..900u64).map(|n| 7 * MS + phase * MS + n * 1_000_000_000 / 30 + (n * 7 % 13) * MS);
            let (apart, surplus) = place((30, 1), times);
            assert!(
                surplus == 0 && apart.iter().all(|ticks| *ticks == 3000),
                "phase {phase}: {apart:?}"
            );
        }
    }

    #[test]
    fn a_lost_picture_leaves_its_place_empty() {
        let times = (0..90u64).filter(|n| *n != 40 && *n != 41).map(|n| n * 40 * MS);
        let (apart, surplus) = place((25, 1), times);
        assert_eq!(
            (apart.iter().filter(|ticks| **ticks == 3600).count(), surplus),
            (86, 0)
        );
        assert!(apart.contains(&10_800));
    }

    #[test]
    fn a_camera_off_its_own_rate_stays_in_step() {
        for (real, most_surplus) in [(29.97, 0), (30.03, 4)] {
            let mut grid = Grid::new((30, 1));
            let mut surplus = 0;
            for n in 0..3600 {
                let at_ns = (f64::from(n) / real * 1e9) as u64;
                match grid.place(at_ns) {
                    Some(Placed { at_ns: ns, .. }) => {
                        assert!(ns.abs_diff(at_ns) < 26 * MS, "{real}: {ns} for {at_ns}");
                    }
                    None => surplus += 1,
                }
            }
            assert!(surplus <= most_surplus, "{real}: {surplus}");
        }
    }

    #[test]
    fn broken_rates_do_not_drift() {
        let times = (0..36_000u64).map(|n| n * 1_001_000_000_000 / 24_000);
        let (apart, surplus) = place((24_000, 1001), times);
        assert_eq!(
            (apart.iter().sum::<u64>(), surplus),
            (35_999 * 1001 * 90_000 / 24_000, 0)
        );
    }
}
