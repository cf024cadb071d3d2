//! Finishing: the segments of a lecture become one plain MP4 for the platforms, one file for each
//! track, and a manifest. Nothing is encoded again.
//!
//! ```text
//! segments ─ scan ─► tracks ─ timeline ─► cut, sound ─► layout ─► copy ─► package
//!            (boxes)  (one clock)  (what is kept)  (tables)  (order)  (bytes)  (fsync, rename)
//! ```
//!
//! A blocking library for one thread of the daemon. It must not know the database, a runtime,
//! GStreamer or a platform; it takes a [`Job`] and answers [`Finished`]. Segments are only read.
//! What they hold may be damaged in any way: that costs what is damaged, and is told in
//! [`Finished::notes`].

mod copy;
mod cut;
mod error;
mod gaps;
mod job;
mod layout;
mod manifest;
mod mp4;
mod package;
mod scan;
mod sound;
mod timeline;
mod track;

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use lectern_domain::config::Picture;
use lectern_domain::finished::{FileRole, FinishedFile};
use lectern_domain::ids::RunNumber;
use lectern_domain::media::Role;

pub use error::{Class, FinishError};
pub use job::{Finished, Job, Note, Progress, RunInput, SegmentInput, TrackInput};

use crate::copy::writer::Output;
use crate::cut::Finish;
use crate::layout::Chunk;
use crate::mp4::init::Kind;
use crate::mp4::moov::{self, Tags, TrackIndex};
use crate::package::Package;
use crate::track::Track;

