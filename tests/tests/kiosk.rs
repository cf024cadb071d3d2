//! The kiosk's script with the real compositor and the real browser, on a screen that only exists
//! in memory: it waits for the recorder, shows the page, and reaches nothing else.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use lectern_tests::room::PATIENCE;
use nix::errno::Errno;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::{Pid, Uid, User, chown};

/// The compositor's screen when it has none.
const WHOLE_SCREEN: &str = "/size/1280x720";
/// A page that tells its size, and would load something from elsewhere.
const PAGE: &str = "<!doctype html><title>Lectern</title><script>\
    const size = () => fetch(`/size/${innerWidth}x${innerHeight}`);\
    addEventListener('resize', size); size();\
    fetch('/here').then(() => fetch('http://lectern.invalid/')).catch(() => fetch('/walled'))\
    </script>";

/// Serves the page for ever; says the path of each request.
fn listen() -> (u16, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (out, paths) = sync_channel(256);
    std::thread::Builder::new()
        .name("page".to_owned())
        .spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut request = String::new();
                // Browsers open connections that they then do not use.
                stream.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                if reader.read_line(&mut request).is_err() {
                    continue;
                }
                let Some(path) = request.split(' ').nth(1) else {
                    continue;
                };
                let answer = format!(
                    "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{PAGE}",
                    PAGE.len()
                );
                // Whoever went away has what it wanted.
                drop(stream.write_all(answer.as_bytes()));
                if out.send(path.to_owned()).is_err() {
                    return;
                }
            }
        })
        .unwrap();
    (port, paths)
}

/// The script and all that it started; they are killed with it.
struct Kiosk(Child);

impl Kiosk {
    fn start(url: &str, home: &Path) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/kiosk");
        let mut command = if Uid::current().is_root() {
            // The compositor refuses to run as root, as it should.
            let nobody = User::from_name("nobody").unwrap().unwrap();
            chown(home, Some(nobody.uid), Some(nobody.gid)).unwrap();
            let mut command = Command::new("setpriv");
            command.arg(format!("--reuid={}", nobody.uid));
            command.arg(format!("--regid={}", nobody.gid));
            command.arg("--clear-groups").arg(script);
            command
        } else {
            Command::new(script)
        };
        let kiosk = command
            .arg(url)
            .env("HOME", home)
            .env("XDG_RUNTIME_DIR", home)
            .env_remove("RUNTIME_DIRECTORY")
            .env("WLR_BACKENDS", "headless")
            .env("WLR_LIBINPUT_NO_DEVICES", "1")
            .env("WLR_RENDERER", "pixman")
            .env("LECTERN_KIOSK_FLAGS", "--no-sandbox --disable-gpu")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .unwrap();
        Self(kiosk)
    }
}

impl Drop for Kiosk {
    fn drop(&mut self) {
        let id = i32::try_from(self.0.id()).expect("a process id");
        match killpg(Pid::from_raw(id), Signal::SIGKILL) {
            // It may have ended by itself.
            Ok(()) | Err(Errno::ESRCH) => {}
            Err(errno) => eprintln!("the kiosk could not be killed: {errno}"),
        }
        drop(self.0.wait());
    }
}

#[test]
fn the_page_fills_the_screen_once_the_recorder_answers_and_reaches_nothing_else() {
    let (port, paths) = listen();
    let home = tempfile::Builder::new()
        .prefix("lectern-kiosk")
        .tempdir()
        .unwrap();
    let _kiosk = Kiosk::start(&format!("http://127.0.0.1:{port}/"), home.path());
    let mut seen = Vec::new();
    while !["/walled", WHOLE_SCREEN]
        .iter()
        .all(|end| seen.iter().any(|path| path == end))
    {
        let path = paths
            .recv_timeout(PATIENCE)
            .unwrap_or_else(|_| panic!("the page's script has not come to its end: {seen:?}"));
        seen.push(path);
    }
    assert_eq!(
        seen[0], "/healthz",
        "it is asked first whether there is something to show"
    );
    let page = seen.iter().position(|path| path == "/").expect("the page");
    let here = seen
        .iter()
        .position(|path| path == "/here")
        .expect("its own machine is reached");
    assert!(page < here, "{seen:?}");
}
