//! The coded frames of the near past, in memory.
//!
//! With pre-roll it holds at least what was asked for; without, only what the muxer has not read
//! yet, which is nothing but for the moment in which one muxer follows another. Either way it never
//! takes more than [`MAX_BYTES`]: past that the oldest group of pictures goes, and 24 MiB are
//! 75 seconds at 2.5 Mbit/s. Pure but for the buffers, which it only counts.

use std::collections::VecDeque;

/// The most that the ring of one track may take, in bytes.
pub(super) const MAX_BYTES: usize = 24 * 1024 * 1024;

/// One coded frame on the axis of the monotonic clock, counted in the ticks of its track.
#[derive(Clone, Debug)]
pub(super) struct Unit {
    /// When it is presented.
    pub(super) at: u64,
    /// How much earlier it is decoded.
    pub(super) ahead: u64,
    /// Nothing captured at this moment or later is in it; a frame of sound reaches into the next.
    pub(super) knows: u64,
    /// Whether a decoder can begin here.
    pub(super) key: bool,
    /// The format with the parameter sets.
    pub(super) caps: gst::Caps,
    /// The bytes.
    pub(super) bytes: gst::Buffer,
}

/// The frames, oldest first. Each has a number that it keeps.
#[derive(Debug)]
pub(super) struct Ring {
    units: VecDeque<Unit>,
    /// The number of the oldest.
    first: u64,
    bytes: usize,
    /// How much is kept although it was read, in ticks; `None` for nothing.
    keep: Option<u64>,
}

impl Ring {
    /// An empty ring.
    pub(super) fn new(keep: Option<u64>) -> Self {
        Self {
            units: VecDeque::new(),
            first: 0,
            bytes: 0,
            keep,
        }
    }

    /// The number of the oldest frame, or of the next one if there is none.
    pub(super) fn first(&self) -> u64 {
        self.first
    }

    /// The number of the frame that comes next.
    pub(super) fn end(&self) -> u64 {
        self.first + self.units.len() as u64
    }

    /// The frame of this number, unless it is gone or has not come.
    pub(super) fn get(&self, number: u64) -> Option<&Unit> {
        let index = usize::try_from(number.checked_sub(self.first)?).ok()?;
        self.units.get(index)
    }

    /// Adds the newest frame.
    pub(super) fn push(&mut self, unit: Unit) {
        self.bytes += unit.bytes.size();
        self.units.push_back(unit);
    }

    /// Lets go of what is neither kept nor `unread`, the number of the next frame that somebody
    /// will read. What exceeds the bound goes even so: the number of unread frames that did.
    pub(super) fn trim(&mut self, unread: Option<u64>) -> u64 {
        let mut lost = 0;
        while self.bytes > MAX_BYTES {
            let next = self.next_group().unwrap_or(self.units.len());
            let end = self.first + next as u64;
            lost += end.saturating_sub(unread.unwrap_or(u64::MAX).max(self.first));
            self.drop_front(next);
        }
        let unread = unread.unwrap_or(u64::MAX);
        let Some(keep) = self.keep else {
            let read = unread.min(self.end()) - self.first.min(unread);
            self.drop_front(usize::try_from(read).unwrap_or(usize::MAX));
            return lost;
        };
        while let Some(next) = self.next_group() {
            let (Some(begin), Some(newest)) = (self.units.get(next), self.units.back()) else {
                break;
            };
            if newest.at.saturating_sub(begin.at) < keep || self.first + next as u64 > unread {
                break;
            }
            self.drop_front(next);
        }
        lost
    }

    /// Where the second group begins.
    fn next_group(&self) -> Option<usize> {
        (1..self.units.len()).find(|index| self.units[*index].key)
    }

    fn drop_front(&mut self, count: usize) {
        for unit in self.units.drain(..count.min(self.units.len())) {
            self.bytes -= unit.bytes.size();
            self.first += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(at: u64, key: bool, size: usize) -> Unit {
        Unit {
            at,
            ahead: 0,
            knows: at + 1,
            key,
            caps: gst::Caps::new_empty_simple("video/x-h264"),
            bytes: gst::Buffer::with_size(size).unwrap(),
        }
    }

    /// A ring after `count` pictures at 10 ticks distance, a key each 5, read up to `unread`.
    fn filled(
        keep: Option<u64>,
        count: u64,
        size: usize,
        unread: impl Fn(u64) -> Option<u64>,
    ) -> (Ring, u64) {
        gst::init().unwrap();
        let mut ring = Ring::new(keep);
        let mut lost = 0;
        for number in 0..count {
            ring.push(unit(number * 10, number % 5 == 0, size));
            lost += ring.trim(unread(number));
            assert!(ring.bytes <= MAX_BYTES);
        }
        (ring, lost)
    }

    #[test]
    fn it_keeps_what_was_asked_for_and_less_than_a_group_more() {
        for count in 100..120 {
            let (ring, lost) = filled(Some(200), count, 100, |_| None);
            let oldest = ring.get(ring.first()).unwrap();
            let kept = (count - 1) * 10 - oldest.at;
            assert!(oldest.key && (200..250).contains(&kept), "{kept}");
            assert_eq!((lost, ring.end()), (0, count));
        }
    }

    #[test]
    fn without_pre_roll_only_the_unread_is_held() {
        let (ring, _) = filled(None, 40, 100, |number| Some(number + 1));
        assert_eq!((ring.first(), ring.bytes), (40, 0));
        let (ring, _) = filled(None, 40, 100, |_| None);
        assert_eq!((ring.first(), ring.bytes), (40, 0));
        let (ring, lost) = filled(None, 40, 100, |_| Some(12));
        assert_eq!((ring.first(), ring.end(), lost), (12, 40, 0));
    }

    #[test]
    fn the_unread_is_held_beyond_the_pre_roll() {
        let (ring, _) = filled(Some(20), 100, 100, |_| Some(37));
        assert_eq!(ring.first(), 35);
    }

    #[test]
    fn its_bytes_are_bounded_whatever_is_asked() {
        let mib = 1024 * 1024;
        let (ring, lost) = filled(Some(u64::MAX), 100, mib, |_| None);
        assert_eq!((ring.first(), lost), (80, 0));
        let (ring, lost) = filled(None, 100, mib, |_| Some(10));
        assert_eq!((ring.first(), lost), (80, 70));
        // One group that is too large alone goes whole.
        gst::init().unwrap();
        let mut ring = Ring::new(None);
        for number in 0..30 {
            ring.push(unit(number, number == 0, mib));
            ring.trim(Some(0));
        }
        assert!(ring.bytes <= MAX_BYTES && ring.first() > 0);
    }
}
