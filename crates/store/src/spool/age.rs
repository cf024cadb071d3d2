//! How old a chunk is when it comes: P2 counts from the capture, not from the arrival.
//!
//! A screen of two pictures a second comes in chunks of half a second, each only when the picture
//! after it is there: what it brings is a second old. Nobody tells the spool when run time zero
//! was; but nothing comes before it has ended, so each chunk bounds it, and the quickest track,
//! the sound, bounds it well for all of them.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use lectern_domain::ids::RunId;
use lectern_domain::media::Chunk;

/// What is known of run time zero, by run.
#[derive(Debug, Default)]
pub(super) struct Ages {
    zero: BTreeMap<RunId, Instant>,
}

impl Ages {
    /// When the beginning of a chunk that comes `now` was captured, at the latest. Never longer ago
    /// than `most`, because a source with a configured delay names times that have not come yet,
    /// and would make all others look old.
    pub(super) fn captured(&mut self, chunk: &Chunk, now: Instant, most: Duration) -> Instant {
        let Some(zero) = now.checked_sub(Duration::from_nanos(chunk.end_ns)) else {
            // The machine has not run for as long as the chunk says.
            return now;
        };
        let known = self.zero.entry(chunk.run).or_insert(zero);
        *known = zero.min(*known);
        let age = now
            .saturating_duration_since(*known)
            .saturating_sub(Duration::from_nanos(chunk.start_ns));
        now.checked_sub(age.min(most)).unwrap_or(now)
    }

    /// Forgets an ended run.
    pub(super) fn forget(&mut self, run: RunId) {
        self.zero.remove(&run);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use lectern_domain::ids::RunNumber;

    use super::*;

    const MOST: Duration = Duration::from_millis(750);

    fn chunk(source: &str, start_ms: u64, end_ms: u64) -> Chunk {
        Chunk {
            run: RunId {
                lecture: "6e2dfd60-5670-440f-8000-252f7694e040".parse().unwrap(),
                run: RunNumber(1),
            },
            source: source.parse().unwrap(),
            init: Arc::from([]),
            start_ns: start_ms * 1_000_000,
            end_ns: end_ms * 1_000_000,
            key: true,
            bytes: Vec::new().into(),
        }
    }

    #[test]
    fn p2_a_chunk_is_as_old_as_the_quickest_track_shows() {
        let base = Instant::now() + Duration::from_secs(3600);
        let at = |ms: u64| base + Duration::from_millis(ms);
        // (source, from, to, comes at, found to be captured at), in milliseconds of the run.
        let arrivals = [
            ("screen", 0, 500, 1_000, 500),         // alone it shows only its length
            ("microphone", 800, 1_000, 1_050, 850), // quick: zero was 50 ms ago at the latest
            ("screen", 500, 1_000, 1_550, 800),     // 1.0 s old, and at most MOST
            ("screen", 1_000, 1_200, 1_500, 1_050),
            ("camera", 1_200, 1_400, 1_600, 1_250),
            ("microphone", 1_000, 1_200, 1_900, 1_150), // late itself
        ];
        let mut ages = Ages::default();
        for (source, from, to, comes, captured) in arrivals {
            let found = ages.captured(&chunk(source, from, to), at(comes), MOST);
            assert_eq!(found, at(captured), "{source} {from}..{to} at {comes}");
        }
    }

    #[test]
    fn a_time_that_has_not_come_yet_makes_no_other_track_older_than_allowed() {
        let now = Instant::now() + Duration::from_secs(3600);
        let mut ages = Ages::default();
        ages.captured(&chunk("ahead", 9_000, 9_200), now, MOST);
        assert_eq!(
            ages.captured(&chunk("camera", 4_000, 4_200), now, MOST),
            now - MOST
        );
        ages.forget(chunk("camera", 0, 0).run);
        let again = ages.captured(&chunk("camera", 4_000, 4_200), now, MOST);
        assert_eq!(again, now - Duration::from_millis(200));
    }
}
