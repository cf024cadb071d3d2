//! Platforms that are left alone for a while. Pure: outcomes and the wall clock in, who may be
//! served out.
//!
//! ```text
//! Free ──unreachable──► Waiting (until that delivery's next try, then one lecture knocks)
//!  ▲ ▲────served────────┘ │ refused
//!  └──────served──── Parked (15 min, 30 min, 1 h, 1 h …; then one lecture tries)
//! ```
//! A platform that is away is found out once and not once for each lecture; one that refuses
//! everybody is no lecture's fault. Whether it refuses everybody is seen by the next lecture that
//! tries: one that was refused goes after all others, so that it never blocks them. Nothing is kept over a restart, which is a new try.

use std::collections::{BTreeMap, BTreeSet};

use lectern_domain::api::PlatformState;
use lectern_domain::ids::{DeliveryId, PlatformName};

/// The first pause after a refusal. A person must act first, and hardly acts faster.
const REFUSED_MS: i64 = 15 * 60_000;
/// The longest.
const REFUSED_LONGEST_MS: i64 = 60 * 60_000;
/// After the first failure to reach a platform, whichever lecture it was; doubled by each next.
const AWAY_MS: i64 = 1_000;
/// The longest pause that is not the delivery's own.
const AWAY_LONGEST_MS: i64 = 450_000;
/// So much before the next try of a delivery that failed twice running, another one may try: it
/// may be that one's own trouble.
const OTHERS_FIRST_MS: i64 = 1_000;

/// How one platform is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Hold {
    /// Nothing is known against it.
    #[default]
    Free,
    /// It did not serve us the last time.
    Waiting {
        /// Nobody knocks before.
        until_unix_ms: i64,
        /// For people.
        why: String,
        /// In a row, by any delivery.
        failures: u32,
        /// Who failed last.
        delivery: DeliveryId,
    },
    /// It refuses whatever is sent.
    Parked {
        /// Nobody tries before.
        until_unix_ms: i64,
        /// For people.
        why: String,
        /// How long it is left alone this time.
        pause_ms: i64,
    },
}

/// What was learnt of a platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Learnt {
    /// It took something, or answered about one lecture alone.
    Served,
    /// It did not serve a delivery, which is to be tried again then.
    Away {
        delivery: DeliveryId,
        until_unix_ms: i64,
        why: String,
    },
    /// It refuses whatever is sent.
    Refuses { why: String },
    /// A person says: try again.
    TryAgain,
}

impl Hold {
    /// How it is after this.
    pub(crate) fn step(self, learnt: Learnt, now_unix_ms: i64) -> Self {
        match (self, learnt) {
            (Self::Free | Self::Waiting { .. } | Self::Parked { .. }, Learnt::Served)
            | (Self::Free, Learnt::TryAgain) => Self::Free,
            (
                Self::Free | Self::Parked { .. },
                Learnt::Away {
                    delivery,
                    until_unix_ms,
                    why,
                },
            ) => Self::Waiting {
                until_unix_ms: until_unix_ms.max(now_unix_ms.saturating_add(AWAY_MS)),
                why,
                failures: 1,
                delivery,
            },
            (
                Self::Waiting {
                    failures,
                    delivery: before,
                    ..
                },
                Learnt::Away {
                    delivery,
                    until_unix_ms,
                    why,
                },
            ) => {
                let until_unix_ms = if delivery == before {
                    until_unix_ms.saturating_sub(OTHERS_FIRST_MS)
                } else {
                    until_unix_ms.max(now_unix_ms.saturating_add(away_ms(failures)))
                };
                Self::Waiting {
                    until_unix_ms: until_unix_ms.max(now_unix_ms.saturating_add(AWAY_MS)),
                    why,
                    failures: failures.saturating_add(1),
                    delivery,
                }
            }
            (Self::Free | Self::Waiting { .. }, Learnt::Refuses { why }) => {
                parked(why, REFUSED_MS, now_unix_ms)
            }
            (Self::Parked { pause_ms, .. }, Learnt::Refuses { why }) => {
                let pause_ms = pause_ms.saturating_mul(2).clamp(REFUSED_MS, REFUSED_LONGEST_MS);
                parked(why, pause_ms, now_unix_ms)
            }
            (Self::Waiting { why, delivery, .. }, Learnt::TryAgain) => Self::Waiting {
                until_unix_ms: now_unix_ms,
                why,
                failures: 0,
                delivery,
            },
            // What a person has mended may have another fault, which begins at the shortest pause.
            (Self::Parked { why, .. }, Learnt::TryAgain) => Self::Parked {
                until_unix_ms: now_unix_ms,
                why,
                pause_ms: 0,
            },
        }
    }

    /// Its public name.
    pub(crate) const fn state(&self) -> PlatformState {
        match self {
            Self::Free => PlatformState::Ok,
            Self::Waiting { .. } => PlatformState::Waiting,
            Self::Parked { .. } => PlatformState::Parked,
        }
    }

