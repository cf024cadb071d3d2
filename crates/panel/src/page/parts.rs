//! The parts of the page that change: each is one function from the view to markup, and has the
//! id of the element that holds it. The whole page and the live updates are made from the same
//! functions, so that they cannot differ.

use lectern_domain::api::{LectureSummary, Message, PodiumState, Severity, SourceStatus};
use lectern_domain::media::Role;
use lectern_domain::track::TrackHealth;
use maud::{Markup, html};

use super::figures::{caption, clock, moment, time_of_day};
use super::{View, icons, text};
use crate::hearing::Hearing;

/// Commands that have a button, the first that is allowed being the large one.
const MAIN: [&str; 4] = ["undo", "resume", "pause", "start"];
/// Commands with a button of the second row.
const BESIDE: [&str; 4] = ["stop", "mark", "extend", "start"];
/// Messages that are shown: the first in full, the others with what happened. The command line
/// shows them all.
const MESSAGES_SHOWN: usize = 3;
/// Less than this is worth a warning: one long lecture.
const LITTLE_SPACE_MS: u64 = 4 * 3_600_000;

/// Every part with its element's id.
pub(super) fn all(view: &View<'_>) -> Vec<(String, Markup)> {
    let mut parts = vec![
        ("word".to_owned(), word(view)),
        ("side".to_owned(), side(view)),
        ("actions".to_owned(), actions(view)),
        ("messages".to_owned(), messages(view)),
        ("facts".to_owned(), facts(view)),
        ("lectures".to_owned(), lectures(view)),
    ];
    parts.extend(
        view.status
            .sources
            .iter()
            .map(|source| (note_id(source), note(view, source))),
    );
    parts
}

pub(super) fn note_id(source: &SourceStatus) -> String {
    format!("note-{}", source.name)
}

/// Icon, word and sentence of the band.
pub(super) fn word(view: &View<'_>) -> Markup {
    let status = view.status;
    let worst = status.messages.first().filter(|m| m.severity == Severity::Error);
    let sentence = match (status.state, worst) {
        (PodiumState::Fault, Some(message)) => message.what.clone(),
        _ => {
            let live: Vec<String> = status
                .sources
                .iter()
                .filter(|s| s.health == TrackHealth::Live && (s.spare_for.is_none() || s.standing_in))
                .map(|s| caption(&s.name))
                .collect();
            text::sentence(status.state, &live)
        }
    };
    html! {
        h1 { (icons::state(status.state)) (text::state(status.state)) }
        p { (sentence) }
    }
}

/// What stands under the clock.
pub(super) fn side(view: &View<'_>) -> Markup {
    let Some(lecture) = &view.status.lecture else {
        return html! {};
    };
    let about = lecture
        .metadata
        .title
        .as_deref()
        .or(lecture.metadata.course.as_deref());
    html! {
        @if let Some(about) = about { span.about { bdi { (about) } } }
        @match (view.status.state, lecture.paused_unix_ms) {
            (PodiumState::Paused, Some(since)) => {
                span { (text::PAUSED_FOR) " " time data-since=(since) {
                    @if !view.live {
                        (clock(u64::try_from(view.status.now_unix_ms - since).unwrap_or(0)))
                    }
                } }
            }
            (PodiumState::Recording | PodiumState::Starting, _) => {
                span { (text::ends(&time_of_day(lecture.ends_unix_ms, &view.zone))) }
            }
            _ => {}
        }
    }
}

/// The buttons that the daemon allows now. Plain forms: they work without script.
pub(super) fn actions(view: &View<'_>) -> Markup {
    let allowed = |command: &str| view.status.allowed.iter().any(|a| a == command);
    let main = MAIN.into_iter().find(|command| allowed(command));
    html! {
        @match main {
            Some(command) => {
                form.main method="post" action=(action(command)) data-command=(command) {
                    @if command == "start" {
                        label for="title" { (text::TITLE_FIELD) }
                        input #title name="title" maxlength="300" autocomplete="off" enterkeyhint="done";
                    }
                    button #{ "do-" (command) } .(command) data-main {
                        (text::button(command))
                        @if command == "undo" { (time_to_undo(view)) }
                    }
                }
            }
            None => { div.main { button.start disabled { (text::button("start")) } } }
        }
        @if BESIDE.into_iter().any(|command| allowed(command) && Some(command) != main) {
            div.beside {
                @for command in BESIDE.into_iter().filter(|command| allowed(command) && Some(*command) != main) {
                    form method="post" action=(action(command)) data-command=(command) {
                        @if command == "extend" { input type="hidden" name="minutes" value="10"; }
                        button #{ "do-" (command) } {
                            @if command == "start" { (text::RECORD_AGAIN) } @else { (text::button(command)) }
                        }
                    }
                }
            }
        }
    }
}

fn action(command: &str) -> String {
    if command == "start" {
        "/api/v1/recording".into()
    } else {
        format!("/api/v1/recording/{command}")
    }
}

fn time_to_undo(view: &View<'_>) -> Markup {
    let until = view.status.lecture.as_ref().and_then(|l| l.undo_until_unix_ms);
    html! {
        @if let Some(until) = until {
            time data-until=(until) {
                @if !view.live { ((until - view.status.now_unix_ms).max(0) / 1000) " s" }
            }
        }
    }
}

