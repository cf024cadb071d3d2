//! Looks that block, on threads of their own: a disk that hangs must not hold up the page.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;

/// One thread at a time, under one name. Joined by the next look and when this is dropped.
#[derive(Debug)]
pub(super) struct Aside {
    name: &'static str,
    stop: Arc<AtomicBool>,
    /// A look is under way. Not whether its thread has ended: it answers a little before that, and
    /// whoever has the answer may ask again at once.
    looking: Arc<AtomicBool>,
    last: Mutex<Option<JoinHandle<()>>>,
}

/// Why a look gave nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    /// The one before has not ended yet.
    Busy,
    /// It took too long, and goes on by itself.
    Late,
    /// There was no thread for it, or it broke down.
    Broken,
}

impl Aside {
    pub(super) fn new(name: &'static str) -> Self {
        Self {
            name,
            stop: Arc::default(),
            looking: Arc::default(),
            last: Mutex::default(),
        }
    }

    /// Runs `look` on its thread; it should end soon after the flag that it is given was set.
    ///
    /// # Errors
    /// [`Missing`]: no answer within `within`, or none at all.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        within: Duration,
        look: impl FnOnce(&AtomicBool) -> T + Send + 'static,
    ) -> Result<T, Missing> {
        let (found_out, found) = oneshot::channel();
        self.start(move |stop, looking| {
            let answer = {
                let _over = Over(looking);
                look(stop)
            };
            // Whoever asked may have gone away.
            drop(found_out.send(answer));
        })?;
        match timeout(within, found).await {
            Ok(found) => found.map_err(|_| Missing::Broken),
            Err(_) => Err(Missing::Late),
        }
    }

    fn start(&self, work: impl FnOnce(&AtomicBool, &AtomicBool) + Send + 'static) -> Result<(), Missing> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if self.looking.load(Ordering::Acquire) {
            return Err(Missing::Busy);
        }
        // It has nothing left to do but to end.
        join(last.take());
        self.looking.store(true, Ordering::Release);
        let (stop, looking) = (Arc::clone(&self.stop), Arc::clone(&self.looking));
        let started = std::thread::Builder::new()
            .name(self.name.to_owned())
            .spawn(move || work(&stop, &looking));
        *last = Some(started.map_err(|_| {
            self.looking.store(false, Ordering::Release);
            Missing::Broken
        })?);
        Ok(())
    }
}

/// Says that a look is over, also when it breaks down.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        join(self.last.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

fn join(thread: Option<JoinHandle<()>>) {
    if thread.is_some_and(|thread| thread.join().is_err()) {
        tracing::error!("a look of the doctor panicked");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    const SOON: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn one_look_at_a_time_and_a_late_one_does_not_hold_anybody_up() {
        let aside = Aside::new("doctor-test");
        assert_eq!(aside.run(SOON, |_| 7).await, Ok(7));
        let (go, wait) = mpsc::channel::<()>();
        let late = aside
            .run(Duration::ZERO, move |_| wait.recv_timeout(SOON).is_ok())
            .await;
        assert_eq!(late, Err(Missing::Late));
        assert_eq!(aside.run(SOON, |_| 7).await, Err(Missing::Busy));
        go.send(()).unwrap();
        while aside.run(SOON, |_| 7).await != Ok(7) {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn p10_a_look_that_breaks_down_is_told_and_costs_nothing() {
        let aside = Aside::new("doctor-test");
        let broken: Result<(), _> = aside.run(SOON, |_| panic!("a driver lied")).await;
        assert_eq!(broken, Err(Missing::Broken));
        assert_eq!(aside.run(SOON, |_| 7).await, Ok(7));
    }

    #[tokio::test]
    async fn whoever_has_an_answer_may_ask_again_at_once() {
        let aside = Aside::new("doctor-test");
        for n in 0..1_000 {
            assert_eq!(aside.run(SOON, move |_| n).await, Ok(n));
        }
    }

    #[tokio::test]
    async fn the_end_stops_a_look_and_waits_for_it() {
        let aside = Aside::new("doctor-test");
        let (begun, wait) = mpsc::channel();
        let long = move |stop: &AtomicBool| {
            begun.send(()).expect("the test waits for it");
            while !stop.load(Ordering::Relaxed) {
                std::thread::yield_now();
            }
        };
        assert_eq!(aside.run(Duration::ZERO, long).await, Err(Missing::Late));
        wait.recv().unwrap();
        drop(aside);
    }
}
