//! A lost database made anew from the spool.
//!
//! The new database is built beside its place and renamed into it when it is whole: a crash in
//! the middle leaves the spool as it was. Each lecture comes from its `lecture.json`; each
//! segment that it names is read, compared and made durable before it is `closed` again. Files
//! that it does not name are left to the next start, which salvages them. A lecture without a
//! readable `lecture.json` comes back as `failed`, because nobody can tell where it was sent:
//! a person looks there first and then says `retry`. What is planned comes from `plans.json`, also
//! what should have begun by now: the next start begins it late or says that it was missed.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use jiff::civil::DateTime;
use lectern_domain::api::Metadata;
use lectern_domain::ids::{LectureId, RunId, RunNumber, SourceName};
use lectern_domain::lecture::LectureState;
use lectern_domain::media::Role;
use lectern_domain::segment::SegmentState;
use rusqlite::params;
use uuid::Uuid;

use super::{FindingKind as K, FsckReport};
use crate::clock;
use crate::cmaf;
use crate::connection::build_connection;
use crate::db::document::{Document, FORMAT, SegmentRow, Track};
use crate::db::ledger::Ledger;
use crate::db::planned;
use crate::db::run::{Run, RunClock};
use crate::disk::{Disk, read_whole};
use crate::error::{DbError, OpenError};
use crate::layout::{FINISHED, LECTURE_JSON, Layout, folder_lecture, segment_name, segment_number};
use crate::meta::{self, Meta};
use crate::plans::{self, Found, Kept};
use crate::recovery::LECTURE_JSON_LIMIT_BYTES;
use crate::recovery::shelf::all_lectures;
use crate::schema;
use crate::spool::documents::Documents;
use crate::spool::segment::{Durable, Segment, hash_file, seal};
use crate::store::Options;

/// Sets a damaged database aside, builds a new one, and puts it into place.
pub(super) fn rebuild<D: Disk>(
    layout: &Layout,
    disk: &mut D,
    options: &Options,
    report: &mut FsckReport,
) -> Result<(), OpenError> {
    let now = clock::wall_unix_ms();
    let building = layout.root().join("lectern.db.rebuild");
    remove(disk, &building)?;
    disk.create_private(&building)
        .map_err(OpenError::io(&building, "made"))?;
    let failed = || OpenError::database(&building);
    let mut connection = build_connection(&building)?;
    schema::create(&mut connection).map_err(failed())?;
    let meta = match meta::read(disk, layout) {
        Ok(Some(meta)) => meta,
        Ok(None) | Err(OpenError::Damaged { .. }) => {
            let meta = Meta {
                uuid: Uuid::new_v4(),
                room: options.room.to_string(),
                created_unix_ms: now,
            };
            meta::write(disk, layout, &meta)?;
            meta
        }
        Err(error) => return Err(error),
    };
    connection
        .execute(
            "INSERT INTO meta (id, uuid, room, created_unix_ms) VALUES (1, ?1, ?2, ?3)",
            params![
                meta.uuid.hyphenated().to_string(),
                meta.room,
                meta.created_unix_ms
            ],
        )
        .map_err(failed())?;
    let mut ledger = Ledger::new(
        connection,
        layout.clone(),
        meta.uuid,
        Arc::new(Documents::default()),
    );
    let plans = kept_plans(layout, disk, report);
    let lectures = layout.lectures();
    let mut entered = 0;
    let mut seen = BTreeSet::new();
    for entry in disk.list(&lectures).map_err(OpenError::io(&lectures, "read"))? {
        let path = lectures.join(&entry.name);
        let folder = entry.name.to_str().filter(|_| entry.is_dir);
        let mut guessed =
            |disk: &mut D| folder.and_then(|folder| guess(disk, layout, options, folder, report));
        let read = folder.and_then(|folder| read_document(disk, layout, folder));
        if read.is_none() && folder.is_some_and(|folder| has_not_begun(disk, layout, folder, &plans)) {
            continue;
        }
        let document = read.or_else(|| guessed(disk));
        match document {
            Some(document) if seen.insert(document.id) => {
                let mut result = enter(&mut ledger, disk, &document);
                // A document that contradicts itself must not cost the other lectures their database.
                if result.as_ref().is_err_and(DbError::is_of_content)
                    && let Some(plain) = guessed(disk)
                {
                    result = enter(&mut ledger, disk, &plain);
                }
                result.map_err(|error| OpenError::Damaged {
                    path: path.clone(),
                    detail: error.to_string(),
                })?;
                entered += 1;
            }
            Some(_) => report.find(
                K::Document,
                &path,
                "another folder has the same lecture; this one was left out",
            ),
            None => report.find(
                K::Document,
                &path,
                "no lecture could be made out of it; it was left out",
            ),
        }
    }
    for plan in plans.iter().filter(|plan| !seen.contains(&plan.id)) {
        match planned::take_in(&mut ledger, plan) {
            Ok(taken) => report.rebuilt_plans += u64::from(taken),
            Err(error) if error.is_of_content() => report.find(
                K::Plans,
                &layout.plans(),
                format!(
                    "the plan {} contradicts another and was left out: {error}",
                    plan.id
                ),
            ),
            Err(error) => {
                return Err(OpenError::Damaged {
                    path: layout.plans(),
                    detail: error.to_string(),
                });
            }
        }
    }
    drop(ledger);
    put_into_place(layout, disk, &building, now)?;
    report.rebuilt_lectures = Some(entered);
    Ok(())
}

