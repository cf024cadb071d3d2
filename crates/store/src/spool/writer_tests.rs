//! The write procedure on a scripted disk: the exact order, and every failure at every step (T1).

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use lectern_domain::ids::{LectureId, RunId, RunNumber};
use lectern_domain::media::Chunk;
use sha2::{Digest, Sha256};

use super::counters::Counters;
use super::event::{SpoolEvent, WriteFailure};
use super::segment::hex;
use super::writer::{FolderLost, Output, Writer, WriterOptions};
use crate::clock;
use crate::disk::scripted_tests::ScriptedDisk;
use crate::test_cmaf::{CHUNK_NS, CHUNK_TICKS, chunk as media, init};

const SYNC: Duration = Duration::from_secs(1);
/// Five chunks a segment.
const SEGMENT_NS: u64 = 5 * CHUNK_NS;

struct Room {
    disk: ScriptedDisk,
    writer: Writer<ScriptedDisk>,
    counters: Arc<Counters>,
    run: RunId,
    init: Arc<[u8]>,
    start: Instant,
}

impl Room {
    fn new(reserve_bytes: u64) -> Self {
        let disk = ScriptedDisk::new();
        let counters = Arc::new(Counters::default());
        let options = WriterOptions {
            root: PathBuf::from("/spool"),
            segment_ns: SEGMENT_NS,
            sync_every: SYNC,
            reserve_bytes,
        };
        let mut writer = Writer::new(disk.clone(), options, Arc::clone(&counters));
        let run = RunId {
            lecture: LectureId(uuid::Uuid::nil()),
            run: RunNumber(1),
        };
        writer.admit(
            (run, "camera".parse().unwrap()),
            PathBuf::from("/spool/camera"),
            0,
        );
        Self {
            disk,
            writer,
            counters,
            run,
            init: init(b"vide"),
            start: clock::now(),
        }
    }

    /// Chunk `n`; a key every five.
    fn chunk(&self, n: u64) -> Chunk {
        Chunk {
            run: self.run,
            source: "camera".parse().unwrap(),
            init: Arc::clone(&self.init),
            start_ns: n * CHUNK_NS,
            end_ns: (n + 1) * CHUNK_NS,
            key: n.is_multiple_of(5),
            bytes: media(n * CHUNK_TICKS, u8::try_from(n % 200).unwrap()).into(),
        }
    }

    /// Writes chunk `n` at its time and does what is due.
    fn write(&mut self, n: u64) -> Result<(), FolderLost> {
        let now = self.start + Duration::from_nanos(n * CHUNK_NS);
        let chunk = self.chunk(n);
        self.writer.append(&chunk, now)?;
        self.writer.sync_due(now)
    }

    fn log(&self) -> Vec<String> {
        std::mem::take(&mut self.disk.0.lock().unwrap().log)
    }

    fn bytes(&self, number: u32) -> Vec<u8> {
        let path = Path::new("/spool/camera").join(crate::layout::segment_name(number));
        self.disk
            .0
            .lock()
            .unwrap()
            .files
            .get(&path)
            .cloned()
            .unwrap_or_default()
    }
}

fn hash(bytes: &[u8]) -> String {
    let mut hash = Sha256::new();
    hash.update(bytes);
    hex(hash)
}

fn failures(outputs: &[Output]) -> Vec<WriteFailure> {
    outputs
        .iter()
        .filter_map(|output| match output {
            Output::Event(SpoolEvent::WriteFailed { error, .. }) => Some(*error),
            Output::Event(_) | Output::Sealed(_) | Output::Suspect(_) => None,
        })
        .collect()
}

#[test]
fn t1_the_order_of_writing_a_segment_is_exact() {
    let mut room = Room::new(0);
    for n in 0..12 {
        room.write(n).unwrap();
    }
    room.writer.end_run(room.run).unwrap();
    let one = |number: &str, last: bool| {
        let mut lines = vec![
            format!("create {number}"),
            format!("append {number}"),
            "sync_dir camera".to_owned(),
        ];
        lines.extend((0..if last { 1 } else { 4 }).map(|_| format!("append {number}")));
        // With the fifth of its chunks of 0.2 s, what came first is a second old.
        lines.extend((!last).then(|| format!("sync_data {number}")));
        lines.extend([format!("sync_all {number}"), "sync_dir camera".to_owned()]);
        lines
    };
    let expected = [
        one("00000001.mp4", false),
        one("00000002.mp4", false),
        one("00000003.mp4", true),
    ]
    .concat();
    assert_eq!(room.log(), expected);
    let outputs = room.writer.take();
    assert!(matches!(outputs[0], Output::Event(SpoolEvent::FirstChunk { .. })));
    for (output, number) in outputs[1..].iter().zip(1..) {
        let Output::Sealed(sealed) = output else {
            panic!("{output:?}")
        };
        let bytes = room.bytes(number);
        assert_eq!(sealed.get().number, number);
        assert_eq!(sealed.get().bytes, bytes.len() as u64);
        assert_eq!(sealed.get().sha256, hash(&bytes));
        assert_eq!(sealed.get().start_ns, u64::from(number - 1) * SEGMENT_NS);
    }
    assert_eq!(outputs.len(), 4);
    assert_eq!(room.counters.open_segments(), 0);
}

