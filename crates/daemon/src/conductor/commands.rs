//! What people and programs ask for, checked, decided and answered.

use lectern_capture::clock::{monotonic_ns, unix_ms};
use lectern_domain::api::{Arg, Command, Done, Metadata, Refusal, StartRequest};
use lectern_domain::config::Source;
use lectern_domain::ids::{LectureId, SourceName};
use lectern_domain::lecture::{LectureEvent, LectureState, RefusedLecture};
use lectern_domain::track::TrackHealth;
use lectern_store::{NewLecture, NewTrack, Plan};
use tokio::sync::{mpsc, oneshot};
use tracing::{info, warn};

use super::texts::{checked, checked_text};
use super::{Conductor, Request};
use crate::agenda;
use crate::refusals::{self, detailed, from_db, sentence, unable};
use crate::session::Session;
use crate::status::source_names;
use crate::steps::Moment;

const MINUTE_NS: u64 = 60_000_000_000;
/// The most that a planned end may lie ahead.
const MAX_AHEAD_NS: u64 = 24 * 60 * MINUTE_NS;

impl Conductor {
    pub(super) async fn request(&mut self, command: Command, reply: oneshot::Sender<Result<Done, Refusal>>) {
        let word = command.as_str();
        let checked = match command {
            Command::Start(request) => self.planned(request),
            Command::Begin(id) => self.early(id).await,
            other => return self.request_other(word, other, reply).await,
        };
        self.request_start(checked, reply).await;
    }

    async fn request_other(
        &mut self,
        word: &'static str,
        command: Command,
        reply: oneshot::Sender<Result<Done, Refusal>>,
    ) {
        let result = self.carry_out(command).await;
        match &result {
            Ok(done) => info!(
                command = word,
                lecture = done.lecture.map(tracing::field::display),
                "command was carried out"
            ),
            Err(refusal) => info!(command = word, why = refusal.message(), "command was refused"),
        }
        // Whoever asked may have gone; what was done stays done.
        drop(reply.send(result));
    }

    /// A start may have to wait for the lecture before it to be closed: half a second.
    async fn request_start(
        &mut self,
        checked: Result<Planned, Refusal>,
        reply: oneshot::Sender<Result<Done, Refusal>>,
    ) {
        let closing = self.session.as_ref().is_some_and(Session::gives_way);
        let result = match checked {
            // Only a start that can be made takes the time to undo from the lecture before it.
            Ok(planned) if closing && self.next_start.is_none() => match self.close_before_start().await {
                Ok(()) => {
                    self.next_start = Some((planned, reply));
                    return;
                }
                Err(refusal) => Err(refusal),
            },
            Ok(planned) => self.start(planned).await,
            Err(refusal) => Err(refusal),
        };
        answer_start(reply, result);
    }

    /// What is at work ends as soon as it can: the time to undo, or a self test.
    pub(super) async fn close_before_start(&mut self) -> Result<(), Refusal> {
        self.make_way().await?;
        self.end_grace().await
    }

    pub(super) async fn end_grace(&mut self) -> Result<(), Refusal> {
        if self.session.as_ref().is_some_and(Session::can_undo) {
            self.step(LectureEvent::GraceOver).await
        } else {
            Ok(())
        }
    }

    /// The lecture before it is closed: carries out the start that waited, unless whoever asked
    /// has given up. Nobody expects a recording to begin by then.
    pub(super) async fn start_waiting(&mut self) {
        let Some((planned, reply)) = self.next_start.take() else {
            return;
        };
        if reply.is_closed() {
            info!("start was not carried out: whoever asked for it did not wait");
            return;
        }
        let result = match self.can_start() {
            Ok(()) => self.start(planned).await,
            Err(refusal) => Err(refusal),
        };
        answer_start(reply, result);
    }

