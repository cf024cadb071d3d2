//! What went wrong, in three parts for a person and one number for a script.

use lectern_domain::api::Problem;

/// A command that was not done. Shown as: what happened, what is safe, what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    /// It was tried and did not succeed.
    #[error("{0}")]
    Failed(String),
    /// The daemon found the request itself wrong.
    #[error("{0}")]
    Usage(String),
    /// Not in this state; nothing changed.
    #[error("{0}")]
    Refused(String),
    /// Nobody answers on the control socket.
    #[error("{0}")]
    NoDaemon(String),
    /// It took too long; trying again makes sense.
    #[error("{0}")]
    TimedOut(String),
    /// The configuration has faults.
    #[error("{0}")]
    Configuration(String),
}

impl Fault {
    /// A failure in its three parts.
    pub(crate) fn failed(what: impl Into<String>, safe: &str, todo: &str) -> Self {
        Self::Failed(format!("{}\n{safe}\n{todo}", what.into()))
    }

    /// The contract's number.
    pub(crate) const fn exit_code(&self) -> u8 {
        match self {
            Self::Failed(_) => 1,
            Self::Usage(_) => 2,
            Self::Refused(_) => 3,
            Self::NoDaemon(_) => 4,
            Self::TimedOut(_) => 75,
            Self::Configuration(_) => 78,
        }
    }
}

impl From<Problem> for Fault {
    fn from(problem: Problem) -> Self {
        match problem.kind.rsplit(':').next() {
            Some("refused") => {
                // Of one lecture the sentence says all; "nothing is allowed" would be untrue of the room.
                if problem.allowed.is_empty() {
                    return Self::Refused(problem.detail);
                }
                let state = problem.state.as_deref().unwrap_or("unknown");
                let allowed = problem.allowed.join(", ");
                Self::Refused(format!(
                    "{}\nstate: {state}\nallowed now: {allowed}",
                    problem.detail
                ))
            }
            Some("invalid") => Self::Usage(problem.detail),
            _ => Self::Failed(problem.detail),
        }
    }
}
