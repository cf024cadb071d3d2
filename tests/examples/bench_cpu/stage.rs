//! The room of the measurement: one X server, one sound server, one set of camera pictures.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use lectern_tests::room::program;
use lectern_tests::things::Sound;
use tempfile::TempDir;

use crate::camera::Pictures;

/// What can be painted.
pub(crate) const SCENES: [&str; 4] = ["still", "pen", "video", "scroll"];
/// The size of the screen.
pub(crate) const SCREEN: (u32, u32) = (1920, 1080);

/// See the module.
pub(crate) struct Stage {
    pub(crate) display: String,
    pub(crate) sound: Sound,
    pub(crate) pictures: Pictures,
    server: Child,
    pub(crate) dir: TempDir,
}

/// A scene that is painted until this is dropped.
pub(crate) struct Painted(Child);

impl Stage {
    pub(crate) fn build() -> Self {
        let dir = tempfile::Builder::new()
            .prefix("lectern-bench")
            .tempdir()
            .unwrap();
        let (display, server) = start_screen();
        Self {
            display,
            sound: Sound::start(dir.path()),
            pictures: Pictures::make(),
            server,
            dir,
        }
    }

    pub(crate) fn server_pid(&self) -> u32 {
        self.server.id()
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Paints a scene; returns when it stands on the screen.
    pub(crate) fn paint(&self, scene: &str) -> Painted {
        let mut child = Command::new(program("examples/paint"))
            .args([&self.display, scene])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the painter starts");
        let mut said = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut said)
            .unwrap();
        assert_eq!(said.trim(), "painted", "the painter paints {scene}");
        Painted(child)
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        drop(self.server.kill());
        drop(self.server.wait());
    }
}

impl Drop for Painted {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        drop(self.0.wait());
    }
}

fn start_screen() -> (String, Child) {
    let size = format!("{}x{}x24", SCREEN.0, SCREEN.1);
    let mut server = Command::new("Xvfb")
        .args([
            "-displayfd",
            "1",
            "-screen",
            "0",
            &size,
            "-nolisten",
            "tcp",
            "-noreset",
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("Xvfb starts");
    let mut number = String::new();
    BufReader::new(server.stdout.take().unwrap())
        .read_line(&mut number)
        .unwrap();
    (format!(":{}", number.trim()), server)
}

/// Lets time pass: here it is what is measured.
pub(crate) fn rest(time: Duration) {
    let end = Instant::now() + time;
    while let Some(left) = end.checked_duration_since(Instant::now()) {
        std::thread::park_timeout(left);
    }
}
