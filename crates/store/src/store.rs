//! Opening and closing: the lock, the database, recovery, the two threads and their owner.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;

use jiff::tz::TimeZone;
use lectern_domain::ids::RoomId;
use lectern_domain::units::{Size, Span};
use rusqlite::params;
use tokio::sync::mpsc;

use crate::clock;
use crate::connection::{check_meta, open_database};
use crate::db::ledger::{Ledger, Outlets};
use crate::db::rows::int;
use crate::db::{self, Back, Db, JOBS_BOUND};
use crate::disk::{Disk, RealDisk};
use crate::error::OpenError;
use crate::layout::{self, Layout};
use crate::lock::{self, SpoolLock};
use crate::mailbox::{Outbox, mailbox};
use crate::plans;
use crate::recovery::age::check_age;
use crate::recovery::self_tests;
use crate::recovery::shelf::present;
use crate::recovery::{Recovery, recover};
use crate::spool::documents::Documents;
use crate::spool::event::Events;
use crate::spool::thread::SpoolThread;
use crate::spool::writer::{Writer, WriterOptions};
use crate::spool::{COMMANDS_BOUND, Command, Counters, Spool, SpoolEvent};
use crate::threads;

/// What the store needs of the configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// `storage.path`, absolute.
    pub path: PathBuf,
    /// `room.id`, for folder names.
    pub room: RoomId,
    /// `room.timezone`, for folder names; `None`: the machine's.
    pub timezone: Option<String>,
    /// `storage.reserve`: recordings stop before it is touched.
    pub reserve: Size,
    /// `storage.sync_every`.
    pub sync_every: Span,
    /// `storage.segment`.
    pub segment: Span,
}

/// Owner of the two threads and the lock. Dropped without [`Store::close`], it leaves the spool
/// as a crash would: nothing closed is lost, and the next start salvages the rest.
pub struct Store {
    db: Db,
    spool: Spool,
    recovery: Recovery,
    documents: Arc<Documents>,
    layout: Layout,
    db_outbox: Outbox<db::Message>,
    spool_thread: Option<JoinHandle<()>>,
    db_thread: Option<JoinHandle<()>>,
    _lock: SpoolLock,
}

/// Opens the spool: steps 1 to 11 of the crate's procedure, then the threads. Blocks, for as long
/// as recovery takes. The receiver holds 1024 events, see [`SpoolEvent`].
///
/// # Errors
/// [`OpenError`], each with what to do; the process should end with it.
pub fn open(options: &Options, now_unix_ms: i64) -> Result<(Store, mpsc::Receiver<SpoolEvent>), OpenError> {
    let layout = Layout::new(&options.path);
    let zone = zone(options)?;
    let mut disk = RealDisk;
    disk.make_dir(layout.root())
        .map_err(OpenError::io(layout.root(), "made"))?;
    let lock = lock::take(&layout)?;
    let boot_id = clock::boot_id();
    let (connection, uuid) = open_database(&layout, &mut disk, &options.room, now_unix_ms)?;
    check_meta(&connection, &layout, &mut disk, &options.room, uuid, now_unix_ms)?;
    let database = layout.database();
    connection
        .execute(
            "INSERT INTO boots (start_unix_ms, version, pid, boot_id, start_mono_ns) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![
                now_unix_ms,
                env!("CARGO_PKG_VERSION"),
                std::process::id(),
                boot_id,
                int(clock::mono_ns())
            ],
        )
        .map_err(OpenError::database(&database))?;
    make_folders(&mut disk, &layout)?;
    let documents = Arc::new(Documents::default());
    let mut ledger = Ledger::new(connection, layout.clone(), uuid, Arc::clone(&documents));
    let mut entries = present(&ledger, &mut disk)?;
    check_age(&ledger, &mut disk, &entries)?;
    self_tests::discard(&mut ledger, &mut disk, &mut entries)?;
    let recovery = recover(&mut ledger, &mut disk, &boot_id, &entries)?;
    start(options, zone, layout, disk, ledger, documents, recovery, lock)
}

/// Step 4.
pub(crate) fn make_folders<D: Disk>(disk: &mut D, layout: &Layout) -> Result<(), OpenError> {
    for folder in [layout.lectures(), layout.quarantine()] {
        disk.make_dir(&folder).map_err(OpenError::io(&folder, "made"))?;
    }
    disk.sync_dir(layout.root())
        .map_err(OpenError::io(layout.root(), "synced"))
}

