//! The sources in the status, and the sentences about them.

use lectern_domain::api::{Message, Severity, SourceStatus, SourceTotals};
use lectern_domain::config::Source;
use lectern_domain::ids::SourceName;
use lectern_domain::track::TrackHealth;
use lectern_domain::wire::FailureReason;

use super::View;

pub(super) fn status(view: &View<'_>, source: &Source) -> Option<SourceStatus> {
    let report = view.reports.get(&source.name)?;
    let picture = view.pictures.iter().find(|(name, _)| *name == source.name);
    Some(SourceStatus {
        name: source.name.clone(),
        role: source.role,
        kind: report.kind.to_owned(),
        health: report.health,
        since_unix_ms: report.since_unix_ms,
        format: report.format.clone(),
        device: report.device.clone(),
        encoder: report.encoder.clone(),
        spare_for: source.spare_for.clone(),
        standing_in: report.standing_in,
        muted: report.muted,
        drift_ppm: report.drift_ppm,
        reason: report.reason,
        detail: report.detail.clone(),
        restarts: report.restarts,
        captured: report.captured,
        dropped: report.dropped,
        shed: report.shed,
        chunks_dropped: report.chunks_dropped,
        totals: SourceTotals {
            dropped: report.dropped_total,
            shed: report.shed_total,
            chunks_dropped: report.chunks_dropped_total,
            lost_ms: report.lost_ms_total,
        },
        bytes: view.track_bytes.get(&source.name).copied().unwrap_or(0),
        has_picture: picture.is_some_and(|(_, latest)| latest.borrow().is_some()),
    })
}

/// Everything that a person should know of a source.
pub(super) fn messages(view: &View<'_>, source: &SourceStatus) -> Vec<Message> {
    [lost(view, source), muted(view, source), stands_in(view, source)]
        .into_iter()
        .flatten()
        .collect()
}

/// The sentence about a source that does not deliver.
fn lost(view: &View<'_>, source: &SourceStatus) -> Option<Message> {
    let name = source.name.as_str();
    let what = match source.health {
        TrackHealth::Live | TrackHealth::Ended => return None,
        // At the start of the daemon there is nothing to say yet. Later it is a loss that lasts:
        // a camera that freezes at each attempt is "starting" most of the time.
        TrackHealth::Starting if source.reason.is_none() => return None,
        TrackHealth::Stalled => format!("{name} is connected but sends nothing."),
        TrackHealth::Starting | TrackHealth::Dead | TrackHealth::Restarting => match source.reason {
            Some(FailureReason::NotFound) => format!("{name} was not found."),
            Some(FailureReason::Busy) => format!("{name} is used by another program."),
            Some(FailureReason::Denied) => format!("{name} may not be opened by the recorder."),
            Some(FailureReason::Config | FailureReason::Unsupported) => {
                format!("{name} cannot do what the configuration asks.")
            }
            Some(FailureReason::Swapped) => format!("{name} is not the device that was here before."),
            Some(FailureReason::Encoder) => {
                format!("{name} could not be encoded and is being started again.")
            }
            Some(FailureReason::Stalled) => format!("{name} sent nothing and is being started again."),
            Some(FailureReason::Lost | FailureReason::Crashed | FailureReason::Internal) | None => {
                format!("{name} was lost.")
            }
        },
    };
    let others: Vec<&str> = view
        .config
        .sources
        .iter()
        .map(|other| &other.name)
        .filter(|other| {
            view.reports
                .get(*other)
                .is_some_and(|r| r.health == TrackHealth::Live)
        })
        .map(SourceName::as_str)
        .collect();
    let recording = is_recording(view);
    let safe = match (recording, others.is_empty()) {
        (true, false) => format!("Still being recorded: {}.", others.join(", ")),
        (true, true) => "What was recorded before is safe.".to_owned(),
        (false, _) => "No recording is affected.".to_owned(),
    };
    let todo = match (source.health, source.reason) {
        (TrackHealth::Dead, _) => "Campus IT must correct the configuration of this source.",
        (_, Some(FailureReason::Busy)) => "Close the other program. The recorder tries again by itself.",
        (_, Some(FailureReason::Denied)) => "Campus IT must give the recorder access to it.",
        _ => "Check its cable and its power. The recorder goes on with it by itself.",
    };
    Some(Message {
        severity: severity(view),
        code: "source-lost".to_owned(),
        subject: Some(name.to_owned()),
        what,
        safe,
        todo: todo.to_owned(),
        ..Message::default()
    })
}

/// The sentence about a microphone that gives nothing but zeros.
fn muted(view: &View<'_>, source: &SourceStatus) -> Option<Message> {
    if !source.muted || source.health != TrackHealth::Live {
        return None;
    }
    let name = source.name.as_str();
    let safe = if is_recording(view) {
        "Everything else goes on being recorded."
    } else {
        "No recording is affected."
    };
    Some(Message {
        severity: severity(view),
        code: "sound-muted".to_owned(),
        subject: Some(name.to_owned()),
        what: format!("{name} gives no sound at all: it is switched off or muted."),
        safe: safe.to_owned(),
        todo: "Switch the microphone on, or end its mute in the mixer.".to_owned(),
        ..Message::default()
    })
}

/// The sentence about a spare at work.
fn stands_in(view: &View<'_>, source: &SourceStatus) -> Option<Message> {
    let principal = source.spare_for.as_ref().filter(|_| source.standing_in)?;
    let name = source.name.as_str();
    Some(Message {
        severity: Severity::Warning,
        code: "spare".to_owned(),
        subject: Some(name.to_owned()),
        what: format!("{principal} delivers nothing; {name} stands in for it."),
        safe: if is_recording(view) {
            "The recording goes on with it.".to_owned()
        } else {
            "No recording is affected.".to_owned()
        },
        todo: format!("Check the cable and the power of {principal}. It is taken again by itself."),
        ..Message::default()
    })
}

fn is_recording(view: &View<'_>) -> bool {
    view.session.is_some_and(|session| session.state.holds_sources())
}

/// What is lost now is worse than what may be lost later.
fn severity(view: &View<'_>) -> Severity {
    if is_recording(view) {
        Severity::Error
    } else {
        Severity::Warning
    }
}
