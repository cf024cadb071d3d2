//! Everything that the database knows of one lecture, as one document.
//!
//! It is the content of `lecture.json`, from which a lost database is made anew, and the base of
//! the finisher's input and of the lecture's page. Keys are stable: a later version adds and
//! never renames; [`FORMAT`] counts only what an older reader could not understand.

use lectern_domain::api::Metadata;
use lectern_domain::delivery::{DeliveryState, FilePhase};
use lectern_domain::fact::Fact;
use lectern_domain::finished::{FileRole, FinishedFile};
use lectern_domain::ids::{DeliveryId, LectureId, PlatformName, RunNumber, SourceName};
use lectern_domain::lecture::LectureState;
use lectern_domain::media::Role;
use lectern_domain::segment::SegmentState;
use rusqlite::{Connection, OptionalExtension, Row};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::parts::get_parts;
use super::rows::{get_text, get_text_opt, get_uint, get_uint_opt, unknown};
use super::run::{self, Run};

/// Version of the document.
pub(crate) const FORMAT: u32 = 1;

/// One lecture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Document {
    pub(crate) format: u32,
    /// Of the database row; an older text has a smaller one.
    pub(crate) revision: u64,
    /// The spool that it belongs to.
    pub(crate) spool: Uuid,
    pub(crate) id: LectureId,
    pub(crate) folder: String,
    pub(crate) state: LectureState,
    pub(crate) was: Option<LectureState>,
    pub(crate) reason: Option<String>,
    #[serde(default)]
    pub(crate) metadata: Metadata,
    pub(crate) started_unix_ms: i64,
    pub(crate) planned_end_unix_ms: i64,
    pub(crate) duration_ms: Option<u64>,
    pub(crate) tracks: Vec<Track>,
    pub(crate) runs: Vec<Run>,
    pub(crate) marks: Vec<Mark>,
    #[serde(default)]
    pub(crate) facts: Vec<Fact>,
    /// When it was decided to delete its recordings here.
    #[serde(default)]
    pub(crate) purge_unix_ms: Option<i64>,
    /// The room tried itself out: no lecture, and to be deleted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) self_test: bool,
    pub(crate) files: Vec<FinishedFile>,
    pub(crate) deliveries: Vec<Delivery>,
}

/// One track with its segments, in order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Track {
    pub(crate) source: SourceName,
    pub(crate) role: Role,
    pub(crate) kind: String,
    /// The source that it stands in for.
    #[serde(default)]
    pub(crate) spare_for: Option<SourceName>,
    pub(crate) segments: Vec<SegmentRow>,
}

/// One row of `segments`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct SegmentRow {
    pub(crate) number: u32,
    pub(crate) run: RunNumber,
    pub(crate) state: SegmentState,
    pub(crate) salvaged: bool,
    pub(crate) bytes: u64,
    pub(crate) sha256: String,
    pub(crate) start_ns: u64,
    pub(crate) end_ns: u64,
}

/// One mark.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Mark {
    pub(crate) run: RunNumber,
    pub(crate) at_ns: u64,
    pub(crate) label: Option<String>,
}

/// One delivery with its files, in the order to be sent, and its receipts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Delivery {
    pub(crate) id: DeliveryId,
    pub(crate) platform: PlatformName,
    pub(crate) state: DeliveryState,
    pub(crate) attempts: u32,
    pub(crate) next_unix_ms: Option<i64>,
    pub(crate) message: Option<String>,
    pub(crate) queued_unix_ms: i64,
    pub(crate) done_unix_ms: Option<i64>,
    #[serde(default)]
    pub(crate) urgent: bool,
    pub(crate) files: Vec<DeliveryFile>,
    pub(crate) receipts: Vec<Receipt>,
}

/// How far one file of a delivery is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct DeliveryFile {
    pub(crate) name: String,
    #[serde(flatten)]
    pub(crate) phase: FilePhase,
}

/// What a platform said when it confirmed a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Receipt {
    pub(crate) name: String,
    pub(crate) location: String,
    pub(crate) evidence: serde_json::Value,
    pub(crate) size_bytes: u64,
    pub(crate) sha256: String,
    pub(crate) unix_ms: i64,
}

