//! What can go wrong on the way to a platform, classed by what is to be done about it.
//!
//! An adapter says what happened and what a person could do; the runner decides what state
//! follows and adds what is safe. No state and no time is chosen here.

use std::time::Duration;

/// An obstacle, classed by its remedy. Texts are sentences without a secret in them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The platform or the way to it does not serve us now; trying again later is enough.
    #[error("{happened}")]
    Later {
        /// What happened, as one sentence with its full stop.
        happened: String,
        /// The platform's own wish, from `Retry-After`.
        after: Option<Duration>,
    },
    /// A request may or may not have had its effect: the platform must be asked.
    #[error("{happened}")]
    Doubt {
        /// What happened, as one sentence with its full stop.
        happened: String,
    },
    /// The platform would refuse any lecture as it is set up now: its credential, its address, its
    /// certificate, our permissions there. No lecture is at fault; a person must act.
    #[error("{happened} {advice}")]
    Refused {
        /// What happened, as one sentence with its full stop.
        happened: String,
        /// What to do, as one sentence with its full stop.
        advice: String,
    },
    /// Trying again would end the same way for this lecture: a person must act.
    #[error("{happened} {advice}")]
    NeedsPerson {
        /// What happened, as one sentence with its full stop.
        happened: String,
        /// What to do, as one sentence with its full stop.
        advice: String,
    },
    /// We were told to stop; nothing is wrong.
    #[error("the delivery was told to stop")]
    Stopped,
}

impl Fault {
    /// A [`Fault::Later`] without a wish of the platform.
    pub fn later(happened: impl Into<String>) -> Self {
        Self::Later {
            happened: happened.into(),
            after: None,
        }
    }

    /// A [`Fault::Doubt`].
    pub fn doubt(happened: impl Into<String>) -> Self {
        Self::Doubt {
            happened: happened.into(),
        }
    }

    /// A [`Fault::Refused`].
    pub fn refused(happened: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::Refused {
            happened: happened.into(),
            advice: advice.into(),
        }
    }

    /// A [`Fault::NeedsPerson`].
    pub fn person(happened: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::NeedsPerson {
            happened: happened.into(),
            advice: advice.into(),
        }
    }
}
