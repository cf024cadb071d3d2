//! HTTP on the control socket: one connection per request, no pool, no TLS, no redirects.
//!
//! A daemon that takes over new settings or a new program is away for a second or two. A command
//! that surely was not carried out is given again meanwhile: nobody was at the socket, or the
//! answer says so itself (`Retry-After`). A conversation that broke off is repeated only for a start,
//! and only once it is seen that no lecture came of it.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1::handshake;
use hyper::header::{ACCEPT, CONTENT_TYPE, HOST, RETRY_AFTER};
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use lectern_domain::api::Problem;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::net::UnixStream;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use crate::fault::Fault;

/// Each time that something is asked: the daemon gives a handler up after fifteen seconds; this is
/// a little more.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);
/// How long a daemon and its sources may take to be back, until a person is told.
const BACK_WITHIN: Duration = Duration::from_secs(8);
/// Between two times that a command is given.
const GIVE_AGAIN: Duration = Duration::from_millis(200);
/// No document of the API comes near it; more is not the daemon.
const MAX_DOCUMENT_BYTES: usize = 64 * 1024 * 1024;
/// The most that one line of the event stream may take.
const MAX_LINE_BYTES: usize = 4 * 1024 * 1024;

/// What is done about a conversation that broke off in its middle, when a daemon that had taken the
/// connection executed itself anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Broken {
    /// It is told: what was asked may have happened.
    Told,
    /// It is asked again if no lecture is under way. Were one by then after all, the daemon would
    /// refuse: it never records two.
    AskedAgain,
}

/// The daemon, as seen from here.
pub(crate) struct Client {
    socket: PathBuf,
}

impl Client {
    pub(crate) fn new(socket: PathBuf) -> Self {
        Self { socket }
    }

