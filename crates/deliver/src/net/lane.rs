//! The one connection that carries the bytes: hyper's HTTP/1.1 over our own TCP socket.
//!
//! The socket is ours so that it can be tuned, watched and later paced. The connection is driven
//! by the same future that sends, so there is no task behind our back: dropping the lane closes
//! the socket.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::client::conn::http1;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use url::Url;

use super::control::LONGEST_REPLY_BYTES;
use super::{Line, NetFault, Patience, Reply};

pub(crate) const AGENT: &str = concat!("lectern/", env!("CARGO_PKG_VERSION"));

/// Unsent bytes that the kernel may hold: enough to keep a line busy, little enough that what was
/// counted as sent has left.
const NOT_SENT_BYTES: u32 = 128 * 1024;

trait Socket: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Socket for T {}

type Connection = http1::Connection<TokioIo<Box<dyn Socket>>, Outgoing>;

/// An open connection to a platform.
pub(crate) struct Lane {
    sender: http1::SendRequest<Outgoing>,
    connection: Option<Pin<Box<Connection>>>,
}

impl Lane {
    pub(super) async fn open(
        url: &Url,
        tls: &Arc<ClientConfig>,
        patience: Patience,
        _line: &Arc<Line>,
    ) -> Result<Self, NetFault> {
        let opened = async {
            let socket = connect(url, patience.idle).await?;
            let socket: Box<dyn Socket> = if url.scheme() == "https" {
                Box::new(secure(url, tls, socket).await?)
            } else {
                Box::new(socket)
            };
            http1::handshake(TokioIo::new(socket))
                .await
                .map_err(|error| NetFault::of(&error, true))
        };
        let (sender, connection) = tokio::time::timeout(patience.connect, opened)
            .await
            .map_err(|_| {
                NetFault::Unreachable(format!("no connection within {} s", patience.connect.as_secs()))
            })??;
        Ok(Self {
            sender,
            connection: Some(Box::pin(connection)),
        })
    }

    /// Waits until the lane can take a request; false when the peer has closed it.
    pub(crate) async fn ready(&mut self) -> bool {
        let Self { sender, connection } = self;
        let ready = drive(connection, sender.ready()).await.is_ok();
        ready && self.connection.is_some()
    }

    /// Sends one request and reads its answer. After an error, or when the future was dropped,
    /// the lane is to be dropped too.
    pub(crate) async fn send(&mut self, request: Request<Outgoing>) -> Result<Reply, NetFault> {
        let Self { sender, connection } = self;
        let lost = |error: &hyper::Error| match error.is_incomplete_message() {
            true => NetFault::NoReply("it closed the connection without an answer".to_owned()),
            false => NetFault::of(error, false),
        };
        let reply: Response<Incoming> = drive(connection, sender.send_request(request))
            .await
            .map_err(|error| lost(&error))?;
        let (head, body) = reply.into_parts();
        let body = drive(connection, Limited::new(body, LONGEST_REPLY_BYTES).collect())
            .await
            .map_err(|error| NetFault::NoReply(super::innermost(&*error)))?
            .to_bytes();
        Ok(Reply {
            status: head.status,
            headers: head.headers,
            body,
        })
    }
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

async fn connect(url: &Url, idle: Duration) -> Result<TcpStream, NetFault> {
    let refused = |error: io::Error| NetFault::of(&error, true);
    let port = url.port_or_known_default().unwrap_or(443);
    let host = url.host_str().unwrap_or_default();
    let socket = TcpStream::connect((host.trim_matches(['[', ']']), port))
        .await
        .map_err(refused)?;
    socket.set_nodelay(true).map_err(refused)?;
    let options = SockRef::from(&socket);
    // A kernel that refuses these costs promptness, not correctness.
    let tuned = options
        .set_tcp_notsent_lowat(NOT_SENT_BYTES)
        .and_then(|()| options.set_tcp_user_timeout(Some(idle)))
        .and_then(|()| options.set_keepalive(true));
    if let Err(error) = tuned {
        tracing::debug!(%error, "the upload socket was not tuned");
    }
    Ok(socket)
}

async fn secure(
    url: &Url,
    tls: &Arc<ClientConfig>,
    socket: TcpStream,
) -> Result<tokio_rustls::client::TlsStream<TcpStream>, NetFault> {
    let host = url
        .host_str()
        .unwrap_or_default()
        .trim_matches(['[', ']'])
        .to_owned();
    let name = ServerName::try_from(host).map_err(|error| NetFault::Untrusted(error.to_string()))?;
    tokio_rustls::TlsConnector::from(Arc::clone(tls))
        .connect(name, socket)
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
