//! The one connection that carries the bytes: hyper's HTTP/1.1 over our own TCP socket.
//!
//! The socket is ours so that it can be tuned, paced and watched. The connection and its pace are
//! driven by the same future that sends, so there is no task behind our back: dropping the lane
//! closes the socket.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::client::conn::http1;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use url::Url;

use super::control::LONGEST_REPLY_BYTES;
use super::echo::Echo;
use super::pace::{Pace, Stalled};
use super::wire::Wire;
use super::{Line, NetFault, Patience, Proxy, Reply, authority, socket};

pub(crate) const AGENT: &str = concat!("lectern/", env!("CARGO_PKG_VERSION"));

/// What hyper may take of a body before the kernel does. Together with the kernel's own buffer it
/// leaves within a minute even at the lowest rate, so that who watches the body being taken does
/// not think the line dead.
const HYPERS_BUFFER_BYTES: usize = 64 * 1024;

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

type Connection = http1::Connection<TokioIo<Box<dyn Stream>>, Outgoing>;

/// An open connection to a platform.
pub(crate) struct Lane {
    sender: http1::SendRequest<Outgoing>,
    connection: Option<Pin<Box<Connection>>>,
    pace: Pace,
}

impl Lane {
    /// Connects to where `url` points, an https one through the `proxy` of the line if it has one.
    pub(super) async fn open(
        url: &Url,
        tls: &Arc<ClientConfig>,
        patience: Patience,
        line: &Arc<Line>,
        proxy: Option<&Proxy>,
    ) -> Result<Self, NetFault> {
        let opened = async {
            let proxy = proxy.filter(|_| url.scheme() == "https");
            let socket = Arc::new(match proxy {
                Some(proxy) => proxy.connect().await?,
                None => dial(url)
                    .await
                    .map_err(|error| NetFault::Unreachable(error.to_string()))?,
            });
            socket::tune(&socket, patience.idle);
            let pace = Pace::new(
                Arc::clone(&socket),
                line,
                authority(url),
                proxy.is_none(),
                patience.idle,
            );
            let mut wire = Wire::new(socket, Arc::clone(line));
            if let Some(proxy) = proxy {
                proxy.tunnel(&mut wire, url).await?;
            }
            let stream: Box<dyn Stream> = if url.scheme() == "https" {
                Box::new(secure(url, tls, wire).await?)
            } else {
                Box::new(wire)
            };
            let (sender, connection) = http1::Builder::new()
                .max_buf_size(HYPERS_BUFFER_BYTES)
                .handshake(TokioIo::new(stream))
                .await
                .map_err(|error| NetFault::of(&error, true))?;
            Ok(Self {
                sender,
                connection: Some(Box::pin(connection)),
                pace,
            })
        };
        tokio::time::timeout(patience.connect, opened)
            .await
            .map_err(|_| {
                NetFault::Unreachable(format!("no connection within {} s", patience.connect.as_secs()))
            })?
    }

    /// Waits until the lane can take a request; false when the peer has closed it.
    pub(crate) async fn ready(&mut self) -> bool {
        let Self {
            sender, connection, ..
        } = self;
        let ready = drive(connection, sender.ready()).await.is_ok();
        ready && self.connection.is_some()
    }

    /// Sends one request and reads its answer, at the line's pace. Ends by itself when the peer
    /// confirms no byte for `Patience::idle`; for how long an answer is waited, the caller decides.
    /// After an error, or when the
    /// future was dropped, the lane is to be dropped too.
    pub(crate) async fn send(&mut self, request: Request<Outgoing>) -> Result<Reply, NetFault> {
        let Self {
            sender,
            connection,
            pace,
        } = self;
        pace.begin();
        let mut exchange = std::pin::pin!(drive(connection, exchange(sender, request)));
        let done = std::future::poll_fn(|cx| {
            if let Poll::Ready(reply) = exchange.as_mut().poll(cx) {
                return Poll::Ready(reply);
            }
            pace.poll(cx).map(|Stalled(idle)| Err(NetFault::Stalled(idle)))
        })
        .await;
        pace.end();
        done
    }
}

async fn exchange(
    sender: &mut http1::SendRequest<Outgoing>,
    request: Request<Outgoing>,
) -> Result<Reply, NetFault> {
    let lost = |error: &hyper::Error| match error.is_incomplete_message() {
        true => NetFault::NoReply("it closed the connection without an answer".to_owned()),
        false => NetFault::of(error, false),
    };
    let echo = Echo::of(request.headers());
    let reply: Response<Incoming> = sender.send_request(request).await.map_err(|error| lost(&error))?;
    let (head, body) = reply.into_parts();
    let body = Limited::new(body, LONGEST_REPLY_BYTES)
        .collect()
        .await
        .map_err(|error| NetFault::NoReply(super::innermost(&*error)))?
        .to_bytes();
    Ok(echo.hushed(Reply {
        status: head.status,
        headers: head.headers,
        body,
    }))
}

