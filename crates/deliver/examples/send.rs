//! Sends one file to a tus server and measures it:
//! `send URL FILE [--ca FILE] [--token-file FILE] [--rate RATE] [--yield] [--proxy URL] [--log]`.
//!
//! Prints how long it took, the processor time of this process for each GiB, its largest memory,
//! and the outcome. The journal prints commits instead of keeping them: this is for measuring, a
//! restart of it begins a new upload. `--log` tells each change of pace on standard error.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Instant;

use async_trait::async_trait;
use lectern_deliver::{Courier, Journal, JournalError, Line, LineRules, Outcome, Secrets, connect};
use lectern_domain::config::{Credential, Platform, PlatformKind, Send};
use lectern_domain::delivery::{Commit, DeliveryFile, DeliveryJob, FilePhase, Turn};
use lectern_domain::finished::{FileRole, PART_BYTES};
use lectern_domain::ids::{DeliveryId, LectureId};
use nix::sys::resource::{UsageWho, getrusage};
use sha2::{Digest, Sha256};
use tokio::sync::watch;

const USAGE: &str = "usage: send URL FILE [--ca FILE] [--token-file FILE] [--rate RATE] [--yield] [--proxy URL] \
                     [--log]";

/// Prints what was to be kept.
struct Printed;

#[async_trait]
impl Journal for Printed {
    async fn commit(&self, _delivery: DeliveryId, commit: Commit) -> Result<(), JournalError> {
        let said = match commit {
            Commit::State { state } => format!("state {state}"),
            // Phases hold the upload's address, which is a capability.
            Commit::File { name, .. } => format!("{name} entered its next phase"),
            Commit::Receipt { name, evidence, .. } => format!("receipt for {name}: {evidence}"),
            Commit::Waiting { why, .. } | Commit::Parked { why } => why,
            Commit::Deferred { why } => why.unwrap_or_else(|| "its turn is over".to_owned()),
        };
        println!("commit: {said}");
        Ok(())
    }
}

/// What the command line asks for.
struct Wish {
    url: String,
    path: PathBuf,
    ca_file: Option<PathBuf>,
    credential: Option<Credential>,
    rules: LineRules,
    log: bool,
}

impl Wish {
    fn read(mut args: impl Iterator<Item = String>) -> Result<Self, Box<dyn std::error::Error>> {
        let mut wish = Self {
            url: args.next().ok_or(USAGE)?,
            path: args.next().ok_or(USAGE)?.into(),
            ca_file: None,
            credential: None,
            rules: LineRules::default(),
            log: false,
        };
        while let Some(flag) = args.next() {
            let mut value = || args.next().ok_or(USAGE);
            match flag.as_str() {
                "--ca" => wish.ca_file = Some(value()?.into()),
                "--token-file" => wish.credential = Some(Credential::File(value()?.into())),
                "--rate" => wish.rules.rate = Some(value()?.parse()?),
                "--proxy" => wish.rules.proxy = Some(value()?),
                "--yield" => wish.rules.yields = true,
                "--log" => wish.log = true,
                _ => return Err(USAGE.into()),
            }
        }
        Ok(wish)
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let wish = Wish::read(std::env::args().skip(1))?;
    if wish.log {
        tracing_subscriber::fmt()
            .with_max_level(tracing::Level::DEBUG)
            .with_writer(std::io::stderr)
            .init();
    }
    let file = described(&wish.path)?;
    let size = file.size_bytes;
    let platform = Platform {
        name: "measured".parse()?,
        kind: PlatformKind::Tus {
            url: wish.url,
            receipt_url: None,
        },
        send: vec![Send::Lecture],
        credential: wish.credential,
        ca_file: wish.ca_file,
    };
    let job = DeliveryJob {
        id: DeliveryId(1),
        lecture: LectureId::random(),
        folder: "measured".to_owned(),
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
    };
    let line = Line::new(wish.rules, Vec::new());
    let (_going, stop) = watch::channel(false);
    let (before, begun) = (processor_s()?, Instant::now());
    let adapter = connect(&platform, Secrets::from_env(), &line);
    let outcome = Courier::default()
        .run(job, &adapter, &Printed, &|_| {}, stop)
        .await?;
    let (took, cpu) = (begun.elapsed().as_secs_f64(), processor_s()? - before);
    let gib = size as f64 / f64::from(1u32 << 30);
    let largest_mib = getrusage(UsageWho::RUSAGE_SELF)?.max_rss() / 1024;
    println!(
        "{size} bytes in {took:.2} s, {:.1} MiB/s, {:.2} CPU s/GiB, largest memory {largest_mib} MiB, {} bytes left",
        gib * 1024.0 / took,
        cpu / gib,
        line.sent_bytes(),
    );
    if outcome == Outcome::Done {
        Ok(())
    } else {
        Err(format!("{outcome:?}").into())
    }
}

fn described(path: &Path) -> Result<DeliveryFile, Box<dyn std::error::Error>> {
    Ok(DeliveryFile {
        name: path
            .file_name()
            .ok_or("FILE must name a file")?
            .to_string_lossy()
            .into_owned(),
        path: path.to_owned(),
        role: FileRole::Lecture,
        size_bytes: std::fs::metadata(path)?.len(),
        sha256: lectern_testkit::sha256_of_file(path)?,
        parts: parts(path)?,
        duration_ms: None,
        content_type: "video/mp4".to_owned(),
        phase: FilePhase::Pending,
    })
}

/// The hashes that finishing a lecture leaves with it.
fn parts(path: &Path) -> std::io::Result<Vec<String>> {
    let mut file = std::fs::File::open(path)?;
    let mut hashes = Vec::new();
    loop {
        let mut part = Vec::new();
        if file.by_ref().take(PART_BYTES).read_to_end(&mut part)? == 0 {
            return Ok(hashes);
        }
        hashes.push(
            Sha256::digest(&part)
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect(),
        );
    }
}

/// User and system time of this process so far, in seconds.
fn processor_s() -> nix::Result<f64> {
    let used = getrusage(UsageWho::RUSAGE_SELF)?;
    let seconds = |time: nix::sys::time::TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    Ok(seconds(used.user_time()) + seconds(used.system_time()))
}