    /// Asks for a document.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Fault> {
        self.ask(Method::GET, path, Bytes::new()).await
    }

    /// Gives a command with a body.
    pub(crate) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, Fault> {
        let body = serde_json::to_vec(body).expect("requests have only texts and numbers");
        self.ask(Method::POST, path, body.into()).await
    }

    /// Changes what is at a path.
    pub(crate) async fn patch<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, Fault> {
        let body = serde_json::to_vec(body).expect("requests have only texts and numbers");
        self.ask(Method::PATCH, path, body.into()).await
    }

    /// Gives the command that makes a lecture, also to a daemon that goes away as it is asked.
    pub(crate) async fn start<T: DeserializeOwned>(&self, body: &impl Serialize) -> Result<T, Fault> {
        let body = serde_json::to_vec(body).expect("requests have only texts and numbers");
        let fetched = self.fetch(Method::POST, "/api/v1/recording", body.into(), Broken::AskedAgain);
        self.document(&fetched.await?)
    }

    /// Gives a command without a body.
    pub(crate) async fn post_nothing<T: DeserializeOwned>(&self, path: &str) -> Result<T, Fault> {
        self.ask(Method::POST, path, Bytes::new()).await
    }

    /// Asks for a picture: bytes as they come.
    pub(crate) async fn picture(&self, path: &str) -> Result<Bytes, Fault> {
        self.fetch(Method::GET, path, Bytes::new(), Broken::Told).await
    }

    async fn ask<T: DeserializeOwned>(&self, method: Method, path: &str, body: Bytes) -> Result<T, Fault> {
        self.document(&self.fetch(method, path, body, Broken::Told).await?)
    }

    fn document<T: DeserializeOwned>(&self, bytes: &[u8]) -> Result<T, Fault> {
        serde_json::from_slice(bytes).map_err(|error| self.foreign(&error.to_string()))
    }

    async fn fetch(&self, method: Method, path: &str, body: Bytes, broken: Broken) -> Result<Bytes, Fault> {
        let patience = match method {
            Method::GET => Duration::ZERO,
            _ => BACK_WITHIN,
        };
        let until = Instant::now() + patience;
        let answer = loop {
            let stream = self.connected(until).await?;
            let exchange = self.exchange(stream, method.clone(), path, body.clone());
            match timeout(ANSWER_WITHIN, exchange)
                .await
                .map_err(|_| self.silent())?
            {
                Ok(answer) if answer.may_ask_again && Instant::now() < until => {}
                Ok(answer) => break answer,
                Err(_) if broken == Broken::AskedAgain && self.nothing_began(until).await => {}
                Err(fault) => return Err(fault),
            }
            sleep(GIVE_AGAIN).await;
        };
        if answer.is_ok {
            return Ok(answer.bytes);
        }
        let problem: Problem =
            serde_json::from_slice(&answer.bytes).map_err(|error| self.foreign(&error.to_string()))?;
        Err(problem.into())
    }

    /// Whether a daemon, as soon as one can be asked, says until then that no lecture is under way.
    async fn nothing_began(&self, until: Instant) -> bool {
        let looking = async {
            let stream = self.connected(until).await?;
            let asked = self.exchange(stream, Method::GET, "/api/v1/status", Bytes::new());
            self.document::<Value>(&asked.await?.bytes)
        };
        let left = until.saturating_duration_since(Instant::now());
        let looked = timeout(left, looking).await;
        looked
            .is_ok_and(|status| status.is_ok_and(|status| status.get("lecture").is_some_and(Value::is_null)))
    }

    /// Asks once.
    async fn exchange(
        &self,
        stream: UnixStream,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<Answer, Fault> {
        let (response, _connection) = self.send(stream, method, path, body).await?;
        let is_ok = response.status().is_success();
        let may_ask_again = response.headers().contains_key(RETRY_AFTER);
        let body = Limited::new(response.into_body(), MAX_DOCUMENT_BYTES)
            .collect()
            .await
            .map_err(|error| self.broken(&error.to_string()))?;
        Ok(Answer {
            is_ok,
            may_ask_again,
            bytes: body.to_bytes(),
        })
    }

    /// Opens the event stream.
    pub(crate) async fn events(&self) -> Result<Events, Fault> {
        let stream = self.connected(Instant::now()).await?;
        let opening = self.send(stream, Method::GET, "/api/v1/events", Bytes::new());
        let (response, connection) = timeout(ANSWER_WITHIN, opening)
            .await
            .map_err(|_| self.broken("no answer to the request for events"))??;
        if response.status().is_success() {
            return Ok(Events {
                body: response.into_body(),
                pending: BytesMut::new(),
                _connection: connection,
            });
        }
        let body = Limited::new(response.into_body(), MAX_LINE_BYTES).collect().await;
        let bytes = body.map_err(|error| self.broken(&error.to_string()))?.to_bytes();
        let problem: Problem =
            serde_json::from_slice(&bytes).map_err(|error| self.foreign(&error.to_string()))?;
        Err(problem.into())
    }

    /// Waits until then for somebody at the socket of a daemon that just went.
    async fn connected(&self, until: Instant) -> Result<UnixStream, Fault> {
        let mut was_there = false;
        loop {
            let error = match UnixStream::connect(&self.socket).await {
                Ok(stream) => return Ok(stream),
                Err(error) => error,
            };
            let is_between = match error.kind() {
                io::ErrorKind::ConnectionRefused => true,
                // The next one removes the socket and makes its own.
                io::ErrorKind::NotFound => was_there,
                _ => false,
            };
            if !is_between || Instant::now() >= until {
                return Err(self.unreachable(&error));
            }
            was_there = true;
            sleep(GIVE_AGAIN).await;
        }
    }

    async fn send(
        &self,
        stream: UnixStream,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<(Response<Incoming>, Connection), Fault> {
        let (mut sender, connection) = handshake(TokioIo::new(stream))
            .await
            .map_err(|error| self.broken(&error.to_string()))?;
        // Its end is seen in the response; the task ends with it or with this connection's owner.
        let connection = Connection(tokio::spawn(async move { drop(connection.await) }));
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, "localhost")
            .header(ACCEPT, "*/*");
        if !body.is_empty() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        let request = request
            .body(Full::new(body))
            .map_err(|error| self.broken(&error.to_string()))?;
        let response = sender
            .send_request(request)
            .await
            .map_err(|error| self.broken(&error.to_string()))?;
        Ok((response, connection))
    }

    fn unreachable(&self, error: &io::Error) -> Fault {
        let path = self.socket.display();
        let todo = match error.kind() {
            io::ErrorKind::PermissionDenied => {
                "Become a member of the group lectern, or ask somebody who is.".to_owned()
            }
            _ => {
                "If it was just started or given new settings, ask again in ten seconds. Else start it with \
                  \"systemctl start lecternd\"; if its socket is elsewhere, name it with --socket or \
                  LECTERN_SOCKET."
                    .to_owned()
            }
        };
        Fault::NoDaemon(format!(
            "The daemon does not answer at {path}: {error}.\nWhat was recorded so far is safe on its disk.\n{todo}"
        ))
    }

    /// The daemon is there and says nothing.
    fn silent(&self) -> Fault {
        Fault::TimedOut(format!(
            "The daemon at {} did not answer within {} s.\nWhat was asked may still happen.\nLook at \"lectern \
             status\" before you ask again.",
            self.socket.display(),
            ANSWER_WITHIN.as_secs()
        ))
    }

    /// The daemon was there and went away in mid-sentence.
    fn broken(&self, why: &str) -> Fault {
        Fault::NoDaemon(format!(
            "The daemon at {} ended the conversation: {why}.\nWhat was asked may have happened; what was recorded is \
             safe on its disk.\nLook at \"lectern status\" before you ask again.",
            self.socket.display()
        ))
    }

    fn foreign(&self, why: &str) -> Fault {
        Fault::Failed(format!(
            "The answer from {} was not understood: {why}.\nNothing can be said of what was asked.\nCheck that the \
             socket is lecternd's and that \"lectern --version\" and the daemon's version are the same.",
            self.socket.display()
        ))
    }
}

/// What was answered, whole.
struct Answer {
    is_ok: bool,
    /// It was surely not carried out, and will be able to in a moment.
    may_ask_again: bool,
    bytes: Bytes,
}

