//! What the system asks of the process.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::sys::signal::{SigSet, Signal as Number};
use signal_hook::flag;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Notify, mpsc};
use tracing::info;

use crate::courier::Bell;

/// A request of the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    /// First SIGTERM or SIGINT: end in good order.
    Terminate,
    /// Second one: end now.
    Now,
}

/// Whether anybody asked the process to end since it listens. The handler itself notes it, so
/// it is known before any task has heard of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked(Arc<AtomicBool>);

impl Asked {
    /// Whether somebody did. After [`hold`], what came too late for this is kept by the system.
    pub(crate) fn to_stop(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    fn note(&self) -> io::Result<()> {
        flag::register(Number::SIGTERM as i32, Arc::clone(&self.0))?;
        flag::register(Number::SIGINT as i32, Arc::clone(&self.0))?;
        Ok(())
    }
}

/// Has the system keep what it wants to ask, also for a program that is executed in place of this
/// one, until that one listens. For the last thread there is: another one would go on being asked.
///
/// # Errors
/// When the system refuses, which it does for a wrong call only.
pub(crate) fn hold() -> io::Result<()> {
    Ok(heard().thread_block()?)
}

/// The signals by which the system asks something.
fn heard() -> SigSet {
    SigSet::from_iter([Number::SIGHUP, Number::SIGTERM, Number::SIGINT])
}

/// Listens until the receiver is gone, and notes in `asked` that somebody wants the end. The channel holds two: more cannot matter. SIGHUP goes
/// another way, so that no number of them keeps the others waiting: it notifies `hangups`, and
/// rings the bell, because what a person has mended, such as a credential, is tried at once.
///
/// # Errors
/// When the handlers cannot be installed.
pub(crate) fn listen(
    bell: Arc<Bell>,
    hangups: Arc<Notify>,
    asked: &Asked,
) -> io::Result<(mpsc::Receiver<Signal>, impl Future<Output = ()> + use<>)> {
    asked.note()?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    // What came while this program was executed anew is heard now.
    heard().thread_unblock()?;
    let (out, signals) = mpsc::channel(2);
    let task = async move {
        let mut next = Signal::Terminate;
        loop {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
                _ = hangup.recv() => {
                    info!("hangup was heard: platforms are tried again, and the configuration is read");
                    bell.ring_again();
                    hangups.notify_one();
                    continue;
                }
            }
            if out.send(next).await.is_err() {
                return;
            }
            next = Signal::Now;
        }
    };
    Ok((signals, task))
}

/// Hears signals while the daemon ends.
pub(crate) struct Ear {
    signals: mpsc::Receiver<Signal>,
}

impl Ear {
    /// Goes on hearing these.
    pub(crate) fn new(signals: mpsc::Receiver<Signal>) -> Self {
        Self { signals }
    }

    /// Returns when it is to end now; pends for ever when nobody can say so any more. May be
    /// dropped and called again.
    pub(crate) async fn now(&mut self) {
        while let Some(signal) = self.signals.recv().await {
            match signal {
                // [`Asked`] has it.
                Signal::Terminate => {}
                Signal::Now => return,
            }
        }
        std::future::pending().await
    }
}

#[cfg(test)]
mod tests {
    use nix::sys::signal::raise;

    use super::*;

    /// A daemon that ends to start anew and is told to stop meanwhile: whenever that is, either it
    /// stops, or the program in its place hears of it.
    #[tokio::test]
    async fn p1_no_wish_to_stop_is_lost_while_the_daemon_starts_anew() {
        let ring = || (Arc::new(Bell::default()), Arc::new(Notify::new()));
        let (bell, hangups) = ring();
        let ends = Asked::default();
        let (_signals, task) = listen(bell, hangups, &ends).unwrap();
        // Nobody listens any more, as when the runtime is gone.
        drop(task);
        assert!(!ends.to_stop());
        raise(Number::SIGTERM).unwrap();
        assert!(ends.to_stop(), "before it is held: noted though no task heard it");

        hold().unwrap();
        let late = Asked::default();
        late.note().unwrap();
        raise(Number::SIGINT).unwrap();
        assert!(!late.to_stop(), "after that: kept, in vain for this program");
        let (bell, hangups) = ring();
        let next = Asked::default();
        let (mut signals, task) = listen(bell, hangups, &next).unwrap();
        let task = tokio::spawn(task);
        assert!(next.to_stop(), "and heard by the one that listens next");
        assert_eq!(signals.recv().await, Some(Signal::Terminate));
        task.abort();
    }
}
