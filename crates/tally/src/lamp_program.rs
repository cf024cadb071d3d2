//! A lamp behind a program: it is run at each change with the state and its colour, for what
//! speaks Crestron, Extron, AMX, HTTP or anything else that we do not.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tracing::{debug, warn};

use crate::console::Console;
use crate::look::Frame;

/// A run that takes longer hangs, and the next change waits for it.
const RUNS_FOR: Duration = Duration::from_secs(5);
/// How often a run is looked after.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// The last run, when the recorder goes.
const ENDS_WITHIN: Duration = Duration::from_secs(1);

/// See the module.
pub(crate) struct LampProgram {
    name: String,
    command: Vec<String>,
    /// The word that it was last run with.
    told: Option<&'static str>,
    run: Option<Run>,
}

struct Run {
    child: Child,
    until: Instant,
}

impl LampProgram {
    /// For the light of this name. Nothing is run before there is something to show.
    pub(crate) fn new(name: &str, command: &[String]) -> Self {
        Self {
            name: name.to_owned(),
            command: command.to_vec(),
            told: None,
            run: None,
        }
    }

    fn begin(&self, word: &str, colour: String, now: Instant) -> io::Result<Run> {
        let (program, arguments) = self
            .command
            .split_first()
            .ok_or_else(|| io::Error::other("no program is named"))?;
        let child = Command::new(program)
            .args(arguments)
            .arg(word)
            .arg(&colour)
            .env("LECTERN_STATE", word)
            .env("LECTERN_COLOUR", colour)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .process_group(0)
            .spawn()?;
        Ok(Run {
            child,
            until: now + RUNS_FOR,
        })
    }

    /// Whether nothing runs any more; a run that hangs is killed, with what it started.
    fn is_over(&mut self, now: Instant) -> io::Result<bool> {
        let Some(run) = &mut self.run else {
            return Ok(true);
        };
        match run.child.try_wait()? {
            None if now < run.until => return Ok(false),
            None => {
                warn!(light = %self.name, seconds = RUNS_FOR.as_secs(), "the program of a light hung and was killed");
                kill(&mut run.child);
            }
            Some(status) if !status.success() => {
                warn!(light = %self.name, status = %status, "the program of a light failed");
            }
            Some(_) => {}
        }
        self.run = None;
        Ok(true)
    }
}

impl Console for LampProgram {
    fn show(&mut self, frame: &Frame, now: Instant) -> io::Result<Option<Duration>> {
        if !self.is_over(now)? {
            return Ok(Some(LOOK_EVERY));
        }
        if self.told == Some(frame.word) {
            return Ok(frame.ends);
        }
        self.run = Some(self.begin(frame.word, frame.colour.into(), now)?);
        self.told = Some(frame.word);
        Ok(Some(LOOK_EVERY))
    }

    fn end(&mut self) {
        let until = Instant::now() + ENDS_WITHIN;
        let mut told = false;
        while Instant::now() < until {
            match self.is_over(Instant::now()) {
                Ok(true) if told => return,
                Ok(true) => match self.begin("off", "#000000".to_owned(), Instant::now()) {
                    Ok(run) => {
                        self.run = Some(run);
                        told = true;
                    }
                    Err(_) => return,
                },
                Ok(false) => std::thread::park_timeout(LOOK_EVERY),
                Err(_) => return,
            }
        }
    }
}

impl Drop for LampProgram {
    fn drop(&mut self) {
        if let Some(run) = &mut self.run {
            kill(&mut run.child);
        }
    }
}

/// Kills a program with all that it started, and collects it.
pub(crate) fn kill(child: &mut Child) {
    if let Ok(id) = i32::try_from(child.id())
        && let Err(errno) = killpg(Pid::from_raw(id), Signal::SIGKILL)
    {
        debug!(error = %errno, "a program ended before it was killed");
    }
    drop(child.wait());
}
