//! `lectern status`: the room at this moment.

use lectern_domain::api::{
    ClockTrust, DeliveryView, Message, PlannedLecture, Severity, SourceStatus, Status,
};
use lectern_domain::lecture::LectureEvent;

use super::{Facts, title, word};
use crate::figures::{WallClock, bytes, columns, counted, length, percent, span};

pub(crate) fn status(status: &Status) -> String {
    let clock = WallClock::of(&status.room);
    let moment = |unix_ms| clock.moment(unix_ms);
    let mut facts = Facts::default();
    let (id, name) = (&status.room.id, &status.room.name);
    facts.add(
        "room",
        if id == name {
            id.clone()
        } else {
            format!("{name} ({id})")
        },
    );
    facts.add("state", word(status.state));
    if let Some(lecture) = &status.lecture {
        facts.add("lecture", lecture.id.to_string());
        facts.maybe("title", lecture.metadata.title.clone());
        facts.maybe("course", lecture.metadata.course.clone());
        facts.add(
            "recorded",
            format!("{}, {}", length(lecture.recorded_ms), bytes(lecture.bytes)),
        );
        facts.add("started", moment(lecture.started_unix_ms));
        // A stopped one has ended.
        let goes_on = lecture.state.step(LectureEvent::Stop).is_ok();
        facts.maybe("ends", goes_on.then(|| moment(lecture.ends_unix_ms)));
        facts.maybe("paused since", lecture.paused_unix_ms.map(moment));
        facts.maybe("undo until", lecture.undo_until_unix_ms.map(moment));
        facts.add("closed segments", lecture.segments_closed.to_string());
        if lecture.run > 1 {
            let lost = lecture.gap_ms.map_or_else(
                || "for an unknown time".to_owned(),
                |ms| format!("for {}", length(ms)),
            );
            facts.add(
                "run",
                format!("{}; the lecture was interrupted {lost}", lecture.run),
            );
        }
        if lecture.marks > 0 {
            facts.add("marks", lecture.marks.to_string());
        }
    }
    facts.maybe(
        "self test",
        status
            .self_test
            .map(|test| format!("under way, records until {}", moment(test.until_unix_ms))),
    );
    if let Some(next) = &status.next {
        facts.add("next lecture", planned(next, &clock));
    }
    for line in columns(&status.sources.iter().map(source).collect::<Vec<_>>()).lines() {
        facts.add("source", line);
    }
    let storage = &status.storage;
    facts.add(
        "space left",
        format!(
            "{}, {} free",
            span(storage.recordable_ms),
            bytes(storage.free_bytes)
        ),
    );
    if storage.purgeable_bytes > 0 {
        let text = format!(
            "{} of delivered lectures, deleted when room is needed",
            bytes(storage.purgeable_bytes)
        );
        facts.add("can be freed", text);
    }
    if status.clock == ClockTrust::Untrusted {
        facts.add("clock", "cannot be believed; lengths are right all the same");
    }
    let queue = &status.queue;
    // One that lacks at four platforms is one.
    let pending = match queue.pending {
        0 => "nothing waits".to_owned(),
        _ => format!(
            "{} to send, {}",
            counted(queue.pending_lectures.into(), "lecture"),
            bytes(queue.pending_bytes)
        ),
    };
    facts.add("uploads", pending);
    facts.maybe("sending", queue.active.as_ref().map(progress));
    super::queue::uploads(&mut facts, &status.uploads, &clock);
    if queue.finishing > 0 {
        facts.add("being prepared", queue.finishing.to_string());
    }
    if queue.parked > 0 {
        facts.add("need help", format!("{}; see \"lectern queue\"", queue.parked));
    }
    for message in &status.messages {
        facts.add(
            severity(message),
            format!("{} {} {}", message.what, message.safe, message.todo),
        );
        // For whoever mends it; the page does not show this.
        facts.maybe("", message.detail.clone());
    }
    facts.add("version", status.version.clone());
    facts.print()
}

