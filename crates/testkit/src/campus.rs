//! A proxy as a campus has it: `CONNECT` only, and for whoever signs in by HTTP Basic.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// No request for a way is longer.
const LONGEST_HEAD_BYTES: usize = 16 * 1024;
const NEVER: u64 = u64::MAX;

/// A proxy on a port of its own, ended with its connections when it is dropped.
pub struct CampusProxy {
    address: SocketAddr,
    door: Arc<Mutex<Door>>,
    accepting: JoinHandle<()>,
}

struct Door {
    /// `user:password` of who is let through.
    guest: String,
    /// What it says to others of how to sign in; one header each.
    offers: Vec<String>,
    heads: Vec<String>,
    let_through: usize,
    /// The next way breaks when so many bytes went up it.
    cut_after: u64,
}

impl CampusProxy {
    /// Listens on a free port of this machine; lets `guest` through, which is `user:password`, and
    /// offers Basic to all others.
    ///
    /// # Errors
    /// When it cannot listen.
    pub async fn start(guest: &str) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("listening")?;
        let address = listener.local_addr()?;
        let door = Arc::new(Mutex::new(Door {
            guest: guest.to_owned(),
            offers: vec!["Basic realm=\"campus\"".to_owned()],
            heads: Vec::new(),
            let_through: 0,
            cut_after: NEVER,
        }));
        let accepting = tokio::spawn(accept(listener, Arc::clone(&door)));
        Ok(Self {
            address,
            door,
            accepting,
        })
    }

    /// Its address as a configuration names it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Offers these ways of signing in from now on, and takes none of them.
    pub fn offer_only(&self, schemes: &[&str]) {
        let mut door = door(&self.door);
        door.offers = schemes.iter().map(|&scheme| scheme.to_owned()).collect();
        door.guest = String::new();
    }

    /// Breaks the first way on which so many bytes went towards the server; once.
    pub fn cut_after(&self, bytes: u64) {
        door(&self.door).cut_after = bytes;
    }

    /// Whether a way is still to be broken.
    #[must_use]
    pub fn is_cutting(&self) -> bool {
        door(&self.door).cut_after != NEVER
    }

    /// The heads of all requests so far.
    #[must_use]
    pub fn heads(&self) -> Vec<String> {
        door(&self.door).heads.clone()
    }

    /// How many were let through so far.
    #[must_use]
    pub fn let_through(&self) -> usize {
        door(&self.door).let_through
    }
}

impl Drop for CampusProxy {
    fn drop(&mut self) {
        // The connections belong to the accepting task's set and end with it.
        self.accepting.abort();
    }
}

fn door(door: &Mutex<Door>) -> MutexGuard<'_, Door> {
    door.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn accept(listener: TcpListener, door: Arc<Mutex<Door>>) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        // Whoever hangs up first has said enough.
        let door = Arc::clone(&door);
        connections.spawn(async move { drop(serve(client, &door).await) });
        while connections.try_join_next().is_some() {}
    }
}

async fn serve(mut client: TcpStream, shared: &Mutex<Door>) -> anyhow::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        anyhow::ensure!(head.len() < LONGEST_HEAD_BYTES, "a head without an end");
        head.push(client.read_u8().await?);
    }
    let head = String::from_utf8(head)?;
    let refusal = door(shared).judge(&head);
    if let Some(refusal) = refusal {
        client.write_all(refusal.as_bytes()).await?;
        return Ok(client.shutdown().await?);
    }
    let target = head.split(' ').nth(1).context("a target")?;
    let mut server = TcpStream::connect(target).await?;
    client
        .write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")
        .await?;
    let (mut from_client, mut to_client) = client.split();
    let (mut from_server, mut to_server) = server.split();
    tokio::select! {
        ended = up(&mut from_client, &mut to_server, shared) => ended,
        ended = tokio::io::copy(&mut from_server, &mut to_client) => Ok(ended.map(drop)?),
    }
}

/// Forwards until an end, or until the way is cut.
async fn up(
    from: &mut (impl AsyncReadExt + Unpin),
    to: &mut (impl AsyncWriteExt + Unpin),
    shared: &Mutex<Door>,
) -> anyhow::Result<()> {
    let (mut block, mut went) = (vec![0; 16 * 1024], 0);
    loop {
        let read = from.read(&mut block).await?;
        went += read as u64;
        if read == 0 || door(shared).cuts(went) {
            return Ok(());
        }
        to.write_all(&block[..read]).await?;
    }
}

impl Door {
    /// The answer to who does not get a way.
    fn judge(&mut self, head: &str) -> Option<String> {
        self.heads.push(head.to_owned());
        if !head.starts_with("CONNECT ") {
            return Some("HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n".to_owned());
        }
        let right = format!("Basic {}", STANDARD.encode(&self.guest));
        let fields = head.lines().filter_map(|line| line.split_once(": "));
        let mut said = fields.filter(|(name, _)| name.eq_ignore_ascii_case("proxy-authorization"));
        if !self.guest.is_empty() && said.any(|(_, value)| value == right) {
            self.let_through += 1;
            return None;
        }
        let offers: String = self
            .offers
            .iter()
            .map(|offer| format!("Proxy-Authenticate: {offer}\r\n"))
            .collect();
        // As a real one does, it says back what it was told.
        let body = head;
        Some(format!(
            "HTTP/1.1 407 Proxy Authentication Required\r\n{offers}Connection: close\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ))
    }

    fn cuts(&mut self, went: u64) -> bool {
        let cuts = went >= self.cut_after;
        if cuts {
            self.cut_after = NEVER;
        }
        cuts
    }
}
