//! How this process was started, and starting it so again.
//!
//! What is checked is what the next program begins with: the files are read once, judged by the
//! program on the disk, and handed on to it in memory (`load.rs`). An edit that falls between the
//! check and the start leaves no room without a recorder: the next program reads the disk like at
//! a SIGHUP, when it is ready, and says what is wrong with it.

use std::ffi::{CString, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{dup2_stdin, execve};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tracing::warn;

use crate::load::{Files, LoadError};
use crate::signals::{self, Asked};

/// Reading a configuration takes milliseconds; on a disk that stalls it may take this long.
const CHECKED_WITHIN: Duration = Duration::from_secs(30);
/// A child that was killed ends within this, unless a device holds it in the kernel.
const COLLECTED_WITHIN: Duration = Duration::from_millis(500);
const COLLECT_AGAIN: Duration = Duration::from_millis(5);

/// See the module.
#[derive(Debug)]
pub(crate) struct Launch {
    program: PathBuf,
    /// Device and inode of the file that runs. A package's upgrade puts another file in its place.
    file: Option<(u64, u64)>,
    arguments: Vec<OsString>,
    config: PathBuf,
    was_handed_files: bool,
    /// One reading at a time: a disk that stalls holds the one that is under way, and its thread,
    /// for as long as it likes. The next check waits for it, within its own time.
    reading: Arc<Semaphore>,
}

/// Why the program on the disk is not started with the files on the disk.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unfit {
    /// It does not take them, and will not before somebody has changed something.
    Refused(String),
    /// It could not be asked or did not answer. Another time it may.
    Unasked(String),
}

impl Launch {
    /// Of this process, which reads its configuration from `config`, or began with files that
    /// another program handed on. To be asked at the start: later the program may have been
    /// replaced.
    pub(crate) fn of_this_process(config: PathBuf, was_handed_files: bool) -> Self {
        let program = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("/usr/bin/lecternd"));
        Self {
            program,
            // It leads to what runs, even after another file has taken its name.
            file: identity(Path::new("/proc/self/exe")),
            arguments: std::env::args_os().collect(),
            config,
            was_handed_files,
            reading: Arc::new(Semaphore::new(1)),
        }
    }

    /// Where the configuration is read from.
    pub(crate) fn config(&self) -> &Path {
        &self.config
    }

    /// It began with files that were in memory: nobody has looked at the disk since.
    pub(crate) fn was_handed_files(&self) -> bool {
        self.was_handed_files
    }

    /// Whether another program lies where this one was started from. Blocks for one look at the
    /// disk. A file that is gone for a moment, or cannot be run yet, is not taken for one.
    pub(crate) fn is_replaced(&self) -> bool {
        let there = identity(&self.program);
        there.is_some() && self.file.is_some() && there != self.file
    }

    /// Has the program on the disk judge the configuration: it must take it, or it would not come
    /// up again. The files that it took are for [`Launch::again`].
    ///
    /// # Errors
    /// What the program said, or why it could not be asked.
    pub(crate) async fn check(&self) -> Result<Files, Unfit> {
        let shown = self.program.display();
        timeout(CHECKED_WITHIN, self.judged()).await.unwrap_or_else(|_| {
            let seconds = CHECKED_WITHIN.as_secs();
            Err(Unfit::Unasked(format!(
                "{shown} check did not end within {seconds} s"
            )))
        })
    }

    async fn judged(&self) -> Result<Files, Unfit> {
        let shown = self.program.display();
        let unasked = |error: io::Error| Unfit::Unasked(format!("{shown} cannot be run: {error}"));
        let turn = Arc::clone(&self.reading).acquire_owned().await;
        let config = self.config.clone();
        let read = tokio::task::spawn_blocking(move || {
            // Given back when the reading ends, which may be long after the check was given up.
            let _turn = turn;
            Files::read(&config)
        })
        .await;
        let files = read
            .map_err(|error| unasked(error.into()))?
            .map_err(|error| match error {
                LoadError::Read { .. } => Unfit::Unasked(error.to_string()),
                LoadError::Faults(_) | LoadError::Place(_) => Unfit::Refused(error.to_string()),
            })?;
        let mut command = Command::new(&self.program);
        command
            .arg("--config")
            .arg(&self.config)
            .args(["check", "--no-devices"])
            .stdin(Stdio::from(files.in_memory().map_err(unasked)?));
        let mut command = tokio::process::Command::from(command);
        command.kill_on_drop(true);
        let Output { status, stderr, .. } = command.output().await.map_err(unasked)?;
        let said = String::from_utf8_lossy(&stderr);
        let said = match said.trim() {
            "" => format!("{shown} check ended with {status}"),
            said => said.to_owned(),
        };
        match status.code() {
            Some(0) => Ok(files),
            Some(_) => Err(Unfit::Refused(said)),
            // Killed, as when memory runs out.
            None => Err(Unfit::Unasked(said)),
        }
    }

    /// Executes the program on the disk in place of this one, with the files that it took: same
    /// process id, arguments and environment. Signals that come meanwhile are kept until it
    /// listens ([`signals::hold`]). To be called by the main thread, when every other has ended
    /// but one that a stalled disk holds: that one hears of no signal, and goes with the program.
    /// Blocks for half a second at most. Returns when somebody has asked to stop before.
    ///
    /// # Errors
    /// The program cannot be executed.
    pub(crate) fn again(&self, files: &Files, asked: &Asked) -> io::Result<()> {
        collect_children();
        let program = CString::new(self.program.as_os_str().as_bytes())?;
        let arguments = self
            .arguments
            .iter()
            .map(|argument| CString::new(argument.as_bytes()))
            .collect::<Result<Vec<_>, _>>()?;
        let environment = std::env::vars_os()
            .map(|(key, value)| CString::new([key.as_bytes(), b"=", value.as_bytes()].concat()))
            .collect::<Result<Vec<_>, _>>()?;
        dup2_stdin(files.in_memory()?)?;
        // First held, then asked: what comes between would otherwise reach neither program.
        signals::hold()?;
        if asked.to_stop() {
            return Ok(());
        }
        match execve(&program, &arguments, &environment)? {}
    }
}

