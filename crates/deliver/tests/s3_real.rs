//! Real S3 servers of others: moto, and s3s-fs where it is installed. What they keep is what was
//! sent, after a line that breaks and a runner that dies as well, and at most one part goes twice.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

mod common;

use std::net::SocketAddr;
use std::time::Duration;

use common::s3_case::{SIZE, Wish, adapter, key};
use common::{Memory, job, run, until_settled};
use lectern_deliver::{Adapter, Outcome, Patience};
use lectern_domain::config::Checksum;
use lectern_domain::delivery::Commit;
use lectern_domain::finished::PART_BYTES;
use lectern_testkit::{CuttingProxy, REAL_S3_BUCKET, REAL_S3_KEYS, RealS3, RealS3Kind, wait_until};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

/// What may travel beside the parts in one delivery: the heads of all requests.
const HEADS: u64 = 64 * 1024;

struct Case {
    server: RealS3,
    proxy: CuttingProxy,
    memory: Memory,
    wish: Wish,
    _objects: TempDir,
    home: TempDir,
}

impl Case {
    async fn new(kind: RealS3Kind, checksum: Checksum) -> Self {
        let (objects, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let server = RealS3::start(kind, objects.path()).await.unwrap();
        let proxy = CuttingProxy::start(SocketAddr::from(([127, 0, 0, 1], server.port())), 0)
            .await
            .unwrap();
        let memory = Memory::new(job(home.path(), &[("lecture.mp4", SIZE)]));
        let wish = Wish {
            checksum,
            path_style: true,
            region: "us-east-1".to_owned(),
            bucket: REAL_S3_BUCKET.to_owned(),
            keys: format!("{}:{}", REAL_S3_KEYS.0, REAL_S3_KEYS.1),
            ca_file: None,
            proxy: None,
        };
        Self {
            server,
            proxy,
            memory,
            wish,
            _objects: objects,
            home,
        }
    }

    /// Through the proxy.
    fn adapter(&self) -> Adapter {
        let url = format!("http://{}", self.proxy.address());
        adapter(&url, &self.wish, self.home.path(), Patience::default())
    }

    async fn until_settled(&self) -> Outcome {
        until_settled(&|| self.adapter(), &self.memory).await
    }

    /// The object is our file, and at most `twice` bytes were sent twice.
    fn assert_exactly_once(&self, twice: u64) {
        let job = self.memory.job();
        let there = self.server.object(&key(&job, 0)).unwrap();
        let sha256: String = Sha256::digest(there).iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(sha256, job.files[0].sha256);
        let again = self.proxy.forwarded().saturating_sub(SIZE);
        println!("beside the file: {again} bytes");
        assert!(again <= twice + HEADS, "{again} bytes went beside the file");
    }
}

async fn takes_lectures(kind: RealS3Kind) {
    for checksum in [
        Checksum::Auto,
        Checksum::Crc32c,
        Checksum::Sha256,
        Checksum::Md5,
        Checksum::None,
    ] {
        let case = Case::new(kind, checksum).await;
        let outcome = run(&case.adapter(), &case.memory).await.unwrap();
        assert_eq!(outcome, Outcome::Done, "{checksum:?}");
        case.assert_exactly_once(0);
        let receipt = case.memory.commits().into_iter().find_map(|commit| match commit {
            Commit::Receipt { evidence, .. } => Some(evidence),
            _ => None,
        });
        println!("{checksum:?}: {}", receipt.unwrap());
        // Asked anew: it is there, and nothing is sent.
        let before = case.proxy.forwarded();
        let again = Memory::new(lectern_domain::delivery::DeliveryJob {
            files: job_of(&case),
            ..case.memory.job()
        });
        assert_eq!(run(&case.adapter(), &again).await.unwrap(), Outcome::Done);
        assert!(case.proxy.forwarded() - before < HEADS);
    }
}

/// The files as a database that was lost would have them: nothing sent yet.
fn job_of(case: &Case) -> Vec<lectern_domain::delivery::DeliveryFile> {
    let mut files = case.memory.job().files;
    for file in &mut files {
        file.phase = lectern_domain::delivery::FilePhase::Pending;
    }
    files
}

async fn resumes(kind: RealS3Kind) {
    let case = Case::new(kind, Checksum::Auto).await;
    case.proxy.reset_after(PART_BYTES + 1_000_000);
    assert_eq!(case.until_settled().await, Outcome::Done);
    assert_eq!(case.proxy.resets(), 1);
    case.assert_exactly_once(PART_BYTES);

    let case = Case::new(kind, Checksum::Auto).await;
    let adapter = case.adapter();
    tokio::select! {
        ended = run(&adapter, &case.memory) => panic!("ended before it was killed: {ended:?}"),
        sent = wait_until("bytes through the proxy", Duration::from_secs(60), || {
            case.proxy.forwarded() >= PART_BYTES + 100_000
        }) => sent.unwrap(),
    }
    drop(adapter);
    assert_eq!(case.until_settled().await, Outcome::Done);
    case.assert_exactly_once(PART_BYTES);
}

async fn is_examined(kind: RealS3Kind) {
    let case = Case::new(kind, Checksum::Auto).await;
    let checks = case.adapter().probe().await;
    for check in &checks {
        println!("{:?}: {} {}", check.verdict, check.found, check.todo);
    }
    assert!(checks.len() >= 3, "{checks:#?}");
    assert!(
        checks
            .iter()
            .all(|check| check.verdict != lectern_domain::api::Verdict::Bad),
        "{checks:#?}"
    );
}

#[tokio::test]
async fn p5_moto_gets_lectures_once_over_a_line_that_breaks() {
    takes_lectures(RealS3Kind::Moto).await;
    resumes(RealS3Kind::Moto).await;
    is_examined(RealS3Kind::Moto).await;
}

#[tokio::test]
async fn p5_s3s_fs_gets_lectures_once_over_a_line_that_breaks() {
    if !RealS3Kind::S3sFs.is_installed() {
        println!("s3s-fs is not installed (fixtures/s3-servers/install.sh s3s-fs): not judged");
        return;
    }
    takes_lectures(RealS3Kind::S3sFs).await;
    resumes(RealS3Kind::S3sFs).await;
    is_examined(RealS3Kind::S3sFs).await;
}
