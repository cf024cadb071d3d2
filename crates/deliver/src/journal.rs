//! Where the runner writes down its intents. The database itself lives in another room.

use async_trait::async_trait;
use lectern_domain::delivery::Commit;
use lectern_domain::ids::DeliveryId;

/// A commit did not happen, or nobody knows whether it did. The runner ends at once: it must not
/// act on an intent that is not on the disk.
#[derive(Debug, thiserror::Error)]
#[error("the progress of the delivery could not be written to the database")]
pub struct JournalError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// The durable memory of deliveries.
#[async_trait]
pub trait Journal: Send + Sync {
    /// Returns after `commit` is on the disk. Commits of one delivery arrive one at a time, in
    /// order.
    ///
    /// # Errors
    /// [`JournalError`] when it is not known to be on the disk.
    async fn commit(&self, delivery: DeliveryId, commit: Commit) -> Result<(), JournalError>;
}
