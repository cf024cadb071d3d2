//! Raw HTTP: any bytes through either of the daemon's doors, and what comes back. No client library
//! stands between, because none would send what must be refused.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use serde_json::Value;

use crate::room::PATIENCE;

/// Where the daemon listens.
#[derive(Clone, Debug)]
pub enum Door {
    /// The panel's port on this machine.
    Tcp(u16),
    /// The control socket.
    Unix(PathBuf),
}

/// An open connection.
#[derive(Debug)]
pub struct Socket {
    stream: Stream,
    /// What came and has not been read yet.
    pending: Vec<u8>,
}

#[derive(Debug)]
enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// An answer's head, and its body where the head says how long it is.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// The head as it came.
    pub head: String,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// A header's value; names in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// The body as JSON; null when it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }
}

impl Door {
    /// Connects.
    ///
    /// # Errors
    /// When nobody listens.
    pub fn open(&self) -> io::Result<Socket> {
        let stream = match self {
            Self::Tcp(port) => {
                let stream = TcpStream::connect(("127.0.0.1", *port))?;
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(PATIENCE))?;
                stream.set_write_timeout(Some(PATIENCE))?;
                Stream::Tcp(stream)
            }
            Self::Unix(path) => {
                let stream = UnixStream::connect(path)?;
                stream.set_read_timeout(Some(PATIENCE))?;
                stream.set_write_timeout(Some(PATIENCE))?;
                Stream::Unix(stream)
            }
        };
        Ok(Socket {
            stream,
            pending: Vec::new(),
        })
    }

    /// One request on a connection of its own, with a JSON body unless that is empty.
    ///
    /// # Panics
    /// When the daemon does not answer.
    #[must_use]
    pub fn ask(&self, method: &str, path: &str, body: &str) -> Answer {
        let mut socket = self.open().expect("the daemon listens");
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
             content-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        );
        socket.send(request.as_bytes()).expect("the daemon reads");
        let answer = socket.answer().expect("the daemon answers in time");
        answer.expect("the daemon answers before it closes")
    }

    /// Opens a stream of server-sent events and reads its head.
    ///
    /// # Panics
    /// When it is refused.
    #[must_use]
    pub fn listen(&self, path: &str) -> Socket {
        let mut socket = self.open().expect("the daemon listens");
        let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n");
        socket.send(request.as_bytes()).expect("the daemon reads");
        let answer = socket.answer().expect("an answer").expect("an answer");
        assert_eq!(answer.status, 200, "{}", answer.head);
        socket
    }
}

impl Socket {
    /// Sends.
    ///
    /// # Errors
    /// When the other end has closed.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.stream {
            Stream::Tcp(stream) => stream.write_all(bytes),
            Stream::Unix(stream) => stream.write_all(bytes),
        }
    }

    /// Sends no more; still hears.
    ///
    /// # Errors
    /// When the other end has closed.
    pub fn end_sending(&self) -> io::Result<()> {
        match &self.stream {
            Stream::Tcp(stream) => stream.shutdown(Shutdown::Write),
            Stream::Unix(stream) => stream.shutdown(Shutdown::Write),
        }
    }

    /// Reads more; false at the end.
    fn more(&mut self) -> io::Result<bool> {
        let mut block = [0; 16 * 1024];
        let count = match &mut self.stream {
            Stream::Tcp(stream) => stream.read(&mut block)?,
            Stream::Unix(stream) => stream.read(&mut block)?,
        };
        self.pending.extend_from_slice(&block[..count]);
        Ok(count > 0)
    }

    /// The next answer, without those that only say "go on"; `None` when the daemon closed first.
    ///
    /// # Errors
    /// When nothing comes in time, or the connection broke.
    pub fn answer(&mut self) -> io::Result<Option<Answer>> {
        loop {
            let end = loop {
                if let Some(end) = self.pending.windows(4).position(|four| four == b"\r\n\r\n") {
                    break end + 4;
                }
                if !self.more()? {
                    return Ok(None);
                }
            };
            let head = String::from_utf8_lossy(&self.pending[..end]).into_owned();
            self.pending.drain(..end);
            let status = head.split(' ').nth(1).and_then(|word| word.parse().ok());
            let mut answer = Answer {
                status: status.unwrap_or(0),
                head,
                body: Vec::new(),
            };
            if answer.status == 100 {
                continue;
            }
            let length = answer.header("content-length").and_then(|text| text.parse().ok());
            let length: usize = length.unwrap_or(0);
            while self.pending.len() < length && self.more()? {}
            let length = length.min(self.pending.len());
            answer.body = self.pending.drain(..length).collect();
            return Ok(Some(answer));
        }
    }

    /// Reads until the daemon closes.
    ///
    /// # Errors
    /// When it does not in time, or the connection broke.
    pub fn until_closed(&mut self) -> io::Result<()> {
        while self.more()? {
            self.pending.clear();
        }
        Ok(())
    }

    /// The next line of a stream of events, without its end; `None` when the stream ended.
    ///
    /// # Errors
    /// When nothing comes in time, or the connection broke.
    pub fn line(&mut self) -> io::Result<Option<String>> {
        loop {
            if let Some(end) = self.pending.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.pending.drain(..=end).collect();
                return Ok(Some(String::from_utf8_lossy(&line).trim_end().to_owned()));
            }
            if !self.more()? {
                return Ok(None);
            }
        }
    }

    /// Exactly so many bytes; `None` when the daemon closed first.
    ///
    /// # Errors
    /// When nothing comes in time, or the connection broke.
    pub fn bytes(&mut self, count: usize) -> io::Result<Option<Vec<u8>>> {
        while self.pending.len() < count {
            if !self.more()? {
                return Ok(None);
            }
        }
        Ok(Some(self.pending.drain(..count).collect()))
    }
}
