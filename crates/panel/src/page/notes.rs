//! What each source says of itself: over its picture, or beside its meter.

use lectern_domain::api::{Arg, PodiumState, SourceStatus};
use lectern_domain::track::TrackHealth;
use lectern_domain::wire::FailureReason;
use maud::{Markup, html};

use super::icons;
use super::view::View;
use crate::hearing::Hearing;

/// The id of the element that holds a source's note.
pub(super) fn id(source: &SourceStatus) -> String {
    format!("note-{}", source.name)
}

/// The note; empty while there is nothing to say.
pub(super) fn note(view: &View<'_>, source: &SourceStatus) -> Markup {
    let paused = view.status.state == PodiumState::Paused;
    // A camera that was lost must be seen to, in a pause too; a picture must not be seen.
    if let Some(lines) = trouble(view, source) {
        let beginning = source.health == TrackHealth::Starting;
        return html! {
            p.lost[!beginning].quiet[beginning] {
                @if !beginning { (icons::warning()) }
                span { @for line in lines { span.line { (line) } " " } }
            }
        };
    }
    if paused {
        return html! { p.quiet.covered { span { (view.word("note-not-recorded")) } } };
    }
    if let Some(principal) = &source.spare_for {
        let key = if source.standing_in {
            "note-standing-in"
        } else {
            "note-spare"
        };
        let sentence = view.say(key, [("source", Arg::Text(view.source(principal)))]);
        return html! { p.quiet.spare[source.role.is_video()] { (sentence) } };
    }
    if source.role.is_video() {
        return html! {};
    }
    let hearing = view.hearing.get(&source.name).copied().unwrap_or_default();
    let (key, warn) = heard(view.status.state, source.muted, hearing);
    let long = warn && hearing == Hearing::Silent;
    html! { p.warn[warn].long[long] { @if warn { (icons::warning()) } span { (view.word(key)) } } }
}

/// The sentence about a microphone, and whether it is a warning. Before the lecture, silence is
/// nothing to warn of: nobody has to speak to an empty room.
fn heard(state: PodiumState, muted: bool, hearing: Hearing) -> (&'static str, bool) {
    match hearing {
        Hearing::Off => ("hearing-off", true),
        _ if muted => ("hearing-off", true),
        Hearing::Heard { .. } | Hearing::Zero { heard: true, .. } => ("hearing-heard", false),
        Hearing::Unknown | Hearing::Listening { .. } | Hearing::Zero { heard: false, .. } => {
            ("hearing-listening", false)
        }
        Hearing::Quiet { .. } | Hearing::Silent if state == PodiumState::Recording => ("hearing-quiet", true),
        Hearing::Quiet { .. } | Hearing::Silent => ("hearing-test", false),
    }
}

/// What is wrong with a source, in one or two short lines; nothing while it is well.
fn trouble(view: &View<'_>, source: &SourceStatus) -> Option<Vec<String>> {
    let why = || {
        let reason = source.reason.map_or("failed", known);
        view.say("note-why", [("reason", Arg::Text(reason.into()))])
    };
    Some(match source.health {
        TrackHealth::Live => return None,
        TrackHealth::Starting => vec![view.word("note-starting")],
        TrackHealth::Stalled if source.role.is_video() => vec![view.word("note-no-picture")],
        TrackHealth::Stalled => vec![view.word("note-no-sound")],
        TrackHealth::Restarting => vec![why(), view.word("note-trying")],
        TrackHealth::Dead => vec![why(), view.word("note-call")],
        TrackHealth::Ended => vec![view.word("note-ended")],
    })
}

/// The reasons that a person at the podium can do something with; the others are one.
const fn known(reason: FailureReason) -> &'static str {
    match reason {
        FailureReason::Crashed | FailureReason::Encoder | FailureReason::Internal => "failed",
        other => other.as_str(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_a_warning_only_while_it_is_recorded() {
        use PodiumState as S;
        let quiet = Hearing::Quiet { since_ms: 0 };
        for (state, muted, hearing, expected) in [
            (S::Ready, false, quiet, ("hearing-test", false)),
            (S::Ready, false, Hearing::Off, ("hearing-off", true)),
            (S::Recording, false, quiet, ("hearing-quiet", true)),
            (S::Recording, false, Hearing::Silent, ("hearing-quiet", true)),
            (S::Recording, true, quiet, ("hearing-off", true)),
            (
                S::Recording,
                false,
                Hearing::Heard { last_ms: 0 },
                ("hearing-heard", false),
            ),
            (
                S::Recording,
                false,
                Hearing::Unknown,
                ("hearing-listening", false),
            ),
            (S::Saved, false, Hearing::Silent, ("hearing-test", false)),
        ] {
            assert_eq!(heard(state, muted, hearing), expected, "{state:?} {hearing:?}");
        }
    }
}
