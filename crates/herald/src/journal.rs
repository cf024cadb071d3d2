//! The seam to what is remembered, and to where secrets are. The daemon implements both.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use lectern_domain::config::Credential;
use lectern_domain::notice::{Change, DayFigures, Remembered};
use secrecy::SecretString;
use uuid::Uuid;

/// Why nothing was remembered or read; a sentence.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct JournalError(pub String);

/// What must survive a crash. Called on the herald's runtime; must not block its thread.
#[async_trait]
pub trait Journal: Send + Sync {
    /// All that is remembered.
    ///
    /// # Errors
    /// It could not be read.
    async fn load(&self) -> Result<Remembered, JournalError>;

    /// Commits a change, all of it or nothing.
    ///
    /// # Errors
    /// Nothing was changed.
    async fn commit(&self, change: Change) -> Result<(), JournalError>;

    /// Forgets a letter that was taken or given up; one that is not known is no error.
    ///
    /// # Errors
    /// It is still remembered, and is sent once more after a restart.
    async fn forget(&self, letter: Uuid) -> Result<(), JournalError>;

    /// The lectures that began from one moment until before another, in milliseconds since 1970.
    ///
    /// # Errors
    /// They could not be counted.
    async fn day(&self, from_unix_ms: i64, to_unix_ms: i64) -> Result<DayFigures, JournalError>;
}

type Reader = dyn Fn(&Credential) -> Result<SecretString, String> + Send + Sync;

/// Reads a secret from where the configuration says it is, anew for each sending; its error says
/// what to do and never the secret. May block for one small file.
#[derive(Clone)]
pub struct ReadSecret(Arc<Reader>);

impl ReadSecret {
    /// From what reads it.
    pub fn new(read: impl Fn(&Credential) -> Result<SecretString, String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(read))
    }

    pub(crate) fn read(&self, credential: &Credential) -> Result<SecretString, String> {
        (self.0)(credential)
    }
}

impl fmt::Debug for ReadSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReadSecret")
    }
}
