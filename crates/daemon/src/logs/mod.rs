//! Where log lines go: to the journal with fields of its own, else to standard error.

mod entry;
pub(crate) mod faults;
mod journal;

use std::path::Path;

use lectern_domain::ids::RoomId;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use self::journal::Journal;
use crate::args::LogFormat;

/// Where the journal takes entries with fields.
const JOURNAL_SOCKET: &str = "/run/systemd/journal/socket";

/// Starts logging for the whole process. `LECTERN_LOG` sets the levels (`info` by default), in
/// the notation of `tracing-subscriber`, such as `info,lectern_store=debug`. As text, lines go to
/// the journal itself if standard error is the journal's; JSON always goes to standard error.
pub(crate) fn start(format: LogFormat, room: &RoomId) {
    let filter = EnvFilter::try_from_env("LECTERN_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let to_journal = || {
        let stream = std::env::var("JOURNAL_STREAM").ok()?;
        if !journal::is_stream(&stream, std::io::stderr()) {
            return None;
        }
        // Without a socket standard error is as good as it was.
        Journal::open(Path::new(JOURNAL_SOCKET), room.as_str()).ok()
    };
    let log = tracing_subscriber::fmt().with_writer(std::io::stderr);
    match format {
        LogFormat::Text => match to_journal() {
            Some(journal) => tracing_subscriber::registry().with(filter).with(journal).init(),
            None => log.with_env_filter(filter).with_ansi(false).init(),
        },
        LogFormat::Json => log.with_env_filter(filter).json().init(),
    }
}
