//! The daemon's command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

use crate::check::Depth;

/// What was asked for.
#[derive(Debug)]
pub(crate) struct Args {
    pub(crate) config: PathBuf,
    pub(crate) log_format: LogFormat,
    pub(crate) action: Action,
}

/// The daemon's three jobs.
#[derive(Debug)]
pub(crate) enum Action {
    Run,
    Check(Depth),
    Fsck { rebuild: bool },
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people and the journal.
    Text,
    /// One JSON object a line.
    Json,
}

/// Records lectures, finishes them and delivers them, until told to stop.
#[derive(Debug, Parser)]
#[command(name = "lecternd", version)]
struct Cli {
    /// The configuration; files in `lectern.d` beside it are read after it
    #[arg(
        long,
        value_name = "FILE",
        default_value = "/etc/lectern/lectern.toml",
        global = true
    )]
    config: PathBuf,
    /// How log lines look (on standard error)
    #[arg(long, value_enum, default_value = "text")]
    log_format: LogFormat,
    #[command(subcommand)]
    job: Option<Job>,
}

#[derive(Debug, Subcommand)]
enum Job {
    /// Read the configuration and look at the machine; exit 0, or 78 with every fault
    Check {
        /// Not this machine's disk, devices, credentials and certificates
        #[arg(long)]
        no_devices: bool,
        /// Not what keys say of each other, such as spare_for
        #[arg(long)]
        no_references: bool,
        /// Only the text itself: both of the above
        #[arg(long)]
        syntax_only: bool,
    },
    /// Compare the spool with the database while the daemon is down; exit 0 clean, 1 findings
    Fsck {
        /// Make a lost database anew from the spool, with what is planned
        #[arg(long)]
        rebuild: bool,
    },
}

/// Parses the command line; prints help or the fault and exits (2) by itself.
pub(crate) fn parse() -> Args {
    let cli = Cli::parse();
    let action = match cli.job {
        None => Action::Run,
        Some(Job::Check {
            no_devices,
            no_references,
            syntax_only,
        }) => Action::Check(Depth {
            references: !no_references && !syntax_only,
            machine: !no_devices && !syntax_only,
        }),
        Some(Job::Fsck { rebuild }) => Action::Fsck { rebuild },
    };
    Args {
        config: cli.config,
        log_format: cli.log_format,
        action,
    }
}

/// The words of the command line, for its manual page and completions.
#[cfg(test)]
pub(crate) fn command() -> clap::Command {
    use clap::CommandFactory;
    Cli::command()
}
