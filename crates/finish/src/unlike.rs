//! Sound of several layouts in one track: a mono spare in a stereo track, a card that came back
//! with other channels.
//!
//! A sound track has one decoder configuration that all players honour, so what is in the minority
//! is encoded again in the layout of the rest; what cannot be stays as it is, and the layout of the
//! rest stands first. Pictures need none of this: their configurations stand together, or in front
//! of each key frame.

use std::time::Duration;

use lectern_domain::render::{RenderJob, SOUND_LEAD_NS};

use crate::error::FinishError;
use crate::extract::extract;
use crate::files::Files;
use crate::job::Note;
use crate::mp4::init::{Kind, SampleEntry};
use crate::studio::{CARD_LIMIT, Studio, Take};
use crate::timeline::middle;
use crate::track::{Sample, Track, ns};

/// Frames further apart are not one piece: what is between was never recorded.
const MAX_STEP_NS: i64 = 5_000_000;

/// Brings all sound of a track into the layout that most of it has. Pieces that could not be
/// encoded again stay as they are, and are noted.
///
/// # Errors
/// Only [`FinishError::Stopped`].
pub(crate) fn even_out(
    track: &mut Track<'_>,
    studio: &mut Studio<'_>,
    files: &mut Files,
    notes: &mut Vec<Note>,
) -> Result<(), FinishError> {
    let Some(main) = main_entry(track).filter(|_| track.kind == Kind::Sound) else {
        return Ok(());
    };
    if !studio.is_open() {
        lead_with(track, main);
        return Ok(());
    }
    let mut samples = Vec::with_capacity(track.samples.len());
    let mut runs = Vec::with_capacity(track.runs.len());
    let mut failed = None;
    for run in 0..track.runs.len() {
        let begin = samples.len();
        for piece in pieces(track.run(run)) {
            match piece.first() {
                Some(first) if first.entry != main => match again(track, main, piece, studio, files)? {
                    Ok(given) => samples.extend(given),
                    Err(why) => {
                        samples.extend_from_slice(piece);
                        failed = Some(why);
                    }
                },
                _ => samples.extend_from_slice(piece),
            }
        }
        runs.push(begin..samples.len());
    }
    track.samples = samples;
    track.runs = runs;
    let source_name = track.input.source.clone();
    match failed {
        None => keep_only(track, main),
        Some(why) => {
            lead_with(track, main);
            notes.push(Note::NotRendered {
                source_name,
                what: "one layout for all of its sound",
                why,
            });
        }
    }
    Ok(())
}

/// The entry that most samples have; `None` where there is only one.
fn main_entry(track: &Track<'_>) -> Option<u16> {
    if track.entries.len() < 2 {
        return None;
    }
    let mut counts = vec![0_usize; track.entries.len()];
    for sample in &track.samples {
        *counts.get_mut(usize::from(sample.entry))? += 1;
    }
    // Of equals, the first that was recorded.
    let (index, _) = counts.iter().enumerate().rev().max_by_key(|(_, count)| **count)?;
    u16::try_from(index).ok()
}

/// The samples of a run in pieces of one configuration without holes.
fn pieces(samples: &[Sample]) -> impl Iterator<Item = &[Sample]> {
    samples.chunk_by(|a, b| a.entry == b.entry && b.pts_ns - a.end_ns <= MAX_STEP_NS)
}

/// Encodes a piece again.
fn again(
    track: &Track<'_>,
    main: u16,
    piece: &[Sample],
    studio: &mut Studio<'_>,
    files: &mut Files,
) -> Result<Result<Vec<Sample>, String>, FinishError> {
    let wanted = track.entries.get(usize::from(main));
    let aac = wanted.and_then(|entry| entry.aac.as_ref());
    let (Some(wanted), Some(aac)) = (wanted, aac) else {
        return Ok(Err("the track's sound is not AAC".to_owned()));
    };
    let (Some(first), Some(last)) = (piece.first(), piece.last()) else {
        return Ok(Ok(Vec::new()));
    };
    let from = studio.scratch();
    if let Err(error) = extract(track, piece, files, &from) {
        return Ok(Err(format!("it cannot be read: {error}")));
    }
    let length = u64::try_from(last.end_ns - first.pts_ns).unwrap_or(0);
    let limit = CARD_LIMIT + Duration::from_nanos(length);
    let rendered = studio.make(limit, Kind::Sound, |out| RenderJob::Sound {
        out,
        from,
        rate: aac.rate,
        channels: aac.channels,
    })?;
    let span = (first.pts_ns, last.end_ns);
    Ok(rendered.and_then(|take| placed(take, wanted, main, span, track, files)))
}

/// The frames of a rendered piece at the time of the recorded one.
fn placed(
    take: Take,
    wanted: &SampleEntry,
    main: u16,
    (from_ns, to_ns): (i64, i64),
    track: &Track<'_>,
    files: &mut Files,
) -> Result<Vec<Sample>, String> {
    let init = &take.part.init;
    if !wanted.decodes_like(&init.entry) {
        return Err("the renderer gave it another form".to_owned());
    }
    let timescale = init.timescale;
    let lead = i64::try_from(SOUND_LEAD_NS).unwrap_or(i64::MAX);
    let raw = take.part.samples.clone();
    let file = take.keep(&track.input.source, files);
    let file = file.ok_or_else(|| "the lecture has too many files".to_owned())?;
    let samples = raw.iter().filter_map(|raw| {
        let pts_ns = from_ns + ns(raw.pts, timescale)? - lead;
        Some(Sample {
            pts_ns,
            end_ns: pts_ns + ns(i64::from(raw.duration), timescale)?,
            offset: raw.offset,
            size: raw.size,
            file,
            entry: main,
            key: true,
        })
    });
    // An encoder gives a little more than it got, before and after.
    Ok(samples
        .filter(|sample| (from_ns..to_ns).contains(&middle(sample)))
        .collect())
}

/// Puts a configuration first: the track's clock and silence are of that one.
fn lead_with(track: &mut Track<'_>, main: u16) {
    if usize::from(main) >= track.entries.len() {
        return;
    }
    track.entries.swap(0, usize::from(main));
    for sample in &mut track.samples {
        sample.entry = match sample.entry {
            0 => main,
            entry if entry == main => 0,
            entry => entry,
        };
    }
    if let Some(aac) = track.entries.first().and_then(|entry| entry.aac.as_ref()) {
        track.timescale = aac.rate;
    }
}

/// Drops the configurations that no sample uses any more.
fn keep_only(track: &mut Track<'_>, main: u16) {
    lead_with(track, main);
    track.entries.truncate(1);
    for sample in &mut track.samples {
        sample.entry = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(at_ms: i64, entry: u16) -> Sample {
        Sample {
            pts_ns: at_ms * 1_000_000,
            end_ns: (at_ms + 20) * 1_000_000,
            offset: 0,
            size: 1,
            file: 0,
            entry,
            key: true,
        }
    }

    #[test]
    fn a_piece_ends_at_another_layout_and_at_a_hole() {
        let samples = [
            frame(0, 0),
            frame(20, 0),
            frame(40, 1),
            frame(62, 1),
            frame(200, 1),
            frame(220, 0),
        ];
        let lengths: Vec<usize> = pieces(&samples).map(<[Sample]>::len).collect();
        assert_eq!(lengths, [2, 2, 1, 1]);
    }
}
