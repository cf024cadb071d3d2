//! No secret leaves its place: each that Lectern is given is marked, everything that needs one is
//! refused by somebody who says back what he heard, and then all that Lectern tells and keeps is
//! searched for the mark (P8).

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::{Arc, Mutex};

use lectern_tests::room::{CAMERA, MICROPHONE, Room, program};
use lectern_tests::socket::Door;
use lectern_tests::until;

/// In every secret; nothing else has it.
const MARK: &str = "kanarie5f1d0c9e";

/// Refuses everything, in HTTP, RTSP and SMTP, and repeats what was said to sign in.
#[derive(Clone, Default)]
struct Parrot {
    heard: Arc<Mutex<Vec<String>>>,
}

impl Parrot {
    /// Listens until the test ends; the port.
    fn perch(&self) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let parrot = self.clone();
        std::thread::Builder::new()
            .name("parrot".to_owned())
            .spawn(move || {
                for stream in listener.incoming().flatten() {
                    let parrot = parrot.clone();
                    // A client that hangs up first is fine.
                    std::thread::spawn(move || drop(parrot.refuse(&stream)));
                }
            })
            .unwrap();
        port
    }

    fn refuse(&self, mut stream: &TcpStream) -> std::io::Result<()> {
        let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
        while let Some(first) = lines.next() {
            let head: Vec<String> = lines.by_ref().take_while(|line| !line.is_empty()).collect();
            let field = |name: &str| {
                let mut fields = head.iter().filter_map(|line| line.split_once(": "));
                fields.find_map(|(key, value)| key.eq_ignore_ascii_case(name).then(|| value.to_owned()))
            };
            let said = field("authorization").or_else(|| field("proxy-authorization"));
            let said = said.unwrap_or_default();
            self.hear(&said);
            if first.starts_with("CONNECT ") {
                write!(
                    stream,
                    "HTTP/1.1 407 {said}\r\nProxy-Authenticate: {said}\r\nProxy-Authenticate: Basic\r\n\r\n"
                )?;
                return Ok(());
            }
            if first.ends_with("RTSP/1.0") {
                let number = field("cseq").unwrap_or_default();
                write!(
                    stream,
                    "RTSP/1.0 401 {said}\r\nCSeq: {number}\r\nWWW-Authenticate: Basic realm=\"door\"\r\n\r\n"
                )?;
                continue;
            }
            let body = format!("you said {said}\n");
            return write!(
                stream,
                "HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain\r\nX-Said: {said}\r\nConnection: close\r\n\
                 Content-Length: {}\r\n\r\n{body}",
                body.len()
            );
        }
        Ok(())
    }

    /// The same as a mail server.
    fn perch_at_the_post(&self) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let parrot = self.clone();
        std::thread::Builder::new()
            .name("mail".to_owned())
            .spawn(move || {
                for stream in listener.incoming().flatten() {
                    drop(parrot.refuse_mail(&stream));
                }
            })
            .unwrap();
        port
    }

    fn refuse_mail(&self, mut stream: &TcpStream) -> std::io::Result<()> {
        stream.write_all(b"220 mail\r\n")?;
        for line in BufReader::new(stream).lines() {
            let line = line?;
            if line.starts_with("EHLO") {
                stream.write_all(b"250-mail\r\n250 AUTH PLAIN\r\n")?;
            } else {
                let said = line.strip_prefix("AUTH ").unwrap_or_default();
                self.hear(said);
                write!(stream, "535 you said {said}\r\n")?;
            }
        }
        Ok(())
    }

    fn hear(&self, said: &str) {
        if !said.is_empty() {
            self.heard.lock().unwrap().push(said.to_owned());
        }
    }

    /// The secrets as they travelled, such as a password in base64.
    fn forms(&self) -> Vec<String> {
        let heard = self.heard.lock().unwrap();
        let form = |said: &String| {
            let (way, secret) = said.split_once(' ')?;
            let secret = match way {
                "Bearer" | "Basic" | "PLAIN" => secret,
                "AWS4-HMAC-SHA256" => secret.rsplit_once("Signature=")?.1,
                _ => return None,
            };
            Some(secret.to_owned())
        };
        heard.iter().filter_map(form).collect()
    }

    /// Whether somebody tried to sign in this way.
    fn knows(&self, way: &str) -> bool {
        let heard = self.heard.lock().unwrap();
        heard.iter().any(|said| said.starts_with(way))
    }
}

