//! Questions to the programs of the system, each within a few seconds.

use std::ffi::OsStr;
use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

/// They answer at once or hang.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// How a program ended and what it said; `None` when it is not there or hangs.
pub(super) async fn output<A: AsRef<OsStr>>(program: impl AsRef<OsStr>, args: &[A]) -> Option<Output> {
    let mut command = Command::new(program);
    command
        .args(args)
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .kill_on_drop(true);
    timeout(ANSWER_WITHIN, command.output()).await.ok()?.ok()
}

/// What a program printed, if it ended well.
pub(super) async fn said(program: &str, args: &[&str]) -> Option<String> {
    let output = output(program, args).await?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    output.status.success().then_some(text)
}

/// The value of `KEY=value` among lines.
pub(super) fn value<'a>(lines: &'a str, key: &str) -> &'a str {
    let of_line = |line: &'a str| line.strip_prefix(key)?.strip_prefix('=');
    lines.lines().find_map(of_line).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_program_that_is_not_there_says_nothing() {
        assert_eq!(said("/nowhere/systemctl", &["show"]).await, None);
        assert_eq!(said("false", &[]).await, None);
        assert_eq!(said("echo", &["a=b"]).await.as_deref(), Some("a=b\n"));
    }

    #[test]
    fn values_are_found_by_their_whole_key() {
        let lines = "NTPSynchronized=yes\nNTP=no\n";
        assert_eq!(value(lines, "NTP"), "no");
        assert_eq!(value(lines, "Timezone"), "");
    }
}
