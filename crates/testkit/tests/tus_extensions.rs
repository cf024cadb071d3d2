//! The tus judge's extensions: checksums, expiry, termination, locks, and the misdeeds on them.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

mod common;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use common::ask;
use hyper::Method;
use lectern_testkit::{Misdeed, On, Rules, TusChecksum, TusJudge, wait_until};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

const V: &str = "HTTP/1.1\nTus-Resumable: 1.0.0";
const ID: &str = "00000001";

async fn judge(rules: Rules) -> (TusJudge, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let judge = TusJudge::start(dir.path(), rules).await.unwrap();
    (judge, dir)
}

fn with_checksums() -> Rules {
    Rules {
        checksums: vec![TusChecksum::Sha1, TusChecksum::Sha256],
        ..Rules::default()
    }
}

async fn create(judge: &TusJudge, length: u64) -> String {
    let (status, answer) = ask(
        judge.address(),
        &format!("POST /files/ {V}\nUpload-Length: {length}"),
        "",
    )
    .await;
    assert_eq!(status, 201);
    answer
}

async fn head(judge: &TusJudge) -> (u16, String) {
    ask(judge.address(), &format!("HEAD /files/{ID} {V}"), "").await
}

async fn patch(judge: &TusJudge, offset: u64, more: &str, body: &str) -> (u16, String) {
    let kind = "Content-Type: application/offset+octet-stream";
    let request = format!("PATCH /files/{ID} {V}\n{kind}\nUpload-Offset: {offset}\n{more}");
    ask(judge.address(), &request, body).await
}

fn sha1(text: &str) -> String {
    format!("Upload-Checksum: sha1 {}", STANDARD.encode(Sha1::digest(text)))
}

fn sha256(text: &str) -> String {
    format!(
        "Upload-Checksum: sha256 {}",
        STANDARD.encode(Sha256::digest(text))
    )
}

#[tokio::test]
async fn a_piece_that_is_not_what_it_says_is_dropped() {
    let (judge, _dir) = judge(with_checksums()).await;
    let (_, offers) = ask(judge.address(), "OPTIONS /files/ HTTP/1.1", "").await;
    assert!(offers.contains("tus-checksum-algorithm: sha1,sha256"), "{offers}");
    assert!(offers.contains("tus-extension: creation,expiration,termination,checksum"));
    create(&judge, 8).await;
    for wrong in [sha1("abce"), sha256("abce")] {
        assert_eq!(patch(&judge, 0, &wrong, "abcd").await.0, 460);
        assert!(head(&judge).await.1.contains("upload-offset: 0"));
    }
    assert_eq!(judge.breaches(), [""; 0], "the line may have damaged it");
    for odd in ["md5 AAAA", "sha1 AAAA", "sha1 %%", "sha1"] {
        let odd = format!("Upload-Checksum: {odd}");
        assert_eq!(patch(&judge, 0, &odd, "abcd").await.0, 400, "{odd}");
    }
    assert_eq!(judge.breaches().len(), 4);
    judge.misbehave(On::Request(2), Misdeed::Mismatch);
    assert_eq!(patch(&judge, 0, &sha1("abcd"), "abcd").await.0, 204);
    assert_eq!(
        patch(&judge, 4, &sha256("efgh"), "efgh").await.0,
        460,
        "it was ordered"
    );
    assert_eq!(patch(&judge, 4, &sha256("efgh"), "efgh").await.0, 204);
    let whole = judge.whole().remove(0);
    assert_eq!((whole.received, whole.checked), (5 * 4, 8));
}

#[tokio::test]
async fn a_piece_that_broke_off_stays_only_when_it_bears_no_checksum() {
    for (more, stays) in [(String::new(), 3), (sha1("abcdef"), 0)] {
        let (judge, _dir) = judge(with_checksums()).await;
        create(&judge, 6).await;
        judge.misbehave(On::LastPiece, Misdeed::ResetAfter(3));
        assert_eq!(patch(&judge, 0, &more, "abcdef").await.0, 0);
        let (_, stands) = head(&judge).await;
        assert!(stands.contains(&format!("upload-offset: {stays}")), "{stands}");
        assert_eq!(judge.uploads()[0].received, 3);
    }
}

#[tokio::test]
async fn a_piece_that_was_never_verified_is_gone_when_the_judge_is_killed() {
    let (judge, _dir) = judge(with_checksums()).await;
    create(&judge, 6).await;
    assert_eq!(patch(&judge, 0, &sha1("ab"), "ab").await.0, 204);
    let mut socket = TcpStream::connect(judge.address()).await.unwrap();
    let text = format!(
        "PATCH /files/{ID} HTTP/1.1\r\nHost: x\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 2\r\n\
         Content-Type: application/offset+octet-stream\r\n{}\r\nContent-Length: 4\r\n\r\ncd",
        sha1("cdef")
    );
    socket.write_all(text.as_bytes()).await.unwrap();
    let arrived = || judge.uploads()[0].offset == 4;
    wait_until("half a piece", std::time::Duration::from_secs(20), arrived)
        .await
        .unwrap();
    assert_eq!(head(&judge).await.0, 423, "the piece is still on its way");
    let judge = judge.restart().await.unwrap();
    assert!(head(&judge).await.1.contains("upload-offset: 2"));
    assert_eq!(judge.uploads()[0].checked, 2);
}

