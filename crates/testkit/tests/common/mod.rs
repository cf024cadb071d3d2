//! Requests to the tus judge as they are written.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Sends a request as it is written and gives the status and the text of its answer; status 0
/// when there was none.
pub(crate) async fn ask(judge: SocketAddr, request: &str, body: &str) -> (u16, String) {
    let mut socket = TcpStream::connect(judge).await.unwrap();
    let text = format!(
        "{}\r\nHost: {}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        request.trim().replace('\n', "\r\n"),
        judge,
        body.len()
    );
    socket.write_all(text.as_bytes()).await.unwrap();
    let mut answer = String::new();
    // A connection that is cut ends with an error, and with what came before it.
    drop(socket.read_to_string(&mut answer).await);
    let status = answer.get(9..12).and_then(|status| status.parse().ok());
    (status.unwrap_or(0), answer.to_ascii_lowercase())
}
