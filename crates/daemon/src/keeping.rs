//! Since when the sources have kept something in memory that a lecture may begin with. Pure.

use std::collections::BTreeMap;

use lectern_domain::ids::SourceName;
use lectern_domain::track::TrackHealth;

/// See the module. Times are of the monotonic clock, in nanoseconds.
#[derive(Debug, Default)]
pub(crate) struct Keeping {
    /// For each source that delivers: which process it is (by its restarts), and since when.
    live: BTreeMap<SourceName, (u32, u64)>,
    /// End of the last lecture: a pause at its end belongs to nobody (P7).
    lecture_ended_ns: u64,
}

impl Keeping {
    /// Takes note of how a source is.
    pub(crate) fn see(&mut self, name: &SourceName, health: TrackHealth, restarts: u32, now_ns: u64) {
        match health {
            // A source that stalls keeps what it has.
            TrackHealth::Stalled => {}
            TrackHealth::Live => {
                let known = self.live.entry(name.clone()).or_insert((restarts, now_ns));
                if known.0 != restarts {
                    *known = (restarts, now_ns);
                }
            }
            TrackHealth::Starting | TrackHealth::Restarting | TrackHealth::Dead | TrackHealth::Ended => {
                self.live.remove(name);
            }
        }
    }

    /// A lecture ended at this moment.
    pub(crate) fn lecture_ended(&mut self, at_ns: u64) {
        self.lecture_ended_ns = self.lecture_ended_ns.max(at_ns);
    }

    /// The earliest moment at which a lecture that is begun at `now_ns` may begin: the first
    /// source that delivers has kept something since then.
    pub(crate) fn since_ns(&self, now_ns: u64) -> u64 {
        let live_ns = self.live.values().map(|(_, since_ns)| *since_ns).min();
        live_ns.unwrap_or(now_ns).max(self.lecture_ended_ns)
    }
}

#[cfg(test)]
mod tests {
    use lectern_domain::track::TrackHealth as H;

    use super::*;

    #[test]
    fn p7_what_was_before_a_lecture_s_end_belongs_to_no_later_one() {
        let (camera, microphone) = ("camera".parse().unwrap(), "microphone".parse().unwrap());
        let mut keeping = Keeping::default();
        assert_eq!(keeping.since_ns(50), 50, "nothing is kept");
        keeping.see(&camera, H::Starting, 0, 10);
        keeping.see(&microphone, H::Live, 0, 10);
        keeping.see(&camera, H::Live, 0, 20);
        assert_eq!(keeping.since_ns(50), 10);
        keeping.see(&camera, H::Stalled, 0, 30);
        keeping.see(&microphone, H::Live, 1, 30);
        assert_eq!(
            keeping.since_ns(50),
            20,
            "a new process keeps nothing of the old one's"
        );
        keeping.see(&camera, H::Dead, 0, 35);
        assert_eq!(keeping.since_ns(50), 30);
        keeping.lecture_ended(40);
        keeping.lecture_ended(39);
        assert_eq!(keeping.since_ns(50), 40);
    }
}