#[tokio::test]
async fn an_unfinished_upload_expires_and_says_when() {
    let rules = Rules {
        expires_after: Some(3600),
        ..Rules::default()
    };
    let (judge, _dir) = judge(rules).await;
    assert!(create(&judge, 4).await.contains("upload-expires: "));
    judge.set_clock_offset(3000);
    let (_, answer) = patch(&judge, 0, "X: y", "ab").await;
    assert!(
        answer.contains("upload-expires: ") && answer.contains(" gmt"),
        "{answer}"
    );
    judge.set_clock_offset(6000);
    let judge = judge.restart().await.unwrap();
    assert_eq!(
        head(&judge).await.0,
        200,
        "each piece gives it new time, over a restart as well"
    );
    judge.set_clock_offset(7000);
    assert_eq!(patch(&judge, 2, "X: y", "cd").await.0, 410);
    assert_eq!(head(&judge).await.0, 410);
}

#[tokio::test]
async fn a_server_that_has_not_noticed_the_break_keeps_the_upload_locked() {
    let (judge, _dir) = judge(Rules::default()).await;
    create(&judge, 4).await;
    judge.misbehave(On::Next(Method::PATCH), Misdeed::HoldAfter(2, 2));
    assert_eq!(patch(&judge, 0, "X: y", "abcd").await.0, 0);
    assert_eq!(head(&judge).await.0, 423);
    assert_eq!(patch(&judge, 2, "X: y", "cd").await.0, 423);
    let (stands, answer) = head(&judge).await;
    assert!(stands == 200 && answer.contains("upload-offset: 2"), "{answer}");
    assert_eq!(patch(&judge, 2, "X: y", "cd").await.0, 204);
    assert_eq!(judge.breaches(), [""; 0]);
}

#[tokio::test]
async fn an_upload_that_is_ended_is_gone() {
    let (judge, _dir) = judge(Rules::default()).await;
    let delete = format!("DELETE /files/{ID} {V}");
    assert_eq!(ask(judge.address(), &delete, "").await.0, 404);
    create(&judge, 4).await;
    let (status, answer) = ask(judge.address(), &delete, "").await;
    assert!(status == 204 && answer.contains("tus-resumable: 1.0.0"));
    assert_eq!(
        (head(&judge).await.0, ask(judge.address(), &delete, "").await.0),
        (410, 410)
    );
}

#[tokio::test]
async fn what_a_creation_must_not_be_is_refused() {
    let (judge, _dir) = judge(Rules::default()).await;
    let status = async |rest: &str, body: &str| {
        ask(judge.address(), &format!("POST /files/ {V}\n{rest}"), body)
            .await
            .0
    };
    assert_eq!(
        status("Upload-Length: 4", "abcd").await,
        400,
        "creation-with-upload was not offered"
    );
    assert_eq!(status("Upload-Length: 4\nUpload-Defer-Length: 1", "").await, 400);
    assert_eq!(status("Upload-Length: -4", "").await, 400);
    assert_eq!(
        status("Upload-Length: 4\nUpload-Metadata: a YQ==,a YQ==", "").await,
        400,
        "a key twice"
    );
    assert_eq!(
        status("Upload-Length: 4\nUpload-Metadata: name 6rCV", "").await,
        201
    );
    assert!(
        head(&judge).await.1.contains("upload-metadata: name 6rcv"),
        "given back"
    );
    assert_eq!(judge.breaches().len(), 4, "{:?}", judge.breaches());
    let patch = format!(
        "POST /files/{ID} {V}\nX-HTTP-Method-Override: PATCH\nUpload-Offset: 0\n\
         Content-Type: application/offset+octet-stream"
    );
    assert_eq!(ask(judge.address(), &patch, "ab").await.0, 204);
}

#[tokio::test]
async fn a_slow_reader_takes_its_time_and_keeps_all() {
    let (judge, _dir) = judge(Rules::default()).await;
    let body = "x".repeat(400_000);
    create(&judge, 400_000).await;
    judge.misbehave(On::LastPiece, Misdeed::SlowReader(2_000_000));
    let begun = std::time::Instant::now();
    assert_eq!(patch(&judge, 0, "X: y", &body).await.0, 204);
    assert!(begun.elapsed().as_millis() >= 200);
    assert_eq!(judge.whole().len(), 1);
}
