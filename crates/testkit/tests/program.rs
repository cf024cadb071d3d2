//! The judge as a program: killed with SIGKILL and started again, it goes on where it was.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

mod common;

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;

use common::ask;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

const V: &str = "HTTP/1.1\nTus-Resumable: 1.0.0";

struct Program {
    child: Child,
    stdin: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
    address: SocketAddr,
}

impl Program {
    async fn start(kind: &str, dir: &Path, port: u16) -> Self {
        let built = std::env::current_exe().unwrap();
        let built = built
            .ancestors()
            .nth(2)
            .unwrap()
            .join("examples/lectern-testkit-judge");
        assert!(
            built.exists(),
            "run `cargo build -p lectern-testkit --examples` first"
        );
        let mut child = Command::new(built)
            .arg(kind)
            .arg("--dir")
            .arg(dir)
            .args(["--listen", &port.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let stdin = child.stdin.take().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let said = lines.next_line().await.unwrap().unwrap();
        let port = said
            .trim_end_matches("/files/")
            .rsplit(':')
            .next()
            .unwrap()
            .parse()
            .unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        Self {
            child,
            stdin,
            lines,
            address,
        }
    }

    async fn report(&mut self) -> serde_json::Value {
        self.stdin.write_all(b"report\n").await.unwrap();
        let line = self.lines.next_line().await.unwrap().unwrap();
        serde_json::from_str(&line).unwrap()
    }
}

fn patch(offset: u64) -> String {
    let kind = "Content-Type: application/offset+octet-stream";
    format!("PATCH /files/00000001 {V}\n{kind}\nUpload-Offset: {offset}")
}

#[tokio::test]
async fn a_killed_judge_goes_on_where_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let mut judge = Program::start("tus", dir.path(), 0).await;
    let address = judge.address;
    let create = format!("POST /files/ {V}\nUpload-Length: 4");
    assert_eq!(ask(address, &create, "").await.0, 201);
    assert_eq!(ask(address, &patch(0), "ab").await.0, 204);
    assert_eq!(judge.report().await["whole"], serde_json::json!([]));
    judge.child.kill().await.unwrap();

    let mut judge = Program::start("tus", dir.path(), address.port()).await;
    let (status, stands) = ask(address, &format!("HEAD /files/00000001 {V}"), "").await;
    assert!(status == 200 && stands.contains("upload-offset: 2"), "{stands}");
    assert_eq!(ask(address, &patch(2), "cd").await.0, 204);
    let report = judge.report().await;
    assert_eq!(
        (&report["whole"][0]["size"], &report["breaches"]),
        (&4.into(), &serde_json::json!([]))
    );
    drop(judge.stdin);
    assert!(
        judge.child.wait().await.unwrap().success(),
        "it ends with its input"
    );
}

#[tokio::test]
async fn every_judge_runs_as_a_program() {
    for kind in ["tus", "s3", "opencast"] {
        let dir = tempfile::tempdir().unwrap();
        let mut judge = Program::start(kind, dir.path(), 0).await;
        let report = judge.report().await;
        assert_eq!(
            report,
            serde_json::json!({ "whole": [], "breaches": [] }),
            "{kind}"
        );
    }
}
