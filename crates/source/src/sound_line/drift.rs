//! How fast a sound card's clock runs beside the system's, and at what pace its sound must go on.
//!
//! Each block tells an offset: its stamp less the number of its first sample. Blocks are stamped
//! late and never early, so the truth is the line that lies *below* all offsets and nearest to
//! them: the edge of their lower convex hull over the middle of the time they span (Moon, Skelly,
//! Towsley 1999). Its slope is the card's drift, its end says where the sound should be now; a
//! machine that was busy for half a minute moves neither.
//!
//! Samples that the device lost are a step up that stays. They are told as missing and never as
//! drift: the count goes on as if they had been there, and the line is drawn anew behind them. How
//! many they were is known to some milliseconds only, which would look like drift; so the drift is
//! believed from the longest stretch without a hole. Pure; all lengths in samples of 48 kHz.

use std::collections::VecDeque;

use crate::clock::SOUND_TICKS;

/// Samples of a second.
const SECOND: u64 = SOUND_TICKS as u64;
/// How long the first offset is measured: 300 ms.
const SETTLE: u64 = SECOND * 3 / 10;
/// Over how many samples the least offset is taken: one second.
const WINDOW: u64 = SECOND;
/// How many windows are remembered: ten minutes.
const REMEMBERED: usize = 600;
/// How many windows the first judgement needs.
const JUDGED_FROM: usize = 15;
/// How many windows make a drift that is as good as any before it: five minutes.
const ENOUGH: usize = 300;
/// How many windows make the drift worth telling: three minutes.
const TOLD_FROM: usize = 180;
/// What a slope must explain before it is believed: 10 ms. A sound server hands over blocks by a
/// timer of its own, and their lateness climbs and falls by one block within half a minute.
const GRAIN: f64 = 480.0;
/// A card that is never further off than this is on time, and its samples pass untouched: 0.5 ms.
const ON_TIME: f64 = 24.0;
/// A whole window this far from where it was to be is lost or surplus sound: 25 ms. No drift comes
/// near to that in a second, nor does a block more or less.
const STEP: f64 = 1_200.0;
/// Sound this far from where it belongs is moved at once, whatever the cause: 100 ms.
const ASTRAY: f64 = 4_800.0;
/// The longest hole that is filled: 10 s. A device silent for longer has failed anyway.
const LONGEST_HOLE: f64 = 480_000.0;
/// Over how many samples an error is taken back: 20 s.
const TAKEN_BACK: f64 = 20.0 * SOUND_TICKS as f64;
/// The most that taking back may change the pace: 300 ppm, half of what an ear could notice.
const TAKEN_BACK_MOST: f64 = 300e-6;
/// The most that the pace may change within one window: 20 ppm.
const PACE_STEP: f64 = 20e-6;
/// The most that the pace may be off: 2000 ppm.
const PACE_MOST: f64 = 2_000e-6;

/// What to do with a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Not yet: the first offset is being measured.
    Hold,
    /// Deliver it at [`Regulator::pace`].
    Go,
    /// So many samples were lost before it.
    Missing(u64),
    /// So many samples too many have come; leave them out.
    Surplus(u64),
}

/// The regulator of one device.
#[derive(Debug, Default)]
pub(super) struct Regulator {
    /// The device's count: samples that came, and those that were lost.
    count: u64,
    /// The least offset of this window; none before its first block.
    least: Option<f64>,
    /// Samples seen in this window.
    seen: u64,
    settled: bool,
    /// Of the windows since the last hole: the count at their end, and their least offset.
    points: VecDeque<(f64, f64)>,
    /// The line below them, once there are enough.
    floor: Option<Floor>,
    believed: Option<Slope>,
    /// Output samples per input sample less one; none while nothing needs to be corrected.
    pace: Option<f64>,
}

impl Regulator {
    /// Takes a block of `frames` samples stamped `stamp`. `line`: the number that the next output
    /// sample gets, less its place in the device's count; what [`Self::anchor`] said at first.
    pub(super) fn step(&mut self, stamp: u64, frames: u64, line: f64) -> Verdict {
        let offset = stamp as f64 - self.count as f64;
        self.least = Some(self.least.map_or(offset, |least| least.min(offset)));
        self.count += frames;
        self.seen += frames;
        if !self.settled {
            self.settled = self.seen >= SETTLE;
            return Verdict::Hold;
        }
        if self.seen < WINDOW {
            return Verdict::Go;
        }
        self.seen = 0;
        let least = self.least.take().unwrap_or(line);
        let stepped = least - self.expected(line);
        let astray = least - line;
        let off = if stepped.abs() >= STEP {
            stepped
        } else if astray.abs() >= ASTRAY {
            astray
        } else {
            self.remember(least);
            self.judge(line);
            return Verdict::Go;
        };
        self.points.clear();
        self.floor = None;
        if off > 0.0 {
            let missing = samples(off.min(LONGEST_HOLE));
            self.count += missing;
            Verdict::Missing(missing)
        } else {
            let surplus = samples(-off);
            self.count = self.count.saturating_sub(surplus);
            Verdict::Surplus(surplus)
        }
    }

