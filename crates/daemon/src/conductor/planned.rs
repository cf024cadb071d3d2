//! Lectures that begin by themselves: planned, begun early, called off, taken back, and watched.
//!
//! What is due is decided in [`crate::agenda`]. The rows are changed by this task alone, so the
//! next plan is read when one of them changed and not with every look at the clock.

use lectern_capture::clock::{monotonic_ns, unix_ms};
use lectern_domain::api::{
    self, Arg, ClockTrust, Done, LAST_UNIX_MS, Metadata, PlanRequest, Refusal, Sentence, Severity,
};
use lectern_domain::ids::LectureId;
use lectern_domain::lecture::{LectureEvent, LectureState};
use lectern_store::{DbError, MAX_PLANNED, Plan, Planning};
use lectern_words::Voice;
use tracing::{error, info, warn};

use super::Conductor;
use super::commands::Planned;
use super::texts::checked;
use crate::agenda::{Held, PlanStep, Question, Recorder};
use crate::refusals;
use crate::status::{choice, count};

/// How long "not today" can be taken back at the podium.
const CALLED_OFF_NS: u64 = 10_000_000_000;
/// A beginning that was in vain is tried again after this.
const TRY_AGAIN_NS: u64 = 2_000_000_000;
/// Code of the message about lectures that did not take place.
const MISSED: &str = "plan-missed";

impl Conductor {
    /// Watches the next planned lecture: counts down, begins it, or notes that it was missed.
    pub(super) async fn plan_on(&mut self, now_ns: u64) {
        if self
            .agenda
            .called_off
            .as_ref()
            .is_some_and(|(_, until_ns)| now_ns >= *until_ns)
        {
            self.agenda.called_off = None;
        }
        if self.leaving || now_ns < self.agenda.again_ns {
            return;
        }
        if !self.agenda.is_read {
            self.read_plans().await;
        }
        let Some((plan, before)) = self.agenda.next.clone() else {
            return;
        };
        let question = Question {
            starts_unix_ms: plan.starts_unix_ms,
            ends_unix_ms: plan.ends_unix_ms,
            now_unix_ms: unix_ms(),
            clock: self.clock.trust(),
            recorder: self.recorder(now_ns),
        };
        let step = question.step();
        // What was so before it was missed is why it was.
        if let Some((_, noted)) = self.agenda.next.as_mut().filter(|_| step != PlanStep::Miss) {
            *noted = step;
        }
        match step {
            PlanStep::Wait => {}
            PlanStep::CountDown if before != step => {
                info!(lecture = %plan.id, "planned lecture came within a minute");
                if let Err(refusal) = self.make_way().await {
                    error!(error = refusal.message(), "self test could not be ended");
                }
            }
            PlanStep::Hold(why) if before != step => {
                warn!(lecture = %plan.id, why = ?why, "planned lecture was held back");
            }
            PlanStep::CountDown | PlanStep::Hold(Held::Clock | Held::Recording) => {}
            PlanStep::Begin => self.begin_by_itself(plan).await,
            PlanStep::EndUndo => {
                if let Err(refusal) = self.close_before_start().await {
                    error!(
                        error = refusal.message(),
                        "lecture before a planned one could not be closed"
                    );
                    self.agenda.again_ns = now_ns.saturating_add(TRY_AGAIN_NS);
                }
            }
            PlanStep::Miss => self.miss(&plan, before).await,
        }
    }

    /// Reads the next plan, so that what is told of it is true before a command is answered. If
    /// that fails, the clock tries it again; until then nothing begins.
    pub(super) async fn read_plans(&mut self) {
        match self.parts.db.next_planned().await {
            Ok(next) => self.agenda.set(next),
            Err(error) => {
                warn!(error = %error, "planned lectures could not be read; it is tried again");
                self.agenda.next = None;
                self.agenda.look_again();
                self.agenda.again_ns = monotonic_ns().saturating_add(TRY_AGAIN_NS);
            }
        }
    }

    fn recorder(&self, now_ns: u64) -> Recorder {
        match &self.session {
            None => Recorder::Free,
            // Somebody pressed start and is being waited for.
            Some(_) if self.next_start.is_some() => Recorder::AtWork,
            Some(session) if session.self_test => Recorder::Ended,
            Some(session) if session.is_closing() && session.ends_ns <= now_ns => Recorder::Ended,
            Some(_) => Recorder::AtWork,
        }
    }

