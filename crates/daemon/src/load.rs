//! Reads the configuration's files and environment; what they mean is `lectern-domain`'s.
//!
//! A daemon that starts anew hands the files that were checked on to the program that takes its
//! place, in memory: that one begins with them, whatever an editor does to the disk meanwhile.
//! They come on standard input, as a file in memory whose name says what it is; a program that
//! does not know it reads the disk.
//!
//! They are good once. Whoever knows them takes them away from standard input, so that neither its
//! children nor its successors find them. An older program does not know them, and leaves them for
//! the next upgrade: hence they say when they were handed on, and get too old.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lectern_capture::clock::boottime_ns;
use lectern_domain::config::{Config, ConfigFile, Examined, Faults};
use lectern_domain::reason;
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::unistd::dup2_stdin;

/// The name of the file in memory.
const HANDED: &str = "lectern-handed-on";
/// What leads to it, if standard input is it. A configuration at such a place is nobody's.
const HANDED_AT: &str = "/memfd:lectern-handed-on (deleted)";
/// They are read as soon as the program runs. Older ones were for another program.
const HANDED_WITHIN: Duration = Duration::from_secs(60);
/// Nobody's configuration is larger; a room's has some kilobytes.
const HANDED_BYTES: u64 = 64 * 1024 * 1024;

/// Why there is no configuration. The text is for the terminal and the journal.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    #[error("{}: cannot be read: {}; name the configuration with --config FILE", path.display(), reason(source))]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{0}")]
    Faults(Faults),
    #[error("{0}")]
    Place(String),
}

/// The configuration in `path`, then `lectern.d/*.toml` beside it, then the environment.
pub(crate) fn config(path: &Path) -> Result<Config, LoadError> {
    Files::read(path)?.config()
}

/// What is in the file in memory, as JSON: when it was handed on, in nanoseconds since the machine's
/// boot, then name and text of each file in their order.
type Handed = (u64, Vec<(String, String)>);

/// The files of a configuration as they were at one moment; later ones lie over earlier ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Files(Vec<ConfigFile>);

impl Files {
    /// Those on the disk. Blocks for as long as it takes.
    ///
    /// # Errors
    /// The first that cannot be read.
    pub(crate) fn read(path: &Path) -> Result<Self, LoadError> {
        let mut files = vec![file(path)?];
        let folder = path.parent().unwrap_or(Path::new(".")).join("lectern.d");
        if folder.is_dir() {
            let refused = |source| LoadError::Read {
                path: folder.clone(),
                source,
            };
            let mut parts = Vec::new();
            for entry in std::fs::read_dir(&folder).map_err(refused)? {
                let path = entry.map_err(refused)?.path();
                if path.extension().is_some_and(|extension| extension == "toml") {
                    parts.push(path);
                }
            }
            parts.sort();
            for part in parts {
                files.push(file(&part)?);
            }
        }
        Ok(Self(files))
    }

    /// Those that the program before this one handed on; `None` if there was none. They are there
    /// once: standard input is empty from then on. Does not wait for anybody.
    ///
    /// # Errors
    /// They are there and cannot be understood, or were for another program: the disk is to be
    /// read.
    pub(crate) fn handed_on() -> io::Result<Option<Self>> {
        let is_handed = |target: PathBuf| target == Path::new(HANDED_AT);
        if !std::fs::read_link("/proc/self/fd/0").is_ok_and(is_handed) {
            return Ok(None);
        }
        let memory = File::from(io::stdin().as_fd().try_clone_to_owned()?);
        dup2_stdin(File::open("/dev/null")?)?;
        Self::received(memory, boottime_ns()).map(Some)
    }

    fn received(from: impl Read, now_ns: u64) -> io::Result<Self> {
        let (at_ns, files): Handed = serde_json::from_reader(from.take(HANDED_BYTES))?;
        let age = Duration::from_nanos(now_ns.saturating_sub(at_ns));
        if age > HANDED_WITHIN {
            return Err(io::Error::other(format!(
                "they were handed on {} s ago",
                age.as_secs()
            )));
        }
        let named = |(name, text)| ConfigFile { name, text };
        match files.is_empty() {
            true => Err(io::ErrorKind::UnexpectedEof.into()),
            false => Ok(Self(files.into_iter().map(named).collect())),
        }
    }

