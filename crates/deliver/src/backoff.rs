//! When a delivery that must wait is tried again: full jitter, so that two hundred rooms whose
//! platform comes back do not call it at the same second.

use std::time::Duration;

const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(15 * 60);

/// The wait before the next try. `attempt` counts the tries that failed before this one without
/// any progress; `chance` is uniform in `0.0..1.0`; `wish` is the platform's own and is obeyed,
/// the jitter coming on top of it.
pub(crate) fn delay(attempt: u32, chance: f64, wish: Option<Duration>) -> Duration {
    let ceiling = SHORTEST
        .saturating_mul(2u32.saturating_pow(attempt.saturating_add(1)))
        .min(LONGEST);
    let jitter = (ceiling - SHORTEST).mul_f64(chance.clamp(0.0, 1.0));
    match wish {
        Some(wish) => wish + jitter.min(wish / 10),
        None => SHORTEST + jitter,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_quarter_of_an_hour() {
        let secs = |attempt, chance| delay(attempt, chance, None).as_secs_f64();
        assert_eq!([secs(0, 0.0), secs(9, 0.0), secs(u32::MAX, 0.0)], [1.0, 1.0, 1.0]);
        assert_eq!(
            [secs(0, 1.0), secs(1, 1.0), secs(2, 1.0), secs(8, 1.0)],
            [2.0, 4.0, 8.0, 512.0]
        );
        assert_eq!(
            [secs(9, 1.0), secs(40, 1.0), secs(u32::MAX, 1.0)],
            [900.0, 900.0, 900.0]
        );
        assert_eq!(secs(9, 0.5), 450.5);
    }

    #[test]
    fn the_platforms_wish_is_obeyed() {
        let wish = Duration::from_secs(3600);
        assert_eq!(delay(0, 0.0, Some(wish)), wish);
        assert!(delay(30, 1.0, Some(wish)) <= wish + wish / 10);
        assert!(delay(30, 1.0, Some(wish)) >= wish);
    }
}
