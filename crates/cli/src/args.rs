//! The words of the command line and their help. Values are checked here, so that a slip of the
//! finger is exit code 2 before the daemon is asked anything.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Parser, Subcommand};
use jiff::civil::DateTime;
use lectern_domain::api::{MAX_SELF_TEST_SECONDS, MIN_SELF_TEST_SECONDS, Metadata, SELF_TEST_SECONDS};
use lectern_domain::ids::PlatformName;
use lectern_domain::lecture::LectureState;
use lectern_domain::units::Span;

const CODES: &str = "Exit codes: 0 done, 1 failed, 2 usage, 3 refused in this state, 4 the daemon does not answer, \
    75 timed out (try again), 78 configuration.";

const DOCTOR_CODES: &str = "Exit codes: 0 everything works, with or without warnings; 1 something does not; 4 the \
    daemon does not answer, and what can be seen without it was looked at.";

/// Controls the lecture recorder of this room.
#[derive(Debug, Parser)]
#[command(name = "lectern", version, about, after_help = CODES, max_term_width = 100)]
pub(crate) struct Args {
    /// The daemon's control socket
    #[arg(
        long,
        global = true,
        value_name = "PATH",
        env = "LECTERN_SOCKET",
        default_value = "/run/lectern/control.sock"
    )]
    pub(crate) socket: PathBuf,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What is said about a lecture.
#[derive(Debug, clap::Args)]
pub(crate) struct Said {
    /// What it is about
    #[arg(long)]
    title: Option<String>,
    /// The course, as the campus names it
    #[arg(long)]
    course: Option<String>,
    /// Who teaches
    #[arg(long)]
    presenter: Option<String>,
    /// The language that is spoken, such as en or sw
    #[arg(long)]
    language: Option<String>,
}