impl Document {
    /// Reads a lecture; `None` if there is no such row.
    pub(crate) fn load(
        connection: &Connection,
        spool: Uuid,
        id: LectureId,
    ) -> rusqlite::Result<Option<Self>> {
        let key = id.to_string();
        let head = connection
            .prepare_cached("SELECT * FROM lectures WHERE id = ?1")?
            .query_row([&key], |row| Self::head(row, spool))
            .optional()?;
        let Some(mut document) = head else { return Ok(None) };
        document.tracks = tracks(connection, &key)?;
        document.runs = run::load(connection, &key, &document.tracks)?;
        document.marks = list(
            connection,
            "SELECT * FROM marks WHERE lecture = ?1 ORDER BY run, at_ns, id",
            &key,
            |row| {
                Ok(Mark {
                    run: RunNumber(row.get("run")?),
                    at_ns: get_uint(row, "at_ns")?,
                    label: row.get("label")?,
                })
            },
        )?;
        document.facts = list(
            connection,
            "SELECT * FROM facts WHERE lecture = ?1 ORDER BY run, at_ns, id",
            &key,
            |row| {
                Ok(Fact {
                    run: RunNumber(row.get("run")?),
                    at_ns: get_uint(row, "at_ns")?,
                    source: get_text_opt(row, "source")?,
                    what: get_text(row, "what")?,
                    detail: row.get("detail")?,
                })
            },
        )?;
        document.files = list(
            connection,
            "SELECT * FROM files WHERE lecture = ?1 ORDER BY place",
            &key,
            finished_file,
        )?;
        document.deliveries = deliveries(connection, &key)?;
        Ok(Some(document))
    }

    fn head(row: &Row<'_>, spool: Uuid) -> rusqlite::Result<Self> {
        Ok(Self {
            format: FORMAT,
            revision: get_uint(row, "revision")?,
            spool,
            id: get_text(row, "id")?,
            folder: row.get("folder")?,
            state: get_text(row, "state")?,
            was: get_text_opt(row, "was")?,
            reason: row.get("reason")?,
            metadata: metadata(row)?,
            started_unix_ms: row.get("started_unix_ms")?,
            planned_end_unix_ms: row.get("planned_end_unix_ms")?,
            duration_ms: get_uint_opt(row, "duration_ms")?,
            tracks: Vec::new(),
            runs: Vec::new(),
            marks: Vec::new(),
            facts: Vec::new(),
            purge_unix_ms: row.get("purge_unix_ms")?,
            self_test: row.get("self_test")?,
            files: Vec::new(),
            deliveries: Vec::new(),
        })
    }

    /// Whether anything of it was ever to be on the disk: a lecture that is planned, and one that
    /// was called off or missed, has neither folder nor `lecture.json`.
    pub(crate) fn has_folder(&self) -> bool {
        !(self.tracks.is_empty() && self.runs.is_empty())
    }

    /// The text of `lecture.json`.
    pub(crate) fn to_json(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec(self).expect("a document has text keys and finite numbers only");
        bytes.push(b'\n');
        bytes
    }
}

/// The columns of [`Metadata`].
pub(crate) fn metadata(row: &Row<'_>) -> rusqlite::Result<Metadata> {
    Ok(Metadata {
        title: row.get("title")?,
        course: row.get("course")?,
        presenter: row.get("presenter")?,
        language: row.get("language")?,
    })
}

/// Rows of a query with one parameter.
pub(crate) fn list<T>(
    connection: &Connection,
    sql: &str,
    key: impl rusqlite::ToSql,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    connection.prepare_cached(sql)?.query_map([key], read)?.collect()
}

fn tracks(connection: &Connection, key: &str) -> rusqlite::Result<Vec<Track>> {
    let mut tracks = list(
        connection,
        "SELECT * FROM tracks WHERE lecture = ?1 ORDER BY place",
        key,
        |row| {
            Ok(Track {
                source: get_text(row, "source")?,
                role: get_text(row, "role")?,
                kind: row.get("kind")?,
                spare_for: get_text_opt(row, "spare_for")?,
                segments: Vec::new(),
            })
        },
    )?;
    for track in &mut tracks {
        track.segments = connection
            .prepare_cached("SELECT * FROM segments WHERE lecture = ?1 AND source = ?2 ORDER BY number")?
            .query_map([key, track.source.as_str()], segment)?
            .collect::<rusqlite::Result<_>>()?;
    }
    Ok(tracks)
}