fn private(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

/// Everything that takes a secret, and nobody who is content with it.
fn tables(parrot: &Parrot, panel: u16) -> String {
    let (port, mail) = (parrot.perch(), parrot.perch_at_the_post());
    format!(
        r#"{CAMERA}{MICROPHONE}
[[source]]
name = "door"
role = "presentation"
kind = "rtsp"
url = "rtsp://operator:{MARK}-rtsp@127.0.0.1:{port}/stream"
[panel]
listen = "127.0.0.1:{panel}"
pin_file = "{{dir}}/pin"
[[panel.token]]
name = "noc"
role = "admin"
credential_file = "{{dir}}/noc"
[[platform]]
name = "tus"
kind = "tus"
url = "http://127.0.0.1:{port}/files/"
credential = "tus-token"
[[platform]]
name = "s3"
kind = "s3"
url = "http://127.0.0.1:{port}"
bucket = "lectures"
credential_file = "{{dir}}/s3"
[[platform]]
name = "opencast"
kind = "opencast"
url = "http://127.0.0.1:{port}"
user = "lectern"
auth = "basic"
credential_file = "{{dir}}/opencast"
[[platform]]
name = "afar"
kind = "tus"
url = "https://lectures.invalid/files/"
[upload]
proxy = "http://127.0.0.1:{port}"
proxy_credential_file = "{{dir}}/proxy"
[[notify]]
name = "outside"
kind = "webhook"
url = "https://hook.invalid/"
credential_file = "{{dir}}/hook"
[[notify]]
name = "hook"
kind = "webhook"
url = "http://127.0.0.1:{port}/hook?key={MARK}-address"
credential_file = "{{dir}}/hook"
[[notify]]
name = "mail"
kind = "smtp"
server = "127.0.0.1"
port = {mail}
tls = "none"
user = "lectern"
from = "lectern@example.edu"
to = ["team@example.edu"]
credential_file = "{{dir}}/mail"
"#
    )
}

/// Every file below a folder but pictures: none of them is made of words.
fn files(folder: &Path, found: &mut Vec<(String, Vec<u8>)>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_none_or(|ending| ending != "mp4") {
            // What the daemon renames in this moment has nothing to tell.
            let bytes = std::fs::read(&path).unwrap_or_default();
            found.push((path.display().to_string(), bytes));
        }
    }
}

/// The command lines of the daemon and of its children, which everybody on the machine can read.
fn command_lines(room: &Room) -> Vec<u8> {
    let pids = [
        Some(room.pid()),
        room.source_pid("camera"),
        room.source_pid("door"),
    ];
    let lines = pids
        .iter()
        .flatten()
        .map(|pid| std::fs::read(format!("/proc/{pid}/cmdline")));
    lines.flatten().flatten().collect()
}

