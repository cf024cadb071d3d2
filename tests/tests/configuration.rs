//! The configuration as an admin has it on the disk: every sample passes the real `lecternd
//! check`, each layer of that check can be left out, and a real TOML validator goes by the schema.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use lectern_tests::room::program;

/// One for each kind of room; the last has layers of its own.
const SAMPLES: [&str; 6] = [
    "carried-disk.toml",
    "demo.toml",
    "laptop.toml",
    "lecture-hall.toml",
    "opencast-campus.toml",
    "thin-line/lectern.toml",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn check(file: &Path, flags: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(program("lecternd"))
        .arg("--config")
        .arg(file)
        .arg("check")
        .args(flags)
        .output()
        .expect("lecternd runs");
    (output.status.code(), said(&output))
}

fn said(output: &Output) -> String {
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    format!("{out}{err}")
}

#[test]
fn each_sample_passes_the_check() {
    for sample in SAMPLES {
        let (code, said) = check(&root().join("config").join(sample), &["--no-devices"]);
        assert_eq!(code, Some(0), "{sample}: {said}");
        let layers =
            "looked at: text and schema, cross-references; not looked at: this machine (left out as asked)\n";
        assert!(said.ends_with(layers), "{said}");
    }
}

#[test]
fn each_layer_of_the_check_can_be_left_out() {
    let dir = tempfile::tempdir().expect("a folder can be made");
    let file = dir.path().join("lectern.toml");
    let text = format!(
        "[room]\nid = \"r\"\n[storage]\npath = \"{0}/spool\"\n[[source]]\nname = \"a\"\nrole = \"presenter\"\nkind = \
         \"v4l2\"\ndevice = \"{0}/video9\"\nspare_for = \"nobody\"\n",
        dir.path().display()
    );
    std::fs::write(&file, text).expect("the file can be written");
    for (flags, code, spare, device) in [
        (&[][..], 78, true, true),
        (&["--no-devices"], 78, true, false),
        (&["--no-references"], 78, false, true),
        (&["--no-devices", "--no-references"], 0, false, false),
        (&["--syntax-only"], 0, false, false),
    ] {
        let (was, said) = check(&file, flags);
        assert_eq!(was, Some(code), "{flags:?}: {said}");
        assert_eq!(said.contains("source.a.spare_for: "), spare, "{flags:?}: {said}");
        assert_eq!(said.contains("source.a.device: "), device, "{flags:?}: {said}");
    }
}

/// The engine behind the TOML support of editors: it finds the schema by the first line of each
/// sample, is content with all of them, and marks what is wrong in its line.
#[test]
fn a_real_validator_goes_by_the_schema() {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    let taplo = target.join("taplo/node_modules/@taplo/cli/dist/cli.js");
    assert!(
        taplo.is_file(),
        "{} is missing; run fixtures/taplo/install.sh",
        taplo.display()
    );
    let lint = |arguments: &[&str]| {
        Command::new("node")
            .arg(&taplo)
            .args(["lint", "--colors", "never"])
            .args(arguments)
            .current_dir(root().join("config"))
            .output()
            .expect("node runs")
    };
    let layers = [
        "thin-line/lectern.d/10-campus.toml",
        "thin-line/lectern.d/50-room.toml",
    ];
    let samples: Vec<_> = SAMPLES.into_iter().chain(layers).collect();
    let output = lint(&samples);
    assert!(output.status.success(), "{}", said(&output));

    let schema = root().join("config/lectern.schema.json");
    let schema = schema.canonicalize().expect("the schema is in the repository");
    let schema = format!("file://{}", schema.display());
    let output = lint(&["--schema", &schema, "../fixtures/config/key-of-another-kind.toml"]);
    let said = said(&output);
    assert!(!output.status.success(), "{said}");
    assert!(said.contains("key-of-another-kind.toml:9:"), "{said}");
}
