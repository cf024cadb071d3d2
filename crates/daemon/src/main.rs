//! `lecternd`: the daemon of one classroom.
//!
//! `lecternd --config FILE` records, finishes and delivers until it is told to stop; `check`
//! reads the configuration and looks at the machine; `fsck` compares the spool with the database
//! while the daemon is down. This crate is wiring and the conductor; whatever fits another room
//! lives there.

mod agenda;
mod args;
mod check;
mod clock;
mod conductor;
mod control;
mod counts;
mod courier;
mod doctor;
mod finisher;
mod fsck;
mod herald;
mod keeping;
mod keys;
mod load;
mod logs;
#[cfg(test)]
mod manual;
mod notify;
mod outage;
mod panel;
mod priority;
mod pump;
mod refusals;
mod reload;
mod room_time;
mod run;
mod scribe;
mod self_test;
mod session;
mod signals;
mod space;
mod status;
mod steps;
mod tally;
mod vigil;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use args::{Action, LogFormat};
use lectern_domain::config::Config;
use lectern_domain::reason;
use load::{Files, LoadError};
use reload::Launch;
use run::Ended;
use signals::Asked;

/// The configuration has faults (`EX_CONFIG`); systemd does not restart on it.
const EXIT_CONFIG: u8 = 78;

fn main() -> ExitCode {
    let args = args::parse();
    match args.action {
        Action::Check(depth) => check::run(&args.config, depth),
        Action::Fsck { rebuild } => {
            configured(load::config(&args.config), |config| fsck::run(&config, rebuild))
        }
        Action::Run => configured(beginning(&args.config), |(config, was_handed_files)| {
            let launch = Launch::of_this_process(args.config.clone(), was_handed_files);
            daemon(config, launch, args.log_format)
        }),
    }
}

/// Goes on with what was read, or prints every fault of it.
fn configured<T>(read: Result<T, LoadError>, job: impl FnOnce(T) -> ExitCode) -> ExitCode {
    match read {
        Ok(read) => job(read),
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(EXIT_CONFIG)
        }
    }
}

/// What a daemon begins with: the files that were checked before it took another one's place, and
/// whether it did; else, or if this program takes those no more, the files on the disk.
fn beginning(file: &Path) -> Result<(Config, bool), LoadError> {
    let handed_on = Files::handed_on().unwrap_or_else(|error| {
        eprintln!(
            "lecternd: the files that were handed on cannot be used ({}); the disk is read",
            reason(error)
        );
        None
    });
    match handed_on.map(|files| files.config()) {
        Some(Ok(config)) => return Ok((config, true)),
        Some(Err(error)) => {
            let faults = error.to_string();
            let first = faults.lines().next().unwrap_or_default();
            eprintln!("lecternd: the files that were handed on have a fault ({first}); the disk is read");
        }
        None => {}
    }
    Ok((load::config(file)?, false))
}

fn daemon(config: Config, launch: Launch, log_format: LogFormat) -> ExitCode {
    logs::start(log_format, &config.room.id);
    end_on_panics();
    let (launch, asked) = (Arc::new(launch), Asked::default());
    match run::run(config, &launch, &asked) {
        Ok(Ended::Stopped) => ExitCode::SUCCESS,
        Ok(Ended::Again(files)) => match launch.again(&files, &asked) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                tracing::error!(error = %error, "daemon could not start anew");
                ExitCode::FAILURE
            }
        },
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "daemon could not run");
            eprintln!("lecternd: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// A panic on the main thread, where conductor and sources run, ends the process: systemd starts
/// it again, recovery runs, and the lecture goes on. A task that dies alone would leave a track
/// without anybody who watches it. The panel's, the finisher's and the courier's panics are
/// caught on their own threads and cost one request or job.
fn end_on_panics() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        report(panic);
        if std::thread::current().name() == Some("main") {
            tracing::error!(
                fault = "recorder-panicked",
                "recorder panicked and is started again"
            );
            std::process::abort();
        }
    }));
}
