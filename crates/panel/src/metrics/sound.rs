//! What the microphones hear, kept for the next scrape.
//!
//! One task listens, once a second, for as long as the panel serves: levels come ten times a
//! second and wait in the channel's bound meanwhile. Only loudness is kept, never sound.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lectern_domain::api::Levels;
use lectern_domain::ids::SourceName;
use lectern_domain::media::SPEECH_DBFS;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::TryRecvError;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// How often the levels are taken.
const LISTEN_EVERY: Duration = Duration::from_secs(1);
/// A level older than this is none: the microphone is gone, or its source begins anew.
const STALE: Duration = Duration::from_secs(5);
/// What digital silence is told as: a figure that a dashboard can draw.
const FLOOR_DBFS: f32 = -120.0;

/// One microphone as of now.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Heard {
    pub(super) source: SourceName,
    pub(super) rms_dbfs: f32,
    pub(super) peak_dbfs: f32,
    pub(super) silence: Duration,
}

#[derive(Clone, Copy, Debug)]
struct Ear {
    rms_dbfs: f32,
    peak_dbfs: f32,
    /// When the last level came.
    level_at: Instant,
    /// When something as loud as speech was last heard, or listening began.
    speech_at: Instant,
}

/// All microphones.
#[derive(Debug, Default)]
pub(crate) struct Ears(Mutex<BTreeMap<SourceName, Ear>>);

impl Ears {
    /// Every microphone of which levels come, by name.
    pub(crate) fn heard(&self) -> Vec<Heard> {
        let now = Instant::now();
        let ears = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = ears
            .iter()
            .filter(|(_, ear)| now.saturating_duration_since(ear.level_at) < STALE);
        fresh
            .map(|(source, ear)| Heard {
                source: source.clone(),
                rms_dbfs: ear.rms_dbfs,
                peak_dbfs: ear.peak_dbfs,
                silence: ear.level_at.saturating_duration_since(ear.speech_at),
            })
            .collect()
    }

    /// Takes in the levels of one second.
    fn take(&self, levels: Vec<Levels>, now: Instant) {
        let mut ears = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for level in levels {
            let (rms_dbfs, peak_dbfs) = (drawable(level.rms_dbfs), drawable(level.peak_dbfs));
            let fresh = Ear {
                rms_dbfs,
                peak_dbfs,
                level_at: now,
                speech_at: now,
            };
            let ear = ears.entry(level.source).or_insert(fresh);
            if now.saturating_duration_since(ear.level_at) >= STALE {
                *ear = fresh;
            } else if ear.level_at < now {
                // The first of this second.
                (ear.rms_dbfs, ear.peak_dbfs) = (rms_dbfs, peak_dbfs);
            }
            ear.rms_dbfs = ear.rms_dbfs.max(rms_dbfs);
            ear.peak_dbfs = ear.peak_dbfs.max(peak_dbfs);
            ear.level_at = now;
            if rms_dbfs > SPEECH_DBFS {
                ear.speech_at = now;
            }
        }
    }
}

/// Levels of digital zeros are minus infinity.
fn drawable(dbfs: f32) -> f32 {
    if dbfs.is_nan() {
        FLOOR_DBFS
    } else {
        dbfs.max(FLOOR_DBFS)
    }
}

/// Listens until no level can come any more; its owner aborts it before.
pub(crate) async fn listen(ears: Arc<Ears>, mut levels: broadcast::Receiver<Levels>) {
    let mut seconds = interval(LISTEN_EVERY);
    seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        seconds.tick().await;
        let mut came = Vec::new();
        let open = loop {
            match levels.try_recv() {
                Ok(level) => came.push(level),
                // The newest are still there.
                Err(TryRecvError::Lagged(_)) => {}
                Err(TryRecvError::Empty) => break true,
                Err(TryRecvError::Closed) => break false,
            }
        };
        ears.take(came, Instant::now());
        if !open {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(rms_dbfs: f32) -> Levels {
        Levels {
            source: "microphone".parse().expect("a plain name"),
            rms_dbfs,
            peak_dbfs: rms_dbfs + 6.0,
            clipped: false,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn silence_grows_until_somebody_speaks_and_ends_with_the_microphone() {
        let (sender, receiver) = broadcast::channel(64);
        let ears = Arc::new(Ears::default());
        let task = tokio::spawn(listen(Arc::clone(&ears), receiver));
        let silence = || ears.heard().first().map(|heard| heard.silence.as_secs());
        assert_eq!(silence(), None);
        // Between two looks of the listener from here on.
        tokio::time::sleep(LISTEN_EVERY / 2).await;
        for second in 0..30 {
            for _ in 0..10 {
                sender.send(level(f32::NEG_INFINITY)).expect("somebody listens");
            }
            tokio::time::sleep(LISTEN_EVERY).await;
            assert_eq!(silence(), Some(second));
        }
        assert!((ears.heard()[0].rms_dbfs - FLOOR_DBFS).abs() < 0.1);
        sender.send(level(-20.0)).expect("somebody listens");
        sender.send(level(-70.0)).expect("somebody listens");
        tokio::time::sleep(LISTEN_EVERY).await;
        assert_eq!(silence(), Some(0));
        let heard = ears.heard().remove(0);
        assert_eq!((heard.rms_dbfs, heard.peak_dbfs), (-20.0, -14.0));
        tokio::time::sleep(STALE).await;
        assert_eq!(ears.heard(), [], "a level of then is none of now");
        drop(sender);
        task.await.expect("the listener ends by itself");
    }
}
