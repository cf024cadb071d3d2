//! What a lamp looks like at a moment. Pure.
//!
//! Each state has a pattern of its own, so that nobody needs to see the colour; the colours are
//! the campus's. No pattern flashes more than three times in any second, whatever is pressed
//! (WCAG 2.3.1): [`Calm`] holds a lamp dark that would.

use std::time::Duration;

use lectern_domain::config::{Colour, Colours};

/// How often a moving pattern is drawn.
const DRAW_EVERY: Duration = Duration::from_millis(50);
/// The answer to a press that was refused takes so long.
const REFUSED_FOR: Duration = Duration::from_millis(1_000);
/// Brighter than a tenth of full is lit: less is no flash.
const LIT: u8 = 25;
/// More flashes within a second are too many.
const MOST_FLASHES: usize = 3;
const WHITE: Colour = Colour([255, 255, 255]);
/// A finger on a button that has not acted yet.
const FELT: Colour = Colour([64, 64, 64]);

/// What stands at the podium.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Sign {
    /// Nothing is being recorded.
    #[default]
    Ready,
    /// Sources are beginning.
    Starting,
    /// It records.
    Recording,
    /// It records, and nobody has been heard for half a minute.
    Silent,
    /// It writes nothing, on purpose.
    Paused,
    /// Stopped; can be undone.
    Saved,
    /// It cannot record.
    Fault,
}

impl Sign {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Ready,
        Self::Starting,
        Self::Recording,
        Self::Silent,
        Self::Paused,
        Self::Saved,
        Self::Fault,
    ];

    /// The word that a lamp's program is given.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Starting => "starting",
            Self::Recording => "recording",
            Self::Silent => "silent",
            Self::Paused => "paused",
            Self::Saved => "saved",
            Self::Fault => "fault",
        }
    }

    /// Its pattern; no two signs share one.
    #[must_use]
    pub const fn pattern(self) -> Pattern {
        match self {
            Self::Ready => Pattern::Dark,
            Self::Starting => Pattern::Blink,
            Self::Recording => Pattern::Steady,
            Self::Silent => Pattern::TwoDips,
            Self::Paused => Pattern::Breathe,
            Self::Saved => Pattern::Wink,
            Self::Fault => Pattern::TwoPulses,
        }
    }

    const fn colour(self, colours: &Colours) -> Colour {
        match self {
            Self::Ready => colours.ready,
            Self::Starting => colours.starting,
            Self::Recording | Self::Silent => colours.recording,
            Self::Paused => colours.paused,
            Self::Saved => colours.saved,
            Self::Fault => colours.fault,
        }
    }
}

/// How a lamp's brightness goes, over and over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Pattern {
    /// A steady colour, by default none.
    Dark,
    /// Steady.
    Steady,
    /// A short pulse each second.
    Blink,
    /// Up and down once a second.
    Breathe,
    /// On, with a short dip every two seconds.
    Wink,
    /// On, with two short dips every two seconds.
    TwoDips,
    /// Two short pulses every two seconds.
    TwoPulses,
    /// The answer to a refused press, once: dark around two short pulses.
    Refused,
}

/// So many milliseconds from one brightness to another.
type Leg = (u64, u8, u8);

impl Pattern {
    const fn legs(self) -> &'static [Leg] {
        match self {
            Self::Dark | Self::Steady => &[(1_000, 255, 255)],
            Self::Blink => &[(250, 255, 255), (750, 0, 0)],
            Self::Breathe => &[(500, 255, 20), (500, 20, 255)],
            Self::Wink => &[(1_750, 255, 255), (250, 0, 0)],
            Self::TwoDips => &[(200, 0, 0), (200, 255, 255), (200, 0, 0), (1_400, 255, 255)],
            Self::TwoPulses => &[(200, 255, 255), (200, 0, 0), (200, 255, 255), (1_400, 0, 0)],
            Self::Refused => &[
                (200, 0, 0),
                (200, 255, 255),
                (200, 0, 0),
                (200, 255, 255),
                (200, 0, 0),
            ],
        }
    }

    /// Its brightness so long after it began, 0 to 255.
    #[must_use]
    pub fn brightness(self, since: Duration) -> u8 {
        let legs = self.legs();
        let period: u64 = legs.iter().map(|(ms, ..)| ms).sum();
        let mut rest = u64::try_from(since.as_millis()).unwrap_or(0) % period;
        for (ms, from, to) in legs {
            if rest < *ms {
                let (from, to, ms, rest) = (i64::from(*from), i64::from(*to), *ms as i64, rest as i64);
                return u8::try_from(from + (to - from) * rest / ms).unwrap_or(u8::MAX);
            }
            rest -= ms;
        }
        0
    }

    /// Whether it never changes.
    #[must_use]
    pub const fn is_still(self) -> bool {
        matches!(self, Self::Dark | Self::Steady)
    }
}

/// What all lamps are told. Times are of one clock that only goes forward.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scene {
    /// What stands.
    pub sign: Sign,
    /// Since when.
    pub since: Duration,
    /// When a press was last refused.
    pub refused: Option<Duration>,
    /// A finger is on a button.
    pub felt: bool,
}

/// What one lamp shows at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// For programs: the sign's word, or `refused`.
    pub word: &'static str,
    /// For programs: the colour at full brightness.
    pub colour: Colour,
    /// For lamps: the colour as it is now.
    pub lit: Colour,
    /// After how long it may look different; `None`: only when it is told something else.
    pub next: Option<Duration>,
    /// After how long the word is another by itself.
    pub ends: Option<Duration>,
}