/// Children whose tasks ended before them were killed, and nobody waited: the next program knows
/// nothing of them, and they would stay in the table of processes for as long as it runs.
#[expect(
    clippy::disallowed_methods,
    reason = "the last thread there is waits for the kernel, half a second at most"
)]
fn collect_children() {
    let until = Instant::now() + COLLECTED_WITHIN;
    while !are_collected(|| waitpid(None, Some(WaitPidFlag::WNOHANG))) {
        if Instant::now() >= until {
            warn!("a child did not end; it is collected with the daemon's end");
            return;
        }
        std::thread::sleep(COLLECT_AGAIN);
    }
}

/// Takes the status of each child that has ended; whether there is no other child.
fn are_collected(mut wait: impl FnMut() -> nix::Result<WaitStatus>) -> bool {
    loop {
        match wait() {
            Ok(WaitStatus::StillAlive) => return false,
            Ok(_) | Err(Errno::EINTR) => {}
            Err(_) => return true,
        }
    }
}

/// Device and inode of a program.
fn identity(path: &Path) -> Option<(u64, u64)> {
    let meta = std::fs::metadata(path).ok()?;
    let is_program = meta.is_file() && meta.permissions().mode() & 0o111 != 0;
    is_program.then(|| (meta.dev(), meta.ino()))
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File, Permissions};
    use std::io::Write;

    use nix::sys::signal::Signal;
    use nix::sys::stat::Mode;
    use nix::unistd::Pid;

    use super::*;

    /// Written by another process: what this one writes cannot be executed while a test forks.
    fn program(path: &Path, mode: u32, then: &str) {
        let text = path.with_extension("text");
        fs::write(&text, format!("#!/bin/sh\n{then}\n")).unwrap();
        let mut install = Command::new("install");
        let installed = install
            .arg(format!("--mode={mode:o}"))
            .args([&text, path])
            .status();
        assert!(installed.unwrap().success());
    }

    /// Of the program at `path`, which reads the file `lectern.toml` beside it.
    fn launch(path: &Path) -> Launch {
        Launch {
            program: path.to_owned(),
            file: identity(path),
            arguments: Vec::new(),
            config: path.with_file_name("lectern.toml"),
            was_handed_files: false,
            reading: Arc::new(Semaphore::new(1)),
        }
    }

    #[test]
    fn a_program_is_replaced_by_another_file_that_can_be_run() {
        let place = tempfile::tempdir().unwrap();
        let (path, other) = (place.path().join("lecternd"), place.path().join("new"));
        program(&path, 0o755, "exit 0");
        let launch = launch(&path);
        assert!(!launch.is_replaced());
        // As a package is unpacked: written beside it, then renamed.
        program(&other, 0o644, "exit 0");
        fs::rename(&other, &path).unwrap();
        assert!(!launch.is_replaced(), "it cannot be run yet");
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
        assert!(launch.is_replaced());
        fs::remove_file(&path).unwrap();
        assert!(!launch.is_replaced(), "there is nothing to be started");
    }

    #[test]
    fn this_process_runs_the_program_that_it_was_started_from() {
        let launch = Launch::of_this_process(PathBuf::new(), false);
        assert!(launch.file.is_some() && !launch.is_replaced());
    }

    #[tokio::test]
    async fn p1_only_what_the_program_itself_says_is_taken_for_a_refusal() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("lecternd");
        let config = place.path().join("lectern.toml");
        fs::write(&config, "id = \"r\"").unwrap();
        let shown = config.display();
        let refuses = "echo \"fault: $*\" >&2; exit 78";
        let refused = |said: &str| Err(Unfit::Refused(said.to_owned()));
        let files = Files::read(&config).unwrap();
        for (says, expected) in [
            (
                refuses,
                refused(&format!("fault: --config {shown} check --no-devices")),
            ),
            (
                "kill -KILL $$",
                Err(Unfit::Unasked(format!(
                    "{} check ended with signal: 9 (SIGKILL)",
                    path.display()
                ))),
            ),
            // It is judged what the next program will begin with.
            ("grep -q 'id = .\"r.\"'", Ok(files)),
        ] {
            program(&path, 0o755, says);
            assert_eq!(launch(&path).check().await, expected, "{says}");
        }
        fs::remove_file(&path).unwrap();
        assert!(
            matches!(launch(&path).check().await, Err(Unfit::Unasked(_))),
            "a package is being unpacked"
        );
        fs::remove_file(&config).unwrap();
        assert!(
            matches!(launch(&path).check().await, Err(Unfit::Unasked(_))),
            "a file is being written"
        );
    }

    /// A named pipe is read like a file on a disk that stalls.
    #[tokio::test]
    async fn p1_a_disk_that_stalls_holds_one_reading_however_often_it_is_asked() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("lecternd");
        let config = place.path().join("lectern.toml");
        program(&path, 0o755, "exit 0");
        nix::unistd::mkfifo(&config, Mode::S_IRWXU).unwrap();
        let launch = launch(&path);
        for _ in 0..3 {
            assert!(timeout(Duration::ZERO, launch.judged()).await.is_err());
        }
        assert_eq!(launch.reading.available_permits(), 0, "one is under way");
        // Whoever else began to read the pipe would never come to an end.
        let mut disk = File::options().write(true).open(&config).unwrap();
        fs::rename(place.path().join("lecternd.text"), &config).unwrap();
        disk.write_all(b"late").unwrap();
        drop(disk);
        let judged = launch.judged().await.unwrap();
        assert_eq!(judged, Files::read(&config).unwrap(), "what is there by then");
    }

    #[test]
    fn each_child_that_ended_is_collected_and_none_is_waited_for() {
        let ended = Ok(WaitStatus::Exited(Pid::from_raw(7), 0));
        let killed = Ok(WaitStatus::Signaled(Pid::from_raw(8), Signal::SIGKILL, false));
        let (lives, none) = (Ok(WaitStatus::StillAlive), Err(Errno::ECHILD));
        for (answers, are_all) in [
            (vec![none], true),
            (vec![ended, none], true),
            (vec![ended, Err(Errno::EINTR), killed, none], true),
            (vec![lives], false),
            (vec![killed, lives], false),
        ] {
            let mut left = answers.iter().copied();
            assert_eq!(are_collected(|| left.next().unwrap()), are_all, "{answers:?}");
            assert_eq!(left.next(), None, "{answers:?}");
        }
    }
}
