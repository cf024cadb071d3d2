//! `lecture.json` and `SHA256SUMS`: what the media files are, and how to tell that they are whole.

use lectern_domain::finished::{FileRole, FinishedFile};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::copy::hex;
use crate::error::FinishError;
use crate::job::{Job, TrackInput};
use crate::package::Package;
use crate::timeline::Timeline;

/// Writes both files into the package and adds them to `files`, which holds the media files.
pub(crate) fn add(
    package: &mut Package,
    job: &Job,
    timeline: &Timeline,
    gaps: &[(&TrackInput, Vec<(i64, i64)>)],
    duration_ms: u64,
    files: &mut Vec<FinishedFile>,
) -> Result<(), FinishError> {
    let mut text = document(job, timeline, gaps, duration_ms, files).to_string();
    text.push('\n');
    add_text(
        package,
        "lecture.json",
        FileRole::Metadata,
        "application/json",
        &text,
        files,
    )?;
    // The form of sha256sum; names here need no escaping.
    let sums: String = files
        .iter()
        .map(|file| format!("{}  {}\n", file.sha256, file.name))
        .collect();
    add_text(
        package,
        "SHA256SUMS",
        FileRole::Checksums,
        "text/plain",
        &sums,
        files,
    )
}

fn add_text(
    package: &mut Package,
    name: &str,
    role: FileRole,
    content_type: &str,
    text: &str,
    files: &mut Vec<FinishedFile>,
) -> Result<(), FinishError> {
    package.write(name, text.as_bytes())?;
    files.push(FinishedFile {
        name: name.to_owned(),
        role,
        size_bytes: text.len() as u64,
        sha256: hex(Sha256::new_with_prefix(text)),
        duration_ms: None,
        content_type: content_type.to_owned(),
    });
    Ok(())
}

fn document(
    job: &Job,
    timeline: &Timeline,
    gaps: &[(&TrackInput, Vec<(i64, i64)>)],
    duration_ms: u64,
    files: &[FinishedFile],
) -> Value {
    let ms = |ns: i64| ns / 1_000_000;
    let mut document = match &job.metadata {
        Value::Object(known) => known.clone(),
        other => serde_json::Map::from_iter([("metadata".to_owned(), other.clone())]),
    };
    let gaps: Vec<Value> = gaps
        .iter()
        .flat_map(|(track, holes)| {
            holes
                .iter()
                .map(|(from, to)| json!({"source": track.source, "from_ms": ms(*from), "to_ms": ms(*to)}))
        })
        .collect();
    let pauses: Vec<Value> = timeline
        .pauses
        .iter()
        .map(|(at, cut)| json!({"at_ms": ms(*at), "cut_ms": ms(*cut)}))
        .collect();
    let runs: Vec<Value> = timeline
        .runs
        .iter()
        .map(|(run, from, to)| json!({"run": run, "from_ms": ms(*from), "to_ms": ms(*to)}))
        .collect();
    document.extend([
        ("duration_ms".to_owned(), json!(duration_ms)),
        ("files".to_owned(), json!(files)),
        ("runs".to_owned(), json!(runs)),
        ("pauses".to_owned(), json!(pauses)),
        ("gaps".to_owned(), json!(gaps)),
    ]);
    Value::Object(document)
}
