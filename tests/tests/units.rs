//! The files of `systemd/` as systemd reads them: the units are accepted without a word, the
//! recorder's sandbox stays closed, and the users are the ones that they name.
//!
//! Needs `systemd-analyze` and `systemd-sysusers`, not a running systemd.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../systemd")
}

fn unit() -> String {
    text("lecternd.service")
}

fn text(file: &str) -> String {
    fs::read_to_string(folder().join(file)).expect("it is in the repository")
}

/// A unit with programs that exist on this machine, whether or not Lectern is installed.
fn with_stubs(place: &Path, unit: &str, programs: &[&str]) -> PathBuf {
    let stub = place.join("stub");
    fs::write(&stub, "#!/bin/sh\n").expect("a temporary folder takes files");
    fs::set_permissions(&stub, fs::Permissions::from_mode(0o755)).expect("it is our own file");
    let path = place.join(unit);
    let stubbed = programs.iter().fold(text(unit), |text, program| {
        text.replace(program, &stub.display().to_string())
    });
    fs::write(&path, stubbed).expect("a temporary folder takes files");
    path
}

fn unit_with_stub(place: &Path) -> PathBuf {
    with_stubs(place, "lecternd.service", &["/usr/bin/lecternd"])
}

fn run(command: &mut Command) -> (Output, String) {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}; install systemd"));
    let said = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    (output, said)
}

#[test]
fn systemd_accepts_the_unit_without_a_word() {
    let place = tempfile::tempdir().expect("there is a folder for temporary files");
    verify(&unit_with_stub(place.path()), "lecternd");
}

#[test]
fn systemd_accepts_the_kiosks_unit_without_a_word() {
    let place = tempfile::tempdir().expect("there is a folder for temporary files");
    let programs = ["/usr/lib/lectern/kiosk", "/usr/bin/chvt"];
    verify(
        &with_stubs(place.path(), "lectern-kiosk.service", &programs),
        "lectern-kiosk",
    );
}

#[track_caller]
fn verify(unit: &Path, name: &str) {
    let (output, said) = run(Command::new("systemd-analyze")
        .args(["verify", "--man=no"])
        .arg(unit));
    assert!(output.status.success(), "{said}");
    // Of an unknown key it only warns, and would then ignore it. Other units of the machine may
    // have faults of their own.
    let ours: Vec<_> = said.lines().filter(|line| line.contains(name)).collect();
    assert!(ours.is_empty(), "{ours:#?}");
}

#[test]
fn the_sandbox_stays_closed() {
    let place = tempfile::tempdir().expect("there is a folder for temporary files");
    let unit = unit_with_stub(place.path());
    let (output, said) = run(Command::new("systemd-analyze")
        .args(["security", "--offline=yes", "--no-pager", "--threshold=20"])
        .arg(unit));
    assert!(output.status.success(), "the exposure is above 2.0:\n{said}");
}

#[test]
fn the_user_of_the_unit_is_made() {
    let unit = unit();
    for line in ["User=lectern", "Group=lectern", "SupplementaryGroups=video audio"] {
        assert!(unit.lines().any(|other| other == line), "{line}");
    }
    made("lectern.conf");
}

/// The browser's user must be able to open a picture and nothing of the recorder.
#[test]
fn the_kiosks_user_is_made_and_is_not_the_recorders() {
    let unit = text("lectern-kiosk.service");
    for line in [
        "User=lectern-kiosk",
        "Group=lectern-kiosk",
        "PAMName=lectern-kiosk",
    ] {
        assert!(unit.lines().any(|other| other == line), "{line}");
    }
    assert!(!unit.contains("SupplementaryGroups="));
    let users = text("sysusers.d/lectern-kiosk.conf");
    assert!(!users.lines().any(|line| line.ends_with(" lectern")), "{users}");
    made("lectern-kiosk.conf");
}