/// `2026-11-23 13:00:00 to 14:30:00, Fourier series, 0b8f…`
fn planned(next: &PlannedLecture, clock: &WallClock) -> String {
    let called_off = match next.undo_until_unix_ms {
        Some(until) => format!(
            "; called off, lectern restore takes it back, at the podium until {}",
            clock.time_of_day(until)
        ),
        None => String::new(),
    };
    format!(
        "{} to {}, {}, {}{called_off}",
        clock.moment(next.starts_unix_ms),
        clock.time_of_day(next.ends_unix_ms),
        title(next.metadata.title.as_deref()),
        next.id
    )
}

fn source(source: &SourceStatus) -> Vec<String> {
    let trouble = match (source.reason, &source.detail) {
        _ if source.health == lectern_domain::track::TrackHealth::Live => None,
        (Some(reason), Some(detail)) => Some(format!("{}: {detail}", reason.as_str())),
        (Some(reason), None) => Some(reason.as_str().to_owned()),
        (None, detail) => detail.clone(),
    };
    vec![
        source.name.to_string(),
        source.role.as_str().to_owned(),
        source.health.as_str().to_owned(),
        trouble.unwrap_or_else(|| qualities(source)),
    ]
}

/// What a source that delivers has to tell, what is usual first.
fn qualities(source: &SourceStatus) -> String {
    let mut said = Vec::new();
    said.extend(source.format.clone());
    said.extend(source.encoder.clone());
    said.extend(source.spare_for.as_ref().map(|principal| {
        if source.standing_in {
            format!("stands in for {principal}")
        } else {
            format!("spare for {principal}")
        }
    }));
    if source.muted {
        said.push("muted: all samples are zero".to_owned());
    }
    for (count, what) in [
        (source.restarts.into(), "restarts"),
        (source.dropped, "dropped"),
        (source.shed, "left out to spare the processor"),
        (source.chunks_dropped, "chunks dropped"),
    ] {
        if count > 0 {
            said.push(format!("{count} {what}"));
        }
    }
    if let Some(ppm) = source.drift_ppm.filter(|ppm| ppm.abs() >= 1.0) {
        said.push(format!("clock {ppm:+.0} ppm, corrected"));
    }
    said.extend(source.device.clone());
    said.join(", ")
}

const fn severity(message: &Message) -> &'static str {
    match message.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "note",
    }
}

fn progress(delivery: &DeliveryView) -> String {
    format!(
        "{} to {}: {} of {}",
        title(delivery.title.as_deref()),
        delivery.platform,
        percent(delivery.sent_bytes, delivery.total_bytes),
        bytes(delivery.total_bytes)
    )
}

#[cfg(test)]
mod tests {
    use lectern_domain::media::Role;
    use lectern_domain::track::TrackHealth;
    use lectern_domain::wire::FailureReason;

    use super::*;

    fn microphone() -> SourceStatus {
        SourceStatus {
            name: "lapel".parse().unwrap(),
            role: Role::Microphone,
            kind: "alsa".into(),
            health: TrackHealth::Live,
            since_unix_ms: 0,
            format: Some("48000 Hz mono".into()),
            device: Some("Lapel A1B2 usb-0:3".into()),
            encoder: None,
            spare_for: Some("microphone".parse().unwrap()),
            standing_in: true,
            muted: true,
            drift_ppm: Some(-41.6),
            reason: Some(FailureReason::Lost),
            detail: Some("the cable was pulled".into()),
            restarts: 2,
            captured: 9,
            dropped: 0,
            shed: 0,
            chunks_dropped: 0,
            totals: lectern_domain::api::SourceTotals::default(),
            bytes: 0,
            has_picture: false,
        }
    }

    #[test]
    fn a_source_says_what_it_is_while_it_lives_and_what_is_wrong_else() {
        let mut lapel = microphone();
        assert_eq!(
            source(&lapel)[3],
            "48000 Hz mono, stands in for microphone, muted: all samples are zero, 2 restarts, \
             clock -42 ppm, corrected, Lapel A1B2 usb-0:3"
        );
        (lapel.standing_in, lapel.muted, lapel.restarts, lapel.drift_ppm) = (false, false, 0, Some(0.4));
        assert_eq!(
            source(&lapel)[3],
            "48000 Hz mono, spare for microphone, Lapel A1B2 usb-0:3"
        );
        lapel.health = TrackHealth::Restarting;
        assert_eq!(source(&lapel)[3], "lost: the cable was pulled");
    }
}