    /// A file in memory, to be another program's standard input at once. It is closed in every
    /// child that is not given it.
    ///
    /// # Errors
    /// When the system gives no memory.
    pub(crate) fn in_memory(&self) -> io::Result<File> {
        let mut memory = File::from(memfd_create(HANDED, MFdFlags::MFD_CLOEXEC)?);
        let named = |file: &ConfigFile| (file.name.clone(), file.text.clone());
        let handed: Handed = (boottime_ns(), self.0.iter().map(named).collect());
        memory.write_all(&serde_json::to_vec(&handed)?)?;
        memory.rewind()?;
        Ok(memory)
    }

    /// What they mean, with the environment over them.
    pub(crate) fn config(&self) -> Result<Config, LoadError> {
        Config::read(&self.0, &environment()).map_err(LoadError::Faults)
    }

    /// The same with all that is wrong with it, for `lecternd check`.
    pub(crate) fn examine(&self) -> Examined {
        Config::examine(&self.0, &environment())
    }
}

fn environment() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(key, _)| key.starts_with("LECTERN__"))
        .collect()
}

fn file(path: &Path) -> Result<ConfigFile, LoadError> {
    let refused = |source| LoadError::Read {
        path: path.to_owned(),
        source,
    };
    let bytes = std::fs::read(path).map_err(refused)?;
    ConfigFile::decode(&path.display().to_string(), bytes).map_err(|fault| LoadError::Faults(fault.into()))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::fd::AsRawFd;

    use super::*;

    #[test]
    fn p1_the_next_program_gets_what_was_checked_whatever_lies_on_the_disk() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("lectern.toml");
        let part = place.path().join("lectern.d/10-room.toml");
        fs::create_dir(place.path().join("lectern.d")).unwrap();
        let source = "[[source]]\nname = \"camera\"\nrole = \"presenter\"\nkind = \"test-video\"\n";
        fs::write(&path, format!("[room]\nid = \"fleet\"\n{source}")).unwrap();
        fs::write(&part, "[room]\nid = \"r1\"\n").unwrap();
        let checked = Files::read(&path).unwrap();
        let memory = checked.in_memory().unwrap();

        fs::write(&path, "[room\n").unwrap();
        fs::remove_file(&part).unwrap();
        assert!(config(&path).is_err(), "an editor was quicker");
        let shown = format!("/proc/self/fd/{}", memory.as_raw_fd());
        assert_eq!(fs::read_link(shown).unwrap(), Path::new(HANDED_AT));
        let received = Files::received(&memory, boottime_ns()).unwrap();
        assert_eq!(received, checked);
        assert_eq!(received.config().unwrap().room.id.as_str(), "r1");
    }

    /// As after a downgrade to a program that does not know of them, and the upgrade after it.
    #[test]
    fn p1_files_that_another_program_left_unread_are_too_old() {
        let files = Files(vec![ConfigFile {
            name: "lectern.toml".to_owned(),
            text: String::new(),
        }]);
        let handed = || files.in_memory().unwrap();
        let now_ns = boottime_ns();
        assert_eq!(Files::received(handed(), now_ns).unwrap(), files);
        let late = Files::received(handed(), now_ns + 3_600_000_000_000).unwrap_err();
        assert!(late.to_string().contains("handed on 3"), "{late}");
    }

    #[test]
    fn what_is_not_of_a_daemon_is_not_taken_for_files() {
        for said in [
            "",
            "[]",
            "[0,[]]",
            "[0,[[\"lectern.toml\"]]]",
            "[room]\nid = \"r\"\n",
        ] {
            assert!(Files::received(said.as_bytes(), 0).is_err(), "{said:?}");
        }
    }
}