/// What `plans.json` holds, of whichever spool: `meta.json` may be lost too, as with `lecture.json`.
/// One that cannot be used is put aside and told.
fn kept_plans<D: Disk>(layout: &Layout, disk: &mut D, report: &mut FsckReport) -> Vec<Kept> {
    match plans::read(disk, layout) {
        Found::Nothing => Vec::new(),
        Found::Plans(plans) => plans.plans,
        Found::Unfit(why) | Found::Unread(why) => {
            let now = plans::put_aside(disk, layout, &why);
            let path = now.unwrap_or_else(|| layout.plans());
            let message = format!("{why}; it was put aside, and what was planned must be planned anew");
            report.find(K::Plans, &path, message);
            Vec::new()
        }
    }
}

/// Whether the folder was made for a plan whose beginning a crash cut before its COMMIT: it holds
/// no file, and the next start removes it.
fn has_not_begun<D: Disk>(disk: &mut D, layout: &Layout, folder: &str, plans: &[Kept]) -> bool {
    folder_lecture(folder).is_some_and(|id| plans.iter().any(|plan| plan.id == id))
        && holds_no_file(disk, &layout.lecture(folder))
}

fn holds_no_file<D: Disk>(disk: &mut D, folder: &Path) -> bool {
    disk.list(folder).is_ok_and(|entries| {
        entries
            .iter()
            .all(|entry| entry.is_dir && holds_no_file(disk, &folder.join(&entry.name)))
    })
}

/// The old database and its log go to quarantine; then the new one takes the name.
fn put_into_place<D: Disk>(
    layout: &Layout,
    disk: &mut D,
    building: &Path,
    now: i64,
) -> Result<(), OpenError> {
    let path = layout.database();
    let home = layout.quarantine();
    disk.make_dir(&home).map_err(OpenError::io(&home, "made"))?;
    for suffix in ["", "-wal", "-shm", "-journal"] {
        let old = layout.root().join(format!("lectern.db{suffix}"));
        if disk.exists(&old).map_err(OpenError::io(&old, "looked for"))? {
            let aside = home.join(format!("lectern.db.{now}{suffix}"));
            disk.rename(&old, &aside)
                .map_err(OpenError::io(&old, "set aside"))?;
        }
    }
    disk.sync_dir(&home).map_err(OpenError::io(&home, "synced"))?;
    disk.rename(building, &path)
        .map_err(OpenError::io(&path, "put into place"))?;
    disk.sync_dir(layout.root())
        .map_err(OpenError::io(layout.root(), "synced"))
}

