//! The self test, as data: how far it is, and what it finds. Pure.
//!
//! ```text
//! recording ─► finishing ─► probing ─► deleting ─► over
//!     └───────────┴─► giving way ─────────┘
//! ```
//! A lecture goes before a self test at every moment: while it records or is finished it gives
//! way, and what is left of it is deleted. The conductor does what a phase needs and says what came
//! of it.

mod even;
mod judge;
mod watched;

pub(crate) use judge::{Question, finished, recorded, tracks};
pub(crate) use watched::Watched;

/// How far a self test is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Its recording is the one at work, or is being closed.
    Recording,
    /// It waits for the finisher, or is there.
    Finishing,
    /// The platforms are asked.
    Probing,
    /// A lecture begins: what writes its files ends.
    GivingWay,
    /// Its files and rows go.
    Deleting,
    /// Nothing of it is left.
    Over,
}

/// What can happen to a self test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TestEvent {
    /// Its recording is closed, whole.
    Captured,
    /// There is no recording to finish.
    NothingCaptured,
    /// The finisher is done with it, with success or not.
    FinisherDone,
    /// A lecture wants to begin.
    LectureBegins,
    /// The platforms have answered.
    Probed,
    /// It was deleted, or could not be: then the next start does it.
    Deleted,
}

impl Phase {
    /// The phase after `event`; `None` when the event changes nothing.
    pub(crate) const fn step(self, event: TestEvent) -> Option<Self> {
        use TestEvent as E;
        match self {
            Self::Recording => match event {
                E::Captured => Some(Self::Finishing),
                E::NothingCaptured => Some(Self::Probing),
                E::LectureBegins => Some(Self::GivingWay),
                E::FinisherDone | E::Probed | E::Deleted => None,
            },
            Self::Finishing => match event {
                E::FinisherDone => Some(Self::Probing),
                E::LectureBegins => Some(Self::GivingWay),
                E::Captured | E::NothingCaptured | E::Probed | E::Deleted => None,
            },
            Self::Probing => match event {
                E::Probed => Some(Self::Deleting),
                E::Captured | E::NothingCaptured | E::FinisherDone | E::LectureBegins | E::Deleted => None,
            },
            Self::GivingWay => match event {
                E::Captured | E::NothingCaptured | E::FinisherDone => Some(Self::Deleting),
                E::LectureBegins | E::Probed | E::Deleted => None,
            },
            Self::Deleting => match event {
                E::Deleted => Some(Self::Over),
                E::Captured | E::NothingCaptured | E::FinisherDone | E::LectureBegins | E::Probed => None,
            },
            Self::Over => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Phase as P;
    use super::TestEvent as E;

    /// Every arrow; whatever is not listed changes nothing.
    const ARROWS: &[(P, E, P)] = &[
        (P::Recording, E::Captured, P::Finishing),
        (P::Recording, E::NothingCaptured, P::Probing),
        (P::Recording, E::LectureBegins, P::GivingWay),
        (P::Finishing, E::FinisherDone, P::Probing),
        (P::Finishing, E::LectureBegins, P::GivingWay),
        (P::GivingWay, E::Captured, P::Deleting),
        (P::GivingWay, E::NothingCaptured, P::Deleting),
        (P::GivingWay, E::FinisherDone, P::Deleting),
        (P::Probing, E::Probed, P::Deleting),
        (P::Deleting, E::Deleted, P::Over),
    ];

    #[test]
    fn every_phase_takes_what_is_written_and_nothing_else() {
        let phases = [
            P::Recording,
            P::Finishing,
            P::Probing,
            P::GivingWay,
            P::Deleting,
            P::Over,
        ];
        let events = [
            E::Captured,
            E::NothingCaptured,
            E::FinisherDone,
            E::LectureBegins,
            E::Probed,
            E::Deleted,
        ];
        for phase in phases {
            for event in events {
                let arrow = ARROWS.iter().find(|(from, on, _)| (*from, *on) == (phase, event));
                assert_eq!(
                    phase.step(event),
                    arrow.map(|(.., to)| *to),
                    "{phase:?} + {event:?}"
                );
            }
        }
    }
}
