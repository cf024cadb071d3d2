//! Random lives of a spool: write, end, pause of the daemon, crash with a torn tail, recover; at
//! every moment the closed segments are exactly what was written (P1), and a crash costs no more
//! than the torn chunk (P2).

#![allow(
    clippy::unwrap_used,
    reason = "test code; the lint exempts functions marked as tests only"
)]

mod support;

use std::collections::BTreeMap;
use std::fs;

use proptest::prelude::*;
use support::cmaf::CHUNK_NS;
use support::{Lecture, Open, Room, STARTED_UNIX_MS};

/// One thing that happens.
#[derive(Clone, Debug)]
enum Act {
    /// So many chunks arrive on both tracks.
    Write(u64),
    /// The daemon is stopped in good order and started again.
    Restart,
    /// The daemon is killed; so many bytes of the youngest camera file are torn off.
    Crash(usize),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        4 => (1u64..14).prop_map(Act::Write),
        1 => Just(Act::Restart),
        2 => (0usize..500).prop_map(Act::Crash),
    ];
    proptest::collection::vec(act, 1..8)
}

struct Life {
    room: Room,
    open: Option<Open>,
    lecture: Lecture,
    run: u32,
    /// Chunks of the present run that were written.
    written: u64,
    /// Bytes that every closed camera segment had when it was first seen.
    closed: BTreeMap<u32, Vec<u8>>,
}

impl Life {
    async fn new() -> Self {
        let room = Room::new();
        let open = room.open();
        let lecture = open.begin().await;
        Self {
            room,
            open: Some(open),
            lecture,
            run: 1,
            written: 0,
            closed: BTreeMap::new(),
        }
    }

    async fn act(&mut self, act: &Act) {
        match act {
            Act::Write(chunks) => {
                let open = self.open.as_ref().unwrap();
                open.record(&self.lecture, self.written..self.written + chunks)
                    .await;
                self.written += chunks;
            }
            Act::Restart => {
                self.open.take().unwrap().close();
                self.room.assert_clean();
                self.begin_again(self.written).await;
            }
            Act::Crash(torn) => {
                self.open.take().unwrap().crash();
                let kept = self.tear(*torn);
                self.begin_again(kept).await;
            }
        }
        self.check().await;
    }

    /// Cuts the youngest camera file if it was open; returns how many chunks of the run are left.
    fn tear(&self, torn: usize) -> u64 {
        let camera = self
            .room
            .path()
            .join("lectures")
            .join(&self.lecture.folder)
            .join("camera");
        let mut files: Vec<_> = fs::read_dir(camera)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        files.sort();
        let Some(last) = files.last().filter(|_| self.written > 0) else {
            return self.written;
        };
        let first = (self.written - 1) / 5 * 5;
        let bytes = fs::read(last).unwrap();
        // A closed segment is synced: a crash does not tear it, and this must not either.
        let number: u32 = last.file_stem().unwrap().to_str().unwrap().parse().unwrap();
        if self.closed.contains_key(&number) {
            return self.written;
        }
        let left = bytes.len().saturating_sub(torn);
        fs::write(last, &bytes[..left]).unwrap();
        (first..=self.written)
            .rev()
            .find(|n| self.lecture.camera.file(first..*n).len() <= left)
            .unwrap_or(first)
    }

    /// Opens again and goes on as a new run. `kept` camera chunks of the old run must be there.
    async fn begin_again(&mut self, kept: u64) {
        let open = self.room.open();
        let recovery = open.store.recovery();
        assert_eq!((recovery.lost.len(), recovery.suspect.len()), (0, 0));
        let input = open.db.finish_input(self.lecture.id).await.unwrap();
        let end = input.tracks[0]
            .segments
            .iter()
            .filter(|s| s.run.0 == self.run)
            .map(|s| s.end_ns)
            .max();
        assert_eq!(
            end.unwrap_or(0),
            kept * CHUNK_NS,
            "P2: only the torn chunk is lost"
        );
        self.run += 1;
        self.lecture = self.lecture.run(self.run);
        open.record_on(&self.lecture, STARTED_UNIX_MS).await;
        self.written = 0;
        self.open = Some(open);
    }

    /// P1: every closed segment is on the disk as its row says, and never changes.
    async fn check(&mut self) {
        let open = self.open.as_ref().unwrap();
        let input = open.db.finish_input(self.lecture.id).await.unwrap();
        let mut still: Vec<u32> = Vec::new();
        for segment in &input.tracks[0].segments {
            let bytes = fs::read(&segment.path).unwrap();
            assert_eq!(
                (bytes.len() as u64, support::sha256(&bytes)),
                (segment.size_bytes, segment.sha256.clone())
            );
            let chunks = segment.start_ns / CHUNK_NS..segment.end_ns / CHUNK_NS;
            assert_eq!(
                bytes,
                self.lecture.camera.file(chunks),
                "whole chunks, all of them"
            );
            let before = self.closed.entry(segment.number).or_insert_with(|| bytes.clone());
            assert_eq!(*before, bytes, "closed is for ever");
            still.push(segment.number);
        }
        assert!(
            self.closed.keys().all(|number| still.contains(number)),
            "no closed segment is lost"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn p1_p2_no_sequence_of_writes_and_crashes_loses_a_closed_segment(acts in acts()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut life = Life::new().await;
            for act in &acts {
                life.act(act).await;
            }
            life.open.take().unwrap().close();
            life.room.assert_clean();
        });
    }
}