fn remove<D: Disk>(disk: &mut D, path: &Path) -> Result<(), OpenError> {
    match disk.unlink(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(OpenError::io(path, "removed")(error))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Writes every `lecture.json` from the new database.
pub(super) fn write_documents<D: Disk>(ledger: &Ledger, disk: &mut D) -> Result<(), OpenError> {
    let path = ledger.layout.database();
    for row in all_lectures(ledger).map_err(OpenError::database(&path))? {
        ledger.publish(row.lecture);
    }
    ledger
        .documents
        .write(disk, &ledger.layout)
        .map_err(|lost| OpenError::Io {
            path: lost.path,
            what: "synced",
            source: lost.source,
        })
}

fn read_document<D: Disk>(disk: &mut D, layout: &Layout, folder: &str) -> Option<Document> {
    let path = layout.lecture(folder).join(LECTURE_JSON);
    let bytes = read_whole(disk, &path, LECTURE_JSON_LIMIT_BYTES).ok()?;
    let mut document: Document = serde_json::from_slice(&bytes).ok()?;
    // The folder may have been renamed by a person; where it is, is what counts.
    folder.clone_into(&mut document.folder);
    (document.format <= FORMAT).then_some(document)
}

/// One lecture: its rows and its segments in one transaction.
fn enter<D: Disk>(ledger: &mut Ledger, disk: &mut D, document: &Document) -> Result<(), DbError> {
    let mut sealed = Vec::new();
    let mut others = Vec::new();
    for track in &document.tracks {
        let folder = ledger.layout.track(&document.folder, &track.source);
        for row in &track.segments {
            let segment = facts(document.id, &track.source, row);
            match again(disk, &folder, segment) {
                Ok(durable) if row.state != SegmentState::Garbage => sealed.push(durable),
                Ok(durable) => others.push((durable.get().clone(), SegmentState::Garbage)),
                Err((segment, state)) => others.push((segment, state)),
            }
        }
    }
    ledger.restore(document, &sealed, &others)
}

fn facts(lecture: LectureId, source: &SourceName, row: &SegmentRow) -> Segment {
    Segment {
        run: RunId {
            lecture,
            run: row.run,
        },
        source: source.clone(),
        number: row.number,
        bytes: row.bytes,
        sha256: row.sha256.clone(),
        start_ns: row.start_ns,
        end_ns: row.end_ns,
        salvaged: row.salvaged,
    }
}

/// The segment, if the file still is what its record says; else how it is.
fn again<D: Disk>(
    disk: &mut D,
    folder: &Path,
    segment: Segment,
) -> Result<Durable<Segment>, (Segment, SegmentState)> {
    let Ok(mut file) = disk.open(&folder.join(segment_name(segment.number))) else {
        return Err((segment, SegmentState::Lost));
    };
    // What a failed fsync left in memory alone must not be taken for written.
    if let Err(error) = disk.sync_all(&mut file).and_then(|()| disk.drop_cache(&mut file)) {
        tracing::warn!(folder = %folder.display(), segment = segment.number, %error, "a segment could not be made durable");
        return Err((segment, SegmentState::Suspect));
    }
    let whole = disk.size(&mut file).ok() == Some(segment.bytes)
        && hash_file(disk, &mut file, segment.bytes).is_ok_and(|(sha256, _)| sha256 == segment.sha256);
    if !whole {
        return Err((segment, SegmentState::Suspect));
    }
    seal(disk, &mut file, folder, segment).map_err(|(segment, _)| (segment, SegmentState::Suspect))
}

/// What a folder's name and files tell, when `lecture.json` tells nothing.
fn guess<D: Disk>(
    disk: &mut D,
    layout: &Layout,
    options: &Options,
    folder: &str,
    report: &mut FsckReport,
) -> Option<Document> {
    let id = folder_lecture(folder)?;
    let path = layout.lecture(folder);
    let mut tracks = Vec::new();
    for entry in disk.list(&path).ok()? {
        let Some(source) = entry
            .name
            .to_str()
            .filter(|name| entry.is_dir && *name != FINISHED)
        else {
            continue;
        };
        let Ok(source) = source.parse::<SourceName>() else {
            continue;
        };
        let role = role_of(disk, &path.join(source.as_str())).unwrap_or(Role::Presenter);
        tracks.push(Track {
            source,
            role,
            kind: "unknown".to_owned(),
            spare_for: None,
            segments: Vec::new(),
        });
    }
    let started_unix_ms = started(options, folder).unwrap_or(0);
    report.find(
        K::Document,
        &path.join(LECTURE_JSON),
        "it is missing or not understood; the lecture was entered as failed: see whether the platforms have it, \
         then say lectern retry",
    );
    Some(Document {
        format: FORMAT,
        revision: 1,
        spool: Uuid::nil(),
        id,
        folder: folder.to_owned(),
        state: LectureState::Failed,
        was: None,
        reason: Some(
            "The database and lecture.json were lost; the recordings are here. See whether the platforms have \
             this lecture already, then retry."
                .to_owned(),
        ),
        metadata: Metadata::default(),
        started_unix_ms,
        planned_end_unix_ms: started_unix_ms,
        duration_ms: None,
        tracks,
        runs: vec![Run {
            run: RunNumber(1),
            base_mono_ns: 0,
            started_unix_ms,
            end_ns: None,
            boot_id: None,
            clock: RunClock::Trusted,
            seen_ns: 0,
            gap_before_ms: None,
            pauses: Vec::new(),
        }],
        marks: Vec::new(),
        facts: Vec::new(),
        purge_unix_ms: None,
        self_test: false,
        files: Vec::new(),
        deliveries: Vec::new(),
    })
}

/// Picture or sound, from the first segment that says so.
fn role_of<D: Disk>(disk: &mut D, folder: &Path) -> Option<Role> {
    let entries = disk.list(folder).ok()?;
    entries
        .iter()
        .filter(|entry| segment_number(&entry.name).is_some())
        .find_map(|entry| {
            let mut file = disk.open(&folder.join(&entry.name)).ok()?;
            let sound = cmaf::is_sound(disk, &mut file).ok()??;
            Some(if sound { Role::Microphone } else { Role::Presenter })
        })
}

fn started(options: &Options, folder: &str) -> Option<i64> {
    let (local, _) = folder.split_once('_')?;
    let zone = crate::layout::zone(options.timezone.as_deref()).ok()?;
    let at = DateTime::strptime("%Y-%m-%dT%H%M", local)
        .ok()?
        .to_zoned(zone)
        .ok()?;
    Some(at.timestamp().as_millisecond())
}
