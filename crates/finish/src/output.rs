//! Which files a lecture becomes, which tracks are in each, and the index in front of each.

use lectern_domain::config::Picture;
use lectern_domain::finished::FileRole;
use lectern_domain::media::Role;

use crate::copy::writer::Output;
use crate::cut::Finish;
use crate::error::FinishError;
use crate::job::{Job, Note};
use crate::layout::Chunk;
use crate::mp4::chapters::Chapter;
use crate::mp4::init::Kind;
use crate::mp4::moov::{self, Tags, TrackIndex};
use crate::package::Package;
use crate::track::Track;

/// A file to write.
#[derive(Debug)]
pub(crate) struct Plan<'a> {
    pub(crate) name: String,
    pub(crate) role: FileRole,
    pub(crate) content_type: &'static str,
    /// Indexes of its tracks.
    pub(crate) tracks: Vec<usize>,
    chapters: &'a [Chapter],
}

/// The files of a lecture: `lecture.mp4` first, with the chapters, then one for each track.
pub(crate) fn plan<'a>(
    job: &Job,
    tracks: &[Track<'_>],
    chapters: &'a [Chapter],
    notes: &mut Vec<Note>,
) -> Vec<Plan<'a>> {
    // A spare's data is in the track that it stands in for; if that has none, it takes its place.
    let of = |role: Role, spare: bool| {
        tracks
            .iter()
            .position(|track| track.input.role == role && track.input.spare_for.is_some() == spare)
    };
    let first = |role: Role| of(role, false).or_else(|| of(role, true));
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
        chapters,
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
            chapters: &[],
        }
    });
    let single: Vec<Plan<'a>> = single.collect();
    std::iter::once(lecture).chain(single).collect()
}

impl Plan<'_> {
    /// How many tracks the file has, that of the chapters counted.
    pub(crate) fn track_count(&self) -> usize {
        self.tracks.len() + usize::from(!self.chapters.is_empty())
    }

    /// Creates the file under its `.part` name, with room for all of it.
    pub(crate) fn create(
        &self,
        job: &Job,
        package: &mut Package,
        tracks: &[Track<'_>],
        finishes: &[Finish],
        chunks: &[Chunk],
    ) -> Result<Output, FinishError> {
        let head = self.head(job, tracks, finishes, chunks);
        let media_bytes = chunks_of(chunks, &self.tracks).map(|chunk| chunk.bytes).sum();
        let (file, path) = package.create(&self.name, head.len() as u64 + media_bytes)?;
        Ok(Output {
            file,
            path,
            head,
            media_bytes,
            tracks: self.tracks.clone(),
        })
    }

    fn head(&self, job: &Job, tracks: &[Track<'_>], finishes: &[Finish], chunks: &[Chunk]) -> Vec<u8> {
        let mut index: Vec<(usize, TrackIndex<'_>)> = Vec::new();
        for member in &self.tracks {
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
        for chunk in chunks_of(chunks, &self.tracks) {
            if let Some((_, track)) = index.iter_mut().find(|(member, _)| *member == chunk.track) {
                track.chunks.push((chunk, media_bytes));
            }
            media_bytes += chunk.bytes;
        }
        let index: Vec<TrackIndex<'_>> = index.into_iter().map(|(_, track)| track).collect();
        let tags = Tags {
            title: job.title.as_deref(),
            started_unix_ms: job.started_unix_ms,
            chapters: self.chapters,
        };
        moov::head(&index, &tags, media_bytes)
    }
}

fn chunks_of<'a>(chunks: &'a [Chunk], tracks: &'a [usize]) -> impl Iterator<Item = &'a Chunk> {
    chunks.iter().filter(|chunk| tracks.contains(&chunk.track))
}

/// The length of the longest of these tracks, in milliseconds.
pub(crate) fn duration_ms(finishes: &[Finish], members: &[usize]) -> u64 {
    let ends = members.iter().filter_map(|member| finishes.get(*member));
    let ms = ends
        .map(|finish| finish.end * 1_000 / i64::from(finish.timescale).max(1))
        .max();
    ms.and_then(|ms| u64::try_from(ms).ok()).unwrap_or(0)
}
