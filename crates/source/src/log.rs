//! Where this program's log lines go: to standard error, which it has from the daemon.
//!
//! In the journal each line has a time already, and takes its level from a mark at its beginning
//! (`sd-daemon(3)`): without it an error of a camera would be one information among many.

use std::fmt;
use std::io;

use nix::sys::stat::fstat;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::{Compact, Format, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// Starts logging for the whole process. `LECTERN_LOG` sets the levels as for the daemon.
pub(crate) fn start() {
    let filter = EnvFilter::try_from_env("LECTERN_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt()
        .compact()
        .with_ansi(false)
        .with_target(false)
        .with_writer(io::stderr)
        .with_env_filter(filter);
    if is_journal() {
        log.event_format(Marked::default()).init();
    } else {
        log.init();
    }
}

/// systemd names the journal's stream by device and inode; the daemon's child may have another one.
fn is_journal() -> bool {
    let (Ok(stream), Ok(stat)) = (std::env::var("JOURNAL_STREAM"), fstat(io::stderr())) else {
        return false;
    };
    stream == format!("{}:{}", stat.st_dev, stat.st_ino)
}

/// Lines that begin with the journal's mark of their level.
struct Marked(Format<Compact, ()>);

impl Default for Marked {
    fn default() -> Self {
        let format = tracing_subscriber::fmt::format().compact().without_time();
        Self(format.with_level(false).with_target(false).with_ansi(false))
    }
}

impl<S, N> FormatEvent<S, N> for Marked
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        write!(writer, "<{}>", mark(*event.metadata().level()))?;
        self.0.format_event(context, writer, event)
    }
}

/// The journal's priority of a level, as the daemon's own lines have it.
fn mark(level: Level) -> u8 {
    match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        _ => 7,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_for_the_journal_begins_with_its_level() {
        let kept = Kept::default();
        let made = kept.clone();
        let log = tracing_subscriber::fmt()
            .compact()
            .with_writer(move || made.clone())
            .event_format(Marked::default())
            .finish();
        tracing::subscriber::with_default(log, || {
            tracing::error!("the device went away");
            tracing::info!(format = "640x360", "the device delivered");
        });
        let lines = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
        assert_eq!(
            lines,
            "<3>the device went away\n<6>the device delivered format=\"640x360\"\n"
        );
    }
}
