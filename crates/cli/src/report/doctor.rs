//! `lectern doctor`: what was looked at, and what is to be done.

use lectern_domain::api::{Check, Doctor, Verdict};

use crate::figures::counted;

/// Findings by their groups, what is to be done below each, and the sum as the last line.
pub(crate) fn doctor(doctor: &Doctor) -> String {
    let mut out = String::new();
    let mut group = "";
    let width = doctor
        .checks
        .iter()
        .map(|check| name(check).chars().count())
        .max();
    let width = width.unwrap_or(0);
    for check in &doctor.checks {
        if title(check.group()) != group {
            group = title(check.group());
            out.push_str(group);
            out.push('\n');
        }
        out.push_str(&format!(
            "  {} {:width$}  {}\n",
            mark(check.verdict),
            name(check),
            check.found
        ));
        if !check.todo.is_empty() {
            out.push_str(&format!("    {:width$}  → {}\n", "", check.todo));
        }
    }
    let (bad, warnings) = (doctor.count(Verdict::Bad), doctor.count(Verdict::Warning));
    let things = |n: usize| counted(n as u64, "thing");
    out.push_str(&match (bad, warnings) {
        (0, 0) => "all is well\n".to_owned(),
        (0, n) => format!("it works, with {} to look at\n", things(n)),
        (n, 0) => format!("{} to mend\n", things(n)),
        (n, m) => format!("{} to mend, {m} to look at\n", things(n)),
    });
    out
}

const fn mark(verdict: Verdict) -> char {
    match verdict {
        Verdict::Good => '✓',
        Verdict::Warning => '!',
        Verdict::Bad => '✗',
    }
}

/// What comes after the group.
fn name(check: &Check) -> &str {
    check.subject.split_once('.').map_or("", |(_, name)| name)
}

/// What people call a group. One that is not known, of a newer recorder, has its own name.
fn title(group: &str) -> &str {
    match group {
        "service" => "Service",
        "config" => "Configuration",
        "programs" => "Programs",
        "source" => "Sources",
        "devices" => "Devices",
        "disk" => "Disk",
        "access" => "Access",
        "clock" => "Clock",
        "upload" | "platform" => "Sending",
        "notify" => "Notices",
        "lectures" => "Lectures",
        "fonts" => "Fonts",
        "kiosk" => "Podium",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_are_grouped_and_what_does_not_work_is_counted() {
        let mut seen = Doctor {
            checks: vec![
                Check::good("clock", "It shows noon."),
                Check::good("upload", "Lectures may be sent at any time."),
                Check::bad("platform.central", "It refuses the token.", "Renew the token."),
            ],
        };
        assert_eq!(
            doctor(&seen),
            "Clock\n  ✓          It shows noon.\nSending\n  ✓          Lectures may be sent at any time.\n  \
             ✗ central  It refuses the token.\n             → Renew the token.\n1 thing to mend\n"
        );
        seen.checks
            .push(Check::warning("kiosk", "It blinks.", "Look at it."));
        assert!(doctor(&seen).ends_with("1 thing to mend, 1 to look at\n"));
        seen.checks.remove(2);
        assert!(doctor(&seen).ends_with("it works, with 1 thing to look at\n"));
        seen.checks.pop();
        assert!(doctor(&seen).ends_with("all is well\n"));
    }
}
