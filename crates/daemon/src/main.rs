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
mod finisher;
mod fsck;
mod keeping;
mod keys;
mod load;
mod logs;
#[cfg(test)]
mod manual;
mod notify;
mod outage;
mod panel;
mod pump;
mod refusals;
mod room_time;
mod run;
mod scribe;
mod session;
mod signals;
mod space;
mod status;
mod steps;
mod tally;

use std::process::ExitCode;

use args::Action;

/// The configuration has faults (`EX_CONFIG`); systemd does not restart on it.
const EXIT_CONFIG: u8 = 78;

fn main() -> ExitCode {
    let args = args::parse();
    let config = match load::config(&args.config) {
        Ok(config) => config,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(EXIT_CONFIG);
        }
    };
    match args.action {
        Action::Check { no_devices } => check::run(&config, &args.config, no_devices),
        Action::Fsck { rebuild } => fsck::run(&config, rebuild),
        Action::Run => {
            logs::start(args.log_format, &config.room.id);
            end_on_panics();
            match run::run(config) {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => {
                    tracing::error!(error = format!("{error:#}"), "daemon could not run");
                    eprintln!("lecternd: {error:#}");
                    ExitCode::FAILURE
                }
            }
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
