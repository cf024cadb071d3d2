//! What became of the last lectures, and the form that corrects what is said about one.

use lectern_domain::api::{Arg, LectureSummary};
use lectern_domain::lecture::LectureState;
use maud::{Markup, html};

use super::figures::clock;
use super::view::View;
use super::{buttons, icons};

/// Lectures in the short list.
const SHOWN: usize = 4;

/// The list, or the form in its place.
pub(super) fn lectures(view: &View<'_>) -> Markup {
    let mending = view
        .lectures
        .iter()
        .find(|lecture| Some(lecture.id) == view.mending && mendable(view, lecture.state));
    if let Some(lecture) = mending {
        return mend(view, lecture);
    }
    let mut shown = view
        .lectures
        .iter()
        .filter(|l| !matches!(l.state, LectureState::Scheduled | LectureState::Cancelled))
        .take(SHOWN)
        .peekable();
    html! {
        h2 { (view.word("label-lectures")) }
        @if shown.peek().is_none() { p.soft { (view.word("lectures-none")) } }
        ul { @for lecture in shown { li { (one(view, lecture)) } } }
    }
}

/// Whether what is said about a lecture can still be corrected: until it is being sent.
const fn mendable(view: &View<'_>, state: LectureState) -> bool {
    view.may_operate
        && match state {
            LectureState::Recording
            | LectureState::Paused
            | LectureState::Stopping
            | LectureState::Interrupted
            | LectureState::Captured
            | LectureState::Finishing
            | LectureState::Finished => true,
            LectureState::Scheduled
            | LectureState::Armed
            | LectureState::Delivering
            | LectureState::Delivered
            | LectureState::Purged
            | LectureState::Failed
            | LectureState::Cancelled => false,
        }
}

fn one(view: &View<'_>, lecture: &LectureSummary) -> Markup {
    let mendable = mendable(view, lecture.state);
    let current = view.status.lecture.as_ref().is_some_and(|l| l.id == lecture.id);
    let failed = lecture.state == LectureState::Failed;
    let text = html! {
        span.name dir="auto" { (view.about(&lecture.metadata)) }
        span.fate.warn[failed] {
            @if failed { (icons::warning()) }
            bdi { (view.say("lecture-at", [("at", Arg::AtUnixMs(lecture.started_unix_ms))])) }
            // The length of the present one is the clock's to say.
            @if !current && lecture.duration_ms > 0 { " · " bdi { (clock(lecture.duration_ms)) } }
            " · " bdi { (view.word(fate(lecture.state))) }
        }
    };
    html! {
        @if mendable {
            a #{ "mend-" (lecture.id) } href={ "/?mend=" (lecture.id) } {
                span.text { (text) }
                (icons::pencil())
                span.unseen { (view.word("label-mend")) }
            }
        } @else { div { span.text { (text) } } }
    }
}

fn mend(view: &View<'_>, lecture: &LectureSummary) -> Markup {
    let said = &lecture.metadata;
    let field = |name, value: &Option<String>| {
        buttons::field(view, None, &format!("mend-{name}"), name, value.as_deref(), None)
    };
    html! {
        h2 { (view.word("label-mend")) }
        form method="post" action={ "/lectures/" (lecture.id) } data-command="amend" data-then="/" {
            (field("title", &said.title))
            (field("course", &said.course))
            (field("presenter", &said.presenter))
            (buttons::languages(view, None, "mend-language", said.language.as_deref()))
            button #do-amend { (view.word("button-save")) }
            a #mend-close href="/" { (view.word("button-close")) }
        }
    }
}

/// What became of a lecture, for the person who gave it.
const fn fate(state: LectureState) -> &'static str {
    match state {
        LectureState::Scheduled => "fate-scheduled",
        LectureState::Armed => "fate-starting",
        LectureState::Recording => "fate-recording",
        LectureState::Paused => "fate-paused",
        LectureState::Interrupted => "fate-interrupted",
        LectureState::Captured | LectureState::Finishing => "fate-preparing",
        LectureState::Stopping | LectureState::Finished => "fate-saved",
        LectureState::Delivering => "fate-sending",
        LectureState::Delivered | LectureState::Purged => "fate-sent",
        LectureState::Failed => "fate-failed",
        LectureState::Cancelled => "fate-cancelled",
    }
}
