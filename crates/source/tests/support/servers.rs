//! Servers that a source captures from, one of each test's own.
//!
//! Each is killed when it goes out of scope; none uses a fixed name, display or port.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use x11rb::connection::Connection;
use x11rb::protocol::randr::{ConnectionExt as _, Rotation};
use x11rb::protocol::xproto::{
    ChangeGCAux, ConnectionExt, CreateGCAux, CreateWindowAux, ImageFormat, Rectangle, WindowClass,
};
use x11rb::rust_connection::RustConnection;

/// A child process that does not outlive its test.
pub(crate) struct Server(Child);

impl Server {
    fn start(command: &mut Command) -> Self {
        Self(
            command
                .spawn()
                .unwrap_or_else(|error| panic!("{command:?}: {error}")),
        )
    }

    /// Kills it as a crash would.
    pub(crate) fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    /// Stops or continues all its work without ending it.
    pub(crate) fn freeze(&self, frozen: bool) {
        use nix::sys::signal::{Signal, kill};
        let signal = if frozen { Signal::SIGSTOP } else { Signal::SIGCONT };
        kill(
            nix::unistd::Pid::from_raw(i32::try_from(self.0.id()).unwrap()),
            signal,
        )
        .unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have been killed by its test already.
        let _ended = self.0.kill();
        let _reaped = self.0.wait();
    }
}

/// An X server without a screen on any desk.
pub(crate) struct Xvfb {
    pub(crate) server: Server,
    pub(crate) display: String,
}

impl Xvfb {
    pub(crate) fn start(width: u32, height: u32) -> Self {
        let size = format!("{width}x{height}x24");
        let mut command = Command::new("Xvfb");
        command.args([
            "-displayfd",
            "1",
            "-screen",
            "0",
            &size,
            "-nolisten",
            "tcp",
            "-noreset",
        ]);
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        let mut server = Server::start(&mut command);
        let mut number = String::new();
        BufReader::new(server.0.stdout.take().unwrap())
            .read_line(&mut number)
            .unwrap();
        let number = number.trim();
        assert!(!number.is_empty(), "Xvfb names its display");
        Self {
            server,
            display: format!(":{number}"),
        }
    }

    fn connect(&self) -> (RustConnection, u32) {
        let (connection, screen) = RustConnection::connect(Some(&self.display)).unwrap();
        let root = connection.setup().roots[screen].root;
        (connection, root)
    }

    /// Fills the screen with one colour, 0xRRGGBB, by a window of its own.
    pub(crate) fn painter(&self) -> Painter {
        let (connection, root) = self.connect();
        let (window, gc) = (
            connection.generate_id().unwrap(),
            connection.generate_id().unwrap(),
        );
        let class = WindowClass::INPUT_OUTPUT;
        let settings = CreateWindowAux::new().override_redirect(1);
        connection
            .create_window(24, window, root, 0, 0, 4000, 4000, 0, class, 0, &settings)
            .unwrap();
        connection.map_window(window).unwrap();
        connection.create_gc(gc, window, &CreateGCAux::new()).unwrap();
        connection.flush().unwrap();
        Painter {
            connection,
            window,
            gc,
        }
    }

    pub(crate) fn move_pointer(&self, x: i16, y: i16) {
        let (connection, root) = self.connect();
        connection
            .warp_pointer(x11rb::NONE, root, 0, 0, 0, 0, x, y)
            .unwrap()
            .check()
            .unwrap();
    }

    /// What the server itself shows, without the pointer: blue first, 32 bits a pixel.
    pub(crate) fn picture(&self, width: u16, height: u16) -> Vec<u8> {
        let (connection, root) = self.connect();
        connection
            .get_image(ImageFormat::Z_PIXMAP, root, 0, 0, width, height, !0)
            .unwrap()
            .reply()
            .unwrap()
            .data
    }

    /// Sets another resolution, as a projector that is plugged in would.
    pub(crate) fn resize(&self, width: u16, height: u16) {
        let (connection, root) = self.connect();
        connection.randr_query_version(1, 5).unwrap().reply().unwrap();
        let resources = connection
            .randr_get_screen_resources(root)
            .unwrap()
            .reply()
            .unwrap();
        for crtc in resources.crtcs {
            // Nothing may show more than what will be left.
            let off = connection.randr_set_crtc_config(crtc, 0, 0, 0, 0, 0, Rotation::ROTATE0, &[]);
            off.unwrap().reply().unwrap();
        }
        connection
            .randr_set_screen_size(root, width, height, 200, 150)
            .unwrap()
            .check()
            .unwrap();
    }
}

