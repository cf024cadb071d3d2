//! The files of `systemd/` as systemd reads them: the unit is accepted without a word, its
//! sandbox stays closed, and the user is the one that it names.
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
    fs::read_to_string(folder().join("lecternd.service")).expect("the unit is in the repository")
}

/// The unit with a program that exists on this machine, whether or not Lectern is installed.
fn unit_with_stub(place: &Path) -> PathBuf {
    let stub = place.join("lecternd");
    fs::write(&stub, "#!/bin/sh\n").expect("a temporary folder takes files");
    fs::set_permissions(&stub, fs::Permissions::from_mode(0o755)).expect("it is our own file");
    let path = place.join("lecternd.service");
    let text = unit().replace("/usr/bin/lecternd", &stub.display().to_string());
    fs::write(&path, text).expect("a temporary folder takes files");
    path
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
    let unit = unit_with_stub(place.path());
    let (output, said) = run(Command::new("systemd-analyze")
        .args(["verify", "--man=no"])
        .arg(unit));
    assert!(output.status.success(), "{said}");
    // Of an unknown key it only warns, and would then ignore it. Other units of the machine may
    // have faults of their own.
    let ours: Vec<_> = said.lines().filter(|line| line.contains("lecternd")).collect();
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
    let place = tempfile::tempdir().expect("there is a folder for temporary files");
    let (output, said) = run(Command::new("systemd-sysusers")
        .arg("--dry-run")
        .arg(format!("--root={}", place.path().display()))
        .arg(
            folder()
                .join("sysusers.d/lectern.conf")
                .canonicalize()
                .expect("it is in the repository"),
        ));
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
