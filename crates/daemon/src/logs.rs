//! Where log lines go: standard error, which systemd hands to the journal.

use tracing_subscriber::EnvFilter;

use crate::args::LogFormat;

/// Starts logging for the whole process. `LECTERN_LOG` sets the levels (`info` by default), in
/// the notation of `tracing-subscriber`, such as `info,lectern_store=debug`.
pub(crate) fn start(format: LogFormat) {
    let filter = EnvFilter::try_from_env("LECTERN_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    match format {
        LogFormat::Text => log.with_ansi(false).init(),
        LogFormat::Json => log.json().init(),
    }
}
