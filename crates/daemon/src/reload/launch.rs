//! How this process was started, and starting it so again.

use std::convert::Infallible;
use std::ffi::{CString, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{SigSet, Signal};
use nix::unistd::execv;
use tokio::time::timeout;

/// Reading a configuration takes milliseconds; on a disk that stalls it may take this long.
const CHECKED_WITHIN: Duration = Duration::from_secs(30);

/// See the module.
#[derive(Debug)]
pub(crate) struct Launch {
    program: PathBuf,
    /// Device and inode of the file that runs. A package's upgrade puts another file in its place.
    file: Option<(u64, u64)>,
    arguments: Vec<OsString>,
    config: PathBuf,
}

impl Launch {
    /// Of this process, which reads its configuration from `config`. To be asked at the start:
    /// later the program may have been replaced.
    pub(crate) fn of_this_process(config: PathBuf) -> Self {
        let program = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("/usr/bin/lecternd"));
        Self {
            program,
            // It leads to what runs, even after another file has taken its name.
            file: identity(Path::new("/proc/self/exe")),
            arguments: std::env::args_os().collect(),
            config,
        }
    }

    /// Where the configuration is read from.
    pub(crate) fn config(&self) -> &Path {
        &self.config
    }

    /// Whether another program lies where this one was started from. Blocks for one look at the
    /// disk. A file that is gone for a moment, or cannot be run yet, is not taken for one.
    pub(crate) fn is_replaced(&self) -> bool {
        let there = identity(&self.program);
        there.is_some() && self.file.is_some() && there != self.file
    }

    /// Has the program on the disk judge the configuration: it must take it, or it would not come
    /// up again.
    ///
    /// # Errors
    /// What the program said, or why it could not be asked.
    pub(crate) async fn check(&self) -> Result<(), String> {
        let mut command = Command::new(&self.program);
        command
            .arg("--config")
            .arg(&self.config)
            .args(["check", "--no-devices"])
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        let mut command = tokio::process::Command::from(command);
        command.kill_on_drop(true);
        let shown = self.program.display();
        match timeout(CHECKED_WITHIN, command.output()).await {
            Err(_) => Err(format!(
                "{shown} check did not end within {} s",
                CHECKED_WITHIN.as_secs()
            )),
            Ok(Err(error)) => Err(format!("{shown} cannot be run: {error}")),
            Ok(Ok(output)) if output.status.success() => Ok(()),
            Ok(Ok(output)) => {
                let said = String::from_utf8_lossy(&output.stderr);
                Err(match said.trim() {
                    "" => format!("{shown} check ended with {}", output.status),
                    said => said.to_owned(),
                })
            }
        }
    }

    /// Executes the program on the disk in place of this one: same process id, arguments and
    /// environment. Signals that come meanwhile are kept until it listens
    /// ([`listen_again`]). To be called by the main thread, when every other has ended.
    ///
    /// # Errors
    /// Returns only when the program cannot be executed.
    pub(crate) fn again(&self) -> io::Result<Infallible> {
        let program = CString::new(self.program.as_os_str().as_bytes())?;
        let arguments = self
            .arguments
            .iter()
            .map(|argument| CString::new(argument.as_bytes()))
            .collect::<Result<Vec<_>, _>>()?;
        // What is told to a program that has just been executed would end it.
        asked().thread_block()?;
        let failed = execv(&program, &arguments).inspect_err(|_| drop(listen_again()));
        Ok(failed?)
    }
}

/// Lets in the signals that [`Launch::again`] kept; to be called when there are handlers for them.
///
/// # Errors
/// When the system refuses, which it does for a wrong call only.
pub(crate) fn listen_again() -> io::Result<()> {
    Ok(asked().thread_unblock()?)
}

/// The signals by which the system asks something.
fn asked() -> SigSet {
    SigSet::from_iter([Signal::SIGHUP, Signal::SIGTERM, Signal::SIGINT])
}

/// Device and inode of a program.
fn identity(path: &Path) -> Option<(u64, u64)> {
    let meta = std::fs::metadata(path).ok()?;
    let is_program = meta.is_file() && meta.permissions().mode() & 0o111 != 0;
    is_program.then(|| (meta.dev(), meta.ino()))
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};

    use super::*;

    fn program(path: &Path, mode: u32) {
        fs::write(path, "#!/bin/sh\necho \"fault: $*\" >&2\nexit 78\n").unwrap();
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    fn launch(path: &Path) -> Launch {
        Launch {
            program: path.to_owned(),
            file: identity(path),
            arguments: Vec::new(),
            config: PathBuf::from("room.toml"),
        }
    }

    #[test]
    fn a_program_is_replaced_by_another_file_that_can_be_run() {
        let place = tempfile::tempdir().unwrap();
        let (path, other) = (place.path().join("lecternd"), place.path().join("new"));
        program(&path, 0o755);
        let launch = launch(&path);
        assert!(!launch.is_replaced());
        // As a package is unpacked: written beside it, then renamed.
        program(&other, 0o644);
        fs::rename(&other, &path).unwrap();
        assert!(!launch.is_replaced(), "it cannot be run yet");
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
        assert!(launch.is_replaced());
        fs::remove_file(&path).unwrap();
        assert!(!launch.is_replaced(), "there is nothing to be started");
    }

    #[test]
    fn this_process_runs_the_program_that_it_was_started_from() {
        let launch = Launch::of_this_process(PathBuf::new());
        assert!(launch.file.is_some() && !launch.is_replaced());
    }

    #[tokio::test]
    async fn a_program_that_refuses_the_configuration_is_believed() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("lecternd");
        program(&path, 0o755);
        let said = launch(&path).check().await.unwrap_err();
        assert_eq!(said, "fault: --config room.toml check --no-devices");
        fs::remove_file(&path).unwrap();
        assert!(launch(&path).check().await.unwrap_err().contains("cannot be run"));
    }
}