#[allow(
    clippy::too_many_arguments,
    reason = "the end of `open`, split for reading; called once"
)]
fn start(
    options: &Options,
    zone: TimeZone,
    layout: Layout,
    disk: RealDisk,
    mut ledger: Ledger,
    documents: Arc<Documents>,
    recovery: Recovery,
    lock: SpoolLock,
) -> Result<(Store, mpsc::Receiver<SpoolEvent>), OpenError> {
    let counters = Arc::new(Counters::default());
    counters.progress();
    let (events, receiver) = Events::channel(Arc::clone(&counters));
    let (spool_outbox, spool_inbox) = mailbox(COMMANDS_BOUND);
    let (db_outbox, db_inbox) = mailbox(JOBS_BOUND);
    ledger.outlets = Some(Outlets {
        spool: spool_outbox.clone(),
        events: events.clone(),
    });
    ledger.keep = Some(plans::keep_on(RealDisk, &layout));
    let writer_options = WriterOptions {
        root: layout.root().to_owned(),
        segment_ns: options.segment.ns(),
        sync_every: options.sync_every.duration(),
        reserve_bytes: options.reserve.bytes(),
    };
    let spool_thread = SpoolThread {
        writer: Writer::new(disk, writer_options, Arc::clone(&counters)),
        layout: layout.clone(),
        inbox: spool_inbox,
        db: Back {
            outbox: db_outbox.clone(),
        },
        documents: Arc::clone(&documents),
        events,
        counters: Arc::clone(&counters),
        placeless: BTreeMap::new(),
    };
    let spool = Spool {
        outbox: spool_outbox,
        counters,
    };
    let not_started = OpenError::io(layout.root(), "given its threads");
    let db_thread = threads::spawn("db", move || db::run(&db_inbox, ledger)).map_err(not_started)?;
    let not_started = OpenError::io(layout.root(), "given its threads");
    let spool_thread = threads::spawn("spool", move || spool_thread.run()).map_err(not_started)?;
    let db = Db {
        outbox: db_outbox.clone(),
        spool: spool.clone(),
        room: options.room.clone(),
        zone,
        boot_id: recovery.boot_id.as_str().into(),
    };
    let store = Store {
        db,
        spool,
        recovery,
        documents,
        layout,
        db_outbox,
        spool_thread: Some(spool_thread),
        db_thread: Some(db_thread),
        _lock: lock,
    };
    Ok((store, receiver))
}

impl Store {
    /// Handle of the database.
    #[must_use]
    pub fn db(&self) -> Db {
        self.db.clone()
    }

    /// Handle of the spool.
    #[must_use]
    pub fn spool(&self) -> Spool {
        self.spool.clone()
    }

    /// What was found at the start.
    #[must_use]
    pub fn recovery(&self) -> &Recovery {
        &self.recovery
    }

    /// Closes every open segment, commits its row, and ends both threads. Blocks until all of it
    /// is on the disk. Handles that are left answer that the thread has ended.
    pub fn close(mut self) {
        self.end(true);
    }

    fn end(&mut self, clean: bool) {
        let command = if clean { Command::Close } else { Command::Abandon };
        // An ended thread has nothing left to do; joining tells.
        let told = self.spool.outbox.send_now(command).is_ok();
        join(self.spool_thread.take(), told);
        // After the spool: its last segments are before this in the queue.
        let told = self.db_outbox.send_now(db::Message::Stop { clean }).is_ok();
        join(self.db_thread.take(), told);
        if clean && let Err(lost) = self.documents.write(&mut RealDisk, &self.layout) {
            tracing::warn!(error = %lost, "the last lecture.json was not written; the database has all of it");
        }
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        if self.db_thread.is_some() {
            self.end(false);
        }
    }
}

/// A thread of ours never unwinds out of its frame, so joining cannot fail.
fn join(thread: Option<JoinHandle<()>>, told: bool) {
    let Some(thread) = thread else { return };
    if !told {
        tracing::warn!(
            thread = thread.thread().name(),
            "a storage thread had ended before it was asked to"
        );
    }
    if thread.join().is_err() {
        tracing::error!("a storage thread panicked outside of its frame");
    }
}

fn zone(options: &Options) -> Result<TimeZone, OpenError> {
    layout::zone(options.timezone.as_deref()).map_err(|error| OpenError::Timezone {
        name: options.timezone.clone().unwrap_or_default(),
        reason: error.to_string(),
    })
}
