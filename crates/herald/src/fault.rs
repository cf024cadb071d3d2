//! Why a notice was not taken.

use thiserror::Error;

/// Why a notice was not taken; it is tried again in any case, because both ends get mended.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{what} {todo}")]
pub(crate) struct Fault {
    /// What failed, a sentence. Never a secret.
    pub(crate) what: String,
    /// What to do, a sentence.
    pub(crate) todo: String,
}

impl Fault {
    pub(crate) fn new(what: impl Into<String>, todo: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            todo: todo.into(),
        }
    }

    pub(crate) fn slow(peer: &str, seconds: u64) -> Self {
        Self::new(
            format!("{peer} did not answer within {seconds} seconds."),
            "Check the network and that it runs.",
        )
    }
}

/// The last error of a chain: libraries wrap the telling one in several that say "error".
pub(crate) fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}
