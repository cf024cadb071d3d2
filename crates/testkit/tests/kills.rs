//! A judge kills a real process, this test itself run once more, at each moment.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use std::io::{BufRead, Read, Write};
use std::net::TcpStream;
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;

use lectern_testkit::{Moment, Rules, TusJudge};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// Where the judge listens, for the one that is to be killed.
const ADDRESS: &str = "LECTERN_VICTIM_SENDS_TO";

/// Not a test by itself: creates an upload and sends three pieces over one connection, and says
/// each status.
#[test]
fn victim() {
    let Ok(address) = std::env::var(ADDRESS) else {
        return;
    };
    // The order to kill comes first.
    std::io::stdin().lock().read_line(&mut String::new()).unwrap();
    let mut socket = TcpStream::connect(address).unwrap();
    let mut ask = |request: &str, length: usize| {
        let text = format!(
            "{request} HTTP/1.1\r\nHost: x\r\nTus-Resumable: 1.0.0\r\nContent-Length: {length}\r\n\
             Content-Type: application/offset+octet-stream\r\nUpload-Length: 6\r\n"
        );
        let offset = request.split('@').nth(1).unwrap_or("0");
        let text = text.replace(&format!("@{offset}"), "");
        write!(socket, "{text}Upload-Offset: {offset}\r\n\r\n{}", &"ab"[..length]).unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            socket.read_exact(&mut byte).unwrap();
            answer.extend(byte);
        }
        println!("answered {}", String::from_utf8_lossy(&answer[9..12]));
    };
    ask("POST /files/", 0);
    for offset in [0, 2, 4] {
        ask(&format!("PATCH /files/00000001@{offset}"), 2);
    }
}

/// Runs the victim, killed at a moment of its n-th request; gives how it ended, its answers and
/// the judge.
async fn killed(n: usize, moment: Moment) -> (Option<i32>, usize, TusJudge, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let judge = TusJudge::start(dir.path(), Rules::default()).await.unwrap();
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["victim", "--exact", "--nocapture"])
        .env(ADDRESS, judge.address().to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    judge.kill_on(victim.id().unwrap(), n, moment);
    victim.stdin.take().unwrap().write_all(b"go\n").await.unwrap();
    let ended = victim.wait_with_output().await.unwrap();
    let answers = String::from_utf8_lossy(&ended.stdout)
        .matches("answered 20")
        .count();
    (ended.status.signal(), answers, judge, dir)
}

#[tokio::test]
async fn a_client_dies_before_its_request_has_any_effect() {
    let (signal, answers, judge, _dir) = killed(3, Moment::BeforeEffect).await;
    assert_eq!((signal, answers, judge.seen().len()), (Some(9), 2, 2));
    assert_eq!((judge.uploads()[0].offset, judge.kill_pending()), (2, false));
}

#[tokio::test]
async fn a_client_dies_when_its_request_has_had_its_effect() {
    let (signal, answers, judge, _dir) = killed(3, Moment::AfterEffect).await;
    assert_eq!((signal, answers, judge.seen().len()), (Some(9), 2, 3));
    assert_eq!(judge.uploads()[0].offset, 4);
}

#[tokio::test]
async fn a_client_dies_after_its_answer_and_before_its_next_request_counts() {
    let (signal, answers, judge, _dir) = killed(3, Moment::AfterReply).await;
    assert_eq!((signal, judge.seen().len()), (Some(9), 3));
    assert!(answers == 2 || answers == 3, "it may have read the answer");
    assert_eq!(judge.uploads()[0].offset, 4);
}

#[tokio::test]
async fn a_client_with_fewer_requests_ends_by_itself() {
    let (signal, answers, judge, _dir) = killed(5, Moment::BeforeEffect).await;
    assert_eq!((signal, answers, judge.whole().len()), (None, 4, 1));
    assert!(judge.kill_pending());
}
