//! Whether what waits may be taken over now: pure.
//!
//! To start anew takes a second or two without pictures, and what is kept before a press is lost.
//! Nobody may notice: not a lecture, not one that is about to begin, not one that is being made.

/// A planned lecture that begins sooner comes first.
const PLANNED_WITHIN_MS: i64 = 120_000;

/// What the decision depends on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    /// Something waits to be taken over.
    pub(crate) waits: bool,
    /// A lecture is recorded, paused, closed, or can still be taken back.
    pub(crate) lecture: bool,
    /// A lecture is being finished; it would be begun anew.
    pub(crate) finishing: bool,
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
        if self.lecture || self.finishing || soon {
            When::Later
        } else {
            When::Now
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
            lecture: false,
            finishing: false,
            plans_known: true,
            planned_in_ms: None,
        };
        let planned = |in_ms| Moment {
            planned_in_ms: Some(in_ms),
            ..idle
        };
        for (moment, when) in [
            (idle, When::Now),
            (Moment { waits: false, ..idle }, When::Never),
            (
                Moment {
                    waits: false,
                    lecture: true,
                    ..idle
                },
                When::Never,
            ),
            (
                Moment {
                    lecture: true,
                    ..idle
                },
                When::Later,
            ),
            (
                Moment {
                    finishing: true,
                    ..idle
                },
                When::Later,
            ),
            (
                Moment {
                    plans_known: false,
                    ..idle
                },
                When::Later,
            ),
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
