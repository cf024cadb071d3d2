//! A TCP line that breaks: forwards bytes, counts them, and on command resets or stalls.
//!
//! A reset is a real one (RST in both directions), after exactly the given number of bytes
//! towards the server. Receive buffers are small, so that no more is on the way than on a line.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Context;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

const BUFFER_BYTES: u32 = 256 * 1024;
const NEVER: u64 = u64::MAX;

/// A proxy on a port of its own, ended when it is dropped.
pub struct CuttingProxy {
    address: SocketAddr,
    line: Arc<Line>,
    accepting: JoinHandle<()>,
}

struct Line {
    upstream: SocketAddr,
    /// Bytes forwarded towards the server.
    up: AtomicU64,
    /// Bytes forwarded towards the client.
    down: AtomicU64,
    /// Reset when `up` reaches this; once.
    reset_at: AtomicU64,
    resets: AtomicU64,
    connections: AtomicU64,
    stalled: watch::Sender<bool>,
}

/// Why a connection's forwarding ended.
enum End {
    Closed,
    Reset,
}

impl CuttingProxy {
    /// Listens on `127.0.0.1:port` (0: any) and forwards to `upstream`.
    ///
    /// # Errors
    /// When it cannot listen.
    pub async fn start(upstream: SocketAddr, port: u16) -> anyhow::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        socket.set_recv_buffer_size(BUFFER_BYTES)?;
        socket.bind(SocketAddr::from(([127, 0, 0, 1], port)))?;
        let listener = socket.listen(64).context("listening")?;
        let address = listener.local_addr()?;
        let line = Arc::new(Line {
            upstream,
            up: AtomicU64::new(0),
            down: AtomicU64::new(0),
            reset_at: AtomicU64::new(NEVER),
            resets: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            stalled: watch::Sender::new(false),
        });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&line)));
        Ok(Self {
            address,
            line,
            accepting,
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Resets the connection that forwards the `bytes`-th byte from now on; once.
    pub fn reset_after(&self, bytes: u64) {
        self.line
            .reset_at
            .store(self.forwarded().saturating_add(bytes), Ordering::SeqCst);
    }

    /// Forwards nothing more until [`CuttingProxy::flow`]; connections stay open.
    pub fn stall(&self) {
        self.line.stalled.send_replace(true);
    }

    /// Ends a stall.
    pub fn flow(&self) {
        self.line.stalled.send_replace(false);
    }

    /// Bytes forwarded towards the server so far, headers included.
    #[must_use]
    pub fn forwarded(&self) -> u64 {
        self.line.up.load(Ordering::SeqCst)
    }

    /// Bytes forwarded towards the client so far.
    #[must_use]
    pub fn returned(&self) -> u64 {
        self.line.down.load(Ordering::SeqCst)
    }

    /// Connections that were reset.
    #[must_use]
    pub fn resets(&self) -> u64 {
        self.line.resets.load(Ordering::SeqCst)
    }

    /// Connections that were accepted.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.line.connections.load(Ordering::SeqCst)
    }
}

impl Drop for CuttingProxy {
    fn drop(&mut self) {
        // The connections belong to the accepting task's set and end with it.
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, line: Arc<Line>) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        line.connections.fetch_add(1, Ordering::SeqCst);
        connections.spawn(serve(client, Arc::clone(&line)));
        while connections.try_join_next().is_some() {}
    }
}

async fn serve(mut client: TcpStream, line: Arc<Line>) {
    let Ok(mut server) = TcpStream::connect(line.upstream).await else {
        return reset(&client);
    };
    let end = {
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        tokio::select! {
            end = forward_up(from_client, to_server, &line) => end,
            end = forward_down(from_server, to_client, &line) => end,
        }
    };
    if matches!(end, End::Reset) {
        line.resets.fetch_add(1, Ordering::SeqCst);
        reset(&client);
        reset(&server);
    }
}

/// Has the socket send RST instead of FIN when it is closed, right after this.
fn reset(socket: &TcpStream) {
    // A socket that cannot be set is closed all the same, only more politely.
    drop(socket.set_zero_linger());
}

async fn forward_up(mut from: ReadHalf<'_>, mut to: WriteHalf<'_>, line: &Line) -> End {
    let mut block = vec![0; 64 * 1024];
    loop {
        line.flowing().await;
        let Ok(read @ 1..) = from.read(&mut block).await else {
            return End::Closed;
        };
        line.flowing().await;
        let left = line
            .reset_at
            .load(Ordering::SeqCst)
            .saturating_sub(line.up.load(Ordering::SeqCst));
        let allowed = usize::try_from(left).map_or(read, |left| left.min(read));
        if to.write_all(&block[..allowed]).await.is_err() {
            return End::Reset;
        }
        line.up.fetch_add(allowed as u64, Ordering::SeqCst);
        if allowed < read {
            line.reset_at.store(NEVER, Ordering::SeqCst);
            return End::Reset;
        }
    }
}

async fn forward_down(mut from: ReadHalf<'_>, mut to: WriteHalf<'_>, line: &Line) -> End {
    let mut block = vec![0; 64 * 1024];
    loop {
        line.flowing().await;
        match from.read(&mut block).await {
            Ok(0) => return End::Closed,
            Ok(read) => {
                if to.write_all(&block[..read]).await.is_err() {
                    return End::Reset;
                }
                line.down.fetch_add(read as u64, Ordering::SeqCst);
            }
            Err(_) => return End::Reset,
        }
    }
}

impl Line {
    async fn flowing(&self) {
        // The sender lives in `self`, so the wait cannot fail.
        drop(self.stalled.subscribe().wait_for(|stalled| !stalled).await);
    }
}
