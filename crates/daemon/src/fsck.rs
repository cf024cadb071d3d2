//! `lecternd fsck`: says what the store found.

use std::process::ExitCode;

use lectern_domain::config::Config;
use lectern_store::FsckMode;

/// Compares spool and database; 0 clean, 1 findings or impossible.
pub(crate) fn run(config: &Config, rebuild: bool) -> ExitCode {
    let report = match lectern_store::fsck(&crate::run::store_options(config), FsckMode { rebuild }) {
        Ok(report) => report,
        Err(error) => {
            eprintln!("lecternd: {error}");
            return ExitCode::FAILURE;
        }
    };
    print!("{report}");
    if report.findings.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
