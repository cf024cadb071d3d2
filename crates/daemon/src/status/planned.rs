//! What people are told of the next planned lecture, and why it does not begin. Pure.

use lectern_domain::api::{Arg, Message, PlannedLecture, Severity};
use lectern_store::Plan;

use super::{View, told};
use crate::agenda::{COUNT_DOWN_MS, Held, PlanStep};
use crate::session::Session;

/// The lecture that begins next, or the one that was called off a moment ago.
pub(super) fn next(view: &View<'_>) -> Option<PlannedLecture> {
    if let Some((plan, until_ns)) = &view.agenda.called_off {
        let left_ms = until_ns.saturating_sub(view.now_ns) / 1_000_000;
        let until = view
            .now_unix_ms
            .saturating_add(i64::try_from(left_ms).unwrap_or(i64::MAX));
        return Some(shown(plan, false, Some(until)));
    }
    let (plan, step) = view.agenda.next.as_ref()?;
    let is_near = plan.starts_unix_ms.saturating_sub(view.now_unix_ms) <= COUNT_DOWN_MS;
    Some(shown(plan, is_near && *step != PlanStep::Hold(Held::Clock), None))
}

fn shown(plan: &Plan, counting_down: bool, undo_until_unix_ms: Option<i64>) -> PlannedLecture {
    PlannedLecture {
        id: plan.id,
        metadata: plan.metadata.clone(),
        starts_unix_ms: plan.starts_unix_ms,
        ends_unix_ms: plan.ends_unix_ms,
        counting_down,
        undo_until_unix_ms,
    }
}

/// The command words that make sense for it now.
pub(super) fn allowed(view: &View<'_>) -> Vec<&'static str> {
    if view.agenda.called_off.is_some() {
        return vec!["restore"];
    }
    if view.agenda.next.is_none() {
        return Vec::new();
    }
    let may_begin = view.session.is_none_or(Session::is_closing) && !view.start_waits;
    if may_begin {
        vec!["begin", "cancel"]
    } else {
        vec!["cancel"]
    }
}

/// Why it does not begin although it should, or would not.
pub(super) fn message(view: &View<'_>) -> Option<Message> {
    let (plan, step) = view.agenda.next.as_ref()?;
    let voice = view.voice();
    let message = match step {
        PlanStep::Hold(Held::Clock) => told(&voice, Severity::Warning, "message-plan-clock", []),
        PlanStep::Hold(Held::Recording) => told(&voice, Severity::Warning, "message-plan-waits", []),
        PlanStep::Begin => Message {
            detail: Some(view.agenda.hindrance.clone()?),
            ..told(
                &voice,
                Severity::Error,
                "message-plan-hindered",
                [("ends", Arg::AtUnixMs(plan.ends_unix_ms))],
            )
        },
        PlanStep::Wait | PlanStep::CountDown | PlanStep::EndUndo | PlanStep::Miss => return None,
    };
    Some(Message {
        subject: Some(plan.id.to_string()),
        ..message
    })
}
