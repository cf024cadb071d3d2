//! Whether what waits may be taken over now: pure.
//!
//! To start anew takes a second or two without pictures, and what is kept before a press is lost.
//! Nobody may notice: not a lecture, not one that is about to begin, not one that is being made.
//!
//! A clock that cannot be believed says nothing of the next planned lecture: it is held back, and
//! begins in the moment in which a time server sets the clock, which may be any. Then only a room
//! in which nothing has happened for half an hour is taken for one in which nothing is about to:
//! a lecture that begins all the same comes two seconds late, and without a right clock for ever
//! an upgrade would else never come.

/// A planned lecture that begins sooner comes first.
const PLANNED_WITHIN_MS: i64 = 120_000;
/// See the module.
const FREE_FOR_MS: u64 = 30 * 60_000;

/// What the recorder does that starting anew would break off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Busy {
    /// A lecture is recorded, paused, closed, or can still be taken back.
    Lecture,
    /// It tests itself.
    SelfTest,
    /// A lecture is being finished; it would be begun from its beginning.
    Finishing,
}

/// The next lecture that begins by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ahead {
    /// The plans could not be read.
    Unknown,
    /// None is planned.
    Nothing,
    /// In so many milliseconds.
    InMs(i64),
    /// One is planned, and nobody knows what time it is.
    AtSomeTime,
}

/// What the decision depends on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    /// Something waits to be taken over.
    pub(crate) waits: bool,
    /// The program on the disk was asked in vain just now.
    pub(crate) rests: bool,
    pub(crate) busy: Option<Busy>,
    /// For how long it was not busy, in milliseconds of the clock that nobody sets.
    pub(crate) free_ms: u64,
    pub(crate) ahead: Ahead,
}

/// See the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    /// There is nothing to do.
    Never,
    /// Not now.
    Later,
    /// Now.
    Now,
}

impl Moment {
    /// See [`When`].
    pub(crate) const fn when(self) -> When {
        if !self.waits {
            return When::Never;
        }
        let soon = match self.ahead {
            Ahead::Unknown => true,
            Ahead::Nothing => false,
            Ahead::InMs(in_ms) => in_ms < PLANNED_WITHIN_MS,
            Ahead::AtSomeTime => self.free_ms < FREE_FOR_MS,
        };
        match self.busy {
            Some(Busy::Lecture | Busy::SelfTest | Busy::Finishing) => When::Later,
            None if soon || self.rests => When::Later,
            None => When::Now,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p1_what_waits_is_taken_over_when_nobody_notices() {
        let idle = Moment {
            waits: true,
            rests: false,
            busy: None,
            free_ms: 0,
            ahead: Ahead::Nothing,
        };
        let with = |busy| Moment {
            busy: Some(busy),
            ..idle
        };
        let planned = |in_ms| Moment {
            ahead: Ahead::InMs(in_ms),
            ..idle
        };
        let nothing = |moment| Moment {
            waits: false,
            ..moment
        };
        let unknown = Moment {
            ahead: Ahead::Unknown,
            ..idle
        };
        let in_vain = Moment { rests: true, ..idle };
        let by_no_clock = |free_ms| Moment {
            ahead: Ahead::AtSomeTime,
            free_ms,
            ..idle
        };
        for (moment, when) in [
            (idle, When::Now),
            (nothing(idle), When::Never),
            (nothing(in_vain), When::Never),
            (nothing(with(Busy::Lecture)), When::Never),
            (with(Busy::Lecture), When::Later),
            (with(Busy::SelfTest), When::Later),
            (with(Busy::Finishing), When::Later),
            (unknown, When::Later),
            (in_vain, When::Later),
            (planned(3_600_000), When::Now),
            (planned(120_000), When::Now),
            (planned(119_999), When::Later),
            // Its time has come, and it has not begun yet.
            (planned(-1), When::Later),
            (by_no_clock(0), When::Later),
            (by_no_clock(1_799_999), When::Later),
            (by_no_clock(1_800_000), When::Now),
        ] {
            assert_eq!(moment.when(), when, "{moment:?}");
        }
    }
}
