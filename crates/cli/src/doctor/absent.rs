//! What can be seen of a recorder that does not answer: its unit, its configuration, its disk.

use std::path::{Path, PathBuf};

use lectern_domain::api::Check;

use super::around::{UNIT, show};
use super::ask::{output, said, value};
use crate::config;

/// The code with which the daemon refuses its configuration; systemd does not start it again.
const EXIT_CONFIG: &str = "78";
const DAEMON: &str = "lecternd";

/// Looks at the machine; `why` is what the socket said.
pub(super) async fn look(file: &Path, why: &str) -> Vec<Check> {
    let (unit, checked, disk) = tokio::join!(show(UNIT), checked(file), disk(file));
    let first = why.lines().next().unwrap_or(why);
    let mut checks = vec![match unit {
        Some(unit) => judge(&unit, first),
        None => Check::bad(
            "service",
            first,
            "Start it; if its socket is elsewhere, name it with --socket or LECTERN_SOCKET.",
        ),
    }];
    checks.extend(checked);
    checks.extend(disk);
    checks
}

fn judge(unit: &str, why: &str) -> Check {
    let (active, result) = (value(unit, "ActiveState"), value(unit, "Result"));
    let code = value(unit, "ExecMainStatus");
    match (value(unit, "LoadState"), active) {
        ("not-found", _) => Check::bad(
            "service",
            "The recorder does not answer, and its service is not installed.",
            "Install the package lectern.",
        ),
        ("masked", _) => Check::bad(
            "service",
            "The recorder does not answer: its service is masked.",
            "systemctl unmask lecternd, then systemctl enable --now lecternd.",
        ),
        (_, "active" | "reloading") => Check::bad(
            "service",
            format!("Its service runs. {why}"),
            "Name its control.socket with --socket, or become a member of the group lectern.",
        ),
        (_, "activating") => Check::bad(
            "service",
            "The recorder does not answer: its service is being started.",
            "Ask again in a few seconds; if it stays so, look at journalctl -u lecternd.",
        ),
        (_, "failed") if code == EXIT_CONFIG => Check::bad(
            "service",
            "The recorder does not answer: it refused its configuration.",
            "Mend what is said below, then systemctl start lecternd.",
        ),
        (_, "failed") => Check::bad(
            "service",
            format!("The recorder does not answer: its service failed ({result}, exit code {code})."),
            "Look why: journalctl -u lecternd -n 50. Then systemctl start lecternd.",
        ),
        _ => Check::bad(
            "service",
            "The recorder does not answer: its service is not started.",
            "systemctl enable --now lecternd",
        ),
    }
}

/// What `lecternd check` says of the configuration and of the machine's devices.
async fn checked(file: &Path) -> Option<Check> {
    let args = [Path::new("check"), Path::new("--config"), file];
    let Some(output) = output(beside(), &args).await else {
        return Some(Check::bad(
            "programs",
            format!("{DAEMON} is not there, or did not check its configuration in time."),
            "Install the package lectern.",
        ));
    };
    if output.status.success() {
        return Some(Check::good(
            "config",
            format!("{} has no fault, and its devices are there.", file.display()),
        ));
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let mut lines = said.lines().filter(|line| !line.trim().is_empty());
    let first = lines.next().unwrap_or("it did not say why").trim_end_matches('.');
    let more = match lines.count() {
        0 => String::new(),
        n => format!(" And {n} more."),
    };
    Some(Check::bad(
        "config",
        format!("{first}.{more}"),
        format!("{DAEMON} check --config {} says all of it.", file.display()),
    ))
}

/// The program beside this one, as they are installed; else wherever `PATH` finds it.
fn beside() -> PathBuf {
    std::env::current_exe()
        .ok()
        .and_then(|me| Some(me.parent()?.join(DAEMON)))
        .filter(|program| program.exists())
        .unwrap_or_else(|| DAEMON.into())
}

/// The room on the disk that the configuration names.
async fn disk(file: &Path) -> Option<Check> {
    let config = config::read(file).ok()?;
    let path = config.storage.path.display().to_string();
    let told = said("df", &["--block-size=1000000", "--output=avail,fstype", &path]).await?;
    let row = told.lines().nth(1)?;
    let (free, kind) = row.trim().split_once(' ')?;
    let free: u64 = free.parse().ok()?;
    let kind = kind.trim();
    let said = format!(
        "{path} ({kind}) has {}.{} GB free.",
        free / 1_000,
        free / 100 % 10
    );
    Some(
        if free.saturating_mul(1_000_000) < config.storage.reserve.bytes() {
            Check::bad(
                "disk",
                said,
                "Make room there: that is less than storage.reserve.",
            )
        } else {
            Check::good("disk", said)
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_to_be_away_says_what_to_do() {
        let unit = |load, active, code| {
            format!("LoadState={load}\nActiveState={active}\nResult=exit-code\nExecMainStatus={code}\n")
        };
        for (unit, words) in [
            (unit("not-found", "inactive", "0"), "Install"),
            (unit("masked", "inactive", "0"), "unmask"),
            (unit("loaded", "active", "0"), "--socket"),
            (unit("loaded", "activating", "0"), "Ask again"),
            (unit("loaded", "failed", "78"), "Mend what is said below"),
            (unit("loaded", "failed", "1"), "journalctl -u lecternd"),
            (unit("loaded", "inactive", "0"), "enable --now"),
        ] {
            let check = judge(&unit, "The daemon does not answer.");
            assert!(check.todo.contains(words), "{unit}: {check:?}");
        }
    }
}
