//! What the system asks of the process.

use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Notify, mpsc};
use tracing::info;

use crate::courier::Bell;
use crate::reload;

/// A request of the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    /// First SIGTERM or SIGINT: end in good order.
    Terminate,
    /// Second one: end now.
    Now,
}

/// Listens until the receiver is gone. The channel holds two: more cannot matter. SIGHUP goes
/// another way, so that no number of them keeps the others waiting: it notifies `hangups`, and
/// rings the bell, because what a person has mended, such as a credential, is tried at once.
///
/// # Errors
/// When the handlers cannot be installed.
pub(crate) fn listen(
    bell: Arc<Bell>,
    hangups: Arc<Notify>,
) -> std::io::Result<(mpsc::Receiver<Signal>, impl Future<Output = ()>)> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    // What came while this program was executed anew is heard now.
    reload::listen_again()?;
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
    asked_to_stop: bool,
}

impl Ear {
    /// Goes on hearing these.
    pub(crate) fn new(signals: mpsc::Receiver<Signal>) -> Self {
        Self {
            signals,
            asked_to_stop: false,
        }
    }

    /// Returns when it is to end now; pends for ever when nobody can say so any more. May be
    /// dropped and called again.
    pub(crate) async fn now(&mut self) {
        while let Some(signal) = self.signals.recv().await {
            match signal {
                Signal::Terminate => self.asked_to_stop = true,
                Signal::Now => return,
            }
        }
        std::future::pending().await
    }

    /// Whether somebody asked to stop since this was made.
    pub(crate) fn was_asked_to_stop(&mut self) -> bool {
        while let Ok(signal) = self.signals.try_recv() {
            match signal {
                Signal::Terminate | Signal::Now => self.asked_to_stop = true,
            }
        }
        self.asked_to_stop
    }
}
