//! The room in figures: its state, clock, configuration, lecture and disk.

use lectern_domain::api::{ClockTrust, Severity, Status};

use super::text::{Text, seconds, unix_seconds};
use super::{STATES, word};

pub(super) fn render(out: &mut Text, status: &Status, healthy: bool) {
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
    out.family("lectern_messages", "gauge", "Messages to people that stand now.");
    for (label, severity) in [
        ("error", Severity::Error),
        ("warning", Severity::Warning),
        ("info", Severity::Info),
    ] {
        let count = status.messages.iter().filter(|m| m.severity == severity).count();
        out.sample("lectern_messages", &[("severity", label)], count);
    }
    clock(out, status);
    config(out, status);
    lecture(out, status);
    storage(out, status);
}

fn clock(out: &mut Text, status: &Status) {
    out.single(
        "lectern_clock_trusted",
        "gauge",
        "1 while the wall clock can be believed; lengths do not depend on it.",
        u8::from(status.clock == ClockTrust::Trusted),
    );
    // Taken here and not from the status, which is as old as the last look at the clock.
    let now_unix_ms = jiff::Timestamp::now().as_millisecond();
    out.single(
        "lectern_clock_timestamp_seconds",
        "gauge",
        "The wall clock as it was read for this answer; less timestamp() of it is the clock's offset.",
        unix_seconds(now_unix_ms),
    );
    out.family(
        "lectern_next_lecture_timestamp_seconds",
        "gauge",
        "When the next planned lecture begins, or should have begun; absent when none is planned.",
    );
    // One that was just called off does not begin.
    let next = status
        .next
        .as_ref()
        .filter(|next| next.undo_until_unix_ms.is_none());
    if let Some(next) = next {
        let at = unix_seconds(next.starts_unix_ms);
        out.sample("lectern_next_lecture_timestamp_seconds", &[], at);
    }
}

fn config(out: &mut Text, status: &Status) {
    let config = &status.config;
    out.single(
        "lectern_config_last_reload_successful",
        "gauge",
        "1 while the configuration that was read last had no fault; 0: the one before it is at work.",
        u8::from(config.fault.is_none()),
    );
    out.single(
        "lectern_config_last_reload_timestamp_seconds",
        "gauge",
        "When the configuration was last read, with success or not.",
        unix_seconds(config.tried_unix_ms),
    );
    out.single(
        "lectern_config_loaded_timestamp_seconds",
        "gauge",
        "When the configuration at work was read.",
        unix_seconds(config.loaded_unix_ms),
    );
    out.single(
        "lectern_config_sections_waiting",
        "gauge",
        "Sections of the configuration whose change waits until no lecture is under way.",
        config.waits.len(),
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
