//! What a listener is told, one piece after the other: the source of both event streams.

use std::sync::Arc;

use lectern_domain::api::{Levels, Status};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{OwnedSemaphorePermit, broadcast, watch};

use crate::problem::Fault;
use crate::site::{Closing, Site};

/// One piece of news.
pub(crate) enum News {
    /// The status, first as it is and then whenever it changed.
    Status(Arc<Status>),
    /// A level of one microphone.
    Levels(Levels),
}

/// One listener's stream of news. Holds a seat until it is dropped. A slow listener misses what
/// lay between; nothing is queued for it.
pub(crate) struct Feed {
    status: watch::Receiver<Arc<Status>>,
    levels: Option<broadcast::Receiver<Levels>>,
    closing: Closing,
    _seat: OwnedSemaphorePermit,
}

impl Feed {
    /// Takes a seat and begins with the present status.
    pub(crate) fn open(site: &Site) -> Result<Self, Fault> {
        let seat = site.event_seat()?;
        let mut status = site.control.status();
        status.mark_changed();
        Ok(Self {
            status,
            levels: Some(site.control.levels()),
            closing: site.closing.clone(),
            _seat: seat,
        })
    }

    /// The next piece; `None` when the server closes or the daemon is gone. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Option<News> {
        tokio::select! {
            biased;
            () = self.closing.wait() => None,
            changed = self.status.changed() => {
                changed.ok()?;
                Some(News::Status(Arc::clone(&self.status.borrow_and_update())))
            }
            levels = next_levels(&mut self.levels) => Some(News::Levels(levels)),
        }
    }
}

/// The next level; waits for ever when there will be none.
async fn next_levels(levels: &mut Option<broadcast::Receiver<Levels>>) -> Levels {
    while let Some(receiver) = levels {
        match receiver.recv().await {
            Ok(next) => return next,
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => *levels = None,
        }
    }
    std::future::pending().await
}
