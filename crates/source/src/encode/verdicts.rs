//! What trials of hardware encoders came to, remembered over restarts in a small JSON file.
//!
//! `$CACHE_DIRECTORY/encoders.json` (systemd sets it), else `$XDG_CACHE_HOME/lectern/…`, else
//! `~/.cache/lectern/…`, else nowhere. It belongs to one version of GStreamer and one kernel;
//! whatever was found with others is forgotten. A trial is written down before it begins: one that
//! took the process with it [`MAX_CRASHES`] times is never tried again. A lock beside the file lets
//! one process try at a time. Blocks only on the disk.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};
use serde::{Deserialize, Serialize};

use super::choice::Verdict;

/// So many trials may end with the process. Not one: a power cut is not the encoder's fault.
const MAX_CRASHES: u32 = 2;

/// What became of the trial of one encoder with pictures of one size and rate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "trial", rename_all = "kebab-case")]
enum Trial {
    /// It began, and nobody wrote down its end.
    Begun {
        /// How often.
        times: u32,
    },
    /// It is good.
    Works {
        /// How many seconds of pictures it encoded in a second.
        speed: f64,
    },
    /// It is not.
    Fails {
        /// Why.
        why: String,
    },
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Notes {
    /// The library and the kernel that this was found with.
    machine: String,
    /// By element and kind of picture.
    trials: BTreeMap<String, Trial>,
}

/// The file.
#[derive(Clone, Debug)]
pub(super) struct Verdicts {
    path: Option<PathBuf>,
    machine: String,
}

/// The pictures of a trial: `1280x720@30`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pictures(pub(super) String);

fn key(factory: &str, pictures: &Pictures) -> String {
    format!("{factory} {}", pictures.0)
}

impl Verdicts {
    /// The file of this machine.
    pub(super) fn of_this_machine() -> Self {
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        Self {
            path: folder(|name| std::env::var_os(name).map(PathBuf::from))
                .map(|folder| folder.join("encoders.json")),
            machine: format!("{}, Linux {}", gst::version_string(), kernel.trim()),
        }
    }

    /// What is known of `factory` with these pictures.
    pub(super) fn verdict(&self, factory: &str, pictures: &Pictures) -> Verdict {
        match self.read().trials.get(&key(factory, pictures)) {
            None => Verdict::Unknown,
            Some(Trial::Begun { times }) if *times < MAX_CRASHES => Verdict::Unknown,
            Some(Trial::Works { .. }) => Verdict::Works,
            Some(Trial::Begun { .. } | Trial::Fails { .. }) => Verdict::Fails,
        }
    }

    /// The right to try encoders; `None` while another process does.
    ///
    /// # Errors
    /// The folder cannot be made or written to. There is no place to remember anything, and an
    /// encoder that takes the process along would do so for ever.
    pub(super) fn claim(&self) -> io::Result<Option<Claim>> {
        let Some(path) = self.path.clone() else {
            return Err(io::Error::new(
                io::ErrorKind::NotFound,
                "there is no cache folder",
            ));
        };
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let lock = File::create(path.with_extension("lock"))?;
        match Flock::lock(lock, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => Ok(Some(Claim {
                verdicts: self.clone(),
                path,
                _lock: lock,
            })),
            Err((_, nix::errno::Errno::EWOULDBLOCK)) => Ok(None),
            Err((_, errno)) => Err(errno.into()),
        }
    }

    /// What the file holds. One that cannot be read, or is of another machine, holds nothing.
    fn read(&self) -> Notes {
        let nothing = || Notes {
            machine: self.machine.clone(),
            ..Notes::default()
        };
        let Some(text) = self.path.as_ref().and_then(|path| fs::read(path).ok()) else {
            return nothing();
        };
        match serde_json::from_slice::<Notes>(&text) {
            Ok(notes) if notes.machine == self.machine => notes,
            Ok(_) | Err(_) => nothing(),
        }
    }
}

/// The right to try encoders and to write down what came of it. Freed with the process at last.
pub(super) struct Claim {
    verdicts: Verdicts,
    path: PathBuf,
    _lock: Flock<File>,
}

impl Claim {
    /// A trial begins.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(super) fn begin(&self, factory: &str, pictures: &Pictures) -> io::Result<()> {
        self.change(factory, pictures, |before| {
            let times = match before {
                Some(Trial::Begun { times }) => times,
                Some(Trial::Works { .. } | Trial::Fails { .. }) | None => 0,
            };
            Some(Trial::Begun { times: times + 1 })
        })
    }

