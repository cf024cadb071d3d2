//! What the finisher needs, and the one transaction that makes a lecture finished.

use std::path::PathBuf;

use lectern_domain::api::ClockTrust;
use lectern_domain::config::Send;
use lectern_domain::fact::Fact;
use lectern_domain::finished::{FileRole, FinishedFile};
use lectern_domain::ids::{LectureId, PlatformName, RunNumber, SourceName};
use lectern_domain::lecture::LectureState;
use lectern_domain::media::Role;
use lectern_domain::segment::SegmentState;
use rusqlite::{Transaction, params};
use serde_json::json;

use super::Db;
use super::document::{Document, Track};
use super::parts::pack;
use super::recording::set_state;
use super::rows::int;
use super::run::{Run, last_media_ns};
use crate::clock;
use crate::error::DbError;
use crate::layout::Layout;

/// All that the finisher needs of a lecture. Paths are absolute.
#[derive(Clone, Debug, PartialEq)]
pub struct FinishInput {
    /// The lecture.
    pub lecture: LectureId,
    /// Its folder; the finished files go below it into `finished`.
    pub folder: PathBuf,
    /// Its title.
    pub title: Option<String>,
    /// When it began.
    pub started_unix_ms: i64,
    /// When it would have stopped by itself.
    pub planned_end_unix_ms: i64,
    /// Its tracks, in configuration order; some may have no segments.
    pub tracks: Vec<FinishTrack>,
    /// Its runs, in order.
    pub runs: Vec<FinishRun>,
    /// Its marks, in order.
    pub marks: Vec<FinishMark>,
    /// What was noted while it was recorded, in order.
    pub facts: Vec<Fact>,
    /// What is said about it and its marks, for the finished `lecture.json`. Nothing of the
    /// platforms is in it.
    pub metadata: serde_json::Value,
    /// Segments that are lost or suspect and therefore not in `tracks`.
    pub missing_segments: u32,
}

/// One track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FinishTrack {
    /// Its source.
    pub source: SourceName,
    /// Its role.
    pub role: Role,
    /// The source that it stands in for.
    pub spare_for: Option<SourceName>,
    /// Its closed segments, in order.
    pub segments: Vec<FinishSegment>,
}

/// One closed segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FinishSegment {
    /// The run in which it was recorded.
    pub run: RunNumber,
    /// Its number in the track.
    pub number: u32,
    /// Where it is.
    pub path: PathBuf,
    /// Size in bytes.
    pub size_bytes: u64,
    /// Of the whole file, lower-case hex.
    pub sha256: String,
    /// Start, nanoseconds of the run.
    pub start_ns: u64,
    /// End, nanoseconds of the run.
    pub end_ns: u64,
}

/// One run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FinishRun {
    /// Which.
    pub run: RunNumber,
    /// Wall clock at its base.
    pub started_unix_ms: i64,
    /// Whether that can be believed.
    pub clock: ClockTrust,
    /// What was lost between the run before and this one, in milliseconds; `None` for the first
    /// run, and where no clock can tell.
    pub gap_before_ms: Option<u64>,
    /// Moment of the stop, nanoseconds of the run; `None`: it was interrupted.
    pub end_ns: Option<u64>,
    /// What is cut out of every track, nanoseconds of the run. A pause that was open at the end
    /// goes to the end.
    pub pauses: Vec<(u64, u64)>,
}

/// One mark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FinishMark {
    /// In which run.
    pub run: RunNumber,
    /// Where, nanoseconds of the run.
    pub at_ns: u64,
    /// What it was called.
    pub label: Option<String>,
}

/// A delivery that a finished lecture gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDelivery {
    /// The platform.
    pub platform: PlatformName,
    /// What it takes.
    pub send: Vec<Send>,
}

impl Db {
    /// All that the finisher needs.
    ///
    /// # Errors
    /// [`DbError::NotFound`] for an unknown lecture.
    pub async fn finish_input(&self, lecture: LectureId) -> Result<FinishInput, DbError> {
        let room = self.room.to_string();
        self.call("gather a lecture", move |ledger| {
            let document = Document::load(&ledger.connection, ledger.uuid, lecture)?
                .ok_or_else(|| DbError::no_lecture(lecture))?;
            Ok(finish_input(&document, &ledger.layout, &room))
        })
        .await
    }

    /// Enters the finished files, moves the lecture from `finishing` to `finished`, and makes
    /// one delivery for each platform: all in one transaction. The files must be on the disk,
    /// synced. A delivery that exists is left alone; one that would carry no file is not made.
    ///
    /// # Errors
    /// [`DbError::Conflict`] when the lecture is not `finishing`; nothing changed then.
    pub async fn finished(
        &self,
        lecture: LectureId,
        files: Vec<FinishedFile>,
        duration_ms: u64,
        deliveries: Vec<NewDelivery>,
    ) -> Result<(), DbError> {
        self.call("enter the finished files", move |ledger| {
            ledger.change(lecture, |tx| {
                set_state(tx, lecture, LectureState::Finishing, LectureState::Finished, None)?;
                tx.execute(
                    "UPDATE lectures SET duration_ms = ?2 WHERE id = ?1",
                    params![lecture.to_string(), int(duration_ms)],
                )?;
                tx.execute("DELETE FROM files WHERE lecture = ?1", [lecture.to_string()])?;
                for (place, file) in files.iter().enumerate() {
                    insert_file(tx, lecture, place as u64, file)?;
                }
                for delivery in &deliveries {
                    insert_delivery(tx, lecture, delivery, &files)?;
                }
                Ok(())
            })
        })
        .await
    }
}

