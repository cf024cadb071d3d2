//! Requests that no well-meaning client sends, made from the OpenAPI document by dice: each is
//! the bytes to send, what to do then, and what may be answered.

pub(crate) mod body;
pub(crate) mod dice;
mod wire;

use body::Operation;
use dice::Dice;

/// One malformed request.
#[derive(Debug)]
pub(crate) struct Case {
    /// In a word, for the tally.
    pub(crate) kind: &'static str,
    pub(crate) bytes: Vec<u8>,
    pub(crate) then: Then,
    /// Whether the only right answer is a refusal. Otherwise a GET may also be answered.
    pub(crate) refused: bool,
}

/// What the client does after it has sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    /// Reads so many answers and leaves.
    Read(usize),
    /// Sends no more and waits for the end.
    HalfClose,
    /// Leaves at once.
    Leave,
    /// Waits for the change of protocol, sends these bytes, then no more, and waits for the end.
    Garbage(Vec<u8>),
}

/// Makes cases.
#[derive(Debug)]
pub(crate) struct Generator {
    operations: Vec<Operation>,
    dice: Dice,
}

impl Generator {
    pub(crate) fn new(operations: Vec<Operation>, seed: u64) -> Self {
        Self {
            operations,
            dice: Dice::new(seed),
        }
    }

    pub(crate) fn next(&mut self) -> Case {
        match self.dice.below(20) {
            0..9 => self.broken_body(),
            9 => self.wrong_method(),
            10 => self.wrong_type(),
            11 => self.wrong_query(),
            12 => self.wrong_path(),
            13..15 => self.wrong_head(),
            15 => self.truncated(),
            16 => self.pipelined(),
            17 => self.left_alone(),
            18 => self.web_socket(),
            _ => self.noise(),
        }
    }

    fn any(&mut self) -> Operation {
        self.dice.pick(&self.operations).clone()
    }

    /// An operation that changes something. What is generated for it never does.
    fn command(&mut self) -> Operation {
        loop {
            let operation = self.any();
            if operation.method != "GET" {
                return operation;
            }
        }
    }

    /// A path with its parameters filled in.
    fn path_of(&mut self, operation: &Operation) -> String {
        let ids = [
            "00000000-0000-0000-0000-000000000000",
            "0",
            "zz",
            "%00",
            "%ff%fe",
            "..%2f..%2fetc%2fpasswd",
            "'%20OR%201=1--",
            "%F0%9F%92%A5",
        ];
        let id = *self.dice.pick(&ids);
        operation.path.replace("{id}", id).replace("{file}", id)
    }

    fn request(&mut self, operation: &Operation, kind: &str, body: &[u8]) -> Vec<u8> {
        let path = self.path_of(operation);
        wire::request(&operation.method, &path, kind, body)
    }

    fn broken_body(&mut self) -> Case {
        let operation = self.command();
        let (kind, body) = body::broken(&operation, &mut self.dice);
        let kinds = [
            "application/json",
            "application/json; charset=utf-16",
            "APPLICATION/JSON",
        ];
        let media = *self.dice.pick(&kinds);
        Case {
            kind,
            bytes: self.request(&operation, media, &body),
            then: Then::Read(1),
            refused: true,
        }
    }

    fn wrong_method(&mut self) -> Case {
        let operation = self.any();
        let method = *self.dice.pick(&[
            "PUT", "DELETE", "TRACE", "CONNECT", "get", "PROPFIND", "G\u{1}T", "STOP",
        ]);
        let path = self.path_of(&operation);
        Case {
            kind: "wrong method",
            bytes: wire::request(method, &path, "application/json", b"{\"x\":1}"),
            then: Then::Read(1),
            refused: true,
        }
    }

    fn wrong_type(&mut self) -> Case {
        let operation = self.command();
        let kinds = [
            "text/plain",
            "application/xml",
            "multipart/form-data",
            "application/x-www-form-urlencoded",
            "/",
            ";;;",
        ];
        let media = *self.dice.pick(&kinds);
        let (_, body) = body::broken(&operation, &mut self.dice);
        Case {
            kind: "wrong content type",
            bytes: self.request(&operation, media, &body),
            then: Then::Read(1),
            refused: true,
        }
    }

