//! Why a screen cannot be captured, in words, and how a source's failure names it.

use lectern_domain::wire::FailureReason;
use x11rb::errors::{ConnectError, ConnectionError, ReplyError};

use crate::failure::Failure;

/// Why the screen could not be captured.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    /// Nobody listens there.
    #[error("no X server answers ({0}); is the desktop running?")]
    Connect(String),
    /// It answers and does not let us in.
    #[error("the X server refuses us ({0}); is XAUTHORITY set for this user?")]
    Denied(String),
    /// The display's name cannot be understood.
    #[error("not the name of a display, such as \":0\" ({0})")]
    Name(String),
    /// Pixels of another layout than 32 bits, blue first.
    #[error("its colour depth of {depth} in {bits} bits cannot be recorded; 24 in 32 can")]
    Depth {
        /// Bits of colour.
        depth: u8,
        /// Bits of a pixel.
        bits: u8,
    },
    /// The connection broke: the server ended.
    #[error("the X server went away ({0})")]
    Gone(String),
    /// Another resolution was set.
    #[error("the screen changed its size")]
    Resized,
    /// The server refused a request that it must know.
    #[error("the X server refused a request ({0})")]
    Refused(String),
    /// No memory could be shared.
    #[error("no memory to share with the X server ({0})")]
    Memory(String),
}

impl From<ConnectionError> for Trouble {
    fn from(error: ConnectionError) -> Self {
        Self::Gone(error.to_string())
    }
}

impl From<ReplyError> for Trouble {
    fn from(error: ReplyError) -> Self {
        match error {
            ReplyError::ConnectionError(error) => error.into(),
            ReplyError::X11Error(error) => Self::Refused(format!("{:?}", error.error_kind)),
        }
    }
}

impl From<ConnectError> for Trouble {
    fn from(error: ConnectError) -> Self {
        match error {
            ConnectError::DisplayParsingError(error) => Self::Name(error.to_string()),
            ConnectError::SetupAuthenticate(_) | ConnectError::SetupFailed(_) => {
                Self::Denied(error.to_string())
            }
            error => Self::Connect(error.to_string()),
        }
    }
}

impl From<Trouble> for Failure {
    fn from(trouble: Trouble) -> Self {
        let reason = match trouble {
            Trouble::Connect(_) => FailureReason::NotFound,
            Trouble::Denied(_) => FailureReason::Denied,
            Trouble::Name(_) => FailureReason::Config,
            Trouble::Depth { .. } => FailureReason::Unsupported,
            Trouble::Gone(_) | Trouble::Resized => FailureReason::Lost,
            Trouble::Refused(_) | Trouble::Memory(_) => FailureReason::Internal,
        };
        Self::new(reason, trouble.to_string())
    }
}
