//! Clients of others against the judges: what boto3 and tus-js-client do right, a judge must let
//! pass, or it judges by rules of its own.
//!
//! `fixtures/judge-clients/install.sh` installs both; where it was not run, each test says so and
//! proves nothing.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use std::path::{Path, PathBuf};

use lectern_testkit::{Rules, S3Judge, S3Rules, TusJudge, noise_file};
use tokio::process::Command;

/// Where `install.sh` puts the clients, if it was run.
fn clients() -> Option<PathBuf> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target"),
        PathBuf::from,
    );
    let home = target.join("judge-clients");
    let there = home.join("venv/bin/python3").exists() && home.join("node_modules/tus-js-client").is_dir();
    if !there {
        println!("NOT TESTED: run fixtures/judge-clients/install.sh (needs npm, python3-venv and a network)");
    }
    there.then_some(home)
}

async fn passes(mut client: Command) -> String {
    let ended = client.kill_on_drop(true).output().await.unwrap();
    let (said, complained) = (
        String::from_utf8_lossy(&ended.stdout),
        String::from_utf8_lossy(&ended.stderr),
    );
    assert!(ended.status.success(), "{said}{complained}");
    said.trim().to_owned()
}

#[tokio::test]
async fn boto3_passes_the_s3_judge() {
    let Some(home) = clients() else { return };
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("lecture.mp4");
    let sha256 = noise_file(&file, 11 << 20, 5).unwrap();
    let judge = S3Judge::start(dir.path(), S3Rules::default()).await.unwrap();
    let rules = judge.rules();
    let mut client = Command::new(home.join("venv/bin/python3"));
    client
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/judge-clients/send.py"))
        .args([
            &judge.url(),
            &rules.bucket,
            &rules.region,
            &rules.access,
            &rules.secret,
        ])
        .arg(&file);
    assert_eq!(passes(client).await, "passed");
    let objects = judge.objects();
    assert_eq!(objects.len(), 5, "{objects:?}");
    for object in &objects {
        assert_eq!((&object.sha256, object.written), (&sha256, 1), "{}", object.key);
    }
    assert_eq!(judge.breaches(), [""; 0]);
    assert!(judge.open_uploads().is_empty());
}

#[tokio::test]
async fn tus_js_client_passes_the_tus_judge() {
    let Some(home) = clients() else { return };
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("lecture.mp4");
    let sha256 = noise_file(&file, 3 << 20, 5).unwrap();
    let judge = TusJudge::start(dir.path(), Rules::default()).await.unwrap();
    let mut client = Command::new("node");
    client.arg(home.join("send.mjs")).arg(judge.url()).arg(&file);
    assert_eq!(passes(client).await, (3 << 20).to_string());
    let whole = judge.whole();
    assert_eq!(whole.len(), 1);
    assert_eq!(
        (whole[0].sha256.as_deref(), whole[0].received),
        (Some(sha256.as_str()), 3 << 20)
    );
    assert_eq!(judge.breaches(), [""; 0]);
}