    /// What is to be said of it, and when it is tried next; nothing when all is well.
    pub(crate) fn told(&self) -> Option<(&str, i64)> {
        match self {
            Self::Free => None,
            Self::Waiting {
                until_unix_ms, why, ..
            }
            | Self::Parked {
                until_unix_ms, why, ..
            } => Some((why, *until_unix_ms)),
        }
    }
}

fn parked(why: String, pause_ms: i64, now_unix_ms: i64) -> Hold {
    Hold::Parked {
        until_unix_ms: now_unix_ms.saturating_add(pause_ms),
        why,
        pause_ms,
    }
}

fn away_ms(failures: u32) -> i64 {
    AWAY_MS
        .saturating_mul(2i64.saturating_pow(failures))
        .min(AWAY_LONGEST_MS)
}

/// How all platforms are.
#[derive(Debug, Default)]
pub(crate) struct Holds {
    platforms: BTreeMap<PlatformName, Hold>,
    /// Deliveries whose last try was refused; as many as there are open ones at most.
    refused: BTreeSet<DeliveryId>,
}

impl Holds {
    /// Takes in what was learnt of a platform.
    pub(crate) fn learn(&mut self, platform: &PlatformName, learnt: Learnt, now_unix_ms: i64) {
        let hold = self.platforms.entry(platform.clone()).or_default();
        *hold = std::mem::take(hold).step(learnt, now_unix_ms);
    }

    /// Takes in whether a delivery was refused, like any other, or heard.
    pub(crate) fn heard(&mut self, delivery: DeliveryId, refused: bool) {
        if refused {
            self.refused.insert(delivery);
        } else {
            self.refused.remove(&delivery);
        }
    }

    /// Deliveries that go after all others.
    pub(crate) fn refused(&self) -> Vec<DeliveryId> {
        self.refused.iter().copied().collect()
    }

    /// A person says: try all again.
    pub(crate) fn try_again(&mut self, now_unix_ms: i64) {
        self.refused.clear();
        for hold in self.platforms.values_mut() {
            *hold = std::mem::take(hold).step(Learnt::TryAgain, now_unix_ms);
        }
    }

    /// How one platform is.
    pub(crate) fn of(&self, platform: &PlatformName) -> &Hold {
        self.platforms.get(platform).unwrap_or(&Hold::Free)
    }

    /// Whether it may be served.
    pub(crate) fn allows(&self, platform: &PlatformName, now_unix_ms: i64) -> bool {
        self.of(platform)
            .told()
            .is_none_or(|(_, until_unix_ms)| until_unix_ms <= now_unix_ms)
    }