    async fn carry_out(&mut self, command: Command) -> Result<Done, Refusal> {
        match command {
            Command::Start(request) => {
                let planned = self.planned(request)?;
                self.start(planned).await
            }
            Command::Pause => self.press("pause", LectureEvent::Pause).await,
            Command::Resume => self.press("resume", LectureEvent::Resume).await,
            Command::Stop => self.press("stop", LectureEvent::Stop).await,
            Command::Undo => {
                if !self.lecture_at_work().is_some_and(Session::can_undo) {
                    return Err(self.not_now("undo"));
                }
                let paused = self
                    .session
                    .as_ref()
                    .is_some_and(|session| session.stopped_paused);
                self.press("undo", LectureEvent::Undo { paused }).await
            }
            Command::MoreTime => {
                if !self.lecture_at_work().is_some_and(Session::can_have_more_time) {
                    return Err(self.not_now("more-time"));
                }
                self.press("more-time", LectureEvent::MoreTime).await
            }
            Command::Mark(request) => self.mark(request.label).await,
            Command::Extend(request) => self.extend(request.minutes).await,
            Command::Retry(id, request) => self.retry(id, request.platform).await,
            Command::SendNow(id) => self.send_now(id).await,
            Command::Amend(id, metadata) => self.amend(id, metadata).await,
            Command::Plan(request) => self.plan(request).await,
            Command::Begin(id) => {
                let planned = self.early(id).await?;
                self.start(planned).await
            }
            Command::Cancel(id) => self.call_off(id).await,
            Command::Restore(id) => self.restore(id).await,
            Command::SelfTest(request) => self.begin_self_test(&request).await,
        }
    }

    /// A start, checked: everything but whether the recorder is at work.
    fn planned(&self, request: StartRequest) -> Result<Planned, Refusal> {
        let metadata = checked(Metadata {
            title: request.title,
            course: request.course,
            presenter: request.presenter,
            language: request.language,
        })?;
        self.require(&metadata)?;
        let length_ns = self.planned_length_ns(request.minutes)?;
        self.can_start()?;
        Ok(Planned::Now { metadata, length_ns })
    }

    pub(super) async fn start(&mut self, planned: Planned) -> Result<Done, Refusal> {
        if self.session.is_some() {
            return Err(self.not_now("start"));
        }
        let pressed = self.moment();
        let (now_ns, now_unix_ms) = (pressed.now_ns, pressed.unix_ms);
        let was_planned = matches!(planned, Planned::Before(_));
        let (id, metadata, length_ns) = match planned {
            Planned::Now { metadata, length_ns } => (LectureId::random(), metadata, length_ns),
            Planned::Before(plan) => {
                let longest_ms = self.parts.config.recording.max_length.0;
                let length_ms = agenda::length_ms(&plan, now_unix_ms, pressed.clock, longest_ms);
                (plan.id, plan.metadata, length_ms.saturating_mul(1_000_000))
            }
        };
        let planned_end_unix_ms = now_unix_ms.saturating_add(ms(length_ns));
        let new = self.new_lecture(id, metadata.clone(), now_unix_ms, planned_end_unix_ms);
        // One that is being finished needs no session, and must not hold on to its files.
        self.make_way().await?;
        let created = if was_planned {
            let begun = self.parts.db.begin_planned(new).await;
            self.read_plans().await;
            begun
        } else {
            self.parts.db.create_lecture(new).await
        };
        created.map_err(|error| from_db(&error))?;
        self.troubles.clear();
        self.session = Some(Session {
            started_unix_ms: now_unix_ms,
            ends_ns: now_ns.saturating_add(length_ns),
            ..Session::new(id, metadata, LectureState::Armed)
        });
        if let Err(refusal) = self.open_first_run(pressed).await {
            // Else the next start of the daemon would find it and record, which nobody expects.
            let given_up = self.step(LectureEvent::NothingArrived).await;
            warn!(lecture = %id, noted = given_up.is_ok(), "lecture could not be begun");
            self.session = None;
            self.parts.capture.follow(None);
            return Err(refusal);
        }
        Ok(self.done())
    }