/// Draws on a screen.
pub(crate) struct Painter {
    connection: RustConnection,
    window: u32,
    gc: u32,
}

impl Painter {
    pub(crate) fn fill(&self, rgb: u32) {
        self.rectangle(rgb, (0, 0), (4000, 4000));
    }

    /// Fills a part of it.
    pub(crate) fn rectangle(&self, rgb: u32, (x, y): (i16, i16), (width, height): (u16, u16)) {
        let part = Rectangle { x, y, width, height };
        self.connection
            .change_gc(self.gc, &ChangeGCAux::new().foreground(rgb))
            .unwrap();
        self.connection
            .poly_fill_rectangle(self.window, self.gc, &[part])
            .unwrap();
        // An answer means that it is drawn.
        self.connection.get_input_focus().unwrap().reply().unwrap();
    }
}

/// A sound server with a sink that nobody hears; its `mic.monitor` is a microphone.
pub(crate) struct Pulse {
    pub(crate) server: Server,
    pub(crate) address: String,
}

impl Pulse {
    pub(crate) fn start(folder: &Path) -> Self {
        let socket = folder.join("pulse.sock");
        let native = format!(
            "module-native-protocol-unix socket={} auth-anonymous=1",
            socket.display()
        );
        let mut command = Command::new("pulseaudio");
        command.args([
            "-n",
            "--daemonize=no",
            "--exit-idle-time=-1",
            "--use-pid-file=no",
            "--log-level=info",
        ]);
        command.args([
            "-L",
            &native,
            "-L",
            "module-null-sink sink_name=mic rate=48000 channels=2",
        ]);
        command
            .env("HOME", folder)
            .env("XDG_RUNTIME_DIR", folder)
            .stderr(Stdio::piped());
        let mut server = Server::start(&mut command);
        let mut log = BufReader::new(server.0.stderr.take().unwrap())
            .lines()
            .map_while(Result::ok);
        assert!(
            log.any(|line| line.contains("startup complete")),
            "pulseaudio starts"
        );
        // A server whose log nobody reads stands still.
        std::thread::spawn(move || log.for_each(drop));
        Self {
            server,
            address: format!("unix:{}", socket.display()),
        }
    }

    /// Plays beeps into the sink.
    pub(crate) fn play(&self) -> Server {
        let mut command = Command::new("gst-launch-1.0");
        command.args([
            "-q",
            "audiotestsrc",
            "is-live=true",
            "wave=ticks",
            "sine-periods-per-tick=40",
            "freq=1000",
        ]);
        command.args([
            "!",
            "audio/x-raw,rate=48000,channels=2",
            "!",
            "pulsesink",
            "device=mic",
        ]);
        command
            .env("PULSE_SERVER", &self.address)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        Server::start(&mut command)
    }
}

/// A network camera.
pub(crate) struct Camera {
    pub(crate) server: Server,
    pub(crate) port: u16,
    answers: BufReader<std::process::ChildStdout>,
}

impl Camera {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/rtsp/server.py");
        let mut command = Command::new("/usr/bin/python3");
        command.arg(script).args(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut server = Server::start(&mut command);
        let mut answers = BufReader::new(server.0.stdout.take().unwrap());
        let mut line = String::new();
        answers.read_line(&mut line).unwrap();
        let port = line
            .trim()
            .strip_prefix("ready ")
            .expect("the server is ready")
            .parse()
            .unwrap();
        Self {
            server,
            port,
            answers,
        }
    }

    /// Says a word to it (see the script) and waits until it has obeyed.
    pub(crate) fn obey(&mut self, word: &str) {
        let stdin = self.server.0.stdin.as_mut().unwrap();
        writeln!(stdin, "{word}").unwrap();
        let mut answer = String::new();
        self.answers.read_line(&mut answer).unwrap();
        assert_eq!(answer.trim(), word);
    }
}
