//! What is left of earlier lectures and needs a person, and the configuration on the disk.

use std::path::Path;

use lectern_domain::api::{Check, ConfigStatus, Status};
use lectern_domain::lecture::LectureState;
use lectern_domain::reason;
use lectern_store::Db;

/// More are not counted.
const MOST: u32 = 100;

/// Looks at what failed. One question to the database.
pub(super) async fn look(db: &Db, status: &Status) -> Vec<Check> {
    let failed = match db.lectures(Some(LectureState::Failed), MOST, None).await {
        Ok(page) => page.lectures.len(),
        Err(error) => {
            return vec![Check::bad(
                "lectures",
                format!("The database did not answer: {error}."),
                "Look at journalctl -u lecternd and at journalctl -k.",
            )];
        }
    };
    judge(failed, status.queue.parked, &status.config)
}

/// What is said when the database did not answer.
pub(super) fn hangs() -> Check {
    Check::bad(
        "lectures",
        "The database did not answer in time.",
        "Look at the kernel's messages (journalctl -k) for errors of the disk.",
    )
}

fn judge(failed: usize, parked: u32, configured: &ConfigStatus) -> Vec<Check> {
    let mut checks = Vec::new();
    if failed > 0 {
        checks.push(Check::bad(
            "lectures",
            match failed {
                1 => "One lecture could not be finished.".to_owned(),
                n => format!("{n} lectures could not be finished."),
            },
            "\"lectern lectures --state failed\" lists them, \"lectern show ID\" says why, \"lectern retry ID\" tries again.",
        ));
    }
    if parked > 0 {
        checks.push(Check::bad(
            "lectures",
            match parked {
                1 => "One delivery waits for a person.".to_owned(),
                n => format!("{n} deliveries wait for a person."),
            },
            "\"lectern queue\" says why; \"lectern retry ID\" sends again.",
        ));
    }
    if checks.is_empty() {
        checks.push(Check::good("lectures", "No lecture waits for a person."));
    }
    let waits = configured.waits.join(", ");
    if let Some(fault) = &configured.fault {
        checks.push(Check::bad(
            "config",
            format!(
                "The configuration on the disk was not taken: {}.",
                fault.trim_end_matches('.')
            ),
            "Mend it (\"lecternd check\" says more), then systemctl reload lecternd.",
        ));
    } else if waits.is_empty() {
        checks.push(Check::good("config", "The configuration at work has no fault."));
    } else {
        let found = match &configured.unasked {
            None => format!("A change of {waits} waits until no lecture is under way."),
            Some(why) => format!(
                "A change of {waits} waits: the new program could not be asked yet: {}; it is asked again.",
                reason(why)
            ),
        };
        checks.push(Check::warning("config", found, "Nothing is to be done."));
    }
    checks
}

/// Files that were found damaged or unknown. Blocks for one look into a folder.
pub(super) fn quarantine(storage: &Path) -> Option<Check> {
    let folder = storage.join("quarantine");
    let files = std::fs::read_dir(&folder).ok()?.count();
    (files > 0).then(|| {
        Check::warning(
            "lectures",
            format!("{files} damaged or unknown files lie in {}.", folder.display()),
            "Look whether they hold something of a lecture; delete them when they do not.",
        )
    })
}

#[cfg(test)]
mod tests {
    use lectern_domain::api::Verdict;

    use super::*;

    #[test]
    fn what_needs_a_person_is_bad_and_says_what_to_do() {
        for (failed, parked, fault, verdicts) in [
            (0, 0, None, [Verdict::Good, Verdict::Good]),
            (1, 0, None, [Verdict::Bad, Verdict::Good]),
            (
                0,
                2,
                Some("a:1:1 room: no".to_owned()),
                [Verdict::Bad, Verdict::Bad],
            ),
        ] {
            let configured = ConfigStatus {
                fault,
                ..ConfigStatus::default()
            };
            let checks = judge(failed, parked, &configured);
            assert_eq!(
                checks.iter().map(|check| check.verdict).collect::<Vec<_>>(),
                verdicts
            );
        }
        let mut configured = ConfigStatus {
            waits: vec!["storage".to_owned()],
            ..ConfigStatus::default()
        };
        for (unasked, said) in [
            (None, "storage waits until no lecture"),
            (Some("it was killed"), "it was killed; it is asked again"),
        ] {
            configured.unasked = unasked.map(str::to_owned);
            let waits = judge(0, 0, &configured);
            assert_eq!(waits[1].verdict, Verdict::Warning);
            assert!(waits[1].found.contains(said), "{}", waits[1].found);
        }
    }

    #[test]
    fn files_in_quarantine_are_counted() {
        let storage = tempfile::tempdir().unwrap();
        assert_eq!(quarantine(storage.path()), None);
        std::fs::create_dir(storage.path().join("quarantine")).unwrap();
        assert_eq!(quarantine(storage.path()), None);
        std::fs::write(storage.path().join("quarantine/00000001.mp4"), b"?").unwrap();
        assert!(quarantine(storage.path()).unwrap().found.starts_with("1 damaged"));
    }
}