    /// Where the least offset of this window should be.
    fn expected(&self, line: f64) -> f64 {
        match (&self.floor, self.points.back()) {
            (Some(floor), _) => floor.at(self.count as f64),
            (None, Some(before)) => before.1,
            (None, None) => line,
        }
    }

    /// The offset at which the line begins, once it is measured.
    pub(super) fn anchor(&mut self) -> Option<f64> {
        if !self.settled {
            return None;
        }
        self.seen = 0;
        self.least.take()
    }

    /// The device's count so far.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// Output samples per input sample less one; `None`: as they are.
    pub(super) fn pace(&self) -> Option<f64> {
        self.pace
    }

    /// How much faster the device's clock runs than the system's, in parts per million, once three
    /// minutes were measured.
    pub(super) fn drift_ppm(&self) -> Option<f32> {
        let slope = self.believed.filter(|slope| slope.windows >= TOLD_FROM)?;
        Some((-slope.per_sample * 1e6) as f32)
    }

    fn remember(&mut self, least: f64) {
        if self.points.len() == REMEMBERED {
            self.points.pop_front();
        }
        self.points.push_back((self.count as f64, least));
    }

    fn judge(&mut self, line: f64) {
        if self.points.len() < JUDGED_FROM {
            return;
        }
        self.floor = Floor::under(&self.points);
        let Some(truth) = &self.floor else {
            return;
        };
        let windows = self.points.len();
        let believed = match self.believed {
            Some(before) if windows < before.windows.min(ENOUGH) => before,
            _ => Slope {
                per_sample: truth.slope,
                windows,
            },
        };
        self.believed = Some(believed);
        let error = truth.at(self.count as f64) - line;
        let before = match self.pace {
            None if error.abs() < ON_TIME => return,
            None => 0.0,
            Some(pace) => pace,
        };
        let wanted = believed.certain() + (error / TAKEN_BACK).clamp(-TAKEN_BACK_MOST, TAKEN_BACK_MOST);
        let near = wanted.clamp(before - PACE_STEP, before + PACE_STEP);
        self.pace = Some(near.clamp(-PACE_MOST, PACE_MOST));
    }
}

/// How fast the offset grows.
#[derive(Clone, Copy, Debug)]
struct Slope {
    /// Samples per sample.
    per_sample: f64,
    /// Over how many windows it was measured.
    windows: usize,
}

impl Slope {
    /// As much of it as a block more or less cannot explain.
    fn certain(self) -> f64 {
        let doubt = GRAIN / (self.windows as f64 * WINDOW as f64);
        self.per_sample - self.per_sample.clamp(-doubt, doubt)
    }
}

/// A straight line below offsets.
#[derive(Debug)]
struct Floor {
    through: (f64, f64),
    slope: f64,
}

impl Floor {
    /// The line below all `points` with the least sum of distances; they come in the order of
    /// their first number. `None` for less than two.
    fn under(points: &VecDeque<(f64, f64)>) -> Option<Self> {
        let mut hull: Vec<(f64, f64)> = Vec::new();
        for &point in points {
            // What does not turn left at the newest is not on the lower hull.
            while let [.., a, b] = hull[..]
                && (b.0 - a.0) * (point.1 - a.1) <= (b.1 - a.1) * (point.0 - a.0)
            {
                hull.pop();
            }
            hull.push(point);
        }
        let middle = points.iter().map(|point| point.0).sum::<f64>() / points.len() as f64;
        let edge = hull.windows(2).find(|edge| edge[1].0 >= middle)?;
        let (from, to) = (edge[0], edge[1]);
        Some(Self {
            through: from,
            slope: (to.1 - from.1) / (to.0 - from.0),
        })
    }

    fn at(&self, count: f64) -> f64 {
        self.through.1 + self.slope * (count - self.through.0)
    }
}

/// A length that is never negative, in whole samples.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "at most ten seconds, never negative"
)]
fn samples(length: f64) -> u64 {
    length.round() as u64
}

#[cfg(test)]
mod tests;