#[test]
fn p8_no_secret_is_told_or_kept_whoever_asks_and_whatever_fails() {
    let parrot = Parrot::default();
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let panel = free.local_addr().unwrap().port();
    drop(free);
    let mut room = Room::new(&tables(&parrot, panel));
    let credentials = room.path("credentials");
    std::fs::create_dir(&credentials).unwrap();
    private(&credentials.join("tus-token"), &format!("{MARK}-tus"));
    for (name, text) in [
        ("pin", format!("{MARK}-pin")),
        ("noc", format!("{MARK}-token-that-nobody-guesses")),
        ("s3", format!("AKEY:{MARK}-s3")),
        ("opencast", format!("{MARK}-opencast")),
        ("hook", format!("{MARK}-hook-that-nobody-guesses")),
        ("mail", format!("{MARK}-mail")),
        ("proxy", format!("lectern:{MARK}-proxy")),
    ] {
        private(&room.path(name), &text);
    }
    room.env("CREDENTIALS_DIRECTORY", credentials.display().to_string());
    room.env("LECTERN_LOG", "debug");
    room.start();

    let mut told: Vec<(String, Vec<u8>)> = Vec::new();
    let checked = std::process::Command::new(program("lecternd"))
        .arg("--config")
        .arg(room.path("lectern.toml"))
        .arg("check")
        .env("CREDENTIALS_DIRECTORY", &credentials)
        .output()
        .unwrap();
    told.push(("check".to_owned(), [checked.stdout, checked.stderr].concat()));

    until("picture and sound, and a camera that is refused", || {
        let status = room.status();
        let health = |name: &str| {
            let mut sources = status["sources"].as_array()?.iter();
            sources.find(|source| source["name"] == name)?["health"]
                .as_str()
                .map(str::to_owned)
        };
        let live = |name| health(name).as_deref() == Some("live");
        (live("camera") && live("microphone") && parrot.knows("Basic ")).then_some(())
    });
    let lecture = room.lectern(&["start"]);
    room.await_recorded(500);
    room.lectern(&["stop"]);
    until("a word about each delivery", || {
        let detail = room.show(&lecture);
        let deliveries = detail["deliveries"].as_array()?.clone();
        (deliveries.len() == 4 && deliveries.iter().all(|one| one["message"].is_string())).then_some(())
    });
    told.push(("notify".to_owned(), room.cli(&["notify", "--test"]).stdout));
    let config = room.path("lectern.toml").display().to_string();
    for words in [
        &["status"][..],
        &["status", "--json"],
        &["queue"],
        &["queue", "--json"],
        &["show", &lecture],
        &["show", &lecture, "--json"],
        &["doctor"],
        &["config", "show", "--config", &config],
        &["config", "show", "--config", &config, "--json"],
    ] {
        let output = room.cli(words);
        let text = [output.stdout, output.stderr].concat();
        assert!(!text.is_empty(), "{words:?} says nothing");
        told.push((words.join(" "), text));
    }

    let (tcp, unix) = (Door::Tcp(panel), Door::Unix(room.path("control.sock")));
    for secret in ["pin", "wrong"] {
        let body = format!("{{\"secret\":\"{MARK}-{secret}\"}}");
        let answer = tcp.ask("POST", "/sign-in", &body);
        told.push((
            format!("sign-in {secret}"),
            [answer.head.into_bytes(), answer.body].concat(),
        ));
    }
    for token in ["token-that-nobody-guesses", "token-that-is-wrong"] {
        let mut socket = tcp.open().unwrap();
        let request = format!(
            "GET /api/v1/queue HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {MARK}-{token}\r\n\
             connection: close\r\n\r\n"
        );
        socket.send(request.as_bytes()).unwrap();
        let answer = socket.answer().unwrap().unwrap();
        told.push((token.to_owned(), [answer.head.into_bytes(), answer.body].concat()));
    }
    for path in [
        "/",
        "/metrics",
        "/api/v1/status",
        "/api/v1/openapi.json",
        "/api/v1/lectures",
    ] {
        let answer = unix.ask("GET", path, "");
        assert_eq!(answer.status, 200, "{path}: {}", answer.head);
        told.push((path.to_owned(), answer.body));
    }
    told.push(("command lines".to_owned(), command_lines(&room)));
    let doctor = told.iter().find(|(place, _)| place == "doctor").unwrap();
    let doctor = String::from_utf8_lossy(&doctor.1);
    for name in ["door", "tus", "s3", "opencast", "afar", "mail"] {
        let line = doctor.lines().find(|line| line.contains(&format!("✗ {name} ")));
        assert!(line.is_some(), "the doctor asked {name}: {doctor}");
    }
    room.terminate();
    files(&room.path("spool"), &mut told);
    let log = room.log();
    assert!(log.contains("DEBUG"), "the log has all");
    told.push(("log".to_owned(), log.into_bytes()));

    for way in ["Bearer ", "Basic ", "AWS4-HMAC-SHA256 ", "PLAIN "] {
        assert!(parrot.knows(way), "nobody signed in with {way}");
    }
    let mut forms = parrot.forms();
    forms.push(MARK.to_owned());
    for (place, bytes) in &told {
        let text = String::from_utf8_lossy(bytes);
        for form in &forms {
            let leak = text.lines().find(|line| line.contains(form.as_str()));
            assert_eq!(leak, None, "{place} holds a secret");
        }
    }
}