#[test]
fn p2_nothing_older_than_sync_every_stays_unsynced() {
    let mut room = Room::new(0);
    room.write(0).unwrap();
    room.write(1).unwrap();
    let captured = room.start - Duration::from_nanos(CHUNK_NS);
    assert_eq!(room.writer.next_due(), Some(captured + SYNC));
    room.writer.sync_due(room.start + SYNC / 2).unwrap();
    assert!(!room.log().iter().any(|line| line.starts_with("sync_data")));
    room.writer.sync_due(captured + SYNC).unwrap();
    assert_eq!(room.log(), ["sync_data 00000001.mp4"]);
    assert_eq!(
        room.writer.next_due(),
        None,
        "nothing is unsynced, nothing is due"
    );
}

/// Fails each operation of the procedure in turn, in each way, and looks at what was promised.
#[test]
fn t1_no_failure_at_any_step_seals_what_is_not_whole() {
    let steps = {
        let mut room = Room::new(0);
        scenario(&mut room).unwrap();
        room.log()
    };
    let last_segment = steps.iter().rposition(|step| step.starts_with("create")).unwrap();
    for kind in [io::ErrorKind::Other, io::ErrorKind::StorageFull] {
        for (at, step) in steps.iter().enumerate() {
            let mut room = Room::new(0);
            room.disk.0.lock().unwrap().fail = Some((at, kind));
            let result = scenario(&mut room);
            let outputs = room.writer.take();
            let context = format!("{kind:?} at {at}: {step}");
            if step.starts_with("sync_dir") {
                assert!(result.is_err(), "{context}: a lost folder must end the process");
            } else {
                assert!(result.is_ok(), "{context}: {result:?}");
                let expected = if kind == io::ErrorKind::Other {
                    WriteFailure::Io
                } else {
                    WriteFailure::NoSpace
                };
                assert_eq!(failures(&outputs), [expected], "{context}: told exactly once");
            }
            check_sealed(&room, &outputs, &context);
            let suspects = outputs
                .iter()
                .filter(|output| matches!(output, Output::Suspect(_)))
                .count();
            let sync_failed = step.starts_with("sync_data") || step.starts_with("sync_all");
            assert_eq!(suspects, usize::from(sync_failed), "{context}");
            if result.is_ok() {
                let last = outputs.iter().rev().find_map(|output| match output {
                    Output::Sealed(sealed) => Some(sealed.get().end_ns),
                    Output::Event(_) | Output::Suspect(_) => None,
                });
                // Writing goes on with the next key chunk; the last segment has none after it.
                let whole_end = at < last_segment;
                assert_eq!(last == Some(17 * CHUNK_NS), whole_end, "{context}: {last:?}");
            }
        }
    }
}

/// Chunks over four segments with a fdatasync in the middle of each.
fn scenario(room: &mut Room) -> Result<(), FolderLost> {
    for n in 0..17 {
        room.write(n)?;
        if n % 5 == 2 {
            room.writer
                .sync_due(room.start + Duration::from_nanos(n * CHUNK_NS) + SYNC)?;
        }
    }
    room.writer.end_run(room.run)
}

/// Every sealed segment is on the disk as it says, ends with a whole chunk, and was synced after
/// its last write.
fn check_sealed(room: &Room, outputs: &[Output], context: &str) {
    let log = room.log();
    for output in outputs {
        let Output::Sealed(sealed) = output else { continue };
        let segment = sealed.get();
        let bytes = room.bytes(segment.number);
        assert_eq!(segment.bytes, bytes.len() as u64, "{context}");
        assert_eq!(segment.sha256, hash(&bytes), "{context}");
        let chunks: Vec<u8> = (segment.start_ns / CHUNK_NS..segment.end_ns / CHUNK_NS)
            .flat_map(|n| room.chunk(n).bytes.to_vec())
            .collect();
        assert_eq!(
            bytes,
            [&*room.init, &chunks].concat(),
            "{context}: whole chunks only"
        );
        let name = crate::layout::segment_name(segment.number);
        let at = |what: &str| log.iter().rposition(|line| *line == format!("{what} {name}"));
        let synced = at("sync_all").expect("a sealed file was synced");
        assert!(
            at("append") < Some(synced) && at("truncate") < Some(synced),
            "{context}"
        );
        assert!(
            log[synced + 1..].iter().any(|line| line == "sync_dir camera"),
            "{context}"
        );
    }
}

