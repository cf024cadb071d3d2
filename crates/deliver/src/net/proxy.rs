//! A way through an HTTP proxy: `CONNECT host:port`. What goes through is the platform's own TLS,
//! so the proxy sees whom we speak to and how much, and nothing else.

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use url::Url;

use super::NetFault;

/// No proxy's answer is longer.
const LONGEST_ANSWER_BYTES: usize = 16 * 1024;

/// Asks the proxy at the other end of `stream` for a way to where `url` points.
pub(super) async fn tunnel(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    url: &Url,
) -> Result<(), NetFault> {
    let lost = |error: std::io::Error| NetFault::Unreachable(format!("the proxy went away: {error}"));
    let host = url.host_str().unwrap_or_default();
    let port = url.port_or_known_default().unwrap_or(443);
    let ask = format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n");
    stream.write_all(ask.as_bytes()).await.map_err(lost)?;
    stream.flush().await.map_err(lost)?;
    let mut answer = BytesMut::new();
    // The platform is silent until we speak to it, so nothing of it can follow the answer.
    while !answer.ends_with(b"\r\n\r\n") {
        if answer.len() > LONGEST_ANSWER_BYTES {
            return Err(NetFault::Unreachable(
                "the proxy's answer does not end".to_owned(),
            ));
        }
        if stream.read_buf(&mut answer).await.map_err(lost)? == 0 {
            return Err(NetFault::Unreachable(
                "the proxy closed the connection without an answer".to_owned(),
            ));
        }
    }
    match status(&answer) {
        Some(200..=299) => Ok(()),
        Some(407) => Err(NetFault::Unreachable(
            "the proxy wants a user and a password (407), and Lectern has none for it: have it let this machine \
             through, or remove upload.proxy"
                .to_owned(),
        )),
        Some(status) => Err(NetFault::Unreachable(format!(
            "the proxy refused the way with {status}"
        ))),
        None => Err(NetFault::Unreachable(
            "what upload.proxy names is no HTTP proxy".to_owned(),
        )),
    }
}

/// The number in `HTTP/1.1 200 …`.
fn status(answer: &[u8]) -> Option<u16> {
    let first = answer.split(|byte| *byte == b'\r').next()?;
    let mut words = std::str::from_utf8(first).ok()?.split(' ');
    words.next().filter(|word| word.starts_with("HTTP/1."))?;
    words.next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn answered(answer: &'static [u8]) -> (Result<(), NetFault>, String) {
        let (mut ours, mut proxy) = tokio::io::duplex(4096);
        let url = Url::parse("https://[2001:db8::1]/files/").unwrap();
        let asked = async {
            let mut asked = vec![0; 256];
            let read = proxy.read(&mut asked).await.unwrap();
            proxy.write_all(answer).await.unwrap();
            drop(proxy);
            String::from_utf8_lossy(&asked[..read]).into_owned()
        };
        tokio::join!(tunnel(&mut ours, &url), asked)
    }

    #[tokio::test]
    async fn a_proxy_is_asked_for_host_and_port_and_its_no_is_told() {
        let (way, asked) = answered(b"HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n").await;
        way.unwrap();
        assert_eq!(
            asked,
            "CONNECT [2001:db8::1]:443 HTTP/1.1\r\nHost: [2001:db8::1]:443\r\n\r\n"
        );
        for (answer, says) in [
            (&b"HTTP/1.0 403 Forbidden\r\n\r\n"[..], "refused the way with 403"),
            (b"HTTP/1.1 407 x\r\n\r\n", "wants a user and a password"),
            (b"SSH-2.0-x\r\n\r\n", "is no HTTP proxy"),
            (b"HTTP/1.1 200", "without an answer"),
        ] {
            let (way, _) = answered(answer).await;
            assert!(
                matches!(&way, Err(NetFault::Unreachable(why)) if why.contains(says)),
                "{way:?}"
            );
        }
    }
}
