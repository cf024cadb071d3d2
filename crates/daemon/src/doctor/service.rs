//! The service around the daemon: who starts it again, who watches it, what memory it may take.

use std::path::Path;

use lectern_domain::api::Check;

/// Capture, finishing and the page together stay well below it.
const LITTLE_MEMORY: u64 = 1 << 30;
/// With less the kernel begins to end programs.
const HARDLY_ANY_KIB: u64 = 200 * 1024;

/// What systemd says of us in the environment, and what the kernel allows.
#[derive(Debug, Default)]
pub(super) struct Around {
    /// Started by systemd.
    pub(super) by_systemd: bool,
    /// The watchdog's time in microseconds.
    pub(super) watchdog_us: Option<u64>,
    /// The control group's limit in bytes.
    pub(super) memory_max: Option<u64>,
    /// How often the kernel ended a program of this service for want of memory.
    pub(super) ended_for_memory: u64,
    /// What programs may still take, in KiB.
    pub(super) available_kib: Option<u64>,
}

impl Around {
    /// Reads the environment and a few files of the kernel. Blocks for as long as these take.
    pub(super) fn read() -> Self {
        let cgroup = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        let group = cgroup.lines().find_map(|line| line.strip_prefix("0::/"));
        let of_group = |file: &str| {
            let folder = Path::new("/sys/fs/cgroup").join(group?);
            std::fs::read_to_string(folder.join(file)).ok()
        };
        let meminfo = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
        Self {
            by_systemd: std::env::var_os("INVOCATION_ID").is_some()
                && std::env::var_os("NOTIFY_SOCKET").is_some(),
            watchdog_us: std::env::var("WATCHDOG_USEC").ok().and_then(|us| us.parse().ok()),
            memory_max: of_group("memory.max").and_then(|text| text.trim().parse().ok()),
            ended_for_memory: of_group("memory.events")
                .and_then(|text| number_after(&text, "oom_kill "))
                .unwrap_or(0),
            available_kib: number_after(&meminfo, "MemAvailable:"),
        }
    }
}

/// The number that stands behind `word` at the beginning of a line.
fn number_after(text: &str, word: &str) -> Option<u64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(word))?;
    rest.split_whitespace().next()?.parse().ok()
}

pub(super) fn judge(around: &Around, version: &str) -> Vec<Check> {
    let mut checks = Vec::new();
    checks.push(match (around.by_systemd, around.watchdog_us) {
        (true, Some(us)) => Check::good(
            "service",
            format!(
                "Lectern {version} runs under systemd, which starts it again, and watches its progress every {} s.",
                us / 1_000_000
            ),
        ),
        (true, None) => Check::warning(
            "service",
            format!("Lectern {version} runs under systemd, which does not watch its progress."),
            "Put WatchdogSec=20 back into the unit: systemctl revert lecternd.",
        ),
        (false, _) => Check::warning(
            "service",
            format!("Lectern {version} was not started by systemd: nobody starts it again after a fault."),
            "Use systemctl enable --now lecternd.",
        ),
    });
    if let Some(max) = around.memory_max.filter(|max| *max < LITTLE_MEMORY) {
        checks.push(Check::warning(
            "service",
            format!("It may take only {} MiB of memory.", max >> 20),
            "Take MemoryMax= out of the unit, or raise it to 2G.",
        ));
    }
    if around.ended_for_memory > 0 {
        checks.push(Check::warning(
            "service",
            format!(
                "The kernel ended {} of its programs for want of memory.",
                around.ended_for_memory
            ),
            "End other programs on this machine, or give it more memory.",
        ));
    }
    if let Some(kib) = around.available_kib.filter(|kib| *kib < HARDLY_ANY_KIB) {
        checks.push(Check::bad(
            "service",
            format!("Only {} MiB of memory are left on this machine.", kib >> 10),
            "End other programs on this machine, or give it more memory.",
        ));
    }
    checks
}

#[cfg(test)]
mod tests {
    use lectern_domain::api::Verdict;

    use super::*;

    fn verdicts(around: &Around) -> Vec<Verdict> {
        judge(around, "1.0")
            .into_iter()
            .map(|check| check.verdict)
            .collect()
    }

    #[test]
    fn a_service_that_nobody_watches_is_told() {
        let well = || Around {
            by_systemd: true,
            watchdog_us: Some(20_000_000),
            available_kib: Some(4 << 20),
            ..Around::default()
        };
        assert_eq!(verdicts(&well()), [Verdict::Good]);
        for (around, expected) in [
            (Around::default(), vec![Verdict::Warning]),
            (
                Around {
                    watchdog_us: None,
                    ..well()
                },
                vec![Verdict::Warning],
            ),
            (
                Around {
                    memory_max: Some(512 << 20),
                    ended_for_memory: 1,
                    ..well()
                },
                vec![Verdict::Good, Verdict::Warning, Verdict::Warning],
            ),
            (
                Around {
                    available_kib: Some(100 << 10),
                    ..well()
                },
                vec![Verdict::Good, Verdict::Bad],
            ),
        ] {
            assert_eq!(verdicts(&around), expected, "{around:?}");
        }
    }

    #[test]
    fn numbers_are_read_from_the_kernels_files() {
        assert_eq!(number_after("low 0\noom_kill 3\n", "oom_kill "), Some(3));
        assert_eq!(
            number_after("MemAvailable:   123 kB\n", "MemAvailable:"),
            Some(123)
        );
        assert_eq!(number_after("MemAvailable:\n", "MemAvailable:"), None);
        assert!(Around::read().available_kib.is_some());
    }
}
