//! What two seconds of a source mean: pure.

use lectern_domain::api::{Check, SourceStatus};
use lectern_domain::config::{Source, SourceKind};
use lectern_domain::media::SPEECH_DBFS;
use lectern_domain::track::TrackHealth;
use lectern_domain::wire::FailureReason;

use super::sources::{Heard, Seen};

/// Digital silence, with the noise of a converter's last bit.
const ZERO_DBFS: f32 = -100.0;
/// Hardly any room is quieter, however still.
const STILL_DBFS: f32 = -72.0;
/// A camera that gives less of what was asked for has too little light, or too slow a cable.
const SLOW: f64 = 0.75;
/// A cable that came loose once is no news.
const OFTEN: u32 = 3;

/// Findings about one source.
pub(super) fn judge(seen: &Seen, configured: &Source) -> Vec<Check> {
    let subject = format!("source.{}", seen.source.name);
    if let Some(check) = delivers_nothing(&subject, seen) {
        return vec![check];
    }
    let mut checks = vec![Check::good(&subject, delivers(&seen.source))];
    checks.extend(other_format(&subject, &seen.source, configured));
    checks.extend(slow(&subject, seen, configured));
    checks.extend(drops(&subject, seen));
    checks.extend(unsteady(&subject, seen));
    if !configured.role.is_video() {
        checks.push(heard(&subject, seen));
    } else if seen.picture == Some(false) {
        checks.push(Check::warning(
            &subject,
            "There was no picture of it for the page in the last seconds.",
            "Look at the page; if it stays empty, take its cable out and in again.",
        ));
    }
    checks
}

fn delivers_nothing(subject: &str, seen: &Seen) -> Option<Check> {
    let source = &seen.source;
    let still = match source.health {
        TrackHealth::Live if seen.came > 0 => return None,
        TrackHealth::Live => "Nothing came from it for two seconds".to_owned(),
        TrackHealth::Starting if source.reason.is_none() => {
            return Some(Check::warning(
                subject,
                "It is still being opened.",
                "Ask again in a few seconds.",
            ));
        }
        TrackHealth::Starting
        | TrackHealth::Stalled
        | TrackHealth::Restarting
        | TrackHealth::Dead
        | TrackHealth::Ended => "It does not deliver".to_owned(),
    };
    let said = match &source.detail {
        Some(detail) => format!("{still}: {}.", detail.trim_end_matches('.')),
        None => format!("{still}."),
    };
    Some(Check::bad(subject, said, advice(source.reason)))
}

const fn advice(reason: Option<FailureReason>) -> &'static str {
    match reason {
        Some(FailureReason::NotFound) => {
            "Plug it in and switch it on; \"lectern devices\" lists what there is and how it is called."
        }
        Some(FailureReason::Denied) => {
            "Give the service's user the groups video and audio, or mend user and password in the source's url."
        }
        Some(FailureReason::Busy) => "End the program that holds it; \"sudo lectern doctor\" says which.",
        Some(FailureReason::Unsupported | FailureReason::Config) => {
            "Mend its section in the configuration; \"lectern devices\" lists what it can do."
        }
        Some(FailureReason::Swapped) => {
            "Put the right device back, or start the daemon again if this one is to be used."
        }
        Some(FailureReason::Encoder) => {
            "Set encoder = \"x264\" in its section and tell us what the log says."
        }
        Some(
            FailureReason::Lost | FailureReason::Stalled | FailureReason::Crashed | FailureReason::Internal,
        )
        | None => "Take its cable out and in again, or switch it off and on; it is opened again by itself.",
    }
}

fn delivers(source: &SourceStatus) -> String {
    let mut said = match (&source.format, &source.device) {
        (Some(format), Some(device)) => format!("It delivers {format} ({device})"),
        (Some(format), None) => format!("It delivers {format}"),
        (None, _) => "It delivers".to_owned(),
    };
    if let Some(encoder) = &source.encoder {
        said.push_str(&format!("; {encoder} encodes it"));
    }
    if source.standing_in {
        said.push_str("; it stands in for another source");
    }
    said.push('.');
    said
}

/// Not for what scales by itself: a screen has the size that it has.
fn other_format(subject: &str, source: &SourceStatus, configured: &Source) -> Option<Check> {
    let SourceKind::V4l2 { .. } = configured.kind else {
        return None;
    };
    let (format, video) = (source.format.as_ref()?, configured.video.as_ref()?);
    let asked = format!("{}x{}", video.width?, video.height?);
    (!format.contains(&asked)).then(|| {
        Check::warning(
            subject,
            format!("It delivers {format}, and {asked} was asked for."),
            "Ask for a size that \"lectern devices\" lists, or leave width and height out.",
        )
    })
}

/// Only for cameras of this machine: their rate was asked for.
fn slow(subject: &str, seen: &Seen, configured: &Source) -> Option<Check> {
    let (SourceKind::V4l2 { .. }, Some(video)) = (&configured.kind, &configured.video) else {
        return None;
    };
    let rate = seen.rate?;
    (rate < SLOW * f64::from(video.fps)).then(|| {
        Check::warning(
            subject,
            format!("It gives {rate:.0} pictures a second instead of {}.", video.fps),
            "Give it more light or switch its low-light mode off; or it needs a USB 3 port of its own.",
        )
    })
}

fn drops(subject: &str, seen: &Seen) -> Option<Check> {
    let lost = seen.dropped + seen.shed;
    (lost > 0).then(|| {
        Check::warning(
            subject,
            format!(
                "{lost} of its last {} pictures were left out: the processor cannot follow.",
                seen.came
            ),
            "Lower its width, height or fps, or end other programs on this machine.",
        )
    })
}

fn unsteady(subject: &str, seen: &Seen) -> Option<Check> {
    let source = &seen.source;
    (seen.restarted || source.restarts >= OFTEN).then(|| {
        let why = source.detail.as_deref().unwrap_or("no reason was told");
        Check::warning(
            subject,
            format!(
                "It was opened again {} times since the daemon started; the last time: {}.",
                source.restarts,
                why.trim_end_matches('.')
            ),
            "Try another cable, another port and another power supply.",
        )
    })
}

fn heard(subject: &str, seen: &Seen) -> Check {
    let Some(Heard {
        rms_dbfs,
        peak_dbfs,
        clipped,
    }) = seen.heard
    else {
        return Check::warning(
            subject,
            "No level of it was told in two seconds.",
            "Ask again; if it stays so, take its cable out and in again.",
        );
    };
    if seen.source.muted || peak_dbfs <= ZERO_DBFS {
        return Check::bad(
            subject,
            "It gives nothing but digital zero.",
            "Switch it on and unmute it, at the device and in alsamixer.",
        );
    }
    if clipped {
        return Check::warning(
            subject,
            format!("It is too loud: samples reach full scale ({rms_dbfs:.0} dBFS)."),
            "Turn its gain down.",
        );
    }
    if rms_dbfs < STILL_DBFS {
        return Check::warning(
            subject,
            format!("Hardly anything is heard ({rms_dbfs:.0} dBFS)."),
            "Speak into it and ask again; if that changes nothing, turn its gain up.",
        );
    }
    let what = if rms_dbfs > SPEECH_DBFS {
        "Sound is heard, as of speech"
    } else {
        "A still room is heard"
    };
    Check::good(
        subject,
        format!("{what} ({rms_dbfs:.0} dBFS, peak {peak_dbfs:.0})."),
    )
}

#[cfg(test)]
#[path = "judged_tests.rs"]
mod tests;
