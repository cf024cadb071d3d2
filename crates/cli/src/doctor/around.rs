//! What surrounds the recorder: its unit, the podium's browser, the time server, other programs
//! at its devices. What this machine does not have is not spoken of.

use lectern_domain::api::Check;

use super::ask::{said, value};
use super::holders;

/// The recorder's unit.
pub(super) const UNIT: &str = "lecternd.service";
/// The podium's.
const KIOSK: &str = "lectern-kiosk.service";
/// What it needs; `scripts/kiosk` starts them.
const KIOSK_PROGRAMS: [&str; 3] = ["cage", "chromium", "curl"];

/// Looks at all of it at a time.
pub(super) async fn look() -> Vec<Check> {
    let (unit, podium, time, offset) = tokio::join!(show(UNIT), show(KIOSK), time(), offset());
    let mut checks = Vec::new();
    checks.extend(unit.as_deref().and_then(running));
    checks.extend(time.as_deref().map(|time| clock(time, offset.as_deref())));
    checks.extend(holders::look());
    if let Some(podium) = podium.as_deref() {
        let is_there = |program: &&str| {
            std::env::split_paths("/usr/local/bin:/usr/bin:/bin").any(|dir| dir.join(program).exists())
        };
        let lacking: Vec<&str> = KIOSK_PROGRAMS
            .into_iter()
            .filter(|program| !is_there(program))
            .collect();
        checks.extend(kiosk(podium, &lacking));
    }
    checks
}

/// What systemd knows of a unit; `None` where there is no systemd.
pub(super) async fn show(unit: &str) -> Option<String> {
    let keys = "LoadState,ActiveState,SubState,Result,ExecMainStatus,UnitFileState,NRestarts";
    let shown = said("systemctl", &["show", unit, "--property", keys]).await?;
    (!value(&shown, "LoadState").is_empty()).then_some(shown)
}

/// Of a unit that runs: whether it will tomorrow.
fn running(unit: &str) -> Option<Check> {
    if value(unit, "ActiveState") != "active" {
        return None;
    }
    let restarts: u64 = value(unit, "NRestarts").parse().unwrap_or(0);
    if restarts > 0 {
        return Some(Check::warning(
            "service",
            format!("systemd had to start it again {restarts} times."),
            "Look why: journalctl -u lecternd -p warning.",
        ));
    }
    (value(unit, "UnitFileState") == "disabled").then(|| {
        Check::warning(
            "service",
            "It does not start with the machine.",
            "systemctl enable lecternd",
        )
    })
}

async fn time() -> Option<String> {
    said("timedatectl", &["show"]).await
}

/// How far the clock is off, in the words of whoever keeps it.
async fn offset() -> Option<String> {
    if let Some(tracking) = said("chronyc", &["-c", "tracking"]).await {
        let seconds: f64 = tracking.trim().split(',').nth(4)?.parse().ok()?;
        return Some(format!("{:.3} ms", seconds.abs() * 1_000.0));
    }
    let status = said("timedatectl", &["timesync-status"]).await?;
    let line = status
        .lines()
        .find_map(|line| line.trim().strip_prefix("Offset:"))?;
    Some(line.trim().trim_start_matches(['+', '-']).to_owned())
}

fn clock(time: &str, offset: Option<&str>) -> Check {
    let synchronised = value(time, "NTPSynchronized") == "yes";
    let zone = value(time, "Timezone");
    match (synchronised, value(time, "NTP") == "yes") {
        (true, _) => Check::good(
            "clock",
            match offset {
                Some(offset) => {
                    format!("A time server keeps the machine's clock ({zone}); it is {offset} off.")
                }
                None => format!("A time server keeps the machine's clock ({zone})."),
            },
        ),
        (false, true) => Check::warning(
            "clock",
            format!("No time server has answered yet ({zone})."),
            "Check that this machine reaches one (UDP port 123), or name the campus's own in /etc/systemd/timesyncd.conf.",
        ),
        (false, false) => Check::warning(
            "clock",
            format!("No time server keeps the machine's clock ({zone})."),
            "apt install systemd-timesyncd, then timedatectl set-ntp true.",
        ),
    }
}

/// The podium's browser, where it is meant to run.
fn kiosk(unit: &str, lacking: &[&str]) -> Option<Check> {
    if value(unit, "UnitFileState") != "enabled" {
        return None;
    }
    if !lacking.is_empty() {
        return Some(Check::bad(
            "kiosk",
            format!(
                "The podium's page cannot be shown: {} is missing.",
                lacking.join(", ")
            ),
            format!("apt install --no-install-recommends {}", lacking.join(" ")),
        ));
    }
    if value(unit, "ActiveState") != "active" {
        return Some(Check::warning(
            "kiosk",
            format!(
                "The podium's page is not shown: its service is {}.",
                value(unit, "ActiveState")
            ),
            "Look why: journalctl -u lectern-kiosk -b.",
        ));
    }
    let restarts = value(unit, "NRestarts").parse().unwrap_or(0);
    Some(match restarts {
        0..=2 => Check::good("kiosk", "The podium's page is shown."),
        more => Check::warning(
            "kiosk",
            format!("The podium's browser had to be started again {more} times."),
            "Look why: journalctl -u lectern-kiosk -b.",
        ),
    })
}

#[cfg(test)]
mod tests {
    use lectern_domain::api::Verdict;

    use super::*;

    #[test]
    fn a_clock_that_nobody_keeps_is_told() {
        let time =
            |ntp, synchronised| format!("Timezone=Africa/Lagos\nNTP={ntp}\nNTPSynchronized={synchronised}\n");
        let kept = clock(&time("yes", "yes"), Some("0.412 ms"));
        assert_eq!(
            kept.found,
            "A time server keeps the machine's clock (Africa/Lagos); it is 0.412 ms off."
        );
        for (ntp, synchronised) in [("yes", "no"), ("no", "no")] {
            assert_eq!(clock(&time(ntp, synchronised), None).verdict, Verdict::Warning);
        }
        // Chrony runs without systemd knowing of it.
        assert_eq!(clock(&time("no", "yes"), None).verdict, Verdict::Good);
    }

    #[test]
    fn the_kiosk_is_spoken_of_where_it_is_meant_to_run() {
        let unit = |enabled, active, restarts| {
            format!("LoadState=loaded\nUnitFileState={enabled}\nActiveState={active}\nNRestarts={restarts}\n")
        };
        assert_eq!(kiosk(&unit("disabled", "inactive", 0), &["cage"]), None);
        for (unit, lacking, verdict) in [
            (unit("enabled", "active", 0), &[][..], Verdict::Good),
            (unit("enabled", "failed", 0), &[], Verdict::Warning),
            (unit("enabled", "active", 9), &[], Verdict::Warning),
            (unit("enabled", "active", 0), &["cage"], Verdict::Bad),
        ] {
            assert_eq!(kiosk(&unit, lacking).unwrap().verdict, verdict, "{unit}");
        }
    }

    #[test]
    fn a_unit_that_was_started_again_or_is_not_enabled_is_told() {
        let unit = |restarts, enabled| {
            format!("ActiveState=active\nNRestarts={restarts}\nUnitFileState={enabled}\n")
        };
        assert_eq!(running(&unit(0, "enabled")), None);
        assert!(running(&unit(2, "enabled")).unwrap().found.contains("2 times"));
        assert_eq!(
            running(&unit(0, "disabled")).unwrap().todo,
            "systemctl enable lecternd"
        );
        assert_eq!(running("ActiveState=inactive\n"), None, "another daemon answers");
    }
}
