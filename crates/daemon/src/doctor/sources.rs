//! Two seconds of every source: whether it delivers, what is heard, whether there is a picture.
//!
//! The devices are open already; nothing is opened, and nobody waits for this. What the daemon is
//! told anyway, by each source, is watched for a while.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use lectern_capture::clock::monotonic_ns;
use lectern_domain::api::{Levels, SourceStatus, Status};
use lectern_domain::ids::SourceName;
use lectern_domain::lecture::LectureState;
use lectern_panel::Pictures;
use tokio::sync::{broadcast, watch};
use tokio::time::{Instant, interval, sleep_until};

/// How long is watched.
const WATCHED: Duration = Duration::from_secs(2);
/// How often counters are read: they change twice a second.
const LOOK: Duration = Duration::from_millis(100);
/// While nobody looks, a picture comes every two seconds.
const FRESH_NS: u64 = 5_000_000_000;

/// What was seen of one source.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    /// At the end.
    pub(super) source: SourceStatus,
    /// Buffers that came.
    pub(super) came: u64,
    /// How many a second, once the counter has changed twice.
    pub(super) rate: Option<f64>,
    /// Dropped before the encoder.
    pub(super) dropped: u64,
    /// Left out to spare the processor.
    pub(super) shed: u64,
    /// Its process was another one at the end.
    pub(super) restarted: bool,
    /// What was heard; `None`: no level came.
    pub(super) heard: Option<Heard>,
    /// Whether there is a picture of the last seconds; `None`: there should be none.
    pub(super) picture: Option<bool>,
}

/// What a microphone heard, in dBFS.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Heard {
    /// The loudest tenth of a second, root mean square.
    pub(super) rms_dbfs: f32,
    /// The highest peak.
    pub(super) peak_dbfs: f32,
    /// A sample was at full scale.
    pub(super) clipped: bool,
}

/// What is watched.
pub(super) struct Window<'a> {
    pub(super) status: &'a watch::Receiver<Arc<Status>>,
    pub(super) levels: broadcast::Receiver<Levels>,
    pub(super) pictures: &'a Pictures,
}

/// Watches all sources for [`WATCHED`].
pub(super) async fn watch(mut window: Window<'_>) -> Vec<Seen> {
    let now = || Arc::clone(&window.status.borrow());
    let before = now();
    let mut counters: BTreeMap<SourceName, Counter> = BTreeMap::new();
    let mut heard: BTreeMap<SourceName, Heard> = BTreeMap::new();
    let deadline = Instant::now() + WATCHED;
    let mut looks = interval(LOOK);
    loop {
        tokio::select! {
            () = sleep_until(deadline) => break,
            _ = looks.tick() => {
                for source in &now().sources {
                    counters.entry(source.name.clone()).or_default().read(source.captured, Instant::now());
                }
            }
            level = window.levels.recv() => match level {
                Ok(level) => hear(&mut heard, &level),
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                // The sources have ended: what is left is the deadline.
                Err(broadcast::error::RecvError::Closed) => { sleep_until(deadline).await; break }
            },
        }
    }
    let after = now();
    let hidden = after
        .lecture
        .as_ref()
        .is_some_and(|lecture| lecture.state == LectureState::Paused);
    after
        .sources
        .iter()
        .map(|source| {
            let first = before.sources.iter().find(|first| first.name == source.name);
            let first = first.unwrap_or(source);
            let since = |first: u64, last: u64| last.saturating_sub(first);
            Seen {
                came: since(first.captured, source.captured),
                rate: counters.get(&source.name).and_then(Counter::rate),
                dropped: since(first.dropped, source.dropped),
                shed: since(first.shed, source.shed),
                restarted: source.restarts != first.restarts,
                heard: heard.get(&source.name).copied(),
                picture: (source.role.is_video() && !hidden).then(|| is_fresh(window.pictures, &source.name)),
                source: source.clone(),
            }
        })
        .collect()
}

fn is_fresh(pictures: &Pictures, source: &SourceName) -> bool {
    let latest = pictures.get(source.as_str());
    latest.is_some_and(|latest| {
        let picture = latest.borrow();
        picture
            .as_ref()
            .is_some_and(|picture| monotonic_ns().saturating_sub(picture.at_ns) < FRESH_NS)
    })
}

fn hear(heard: &mut BTreeMap<SourceName, Heard>, level: &Levels) {
    let so_far = heard.entry(level.source.clone()).or_insert(Heard {
        rms_dbfs: f32::NEG_INFINITY,
        peak_dbfs: f32::NEG_INFINITY,
        clipped: false,
    });
    so_far.rms_dbfs = so_far.rms_dbfs.max(level.rms_dbfs);
    so_far.peak_dbfs = so_far.peak_dbfs.max(level.peak_dbfs);
    so_far.clipped |= level.clipped;
}

/// A counter that is told now and then: its rate is taken between two changes.
#[derive(Debug, Default)]
struct Counter {
    last: Option<u64>,
    changes: Vec<(Instant, u64)>,
}

impl Counter {
    fn read(&mut self, count: u64, at: Instant) {
        if self.last.is_some_and(|last| last != count) {
            self.changes.push((at, count));
        }
        self.last = Some(count);
    }

    fn rate(&self) -> Option<f64> {
        let ((from, first), (to, last)) = (self.changes.first()?, self.changes.last()?);
        let seconds = to.duration_since(*from).as_secs_f64();
        let came = last.checked_sub(*first)?;
        // A few seconds of pictures fit into 32 bits.
        (seconds > 0.5).then(|| f64::from(u32::try_from(came).unwrap_or(u32::MAX)) / seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_taken_between_two_changes_of_the_counter() {
        let begin = Instant::now();
        let at = |ms| begin + Duration::from_millis(ms);
        let mut counter = Counter::default();
        for (ms, count) in [
            (0, 100),
            (100, 100),
            (300, 112),
            (400, 112),
            (800, 127),
            (1_300, 142),
        ] {
            counter.read(count, at(ms));
        }
        assert_eq!(counter.rate(), Some(30.0));
        let mut still = Counter::default();
        for ms in 0..20 {
            still.read(7, at(ms * 100));
        }
        assert_eq!(still.rate(), None);
        // A process that was started again counts from zero.
        counter.read(3, at(1_800));
        assert_eq!(counter.rate(), None);
    }

    #[test]
    fn the_loudest_moment_is_kept() {
        let mut heard = BTreeMap::new();
        for (rms_dbfs, peak_dbfs, clipped) in
            [(-60.0, -50.0, false), (-30.0, -0.1, true), (-70.0, -65.0, false)]
        {
            hear(
                &mut heard,
                &Levels {
                    source: "microphone".parse().unwrap(),
                    rms_dbfs,
                    peak_dbfs,
                    clipped,
                },
            );
        }
        let expected = Heard {
            rms_dbfs: -30.0,
            peak_dbfs: -0.1,
            clipped: true,
        };
        assert_eq!(heard[&"microphone".parse().unwrap()], expected);
    }
}
