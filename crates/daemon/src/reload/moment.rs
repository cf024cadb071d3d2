//! Whether what waits may be taken over now: pure.
//!
//! To start anew takes a second or two without pictures, and what is kept before a press is lost.
//! Nobody may notice: not a lecture, not one that is about to begin, not one that is being made.

/// A planned lecture that begins sooner comes first.
const PLANNED_WITHIN_MS: i64 = 120_000;

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

/// What the decision depends on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    /// Something waits to be taken over.
    pub(crate) waits: bool,
    pub(crate) busy: Option<Busy>,
    /// It is known what is planned.
    pub(crate) plans_known: bool,
    /// When the next planned lecture begins, in milliseconds from now.
    pub(crate) planned_in_ms: Option<i64>,
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
        let soon = match self.planned_in_ms {
            Some(in_ms) => in_ms < PLANNED_WITHIN_MS,
            None => !self.plans_known,
        };
        match self.busy {
            Some(Busy::Lecture | Busy::SelfTest | Busy::Finishing) => When::Later,
            None if soon => When::Later,
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
            busy: None,
            plans_known: true,
            planned_in_ms: None,
        };
        let with = |busy| Moment {
            busy: Some(busy),
            ..idle
        };
        let planned = |in_ms| Moment {
            planned_in_ms: Some(in_ms),
            ..idle
        };
        let nothing = |moment| Moment {
            waits: false,
            ..moment
        };
        let unknown = Moment {
            plans_known: false,
            ..idle
        };
        for (moment, when) in [
            (idle, When::Now),
            (nothing(idle), When::Never),
            (nothing(with(Busy::Lecture)), When::Never),
            (with(Busy::Lecture), When::Later),
            (with(Busy::SelfTest), When::Later),
            (with(Busy::Finishing), When::Later),
            (unknown, When::Later),
            (planned(3_600_000), When::Now),
            (planned(120_000), When::Now),
            (planned(119_999), When::Later),
            // Its time has come, and it has not begun yet.
            (planned(-1), When::Later),
        ] {
            assert_eq!(moment.when(), when, "{moment:?}");
        }
    }
}