    /// The trial ended with this speed, or why it failed.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(super) fn end(
        &self,
        factory: &str,
        pictures: &Pictures,
        result: Result<f64, String>,
    ) -> io::Result<()> {
        let trial = match result {
            Ok(speed) => Trial::Works { speed },
            Err(why) => Trial::Fails { why },
        };
        self.change(factory, pictures, |_| Some(trial))
    }

    /// The trial was broken off and never was.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(super) fn forget(&self, factory: &str, pictures: &Pictures) -> io::Result<()> {
        self.change(factory, pictures, |_| None)
    }

    fn change(
        &self,
        factory: &str,
        pictures: &Pictures,
        change: impl FnOnce(Option<Trial>) -> Option<Trial>,
    ) -> io::Result<()> {
        let mut notes = self.verdicts.read();
        let key = key(factory, pictures);
        let before = notes.trials.remove(&key);
        if let Some(trial) = change(before) {
            notes.trials.insert(key, trial);
        }
        let text = serde_json::to_vec_pretty(&notes)?;
        let part = self.path.with_extension("part");
        fs::write(&part, text)?;
        // A crash that is to be remembered may take the machine with it.
        File::open(&part)?.sync_data()?;
        fs::rename(&part, &self.path)
    }
}

/// The folder for it, by the environment.
fn folder(variable: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    let absolute = |name: &str| variable(name).filter(|path| path.is_absolute());
    // systemd gives a list; ours is the first.
    let first = |path: &Path| {
        let text = path.to_str()?;
        text.split(':').next().map(PathBuf::from)
    };
    absolute("CACHE_DIRECTORY")
        .and_then(|path| first(&path))
        .or_else(|| absolute("XDG_CACHE_HOME").map(|path| path.join("lectern")))
        .or_else(|| absolute("HOME").map(|path| path.join(".cache/lectern")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdicts(folder: &Path, machine: &str) -> Verdicts {
        Verdicts {
            path: Some(folder.join("below/encoders.json")),
            machine: machine.into(),
        }
    }

    fn pictures() -> Pictures {
        Pictures("1280x720@30".into())
    }

    #[test]
    fn what_was_found_is_remembered_for_this_machine_and_these_pictures() {
        let folder = tempfile::tempdir().unwrap();
        let here = verdicts(folder.path(), "here");
        let claim = here.claim().unwrap().unwrap();
        for (factory, result) in [("good", Ok(3.5)), ("bad", Err("no picture came".into()))] {
            claim.begin(factory, &pictures()).unwrap();
            claim.end(factory, &pictures(), result).unwrap();
        }
        assert_eq!(here.verdict("good", &pictures()), Verdict::Works);
        assert_eq!(here.verdict("bad", &pictures()), Verdict::Fails);
        assert_eq!(
            here.verdict("good", &Pictures("640x480@30".into())),
            Verdict::Unknown
        );
        let there = verdicts(folder.path(), "there");
        assert_eq!(there.verdict("good", &pictures()), Verdict::Unknown);
    }

    #[test]
    fn a_trial_that_took_the_process_along_twice_is_never_tried_again() {
        let folder = tempfile::tempdir().unwrap();
        let here = verdicts(folder.path(), "here");
        for expected in [Verdict::Unknown, Verdict::Fails] {
            here.claim().unwrap().unwrap().begin("bad", &pictures()).unwrap();
            assert_eq!(here.verdict("bad", &pictures()), expected);
        }
        let claim = here.claim().unwrap().unwrap();
        claim.begin("other", &pictures()).unwrap();
        claim.forget("other", &pictures()).unwrap();
        assert_eq!(here.verdict("other", &pictures()), Verdict::Unknown);
    }

    #[test]
    fn one_process_tries_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let here = verdicts(folder.path(), "here");
        let claim = here.claim().unwrap().unwrap();
        assert!(here.claim().unwrap().is_none());
        drop(claim);
        assert!(here.claim().unwrap().is_some());
    }

    #[test]
    fn a_damaged_file_or_none_knows_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let here = verdicts(folder.path(), "here");
        here.claim().unwrap().unwrap().begin("bad", &pictures()).unwrap();
        fs::write(here.path.as_ref().unwrap(), b"{\"machine\":").unwrap();
        assert_eq!(here.verdict("bad", &pictures()), Verdict::Unknown);
        let nowhere = Verdicts {
            path: None,
            machine: String::new(),
        };
        assert_eq!(nowhere.verdict("bad", &pictures()), Verdict::Unknown);
        assert!(nowhere.claim().is_err());
    }

    #[test]
    fn the_folder_is_the_services_then_the_users() {
        let with = |pairs: &'static [(&str, &str)]| {
            folder(|name| {
                let found = pairs.iter().find(|(key, _)| *key == name)?;
                Some(PathBuf::from(found.1))
            })
        };
        let of = |path: &str| Some(PathBuf::from(path));
        assert_eq!(
            with(&[("CACHE_DIRECTORY", "/var/cache/lectern:/b"), ("HOME", "/h")]),
            of("/var/cache/lectern")
        );
        assert_eq!(
            with(&[("XDG_CACHE_HOME", "/x"), ("HOME", "/h")]),
            of("/x/lectern")
        );
        assert_eq!(
            with(&[("XDG_CACHE_HOME", "x"), ("HOME", "/h")]),
            of("/h/.cache/lectern")
        );
        assert_eq!(with(&[]), None);
    }
}
