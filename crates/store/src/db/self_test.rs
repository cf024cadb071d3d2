//! Self tests: lectures that the room makes to try itself out, and takes away again.
//!
//! Such a lecture is deleted without any platform's word, so nothing else may ever be taken for
//! one (P6). What it is, its row says from its first COMMIT on, and triggers refuse every change
//! of that. The way to its deletion needs a [`SelfTest`], which only this file makes, and every
//! statement on that way asks for the row's word again.

use std::path::{Path, PathBuf};

use lectern_domain::ids::LectureId;
use rusqlite::{Connection, OptionalExtension, Transaction};

use super::Db;
use super::recording::{NewLecture, Purpose, create, make_folder_of};
use super::rows::get_text;
use crate::error::DbError;
use crate::layout::Layout;
use crate::removal::Removal;

/// A self test that was begun here: the right to discard it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SelfTest(LectureId);

impl SelfTest {
    /// The lecture that it is recorded as.
    #[must_use]
    pub const fn lecture(self) -> LectureId {
        self.0
    }
}

/// The folder of a self test, which may go with all that is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TestFolder(PathBuf);

impl TestFolder {
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

/// All rows of a self test, children first.
const DISCARD: [&str; 8] = [
    "DELETE FROM files WHERE lecture = (SELECT id FROM lectures WHERE id = ?1 AND self_test = 1)",
    "DELETE FROM facts WHERE lecture = (SELECT id FROM lectures WHERE id = ?1 AND self_test = 1)",
    "DELETE FROM marks WHERE lecture = (SELECT id FROM lectures WHERE id = ?1 AND self_test = 1)",
    "DELETE FROM pauses WHERE lecture = (SELECT id FROM lectures WHERE id = ?1 AND self_test = 1)",
    "DELETE FROM segments WHERE lecture = (SELECT id FROM lectures WHERE id = ?1 AND self_test = 1)",
    "DELETE FROM runs WHERE lecture = (SELECT id FROM lectures WHERE id = ?1 AND self_test = 1)",
    "DELETE FROM tracks WHERE lecture = (SELECT id FROM lectures WHERE id = ?1 AND self_test = 1)",
    "DELETE FROM lectures WHERE id = ?1 AND self_test = 1",
];

impl Db {
    /// As [`Db::create_lecture`], for a self test: it is recorded like a lecture, is in no list,
    /// gets no delivery, and the next start of the store deletes what is left of it.
    ///
    /// # Errors
    /// As [`Db::create_lecture`].
    pub async fn create_self_test(&self, new: NewLecture) -> Result<SelfTest, DbError> {
        let folder = make_folder_of(self, &new).await?;
        let lecture = new.id;
        self.call("create a self test", move |ledger| {
            ledger.change(lecture, |tx| create(tx, &new, &folder, Purpose::SelfTest))?;
            Ok(SelfTest(lecture))
        })
        .await
    }

    /// Deletes a self test: its files, then its rows. None of its files may be written any more.
    /// A crash in the middle is ended by the next start. Runs beside a recording: a few dozen
    /// files of a minute each go between two of its chunks.
    ///
    /// # Errors
    /// [`DbError::NotFound`] when it is gone already, [`DbError::Spool`] when the disk refused:
    /// the rest goes at the next call or start.
    pub async fn discard(&self, test: SelfTest) -> Result<(), DbError> {
        let lecture = test.lecture();
        let folder = self
            .call("find a self test", move |ledger| {
                ledger.documents.forget(lecture);
                folder_of(&ledger.connection, &ledger.layout, lecture)?
                    .ok_or_else(|| DbError::no_lecture(lecture))
            })
            .await?;
        self.spool.remove(Removal::SelfTest(folder)).await?;
        self.call("delete a self test", move |ledger| {
            ledger.change(lecture, |tx| discard_rows(tx, lecture))
        })
        .await?;
        tracing::info!(%lecture, "a self test was deleted");
        Ok(())
    }
}

fn folder_of(
    connection: &Connection,
    layout: &Layout,
    lecture: LectureId,
) -> rusqlite::Result<Option<TestFolder>> {
    connection
        .prepare_cached("SELECT folder FROM lectures WHERE id = ?1 AND self_test = 1")?
        .query_row([lecture.to_string()], |row| {
            let folder: String = row.get("folder")?;
            Ok(TestFolder(layout.lecture(&folder)))
        })
        .optional()
}

/// Self tests that a crash left behind, with their folders.
pub(crate) fn left_behind(
    connection: &Connection,
    layout: &Layout,
) -> rusqlite::Result<Vec<(LectureId, TestFolder)>> {
    connection
        .prepare("SELECT id, folder FROM lectures INDEXED BY self_tests WHERE self_test = 1 ORDER BY id")?
        .query_map([], |row| {
            let folder: String = row.get("folder")?;
            Ok((get_text(row, "id")?, TestFolder(layout.lecture(&folder))))
        })?
        .collect()
}

/// Takes every row of a self test away; of a lecture, none.
pub(crate) fn discard_rows(tx: &Transaction<'_>, lecture: LectureId) -> Result<(), DbError> {
    let id = lecture.to_string();
    for sql in DISCARD {
        tx.prepare_cached(sql)?.execute([&id])?;
    }
    Ok(())
}
