//! The exhibits of `fixtures/known_damage`: one kind of damage each, done to the same spool, and
//! what `fsck`, a start of the daemon and `fsck --rebuild` say of it, word for word in kinds and
//! numbers.
//!
//! `LECTERN_BLESS=1` writes what they say into `expected.json`; read it before it is committed.

#![allow(
    clippy::unwrap_used,
    reason = "test code; the lint exempts functions marked as tests only"
)]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use lectern_domain::api::Metadata;
use lectern_domain::config::Send;
use lectern_domain::delivery::{Commit, DeliveryState as D};
use lectern_domain::ids::LectureId;
use lectern_domain::lecture::LectureState as S;
use lectern_store::{FsckMode, FsckReport, NewDelivery, OpenError, Plan, Planning, fsck};
use serde::{Deserialize, Serialize};
use serde_json::json;
use support::cmaf::CHUNK_NS;
use support::{Lecture, Open, Room, STARTED_UNIX_MS};

/// One thing that is done to the spool. Paths begin with the name of a lecture or with `spool`, or
/// lead out.
#[derive(Debug, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
enum Harm {
    /// Takes so many bytes off the end.
    Cut { path: String, bytes: usize },
    /// Makes the last bytes zeros.
    Zero { path: String, bytes: usize },
    /// Adds zeros at the end, to a new file if there is none.
    Extend { path: String, bytes: usize },
    /// Turns one bit in the middle.
    Flip { path: String },
    /// Deletes a file.
    Remove { path: String },
    /// Writes a file.
    Write { path: String, text: String },
    /// `meta.json` of another spool.
    ForeignMeta,
    /// The database and its log go.
    RemoveDatabase,
    /// The database's first page is overwritten.
    DamageDatabase,
    /// The database as it was before the delivery and the recording.
    OldDatabase,
}

#[derive(Debug, Deserialize)]
struct Exhibit {
    what: String,
    harm: Vec<Harm>,
}

/// What is said of an exhibit.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Expected {
    /// `fsck`, before anything else looked at it.
    fsck: Said,
    /// A start of the daemon on it, without `fsck --rebuild`.
    start: Start,
    /// `fsck --rebuild` on another copy; the same as `fsck` where nothing is to be rebuilt.
    rebuild: Said,
    /// A start after the rebuild.
    start_after_rebuild: Start,
}

/// Findings by kind, or why there were none.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Said {
    Refused(String),
    Found {
        rebuilt_lectures: Option<u64>,
        findings: BTreeMap<String, u32>,
    },
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Start {
    Refused(String),
    Opened {
        salvaged: u32,
        vacant: u32,
        quarantined: usize,
        lost: usize,
        suspect: usize,
        /// Chunks of the recording's camera that are there after it, by segment.
        camera: Vec<(u64, u64)>,
        /// What state the delivered lecture and its delivery are in.
        delivered: (S, D),
        /// Receipts that are known.
        receipts: usize,
        /// Lectures that are planned.
        planned: usize,
        /// What `fsck` says after this start was closed in good order.
        fsck_after: BTreeMap<String, u32>,
    },
}

fn refusal(error: &OpenError) -> String {
    let text = format!("{error:?}");
    text.split([' ', '{', '(']).next().unwrap().to_owned()
}

fn kinds(report: &FsckReport) -> BTreeMap<String, u32> {
    let mut kinds = BTreeMap::new();
    for finding in &report.findings {
        *kinds.entry(format!("{:?}", finding.kind)).or_default() += 1;
    }
    kinds
}

/// The spool that all exhibits begin with: a delivered lecture, one that is planned, and one that
/// was being recorded when the power went, its second segments open.
struct Spool {
    room: Room,
    delivered: Lecture,
    recording: Lecture,
    old_database: Vec<u8>,
}

