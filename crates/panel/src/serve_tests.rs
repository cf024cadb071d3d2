//! Other machines at the panel's port, over real TCP: the address of the other side is the only
//! thing that is made up.

#![allow(
    unreachable_pub,
    reason = "the scripted room is shared with the tests of the whole"
)]

use std::net::SocketAddr;

use lectern_domain::access::Role;
use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::*;
use crate::gate::{SessionKey, Tls, Token};

#[path = "../tests/script/mod.rs"]
mod script;

const NAME: &str = "recorder.example";
const FAR: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 1, 2, 3));

fn certificate() -> (Tls, CertificateDer<'static>) {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec![NAME.to_owned()])
        .unwrap()
        .self_signed(&key)
        .unwrap();
    let tls = Tls::from_pem(certificate.pem().as_bytes(), key.serialize_pem().as_bytes()).unwrap();
    (tls, certificate.der().clone())
}

fn keys(tls: Option<Tls>) -> Keys {
    let token = |role: Role| Token {
        name: format!("our-{role}"),
        role,
        secret: format!("{role}-token-that-nobody-guesses").into(),
    };
    Keys {
        session: SessionKey::new([7; 32]),
        tokens: Role::ALL.map(token).into(),
        tls,
        ..Keys::default()
    }
}

/// A connection whose other side seems to be `peer`.
async fn knock(keys: Keys, peer: IpAddr) -> (TcpStream, JoinHandle<()>) {
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))
        .await
        .unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (stream, _) = listener.accept().await.unwrap();
    let (close, closing) = Closing::new();
    let room = script::Script::new(script::ready());
    let site = Site::new(room, closing.clone(), Gate::new(keys.unchanging()));
    let gate = Arc::clone(&site.gate);
    let app = router(site, Access::Loopback);
    let task = tokio::spawn(async move {
        attend(Arrival::Port(stream, peer), &gate, app, closing).await;
        drop(close);
    });
    (client, task)
}

async fn secured(stream: TcpStream, root: CertificateDer<'static>) -> TlsStream<TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(root).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(NAME).unwrap();
    TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
        .unwrap()
}

/// Asks once and reads until the other side closes.
async fn ask(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), head: &str) -> String {
    let request = format!("{head}\r\nHost: {NAME}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    if let Err(error) = stream.read_to_end(&mut answer).await {
        // After a refused change of protocol the connection ends without TLS's goodbye; the
        // answer has its length and is whole.
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "{head}");
    }
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn another_machine_comes_in_with_a_token_over_tls() {
    let (tls, root) = certificate();
    let viewer = "Authorization: Bearer viewer-token-that-nobody-guesses";
    let operator = "Authorization: Bearer operator-token-that-nobody-guesses";
    let socket = "Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
    for (head, status) in [
        ("GET /healthz HTTP/1.1".to_owned(), "200"),
        ("GET /api/v1/status HTTP/1.1".to_owned(), "401"),
        (format!("GET /api/v1/status HTTP/1.1\r\n{viewer}"), "200"),
        (format!("POST /api/v1/recording HTTP/1.1\r\n{viewer}"), "403"),
        (format!("GET /preview/camera.jpg HTTP/1.1\r\n{viewer}"), "403"),
        (
            format!("GET /api/v1/preview HTTP/1.1\r\n{viewer}\r\n{socket}"),
            "403",
        ),
        (
            format!("POST /api/v1/recording HTTP/1.1\r\n{operator}\r\nContent-Length: 0"),
            "200",
        ),
        (format!("POST /api/v1/send-now HTTP/1.1\r\n{operator}"), "403"),
    ] {
        let (client, task) = knock(keys(Some(tls.clone())), FAR).await;
        let answer = ask(&mut secured(client, root.clone()).await, &head).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}")),
            "{head}: {answer}"
        );
        assert!(
            answer.contains("strict-transport-security: max-age=31536000"),
            "{answer}"
        );
        assert_eq!(
            answer.contains("www-authenticate: Bearer realm"),
            status.starts_with("40")
        );
        task.await.unwrap();
    }
}