#[test]
fn p8_a_full_disk_is_told_once_and_writing_resumes_with_room() {
    let mut room = Room::new(0);
    room.write(0).unwrap();
    room.disk.0.lock().unwrap().fail = Some((3, io::ErrorKind::StorageFull));
    room.disk.0.lock().unwrap().free_bytes = 0;
    for n in 1..11 {
        room.write(n).unwrap();
    }
    let outputs = room.writer.take();
    assert_eq!(failures(&outputs), [WriteFailure::NoSpace]);
    assert!(
        outputs
            .iter()
            .any(|output| matches!(output, Output::Sealed(sealed) if sealed.get().end_ns == CHUNK_NS))
    );
    assert_eq!(room.counters.chunks_dropped(), 10);
    assert!(
        !room.log().iter().any(|line| line == "create 00000002.mp4"),
        "no empty files on a full disk"
    );
    room.disk.0.lock().unwrap().fail = None;
    room.disk.0.lock().unwrap().free_bytes = 1 << 40;
    for n in 11..17 {
        room.write(n).unwrap();
    }
    let resumed = SpoolEvent::WriteResumed {
        run: room.run,
        source: "camera".parse().unwrap(),
        dropped_chunks: 14,
    };
    assert_eq!(room.writer.take(), [Output::Event(resumed)]);
}

#[test]
fn p8_recordings_do_not_take_the_reserve() {
    let mut room = Room::new(10 << 30);
    room.write(0).unwrap();
    room.disk.0.lock().unwrap().free_bytes = (10 << 30) - 1;
    room.writer.sync_due(room.start + SYNC).unwrap();
    let outputs = room.writer.take();
    assert_eq!(failures(&outputs), [WriteFailure::NoSpace]);
    assert!(
        outputs.iter().any(|output| matches!(output, Output::Sealed(_))),
        "closed in time"
    );
    assert_eq!(room.counters.open_segments(), 0);
    let message = outputs.iter().find_map(|output| match output {
        Output::Event(SpoolEvent::WriteFailed { message, .. }) => Some(message.clone()),
        Output::Event(_) | Output::Sealed(_) | Output::Suspect(_) => None,
    });
    assert_eq!(
        message.unwrap(),
        "/spool/camera could not be written: storage.reserve is reached; what was written before is kept; make \
         room on the disk; recording goes on by itself then"
    );
}

#[test]
fn another_encoder_begins_another_segment_at_its_key_chunk() {
    let mut room = Room::new(0);
    room.write(0).unwrap();
    room.init = init(b"vide");
    room.write(1).unwrap();
    room.write(2).unwrap();
    assert_eq!(
        room.counters.chunks_dropped(),
        2,
        "not decodable with the old init"
    );
    let mut chunk = room.chunk(3);
    chunk.key = true;
    room.writer.append(&chunk, room.start).unwrap();
    room.writer.end_run(room.run).unwrap();
    let sealed = room
        .writer
        .take()
        .iter()
        .filter(|output| matches!(output, Output::Sealed(_)))
        .count();
    assert_eq!(sealed, 2);
    assert!(room.bytes(2).starts_with(&room.init));
}

#[test]
fn chunks_of_an_ended_run_are_dropped() {
    let mut room = Room::new(0);
    room.write(0).unwrap();
    room.writer.end_run(room.run).unwrap();
    assert!(room.writer.has_ended(room.run));
    room.write(1).unwrap();
    assert_eq!(room.counters.chunks_dropped(), 1);
}

#[test]
fn p10_a_folder_without_a_free_number_costs_its_own_track_alone() {
    let mut room = Room::new(0);
    let full = (room.run, "screen".parse().unwrap());
    room.writer
        .admit(full.clone(), PathBuf::from("/spool/screen"), u32::MAX);
    let chunk = Chunk {
        source: full.1,
        ..room.chunk(0)
    };
    room.writer.append(&chunk, room.start).unwrap();
    let told = room.writer.take();
    assert!(
        matches!(&told[..], [Output::Event(SpoolEvent::WriteFailed { message, .. })]
            if message.starts_with("/spool/screen could not be made: a file there has the last number")),
        "{told:?}"
    );
    room.write(0).unwrap();
    assert!(
        matches!(
            room.writer.take()[..],
            [Output::Event(SpoolEvent::FirstChunk { .. })]
        ),
        "the other track goes on"
    );
}
