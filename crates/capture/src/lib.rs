//! Starts, feeds, watches and restarts the sources: one child process each.
//!
//! **Why processes.** Xlib calls `exit` when its server dies, drivers hang in the kernel, plugins
//! crash; in one process each of these would take the whole lecture along. A child is killed and
//! started again, the others never notice (promise P4), and this process links no media library.
//!
//! **What the conductor says** is one value, [`RunPlan`]: which run is being recorded, on which
//! base time, with which pauses and which stop. Every source task follows it by itself, whatever
//! its child is doing at the moment; a child that was just started again receives the same plan.
//!
//! **What comes back**: media in order ([`Media`]: chunks, then `Drained`) through one bounded
//! channel, so that a slow disk pushes back into the children's own bounded queues and never
//! grows this process; health by a watched [`SourceReport`] per source; pictures and levels for
//! the page, of which only the newest counts; facts for the lecture ([`Noted`]) through a bounded
//! channel of their own.
//!
//! **Spares.** A source with `spare_for` rests its encoder while that other source delivers. The
//! two tasks speak through one watched value; see `delivery` and `spare`.
//!
//! **Threads.** All tasks run on the runtime that calls [`Capture::start`], which must be a
//! current-thread runtime on a thread that lives as long as the daemon: the kernel's parent-death
//! signal fires when the *thread* that started a child ends.
//!
//! Nothing here touches a file, SQL or HTTP.

mod absence;
mod backoff;
mod child;
pub mod clock;
mod delivery;
mod encoding;
mod following;
mod gate;
mod hearing;
mod life;
mod notes;
mod plan;
mod program;
mod report;
mod spare;
mod supervisor;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use lectern_domain::api::Levels;
use lectern_domain::config::Source;
use lectern_domain::ids::{RunId, SourceName};
use lectern_domain::media::{Audience, Chunk, Picture};
use tokio::sync::{broadcast, mpsc, watch};
use tokio::task::JoinSet;

use delivery::Delivery;
use notes::Notes;

pub use notes::Noted;
pub use plan::{PAUSE_MARGIN_NS, RunPlan, Stop};
pub use program::Program;
pub use report::SourceReport;

/// Media waiting between the children and the spool: ten seconds of five tracks, some 10 MiB. What
/// comes on top waits in the children. A source whose media waits cannot be started again, so this
/// is longer than a disk that lives takes for a write: five seconds were measured (P4).
pub const MEDIA_BOUND: usize = 256;
/// Facts waiting for the conductor; what comes on top is dropped, with a word in the log.
pub const FACTS_BOUND: usize = 256;
/// Levels that a slow page may lag behind before it skips.
pub const LEVELS_BOUND: usize = 64;

/// What the sources produce for the spool, in order for each source.
#[derive(Clone, Debug)]
pub enum Media {
    /// To be appended.
    Chunk(Chunk),
    /// Nothing more of `run` will come from `source`: it flushed, died, or did not answer in
    /// time.
    Drained {
        /// The run that was stopped.
        run: RunId,
        /// The source.
        source: SourceName,
    },
}

/// What the sources are told once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CaptureSettings {
    /// How much of the past each source keeps encoded in its memory, in nanoseconds; 0: nothing,
    /// and nothing is encoded outside of a run.
    pub pre_roll_ns: u64,
}

/// What [`Capture::start`] returns beside the handle.
#[derive(Debug)]
pub struct Outputs {
    /// Chunks for the spool; at most [`MEDIA_BOUND`] wait in it.
    pub media: mpsc::Receiver<Media>,
    /// Ticks when the health of any source has changed; read the reports then.
    pub changed: watch::Receiver<u64>,
    /// What a lecture is to remember of its sources; at most [`FACTS_BOUND`] wait in it. Nothing
    /// comes while no run is open.
    pub facts: mpsc::Receiver<Noted>,
}

/// The sources at work. Dropping it kills the children; [`Capture::shutdown`] lets them flush.
#[derive(Debug)]
pub struct Capture {
    program: Arc<Program>,
    plan: watch::Sender<Option<RunPlan>>,
    quit: watch::Sender<bool>,
    reports: BTreeMap<SourceName, watch::Receiver<SourceReport>>,
    pictures: Vec<(SourceName, watch::Receiver<Option<Arc<Picture>>>)>,
    audience: Audience,
    levels: broadcast::Sender<Levels>,
    tasks: JoinSet<()>,
}