/// The task that moves one connection's bytes; ended with its owner.
struct Connection(JoinHandle<()>);

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The daemon's server-sent events.
pub(crate) struct Events {
    body: Incoming,
    pending: BytesMut,
    _connection: Connection,
}

/// One event: its name and its JSON.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) name: String,
    pub(crate) data: String,
}

impl Events {
    /// The next event; `None` when the daemon has ended the stream or broken its rules.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        let mut event = Event {
            name: String::new(),
            data: String::new(),
        };
        loop {
            let line = self.line().await?;
            if line.is_empty() {
                if !event.name.is_empty() {
                    return Some(event);
                }
            } else if let Some(name) = line.strip_prefix("event:") {
                event.name = name.trim_start().to_owned();
            } else if let Some(data) = line.strip_prefix("data:") {
                event.data.push_str(data.trim_start());
            }
            // Comments keep the connection alive and say nothing.
        }
    }

    async fn line(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.pending.iter().position(|b| *b == b'\n') {
                let line = self.pending.split_to(end + 1);
                return Some(String::from_utf8_lossy(&line).trim_end().to_owned());
            }
            if self.pending.len() > MAX_LINE_BYTES {
                return None;
            }
            if let Some(data) = self.body.frame().await?.ok()?.data_ref() {
                self.pending.extend_from_slice(data);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::UnixListener;

    use super::*;

    /// Answers the next command with this.
    async fn answer(listener: &UnixListener, head: &str, body: &str) {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 4096];
        assert!(stream.read(&mut request).await.unwrap() > 0);
        let length = body.len();
        let text = format!("HTTP/1.1 {head}\r\nContent-Length: {length}\r\n\r\n{body}");
        stream.write_all(text.as_bytes()).await.unwrap();
    }

    #[tokio::test]
    async fn p1_a_press_while_the_daemon_starts_anew_is_given_again() {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("control.sock");
        // Of a daemon that executes another program in its place.
        drop(UnixListener::bind(&socket).unwrap());
        let client = Client::new(socket.clone());
        let daemon = async {
            std::fs::remove_file(&socket).unwrap();
            let listener = UnixListener::bind(&socket).unwrap();
            answer(&listener, "503 Soon\r\nRetry-After: 1", "{}").await;
            answer(&listener, "200 OK", "7").await;
        };
        let (done, ()) = tokio::join!(client.post_nothing::<u32>("/api/v1/recording"), daemon);
        assert_eq!(done, Ok(7));
    }

    #[tokio::test(start_paused = true)]
    async fn the_time_for_an_answer_begins_anew_each_time_that_it_is_asked() {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("control.sock");
        let listener = UnixListener::bind(&socket).unwrap();
        let client = Client::new(socket);
        let daemon = async {
            for (seconds, head) in [(7, "503 Soon\r\nRetry-After: 1"), (15, "200 OK")] {
                let (mut stream, _) = listener.accept().await.unwrap();
                assert!(stream.read(&mut [0; 4096]).await.unwrap() > 0);
                sleep(Duration::from_secs(seconds)).await;
                let text = format!("HTTP/1.1 {head}\r\nContent-Length: 1\r\n\r\n7");
                stream.write_all(text.as_bytes()).await.unwrap();
            }
        };
        let (done, ()) = tokio::join!(client.post_nothing::<u32>("/api/v1/recording"), daemon);
        assert_eq!(done, Ok(7));
    }

    /// What comes of a start whose conversation breaks off, and then the daemon gives this status.
    async fn broken_start(status: &str) -> Result<u32, Fault> {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("control.sock");
        let listener = UnixListener::bind(&socket).unwrap();
        let client = Client::new(socket);
        let daemon = tokio::spawn({
            let status = status.to_owned();
            async move {
                let (mut stream, _) = listener.accept().await.unwrap();
                assert!(stream.read(&mut [0; 4096]).await.unwrap() > 0);
                drop(stream);
                answer(&listener, "200 OK", &status).await;
                answer(&listener, "200 OK", "7").await;
            }
        });
        let done = client.start(&Value::Null).await;
        daemon.abort();
        done
    }

    #[tokio::test]
    async fn p1_a_start_that_broke_off_is_given_again_only_if_nothing_came_of_it() {
        assert_eq!(broken_start(r#"{"lecture":null}"#).await, Ok(7));
        for status in [r#"{"lecture":{"id":"x"}}"#, "{}", "nonsense"] {
            let done = broken_start(status).await;
            assert!(matches!(done, Err(Fault::NoDaemon(_))), "{status}: {done:?}");
        }
    }

    #[tokio::test]
    async fn p1_a_command_that_may_have_been_carried_out_is_not_given_again() {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("control.sock");
        let listener = UnixListener::bind(&socket).unwrap();
        let client = Client::new(socket);
        let daemon = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            assert!(stream.read(&mut [0; 4096]).await.unwrap() > 0);
        };
        let (done, ()) = tokio::join!(client.post_nothing::<u32>("/api/v1/recording"), daemon);
        assert!(matches!(done, Err(Fault::NoDaemon(_))), "{done:?}");
    }
}
