//! How long to wait before a source is started again.
//!
//! Promise P4 wants a source that came back to record again within 3 s. So the wait grows to
//! 1 s and no further: a start takes well below a second, and costs little CPU while a device is
//! away, because a child looks for its device before it loads the media library.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_millis(1_000);
/// For a source that cannot work as configured. Somebody may be putting another device there at
/// this moment, so the first minute is worth the price of a start every two seconds.
const HOPELESS: Duration = Duration::from_secs(2);
const HOPELESS_TRIES: u32 = 30;
/// After that only a person can help, who need not hurry us.
const GIVEN_UP: Duration = Duration::from_secs(30);

/// Waits of one source.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The wait after another failure.
    pub(crate) fn after_failure(&mut self, hopeless: bool) -> Duration {
        self.failures = self.failures.saturating_add(1);
        match hopeless {
            true if self.failures > HOPELESS_TRIES => return GIVEN_UP,
            true => return HOPELESS,
            false => {}
        }
        FIRST
            .saturating_mul(1 << (self.failures - 1).min(10))
            .min(LONGEST)
    }

    /// It has worked: the next failure is a first one.
    pub(crate) fn worked(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_second_and_start_anew_after_success() {
        let mut backoff = Backoff::default();
        let waits: Vec<u128> = (0..6).map(|_| backoff.after_failure(false).as_millis()).collect();
        assert_eq!(waits, [100, 200, 400, 800, 1000, 1000]);
        assert_eq!(backoff.after_failure(true), HOPELESS);
        let last = (0..HOPELESS_TRIES).map(|_| backoff.after_failure(true)).last();
        assert_eq!(last, Some(GIVEN_UP));
        assert_eq!(backoff.after_failure(false), LONGEST, "it was put right");
        backoff.worked();
        assert_eq!(backoff.after_failure(false), FIRST);
    }
}
