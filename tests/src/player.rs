//! A judge that plays: Chromium with one video, driven in plain WebDriver, without a runtime.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::things::Process;
use crate::until;

/// Width and height to which frames are shrunk for a look at them.
pub const THUMB: (usize, usize) = (64, 36);

/// One frame as Chromium drew it.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    /// When it is shown in the video, in seconds; the moment that was asked for after a jump.
    pub at_s: f64,
    /// Of the decoded picture, in pixels.
    pub size: (u64, u64),
    /// Its brightness, shrunk to [`THUMB`]; empty while it only plays.
    pub thumb: Vec<u8>,
}

/// What Chromium made of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Played {
    /// Frames that it drew while it played from the beginning to the end.
    pub played: Vec<Frame>,
    /// The frame at each moment that it was asked to jump to.
    pub jumped: Vec<Frame>,
}

/// Plays four times as fast, then jumps; gives everything back at once.
const SCRIPT: &str = r#"
const done = arguments[arguments.length - 1], [moments] = arguments;
const video = document.querySelector('video');
const canvas = document.createElement('canvas');
const [width, height] = [canvas.width, canvas.height] = [64, 36];
const ink = canvas.getContext('2d', {willReadFrequently: true});
const played = [], jumped = [];
const look = (frame) => ({at: frame.mediaTime, width: frame.width, height: frame.height, thumb: []});
const look_closely = (at) => {
  ink.drawImage(video, 0, 0, width, height);
  const bytes = ink.getImageData(0, 0, width, height).data, 
        seen = look({mediaTime: at, width: video.videoWidth, height: video.videoHeight});
  for (let i = 0; i < bytes.length; i += 4)
    seen.thumb.push(Math.round(0.299 * bytes[i] + 0.587 * bytes[i + 1] + 0.114 * bytes[i + 2]));
  return seen;
};
const watch = (_, frame) => {
  if (video.ended) return;
  played.push(look(frame));
  video.requestVideoFrameCallback(watch);
};
const jump = () => {
  const at = moments.shift();
  if (at === undefined) return done({played, jumped});
  // The frame is there; two turns of the screen later it is drawn as well.
  const drawn = () => { jumped.push(look_closely(at)); jump(); };
  video.onseeked = () => requestAnimationFrame(() => requestAnimationFrame(drawn));
  video.currentTime = at;
};
video.onerror = () => done({error: video.error ? video.error.message : 'unknown'});
video.onended = () => { video.onended = null; setTimeout(jump); };
video.muted = true;
video.playbackRate = 4;
video.requestVideoFrameCallback(watch);
video.play().catch((error) => done({error: String(error)}));
"#;

/// Plays `file` to its end, then jumps to each of `moments`, which differ.
///
/// # Panics
/// When Chromium cannot play it, or is not there.
#[must_use]
pub fn play(file: &Path, moments: &[f64]) -> Played {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let page = folder.path().join("page.html");
    let source = file.to_str().expect("UTF-8 path");
    let text = format!("<!doctype html><video src=\"file://{source}\" preload=auto></video>");
    std::fs::write(&page, text).expect("the page");

    let port = free_port();
    let _driver = Process::start(Command::new("chromedriver").arg(format!("--port={port}")));
    until("chromedriver", || TcpStream::connect(("127.0.0.1", port)).ok());
    let arguments = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-background-networking",
        "--no-first-run",
        "--allow-file-access-from-files",
        "--autoplay-policy=no-user-gesture-required",
    ];
    let wish = json!({"capabilities": {"alwaysMatch": {"goog:chromeOptions": {"args": arguments}}}});
    let answer = post(port, "/session", &wish);
    let session = answer["sessionId"].as_str().unwrap_or_else(|| panic!("{answer}"));
    let call = |path: &str, body: &Value| post(port, &format!("/session/{session}/{path}"), body);
    call("timeouts", &json!({"script": 120_000}));
    call("url", &json!({"url": format!("file://{}", page.display())}));
    let seen = call("execute/async", &json!({"script": SCRIPT, "args": [moments]}));
    call("window", &json!({}));
    assert!(
        seen["played"].is_array(),
        "Chromium does not play {}: {seen}",
        file.display()
    );
    let frames = |name: &str| seen[name].as_array().into_iter().flatten().map(frame).collect();
    Played {
        played: frames("played"),
        jumped: frames("jumped"),
    }
}

fn frame(value: &Value) -> Frame {
    Frame {
        at_s: value["at"].as_f64().expect("a time"),
        size: (
            value["width"].as_u64().expect("a width"),
            value["height"].as_u64().expect("a height"),
        ),
        thumb: value["thumb"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|luma| u8::try_from(luma.as_u64()?).ok())
            .collect(),
    }
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    listener.local_addr().expect("it is bound").port()
}

/// One request, one connection; the `value` of the answer.
fn post(port: u16, path: &str, body: &Value) -> Value {
    let body = body.to_string();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("chromedriver listens");
    stream
        .set_read_timeout(Some(Duration::from_secs(180)))
        .expect("a time limit");
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
    .expect("chromedriver takes the request");
    let answer = read_answer(&mut stream);
    let answer: Value = serde_json::from_slice(&answer).expect("JSON");
    answer["value"].clone()
}

/// The body of an answer: as long as its header says.
fn read_answer(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut block = [0; 4096];
    loop {
        let count = stream.read(&mut block).expect("chromedriver answers");
        bytes.extend_from_slice(&block[..count]);
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
            assert!(count > 0, "chromedriver hung up");
            continue;
        };
        let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
        let length = length.expect("an answer says how long it is");
        if bytes.len() >= end + 4 + length {
            return bytes[end + 4..end + 4 + length].to_vec();
        }
        assert!(count > 0, "chromedriver hung up");
    }
}
