//! What a person should know now, beside what only the conductor knows.

use lectern_domain::api::{ClockTrust, Message, Severity, SourceStatus};
use lectern_domain::lecture::LectureEvent;

use super::{View, sources};
use crate::space::LOW_MS;

/// How long before its planned end a lecture says so.
const ENDS_SOON_NS: u64 = 5 * MINUTE_NS;
const MINUTE_NS: u64 = 60_000_000_000;
const MINUTE_MS: u64 = 60_000;

/// All messages, most urgent first.
pub(super) fn all(view: &View<'_>, sources: &[SourceStatus]) -> Vec<Message> {
    let mut messages = view.troubles.to_vec();
    messages.extend(sources.iter().flat_map(|source| sources::messages(view, source)));
    messages.extend(space(view));
    messages.extend(ends_soon(view));
    messages.extend(clock(view));
    messages.extend(parked(view));
    messages.sort_by_key(|message| message.severity);
    messages
}

/// The sentence about the disk; none beside the conductor's own that it filled up.
fn space(view: &View<'_>) -> Option<Message> {
    if view.troubles.iter().any(|message| message.code == "disk-full") {
        return None;
    }
    if view.session.is_none() && !view.budget.can_start() {
        return Some(Message {
            severity: Severity::Error,
            code: "disk-full".to_owned(),
            subject: None,
            what: "The disk is full: nothing can be recorded.".to_owned(),
            safe: "Every earlier lecture is safe.".to_owned(),
            todo: "Call the help desk to make room.".to_owned(),
        });
    }
    let left_ms = view.budget.recordable_ms();
    (left_ms < LOW_MS).then(|| Message {
        severity: Severity::Warning,
        code: "disk-low".to_owned(),
        subject: None,
        what: format!("The disk has room for {} of recording.", about(left_ms)),
        safe: "Nothing is lost: a recording is stopped before the disk is full.".to_owned(),
        todo: "Call the help desk to make room. Lectures that still wait to be sent take some of it: \
               lectern queue."
            .to_owned(),
    })
}

/// A length that does not change with every look.
fn about(ms: u64) -> String {
    match ms / MINUTE_MS {
        0..10 => "less than 10 minutes".to_owned(),
        minutes @ 10..60 => format!("about {} minutes", minutes / 10 * 10),
        60..120 => "about an hour".to_owned(),
        minutes => format!("about {} hours", minutes / 60),
    }
}

/// The warning before a lecture stops by itself; it counts the last minutes.
fn ends_soon(view: &View<'_>) -> Option<Message> {
    let session = view.session?;
    if session.state.step(LectureEvent::Stop).is_err() {
        return None;
    }
    let left_ns = session.ends_ns.saturating_sub(view.now_ns);
    if left_ns > ENDS_SOON_NS {
        return None;
    }
    let when = match left_ns.div_ceil(MINUTE_NS) {
        0 | 1 => "within a minute".to_owned(),
        minutes => format!("in {minutes} minutes"),
    };
    Some(Message {
        severity: Severity::Warning,
        code: "ends-soon".to_owned(),
        subject: None,
        what: format!("The recording stops by itself {when}."),
        safe: "Everything until then is kept, and the stop can be undone for a moment.".to_owned(),
        todo: "To go on, extend it: on the page, or with: lectern extend 30.".to_owned(),
    })
}

fn clock(view: &View<'_>) -> Option<Message> {
    (view.clock == ClockTrust::Untrusted).then(|| Message {
        severity: Severity::Warning,
        code: "clock-untrusted".to_owned(),
        subject: None,
        what: "The clock of the recorder shows a time that has passed already.".to_owned(),
        safe: "Recordings, their lengths and their order are not affected. Dates are put right as soon as \
               the clock is."
            .to_owned(),
        todo: "Campus IT must connect the recorder to a time server or set its clock.".to_owned(),
    })
}

fn parked(view: &View<'_>) -> Option<Message> {
    (view.queue.parked > 0).then(|| Message {
        severity: Severity::Warning,
        code: "delivery-parked".to_owned(),
        subject: None,
        what: format!("{} lectures cannot be sent without help.", view.queue.parked),
        safe: "They are finished and safe on this machine.".to_owned(),
        todo: "The queue says why: lectern queue.".to_owned(),
    })
}
