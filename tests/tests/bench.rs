//! The bench's own machinery: figures become the right rows and ratios, and every figure that the
//! README's table claims names the job or the program that measures it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn is_program(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

fn table(folder: &Path) -> (Output, Value) {
    let output = Command::new("python3")
        .arg(root().join("tests/bench/table.py"))
        .arg(folder)
        .env("LECTERN_BENCH_COUNTS", "quick")
        .env("LECTERN_BENCH_BUILD", "dev")
        .output()
        .unwrap();
    let written = fs::read(folder.join("table.json")).unwrap();
    (output, serde_json::from_slice(&written).unwrap())
}

/// A run of jobs, each with its exit status and what it said.
fn run(jobs: &[(&str, i32, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut rows = String::new();
    for (job, status, said) in jobs {
        fs::write(folder.path().join(format!("{job}.log")), said).unwrap();
        rows += &format!("{job}\t{status}\t10.0\t12.5\t0.25\t1.5\n");
    }
    fs::write(folder.path().join("jobs.tsv"), rows).unwrap();
    folder
}

#[test]
fn figures_become_rows_with_ratios_and_the_csv_says_the_same() {
    let finish = r#"round 1: finish 6.30 s
test some_test ... figure {"what":"finish","ours":6.3,"unit":"s","of":"1 round","beside":[["cp",7.0]]}
beside {"what":"finish","name":"ffmpeg","value":12.6}
figure {"what":"lost","ours":0,"unit":"files","of":"","beside":[["promised bound",0]]}
"#;
    let folder = run(&[("finish", 0, finish), ("power", 2, "LECTERN_VM is not set\n")]);
    let (output, table) = table(folder.path());
    assert!(output.status.success(), "{output:?}");

    let figures = &table["jobs"][0]["figures"];
    assert_eq!(
        figures[0]["beside"],
        json!([
            { "name": "cp", "value": 7.0, "ratio": 0.9 },
            { "name": "ffmpeg", "value": 12.6, "ratio": 0.5 },
        ])
    );
    assert_eq!(
        figures[1]["beside"][0]["ratio"],
        Value::Null,
        "nothing is a multiple of zero"
    );
    assert_eq!(table["jobs"][0]["command"], "scripts/bench --quick finish");
    assert_eq!(table["jobs"][0]["seconds"], 2.5);
    assert!(
        table["jobs"][0]["claims"][0]["figure"].is_string(),
        "what the README says stands beside it"
    );
    assert_eq!(table["jobs"][1]["status"], "not measured");
    assert_eq!(
        (&table["load_before"], &table["load_after"]),
        (&json!(0.25), &json!(1.5))
    );
    for key in ["date", "revision", "build", "counts", "machine"] {
        assert!(!table[key].is_null(), "{key}");
    }

    let csv = fs::read_to_string(folder.path().join("table.csv")).unwrap();
    assert!(
        csv.contains("finish,finish,6.3,s,ffmpeg,12.6,0.5,1 round,quick,"),
        "{csv}"
    );
    assert_eq!(csv.lines().count(), 1 + 3 + 1, "{csv}");
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(
        said.contains("| finish | finish | 6.3 s | cp 7 | 0.9 x | 1 round |"),
        "{said}"
    );
    assert!(said.contains("worth nothing"), "debug programs are said: {said}");
}

#[test]
fn a_job_that_fails_or_tells_nothing_fails_the_table_and_hides_no_other() {
    for (status, said, why) in [
        (101, "the daemon grew\n", "the daemon grew"),
        (0, "all is well\n", "told no figure"),
        (0, "figure {\"what\":\"x\"}\n", "ours"),
        (
            0,
            "beside {\"what\":\"x\",\"name\":\"y\",\"value\":1}\n",
            "stands beside no figure",
        ),
    ] {
        let folder = run(&[
            ("crash", status, said),
            ("sync", 0, r#"figure {"what":"apart","ours":0.2,"unit":"ms"}"#),
        ]);
        let (output, table) = table(folder.path());
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert_eq!(table["jobs"][0]["status"], "failed", "{said}");
        assert!(table["jobs"][0]["why"].as_str().unwrap().contains(why), "{table}");
        assert_eq!(table["jobs"][1]["figures"][0]["ours"], 0.2);
    }
}

#[test]
fn every_figure_of_the_readme_names_the_program_that_repeats_it() {
    let list = Command::new(root().join("scripts/bench"))
        .arg("--list")
        .output()
        .unwrap();
    assert!(list.status.success(), "{list:?}");
    let list = String::from_utf8(list.stdout).unwrap();
    let jobs: Vec<&str> = list.lines().collect();
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let (_, measured) = readme
        .split_once("\n## Measured\n")
        .expect("a part of measured figures");
    let measured = measured.split("\n## ").next().unwrap();
    let rows: Vec<&str> = measured
        .lines()
        .filter(|line| line.starts_with("| "))
        .skip(1)
        .collect();
    assert!(rows.len() > 10, "{measured}");
    let repeats = |row: &&str| {
        let cells: Vec<&str> = row.trim_matches(['|', ' ']).split(" | ").collect();
        let [_, _, command] = cells[..] else { return false };
        let Some((command, _)) = command.strip_prefix('`').and_then(|rest| rest.split_once('`')) else {
            return false;
        };
        match command.strip_prefix("scripts/bench ") {
            Some(job) => jobs.contains(&job.trim_start_matches("--quick ")),
            // What takes a machine of its own or hours is no job, but a program all the same.
            None => is_program(&root().join(command)),
        }
    };
    let strangers: Vec<&&str> = rows.iter().filter(|row| !repeats(row)).collect();
    assert!(
        strangers.is_empty(),
        "no program of ours measures these: {strangers:#?}"
    );
}
