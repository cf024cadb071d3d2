//! The band: the state in one word, one sentence under it, and what stands beside them.

use lectern_domain::api::{Arg, PodiumState, Severity};
use lectern_domain::ids::SourceName;
use lectern_domain::track::TrackHealth;
use maud::{Markup, html};

use super::figures::clock;
use super::icons;
use super::view::View;

/// A pause that lasts longer is probably forgotten.
const LONG_PAUSE_MS: i64 = 10 * 60_000;
/// So long before its end a lecture says so.
const ENDING_MS: i64 = 5 * 60_000;
/// So long before the time to undo is over, those who only hear the page are told: as long as
/// WCAG 2.2.1 wants for an answer. A shorter time says so from its beginning.
const UNDO_ENDS_MS: i64 = 20_000;
/// What the button that moves the end moves it by.
pub(super) const EXTEND_MINUTES: u64 = 10;

/// The word for a state.
pub(super) fn state_word(view: &View<'_>) -> String {
    if view.self_test() {
        return view.word("state-self-test");
    }
    view.word(match view.state() {
        PodiumState::Ready => "state-ready",
        PodiumState::Starting => "state-starting",
        PodiumState::Recording => "state-recording",
        PodiumState::Paused => "state-paused",
        PodiumState::Saved => "state-saved",
        PodiumState::Fault => "state-fault",
    })
}

/// Icon, word and sentence.
pub(super) fn word(view: &View<'_>) -> Markup {
    let later = later(view);
    html! {
        h1 { (icons::state(view.state())) span { (state_word(view)) } }
        p { (sentence(view)) }
        // Its time comes without news from the recorder: the script shows it then.
        @if let Some((from, sentence)) = later {
            @let due = !view.live && from <= view.status.now_unix_ms;
            p.later data-from=(from) hidden[!due] { (icons::warning()) span { (sentence) } }
        }
    }
}

/// The sentence that takes the other's place at a time to come.
fn later(view: &View<'_>) -> Option<(i64, String)> {
    let lecture = view.status.lecture.as_ref()?;
    match view.status.state {
        PodiumState::Paused => {
            let since = lecture.paused_unix_ms?;
            let args = [
                ("since", Arg::AtUnixMs(since)),
                ("button", Arg::Text(view.word("button-resume"))),
            ];
            Some((since + LONG_PAUSE_MS, view.say("sentence-paused-long", args)))
        }
        PodiumState::Recording => {
            let args = [
                ("at", Arg::AtUnixMs(lecture.ends_unix_ms)),
                ("button", Arg::Text(extend(view))),
            ];
            Some((
                lecture.ends_unix_ms - ENDING_MS,
                view.say("sentence-ends-soon", args),
            ))
        }
        PodiumState::Ready | PodiumState::Starting | PodiumState::Saved | PodiumState::Fault => None,
    }
}

/// What is said once, and only heard, before the time to undo is over: the seconds on the button
/// are for the eye, and would be read aloud one by one.
pub(super) fn grace(view: &View<'_>) -> Markup {
    let until = view.status.lecture.as_ref().and_then(|l| l.undo_until_unix_ms);
    let Some(until) = until.filter(|_| view.status.state == PodiumState::Saved && view.allowed("undo"))
    else {
        return html! {};
    };
    let from = until - UNDO_ENDS_MS;
    let said = if view.allowed("more-time") {
        let button = Arg::Text(view.word("button-more-time"));
        view.say("sentence-undo-ends-more", [("button", button)])
    } else {
        view.word("sentence-undo-ends")
    };
    let due = !view.live && from <= view.status.now_unix_ms;
    html! { span data-from=(from) hidden[!due] { (said) } }
}

/// The words on the button that moves the end.
pub(super) fn extend(view: &View<'_>) -> String {
    // The sign belongs to the number, also where the rest is read from the right.
    let by = format!("+{EXTEND_MINUTES}");
    view.say("button-extend", [("by", Arg::Text(by))])
}

fn sentence(view: &View<'_>) -> String {
    let status = view.status;
    if let Some(next) = view.countdown() {
        let args = [
            ("at", Arg::AtUnixMs(next.starts_unix_ms)),
            ("about", Arg::Text(view.about(&next.metadata))),
        ];
        return view.say("sentence-countdown", args);
    }
    match status.state {
        PodiumState::Ready if view.self_test() => view.word("sentence-self-test"),
        PodiumState::Ready if view.cancelled().is_some() => view.word("sentence-cancelled"),
        PodiumState::Ready if view.next().is_some() => view.word("sentence-ready-next"),
        PodiumState::Ready => view.word("sentence-ready"),
        PodiumState::Starting => view.word("sentence-starting"),
        PodiumState::Recording => {
            let live: Vec<&SourceName> = status
                .sources
                .iter()
                .filter(|s| s.health == TrackHealth::Live && (s.spare_for.is_none() || s.standing_in))
                .map(|s| &s.name)
                .collect();
            if live.is_empty() {
                view.word("sentence-waiting")
            } else {
                let names = live.iter().map(|name| name.to_string()).collect();
                view.say("sentence-recording", [("sources", Arg::Sources(names))])
            }
        }
        PodiumState::Paused => view.word("sentence-paused"),
        PodiumState::Saved => saved(view),
        PodiumState::Fault => status
            .messages
            .first()
            .filter(|message| message.severity == Severity::Error)
            .map_or_else(
                || view.word("sentence-fault"),
                |message| {
                    let [what, _, _] = view.voice.message(message);
                    what
                },
            ),
    }
}

/// The check that a lecturer takes away: how long, how much, and whether both can be there.
fn saved(view: &View<'_>) -> String {
    let Some(lecture) = &view.status.lecture else {
        return view.word("sentence-starting");
    };
    let wrote = |video: bool| {
        view.status
            .sources
            .iter()
            .any(|s| s.role.is_video() == video && s.bytes > 0)
    };
    let has = match (wrote(true), wrote(false)) {
        (true, true) => "both",
        (true, false) => "picture",
        (false, true) => "sound",
        (false, false) => "nothing",
    };
    view.say(
        "sentence-saved",
        [
            ("has", Arg::Text(has.into())),
            ("length", Arg::LengthMs(lecture.recorded_ms)),
            ("size", Arg::Bytes(lecture.bytes)),
        ],
    )
}

/// What stands under the clock.
pub(super) fn side(view: &View<'_>) -> Markup {
    let status = view.status;
    if status.state == PodiumState::Fault {
        return html! { @if let Some(help) = &status.room.help { span.call { (help) } } };
    }
    if let Some(next) = view.countdown() {
        return html! { @if let Some(presenter) = &next.metadata.presenter { span.about { bdi { (presenter) } } } };
    }
    let Some(lecture) = &status.lecture else {
        return html! {};
    };
    let named = lecture.metadata.title.is_some() || lecture.metadata.course.is_some();
    html! {
        @if named { span.about { bdi { (view.about(&lecture.metadata)) } } }
        @match (status.state, lecture.paused_unix_ms) {
            (PodiumState::Paused, Some(since)) => {
                span { (view.word("side-paused-for")) " " time data-since=(since) {
                    @if !view.live { (clock(u64::try_from(status.now_unix_ms - since).unwrap_or(0))) }
                } }
            }
            (PodiumState::Recording | PodiumState::Starting, _) => {
                span { (view.say("side-ends", [("at", Arg::AtUnixMs(lecture.ends_unix_ms))])) }
            }
            _ => {}
        }
    }
}
