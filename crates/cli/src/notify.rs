//! `lectern notify --test`: who took the test notice.

use lectern_domain::api::{Check, Doctor, Verdict};

use crate::fault::Fault;
use crate::figures::columns;

/// A line for each who is told.
pub(crate) fn told(told: &Doctor) -> String {
    if told.checks.is_empty() {
        return "nobody is told: the configuration has no [[notify]]\n".to_owned();
    }
    columns(&told.checks.iter().map(row).collect::<Vec<_>>())
}

/// Fails when somebody did not take it.
pub(crate) fn judged(told: &Doctor) -> Result<(), Fault> {
    if told.count(Verdict::Bad) == 0 {
        return Ok(());
    }
    Err(Fault::failed(
        "a test notice was not taken",
        "Recording goes on, and notices wait for a day.",
        "Mend what is marked BAD, then test again.",
    ))
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
    fn one_who_did_not_take_it_is_shouted_and_fails_the_command() {
        let mut asked = Doctor {
            checks: vec![Check::good("notify.a", "It was taken.")],
        };
        assert_eq!(told(&asked), "good  notify.a  It was taken.\n");
        assert!(judged(&asked).is_ok());
        asked
            .checks
            .push(Check::bad("notify.b", "It was refused.", "Check url."));
        assert!(told(&asked).ends_with("BAD   notify.b  It was refused. Check url.\n"));
        assert!(judged(&asked).is_err());
        asked.checks.clear();
        assert!(told(&asked).contains("nobody"));
    }
}