impl Spool {
    async fn new() -> Self {
        let room = Room::new();
        room.leave_damaged();
        let open = room.open();
        let delivered = open.begin().await;
        open.record(&delivered, 0..8).await;
        open.stop(&delivered, 8).await;
        let to = NewDelivery {
            platform: "central".parse().unwrap(),
            send: vec![Send::Lecture, Send::Metadata],
        };
        open.finish(&room, &delivered, vec![to]).await;
        open.close();
        let old_database = fs::read(room.path().join("lectern.db")).unwrap();
        let open = room.open();
        deliver(&open).await;
        let tomorrow = STARTED_UNIX_MS + 86_400_000;
        let plan = Plan {
            id: LectureId::random(),
            metadata: Metadata::default(),
            starts_unix_ms: tomorrow,
            ends_unix_ms: tomorrow + 3_600_000,
        };
        assert_eq!(open.db.plan(plan).await.unwrap(), Planning::Entered);
        let recording = open.begin().await;
        open.record(&recording, 0..8).await;
        open.crash();
        Self {
            room,
            delivered,
            recording,
            old_database,
        }
    }

    fn path(&self, path: &str) -> PathBuf {
        let lectures = self.room.path().join("lectures");
        match path.split_once('/') {
            Some(("delivered", rest)) => lectures.join(&self.delivered.folder).join(rest),
            Some(("recording", rest)) => lectures.join(&self.recording.folder).join(rest),
            Some(("spool", rest)) => self.room.path().join(rest),
            Some(("..", rest)) => lectures.join(rest),
            _ => panic!("{path} begins with delivered, recording, spool or .."),
        }
    }

    fn harm(&self, harm: &Harm) {
        let database = self.room.path().join("lectern.db");
        let change = |path: &str, change: &dyn Fn(&mut Vec<u8>)| {
            let path = self.path(path);
            let mut bytes = fs::read(&path).unwrap_or_default();
            change(&mut bytes);
            fs::write(path, bytes).unwrap();
        };
        match harm {
            Harm::Cut { path, bytes } => change(path, &|file| file.truncate(file.len() - bytes)),
            Harm::Zero { path, bytes } => change(path, &|file| {
                let from = file.len() - bytes;
                file[from..].fill(0);
            }),
            Harm::Extend { path, bytes } => change(path, &|file| file.resize(file.len() + bytes, 0)),
            Harm::Flip { path } => change(path, &|file| {
                let middle = file.len() / 2;
                file[middle] ^= 1;
            }),
            Harm::Remove { path } => fs::remove_file(self.path(path)).unwrap(),
            Harm::Write { path, text } => fs::write(self.path(path), text).unwrap(),
            Harm::ForeignMeta => {
                let meta = json!({"uuid": uuid::Uuid::from_u128(9), "room": "c-1", "created_unix_ms": 0});
                fs::write(self.room.path().join("meta.json"), meta.to_string()).unwrap();
            }
            Harm::RemoveDatabase => self.replace_database(None),
            Harm::DamageDatabase => {
                let mut bytes = fs::read(&database).unwrap();
                bytes[..100].fill(0x55);
                self.replace_database(Some(&bytes));
            }
            Harm::OldDatabase => self.replace_database(Some(&self.old_database)),
        }
    }

    fn replace_database(&self, bytes: Option<&[u8]>) {
        for suffix in ["", "-wal", "-shm"] {
            let path = self.room.path().join(format!("lectern.db{suffix}"));
            if path.exists() {
                fs::remove_file(path).unwrap();
            }
        }
        if let Some(bytes) = bytes {
            fs::write(self.room.path().join("lectern.db"), bytes).unwrap();
        }
    }

    fn fsck(&self, rebuild: bool) -> Said {
        match fsck(&self.room.options(), FsckMode { rebuild }) {
            Ok(report) => Said::Found {
                rebuilt_lectures: report.rebuilt_lectures,
                findings: kinds(&report),
            },
            Err(error) => Said::Refused(refusal(&error)),
        }
    }