impl From<Said> for Metadata {
    fn from(said: Said) -> Self {
        Self {
            title: said.title,
            course: said.course,
            presenter: said.presenter,
            language: said.language,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Say what the recorder does now
    Status {
        /// Print the daemon's JSON document
        #[arg(long)]
        json: bool,
        /// Go on, and print a line at each change (with --json: a document a line)
        #[arg(long)]
        watch: bool,
    },
    /// Start a lecture and print its id
    Start {
        #[command(flatten)]
        said: Said,
        /// Stop by itself after so many minutes
        #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1440))]
        minutes: Option<u32>,
    },
    /// Plan a lecture, which will begin by itself, and print its id
    Plan {
        /// When it begins, by the clock on the room's wall: "2026-11-23 13:00"
        #[arg(long, value_name = "TIME", value_parser = crate::plan::at)]
        at: DateTime,
        /// How long it lasts
        #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1440))]
        minutes: u32,
        #[command(flatten)]
        said: Said,
    },
    /// Begin a planned lecture now
    Begin {
        /// The lecture: its id or the beginning of it
        id: Id,
    },
    /// Call a planned lecture off
    Cancel {
        /// The lecture: its id or the beginning of it
        id: Id,
    },
    /// Take that back, while the lecture's time is not over
    Restore {
        /// The lecture: its id or the beginning of it
        id: Id,
    },
    /// Pause: nothing reaches the disk
    Pause,
    /// Go on after a pause
    Resume,
    /// Stop; can be undone for a while
    Stop,
    /// Take the stop back
    Undo,
    /// Remember this moment
    Mark {
        /// What to remember it as
        label: Option<String>,
    },
    /// Move the planned end
    Extend {
        /// By how many minutes
        #[arg(value_parser = clap::value_parser!(u32).range(1..=1440))]
        minutes: u32,
    },
    /// List lectures, newest first; those that are planned with --state scheduled
    Lectures {
        /// Only those in this state
        #[arg(long, value_parser = states())]
        state: Option<LectureState>,
        /// Print one JSON document
        #[arg(long)]
        json: bool,
    },
    /// Say all that is known of a lecture
    Show {
        /// The lecture: its id or the beginning of it
        id: Id,
        /// Print the daemon's JSON document
        #[arg(long)]
        json: bool,
    },
    /// Mend what is said about a lecture, until it is sent
    Amend {
        /// The lecture: its id or the beginning of it
        id: Id,
        #[command(flatten)]
        said: Said,
    },
    /// Wait until a lecture has come so far
    Wait {
        /// The lecture: its id or the beginning of it
        id: Id,
        /// The state to wait for; having passed it counts as well
        #[arg(long, value_parser = states())]
        until: LectureState,
        /// How long, with a unit
        #[arg(long, default_value = "60s", value_parser = Span::from_str)]
        timeout: Span,
    },
    /// Finish a failed lecture again, or begin its stuck deliveries again
    Retry {
        /// The lecture: its id or the beginning of it
        id: Id,
        /// Only what goes to this platform
        #[arg(long, value_parser = PlatformName::from_str)]
        platform: Option<PlatformName>,
    },
    /// Send now, whatever the time of day: one lecture, or all that wait
    SendNow {
        /// The lecture: its id or the beginning of it
        id: Option<Id>,
    },
    /// Copy a lecture's finished files into a folder and check them
    Export {
        /// The lecture: its id or the beginning of it
        id: Id,
        /// The folder; it is made if it is missing
        dir: PathBuf,
    },
    /// Say what is on its way to the platforms
    Queue {
        /// Print the daemon's JSON document
        #[arg(long)]
        json: bool,
    },
    /// Look at all that must work, while the recorder goes on: sources, disk, clock, platforms and
    /// what is around them. Each finding says what to do
    #[command(after_help = DOCTOR_CODES)]
    Doctor(crate::doctor::Words),
    /// Those who are told of what a person must do
    Notify {
        /// Send each of them a test notice, and say who took it
        #[arg(long, required = true)]
        test: bool,
        /// Print the daemon's JSON document
        #[arg(long)]
        json: bool,
    },
    /// Try the whole way out: record for a minute, finish, judge, probe the platforms, delete
    SelfTest {
        /// How long to record
        #[arg(long, default_value_t = SELF_TEST_SECONDS,
              value_parser = clap::value_parser!(u32).range(i64::from(MIN_SELF_TEST_SECONDS)..=i64::from(MAX_SELF_TEST_SECONDS)))]
        seconds: u32,
        /// Print the daemon's JSON document
        #[arg(long)]
        json: bool,
    },
    /// List cameras, microphones and screens of this machine, look at one, listen to one
    Devices(crate::devices::Words),
    /// Print configuration
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print a file with every key, its default and what it means
    Default,
    /// Check a file, those of lectern.d beside it and the environment, and print what holds in the
    /// end: every key, and behind it the line, variable or default that says so. Secrets are left out
    Show {
        /// The file
        #[arg(long, value_name = "FILE", default_value = "/etc/lectern/lectern.toml")]
        config: PathBuf,
        /// Print one JSON document: key, value and origin of each
        #[arg(long)]
        json: bool,
    },
    /// Print the JSON Schema of the file, for editors
    Schema,
}

/// The states by name, so that help, completions and a slip's answer list them.
fn states() -> impl TypedValueParser<Value = LectureState> {
    PossibleValuesParser::new(LectureState::ALL.map(LectureState::as_str))
        .try_map(|name| name.parse::<LectureState>())
}

/// A lecture's id or the beginning of it: hexadecimal digits and dashes.
#[derive(Clone, Debug)]
pub(crate) struct Id(String);

impl FromStr for Id {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fits =
            !text.is_empty() && text.len() <= 36 && text.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
        if fits {
            Ok(Self(text.to_ascii_lowercase()))
        } else {
            Err(
                "not an id or the beginning of one; \"lectern lectures\" lists them, with \"--state scheduled\" those planned",
            )
        }
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_do_not_contradict_each_other() {
        use clap::CommandFactory;
        Args::command().debug_assert();
    }

    #[test]
    fn an_id_cannot_lead_anywhere_else() {
        for bad in ["", "../status", "a/b", "0b8f?x", &"a".repeat(37)] {
            assert!(bad.parse::<Id>().is_err(), "{bad:?}");
        }
        assert_eq!("0B8F-".parse::<Id>().unwrap().to_string(), "0b8f-");
    }
}
