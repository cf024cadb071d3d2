//! What stands below: space and uploads in words, and messages to a person.

use lectern_domain::api::{Arg, Message, PodiumState, Severity};
use maud::{Markup, html};

use super::figures::percent;
use super::view::View;
use super::{buttons, icons};

/// Messages that are shown: the first in full, the others with what happened. The command line
/// shows them all.
const MESSAGES_SHOWN: usize = 3;
/// Less than this is worth a warning: one long lecture.
const LITTLE_SPACE_MS: u64 = 4 * 3_600_000;
/// How the codes of messages begin that only campus IT can act on.
const FOR_THE_HELP_DESK: [&str; 4] = ["platform-", "delivery-", "budget-", "hours-"];

/// Space, uploads and the next lecture.
pub(super) fn facts(view: &View<'_>) -> Markup {
    let space_ms = view.status.storage.recordable_ms;
    let little = space_ms < LITTLE_SPACE_MS;
    let space = if space_ms == 0 {
        view.word("fact-space-none")
    } else {
        view.say("space-length", [("length", Arg::LengthMs(space_ms))])
    };
    // While the recorder is free, the next lecture stands beside the buttons.
    let next = view.next().filter(|_| view.status.lecture.is_some());
    html! {
        @if let Some(next) = next {
            dt { (view.word("fact-next")) }
            dd { (buttons::line(view, next)) }
        }
        dt { (view.word("fact-space")) }
        dd.warn[little] { @if little { (icons::warning()) } (space) }
        (uploads(view))
    }
}

fn uploads(view: &View<'_>) -> Markup {
    let queue = &view.status.queue;
    let counted = |key, n: u32| view.say(key, [("n", Arg::Number(n.into()))]);
    html! {
        dt { (view.word("fact-uploads")) }
        @if queue.parked > 0 { dd.warn { (icons::warning()) (counted("uploads-parked", queue.parked)) } }
        @if let Some(active) = &queue.active {
            @let about = active.title.clone().unwrap_or_else(|| view.word("lecture-untitled"));
            @let part = percent(active.sent_bytes, active.total_bytes);
            dd { (view.say("uploads-sending", [("about", Arg::Text(about)), ("percent", Arg::Number(part))])) }
            @if queue.pending_lectures > 1 { dd.soft { (counted("uploads-more", queue.pending_lectures - 1)) } }
        } @else if queue.pending_lectures > 0 {
            dd { (counted("uploads-waiting", queue.pending_lectures)) }
        } @else if queue.parked == 0 && queue.finishing == 0 {
            dd { (view.word("uploads-none")) }
        }
        @if let Some(when) = leaving(view) { dd.soft { (when) } }
        @if queue.finishing > 0 { dd.soft { (counted("uploads-preparing", queue.finishing)) } }
    }
}

/// When what waits will leave, or be gone: a person at the podium needs no more.
fn leaving(view: &View<'_>) -> Option<String> {
    let uploads = &view.status.uploads;
    // What needs help does not leave by itself; when the rest does is no news then.
    if view.status.queue.pending == 0 || view.status.queue.parked > 0 {
        return None;
    }
    match (uploads.open, uploads.until_unix_ms) {
        (false, Some(until)) => Some(view.say("uploads-from", [("at", Arg::AtUnixMs(until))])),
        (false, None) => Some(view.word("uploads-held")),
        (true, _) => uploads
            .forecast
            .nights
            .filter(|nights| *nights > 1)
            .map(|nights| view.say("uploads-nights", [("n", Arg::Number(nights.into()))])),
    }
}

/// Messages to a person, most urgent first.
pub(super) fn messages(view: &View<'_>) -> Markup {
    let messages = &view.status.messages;
    let more = u64::try_from(messages.len().saturating_sub(MESSAGES_SHOWN)).unwrap_or(u64::MAX);
    html! {
        @if !messages.is_empty() {
            h2 { (view.word("label-messages")) }
            @for (at, message) in messages.iter().take(MESSAGES_SHOWN).enumerate() { (one_message(view, message, at == 0)) }
            @if more > 0 { p.more { (view.say("messages-more", [("n", Arg::Number(more))])) } }
        }
    }
}

fn one_message(view: &View<'_>, message: &Message, first: bool) -> Markup {
    let (class, mark) = match message.severity {
        Severity::Error => ("error", true),
        Severity::Warning => ("warning", true),
        Severity::Info => ("info", false),
    };
    let [what, safe, todo] = view.voice.message(message);
    // The band says it already.
    let said = first && view.status.state == PodiumState::Fault && message.severity == Severity::Error;
    let others = message.severity != Severity::Error
        && FOR_THE_HELP_DESK
            .iter()
            .any(|code| message.code.starts_with(code));
    html! {
        article class=(class) {
            @if !said { p.what { @if mark { (icons::warning()) } span { (what) } } }
            @if others {
                // Whoever teaches can do nothing about it but tell.
                @if let (true, Some(help)) = (mark && first, &view.status.room.help) { p.more { (help) } }
            } @else if first {
                p { (safe) " " b { (todo) } }
            }
        }
    }
}
