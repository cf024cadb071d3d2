//! The kiosk's script with the real compositor and the real browser, on a screen that only exists
//! in memory: it waits for the recorder, shows the page, and reaches nothing else. What outlives a
//! browser is tried with one of a few lines (`fixtures/kiosk`).

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::ffi::OsStr;
use std::fs;
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
        let path = std::env::var_os("PATH").unwrap();
        Self::start_with(url, home, &path)
    }

    /// With the compositor and the browser that are found along `path`.
    fn start_with(url: &str, home: &Path, path: &OsStr) -> Self {
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
            .env("PATH", path)
            .env("HOME", home)
            .env("XDG_RUNTIME_DIR", home)
            .env("STATE_DIRECTORY", home.join("state"))
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
    let cookies = fs::read(home.path().join("state/Cookies")).expect("the browser's are where they stay");
    assert!(cookies.starts_with(b"SQLite format 3"));
}

/// Who signed in stays so after a power cut; nothing else of a browser is met by the next one. Of
/// cookies that it dies of three times, the browser is rid.
#[test]
fn cookies_outlive_the_browser_unless_it_dies_of_them() {
    let stand_ins = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/kiosk");
    let path = format!("{}:/usr/bin:/bin", stand_ins.display());
    let home = tempfile::tempdir().unwrap();
    for _ in 0..5 {
        let mut kiosk = Kiosk::start_with("http://127.0.0.1:8470/", home.path(), OsStr::new(&path));
        assert!(kiosk.0.wait().unwrap().success());
    }
    let found = fs::read_to_string(home.path().join("found")).unwrap();
    let found: Vec<_> = found.lines().collect();
    let (new, signed_in) = ("Default", "Default signed-in");
    assert_eq!(found, [new, signed_in, signed_in, new, signed_in]);
}