    async fn start(&self) -> Start {
        let (store, _events) = match lectern_store::open(&self.room.options(), STARTED_UNIX_MS) {
            Ok(opened) => opened,
            Err(error) => return Start::Refused(refusal(&error)),
        };
        let db = store.db();
        let recovery = store.recovery().clone();
        let input = db.finish_input(self.recording.id).await.unwrap();
        for track in &input.tracks {
            for segment in &track.segments {
                let source = if track.source.as_str() == "camera" {
                    &self.recording.camera
                } else {
                    &self.recording.sound
                };
                let chunks = segment.start_ns / CHUNK_NS..segment.end_ns / CHUNK_NS;
                let bytes = fs::read(&segment.path).unwrap();
                assert_eq!(bytes, source.file(chunks), "whole chunks, as they were written");
            }
        }
        let camera = input.tracks[0].segments.iter();
        let camera = camera
            .map(|s| (s.start_ns / CHUNK_NS, s.end_ns / CHUNK_NS))
            .collect();
        let detail = db.lecture(self.delivered.id).await.unwrap().unwrap();
        let planned = db.lectures(Some(S::Scheduled), 10, None).await.unwrap();
        store.close();
        Start::Opened {
            salvaged: recovery.salvaged_segments,
            vacant: recovery.vacant_segments,
            quarantined: recovery.quarantined.len(),
            lost: recovery.lost.len(),
            suspect: recovery.suspect.len(),
            camera,
            delivered: (detail.summary.state, detail.deliveries[0].state),
            receipts: detail.deliveries[0].locations.len(),
            planned: planned.lectures.len(),
            fsck_after: kinds(&self.room.fsck()),
        }
    }
}

async fn deliver(open: &Open) {
    let platforms = vec!["central".parse().unwrap()];
    let job = open
        .db
        .due_delivery(support::oldest(0, platforms))
        .await
        .unwrap()
        .unwrap();
    let commit = async |commit| open.db.commit_delivery(job.id, commit).await.unwrap();
    for state in [D::Reconciling, D::Verifying] {
        commit(Commit::State { state }).await;
    }
    for file in &job.files {
        commit(Commit::Receipt {
            name: file.name.clone(),
            location: format!("central/{}", file.name),
            evidence: json!({}),
        })
        .await;
    }
    commit(Commit::State { state: D::Done }).await;
}

async fn harmed(exhibit: &Exhibit) -> Spool {
    let spool = Spool::new().await;
    for harm in &exhibit.harm {
        spool.harm(harm);
    }
    spool
}

async fn look(exhibit: &Exhibit) -> Expected {
    let spool = harmed(exhibit).await;
    let fsck = spool.fsck(false);
    assert_eq!(spool.fsck(false), fsck, "looking changes nothing");
    let start = spool.start().await;
    let spool = harmed(exhibit).await;
    Expected {
        fsck,
        start,
        rebuild: spool.fsck(true),
        start_after_rebuild: spool.start().await,
    }
}

#[tokio::test]
async fn p1_p2_p5_p6_every_known_damage_is_met_as_written() {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/known_damage");
    let mut exhibits: Vec<PathBuf> = fs::read_dir(&kept)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    exhibits.sort();
    assert!(exhibits.len() >= 8, "{exhibits:?}");
    for folder in exhibits {
        let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap_or_default();
        let exhibit: Exhibit = serde_json::from_str(&read("harm.json")).unwrap();
        let found = look(&exhibit).await;
        if std::env::var_os("LECTERN_BLESS").is_some() {
            let text = serde_json::to_string_pretty(&found).unwrap() + "\n";
            fs::write(folder.join("expected.json"), text).unwrap();
        }
        let expected: Expected = serde_json::from_str(&read("expected.json")).unwrap();
        assert_eq!(found, expected, "{}: {}", folder.display(), exhibit.what);
    }
}
