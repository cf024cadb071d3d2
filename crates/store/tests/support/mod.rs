//! A room with a spool in a temporary folder, chunks to feed it, and the check that ends every
//! test: a [`Room`] that goes is opened once more, as the daemon would, and must then be clean
//! to the last byte. A test that leaves damage behind says so.

#![allow(dead_code, reason = "each test program uses its own part")]
#![allow(
    clippy::unwrap_used,
    reason = "test code; the lint exempts functions marked as tests only"
)]

pub(crate) mod cmaf;

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lectern_domain::api::{ClockTrust, Metadata};
use lectern_domain::finished::{FileRole, FinishedFile};
use lectern_domain::ids::{LectureId, PlatformName, RunId, RunNumber, SourceName};
use lectern_domain::lecture::LectureState as S;
use lectern_domain::media::{Chunk, Role};
use lectern_domain::units::{Size, Span};
use lectern_store::{
    Db, DbError, DueQuery, FindingKind, FsckMode, FsckReport, NewLecture, NewTrack, Options, RowChange,
    Spool, SpoolEvent, Store, fsck,
};
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tokio::sync::mpsc::Receiver;

use cmaf::{CHUNK_NS, CHUNK_TICKS};

/// Wall clock at the beginning of every test lecture.
pub(crate) const STARTED_UNIX_MS: i64 = 1_789_000_000_000;
/// Chunks of a segment: a key every five, segments of 1 s.
pub(crate) const CHUNKS_PER_SEGMENT: u64 = 5;

/// A spool on a real folder.
pub(crate) struct Room {
    path: PathBuf,
    /// Removes the folder at the end, if it is ours.
    dir: Option<TempDir>,
    damaged: Cell<bool>,
}

impl Drop for Room {
    fn drop(&mut self) {
        if self.dir.is_some() && !self.damaged.get() && !std::thread::panicking() {
            self.open().close();
            self.assert_clean();
        }
    }
}

impl Room {
    pub(crate) fn new() -> Self {
        let dir = TempDir::new().unwrap();
        Self {
            path: dir.path().to_owned(),
            dir: Some(dir),
            damaged: Cell::new(false),
        }
    }

    /// A folder that somebody else made.
    pub(crate) fn at(path: PathBuf) -> Self {
        Self {
            path,
            dir: None,
            damaged: Cell::new(false),
        }
    }

    /// The test ends with a spool that `fsck` has something to say about.
    pub(crate) fn leave_damaged(&self) {
        self.damaged.set(true);
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn options(&self) -> Options {
        Options {
            path: self.path.clone(),
            room: "b-204".parse().unwrap(),
            timezone: Some("Africa/Lagos".to_owned()),
            reserve: Size(0),
            sync_every: Span(1_000),
            segment: Span(1_000),
        }
    }

    pub(crate) fn open(&self) -> Open {
        let (store, events) = lectern_store::open(&self.options(), STARTED_UNIX_MS).unwrap();
        Open {
            db: store.db(),
            spool: store.spool(),
            store,
            events,
        }
    }

    pub(crate) fn fsck(&self) -> FsckReport {
        fsck(&self.options(), FsckMode::default()).unwrap()
    }

    /// T7: the spool is clean.
    pub(crate) fn assert_clean(&self) {
        let report = self.fsck();
        assert!(report.findings.is_empty(), "{report}");
    }

    pub(crate) fn kinds(&self) -> Vec<FindingKind> {
        self.fsck().findings.iter().map(|finding| finding.kind).collect()
    }

    /// Every file below `lectures`, sorted.
    pub(crate) fn segments(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        walk(&self.path().join("lectures"), &mut found);
        found.retain(|path| path.extension().is_some_and(|ext| ext == "mp4"));
        found.sort();
        found
    }
}

fn walk(path: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(path).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            walk(&entry.path(), found);
        } else {
            found.push(entry.path());
        }
    }
}

