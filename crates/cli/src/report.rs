//! The daemon's documents as people read them: one fact a line, aligned, the most important
//! first. Anything that a program should read is in the JSON form.

use lectern_domain::api::{
    DeliveryView, Done, LectureDetail, LecturePage, LectureSummary, Message, PodiumState, Queue, Severity,
    SourceStatus, Status,
};

use crate::figures::{bytes, columns, length, moment, percent, span};

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

/// A growing list of facts.
#[derive(Default)]
struct Facts(Vec<Vec<String>>);

impl Facts {
    fn add(&mut self, name: &str, value: impl Into<String>) {
        self.0.push(vec![name.to_owned(), value.into()]);
    }

    fn maybe(&mut self, name: &str, value: Option<impl Into<String>>) {
        if let Some(value) = value {
            self.add(name, value);
        }
    }

    fn print(&self) -> String {
        columns(&self.0)
    }
}

/// What a command did.
pub(crate) fn done(done: &Done) -> String {
    match (done.lecture, done.state) {
        (Some(id), Some(state)) => format!("{id}  {state}\n"),
        (Some(id), None) => format!("{id}\n"),
        (None, _) => "done\n".into(),
    }
}

pub(crate) fn status(status: &Status) -> String {
    let mut facts = Facts::default();
    facts.add("room", format!("{} ({})", status.room.name, status.room.id));
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
        facts.add("ends", moment(lecture.ends_unix_ms));
        facts.maybe("paused since", lecture.paused_unix_ms.map(moment));
        facts.maybe("undo until", lecture.undo_until_unix_ms.map(moment));
        facts.add("closed segments", lecture.segments_closed.to_string());
        if lecture.run > 1 {
            facts.add("run", format!("{}; the lecture was interrupted", lecture.run));
        }
        if lecture.marks > 0 {
            facts.add("marks", lecture.marks.to_string());
        }
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
    let queue = &status.queue;
    let pending = match queue.pending {
        0 => "nothing waits".to_owned(),
        n => format!("{n} to send, {}", bytes(queue.pending_bytes)),
    };
    facts.add("uploads", pending);
    facts.maybe("sending", queue.active.as_ref().map(progress));
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
    }
    facts.add("version", status.version.clone());
    facts.print()
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
        trouble.or_else(|| source.format.clone()).unwrap_or_default(),
    ]
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

fn title(title: Option<&str>) -> &str {
    title.filter(|t| !t.is_empty()).unwrap_or("(untitled)")
}

pub(crate) fn lectures(page: &LecturePage) -> String {
    let rows: Vec<Vec<String>> = page.lectures.iter().map(one_line).collect();
    columns(&rows)
}

fn one_line(lecture: &LectureSummary) -> Vec<String> {
    vec![
        lecture.id.to_string(),
        lecture.state.to_string(),
        moment(lecture.started_unix_ms),
        length(lecture.duration_ms),
        bytes(lecture.bytes),
        title(lecture.metadata.title.as_deref()).to_owned(),
    ]
}

pub(crate) fn lecture(detail: &LectureDetail) -> String {
    let summary = &detail.summary;
    let mut facts = Facts::default();
    facts.add("lecture", summary.id.to_string());
    facts.add("state", summary.state.to_string());
    facts.maybe("reason", summary.reason.clone());
    facts.maybe("title", summary.metadata.title.clone());
    facts.maybe("course", summary.metadata.course.clone());
    facts.maybe("presenter", summary.metadata.presenter.clone());
    facts.maybe("language", summary.metadata.language.clone());
    facts.add("started", moment(summary.started_unix_ms));
    facts.add("length", length(summary.duration_ms));
    facts.add("size", bytes(summary.bytes));
    facts.add("folder", detail.folder.clone());
    for run in &detail.runs {
        let end = run
            .end_ms
            .map_or_else(|| "interrupted or still open".into(), length);
        facts.add(
            "run",
            format!(
                "{}: {}, {end}, {} pauses",
                run.run,
                moment(run.started_unix_ms),
                run.pauses_ms.len()
            ),
        );
    }
    for track in &detail.tracks {
        let salvaged = match track.salvaged {
            0 => String::new(),
            n => format!(", {n} of them salvaged"),
        };
        let text = format!(
            "{}: {} segments{salvaged}, {}",
            track.source,
            track.segments,
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
        facts.add("delivery", one_delivery(delivery));
        for location in &delivery.locations {
            facts.add("", location.clone());
        }
    }
    facts.print()
}

fn one_delivery(delivery: &DeliveryView) -> String {
    let mut text = format!(
        "{}: {}, {} of {}",
        delivery.platform,
        delivery.state,
        percent(delivery.sent_bytes, delivery.total_bytes),
        bytes(delivery.total_bytes)
    );
    if let Some(next) = delivery.next_unix_ms {
        text.push_str(&format!(", next try {}", moment(next)));
    }
    if let Some(message) = &delivery.message {
        text.push_str(&format!("; {message}"));
    }
    text
}

pub(crate) fn queue(queue: &Queue) -> String {
    let rows: Vec<Vec<String>> = queue
        .deliveries
        .iter()
        .map(|delivery| {
            vec![
                delivery.lecture.to_string(),
                title(delivery.title.as_deref()).to_owned(),
                one_delivery(delivery),
            ]
        })
        .collect();
    if rows.is_empty() {
        "nothing waits to be sent\n".into()
    } else {
        columns(&rows)
    }
}
