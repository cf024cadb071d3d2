//! How others call the courier.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use lectern_domain::ids::{DeliveryId, PlatformName};
use tokio::sync::Notify;

/// Rings when something is to be done; a ring that nobody has heard is kept.
#[derive(Debug, Default)]
pub(crate) struct Bell {
    rung: Notify,
    again: Mutex<Again>,
}

/// What a person wants to be tried again at once, whatever was said to it before.
#[derive(Debug, Default)]
pub(super) struct Again {
    /// Every platform.
    pub(super) all: bool,
    /// These, each at its platform; as many as there are open ones at most.
    pub(super) deliveries: BTreeMap<DeliveryId, PlatformName>,
}

impl Bell {
    /// A delivery may have become due.
    pub(crate) fn ring(&self) {
        self.rung.notify_one();
    }

    /// A person says: try every platform again at once, whatever it said before.
    pub(crate) fn ring_again(&self) {
        self.change(|again| again.all = true);
        self.rung.notify_one();
    }

    /// A person says: try these again at once, and their platforms for them.
    pub(crate) fn ring_again_for(&self, deliveries: impl IntoIterator<Item = (DeliveryId, PlatformName)>) {
        self.change(|again| again.deliveries.extend(deliveries));
        self.rung.notify_one();
    }

    /// What was asked for since this was called last.
    pub(super) fn take_again(&self) -> Again {
        self.change(std::mem::take)
    }

    fn change<T>(&self, change: impl FnOnce(&mut Again) -> T) -> T {
        // Whole after every change: a panic elsewhere has left nothing half done.
        change(&mut self.again.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns at the next ring, or at once after one that was not heard.
    pub(super) async fn heard(&self) {
        self.rung.notified().await;
    }
}
