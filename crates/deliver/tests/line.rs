//! The line that all platforms share: its rate, its proxy, its account, and what it remembers.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

mod common;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use common::{BRIEF, Memory, config, job, run, run_with, until_settled, waiting};
use lectern_deliver::{Adapter, Line, LineRules, Outcome, Patience, Secrets, connect_with};
use lectern_domain::config::PlatformKind;
use lectern_testkit::{CuttingProxy, Rules, TestCa, TusJudge};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

const SIZE: u64 = 3_000_000;
/// On loopback a segment is 64 KiB, and the first ones leave slowly.
const CALM: Patience = Patience {
    idle: Duration::from_secs(20),
    ..BRIEF
};

/// A judge, one lecture, and a line.
struct Case {
    judge: TusJudge,
    memory: Memory,
    line: Arc<Line>,
    dirs: (TempDir, TempDir),
}

impl Case {
    async fn new(rules: Rules, line: LineRules) -> Self {
        let dirs = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let judge = TusJudge::start(dirs.0.path(), rules).await.unwrap();
        let memory = Memory::new(job(dirs.1.path(), &[("lecture.mp4", SIZE)]));
        Self {
            judge,
            memory,
            line: Line::new(line, Vec::new()),
            dirs,
        }
    }

    fn adapter(&self, url: String, ca: Option<&Path>, patience: Patience) -> Adapter {
        let mut platform = config(PlatformKind::Tus {
            url,
            receipt_url: None,
        });
        platform.ca_file = ca.map(Path::to_owned);
        connect_with(&platform, Secrets::default(), &self.line, patience)
    }

