//! What the system asks of the process.

use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
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

/// Listens until the receiver is gone. The channel holds two: more cannot matter. SIGHUP rings the
/// bell: what a person has mended, such as a credential, is tried at once.
///
/// # Errors
/// When the handlers cannot be installed.
pub(crate) fn listen(bell: Arc<Bell>) -> std::io::Result<(mpsc::Receiver<Signal>, impl Future<Output = ()>)> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let (out, signals) = mpsc::channel(2);
    let task = async move {
        let mut next = Signal::Terminate;
        loop {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
                _ = hangup.recv() => {
                    info!("hangup was heard: platforms are tried again; the configuration is read at the start only");
                    bell.ring_again();
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
