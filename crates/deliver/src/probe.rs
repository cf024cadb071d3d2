//! What a platform's probe found, for `lectern doctor`.
//!
//! Each adapter tries what a delivery would need: to reach the platform, to sign in, to have a
//! wrong digest refused where the protocol has digests. It leaves nothing behind, or says what.

use lectern_domain::api::{Check, Verdict};
use lectern_domain::ids::PlatformName;

use crate::fault::Fault;

/// Findings about one platform, in the order in which they were made.
pub(crate) struct Findings {
    subject: String,
    checks: Vec<Check>,
}

impl Findings {
    pub(crate) fn about(platform: &PlatformName) -> Self {
        Self {
            subject: format!("platform.{platform}"),
            checks: Vec::new(),
        }
    }

    /// As it should be. One sentence with its full stop.
    pub(crate) fn good(&mut self, found: impl Into<String>) {
        self.add(Verdict::Good, found.into(), String::new());
    }

    /// It works, less well than it could. Two sentences, each with its full stop.
    pub(crate) fn warning(&mut self, found: impl Into<String>, todo: impl Into<String>) {
        self.add(Verdict::Warning, found.into(), todo.into());
    }

    /// It does not work. Two sentences, each with its full stop.
    pub(crate) fn bad(&mut self, found: impl Into<String>, todo: impl Into<String>) {
        self.add(Verdict::Bad, found.into(), todo.into());
    }

    /// An obstacle that a delivery would meet too.
    pub(crate) fn fault(&mut self, fault: Fault) {
        match fault {
            Fault::Refused { happened, advice } | Fault::NeedsPerson { happened, advice } => {
                self.bad(happened, advice);
            }
            Fault::Later { happened, .. } => self.bad(happened, "Lectures wait for it by themselves."),
            Fault::Doubt { happened } => self.bad(happened, "Lectures wait for it by themselves."),
            Fault::Stopped => self.bad("It was not asked, because the recorder ends.", ""),
        }
    }

    pub(crate) fn into_checks(self) -> Vec<Check> {
        self.checks
    }

    fn add(&mut self, verdict: Verdict, found: String, todo: String) {
        self.checks.push(Check {
            subject: self.subject.clone(),
            verdict,
            found,
            todo,
        });
    }
}