#[tokio::test]
async fn the_remote_preview_opens_for_an_operator() {
    let (tls, root) = certificate();
    let (client, _task) = knock(keys(Some(tls)), FAR).await;
    let mut stream = secured(client, root).await;
    let request = format!(
        "GET /api/v1/preview HTTP/1.1\r\nHost: {NAME}\r\nOrigin: https://{NAME}\r\nConnection: upgrade\r\n\
         Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Authorization: Bearer operator-token-that-nobody-guesses\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 101");
}

#[tokio::test]
async fn a_browser_elsewhere_signs_in_at_the_page() {
    let (tls, root) = certificate();
    let (client, _task) = knock(keys(Some(tls.clone())), FAR).await;
    let body = "secret=viewer-token-that-nobody-guesses";
    let head = format!(
        "POST /sign-in HTTP/1.1\r\nOrigin: https://{NAME}\r\nAccept: text/html\r\nContent-Length: {}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nHost: {NAME}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    let mut stream = secured(client, root.clone()).await;
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 303"), "{answer}");
    let set = answer
        .lines()
        .find_map(|line| line.strip_prefix("set-cookie: "))
        .unwrap();
    assert!(
        set.starts_with("__Host-lectern-session=") && set.ends_with("; Secure"),
        "{set}"
    );
    let cookie = set.split(';').next().unwrap();
    let (client, _task) = knock(keys(Some(tls)), FAR).await;
    let head = format!("GET /api/v1/queue HTTP/1.1\r\nCookie: {cookie}");
    let answer = ask(&mut secured(client, root).await, &head).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn another_machine_gets_nothing_in_clear() {
    let (tls, _) = certificate();
    let (mut client, task) = knock(keys(Some(tls)), FAR).await;
    client.write_all(b"G").await.unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert!(answer.contains("Open it with https://"), "{answer}");
    task.await.unwrap();
    let (mut client, task) = knock(keys(None), FAR).await;
    client.write_all(b"G").await.unwrap();
    // The end may come as a reset, because what was written is not read.
    let mut nothing = Vec::new();
    drop(client.read_to_end(&mut nothing).await);
    assert!(
        nothing.is_empty(),
        "without a certificate there is nothing at all"
    );
    task.await.unwrap();
}

#[tokio::test]
async fn the_podium_may_speak_in_clear_and_over_tls() {
    let (tls, root) = certificate();
    let near = IpAddr::from([127, 0, 0, 1]);
    let (client, _task) = knock(keys(Some(tls.clone())), near).await;
    let mut stream = secured(client, root).await;
    let request = b"GET /api/v1/status HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let (mut client, _task) = knock(keys(Some(tls)), near).await;
    client.write_all(request).await.unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn whoever_says_nothing_or_stops_in_the_handshake_is_let_go() {
    for first in [&b""[..], b"\x16", b"\x16\x03\x01\x02\x00\x01"] {
        let (tls, _) = certificate();
        let (mut client, task) = knock(keys(Some(tls)), FAR).await;
        client.write_all(first).await.unwrap();
        let began = tokio::time::Instant::now();
        task.await.unwrap();
        let lasted = began.elapsed();
        assert!(
            lasted >= Duration::from_secs(10) && lasted < Duration::from_secs(11),
            "{lasted:?}"
        );
    }
}

#[test]
fn what_is_no_certificate_or_not_of_this_key_is_refused() {
    let (key, other) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let params = CertificateParams::new(vec![NAME.to_owned()]).unwrap();
    let pem = params.self_signed(&key).unwrap().pem();
    let said = |certificate: &str, key: &str| {
        Tls::from_pem(certificate.as_bytes(), key.as_bytes())
            .unwrap_err()
            .to_string()
    };
    assert!(said("", &key.serialize_pem()).contains("no readable certificate"));
    assert!(said(&pem, "nothing").contains("no readable private key"));
    assert!(said(&pem, &other.serialize_pem()).contains("cannot be used together"));
    assert!(Tls::from_pem(pem.as_bytes(), key.serialize_pem().as_bytes()).is_ok());
}