impl Capture {
    /// Starts one task for each source; each starts its child at once, so that pictures and
    /// levels are there before anybody presses record. `program` is held open: whatever takes its
    /// place later, every child is started from the file that is there now. Must be called inside
    /// a runtime.
    #[must_use]
    pub fn start(program: PathBuf, sources: &[Source], settings: CaptureSettings) -> (Self, Outputs) {
        let (plan, _) = watch::channel(None);
        let (quit, _) = watch::channel(false);
        let (levels, _) = broadcast::channel(LEVELS_BOUND);
        let (media_out, media) = mpsc::channel(MEDIA_BOUND);
        let (changed_out, changed) = watch::channel(0);
        let (facts_out, facts) = mpsc::channel(FACTS_BOUND);
        let program = Arc::new(Program::hold(program));
        let mut reports = BTreeMap::new();
        let mut pictures = Vec::new();
        let audience = Audience::default();
        let mut tasks = JoinSet::new();
        let deliveries: BTreeMap<_, _> = sources
            .iter()
            .map(|source| (&source.name, watch::Sender::new(Delivery::Expected)))
            .collect();
        for source in sources {
            let principal = source.spare_for.as_ref().and_then(|name| deliveries.get(name));
            let (report_out, report) = watch::channel(SourceReport::starting(source));
            let (picture_out, picture) = watch::channel(None);
            reports.insert(source.name.clone(), report);
            pictures.push((source.name.clone(), picture));
            let task = supervisor::Supervisor {
                program: Arc::clone(&program),
                source: source.clone(),
                settings,
                principal: principal.map(watch::Sender::subscribe),
                plan: plan.subscribe(),
                quit: quit.subscribe(),
                out: supervisor::Out {
                    media: media_out.clone(),
                    report: report_out,
                    changed: changed_out.clone(),
                    picture: picture_out,
                    audience: audience.clone(),
                    levels: levels.clone(),
                    notes: Notes::new(source.name.clone(), facts_out.clone()),
                    delivery: deliveries[&source.name].clone(),
                },
            };
            tasks.spawn(task.run());
        }
        (
            Self {
                program,
                plan,
                quit,
                reports,
                pictures,
                audience,
                levels,
                tasks,
            },
            Outputs {
                media,
                changed,
                facts,
            },
        )
    }

    /// What the sources are started from, also after another file has taken its name.
    #[must_use]
    pub fn program(&self) -> Arc<Program> {
        Arc::clone(&self.program)
    }

    /// Makes `plan` the truth; `None` when no run is open. Returns at once, the sources follow.
    pub fn follow(&self, plan: Option<RunPlan>) {
        self.plan.send_replace(plan);
    }

    /// The present state of every source, by name.
    #[must_use]
    pub fn reports(&self) -> BTreeMap<SourceName, SourceReport> {
        self.reports
            .iter()
            .map(|(name, report)| (name.clone(), report.borrow().clone()))
            .collect()
    }

    /// The newest picture of each source, in configuration order; always `None` for sound, and
    /// in a pause.
    #[must_use]
    pub fn pictures(&self) -> Vec<(SourceName, watch::Receiver<Option<Arc<Picture>>>)> {
        self.pictures.clone()
    }

    /// Whoever looks at the pictures joins it: while nobody does, one comes every two seconds.
    #[must_use]
    pub fn audience(&self) -> Audience {
        self.audience.clone()
    }

    /// The levels of the microphones; a receiver that lags skips.
    #[must_use]
    pub fn levels(&self) -> broadcast::Sender<Levels> {
        self.levels.clone()
    }

    /// Asks every child to quit, kills what has not within two seconds, and returns when all
    /// tasks have ended. What is in flight comes out of [`Outputs::media`], so read it meanwhile.
    pub async fn shutdown(mut self) {
        self.quit.send_replace(true);
        while self.tasks.join_next().await.is_some() {}
    }
}