    /// When the next platform may be served again.
    pub(crate) fn next_unix_ms(&self, now_unix_ms: i64) -> Option<i64> {
        let ends = self
            .platforms
            .values()
            .filter_map(|hold| hold.told().map(|(_, until_unix_ms)| until_unix_ms));
        ends.filter(|until_unix_ms| *until_unix_ms > now_unix_ms).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_790_000_000_000;
    const S: i64 = 1_000;
    const MIN: i64 = 60 * S;

    fn away(delivery: i64, in_ms: i64) -> Learnt {
        Learnt::Away {
            delivery: DeliveryId(delivery),
            until_unix_ms: NOW + in_ms,
            why: "away".to_owned(),
        }
    }

    fn refuses() -> Learnt {
        Learnt::Refuses { why: "no".to_owned() }
    }

    fn waiting(delivery: i64, failures: u32, in_ms: i64) -> Hold {
        Hold::Waiting {
            until_unix_ms: NOW + in_ms,
            why: "away".to_owned(),
            failures,
            delivery: DeliveryId(delivery),
        }
    }

    fn left_alone(pause_ms: i64) -> Hold {
        parked("no".to_owned(), pause_ms, NOW)
    }

    #[test]
    fn every_outcome_leads_somewhere_from_every_hold() {
        for (hold, learnt, next) in [
            (Hold::Free, Learnt::Served, Hold::Free),
            (waiting(1, 3, 0), Learnt::Served, Hold::Free),
            (left_alone(REFUSED_MS), Learnt::Served, Hold::Free),
            // Away: until the delivery's own next try.
            (Hold::Free, away(1, 2 * S), waiting(1, 1, 2 * S)),
            (Hold::Free, away(1, -MIN), waiting(1, 1, AWAY_MS)),
            (left_alone(REFUSED_MS), away(1, 2 * S), waiting(1, 1, 2 * S)),
            // Another one failed too: not sooner because its own count is young.
            (waiting(1, 1, 0), away(2, S), waiting(2, 2, 2 * S)),
            (waiting(1, 5, 0), away(2, S), waiting(2, 6, 32 * S)),
            (waiting(1, 5, 0), away(2, 60 * MIN), waiting(2, 6, 60 * MIN)),
            (waiting(1, 90, 0), away(2, S), waiting(2, 91, AWAY_LONGEST_MS)),
            // The same one again: another may try just before it.
            (
                waiting(1, 4, 0),
                away(1, 5 * MIN),
                waiting(1, 5, 5 * MIN - OTHERS_FIRST_MS),
            ),
            // Refused: longer and longer.
            (Hold::Free, refuses(), left_alone(15 * MIN)),
            (waiting(1, 4, 0), refuses(), left_alone(15 * MIN)),
            (left_alone(15 * MIN), refuses(), left_alone(30 * MIN)),
            (left_alone(30 * MIN), refuses(), left_alone(60 * MIN)),
            (left_alone(60 * MIN), refuses(), left_alone(60 * MIN)),
            (left_alone(0), refuses(), left_alone(15 * MIN)),
            // A person has acted.
            (Hold::Free, Learnt::TryAgain, Hold::Free),
            (waiting(1, 9, 5 * MIN), Learnt::TryAgain, waiting(1, 0, 0)),
            (left_alone(60 * MIN), Learnt::TryAgain, left_alone(0)),
        ] {
            assert_eq!(
                hold.clone().step(learnt.clone(), NOW),
                next,
                "{hold:?} {learnt:?}"
            );
        }
    }

    #[test]
    fn who_was_refused_goes_last_until_it_is_heard_or_a_person_says_again() {
        let mut holds = Holds::default();
        for id in [1, 2] {
            holds.heard(DeliveryId(id), true);
        }
        holds.heard(DeliveryId(3), false);
        assert_eq!(holds.refused(), [DeliveryId(1), DeliveryId(2)]);
        holds.heard(DeliveryId(1), false);
        assert_eq!(holds.refused(), [DeliveryId(2)]);
        holds.try_again(NOW);
        assert_eq!(holds.refused(), []);
    }

    #[test]
    fn only_the_platform_in_question_is_left_alone() {
        let (one, other): (PlatformName, PlatformName) = ("one".parse().unwrap(), "other".parse().unwrap());
        let mut holds = Holds::default();
        holds.learn(&one, refuses(), NOW);
        assert!(!holds.allows(&one, NOW) && holds.allows(&other, NOW));
        assert_eq!(holds.next_unix_ms(NOW), Some(NOW + 15 * MIN));
        assert!(holds.allows(&one, NOW + 15 * MIN));
        assert_eq!(holds.next_unix_ms(NOW + 15 * MIN), None);
        holds.try_again(NOW + MIN);
        assert!(holds.allows(&one, NOW + MIN));
        assert_eq!(
            holds.of(&one).state(),
            PlatformState::Parked,
            "nobody knows better yet"
        );
    }

    /// A hundred lectures and a platform that answers nothing for an hour.
    #[test]
    fn a_hundred_lectures_do_not_knock_in_turn() {
        let mut holds = Holds::default();
        let platform: PlatformName = "central".parse().unwrap();
        let mut lectures = vec![(0u32, NOW); 100];
        let (mut now, mut knocks) = (NOW, 0);
        while now < NOW + 60 * MIN {
            if holds.allows(&platform, now)
                && let Some(due) = lectures.iter().position(|(_, next)| *next <= now)
            {
                let (failed, next) = &mut lectures[due];
                *next = now + (2i64.pow((*failed + 1).min(10)) * S).min(15 * MIN);
                *failed += 1;
                knocks += 1;
                let learnt = Learnt::Away {
                    delivery: DeliveryId(i64::try_from(due).unwrap()),
                    until_unix_ms: *next,
                    why: String::new(),
                };
                holds.learn(&platform, learnt, now);
            }
            now += 500;
        }
        assert!((8..60).contains(&knocks), "{knocks} knocks in an hour");
    }

    /// One lecture that cannot be sent, for a reason of its own, must not keep the others waiting.
    #[test]
    fn a_lecture_in_trouble_of_its_own_holds_nobody_up_for_long() {
        let mut holds = Holds::default();
        let platform: PlatformName = "central".parse().unwrap();
        let (mut now, mut failed, mut next) = (NOW, 0u32, NOW);
        let mut sent_after = None;
        while sent_after.is_none() && now < NOW + 60 * MIN {
            if holds.allows(&platform, now) {
                if next <= now {
                    next = now + (2i64.pow((failed + 1).min(10)) * S).min(15 * MIN);
                    failed += 1;
                    let learnt = Learnt::Away {
                        delivery: DeliveryId(1),
                        until_unix_ms: next,
                        why: String::new(),
                    };
                    holds.learn(&platform, learnt, now);
                } else {
                    sent_after = Some(now - NOW);
                }
            }
            now += 250;
        }
        assert!(sent_after.is_some_and(|ms| ms < 10 * S), "{sent_after:?}");
    }
}
