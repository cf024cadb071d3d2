//! Lectern's store: recordings on the disk, and everything that must not be forgotten about them.
//!
//! Two named threads do all the work: `spool` writes below `storage.path` ([`Spool`]), `db` owns
//! the only SQLite connection and writes `plans.json` ([`Db`]). [`open`] starts them,
//! [`Store::close`] joins them. Their handles are cheap to clone; their calls wait for room and
//! never block a runtime. Nothing here knows GStreamer, HTTP or when a lecture should begin.
//!
//! # Writing a segment (P1, P2, P8)
//! 1. The lecture's folders are made and synced, they and their parent, before its row exists.
//! 2. The first chunk of a segment: create the file (it must not exist), write init and chunk in
//!    one, fsync the track's folder.
//! 3. Each further chunk is one write. A torn write is cut back to the last whole chunk.
//! 4. fdatasync when the oldest unsynced picture or sound is `sync_every` old; what comes in long
//!    chunks, such as a slow screen, was old when it came. If the reserve is touched then, every
//!    open segment is closed and further chunks are dropped until there is room.
//! 5. Close: fsync the file, finish the SHA-256 that was kept while writing, fsync the folder.
//!    Only this makes a `Durable<Segment>`.
//! 6. The database takes the `Durable<Segment>`, writes the row `closed`, and COMMITs (WAL,
//!    `synchronous=FULL`).
//! 7. [`SpoolEvent::SegmentClosed`] is said. `lecture.json` is left alone: it is rewritten at each
//!    step of the lecture (temporary file, fsync, rename, fsync of the folder), with all segments
//!    that are closed by then. Those that it does not name yet are read from their files when a
//!    lost database is made anew.
//!
//! A failed fsync of a file is never tried again, because the kernel may have dropped what it
//! could not write: the segment becomes `suspect` and a new one is begun. A failed fsync of a
//! folder aborts the process: no entry can be trusted, and the next start recovers. A full disk
//! closes what is there and is told once ([`SpoolEvent::WriteFailed`]).
//!
//! # Starting (P1, P3, P5, P6)
//! 1. flock on `lectern.lock`; the error names the holder.
//! 2. Open the database, SQLite's quick check, version check, copy, upgrade.
//! 3. `meta.json` and the database carry the same UUID, else refuse before anything is written.
//!    A row in `boots`.
//! 4. Make `lectures` and `quarantine`, sync the root. No `lecture.json` is newer than its row,
//!    else refuse: the database is an old copy. Here and in what follows, lectures that are
//!    shelved are passed by (step 10): a start costs as much as was done since the one before.
//! 5. Delete self tests that a crash left behind; end deletions that were decided; see below.
//! 6. Files and rows: a file without a row is cut after its last whole fragment, synced, hashed
//!    and entered as `closed` and salvaged, or moved to `quarantine`; nothing that may hold media
//!    is unlinked, a file that never held a chunk is. Before it is hashed, its pages are dropped
//!    from memory: after a failed fsync they may show what the disk does not have. A row without its file is `lost`, one with another size `suspect`. Hashing all old segments is
//!    [`fsck()`]'s work.
//! 7. Lectures that were armed, recording, paused or stopping become `interrupted` and remember
//!    what they were.
//! 8. Lectures that were being finished are `captured` again; their `.part` files go.
//! 9. Deliveries that were sending or verifying are `reconciling`. Every `lecture.json` whose
//!    revision is not the database's is rewritten.
//! 10. Lectures that are over and were found in order are shelved, until something changes them.
//! 11. A plan in `plans.json` that has no row is entered: a crash came before its COMMIT, or the
//!     database is an old copy. Then the file is written if it is not as the rows. One that cannot
//!     be used goes to `quarantine`, said and no reason not to start.
//!
//! # Planning a lecture (P1, P2)
//! 1. In one transaction: the row is changed; `plans.json` is written with all that is planned now
//!    (temporary file, fsync, rename, fsync of the root). If it cannot be, nothing is changed and
//!    whoever asked is told. COMMIT. Calling off, mending and taking back go the same way.
//! 2. A plan that begins is COMMITted as `armed` first, its folders made before; then it goes out
//!    of `plans.json`. A file that cannot be written does not hinder it.
//!
//! `fsck --rebuild` enters what `plans.json` holds and no folder does.
//!
//! # Deleting a delivered lecture (P6)
//! 1. In one transaction: every platform has confirmed every file with the size and hash of its
//!    row, else refuse; the decision is noted and the segments' rows become `garbage`. COMMIT.
//! 2. Unlink the files that rows name, a few at a time, and fsync their folder.
//! 3. Remove the empty folders, fsync the lecture's.
//! 4. The segments' rows go and the lecture becomes `purged`. COMMIT.
//!
//! The lecture's row, its receipts and `lecture.json` stay for ever. Step 5 of a start ends what
//! a crash cut after step 1; what the disk refuses then is tried again and keeps no recorder from
//! starting.
//!
//! # Deleting a self test
//! A lecture whose row was made with `self_test = 1` goes whenever its owner or a start says so:
//! every file of its folder, the folder, fsync of `lectures`; then its rows. COMMIT. Triggers keep
//! every other row from being taken for one, and the rows of lectures from being deleted at all.
//!
//! # Modes
//! Folders 0750 and recordings 0640, for the service's group; `lectern.db` and `lecture.json`
//! 0600, because a platform's upload handle is a capability.

mod clock;
mod cmaf;
#[cfg(test)]
mod cmaf_tests;
mod connection;
mod db;
mod disk;
mod error;
mod fsck;
#[doc(hidden)]
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzz;
mod layout;
mod lock;
mod mailbox;
mod meta;
#[cfg(test)]
mod model;
mod plans;
mod recovery;
mod removal;
mod schema;
mod spool;
mod store;
#[cfg(test)]
#[path = "../tests/support/cmaf.rs"]
mod test_cmaf;
mod threads;
mod trial;

pub use db::Db;
pub use db::due::DueQuery;
pub use db::finishing::{FinishInput, FinishMark, FinishRun, FinishSegment, FinishTrack, NewDelivery};
pub use db::planned::{MAX_PLANNED, Plan, Planning};
pub use db::purge::Purgeable;
pub use db::queue::Backlog;
pub use db::recording::{NewLecture, NewTrack};
pub use db::self_test::SelfTest;
pub use db::step::RowChange;
pub use db::uplink::RouteRow;
pub use error::{DbError, Gone, OpenError, SpoolError};
pub use fsck::{Finding, FindingKind, FsckMode, FsckReport, fsck};
pub use recovery::{Damage, Interrupted, Recovery};
pub use spool::{Counters, Space, Spool, SpoolEvent, WriteFailure};
pub use store::{Options, Store, open};
pub use trial::{DiskTrial, try_disk};