    fn wrong_query(&mut self) -> Case {
        let queried: Vec<Operation> = self
            .operations
            .iter()
            .filter(|o| !o.query.is_empty())
            .cloned()
            .collect();
        let operation = self.dice.pick(&queried).clone();
        let name = self.dice.pick(&operation.query).clone();
        let values = [
            "-1",
            "0",
            "999999999999999999999",
            "%ff",
            "a%00b",
            "1e3",
            "[]",
            "%",
            "no-such",
        ];
        let value = *self.dice.pick(&values);
        let path = match self.dice.below(3) {
            0 => format!("{}?{name}={value}", operation.path),
            1 => format!("{}?{name}={value}&{name}={value}", operation.path),
            _ => format!("{}?{name}x={value}&{}", operation.path, "a".repeat(3_000)),
        };
        Case {
            kind: "wrong query",
            bytes: wire::request("GET", &path, "", b""),
            then: Then::Read(1),
            refused: true,
        }
    }

    fn wrong_path(&mut self) -> Case {
        let operation = self.any();
        let path = match self.dice.below(5) {
            0 => format!("{}/../../{}", operation.path, self.dice.next()),
            1 => format!("/%2e%2e{}", operation.path),
            2 => format!("{}%00", operation.path),
            3 => format!("/{}", "a/".repeat(self.dice.below(8_000))),
            _ => format!("{}{}", operation.path.to_uppercase(), self.dice.next()),
        };
        Case {
            kind: "wrong path",
            bytes: wire::request(&operation.method, &path, "application/json", b"{\"x\":1}"),
            then: Then::Read(1),
            refused: false,
        }
    }

    fn wrong_head(&mut self) -> Case {
        let operation = self.command();
        let path = self.path_of(&operation);
        let (_, body) = body::broken(&operation, &mut self.dice);
        Case {
            kind: "abused headers",
            bytes: wire::abused(&operation.method, &path, &body, &mut self.dice),
            then: Then::HalfClose,
            refused: true,
        }
    }

    /// Less than was announced, and then no more.
    fn truncated(&mut self) -> Case {
        let operation = self.command();
        let (_, body) = body::broken(&operation, &mut self.dice);
        let mut bytes = self.request(&operation, "application/json", &body);
        bytes.truncate(1 + self.dice.below(bytes.len() - 1));
        Case {
            kind: "cut off on the way",
            bytes,
            then: if self.dice.below(2) == 0 {
                Then::HalfClose
            } else {
                Then::Leave
            },
            refused: true,
        }
    }

    /// Several at once, the last of which is the end.
    fn pipelined(&mut self) -> Case {
        let count = 2 + self.dice.below(20);
        let mut bytes = Vec::new();
        for _ in 0..count {
            let operation = self.command();
            let path = self.path_of(&operation);
            bytes.extend(wire::kept(&operation.method, &path, b"{\"x\":[1]}"));
        }
        Case {
            kind: "pipelined",
            bytes,
            then: Then::Read(count),
            refused: true,
        }
    }

    /// A good question whose answer nobody waits for.
    fn left_alone(&mut self) -> Case {
        let paths = [
            "/api/v1/events",
            "/live",
            "/api/v1/status",
            "/",
            "/api/v1/lectures",
        ];
        let path = *self.dice.pick(&paths);
        Case {
            kind: "left alone",
            bytes: wire::kept("GET", path, b""),
            then: if self.dice.below(2) == 0 {
                Then::HalfClose
            } else {
                Then::Leave
            },
            refused: false,
        }
    }

    fn web_socket(&mut self) -> Case {
        Case {
            kind: "WebSocket garbage",
            bytes: wire::upgrade(),
            then: Then::Garbage(wire::frames(&mut self.dice)),
            refused: false,
        }
    }

    fn noise(&mut self) -> Case {
        let mut bytes = match self.dice.below(4) {
            0 => b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
            1 => b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
            2 => b"GET / HTTP/9.9\r\n\r\n".to_vec(),
            _ => b"\r\n\r\n\r\n".to_vec(),
        };
        let count = self.dice.below(4_000);
        bytes.extend(self.dice.bytes(count));
        Case {
            kind: "noise on the line",
            bytes,
            then: Then::HalfClose,
            refused: true,
        }
    }
}
