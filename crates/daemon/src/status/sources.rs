//! The sources in the status, and the sentences about them.

use lectern_domain::api::{Arg, Message, Severity, SourceStatus, SourceTotals};
use lectern_domain::config::Source;
use lectern_domain::ids::SourceName;
use lectern_domain::reason;
use lectern_domain::track::TrackHealth;
use lectern_domain::wire::FailureReason;

use super::{View, choice, source_names, told};

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
        detail: report.detail.as_deref().map(reason),
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
    let reason = match source.health {
        TrackHealth::Live | TrackHealth::Ended => return None,
        // At the start of the daemon there is nothing to say yet. Later it is a loss that lasts:
        // a camera that freezes at each attempt is "starting" most of the time.
        TrackHealth::Starting if source.reason.is_none() => return None,
        TrackHealth::Stalled => "silent",
        TrackHealth::Starting | TrackHealth::Dead | TrackHealth::Restarting => match source.reason {
            Some(FailureReason::NotFound) => "not-found",
            Some(FailureReason::Busy) => "busy",
            Some(FailureReason::Denied) => "denied",
            Some(FailureReason::Config | FailureReason::Unsupported) => "config",
            Some(FailureReason::Swapped) => "swapped",
            Some(FailureReason::Encoder) => "encoder",
            Some(FailureReason::Stalled) => "stalled",
            Some(FailureReason::Lost | FailureReason::Crashed | FailureReason::Internal) | None => "lost",
        },
    };
    let configured = view.config.sources.iter().map(|other| &other.name);
    let others: Vec<&str> = configured
        .filter(|other| {
            view.reports
                .get(*other)
                .is_some_and(|r| r.health == TrackHealth::Live)
        })
        .map(SourceName::as_str)
        .collect();
    let safe = match (is_recording(view), others.is_empty()) {
        (true, false) => "others",
        (true, true) => "earlier",
        (false, _) => "idle",
    };
    let advice = match (source.health, source.reason) {
        (TrackHealth::Dead, _) => "config",
        (_, Some(FailureReason::Busy)) => "busy",
        (_, Some(FailureReason::Denied)) => "denied",
        _ => "cable",
    };
    let args = [
        ("source", source_names([source.name.as_str()])),
        ("reason", choice(reason)),
        ("safe", choice(safe)),
        ("others", source_names(others)),
        ("advice", choice(advice)),
    ];
    Some(about(view, source, severity(view), "message-source-lost", args))
}

/// The sentence about a microphone that gives nothing but zeros.
fn muted(view: &View<'_>, source: &SourceStatus) -> Option<Message> {
    if !source.muted || source.health != TrackHealth::Live {
        return None;
    }
    let args = [
        ("source", source_names([source.name.as_str()])),
        ("safe", safe(view)),
    ];
    Some(about(view, source, severity(view), "message-sound-muted", args))
}

/// The sentence about a spare at work.
fn stands_in(view: &View<'_>, source: &SourceStatus) -> Option<Message> {
    let principal = source.spare_for.as_ref().filter(|_| source.standing_in)?;
    let args = [
        ("source", source_names([source.name.as_str()])),
        ("principal", source_names([principal.as_str()])),
        ("safe", safe(view)),
    ];
    Some(about(view, source, Severity::Warning, "message-spare", args))
}

/// A message whose subject is a source.
fn about<const N: usize>(
    view: &View<'_>,
    source: &SourceStatus,
    severity: Severity,
    key: &str,
    args: [(&str, Arg); N],
) -> Message {
    Message {
        subject: Some(source.name.to_string()),
        ..told(&view.voice(), severity, key, args)
    }
}

/// Whether there is something that goes on without this source.
fn safe(view: &View<'_>) -> Arg {
    choice(if is_recording(view) { "others" } else { "idle" })
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
