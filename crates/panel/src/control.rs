//! The seam between the panel and the daemon. The daemon implements [`Control`]; tests and the
//! example script it. Nothing here does work.

use std::sync::Arc;

use async_trait::async_trait;
use lectern_domain::api::{
    Command, Doctor, Done, Figures, LectureDetail, LecturePage, Levels, Queue, Refusal, SelfTest, Status,
};
use lectern_domain::ids::{LectureId, SourceName};
use lectern_domain::lecture::LectureState;
use lectern_domain::media::{Audience, Picture};
use tokio::sync::{broadcast, watch};

/// What the panel may ask of the daemon.
///
/// Every `async` method is called from the panel's runtime and must not block its thread; an
/// answer that takes longer than fifteen seconds is given up, and the caller is told that the
/// outcome is open.
#[async_trait]
pub trait Control: Send + Sync + 'static {
    /// Carries out a command. `Ok` means: committed.
    ///
    /// # Errors
    /// [`Refusal`]: nothing was changed, and why.
    async fn command(&self, command: Command) -> Result<Done, Refusal>;

    /// The present status and every later one. Slow readers miss those between.
    fn status(&self) -> watch::Receiver<Arc<Status>>;

    /// Sound levels as they are measured. Slow readers miss the oldest; the sender's bound is
    /// its creator's (64).
    fn levels(&self) -> broadcast::Receiver<Levels>;

    /// The latest picture of each source that has any, in configuration order.
    fn pictures(&self) -> Pictures;

    /// At most `limit` lectures, newest first, older than `after`.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for an unknown `after`, [`Refusal::Internal`] for a broken database.
    async fn lectures(
        &self,
        state: Option<LectureState>,
        limit: u32,
        after: Option<LectureId>,
    ) -> Result<LecturePage, Refusal>;

    /// One lecture, named by its id or by an unambiguous beginning of it.
    ///
    /// # Errors
    /// [`Refusal::NotFound`]; [`Refusal::Invalid`] when several begin so.
    async fn lecture(&self, id: &str) -> Result<LectureDetail, Refusal>;

    /// The way to the platforms.
    ///
    /// # Errors
    /// [`Refusal::Internal`] for a broken database.
    async fn queue(&self) -> Result<Queue, Refusal>;

    /// Looks at clock, timetable and platforms, and says what it found. May take twelve seconds.
    ///
    /// # Errors
    /// [`Refusal::Unable`] when there is nobody to look.
    async fn doctor(&self) -> Result<Doctor, Refusal> {
        Err(Refusal::Unable {
            message: "This recorder has no doctor. Nothing was looked at.".into(),
        })
    }

    /// Counts that only the metrics tell. Asked with each scrape: some milliseconds at most.
    async fn figures(&self) -> Figures {
        Figures::default()
    }

    /// The self test under way, or the last one; nothing is asked.
    fn self_test(&self) -> Arc<SelfTest> {
        Arc::default()
    }

    /// Sends a test notice to each who is told, and says who took it. May take twelve seconds.
    ///
    /// # Errors
    /// [`Refusal::Unable`] when there is nobody to send it.
    async fn notify_test(&self) -> Result<Doctor, Refusal> {
        Err(Refusal::Unable {
            message: "This recorder tells nobody. Nothing was sent.".into(),
        })
    }

    /// Whether the daemon makes progress; `/healthz` answers by it. Must not block.
    fn healthy(&self) -> bool;
}

/// The latest picture of each source, in configuration order. An index into it is the first byte
/// of a preview message. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Pictures {
    entries: Arc<[Entry]>,
    audience: Audience,
}

type Latest = watch::Receiver<Option<Arc<Picture>>>;

#[derive(Clone, Debug)]
struct Entry {
    source: SourceName,
    latest: Latest,
}

impl Pictures {
    /// From the sources with pictures, in configuration order. Only the first 256 can be named by
    /// the one byte of a preview message; a room has three.
    pub fn new(sources: impl IntoIterator<Item = (SourceName, Latest)>) -> Self {
        Self {
            entries: sources
                .into_iter()
                .take(256)
                .map(|(source, latest)| Entry { source, latest })
                .collect(),
            audience: Audience::default(),
        }
    }

    /// Every viewer joins `audience` for as long as it stays.
    #[must_use]
    pub fn shown_to(self, audience: Audience) -> Self {
        Self { audience, ..self }
    }

    /// Who looks at them.
    #[must_use]
    pub fn audience(&self) -> &Audience {
        &self.audience
    }

    /// The receiver of one source.
    #[must_use]
    pub fn get(&self, source: &str) -> Option<Latest> {
        self.entries
            .iter()
            .find(|e| e.source.as_str() == source)
            .map(|e| e.latest.clone())
    }

    /// Every source and its receiver, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&SourceName, &Latest)> {
        self.entries.iter().map(|e| (&e.source, &e.latest))
    }

    /// The place of a source in the order: the first byte of its preview messages.
    #[must_use]
    pub fn index_of(&self, source: &SourceName) -> Option<usize> {
        self.entries.iter().position(|e| e.source == *source)
    }
}
