//! The status as figures for Prometheus: text format 0.0.4, base units, names `lectern_…`.

mod uploads;

use std::fmt::Display;

use lectern_domain::api::{ClockTrust, PodiumState, Severity, SourceStatus, Status};

/// The media type of the text format.
pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The word for a podium state, as in JSON.
pub(crate) const fn word(state: PodiumState) -> &'static str {
    match state {
        PodiumState::Ready => "ready",
        PodiumState::Starting => "starting",
        PodiumState::Recording => "recording",
        PodiumState::Paused => "paused",
        PodiumState::Saved => "saved",
        PodiumState::Fault => "fault",
    }
}

const STATES: [PodiumState; 6] = [
    PodiumState::Ready,
    PodiumState::Starting,
    PodiumState::Recording,
    PodiumState::Paused,
    PodiumState::Saved,
    PodiumState::Fault,
];

pub(crate) fn render(status: &Status, healthy: bool, (events, previews): (usize, usize)) -> String {
    let mut out = Text(String::with_capacity(4096));
    out.family(
        "lectern_info",
        "gauge",
        "Version and room of this recorder; always 1.",
    );
    out.sample(
        "lectern_info",
        &[("version", &status.version), ("room", &status.room.id)],
        1,
    );
    out.single(
        "lectern_healthy",
        "gauge",
        "1 while the daemon makes progress.",
        u8::from(healthy),
    );
    out.family(
        "lectern_state",
        "gauge",
        "1 for the present state of the podium, 0 for the others.",
    );
    for state in STATES {
        out.sample(
            "lectern_state",
            &[("state", word(state))],
            u8::from(state == status.state),
        );
    }
    out.single(
        "lectern_clock_trusted",
        "gauge",
        "1 while the wall clock can be believed; lengths do not depend on it.",
        u8::from(status.clock == ClockTrust::Trusted),
    );
    lecture(&mut out, status);
    sources(&mut out, status);
    source_trouble(&mut out, status);
    storage(&mut out, status);
    deliveries(&mut out, status);
    uploads::render(&mut out, status);
    out.family("lectern_messages", "gauge", "Messages to people that stand now.");
    for (label, severity) in [
        ("error", Severity::Error),
        ("warning", Severity::Warning),
        ("info", Severity::Info),
    ] {
        let count = status.messages.iter().filter(|m| m.severity == severity).count();
        out.sample("lectern_messages", &[("severity", label)], count);
    }
    out.single(
        "lectern_panel_event_streams",
        "gauge",
        "Open event streams of pages and programs.",
        events,
    );
    out.single(
        "lectern_panel_previews",
        "gauge",
        "Open preview sockets.",
        previews,
    );
    out.0
}

fn storage(out: &mut Text, status: &Status) {
    let storage = &status.storage;
    out.single(
        "lectern_storage_free_bytes",
        "gauge",
        "Free space of the spool's disk.",
        storage.free_bytes,
    );
    out.single(
        "lectern_storage_reserve_bytes",
        "gauge",
        "Space that is never given to recordings.",
        storage.reserve_bytes,
    );
    let hours = "How long can be recorded before the reserve is touched.";
    out.single(
        "lectern_storage_recordable_seconds",
        "gauge",
        hours,
        seconds(storage.recordable_ms),
    );
    out.single(
        "lectern_storage_purgeable_bytes",
        "gauge",
        "What delivered lectures take that may be deleted when room is needed.",
        storage.purgeable_bytes,
    );
}

fn deliveries(out: &mut Text, status: &Status) {
    let queue = &status.queue;
    out.single(
        "lectern_deliveries_pending",
        "gauge",
        "Deliveries that are not done, parked ones not counted.",
        queue.pending,
    );
    out.single(
        "lectern_deliveries_pending_bytes",
        "gauge",
        "Bytes that no platform has confirmed.",
        queue.pending_bytes,
    );
    out.single(
        "lectern_deliveries_parked",
        "gauge",
        "Deliveries that need a person.",
        queue.parked,
    );
    out.single(
        "lectern_lectures_finishing",
        "gauge",
        "Lectures that are being finished or wait for it.",
        queue.finishing,
    );
}

fn lecture(out: &mut Text, status: &Status) {
    let lecture = status.lecture.as_ref();
    let running = lecture.is_some_and(|l| l.running);
    out.single(
        "lectern_recording",
        "gauge",
        "1 while picture or sound is being written.",
        u8::from(running),
    );
    let recorded = lecture.map_or(0.0, |l| seconds(l.recorded_ms));
    out.single(
        "lectern_lecture_recorded_seconds",
        "gauge",
        "Length of the present lecture so far, 0 without one.",
        recorded,
    );
    let bytes = lecture.map_or(0, |l| l.bytes);
    out.single(
        "lectern_lecture_bytes",
        "gauge",
        "Bytes written for the present lecture, 0 without one.",
        bytes,
    );
    let closed = lecture.map_or(0, |l| l.segments_closed);
    out.single(
        "lectern_lecture_segments_closed",
        "gauge",
        "Segments of the present lecture that are safe on the disk.",
        closed,
    );
    out.single(
        "lectern_lecture_run",
        "gauge",
        "Which run of the present lecture this is, more than 1 after an outage; 0 without one.",
        lecture.map_or(0, |l| l.run),
    );
    out.family(
        "lectern_lecture_gap_seconds",
        "gauge",
        "Lost to outages in the present lecture; absent while no clock can tell.",
    );
    if let Some(gap_ms) = lecture.map_or(Some(0), |l| l.gap_ms) {
        out.sample("lectern_lecture_gap_seconds", &[], seconds(gap_ms));
    }
    out.single(
        "lectern_lecture_facts",
        "gauge",
        "Noted of the present lecture since the daemon started, 0 without one.",
        lecture.map_or(0, |l| l.facts),
    );
}

