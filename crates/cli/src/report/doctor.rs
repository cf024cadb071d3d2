//! `lectern doctor`: what was looked at, and what is to be done.

use lectern_domain::api::{Check, Doctor, Verdict};

use crate::figures::columns;

pub(crate) fn doctor(doctor: &Doctor) -> String {
    let rows: Vec<Vec<String>> = doctor.checks.iter().map(row).collect();
    let bad = count(doctor, Verdict::Bad);
    let warnings = count(doctor, Verdict::Warning);
    let sum = match (bad, warnings) {
        (0, 0) => "all is well".to_owned(),
        (0, n) => format!("it works, with {n} thing{} to look at", plural(n)),
        (n, _) => format!("{n} thing{} to mend", plural(n)),
    };
    format!("{}{sum}\n", columns(&rows))
}

/// Whether something does not work.
pub(crate) fn ails(doctor: &Doctor) -> bool {
    count(doctor, Verdict::Bad) > 0
}

fn count(doctor: &Doctor, verdict: Verdict) -> usize {
    doctor
        .checks
        .iter()
        .filter(|check| check.verdict == verdict)
        .count()
}

const fn plural(n: usize) -> &'static str {
    if n == 1 { "" } else { "s" }
}

fn row(check: &Check) -> Vec<String> {
    let word = match check.verdict {
        Verdict::Good => "good",
        Verdict::Warning => "warning",
        Verdict::Bad => "BAD",
    };
    let said = format!("{} {}", check.found, check.todo);
    vec![word.to_owned(), check.subject.clone(), said.trim_end().to_owned()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_work_is_counted_and_shouted() {
        let check = |subject: &str, verdict, todo: &str| Check {
            subject: subject.into(),
            verdict,
            found: "It answers.".into(),
            todo: todo.into(),
        };
        let mut seen = Doctor {
            checks: vec![
                check("clock", Verdict::Good, ""),
                check("platform.central", Verdict::Bad, "Renew the token."),
            ],
        };
        assert_eq!(
            doctor(&seen),
            "good  clock             It answers.\nBAD   platform.central  It answers. Renew the token.\n1 thing to mend\n"
        );
        assert!(ails(&seen));
        seen.checks.pop();
        assert!(!ails(&seen) && doctor(&seen).ends_with("all is well\n"));
    }
}
