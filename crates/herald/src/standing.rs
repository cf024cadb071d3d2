//! Whether somebody is told of a trouble: only when it has stood for a while, once, again when it
//! still stands much later, and at last that it is over. Pure; times in milliseconds since 1970.

/// A trouble that is over for less than this may come back: nobody is told, and it counts as the
/// same. A source that goes and comes each half minute is one trouble and not a hundred.
const SETTLES_MS: i64 = 60_000;

/// How long is waited before somebody is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Patience {
    /// `hold_off`
    pub(crate) hold_off_ms: i64,
    /// `repeat`
    pub(crate) repeat_ms: i64,
}

impl Patience {
    /// How long a trouble must be gone to be over.
    const fn settles_ms(self) -> i64 {
        if self.hold_off_ms < SETTLES_MS {
            self.hold_off_ms
        } else {
            SETTLES_MS
        }
    }
}

/// A trouble that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    /// Since when it stands.
    pub(crate) since: i64,
    /// When it was last told of.
    pub(crate) told: Option<i64>,
    /// Since when it is gone, and may be over.
    pub(crate) gone: Option<i64>,
}

/// What is to be said of it now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Say {
    /// It stands.
    Stands,
    /// It still stands.
    StillStands,
    /// It is over.
    Over,
}

/// What becomes of a trouble that is there now, or is not. `None`: it is not known, or no more.
pub(crate) fn step(
    known: Option<Known>,
    there: bool,
    now: i64,
    patience: Patience,
) -> (Option<Known>, Option<Say>) {
    // A clock that was set back must not make a trouble wait for years.
    let known = known.map(|known| Known {
        since: known.since.min(now),
        told: known.told.map(|told| told.min(now)),
        gone: known.gone.map(|gone| gone.min(now)),
    });
    match (known, there) {
        (None, false) => (None, None),
        (None, true) => held(now, now, patience),
        (
            Some(Known {
                since, told: None, ..
            }),
            true,
        ) => held(since, now, patience),
        (
            Some(Known {
                since,
                told: Some(told),
                ..
            }),
            true,
        ) => {
            let again = now.saturating_sub(told) >= patience.repeat_ms;
            let told = Some(if again { now } else { told });
            let known = Known {
                since,
                told,
                gone: None,
            };
            (Some(known), again.then_some(Say::StillStands))
        }
        (Some(known), false) => {
            let gone = known.gone.unwrap_or(now);
            if now.saturating_sub(gone) >= patience.settles_ms() {
                (None, known.told.map(|_| Say::Over))
            } else {
                (
                    Some(Known {
                        gone: Some(gone),
                        ..known
                    }),
                    None,
                )
            }
        }
    }
}

/// A trouble that is there and was not told of.
const fn held(since: i64, now: i64, patience: Patience) -> (Option<Known>, Option<Say>) {
    let tells = now.saturating_sub(since) >= patience.hold_off_ms;
    let known = Known {
        since,
        told: if tells { Some(now) } else { None },
        gone: None,
    };
    (Some(known), if tells { Some(Say::Stands) } else { None })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000;
    const USUAL: Patience = Patience {
        hold_off_ms: 10 * MINUTE,
        repeat_ms: 24 * 60 * MINUTE,
    };

    fn known(since: i64, told: Option<i64>, gone: Option<i64>) -> Option<Known> {
        Some(Known { since, told, gone })
    }

    #[test]
    fn a_trouble_is_told_of_after_a_while_once_and_again_when_it_is_over() {
        let day = USUAL.repeat_ms;
        for (before, there, now, after, say) in [
            (None, false, 0, None, None),
            (None, true, 5, known(5, None, None), None),
            (
                known(0, None, None),
                true,
                10 * MINUTE - 1,
                known(0, None, None),
                None,
            ),
            (
                known(0, None, None),
                true,
                10 * MINUTE,
                known(0, Some(10 * MINUTE), None),
                Some(Say::Stands),
            ),
            // It was gone for half a minute: the same trouble.
            (
                known(0, None, Some(MINUTE)),
                true,
                10 * MINUTE,
                known(0, Some(10 * MINUTE), None),
                Some(Say::Stands),
            ),
            (known(0, None, None), false, 7, known(0, None, Some(7)), None),
            (
                known(0, None, Some(7)),
                false,
                7 + MINUTE - 1,
                known(0, None, Some(7)),
                None,
            ),
            (known(0, None, Some(7)), false, 7 + MINUTE, None, None),
            (
                known(0, Some(9), None),
                true,
                9 + day - 1,
                known(0, Some(9), None),
                None,
            ),
            (
                known(0, Some(9), None),
                true,
                9 + day,
                known(0, Some(9 + day), None),
                Some(Say::StillStands),
            ),
            (
                known(0, Some(9), None),
                false,
                50,
                known(0, Some(9), Some(50)),
                None,
            ),
            (
                known(0, Some(9), Some(50)),
                true,
                60,
                known(0, Some(9), None),
                None,
            ),
            (
                known(0, Some(9), Some(50)),
                false,
                50 + MINUTE,
                None,
                Some(Say::Over),
            ),
            // The clock was set back.
            (
                known(100 * day, None, None),
                true,
                day,
                known(day, None, None),
                None,
            ),
            (
                known(0, Some(100 * day), None),
                true,
                day,
                known(0, Some(day), None),
                None,
            ),
        ] {
            assert_eq!(
                step(before, there, now, USUAL),
                (after, say),
                "{before:?} {there} {now}"
            );
        }
    }

    #[test]
    fn without_patience_it_is_told_at_once() {
        let at_once = Patience {
            hold_off_ms: 0,
            ..USUAL
        };
        let (stands, say) = step(None, true, 5, at_once);
        assert_eq!((stands, say), (known(5, Some(5), None), Some(Say::Stands)));
        assert_eq!(step(stands, false, 6, at_once), (None, Some(Say::Over)));
    }

    #[test]
    fn a_source_that_comes_and_goes_is_one_trouble() {
        let mut state = None;
        let mut said = Vec::new();
        for second in 0..3_600 {
            let there = (second / 20) % 2 == 0;
            let (next, say) = step(state, there, second * 1_000, USUAL);
            state = next;
            said.extend(say);
        }
        assert_eq!(said, [Say::Stands]);
    }
}
