//! Finishing: the segments of a lecture become one plain MP4 for the platforms, one file for each
//! track, and a manifest. Nothing that was recorded is encoded again, but sound of another layout.
//!
//! ```text
//! segments ─ scan ─► tracks ─ timeline ─► cut, sound ─► layout ─► copy ─► package
//!            (boxes)  (one clock)  (what is kept)  (tables)  (order)  (bytes)  (fsync, rename)
//!                       └ spare ─► captions ─► studio ─► lectern-source --render
//! ```
//!
//! A blocking library for one thread of the daemon. It must not know the database, a runtime,
//! GStreamer or a platform; it takes a [`Job`] and answers [`Finished`]. Where a track has nothing,
//! a small program of its own is asked for a picture that says so; if that fails, the lecture is
//! finished without. Segments are only read.
//! What they hold may be damaged in any way: that costs what is damaged, and is told in
//! [`Finished::notes`].

mod captions;
mod copy;
mod cut;
mod error;
mod extract;
mod files;
#[doc(hidden)]
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzz;
mod gaps;
mod job;
mod layout;
mod manifest;
mod mp4;
mod outage;
mod output;
mod package;
mod scan;
mod sound;
mod spare;
mod story;
mod studio;
mod timeline;
mod track;
mod unlike;
mod words;

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use lectern_domain::finished::FinishedFile;
use lectern_domain::ids::RunNumber;

pub use error::FinishError;
pub use job::{Finished, Job, MarkInput, Note, Progress, RunInput, SegmentInput, TrackInput};

use crate::captions::Captions;
use crate::cut::Finish;
use crate::files::Files;
use crate::manifest::{Story, TrackStory};
use crate::mp4::init::Kind;
use crate::package::Package;
use crate::studio::Studio;
use crate::timeline::Timeline;
use crate::track::Track;
use crate::words::Words;

/// How long the card between two runs is shown, if the room wants one.
const CARD_NS: i64 = 2_000_000_000;

