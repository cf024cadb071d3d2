//! The real @tus/server, a line that breaks, and runners that die: equal hashes, and at most one
//! MiB sent twice.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

mod common;

use std::net::SocketAddr;
use std::time::Duration;

use common::{Memory, config, free_line, job, run, until_settled};
use lectern_deliver::{Adapter, Outcome, Secrets, connect};
use lectern_domain::config::PlatformKind;
use lectern_testkit::{CuttingProxy, RealTus, free_port, wait_until};
use tempfile::TempDir;

const MIB: u64 = 1024 * 1024;
const SIZE: u64 = 64 * MIB;
/// What may be sent twice after one break; the headers of all requests are counted with it.
const TWICE: u64 = MIB;

struct Case {
    server: RealTus,
    proxy: CuttingProxy,
    memory: Memory,
    uploads: TempDir,
    _home: TempDir,
}

impl Case {
    async fn new() -> Self {
        let (uploads, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let server = RealTus::start(uploads.path(), free_port().unwrap())
            .await
            .unwrap();
        let upstream = SocketAddr::from(([127, 0, 0, 1], server.port()));
        let proxy = CuttingProxy::start(upstream, 0).await.unwrap();
        let memory = Memory::new(job(home.path(), &[("lecture.mp4", SIZE)]));
        Self {
            server,
            proxy,
            memory,
            uploads,
            _home: home,
        }
    }

    /// Through the proxy.
    fn adapter(&self) -> Adapter {
        let url = format!("http://{}/files", self.proxy.address());
        connect(
            &config(PlatformKind::Tus {
                url,
                receipt_url: None,
            }),
            Secrets::default(),
            &free_line(),
        )
    }

    async fn sent(&self, bytes: u64) {
        wait_until("bytes through the proxy", Duration::from_secs(60), || {
            self.proxy.forwarded() >= bytes
        })
        .await
        .unwrap();
    }

    /// Whole there once, and little sent twice.
    fn assert_exactly_once(&self) {
        let shas: Vec<_> = self
            .server
            .whole_files()
            .unwrap()
            .into_iter()
            .map(|(_, sha256)| sha256)
            .collect();
        assert_eq!(shas, [self.memory.job().files[0].sha256.clone()]);
        let twice = self.proxy.forwarded() - SIZE;
        println!("sent twice, headers included: {twice} bytes");
        assert!(twice <= TWICE, "{twice} bytes were sent twice");
    }
}

#[tokio::test]
async fn p5_a_line_that_is_reset_at_60_percent() {
    let case = Case::new().await;
    case.proxy.reset_after(SIZE * 6 / 10);
    assert_eq!(
        until_settled(&|| case.adapter(), &case.memory).await,
        Outcome::Done
    );
    assert_eq!(case.proxy.resets(), 1);
    case.assert_exactly_once();
}

#[tokio::test]
async fn p5_a_runner_that_is_killed_at_50_percent() {
    let case = Case::new().await;
    let adapter = case.adapter();
    tokio::select! {
        ended = run(&adapter, &case.memory) => panic!("ended before it was killed: {ended:?}"),
        () = case.sent(SIZE / 2) => {}
    }
    drop(adapter);
    assert_eq!(
        until_settled(&|| case.adapter(), &case.memory).await,
        Outcome::Done
    );
    case.assert_exactly_once();
}

#[tokio::test]
async fn p5_a_server_that_is_killed_at_50_percent_and_comes_back() {
    let mut case = Case::new().await;
    let adapter = case.adapter();
    tokio::select! {
        ended = run(&adapter, &case.memory) => panic!("ended before the kill: {ended:?}"),
        () = case.sent(SIZE / 2) => {}
    }
    let port = case.server.port();
    let (uploads, proxy, memory) = (case.uploads, case.proxy, case.memory);
    case.server.kill().await.unwrap();
    let url = format!("http://{}/files", proxy.address());
    let platform = config(PlatformKind::Tus {
        url,
        receipt_url: None,
    });
    let outcome = run(&connect(&platform, Secrets::default(), &free_line()), &memory)
        .await
        .unwrap();
    assert!(
        matches!(outcome, Outcome::Waiting { .. }),
        "nobody is there: {outcome:?}"
    );
    case.server = RealTus::start(uploads.path(), port).await.unwrap();
    (case.uploads, case.proxy, case.memory) = (uploads, proxy, memory);
    assert_eq!(
        until_settled(&|| case.adapter(), &case.memory).await,
        Outcome::Done
    );
    case.assert_exactly_once();
}