/// Finishes a lecture: writes `finished/` in its folder, durably, replacing what an earlier
/// attempt left there.
///
/// Blocking, for about as long as copying the files takes; reads and writes on the calling
/// thread and hashes on two threads that it starts and joins. `progress` is called every few
/// megabytes on the calling thread; it may block (while a lecture is being recorded), and
/// [`ControlFlow::Break`] stops the work and leaves nothing behind.
///
/// # Errors
/// See [`FinishError`]; the segments are untouched, and calling again starts from the beginning.
pub fn finish(
    job: &Job,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Finished, FinishError> {
    let mut package = Package::open(&job.lecture_dir)?;
    let mut notes = Vec::new();
    let runs = all_runs(job);
    let numbers: Vec<RunNumber> = runs.iter().map(|run| run.run).collect();
    let loaded: Vec<Track<'_>> = job
        .tracks
        .iter()
        .filter_map(|input| track::load(job, input, &numbers, &mut notes))
        .collect();
    let timeline = timeline::plan(&runs, &loaded);

    let mut tracks = Vec::new();
    let mut finishes = Vec::new();
    for track in loaded {
        let finish = match track.kind {
            Kind::Video => cut::pictures(&track, &timeline),
            Kind::Sound => sound::sound(&track, &timeline).map(|(finish, unfilled)| {
                if unfilled {
                    notes.push(Note::HolesNotFilled {
                        source_name: track.input.source.clone(),
                    });
                }
                finish
            }),
        };
        match finish {
            Some(finish) => {
                finishes.push(finish);
                tracks.push(track);
            }
            None => notes.push(Note::NoData {
                source_name: track.input.source.clone(),
            }),
        }
    }
    if tracks.is_empty() {
        return Err(FinishError::NothingRecorded {
            lecture_dir: job.lecture_dir.clone(),
        });
    }

    let chunks = layout::interleave(&finishes);
    let plans = files(job, &tracks, &mut notes);
    let mut outputs = Vec::new();
    for plan in &plans {
        let head = head(job, &tracks, &finishes, &chunks, &plan.tracks);
        let media_bytes = chunks_of(&chunks, &plan.tracks).map(|chunk| chunk.bytes).sum();
        let (file, path) = package.create(&plan.name, head.len() as u64 + media_bytes)?;
        outputs.push(Output {
            file,
            path,
            head,
            media_bytes,
            tracks: plan.tracks.clone(),
        });
    }
    let digests = copy::copy(job, &tracks, &finishes, &chunks, &outputs, &mut notes, progress)?;

    let mut files = Vec::new();
    for ((plan, output), sha256) in plans.iter().zip(&outputs).zip(digests) {
        package::sync(&output.file, &output.path, output.total_bytes())?;
        mp4::verify::verify(&output.file, output.tracks.len()).map_err(|why| FinishError::Check {
            path: output.path.clone(),
            why: why.to_string(),
        })?;
        files.push(FinishedFile {
            name: plan.name.clone(),
            role: plan.role.clone(),
            size_bytes: output.total_bytes(),
            sha256,
            duration_ms: Some(duration_ms(&finishes, &plan.tracks)),
            content_type: plan.content_type.to_owned(),
        });
    }
    let duration_ms = files.first().and_then(|file| file.duration_ms).unwrap_or(0);
    let gaps: Vec<_> = tracks
        .iter()
        .map(|track| (track.input, gaps::gaps(track, &timeline)))
        .collect();
    manifest::add(&mut package, job, &timeline, &gaps, duration_ms, &mut files)?;
    package.publish()?;
    Ok(Finished {
        files,
        duration_ms,
        notes,
    })
}

/// The runs in order, with those that only segments name.
fn all_runs(job: &Job) -> Vec<RunInput> {
    let segments = job.tracks.iter().flat_map(|track| &track.segments);
    let mut runs: BTreeMap<RunNumber, RunInput> = segments
        .map(|segment| {
            (
                segment.run,
                RunInput {
                    run: segment.run,
                    end_ns: None,
                    pauses: Vec::new(),
                },
            )
        })
        .collect();
    runs.extend(job.runs.iter().map(|run| (run.run, run.clone())));
    runs.into_values().collect()
}

/// A file to write.
struct Plan {
    name: String,
    role: FileRole,
    content_type: &'static str,
    /// Indexes of its tracks.
    tracks: Vec<usize>,
}

fn files(job: &Job, tracks: &[Track<'_>], notes: &mut Vec<Note>) -> Vec<Plan> {
    let first = |role: Role| tracks.iter().position(|track| track.input.role == role);
    let picture = match job.picture {
        Picture::Presentation => first(Role::Presentation).or_else(|| first(Role::Presenter)),
        Picture::Presenter => first(Role::Presenter).or_else(|| first(Role::Presentation)),
    };
    let sound = first(Role::Microphone);
    if picture.is_none() {
        notes.push(Note::NoPicture);
    }
    if sound.is_none() {
        notes.push(Note::NoSound);
    }
    let lecture = Plan {
        name: "lecture.mp4".to_owned(),
        role: FileRole::Lecture,
        content_type: if picture.is_some() {
            "video/mp4"
        } else {
            "audio/mp4"
        },
        tracks: picture.into_iter().chain(sound).collect(),
    };
    let single = tracks.iter().enumerate().map(|(index, track)| {
        let (extension, content_type) = match track.kind {
            Kind::Video => ("mp4", "video/mp4"),
            Kind::Sound => ("m4a", "audio/mp4"),
        };
        let source = track.input.source.clone();
        let mut name = format!("{source}.{extension}");
        if name == lecture.name {
            // A source may be called "lecture"; no source's name holds a dot.
            name = format!("{source}.track.{extension}");
        }
        Plan {
            name,
            role: FileRole::Track {
                source,
                role: track.input.role,
            },
            content_type,
            tracks: vec![index],
        }
    });
    let single: Vec<Plan> = single.collect();
    std::iter::once(lecture).chain(single).collect()
}

fn chunks_of<'a>(chunks: &'a [Chunk], tracks: &'a [usize]) -> impl Iterator<Item = &'a Chunk> {
    chunks.iter().filter(|chunk| tracks.contains(&chunk.track))
}

fn head(
    job: &Job,
    tracks: &[Track<'_>],
    finishes: &[Finish],
    chunks: &[Chunk],
    members: &[usize],
) -> Vec<u8> {
    let mut index: Vec<(usize, TrackIndex<'_>)> = Vec::new();
    for member in members {
        if let (Some(finish), Some(track)) = (finishes.get(*member), tracks.get(*member)) {
            let name = track.input.source.as_str();
            index.push((
                *member,
                TrackIndex {
                    finish,
                    name,
                    chunks: Vec::new(),
                },
            ));
        }
    }
    let mut media_bytes = 0;
    for chunk in chunks_of(chunks, members) {
        if let Some((_, track)) = index.iter_mut().find(|(member, _)| *member == chunk.track) {
            track.chunks.push((chunk, media_bytes));
        }
        media_bytes += chunk.bytes;
    }
    let index: Vec<TrackIndex<'_>> = index.into_iter().map(|(_, track)| track).collect();
    let tags = Tags {
        title: job.title.as_deref(),
        started_unix_ms: job.started_unix_ms,
    };
    moov::head(&index, &tags, media_bytes)
}

fn duration_ms(finishes: &[Finish], members: &[usize]) -> u64 {
    let ends = members.iter().filter_map(|member| finishes.get(*member));
    let ms = ends
        .map(|finish| finish.end * 1_000 / i64::from(finish.timescale).max(1))
        .max();
    ms.and_then(|ms| u64::try_from(ms).ok()).unwrap_or(0)
}
