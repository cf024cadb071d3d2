//! The program of the sources, the same one for as long as the daemon runs.
//!
//! An upgrade puts another file under its name while a lecture is recorded. A source that has to be
//! started again then must be of the daemon's own version: the next one may speak another wire, and
//! the track would stay away until the end of the lecture (P4). So the file is held open from the
//! start and, once another lies in its place, executed by its descriptor.

use std::fs::{File, Metadata};
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use tokio::process::Command;
use tracing::warn;

/// The file of `lectern-source` that every child is started from: see
/// [`Capture::program`](crate::Capture::program).
#[derive(Debug)]
pub struct Program {
    path: PathBuf,
    /// The file, with its device and inode. Held open, so that no other file gets its inode.
    held: Option<(File, (u64, u64))>,
}

impl Program {
    /// Takes hold of the file at `path`; blocks for one look at the disk. One that is not there is
    /// looked for again with each start.
    #[must_use]
    pub fn hold(path: PathBuf) -> Self {
        let opened = File::open(&path).and_then(|file| {
            let identity = identity(&file.metadata()?);
            Ok((file, identity))
        });
        let held = opened
            .inspect_err(|error| {
                warn!(program = %path.display(), error = %error, "program of the sources could not be opened");
            })
            .ok();
        Self { path, held }
    }

    /// Where it lay at the start.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A command that starts it, under its name; blocks for one look at the disk.
    #[must_use]
    pub fn command(&self) -> Command {
        let there = std::fs::metadata(&self.path).ok();
        match &self.held {
            Some((file, held)) if there.as_ref().map(identity) != Some(*held) => {
                // The child has the descriptor until it executes, and closes it by that.
                let mut command = Command::new(format!("/proc/self/fd/{}", file.as_raw_fd()));
                command.arg0(&self.path);
                command
            }
            _ => Command::new(&self.path),
        }
    }
}

fn identity(meta: &Metadata) -> (u64, u64) {
    (meta.dev(), meta.ino())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// What a shell says of its own name, or nothing if it is another program.
    async fn name_of(program: &Program) -> String {
        let mut command = program.command();
        let said = command.args(["-c", "echo $0"]).output().await.unwrap();
        String::from_utf8(said.stdout).unwrap().trim().to_owned()
    }

    /// Links stand for the files: what is written cannot be executed while another test forks.
    #[tokio::test]
    async fn p4_a_source_is_of_the_version_that_the_daemon_started_with() {
        let place = std::env::temp_dir().join(format!("lectern-program-{}", std::process::id()));
        std::fs::create_dir_all(&place).unwrap();
        let (path, new) = (place.join("lectern-source"), place.join("lectern-source.new"));
        symlink("/bin/sh", &path).unwrap();
        let program = Program::hold(path.clone());
        let name = path.display().to_string();
        assert_eq!(name_of(&program).await, name);

        symlink("/bin/true", &new).unwrap();
        std::fs::rename(&new, &path).unwrap();
        assert_eq!(name_of(&program).await, name, "another file has taken its place");
        assert_eq!(
            name_of(&Program::hold(path.clone())).await,
            "",
            "the next daemon takes it"
        );

        std::fs::remove_file(&path).unwrap();
        assert_eq!(name_of(&program).await, name, "no file is in its place");
        let missing = Program::hold(path.clone());
        assert!(missing.command().output().await.is_err());
        symlink("/bin/sh", &path).unwrap();
        assert_eq!(name_of(&missing).await, name, "it was installed later");
        std::fs::remove_dir_all(&place).unwrap();
    }
}