    /// The row of a recording of all sources.
    pub(super) fn new_lecture(
        &self,
        id: LectureId,
        metadata: Metadata,
        started_unix_ms: i64,
        planned_end_unix_ms: i64,
    ) -> NewLecture {
        let tracks = self.parts.config.sources.iter();
        NewLecture {
            id,
            metadata,
            started_unix_ms,
            planned_end_unix_ms,
            tracks: tracks
                .map(|s| NewTrack {
                    source: s.name.clone(),
                    role: s.role,
                    kind: s.kind.as_str().to_owned(),
                    spare_for: s.spare_for.clone(),
                })
                .collect(),
        }
    }

    /// The row of a new lecture is `armed` from the beginning.
    pub(super) async fn open_first_run(&mut self, pressed: Moment) -> Result<(), Refusal> {
        let Some(session) = &self.session else {
            return Ok(());
        };
        let scheduled = Session {
            state: LectureState::Scheduled,
            ..session.clone()
        };
        // Sources that keep something give it from before the press, others from now on.
        let moment = if pressed.pre_roll_ns > 0 {
            pressed
        } else {
            self.moment()
        };
        let next = scheduled
            .after(LectureEvent::Arm, moment)
            .map_err(|refused| self.refused(&refused))?;
        self.make(next).await.map_err(|error| unable(&error))
    }

    pub(super) fn planned_length_ns(&self, minutes: Option<u32>) -> Result<u64, Refusal> {
        let longest_ns = self.parts.config.recording.max_length.ns();
        match minutes {
            None => Ok(longest_ns),
            Some(minutes) if minutes > 0 && minutes_ns(minutes) <= longest_ns => Ok(minutes_ns(minutes)),
            Some(minutes) => Err(Refusal::Invalid {
                message: detailed(
                    sentence("refused-length", [("most", Arg::Number(longest_ns / MINUTE_NS))]),
                    &format!("(asked for: {minutes}; the most is recording.max_length)"),
                ),
            }),
        }
    }

    /// Whether a lecture could be recorded now: room on the disk, sources that deliver.
    pub(super) fn can_start(&self) -> Result<(), Refusal> {
        if self.leaving {
            return Err(refusals::leaving());
        }
        if self.session.as_ref().is_some_and(|session| !session.gives_way()) {
            return Err(self.not_now("start"));
        }
        let budget = self.budget();
        if !budget.can_start() {
            return Err(Refusal::Unable {
                message: detailed(
                    sentence("refused-disk-full", []),
                    &format!(
                        "({} MB are free, {} MB are kept in reserve, and a recording needs {} MB for its first minutes.)",
                        budget.free / 1_000_000,
                        budget.reserve / 1_000_000,
                        budget.start_bytes() / 1_000_000
                    ),
                ),
            });
        }
        let reports = self.parts.capture.reports();
        let is = |name: &SourceName, health| reports.get(name).is_some_and(|r| r.health == health);
        let sources = self.parts.config.sources.iter();
        let away: Vec<_> = sources
            .filter(|source| !is(&source.name, TrackHealth::Live))
            .collect();
        let starts = |source: &&Source| is(&source.name, TrackHealth::Starting);
        let needed: Vec<_> = away.iter().copied().filter(|source| source.required).collect();
        if !needed.is_empty() {
            let names = needed.iter().map(|source| source.name.as_str());
            return Err(refusals::no_signal(
                sentence("refused-source-missing", [("source", source_names(names))]),
                needed.iter().all(starts),
            ));
        }
        if away.len() == self.parts.config.sources.len() {
            return Err(refusals::no_signal(
                sentence("refused-no-source", []),
                away.iter().any(starts),
            ));
        }
        Ok(())
    }

    /// Whoever asked and was not heard is told that nothing was done of it, so that it may be
    /// asked of the program that comes next.
    pub(super) fn refuse_unheard(&mut self, requests: &mut mpsc::Receiver<Request>) {
        requests.close();
        let waits = self.next_start.take().map(|(_, reply)| reply);
        let unheard = std::iter::from_fn(|| requests.try_recv().ok().map(|(_, reply)| reply));
        for reply in waits.into_iter().chain(unheard) {
            // Whoever asked may have gone.
            drop(reply.send(Err(refusals::leaving())));
        }
    }