/// Polls `work` and the connection that it depends on. An error of the connection also ends
/// `work`, which tells it better.
async fn drive<T>(connection: &mut Option<Pin<Box<Connection>>>, work: impl Future<Output = T>) -> T {
    let mut work = std::pin::pin!(work);
    std::future::poll_fn(|cx| {
        if let Some(open) = connection
            && let Poll::Ready(ended) = open.as_mut().poll(cx)
        {
            if let Err(error) = ended {
                tracing::debug!(%error, "the platform's connection ended");
            }
            *connection = None;
        }
        work.as_mut().poll(cx)
    })
    .await
}

/// A socket to where `url` points.
pub(super) async fn dial(url: &Url) -> io::Result<TcpStream> {
    let port = url.port_or_known_default().unwrap_or(443);
    let host = url.host_str().unwrap_or_default();
    TcpStream::connect((host.trim_matches(['[', ']']), port)).await
}

async fn secure(
    url: &Url,
    tls: &Arc<ClientConfig>,
    wire: Wire,
) -> Result<tokio_rustls::client::TlsStream<Wire>, NetFault> {
    let host = url
        .host_str()
        .unwrap_or_default()
        .trim_matches(['[', ']'])
        .to_owned();
    let name = ServerName::try_from(host).map_err(|error| NetFault::Untrusted(error.to_string()))?;
    tokio_rustls::TlsConnector::from(Arc::clone(tls))
        .connect(name, wire)
        .await
        .map_err(|error| NetFault::of(&error, true))
}

/// A request body of known length that counts what the connection took.
pub(crate) struct Outgoing {
    frames: Frames,
    left: u64,
    taken: Arc<AtomicU64>,
}

enum Frames {
    /// From the disk, a few blocks ahead.
    Stream(mpsc::Receiver<Bytes>),
    /// One piece in memory.
    Piece(Option<Bytes>),
}

impl Outgoing {
    /// `length` bytes that arrive in `frames`; each is added to `taken` when the connection takes it.
    pub(crate) fn stream(frames: mpsc::Receiver<Bytes>, length: u64, taken: Arc<AtomicU64>) -> Self {
        Self {
            frames: Frames::Stream(frames),
            left: length,
            taken,
        }
    }

    /// One piece.
    pub(crate) fn piece(piece: Bytes, taken: Arc<AtomicU64>) -> Self {
        Self {
            left: piece.len() as u64,
            frames: Frames::Piece(Some(piece)),
            taken,
        }
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let next = match &mut self.frames {
            Frames::Stream(frames) => std::task::ready!(frames.poll_recv(cx)),
            Frames::Piece(piece) => piece.take(),
        };
        match next {
            Some(frame) => {
                self.left = self.left.saturating_sub(frame.len() as u64);
                self.taken.fetch_add(frame.len() as u64, Ordering::Relaxed);
                Poll::Ready(Some(Ok(Frame::data(frame))))
            }
            None if self.left == 0 => Poll::Ready(None),
            None => Poll::Ready(Some(Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "our file ended early",
            )))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{LineRules, tls};
    use super::*;
    use std::time::Duration;
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn a_peer_that_reads_nothing_is_given_up_by_what_it_confirmed() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
        let line = Line::new(LineRules::default(), Vec::new());
        let patience = Patience {
            connect: Duration::from_secs(10),
            reply: Duration::from_secs(10),
            idle: Duration::from_millis(300),
        };
        let mut lane = Lane::open(&url, &tls::trusting_nobody(), patience, &line, None)
            .await
            .unwrap();
        let (_silent, _) = listener.accept().await.unwrap();
        let taken = Arc::new(AtomicU64::new(0));
        // More than both kernels take.
        let body = Outgoing::piece(vec![7; 64 * 1024 * 1024].into(), Arc::clone(&taken));
        let request = Request::put("/").body(body).unwrap();
        let ended = tokio::time::timeout(Duration::from_secs(30), lane.send(request)).await;
        assert!(
            matches!(&ended, Ok(Err(NetFault::Stalled(idle))) if *idle == patience.idle),
            "{ended:?}"
        );
        assert!(line.sent_bytes() > 0 && line.status().is_some());
        drop(lane);
        assert_eq!(line.status(), None);
    }
}
