//! A hundred rooms send a lecture each to one S3 store, by the real sender, and a strict store
//! counts: `fleet ROOMS MIB SECONDS`.
//!
//! Every room begins at its own share of `upload.stagger = SECONDS`, reckoned by the timetable
//! that the daemon uses; its line, journal and adapter are its own. Nothing but the disk and the
//! processor is shared. One JSON object at the end; exit 1 unless every object is whole, made
//! once, and no byte was sent twice.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use jiff::tz::TimeZone;
use lectern_deliver::{Courier, Journal, JournalError, Line, LineRules, Outcome, Secrets, connect};
use lectern_domain::config::{Checksum, Credential, Platform, PlatformKind, Send};
use lectern_domain::delivery::{Commit, DeliveryFile, DeliveryJob, FilePhase, Turn};
use lectern_domain::finished::{FileRole, PART_BYTES};
use lectern_domain::ids::{DeliveryId, LectureId, RoomId};
use lectern_domain::units::Span;
use lectern_domain::upload::{Hours, Timetable, Upload};
use lectern_testkit::{S3Judge, S3Rules};
use sha2::{Digest, Sha256};
use tokio::sync::watch;
use tokio::task::JoinSet;

const USAGE: &str = "usage: fleet ROOMS MIB SECONDS";

/// Takes every commit: nobody is killed here, so nothing is read again.
struct Forgetful;

#[async_trait]
impl Journal for Forgetful {
    async fn commit(&self, _delivery: DeliveryId, _commit: Commit) -> Result<(), JournalError> {
        Ok(())
    }
}

/// How long after the window opens this room begins.
fn delay(room: &RoomId, stagger: Duration) -> Result<Duration, Box<dyn std::error::Error>> {
    let upload = Upload {
        window: vec!["22:00-06:00".parse()?],
        stagger: Span(u64::try_from(stagger.as_millis())?),
        ..Upload::default()
    };
    let opens: jiff::Timestamp = "2026-11-23T22:00:00Z".parse()?;
    let opens = opens.as_millisecond();
    let begins = match Timetable::new(&upload, room, TimeZone::UTC).at(opens - 1) {
        Hours::Closed { until_unix_ms } => until_unix_ms,
        Hours::Open { .. } => opens,
    };
    Ok(Duration::from_millis(u64::try_from(begins - opens)?))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A lecture of this size, unlike every other, and the hashes that finishing one leaves with it.
fn lecture(path: &Path, bytes: u64, seed: u64) -> Result<DeliveryFile, Box<dyn std::error::Error>> {
    let sha256 = lectern_testkit::noise_file(path, bytes, seed)?;
    let content = std::fs::read(path)?;
    let parts = content.chunks(usize::try_from(PART_BYTES)?);
    Ok(DeliveryFile {
        name: "lecture.mp4".to_owned(),
        path: path.to_owned(),
        role: FileRole::Lecture,
        size_bytes: bytes,
        sha256,
        parts: parts.map(|part| hex(&Sha256::digest(part))).collect(),
        duration_ms: None,
        content_type: "video/mp4".to_owned(),
        phase: FilePhase::Pending,
    })
}

fn job(room: &RoomId, platform: &Platform, file: DeliveryFile) -> DeliveryJob {
    DeliveryJob {
        id: DeliveryId(1),
        lecture: LectureId::random(),
        folder: format!("2026-11-23T1000_{room}"),
        title: String::new(),
        course: None,
        presenter: None,
        language: None,
        started_unix_ms: 0,
        duration_ms: 0,
        platform: platform.name.clone(),
        attempts: 0,
        turn: Turn::All,
        files: vec![file],
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let numbers: Result<Vec<u64>, _> = std::env::args().skip(1).map(|word| word.parse()).collect();
    let [rooms, mib, seconds] = numbers?[..] else {
        return Err(USAGE.into());
    };
    let (dir, store) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let judge = S3Judge::start(store.path(), S3Rules::default()).await?;
    let rules = judge.rules();
    let keys = dir.path().join("keys");
    std::fs::write(&keys, format!("{}:{}", rules.access, rules.secret))?;
    std::fs::set_permissions(&keys, std::fs::Permissions::from_mode(0o600))?;
    let (at_once, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let mut sending = JoinSet::new();
    let mut sent = Vec::new();
    for number in 0..rooms {
        let room: RoomId = format!("room-{number:03}").parse()?;
        let platform = Platform {
            name: "central".parse()?,
            kind: PlatformKind::S3 {
                url: judge.url(),
                bucket: rules.bucket.clone(),
                region: rules.region.clone(),
                prefix: format!("{room}/"),
                path_style: true,
                checksum: Checksum::Auto,
            },
            send: vec![Send::Lecture],
            credential: Some(Credential::File(keys.clone())),
            ca_file: None,
        };
        let file = lecture(&dir.path().join(room.as_str()), mib << 20, number)?;
        sent.push(file.sha256.clone());
        let wait = delay(&room, Duration::from_secs(seconds))?;
        let (job, at_once, most) = (
            job(&room, &platform, file),
            Arc::clone(&at_once),
            Arc::clone(&most),
        );
        sending.spawn(async move {
            tokio::time::sleep(wait).await;
            most.fetch_max(at_once.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
            let line = Line::new(LineRules::default(), Vec::new());
            let adapter = connect(&platform, Secrets::from_env(), &line);
            let (_going, stop) = watch::channel(false);
            let begun = Instant::now();
            let outcome = Courier::default()
                .run(job, &adapter, &Forgetful, &|_| {}, stop)
                .await;
            at_once.fetch_sub(1, Ordering::Relaxed);
            (outcome, begun.elapsed())
        });
    }
    let begun = Instant::now();
    let mut took = Vec::new();
    while let Some(ended) = sending.join_next().await {
        match ended? {
            (Ok(Outcome::Done), elapsed) => took.push(elapsed.as_secs_f64()),
            (outcome, _) => eprintln!("a room did not deliver: {outcome:?}"),
        }
    }
    took.sort_by(f64::total_cmp);
    let objects = judge.objects();
    let whole = objects
        .iter()
        .filter(|object| sent.contains(&object.sha256))
        .count();
    let again = objects
        .iter()
        .filter(|object| object.written > 1 || object.received > object.size)
        .count();
    let breaches = judge.breaches();
    let median_s = took.get(took.len() / 2).copied().unwrap_or_default();
    println!(
        "{{\"rooms\": {rooms}, \"mib_each\": {mib}, \"stagger_s\": {seconds}, \"delivered\": {}, \
         \"objects_whole\": {whole}, \"objects\": {}, \"sent_twice\": {again}, \"breaches\": {}, \
         \"open_uploads\": {}, \"most_at_once\": {}, \"median_s\": {median_s:.2}, \"all_s\": {:.1}}}",
        took.len(),
        objects.len(),
        breaches.len(),
        judge.open_uploads().len(),
        most.load(Ordering::Relaxed),
        begun.elapsed().as_secs_f64(),
    );
    let expected = usize::try_from(rooms)?;
    let figure = serde_json::json!({
        "what": "lectures that are whole in one store, each sent once",
        "ours": whole - again.min(whole),
        "unit": "lectures",
        "of": format!("{rooms} rooms within {seconds} s"),
        "beside": [["rooms", rooms]],
    });
    println!("figure {figure}");
    if (whole, objects.len(), again, breaches.len()) == (expected, expected, 0, 0) {
        Ok(())
    } else {
        Err(format!("not each lecture once: {breaches:?}").into())
    }
}
