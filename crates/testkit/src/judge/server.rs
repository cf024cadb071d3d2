//! The judge's connections: accepts, speaks HTTP/1.1, and breaks a connection when told to.

use std::convert::Infallible;
use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use socket2::Socket;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::{Court, answer};

/// Lets a request end its own connection.
pub(super) struct Breaker {
    reset: AtomicBool,
    now: Notify,
}

impl Breaker {
    /// Ends the connection, by RST or by a plain close, and never returns.
    pub(super) async fn cut(&self, reset: bool) -> ! {
        self.reset.store(reset, Ordering::SeqCst);
        self.now.notify_one();
        loop {
            std::future::pending::<()>().await;
        }
    }
}

/// Accepts until it is aborted; the connections end with it.
pub(super) async fn accept(listener: TcpListener, court: Arc<Court>) {
    let mut connections = JoinSet::new();
    while let Ok((socket, _)) = listener.accept().await {
        connections.spawn(connection(socket, Arc::clone(&court)));
        while connections.try_join_next().is_some() {}
    }
}

async fn connection(socket: TcpStream, court: Arc<Court>) {
    // A second handle on the socket, to choose how it ends while hyper owns the first.
    let Ok(handle) = socket.as_fd().try_clone_to_owned().map(Socket::from) else {
        return;
    };
    match court.rules.tls.clone() {
        None => serve(socket, &handle, court).await,
        Some(tls) => {
            if let Ok(socket) = tokio_rustls::TlsAcceptor::from(tls).accept(socket).await {
                serve(socket, &handle, court).await;
            }
        }
    }
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin>(socket: S, handle: &Socket, court: Arc<Court>) {
    let breaker = Arc::new(Breaker {
        reset: AtomicBool::new(false),
        now: Notify::new(),
    });
    let service = service_fn(|request| {
        let (court, breaker) = (Arc::clone(&court), Arc::clone(&breaker));
        async move { Ok::<_, Infallible>(answer::answer(&court, &breaker, request).await) }
    });
    let served = http1::Builder::new().serve_connection(TokioIo::new(socket), service);
    tokio::select! {
        // How a client ends its connection is its own business.
        _ = served => {}
        () = breaker.now.notified() => {
            if breaker.reset.load(Ordering::SeqCst) {
                abort_on_close(handle).expect("a connected socket takes a linger of zero");
            }
        }
    }
}

/// Closing with a zero linger sends RST instead of FIN.
fn abort_on_close(handle: &Socket) -> io::Result<()> {
    handle.set_linger(Some(Duration::ZERO))
}