/// One row of `segments`.
pub(crate) fn segment(row: &Row<'_>) -> rusqlite::Result<SegmentRow> {
    Ok(SegmentRow {
        number: row.get("number")?,
        run: RunNumber(row.get("run")?),
        state: segment_state(row)?,
        salvaged: row.get("salvaged")?,
        bytes: get_uint(row, "bytes")?,
        sha256: row.get("sha256")?,
        start_ns: get_uint(row, "start_ns")?,
        end_ns: get_uint(row, "end_ns")?,
    })
}

fn segment_state(row: &Row<'_>) -> rusqlite::Result<SegmentState> {
    use SegmentState as S;
    let text: String = row.get("state")?;
    [S::Closed, S::Garbage, S::Lost, S::Suspect]
        .into_iter()
        .find(|state| state.as_str() == text)
        .ok_or_else(|| unknown(text, "segments.state"))
}

/// One row of `files`.
pub(crate) fn finished_file(row: &Row<'_>) -> rusqlite::Result<FinishedFile> {
    Ok(FinishedFile {
        name: row.get("name")?,
        role: file_role(row)?,
        size_bytes: get_uint(row, "size_bytes")?,
        sha256: row.get("sha256")?,
        parts: get_parts(row)?,
        duration_ms: get_uint_opt(row, "duration_ms")?,
        content_type: row.get("content_type")?,
    })
}

/// The columns of [`FileRole`].
pub(crate) fn file_role(row: &Row<'_>) -> rusqlite::Result<FileRole> {
    let what: String = row.get("what")?;
    Ok(match what.as_str() {
        "lecture" => FileRole::Lecture,
        "track" => FileRole::Track {
            source: get_text(row, "source")?,
            role: get_text(row, "role")?,
        },
        "metadata" => FileRole::Metadata,
        "checksums" => FileRole::Checksums,
        _ => return Err(unknown(what, "files.what")),
    })
}

fn deliveries(connection: &Connection, key: &str) -> rusqlite::Result<Vec<Delivery>> {
    let mut deliveries = list(
        connection,
        "SELECT * FROM deliveries WHERE lecture = ?1 ORDER BY id",
        key,
        |row| {
            Ok(Delivery {
                id: DeliveryId(row.get("id")?),
                platform: get_text(row, "platform")?,
                state: get_text(row, "state")?,
                attempts: row.get("attempts")?,
                next_unix_ms: row.get("next_unix_ms")?,
                message: row.get("message")?,
                queued_unix_ms: row.get("queued_unix_ms")?,
                done_unix_ms: row.get("done_unix_ms")?,
                urgent: row.get("urgent")?,
                files: Vec::new(),
                receipts: Vec::new(),
            })
        },
    )?;
    for delivery in &mut deliveries {
        let id = delivery.id.0;
        delivery.files = list(
            connection,
            "SELECT * FROM delivery_files WHERE delivery = ?1 ORDER BY place",
            id,
            |row| {
                Ok(DeliveryFile {
                    name: row.get("name")?,
                    phase: phase(row)?,
                })
            },
        )?;
        delivery.receipts = list(
            connection,
            "SELECT * FROM receipts WHERE delivery = ?1 ORDER BY unix_ms, name",
            id,
            |row| {
                let evidence: String = row.get("evidence")?;
                Ok(Receipt {
                    name: row.get("name")?,
                    location: row.get("location")?,
                    evidence: serde_json::from_str(&evidence)
                        .map_err(|_| unknown(evidence, "receipts.evidence"))?,
                    size_bytes: get_uint(row, "size_bytes")?,
                    sha256: row.get("sha256")?,
                    unix_ms: row.get("unix_ms")?,
                })
            },
        )?;
    }
    Ok(deliveries)
}

/// The columns of [`FilePhase`].
pub(crate) fn phase(row: &Row<'_>) -> rusqlite::Result<FilePhase> {
    let phase: String = row.get("phase")?;
    Ok(match phase.as_str() {
        "pending" => FilePhase::Pending,
        "creating" => FilePhase::Creating,
        "bound" => FilePhase::Bound {
            remote: row.get("remote")?,
        },
        "completing" => FilePhase::Completing {
            remote: row.get("remote")?,
        },
        "confirmed" => FilePhase::Confirmed {
            location: row.get("location")?,
        },
        _ => return Err(unknown(phase, "delivery_files.phase")),
    })
}
