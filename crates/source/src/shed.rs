//! When to leave work out, and when to take it up again.
//!
//! A machine that cannot follow drops pictures at random, which looks worse than fewer of them at
//! an even pace. The ladder, one rung at a time: a quicker preset of the encoder; half the pictures;
//! a quarter. Never the sound. Down after three windows in a row in which too many pictures were dropped; up
//! after a calm time, which doubles when the rung above did not hold. Pure.

use crate::clock::SECOND_NS;

/// How long drops are counted before they are judged, in nanoseconds.
const WINDOW_NS: u64 = 2 * SECOND_NS;
/// A window is bad with this many dropped pictures that are also this share of all, in percent.
const BAD: (u64, u64) = (3, 5);
/// So many bad windows in a row are a machine that cannot follow; a hiccup fills two at most.
const BAD_WINDOWS: u32 = 3;
/// A rung is given this long before it is judged, in nanoseconds: what waited must drain first.
const SETTLE_NS: u64 = 3 * SECOND_NS;
/// How long it must have been calm before a rung up, in nanoseconds.
const CALM_NS: u64 = 60 * SECOND_NS;
/// The most that the calm time grows to, in nanoseconds.
const MAX_CALM_NS: u64 = 16 * CALM_NS;

/// A rung: what is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rung {
    /// Nothing.
    Full,
    /// The encoder takes less care of each picture.
    Faster,
    /// Every second picture as well.
    Half,
    /// Three of four pictures.
    Quarter,
}

impl Rung {
    /// Whether the encoder takes less care.
    pub(crate) fn is_faster(self) -> bool {
        self >= Self::Faster
    }

    /// Each so-manieth picture is encoded.
    pub(crate) fn pace(self) -> u64 {
        match self {
            Self::Full | Self::Faster => 1,
            Self::Half => 2,
            Self::Quarter => 4,
        }
    }

    /// For people.
    pub(crate) fn describe(self) -> &'static str {
        match self {
            Self::Full => "all pictures at full care",
            Self::Faster => "all pictures with less care for each",
            Self::Half => "every second picture",
            Self::Quarter => "every fourth picture",
        }
    }

    fn down(self, has_faster: bool) -> Option<Self> {
        match self {
            Self::Full if has_faster => Some(Self::Faster),
            Self::Full | Self::Faster => Some(Self::Half),
            Self::Half => Some(Self::Quarter),
            Self::Quarter => None,
        }
    }

    fn up(self, has_faster: bool) -> Option<Self> {
        match self {
            Self::Full => None,
            Self::Faster => Some(Self::Full),
            Self::Half if has_faster => Some(Self::Faster),
            Self::Half => Some(Self::Full),
            Self::Quarter => Some(Self::Half),
        }
    }
}

/// What was counted since the process began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Pictures that the device delivered.
    pub(crate) captured: u64,
    /// Pictures that the encoder could not take.
    pub(crate) dropped: u64,
}

/// Where the ladder stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ladder {
    rung: Rung,
    /// When it was reached.
    since_ns: u64,
    /// The last rung was a step up.
    rose: bool,
    /// When a picture was last dropped, or the last step was made.
    bad_ns: u64,
    /// Bad windows in a row.
    bad_windows: u32,
    /// How long it must have been calm before the next step up.
    calm_ns: u64,
    /// The window that is counted: its beginning and the counts then.
    window: Option<(u64, Seen)>,
}

impl Default for Ladder {
    fn default() -> Self {
        Self {
            rung: Rung::Full,
            since_ns: 0,
            rose: false,
            bad_ns: 0,
            bad_windows: 0,
            calm_ns: CALM_NS,
            window: None,
        }
    }
}

impl Ladder {
    /// The rung.
    pub(crate) fn rung(&self) -> Rung {
        self.rung
    }

    /// The ladder after the counts of `now_ns` were looked at. `has_faster`: the encoder has a
    /// quicker preset.
    #[must_use]
    pub(crate) fn step(self, seen: Seen, has_faster: bool, now_ns: u64) -> Self {
        let Some((begun_ns, before)) = self.window else {
            return Self {
                window: Some((now_ns, seen)),
                ..self
            };
        };
        if now_ns < begun_ns + WINDOW_NS {
            return self;
        }
        let dropped = seen.dropped.saturating_sub(before.dropped);
        let captured = seen.captured.saturating_sub(before.captured);
        let settled = now_ns >= self.since_ns + SETTLE_NS;
        let bad = settled && dropped >= BAD.0 && dropped * 100 >= captured * BAD.1;
        let next = Self {
            window: Some((now_ns, seen)),
            bad_windows: if bad { self.bad_windows + 1 } else { 0 },
            ..self
        };
        if next.bad_windows >= BAD_WINDOWS {
            return next.down(has_faster, now_ns);
        }
        if dropped > 0 {
            return Self {
                bad_ns: now_ns,
                ..next
            };
        }
        if now_ns >= self.bad_ns.max(self.since_ns) + self.calm_ns {
            return next.up(has_faster, now_ns);
        }
        next
    }