fn sources(out: &mut Text, status: &Status) {
    let sources = &status.sources;
    out.family(
        "lectern_source_health",
        "gauge",
        "1 for the present health of each source.",
    );
    for s in sources {
        let labels = [
            ("source", s.name.as_str()),
            ("role", s.role.as_str()),
            ("health", s.health.as_str()),
        ];
        out.sample("lectern_source_health", &labels, 1);
    }
    out.family(
        "lectern_source_restarts_total",
        "counter",
        "Starts of a source after a failure.",
    );
    for s in sources {
        out.sample(
            "lectern_source_restarts_total",
            &[("source", s.name.as_str())],
            s.restarts,
        );
    }
    out.family(
        "lectern_source_buffers_total",
        "counter",
        "Buffers from the device; from 0 after a restart of the source.",
    );
    for s in sources {
        out.sample(
            "lectern_source_buffers_total",
            &[("source", s.name.as_str())],
            s.captured,
        );
    }
    out.family(
        "lectern_source_dropped_total",
        "counter",
        "Buffers dropped before and chunks dropped after the encoder.",
    );
    for s in sources {
        let name = ("source", s.name.as_str());
        out.sample(
            "lectern_source_dropped_total",
            &[name, ("stage", "before_encoder")],
            s.totals.dropped,
        );
        out.sample(
            "lectern_source_dropped_total",
            &[name, ("stage", "after_encoder")],
            s.totals.chunks_dropped,
        );
    }
    out.family(
        "lectern_source_lecture_bytes",
        "gauge",
        "Bytes of a source in the present lecture.",
    );
    for s in sources {
        out.sample(
            "lectern_source_lecture_bytes",
            &[("source", s.name.as_str())],
            s.bytes,
        );
    }
}

/// What a room's dashboard asks of a source beside whether it delivers.
fn source_trouble(out: &mut Text, status: &Status) {
    let each =
        |out: &mut Text, name: &str, kind: &str, help: &str, value: &dyn Fn(&SourceStatus) -> String| {
            out.family(name, kind, help);
            for s in &status.sources {
                out.sample(name, &[("source", s.name.as_str())], value(s));
            }
        };
    let flag = |on: bool| u8::from(on).to_string();
    each(
        out,
        "lectern_source_health_changed_timestamp_seconds",
        "gauge",
        "When the health of a source last changed, by the wall clock.",
        &|s| seconds(u64::try_from(s.since_unix_ms).unwrap_or(0)).to_string(),
    );
    each(
        out,
        "lectern_source_shed_total",
        "counter",
        "Pictures left out to spare the processor.",
        &|s| s.totals.shed.to_string(),
    );
    each(
        out,
        "lectern_source_lost_seconds_total",
        "counter",
        "How long a source was missing from lectures; grows when it comes back.",
        &|s| seconds(s.totals.lost_ms).to_string(),
    );
    each(
        out,
        "lectern_source_standing_in",
        "gauge",
        "1 while a spare records in the place of another source.",
        &|s| flag(s.standing_in),
    );
    each(
        out,
        "lectern_source_muted",
        "gauge",
        "1 while a microphone gives nothing but zeros.",
        &|s| flag(s.muted),
    );
    out.family(
        "lectern_source_drift_ppm",
        "gauge",
        "How much faster a sound card's clock runs than the system's, corrected; absent until known.",
    );
    for s in &status.sources {
        if let Some(drift_ppm) = s.drift_ppm {
            out.sample(
                "lectern_source_drift_ppm",
                &[("source", s.name.as_str())],
                drift_ppm,
            );
        }
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a length of 285 years is exact to the millisecond"
)]
fn seconds(ms: u64) -> f64 {
    ms as f64 / 1000.0
}

/// The text format, as it grows.
struct Text(String);

impl Text {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        self.0
            .push_str(&format!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        self.0.push_str(name);
        for (at, (label, text)) in labels.iter().enumerate() {
            self.0.push(if at == 0 { '{' } else { ',' });
            let text = text
                .replace('\\', "\\\\")
                .replace('"', "\\\"")
                .replace('\n', "\\n");
            self.0.push_str(&format!("{label}=\"{text}\""));
        }
        if !labels.is_empty() {
            self.0.push('}');
        }
        self.0.push_str(&format!(" {value}\n"));
    }

    fn single(&mut self, name: &str, kind: &str, help: &str, value: impl Display) {
        self.family(name, kind, help);
        self.sample(name, &[], value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_escaped_and_units_are_base_units() {
        let mut status: Status = crate::sample::status();
        status.room.id = "b\"2\\04".into();
        let text = render(&status, true, (1, 0));
        assert!(text.contains(r#"room="b\"2\\04"}"#), "{text}");
        assert!(
            text.contains("\nlectern_storage_recordable_seconds 219600\n"),
            "{text}"
        );
        assert!(
            text.contains("\nlectern_state{state=\"recording\"} 1\n"),
            "{text}"
        );
        assert!(text.contains("\nlectern_upload_rtt_seconds 0.034\n"), "{text}");
        for line in text.lines().filter(|l| !l.starts_with('#')) {
            let name: String = line.chars().take_while(|c| *c != '{' && *c != ' ').collect();
            assert!(text.contains(&format!("# TYPE {name} ")), "{name} has no type");
        }
    }
}