/// The row of a finished file.
pub(crate) fn insert_file(
    tx: &Transaction<'_>,
    lecture: LectureId,
    place: u64,
    file: &FinishedFile,
) -> rusqlite::Result<()> {
    let (what, source, role) = match &file.role {
        FileRole::Lecture => ("lecture", None, None),
        FileRole::Track { source, role } => ("track", Some(source.as_str()), Some(role.as_str())),
        FileRole::Metadata => ("metadata", None, None),
        FileRole::Checksums => ("checksums", None, None),
    };
    tx.execute(
        "INSERT INTO files (lecture, name, place, what, source, role, size_bytes, sha256, duration_ms, content_type, parts)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        params![
            lecture.to_string(),
            file.name,
            int(place),
            what,
            source,
            role,
            int(file.size_bytes),
            file.sha256,
            file.duration_ms.map(int),
            file.content_type,
            pack(&file.parts)?
        ],
    )
    .map(|_| ())
}

fn insert_delivery(
    tx: &Transaction<'_>,
    lecture: LectureId,
    delivery: &NewDelivery,
    files: &[FinishedFile],
) -> Result<(), DbError> {
    let wanted: Vec<&FinishedFile> = files
        .iter()
        .filter(|file| delivery.send.contains(&file.role.selected_by()))
        .collect();
    if wanted.is_empty() {
        tracing::warn!(lecture = %lecture, platform = %delivery.platform, "a platform takes none of the finished files; nothing is sent to it");
        return Ok(());
    }
    let made = tx.execute(
        "INSERT INTO deliveries (lecture, platform, state, queued_unix_ms) VALUES (?1, ?2, 'queued', ?3)
         ON CONFLICT (lecture, platform) DO NOTHING",
        params![
            lecture.to_string(),
            delivery.platform.as_str(),
            clock::wall_unix_ms()
        ],
    )?;
    if made == 0 {
        return Ok(());
    }
    let id = tx.last_insert_rowid();
    for (place, file) in wanted.into_iter().enumerate() {
        tx.execute(
            "INSERT INTO delivery_files (delivery, name, place, phase) VALUES (?1, ?2, ?3, 'pending')",
            params![id, file.name, int(place as u64)],
        )?;
    }
    Ok(())
}

fn finish_input(document: &Document, layout: &Layout, room: &str) -> FinishInput {
    let lost = document.tracks.iter().flat_map(|track| &track.segments);
    let lost = lost
        .filter(|segment| matches!(segment.state, SegmentState::Lost | SegmentState::Suspect))
        .count();
    FinishInput {
        lecture: document.id,
        folder: layout.lecture(&document.folder),
        title: document.metadata.title.clone(),
        started_unix_ms: document.started_unix_ms,
        planned_end_unix_ms: document.planned_end_unix_ms,
        tracks: document
            .tracks
            .iter()
            .map(|track| finish_track(track, &document.folder, layout))
            .collect(),
        runs: document
            .runs
            .iter()
            .map(|run| finish_run(run, document))
            .collect(),
        marks: document
            .marks
            .iter()
            .map(|mark| FinishMark {
                run: mark.run,
                at_ns: mark.at_ns,
                label: mark.label.clone(),
            })
            .collect(),
        facts: document.facts.clone(),
        metadata: json!({
            "id": document.id,
            "room": room,
            "title": document.metadata.title,
            "course": document.metadata.course,
            "presenter": document.metadata.presenter,
            "language": document.metadata.language,
            "started_unix_ms": document.started_unix_ms,
            "runs": document.runs.iter().map(|run| json!({
                "run": run.run, "started_unix_ms": run.started_unix_ms,
                "clock": run.clock.trust(), "gap_before_ms": run.gap_before_ms,
            })).collect::<Vec<_>>(),
            "marks": document.marks.iter().map(|mark| json!({
                "run": mark.run, "at_ns": mark.at_ns, "label": mark.label,
            })).collect::<Vec<_>>(),
        }),
        missing_segments: u32::try_from(lost).unwrap_or(u32::MAX),
    }
}

fn finish_track(track: &Track, folder: &str, layout: &Layout) -> FinishTrack {
    let closed = track
        .segments
        .iter()
        .filter(|segment| segment.state == SegmentState::Closed);
    let segments = closed.map(|segment| FinishSegment {
        run: segment.run,
        number: segment.number,
        path: layout.segment(folder, &track.source, segment.number),
        size_bytes: segment.bytes,
        sha256: segment.sha256.clone(),
        start_ns: segment.start_ns,
        end_ns: segment.end_ns,
    });
    FinishTrack {
        source: track.source.clone(),
        role: track.role,
        spare_for: track.spare_for.clone(),
        segments: segments.collect(),
    }
}

fn finish_run(run: &Run, document: &Document) -> FinishRun {
    let last = last_media_ns(run.run, &document.tracks);
    let end = run.end_ns.or(last).unwrap_or(0);
    // An open pause lasts until the end; one that begins there or ends at its beginning cuts
    // nothing and is left out.
    let pauses = run.pauses.iter().map(|(from, to)| (*from, to.unwrap_or(end)));
    FinishRun {
        run: run.run,
        started_unix_ms: run.started_unix_ms,
        clock: run.clock.trust(),
        gap_before_ms: run.gap_before_ms,
        end_ns: run.end_ns,
        pauses: pauses.filter(|(from, to)| from < to).collect(),
    }
}
