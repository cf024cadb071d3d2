//! `lectern lectures` and `lectern show`: what was recorded and what became of it.

use lectern_domain::api::{ClockTrust, LectureDetail, LecturePage, LectureSummary};
use lectern_domain::lecture::LectureState;
use lectern_domain::reason;

use super::{Facts, one_delivery, title};
use crate::figures::{WallClock, bytes, columns, counted, length};

pub(crate) fn lectures(page: &LecturePage, clock: &WallClock) -> String {
    let rows: Vec<Vec<String>> = page
        .lectures
        .iter()
        .map(|lecture| one_line(lecture, clock))
        .collect();
    columns(&rows)
}

/// Whether nothing was recorded of it, because it was only planned: it has a time and no length.
fn is_plan(lecture: &LectureSummary) -> bool {
    matches!(lecture.state, LectureState::Scheduled | LectureState::Cancelled)
}

fn one_line(lecture: &LectureSummary, clock: &WallClock) -> Vec<String> {
    let (long, large) = match is_plan(lecture) {
        true => ("-".to_owned(), "-".to_owned()),
        false => (length(lecture.duration_ms), bytes(lecture.bytes)),
    };
    vec![
        lecture.id.to_string(),
        lecture.state.to_string(),
        clock.moment(lecture.started_unix_ms),
        long,
        large,
        title(lecture.metadata.title.as_deref()).to_owned(),
    ]
}

pub(crate) fn lecture(detail: &LectureDetail, clock: &WallClock) -> String {
    let summary = &detail.summary;
    let mut facts = Facts::default();
    facts.add("lecture", summary.id.to_string());
    facts.add("state", summary.state.to_string());
    facts.maybe("reason", summary.reason.as_deref().map(reason));
    facts.maybe("title", summary.metadata.title.clone());
    facts.maybe("course", summary.metadata.course.clone());
    facts.maybe("presenter", summary.metadata.presenter.clone());
    facts.maybe("language", summary.metadata.language.clone());
    let moment = clock.moment(summary.started_unix_ms);
    if is_plan(summary) {
        facts.add("planned for", moment);
    } else {
        facts.add("started", moment);
        facts.add("length", length(summary.duration_ms));
        facts.add("size", bytes(summary.bytes));
        facts.add("folder", detail.folder.clone());
    }
    for run in &detail.runs {
        let end = run
            .end_ms
            .map_or_else(|| "interrupted or still open".into(), length);
        let doubt = match run.clock {
            ClockTrust::Trusted => "",
            ClockTrust::Untrusted => " (by a clock that could not be believed)",
        };
        let gap = match (run.run, run.gap_before_ms) {
            (1, _) => String::new(),
            (_, Some(ms)) => format!(", after a gap of {}", length(ms)),
            (_, None) => ", after a gap of unknown length".to_owned(),
        };
        let pauses = counted(run.pauses_ms.len() as u64, "pause");
        let began = clock.moment(run.started_unix_ms);
        facts.add(
            "run",
            format!("{}: {began}{doubt}, {end}, {pauses}{gap}", run.run),
        );
    }
    for track in &detail.tracks {
        let salvaged = match track.salvaged {
            0 => String::new(),
            n => format!(", {n} of them salvaged"),
        };
        let text = format!(
            "{}: {}{salvaged}, {}",
            track.source,
            counted(track.segments, "segment"),
            bytes(track.bytes)
        );
        facts.add("track", text);
    }
    for mark in &detail.marks {
        facts.add(
            "mark",
            format!("{}  {}", length(mark.at_ms), mark.label.as_deref().unwrap_or("")).trim_end(),
        );
    }
    for fact in &detail.facts {
        let source = fact
            .source
            .as_ref()
            .map_or_else(String::new, |source| format!("{source}: "));
        let at = length(fact.at_ns / 1_000_000);
        facts.add("noted", format!("run {} {at}  {source}{}", fact.run, fact.detail));
    }
    for file in &detail.files {
        let length = file
            .duration_ms
            .map(|ms| format!(", {}", length(ms)))
            .unwrap_or_default();
        facts.add(
            "file",
            format!("{}: {}{length}", file.name, bytes(file.size_bytes)),
        );
    }
    for delivery in &detail.deliveries {
        facts.add("delivery", one_delivery(delivery, clock));
        for location in &delivery.locations {
            facts.add("", location.clone());
        }
    }
    facts.print()
}
