//! Platforms that are left alone for a while. Pure: outcomes and the wall clock in, who may be
//! served out.
//!
//! ```text
//! Free ──unreachable──► Waiting (until that delivery's next try, then one lecture knocks)
//!  ▲ ▲────served────────┘ │ refused
//!  └──────served──── Parked (15 min, 30 min, 1 h, 1 h …; then one lecture tries)
//!                      └ mended: at once; 10 s, 20 s, 40 s … after the last refusal when that was in vain
//! ```
//! A platform that is away is found out once and not once for each lecture; one that refuses
//! everybody is no lecture's fault. Whether it refuses everybody is seen by the next lecture that
//! tries: one that was refused goes after all others, so that it never blocks them. Nothing of this
//! is a person's wish, and nothing is kept over a restart, which is a new try.

use std::collections::{BTreeMap, BTreeSet};

use lectern_domain::api::PlatformState;
use lectern_domain::ids::{DeliveryId, PlatformName};

/// The first pause after a refusal. A person must act first, and hardly acts faster.
const REFUSED_MS: i64 = 15 * 60_000;
/// The longest.
const REFUSED_LONGEST_MS: i64 = 60 * 60_000;
/// After a refusal that came in spite of a changed file, before another change of it is worth a
/// try; doubled by each next up to [`REFUSED_MS`]. Whoever mistypes a token tries it again soon, and
/// a program that rewrites the file all the time locks no account.
const MENDED_MS: i64 = 10_000;
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
        /// When it refused last.
        refused_unix_ms: i64,
        /// How many changed files it was tried again for since it was served, or a person said so.
        mended: u32,
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
    /// A file that it is reached by was changed: its credential, its authority.
    Mended,
    /// A person says: try again.
    TryAgain,
}

impl Hold {
    /// How it is after this.
    pub(crate) fn step(self, learnt: Learnt, now_unix_ms: i64) -> Self {
        match (self, learnt) {
            (Self::Free | Self::Waiting { .. } | Self::Parked { .. }, Learnt::Served)
            | (Self::Free, Learnt::Mended | Learnt::TryAgain) => Self::Free,
            // Who does not answer reads no credential.
            (waiting @ Self::Waiting { .. }, Learnt::Mended) => waiting,
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
                parked(why, REFUSED_MS, 0, now_unix_ms)
            }
            (Self::Parked { pause_ms, mended, .. }, Learnt::Refuses { why }) => {
                let pause_ms = pause_ms.saturating_mul(2).clamp(REFUSED_MS, REFUSED_LONGEST_MS);
                parked(why, pause_ms, mended, now_unix_ms)
            }
            (
                Self::Parked {
                    until_unix_ms,
                    why,
                    pause_ms,
                    refused_unix_ms,
                    mended,
                },
                Learnt::Mended,
            ) => {
                let worth_it_unix_ms = refused_unix_ms.saturating_add(mended_ms(mended)).max(now_unix_ms);
                // The same try for a second change before it counts once.
                let sooner = worth_it_unix_ms < until_unix_ms;
                Self::Parked {
                    until_unix_ms: until_unix_ms.min(worth_it_unix_ms),
                    why,
                    pause_ms,
                    refused_unix_ms,
                    mended: mended.saturating_add(u32::from(sooner)),
                }
            }
            (Self::Waiting { why, delivery, .. }, Learnt::TryAgain) => Self::Waiting {
                until_unix_ms: now_unix_ms,
                why,
                failures: 0,
                delivery,
            },
            // What a person has mended may have another fault, which begins at the shortest pause.
            (
                Self::Parked {
                    why, refused_unix_ms, ..
                },
                Learnt::TryAgain,
            ) => Self::Parked {
                until_unix_ms: now_unix_ms,
                why,
                pause_ms: 0,
                refused_unix_ms,
                mended: 0,
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

fn parked(why: String, pause_ms: i64, mended: u32, now_unix_ms: i64) -> Hold {
    Hold::Parked {
        until_unix_ms: now_unix_ms.saturating_add(pause_ms),
        why,
        pause_ms,
        refused_unix_ms: now_unix_ms,
        mended,
    }
}

/// How long after the last refusal a changed file is worth a try, after so many in vain.
fn mended_ms(mended: u32) -> i64 {
    let Some(doublings) = mended.checked_sub(1) else {
        return 0;
    };
    MENDED_MS
        .saturating_mul(2i64.saturating_pow(doublings))
        .min(REFUSED_MS)
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

    /// A person says: try this delivery again, and its platform for it.
    pub(crate) fn try_one_again(&mut self, delivery: DeliveryId, platform: &PlatformName, now_unix_ms: i64) {
        self.refused.remove(&delivery);
        self.learn(platform, Learnt::TryAgain, now_unix_ms);
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
#[path = "holds_tests.rs"]
mod tests;
