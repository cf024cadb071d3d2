//! One classroom: a configuration, a spool, a platform folder, and a running `lecternd`.

mod asked;

use std::fs::{File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

/// The longest that any single state may take on a slow machine.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// A live test picture as `[[source]]`: a white flash at each whole second of the clock.
pub const CAMERA: &str = r#"
[[source]]
name = "camera"
role = "presenter"
kind = "test-video"
width = 640
height = 360
"#;
/// A live test sound as `[[source]]`: a beep at each whole second of the same clock.
pub const MICROPHONE: &str = r#"
[[source]]
name = "microphone"
role = "microphone"
kind = "test-audio"
"#;
/// A folder as `[[platform]]` that takes everything; [`Room::delivered`] looks into it.
pub const SHARE: &str = r#"
[[platform]]
name = "share"
kind = "directory"
path = "{dir}/platform"
create = true
send = ["lecture", "tracks", "metadata"]
"#;

/// Waits until `look` has an answer.
///
/// # Panics
/// When it has none within [`PATIENCE`]; `what` says what was awaited.
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain for: {what}");
        std::thread::park_timeout(Duration::from_millis(30));
    }
}

/// A program of this workspace.
///
/// # Panics
/// When it has not been built.
#[must_use]
pub fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a test knows its own path");
    let path = test
        .ancestors()
        .nth(2)
        .expect("tests live in target/*/deps")
        .join(name);
    assert!(
        path.is_file(),
        "{} is not there: run `cargo build --workspace` first",
        path.display()
    );
    path
}

/// See the module.
#[derive(Debug)]
pub struct Room {
    dir: TempDir,
    daemon: Option<Child>,
    env: Vec<(String, String)>,
    disk_mib: Option<u32>,
    program: Option<PathBuf>,
}

impl Room {
    /// A room with the given `[[source]]` and `[[platform]]` tables and more; the spool, the
    /// socket and the log lie in a temporary folder. `{dir}` in the text is that folder.
    ///
    /// # Panics
    /// When the folder cannot be made.
    #[must_use]
    pub fn new(tables: &str) -> Self {
        let dir = tempfile::Builder::new()
            .prefix("lectern-room")
            .tempdir()
            .expect("a temporary folder");
        let room = Self {
            dir,
            daemon: None,
            env: Vec::new(),
            disk_mib: None,
            program: None,
        };
        room.configure(tables);
        room
    }

    /// Writes the configuration anew; takes effect at the next start.
    ///
    /// # Panics
    /// When the file cannot be written.
    pub fn configure(&self, tables: &str) {
        let here = self.path("").display().to_string();
        let here = here.trim_end_matches('/');
        let mut text = String::from("[room]\nid = \"test-room\"\n");
        for (section, default) in [
            (
                "storage",
                "path = \"{dir}/spool\"\nreserve = \"1MiB\"\nsync_every = \"1s\"\nsegment = \"2s\"",
            ),
            ("recording", "undo = \"0s\""),
            ("panel", "listen = \"off\""),
            ("control", "socket = \"{dir}/control.sock\""),
        ] {
            if !tables.contains(&format!("[{section}]")) {
                text.push_str(&format!("[{section}]\n{default}\n"));
            }
        }
        text.push_str(tables);
        std::fs::write(self.path("lectern.toml"), text.replace("{dir}", here)).expect("the configuration");
    }

    /// A path below the room's folder.
    #[must_use]
    pub fn path(&self, rest: &str) -> PathBuf {
        self.dir.path().join(rest)
    }

    /// Adds to the environment of the daemon, hence of its sources.
    pub fn env(&mut self, key: &str, value: impl Into<String>) {
        self.env.push((key.to_owned(), value.into()));
    }

    /// Gives the spool a disk of its own of this size: a tmpfs that only the daemon sees, in a
    /// namespace that any user may make. [`Room::seen_by_daemon`] leads into it.
    pub fn small_disk(&mut self, mib: u32) {
        self.disk_mib = Some(mib);
    }

    /// Installs the daemon and its companion into `{dir}/bin`, to be started from there and to be
    /// replaced; returns the daemon's path.
    ///
    /// # Panics
    /// When they cannot be put there.
    pub fn install(&mut self) -> PathBuf {
        let bin = self.path("bin");
        std::fs::create_dir(&bin).expect("a folder for programs");
        for name in ["lecternd", "lectern-source"] {
            let (from, to) = (program(name), bin.join(name));
            // A link where it can be: they are large.
            std::fs::hard_link(&from, &to)
                .or_else(|_| std::fs::copy(&from, &to).map(drop))
                .expect("a program");
        }
        self.program.insert(bin.join("lecternd")).clone()
    }

    /// What a package does to an installed program: another file under the same name. The new one
    /// does `first`, writes down how it was started, a line each time in `{dir}/NAME.said`, and goes
    /// on as the real one.
    ///
    /// # Panics
    /// When it cannot be put there.
    pub fn replace(&self, name: &str, first: &str) {
        let place = self.path("bin").join(name);
        let new = place.with_extension("dpkg-new");
        let (said, real) = (self.path(&format!("{name}.said")), program(name));
        let (said, real) = (said.display(), real.display());
        let script = format!("#!/bin/sh\n{first}\necho \"$*\" >>{said}\nexec {real} \"$@\"\n");
        std::fs::write(&new, script).expect("a program");
        std::fs::set_permissions(&new, Permissions::from_mode(0o755)).expect("a program");
        std::fs::rename(&new, &place).expect("a program");
    }

