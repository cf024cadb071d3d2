//! The layer that hands events to the journal over its datagram socket.
//!
//! A journal that is slow or away must not keep a recording waiting: nothing here blocks. What it
//! does not take is counted, and the next entry says so in `LECTERN_LOST`.

use std::io::{self, ErrorKind};
use std::os::fd::AsFd;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use nix::sys::stat::fstat;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::entry::{Fields, Origin, entry};

/// Whether `stream`, the variable `JOURNAL_STREAM`, names this descriptor: a program that was
/// started by a service may have inherited the variable and write somewhere else.
pub(super) fn is_stream(stream: &str, descriptor: impl AsFd) -> bool {
    let Ok(stat) = fstat(descriptor) else { return false };
    stream
        .split_once(':')
        .and_then(|(device, inode)| Some((device.parse::<u64>().ok()?, inode.parse::<u64>().ok()?)))
        .is_some_and(|named| named == (stat.st_dev, stat.st_ino))
}

/// See the module.
pub(super) struct Journal {
    socket: UnixDatagram,
    room: String,
    lost: AtomicU64,
}

impl Journal {
    /// Connects to the journal's socket at `path`.
    ///
    /// # Errors
    /// When nobody listens there.
    pub(super) fn open(path: &Path, room: &str) -> io::Result<Self> {
        let socket = UnixDatagram::unbound()?;
        socket.connect(path)?;
        socket.set_nonblocking(true)?;
        Ok(Self {
            socket,
            room: room.to_owned(),
            lost: AtomicU64::new(0),
        })
    }

    /// `lost`: what `bytes` say was lost before them.
    fn send(&self, bytes: &[u8], lost: u64, text: &str) {
        match self.socket.send(bytes) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                self.lost.fetch_add(lost + 1, Ordering::Relaxed);
            }
            Err(_) => {
                // Standard error is the journal's as well, by another way in.
                eprintln!("{text}");
                self.lost.fetch_add(lost, Ordering::Relaxed);
            }
        }
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Journal {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if span.name() == "track" {
            // The supervisor of a source calls it by its name.
            for (name, _) in &mut fields.rest {
                if *name == "name" {
                    *name = "source";
                }
            }
        }
        span.extensions_mut().insert(fields);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let spans: Vec<Fields> = context
            .event_scope(event)
            .into_iter()
            .flat_map(|scope| scope.from_root())
            .filter_map(|span| span.extensions().get::<Fields>().cloned())
            .collect();
        let metadata = event.metadata();
        let lost = self.lost.swap(0, Ordering::Relaxed);
        let origin = Origin {
            level: *metadata.level(),
            target: metadata.target(),
            file: metadata.file(),
            line: metadata.line(),
            room: &self.room,
            lost,
        };
        self.send(&entry(&origin, &fields, &spans), lost, &fields.message);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tracing::{error, info, info_span};
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;
    use crate::logs::faults;

    struct Fake {
        socket: UnixDatagram,
        _dir: tempfile::TempDir,
    }

    fn journal() -> (Fake, Journal) {
        let dir = tempfile::tempdir().expect("a folder is to be had");
        let path = dir.path().join("socket");
        let socket = UnixDatagram::bind(&path).expect("the folder is ours");
        socket
            .set_read_timeout(Some(Duration::from_secs(10)))
            .expect("it is not zero");
        let journal = Journal::open(&path, "b-204").expect("somebody listens");
        (Fake { socket, _dir: dir }, journal)
    }

    impl Fake {
        fn next(&self) -> Vec<String> {
            let mut bytes = vec![0; 200_000];
            let length = self.socket.recv(&mut bytes).expect("an entry comes");
            let text = String::from_utf8_lossy(&bytes[..length]).into_owned();
            text.lines().map(str::to_owned).collect()
        }
    }

    #[track_caller]
    fn has(entry: &[String], line: &str) {
        assert!(entry.iter().any(|held| held == line), "{line} in {entry:#?}");
    }

    #[test]
    fn people_find_events_by_lecture_source_platform_and_kind_of_fault() {
        let (fake, journal) = journal();
        let subscriber = tracing_subscriber::registry().with(journal);
        tracing::subscriber::with_default(subscriber, || {
            info!(lecture = "0b8f7c1e", platform = %"central", took_ms = 7, "lecture was delivered");
            info_span!("track", name = %"camera").in_scope(|| {
                error!(fault = "source-lost", todo = "Push it in.", "fault came up");
            });
        });
        let delivered = fake.next();
        for line in [
            "MESSAGE=lecture was delivered lecture=0b8f7c1e platform=central took_ms=7",
            "PRIORITY=6",
            "SYSLOG_IDENTIFIER=lecternd",
            "ROOM=b-204",
            "LECTURE_ID=0b8f7c1e",
            "PLATFORM=central",
            "LECTERN_TOOK_MS=7",
        ] {
            has(&delivered, line);
        }
        assert!(!delivered.iter().any(|line| line.starts_with("MESSAGE_ID=")));
        let lost = fake.next();
        let id = faults::message_id("source-lost").expect("it is in the table");
        for line in [
            "PRIORITY=3",
            "SOURCE=camera",
            &format!("MESSAGE_ID={id}"),
            "LECTERN_FAULT=source-lost",
        ] {
            has(&lost, line);
        }
    }

    #[test]
    fn p10_a_journal_that_takes_nothing_stops_nobody_and_is_told_later() {
        let (fake, journal) = journal();
        let subscriber = tracing_subscriber::registry().with(journal);
        let full = 5_000;
        tracing::subscriber::with_default(subscriber, || {
            for number in 0..full {
                info!(number, "chunk was written");
            }
            let first = fake.next();
            has(&first, "LECTERN_NUMBER=0");
            fake.socket.set_nonblocking(true).expect("it can be set");
            let mut bytes = [0; 4_096];
            let mut taken = 1;
            while fake.socket.recv(&mut bytes).is_ok() {
                taken += 1;
            }
            fake.socket.set_nonblocking(false).expect("it can be set");
            info!("journal came back");
            has(&fake.next(), &format!("LECTERN_LOST={}", full - taken));
            info!("nothing was lost since");
            assert!(!fake.next().iter().any(|line| line.starts_with("LECTERN_LOST")));
        });
    }

    #[test]
    fn a_variable_that_was_inherited_is_not_believed() {
        let file = tempfile::tempfile().expect("a file is to be had");
        let stat = fstat(&file).expect("it is open");
        let named = format!("{}:{}", stat.st_dev, stat.st_ino);
        assert!(is_stream(&named, &file));
        for other in ["", "8", "8:x", "8:0:0", &format!("{named}1")] {
            assert!(!is_stream(other, &file), "{other}");
        }
    }
}