/// An open store with its handles.
pub(crate) struct Open {
    pub(crate) db: Db,
    pub(crate) spool: Spool,
    pub(crate) store: Store,
    pub(crate) events: Receiver<SpoolEvent>,
}

impl Open {
    /// A lecture with camera and microphone in state `recording`, its first run open.
    pub(crate) async fn begin(&self) -> Lecture {
        let id = LectureId::random();
        let new = NewLecture {
            id,
            metadata: Metadata {
                title: Some("Ondes et vibrations — مقدمة".to_owned()),
                ..Metadata::default()
            },
            started_unix_ms: STARTED_UNIX_MS,
            planned_end_unix_ms: STARTED_UNIX_MS + 3_600_000,
            tracks: vec![
                track("camera", Role::Presenter),
                track("microphone", Role::Microphone),
            ],
        };
        let folder = self.db.create_lecture(new).await.unwrap();
        let run = RunId {
            lecture: id,
            run: RunNumber(1),
        };
        let first = RowChange::OpenRun {
            run,
            base_mono_ns: 42_000_000_000,
            started_unix_ms: STARTED_UNIX_MS,
            clock: ClockTrust::Trusted,
        };
        self.step(id, S::Armed, S::Armed, &[first]).await.unwrap();
        self.step(id, S::Armed, S::Recording, &[]).await.unwrap();
        lecture(id, &folder, 1)
    }

    /// [`Db::step`] without a reason.
    pub(crate) async fn step(
        &self,
        lecture: LectureId,
        from: S,
        to: S,
        changes: &[RowChange],
    ) -> Result<(), DbError> {
        self.db.step(lecture, from, to, None, changes.to_vec()).await
    }

    /// An interrupted lecture goes on in its new run `again`; nothing of it has arrived yet.
    pub(crate) async fn arm_again(&self, again: &Lecture, started_unix_ms: i64) {
        let next = RowChange::OpenRun {
            run: again.run,
            base_mono_ns: 1,
            started_unix_ms,
            clock: ClockTrust::Trusted,
        };
        self.step(again.id, S::Interrupted, S::Armed, &[next])
            .await
            .unwrap();
    }

    /// An interrupted lecture records on in its new run `again`.
    pub(crate) async fn record_on(&self, again: &Lecture, started_unix_ms: i64) {
        self.arm_again(again, started_unix_ms).await;
        self.step(again.id, S::Armed, S::Recording, &[]).await.unwrap();
    }

    /// Hands over one chunk and waits until it is written.
    pub(crate) async fn write(&self, chunk: Chunk) {
        self.spool.append(chunk).await.unwrap();
        // Answered in order: whatever was handed over before has been written.
        self.spool.free_space().await.unwrap();
    }

    /// Chunks `range` of both tracks.
    pub(crate) async fn record(&self, lecture: &Lecture, range: std::ops::Range<u64>) {
        for n in range {
            self.spool.append(lecture.camera.chunk(n)).await.unwrap();
            self.spool.append(lecture.sound.chunk(n)).await.unwrap();
        }
        self.spool.free_space().await.unwrap();
        self.db.ping().await.unwrap();
    }

    /// Ends the run at the end of chunk `n` and puts the lecture to `captured`.
    pub(crate) async fn stop(&self, lecture: &Lecture, n: u64) {
        let end = RowChange::EndAt {
            run: lecture.run,
            end_ns: Some(n * CHUNK_NS),
        };
        self.step(lecture.id, S::Recording, S::Stopping, &[end])
            .await
            .unwrap();
        self.spool.end_run(lecture.run).await.unwrap();
        self.step(lecture.id, S::Stopping, S::Captured, &[])
            .await
            .unwrap();
    }

