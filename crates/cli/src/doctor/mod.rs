//! `lectern doctor`: what the recorder finds, and what only somebody beside it can see.
//!
//! The recorder looks at its sources, its disk and its platforms. Units, time servers and other
//! programs are out of its sight, so this looks at them. When no recorder answers, this looks
//! further: at its unit, its configuration and its disk, and says that it does not answer.

mod absent;
mod around;
mod ask;
mod holders;

use std::path::PathBuf;

use lectern_domain::api::{Check, Doctor, Verdict};

use crate::client::Client;
use crate::fault::Fault;
use crate::report;

/// The words behind `lectern doctor`.
#[derive(Debug, clap::Args)]
pub(crate) struct Words {
    /// Print one JSON document
    #[arg(long)]
    json: bool,
    /// The configuration to look at when the recorder does not answer
    #[arg(long, value_name = "FILE", default_value = "/etc/lectern/lectern.toml")]
    config: PathBuf,
}

/// What was found, and what the program is to end with.
pub(crate) struct Outcome {
    pub(crate) text: String,
    pub(crate) ends: Result<(), Fault>,
}

/// Looks at everything: some fifteen seconds at most.
///
/// # Errors
/// The recorder answered with something else than its findings.
pub(crate) async fn run(client: &Client, words: Words) -> Result<Outcome, Fault> {
    let (told, around) = tokio::join!(client.post_nothing::<Doctor>("/api/v1/doctor"), around::look());
    let (mut doctor, silent) = match told {
        Ok(doctor) => (doctor, None),
        Err(Fault::NoDaemon(why)) => {
            let checks = absent::look(&words.config, &why).await;
            (Doctor { checks }, Some(why))
        }
        Err(other) => return Err(other),
    };
    merge(&mut doctor.checks, around);
    let text = crate::document(words.json, &doctor, report::doctor)?;
    let ends = match silent {
        Some(why) => Err(Fault::NoDaemon(why)),
        None if doctor.count(Verdict::Bad) > 0 => Err(Fault::failed(
            "the doctor found what does not work",
            "Recording goes on, and nothing was changed.",
            "Mend what is marked with a cross, then ask again.",
        )),
        None => Ok(()),
    };
    Ok(Outcome { text, ends })
}

/// Puts each finding behind those of its group; what has no group there comes last.
fn merge(checks: &mut Vec<Check>, more: Vec<Check>) {
    for check in more {
        let last = checks.iter().rposition(|other| other.group() == check.group());
        checks.insert(last.map_or(checks.len(), |at| at + 1), check);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_belongs_together_comes_together() {
        let check = |subject: &str| Check::good(subject, "It is well.");
        let mut checks = vec![check("clock"), check("platform.a")];
        merge(
            &mut checks,
            vec![check("clock"), check("kiosk"), check("platform.b")],
        );
        let subjects: Vec<&str> = checks.iter().map(|check| check.subject.as_str()).collect();
        assert_eq!(subjects, ["clock", "clock", "platform.a", "platform.b", "kiosk"]);
    }
}
