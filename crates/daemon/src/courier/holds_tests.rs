//! Holds of platforms: the table, and hours with many lectures.

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
    parked("no".to_owned(), pause_ms, 0, NOW)
}

/// Refused now, to be tried at another moment than its pause says.
fn tried(in_ms: i64, pause_ms: i64, mended: u32) -> Hold {
    Hold::Parked {
        until_unix_ms: NOW + in_ms,
        why: "no".to_owned(),
        pause_ms,
        refused_unix_ms: NOW,
        mended,
    }
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
        // Mended: at once, and later when that was in vain; the pauses grow all the same.
        (Hold::Free, Learnt::Mended, Hold::Free),
        (waiting(1, 3, 5 * MIN), Learnt::Mended, waiting(1, 3, 5 * MIN)),
        (left_alone(15 * MIN), Learnt::Mended, tried(0, 15 * MIN, 1)),
        (tried(0, 15 * MIN, 1), Learnt::Mended, tried(0, 15 * MIN, 1)),
        (tried(0, 15 * MIN, 1), refuses(), tried(30 * MIN, 30 * MIN, 1)),
        (
            tried(30 * MIN, 30 * MIN, 1),
            Learnt::Mended,
            tried(10 * S, 30 * MIN, 2),
        ),
        (
            tried(10 * S, 30 * MIN, 2),
            Learnt::Mended,
            tried(10 * S, 30 * MIN, 2),
        ),
        (
            tried(60 * MIN, 60 * MIN, 4),
            Learnt::Mended,
            tried(80 * S, 60 * MIN, 5),
        ),
        (
            tried(60 * MIN, 60 * MIN, 90),
            Learnt::Mended,
            tried(15 * MIN, 60 * MIN, 91),
        ),
        // A person has acted.
        (Hold::Free, Learnt::TryAgain, Hold::Free),
        (waiting(1, 9, 5 * MIN), Learnt::TryAgain, waiting(1, 0, 0)),
        (left_alone(60 * MIN), Learnt::TryAgain, left_alone(0)),
        (tried(MIN, 15 * MIN, 7), Learnt::TryAgain, left_alone(0)),
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