    /// As a press of start. What refuses it is told, and it is tried again until its time is over.
    async fn begin_by_itself(&mut self, plan: Plan) {
        let id = plan.id;
        let begun = match self.can_start() {
            Ok(()) => self.start(Planned::Before(plan)).await,
            Err(refusal) => Err(refusal),
        };
        match begun {
            Ok(_) => info!(lecture = %id, "planned lecture began by itself"),
            Err(refusal) => {
                let why = refusal.message().to_owned();
                if self.agenda.hindrance.as_ref() != Some(&why) {
                    warn!(lecture = %id, why, "planned lecture could not begin; it is tried again");
                }
                // It may have come as far as its row.
                self.agenda.look_again();
                self.agenda.again_ns = monotonic_ns().saturating_add(TRY_AGAIN_NS);
                self.agenda.hindrance = Some(why);
            }
        }
    }

    /// Notes that nothing was recorded of a planned lecture: it is kept as failed, so that a
    /// person finds it in the list.
    async fn miss(&mut self, plan: &Plan, before: PlanStep) {
        let (from, event) = (LectureState::Scheduled, LectureEvent::Miss);
        let why = before.why_missed(self.agenda.hindrance.is_some());
        let voice = self.english();
        let already = self.troubles.iter().find(|trouble| trouble.code == MISSED);
        let missed = match already.and_then(|trouble| trouble.args.get("count")) {
            Some(Arg::Number(before)) => usize::try_from(*before).unwrap_or(0).saturating_add(1),
            _ => 1,
        };
        let message = self.told(
            Severity::Error,
            "message-plan-missed",
            [("why", choice(why)), ("count", count(missed))],
        );
        let committed = match from.step(event) {
            Ok((to, _)) => {
                let reason = voice.plain(
                    "message-plan-missed",
                    &api::args([("why", choice(why)), ("count", count(1))]),
                );
                self.parts.db.set_state(plan.id, from, to, Some(reason)).await
            }
            Err(refused) => return error!(error = %refused, "missed lecture could not be noted"),
        };
        match committed {
            Ok(()) => {
                warn!(lecture = %plan.id, why, "planned lecture was missed");
                self.parts.counts.missed();
                self.trouble(message);
                self.agenda.look_again();
            }
            // It is not planned any more; the next look finds what is.
            Err(DbError::Conflict(_) | DbError::NotFound(_)) => self.agenda.look_again(),
            Err(error) => {
                error!(lecture = %plan.id, error = %error, "missed lecture could not be noted; it is tried again");
                self.agenda.again_ns = monotonic_ns().saturating_add(TRY_AGAIN_NS);
            }
        }
    }

    /// Enters a lecture for a time to come.
    pub(super) async fn plan(&mut self, request: PlanRequest) -> Result<Done, Refusal> {
        let metadata = checked(Metadata {
            title: request.title,
            course: request.course,
            presenter: request.presenter,
            language: request.language,
        })?;
        self.require(&metadata)?;
        let length_ns = self.planned_length_ns(Some(request.minutes))?;
        let length_ms = i64::try_from(length_ns / 1_000_000).unwrap_or(i64::MAX);
        let ends_unix_ms = request.starts_unix_ms.saturating_add(length_ms);
        if request.starts_unix_ms < unix_ms() || ends_unix_ms > LAST_UNIX_MS {
            return Err(Refusal::Invalid {
                message: refusals::sentence("refused-plan-past", []),
            });
        }
        let plan = Plan {
            id: LectureId::random(),
            metadata,
            starts_unix_ms: request.starts_unix_ms,
            ends_unix_ms,
        };
        let id = plan.id;
        let planning = self.parts.db.plan(plan).await;
        let done = self.entered(id, planning)?;
        self.read_plans().await;
        Ok(done)
    }

    /// A planned lecture is to begin now, checked as a start is.
    pub(super) async fn early(&self, id: LectureId) -> Result<Planned, Refusal> {
        let plan = self.plan_in(id, LectureState::Scheduled).await?;
        self.can_start()?;
        Ok(Planned::Before(plan))
    }

