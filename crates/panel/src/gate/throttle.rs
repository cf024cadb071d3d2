//! How often a secret may be guessed: some tries at once, then one after a wait that doubles.
//!
//! Pure: the time is handed in. Bounded: of too many peers the one that was wrong longest ago is
//! forgotten, and the count of all together still holds.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use tokio::time::Instant;

/// Wrong tries of one peer before it has to wait.
pub(super) const FREE: u32 = 5;
/// Wrong tries of all other machines together before all of them have to wait.
pub(super) const FREE_OF_ALL: u32 = 50;
/// The first wait.
const FIRST_WAIT: Duration = Duration::from_secs(5);
/// The longest wait.
const LONGEST_WAIT: Duration = Duration::from_secs(300);
/// After so long without a wrong try all is forgotten.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(3600);
/// Peers that are remembered.
const MAX_PEERS: usize = 256;

/// Wrong tries of one peer, or of all.
#[derive(Clone, Copy, Debug)]
struct Tally {
    free: u32,
    wrong: u32,
    last: Option<Instant>,
}

impl Tally {
    const fn new(free: u32) -> Self {
        Self {
            free,
            wrong: 0,
            last: None,
        }
    }

    /// How long until the next try is heard; zero: now.
    fn wait(&self, now: Instant) -> Duration {
        let Some(last) = self.last else {
            return Duration::ZERO;
        };
        let Some(beyond) = self.wrong.checked_sub(self.free) else {
            return Duration::ZERO;
        };
        let wait = FIRST_WAIT
            .saturating_mul(2u32.saturating_pow(beyond))
            .min(LONGEST_WAIT);
        (last + wait).saturating_duration_since(now)
    }

    fn wrong(&mut self, now: Instant) {
        if self
            .last
            .is_some_and(|last| now.duration_since(last) >= FORGOTTEN_AFTER)
        {
            self.wrong = 0;
        }
        self.wrong = self.wrong.saturating_add(1);
        self.last = Some(now);
    }
}

/// All who tried at one door.
#[derive(Debug)]
pub(super) struct Throttle {
    all: Tally,
    peers: HashMap<Option<IpAddr>, Tally>,
}

impl Throttle {
    /// `free_of_all` wrong tries of all peers together are heard without a wait.
    pub(super) fn new(free_of_all: u32) -> Self {
        Self {
            all: Tally::new(free_of_all),
            peers: HashMap::new(),
        }
    }

    /// Hears one try, unless there is a wait: then `Err` says how much of it is left. The try is
    /// counted before the next one can be heard, because the caller holds the throttle.
    pub(super) fn hear<T>(
        &mut self,
        peer: Option<IpAddr>,
        now: Instant,
        attempt: impl FnOnce() -> Option<T>,
    ) -> Result<Option<T>, Duration> {
        let of_peer = self
            .peers
            .get(&peer)
            .map_or(Duration::ZERO, |tally| tally.wait(now));
        let wait = of_peer.max(self.all.wait(now));
        if !wait.is_zero() {
            return Err(wait);
        }
        let outcome = attempt();
        if outcome.is_some() {
            // The count of all stays: who guesses elsewhere must not be helped by it.
            self.peers.remove(&peer);
        } else {
            self.all.wrong(now);
            self.remember(peer).wrong(now);
        }
        Ok(outcome)
    }

    fn remember(&mut self, peer: Option<IpAddr>) -> &mut Tally {
        if self.peers.len() >= MAX_PEERS && !self.peers.contains_key(&peer) {
            let oldest = self.peers.iter().min_by_key(|(_, tally)| tally.last);
            if let Some(oldest) = oldest.map(|(peer, _)| *peer) {
                self.peers.remove(&oldest);
            }
        }
        self.peers.entry(peer).or_insert(Tally::new(FREE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(last: u8) -> Option<IpAddr> {
        Some(IpAddr::from([10, 0, 0, last]))
    }

    fn guess(throttle: &mut Throttle, from: u8, now: Instant) -> Result<Option<()>, Duration> {
        throttle.hear(peer(from), now, || None)
    }

    #[test]
    fn five_tries_are_free_and_then_the_wait_doubles_up_to_five_minutes() {
        let mut throttle = Throttle::new(FREE_OF_ALL);
        let mut now = Instant::now();
        for _ in 0..FREE {
            assert_eq!(guess(&mut throttle, 1, now), Ok(None));
        }
        for wait in [5, 10, 20, 40, 80, 160, 300, 300] {
            let wait = Duration::from_secs(wait);
            assert_eq!(guess(&mut throttle, 1, now), Err(wait));
            assert_eq!(
                throttle.hear(peer(1), now, || Some("right")),
                Err(wait),
                "not even the right one is heard"
            );
            now += wait;
            assert_eq!(guess(&mut throttle, 1, now), Ok(None));
        }
        assert_eq!(guess(&mut throttle, 2, now), Ok(None), "others are not held up");
        now += FORGOTTEN_AFTER;
        for _ in 0..FREE {
            assert_eq!(guess(&mut throttle, 1, now), Ok(None));
        }
    }

    #[test]
    fn the_right_one_clears_its_peer_and_not_the_others() {
        let mut throttle = Throttle::new(FREE_OF_ALL);
        let now = Instant::now();
        for from in [1, 2] {
            for _ in 1..FREE {
                assert_eq!(guess(&mut throttle, from, now), Ok(None));
            }
        }
        assert_eq!(throttle.hear(peer(1), now, || Some(7)), Ok(Some(7)));
        for _ in 0..FREE {
            assert_eq!(guess(&mut throttle, 1, now), Ok(None));
        }
        assert_eq!(guess(&mut throttle, 2, now), Ok(None));
        assert!(guess(&mut throttle, 2, now).is_err());
    }

    #[test]
    fn many_peers_together_wait_too_and_are_not_all_remembered() {
        let mut throttle = Throttle::new(u32::MAX);
        let now = Instant::now();
        for n in 0..1000u16 {
            let [high, low] = n.to_be_bytes();
            let peer = Some(IpAddr::from([10, 0, high, low]));
            assert_eq!(throttle.hear::<()>(peer, now, || None), Ok(None));
        }
        assert_eq!(throttle.peers.len(), MAX_PEERS);
        let mut throttle = Throttle::new(FREE_OF_ALL);
        for n in 0..50 {
            assert_eq!(guess(&mut throttle, n, now), Ok(None));
        }
        assert_eq!(guess(&mut throttle, 99, now), Err(FIRST_WAIT));
    }
}
