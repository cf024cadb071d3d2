//! Sources that a lecture did not begin with.
//!
//! A lecture that goes on after an outage may meet another configuration than it began with:
//! somebody has used the time to add the microphone that was missing. What such a source delivers
//! has a place only once the lecture knows it.

use lectern_domain::ids::{LectureId, SourceName};

use super::Db;
use super::document::Document;
use super::recording::{NewTrack, insert_tracks, refuse_reserved_names};
use crate::error::DbError;

impl Db {
    /// Lets sources take part from now on in a lecture that was begun without them: each gets its
    /// folder, made and synced, then its row, after those that are there. Sources that take part
    /// already stay as they are. Returns those that joined.
    ///
    /// # Errors
    /// [`DbError::NotFound`] for an unknown lecture, [`DbError::Spool`] when a folder cannot be
    /// made, [`DbError::Conflict`] for a source named `finished`. None joined then.
    pub async fn join(
        &self,
        lecture: LectureId,
        mut tracks: Vec<NewTrack>,
    ) -> Result<Vec<SourceName>, DbError> {
        let (folder, known) = self
            .call("look for the sources of a lecture", move |ledger| {
                let document = Document::load(&ledger.connection, ledger.uuid, lecture)?
                    .ok_or_else(|| DbError::no_lecture(lecture))?;
                let known = document.tracks.into_iter().map(|track| track.source);
                Ok((document.folder, known.collect::<Vec<_>>()))
            })
            .await?;
        tracks.retain(|track| !known.contains(&track.source));
        if tracks.is_empty() {
            return Ok(Vec::new());
        }
        refuse_reserved_names(&tracks)?;
        let joined: Vec<SourceName> = tracks.iter().map(|track| track.source.clone()).collect();
        self.spool.make_folder(folder, joined.clone()).await?;
        self.call("let sources join a lecture", move |ledger| {
            ledger.change(lecture, |tx| insert_tracks(tx, lecture, known.len(), &tracks))
        })
        .await?;
        Ok(joined)
    }
}
