//! The judges' connections: accepts, speaks HTTP/1.1, breaks a connection when told to, and tells
//! the sword what becomes of each request.

use std::convert::Infallible;
use std::io;
use std::os::fd::AsFd;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use rustls::ServerConfig;
use socket2::Socket;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::{JoinHandle, JoinSet};

use crate::court::{Sword, Verdict};

/// How long after its answer a client is killed at the latest by
/// [`Moment::AfterReply`](crate::Moment::AfterReply).
pub const LINGER: Duration = Duration::from_millis(5);

/// What every judge answers with.
pub(crate) type Answer = Response<Full<Bytes>>;

/// A judge as its connections know it.
pub(crate) trait Hears: Send + Sync + 'static {
    /// Answers one request, or ends its connection.
    fn hear(&self, breaker: &Breaker, request: Request<Incoming>) -> impl Future<Output = Answer> + Send;

    /// TLS, if it is spoken.
    fn tls(&self) -> Option<Arc<ServerConfig>>;

    /// Who is to be killed, and when.
    fn sword(&self) -> &Sword;
}

/// Lets a request end its own connection.
#[derive(Default)]
pub(crate) struct Breaker {
    reset: AtomicBool,
    now: Notify,
    /// Ticket of the request that is at work.
    working: AtomicU64,
    /// Ticket of the request whose answer is on its way out; 0 for none.
    leaving: AtomicU64,
    left: Notify,
}

impl Breaker {
    /// Ends the connection, by RST or by a plain close, and never returns.
    pub(crate) async fn cut(&self, reset: bool) -> ! {
        self.reset.store(reset, Ordering::SeqCst);
        self.now.notify_one();
        loop {
            std::future::pending::<()>().await;
        }
    }
}

/// Accepts until it is aborted; the connections end with it.
pub(crate) async fn accept<H: Hears>(listener: TcpListener, court: Arc<H>) {
    let mut connections = JoinSet::new();
    while let Ok((socket, _)) = listener.accept().await {
        connections.spawn(connection(socket, Arc::clone(&court)));
        while connections.try_join_next().is_some() {}
    }
}

/// Ends accepting and every connection, and returns when nothing works on the judge any more.
pub(crate) async fn end<H: Hears>(accepting: &mut JoinHandle<()>, court: &Arc<H>) {
    accepting.abort();
    // An aborted task ends with an error that says so; the port is free only after it.
    drop(accepting.await);
    // Each connection has a share of the judge until it is gone.
    while Arc::strong_count(court) > 1 {
        tokio::task::yield_now().await;
    }
}

/// How HTTP writes a time.
pub(crate) fn http_date(time: Timestamp) -> String {
    time.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

async fn connection<H: Hears>(socket: TcpStream, court: Arc<H>) {
    // A second handle on the socket, to choose how it ends while hyper owns the first.
    let Ok(handle) = socket.as_fd().try_clone_to_owned().map(Socket::from) else {
        return;
    };
    match court.tls() {
        None => serve(socket, &handle, court).await,
        Some(tls) => {
            if let Ok(socket) = tokio_rustls::TlsAcceptor::from(tls).accept(socket).await {
                serve(socket, &handle, court).await;
            }
        }
    }
}

async fn serve<H: Hears, S: AsyncRead + AsyncWrite + Unpin>(socket: S, handle: &Socket, court: Arc<H>) {
    let breaker = Arc::new(Breaker::default());
    let service = service_fn(|request| {
        let (court, breaker) = (Arc::clone(&court), Arc::clone(&breaker));
        async move { Ok::<_, Infallible>(hear(&*court, &breaker, request).await) }
    });
    let socket = Watched {
        socket,
        breaker: &breaker,
        sword: court.sword(),
    };
    let served = http1::Builder::new().serve_connection(TokioIo::new(socket), service);
    let lingered = async {
        breaker.left.notified().await;
        tokio::time::sleep(LINGER).await;
        court.sword().linger_over();
    };
    tokio::select! {
        // How a client ends its connection is its own business.
        _ = served => {}
        // The client is dead: nobody is left to talk to.
        () = lingered => {}
        () = breaker.now.notified() => {
            // A misdeed may have cut it; what was done was done.
            court.sword().effected(breaker.working.load(Ordering::SeqCst));
            if breaker.reset.load(Ordering::SeqCst) {
                abort_on_close(handle).expect("a connected socket takes a linger of zero");
            }
        }
    }
}

/// One request, with the sword told of each moment.
async fn hear<H: Hears>(court: &H, breaker: &Breaker, request: Request<Incoming>) -> Answer {
    let (ticket, verdict) = court.sword().arrived();
    if verdict == Verdict::Dead {
        breaker.cut(false).await;
    }
    breaker.working.store(ticket, Ordering::SeqCst);
    let answer = court.hear(breaker, request).await;
    if court.sword().effected(ticket) == Verdict::Dead {
        breaker.cut(false).await;
    }
    breaker.leaving.store(ticket, Ordering::SeqCst);
    answer
}

/// Closing with a zero linger sends RST instead of FIN.
fn abort_on_close(handle: &Socket) -> io::Result<()> {
    handle.set_linger(Some(Duration::ZERO))
}

/// A connection that tells when an answer has left: hyper flushes after each.
struct Watched<'a, S> {
    socket: S,
    breaker: &'a Breaker,
    sword: &'a Sword,
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<'_, S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<'_, S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.socket).poll_flush(cx);
        if let Poll::Ready(Ok(())) = flushed {
            let ticket = self.breaker.leaving.swap(0, Ordering::SeqCst);
            if ticket > 0 && self.sword.replied(ticket) == Verdict::Linger {
                self.breaker.left.notify_one();
            }
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}