    fn down(self, has_faster: bool, now_ns: u64) -> Self {
        // A rung that was tried and did not hold is tried again later.
        let calm_ns = if self.rose {
            (self.calm_ns * 2).min(MAX_CALM_NS)
        } else {
            self.calm_ns
        };
        Self {
            rung: self.rung.down(has_faster).unwrap_or(self.rung),
            since_ns: now_ns,
            rose: false,
            bad_ns: now_ns,
            bad_windows: 0,
            calm_ns,
            ..self
        }
    }

    fn up(self, has_faster: bool, now_ns: u64) -> Self {
        match self.rung.up(has_faster) {
            Some(rung) => Self {
                rung,
                since_ns: now_ns,
                rose: true,
                bad_ns: now_ns,
                ..self
            },
            // All is well, and was for long: what was learned is forgotten.
            None => Self {
                rose: false,
                bad_ns: now_ns,
                calm_ns: CALM_NS,
                ..self
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Steps once a second for `seconds`, at 30 pictures of which `dropped` are lost; the rungs
    /// that were reached, with the second.
    struct Walk {
        ladder: Ladder,
        seen: Seen,
        second: u64,
        has_faster: bool,
    }

    impl Walk {
        fn new(has_faster: bool) -> Self {
            Self {
                ladder: Ladder::default(),
                seen: Seen::default(),
                second: 1000,
                has_faster,
            }
        }

        fn go(&mut self, seconds: u64, dropped: u64) -> Vec<(u64, Rung)> {
            let begin = self.second;
            let mut reached = Vec::new();
            for _ in 0..seconds {
                self.second += 1;
                self.seen.captured += 30;
                self.seen.dropped += dropped;
                let before = self.ladder.rung();
                self.ladder = self
                    .ladder
                    .step(self.seen, self.has_faster, self.second * SECOND_NS);
                if self.ladder.rung() != before {
                    reached.push((self.second - begin, self.ladder.rung()));
                }
            }
            reached
        }
    }

    #[test]
    fn it_climbs_down_a_rung_at_a_time_and_stays_at_the_last() {
        let mut walk = Walk::new(true);
        assert_eq!(
            walk.go(40, 10),
            [(7, Rung::Faster), (15, Rung::Half), (23, Rung::Quarter)]
        );
        let mut walk = Walk::new(false);
        assert_eq!(walk.go(40, 10), [(7, Rung::Half), (15, Rung::Quarter)]);
    }

    #[test]
    fn a_few_drops_are_no_reason_but_keep_it_from_rising() {
        let mut walk = Walk::new(true);
        assert_eq!(walk.go(100, 1), []);
        // A hiccup.
        assert_eq!(walk.go(2, 15), []);
        assert_eq!(walk.go(20, 0), []);
        while walk.ladder.rung() == Rung::Full {
            walk.go(1, 10);
        }
        assert_eq!(walk.go(600, 1), []);
    }

    #[test]
    fn it_rises_after_a_calm_minute_rung_by_rung() {
        let mut walk = Walk::new(true);
        walk.go(23, 10);
        assert_eq!(walk.ladder.rung(), Rung::Quarter);
        let rungs = walk.go(300, 0);
        let order: Vec<Rung> = rungs.iter().map(|(_, rung)| *rung).collect();
        assert_eq!(order, [Rung::Half, Rung::Faster, Rung::Full]);
        assert!(
            rungs
                .iter()
                .zip(1..)
                .all(|((at, _), n)| (60 * n..66 * n).contains(at)),
            "{rungs:?}"
        );
    }

    #[test]
    fn a_rung_that_does_not_hold_is_tried_less_and_less_often() {
        let mut walk = Walk::new(true);
        walk.go(7, 10);
        let mut calm = Vec::new();
        for _ in 0..6 {
            let mut waited = 0;
            while walk.ladder.rung() == Rung::Faster {
                walk.go(1, 0);
                waited += 1;
            }
            calm.push(waited / 10 * 10);
            let mut held = 0;
            while walk.ladder.rung() == Rung::Full {
                walk.go(1, 10);
                held += 1;
            }
            assert!(held < 10, "{held}");
        }
        assert_eq!(calm, [60, 120, 240, 480, 960, 960]);
    }

    #[test]
    fn the_rungs_say_what_they_leave_out() {
        let all = [Rung::Full, Rung::Faster, Rung::Half, Rung::Quarter];
        assert_eq!(all.map(Rung::pace), [1, 1, 2, 4]);
        assert_eq!(all.map(Rung::is_faster), [false, true, true, true]);
    }
}
