//! Accepts connections on the control socket and on the panel's port until it is told to end.
//!
//! Each connection is one task, owned and joined here. Their number is bounded per door, so that
//! pages can never take the control socket's seats, nor other machines the podium's. At the end, streams are told to close and
//! get [`DRAIN`]; what is left then is dropped.

use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

use crate::control::Control;
use crate::gate::{Caller, Gate, Greeted, Keys, greet};
use crate::metrics;
use crate::routes::router;
use crate::site::{Access, Closing, Site};

/// The most connections at one time: at the control socket, at the panel's port from this machine,
/// and at the panel's port from all others.
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
    /// The panel's port. Other machines need TLS and a token on it.
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
/// [`DRAIN`]. Needs a tokio runtime with time and I/O, and runs wholly on the caller's. New
/// `keys` count from the next request on; streams that are open go on.
///
/// # Errors
/// [`ServeError`] before anything is served; never after.
pub async fn serve(
    listeners: Listeners,
    keys: watch::Receiver<Arc<Keys>>,
    control: Arc<dyn Control>,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    let (close, closing) = Closing::new();
    let site = Site::new(control, closing.clone(), Gate::new(keys));
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
    let mut ears = JoinSet::new();
    ears.spawn(metrics::listen(Arc::clone(&site.ears), site.control.levels()));
    if let Some(listener) = socket {
        doors.spawn(Door::new(site.clone(), Access::Socket, closing.clone()).run(listener));
    }
    if let Some(listener) = tcp {
        doors.spawn(Door::new(site.clone(), Access::Loopback, closing).run(listener));
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
    ears.shutdown().await;
    tracing::debug!("the panel ended");
    Ok(())
}

/// One listener and its connections.
struct Door {
    gate: Arc<Gate>,
    router: Router,
    closing: Closing,
    /// For this machine: when they are taken, the next one waits in the system's queue.
    near: Arc<Semaphore>,
    /// For other machines, apart, so that they cannot keep the podium out: when they are taken,
    /// the next one is closed.
    far: Arc<Semaphore>,
    connections: JoinSet<()>,
}

/// Somebody at the door.
enum Arrival {
    Socket(UnixStream),
    Port(TcpStream, IpAddr),
}

/// The two kinds of listener, as far as a door cares.
trait Listen: Send + 'static {
    fn next(&self) -> impl Future<Output = io::Result<Arrival>> + Send;
}

impl Listen for UnixListener {
    async fn next(&self) -> io::Result<Arrival> {
        self.accept().await.map(|(stream, _)| Arrival::Socket(stream))
    }
}

impl Listen for TcpListener {
    async fn next(&self) -> io::Result<Arrival> {
        let (stream, peer) = self.accept().await?;
        // Levels and pictures are small; they must not wait to be put together.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection kept its delay");
        }
        Ok(Arrival::Port(stream, peer.ip().to_canonical()))
    }
}

impl Door {
    fn new(site: Site, access: Access, closing: Closing) -> Self {
        Self {
            gate: Arc::clone(&site.gate),
            router: router(site, access),
            closing,
            near: Arc::new(Semaphore::new(MAX_CONNECTIONS)),
            far: Arc::new(Semaphore::new(MAX_CONNECTIONS)),
            connections: JoinSet::new(),
        }
    }

    async fn run(mut self, listener: impl Listen) {
        let mut closing = self.closing.clone();
        loop {
            let seats = Arc::clone(&self.near);
            let arrival = async {
                let seat = seats.acquire_owned().await.ok();
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
                (seat, arrival) = arrival => match arrival {
                    Ok(arrival) => self.admit(arrival, seat),
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

    /// Starts the connection's task, which owns its seat.
    fn admit(&mut self, arrival: Arrival, near: Option<OwnedSemaphorePermit>) {
        let seat = match &arrival {
            Arrival::Port(_, peer) if !peer.is_loopback() => {
                let Ok(far) = Arc::clone(&self.far).try_acquire_owned() else {
                    tracing::debug!(%peer, "a connection from another machine found no seat and was closed");
                    return;
                };
                Some(far)
            }
            Arrival::Socket(_) | Arrival::Port(..) => near,
        };
        let (gate, router, closing) = (Arc::clone(&self.gate), self.router.clone(), self.closing.clone());
        self.connections.spawn(async move {
            attend(arrival, &gate, router, closing).await;
            drop(seat);
        });
    }
}

/// One connection from its first byte on. Whoever is slow to agree on TLS holds up nobody else.
async fn attend(arrival: Arrival, gate: &Gate, router: Router, mut closing: Closing) {
    let (stream, peer) = match arrival {
        Arrival::Socket(stream) => {
            return converse(stream, Caller::of(Access::Socket), router, closing).await;
        }
        Arrival::Port(stream, peer) => (stream, peer),
    };
    let (near, keys) = (peer.is_loopback(), gate.keys());
    let greeted = tokio::select! {
        greeted = greet(stream, keys.tls.as_ref(), near) => greeted,
        () = closing.wait() => None,
    };
    let caller = |secure| Caller {
        access: if near { Access::Loopback } else { Access::Remote },
        peer: Some(peer),
        secure,
    };
    match greeted {
        Some(Greeted::Plain(stream)) => converse(stream, caller(false), router, closing).await,
        Some(Greeted::Encrypted(stream)) => converse(stream, caller(true), router, closing).await,
        None => {}
    }
}

/// Requests and answers, until the client leaves or, after the sign to close, its request is
/// answered.
async fn converse(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    caller: Caller,
    router: Router,
    mut closing: Closing,
) {
    let service = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(caller);
        service.call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_WITHIN)
        .serve_connection(TokioIo::new(stream), service)
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

#[cfg(test)]
#[path = "serve_tests.rs"]
mod tests;
