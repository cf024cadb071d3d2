//! The task that reads the configuration at each SIGHUP, so that the conductor never waits for
//! a file.

use std::sync::Arc;

use lectern_domain::config::Config;
use tokio::sync::{Notify, mpsc};
use tracing::error;

use super::Launch;
use crate::load::{self, LoadError};
use crate::{check, notify};

/// Readings not yet taken by the conductor. The next one waits for it, so the last word is that
/// of the last SIGHUP.
pub(crate) const READING_BOUND: usize = 1;

/// What was found at a SIGHUP.
pub(crate) struct Reading {
    /// The files and the environment as they are now.
    pub(crate) config: Result<Box<Config>, LoadError>,
    /// Another program lies where the one that runs was started from.
    pub(crate) is_replaced: bool,
}

impl std::fmt::Debug for Reading {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reading")
            .field("is_faulty", &self.config.is_err())
            .field("is_replaced", &self.is_replaced)
            .finish_non_exhaustive()
    }
}

/// The files as they are, if a daemon could come up with them: one that could not would be started
/// by systemd again and again, and would record nothing.
fn read(launch: &Launch) -> Result<Box<Config>, LoadError> {
    let config = load::config(launch.config())?;
    match check::place(&config) {
        None => Ok(Box::new(config)),
        Some(fault) => Err(LoadError::Place(fault)),
    }
}

/// Reads at each hangup until nobody takes it any more. Several hangups during one reading are
/// one more reading.
pub(crate) async fn read_at(hangups: Arc<Notify>, launch: Arc<Launch>, out: mpsc::Sender<Reading>) {
    loop {
        hangups.notified().await;
        notify::tell_reloading();
        let launch = Arc::clone(&launch);
        let read = tokio::task::spawn_blocking(move || Reading {
            config: read(&launch),
            is_replaced: launch.is_replaced(),
        });
        match read.await {
            // Ready again is the conductor's to say: it takes it over.
            Ok(reading) => {
                if out.send(reading).await.is_err() {
                    return;
                }
            }
            Err(error) => {
                error!(error = %error, "reading the configuration broke down; the one before stays at work");
                notify::tell_ready();
            }
        }
    }
}
