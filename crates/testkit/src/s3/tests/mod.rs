//! Who judges the S3 judge: a client that signs what it sends, and lies where a test wants it to.

mod misdeeds;
mod rules;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::Request;
use md5::Md5;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::digest::hex;
use super::sign::authorization;
use super::*;
use crate::wait_until;

const KEY: &str = "/lectures/raum%201/%EA%B0%95.mp4";

/// A judge with parts of 8 bytes, two on a page.
async fn judge(change: impl FnOnce(&mut S3Rules)) -> (S3Judge, TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let mut rules = S3Rules {
        min_part: 8,
        page: 2,
        ..S3Rules::default()
    };
    change(&mut rules);
    (S3Judge::start(dir.path(), rules).await.unwrap(), dir)
}

/// One answer; status 0 when the connection ended without one.
#[derive(Debug, PartialEq)]
struct Got {
    status: u16,
    text: String,
}

impl Got {
    /// The text of the first element of this name.
    fn element(&self, name: &str) -> &str {
        let (_, rest) = self.text.split_once(&format!("<{name}>")).expect(name);
        rest.split_once("</").expect(name).0
    }

    fn header(&self, name: &str) -> Option<&str> {
        let head = self.text.split("\r\n\r\n").next()?;
        head.lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    fn code(&self) -> &str {
        self.element("Code")
    }
}

/// A request under construction.
struct Ask<'a> {
    judge: &'a S3Judge,
    rules: S3Rules,
    method: &'a str,
    target: String,
    headers: Vec<(&'a str, String)>,
    body: &'a [u8],
    lie: Option<&'a [u8]>,
}

impl<'a> Ask<'a> {
    fn new(judge: &'a S3Judge, method: &'a str, target: impl Into<String>) -> Self {
        Self {
            judge,
            rules: judge.rules().clone(),
            method,
            target: target.into(),
            headers: Vec::new(),
            body: b"",
            lie: None,
        }
    }

    fn with(mut self, name: &'a str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    fn body(mut self, body: &'a [u8]) -> Self {
        self.body = body;
        self
    }

    /// Sends this instead of the body that was signed.
    fn but_sends(mut self, body: &'a [u8]) -> Self {
        self.lie = Some(body);
        self
    }

    fn signed_with(mut self, change: impl FnOnce(&mut S3Rules)) -> Self {
        change(&mut self.rules);
        self
    }

    async fn send(self) -> Got {
        let time = Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
        let given = |name: &str| self.headers.iter().any(|(known, _)| *known == name);
        let mut request = Request::builder().method(self.method).uri(&self.target);
        if !given("host") {
            request = request.header("host", self.judge.address().to_string());
        }
        if !given("x-amz-content-sha256") {
            request = request.header("x-amz-content-sha256", hex(&Sha256::digest(self.body)));
        }
        request = request.header("x-amz-date", time);
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let (head, ()) = request.body(()).unwrap().into_parts();
        let mut text = format!(
            "{} {} HTTP/1.1\r\nconnection: close\r\n",
            self.method, self.target
        );
        if !given("transfer-encoding") {
            text += &format!("content-length: {}\r\n", self.body.len());
        }
        for (name, value) in &head.headers {
            text += &format!("{name}: {}\r\n", value.to_str().unwrap());
        }
        text += &format!("authorization: {}\r\n\r\n", authorization(&self.rules, &head));
        let body = self.lie.unwrap_or(self.body).to_vec();
        exchange(self.judge.address(), text, body).await
    }
}

async fn exchange(address: SocketAddr, head: String, body: Vec<u8>) -> Got {
    let exchanged = tokio::task::spawn_blocking(move || {
        let mut socket = TcpStream::connect(address).unwrap();
        socket.write_all(head.as_bytes()).unwrap();
        // The answer may come before the body is out.
        drop(socket.write_all(&body));
        let mut text = Vec::new();
        drop(socket.read_to_end(&mut text));
        drop(socket.shutdown(Shutdown::Both));
        String::from_utf8_lossy(&text).into_owned()
    });
    let text = exchanged.await.unwrap();
    let status = text
        .get(9..12)
        .and_then(|status| status.parse().ok())
        .unwrap_or(0);
    Got { status, text }
}

async fn create(judge: &S3Judge) -> String {
    let got = Ask::new(judge, "POST", format!("{KEY}?uploads")).send().await;
    assert_eq!(got.status, 200, "{got:?}");
    super::request::percent_encoded(got.element("UploadId").as_bytes(), false)
}

fn part<'a>(judge: &'a S3Judge, id: &str, number: u32, body: &'a [u8]) -> Ask<'a> {
    Ask::new(judge, "PUT", format!("{KEY}?partNumber={number}&uploadId={id}")).body(body)
}

fn complete<'a>(judge: &'a S3Judge, id: &str, xml: &'a str) -> Ask<'a> {
    Ask::new(judge, "POST", format!("{KEY}?uploadId={id}")).body(xml.as_bytes())
}

/// The body of a completion with these parts; `more` goes into each.
fn listing(parts: &[(u32, &[u8])], more: impl Fn(&[u8]) -> String) -> String {
    let parts: String = parts
        .iter()
        .map(|(number, body)| {
            let etag = hex(&Md5::digest(body));
            let more = more(body);
            format!("<Part><PartNumber>{number}</PartNumber><ETag>&quot;{etag}&quot;</ETag>{more}</Part>")
        })
        .collect();
    format!("<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>")
}

fn none(_: &[u8]) -> String {
    String::new()
}

/// Sends a whole upload of two parts; gives the answer to the completion.
async fn upload(judge: &S3Judge) -> Got {
    let id = create(judge).await;
    for (number, body) in [(1, &b"12345678"[..]), (2, b"9")] {
        assert_eq!(part(judge, &id, number, body).send().await.status, 200);
    }
    let xml = listing(&[(1, b"12345678"), (2, b"9")], none);
    complete(judge, &id, &xml).send().await
}