    /// A path as the daemon sees it.
    #[must_use]
    pub fn seen_by_daemon(&self, path: &Path) -> PathBuf {
        let inside = path.strip_prefix("/").expect("an absolute path");
        PathBuf::from(format!("/proc/{}/root", self.pid())).join(inside)
    }

    /// Starts the daemon and waits until it answers.
    ///
    /// # Panics
    /// When it ends or does not answer.
    pub fn start(&mut self) {
        self.launch();
        until("the daemon's answer", || {
            if let Some(status) = self.daemon.as_mut().and_then(|d| d.try_wait().ok().flatten()) {
                panic!("lecternd ended with {status}:\n{}", self.log());
            }
            self.try_status()
        });
    }

    /// Starts the daemon and does not wait.
    ///
    /// # Panics
    /// When it cannot be started, or runs already.
    pub fn launch(&mut self) {
        assert!(self.daemon.is_none(), "the daemon runs already");
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.path("log"))
            .expect("the log");
        let daemon = self
            .daemon_command()
            .arg("--config")
            .arg(self.path("lectern.toml"))
            .env(
                "LECTERN_LOG",
                std::env::var("LECTERN_LOG").unwrap_or_else(|_| "info,lectern_capture=debug".into()),
            )
            .envs(self.env.iter().map(|(k, v)| (k.as_str(), v.as_str())))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("lecternd starts");
        self.daemon = Some(daemon);
    }

    fn daemon_command(&self) -> Command {
        let Some(mib) = self.disk_mib else {
            return Command::new(self.program.clone().unwrap_or_else(|| program("lecternd")));
        };
        let spool = self.path("spool");
        std::fs::create_dir_all(&spool).expect("the spool's folder");
        let script = r#"mount -t tmpfs -o "size=$1" tmpfs "$2" && shift 2 && exec "$@""#;
        let mut command = Command::new("unshare");
        command.args(["--map-root-user", "--mount", "sh", "-c", script, "sh"]);
        command.arg(format!("{mib}m")).arg(spool).arg(program("lecternd"));
        command
    }

    /// The daemon's log so far.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// Waits until every source delivers.
    pub fn await_sources(&self) {
        until("live sources", || {
            let status = self.try_status()?;
            let sources = status["sources"].as_array()?;
            sources.iter().all(|s| s["health"] == "live").then_some(())
        });
    }

    /// Process id of the daemon.
    ///
    /// # Panics
    /// When it does not run.
    #[must_use]
    pub fn pid(&self) -> Pid {
        let id = self.daemon.as_ref().expect("the daemon runs").id();
        Pid::from_raw(i32::try_from(id).expect("a process id"))
    }

    /// Process id of the child that serves a source.
    #[must_use]
    pub fn source_pid(&self, name: &str) -> Option<Pid> {
        let parent = self.pid().to_string();
        std::fs::read_dir("/proc").ok()?.flatten().find_map(|entry| {
            let pid: i32 = entry.file_name().to_str()?.parse().ok()?;
            let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
            let after = stat.rsplit_once(')')?.1;
            let mut fields = after.split_whitespace();
            let (state, ppid) = (fields.next()?, fields.next()?);
            let cmdline = std::fs::read(entry.path().join("cmdline")).ok()?;
            let mut words = cmdline.split(|b| *b == 0);
            let ours = words.any(|w| w == b"--name") && words.next() == Some(name.as_bytes());
            (ppid == parent && state != "Z" && ours).then(|| Pid::from_raw(pid))
        })
    }

    /// `kill -9` of the daemon and, by it, of its children.
    ///
    /// # Panics
    /// When it does not run.
    pub fn kill9(&mut self) {
        let mut daemon = self.daemon.take().expect("the daemon runs");
        daemon.kill().expect("SIGKILL");
        daemon.wait().expect("the daemon is collected");
    }

    /// SIGTERM, and the time until the daemon has ended.
    ///
    /// # Panics
    /// When it does not end, or not with success.
    pub fn terminate(&mut self) -> Duration {
        kill(self.pid(), Signal::SIGTERM).expect("SIGTERM");
        let began = Instant::now();
        let mut daemon = self.daemon.take().expect("the daemon runs");
        let status = until("the daemon's end", || {
            daemon.try_wait().expect("the daemon's state")
        });
        assert!(status.success(), "lecternd ended with {status}:\n{}", self.log());
        began.elapsed()
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        if let Some(mut daemon) = self.daemon.take() {
            drop(daemon.kill());
            drop(daemon.wait());
        }
        if std::thread::panicking() {
            eprintln!("--- log of {}\n{}", self.dir.path().display(), self.log());
        }
    }
}

/// Lower-case hex SHA-256 of a file.
///
/// # Panics
/// When it cannot be read.
#[must_use]
pub fn sha256(path: &Path) -> String {
    use sha2::Digest;
    use std::io::Read;
    let mut file = File::open(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut hash = sha2::Sha256::new();
    let mut block = vec![0; 1 << 20];
    loop {
        let count = file.read(&mut block).expect("reading");
        if count == 0 {
            break;
        }
        hash.update(&block[..count]);
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
