//! How others call the courier.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// Rings when something is to be done; a ring that nobody has heard is kept.
#[derive(Debug, Default)]
pub(crate) struct Bell {
    rung: Notify,
    again: AtomicBool,
}

impl Bell {
    /// A delivery may have become due.
    pub(crate) fn ring(&self) {
        self.rung.notify_one();
    }

    /// A person says: try every platform again at once, whatever it said before.
    pub(crate) fn ring_again(&self) {
        self.again.store(true, Ordering::Relaxed);
        self.rung.notify_one();
    }

    /// Whether [`Bell::ring_again`] was called since this was asked last.
    pub(super) fn take_again(&self) -> bool {
        self.again.swap(false, Ordering::Relaxed)
    }

    /// Returns at the next ring, or at once after one that was not heard.
    pub(super) async fn heard(&self) {
        self.rung.notified().await;
    }
}
