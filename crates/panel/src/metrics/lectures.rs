//! All lectures in figures, and the lives of the daemon.

use lectern_domain::api::{Census, Figures, OutcomeCounts};
use lectern_domain::lecture::LectureState;

use super::text::{Text, seconds, unix_seconds};

pub(super) fn render(out: &mut Text, figures: &Figures) {
    outcomes(out, figures.outcomes);
    if let Some(census) = &figures.census {
        counted(out, census);
    }
}

fn outcomes(out: &mut Text, outcomes: OutcomeCounts) {
    out.family(
        "lectern_recordings_total",
        "counter",
        "Lectures since the daemon started: recorded and finished, failed to be finished, planned and missed.",
    );
    for (outcome, count) in [
        ("finished", outcomes.finished),
        ("failed", outcomes.failed),
        ("missed", outcomes.missed),
    ] {
        out.sample("lectern_recordings_total", &[("outcome", outcome)], count);
    }
    out.single(
        "lectern_finishing_seconds_total",
        "counter",
        "How long finishing took, over all lectures since the daemon started.",
        seconds(outcomes.finishing_ms),
    );
    out.single(
        "lectern_finished_lecture_seconds_total",
        "counter",
        "Length of the lectures that were finished in that time.",
        seconds(outcomes.finished_ms),
    );
    out.single(
        "lectern_finishing_last_duration_seconds",
        "gauge",
        "How long finishing the last lecture took, 0 before the first.",
        seconds(outcomes.last_finishing_ms),
    );
}

fn counted(out: &mut Text, census: &Census) {
    out.family(
        "lectern_lectures",
        "gauge",
        "Lectures in the list, by their state.",
    );
    for state in LectureState::ALL {
        let count = census.lectures.iter().find(|(counted, _)| *counted == state);
        let count = count.map_or(0, |(_, count)| *count);
        out.sample("lectern_lectures", &[("state", state.as_str())], count);
    }
    out.family(
        "lectern_missed_lecture_timestamp_seconds",
        "gauge",
        "When the last planned lecture should have begun of which nothing was recorded; absent: none.",
    );
    if let Some(missed_unix_ms) = census.missed_unix_ms {
        let at = unix_seconds(missed_unix_ms);
        out.sample("lectern_missed_lecture_timestamp_seconds", &[], at);
    }
    out.single(
        "lectern_starts_total",
        "counter",
        "Starts of the daemon on this disk.",
        census.starts,
    );
    out.single(
        "lectern_crashes_total",
        "counter",
        "Lives of the daemon that did not end in good order: crash, watchdog, power cut.",
        census.crashes,
    );
}
