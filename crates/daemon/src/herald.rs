//! Gives the herald its journal and its secrets. Its thread, what it tells and when are in its own
//! room.

use std::sync::Arc;

use async_trait::async_trait;
use lectern_capture::clock::unix_ms;
use lectern_deliver::Secrets;
use lectern_domain::api::Status;
use lectern_domain::config::Config;
use lectern_domain::notice::{Change, DayFigures, Remembered};
use lectern_herald::{Herald, Journal, JournalError, ReadSecret, Settings};
use lectern_store::{Db, DbError};
use tokio::sync::watch;
use uuid::Uuid;

use crate::room_time;

/// Starts the herald; [`Herald::close`] ends it.
///
/// # Errors
/// When the system has no thread or runtime to give.
pub(crate) fn start(
    config: &Config,
    db: Db,
    status: watch::Receiver<Arc<Status>>,
) -> std::io::Result<Herald> {
    Herald::start(settings(config), status, Arc::new(Shelf(db)), unix_ms)
}

/// Who is told, by a configuration.
pub(crate) fn settings(config: &Config) -> Settings {
    let secrets = Secrets::from_env();
    let read = ReadSecret::new(move |credential| secrets.open(credential));
    Settings::new(config, room_time::zone(config), read)
}

/// The database as the herald's journal.
struct Shelf(Db);

#[async_trait]
impl Journal for Shelf {
    async fn load(&self) -> Result<Remembered, JournalError> {
        self.0.told().await.map_err(said)
    }

    async fn commit(&self, change: Change) -> Result<(), JournalError> {
        self.0.tell(change).await.map_err(said)
    }

    async fn forget(&self, letter: Uuid) -> Result<(), JournalError> {
        self.0.forget_letter(letter).await.map_err(said)
    }

    async fn day(&self, from_unix_ms: i64, to_unix_ms: i64) -> Result<DayFigures, JournalError> {
        self.0.day(from_unix_ms, to_unix_ms).await.map_err(said)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is what map_err hands over")]
fn said(error: DbError) -> JournalError {
    JournalError(error.to_string())
}