/// Finishes a lecture: writes `finished/` in its folder, durably, replacing what an earlier
/// attempt left there.
///
/// Blocking, for about as long as copying the files takes, and a second for each caption; reads
/// and writes on the calling thread, hashes on two threads that it starts and joins, and renders
/// in a process that it starts and waits for. `progress` is called every few megabytes on the
/// calling thread; it may block (while a lecture is being recorded), and [`ControlFlow::Break`]
/// stops the work and leaves nothing behind.
///
/// # Errors
/// See [`FinishError`]; the segments are untouched, and calling again starts from the beginning.
pub fn finish(
    job: &Job,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Finished, FinishError> {
    let mut package = Package::open(&job.lecture_dir)?;
    let mut notes = Vec::new();
    let mut files = Files::default();
    let runs = all_runs(job);
    let numbers: Vec<RunNumber> = runs.iter().map(|run| run.run).collect();
    let mut loaded: Vec<Track<'_>> = job
        .tracks
        .iter()
        .filter_map(|input| track::load(job, input, &numbers, &mut files, &mut notes))
        .collect();
    let timeline = timeline::plan(&runs, &loaded, if job.gap_card { CARD_NS } else { 0 });
    let outages = outage::outages(&timeline, &runs);
    let words = &Words::of(&job.language);

    let filled = fill_from_spares(&mut loaded, &timeline);
    let helps: Vec<bool> = loaded.iter().map(|track| helps(track, &loaded)).collect();
    let captions = Captions {
        job,
        runs: &runs,
        timeline: &timeline,
        outages: &outages,
        words,
    };
    let mut studio = Studio::new(job.renderer.as_deref(), &mut package, progress);
    let mut tracks = Vec::new();
    let mut finishes = Vec::new();
    let mut stories = Vec::new();
    for ((mut track, filled), helps) in loaded.into_iter().zip(filled).zip(helps) {
        let finish = match track.kind {
            Kind::Video => {
                let shown = cut::shown(&track, &timeline);
                let cards = if helps {
                    Vec::new()
                } else {
                    captions.make(&track, &shown, &mut studio, &mut files, &mut notes)?
                };
                cut::pictures(&track, &shown, &cards, &timeline)
            }
            Kind::Sound => {
                unlike::even_out(&mut track, &mut studio, &mut files, &mut notes)?;
                sound_of(&track, &timeline, &mut notes)
            }
        };
        let Some(finish) = finish else {
            notes.push(Note::NoData {
                source_name: track.input.source.clone(),
            });
            continue;
        };
        stories.push(TrackStory {
            input: track.input,
            holes: if helps {
                Vec::new()
            } else {
                gaps::gaps(&track, &timeline)
            },
            filled,
        });
        finishes.push(finish);
        tracks.push(track);
    }
    if tracks.is_empty() {
        return Err(FinishError::NothingRecorded {
            lecture_dir: job.lecture_dir.clone(),
        });
    }

    let story = Story {
        timeline: &timeline,
        runs: &runs,
        outages: &outages,
        chapters: &story::chapters(&job.marks, &runs, &timeline, &outages, words),
        tracks: stories,
    };
    let chunks = layout::interleave(&finishes);
    let plans = output::plan(job, &tracks, story.chapters, &mut notes);
    let mut outputs = Vec::new();
    for plan in &plans {
        outputs.push(plan.create(job, &mut package, &tracks, &finishes, &chunks)?);
    }
    let digests = copy::copy(job, &files, &finishes, &chunks, &outputs, &mut notes, progress)?;

    let mut made = Vec::new();
    for ((plan, output), digests) in plans.iter().zip(&outputs).zip(digests) {
        package::sync(&output.file, &output.path, output.total_bytes())?;
        mp4::verify::verify(&output.file, plan.track_count()).map_err(|why| FinishError::Check {
            path: output.path.clone(),
            why: why.to_string(),
        })?;
        made.push(FinishedFile {
            name: plan.name.clone(),
            role: plan.role.clone(),
            size_bytes: output.total_bytes(),
            sha256: digests.whole,
            parts: digests.parts,
            duration_ms: Some(output::duration_ms(&finishes, &plan.tracks)),
            content_type: plan.content_type.to_owned(),
        });
    }
    let duration_ms = made.first().and_then(|file| file.duration_ms).unwrap_or(0);
    manifest::add(&mut package, job, &story, duration_ms, &mut made)?;
    package.publish()?;
    Ok(Finished {
        files: made,
        duration_ms,
        notes: without_repeats(notes),
    })
}

/// A file that two tracks use, a spare's, is told once.
fn without_repeats(notes: Vec<Note>) -> Vec<Note> {
    let mut out: Vec<Note> = Vec::with_capacity(notes.len());
    for note in notes {
        if !out.contains(&note) {
            out.push(note);
        }
    }
    out
}

/// Whether a track only helps another one out: its absence is no hole. A spare that stands in for
/// a source of which nothing was recorded stands for itself.
fn helps(track: &Track<'_>, all: &[Track<'_>]) -> bool {
    let principal = track.input.spare_for.as_ref();
    principal.is_some_and(|principal| all.iter().any(|other| other.input.source == *principal))
}

/// Fills the holes of tracks that have a spare; answers for each track where.
fn fill_from_spares(tracks: &mut [Track<'_>], timeline: &Timeline) -> Vec<Vec<(i64, i64)>> {
    let mut filled = vec![Vec::new(); tracks.len()];
    for spare in 0..tracks.len() {
        let wanted = tracks.get(spare).and_then(|track| track.input.spare_for.as_ref());
        let principal = tracks
            .iter()
            .position(|track| Some(&track.input.source) == wanted && track.input.spare_for.is_none());
        let Some(Ok([spare, principal])) =
            principal.map(|principal| tracks.get_disjoint_mut([spare, principal]))
        else {
            continue;
        };
        if spare.kind == principal.kind {
            let spans = spare::fill(principal, spare, timeline);
            let place = tracks
                .iter()
                .position(|track| Some(&track.input.source) == wanted);
            if let Some(filled) = place.and_then(|place| filled.get_mut(place)) {
                *filled = spans;
            }
        }
    }
    filled
}

fn sound_of(track: &Track<'_>, timeline: &Timeline, notes: &mut Vec<Note>) -> Option<Finish> {
    let (finish, unfilled) = sound::sound(track, timeline)?;
    if unfilled {
        notes.push(Note::HolesNotFilled {
            source_name: track.input.source.clone(),
        });
    }
    Some(finish)
}

/// The runs in order, with those that only segments name.
fn all_runs(job: &Job) -> Vec<RunInput> {
    let segments = job.tracks.iter().flat_map(|track| &track.segments);
    let mut runs: BTreeMap<RunNumber, RunInput> = segments
        .map(|segment| (segment.run, RunInput::unknown(segment.run)))
        .collect();
    runs.extend(job.runs.iter().map(|run| (run.run, run.clone())));
    runs.into_values().collect()
}