/// What a source says of itself: over its picture, or beside its meter.
pub(super) fn note(view: &View<'_>, source: &SourceStatus) -> Markup {
    if let Some(trouble) = text::trouble(source.role, source.health, source.reason) {
        let beginning = source.health == TrackHealth::Starting;
        return html! { p.lost[!beginning].quiet[beginning] { @if !beginning { (icons::warning()) } span { (trouble) } } };
    }
    let paused = view.status.state == PodiumState::Paused;
    if let Some(principal) = &source.spare_for {
        let sentence = text::spare(&caption(principal), source.standing_in);
        return html! { p.quiet { (sentence) } };
    }
    match source.role {
        _ if paused => html! { p.quiet { (text::NOT_RECORDED) } },
        Role::Presenter | Role::Presentation => html! {},
        Role::Microphone => {
            let hearing = view
                .hearing
                .get(&source.name)
                .copied()
                .unwrap_or(Hearing::Unknown);
            let (sentence, warn) = text::hearing(hearing);
            html! { p.warn[warn] { @if warn { (icons::warning()) } span { (sentence) } } }
        }
    }
}

/// Messages to a person, most urgent first.
pub(super) fn messages(view: &View<'_>) -> Markup {
    let messages = &view.status.messages;
    html! {
        @if !messages.is_empty() {
            h2 { (text::MESSAGES) }
            @for (at, message) in messages.iter().take(MESSAGES_SHOWN).enumerate() { (one_message(message, at == 0)) }
            @if messages.len() > MESSAGES_SHOWN { p.more { (text::more_messages(messages.len() - MESSAGES_SHOWN)) } }
        }
    }
}

fn one_message(message: &Message, in_full: bool) -> Markup {
    let (class, mark) = match message.severity {
        Severity::Error => ("error", true),
        Severity::Warning => ("warning", true),
        Severity::Info => ("info", false),
    };
    html! {
        article class=(class) {
            p.what { @if mark { (icons::warning()) } span { (message.what) } }
            @if in_full { p { (message.safe) " " b { (message.todo) } } }
        }
    }
}

/// Space and uploads, in words.
pub(super) fn facts(view: &View<'_>) -> Markup {
    let (storage, queue) = (&view.status.storage, &view.status.queue);
    let little = storage.recordable_ms < LITTLE_SPACE_MS;
    html! {
        div {
            dt { (text::SPACE_LEFT) }
            dd.warn[little] { @if little { (icons::warning()) } (text::space(storage.recordable_ms)) }
        }
        div {
            dt { (text::UPLOADS) }
            @if queue.parked > 0 { dd.warn { (icons::warning()) (text::parked(queue.parked)) } }
            @if let Some(active) = &queue.active {
                dd { (text::sending(active.title.as_deref().unwrap_or(text::UNTITLED), percent(active.sent_bytes, active.total_bytes))) }
                @if queue.pending_lectures > 1 { dd.soft { (text::more_waiting(queue.pending_lectures - 1)) } }
            } @else if queue.pending > 0 || (queue.parked == 0 && queue.finishing == 0) {
                dd { (text::waiting(queue.pending_lectures)) }
            }
            @if let Some(when) = leaving(view) { dd.soft { (when) } }
            @if queue.finishing > 0 { dd.soft { (text::preparing(queue.finishing)) } }
        }
    }
}

/// When what waits will leave, or be gone: a person at the podium needs no more.
fn leaving(view: &View<'_>) -> Option<String> {
    let uploads = &view.status.uploads;
    if view.status.queue.pending == 0 {
        return None;
    }
    match (uploads.open, uploads.until_unix_ms) {
        (false, Some(until)) => Some(text::sent_from(&moment_ahead(view, until))),
        (false, None) => uploads.why.clone(),
        (true, _) => uploads
            .forecast
            .nights
            .filter(|nights| *nights > 1)
            .map(text::nights),
    }
}

/// The time of a day, with the day if it is another.
fn moment_ahead(view: &View<'_>, unix_ms: i64) -> String {
    let (day, time) = (
        moment(unix_ms, view.status.now_unix_ms, &view.zone),
        time_of_day(unix_ms, &view.zone),
    );
    if day == time {
        time
    } else {
        format!("{day}, {time}")
    }
}

fn percent(part: u64, whole: u64) -> u64 {
    u128::from(part)
        .saturating_mul(100)
        .checked_div(u128::from(whole))
        .map_or(0, |p| u64::try_from(p).unwrap_or(100).min(100))
}

/// What became of the last lectures.
pub(super) fn lectures(view: &View<'_>) -> Markup {
    html! {
        h2 { (text::LECTURES) }
        @if view.lectures.is_empty() { p.soft { (text::NO_LECTURES) } }
        ul { @for lecture in view.lectures { (one_lecture(view, lecture)) } }
    }
}

fn one_lecture(view: &View<'_>, lecture: &LectureSummary) -> Markup {
    let current = view.status.lecture.as_ref().is_some_and(|l| l.id == lecture.id);
    let title = lecture
        .metadata
        .title
        .as_deref()
        .or(lecture.metadata.course.as_deref())
        .unwrap_or(text::UNTITLED);
    html! {
        li {
            time { (moment(lecture.started_unix_ms, view.status.now_unix_ms, &view.zone)) }
            span.name { bdi { (title) } }
            // The length of the present one is the clock's to say.
            span.length { @if !current && lecture.duration_ms > 0 { (clock(lecture.duration_ms)) } }
            span.fate { (text::fate(lecture.state)) }
        }
    }
}