    /// "Not today."
    pub(super) async fn call_off(&mut self, id: LectureId) -> Result<Done, Refusal> {
        let from = LectureState::Scheduled;
        let plan = self.plan_in(id, from).await?;
        let (to, _) = from
            .step(LectureEvent::Cancel)
            .map_err(|_| refusals::lecture_state("refused-plan-state", id, from))?;
        self.parts
            .db
            .set_state(id, from, to, None)
            .await
            .map_err(|error| refusals::from_db(&error))?;
        let was_next = self.agenda.next.as_ref().is_some_and(|(next, _)| next.id == id);
        if was_next {
            self.agenda.called_off = Some((plan, monotonic_ns().saturating_add(CALLED_OFF_NS)));
        }
        self.agenda.look_again();
        self.read_plans().await;
        Ok(Done {
            lecture: Some(id),
            state: Some(to),
        })
    }

    /// Takes a calling off back.
    pub(super) async fn restore(&mut self, id: LectureId) -> Result<Done, Refusal> {
        let plan = self.plan_in(id, LectureState::Cancelled).await?;
        let planning = self.parts.db.restore_planned(plan.id).await;
        let done = self.entered(id, planning)?;
        self.agenda.called_off = None;
        self.read_plans().await;
        Ok(done)
    }

    /// The answer to a plan that was entered, or why it was not.
    fn entered(&mut self, id: LectureId, planning: Result<Planning, DbError>) -> Result<Done, Refusal> {
        match planning.map_err(|error| refusals::from_db(&error))? {
            Planning::Entered => {
                self.agenda.look_again();
                Ok(Done {
                    lecture: Some(id),
                    state: Some(LectureState::Scheduled),
                })
            }
            Planning::Overlaps(other) => Err(Refusal::State {
                state: LectureState::Scheduled.to_string(),
                allowed: Vec::new(),
                message: self.overlap(&other),
            }),
            Planning::Full => Err(Refusal::Unable {
                message: refusals::sentence(
                    "refused-plan-full",
                    [("most", Arg::Number(u64::from(MAX_PLANNED)))],
                ),
            }),
        }
    }

    fn overlap(&self, other: &Plan) -> Sentence {
        let title = other.metadata.title.as_deref().unwrap_or("").trim();
        let named = if title.is_empty() { "no" } else { "yes" };
        let args = [
            ("named", choice(named)),
            ("title", Arg::Text(title.to_owned())),
            ("from", Arg::AtUnixMs(other.starts_unix_ms)),
            ("to", Arg::AtUnixMs(other.ends_unix_ms)),
        ];
        self.english().keyed("refused-plan-overlaps", api::args(args))
    }

    /// The plan of a lecture that is in this state and whose time is not over.
    async fn plan_in(&self, id: LectureId, state: LectureState) -> Result<Plan, Refusal> {
        let found = self.parts.db.planned(id).await;
        let (now, plan) = found
            .map_err(|error| refusals::from_db(&error))?
            .ok_or_else(|| refusals::no_lecture(&id.to_string()))?;
        if now != state {
            return Err(refusals::lecture_state("refused-plan-state", id, now));
        }
        if self.clock.trust() == ClockTrust::Trusted && plan.ends_unix_ms <= unix_ms() {
            return Err(refusals::lecture_state("refused-plan-over", id, now));
        }
        Ok(plan)
    }

    /// Refuses when something is not said that must be said before a lecture begins.
    pub(super) fn require(&self, metadata: &Metadata) -> Result<(), Refusal> {
        use lectern_domain::api::Field;
        let required = &self.parts.config.recording.require;
        let lacks = |field: Field| required.contains(&field) && !field.is_said(metadata);
        let fields = [Field::Title, Field::Course, Field::Presenter, Field::Language];
        if !fields.into_iter().any(lacks) {
            return Ok(());
        }
        let args = fields.map(|field| {
            let word = if lacks(field) { "missing" } else { "said" };
            (field.as_str(), choice(word))
        });
        Err(Refusal::Invalid {
            message: refusals::sentence("refused-required", args),
        })
    }

    /// Sentences for logs and for programs without catalogues.
    pub(super) fn english(&self) -> Voice {
        Voice::english(self.zone.clone(), unix_ms())
    }
}
