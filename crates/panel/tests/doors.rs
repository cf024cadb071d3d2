//! The server on real sockets: both doors, the event streams, the live pictures, the end.

#![allow(clippy::unwrap_used, reason = "what a test cannot go on without may panic")]

mod script;

use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use lectern_domain::api::PodiumState;
use lectern_panel::{Keys, Listeners, MAX_EVENT_STREAMS, Pin, serve};
use script::{Script, ready};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::{Message, client::IntoClientRequest};

/// Nothing here takes a second on an idle machine.
const SOON: Duration = Duration::from_secs(10);

struct Server {
    room: Arc<Script>,
    dir: tempfile::TempDir,
    port: u16,
    end: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

fn start() -> Server {
    let room = Script::new(ready());
    let dir = tempfile::tempdir().unwrap();
    let socket = std::os::unix::net::UnixListener::bind(dir.path().join("s")).unwrap();
    let tcp = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = tcp.local_addr().unwrap().port();
    let (end, ended) = oneshot::channel();
    let listeners = Listeners {
        socket: Some(socket),
        tcp: Some(tcp),
    };
    let control = room.clone();
    let task = tokio::spawn(async move {
        serve(listeners, Keys::default().unchanging(), control, async {
            drop(ended.await)
        })
        .await
        .unwrap();
    });
    Server {
        room,
        dir,
        port,
        end,
        task,
    }
}

/// One request by hand; the stream stays open for what follows the head.
async fn ask<S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin>(
    stream: S,
    path: &str,
) -> (String, BufReader<S>) {
    let mut stream = BufReader::new(stream);
    let head = format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    while !answer.ends_with("\r\n\r\n") {
        let read = timeout(SOON, stream.read_line(&mut answer))
            .await
            .unwrap()
            .unwrap();
        assert_ne!(read, 0, "the connection ended: {answer}");
    }
    (answer, stream)
}

/// The next event of a name: its document. Chunk sizes and comments lie between the lines.
async fn event<S: tokio::io::AsyncRead + Unpin>(stream: &mut BufReader<S>, name: &str) -> Value {
    let mut named = false;
    loop {
        let mut line = String::new();
        let read = timeout(SOON, stream.read_line(&mut line)).await.unwrap().unwrap();
        assert_ne!(read, 0, "the stream ended before {name}");
        if let Some(found) = line.strip_prefix("event: ") {
            named = found.trim() == name;
        } else if let Some(data) = line.strip_prefix("data: ").filter(|_| named) {
            return serde_json::from_str(data).unwrap();
        }
    }
}

#[tokio::test]
async fn both_doors_carry_the_same_api() {
    let server = start();
    let unix = UnixStream::connect(server.dir.path().join("s")).await.unwrap();
    let tcp = TcpStream::connect(("127.0.0.1", server.port)).await.unwrap();
    assert!(ask(unix, "/api/v1/status").await.0.starts_with("HTTP/1.1 200"));
    assert!(ask(tcp, "/api/v1/status").await.0.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn programs_hear_of_state_uploads_and_levels() {
    let server = start();
    let tcp = TcpStream::connect(("127.0.0.1", server.port)).await.unwrap();
    let (head, mut stream) = ask(tcp, "/api/v1/events").await;
    assert!(head.contains("content-type: text/event-stream"), "{head}");
    assert_eq!(
        event(&mut stream, "uploads").await["deliveries"],
        Value::Array(Vec::new())
    );
    assert_eq!(event(&mut stream, "state").await["state"], "ready");
    server.room.go(PodiumState::Recording);
    assert_eq!(event(&mut stream, "state").await["state"], "recording");
    server.room.level(-20.0);
    assert_eq!(event(&mut stream, "levels").await["rms_dbfs"], -20.0);
    server.room.set(|s| s.queue.pending = 1);
    event(&mut stream, "uploads").await;
}

#[tokio::test]
async fn the_page_is_told_only_what_changed() {
    let server = start();
    let tcp = TcpStream::connect(("127.0.0.1", server.port)).await.unwrap();
    let (_, mut stream) = ask(tcp, "/live").await;
    let first = event(&mut stream, "page").await;
    assert!(
        first["parts"].as_object().unwrap().len() >= 8,
        "first everything: {first}"
    );
    server.room.set(|s| s.now_unix_ms += 1000);
    assert_eq!(event(&mut stream, "page").await["parts"], serde_json::json!({}));
    server.room.go(PodiumState::Recording);
    let update = event(&mut stream, "page").await;
    assert_eq!(
        (&update["state"], &update["running"]),
        (&"recording".into(), &true.into())
    );
    let parts = update["parts"].as_object().unwrap();
    assert!(
        parts["actions"].as_str().unwrap().contains("do-pause"),
        "{update}"
    );
    assert!(!parts.contains_key("facts"), "{update}");
    server.room.level(-20.0);
    let heard = event(&mut stream, "page").await;
    assert!(
        heard["parts"]["note-microphone"]
            .as_str()
            .unwrap()
            .contains("We hear you"),
        "{heard}"
    );
}

#[tokio::test]
async fn pictures_come_when_they_are_asked_for_and_only_new_ones() {
    let server = start();
    let picture = |n: u8| Arc::from(&[0xff, 0xd8, n][..]);
    server.room.picture("camera", &picture(1));
    let address = format!("ws://127.0.0.1:{}/api/v1/preview", server.port);
    let (mut socket, _) = tokio_tungstenite::connect_async(address.as_str()).await.unwrap();
    assert!(
        timeout(Duration::from_millis(50), socket.next()).await.is_err(),
        "nobody asked"
    );
    socket.send(Message::text("next")).await.unwrap();
    let next = timeout(SOON, socket.next()).await.unwrap().unwrap().unwrap();
    assert_eq!(next.into_data()[..], [0, 0xff, 0xd8, 1]);
    socket.send(Message::text("next")).await.unwrap();
    assert!(
        timeout(Duration::from_millis(50), socket.next()).await.is_err(),
        "the camera's was seen already"
    );
    server.room.picture("screen", &picture(2));
    let next = timeout(SOON, socket.next()).await.unwrap().unwrap().unwrap();
    assert_eq!(next.into_data()[..], [1, 0xff, 0xd8, 2]);
    socket.send(Message::binary(vec![0; 4096])).await.unwrap();
    let end = timeout(SOON, socket.next()).await.unwrap();
    assert!(
        !matches!(end, Some(Ok(Message::Binary(_)))),
        "a long ask ends the conversation: {end:?}"
    );
}

#[tokio::test]
async fn another_sites_page_gets_no_pictures() {
    let server = start();
    let mut request = format!("ws://127.0.0.1:{}/api/v1/preview", server.port)
        .into_client_request()
        .unwrap();
    request
        .headers_mut()
        .insert("origin", "http://evil.example".parse().unwrap());
    let refused = tokio_tungstenite::connect_async(request).await.unwrap_err();
    assert!(refused.to_string().contains("403"), "{refused}");
}

#[tokio::test]
async fn streams_are_bounded_and_a_seat_is_given_back() {
    let server = start();
    let path = server.dir.path().join("s");
    let mut open = Vec::new();
    for _ in 0..MAX_EVENT_STREAMS {
        let (head, stream) = ask(UnixStream::connect(&path).await.unwrap(), "/api/v1/events").await;
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        open.push(stream);
    }
    let (head, _) = ask(UnixStream::connect(&path).await.unwrap(), "/api/v1/events").await;
    assert!(head.starts_with("HTTP/1.1 503"), "{head}");
    let (head, _) = ask(UnixStream::connect(&path).await.unwrap(), "/api/v1/status").await;
    assert!(
        head.starts_with("HTTP/1.1 200"),
        "commands have their own seats: {head}"
    );
    open.pop();
    let again = async {
        loop {
            let (head, _) = ask(UnixStream::connect(&path).await.unwrap(), "/api/v1/events").await;
            if head.starts_with("HTTP/1.1 200") {
                break;
            }
            tokio::task::yield_now().await;
        }
    };
    timeout(SOON, again).await.unwrap();
}

#[tokio::test]
async fn the_end_closes_streams_and_sockets_at_once() {
    let server = start();
    let (_, mut events) = ask(
        TcpStream::connect(("127.0.0.1", server.port)).await.unwrap(),
        "/api/v1/events",
    )
    .await;
    event(&mut events, "state").await;
    let address = format!("ws://127.0.0.1:{}/api/v1/preview", server.port);
    let (mut socket, _) = tokio_tungstenite::connect_async(address.as_str()).await.unwrap();
    // A client that never finishes its request must not hold the end up for longer than the drain.
    let mut slow = TcpStream::connect(("127.0.0.1", server.port)).await.unwrap();
    slow.write_all(b"GET / HT").await.unwrap();
    server.end.send(()).unwrap();
    let mut rest = Vec::new();
    timeout(SOON, events.read_to_end(&mut rest))
        .await
        .unwrap()
        .unwrap();
    assert!(rest.ends_with(b"0\r\n\r\n"), "the stream ended in good order");
    let last = timeout(SOON, socket.next()).await.unwrap();
    assert!(matches!(last, None | Some(Ok(Message::Close(_)))), "{last:?}");
    drop(socket);
    timeout(lectern_panel::DRAIN * 2, server.task)
        .await
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn p10_bytes_that_are_no_http_end_only_their_connection() {
    let server = start();
    for junk in [
        &b"\x16\x03\x01\x02\x00\x01"[..],
        b"GET / HTTP/9.9\r\n\r\n",
        b"\r\n\r\n\0\0\0",
        &[b'A'; 100_000],
    ] {
        let mut stream = TcpStream::connect(("127.0.0.1", server.port)).await.unwrap();
        // The server may close before it has read everything.
        drop(stream.write_all(junk).await);
        drop(stream.shutdown().await);
        let mut answer = Vec::new();
        drop(timeout(SOON, stream.read_to_end(&mut answer)).await.unwrap());
    }
    let stream = TcpStream::connect(("127.0.0.1", server.port)).await.unwrap();
    assert!(ask(stream, "/healthz").await.0.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn whoever_is_slow_to_speak_holds_up_nobody_else() {
    let server = start();
    let mut silent = Vec::new();
    for first in [&b""[..], b"\x16\x03\x01", b"GET"] {
        for _ in 0..8 {
            let mut stream = TcpStream::connect(("127.0.0.1", server.port)).await.unwrap();
            stream.write_all(first).await.unwrap();
            silent.push(stream);
        }
    }
    let stream = TcpStream::connect(("127.0.0.1", server.port)).await.unwrap();
    assert!(ask(stream, "/api/v1/status").await.0.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_changed_pin_counts_from_the_next_request_on() {
    let room = Script::new(ready());
    let tcp = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = tcp.local_addr().unwrap().port();
    let (keys, taken) = tokio::sync::watch::channel(Arc::new(Keys::default()));
    let listeners = Listeners {
        socket: None,
        tcp: Some(tcp),
    };
    let server = tokio::spawn(serve(listeners, taken, room, std::future::pending()));
    let status = async || {
        let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        ask(stream, "/api/v1/status").await.0
    };
    assert!(status().await.starts_with("HTTP/1.1 200"));
    keys.send_replace(Arc::new(Keys {
        pin: Pin::Set("2468".into()),
        ..Keys::default()
    }));
    assert!(status().await.starts_with("HTTP/1.1 401"));
    server.abort();
}
