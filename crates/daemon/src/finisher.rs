//! The thread that finishes lectures: niced, one at a time, and at rest while one is recorded.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use jiff::tz::TimeZone;
use lectern_capture::clock::monotonic_ns;
use lectern_domain::config::{Config, Picture};
use lectern_domain::ids::LectureId;
use lectern_finish::{Finished, Job, MarkInput, RunInput, SegmentInput, TrackInput};
use lectern_store::FinishInput;
use tokio::sync::{mpsc, watch};
use tracing::{info, warn};

use crate::notify::Vitals;
use crate::priority::{self, Work};

/// Lectures handed over and not begun: the conductor hands over one at a time.
const JOB_BOUND: usize = 1;
/// Results not yet taken by the conductor.
const EVENT_BOUND: usize = 4;
/// How often a resting thread looks whether the recording is over.
const REST: Duration = Duration::from_millis(500);

/// What the thread says.
#[derive(Debug)]
pub(crate) enum FinishEvent {
    /// The files are on the disk; their rows are not committed yet.
    Done {
        lecture: LectureId,
        finished: Finished,
        took_ms: u64,
    },
    /// Nothing was lost; the reason is for people.
    Failed { lecture: LectureId, message: String },
}

/// What the room wants of a finished lecture.
#[derive(Clone, Debug)]
pub(crate) struct Wishes {
    picture: Picture,
    gap_card: bool,
    /// Of captions and chapters, where the lecture does not say its own.
    language: String,
    timezone: TimeZone,
    renderer: PathBuf,
}

impl Wishes {
    /// As configured; `renderer` is `lectern-source`.
    pub(crate) fn of(config: &Config, renderer: PathBuf) -> Self {
        let zone = config.room.timezone.as_deref();
        Self {
            picture: config.recording.picture,
            gap_card: config.recording.gap_card,
            language: config.room.languages.first().cloned().unwrap_or_default(),
            timezone: zone
                .and_then(|name| TimeZone::get(name).ok())
                .unwrap_or_else(TimeZone::system),
            renderer,
        }
    }
}

/// A lecture to be finished.
struct Order {
    lecture: LectureId,
    input: FinishInput,
    wishes: Wishes,
}

/// The way to the thread. [`Finisher::close`] joins it.
pub(crate) struct Finisher {
    jobs: mpsc::Sender<Order>,
    /// The last one that is not to be finished after all.
    given_up: watch::Sender<Option<LectureId>>,
    thread: JoinHandle<()>,
    vitals: Arc<Vitals>,
}

impl Finisher {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the system has no thread to give.
    pub(crate) fn start(vitals: Arc<Vitals>) -> std::io::Result<(Self, mpsc::Receiver<FinishEvent>)> {
        let (jobs, inbox) = mpsc::channel(JOB_BOUND);
        let (outbox, events) = mpsc::channel(EVENT_BOUND);
        let seen = Arc::clone(&vitals);
        let (given_up, unwanted) = watch::channel(None);
        let thread = std::thread::Builder::new()
            .name("finish".to_owned())
            .spawn(move || work(inbox, &outbox, &seen, &unwanted))?;
        let finisher = Self {
            jobs,
            given_up,
            thread,
            vitals,
        };
        Ok((finisher, events))
    }

    /// Hands a lecture over, with what the room wants of it now; `false` if the thread takes none.
    pub(crate) fn hand_over(&self, lecture: LectureId, input: FinishInput, wishes: Wishes) -> bool {
        let order = Order {
            lecture,
            input,
            wishes,
        };
        self.jobs.try_send(order).is_ok()
    }

    /// Ends the work on a lecture at its next block of bytes, if it has begun; it is then told as
    /// failed.
    pub(crate) fn give_up(&self, lecture: LectureId) {
        self.given_up.send_replace(Some(lecture));
    }

    /// Stops the thread at its next block of bytes and waits for it. A half-made file stays as
    /// `.part` and is made again at the next start.
    pub(crate) fn close(self) {
        self.vitals.leave();
        drop(self.jobs);
        if self.thread.join().is_err() {
            warn!("finish thread panicked");
        }
    }
}

fn work(
    mut inbox: mpsc::Receiver<Order>,
    outbox: &mpsc::Sender<FinishEvent>,
    vitals: &Vitals,
    unwanted: &watch::Receiver<Option<LectureId>>,
) {
    priority::lower(Work::Finish);
    while let Some(order) = inbox.blocking_recv() {
        let began_ns = monotonic_ns();
        let lecture = order.lecture;
        let job = job(&order.wishes, order.input);
        let mut resting = false;
        let mut go_on = |_| {
            let is_unwanted = || *unwanted.borrow() == Some(lecture);
            while vitals.recording() && !vitals.leaving() && !is_unwanted() {
                if !std::mem::replace(&mut resting, true) {
                    info!(lecture = %lecture, "finishing rests while a lecture is recorded");
                }
                std::thread::park_timeout(REST);
            }
            resting = false;
            if vitals.leaving() || is_unwanted() {
                std::ops::ControlFlow::Break(())
            } else {
                std::ops::ControlFlow::Continue(())
            }
        };
        // One lecture that nobody foresaw must not keep all others from being finished.
        let result = catch_unwind(AssertUnwindSafe(|| lectern_finish::finish(&job, &mut go_on)));
        let Ok(result) = result else {
            let message = "the finisher broke down on it; the log of the recorder says where".to_owned();
            if outbox
                .blocking_send(FinishEvent::Failed { lecture, message })
                .is_err()
            {
                return;
            }
            continue;
        };
        let event = match result {
            Ok(finished) => FinishEvent::Done {
                lecture,
                finished,
                took_ms: monotonic_ns().saturating_sub(began_ns) / 1_000_000,
            },
            Err(lectern_finish::FinishError::Stopped) if vitals.leaving() => return,
            Err(error) => FinishEvent::Failed {
                lecture,
                message: chain(&error),
            },
        };
        if outbox.blocking_send(event).is_err() {
            return;
        }
    }
}

/// An error and its causes in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

fn job(wishes: &Wishes, input: FinishInput) -> Job {
    let segment = |s: lectern_store::FinishSegment| SegmentInput {
        run: s.run,
        path: s.path,
        size_bytes: s.size_bytes,
        sha256: s.sha256,
        span_ns: Some((s.start_ns, s.end_ns)),
    };
    let tracks = input.tracks.into_iter().map(|track| TrackInput {
        source: track.source,
        role: track.role,
        spare_for: track.spare_for,
        segments: track.segments.into_iter().map(segment).collect(),
    });
    let runs = input.runs.into_iter().map(|run| RunInput {
        run: run.run,
        end_ns: run.end_ns,
        pauses: run.pauses,
        started_unix_ms: Some(run.started_unix_ms),
        clock: run.clock,
        gap_before_ms: run.gap_before_ms,
    });
    let marks = input.marks.into_iter().map(|mark| MarkInput {
        run: mark.run,
        at_ns: mark.at_ns,
        label: mark.label,
    });
    Job {
        lecture_dir: input.folder,
        picture: wishes.picture,
        tracks: tracks.collect(),
        runs: runs.collect(),
        marks: marks.collect(),
        facts: input.facts,
        gap_card: wishes.gap_card,
        // Captions are for those who watch the lecture, not for those who sit in the room.
        language: input.metadata["language"]
            .as_str()
            .map_or_else(|| wishes.language.clone(), str::to_owned),
        timezone: wishes.timezone.clone(),
        renderer: Some(wishes.renderer.clone()),
        metadata: input.metadata,
        title: input.title,
        started_unix_ms: Some(input.started_unix_ms),
    }
}
