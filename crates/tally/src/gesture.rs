//! What a finger does on one key: a tap, or a hold of two seconds. Pure.
//!
//! ```text
//! up ─press─► touched ─30 ms─► down ─2 s─► held (Hold)
//!  ▲             │ release      │ release     │ release
//!  ├─────────────┘ (bounce)     ▼             ▼
//!  ├──────30 ms (Tap)──────── leaving     letting go ──30 ms─► up (Released)
//! ```
//! A hold acts when the two seconds are over and not at the release, so that the lamp can answer
//! while the finger is still there; a bumped key can never end a lecture.

use std::time::Duration;

/// A key held for so long starts or stops.
pub(crate) const HOLD: Duration = Duration::from_secs(2);
/// The contacts of a switch bounce for less than this.
pub(crate) const BOUNCE: Duration = Duration::from_millis(30);

/// What happens to the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// The contact closed.
    Press,
    /// The contact opened.
    Release,
    /// Time went by.
    Time,
}

/// What the finger meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// A finger is on the key; what it means is open.
    Felt,
    /// Pressed and let go within two seconds.
    Tap,
    /// Pressed for two seconds, and still is.
    Hold,
    /// Let go after a hold.
    Released,
}

/// Where a key stands. Times are of any clock that only goes forward.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Gesture {
    /// Nobody touches it.
    #[default]
    Up,
    /// Closed so short a time ago that it may be a bounce.
    Touched {
        /// Since when.
        since: Duration,
    },
    /// Pressed.
    Down {
        /// Since when.
        since: Duration,
    },
    /// Open again for so short a time that it may be a bounce.
    Leaving {
        /// When it was pressed.
        since: Duration,
        /// When it opened.
        open: Duration,
    },
    /// The hold was told; the finger is still there.
    Held,
    /// Open after a hold for so short a time that it may be a bounce.
    LettingGo {
        /// When it opened.
        open: Duration,
    },
}

impl Gesture {
    /// What follows from `input` at the time `at`. Contacts that close and open within `bounce`
    /// never did; zero believes each of them, for inputs that are not contacts.
    #[must_use]
    pub fn step(self, input: Input, at: Duration, bounce: Duration) -> (Self, Option<Act>) {
        let over = |since: Duration, span: Duration| at.saturating_sub(since) >= span;
        match (self, input) {
            (Self::Up, Input::Press) if bounce.is_zero() => (Self::Down { since: at }, Some(Act::Felt)),
            (Self::Up, Input::Press) => (Self::Touched { since: at }, None),

            (Self::Touched { .. }, Input::Release) => (Self::Up, None),
            (Self::Touched { since }, Input::Time) if over(since, bounce) => {
                (Self::Down { since }, Some(Act::Felt))
            }

            (Self::Down { .. }, Input::Release) if bounce.is_zero() => (Self::Up, Some(Act::Tap)),
            (Self::Down { since }, Input::Release) => (Self::Leaving { since, open: at }, None),
            (Self::Down { since }, Input::Time) if over(since, HOLD) => (Self::Held, Some(Act::Hold)),

            (Self::Leaving { since, .. }, Input::Press) => (Self::Down { since }, None),
            (Self::Leaving { open, .. }, Input::Time) if over(open, bounce) => (Self::Up, Some(Act::Tap)),

            (Self::Held, Input::Release) if bounce.is_zero() => (Self::Up, Some(Act::Released)),
            (Self::Held, Input::Release) => (Self::LettingGo { open: at }, None),

            (Self::LettingGo { .. }, Input::Press) => (Self::Held, None),
            (Self::LettingGo { open }, Input::Time) if over(open, bounce) => (Self::Up, Some(Act::Released)),

            (
                state @ (Self::Up
                | Self::Touched { .. }
                | Self::Down { .. }
                | Self::Leaving { .. }
                | Self::Held
                | Self::LettingGo { .. }),
                Input::Press | Input::Release | Input::Time,
            ) => (state, None),
        }
    }

    /// When time alone changes something.
    #[must_use]
    pub fn deadline(self, bounce: Duration) -> Option<Duration> {
        match self {
            Self::Up | Self::Held => None,
            Self::Touched { since } => Some(since + bounce),
            Self::Down { since } => Some(since + HOLD),
            Self::Leaving { open, .. } | Self::LettingGo { open } => Some(open + bounce),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// Plays edges with their times, and time alone until `end`, in steps of one millisecond.
    fn play(edges: &[(u64, Input)], end: u64, bounce: Duration) -> Vec<(u64, Act)> {
        let mut gesture = Gesture::default();
        let mut acts = Vec::new();
        for now in 0..=end {
            let due = edges.iter().filter(|(at, _)| *at == now).map(|(_, input)| *input);
            for input in std::iter::once(Input::Time).chain(due) {
                let (next, act) = gesture.step(input, ms(now), bounce);
                gesture = next;
                acts.extend(act.map(|act| (now, act)));
            }
        }
        acts
    }

    #[test]
    fn each_gesture_means_one_thing() {
        use Act::{Felt, Hold, Released, Tap};
        use Input::{Press, Release};
        type Case = (&'static str, &'static [(u64, Input)], &'static [(u64, Act)]);
        let table: [Case; 8] = [
            ("a tap", &[(10, Press), (210, Release)], &[(40, Felt), (240, Tap)]),
            (
                "a hold acts while the finger is there",
                &[(10, Press), (3_000, Release)],
                &[(40, Felt), (2_010, Hold), (3_030, Released)],
            ),
            (
                "just too short for a hold",
                &[(0, Press), (1_999, Release)],
                &[(30, Felt), (2_029, Tap)],
            ),
            ("a bounce is nothing", &[(10, Press), (20, Release)], &[]),
            (
                "bouncing contacts are one tap",
                &[
                    (10, Press),
                    (14, Release),
                    (18, Press),
                    (300, Release),
                    (306, Press),
                    (310, Release),
                ],
                &[(48, Felt), (340, Tap)],
            ),
            (
                "a bounce inside a hold does not end it",
                &[(0, Press), (1_000, Release), (1_010, Press)],
                &[(30, Felt), (2_000, Hold)],
            ),
            ("a release out of nowhere is nothing", &[(10, Release)], &[]),
            (
                "a key that repeats is one press",
                &[(0, Press), (500, Press), (550, Press), (600, Release)],
                &[(30, Felt), (630, Tap)],
            ),
        ];
        for (what, edges, acts) in table {
            assert_eq!(play(edges, 4_000, BOUNCE), acts, "{what}");
        }
    }

    #[test]
    fn a_program_that_taps_in_no_time_is_believed() {
        let edges = [(5, Input::Press), (5, Input::Release)];
        assert_eq!(play(&edges, 100, ms(0)), [(5, Act::Felt), (5, Act::Tap)]);
    }

    #[test]
    fn after_its_deadline_a_gesture_is_another() {
        for gesture in [
            Gesture::Touched { since: ms(5) },
            Gesture::Down { since: ms(5) },
            Gesture::Leaving {
                since: ms(5),
                open: ms(9),
            },
            Gesture::LettingGo { open: ms(9) },
        ] {
            let deadline = gesture.deadline(BOUNCE).unwrap();
            assert_eq!(
                gesture.step(Input::Time, deadline - ms(1), BOUNCE),
                (gesture, None)
            );
            assert_ne!(gesture.step(Input::Time, deadline, BOUNCE).0, gesture);
        }
    }
}