/// Lamps may be opened by the service: by its group, and through its sandbox.
#[test]
fn lamps_and_buttons_can_be_opened_by_the_recorder() {
    let unit = unit();
    for line in ["DeviceAllow=char-hidraw rw", "DeviceAllow=char-input rw"] {
        assert!(unit.lines().any(|other| other == line), "{line}");
    }
    let rules = text("udev/rules.d/60-lectern.rules");
    let rules: Vec<_> = rules
        .lines()
        .filter(|line| line.starts_with("SUBSYSTEM"))
        .collect();
    for id in ["27bb", "f848", "41e5", "01ed", "f372"] {
        let rule = rules.iter().find(|rule| rule.contains(&format!("==\"{id}\"")));
        let rule = rule.unwrap_or_else(|| panic!("no rule for {id}"));
        assert!(rule.ends_with("GROUP=\"lectern\", MODE=\"0660\""), "{rule}");
    }
    assert!(
        rules
            .iter()
            .all(|rule| rule.starts_with("SUBSYSTEM==\"hidraw\", ATTRS{idVendor}"))
    );
}

/// Whether the unit says this line.
fn says(unit: &str, line: &str) -> bool {
    unit.lines().any(|other| other == line)
}

/// What the daemon does within five seconds after SIGTERM, closing its segments, is not cut short;
/// the children hear nothing of the end but from it.
#[test]
fn p1_a_shutdown_waits_until_the_segments_are_closed() {
    let unit = unit();
    for line in [
        "KillMode=mixed",
        "TimeoutStopSec=15",
        "Type=notify",
        "WatchdogSec=20",
    ] {
        assert!(says(&unit, line), "{line}");
    }
}

/// `systemctl reload` refuses a faulty configuration and never ends the recorder.
#[test]
fn p1_a_reload_checks_and_then_tells_the_recorder() {
    let unit = unit();
    let reloads: Vec<_> = unit
        .lines()
        .filter_map(|line| line.strip_prefix("ExecReload="))
        .collect();
    assert_eq!(
        reloads,
        [
            "/usr/bin/lecternd --config /etc/lectern/lectern.toml check --no-devices",
            "/bin/kill -HUP $MAINPID"
        ]
    );
}

/// The lock that the recorder takes while a lecture is under way is given to its user, and to
/// nobody else.
#[test]
fn the_recorder_may_keep_the_machine_awake() {
    let rules = text("polkit-1/rules.d/60-lectern.rules");
    let asked = |action: &str, user: &str| {
        let script = format!(
            "const polkit = {{Result: {{YES: 'yes'}}, addRule(rule) {{ this.rule = rule }}}};\n{rules}\n\
             console.log(polkit.rule({{id: '{action}'}}, {{user: '{user}'}}) ?? 'not decided')"
        );
        let (output, said) = run(Command::new("node").arg("--eval").arg(script));
        assert!(output.status.success(), "{said}");
        said.trim().to_owned()
    };
    for what in [
        "inhibit-block-sleep",
        "inhibit-block-idle",
        "inhibit-handle-lid-switch",
    ] {
        let action = format!("org.freedesktop.login1.{what}");
        assert_eq!(asked(&action, "lectern"), "yes", "{action}");
        assert_eq!(asked(&action, "lectern-kiosk"), "not decided", "{action}");
    }
    assert_eq!(
        asked("org.freedesktop.login1.power-off", "lectern"),
        "not decided"
    );
}

#[track_caller]
fn made(file: &str) {
    let place = tempfile::tempdir().expect("there is a folder for temporary files");
    let path = folder().join("sysusers.d").join(file);
    let (output, said) = run(Command::new("systemd-sysusers")
        .arg("--dry-run")
        .arg(format!("--root={}", place.path().display()))
        .arg(path.canonicalize().expect("it is in the repository")));
    assert!(output.status.success(), "{said}");
}

/// A fault in the configuration needs a person; the same start over and over would only fill
/// the log. The daemon's exit status for it is part of the contract.
#[test]
fn a_faulty_configuration_is_not_tried_again() {
    let unit = unit();
    assert!(unit.lines().any(|line| line == "RestartPreventExitStatus=78"));
    assert!(
        !unit.lines().any(|line| line.starts_with("ExecStartPre=")),
        "systemd repeats what fails there"
    );
}