    fn assert_whole(&self) {
        let whole = self.judge.whole();
        assert_eq!(whole.len(), 1);
        assert_eq!(
            whole[0].sha256.as_deref(),
            Some(self.memory.job().files[0].sha256.as_str())
        );
        assert_eq!(self.judge.breaches(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn p9_the_rate_is_never_exceeded_and_every_byte_is_counted() {
    let rules = LineRules {
        rate: Some("24Mbit/s".parse().unwrap()),
        ..LineRules::default()
    };
    let case = Case::new(Rules::default(), rules).await;
    let (begun, highest) = (Instant::now(), Mutex::new(0));
    let outcome = run_with(&case.adapter(case.judge.url(), None, CALM), &case.memory, &|_| {
        if let Some(status) = case.line.status() {
            let mut highest = highest.lock().unwrap();
            *highest = status.allowed_bps.unwrap_or(u64::MAX).max(*highest);
        }
    })
    .await
    .unwrap();
    assert_eq!(outcome, Outcome::Done);
    case.assert_whole();
    // A second at the full rate, less what the first burst may hold.
    assert!(
        begun.elapsed() >= Duration::from_millis(800),
        "{:?}",
        begun.elapsed()
    );
    let highest = *highest.lock().unwrap();
    assert!((1..=24_000_000).contains(&highest), "{highest}");
    let sent = case.line.sent_bytes();
    assert!((SIZE..SIZE + SIZE / 50).contains(&sent), "{sent}");
    assert_eq!(case.line.status(), None, "no connection is open any more");
    assert_eq!(case.line.routes(), [], "nothing was learnt without giving way");
}

#[tokio::test]
async fn p9_what_is_learnt_of_the_empty_line_can_be_kept() {
    let rules = LineRules {
        yields: true,
        ..LineRules::default()
    };
    let case = Case::new(Rules::default(), rules.clone()).await;
    assert_eq!(
        run(&case.adapter(case.judge.url(), None, CALM), &case.memory)
            .await
            .unwrap(),
        Outcome::Done
    );
    case.assert_whole();
    let routes = case.line.routes();
    let [route] = &routes[..] else {
        panic!("{routes:?}")
    };
    assert_eq!(route.peer, case.judge.address().to_string());
    assert!(route.base_rtt_us > 0);
    assert_eq!(Line::new(rules, routes.clone()).routes(), routes);
}

#[tokio::test]
async fn a_middlebox_that_stalls_is_noticed_and_the_upload_goes_on_where_it_was() {
    assert!(Patience::default().idle <= Duration::from_secs(60));
    let case = Case::new(Rules::default(), LineRules::default()).await;
    let middlebox = CuttingProxy::start(case.judge.address(), 0).await.unwrap();
    let url = format!("http://{}/files/", middlebox.address());
    let begun = Mutex::new(None);
    let outcome = run_with(
        &case.adapter(url.clone(), None, BRIEF),
        &case.memory,
        &|progress| {
            let mut begun = begun.lock().unwrap();
            if progress.sent_bytes > 500_000 && begun.is_none() {
                middlebox.stall();
                *begun = Some(Instant::now());
            }
        },
    )
    .await
    .unwrap();
    let noticed = begun.lock().unwrap().unwrap().elapsed();
    let why = waiting(outcome);
    assert!(
        why.contains("took no byte for 0.5 s") || why.contains("did not answer"),
        "{why}"
    );
    assert!(noticed >= BRIEF.idle);
    middlebox.flow();
    let settled = until_settled(&|| case.adapter(url.clone(), None, BRIEF), &case.memory).await;
    assert_eq!(settled, Outcome::Done);
    case.assert_whole();
    let again = case.judge.whole()[0].received - SIZE;
    assert!(again <= 1024 * 1024, "{again} bytes were sent twice");
}

#[tokio::test]
async fn p9_a_proxy_carries_small_requests_and_bytes_alike() {
    let dir = tempfile::tempdir().unwrap();
    let ca = TestCa::new(dir.path()).unwrap();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let proxy = tokio::spawn(proxy(listener, Arc::clone(&asked), None));
    let rules = LineRules {
        proxy: Some(format!("http://{address}")),
        yields: true,
        ..LineRules::default()
    };
    let tls = Rules {
        tls: Some(ca.server().unwrap()),
        ..Rules::default()
    };
    let case = Case::new(tls, rules).await;
    let told = AtomicU64::new(0);
    let outcome = run_with(
        &case.adapter(case.judge.url(), Some(ca.pem()), CALM),
        &case.memory,
        &|_| {
            if let Some(status) = case.line.status() {
                told.fetch_add(1, Ordering::Relaxed);
                assert_eq!(
                    (status.base_rtt_us, status.allowed_bps, status.yielding),
                    (0, None, false),
                    "the delay up to a proxy tells nothing of the line behind it"
                );
            }
        },
    )
    .await
    .unwrap();
    assert_eq!(outcome, Outcome::Done);
    case.assert_whole();
    assert!(told.into_inner() > 0);
    let asked = asked.lock().unwrap().clone();
    let platform = case.judge.address();
    assert!(asked.len() >= 2, "{asked:?}");
    assert!(
        asked
            .iter()
            .all(|line| *line == format!("CONNECT {platform} HTTP/1.1")),
        "{asked:?}"
    );
    assert!(case.line.sent_bytes() > SIZE);
    assert_eq!(case.line.routes(), []);
    proxy.abort();
    drop(case.dirs);
}

#[tokio::test]
async fn a_proxy_that_refuses_or_is_away_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let ca = TestCa::new(dir.path()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let refusing = tokio::spawn(proxy(listener, Arc::default(), Some("403 Forbidden")));
    let rules = LineRules {
        proxy: Some(format!("http://{address}")),
        ..LineRules::default()
    };
    let tls = Rules {
        tls: Some(ca.server().unwrap()),
        ..Rules::default()
    };
    let case = Case::new(tls, rules).await;
    let adapter = || case.adapter(case.judge.url(), Some(ca.pem()), CALM);
    let why = waiting(run(&adapter(), &case.memory).await.unwrap());
    assert!(why.contains("cannot be reached"), "{why}");
    assert_eq!(case.judge.seen(), [], "nothing goes around the proxy");
    refusing.abort();
    assert!(refusing.await.unwrap_err().is_cancelled());
    let why = waiting(run(&adapter(), &case.memory).await.unwrap());
    assert!(why.contains("cannot be reached"), "{why}");
    assert_eq!(case.judge.seen(), [], "nothing goes around the proxy");
}

/// Serves CONNECT, or answers everything with `refusal`; keeps what it was asked. Its connections
/// end with it.
async fn proxy(listener: TcpListener, asked: Arc<Mutex<Vec<String>>>, refusal: Option<&'static str>) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        connections.spawn(through(client, Arc::clone(&asked), refusal));
    }
}

async fn through(mut client: TcpStream, asked: Arc<Mutex<Vec<String>>>, refusal: Option<&'static str>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    let first = head.lines().next().unwrap().to_owned();
    let target: SocketAddr = first.split(' ').nth(1).unwrap().parse().unwrap();
    asked.lock().unwrap().push(first);
    if let Some(refusal) = refusal {
        let answer = format!("HTTP/1.1 {refusal}\r\nContent-Length: 0\r\n\r\n");
        client.write_all(answer.as_bytes()).await.unwrap();
        return;
    }
    let mut platform = TcpStream::connect(target).await.unwrap();
    client
        .write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")
        .await
        .unwrap();
    // An end in whatever way is an end.
    drop(tokio::io::copy_bidirectional(&mut client, &mut platform).await);
}