    /// Makes finished files of a captured lecture (of made-up bytes) and enters them.
    pub(crate) async fn finish(
        &self,
        room: &Room,
        lecture: &Lecture,
        deliveries: Vec<lectern_store::NewDelivery>,
    ) {
        self.db
            .set_state(lecture.id, S::Captured, S::Finishing, None)
            .await
            .unwrap();
        let folder = room
            .path()
            .join("lectures")
            .join(&lecture.folder)
            .join("finished");
        let files = ["lecture.mp4", "lecture.json"].map(|name| {
            let bytes = format!("made-up bytes of {name} of {}", lecture.id).into_bytes();
            std::fs::write(folder.join(name), &bytes).unwrap();
            FinishedFile {
                name: name.to_owned(),
                role: if name == "lecture.mp4" {
                    FileRole::Lecture
                } else {
                    FileRole::Metadata
                },
                size_bytes: bytes.len() as u64,
                sha256: sha256(&bytes),
                parts: Vec::new(),
                duration_ms: (name == "lecture.mp4").then_some(1_000),
                content_type: "video/mp4".to_owned(),
            }
        });
        self.db
            .finished(lecture.id, files.to_vec(), 1_000, deliveries)
            .await
            .unwrap();
    }

    /// Leaves the spool as a crash would.
    pub(crate) fn crash(self) {
        drop(self.store);
    }

    pub(crate) fn close(self) {
        self.store.close();
    }

    pub(crate) async fn state(&self, lecture: LectureId) -> S {
        self.db.lecture(lecture).await.unwrap().unwrap().summary.state
    }
}

/// A lecture under way.
pub(crate) struct Lecture {
    pub(crate) id: LectureId,
    pub(crate) folder: String,
    pub(crate) run: RunId,
    pub(crate) camera: Track,
    pub(crate) sound: Track,
}

impl Lecture {
    /// The tracks of a later run.
    pub(crate) fn run(&self, run: u32) -> Self {
        lecture(self.id, &self.folder, run)
    }
}

/// A lecture in one of its runs, each with encoders of its own.
pub(crate) fn lecture(id: LectureId, folder: &str, run: u32) -> Lecture {
    let run = RunId {
        lecture: id,
        run: RunNumber(run),
    };
    Lecture {
        id,
        folder: folder.to_owned(),
        run,
        camera: Track::new(run, "camera", b"vide"),
        sound: Track::new(run, "microphone", b"soun"),
    }
}

/// A source that encodes.
pub(crate) struct Track {
    run: RunId,
    source: SourceName,
    init: Arc<[u8]>,
}

impl Track {
    fn new(run: RunId, source: &str, handler: &[u8; 4]) -> Self {
        Self {
            run,
            source: source.parse().unwrap(),
            init: cmaf::init(handler),
        }
    }

    /// Chunk `n` of the run.
    pub(crate) fn chunk(&self, n: u64) -> Chunk {
        Chunk {
            run: self.run,
            source: self.source.clone(),
            init: Arc::clone(&self.init),
            start_ns: n * CHUNK_NS,
            end_ns: (n + 1) * CHUNK_NS,
            key: n.is_multiple_of(CHUNKS_PER_SEGMENT),
            bytes: self.media(n).into(),
        }
    }

    /// Its bytes.
    pub(crate) fn media(&self, n: u64) -> Vec<u8> {
        cmaf::chunk(n * CHUNK_TICKS, u8::try_from(n % 200).unwrap())
    }

    /// A whole file of chunks `range`.
    pub(crate) fn file(&self, range: std::ops::Range<u64>) -> Vec<u8> {
        let media: Vec<u8> = range.flat_map(|n| self.media(n)).collect();
        [&self.init[..], &media].concat()
    }
}

fn track(source: &str, role: Role) -> NewTrack {
    NewTrack {
        source: source.parse().unwrap(),
        role,
        kind: "test-video".to_owned(),
        spare_for: None,
    }
}

/// Asks for the oldest delivery to one of `platforms`.
pub(crate) fn oldest(now_unix_ms: i64, platforms: Vec<PlatformName>) -> DueQuery {
    DueQuery {
        now_unix_ms,
        platforms,
        phone_first: false,
        urgent_only: false,
    }
}

/// Lower-case hex.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
