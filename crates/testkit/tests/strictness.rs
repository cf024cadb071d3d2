//! Who judges the judges: each answer that the specification demands, and a proxy that cuts at
//! the exact byte.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

mod common;

use std::net::SocketAddr;

use common::ask;
use lectern_testkit::{CuttingProxy, Rules, TusJudge};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

#[tokio::test]
async fn the_judge_answers_as_the_specification_demands() {
    let dir = tempfile::tempdir().unwrap();
    let judge = TusJudge::start(
        dir.path(),
        Rules {
            max_size: Some(10),
            ..Rules::default()
        },
    )
    .await
    .unwrap();
    let v = "HTTP/1.1\nTus-Resumable: 1.0.0";
    let create = |rest: &str| format!("POST /files/ {v}\n{rest}");
    let patch = |id: &str, rest: &str| {
        format!("PATCH /files/{id} {v}\nContent-Type: application/offset+octet-stream\n{rest}")
    };
    let status = async |request: &str, body: &str| ask(judge.address(), request, body).await.0;

    assert_eq!(
        status(&create("Upload-Length: 4\nUpload-Metadata: title 7ZWc,empty"), "").await,
        201
    );
    assert_eq!(judge.uploads()[0].metadata["title"], "한");
    assert_eq!(status("POST /files/ HTTP/1.1\nUpload-Length: 4", "").await, 412);
    assert_eq!(status(&create("X: y"), "").await, 400);
    assert_eq!(
        status(&create("Upload-Length: 4\nUpload-Metadata: title %%"), "").await,
        400
    );
    assert_eq!(status(&create("Upload-Length: 11"), "").await, 413);

    assert_eq!(status(&format!("HEAD /files/nothing {v}"), "").await, 404);
    assert_eq!(
        status(&format!("PATCH /files/00000001 {v}\nUpload-Offset: 0"), "ab").await,
        415
    );
    assert_eq!(status(&patch("00000001", "Upload-Offset: 1"), "ab").await, 409);
    assert_eq!(status(&patch("00000001", "Upload-Offset: 0"), "abcde").await, 413);
    let (took, answer) = ask(judge.address(), &patch("00000001", "Upload-Offset: 0"), "ab").await;
    assert!(took == 204 && answer.contains("upload-offset: 2"), "{answer}");
    let (stands, answer) = ask(judge.address(), &format!("HEAD /files/00000001 {v}"), "").await;
    assert_eq!(stands, 200);
    for header in [
        "upload-offset: 2",
        "upload-length: 4",
        "cache-control: no-store",
        "tus-resumable: 1.0.0",
    ] {
        assert!(answer.contains(header), "{answer}");
    }
    judge.forget("00000001");
    assert_eq!(status(&format!("HEAD /files/00000001 {v}"), "").await, 410);
    assert_eq!(status(&patch("00000001", "Upload-Offset: 2"), "cd").await, 410);
    let (offers, answer) = ask(judge.address(), "OPTIONS /files/ HTTP/1.1", "").await;
    assert!(
        offers == 204 && answer.contains("tus-extension: creation"),
        "{answer}"
    );
    assert_eq!(judge.breaches().len(), 6, "{:?}", judge.breaches());
}

#[tokio::test]
async fn bytes_without_a_question_after_a_restart_are_a_breach() {
    let dir = tempfile::tempdir().unwrap();
    let judge = TusJudge::start(dir.path(), Rules::default()).await.unwrap();
    let v = "HTTP/1.1\nTus-Resumable: 1.0.0";
    ask(
        judge.address(),
        &format!("POST /files/ {v}\nUpload-Length: 4"),
        "",
    )
    .await;
    let judge = judge.restart().await.unwrap();
    let patch = |offset| {
        format!(
            "PATCH /files/00000001 {v}\nContent-Type: application/offset+octet-stream\nUpload-Offset: {offset}"
        )
    };
    assert_eq!(ask(judge.address(), &patch(0), "ab").await.0, 204);
    assert_eq!(
        judge.breaches(),
        ["bytes for 00000001 after a doubt, without a HEAD"]
    );
    assert_eq!(ask(judge.address(), &patch(2), "cd").await.0, 204);
    assert_eq!(judge.breaches().len(), 1);
    assert_eq!(judge.whole()[0].received, 4);
}

/// What a killed sender left in the kernels arrives when it likes.
#[tokio::test]
async fn a_piece_that_comes_late_is_a_breach_of_those_who_live() {
    let dir = tempfile::tempdir().unwrap();
    let judge = TusJudge::start(dir.path(), Rules::default()).await.unwrap();
    let v = "HTTP/1.1\nTus-Resumable: 1.0.0";
    ask(
        judge.address(),
        &format!("POST /files/ {v}\nUpload-Length: 4"),
        "",
    )
    .await;
    let late =
        format!("PATCH /files/00000001 {v}\nContent-Type: application/offset+octet-stream\nUpload-Offset: 1");
    let mut killed = TcpStream::connect(judge.address()).await.unwrap();
    let head = late.replace('\n', "\r\n");
    let begun = format!("{head}\r\nHost: judge\r\nContent-Length: 3\r\n\r\na");
    killed.write_all(begun.as_bytes()).await.unwrap();
    killed.shutdown().await.unwrap();
    // The judge has done with it.
    drop(killed.read_to_end(&mut Vec::new()).await);
    assert_eq!(judge.breaches(), Vec::<String>::new());
    assert_eq!(ask(judge.address(), &late, "abc").await.0, 409);
    assert_eq!(judge.breaches(), ["a PATCH at 1 for 00000001, which is at 0"]);
}

#[tokio::test]
async fn the_proxy_resets_both_sides_after_the_exact_byte() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = CuttingProxy::start(listener.local_addr().unwrap(), 0)
        .await
        .unwrap();
    proxy.reset_after(100_000);
    let connect = async |address: SocketAddr| TcpStream::connect(address).await.unwrap();
    let mut client = connect(proxy.address()).await;
    let (mut server, _) = listener.accept().await.unwrap();
    client.write_all(&[7; 150_000]).await.unwrap();
    let mut got = Vec::new();
    let ended = server.read_to_end(&mut got).await;
    assert_eq!(ended.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
    assert!(got.len() <= 100_000);
    let ended = client.read(&mut [0; 1]).await;
    assert_eq!(ended.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
    assert_eq!((proxy.forwarded(), proxy.resets()), (100_000, 1));

    let mut client = connect(proxy.address()).await;
    let (mut server, _) = listener.accept().await.unwrap();
    client.write_all(&[7; 150_000]).await.unwrap();
    drop(client);
    got.clear();
    server.read_to_end(&mut got).await.unwrap();
    assert_eq!(got.len(), 150_000, "it cuts once");
}
