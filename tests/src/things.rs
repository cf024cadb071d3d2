//! Real things around a room: an X server with something moving on it, a sound server with a
//! tone, an RTSP camera. Each can be killed and started again, and ends with its value.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::until;

/// A process that is killed with its value.
#[derive(Debug)]
pub struct Process(Child);

impl Process {
    /// Starts a program with its output thrown away.
    ///
    /// # Panics
    /// When it cannot be started: `scripts/test` installs all of them.
    #[must_use]
    pub fn start(command: &mut Command) -> Self {
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        Self(child.unwrap_or_else(|e| panic!("{command:?}: {e}; scripts/test installs it")))
    }

    /// `kill -9`, and wait until it is gone.
    ///
    /// # Panics
    /// When it is not ours to kill.
    pub fn kill9(mut self) {
        self.0.kill().expect("SIGKILL");
        self.0.wait().expect("collected");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Whether no server lives on a display. One that was killed leaves its lock behind, with the number
/// of its process in it; the next server on the display takes it away.
fn is_free(display: u32) -> bool {
    match std::fs::read_to_string(format!("/tmp/.X{display}-lock")) {
        Ok(lock) => lock
            .trim()
            .parse::<u32>()
            .is_ok_and(|pid| !Path::new(&format!("/proc/{pid}")).exists()),
        Err(_) => !Path::new(&format!("/tmp/.X11-unix/X{display}")).exists(),
    }
}

/// An X server of our own with a clock whose hand moves.
#[derive(Debug)]
pub struct Screen {
    /// Such as `:91`.
    pub display: String,
    parts: Vec<Process>,
}

impl Screen {
    /// Starts one on the first free display from `from` on.
    ///
    /// # Panics
    /// When none comes up.
    #[must_use]
    pub fn start(from: u32) -> Self {
        let number = (from..from + 50).find(|n| is_free(*n)).expect("a free display");
        Self::start_on(&format!(":{number}"))
    }

    /// Starts one on this display: for a server that comes back.
    ///
    /// # Panics
    /// When it does not come up.
    #[must_use]
    pub fn start_on(display: &str) -> Self {
        let server = Process::start(Command::new("Xvfb").args([
            display,
            "-screen",
            "0",
            "1280x720x24",
            "-nolisten",
            "tcp",
        ]));
        let socket = PathBuf::from(format!("/tmp/.X11-unix/X{}", display.trim_start_matches(':')));
        until("the X server", || {
            std::os::unix::net::UnixStream::connect(&socket).ok()
        });
        let clock = Process::start(Command::new("xclock").args([
            "-display",
            display,
            "-update",
            "1",
            "-geometry",
            "600x600+40+40",
        ]));
        Self {
            display: display.to_owned(),
            parts: vec![clock, server],
        }
    }

    /// Kills the server; its windows die with it.
    pub fn kill9(mut self) -> String {
        for part in self.parts.drain(..).rev() {
            part.kill9();
        }
        let number = self.display.trim_start_matches(':').to_owned();
        // A killed server leaves these behind, and the next one on the display refuses to start.
        drop(std::fs::remove_file(format!("/tmp/.X{number}-lock")));
        drop(std::fs::remove_file(format!("/tmp/.X11-unix/X{number}")));
        std::mem::take(&mut self.display)
    }
}

/// A PulseAudio of our own with one null sink, into which a tone plays.
#[derive(Debug)]
pub struct Sound {
    dir: PathBuf,
    parts: Vec<Process>,
}

/// The source to record in [`Sound`].
pub const SOUND_DEVICE: &str = "podium.monitor";

impl Sound {
    /// Starts one whose socket lies in `dir`.
    ///
    /// # Panics
    /// When it does not come up.
    #[must_use]
    pub fn start(dir: &Path) -> Self {
        let socket = dir.join("pulse.sock");
        drop(std::fs::remove_file(&socket));
        let module = format!(
            "module-native-protocol-unix socket={} auth-anonymous=1",
            socket.display()
        );
        let server = Process::start(
            Command::new("pulseaudio")
                .args([
                    "-n",
                    "--daemonize=no",
                    "--exit-idle-time=-1",
                    "--use-pid-file=no",
                    "-L",
                    &module,
                    "-L",
                ])
                .arg("module-null-sink sink_name=podium rate=48000 channels=2")
                .env("HOME", dir)
                .env("XDG_RUNTIME_DIR", dir),
        );
        let address = format!("unix:{}", socket.display());
        until("the sound server", || {
            let probe = Command::new("pactl")
                .args(["list", "short", "sources"])
                .env("PULSE_SERVER", &address)
                .output()
                .ok()?;
            String::from_utf8_lossy(&probe.stdout)
                .contains(SOUND_DEVICE)
                .then_some(())
        });
        let tone = Process::start(
            Command::new("gst-launch-1.0")
                .args([
                    "-q",
                    "audiotestsrc",
                    "is-live=true",
                    "freq=440",
                    "volume=0.3",
                    "!",
                ])
                .args([
                    "audio/x-raw,rate=48000,channels=2",
                    "!",
                    "pulsesink",
                    "device=podium",
                ])
                .env("PULSE_SERVER", &address),
        );
        Self {
            dir: dir.to_owned(),
            parts: vec![tone, server],
        }
    }

    /// For `PULSE_SERVER`.
    #[must_use]
    pub fn address(&self) -> String {
        format!("unix:{}", self.dir.join("pulse.sock").display())
    }

    /// Kills the server; the tone dies with it.
    pub fn kill9(mut self) {
        for part in self.parts.drain(..).rev() {
            part.kill9();
        }
    }
}

/// A network camera: an RTSP server with a live picture.
#[derive(Debug)]
pub struct Camera {
    /// Its port.
    pub port: u16,
    server: Process,
}

impl Camera {
    /// Starts one on this port.
    ///
    /// # Panics
    /// When it does not come up.
    #[must_use]
    pub fn start(port: u16) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/rtsp/server.py");
        let server = Process::start(
            Command::new("/usr/bin/python3")
                .arg(script)
                .arg("--port")
                .arg(port.to_string()),
        );
        until("the network camera", || {
            std::net::TcpStream::connect(("127.0.0.1", port)).ok()
        });
        Self { port, server }
    }

    /// Kills it.
    pub fn kill9(self) {
        self.server.kill9();
    }
}
