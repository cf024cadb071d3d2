//! Fills a spool with finished lectures that wait to be sent, for the tests of delivery.
//!
//! `backlog CONFIG LECTURES BYTES`: through the store's own doors, so that the rows are those of
//! a recorder, and with noise in the files, which no platform looks into. Prints a line for each
//! file: lecture id, name, SHA-256.

use std::error::Error;
use std::path::Path;

use lectern_domain::api::{ClockTrust, Metadata};
use lectern_domain::config::{Config, ConfigFile};
use lectern_domain::finished::{FileRole, FinishedFile, PART_BYTES};
use lectern_domain::ids::{LectureId, RunId, RunNumber};
use lectern_domain::lecture::LectureState as S;
use lectern_domain::media::Role;
use lectern_store::{Db, NewDelivery, NewLecture, NewTrack, Options, RowChange, Spool};
use lectern_testkit::noise_file;
use sha2::{Digest, Sha256};

/// Titles as they come, one script after the other; the last is as long and as odd as one may be.
const TITLES: [&str; 6] = [
    "Linear algebra",
    "Ondes et vibrations : l'énergie",
    "线性代数",
    "Линейная алгебра",
    "الجبر الخطي",
    "<b>\"Q&A\"</b> 'x' %2F \\ 👩🏽‍🏫",
];
/// A Monday in term, and the distance of two lectures.
const FIRST_UNIX_MS: i64 = 1_790_000_000_000;
const APART_MS: i64 = 5_400_000;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let usage = "usage: backlog CONFIG LECTURES BYTES";
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [config, lectures, bytes] = args.as_slice() else {
        return Err(usage.into());
    };
    let text = std::fs::read_to_string(config)?;
    let config = Config::read(
        &[ConfigFile {
            name: config.clone(),
            text,
        }],
        &[],
    )?;
    let (lectures, bytes): (u64, u64) = (lectures.parse()?, bytes.parse()?);
    let options = Options {
        path: config.storage.path.clone(),
        room: config.room.id.clone(),
        timezone: config.room.timezone.clone(),
        reserve: config.storage.reserve,
        sync_every: config.storage.sync_every,
        segment: config.storage.segment,
    };
    let (store, _events) = lectern_store::open(&options, FIRST_UNIX_MS)?;
    for number in 0..lectures {
        one(&store.db(), &store.spool(), &config, number, bytes).await?;
    }
    store.close();
    Ok(())
}

async fn one(db: &Db, spool: &Spool, config: &Config, number: u64, bytes: u64) -> Result<(), Box<dyn Error>> {
    let id = LectureId::random();
    let started_unix_ms = FIRST_UNIX_MS + APART_MS * i64::try_from(number)?;
    let title = TITLES[usize::try_from(number)? % TITLES.len()];
    let folder = db
        .create_lecture(NewLecture {
            id,
            metadata: Metadata {
                title: Some(format!("{title} {number}")),
                course: Some(format!("Course {}", number % 18)),
                presenter: Some("Ngozi Okafor".to_owned()),
                language: Some("en".to_owned()),
            },
            started_unix_ms,
            planned_end_unix_ms: started_unix_ms + 3_600_000,
            tracks: vec![NewTrack {
                source: "microphone".parse()?,
                role: Role::Microphone,
                kind: "test-audio".to_owned(),
                spare_for: None,
            }],
        })
        .await?;
    let run = RunId {
        lecture: id,
        run: RunNumber(1),
    };
    let begin = RowChange::OpenRun {
        run,
        base_mono_ns: 0,
        started_unix_ms,
        clock: ClockTrust::Trusted,
    };
    let end = RowChange::EndAt {
        run,
        end_ns: Some(1_000_000_000),
    };
    db.step(id, S::Armed, S::Recording, None, vec![begin]).await?;
    db.step(id, S::Recording, S::Stopping, None, vec![end]).await?;
    spool.end_run(run).await?;
    db.step(id, S::Stopping, S::Captured, None, Vec::new()).await?;
    db.set_state(id, S::Captured, S::Finishing, None).await?;
    let finished = config.storage.path.join("lectures").join(folder).join("finished");
    let sound = FileRole::Track {
        source: "microphone".parse()?,
        role: Role::Microphone,
    };
    let files = [
        ("lecture.mp4", FileRole::Lecture, "video/mp4", bytes),
        ("microphone.m4a", sound, "audio/mp4", bytes / 8),
        ("lecture.json", FileRole::Metadata, "application/json", 900),
    ];
    let mut entered = Vec::new();
    for (place, (name, role, content_type, size_bytes)) in files.into_iter().enumerate() {
        let path = finished.join(name);
        let sha256 = noise_file(&path, size_bytes, number * 16 + place as u64)?;
        println!("{id} {name} {sha256}");
        entered.push(FinishedFile {
            name: name.to_owned(),
            role,
            size_bytes,
            sha256,
            parts: parts(&path)?,
            duration_ms: Some(1_000),
            content_type: content_type.to_owned(),
        });
    }
    let deliveries = config
        .platforms
        .iter()
        .map(|platform| NewDelivery {
            platform: platform.name.clone(),
            send: platform.send.clone(),
        })
        .collect();
    db.finished(id, entered, 1_000, deliveries).await?;
    Ok(())
}

/// The hash of each part, as finishing takes it.
fn parts(path: &Path) -> std::io::Result<Vec<String>> {
    let bytes = std::fs::read(path)?;
    let length = usize::try_from(PART_BYTES).unwrap_or(usize::MAX);
    Ok(bytes
        .chunks(length)
        .map(|part| hex(&Sha256::digest(part)))
        .collect())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
