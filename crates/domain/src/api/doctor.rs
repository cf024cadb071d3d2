//! What the doctor looked at, and what was found.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::reason;

/// `POST /api/v1/doctor`: what was looked at, and what was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Doctor {
    /// In order; what belongs together stands together.
    pub checks: Vec<Check>,
}

/// One thing that the doctor looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Check {
    /// What it is about, such as `platform.central`. The word before the point is its group.
    pub subject: String,
    /// How it is.
    pub verdict: Verdict,
    /// What was found, as one sentence with its full stop.
    pub found: String,
    /// What to do, as one sentence; empty when nothing is.
    pub todo: String,
}

/// How a thing is that the doctor looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As it should be.
    Good,
    /// It works, less well than it could.
    Warning,
    /// It does not work.
    Bad,
}

impl Doctor {
    /// How many findings are like this.
    #[must_use]
    pub fn count(&self, verdict: Verdict) -> usize {
        self.checks
            .iter()
            .filter(|check| check.verdict == verdict)
            .count()
    }
}

impl Check {
    /// As it should be. `found` is a sentence with its full stop.
    pub fn good(subject: impl Into<String>, found: impl Into<String>) -> Self {
        Self::new(subject, Verdict::Good, found, "")
    }

    /// It works, less well than it could. Two sentences, each with its full stop.
    pub fn warning(subject: impl Into<String>, found: impl Into<String>, todo: impl Into<String>) -> Self {
        Self::new(subject, Verdict::Warning, found, todo)
    }

    /// It does not work. Two sentences, each with its full stop.
    pub fn bad(subject: impl Into<String>, found: impl Into<String>, todo: impl Into<String>) -> Self {
        Self::new(subject, Verdict::Bad, found, todo)
    }

    fn new(
        subject: impl Into<String>,
        verdict: Verdict,
        found: impl Into<String>,
        todo: impl Into<String>,
    ) -> Self {
        Self {
            subject: subject.into(),
            verdict,
            found: reason(found.into()),
            todo: reason(todo.into()),
        }
    }

    /// The word before the first point of the subject: what belongs together.
    #[must_use]
    pub fn group(&self) -> &str {
        self.subject.split('.').next().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_keep_their_json() {
        let check = Check::warning("platform.central", "It answers slowly.", "Ask its operator.");
        assert_eq!(check.group(), "platform");
        let doctor = Doctor { checks: vec![check] };
        assert_eq!(
            serde_json::to_string(&doctor).unwrap(),
            r#"{"checks":[{"subject":"platform.central","verdict":"warning","found":"It answers slowly.","todo":"Ask its operator."}]}"#
        );
        assert_eq!(doctor.count(Verdict::Warning), 1);
        assert!(Verdict::Good < Verdict::Warning && Verdict::Warning < Verdict::Bad);
    }
}