/// The frame of a scene at the time `now`.
#[must_use]
pub fn frame(scene: &Scene, colours: &Colours, now: Duration) -> Frame {
    let refused = scene
        .refused
        .map(|at| now.saturating_sub(at))
        .filter(|since| *since < REFUSED_FOR);
    let (word, colour, pattern, since) = match refused {
        Some(since) => ("refused", WHITE, Pattern::Refused, since),
        None => (
            scene.sign.as_str(),
            scene.sign.colour(colours),
            scene.sign.pattern(),
            now.saturating_sub(scene.since),
        ),
    };
    let felt = scene.felt && refused.is_none();
    let moves = !pattern.is_still() && !felt;
    Frame {
        word,
        colour,
        lit: if felt {
            FELT
        } else {
            dimmed(colour, pattern.brightness(since))
        },
        next: moves.then_some(DRAW_EVERY),
        ends: refused.map(|since| REFUSED_FOR.saturating_sub(since)),
    }
}

fn dimmed(Colour(full): Colour, brightness: u8) -> Colour {
    Colour(full.map(|part| u8::try_from(u16::from(part) * u16::from(brightness) / 255).unwrap_or(u8::MAX)))
}

/// Keeps one lamp from flashing faster than three times a second.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Calm {
    lit: bool,
    /// When it last became lit, the oldest first.
    flashes: [Option<Duration>; MOST_FLASHES],
}

impl Calm {
    /// The frame that may be shown in place of `frame`: the same, or dark until it may flash.
    pub(crate) fn step(&mut self, frame: Frame, now: Duration) -> Frame {
        let lit = frame.lit.0.iter().any(|part| *part > LIT);
        if !lit || self.lit {
            self.lit = lit;
            return frame;
        }
        let oldest = self.flashes[0].map(|at| now.saturating_sub(at));
        match oldest.filter(|age| *age < Duration::from_secs(1)) {
            Some(_) => Frame {
                lit: Colour::default(),
                next: Some(DRAW_EVERY),
                ..frame
            },
            None => {
                self.flashes.rotate_left(1);
                self.flashes[MOST_FLASHES - 1] = Some(now);
                self.lit = true;
                frame
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// The most times that a lamp becomes lit within any second.
    fn most_flashes(levels: &[bool]) -> usize {
        let rises: Vec<_> = (1..levels.len())
            .filter(|at| levels[*at] && !levels[at - 1])
            .collect();
        rises
            .iter()
            .map(|from| {
                rises
                    .iter()
                    .filter(|at| (*from..from + 1_000).contains(*at))
                    .count()
            })
            .max()
            .unwrap_or(0)
    }

    fn is_lit(colour: Colour) -> bool {
        colour.0.iter().any(|part| *part > LIT)
    }

    #[test]
    fn no_state_flashes_faster_than_three_times_a_second_even_when_presses_are_refused() {
        let colours = Colours::default();
        for sign in Sign::ALL {
            for refused in [None, Some(ms(900)), Some(ms(1_250)), Some(ms(2_100))] {
                let scene = Scene {
                    sign,
                    refused,
                    ..Scene::default()
                };
                let levels: Vec<_> = (0..6_000)
                    .map(|now| is_lit(frame(&scene, &colours, ms(now)).lit))
                    .collect();
                assert!(most_flashes(&levels) <= 3, "{sign:?} {refused:?}");
            }
        }
    }

    #[test]
    fn nobody_can_press_a_lamp_into_flashing() {
        let colours = Colours::default();
        let mut calm = Calm::default();
        let levels: Vec<_> = (0..10_000_u64)
            .map(|now| {
                // A finger ten times a second, a state that changes seven times.
                let scene = Scene {
                    sign: Sign::ALL[usize::try_from(now / 143 % 7).unwrap()],
                    since: ms(now / 143 * 143),
                    refused: Some(ms(now / 400 * 400)).filter(|_| now % 3_000 > 1_500),
                    felt: now / 50 % 2 == 0,
                };
                is_lit(calm.step(frame(&scene, &colours, ms(now)), ms(now)).lit)
            })
            .collect();
        assert_eq!(most_flashes(&levels), 3);
    }

    #[test]
    fn each_state_has_a_pattern_of_its_own() {
        let drawn: BTreeSet<Vec<u8>> = Sign::ALL
            .iter()
            .filter(|sign| **sign != Sign::Ready)
            .map(|sign| (0..40).map(|at| sign.pattern().brightness(ms(at * 50))).collect())
            .collect();
        assert_eq!(drawn.len(), Sign::ALL.len() - 1);
        assert_eq!(Colours::default().ready, Colour::default(), "ready is dark");
    }

    #[test]
    fn a_frame_says_when_it_must_be_drawn_again() {
        let colours = Colours::default();
        let mut scene = Scene {
            sign: Sign::Recording,
            ..Scene::default()
        };
        let steady = frame(&scene, &colours, ms(5_000));
        assert_eq!((steady.lit, steady.next), (Colour([255, 0, 0]), None));
        scene.refused = Some(ms(5_000));
        let refused = frame(&scene, &colours, ms(5_300));
        assert_eq!((refused.word, refused.lit), ("refused", WHITE));
        assert_eq!(frame(&scene, &colours, ms(6_000)).word, "recording");
        scene.sign = Sign::Paused;
        scene.refused = None;
        assert!(frame(&scene, &colours, ms(7_000)).next.is_some());
    }
}
