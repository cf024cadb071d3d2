//! Reads the configuration's files and environment; what they mean is `lectern-domain`'s.
//!
//! A daemon that starts anew hands the files that were checked on to the program that takes its
//! place, in memory: that one begins with them, whatever an editor does to the disk meanwhile.
//! They come on standard input, and the variable [`HANDED`] says so; a program that does not know
//! it reads the disk.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use lectern_domain::config::{Config, ConfigFile, Examined, Faults};
use lectern_domain::reason;
use nix::sys::memfd::{MFdFlags, memfd_create};

/// Set for a program that gets its files on standard input: as JSON, `[[name, text], …]` in their
/// order.
pub(crate) const HANDED: &str = "LECTERN_CONFIG_FILES";
/// Its value. Anything else is not of a daemon.
pub(crate) const ON_STDIN: &str = "stdin";
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

    /// Those that the program before this one handed on; `None` if there was none. Blocks until
    /// standard input ends, if they are there.
    ///
    /// # Errors
    /// They are there and cannot be understood: the disk is to be read.
    pub(crate) fn handed_on() -> io::Result<Option<Self>> {
        match std::env::var_os(HANDED) {
            Some(value) if value == ON_STDIN => Self::received(io::stdin().lock()).map(Some),
            _ => Ok(None),
        }
    }

    fn received(from: impl Read) -> io::Result<Self> {
        let files: Vec<(String, String)> = serde_json::from_reader(from.take(HANDED_BYTES))?;
        let named = |(name, text)| ConfigFile { name, text };
        match files.is_empty() {
            true => Err(io::ErrorKind::UnexpectedEof.into()),
            false => Ok(Self(files.into_iter().map(named).collect())),
        }
    }

    /// A file in memory, to be another program's standard input. It is closed in every child that
    /// is not given it.
    ///
    /// # Errors
    /// When the system gives no memory.
    pub(crate) fn in_memory(&self) -> io::Result<File> {
        let mut memory = File::from(memfd_create("lectern-config", MFdFlags::MFD_CLOEXEC)?);
        let files: Vec<(&str, &str)> = self
            .0
            .iter()
            .map(|f| (f.name.as_str(), f.text.as_str()))
            .collect();
        memory.write_all(&serde_json::to_vec(&files)?)?;
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
        let received = Files::received(memory).unwrap();
        assert_eq!(received, checked);
        assert_eq!(received.config().unwrap().room.id.as_str(), "r1");
    }

    #[test]
    fn what_is_not_of_a_daemon_is_not_taken_for_files() {
        for said in ["", "[]", "[[\"lectern.toml\"]]", "[room]\nid = \"r\"\n"] {
            assert!(Files::received(said.as_bytes()).is_err(), "{said:?}");
        }
    }
}
