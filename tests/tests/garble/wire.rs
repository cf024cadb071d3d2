//! What goes over the line: requests as they should be framed, and as they should not.

use super::dice::Dice;

/// A request whose frame is sound, on a connection of its own.
pub(crate) fn request(method: &str, path: &str, kind: &str, body: &[u8]) -> Vec<u8> {
    framed(method, path, kind, "connection: close\r\n", body)
}

/// A request after which the connection stays.
pub(crate) fn kept(method: &str, path: &str, body: &[u8]) -> Vec<u8> {
    framed(method, path, "application/json", "", body)
}

fn framed(method: &str, path: &str, kind: &str, more: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = format!(
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: {kind}\r\n{more}content-length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

/// A request with one thing wrong in its head. The body is one that is refused anyway.
pub(crate) fn abused(method: &str, path: &str, body: &[u8], dice: &mut Dice) -> Vec<u8> {
    let length = body.len();
    let sound = format!("host: localhost\r\ncontent-length: {length}\r\n");
    let fields = match dice.below(16) {
        0 => format!("{sound}x: {}\r\n", "a".repeat(dice.below(600_000))),
        1 => format!("{sound}{}", "x: y\r\n".repeat(dice.below(2_000))),
        2 => format!("content-length: {length}\r\n"),
        3 => format!("host: evil.example\r\ncontent-length: {length}\r\n"),
        4 => format!("{sound}host: 127.0.0.1\r\nhost: evil.example\r\n"),
        5 => format!("{sound}content-length: {}\r\n", length + 1),
        6 => "host: localhost\r\ncontent-length: -1\r\n".to_owned(),
        7 => "host: localhost\r\ncontent-length: 99999999999999999999999\r\n".to_owned(),
        8 => format!("{sound}transfer-encoding: chunked\r\n"),
        9 => "host: localhost\r\ntransfer-encoding: chunked, nonsense\r\n".to_owned(),
        10 => format!("{sound}x: a\r\n folded\r\n"),
        11 => format!("{sound}x: a\0b\r\n"),
        12 => format!("{sound} : nameless\r\n"),
        13 => format!("{sound}content-type: application/json\r\ncontent-type: text/plain\r\n"),
        14 => format!("{sound}origin: https://evil.example\r\nsec-fetch-site: cross-site\r\n"),
        _ => format!("{sound}expect: 100-continue\r\ncontent-encoding: gzip\r\naccept: \u{7f}\u{fffd}\r\n"),
    };
    let mut bytes = format!("{method} {path} HTTP/1.1\r\n{fields}connection: close\r\n\r\n").into_bytes();
    if fields.contains("chunked") {
        // A chunk that is longer than it says, or whose length is no number.
        let chunks: [&[u8]; 5] = [
            b"ffffffffffffffff\r\n",
            b"zz\r\n",
            b"1\r\n",
            b"-5\r\n",
            b"1;x\r\n{\r\n",
        ];
        bytes.extend_from_slice(dice.pick::<&[u8]>(&chunks));
    }
    bytes.extend_from_slice(body);
    bytes
}

/// A good request to look at live pictures.
pub(crate) fn upgrade() -> Vec<u8> {
    b"GET /api/v1/preview HTTP/1.1\r\nhost: localhost\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
      sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        .to_vec()
}

/// Frames that break the rules of WebSocket, some after one that keeps them.
pub(crate) fn frames(dice: &mut Dice) -> Vec<u8> {
    let mut bytes = Vec::new();
    if dice.below(2) == 0 {
        bytes.extend_from_slice(b"\x81\x84\0\0\0\0next");
    }
    match dice.below(8) {
        // A kind that is reserved.
        0 => bytes.extend_from_slice(b"\x83\x80\0\0\0\0"),
        // Longer than anything.
        1 => bytes.extend_from_slice(b"\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0"),
        // Not masked.
        2 => bytes.extend_from_slice(b"\x81\x04next"),
        // Reserved bits.
        3 => bytes.extend_from_slice(b"\xf1\x80\0\0\0\0"),
        // Text that is none.
        4 => bytes.extend_from_slice(b"\x81\x82\0\0\0\0\xff\xfe"),
        // A goodbye of one byte.
        5 => bytes.extend_from_slice(b"\x88\x81\0\0\0\0\x03"),
        // A ping in pieces.
        6 => bytes.extend_from_slice(b"\x09\xfe\x01\x00\0\0\0\0"),
        // Nothing at all.
        _ => {
            let count = 1 + dice.below(3_000);
            bytes.extend(dice.bytes(count));
        }
    }
    bytes
}