    async fn press(&mut self, word: &'static str, event: LectureEvent) -> Result<Done, Refusal> {
        let allowed = self
            .lecture_at_work()
            .is_some_and(|session| session.state.step(event).is_ok());
        if !allowed {
            return Err(self.not_now(word));
        }
        self.step(event).await?;
        Ok(self.done())
    }

    async fn mark(&mut self, label: Option<String>) -> Result<Done, Refusal> {
        let label = checked_text("label", label)?;
        let Some((run, at_ns)) = self
            .lecture_at_work()
            .filter(|s| s.state.step(LectureEvent::Stop).is_ok())
            .and_then(|s| {
                s.run
                    .as_ref()
                    .map(|run| (run.id, monotonic_ns().saturating_sub(run.base_ns)))
            })
        else {
            return Err(self.not_now("mark"));
        };
        self.parts
            .db
            .mark(run, at_ns, label)
            .await
            .map_err(|error| unable(&error))?;
        if let Some(session) = &mut self.session {
            session.marks += 1;
        }
        Ok(self.done())
    }

    async fn extend(&mut self, minutes: u32) -> Result<Done, Refusal> {
        let Some(session) = self
            .session
            .as_mut()
            .filter(|s| !s.self_test && s.state.step(LectureEvent::Stop).is_ok())
        else {
            return Err(self.not_now("extend"));
        };
        let now_ns = monotonic_ns();
        let ends_ns = session.ends_ns.saturating_add(minutes_ns(minutes));
        if minutes == 0 || ends_ns > now_ns + MAX_AHEAD_NS {
            return Err(Refusal::Invalid {
                message: detailed(
                    sentence("refused-extend", []),
                    &format!("(asked for: {minutes} minutes)"),
                ),
            });
        }
        let ends_unix_ms = unix_ms().saturating_add(ms(ends_ns.saturating_sub(now_ns)));
        self.parts
            .db
            .set_planned_end(session.id, ends_unix_ms)
            .await
            .map_err(|error| unable(&error))?;
        session.ends_ns = ends_ns;
        // Somebody is there and wants it to go on.
        session.doubt = None;
        Ok(self.done())
    }

    fn done(&self) -> Done {
        Done {
            lecture: self.session.as_ref().map(|session| session.id),
            state: self.session.as_ref().map(|session| session.state),
        }
    }

    /// The refusal of a button that makes no sense now: names the state and what is allowed.
    pub(super) fn not_now(&self, word: &str) -> Refusal {
        let at_work = self.lecture_at_work();
        let state = at_work.map(|session| session.state);
        let allowed = at_work.map_or_else(
            || vec!["start"],
            |session| session.allowed(self.next_start.is_some()),
        );
        refusals::state(word, state, allowed)
    }

    /// The refusal of a step that nobody pressed, or that a press had not foreseen.
    pub(super) fn refused(&self, refused: &RefusedLecture) -> Refusal {
        warn!(refused = %refused, "step was refused");
        self.not_now("")
    }
}

/// A start that was checked.
#[derive(Debug)]
pub(super) enum Planned {
    /// A new lecture.
    Now { metadata: Metadata, length_ns: u64 },
    /// One that was planned, early, in time or late.
    Before(Plan),
}

fn answer_start(reply: oneshot::Sender<Result<Done, Refusal>>, result: Result<Done, Refusal>) {
    match &result {
        Ok(done) => info!(
            lecture = done.lecture.map(tracing::field::display),
            "lecture was started"
        ),
        Err(refusal) => info!(why = refusal.message(), "start was refused"),
    }
    // Whoever asked may have gone; what was done stays done.
    drop(reply.send(result));
}

/// As many minutes as anybody may ask for, without an overflow.
fn minutes_ns(minutes: u32) -> u64 {
    u64::from(minutes).saturating_mul(MINUTE_NS)
}

fn ms(ns: u64) -> i64 {
    i64::try_from(ns / 1_000_000).unwrap_or(i64::MAX)
}
