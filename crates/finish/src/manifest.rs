//! `lecture.json` and `SHA256SUMS`: what the media files are, and how to tell that they are whole.

use lectern_domain::finished::{FileRole, FinishedFile};
use serde_json::{Value, json};

use crate::copy::parts::Parted;
use crate::error::FinishError;
use crate::job::{Job, RunInput, TrackInput};
use crate::mp4::chapters::Chapter;
use crate::outage::Outage;
use crate::package::Package;
use crate::timeline::Timeline;

/// What `lecture.json` tells of the lecture beside its files. Times in nanoseconds of the lecture.
pub(crate) struct Story<'a> {
    pub(crate) timeline: &'a Timeline,
    pub(crate) runs: &'a [RunInput],
    pub(crate) outages: &'a [Outage],
    pub(crate) chapters: &'a [Chapter],
    pub(crate) tracks: Vec<TrackStory<'a>>,
}

/// The same for one track.
pub(crate) struct TrackStory<'a> {
    pub(crate) input: &'a TrackInput,
    /// Where nothing was recorded.
    pub(crate) holes: Vec<(i64, i64)>,
    /// Where its spare stands in.
    pub(crate) filled: Vec<(i64, i64)>,
}

/// Writes both files into the package and adds them to `files`, which holds the media files.
pub(crate) fn add(
    package: &mut Package,
    job: &Job,
    story: &Story<'_>,
    duration_ms: u64,
    files: &mut Vec<FinishedFile>,
) -> Result<(), FinishError> {
    let mut text = document(job, story, duration_ms, files).to_string();
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
    let digests = Parted::of(text.as_bytes());
    files.push(FinishedFile {
        name: name.to_owned(),
        role,
        size_bytes: text.len() as u64,
        sha256: digests.whole,
        parts: digests.parts,
        duration_ms: None,
        content_type: content_type.to_owned(),
    });
    Ok(())
}

fn document(job: &Job, story: &Story<'_>, duration_ms: u64, files: &[FinishedFile]) -> Value {
    let mut document = match &job.metadata {
        Value::Object(known) => known.clone(),
        other => serde_json::Map::from_iter([("metadata".to_owned(), other.clone())]),
    };
    let pauses = story.timeline.pauses.iter();
    let pauses: Vec<Value> = pauses
        .map(|(at, cut)| json!({"at_ms": ms(*at), "cut_ms": ms(*cut)}))
        .collect();
    // Hashes of parts are for who sends the files; who receives them has SHA256SUMS.
    let files: Vec<FinishedFile> = files
        .iter()
        .map(|file| FinishedFile {
            parts: Vec::new(),
            ..file.clone()
        })
        .collect();
    let runs = story.timeline.runs.iter().map(|(number, from, to)| {
        let known = story.runs.iter().find(|run| run.run == *number);
        json!({
            "run": number, "from_ms": ms(*from), "to_ms": ms(*to),
            "started_unix_ms": known.and_then(|run| run.started_unix_ms),
            "clock": known.map(|run| run.clock),
        })
    });
    let chapters = story.chapters.iter();
    let chapters: Vec<Value> = chapters
        .map(|chapter| json!({"start_ms": chapter.start_ms, "title": chapter.title}))
        .collect();
    document.extend([
        ("duration_ms".to_owned(), json!(duration_ms)),
        ("files".to_owned(), json!(files)),
        ("runs".to_owned(), runs.collect()),
        ("pauses".to_owned(), json!(pauses)),
        ("gaps".to_owned(), gaps(story)),
        ("chapters".to_owned(), json!(chapters)),
        ("facts".to_owned(), facts(job, story)),
        ("tracks".to_owned(), story.tracks.iter().map(track).collect()),
    ]);
    Value::Object(document)
}

fn ms(ns: i64) -> i64 {
    ns / 1_000_000
}

/// What is missing, in the order of time: of all tracks between two runs, of one within a run.
fn gaps(story: &Story<'_>) -> Value {
    let outages = story.outages.iter().map(|outage| {
        (
            outage.from_ns,
            json!({
                "what": "outage", "from_ms": ms(outage.from_ns), "to_ms": ms(outage.to_ns),
                "length_ms": outage.length_ms,
                "from_unix_ms": outage.wall_ms.map(|(from, _)| from),
                "to_unix_ms": outage.wall_ms.map(|(_, to)| to),
            }),
        )
    });
    let holes = story.tracks.iter().flat_map(|track| {
        let holes = track.holes.iter();
        holes.map(|(from, to)| {
            let source = &track.input.source;
            let gap = json!({"what": "source", "source": source, "from_ms": ms(*from), "to_ms": ms(*to)});
            (*from, gap)
        })
    });
    let mut all: Vec<(i64, Value)> = outages.chain(holes).collect();
    all.sort_by_key(|(at, _)| *at);
    all.into_iter().map(|(_, gap)| gap).collect()
}

fn facts(job: &Job, story: &Story<'_>) -> Value {
    let facts = job.facts.iter().map(|fact| {
        let run = story.runs.iter().position(|run| run.run == fact.run);
        let at_ns = i64::try_from(fact.at_ns).unwrap_or(i64::MAX);
        json!({
            "run": fact.run,
            "at_ms": run.and_then(|run| story.timeline.place(run, at_ns)).map(ms),
            "source": fact.source, "what": fact.what, "detail": fact.detail,
        })
    });
    facts.collect()
}

/// How much of a track is there, for those who judge a recording without watching it.
fn track(track: &TrackStory<'_>) -> Value {
    let span = |(from, to): &(i64, i64)| json!({"from_ms": ms(*from), "to_ms": ms(*to)});
    let missing: i64 = track.holes.iter().map(|(from, to)| to - from).sum();
    json!({
        "source": track.input.source, "role": track.input.role, "spare_for": track.input.spare_for,
        "holes": track.holes.iter().map(span).collect::<Value>(),
        "missing_ms": ms(missing),
        "filled_by_spare": track.filled.iter().map(span).collect::<Value>(),
    })
}
