//! Accepts connections on the control socket and on the panel's port until it is told to end.
//!
//! Each connection is one task, owned and joined here. Their number is bounded per door, so that
//! pages can never take the control socket's seats. At the end, streams are told to close and
//! get [`DRAIN`]; what is left then is dropped.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::control::Control;
use crate::routes::router;
use crate::site::{Access, Closing, Site};

/// The most connections at one time, for each of the two doors. More wait in the system's queue.
pub const MAX_CONNECTIONS: usize = 64;
/// How long open requests and streams get to end.
pub const DRAIN: Duration = Duration::from_secs(1);
/// How long a client may take to say what it wants.
const HEADER_WITHIN: Duration = Duration::from_secs(10);
/// How long to wait when the system has no descriptor left for another connection.
const ACCEPT_AGAIN: Duration = Duration::from_millis(500);

/// The doors, bound by the daemon: it knows the socket's mode and group and the port.
#[derive(Debug, Default)]
pub struct Listeners {
    /// The control socket.
    pub socket: Option<std::os::unix::net::UnixListener>,
    /// The panel's port. Connections from other machines are closed at once.
    pub tcp: Option<std::net::TcpListener>,
}

/// Why serving could not begin.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// A listener could not be handed to the runtime.
    #[error("the {door} cannot be listened on: {source}")]
    Listen {
        /// Which.
        door: &'static str,
        /// Why.
        source: io::Error,
    },
}

/// Serves page and API on both doors until `shutdown` is ready, then drains for at most
/// [`DRAIN`]. Needs a tokio runtime with time and I/O, and runs wholly on the caller's.
///
/// # Errors
/// [`ServeError`] before anything is served; never after.
pub async fn serve(
    listeners: Listeners,
    control: Arc<dyn Control>,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    let (close, closing) = Closing::new();
    let site = Site::new(control, closing.clone());
    let socket = match listeners.socket {
        None => None,
        Some(listener) => {
            let failed = |source| ServeError::Listen {
                door: "control socket",
                source,
            };
            listener.set_nonblocking(true).map_err(failed)?;
            Some(UnixListener::from_std(listener).map_err(failed)?)
        }
    };
    let tcp = match listeners.tcp {
        None => None,
        Some(listener) => {
            let failed = |source| ServeError::Listen {
                door: "panel's port",
                source,
            };
            listener.set_nonblocking(true).map_err(failed)?;
            Some(TcpListener::from_std(listener).map_err(failed)?)
        }
    };
    let mut doors = JoinSet::new();
    if let Some(listener) = socket {
        doors.spawn(Door::new(router(site.clone(), Access::Socket), closing.clone()).run(listener));
    }
    if let Some(listener) = tcp {
        doors.spawn(Door::new(router(site.clone(), Access::Loopback), closing).run(listener));
    }
    shutdown.await;
    close.send_replace(true);
    let ended = async {
        while doors.join_next().await.is_some() {}
        site.previews_ended().await;
    };
    if tokio::time::timeout(DRAIN, ended).await.is_err() {
        tracing::info!("requests were still open at the end and were dropped");
    }
    // Dropping a door's task drops its connections with it.
    doors.shutdown().await;
    tracing::debug!("the panel ended");
    Ok(())
}

/// One listener and its connections.
struct Door {
    router: Router,
    closing: Closing,
    seats: Arc<Semaphore>,
    connections: JoinSet<()>,
}

/// The two kinds of listener, as far as a door cares.
trait Listen: Send + 'static {
    type Stream: AsyncRead + AsyncWrite + Send + Unpin + 'static;
    fn next(&self) -> impl Future<Output = io::Result<Option<Self::Stream>>> + Send;
}

impl Listen for UnixListener {
    type Stream = tokio::net::UnixStream;

    async fn next(&self) -> io::Result<Option<Self::Stream>> {
        self.accept().await.map(|(stream, _)| Some(stream))
    }
}

impl Listen for TcpListener {
    type Stream = tokio::net::TcpStream;

    async fn next(&self) -> io::Result<Option<Self::Stream>> {
        let (stream, peer): (_, SocketAddr) = self.accept().await?;
        if !peer.ip().to_canonical().is_loopback() {
            tracing::warn!(%peer, "a connection from another machine was closed");
            return Ok(None);
        }
        // Levels and pictures are small; they must not wait to be put together.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection kept its delay");
        }
        Ok(Some(stream))
    }
}

impl Door {
    fn new(router: Router, closing: Closing) -> Self {
        Self {
            router,
            closing,
            seats: Arc::new(Semaphore::new(MAX_CONNECTIONS)),
            connections: JoinSet::new(),
        }
    }

    async fn run(mut self, listener: impl Listen) {
        let mut closing = self.closing.clone();
        loop {
            let seats = Arc::clone(&self.seats);
            let arrival = async {
                let seat = seats.acquire_owned().await;
                (seat, listener.next().await)
            };
            tokio::select! {
                biased;
                () = closing.wait() => break,
                Some(ended) = self.connections.join_next() => {
                    if let Err(error) = ended {
                        tracing::error!(%error, "a connection's task panicked");
                    }
                }
                (seat, stream) = arrival => match stream {
                    Ok(Some(stream)) => {
                        let connection = converse(stream, self.router.clone(), self.closing.clone());
                        self.connections.spawn(async move {
                            connection.await;
                            drop(seat);
                        });
                    }
                    Ok(None) => {}
                    Err(error) => {
                        tracing::warn!(%error, "a connection could not be accepted");
                        tokio::time::sleep(ACCEPT_AGAIN).await;
                    }
                },
            }
        }
        drop(listener);
        while self.connections.join_next().await.is_some() {}
    }
}

/// One connection, until the client leaves or, after the sign to close, its request is answered.
async fn converse(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    router: Router,
    mut closing: Closing,
) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_WITHIN)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let outcome = tokio::select! {
        outcome = connection.as_mut() => outcome,
        () = closing.wait() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = outcome {
        tracing::debug!(%error, "a connection ended early");
    }
}
