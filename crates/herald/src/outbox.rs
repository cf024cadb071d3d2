//! What waits for one who is told: oldest first, one at a time, later and later while nobody takes
//! it, and for a day at most. Pure; times in milliseconds since 1970.

use std::collections::VecDeque;

use lectern_domain::notice::Letter;
use uuid::Uuid;

/// The most letters that wait; of more the oldest are given up.
pub(crate) const LETTERS_BOUND: usize = 100;
/// After so long nobody needs it any more.
const GIVEN_UP_MS: i64 = 24 * 3_600_000;
const FIRST_PAUSE_MS: i64 = 5_000;
const LONGEST_PAUSE_MS: i64 = 15 * 60_000;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    letters: VecDeque<Letter>,
    /// How often the first one was tried in vain.
    tries: u32,
    /// Not before.
    next_unix_ms: i64,
    on_its_way: bool,
}

/// What to do for an outbox now.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Nothing yet.
    Rest,
    /// This one leaves; [`Outbox::taken`] or [`Outbox::refused`] tells how it went.
    Send(Letter),
    /// This one is too old; it is out of the box.
    GiveUp(Letter),
}

impl Outbox {
    /// Adds a letter; returns the oldest if there are too many.
    pub(crate) fn add(&mut self, letter: Letter) -> Option<Letter> {
        self.letters.push_back(letter);
        if self.letters.len() <= LETTERS_BOUND {
            return None;
        }
        // The first one may be on its way: then it is still the box's.
        self.letters.remove(usize::from(self.on_its_way))
    }

    /// What to do now.
    pub(crate) fn next(&mut self, now: i64) -> Next {
        if self.on_its_way {
            return Next::Rest;
        }
        // A clock that was set back must not hold a letter for years.
        self.next_unix_ms = self.next_unix_ms.min(now.saturating_add(2 * LONGEST_PAUSE_MS));
        if now < self.next_unix_ms {
            return Next::Rest;
        }
        let Some(first) = self.letters.front() else {
            return Next::Rest;
        };
        // Tried at least once: it may have waited for the machine to be switched on.
        if self.tries > 0 && now.saturating_sub(first.made_unix_ms) >= GIVEN_UP_MS {
            self.tries = 0;
            return self.letters.pop_front().map_or(Next::Rest, Next::GiveUp);
        }
        self.on_its_way = true;
        Next::Send(first.clone())
    }

    /// The letter on its way was taken.
    pub(crate) fn taken(&mut self) {
        self.letters.pop_front();
        self.on_its_way = false;
        self.tries = 0;
        self.next_unix_ms = 0;
    }

    /// The letter on its way was not taken; returns how long it rests, in milliseconds.
    pub(crate) fn refused(&mut self, now: i64) -> i64 {
        self.on_its_way = false;
        let id = self.letters.front().map_or(Uuid::nil(), |letter| letter.id);
        let pause = pause_ms(self.tries, id);
        self.tries = self.tries.saturating_add(1);
        self.next_unix_ms = now.saturating_add(pause);
        pause
    }
}

/// Doubles up to a quarter of an hour, and up to a quarter longer by the letter's id: a hundred
/// rooms do not knock at the same moment.
fn pause_ms(tries: u32, id: Uuid) -> i64 {
    let doubled = FIRST_PAUSE_MS.saturating_mul(1 << tries.min(20));
    let pause = doubled.min(LONGEST_PAUSE_MS);
    pause + pause / 4 * i64::from(id.as_bytes()[15]) / 255
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;

    fn letter(n: u128) -> Letter {
        Letter {
            id: Uuid::from_u128(n << 8),
            target: "a".parse().unwrap(),
            made_unix_ms: 0,
            body: n.to_string(),
        }
    }

    #[test]
    fn one_leaves_after_the_other_and_rests_longer_each_time() {
        let mut outbox = Outbox::default();
        assert_eq!(outbox.next(0), Next::Rest);
        assert_eq!((outbox.add(letter(1)), outbox.add(letter(2))), (None, None));
        let mut now = 0;
        let mut pauses = Vec::new();
        for _ in 0..10 {
            assert_eq!(outbox.next(now), Next::Send(letter(1)));
            assert_eq!(outbox.next(now), Next::Rest, "one at a time");
            let pause = outbox.refused(now);
            assert_eq!(outbox.next(now + pause - 1), Next::Rest);
            pauses.push(pause / 1_000);
            now += pause;
        }
        assert_eq!(pauses, [5, 10, 20, 40, 80, 160, 320, 640, 900, 900]);
        assert_eq!(outbox.next(now), Next::Send(letter(1)));
        outbox.taken();
        assert_eq!(
            outbox.next(now),
            Next::Send(letter(2)),
            "at once: somebody listens"
        );
    }

    #[test]
    fn after_a_day_in_vain_it_is_given_up() {
        let mut outbox = Outbox::default();
        outbox.add(letter(1));
        outbox.add(letter(2));
        let late = 30 * HOUR;
        assert_eq!(
            outbox.next(late),
            Next::Send(letter(1)),
            "never tried: the machine was off"
        );
        let pause = outbox.refused(late);
        assert_eq!(outbox.next(late + pause), Next::GiveUp(letter(1)));
        assert_eq!(outbox.next(late + pause), Next::Send(letter(2)));
    }

    #[test]
    fn the_box_has_a_bound_and_keeps_what_is_on_its_way() {
        let mut outbox = Outbox::default();
        for n in 0..LETTERS_BOUND as u128 {
            assert_eq!(outbox.add(letter(n)), None);
        }
        assert_eq!(outbox.add(letter(1_000)), Some(letter(0)));
        assert_eq!(outbox.next(0), Next::Send(letter(1)));
        assert_eq!(outbox.add(letter(1_001)), Some(letter(2)));
    }

    #[test]
    fn a_clock_that_is_set_back_does_not_hold_it_for_years() {
        let mut outbox = Outbox::default();
        outbox.add(letter(1));
        assert!(matches!(outbox.next(10_000 * HOUR), Next::Send(_)));
        outbox.refused(10_000 * HOUR);
        assert_eq!(outbox.next(0), Next::Rest);
        assert!(matches!(outbox.next(HOUR), Next::Send(_)));
    }
}
