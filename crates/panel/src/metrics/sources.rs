//! Cameras, screens and microphones in figures.

use lectern_domain::api::{SourceStatus, Status};
use lectern_domain::track::TrackHealth;

use super::sound::Heard;
use super::text::{Text, seconds, unix_seconds};

pub(super) fn render(out: &mut Text, status: &Status, heard: &[Heard]) {
    health(out, status);
    counters(out, status);
    trouble(out, status);
    sound(out, heard);
}

fn health(out: &mut Text, status: &Status) {
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
    out.family("lectern_source_up", "gauge", "1 while a source delivers.");
    for s in sources {
        let labels = [("source", s.name.as_str()), ("role", s.role.as_str())];
        out.sample(
            "lectern_source_up",
            &labels,
            u8::from(s.health == TrackHealth::Live),
        );
    }
}

/// What only grows.
fn counters(out: &mut Text, status: &Status) {
    let sources = &status.sources;
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
fn trouble(out: &mut Text, status: &Status) {
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
        &|s| unix_seconds(s.since_unix_ms).to_string(),
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

/// A figure of a microphone.
type Figure = fn(&Heard) -> f64;

/// What the microphones hear. Absent for a microphone of which no level came lately.
fn sound(out: &mut Text, heard: &[Heard]) {
    let families: [(&str, &str, Figure); 3] = [
        (
            "lectern_audio_level_dbfs",
            "Loudest root mean square of a tenth of a second in the last second, dB below full scale.",
            |heard| f64::from(heard.rms_dbfs),
        ),
        (
            "lectern_audio_peak_dbfs",
            "Loudest sample of the last second, dB below full scale.",
            |heard| f64::from(heard.peak_dbfs),
        ),
        (
            "lectern_audio_silence_seconds",
            "For how long nothing as loud as speech was heard; 0 while somebody speaks.",
            |heard| heard.silence.as_secs_f64(),
        ),
    ];
    for (name, help, value) in families {
        out.family(name, "gauge", help);
        for heard in heard {
            let value = (value(heard) * 10.0).round() / 10.0;
            out.sample(name, &[("source", heard.source.as_str())], value);
        }
    }
}
