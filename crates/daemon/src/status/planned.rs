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

#[cfg(test)]
mod tests {

    use lectern_domain::api::Metadata;
    use lectern_domain::config::{self, Config, ConfigFile};
    use lectern_domain::ids::LectureId;
    use lectern_domain::lecture::LectureState;

    use super::super::Blank;
    use super::*;
    use crate::agenda::Agenda;

    const STARTS: i64 = 3_600_000;

    /// Looks at an agenda so long before its lecture begins, while another is in `state` or none is.
    fn look<T>(agenda: &Agenda, before_ms: i64, state: Option<LectureState>, look: fn(&View<'_>) -> T) -> T {
        let text = config::default_text().as_bytes().to_vec();
        let file = ConfigFile::decode("default.toml", text).unwrap();
        let session = state.map(|state| Session::new(LectureId::random(), Metadata::default(), state));
        let config = Config::read(&[file], &[]).unwrap();
        look(&View {
            session: session.as_ref(),
            agenda,
            now_ns: 5_000_000_000,
            ..View::blank(&config, &Blank::default(), STARTS - before_ms)
        })
    }

    fn plan() -> Plan {
        Plan {
            id: LectureId::random(),
            metadata: Metadata::default(),
            starts_unix_ms: STARTS,
            ends_unix_ms: 2 * STARTS,
        }
    }

    fn agenda(step: PlanStep) -> Agenda {
        Agenda {
            next: Some((plan(), step)),
            ..Agenda::default()
        }
    }

    #[test]
    fn the_last_minute_is_counted_down_and_what_is_called_off_can_be_taken_back() {
        let far = look(&agenda(PlanStep::Wait), 60_001, None, next).unwrap();
        assert!(!far.counting_down);
        let near = look(&agenda(PlanStep::CountDown), 60_000, None, next).unwrap();
        assert!(near.counting_down && near.undo_until_unix_ms.is_none());
        let unknown = look(&agenda(PlanStep::Hold(Held::Clock)), 60_000, None, next).unwrap();
        assert!(!unknown.counting_down, "nobody knows when it begins");
        let called_off = Agenda {
            called_off: Some((plan(), 12_000_000_000)),
            ..agenda(PlanStep::Wait)
        };
        let shown = look(&called_off, 60_000, None, next).unwrap();
        assert_eq!(shown.undo_until_unix_ms, Some(STARTS - 60_000 + 7_000));
        assert_eq!(look(&called_off, 60_000, None, allowed), ["restore"]);
        assert_eq!(look(&Agenda::default(), 0, None, next), None);
    }

    #[test]
    fn it_is_begun_early_only_when_nothing_is_recorded() {
        use LectureState::{Paused, Recording, Stopping};
        let agenda = agenda(PlanStep::Wait);
        for (state, words) in [
            (None, &["begin", "cancel"][..]),
            (Some(Stopping), &["begin", "cancel"]),
            (Some(Recording), &["cancel"]),
            (Some(Paused), &["cancel"]),
        ] {
            assert_eq!(look(&agenda, 600_000, state, allowed), words, "{state:?}");
        }
        assert!(look(&Agenda::default(), 0, None, allowed).is_empty());
    }

    #[test]
    fn p3_why_it_does_not_begin_is_told() {
        let code = |agenda: &Agenda| look(agenda, 0, None, message).map(|message| message.code);
        for (step, expected) in [
            (PlanStep::Wait, None),
            (PlanStep::CountDown, None),
            (PlanStep::Hold(Held::Clock), Some("plan-clock")),
            (PlanStep::Hold(Held::Recording), Some("plan-waits")),
            (PlanStep::EndUndo, None),
            (PlanStep::Begin, None),
        ] {
            assert_eq!(code(&agenda(step)).as_deref(), expected, "{step:?}");
        }
        let hindered = Agenda {
            hindrance: Some("No camera.".to_owned()),
            ..agenda(PlanStep::Begin)
        };
        let told = look(&hindered, 0, None, message).unwrap();
        assert_eq!(told.code, "plan-hindered");
        assert_eq!(told.detail.as_deref(), Some("No camera."));
        assert!(told.safe.ends_with("02:00."), "until its end: {}", told.safe);
    }
}
